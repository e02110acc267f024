/* SPDX-License-Identifier: MIT */
/* expr.c - checked expressions evaluated and taken apart. */
#include "plan/expr_node.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

void expr_destroy(struct expr *expr)
{
    if (!expr)
        return;
    free(expr->text);
    free(expr);
}

const char *expr_text(const struct expr *expr)
{
    return expr->text;
}

bool expr_is_condition(const struct expr *expr)
{
    enum expr_kind kind = expr->nodes[expr->root].kind;
    return kind == EXPR_COMPARE || kind == EXPR_AND;
}

enum metric_unit expr_unit(const struct expr *expr)
{
    return expr_is_condition(expr) ? METRIC_NUMBER : expr->nodes[expr->root].unit;
}

bool expr_holds(enum expr_op op, double value, double limit, double tolerance)
{
    switch (op) {
    case EXPR_LESS:
        return value < limit;
    case EXPR_LESS_EQUAL:
        return value <= limit;
    case EXPR_GREATER:
        return value > limit;
    case EXPR_GREATER_EQUAL:
        return value >= limit;
    case EXPR_EQUAL:
        return value == limit;
    case EXPR_NOT_EQUAL:
        return value != limit;
    case EXPR_ABOUT:
        return fabs(value - limit) <= tolerance * fabs(limit);
    }
    return false;
}

const char *expr_op_text(enum expr_op op)
{
    static const char *const texts[] = {
        [EXPR_LESS] = "<",           [EXPR_LESS_EQUAL] = "<=", [EXPR_GREATER] = ">",
        [EXPR_GREATER_EQUAL] = ">=", [EXPR_EQUAL] = "==",      [EXPR_NOT_EQUAL] = "!=",
        [EXPR_ABOUT] = "~",
    };
    assert((size_t)op < sizeof(texts) / sizeof(*texts));
    return texts[op];
}

static double eval_condition(const struct expr_node *node, double left, double right)
{
    if (isnan(left) || isnan(right))
        return NAN;
    if (node->kind == EXPR_AND)
        return left != 0 && right != 0;
    return expr_holds(node->op, left, right, EXPR_TOLERANCE);
}

/* Recursion is bounded by the number of nodes. */
double expr_eval_node(const struct expr *expr, int index, expr_lookup *lookup, const void *arg)
{
    const struct expr_node *node = &expr->nodes[index];
    if (node->kind == EXPR_NUMBER)
        return node->value;
    if (node->kind == EXPR_PATH)
        return lookup(arg, &node->ref);
    double left = expr_eval_node(expr, node->left, lookup, arg);
    if (node->kind == EXPR_NEGATE)
        return -left;
    double right = expr_eval_node(expr, node->right, lookup, arg);
    switch (node->kind) {
    case EXPR_ADD:
        return left + right;
    case EXPR_SUBTRACT:
        return left - right;
    case EXPR_MULTIPLY:
        return left * right * node->value;
    case EXPR_DIVIDE:
        return right == 0 ? NAN : left / right * node->value;
    default:
        return eval_condition(node, left, right);
    }
}

static int eval(const struct expr *expr, int node, expr_lookup *lookup, const void *arg,
                double *value)
{
    *value = expr_eval_node(expr, node, lookup, arg);
    return isnan(*value) ? -ENODATA : 0;
}

int expr_eval(const struct expr *expr, expr_lookup *lookup, const void *arg, double *value)
{
    return eval(expr, expr->root, lookup, arg, value);
}

int expr_eval_left(const struct expr_comparison *comparison, expr_lookup *lookup, const void *arg,
                   double *value)
{
    return eval(comparison->whole, comparison->left, lookup, arg, value);
}

size_t expr_comparison_count(const struct expr *expr)
{
    return expr->comparison_count;
}

struct expr_comparison expr_comparison(const struct expr *expr, size_t index)
{
    assert(index < expr->comparison_count);
    return expr->comparisons[index];
}

static bool is_ratio(const struct expr *expr, int index, struct expr_ref *over,
                     struct expr_ref *under)
{
    const struct expr_node *node = &expr->nodes[index];
    if (node->kind != EXPR_DIVIDE || expr->nodes[node->left].kind != EXPR_PATH ||
        expr->nodes[node->right].kind != EXPR_PATH)
        return false;
    *over = expr->nodes[node->left].ref;
    *under = expr->nodes[node->right].ref;
    return true;
}

bool expr_is_ratio(const struct expr *expr, struct expr_ref *over, struct expr_ref *under)
{
    return is_ratio(expr, expr->root, over, under);
}

bool expr_left_is_ratio(const struct expr_comparison *comparison, struct expr_ref *over,
                        struct expr_ref *under)
{
    return is_ratio(comparison->whole, comparison->left, over, under);
}

/* Paths are made in the order they are read, and nothing reorders nodes. */
size_t expr_ref_count(const struct expr *expr)
{
    size_t count = 0;
    for (int i = 0; i < expr->node_count; i++)
        count += expr->nodes[i].kind == EXPR_PATH;
    return count;
}

struct expr_ref expr_ref(const struct expr *expr, size_t index)
{
    int node = 0;
    for (size_t seen = 0; node < expr->node_count; node++)
        if (expr->nodes[node].kind == EXPR_PATH && seen++ == index)
            break;
    assert(node < expr->node_count);
    return expr->nodes[node].ref;
}
