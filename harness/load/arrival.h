/* SPDX-License-Identifier: MIT */
/* arrival.h - the schedule of an open loop: when each request is intended to be sent. */
#ifndef POOLSTORM_LOAD_ARRIVAL_H
#define POOLSTORM_LOAD_ARRIVAL_H

#include "core/rng.h"
#include "load/profile.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A stretch of time in which the rate is linear. */
struct arrival_segment {
    double from_ns, to_ns; /* within the phase */
    double rate_per_ns;    /* at from_ns */
    double slope_per_ns2;  /* growth of the rate */
};

/* One thread's share of the schedule; one thread at a time. The rate is split evenly, and constant
 * arrivals of the threads interleave. The same seed gives the same schedule. */
struct arrival {
    struct arrival_segment segments[3]; /* in order, without gaps */
    size_t segment_count;               /* used ones */
    size_t segment;                     /* that at_ns lies in */
    double at_ns;                       /* the arrival before, or 0 */
    double first;                       /* of an arrival, to the first one: staggers threads */
    bool poisson;                       /* exponential gaps, else even ones */
    bool started;                       /* the first arrival has been given */
    struct rng rng;                     /* of the gaps */
};

void arrival_init(struct arrival *arrival, const struct load_profile *profile, uint64_t length_ns,
                  unsigned thread, unsigned threads, uint64_t seed);

/* The next arrival, in ns from the start of the phase; never decreases. CLOCK_NEVER at its end. */
uint64_t arrival_next_ns(struct arrival *arrival);

/* How many arrivals all threads together are to make, on average for Poisson ones. */
double arrival_expected(const struct load_profile *profile, uint64_t length_ns);

#endif
