/* SPDX-License-Identifier: MIT */
/* buckets_test.c - histograms subtracted, added up and read, as Prometheus reads them. */
#include "test.h"

#include "run/buckets.h"

#include <math.h>

#define BUCKETS(...)                                                                               \
    (struct buckets)                                                                               \
    {                                                                                              \
        .items = (struct bucket[]){__VA_ARGS__},                                                   \
        .count = sizeof((struct bucket[]){__VA_ARGS__}) / sizeof(struct bucket)                    \
    }

static const struct buckets nothing;

static void growth_is_kept_where_there_is_any(void **unused)
{
    (void)unused;
    struct buckets before = BUCKETS({0, 1, 5}, {1, 2, 5}, {4, INFINITY, 1});
    struct buckets after = BUCKETS({0, 1, 5}, {1, 2, 8}, {2, 4, 3}, {4, INFINITY, 0});
    struct buckets grown;
    assert_ok(buckets_growth(&before, &after, 1e9, &grown));
    assert_int_equal(grown.count, 2);
    assert_true(grown.items[0].low == 1e9 && grown.items[0].high == 2e9);
    assert_int_equal(grown.items[0].count, 3);
    assert_true(grown.items[1].low == 2e9 && grown.items[1].high == 4e9);
    assert_int_equal(grown.items[1].count, 3); /* which before did not have */
    assert_int_equal(buckets_total(&grown), 6);
    buckets_fini(&grown);
    assert_ok(buckets_growth(&after, &after, 1, &grown));
    assert_int_equal(grown.count, 0);
    assert_true(isnan(buckets_quantile(&grown, 0.5)));
    buckets_fini(&grown);
    assert_ok(buckets_growth(&nothing, &after, 1, &grown));
    assert_int_equal(buckets_total(&grown), 16);
    buckets_fini(&grown);
}

static void histograms_are_added_up(void **unused)
{
    (void)unused;
    struct buckets sum = {0};
    struct buckets first = BUCKETS({2, 4, 1}, {8, INFINITY, 2});
    struct buckets second = BUCKETS({0, 2, 10}, {2, 4, 20}, {4, 8, 30});
    static const double highs[] = {2, 4, 8, INFINITY};
    static const uint64_t counts[] = {10, 21, 30, 2};
    assert_ok(buckets_add(&sum, &nothing));
    assert_int_equal(sum.count, 0);
    assert_ok(buckets_add(&sum, &first));
    assert_ok(buckets_add(&sum, &second));
    assert_int_equal(sum.count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_true(sum.items[i].high == highs[i]);
        assert_int_equal(sum.items[i].count, counts[i]);
    }
    buckets_fini(&sum);
    assert_null(sum.items);
}

/* What Prometheus's histogram_quantile answers for the same buckets. */
static void quantiles_are_prometheus_s(void **unused)
{
    (void)unused;
    struct buckets some = BUCKETS({0, 1, 10}, {1, 2, 0}, {2, 4, 80}, {4, 8, 10});
    assert_float_equal(buckets_quantile(&some, 0), 0, 0);
    assert_float_equal(buckets_quantile(&some, 0.05), 0.5, 1e-12);
    assert_float_equal(buckets_quantile(&some, 0.1), 1, 1e-12);
    assert_float_equal(buckets_quantile(&some, 0.5), 3, 1e-12);
    assert_float_equal(buckets_quantile(&some, 0.9), 4, 1e-12);
    assert_float_equal(buckets_quantile(&some, 0.99), 7.6, 1e-12);
    assert_float_equal(buckets_quantile(&some, 1), 8, 1e-12);
    struct buckets open = BUCKETS({0, 1, 1}, {1, INFINITY, 9});
    assert_float_equal(buckets_quantile(&open, 0.99), 1, 0); /* no more is known */
    struct buckets negative = BUCKETS({-1, -1, 3}, {-1, 1, 1});
    assert_float_equal(buckets_quantile(&negative, 0.5), -1, 0);
    struct buckets empty = BUCKETS({0, 1, 0}, {1, 2, 0});
    assert_true(isnan(buckets_quantile(&empty, 0.5)));
    assert_true(isnan(buckets_quantile(&nothing, 0.5)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(growth_is_kept_where_there_is_any),
        cmocka_unit_test(histograms_are_added_up),
        cmocka_unit_test(quantiles_are_prometheus_s),
    };
    return cmocka_run_group_tests_name("buckets", tests, NULL, NULL);
}
