/* SPDX-License-Identifier: MIT */
/* window.h - how many events, and how many of them bad, in the span of time that ends now. */
#ifndef POOLSTORM_SUBJECT_WINDOW_H
#define POOLSTORM_SUBJECT_WINDOW_H

#include <stdint.h>
#include <string.h>

enum { WINDOW_SLOTS = 10 };

struct window_count {
    uint64_t all; /* events */
    uint64_t bad; /* of them, or beside them: the user's to say */
};

/* A ring of slots of time. Events leave a slot at a time: a window reaches back between 9 and 10
 * tenths of its span. The owner's thread only; nothing waits. */
struct window {
    uint64_t slot_ns; /* width of one */
    uint64_t newest;  /* number of the newest slot written: time / slot_ns */
    struct window_count slots[WINDOW_SLOTS];
};

/* Empty. span_ns is rounded up to ten whole slots, at least 10 ns. */
static inline void window_init(struct window *window, uint64_t span_ns)
{
    memset(window, 0, sizeof(*window));
    window->slot_ns = span_ns / WINDOW_SLOTS + (span_ns % WINDOW_SLOTS != 0 || span_ns == 0);
}

/* Forgets all events. */
static inline void window_clear(struct window *window)
{
    memset(window->slots, 0, sizeof(window->slots));
}

/* Moves on to now_ns. A time before the newest one seen counts as that one. */
static inline void window_turn(struct window *window, uint64_t now_ns)
{
    uint64_t number = now_ns / window->slot_ns;
    if (number <= window->newest)
        return;
    if (number - window->newest >= WINDOW_SLOTS) {
        window_clear(window);
        window->newest = number;
    }
    while (window->newest < number)
        window->slots[++window->newest % WINDOW_SLOTS] = (struct window_count){0};
}

static inline void window_add(struct window *window, uint64_t now_ns, uint64_t all, uint64_t bad)
{
    window_turn(window, now_ns);
    struct window_count *slot = &window->slots[window->newest % WINDOW_SLOTS];
    slot->all += all;
    slot->bad += bad;
}

static inline struct window_count window_sum(struct window *window, uint64_t now_ns)
{
    struct window_count sum = {0};
    window_turn(window, now_ns);
    for (int i = 0; i < WINDOW_SLOTS; i++) {
        sum.all += window->slots[i].all;
        sum.bad += window->slots[i].bad;
    }
    return sum;
}

#endif
