/* SPDX-License-Identifier: MIT */
/* counters.c - the buckets of the request latency. */
#include "subject/counters.h"

/* 1, 2 and 5 a decade from 10 us to 20 s: what an encode takes falls among the first. */
const uint64_t counters_bounds_ns[COUNTERS_BUCKETS] = {
    10 * NS_PER_US,  20 * NS_PER_US, 50 * NS_PER_US,  100 * NS_PER_US, 200 * NS_PER_US,
    500 * NS_PER_US, 1 * NS_PER_MS,  2 * NS_PER_MS,   5 * NS_PER_MS,   10 * NS_PER_MS,
    20 * NS_PER_MS,  50 * NS_PER_MS, 100 * NS_PER_MS, 200 * NS_PER_MS, 500 * NS_PER_MS,
    1 * NS_PER_S,    2 * NS_PER_S,   5 * NS_PER_S,    10 * NS_PER_S,   20 * NS_PER_S,
};

void latency_count(struct latency_counts *latency, uint64_t latency_ns)
{
    unsigned bucket = 0;
    while (bucket < COUNTERS_BUCKETS && latency_ns > counters_bounds_ns[bucket])
        bucket++;
    counter_add(&latency->buckets[bucket], 1);
    counter_add(&latency->sum_ns, latency_ns);
}

void latency_sum(struct latency_counts *total, const struct latency_counts *from)
{
    for (unsigned i = 0; i <= COUNTERS_BUCKETS; i++)
        counter_add(&total->buckets[i], counter_read(&from->buckets[i]));
    counter_add(&total->sum_ns, counter_read(&from->sum_ns));
}

void counters_answered(struct counters *counters, unsigned endpoint, unsigned status,
                       uint64_t latency_ns)
{
    counter_add(&counters->requests[endpoint][status], 1);
    latency_count(&counters->latency[endpoint], latency_ns);
}
