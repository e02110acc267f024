/* SPDX-License-Identifier: MIT */
/* result_test.c - rounds are found, paired by block, and kept when invalid. */
#include "test.h"

#include "run/result.h"

#include <math.h>
#include <stdio.h>

static struct plan_variant variants[] = {{.name = (char[]){"pooled"}},
                                         {.name = (char[]){"unpooled"}}};
static struct plan_phase phases[] = {{.name = (char[]){"steady"}, .length_ns = 5}};
static const struct plan plan = {.variants = variants,
                                 .variant_count = 2,
                                 .phases = phases,
                                 .phase_count = 1,
                                 .rounds = 3,
                                 .metric_count = 2};

static struct result *make(void)
{
    struct result *result;
    assert_ok(result_create(&result, &plan, NULL));
    assert_ok(result_add_variant(result, 0, NULL, NULL));
    assert_ok(result_add_variant(result, 1, NULL, NULL));
    return result;
}

static struct result_round *add(struct result *result, size_t block, size_t variant, double value)
{
    struct result_round *round;
    assert_ok(result_add_round(result, &round, NULL));
    round->block = block;
    round->variant = variant;
    round->rows[1] = value;
    round->whole[1] = value * 10;
    return round;
}

static void test_fresh(void **state)
{
    (void)state;
    struct result *result = make();
    assert_string_equal(result->variants[1].name, "unpooled");
    assert_string_equal(result->phases[0].name, "steady");
    assert_int_equal(result->block_count, 3);
    struct result_round *round = add(result, 0, 0, 1);
    assert_true(round->valid);
    assert_true(isnan(result_value(result, round, 0, 0)));
    assert_true(result_value(result, round, 0, 1) == 1);
    assert_true(result_value(result, round, EXPR_WHOLE_ROUND, 1) == 10);
    result_destroy(result);
}

static void test_pairs_skip_what_is_not_valid(void **state)
{
    (void)state;
    struct result *result = make();
    add(result, 0, 0, 1);
    result_round_invalid(add(result, 0, 1, 99), "the generator was the limit: %d", 7);
    add(result, 0, 1, 2); /* the repetition counts */
    add(result, 1, 1, 3);
    result_round_invalid(add(result, 1, 0, 98), "again");
    add(result, 2, 0, 5);
    add(result, 2, 1, NAN);
    assert_string_equal(result->rounds[1].reasons[0], "the generator was the limit: 7");

    double a[3], b[3];
    struct expr_ref first = {.variant = 0, .phase = 0, .metric = 1};
    struct expr_ref second = {.variant = 1, .phase = EXPR_WHOLE_ROUND, .metric = 1};
    assert_int_equal(result_pairs(result, &first, &second, a, b), 1);
    assert_true(a[0] == 1 && b[0] == 20);
    assert_int_equal(result_values(result, &first, a), 2);
    assert_true(a[0] == 1 && a[1] == 5);
    assert_null(result_find(result, 1, 0));
    assert_non_null(result_find(result, 0, 1));
    result_destroy(result);
}

/* Two phases, and two metrics: of both phases together, and of the last alone. */
static struct plan_phase both_phases[] = {{.name = (char[]){"open"}, .kind = PLAN_PHASE_MEASURE},
                                          {.name = (char[]){"closed"}, .kind = PLAN_PHASE_MEASURE}};
static struct metric both_metrics[] = {{.name = "sum", .over = METRIC_OVER_SUM},
                                       {.name = "last", .over = METRIC_OVER_LAST}};
static const struct plan both = {.variants = variants,
                                 .variant_count = 1,
                                 .phases = both_phases,
                                 .phase_count = 2,
                                 .rounds = 1,
                                 .metrics = both_metrics,
                                 .metric_count = 2};

static struct result_round *add_both(struct result *result, double value)
{
    struct result_round *round;
    assert_ok(result_add_round(result, &round, NULL));
    for (size_t phase = 0; phase < 2; phase++) {
        round->steps[phase].ran = true;
        round->rows[2 * phase + 1] = value + (double)phase;
    }
    round->whole[0] = round->whole[1] = value + 1;
    return round;
}

/* How often each of four figures is found: of the phases, of the last of them, of both together. */
static void assert_found(const struct result *result, const size_t *expected)
{
    static const struct expr_ref refs[] = {
        {0, 0, 1}, {0, 1, 1}, {0, EXPR_WHOLE_ROUND, 1}, {0, EXPR_WHOLE_ROUND, 0}};
    double value[2];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(result_values(result, &refs[i], value), expected[i]);
}

static void test_a_phase_is_invalid_alone(void **state)
{
    (void)state;
    struct result *result;
    double value[2];
    struct expr_ref closed = {.variant = 0, .phase = 1, .metric = 1};
    assert_ok(result_create(&result, &both, NULL));
    assert_ok(result_add_variant(result, 0, NULL, NULL));
    struct result_round *round = add_both(result, 5);
    result_phase_invalid(round, 0, "open: the generator was %s", "late");
    assert_false(round->valid || round->spoilt || result_round_counts(round));
    assert_false(result_phase_is_sound(round, 0));
    assert_true(result_phase_is_sound(round, 1));
    assert_string_equal(round->reasons[0], "open: the generator was late");
    assert_int_equal(round->reason_phases[0], 0);
    assert_found(result, (const size_t[]){0, 1, 1, 0});
    assert_int_equal(result_values(result, &closed, value), 1);
    assert_true(value[0] == 6);
    add_both(result, 7); /* another attempt, which is valid: the figures are all its */
    assert_found(result, (const size_t[]){1, 1, 1, 1});
    assert_int_equal(result_values(result, &closed, value), 1);
    assert_true(value[0] == 8);
    result_round_invalid(&result->rounds[1], "the database ended");
    assert_found(result, (const size_t[]){0, 1, 1, 0});
    result_round_invalid(&result->rounds[0], "so did this one's");
    assert_int_equal(result->rounds[0].reason_phases[1], -1);
    assert_found(result, (const size_t[]){0, 0, 0, 0});
    result_destroy(result);
}

static void test_both_sides_of_an_aa_run(void **state)
{
    (void)state;
    struct result *result;
    assert_ok(result_create(&result, &plan, NULL));
    assert_ok(result_add_variant(result, 1, NULL, NULL));
    assert_ok(result_add_variant(result, 1, "unpooled'", NULL));
    assert_int_equal(result_variant_of(result, 0), -1);
    assert_int_equal(result_variant_of(result, 1), 0);
    result_destroy(result);
}

static void test_reasons_are_bounded(void **state)
{
    (void)state;
    struct result *result = make();
    struct result_round *round = add(result, 0, 0, 1);
    for (int i = 0; i < 2 * RESULT_REASONS_MAX; i++)
        result_round_invalid(round, "reason %d", i);
    assert_int_equal(round->reason_count, RESULT_REASONS_MAX);
    assert_string_equal(round->reasons[RESULT_REASONS_MAX - 1], "reason 7");
    result_destroy(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fresh),
        cmocka_unit_test(test_pairs_skip_what_is_not_valid),
        cmocka_unit_test(test_a_phase_is_invalid_alone),
        cmocka_unit_test(test_both_sides_of_an_aa_run),
        cmocka_unit_test(test_reasons_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
