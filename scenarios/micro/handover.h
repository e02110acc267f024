/* SPDX-License-Identifier: MIT */
/* handover.h - pointers from one thread to another, cheaply enough not to be what is measured. */
#ifndef POOLSTORM_MICRO_HANDOVER_H
#define POOLSTORM_MICRO_HANDOVER_H

#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { HANDOVER_PLACES = 1024, HANDOVER_BATCH = 128, HANDOVER_SPINS = 200 };

/* One producer, one consumer. Each tells the other once a batch how far it is, and looks at the
 * other's place only when it seems to have none left. */
struct handover {
    void *places[HANDOVER_PLACES];
    _Alignas(128) _Atomic(uint64_t) put;   /* places filled, as told; the producer's line */
    uint64_t put_own;                      /* places filled ever */
    uint64_t taken_seen;                   /* of taken, by the producer */
    _Alignas(128) _Atomic(uint64_t) taken; /* places emptied, as told; the consumer's line */
    uint64_t taken_own;                    /* places emptied ever */
    uint64_t put_seen;                     /* of put, by the consumer */
};

static inline void handover_wait(unsigned *spins)
{
    if (++*spins % HANDOVER_SPINS == 0)
        (void)sched_yield(); /* the other thread may want this CPU */
    else
        __builtin_ia32_pause();
}

/* The producer tells all it has put; once more after the last put. */
static inline void handover_flush(struct handover *handover)
{
    atomic_store_explicit(&handover->put, handover->put_own, memory_order_release);
}

static inline void handover_put(struct handover *handover, void *pointer)
{
    unsigned spins = 0;
    while (handover->put_own - handover->taken_seen == HANDOVER_PLACES) {
        handover->taken_seen = atomic_load_explicit(&handover->taken, memory_order_acquire);
        if (handover->put_own - handover->taken_seen == HANDOVER_PLACES)
            handover_wait(&spins);
    }
    handover->places[handover->put_own++ % HANDOVER_PLACES] = pointer;
    if (handover->put_own % HANDOVER_BATCH == 0)
        handover_flush(handover);
}

static inline void *handover_take(struct handover *handover)
{
    unsigned spins = 0;
    while (handover->taken_own == handover->put_seen) {
        handover->put_seen = atomic_load_explicit(&handover->put, memory_order_acquire);
        if (handover->taken_own == handover->put_seen)
            handover_wait(&spins);
    }
    void *pointer = handover->places[handover->taken_own++ % HANDOVER_PLACES];
    if (handover->taken_own % HANDOVER_BATCH == 0)
        atomic_store_explicit(&handover->taken, handover->taken_own, memory_order_release);
    return pointer;
}

#endif
