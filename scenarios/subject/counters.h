/* SPDX-License-Identifier: MIT */
/* counters.h - what each service thread counts; /metrics adds the threads up. */
#ifndef POOLSTORM_SUBJECT_COUNTERS_H
#define POOLSTORM_SUBJECT_COUNTERS_H

#include "core/clock.h"
#include "subject/counter.h"

#include <stdalign.h>
#include <stdint.h>

enum {
    COUNTERS_ENDPOINTS = 32, /* rows; the last is for requests that reached no endpoint */
    COUNTERS_STATUSES = 16,  /* columns, see reply.h */
    COUNTERS_BUCKETS = 20,   /* counters_bounds_ns; one more counts what is above all */
};

/* Why the ctx of a request ended before the request did. */
enum counters_cause {
    CAUSE_DEADLINE,    /* handler_timeout or X-Request-Timeout */
    CAUSE_CLIENT_GONE, /* the peer hung up */
    CAUSE_STOP,        /* the service stops */
    CAUSES,
};

/* Memory asked of the allocator on behalf of measured requests. */
struct tally {
    counter_word allocations;
    counter_word bytes;
};

/* A histogram of durations over counters_bounds_ns. */
struct latency_counts {
    counter_word buckets[COUNTERS_BUCKETS + 1]; /* not cumulative; the last is above all bounds */
    counter_word sum_ns;
};

/* One a thread, on cache lines of its own. */
struct counters {
    alignas(64) counter_word requests[COUNTERS_ENDPOINTS][COUNTERS_STATUSES];
    struct latency_counts latency[COUNTERS_ENDPOINTS];
    counter_word canceled[CAUSES]; /* requests whose ctx ended before they did */
    counter_word requests_begun;   /* their first byte came */
    counter_word requests_ended;   /* their answer was handed over, or the connection lost */
    counter_word contexts_begun;   /* of requests that reached an endpoint */
    counter_word contexts_ended;
    counter_word fibers_live; /* of the thread's ring, as of shard_publish; likewise those below */
    counter_word fibers_started;
    counter_word fibers_leaked;
    counter_word accepted;        /* connections */
    counter_word closed;          /* of them */
    counter_word accept_failures; /* accept answered an error, such as EMFILE */
    counter_word timed_out;       /* connections closed for being idle or slow */
    counter_word gathered;        /* encode requests that waited for others */
    counter_word pool_gets;       /* of pools that lived for one request only */
    counter_word pool_hits;
    counter_word pool_misses;
    counter_word pool_lost;           /* objects that were not given back, see pool_put */
    counter_word pool_recent_hit_ppm; /* of the last 64 or so, see counter_drift */
    counter_word pool_after_gets;     /* among the first POOL_AFTER_RECLAIM after a reclaim */
    counter_word pool_after_hits;     /* of them */
    struct tally tally;
};

/* Upper bounds of the latency buckets. */
extern const uint64_t counters_bounds_ns[COUNTERS_BUCKETS];

/* Counts one duration. */
void latency_count(struct latency_counts *latency, uint64_t latency_ns);

/* Adds what from has counted, which its thread may go on writing, to a total of the caller's. */
void latency_sum(struct latency_counts *total, const struct latency_counts *from);

/* Counts one answered request. */
void counters_answered(struct counters *counters, unsigned endpoint, unsigned status,
                       uint64_t latency_ns);

#endif
