/* SPDX-License-Identifier: MIT */
/* expr_test.c - expressions are read, resolved, checked for units, evaluated and taken apart. */
#include "test.h"

#include "plan/expr.h"
#include "plan/objective.h"

#include <math.h>
#include <string.h>

static const char *const variants[] = {"pooled", "un-pooled", NULL};
static const char *const phases[] = {"warm-up", "steady-state", NULL};
static const bool measured[] = {false, true};

static struct expr_names names_of(enum expr_scope scope)
{
    return (struct expr_names){scope,    variants,       phases,
                               measured, metric_builtin, METRIC_BUILTIN_COUNT};
}

/* Distinct, easily worked out values: variant 1 has twice those of variant 0. */
static double lookup(const void *arg, const struct expr_ref *ref)
{
    (void)arg;
    double times = ref->variant == 1 ? 2 : 1;
    switch (ref->metric) {
    case METRIC_QPS:
        return 1000 * times;
    case METRIC_P50:
        return 4e6 * times;
    case METRIC_P99:
        return (ref->phase == 1 ? 30e6 : 40e6) * times;
    case METRIC_RSS_PEAK:
        return 1048576 * times;
    case METRIC_ERROR_COUNT:
        return 0;
    default:
        return NAN;
    }
}

static struct expr *checked(const char *text, enum expr_scope scope)
{
    struct expr_names names = names_of(scope);
    struct expr *expr = NULL;
    struct err err = {0};
    size_t column;
    int rc = expr_parse(text, &expr, &column, &err);
    if (!rc)
        rc = expr_check(expr, &names, &column, &err);
    if (rc)
        print_error("%s: %s\n", text, err.text);
    assert_ok(rc);
    return expr;
}

static double value_of(const char *text)
{
    struct expr *expr = checked(text, EXPR_SCOPE_PLAN);
    double value;
    assert_ok(expr_eval(expr, lookup, NULL, &value));
    expr_destroy(expr);
    return value;
}

static void figures_are_worked_out(void **unused)
{
    (void)unused;
    assert_float_equal(value_of("pooled.qps"), 1000, 1e-9);
    assert_float_equal(value_of("un-pooled.qps / pooled.qps"), 2, 1e-9);
    assert_float_equal(value_of("un-pooled.qps - pooled.qps"), 1000, 1e-9);
    assert_float_equal(value_of("1 + 2 * 3 - 8 / 4 / 2 + 0 * pooled.error_count"), 6, 1e-9);
    assert_float_equal(value_of("-(1 + 2) * -2"), 6, 1e-9);
    assert_float_equal(value_of("(pooled.p99 - 10ms) / 1ms"), 30, 1e-9);
    assert_float_equal(value_of("pooled.steady-state.p99 / 1 ms"), 30, 1e-9);
    assert_float_equal(value_of("10k + 1M"), 1010000, 1e-9);
    assert_float_equal(value_of("50%"), 0.5, 1e-9);
}

static void units_are_converted(void **unused)
{
    (void)unused;
    struct expr *expr = checked("pooled.qps * pooled.p50", EXPR_SCOPE_PLAN);
    assert_int_equal(expr_unit(expr), METRIC_NUMBER);
    expr_destroy(expr);
    assert_float_equal(value_of("pooled.qps * pooled.p50"), 4, 1e-9);
    assert_float_equal(value_of("1 / pooled.p50"), 250, 1e-6);
    assert_float_equal(value_of("8 / pooled.qps / 1ms"), 8, 1e-9);
    assert_float_equal(value_of("pooled.rss_peak / 1KiB"), 1024, 1e-9);
}

static void conditions_hold_or_not(void **unused)
{
    (void)unused;
    assert_float_equal(value_of("pooled.p99 < 50ms"), 1, 0);
    assert_float_equal(value_of("pooled.p99 < 40ms"), 0, 0);
    assert_float_equal(value_of("pooled.p99 <= 40ms and pooled.error_count == 0"), 1, 0);
    assert_float_equal(value_of("pooled.p99 >= 41ms and pooled.error_count == 0"), 0, 0);
    assert_float_equal(value_of("(pooled.qps > 900) and (pooled.qps != 1k/s)"), 0, 0);
    assert_float_equal(value_of("pooled.qps ~ 950/s"), 1, 0);
    assert_float_equal(value_of("pooled.qps ~ 500/s"), 0, 0);
}

static void what_is_missing_has_no_value(void **unused)
{
    (void)unused;
    static const char *const texts[] = {"pooled.connect_p99", "pooled.qps / pooled.error_count",
                                        "pooled.connect_p99 < 1s",
                                        "pooled.connect_p99 < 1s and pooled.qps > 1"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct expr *expr = checked(texts[i], EXPR_SCOPE_PLAN);
        double value = 1;
        assert_int_equal(expr_eval(expr, lookup, NULL, &value), -ENODATA);
        assert_true(isnan(value));
        expr_destroy(expr);
    }
}

static void comparisons_are_arranged_for_a_verdict(void **unused)
{
    (void)unused;
    struct expr_ref over, under;
    double value;
    struct expr *expr = checked("un-pooled.qps / pooled.qps > 1.5 and 50ms >= pooled.p99 and "
                                "pooled.p99 < un-pooled.p99 and pooled.qps ~ un-pooled.qps",
                                EXPR_SCOPE_PLAN);
    assert_int_equal(expr_comparison_count(expr), 4);
    struct expr_comparison ratio = expr_comparison(expr, 0);
    assert_int_equal(ratio.op, EXPR_GREATER);
    assert_float_equal(ratio.limit, 1.5, 0);
    assert_true(expr_left_is_ratio(&ratio, &over, &under));
    assert_int_equal(over.variant, 1);
    assert_int_equal(under.variant, 0);
    assert_int_equal(under.phase, EXPR_WHOLE_ROUND);
    struct expr_comparison swapped = expr_comparison(expr, 1);
    assert_int_equal(swapped.op, EXPR_LESS_EQUAL);
    assert_int_equal(swapped.unit, METRIC_NS);
    assert_float_equal(swapped.limit, 50e6, 0);
    assert_ok(expr_eval_left(&swapped, lookup, NULL, &value));
    assert_float_equal(value, 40e6, 0);
    struct expr_comparison difference = expr_comparison(expr, 2);
    assert_float_equal(difference.limit, 0, 0);
    assert_ok(expr_eval_left(&difference, lookup, NULL, &value));
    assert_float_equal(value, -40e6, 0);
    struct expr_comparison about = expr_comparison(expr, 3);
    assert_float_equal(about.limit, 1, 0);
    assert_true(expr_left_is_ratio(&about, &over, &under));
    assert_int_equal(expr_ref_count(expr), 7);
    assert_int_equal(expr_ref(expr, 2).metric, METRIC_P99);
    expr_destroy(expr);
}

static void scopes_decide_what_a_path_may_be(void **unused)
{
    (void)unused;
    struct expr *expr = checked("error_count == 0 and steady-state.p99 < 1s and pooled.qps > 1",
                                EXPR_SCOPE_VARIANT);
    assert_int_equal(expr_ref(expr, 0).variant, EXPR_ALL_VARIANTS);
    assert_int_equal(expr_ref(expr, 1).phase, 1);
    assert_int_equal(expr_ref(expr, 1).variant, EXPR_ALL_VARIANTS);
    assert_int_equal(expr_ref(expr, 2).variant, 0);
    expr_destroy(expr);
    expr = checked(" error_count / requests ", EXPR_SCOPE_METRIC);
    assert_string_equal(expr_text(expr), "error_count / requests");
    assert_false(expr_is_condition(expr));
    assert_true(expr_is_ratio(expr, &(struct expr_ref){0}, &(struct expr_ref){0}));
    expr_destroy(expr);
}

static const struct {
    const char *text;
    enum expr_scope scope;
    size_t column;
    const char *says;
} refusals[] = {
    {"", EXPR_SCOPE_PLAN, 0, "expected a number, a metric or '('"},
    {"pooled.qps >", EXPR_SCOPE_PLAN, 12, "at the end"},
    {"pooled.qps > 1 2", EXPR_SCOPE_PLAN, 15, "expected an operator or the end, not '2'"},
    {"pooled.qps = 1", EXPR_SCOPE_PLAN, 11, "expected '=='"},
    {"1 < pooled.qps < 2", EXPR_SCOPE_PLAN, 15, "joined by 'and'"},
    {"(pooled.qps > 1", EXPR_SCOPE_PLAN, 15, "expected ')'"},
    {"pooled.p99 < 50 parsecs", EXPR_SCOPE_PLAN, 16, "operator or the end"},
    {"pooled.p99 < 50parsecs", EXPR_SCOPE_PLAN, 15, "expected a unit"},
    {"pooled.p99 < 1.2.3ms", EXPR_SCOPE_PLAN, 13, "expected a number"},
    {"pooled.p99 < 50", EXPR_SCOPE_PLAN, 13, "expected a duration beside 'pooled.p99'"},
    {"pooled.p99 < 1MiB", EXPR_SCOPE_PLAN, 13, "not a size ('1MiB')"},
    {"pooled.p99 + pooled.qps > 1", EXPR_SCOPE_PLAN, 13, "not a rate"},
    {"pooled.p99 * pooled.p99", EXPR_SCOPE_PLAN, 0, "no unit that can be shown"},
    {"poled.qps > 1", EXPR_SCOPE_PLAN, 0, "did you mean 'pooled'?"},
    {"pooled.stedy-state.p99 > 1ms", EXPR_SCOPE_PLAN, 7, "did you mean 'steady-state'?"},
    {"pooled.warm-up.p99 > 1ms", EXPR_SCOPE_PLAN, 7, "expected a measured phase"},
    {"pooled.p9 > 1ms", EXPR_SCOPE_PLAN, 7, "did you mean 'p"},
    {"qps > 1", EXPR_SCOPE_PLAN, 0, "for example pooled.qps?"},
    {"a.b.c.d > 1", EXPR_SCOPE_PLAN, 5, "at most variant.phase.metric"},
    {"pooled. > 1", EXPR_SCOPE_PLAN, 7, "expected a name"},
    {"pooled.qps / 1", EXPR_SCOPE_METRIC, 0, "a metric alone"},
    {"1 < 2", EXPR_SCOPE_PLAN, 0, "expected a metric on one side"},
    {"pooled.errors > 1 / 0", EXPR_SCOPE_PLAN, 0, "a limit that has a value"},
    {"pooled.qps ~ 0", EXPR_SCOPE_PLAN, 0, "nothing is about 0"},
    {"(pooled.qps > 1) + 1", EXPR_SCOPE_PLAN, 1, "expected a figure, not a condition"},
    {"pooled.qps and pooled.qps > 1", EXPR_SCOPE_PLAN, 0, "expected a condition"},
};

static void mistakes_are_pointed_at(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
        struct expr_names names = names_of(refusals[i].scope);
        struct expr *expr = NULL;
        struct err err = {0};
        size_t column = 999;
        int rc = expr_parse(refusals[i].text, &expr, &column, &err);
        if (!rc)
            rc = expr_check(expr, &names, &column, &err);
        if (!strstr(err.text, refusals[i].says) || column != refusals[i].column)
            print_error("%s: %zu: %s\n", refusals[i].text, column, err.text);
        assert_int_equal(rc, -EINVAL);
        assert_non_null(strstr(err.text, refusals[i].says));
        assert_int_equal(column, refusals[i].column);
        expr_destroy(expr);
    }
}

static void size_and_depth_are_bounded(void **unused)
{
    (void)unused;
    char text[1200];
    struct expr *expr;
    memset(text, '(', sizeof(text));
    text[900] = '\0';
    assert_int_equal(expr_parse(text, &expr, NULL, NULL), -EINVAL);
    memset(text, '-', 900);
    assert_int_equal(expr_parse(text, &expr, NULL, NULL), -EINVAL);
    for (size_t i = 0; i < 450; i++)
        memcpy(text + 2 * i, "1+", 2);
    assert_int_equal(expr_parse(text, &expr, NULL, NULL), -EINVAL);
    memset(text, '1', 1100);
    text[1100] = '\0';
    assert_int_equal(expr_parse(text, &expr, NULL, NULL), -EINVAL);
    /* Twenty signs are fine, and cost no more than twenty steps. */
    struct expr *signs = checked("--------------------1 * pooled.qps > 0", EXPR_SCOPE_PLAN);
    assert_non_null(signs);
    expr_destroy(signs);
}

static void published_figures_are_read(void **unused)
{
    (void)unused;
    enum expr_op op;
    double limit;
    assert_ok(expr_parse_limit("1.58", METRIC_NUMBER, &op, &limit, NULL));
    assert_int_equal(op, EXPR_ABOUT);
    assert_float_equal(limit, 1.58, 0);
    assert_ok(expr_parse_limit(" > 95%", METRIC_SHARE, &op, &limit, NULL));
    assert_int_equal(op, EXPR_GREATER);
    assert_float_equal(limit, 0.95, 1e-12);
    assert_ok(expr_parse_limit("~ 24.3 ms", METRIC_NS, &op, &limit, NULL));
    assert_float_equal(limit, 24.3e6, 1e-3);
    assert_ok(expr_parse_limit("11650", METRIC_RATE, &op, &limit, NULL));
    static const char *const bad[] = {"7 → 0", "> 95%", "24.3", "0ms", "", "> 1ms > 2ms", "a.p99"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct err err = {0};
        assert_int_equal(expr_parse_limit(bad[i], METRIC_NS, &op, &limit, &err), -EINVAL);
        assert_true(err.text[0] != '\0');
    }
}

static void tolerance_is_relative(void **unused)
{
    (void)unused;
    assert_true(expr_holds(EXPR_ABOUT, 1.5, 1.58, 0.1));
    assert_false(expr_holds(EXPR_ABOUT, 1.4, 1.58, 0.1));
    assert_true(expr_holds(EXPR_ABOUT, -95, -100, 0.1));
    assert_false(expr_holds(EXPR_LESS, NAN, 1, 0.1));
    assert_true(expr_holds(EXPR_NOT_EQUAL, 1, 2, 0));
}

static void every_metric_is_described(void **unused)
{
    (void)unused;
    char text[64];
    for (size_t i = 0; i < METRIC_BUILTIN_COUNT; i++) {
        assert_non_null(metric_builtin[i].name);
        assert_non_null(metric_builtin[i].help);
    }
    assert_null(metric_builtin[METRIC_BUILTIN_COUNT].name);
    assert_string_equal(metric_format(text, sizeof(text), METRIC_NS, 24.3e6), "24.3 ms");
    assert_string_equal(metric_format(text, sizeof(text), METRIC_RATE, 18420), "18.4 k/s");
    assert_string_equal(metric_format(text, sizeof(text), METRIC_SHARE, 0.125), "12.5 %");
    assert_string_equal(metric_format(text, sizeof(text), METRIC_NUMBER, 1.5814), "1.58");
    assert_string_equal(metric_format(text, sizeof(text), METRIC_NS, NAN), "–");
}

static void objectives_are_over_what_a_load_sees(void **unused)
{
    (void)unused;
    double row[METRIC_BUILTIN_COUNT] = {[METRIC_P99] = 99e6, [METRIC_ERRORS] = 0.0005};
    struct expr *objective;
    size_t column;
    struct err err = {0};
    assert_ok(objective_parse("p99 < 100ms and errors < 0.1%", &objective, &column, &err));
    assert_true(objective_holds(objective, row));
    row[METRIC_ERRORS] = 0.001;
    assert_false(objective_holds(objective, row));
    row[METRIC_ERRORS] = 0;
    row[METRIC_P99] = NAN; /* nothing came back */
    assert_false(objective_holds(objective, row));
    expr_destroy(objective);
    assert_int_equal(objective_parse("p99 < 1s and subject_cpu < 1", &objective, &column, &err),
                     -EINVAL);
    assert_int_equal(column, 13);
    assert_null(objective);
    assert_int_equal(objective_parse("p99", &objective, &column, &err), -EINVAL);
    assert_non_null(strstr(err.text, "expected a condition"));
    assert_int_equal(objective_parse("a.p99 < 1s", &objective, NULL, &err), -EINVAL);
    assert_int_equal(objective_parse("p99 <", &objective, NULL, &err), -EINVAL);
    assert_null(objective);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objectives_are_over_what_a_load_sees),
        cmocka_unit_test(figures_are_worked_out),
        cmocka_unit_test(units_are_converted),
        cmocka_unit_test(conditions_hold_or_not),
        cmocka_unit_test(what_is_missing_has_no_value),
        cmocka_unit_test(comparisons_are_arranged_for_a_verdict),
        cmocka_unit_test(scopes_decide_what_a_path_may_be),
        cmocka_unit_test(mistakes_are_pointed_at),
        cmocka_unit_test(size_and_depth_are_bounded),
        cmocka_unit_test(published_figures_are_read),
        cmocka_unit_test(tolerance_is_relative),
        cmocka_unit_test(every_metric_is_described),
    };
    return cmocka_run_group_tests_name("expr", tests, NULL, NULL);
}
