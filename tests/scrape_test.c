/* SPDX-License-Identifier: MIT */
/* scrape_test.c - Prometheus text as services write it, and as they should not. */
#include "test.h"

#include "run/scrape.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char page[] = "# HELP requests_total Requests.\n"
                           "# TYPE requests_total counter\n"
                           "requests_total{code=\"200\",method=\"post\"} 1027 1395066363000\n"
                           "requests_total{method=\"post\", code=\"400\",} 3\n"
                           "\n"
                           "path{dir=\"C:\\\\x\\n\\\"y\\\"\"} 1.5e-3\r\n"
                           "live 12\n"
                           "  spaced_out\t {  a = \"}, b=\" } 7  \n"
                           "nothing NaN\n"
                           "lots +Inf\n"
                           "colon:name_2 -4"; /* no newline at the end */

static struct scrape read_page(const char *text)
{
    struct scrape scrape;
    struct err err = {0};
    if (scrape_parse(&scrape, text, strlen(text), &err))
        fail_msg("%s", err.text);
    return scrape;
}

static void assert_value(const struct scrape *scrape, const char *series, double value)
{
    double got = scrape_value(scrape, series);
    if (got != value)
        fail_msg("%s is %g, expected %g", series, got, value);
}

static void test_values(void **state)
{
    (void)state;
    struct scrape scrape = read_page(page);
    assert_int_equal(scrape.count, 8);
    assert_value(&scrape, "requests_total{code=\"200\",method=\"post\"}", 1027);
    assert_value(&scrape, "requests_total{method=\"post\",code=\"200\"}", 1027);
    assert_value(&scrape, "requests_total", 1030);
    assert_value(&scrape, "path{dir=\"C:\\\\x\\n\\\"y\\\"\"}", 0.0015);
    assert_value(&scrape, "live", 12);
    assert_value(&scrape, "live{}", 12);
    assert_value(&scrape, "spaced_out{a=\"}, b=\"}", 7);
    assert_value(&scrape, "colon:name_2", -4);
    assert_true(isnan(scrape_value(&scrape, "nothing")));
    assert_true(isinf(scrape_value(&scrape, "lots")));
    scrape_fini(&scrape);
}

static void test_what_is_not_there(void **state)
{
    (void)state;
    static const char *const none[] = {
        "absent", "requests_total{code=\"200\"}", "requests_total{}", "requests", "", "{", "live{",
        "live x",
    };
    struct scrape scrape = read_page(page);
    for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
        assert_true(isnan(scrape_value(&scrape, none[i])));
    scrape_fini(&scrape);
    scrape = read_page("");
    assert_int_equal(scrape.count, 0);
    scrape_fini(&scrape);
}

static const char histograms[] = "wait_seconds_bucket{pool=\"a\",le=\"0.5\"} 3\n"
                                 "wait_seconds_bucket{pool=\"a\",le=\"1\"} 7\n"
                                 "wait_seconds_bucket{pool=\"a\",le=\"+Inf\"} 9\n"
                                 "wait_seconds_sum{pool=\"a\"} 5\n"
                                 "wait_seconds_count{pool=\"a\"} 9\n"
                                 "wait_seconds_bucket{le=\"+Inf\",pool=\"b\"} 4\n" /* any order */
                                 "wait_seconds_bucket{le=\"1\",pool=\"b\"} 4\n"
                                 "wait_seconds_bucket{le=\"0.5\",pool=\"b\"} 1\n"
                                 "wait_seconds_bucket{pool=\"b\"} 100\n" /* no bound */
                                 "wait_seconds_bucket{le=\"x\",pool=\"b\"} 100\n"
                                 "torn_bucket{le=\"-1\"} 5\n"
                                 "torn_bucket{le=\"2\"} 4\n"
                                 "torn_bucket{le=\"+Inf\"} NaN\n";

static void assert_bucket(const struct buckets *buckets, size_t index, double low, double high,
                          uint64_t count)
{
    assert_true(index < buckets->count);
    assert_true(buckets->items[index].low == low && buckets->items[index].high == high);
    assert_int_equal(buckets->items[index].count, count);
}

static void test_histograms(void **state)
{
    (void)state;
    struct scrape scrape = read_page(histograms);
    struct buckets buckets;
    assert_ok(scrape_buckets(&scrape, "wait_seconds{pool=\"a\"}", &buckets));
    assert_int_equal(buckets.count, 3);
    assert_bucket(&buckets, 0, 0, 0.5, 3);
    assert_bucket(&buckets, 1, 0.5, 1, 4);
    assert_bucket(&buckets, 2, 1, INFINITY, 2);
    buckets_fini(&buckets);
    assert_ok(scrape_buckets(&scrape, "wait_seconds", &buckets));
    assert_int_equal(buckets.count, 3);
    assert_bucket(&buckets, 0, 0, 0.5, 4);
    assert_bucket(&buckets, 1, 0.5, 1, 7);
    assert_bucket(&buckets, 2, 1, INFINITY, 2);
    buckets_fini(&buckets);
    assert_ok(scrape_buckets(&scrape, "torn", &buckets)); /* never less than nothing */
    assert_bucket(&buckets, 0, -1, -1, 5);
    assert_bucket(&buckets, 1, -1, 2, 0);
    assert_bucket(&buckets, 2, 2, INFINITY, 0);
    buckets_fini(&buckets);
    static const char *const none[] = {
        "wait", "wait_seconds{}", "wait_seconds{pool=\"c\"}", "wait_seconds_count", "no{", ""};
    for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
        assert_ok(scrape_buckets(&scrape, none[i], &buckets));
        assert_int_equal(buckets.count, 0);
        buckets_fini(&buckets);
    }
    scrape_fini(&scrape);
}

static void test_malformed(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "a",           "a ",     "a b",       "1a 2",
        "a{ 1",        "a{b} 1", "a{b=c} 1",  "a{b=\"c} 1",
        "a{b=\"c\" 1", "a{,} 1", "a{b=\"\"}", "a 1 2 3",
        "a 1 x",       "a 1e",   "<html>",    "a{b=\"\"c=\"\"} 1",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        char text[80];
        struct scrape scrape;
        struct err err = {0};
        int length = snprintf(text, sizeof(text), "fine 1\n%s\n", bad[i]);
        if (scrape_parse(&scrape, text, (size_t)length, &err) != -EBADMSG)
            fail_msg("accepted: %s", bad[i]);
        assert_string_equal(err.text, "metrics: line 2 is not `name{labels} value`");
        assert_int_equal(scrape.count, 0);
    }
}

static void test_limits(void **state)
{
    (void)state;
    char text[2048] = "a{";
    struct scrape scrape;
    struct err err = {0};
    for (int i = 0; i <= SCRAPE_LABELS_MAX; i++)
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "l%d=\"\",", i);
    strcat(text, "} 1\n");
    assert_int_equal(scrape_parse(&scrape, text, strlen(text), &err), -E2BIG);
    assert_int_equal(scrape_parse(&scrape, text, (size_t)SCRAPE_BYTES_MAX + 1, &err), -E2BIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),     cmocka_unit_test(test_what_is_not_there),
        cmocka_unit_test(test_histograms), cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
