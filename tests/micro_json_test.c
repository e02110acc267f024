/* SPDX-License-Identifier: MIT */
/* micro_json_test.c - Google Benchmark's JSON becomes a round's figures, or says what is wrong. */
#include "test.h"

#include "run/micro_json.h"
#include "run/round.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* What 1.7.1 wrote, but for its context. */
#define ROW                                                                                        \
    "\"name\": \"lockfree_stack/1KiB/first/real_time/threads:2\", \"family_index\": 0, "           \
    "\"per_family_instance_index\": 0, \"run_name\": \"lockfree_stack\", "                         \
    "\"run_type\": \"iteration\", \"repetitions\": 1, \"repetition_index\": 0, "

#define FIGURES                                                                                    \
    "\"threads\": 2, \"iterations\": 4000, \"real_time\": 6.05e+01, \"cpu_time\": 1.2e+02, "       \
    "\"time_unit\": \"ns\", \"cpu_waited\": 0.02, \"items_per_second\": 1.65e+07, "                \
    "\"ns_op\": 1.21e+02, \"retries\": 0.5"

#define WHOLE(row) "{\"context\": {\"num_cpus\": 2}, \"benchmarks\": [" row "]}"

static const char sound[] = WHOLE("{" ROW FIGURES "}");

static int read_text(const char *text, struct micro_timing *timing, struct err *err)
{
    return micro_json_read(text, strlen(text), timing, err);
}

static void refused(const char *text, const char *why)
{
    struct micro_timing timing;
    struct err err = {0};
    assert_int_equal(read_text(text, &timing, &err), -EBADMSG);
    assert_null(timing.row);
    if (!strstr(err.text, why))
        fail_msg("'%s' lacks '%s'", err.text, why);
}

static void reads_a_row(void **unused)
{
    (void)unused;
    struct micro_timing timing;
    assert_ok(read_text(sound, &timing, NULL));
    assert_true(timing.real_ns == 60.5 && timing.cpu_ns == 120 && timing.items_per_s == 1.65e7);
    assert_int_equal(timing.iterations, 4000);
    assert_int_equal(timing.threads, 2);
    assert_string_equal(timing.failure, "");
    assert_true(micro_timing_counter(&timing, "ns_op") == 121);
    assert_true(isnan(micro_timing_counter(&timing, "name")));
    assert_true(isnan(micro_timing_counter(&timing, "hits")));
    micro_timing_fini(&timing);
    assert_null(timing.row);
}

static void minds_the_unit(void **unused)
{
    (void)unused;
    struct micro_timing timing;
    assert_ok(read_text(WHOLE("{\"threads\": 1, \"iterations\": 3, \"real_time\": 1.5, "
                              "\"cpu_time\": 2, \"time_unit\": \"us\"}"),
                        &timing, NULL));
    assert_true(timing.real_ns == 1500 && timing.cpu_ns == 2000 && isnan(timing.items_per_s));
    micro_timing_fini(&timing);
}

/* Of versions before and since 1.8. */
static void tells_failures(void **unused)
{
    (void)unused;
    static const char *const texts[] = {
        WHOLE("{" ROW "\"error_occurred\": true, \"error_message\": \"setup failed\"}"),
        WHOLE("{" ROW "\"skipped\": true, \"error_message\": \"setup failed\"}"),
    };
    char why[200];
    for (size_t i = 0; i < 2; i++) {
        struct micro_timing timing;
        assert_ok(read_text(texts[i], &timing, NULL));
        assert_string_equal(round_timing_invalid(&timing, 2, why, sizeof(why)),
                            "the benchmark failed: setup failed");
        micro_timing_fini(&timing);
    }
}

static void refuses_what_it_is_not(void **unused)
{
    (void)unused;
    refused("", "line");
    refused("{\"benchmarks\": [", "line");
    refused("[]", "one row");
    refused("{}", "one row");
    refused("{\"benchmarks\": 3}", "one row");
    refused(WHOLE(""), "one row");
    refused(WHOLE("7"), "one row");
    refused(WHOLE("{" ROW FIGURES "}, {" ROW FIGURES "}"), "one row");
    refused(WHOLE("{\"run_type\": \"aggregate\", " FIGURES "}"), "one row");
    refused(WHOLE("{" ROW "\"threads\": 2}"), "time_unit");
    refused(WHOLE("{\"threads\": 1, \"iterations\": 3, \"real_time\": 1, \"cpu_time\": 1, "
                  "\"time_unit\": \"fortnights\"}"),
            "time_unit");
    refused(WHOLE("{\"threads\": 1, \"iterations\": 3, \"real_time\": -1, \"cpu_time\": 1, "
                  "\"time_unit\": \"ns\"}"),
            "real_time and cpu_time");
    refused(WHOLE("{\"threads\": 1, \"iterations\": 3, \"real_time\": \"1\", \"cpu_time\": 1, "
                  "\"time_unit\": \"ns\"}"),
            "real_time and cpu_time");
    refused(WHOLE("{\"threads\": 1, \"iterations\": 0, \"real_time\": 1, \"cpu_time\": 1, "
                  "\"time_unit\": \"ns\"}"),
            "iterations and threads");
    refused(WHOLE("{\"threads\": 0, \"iterations\": 5, \"real_time\": 1, \"cpu_time\": 1, "
                  "\"time_unit\": \"ns\"}"),
            "iterations and threads");
}

static void fills_a_row(void **unused)
{
    (void)unused;
    struct plan_observe observes[] = {{.series = (char[]){"retries"}, .scale = 1},
                                      {.series = (char[]){"none"}, .scale = 1}};
    struct plan plan = {.kind = PLAN_KIND_MICRO, .observes = observes, .observe_count = 2};
    double row[METRIC_BUILTIN_COUNT + 2];
    struct micro_timing timing;
    for (size_t i = 0; i < METRIC_BUILTIN_COUNT + 2; i++)
        row[i] = NAN;
    assert_ok(read_text(sound, &timing, NULL));
    round_fill_timing(&plan, &timing, row);
    assert_true(row[METRIC_TIME_PER_OP] == 121 && row[METRIC_CPU_PER_OP] == 120);
    assert_true(row[METRIC_OPS] == 1.65e7 && row[METRIC_ITERATIONS] == 4000);
    assert_true(row[METRIC_CPU_WAITED] == 0.02);
    assert_true(row[METRIC_BUILTIN_COUNT] == 0.5 && isnan(row[METRIC_BUILTIN_COUNT + 1]));
    assert_true(isnan(row[METRIC_QPS]) && isnan(row[METRIC_P99]));
    micro_timing_fini(&timing);
}

/* Of a program that has none of our counters. */
static void does_without_counters(void **unused)
{
    (void)unused;
    struct plan plan = {.kind = PLAN_KIND_MICRO};
    double row[METRIC_BUILTIN_COUNT];
    struct micro_timing timing;
    assert_ok(read_text(WHOLE("{\"threads\": 2, \"iterations\": 300, \"real_time\": 10, "
                              "\"cpu_time\": 20, \"time_unit\": \"ns\"}"),
                        &timing, NULL));
    round_fill_timing(&plan, &timing, row);
    assert_true(row[METRIC_TIME_PER_OP] == 20 && row[METRIC_OPS] == 1e8);
    assert_true(isnan(row[METRIC_CPU_WAITED]));
    char why[200];
    assert_null(round_timing_invalid(&timing, 2, why, sizeof(why)));
    micro_timing_fini(&timing);
}

static void doubts_what_was_disturbed(void **unused)
{
    (void)unused;
    struct micro_timing timing;
    char why[200];
    assert_ok(read_text(sound, &timing, NULL));
    assert_null(round_timing_invalid(&timing, 2, why, sizeof(why)));
    assert_string_equal(round_timing_invalid(&timing, 1, why, sizeof(why)), "2 threads on 1 CPU");
    timing.iterations = 40;
    assert_string_equal(round_timing_invalid(&timing, 2, why, sizeof(why)),
                        "only 40 operations were timed: the phase is too short");
    timing.iterations = 4000;
    assert_ok(json_object_set_new(timing.row, "cpu_waited", json_real(0.25)));
    assert_string_equal(round_timing_invalid(&timing, 2, why, sizeof(why)),
                        "for 25 % of the time it was ready and had no CPU: the machine is busy");
    micro_timing_fini(&timing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_row),
        cmocka_unit_test(minds_the_unit),
        cmocka_unit_test(tells_failures),
        cmocka_unit_test(refuses_what_it_is_not),
        cmocka_unit_test(fills_a_row),
        cmocka_unit_test(does_without_counters),
        cmocka_unit_test(doubts_what_was_disturbed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
