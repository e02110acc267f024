/* SPDX-License-Identifier: MIT */
/* objective.h - what a knee search is after: a condition over what the load of one step measures.
 */
#ifndef POOLSTORM_PLAN_OBJECTIVE_H
#define POOLSTORM_PLAN_OBJECTIVE_H

#include "plan/expr.h"

/* Parses and checks `p99 < 100ms and errors < 0.1%`: bare metrics alone, of those the generator
 * takes (enum metric_index below METRIC_LOAD_COUNT). -EINVAL as expr_parse, with *column (may be
 * NULL). The caller owns *out: expr_destroy. NULL when it fails. */
int objective_parse(const char *text, struct expr **out, size_t *column, struct err *err);

/* Whether a row of figures, by metric index, meets it. A figure that is missing does not. */
bool objective_holds(const struct expr *objective, const double *row);

#endif
