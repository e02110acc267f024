/* SPDX-License-Identifier: MIT */
/* timer.h - timers of a ring: an intrusive pairing heap, so arming one never allocates. */
#ifndef POOLSTORM_CORE_TIMER_H
#define POOLSTORM_CORE_TIMER_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed is disarmed. Embed it; fire() gets the timer back and may arm it again. */
struct timer {
    struct timer *child, *next, *prev; /* heap links; prev is the parent for a first child */
    void (*fire)(struct timer *timer); /* on the loop; must not wait */
    uint64_t at_ns;                    /* due, on CLOCK_MONOTONIC */
    bool armed;                        /* in the heap */
};

/* The heap: its root is the earliest. Zeroed is empty. */
struct timer_heap {
    struct timer *root;
};

/* Insert in O(1), take out in amortised O(log n). (Fredman, Sedgewick, Sleator, Tarjan 1986.) */
void timer_heap_push(struct timer_heap *heap, struct timer *timer);
void timer_heap_remove(struct timer_heap *heap, struct timer *timer);

/* On the calling thread's ring. Arming an armed timer moves it; disarming twice is harmless. */
void timer_arm(struct timer *timer, uint64_t at_ns, void (*fire)(struct timer *timer));
void timer_disarm(struct timer *timer);

#endif
