/* SPDX-License-Identifier: MIT */
/* expr_node.h - the tree behind struct expr, shared by its reader, checker and evaluator. */
#ifndef POOLSTORM_PLAN_EXPR_NODE_H
#define POOLSTORM_PLAN_EXPR_NODE_H

#include "plan/expr.h"

enum {
    EXPR_TEXT_MAX = 1000,  /* bytes of source */
    EXPR_NODES_MAX = 120,  /* what the reader may make */
    EXPR_NODES_EXTRA = 40, /* what the checker adds: one for each comparison of two metrics */
    EXPR_COMPARISONS_MAX = 40,
    EXPR_DEPTH_MAX = 32,   /* nesting of parentheses and signs */
    EXPR_SEGMENTS_MAX = 3, /* of a path */
};

enum expr_kind {
    EXPR_NUMBER,
    EXPR_PATH,
    EXPR_NEGATE, /* left alone */
    EXPR_ADD,
    EXPR_SUBTRACT,
    EXPR_MULTIPLY,
    EXPR_DIVIDE,
    EXPR_COMPARE,
    EXPR_AND,
};

struct expr_node {
    enum expr_kind kind;
    enum expr_op op;       /* of a comparison */
    enum metric_unit unit; /* of a number: as written; of the rest: set by the check */
    int left, right;       /* operands, by index */
    double value;          /* of a number; of a product or quotient: the factor its units ask for */
    size_t at, length;     /* where in the text, in bytes */
    struct expr_ref ref;   /* of a path, set by the check */
};

struct expr {
    char *text;
    int root;
    int node_count;
    size_t comparison_count;
    struct expr_comparison comparisons[EXPR_COMPARISONS_MAX]; /* set by the check */
    struct expr_node nodes[EXPR_NODES_MAX + EXPR_NODES_EXTRA];
};

/* Evaluates the figure of the node at index; NAN when a metric is missing. */
double expr_eval_node(const struct expr *expr, int index, expr_lookup *lookup, const void *arg);

/* Gives a bare number the unit it stands beside, where settings would: rates and sizes may do
 * without, durations only when 0. */
void expr_adopt_unit(struct expr_node *number, enum metric_unit unit);

/* Whether two units may be compared and added: counts, shares and numbers are one kind. */
bool expr_same_kind(enum metric_unit a, enum metric_unit b);

#endif
