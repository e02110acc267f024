/* SPDX-License-Identifier: MIT */
/* timer.c - the pairing heap, and the timers of the calling thread's ring in it. */
#include "core/timer.h"

#include "core/internal.h"

#include <assert.h>

/* Joins two heaps: the later root becomes the first child of the earlier one. */
static struct timer *meld(struct timer *a, struct timer *b)
{
    if (!a)
        return b;
    if (!b)
        return a;
    if (b->at_ns < a->at_ns) {
        struct timer *swap = a;
        a = b;
        b = swap;
    }
    b->prev = a;
    b->next = a->child;
    if (a->child)
        a->child->prev = b;
    a->child = b;
    a->next = a->prev = NULL;
    return a;
}

/* Melds siblings in pairs from the left, then the pairs from the right. */
static struct timer *meld_siblings(struct timer *first)
{
    struct timer *pairs = NULL;
    while (first) {
        struct timer *a = first, *b = a->next;
        first = b ? b->next : NULL;
        a->next = a->prev = NULL;
        if (b)
            b->next = b->prev = NULL;
        struct timer *pair = meld(a, b);
        pair->next = pairs;
        pairs = pair;
    }
    struct timer *root = NULL;
    while (pairs) {
        struct timer *rest = pairs->next;
        pairs->next = NULL;
        root = meld(root, pairs);
        pairs = rest;
    }
    return root;
}

void timer_heap_push(struct timer_heap *heap, struct timer *timer)
{
    timer->child = timer->next = timer->prev = NULL;
    heap->root = meld(heap->root, timer);
}

void timer_heap_remove(struct timer_heap *heap, struct timer *timer)
{
    struct timer *below = meld_siblings(timer->child);
    if (timer == heap->root) {
        heap->root = below;
        return;
    }
    if (timer->prev->child == timer)
        timer->prev->child = timer->next;
    else
        timer->prev->next = timer->next;
    if (timer->next)
        timer->next->prev = timer->prev;
    heap->root = meld(heap->root, below);
}

void timer_arm(struct timer *timer, uint64_t at_ns, void (*fire)(struct timer *timer))
{
    struct ring *ring = ring_current;
    assert(ring);
    if (timer->armed)
        timer_heap_remove(&ring->timers, timer);
    timer->fire = fire;
    timer->at_ns = at_ns;
    timer->armed = true;
    timer_heap_push(&ring->timers, timer);
}

void timer_disarm(struct timer *timer)
{
    if (!timer->armed)
        return;
    timer->armed = false;
    timer_heap_remove(&ring_current->timers, timer);
}

void timer_run_due(struct timer_heap *heap, uint64_t now_ns)
{
    while (heap->root && heap->root->at_ns <= now_ns) {
        struct timer *timer = heap->root;
        timer->armed = false;
        timer_heap_remove(heap, timer);
        timer->fire(timer);
    }
}

uint64_t timer_next(const struct timer_heap *heap)
{
    return heap->root ? heap->root->at_ns : CLOCK_NEVER;
}
