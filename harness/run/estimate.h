/* SPDX-License-Identifier: MIT */
/* estimate.h - how long a run will take, told before it begins. */
#ifndef POOLSTORM_RUN_ESTIMATE_H
#define POOLSTORM_RUN_ESTIMATE_H

#include "core/err.h"
#include "plan/plan.h"
#include "run/runner.h"

#include <stdint.h>

/* What the rounds of a plan take as the options have them, with starts and stops as they mostly
 * are; rounds that are repeated come on top. Nothing is started or looked for. -EINVAL for options
 * that do not fit the plan. The plan's grid is not in it: a cell is a plan of its own. */
int estimate_run(const struct plan *plan, const struct runner_options *options, uint64_t *length_ns,
                 struct err *err);

#endif
