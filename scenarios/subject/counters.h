/* SPDX-License-Identifier: MIT */
/* counters.h - what each service thread counts; /metrics adds the threads up. */
#ifndef POOLSTORM_SUBJECT_COUNTERS_H
#define POOLSTORM_SUBJECT_COUNTERS_H

#include "core/clock.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>

enum {
    COUNTERS_ENDPOINTS = 16, /* rows; the last is for requests that reached no endpoint */
    COUNTERS_STATUSES = 8,   /* columns, see reply.h */
    COUNTERS_BUCKETS = 20,   /* counters_bounds_ns; one more counts what is above all */
};

/* Written by its thread alone, read by any. */
typedef _Atomic(uint64_t) counter_word;

/* Memory asked of the allocator on behalf of measured requests. */
struct tally {
    counter_word allocations;
    counter_word bytes;
};

/* One a thread, on cache lines of its own. */
struct counters {
    alignas(64) counter_word requests[COUNTERS_ENDPOINTS][COUNTERS_STATUSES];
    counter_word latency[COUNTERS_ENDPOINTS][COUNTERS_BUCKETS + 1]; /* not cumulative */
    counter_word latency_sum_ns[COUNTERS_ENDPOINTS];
    counter_word accepted;        /* connections */
    counter_word closed;          /* of them */
    counter_word accept_failures; /* accept answered an error, such as EMFILE */
    counter_word timed_out;       /* connections closed for being idle or slow */
    counter_word gathered;        /* encode requests that waited for others */
    counter_word pool_gets;       /* of pools that lived for one request only */
    counter_word pool_hits;
    counter_word pool_misses;
    struct tally tally;
};

/* Only by the owner: a plain add, made readable from elsewhere. */
static inline void counter_add(counter_word *counter, uint64_t count)
{
    uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, now + count, memory_order_relaxed);
}

static inline uint64_t counter_read(const counter_word *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

/* Upper bounds of the latency buckets. */
extern const uint64_t counters_bounds_ns[COUNTERS_BUCKETS];

/* Counts one answered request. */
void counters_answered(struct counters *counters, unsigned endpoint, unsigned status,
                       uint64_t latency_ns);

#endif
