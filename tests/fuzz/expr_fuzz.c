/* SPDX-License-Identifier: MIT */
/* expr_fuzz.c - any text as an expression: refused within its bounds, or checked and evaluated. */
#include "plan/expr.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static double lookup(const void *arg, const struct expr_ref *ref)
{
    (void)arg;
    assert(ref->variant < 2 && ref->phase < 2);
    assert(ref->metric >= 0 && ref->metric < METRIC_BUILTIN_COUNT);
    return ref->metric + 1.0;
}

static void use(const struct expr *expr)
{
    double value;
    int rc = expr_eval(expr, lookup, NULL, &value);
    assert((rc == 0) == (bool)isfinite(value));
    assert(expr_is_condition(expr) == (expr_comparison_count(expr) > 0));
    for (size_t i = 0; i < expr_comparison_count(expr); i++) {
        struct expr_comparison comparison = expr_comparison(expr, i);
        struct expr_ref over, under;
        (void)expr_eval_left(&comparison, lookup, NULL, &value);
        (void)expr_left_is_ratio(&comparison, &over, &under);
        assert(isfinite(comparison.limit));
    }
    for (size_t i = 0; i < expr_ref_count(expr); i++)
        (void)expr_ref(expr, i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const variants[] = {"pooled", "unpooled", NULL};
    static const char *const phases[] = {"warm-up", "steady", NULL};
    static const bool measured[] = {false, true};
    if (size < 1)
        return 0;
    char *text = strndup((const char *)data + 1, size - 1);
    assert(text);
    struct expr_names names = {(enum expr_scope)(data[0] % 3),
                               variants,
                               phases,
                               measured,
                               metric_builtin,
                               METRIC_BUILTIN_COUNT};
    struct expr *expr = NULL;
    struct err err = {0};
    size_t column = 0;
    enum expr_op op;
    double limit;
    if (expr_parse_limit(text, (enum metric_unit)(data[0] % 6), &op, &limit, NULL) == 0)
        assert(isfinite(limit));
    int rc = expr_parse(text, &expr, &column, &err);
    assert(rc != 0 || expr);
    assert(column <= strlen(text));
    if (rc == 0 && expr_check(expr, &names, &column, &err) == 0)
        use(expr);
    expr_destroy(expr);
    free(text);
    return 0;
}
