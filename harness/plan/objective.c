/* SPDX-License-Identifier: MIT */
/* objective.c - the condition of a knee search, read and asked. */
#include "plan/objective.h"

#include <errno.h>

int objective_parse(const char *text, struct expr **out, size_t *column, struct err *err)
{
    static const char *const none[] = {NULL};
    const struct expr_names names = {.scope = EXPR_SCOPE_METRIC,
                                     .variants = none,
                                     .phases = none,
                                     .metrics = metric_builtin,
                                     .metric_count = METRIC_LOAD_COUNT};
    *out = NULL;
    int rc = expr_parse(text, out, column, err);
    if (!rc)
        rc = expr_check(*out, &names, column, err);
    if (!rc && !expr_is_condition(*out)) {
        if (column)
            *column = 0;
        rc = err_set(err, -EINVAL, "expected a condition, such as p99 < 100ms, not a figure alone");
    }
    if (rc) {
        expr_destroy(*out);
        *out = NULL;
    }
    return rc;
}

static double lookup(const void *arg, const struct expr_ref *ref)
{
    const double *row = arg;
    return row[ref->metric];
}

bool objective_holds(const struct expr *objective, const double *row)
{
    double value;
    return expr_eval(objective, lookup, row, &value) == 0 && value != 0;
}
