/* SPDX-License-Identifier: MIT */
/* invariant.c - asks a round's figures for each invariant of its variant. */
#include "run/invariant.h"

#include <math.h>
#include <stdio.h>

bool invariant_is_own(const struct expr *invariant)
{
    for (size_t i = 1; i < expr_ref_count(invariant); i++)
        if (expr_ref(invariant, i).variant != expr_ref(invariant, 0).variant)
            return false;
    return true;
}

bool invariant_concerns(const struct expr *invariant, const struct result *result, size_t variant)
{
    for (size_t i = 0; i < expr_ref_count(invariant); i++) {
        int named = expr_ref(invariant, i).variant;
        if (named != EXPR_ALL_VARIANTS && (size_t)named != result->variants[variant].plan_index)
            return false;
    }
    return true;
}

/* Where figures are looked up. */
struct place {
    const struct result *result;
    const struct result_round *round;
};

static double lookup(const void *arg, const struct expr_ref *ref)
{
    const struct place *place = arg;
    return result_value(place->result, place->round, ref->phase, ref->metric);
}

static bool lacks_requests(const struct place *place, const struct expr *expr)
{
    for (size_t i = 0; i < expr_ref_count(expr); i++) {
        struct expr_ref ref = expr_ref(expr, i);
        if (result_requests(place->result, place->round, ref.phase, ref.metric) <
            result_metric_needs(place->result->plan, ref.metric))
            return true;
    }
    return false;
}

static void check(const struct place *place, size_t index, struct result_round *round)
{
    const struct expr *expr = place->result->plan->invariants[index].expr;
    size_t parts = expr_comparison_count(expr);
    for (size_t i = 0; i < parts; i++) {
        struct expr_comparison part = expr_comparison(expr, i);
        char figure[64], which[32] = "";
        double value;
        if (expr_eval_left(&part, lookup, place, &value) != 0 ||
            expr_holds(part.op, value, part.limit, EXPR_TOLERANCE))
            continue;
        if (parts > 1)
            (void)snprintf(which, sizeof(which), "part %zu ", i + 1);
        (void)metric_format(figure, sizeof(figure), part.unit, value);
        result_round_break(round, index, "%.140s: %swas %s", expr_text(expr), which, figure);
        return;
    }
}

void invariants_check(const struct result *result, struct result_round *round)
{
    struct place place = {result, round};
    for (size_t i = 0; i < result->plan->invariant_count; i++) {
        const struct expr *expr = result->plan->invariants[i].expr;
        if (invariant_is_own(expr) && invariant_concerns(expr, result, round->variant) &&
            !lacks_requests(&place, expr))
            check(&place, i, round);
    }
}
