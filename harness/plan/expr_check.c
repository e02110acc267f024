/* SPDX-License-Identifier: MIT */
/* expr_check.c - resolves the names of an expression, checks its units, arranges its comparisons.
 */
#include "core/param.h"
#include "plan/expr_node.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct checker {
    struct expr *expr;
    const struct expr_names *names;
    size_t at; /* of what was refused */
    struct err *err;
};

/* A piece of a path, copied out. */
struct segment {
    char text[80];
    size_t at;
};

bool expr_same_kind(enum metric_unit a, enum metric_unit b)
{
    bool plain_a = a == METRIC_NUMBER || a == METRIC_COUNT || a == METRIC_SHARE;
    bool plain_b = b == METRIC_NUMBER || b == METRIC_COUNT || b == METRIC_SHARE;
    return a == b || (plain_a && plain_b);
}

void expr_adopt_unit(struct expr_node *number, enum metric_unit unit)
{
    bool bare = number->kind == EXPR_NUMBER && number->unit == METRIC_NUMBER;
    if (bare && (unit != METRIC_NS || number->value == 0))
        number->unit = unit;
}

static int find_word(const char *const *words, const char *word)
{
    for (int i = 0; words && words[i]; i++)
        if (strcmp(words[i], word) == 0)
            return i;
    return -1;
}

static int find_metric(const struct expr_names *names, const char *word)
{
    for (size_t i = 0; i < names->metric_count; i++)
        if (strcmp(names->metrics[i].name, word) == 0)
            return (int)i;
    return -1;
}

static const char *suggest_metric(const struct expr_names *names, const char *word)
{
    const char *words[512];
    size_t count = 0;
    for (size_t i = 0; i < names->metric_count && count < 511; i++)
        words[count++] = names->metrics[i].name;
    words[count] = NULL;
    return word_suggest(words, word);
}

static int refuse_name(struct checker *checker, const struct segment *segment, const char *kind,
                       const char *near)
{
    checker->at = segment->at;
    return near ? err_set(checker->err, -EINVAL, "expected %s, not '%s' (did you mean '%s'?)", kind,
                          segment->text, near)
                : err_set(checker->err, -EINVAL, "expected %s, not '%s'", kind, segment->text);
}

static int resolve_variant(struct checker *checker, const struct segment *segment, int *index)
{
    const char *const *variants = checker->names->variants;
    *index = find_word(variants, segment->text);
    if (*index >= 0)
        return 0;
    return refuse_name(checker, segment, "the name of a variant",
                       variants ? word_suggest(variants, segment->text) : NULL);
}

static int resolve_phase(struct checker *checker, const struct segment *segment, int *index)
{
    const struct expr_names *names = checker->names;
    *index = find_word(names->phases, segment->text);
    if (*index < 0)
        return refuse_name(checker, segment, "the name of a phase",
                           names->phases ? word_suggest(names->phases, segment->text) : NULL);
    if (!names->phase_measured || names->phase_measured[*index])
        return 0;
    checker->at = segment->at;
    return err_set(checker->err, -EINVAL, "expected a measured phase: '%s' is of another kind",
                   segment->text);
}

static int resolve_metric(struct checker *checker, const struct segment *segment, int *index)
{
    *index = find_metric(checker->names, segment->text);
    if (*index >= 0)
        return 0;
    return refuse_name(checker, segment, "the name of a metric",
                       suggest_metric(checker->names, segment->text));
}

/* Returns how many segments there are, or -EINVAL when one is too long to be any name. */
static int split_path(struct checker *checker, const struct expr_node *node,
                      struct segment segments[EXPR_SEGMENTS_MAX])
{
    int count = 0;
    size_t at = node->at, end = node->at + node->length;
    while (at < end && count < EXPR_SEGMENTS_MAX) {
        struct segment *segment = &segments[count++];
        const char *start = checker->expr->text + at;
        const char *dot = memchr(start, '.', end - at);
        size_t length = dot ? (size_t)(dot - start) : end - at;
        segment->at = at;
        if (length >= sizeof(segment->text)) {
            checker->at = at;
            return err_set(checker->err, -EINVAL, "expected a shorter name than '%.40s…'", start);
        }
        memcpy(segment->text, start, length);
        segment->text[length] = '\0';
        at += length + 1;
    }
    return count;
}

/* What stands before the metric: nothing, a variant, a phase, or both. */
static int resolve_front(struct checker *checker, const struct segment *segments, int count,
                         struct expr_ref *ref)
{
    const struct expr_names *names = checker->names;
    checker->at = segments[0].at;
    if (names->scope == EXPR_SCOPE_METRIC)
        return count == 0 ? 0
                          : err_set(checker->err, -EINVAL,
                                    "expected a metric alone, without variant or phase");
    if (names->scope == EXPR_SCOPE_PLAN && count == 0) {
        const char *variant =
            names->variants && names->variants[0] ? names->variants[0] : "variant";
        return err_set(checker->err, -EINVAL,
                       "expected variant.metric: '%s' of which variant, "
                       "for example %s.%s?",
                       segments[0].text, variant, segments[0].text);
    }
    if (count == 0)
        return 0;
    bool phase_alone = names->scope == EXPR_SCOPE_VARIANT && count == 1 &&
                       find_word(names->variants, segments[0].text) < 0 &&
                       find_word(names->phases, segments[0].text) >= 0;
    if (phase_alone)
        return resolve_phase(checker, &segments[0], &ref->phase);
    int rc = resolve_variant(checker, &segments[0], &ref->variant);
    if (!rc && count == 2)
        rc = resolve_phase(checker, &segments[1], &ref->phase);
    return rc;
}

static int check_path(struct checker *checker, struct expr_node *node)
{
    struct segment segments[EXPR_SEGMENTS_MAX] = {0};
    node->ref = (struct expr_ref){EXPR_ALL_VARIANTS, EXPR_WHOLE_ROUND, 0};
    int count = split_path(checker, node, segments);
    if (count <= 0)
        return count ? count : -EINVAL;
    int rc = resolve_front(checker, segments, count - 1, &node->ref);
    if (!rc)
        rc = resolve_metric(checker, &segments[count - 1], &node->ref.metric);
    if (rc)
        return rc;
    const struct metric *metric = &checker->names->metrics[node->ref.metric];
    node->unit = metric->unit;
    if (metric->over == METRIC_OVER_ROUND && node->ref.phase != EXPR_WHOLE_ROUND)
        return err_set(checker->err, -EINVAL,
                       "expected no phase before '%s', which is asked once, after the last one",
                       metric->name);
    return 0;
}

/* Powers of seconds and bytes, and what one of the unit is in those. */
static int unit_seconds(enum metric_unit unit)
{
    return unit == METRIC_NS ? 1 : unit == METRIC_RATE ? -1 : 0;
}

static double unit_scale(enum metric_unit unit)
{
    return unit == METRIC_NS ? 1e-9 : 1;
}

static int check_product(struct checker *checker, struct expr_node *node)
{
    enum metric_unit left = checker->expr->nodes[node->left].unit;
    enum metric_unit right = checker->expr->nodes[node->right].unit;
    bool divide = node->kind == EXPR_DIVIDE;
    int sign = divide ? -1 : 1;
    int seconds = unit_seconds(left) + sign * unit_seconds(right);
    int bytes = (left == METRIC_BYTES) + sign * (right == METRIC_BYTES);
    if (seconds == 0 && bytes == 0)
        node->unit = METRIC_NUMBER;
    else if (seconds == 1 && bytes == 0)
        node->unit = METRIC_NS;
    else if (seconds == -1 && bytes == 0)
        node->unit = METRIC_RATE;
    else if (seconds == 0 && bytes == 1)
        node->unit = METRIC_BYTES;
    else
        return err_set(checker->err, -EINVAL, "%s %s %s has no unit that can be shown",
                       metric_unit_name(left), divide ? "over" : "times", metric_unit_name(right));
    double scale =
        divide ? unit_scale(left) / unit_scale(right) : unit_scale(left) * unit_scale(right);
    node->value = scale / unit_scale(node->unit);
    return 0;
}

/* Both operands of a sum or a comparison. */
static int check_alike(struct checker *checker, const struct expr_node *node)
{
    struct expr_node *left = &checker->expr->nodes[node->left];
    struct expr_node *right = &checker->expr->nodes[node->right];
    expr_adopt_unit(left, right->unit);
    expr_adopt_unit(right, left->unit);
    if (expr_same_kind(left->unit, right->unit))
        return 0;
    checker->at = right->at;
    return err_set(checker->err, -EINVAL, "expected %s beside '%.*s', not %s ('%.*s')",
                   metric_unit_name(left->unit), (int)left->length, checker->expr->text + left->at,
                   metric_unit_name(right->unit), (int)right->length,
                   checker->expr->text + right->at);
}

static bool is_condition(const struct expr_node *node)
{
    return node->kind == EXPR_COMPARE || node->kind == EXPR_AND;
}

static int check_operand(struct checker *checker, const struct expr_node *operand, bool condition)
{
    if (is_condition(operand) == condition)
        return 0;
    checker->at = operand->at;
    return err_set(checker->err, -EINVAL, "expected %s, not '%.*s'",
                   condition ? "a condition, such as a.p99 < 50ms" : "a figure, not a condition",
                   (int)(operand->length < 80 ? operand->length : 80),
                   checker->expr->text + operand->at);
}

/* Operands have smaller indices than what they are part of, so one pass upwards meets them first.
 */
static int check_node(struct checker *checker, struct expr_node *node)
{
    const struct expr_node *nodes = checker->expr->nodes;
    checker->at = node->at;
    if (node->kind == EXPR_NUMBER)
        return 0;
    if (node->kind == EXPR_PATH)
        return check_path(checker, node);
    bool conditions = node->kind == EXPR_AND;
    int rc = check_operand(checker, &nodes[node->left], conditions);
    if (!rc)
        rc = check_operand(checker, &nodes[node->right], conditions);
    if (rc || conditions)
        return rc;
    checker->at = node->at;
    if (node->kind == EXPR_MULTIPLY || node->kind == EXPR_DIVIDE)
        return check_product(checker, node);
    if (node->kind != EXPR_NEGATE)
        rc = check_alike(checker, node);
    enum metric_unit left = nodes[node->left].unit, right = nodes[node->right].unit;
    node->unit = left == right ? left : expr_same_kind(left, METRIC_NUMBER) ? METRIC_NUMBER : left;
    return rc;
}

static bool is_constant(const struct expr *expr, int index)
{
    const struct expr_node *node = &expr->nodes[index];
    if (node->kind == EXPR_NUMBER || node->kind == EXPR_PATH)
        return node->kind == EXPR_NUMBER;
    if (node->kind == EXPR_NEGATE)
        return is_constant(expr, node->left);
    return is_constant(expr, node->left) && is_constant(expr, node->right);
}

static enum expr_op mirror(enum expr_op op)
{
    switch (op) {
    case EXPR_LESS:
        return EXPR_GREATER;
    case EXPR_LESS_EQUAL:
        return EXPR_GREATER_EQUAL;
    case EXPR_GREATER:
        return EXPR_LESS;
    case EXPR_GREATER_EQUAL:
        return EXPR_LESS_EQUAL;
    default:
        return op;
    }
}

/* Two figures are compared by their difference; "about" is relative and takes their quotient. */
static int combine_sides(struct expr *expr, const struct expr_node *node,
                         struct expr_comparison *comparison)
{
    bool about = node->op == EXPR_ABOUT;
    int index = expr->node_count++;
    expr->nodes[index] = *node;
    expr->nodes[index].kind = about ? EXPR_DIVIDE : EXPR_SUBTRACT;
    expr->nodes[index].unit = about ? METRIC_NUMBER : expr->nodes[node->left].unit;
    expr->nodes[index].value = 1;
    comparison->limit = about ? 1 : 0;
    return index;
}

static int arrange_comparison(struct checker *checker, const struct expr_node *node)
{
    struct expr *expr = checker->expr;
    checker->at = node->at;
    if (expr->comparison_count == EXPR_COMPARISONS_MAX)
        return err_set(checker->err, -EINVAL, "expected at most %d comparisons",
                       EXPR_COMPARISONS_MAX);
    bool left_constant = is_constant(expr, node->left);
    bool right_constant = is_constant(expr, node->right);
    if (left_constant && right_constant)
        return err_set(checker->err, -EINVAL, "expected a metric on one side of '%s'",
                       expr_op_text(node->op));
    struct expr_comparison *comparison = &expr->comparisons[expr->comparison_count++];
    *comparison = (struct expr_comparison){.whole = expr, .op = node->op, .left = node->left};
    if (left_constant) {
        comparison->left = node->right;
        comparison->op = mirror(node->op);
        comparison->limit = expr_eval_node(expr, node->left, NULL, NULL);
    } else if (right_constant) {
        comparison->limit = expr_eval_node(expr, node->right, NULL, NULL);
    } else {
        comparison->left = combine_sides(expr, node, comparison);
    }
    comparison->unit = expr->nodes[comparison->left].unit;
    if (!isfinite(comparison->limit))
        return err_set(checker->err, -EINVAL, "expected a limit that has a value");
    if (comparison->op == EXPR_ABOUT && comparison->limit == 0)
        return err_set(checker->err, -EINVAL, "nothing is about 0: say '== 0' or '< …'");
    return 0;
}

int expr_check(struct expr *expr, const struct expr_names *names, size_t *column, struct err *err)
{
    struct checker checker = {.expr = expr, .names = names, .err = err};
    int rc = 0;
    int count = expr->node_count;
    for (int i = 0; !rc && i < count; i++)
        rc = check_node(&checker, &expr->nodes[i]);
    for (int i = 0; !rc && i < count; i++)
        if (expr->nodes[i].kind == EXPR_COMPARE)
            rc = arrange_comparison(&checker, &expr->nodes[i]);
    if (column)
        *column = checker.at;
    return rc;
}
