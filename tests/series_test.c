/* SPDX-License-Identifier: MIT */
/* series_test.c - each record is in the slot of its time, and merged percentiles are of all values.
 */
#include "test.h"

#include "core/rng.h"
#include "measure/series.h"

#include <string.h>

#define START_NS UINT64_C(5000000000)
#define SLOT_NS  UINT64_C(100000000)

static const char *const error_names[] = {"timeout", "reset", "status", NULL};

static struct series *make(uint64_t length_ns)
{
    struct series *series = NULL;
    struct series_options options = {.length_ns = length_ns, .error_names = error_names};
    assert_ok(series_create(&series, &options, NULL));
    series_start(series, START_NS);
    return series;
}

static void records_go_to_the_slot_of_their_time(void **unused)
{
    (void)unused;
    struct series *series = make(10 * SLOT_NS);
    assert_int_equal(series->slot_count, 10);
    series_ok(series, START_NS, 5000, 100);
    series_ok(series, START_NS + SLOT_NS - 1, 7000, 200);
    series_ok(series, START_NS + SLOT_NS, 9000, 400);
    series_error(series, START_NS + 9 * SLOT_NS, 2);
    series_error(series, START_NS, 0); /* back again */
    series_error(series, START_NS, 2);
    assert_int_equal(series_slot(series, 0)->ok, 2);
    assert_int_equal(series_slot(series, 0)->goodput_bytes, 300);
    assert_int_equal(series_slot(series, 0)->latency_min_ns, 5000);
    assert_int_equal(series_slot(series, 0)->latency_max_ns, 7000);
    assert_int_equal(series_slot(series, 0)->errors[0], 1);
    assert_int_equal(series_slot(series, 0)->errors[1], 0);
    assert_int_equal(series_slot_errors(series, 0), 2);
    assert_int_equal(series_slot(series, 1)->ok, 1);
    assert_int_equal(series_slot(series, 1)->goodput_bytes, 400);
    assert_int_equal(series_slot_errors(series, 1), 0);
    assert_int_equal(series_slot(series, 2)->ok, 0);
    assert_int_equal(series_slot(series, 9)->errors[2], 1);
    assert_int_equal(series->early + series->late, 0);
    series_destroy(series);
}

/* What another thread may read: all that is behind the slot last written to. */
static void what_is_behind_is_closed(void **unused)
{
    (void)unused;
    struct series *series = make(3 * SLOT_NS);
    assert_int_equal(series_closed(series), 0);
    series_ok(series, START_NS + 1, 5000, 1);
    assert_int_equal(series_closed(series), 0);
    series_ok(series, START_NS + SLOT_NS, 5000, 1);
    assert_int_equal(series_closed(series), 1);
    series_error(series, START_NS + 2 * SLOT_NS, 0);
    series_error(series, START_NS + 9 * SLOT_NS, 0); /* late ones go to the last: it stays open */
    assert_int_equal(series_closed(series), 2);
    series_start(series, START_NS);
    assert_int_equal(series_closed(series), 0);
    series_destroy(series);
}

static void early_and_late_records_are_kept_and_counted(void **unused)
{
    (void)unused;
    struct series *series = make(2 * SLOT_NS + 1);
    assert_int_equal(series->slot_count, 3);
    series_ok(series, START_NS - 1, 1000, 1);
    series_ok(series, 0, 1000, 1);
    series_ok(series, START_NS + 3 * SLOT_NS, 2000, 1);
    series_error(series, UINT64_MAX, 1);
    series_ok(series, START_NS + 3 * SLOT_NS - 1, 3000, 1); /* the last that is not late */
    assert_int_equal(series->early, 2);
    assert_int_equal(series->late, 2);
    assert_int_equal(series_slot(series, 0)->ok, 2);
    assert_int_equal(series_slot(series, 2)->ok, 2);
    assert_int_equal(series_slot(series, 2)->errors[1], 1);
    series_destroy(series);
}

static void the_width_of_a_slot_is_a_setting(void **unused)
{
    (void)unused;
    struct series *series = NULL;
    struct series_options options = {.length_ns = 1000, .slot_ns = 7};
    assert_ok(series_create(&series, &options, NULL));
    assert_int_equal(series->slot_count, 143);
    series_start(series, 100);
    series_ok(series, 100 + 14, 1, 0);
    assert_int_equal(series_slot(series, 2)->ok, 1);
    assert_int_equal(series_slot_errors(series, 2), 0);
    series_destroy(series);
}

static void what_cannot_be_kept_is_refused(void **unused)
{
    (void)unused;
    static const char *const many[SERIES_ERROR_KINDS_MAX + 2] = {
        [0 ... SERIES_ERROR_KINDS_MAX] = "kind",
    };
    static const struct {
        struct series_options options;
        int code;
    } bad[] = {
        {{.length_ns = 0}, -EINVAL},
        {{.length_ns = 1000, .error_names = many}, -EINVAL},
        {{.length_ns = UINT64_MAX, .slot_ns = 1}, -EFBIG},
        {{.length_ns = UINT64_C(10000000) * SLOT_NS}, -EFBIG},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct series *series = NULL;
        struct err err = {0};
        assert_int_equal(series_create(&series, &bad[i].options, &err), bad[i].code);
        assert_null(series);
        assert_non_null(strstr(err.text, "time series"));
    }
}

/* Four threads, each with a tail of its own: the merged P99 is that of all values together, which
 * no average of the four would be. */
static void merged_percentiles_are_of_all_values(void **unused)
{
    (void)unused;
    struct series *parts[4], *merged = make(4 * SLOT_NS);
    struct hist *whole[4];
    struct rng rng;
    rng_init(&rng, 11, 0);
    for (int i = 0; i < 4; i++) {
        parts[i] = make(4 * SLOT_NS);
        assert_ok(hist_create(&whole[i], SERIES_LOWEST_NS, SERIES_HIGHEST_NS, SERIES_DIGITS, NULL));
    }
    for (int i = 0; i < 40000; i++) {
        uint64_t slot = rng_below(&rng, 3); /* the fourth stays empty */
        uint64_t latency_ns = (uint64_t)rng_exponential(&rng, i % 4 ? 2e5 : 8e7);
        series_ok(parts[i % 4], START_NS + slot * SLOT_NS + rng_below(&rng, SLOT_NS), latency_ns,
                  1);
        hist_record(whole[slot], latency_ns);
    }
    series_error(parts[3], START_NS + 3 * SLOT_NS, 1);
    for (int i = 0; i < 4; i++)
        assert_ok(series_merge(merged, parts[i], NULL));
    for (size_t slot = 0; slot < 4; slot++) {
        static const double percentiles[] = {0, 1, 50, 90, 99, 99.9, 100};
        for (size_t p = 0; p < sizeof(percentiles) / sizeof(*percentiles); p++)
            assert_int_equal(series_slot_percentile_ns(merged, slot, percentiles[p]),
                             hist_percentile_ns(whole[slot], percentiles[p]));
        assert_int_equal(series_slot(merged, slot)->ok, whole[slot]->count);
        assert_int_equal(series_slot(merged, slot)->goodput_bytes, whole[slot]->count);
        struct hist *again = NULL;
        assert_ok(hist_create(&again, SERIES_LOWEST_NS, SERIES_HIGHEST_NS, SERIES_DIGITS, NULL));
        series_slot_into_hist(merged, slot, again);
        assert_int_equal(again->count, whole[slot]->count);
        assert_memory_equal(again->counts, whole[slot]->counts,
                            again->geometry.counts_length * sizeof(uint64_t));
        hist_destroy(again);
        hist_destroy(whole[slot]);
    }
    assert_int_equal(series_slot_errors(merged, 3), 1);
    for (int i = 0; i < 4; i++)
        series_destroy(parts[i]);
    series_destroy(merged);
}

static void latencies_beyond_the_histogram_show(void **unused)
{
    (void)unused;
    struct series *series = make(SLOT_NS), *merged = make(SLOT_NS);
    series_ok(series, START_NS, SERIES_HIGHEST_NS + 5, 0);
    series_ok(series, START_NS, UINT64_C(90000000000), 0);
    series_ok(series, START_NS, 1000000, 0);
    assert_ok(series_merge(merged, series, NULL));
    assert_int_equal(series_slot(merged, 0)->latency_over, 2);
    assert_int_equal(series_slot(merged, 0)->latency_max_ns, UINT64_C(90000000000));
    assert_int_equal(series_slot_percentile_ns(merged, 0, 100), UINT64_C(90000000000));
    assert_in_range(series_slot_percentile_ns(merged, 0, 50), SERIES_HIGHEST_NS,
                    SERIES_HIGHEST_NS / 100 * 101);
    series_destroy(series);
    series_destroy(merged);
}

static void unlike_series_do_not_merge(void **unused)
{
    (void)unused;
    static const char *const others[] = {"timeout", "refused", "status", NULL};
    static const struct series_options unlike[] = {
        {.length_ns = 3 * SLOT_NS, .error_names = error_names},
        {.length_ns = 4 * SLOT_NS, .slot_ns = 2 * SLOT_NS, .error_names = error_names},
        {.length_ns = 2 * SLOT_NS, .error_names = others},
        {.length_ns = 2 * SLOT_NS},
    };
    struct series *series = make(2 * SLOT_NS);
    series_ok(series, START_NS, 1000, 0);
    for (size_t i = 0; i < sizeof(unlike) / sizeof(*unlike); i++) {
        struct series *other = NULL;
        struct err err = {0};
        assert_ok(series_create(&other, &unlike[i], NULL));
        series_ok(other, 0, 1000, 0);
        assert_int_equal(series_merge(series, other, &err), -EINVAL);
        assert_non_null(strstr(err.text, "do not add up"));
        series_destroy(other);
    }
    assert_int_equal(series_slot(series, 0)->ok, 1);
    series_destroy(series);
}

static void counts_that_would_wrap_are_refused(void **unused)
{
    (void)unused;
    struct series *series = make(SLOT_NS), *other = make(SLOT_NS);
    series_ok(series, START_NS, 1000, 0);
    series_ok(other, START_NS, 1000, 0);
    other->cursor->ok = UINT32_MAX; /* as if they had been recorded */
    assert_int_equal(series_merge(series, other, NULL), -EOVERFLOW);
    assert_int_equal(series_slot(series, 0)->ok, 1);
    series_destroy(series);
    series_destroy(other);
}

static void starting_again_forgets(void **unused)
{
    (void)unused;
    struct series *series = make(3 * SLOT_NS);
    for (uint64_t i = 0; i < 5; i++)
        series_ok(series, START_NS + i * SLOT_NS, UINT64_C(1000) << i, 9);
    series_start(series, START_NS * 2);
    assert_int_equal(series->late, 0);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(series_slot(series, i)->ok, 0);
    series_ok(series, START_NS * 2 + SLOT_NS, 3000, 1);
    assert_int_equal(series_slot(series, 1)->ok, 1);
    assert_int_equal(series_slot_percentile_ns(series, 1, 50), 3000);
    series_destroy(series);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_go_to_the_slot_of_their_time),
        cmocka_unit_test(what_is_behind_is_closed),
        cmocka_unit_test(early_and_late_records_are_kept_and_counted),
        cmocka_unit_test(the_width_of_a_slot_is_a_setting),
        cmocka_unit_test(what_cannot_be_kept_is_refused),
        cmocka_unit_test(merged_percentiles_are_of_all_values),
        cmocka_unit_test(latencies_beyond_the_histogram_show),
        cmocka_unit_test(unlike_series_do_not_merge),
        cmocka_unit_test(counts_that_would_wrap_are_refused),
        cmocka_unit_test(starting_again_forgets),
    };
    return cmocka_run_group_tests_name("series", tests, NULL, NULL);
}
