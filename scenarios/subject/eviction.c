/* SPDX-License-Identifier: MIT */
/* eviction.c - which pooled objects are thrown away, at odds that depend on what happened to them.
 */
#include "subject/eviction.h"

#include <errno.h>

bool eviction_after_use(const struct eviction *eviction, int error, struct rng *rng)
{
    if (error == 0)
        return false;
    double share = error == -ETIMEDOUT ? eviction->deadline_share : eviction->canceled_share;
    return rng_unit(rng) < share;
}

bool eviction_after_rest(const struct eviction *eviction, uint64_t idle_ns, struct rng *rng)
{
    return idle_ns > eviction->idle_after_ns && rng_unit(rng) < eviction->idle_share;
}
