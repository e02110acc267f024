/* SPDX-License-Identifier: MIT */
/* query_test.c - what clients write behind the question mark, and into X-Request-Timeout. */
#include "test.h"

#include "core/clock.h"
#include "subject/deadline.h"
#include "subject/query.h"

#include <errno.h>
#include <string.h>

/* ---- Queries --------------------------------------------------------------------------------- */

struct wish {
    uint64_t count, sleep_ns;
    bool loud;
    int kind;
};

static const char *const kinds[] = {"plain", "a b&c", NULL};

static const struct param wish_params[] = {
    {PARAM_COUNT("count", wish, count, "3", ""), .min = 1, .max = 10},
    {PARAM_NS("sleep", wish, sleep_ns, "1ms", "")},
    {PARAM_BOOL("loud", wish, loud, "false", "")},
    {PARAM_CHOICE("kind", wish, kind, "plain", "", kinds)},
    {0},
};

static int read_wish(const char *target, struct wish *wish, struct err *err)
{
    *err = (struct err){0};
    *wish = (struct wish){0};
    return query_read((struct slice){target, strlen(target)}, wish_params, wish, err);
}

static void queries_are_read(void **unused)
{
    (void)unused;
    struct wish wish;
    struct err err;
    static const char *const nothing[] = {"/x", "/x?", "/x?&&", "/x?count=3"};
    for (size_t i = 0; i < sizeof(nothing) / sizeof(*nothing); i++) {
        assert_ok(read_wish(nothing[i], &wish, &err));
        assert_int_equal(wish.count, 3);
        assert_int_equal(wish.sleep_ns, NS_PER_MS);
    }
    assert_ok(read_wish("http://h/x?count=7&sleep=1.5s&loud=true&kind=a+b%26c", &wish, &err));
    assert_int_equal(wish.count, 7);
    assert_int_equal(wish.sleep_ns, 1500 * NS_PER_MS);
    assert_true(wish.loud);
    assert_int_equal(wish.kind, 1);
    assert_ok(read_wish("/x?c%6Fun%74=4&count=5", &wish, &err)); /* the last one counts */
    assert_int_equal(wish.count, 5);
}

static void bad_queries_are_explained(void **unused)
{
    (void)unused;
    static const char *const bad[][2] = {
        {"/x?count", "count"},          {"/x?count=", "count"},      {"/x?count=11", "between"},
        {"/x?count=x", "count"},        {"/x?cuont=4", "'count'"},   {"/x?=4", "unknown"},
        {"/x?count=%3", "encoded"},     {"/x?count=%", "encoded"},   {"/x?count=%zz", "encoded"},
        {"/x?count=4%00", "encoded"},   {"/x?sleep=-1s", "sleep"},   {"/x?kind=none", "one of"},
        {"/x?count=4;loud=1", "count"}, {"/x?loud=perhaps", "loud"},
    };
    struct wish wish;
    struct err err;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(read_wish(bad[i][0], &wish, &err), -EINVAL);
        if (!strstr(err.text, bad[i][1]))
            fail_msg("%s: %s", bad[i][0], err.text);
    }
    char text[400] = "/x?count=";
    memset(text + strlen(text), '4', 200);
    assert_int_equal(read_wish(text, &wish, &err), -EINVAL);
    assert_non_null(strstr(err.text, "longer"));
}

/* ---- X-Request-Timeout ----------------------------------------------------------------------- */

static int read_deadline(const char *value, uint64_t *span_ns, struct err *err)
{
    struct http1_head head = {.header_count = value ? 2 : 1};
    head.headers[0] = (struct http1_header){{"Host", 4}, {"h", 1}};
    if (value)
        head.headers[1] = (struct http1_header){{"x-REQUEST-timeout", 17}, {value, strlen(value)}};
    *err = (struct err){0};
    return deadline_read(&head, span_ns, err);
}

static void deadlines_are_read(void **unused)
{
    (void)unused;
    static const struct {
        const char *text;
        uint64_t span_ns;
    } good[] = {
        {NULL, CLOCK_NEVER},        {"250ms", 250 * NS_PER_MS}, {"1.5s", 1500 * NS_PER_MS},
        {"250", 250 * NS_PER_MS},   {"0.5", 500 * NS_PER_US},   {"10 s", 10 * NS_PER_S},
        {"800us", 800 * NS_PER_US}, {"2m", 120 * NS_PER_S},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        uint64_t span_ns = 0;
        struct err err;
        assert_ok(read_deadline(good[i].text, &span_ns, &err));
        assert_true(span_ns == good[i].span_ns);
    }
}

static void bad_deadlines_are_explained(void **unused)
{
    (void)unused;
    static const char *const bad[] = {"",
                                      "0",
                                      "0ms",
                                      "-1s",
                                      "soon",
                                      "1e3ms x",
                                      "1.2.3",
                                      "1 day",
                                      "nan",
                                      "inf",
                                      "0x10",
                                      "99999999999999h",
                                      "111111111111111111111111111111111111"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        uint64_t span_ns = 0;
        struct err err;
        assert_int_equal(read_deadline(bad[i], &span_ns, &err), -EINVAL);
        assert_non_null(strstr(err.text, "X-Request-Timeout: "));
        assert_true(span_ns == CLOCK_NEVER);
    }
    struct http1_head twice = {.header_count = 2};
    struct err err = {0};
    uint64_t span_ns;
    for (int i = 0; i < 2; i++)
        twice.headers[i] = (struct http1_header){{"X-Request-Timeout", 17}, {"1s", 2}};
    assert_int_equal(deadline_read(&twice, &span_ns, &err), -EINVAL);
    assert_non_null(strstr(err.text, "more than once"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries_are_read),
        cmocka_unit_test(bad_queries_are_explained),
        cmocka_unit_test(deadlines_are_read),
        cmocka_unit_test(bad_deadlines_are_explained),
    };
    return cmocka_run_group_tests_name("query", tests, NULL, NULL);
}
