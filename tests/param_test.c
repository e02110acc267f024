/* SPDX-License-Identifier: MIT */
/* param_test.c - settings are read strictly, written back alike, and mistakes are explained. */
#include "test.h"

#include "core/param.h"

#include <string.h>

struct settings {
    uint64_t delay_ns, limit_bytes, clients;
    double rate_per_s, share;
    bool keep_alive;
    char *path;
    int mode;
};

static const char *const modes[] = {"open", "closed", NULL};

static const struct param table[] = {
    {PARAM_NS("delay", settings, delay_ns, "10ms", "added to every write")},
    {PARAM_BYTES("limit", settings, limit_bytes, "16KiB", "largest body")},
    {PARAM_COUNT("clients", settings, clients, "64", "at once"), .min = 1, .max = 1e6},
    {PARAM_RATE("rate", settings, rate_per_s, NULL, "arrivals")},
    {PARAM_SHARE("share", settings, share, "10%", "of the requests")},
    {PARAM_BOOL("keep_alive", settings, keep_alive, "true", "reuse connections")},
    {PARAM_TEXT("path", settings, path, "/", "to ask for")},
    {PARAM_CHOICE("mode", settings, mode, "closed", "kind of loop", modes)},
    {0},
};

static void defaults_are_read_from_the_table(void **unused)
{
    (void)unused;
    struct settings s = {0};
    assert_ok(param_defaults(table, &s, NULL));
    assert_int_equal(s.delay_ns, 10000000);
    assert_int_equal(s.limit_bytes, 16384);
    assert_int_equal(s.clients, 64);
    assert_true(s.keep_alive);
    assert_string_equal(s.path, "/");
    assert_int_equal(s.mode, 1);
    param_fini(table, &s);
    assert_null(s.path);
}

static void units_are_understood(void **unused)
{
    (void)unused;
    struct settings s = {0};
    assert_ok(param_set(&table[0], &s, "250us", NULL));
    assert_int_equal(s.delay_ns, 250000);
    assert_ok(param_set(&table[0], &s, "1.5 s", NULL));
    assert_int_equal(s.delay_ns, 1500000000);
    assert_ok(param_set(&table[0], &s, "0", NULL));
    assert_int_equal(s.delay_ns, 0);
    assert_ok(param_set(&table[1], &s, "1.2KB", NULL));
    assert_int_equal(s.limit_bytes, 1200);
    assert_ok(param_set(&table[3], &s, "30/m", NULL));
    assert_true(s.rate_per_s > 0.4999 && s.rate_per_s < 0.5001);
    assert_ok(param_set(&table[4], &s, "2.5%", NULL));
    assert_true(s.share > 0.02499 && s.share < 0.02501);
}

static void what_cannot_be_meant_is_refused(void **unused)
{
    (void)unused;
    static const struct {
        int index;
        const char *text;
    } bad[] = {
        {0, "10"}, {0, "ten ms"}, {0, "10 parsecs"}, {0, "-1ms"}, {0, "0x10ms"},
        {0, ""},   {1, "nan"},    {1, "1e400"},      {2, "1.5"},  {2, "0"},
        {2, "2M"}, {4, "101%"},   {5, "maybe"},      {7, "opne"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct settings s = {
            .delay_ns = 7, .limit_bytes = 7, .clients = 7, .share = 0.7, .mode = 0};
        struct settings before = s;
        struct err err = {0};
        assert_int_equal(param_set(&table[bad[i].index], &s, bad[i].text, &err), -EINVAL);
        assert_memory_equal(&s, &before, sizeof(s));
        assert_non_null(strstr(err.text, table[bad[i].index].name));
    }
}

static void near_misses_get_a_suggestion(void **unused)
{
    (void)unused;
    assert_string_equal(param_suggest(table, "dealy"), "delay");
    assert_string_equal(param_suggest(table, "keepalive"), "keep_alive");
    assert_null(param_suggest(table, "xylophone"));
    assert_ptr_equal(param_find(table, "keep-alive"), &table[5]);
    struct settings s = {0};
    struct err err = {0};
    assert_int_equal(param_set(&table[7], &s, "opne", &err), -EINVAL);
    assert_non_null(strstr(err.text, "did you mean 'open'?"));
}

static void what_is_written_reads_back(void **unused)
{
    (void)unused;
    static const char *const values[] = {"1500us", "1mib",  "10000", "5000.25/s",
                                         "0.125",  "false", "/a b",  "open"};
    for (size_t i = 0; table[i].name; i++) {
        struct settings s = {0}, back = {0};
        char text[64], again[64];
        assert_ok(param_set(&table[i], &s, values[i], NULL));
        assert_true(param_format(&table[i], &s, text, sizeof(text)) > 0);
        assert_ok(param_set(&table[i], &back, text, NULL));
        (void)param_format(&table[i], &back, again, sizeof(again));
        assert_string_equal(text, again);
        param_fini(table, &s);
        param_fini(table, &back);
    }
}

static void people_read_three_digits(void **unused)
{
    (void)unused;
    char text[32];
    assert_string_equal(format_ns(text, sizeof(text), 153000), "153 µs");
    assert_string_equal(format_ns(text, sizeof(text), 1530000), "1.53 ms");
    assert_string_equal(format_ns(text, sizeof(text), 999999), "1.00 ms");
    assert_string_equal(format_bytes(text, sizeof(text), 1536), "1.50 KiB");
    assert_string_equal(format_count(text, sizeof(text), 18420), "18.4 k");
    assert_string_equal(format_count(text, sizeof(text), 7), "7");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_read_from_the_table),
        cmocka_unit_test(units_are_understood),
        cmocka_unit_test(what_cannot_be_meant_is_refused),
        cmocka_unit_test(near_misses_get_a_suggestion),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(people_read_three_digits),
    };
    return cmocka_run_group_tests_name("param", tests, NULL, NULL);
}
