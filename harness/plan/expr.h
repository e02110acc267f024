/* SPDX-License-Identifier: MIT */
/* expr.h - conditions and figures over metrics: `pooled.steady.p99 < 50ms and pooled.errors == 0`.
 *
 * Grammar, loosest first:
 *   conditions   condition { and condition }
 *   condition    sum [ ( < | <= | > | >= | == | != | ~ ) sum ]        ~ is "about"
 *   sum          product { ( + | - ) product }
 *   product      factor { ( * | / ) factor }
 *   factor       number [ unit ] | path | ( sum ) | - factor
 *   path         [ variant . ] [ phase . ] metric
 * Units are those of settings (core/param.h): ns us ms s m h, B KB KiB MB MiB GB GiB, %, /s k/s /m,
 * k. A '-' between two name characters belongs to the name: write `a - b` for a difference.
 *
 * Units are checked: a duration compares with a duration, sums want like with like, and a quotient
 * or product must end as a number, duration, size or rate (qps * p50 is a number: Little's law).
 *
 * An expression is parsed from text, then checked, which resolves names and fixes units; only a
 * checked one may be evaluated. Immutable afterwards: any thread may evaluate. Nothing waits. */
#ifndef POOLSTORM_PLAN_EXPR_H
#define POOLSTORM_PLAN_EXPR_H

#include "core/err.h"
#include "plan/metric.h"

#include <stdbool.h>
#include <stddef.h>

struct expr;

enum expr_op {
    EXPR_LESS,
    EXPR_LESS_EQUAL,
    EXPR_GREATER,
    EXPR_GREATER_EQUAL,
    EXPR_EQUAL,
    EXPR_NOT_EQUAL,
    EXPR_ABOUT, /* within the tolerance of the limit, relative to the limit */
};

enum {
    EXPR_ALL_VARIANTS = -1, /* path without a variant: the caller fills in which one */
    EXPR_WHOLE_ROUND = -1,  /* path without a phase: see enum metric_over */
};

#define EXPR_TOLERANCE 0.1 /* of `~`, unless the caller has another */

/* A resolved path. */
struct expr_ref {
    int variant; /* index, or EXPR_ALL_VARIANTS */
    int phase;   /* index, or EXPR_WHOLE_ROUND */
    int metric;  /* index */
};

/* Which paths an expression may use. */
enum expr_scope {
    EXPR_SCOPE_PLAN,    /* every path names its variant: expectations and claims */
    EXPR_SCOPE_VARIANT, /* paths may name a variant or not: invariants */
    EXPR_SCOPE_METRIC,  /* bare metrics alone: derived metrics */
};

/* What paths are resolved against. Lists of names end with NULL. */
struct expr_names {
    enum expr_scope scope;
    const char *const *variants;
    const char *const *phases;
    const bool *phase_measured;   /* by phase: whether it has figures; NULL: all have */
    const struct metric *metrics; /* metric_count of them */
    size_t metric_count;
};

/* One comparison of a checked expression, arranged for a verdict: `left op limit`. A constant left
 * side has been swapped to the right; where both sides hold metrics, left is their difference and
 * limit is 0. Borrowed from the expression. */
struct expr_comparison {
    const struct expr *whole; /* the expression it belongs to */
    int left;                 /* for expr_eval_left and expr_is_ratio */
    enum expr_op op;
    double limit;          /* in unit */
    enum metric_unit unit; /* of left and limit */
};

/* The value of a path, or NAN when the round has none. */
typedef double expr_lookup(const void *arg, const struct expr_ref *ref);

/* Parses text. On failure err says what was expected and *column (may be NULL) is the offset in
 * bytes of the place, from 0. The caller owns *out: expr_destroy. */
int expr_parse(const char *text, struct expr **out, size_t *column, struct err *err);

/* Resolves names and checks units. Call once. Errors as in expr_parse. */
int expr_check(struct expr *expr, const struct expr_names *names, size_t *column, struct err *err);

void expr_destroy(struct expr *expr); /* NULL is fine */

const char *expr_text(const struct expr *expr); /* as parsed, without surrounding blanks */

/* Whether it is a condition (comparisons joined by and) or a figure. */
bool expr_is_condition(const struct expr *expr);

/* Of a figure: the unit of its value. METRIC_NUMBER for conditions. */
enum metric_unit expr_unit(const struct expr *expr);

/* Evaluates: a figure in its unit, a condition as 1 or 0. Infinite is what METRIC_NEVER_NS makes of
 * it. -ENODATA when a metric is missing or there is no value (division by zero, never less never);
 * *value is NAN then. */
int expr_eval(const struct expr *expr, expr_lookup *lookup, const void *arg, double *value);

/* Of a condition: how many comparisons it joins, and each one. */
size_t expr_comparison_count(const struct expr *expr);
struct expr_comparison expr_comparison(const struct expr *expr, size_t index);

/* The left side of a comparison, as expr_eval. */
int expr_eval_left(const struct expr_comparison *comparison, expr_lookup *lookup, const void *arg,
                   double *value);

/* Whether a value satisfies `op limit`. tolerance is for EXPR_ABOUT (EXPR_TOLERANCE). */
bool expr_holds(enum expr_op op, double value, double limit, double tolerance);

const char *expr_op_text(enum expr_op op); /* "<", "<=", … */

/* A figure (or the left side of a comparison) of the form `path / path`: the paths of both, so that
 * rounds can be paired and the ratio's interval taken from its logarithms. */
bool expr_is_ratio(const struct expr *expr, struct expr_ref *over, struct expr_ref *under);
bool expr_left_is_ratio(const struct expr_comparison *comparison, struct expr_ref *over,
                        struct expr_ref *under);

/* Every path it uses, in order of appearance: how many there are, and one of them. */
size_t expr_ref_count(const struct expr *expr);
struct expr_ref expr_ref(const struct expr *expr, size_t index);

/* Reads a published figure: `1.58`, `~ 24.3ms`, `> 95%`; a bare one means about. */
int expr_parse_limit(const char *text, enum metric_unit unit, enum expr_op *op, double *limit,
                     struct err *err);

#endif
