/* SPDX-License-Identifier: MIT */
/* hist_test.c - values land where HdrHistogram puts them, nothing recorded is hidden or moved. */
#include "test.h"

#include "core/rng.h"
#include "measure/hist.h"

#include <string.h>

static struct hist *make(uint64_t lowest_ns, uint64_t highest_ns, unsigned digits)
{
    struct hist *hist = NULL;
    assert_ok(hist_create(&hist, lowest_ns, highest_ns, digits, NULL));
    return hist;
}

static struct hist *make_default(void)
{
    struct hist *hist = NULL;
    assert_ok(hist_create_default(&hist, NULL));
    return hist;
}

static uint64_t sum_of_counts(const struct hist *hist)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < hist->geometry.counts_length; i++)
        sum += hist->counts[i];
    return sum;
}

static void assert_near(double value, double expected, double share)
{
    assert_true(value >= expected * (1 - share) && value <= expected * (1 + share));
}

/* Lengths as hdr-histogram-js answers them (the last one beyond its numbers). */
static void geometry_is_that_of_hdrhistogram(void **unused)
{
    (void)unused;
    static const struct {
        uint64_t lowest, highest;
        unsigned digits;
        uint32_t length;
    } known[] = {
        {1, UINT64_C(3600000000), 3, 23552},
        {1, 65536, 2, 1408},
        {1, 2, 1, 32},
        {1000, UINT64_C(60000000000), 2, 2688},
        {1, HIST_HIGHEST_NS, 3, 33792},
        {1024, UINT64_C(3600000000000), 5, 2097152},
        {1, INT64_MAX, 3, 55296},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
        struct hist_geometry g;
        assert_ok(hist_geometry_init(&g, known[i].lowest, known[i].highest, known[i].digits, NULL));
        assert_int_equal(g.counts_length, known[i].length);
        assert_true(hist_index(&g, known[i].highest) < g.counts_length);
    }
}

static void entries_tile_the_range(void **unused)
{
    (void)unused;
    static const uint64_t lowest[] = {1, 3, 1000, 4096};
    for (unsigned digits = 1; digits <= 4; digits++) {
        struct hist_geometry g;
        assert_ok(hist_geometry_init(&g, lowest[digits - 1], HIST_HIGHEST_NS, digits, NULL));
        uint64_t expected_ns = 0;
        for (uint32_t i = 0; i < g.counts_length; i++) {
            uint64_t low_ns = hist_index_lowest_ns(&g, i), high_ns = hist_index_highest_ns(&g, i);
            assert_int_equal(low_ns, expected_ns);
            assert_int_equal(hist_index(&g, low_ns), i);
            assert_int_equal(hist_index(&g, high_ns), i);
            assert_in_range(hist_index_middle_ns(&g, i), low_ns, high_ns + 1);
            expected_ns = high_ns + 1;
        }
    }
}

static void values_keep_their_digits(void **unused)
{
    (void)unused;
    struct hist *hist = make_default();
    struct rng rng;
    rng_init(&rng, 1, 0);
    for (int i = 0; i < 20000; i++) {
        uint64_t value_ns = rng_below(&rng, UINT64_C(1) << rng_below(&rng, 42));
        uint32_t index = hist_index(&hist->geometry, value_ns);
        uint64_t width_ns = hist_index_highest_ns(&hist->geometry, index) -
                            hist_index_lowest_ns(&hist->geometry, index);
        assert_true(width_ns * 1000 <= value_ns);
    }
    hist_destroy(hist);
}

static void unusable_geometries_are_refused(void **unused)
{
    (void)unused;
    static const struct {
        uint64_t lowest, highest;
        unsigned digits;
        int code;
    } bad[] = {
        {0, 100, 3, -EINVAL},
        {1, 1, 3, -EINVAL},
        {600, 1199, 3, -EINVAL},
        {1, 100, 0, -EINVAL},
        {1, 100, 6, -EINVAL},
        {1, UINT64_MAX, 3, -EINVAL},
        {UINT64_C(1) << 61, INT64_MAX, 3, -EINVAL},
        {UINT64_C(1) << 63, UINT64_MAX, 3, -EINVAL},
        {1, INT64_MAX, 5, -EFBIG},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct hist *hist = NULL;
        struct err err = {0};
        assert_int_equal(hist_create(&hist, bad[i].lowest, bad[i].highest, bad[i].digits, &err),
                         bad[i].code);
        assert_null(hist);
        assert_non_null(strstr(err.text, "histogram"));
    }
}

static void an_empty_one_answers_zero(void **unused)
{
    (void)unused;
    struct hist *hist = make_default();
    struct hist_iter iter;
    struct hist_row row;
    assert_int_equal(hist_min_ns(hist), 0);
    assert_int_equal(hist_max_ns(hist), 0);
    assert_int_equal(hist_percentile_ns(hist, 99), 0);
    assert_int_equal(hist_count_at_or_below(hist, 1000), 0);
    assert_true(hist_mean_ns(hist) == 0 && hist_stddev_ns(hist) == 0);
    hist_iter_recorded(&iter, hist);
    assert_false(hist_iter_next(&iter, &row));
    hist_iter_percentiles(&iter, hist, 5);
    assert_false(hist_iter_next(&iter, &row));
    hist_reset(hist);
    assert_int_equal(hist->count, 0);
    hist_destroy(hist);
}

static void percentiles_are_of_all_values(void **unused)
{
    (void)unused;
    struct hist *hist = make_default();
    for (uint64_t value_ns = 1; value_ns <= 100000; value_ns++)
        hist_record(hist, value_ns);
    static const double percentiles[] = {10, 50, 90, 99, 99.9, 99.99};
    for (size_t i = 0; i < sizeof(percentiles) / sizeof(*percentiles); i++) {
        uint64_t value_ns = hist_percentile_ns(hist, percentiles[i]);
        assert_near((double)value_ns, percentiles[i] * 1000, 0.001);
        assert_true((double)hist_count_at_or_below(hist, value_ns) >= percentiles[i] * 1000);
    }
    assert_int_equal(hist_percentile_ns(hist, 0), 1);
    assert_int_equal(hist_percentile_ns(hist, 100), 100000);
    assert_near(hist_mean_ns(hist), 50000.5, 0.001);
    assert_near(hist_stddev_ns(hist), 28867.5, 0.001);
    hist_destroy(hist);
}

/* 50 % of 2 and 99.9 % of 1000 are reached exactly: rounding must not ask for one value more. */
static void ranks_do_not_skip_a_value(void **unused)
{
    (void)unused;
    assert_int_equal(hist_rank(2, 50), 1);
    assert_int_equal(hist_rank(1000, 99.9), 999);
    assert_int_equal(hist_rank(1000, 99.91), 1000);
    assert_int_equal(hist_rank(100, 55), 55);
    assert_int_equal(hist_rank(100, 7), 7);
    assert_int_equal(hist_rank(100, 0), 1);
    assert_int_equal(hist_rank(100, 100), 100);
    assert_int_equal(hist_rank(0, 100), 1);
}

static void no_percentile_exceeds_the_maximum(void **unused)
{
    (void)unused;
    struct hist *hist = make_default();
    hist_record(hist, 1000001); /* its entry reaches further */
    assert_true(hist_index_highest_ns(&hist->geometry, hist_index(&hist->geometry, 1000001)) >
                1000001);
    assert_int_equal(hist_percentile_ns(hist, 50), 1000001);
    assert_int_equal(hist_percentile_ns(hist, 100), 1000001);
    assert_int_equal(hist_min_ns(hist), 1000001);
    hist_destroy(hist);
}

static void what_is_too_large_is_clamped_and_counted(void **unused)
{
    (void)unused;
    struct hist *hist = make(1, 1000000, 3);
    hist_record(hist, 1000000);
    hist_record(hist, 1000001);
    hist_record(hist, UINT64_MAX);
    hist_record_n(hist, 5000000, 3);
    assert_int_equal(hist->count, 6);
    assert_int_equal(hist->overflow, 5);
    assert_int_equal(hist_max_ns(hist), 1000000);
    assert_int_equal(sum_of_counts(hist), 6);
    hist_destroy(hist);
}

static void zero_and_times_are_values_too(void **unused)
{
    (void)unused;
    struct hist *hist = make_default();
    hist_record_n(hist, 5, 0);
    assert_int_equal(hist->count, 0);
    hist_record(hist, 0);
    hist_record_n(hist, 7, 3);
    assert_int_equal(hist->count, 4);
    assert_int_equal(hist_min_ns(hist), 0);
    assert_int_equal(hist_percentile_ns(hist, 25), 0);
    assert_int_equal(hist_percentile_ns(hist, 26), 7);
    assert_int_equal(hist_count_at_or_below(hist, 0), 1);
    assert_int_equal(hist_count_at_or_below(hist, 6), 1);
    assert_int_equal(hist_count_at_or_below(hist, 7), 4);
    assert_int_equal(hist_count_at_or_below(hist, UINT64_MAX), 4);
    hist_destroy(hist);
}

static void merging_is_recording_all(void **unused)
{
    (void)unused;
    struct hist *parts[3] = {make_default(), make_default(), make_default()};
    struct hist *whole = make_default(), *merged = make_default();
    struct rng rng;
    rng_init(&rng, 7, 0);
    for (int i = 0; i < 30000; i++) {
        uint64_t value_ns = (uint64_t)rng_exponential(&rng, 1e9 * (1 + i % 3 * 1000));
        hist_record(whole, value_ns);
        hist_record(parts[i % 3], value_ns);
    }
    for (int i = 0; i < 3; i++) {
        hist_merge(merged, parts[i]);
        hist_destroy(parts[i]);
    }
    assert_true(whole->overflow > 0);
    assert_int_equal(merged->overflow, whole->overflow);
    assert_int_equal(merged->count, whole->count);
    assert_int_equal(merged->min_ns, whole->min_ns);
    assert_int_equal(merged->max_ns, whole->max_ns);
    assert_memory_equal(merged->counts, whole->counts,
                        whole->geometry.counts_length * sizeof(uint64_t));
    hist_destroy(whole);
    hist_destroy(merged);
}

static void differing_geometries_merge_by_value(void **unused)
{
    (void)unused;
    struct hist *fine = make_default(), *coarse = make(1000, 10000000, 2);
    for (uint64_t value_ns = 100; value_ns <= 20000000; value_ns += 100)
        hist_record(fine, value_ns);
    hist_merge(coarse, fine);
    assert_int_equal(coarse->count, 200000);
    assert_int_equal(sum_of_counts(coarse), 200000);
    assert_true(coarse->overflow > 99900 && coarse->overflow < 100100);
    assert_int_equal(hist_min_ns(coarse), 100);
    assert_int_equal(hist_max_ns(coarse), 10000000);
    assert_near((double)hist_percentile_ns(coarse, 25), 5e6, 0.01);

    struct hist *back = make_default();
    hist_merge(back, coarse);
    assert_int_equal(back->count, 200000);
    assert_int_equal(back->overflow, coarse->overflow);
    assert_int_equal(hist_max_ns(back), 10000000);
    assert_near((double)hist_percentile_ns(back, 25), 5e6, 0.015);
    hist_destroy(fine);
    hist_destroy(coarse);
    hist_destroy(back);
}

static void counts_saturate_rather_than_wrap(void **unused)
{
    (void)unused;
    struct hist *hist = make_default();
    hist_record_n(hist, 10, UINT64_MAX - 1);
    hist_record_n(hist, 10, 5);
    hist_record_n(hist, 20, 5);
    assert_int_equal(hist->count, UINT64_MAX);
    assert_int_equal(hist_percentile_ns(hist, 50), 10);
    hist_merge(hist, hist);
    assert_int_equal(hist->count, UINT64_MAX);
    hist_destroy(hist);
}

static void reset_leaves_nothing(void **unused)
{
    (void)unused;
    struct hist *hist = make(1, 1000000, 3);
    for (uint64_t value_ns = 0; value_ns <= 2000000; value_ns += 999)
        hist_record(hist, value_ns);
    hist_reset(hist);
    assert_int_equal(sum_of_counts(hist), 0);
    assert_int_equal(hist->count, 0);
    assert_int_equal(hist->overflow, 0);
    hist_record(hist, 5);
    assert_int_equal(hist_min_ns(hist), 5);
    assert_int_equal(hist_max_ns(hist), 5);
    hist_destroy(hist);
}

static void recorded_rows_are_complete(void **unused)
{
    (void)unused;
    struct hist *hist = make_default();
    hist_record_n(hist, 3, 2);
    hist_record_n(hist, 5000, 6);
    hist_record_n(hist, 1000001, 2);
    static const struct hist_row expected[] = {
        {3, 2, 2, 20}, {5003, 6, 8, 80}, {1000001, 2, 10, 100}};
    struct hist_iter iter;
    struct hist_row row;
    hist_iter_recorded(&iter, hist);
    for (size_t i = 0; i < 3; i++) {
        assert_true(hist_iter_next(&iter, &row));
        assert_int_equal(row.value_ns, expected[i].value_ns);
        assert_int_equal(row.count, expected[i].count);
        assert_int_equal(row.cumulative, expected[i].cumulative);
        assert_true(row.percentile == expected[i].percentile);
    }
    assert_false(hist_iter_next(&iter, &row));
    hist_destroy(hist);
}

/* Ten values, one tick a half: 0, 50, 75, 87.5, 93.75 (which the tenth value reaches), then 100. */
static void percentile_rows_end_with_all(void **unused)
{
    (void)unused;
    struct hist *hist = make_default();
    for (uint64_t value_ns = 1; value_ns <= 10; value_ns++)
        hist_record(hist, value_ns);
    static const struct hist_row expected[] = {{1, 1, 1, 0},       {5, 4, 5, 50},
                                               {8, 3, 8, 75},      {9, 1, 9, 87.5},
                                               {10, 1, 10, 93.75}, {10, 0, 10, 100}};
    struct hist_iter iter;
    struct hist_row row;
    hist_iter_percentiles(&iter, hist, 1);
    for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
        assert_true(hist_iter_next(&iter, &row));
        assert_int_equal(row.value_ns, expected[i].value_ns);
        assert_int_equal(row.count, expected[i].count);
        assert_int_equal(row.cumulative, expected[i].cumulative);
        assert_true(row.percentile == expected[i].percentile);
    }
    assert_false(hist_iter_next(&iter, &row));
    hist_destroy(hist);
}

/* One value in 2^62 is beyond what a double can tell from 100 %: the rows end all the same. */
static void percentile_rows_end_with_huge_counts(void **unused)
{
    (void)unused;
    struct hist *hist = make_default();
    hist_record_n(hist, 10, UINT64_C(1) << 62);
    hist_record(hist, 20);
    struct hist_iter iter;
    struct hist_row row = {0};
    int rows = 0;
    hist_iter_percentiles(&iter, hist, 5);
    while (hist_iter_next(&iter, &row) && rows < 1000)
        rows++;
    assert_in_range(rows, 100, 400);
    assert_true(row.percentile == 100);
    assert_int_equal(row.value_ns, 20);
    hist_destroy(hist);
}

static void soundness_asks_for_a_hundred_beyond(void **unused)
{
    (void)unused;
    struct hist *hist = make_default();
    hist_record_n(hist, 5, 9999);
    assert_true(hist_percentile_is_sound(hist, 50));
    assert_false(hist_percentile_is_sound(hist, 99));
    hist_record(hist, 5);
    assert_true(hist_percentile_is_sound(hist, 99));
    assert_false(hist_percentile_is_sound(hist, 99.9));
    hist_record_n(hist, 5, 90000);
    assert_true(hist_percentile_is_sound(hist, 99.9));
    assert_false(hist_percentile_is_sound(hist, 99.99));
    hist_destroy(hist);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(geometry_is_that_of_hdrhistogram),
        cmocka_unit_test(entries_tile_the_range),
        cmocka_unit_test(values_keep_their_digits),
        cmocka_unit_test(unusable_geometries_are_refused),
        cmocka_unit_test(an_empty_one_answers_zero),
        cmocka_unit_test(percentiles_are_of_all_values),
        cmocka_unit_test(ranks_do_not_skip_a_value),
        cmocka_unit_test(no_percentile_exceeds_the_maximum),
        cmocka_unit_test(what_is_too_large_is_clamped_and_counted),
        cmocka_unit_test(zero_and_times_are_values_too),
        cmocka_unit_test(merging_is_recording_all),
        cmocka_unit_test(differing_geometries_merge_by_value),
        cmocka_unit_test(counts_saturate_rather_than_wrap),
        cmocka_unit_test(reset_leaves_nothing),
        cmocka_unit_test(recorded_rows_are_complete),
        cmocka_unit_test(percentile_rows_end_with_all),
        cmocka_unit_test(percentile_rows_end_with_huge_counts),
        cmocka_unit_test(soundness_asks_for_a_hundred_beyond),
    };
    return cmocka_run_group_tests_name("hist", tests, NULL, NULL);
}
