/* SPDX-License-Identifier: MIT */
/* buckets.h - a histogram that someone else keeps, as the counts of its buckets. One thread. */
#ifndef POOLSTORM_RUN_BUCKETS_H
#define POOLSTORM_RUN_BUCKETS_H

#include <stddef.h>
#include <stdint.h>

struct bucket {
    double low, high; /* of values above low and up to high, which may be infinite */
    uint64_t count;   /* values in it, and not below it */
};

/* Zeroed: a histogram without values. */
struct buckets {
    struct bucket *items; /* ascending, owned */
    size_t count;
};

void buckets_fini(struct buckets *buckets);

/* What came in between two pictures of a histogram, bounds times scale, without buckets that had
 * nothing. A bucket that before lacks began at nothing; one that shrank (its process began anew)
 * counts as nothing. out is on no account released before. 0 or -ENOMEM. */
int buckets_growth(const struct buckets *before, const struct buckets *after, double scale,
                   struct buckets *out);

/* Adds more to into, bucket by bucket of the same upper bound. 0 or -ENOMEM. */
int buckets_add(struct buckets *into, const struct buckets *more);

/* How many values. */
uint64_t buckets_total(const struct buckets *buckets);

/* The value that a share (0..1) of them stays within, as Prometheus's histogram_quantile has it:
 * spread evenly within their bucket, and in the last, which has no upper bound, its lower one. So
 * it is off by less than its bucket is wide. NAN without values. */
double buckets_quantile(const struct buckets *buckets, double share);

#endif
