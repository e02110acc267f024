/* SPDX-License-Identifier: MIT */
/* gauge_test.c - samples are kept where they belong, and what is missing is not 0. */
#include "test.h"

#include "plan/plan.h"
#include "run/gauge.h"

#include <math.h>

/* Entries 0 to 9 of 100 ns from 1000 on; 3 and 4 were skipped, 6 has no figure. */
static struct gauge made(void)
{
    struct gauge gauge = {.start_ns = 1000, .period_ns = 100};
    for (size_t i = 0; i < 10; i++)
        if (i != 3 && i != 4)
            assert_ok(gauge_put(&gauge, i, i == 6 ? NAN : (double)(i * i)));
    return gauge;
}

static void what_is_left_out_is_missing(void **unused)
{
    (void)unused;
    struct gauge gauge = made();
    assert_int_equal(gauge.count, 10);
    assert_true(isnan(gauge.values[3]) && isnan(gauge.values[4]) && isnan(gauge.values[6]));
    assert_true(gauge.values[5] == 25);
    gauge_fini(&gauge);
    assert_null(gauge.values);
}

/* The first entry at the bound tells, on the phase's own clock. */
static void a_bound_is_reached_once_or_never(void **unused)
{
    (void)unused;
    struct gauge gauge = made();
    gauge_cut(&gauge, 1150, 1000);
    assert_true(gauge_reached(&gauge, EXPR_GREATER_EQUAL, 4) == 50);
    assert_true(gauge_reached(&gauge, EXPR_GREATER, 4) ==
                350); /* 25, behind two that are missing */
    assert_true(gauge_reached(&gauge, EXPR_NOT_EQUAL, 4) == 350);
    assert_true(gauge_reached(&gauge, EXPR_EQUAL, 81) == 750);
    assert_true(isnan(gauge_reached(&gauge, EXPR_GREATER, 81)));
    gauge.opened = true;
    gauge.opening = 7;
    assert_true(gauge_reached(&gauge, EXPR_GREATER, 4) == 0);
    gauge_fini(&gauge);
}

/* It bounds what was seen, but is no sample of the phase. */
static void the_opening_counts_for_the_extremes(void **unused)
{
    (void)unused;
    struct gauge gauge = made();
    gauge.opened = true;
    gauge.opening = 500;
    gauge_cut(&gauge, 1150, 1000);
    assert_true(gauge.low == 4 && gauge.high == 500);
    assert_int_equal(gauge.taken, 5);
    assert_true(gauge_take(&gauge, PLAN_TAKE_MAX) == 500 && gauge_take(&gauge, PLAN_TAKE_MIN) == 4);
    assert_true(gauge_take(&gauge, PLAN_TAKE_MEAN) == (4 + 25 + 49 + 64 + 81) / 5.0);
    gauge.opening = 1;
    assert_true(gauge_take(&gauge, PLAN_TAKE_MAX) == 81 && gauge_take(&gauge, PLAN_TAKE_MIN) == 1);
    gauge_fini(&gauge);
    struct gauge alone = {.period_ns = 100, .opened = true, .opening = 3}; /* nothing else came */
    assert_true(gauge_take(&alone, PLAN_TAKE_MAX) == 3 &&
                isnan(gauge_take(&alone, PLAN_TAKE_MEAN)));
}

static void only_what_is_of_the_phase_stays(void **unused)
{
    (void)unused;
    struct gauge gauge = made();
    gauge_cut(&gauge, 1150, 1000); /* entries 2 to 9; of 10 and 11 nothing came */
    assert_int_equal(gauge.start_ns, 50);
    assert_int_equal(gauge.count, 8);
    assert_true(gauge.values[0] == 4 && gauge.values[7] == 81);
    assert_int_equal(gauge.taken, 5);
    assert_int_equal(gauge.missed, 5);
    assert_true(gauge.low == 4 && gauge.high == 81);
    gauge_cut(&gauge, 0, 150); /* of times that count from the phase's start now */
    assert_int_equal(gauge.count, 1);
    assert_int_equal(gauge.missed, 0);
    gauge_fini(&gauge);
}

static void a_phase_without_samples_has_none(void **unused)
{
    (void)unused;
    struct gauge gauge = {.start_ns = 1000, .period_ns = 100};
    gauge_cut(&gauge, 990, 305);
    assert_int_equal(gauge.count, 0);
    assert_int_equal(gauge.taken, 0);
    assert_int_equal(gauge.missed, 3);
    assert_true(isnan(gauge.low) && isnan(gauge.high));
    for (int take = PLAN_TAKE_LAST; take <= PLAN_TAKE_MIN; take++)
        assert_true(isnan(gauge_take(&gauge, take)));
    gauge_thin(&gauge, 5, PLAN_TAKE_MAX);
    assert_int_equal(gauge.count, 0);
    gauge = (struct gauge){.start_ns = 1000, .period_ns = 100}; /* no load ever started */
    assert_ok(gauge_put(&gauge, 0, 7));
    gauge_cut(&gauge, 0, 0);
    assert_int_equal(gauge.count, 0);
    gauge_fini(&gauge);
}

static void one_figure_is_taken(void **unused)
{
    (void)unused;
    struct gauge gauge = made();
    assert_true(gauge_take(&gauge, PLAN_TAKE_MAX) == 81);
    assert_true(gauge_take(&gauge, PLAN_TAKE_MIN) == 0);
    assert_true(gauge_take(&gauge, PLAN_TAKE_MEAN) == (0 + 1 + 4 + 25 + 49 + 64 + 81) / 7.0);
    gauge.values[9] = NAN;
    assert_true(gauge_take(&gauge, PLAN_TAKE_LAST) == 64);
    gauge_fini(&gauge);
}

static void many_entries_become_few(void **unused)
{
    (void)unused;
    static const struct {
        int take;
        double values[4]; /* of 0-2, 3-5, 6-8, 9 */
    } cases[] = {
        {PLAN_TAKE_MAX, {4, 25, 64, 81}},
        {PLAN_TAKE_MIN, {0, 25, 49, 81}},
        {PLAN_TAKE_MEAN, {5 / 3.0, 25, 56.5, 81}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct gauge gauge = made();
        gauge_thin(&gauge, 4, cases[i].take);
        assert_int_equal(gauge.count, 4);
        assert_int_equal(gauge.period_ns, 300);
        assert_memory_equal(gauge.values, cases[i].values, sizeof(cases[i].values));
        gauge_thin(&gauge, 4, cases[i].take); /* few enough */
        assert_int_equal(gauge.count, 4);
        gauge_fini(&gauge);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_out_is_missing),
        cmocka_unit_test(only_what_is_of_the_phase_stays),
        cmocka_unit_test(a_bound_is_reached_once_or_never),
        cmocka_unit_test(the_opening_counts_for_the_extremes),
        cmocka_unit_test(a_phase_without_samples_has_none),
        cmocka_unit_test(one_figure_is_taken),
        cmocka_unit_test(many_entries_become_few),
    };
    return cmocka_run_group_tests_name("gauge", tests, NULL, NULL);
}
