/* SPDX-License-Identifier: MIT */
/* invariant.h - holds a round against the plan's invariants as soon as it has ended. */
#ifndef POOLSTORM_RUN_INVARIANT_H
#define POOLSTORM_RUN_INVARIANT_H

#include "run/result.h"

#include <stdbool.h>

/* Whether a round can be asked by itself: all paths are about one variant. An invariant across
 * variants is judged over the whole run, as an expectation is. */
bool invariant_is_own(const struct expr *invariant);

/* Whether it is asked of rounds of this variant of the result. */
bool invariant_concerns(const struct expr *invariant, const struct result *result, size_t variant);

/* Marks the round with each invariant of its variant that its figures break. A figure that is
 * missing, or a percentile of too few requests, breaks nothing: the verdict over the run says so.
 */
void invariants_check(const struct result *result, struct result_round *round);

#endif
