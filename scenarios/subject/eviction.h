/* SPDX-License-Identifier: MIT */
/* eviction.h - which pooled objects are thrown away, at odds that depend on what happened to them.
 */
#ifndef POOLSTORM_SUBJECT_EVICTION_H
#define POOLSTORM_SUBJECT_EVICTION_H

#include "core/rng.h"

#include <stdbool.h>
#include <stdint.h>

/* Each share is a probability, 0 to 1. */
struct eviction {
    double canceled_share; /* its user was canceled */
    double deadline_share; /* its user's deadline passed */
    double idle_share;     /* it rested for longer than idle_after_ns */
    uint64_t idle_after_ns;
};

/* Whether to throw away the object of a user whose ctx ended with error: -ECANCELED, -ETIMEDOUT, or
 * 0 when it did not end. */
bool eviction_after_use(const struct eviction *eviction, int error, struct rng *rng);

/* Whether to throw away an object that rested for idle_ns. */
bool eviction_after_rest(const struct eviction *eviction, uint64_t idle_ns, struct rng *rng);

#endif
