/* SPDX-License-Identifier: MIT */
/* stats_test.c - published examples, enumerations by hand, and simulations of known truth. */
#include "test.h"

#include "core/rng.h"
#include "measure/stats.h"

#include <math.h>
#include <string.h>

static void assert_close(double value, double expected, double within)
{
    if (!(fabs(value - expected) <= within))
        fail_msg("%.9g is not %.9g", value, expected);
}

/* As in every printed table of the signed-rank test. */
static void ends_are_those_of_the_tables(void **unused)
{
    (void)unused;
    static const size_t known[] = {1, 3, 4, 6, 9, 11, 14, 18, 22, 26}; /* n = 6 to 15 */
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        assert_int_equal(stats_signed_rank_j(6 + i, 0.05), known[i]);
    assert_int_equal(stats_signed_rank_j(20, 0.05), 53);
    assert_int_equal(stats_signed_rank_j(5, 0.05), 0);
    assert_int_equal(stats_signed_rank_j(5, 0.0625), 1); /* exactly attained */
    assert_int_equal(stats_signed_rank_j(0, 0.05), 0);
    assert_int_equal(stats_signed_rank_j(STATS_COUNT_MAX + 1, 0.05), 0);
    /* Of 512 the normal approximation must be near: 65664 - 1.96 * sqrt(512 * 513 * 1025 / 24). */
    assert_close((double)stats_signed_rank_j(STATS_COUNT_MAX, 0.05), 59100, 60);
}

/* Hollander and Wolfe (1973), depression scale of nine patients; also in R's ?wilcox.test. */
static const double first[] = {1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30};
static const double second[] = {0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29};

static void paired_shifts_are_as_published(void **unused)
{
    (void)unused;
    struct stats_estimate e;
    assert_ok(stats_paired(first, second, 9, STATS_PLAIN, 0.05, &e, NULL));
    assert_int_equal(e.count, 9);
    assert_true(e.bounded);
    assert_close(e.value, -0.46, 1e-9);
    assert_close(e.low, -0.786, 1e-9);
    assert_close(e.high, -0.010, 1e-9);
    assert_close(e.p_value, 0.0390625, 1e-12);
    assert_close(e.confidence, 1 - 2 * 10.0 / 512, 1e-12);
}

static void exchanging_the_sides_inverts_the_ratio(void **unused)
{
    (void)unused;
    struct stats_estimate ab, ba;
    assert_ok(stats_paired(first, second, 9, STATS_LOG, 0.05, &ab, NULL));
    assert_ok(stats_paired(second, first, 9, STATS_LOG, 0.05, &ba, NULL));
    assert_close(ab.value * ba.value, 1, 1e-12);
    assert_close(ab.low * ba.high, 1, 1e-12);
    assert_close(ab.high * ba.low, 1, 1e-12);
    assert_close(ab.p_value, ba.p_value, 1e-12);
    assert_close(ab.detectable, ba.detectable, 1e-12);
    assert_true(ab.low < ab.value && ab.value < ab.high);
}

static void a_constant_factor_is_found_exactly(void **unused)
{
    (void)unused;
    double b[9];
    struct stats_estimate e;
    for (int i = 0; i < 9; i++)
        b[i] = first[i] * 1.25;
    assert_ok(stats_paired(first, b, 9, STATS_LOG, 0.05, &e, NULL));
    assert_close(e.value, 1.25, 1e-12);
    assert_close(e.low, 1.25, 1e-12);
    assert_close(e.high, 1.25, 1e-12);
    assert_close(e.p_value, 2.0 / 512, 1e-12);
    assert_close(e.detectable, 0, 1e-12);
}

/* By enumeration of all signs: ranks 1 to 9 with ties, the zero ranked and left out. */
static void ties_and_zeros_have_their_own_distribution(void **unused)
{
    (void)unused;
    static const double d[] = {0, 1, 1, -2, 3, 3, 3, -1, 5}, zeros[9] = {0};
    struct stats_estimate e;
    assert_ok(stats_single(d, 9, 0, STATS_PLAIN, 0.05, &e, NULL));
    assert_close(e.p_value, 0.109375, 1e-12);
    assert_ok(stats_single(zeros, 9, 0, STATS_PLAIN, 0.05, &e, NULL));
    assert_close(e.p_value, 1, 1e-12);
    assert_close(e.value, 0, 0);
    assert_close(e.high - e.low, 0, 0);
    assert_ok(stats_paired(first, first, 9, STATS_LOG, 0.05, &e, NULL));
    assert_close(e.value, 1, 0);
    assert_close(e.p_value, 1, 0);
}

static void a_level_is_estimated_on_either_scale(void **unused)
{
    (void)unused;
    static const double values[] = {100, 200, 400, 800, 1600, 3200, 6400};
    struct stats_estimate e;
    assert_ok(stats_single(values, 7, 10, STATS_LOG, 0.05, &e, NULL));
    assert_close(e.value, 800, 1e-9);
    assert_close(e.low * e.high, 800 * 800, 1e-6);
    assert_close(e.p_value, 2.0 / 128, 1e-12);
    assert_ok(stats_single(values, 7, 800, STATS_LOG, 0.05, &e, NULL));
    assert_true(e.p_value > 0.9);
    assert_ok(stats_single(values, 7, 0, STATS_PLAIN, 0.05, &e, NULL));
    assert_true(e.value > 800);
}

static void too_few_pairs_have_no_interval(void **unused)
{
    (void)unused;
    struct stats_estimate e;
    for (size_t n = 1; n <= 5; n++) {
        assert_ok(stats_paired(first, second, n, STATS_LOG, 0.05, &e, NULL));
        assert_false(e.bounded);
        assert_true(e.low == e.value && e.high == e.value);
        assert_true(e.confidence == 0 && e.detectable == 0);
        assert_int_equal(stats_judge(&e, 0.02, true), STATS_NO_VERDICT);
    }
    assert_ok(stats_paired(first, second, 6, STATS_LOG, 0.05, &e, NULL));
    assert_true(e.bounded);
    /* Few pairs at a lax level: an interval, but still no verdict. */
    assert_ok(stats_paired(first, second, 5, STATS_LOG, 0.1, &e, NULL));
    assert_true(e.bounded);
    assert_int_equal(stats_judge(&e, 0.02, true), STATS_NO_VERDICT);
}

/* Hollander and Wolfe (1973), permeability of membranes; enumeration for the ties. */
static void two_samples_are_as_published(void **unused)
{
    (void)unused;
    static const double a[] = {0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46};
    static const double b[] = {1.15, 0.88, 0.90, 0.74, 1.21};
    static const double tied_a[] = {1, 2, 2, 3, 5}, tied_b[] = {2, 3, 3, 6, 7, 7};
    struct stats_estimate e, back;
    assert_ok(stats_two_samples(a, 10, b, 5, STATS_PLAIN, 0.05, &e, NULL));
    assert_int_equal(e.count, 5);
    assert_close(e.value, -0.305, 1e-9);
    assert_close(e.low, -0.76, 1e-9);
    assert_close(e.high, 0.15, 1e-9);
    assert_close(e.confidence, 0.96004, 1e-5);
    assert_close(e.p_value, 0.2544122544, 1e-9);
    assert_ok(stats_two_samples(b, 5, a, 10, STATS_PLAIN, 0.05, &back, NULL));
    assert_close(back.value, 0.305, 1e-9);
    assert_close(back.p_value, e.p_value, 1e-12);
    assert_ok(stats_two_samples(tied_a, 5, tied_b, 6, STATS_PLAIN, 0.05, &e, NULL));
    assert_close(e.p_value, 0.1212121212, 1e-9);
    assert_ok(stats_two_samples(a, 2, b, 2, STATS_PLAIN, 0.05, &e, NULL));
    assert_false(e.bounded);
}

/* 100 values together are compared exactly, 102 by approximation: nearly the same must come out. */
static void the_approximation_joins_the_exact(void **unused)
{
    (void)unused;
    double a[51], b[51];
    struct stats_estimate exact, approximate;
    for (int i = 0; i < 51; i++) {
        a[i] = i * 37 % 51 + 100;
        b[i] = i * 23 % 51 + 108.5;
    }
    assert_ok(stats_two_samples(a, 50, b, 50, STATS_LOG, 0.05, &exact, NULL));
    assert_ok(stats_two_samples(a, 51, b, 51, STATS_LOG, 0.05, &approximate, NULL));
    assert_close(approximate.p_value / exact.p_value, 1, 0.35);
    assert_close(approximate.low, exact.low, 0.01);
    assert_close(approximate.high, exact.high, 0.01);
    assert_true(exact.confidence >= 0.95);
}

static void bad_values_are_errors(void **unused)
{
    (void)unused;
    static const double good[] = {1, 2, 3};
    static const double bad[][3] = {{1, NAN, 3}, {-INFINITY, 2, 3}, {0, 2, 3}, {1, -2, 3}};
    static double many[STATS_COUNT_MAX + 1];
    struct stats_estimate e = {.count = 77};
    struct err err = {0};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(stats_paired(good, bad[i], 3, STATS_LOG, 0.05, &e, &err), -EDOM);
        assert_non_null(strstr(err.text, "of B"));
        assert_int_equal(stats_paired(bad[i], good, 3, STATS_LOG, 0.05, &e, &err), -EDOM);
        assert_int_equal(stats_single(bad[i], 3, 1, STATS_LOG, 0.05, &e, &err), -EDOM);
        assert_int_equal(stats_two_samples(good, 3, bad[i], 3, STATS_LOG, 0.05, &e, &err), -EDOM);
    }
    assert_ok(stats_paired(good, bad[3], 3, STATS_PLAIN, 0.05, &e, NULL)); /* a shift may be */
    e.count = 77;
    assert_int_equal(stats_paired(good, good, 0, STATS_LOG, 0.05, &e, &err), -EINVAL);
    assert_int_equal(stats_paired(good, good, 3, STATS_LOG, 0, &e, &err), -EINVAL);
    assert_int_equal(stats_paired(good, good, 3, STATS_LOG, 0.6, &e, &err), -EINVAL);
    assert_int_equal(stats_paired(good, good, 3, STATS_LOG, NAN, &e, &err), -EINVAL);
    assert_int_equal(stats_single(good, 3, 0, STATS_LOG, 0.05, &e, &err), -EDOM);
    assert_int_equal(stats_single(many, STATS_COUNT_MAX + 1, 0, STATS_PLAIN, 0.05, &e, &err),
                     -E2BIG);
    assert_int_equal(e.count, 77);
}

/* A value larger than all that were watched for: ranks take it, and make no number of it. */
static void never_is_larger_than_any_number(void **unused)
{
    (void)unused;
    static const double one[] = {2, 3, 4, 5, 6, INFINITY}, ones[] = {1, 1, 1, 1, 1, 1};
    static const double most[] = {2, INFINITY, INFINITY, INFINITY, INFINITY, INFINITY};
    static const double both[] = {-INFINITY, 1, 2, 3, 4, INFINITY};
    const enum stats_scale scales[] = {STATS_PLAIN, STATS_LOG};
    struct stats_estimate e;
    struct err err = {0};
    for (size_t i = 0; i < 2; i++) {
        assert_ok(stats_single(one, 6, 1, scales[i], 0.05, &e, NULL));
        assert_true(e.bounded && e.value < 6 && isinf(e.high));
        assert_close(e.low, 2, 1e-9);
        assert_true(isinf(e.detectable));
        assert_close(e.p_value, 1.0 / 32, 1e-9);
        assert_ok(stats_single(most, 6, 1, scales[i], 0.05, &e, NULL));
        assert_true(isinf(e.value) && isinf(e.high));
        assert_close(e.low, 2, 1e-9);
        assert_ok(stats_paired(ones, one, 6, scales[i], 0.05, &e, NULL));
        assert_true(e.bounded && isinf(e.high) && isfinite(e.value));
        assert_ok(stats_single(most + 1, 2, 1, scales[i], 0.05, &e, NULL));
        assert_true(isinf(e.value) && e.value > 0 && !e.bounded);
    }
    assert_ok(stats_paired(one, ones, 6, STATS_LOG, 0.05, &e, NULL)); /* never below the line */
    assert_true(e.low == 0 && isfinite(e.high) && e.value > 0);
    assert_ok(stats_single(both, 6, 1, STATS_PLAIN, 0.05, &e, NULL));
    assert_true(e.bounded && isinf(e.low) && e.low < 0 && isinf(e.high) && e.high > 0);
    assert_close(e.value, 2.5, 1e-9);

    assert_int_equal(stats_single(ones, 6, INFINITY, STATS_LOG, 0.05, &e, &err), -EDOM);
    double band;
    assert_int_equal(stats_noise_band(one, 6, &band, &err), -EDOM);
}

/* Of a pair that is never on both sides the ratio may be anything. */
static void pairs_that_are_never_on_both_sides_bound_nothing(void **unused)
{
    (void)unused;
    double a[10], b[10];
    struct stats_estimate e;
    for (size_t never = 0; never <= 10; never++) {
        for (size_t i = 0; i < 10; i++) {
            a[i] = i < never ? INFINITY : 10 + (double)i;
            b[i] = i < never ? INFINITY : 2 * a[i];
        }
        assert_ok(stats_paired(a, b, 10, STATS_LOG, 0.05, &e, NULL));
        assert_true(e.bounded && e.count == 10);
        /* The sign test leaves out one pair at either end. */
        assert_true(never < 2 ? e.low > 1.9 && e.high < 2.1 : e.low == 0 && isinf(e.high));
        assert_true(never < 10 ? fabs(e.value - 2) < 1e-9 : isnan(e.value));
        assert_true(never == 0 || isinf(e.detectable));
        assert_true(never < 9 ? e.p_value < 1 : e.p_value == 1);
    }
}

/* Never against a number is beyond all other differences; two of them tie. */
static void samples_may_have_rounds_that_are_never(void **unused)
{
    (void)unused;
    static const struct {
        size_t a, b;    /* how many of ten are never */
        bool low, high; /* whether the ends are numbers above 0 */
        bool found;     /* a difference, at 5 % */
    } cases[] = {
        {0, 0, true, true, false},   {0, 1, true, true, false},   {0, 4, true, false, false},
        {0, 8, false, false, true},  {8, 0, false, false, true},  {4, 4, false, false, false},
        {0, 10, false, false, true}, {10, 0, false, false, true}, {10, 10, false, false, false},
    };
    for (size_t k = 0; k < sizeof(cases) / sizeof(*cases); k++) {
        double a[10], b[10];
        struct stats_estimate e;
        for (size_t i = 0; i < 10; i++) {
            a[i] = i < cases[k].a ? INFINITY : 100 + (double)(i * 7 % 10);
            b[i] = i < cases[k].b ? INFINITY : 100 + (double)(i * 3 % 10);
        }
        assert_ok(stats_two_samples(a, 10, b, 10, STATS_LOG, 0.05, &e, NULL));
        assert_true(e.bounded && e.count == 10);
        assert_int_equal(e.low > 0 && isfinite(e.low), cases[k].low);
        assert_int_equal(e.high > 0 && isfinite(e.high), cases[k].high);
        assert_int_equal(e.p_value < 0.05, cases[k].found);
        assert_int_equal(e.low > 1.02 || e.high < 1 / 1.02, cases[k].found);
        if (cases[k].b >= 8 && cases[k].a == 0)
            assert_true(isinf(e.low) && stats_judge(&e, 0.02, false) == STATS_WORSE);
        if (cases[k].a >= 8 && cases[k].b == 0)
            assert_true(e.high == 0 && stats_judge(&e, 0.02, false) == STATS_BETTER);
    }
}

static void medians_are_of_the_middle(void **unused)
{
    (void)unused;
    double odd[] = {3, 1, 2}, even[] = {4, 1, INFINITY, 2}, half[] = {1, INFINITY};
    assert_close(stats_median(odd, 3), 2, 0);
    assert_close(stats_median(even, 4), 3, 0);
    assert_true(isinf(stats_median(half, 2)));
    assert_true(isnan(stats_median(half, 0)));
}

static void verdicts_need_the_whole_interval(void **unused)
{
    (void)unused;
    static const struct {
        double low, high;
        enum stats_verdict more, less;
    } cases[] = {
        {1.03, 1.10, STATS_BETTER, STATS_WORSE},
        {0.80, 0.97, STATS_WORSE, STATS_BETTER},
        {0.99, 1.01, STATS_EQUIVALENT, STATS_EQUIVALENT},
        {1.01, 1.05, STATS_INCONCLUSIVE, STATS_INCONCLUSIVE},
        {1.019, 1.021, STATS_INCONCLUSIVE, STATS_INCONCLUSIVE},
        {0.5, 2, STATS_INCONCLUSIVE, STATS_INCONCLUSIVE},
        {1.02, 1.03, STATS_INCONCLUSIVE, STATS_INCONCLUSIVE}, /* touches the band */
        {1 / 1.02, 1.02, STATS_EQUIVALENT, STATS_EQUIVALENT},
        {1 / 1.021, 1.02, STATS_INCONCLUSIVE, STATS_INCONCLUSIVE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct stats_estimate e = {
            .count = 6, .bounded = true, .low = cases[i].low, .high = cases[i].high};
        assert_int_equal(stats_judge(&e, 0.02, true), cases[i].more);
        assert_int_equal(stats_judge(&e, 0.02, false), cases[i].less);
        e.count = 5;
        assert_int_equal(stats_judge(&e, 0.02, true), STATS_NO_VERDICT);
    }
    assert_string_equal(stats_verdict_word(STATS_NO_VERDICT), "no verdict");
    assert_string_equal(stats_verdict_word(STATS_WORSE), "worse");
}

static void the_noise_band_is_that_of_a_a_runs(void **unused)
{
    (void)unused;
    double ratios[20], band = 0;
    struct err err;
    for (int i = 0; i < 20; i++)
        ratios[i] = i % 2 ? 1 + i / 100.0 : 1 / (1 + i / 100.0);
    assert_ok(stats_noise_band(ratios, 20, &band, NULL));
    assert_close(band, 0.18, 1e-9); /* the 19th of 20 */
    assert_ok(stats_noise_band(ratios, 2, &band, NULL));
    assert_close(band, STATS_BAND_LEAST, 0);
    ratios[3] = 0;
    assert_int_equal(stats_noise_band(ratios, 20, &band, &err), -EDOM);
    assert_int_equal(stats_noise_band(ratios, 0, &band, &err), -EINVAL);
}

static void holm_corrects_step_by_step(void **unused)
{
    (void)unused;
    double p[] = {0.01, 0.04, 0.03, 0.005, 0.04, 0.9};
    static const double expected[] = {0.05, 0.12, 0.12, 0.03, 0.12, 0.9};
    assert_ok(stats_holm(p, 6, p, NULL)); /* in place */
    for (int i = 0; i < 6; i++)
        assert_close(p[i], expected[i], 1e-12);
    static const double large[] = {0.6, 0.7}, wrong[] = {0.5, 1.1}, none[] = {NAN};
    assert_ok(stats_holm(large, 2, p, NULL));
    assert_close(p[0], 1, 0);
    assert_close(p[1], 1, 0);
    assert_ok(stats_holm(p, 0, p, NULL));
    assert_int_equal(stats_holm(wrong, 2, p, NULL), -EDOM);
    assert_int_equal(stats_holm(none, 1, p, NULL), -EDOM);
}

enum noise { NOISE_NORMAL, NOISE_HEAVY, NOISE_SKEWED };

static double draw(struct rng *rng, enum noise noise)
{
    double normal = sqrt(rng_exponential(rng, 2)) * cos(2 * M_PI * rng_unit(rng));
    switch (noise) {
    case NOISE_HEAVY: /* every tenth round is disturbed */
        return rng_unit(rng) < 0.1 ? 5 * normal : normal;
    case NOISE_SKEWED:
        return exp(normal) - 1;
    default:
        return normal;
    }
}

struct simulated {
    int differed, rejected,
        covered; /* of the runs: interval without 1, p at most 5 %, with the truth */
};

/* Runs experiments of 10 pairs with a round noise of sigma and a true ratio. */
static struct simulated simulate(enum noise noise, double sigma, double ratio, int runs)
{
    struct simulated result = {0};
    struct rng rng;
    rng_init(&rng, 20, (uint64_t)noise);
    for (int i = 0; i < runs; i++) {
        double a[10], b[10];
        struct stats_estimate e;
        for (int k = 0; k < 10; k++) {
            a[k] = 5000 * exp(sigma * draw(&rng, noise));
            b[k] = 5000 * exp(sigma * draw(&rng, noise)) * ratio;
        }
        assert_ok(stats_paired(a, b, 10, STATS_LOG, STATS_ALPHA, &e, NULL));
        result.differed += e.low > 1 || e.high < 1;
        result.rejected += e.p_value <= STATS_ALPHA;
        result.covered += e.low <= ratio && ratio <= e.high;
    }
    return result;
}

/* The exact level at 10 pairs is 4.88 %: 97.7 of 2,000, give or take 9.6 (one deviation). The same
 * numbers come out each time; the bounds are three deviations. */
static void a_a_differs_as_often_as_stated(void **unused)
{
    (void)unused;
    for (int noise = NOISE_NORMAL; noise <= NOISE_SKEWED; noise++) {
        struct simulated runs = simulate((enum noise)noise, 0.05, 1, 2000);
        assert_in_range(runs.differed, 69, 127);
        assert_int_equal(runs.rejected, runs.differed); /* test and interval agree */
        assert_int_equal(runs.covered, 2000 - runs.differed);
    }
}

/* reporting: at 10 pairs and 3 % noise a 5 % change is found 90 % of the time; and the estimate of
 * the detectable effect says so of itself. */
static void a_true_difference_is_found(void **unused)
{
    (void)unused;
    struct simulated runs = simulate(NOISE_NORMAL, 0.03, 1.05, 1000);
    assert_in_range(runs.differed, 870, 930);
    assert_in_range(runs.covered, 930, 970);
    struct rng rng;
    rng_init(&rng, 4, 4);
    double sum = 0;
    for (int i = 0; i < 200; i++) {
        double a[10], b[10];
        struct stats_estimate e;
        for (int k = 0; k < 10; k++) {
            a[k] = exp(0.03 * draw(&rng, NOISE_NORMAL));
            b[k] = exp(0.03 * draw(&rng, NOISE_NORMAL));
        }
        assert_ok(stats_paired(a, b, 10, STATS_LOG, STATS_ALPHA, &e, NULL));
        sum += e.detectable;
    }
    assert_close(sum / 200, 0.05, 0.003);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_are_those_of_the_tables),
        cmocka_unit_test(paired_shifts_are_as_published),
        cmocka_unit_test(exchanging_the_sides_inverts_the_ratio),
        cmocka_unit_test(a_constant_factor_is_found_exactly),
        cmocka_unit_test(ties_and_zeros_have_their_own_distribution),
        cmocka_unit_test(a_level_is_estimated_on_either_scale),
        cmocka_unit_test(too_few_pairs_have_no_interval),
        cmocka_unit_test(two_samples_are_as_published),
        cmocka_unit_test(the_approximation_joins_the_exact),
        cmocka_unit_test(bad_values_are_errors),
        cmocka_unit_test(never_is_larger_than_any_number),
        cmocka_unit_test(pairs_that_are_never_on_both_sides_bound_nothing),
        cmocka_unit_test(samples_may_have_rounds_that_are_never),
        cmocka_unit_test(medians_are_of_the_middle),
        cmocka_unit_test(verdicts_need_the_whole_interval),
        cmocka_unit_test(the_noise_band_is_that_of_a_a_runs),
        cmocka_unit_test(holm_corrects_step_by_step),
        cmocka_unit_test(a_a_differs_as_often_as_stated),
        cmocka_unit_test(a_true_difference_is_found),
    };
    return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
