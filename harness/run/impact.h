/* SPDX-License-Identifier: MIT */
/* impact.h - what the faults of a phase did to the service, in the figures of a round. Pure. */
#ifndef POOLSTORM_RUN_IMPACT_H
#define POOLSTORM_RUN_IMPACT_H

#include "core/err.h"
#include "run/result.h"

/* Judges the phase's faults by its series and their windows, which are filled in but for their
 * recovery, and puts their metrics into the phase's row. A fault that touched nothing makes the
 * round invalid. Not recovered is METRIC_NEVER_NS, so that no limit lets it pass; where nothing
 * can be said it is NAN. -ENOMEM. */
int impact_judge(const struct result *result, struct result_round *round, size_t phase,
                 struct err *err);

#endif
