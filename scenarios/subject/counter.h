/* SPDX-License-Identifier: MIT */
/* counter.h - a figure that one thread writes and any may read, for /metrics. */
#ifndef POOLSTORM_SUBJECT_COUNTER_H
#define POOLSTORM_SUBJECT_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

/* Written by its thread alone, read by any. */
typedef _Atomic(uint64_t) counter_word;

/* Only by the owner: a plain add, made readable from elsewhere. */
static inline void counter_add(counter_word *counter, uint64_t count)
{
    uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, now + count, memory_order_relaxed);
}

/* The same for a gauge that falls again. */
static inline void counter_sub(counter_word *counter, uint64_t count)
{
    uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, now - count, memory_order_relaxed);
}

/* Only by the owner: a gauge. */
static inline void counter_set(counter_word *counter, uint64_t value)
{
    atomic_store_explicit(counter, value, memory_order_relaxed);
}

/* Only by the owner: moves a mean towards a value, by a 64th of the way. For curves over time. */
static inline void counter_drift(counter_word *mean, uint64_t value)
{
    int64_t now = (int64_t)atomic_load_explicit(mean, memory_order_relaxed);
    counter_set(mean, (uint64_t)(now + ((int64_t)value - now) / 64));
}

static inline uint64_t counter_read(const counter_word *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

#endif
