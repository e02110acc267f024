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
        cmocka_unit_test(test_both_sides_of_an_aa_run),
        cmocka_unit_test(test_reasons_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
