/* SPDX-License-Identifier: MIT */
/* invariant_test.c - a round is asked for the invariants of its variant, and for no others. */
#include "report_fixture.h"

#include "run/invariant.h"

static const char scenario[] = "question: Is it?\n"
                               "subject: {url: 'http://127.0.0.1:8080/'}\n"
                               "variants: {plain: {}, pooled: {}}\n"
                               "load: {path: /}\n"
                               "phases:\n"
                               "  - {name: full, kind: measure, for: 1s}\n"
                               "invariants:\n"
                               "  - contaminated == 0\n"                      /* 0 */
                               "  - pooled.full.p99 < 50ms and errors == 0\n" /* 1: across */
                               "  - pooled.p99 < 50ms and pooled.requests > 10\n"
                               "  - pooled.qps > plain.qps\n" /* 3: across */
                               "  - full.max < 1s\n";         /* 4: a phase's */

/* Everything a case needs; the round is the first of plain. */
struct made {
    struct plan *plan;
    struct result *result;
    struct result_round *round;
};

static struct made make(size_t variant, uint64_t requests)
{
    struct made made = {.plan = fixture_plan(scenario)};
    made.result = fixture_result(made.plan);
    made.round = fixture_round(made.result, 0, variant, 10000, 20e6, requests);
    return made;
}

static void made_free(struct made *made)
{
    result_destroy(made->result);
    plan_destroy(made->plan);
}

static void rounds_that_keep_them_stay_valid(void **unused)
{
    (void)unused;
    struct made made = make(1, 20000);
    invariants_check(made.result, made.round);
    assert_true(made.round->valid && result_round_counts(made.round));
    assert_int_equal(made.round->breach_count, 0);
    made_free(&made);
}

static void the_figure_seen_is_told(void **unused)
{
    (void)unused;
    struct made made = make(0, 20000);
    made.round->whole[METRIC_CONTAMINATED] = 3;
    made.round->rows[METRIC_MAX] = 2e9;
    made.round->whole[METRIC_P99] = 90e6; /* of the other variant only */
    invariants_check(made.result, made.round);
    assert_false(made.round->valid);
    assert_int_equal(made.round->breach_count, 2);
    assert_int_equal(made.round->breaches[0].invariant, 0);
    assert_string_equal(made.round->breaches[0].text, "contaminated == 0: was 3");
    assert_int_equal(made.round->breaches[1].invariant, 4);
    assert_string_equal(made.round->breaches[1].text, "full.max < 1s: was 2.00 s");
    invariants_check(made.result, made.round); /* each once */
    assert_int_equal(made.round->breach_count, 2);
    assert_null(result_find(made.result, 0, 0));
    made_free(&made);
}

static void parts_of_a_condition_are_named(void **unused)
{
    (void)unused;
    struct made made = make(1, 20000);
    made.round->whole[METRIC_REQUESTS] = 10;
    invariants_check(made.result, made.round);
    assert_int_equal(made.round->breach_count, 1);
    assert_string_equal(made.round->breaches[0].text,
                        "pooled.p99 < 50ms and pooled.requests > 10: part 2 was 10");
    made_free(&made);
}

static void rounds_the_generator_spoilt_break_them_too(void **unused)
{
    (void)unused;
    struct made made = make(0, 20000);
    made.round->whole[METRIC_CONTAMINATED] = 1;
    result_round_invalid(made.round, "the generator was the limit");
    assert_false(result_round_counts(made.round));
    invariants_check(made.result, made.round);
    assert_int_equal(made.round->breach_count, 1);
    assert_int_equal(made.round->reason_count, 1);
    assert_true(result_round_counts(made.round)); /* an answer: not to be run again */
    made_free(&made);
}

static void what_has_no_figure_breaks_nothing(void **unused)
{
    (void)unused;
    struct made made = make(1, 500); /* too few for a P99 */
    made.round->whole[METRIC_P99] = 90e6;
    made.round->whole[METRIC_CONTAMINATED] = NAN;
    invariants_check(made.result, made.round);
    assert_int_equal(made.round->breach_count, 0);
    made_free(&made);
}

static void both_sides_of_an_aa_run_are_asked(void **unused)
{
    (void)unused;
    struct made made = {.plan = fixture_plan(scenario)};
    assert_ok(result_create(&made.result, made.plan, NULL));
    assert_ok(result_add_variant(made.result, 1, NULL, NULL));
    assert_ok(result_add_variant(made.result, 1, "pooled'", NULL));
    for (size_t i = 0; i < 2; i++) {
        struct result_round *round = fixture_round(made.result, 0, i, 10000, 90e6, 20000);
        invariants_check(made.result, round);
        assert_int_equal(round->breach_count, 1);
        assert_non_null(strstr(round->breaches[0].text, "part 1 was 90.0 ms"));
    }
    made_free(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rounds_that_keep_them_stay_valid),
        cmocka_unit_test(the_figure_seen_is_told),
        cmocka_unit_test(parts_of_a_condition_are_named),
        cmocka_unit_test(rounds_the_generator_spoilt_break_them_too),
        cmocka_unit_test(what_has_no_figure_breaks_nothing),
        cmocka_unit_test(both_sides_of_an_aa_run_are_asked),
    };
    return cmocka_run_group_tests_name("invariant", tests, NULL, NULL);
}
