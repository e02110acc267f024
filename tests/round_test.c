/* SPDX-License-Identifier: MIT */
/* round_test.c - a round's figures come from the right counters, and a run's choices are checked
 * before anything starts. */
#include "test.h"

#include "run/knee.h"
#include "run/prepare.h"
#include "run/round.h"

#include <math.h>
#include <string.h>

/* ---- Figures --------------------------------------------------------------------------------- */

static void fill_nan(double *row)
{
    for (size_t i = 0; i < METRIC_BUILTIN_COUNT; i++)
        row[i] = NAN;
}

static void test_figures_of_a_load(void **state)
{
    (void)state;
    double row[METRIC_BUILTIN_COUNT];
    struct result_step step = {
        .loaded = true,
        .load = {.length_ns = 2 * NS_PER_S,
                 .ended = {[LOAD_OK] = 100,
                           [LOAD_TIMEOUT] = 4,
                           [LOAD_STATUS] = 10,
                           [LOAD_NO_TOKEN] = 2,
                           [LOAD_CONTAMINATED] = 3,
                           [LOAD_SHED] = 6},
                 .ok_in_time = 90,
                 .replied_in_time = 104},
        .metered = true,
        .subject = {.at_ns = 2 * NS_PER_S,
                    .cpu_ns = NS_PER_S,
                    .faults_minor = 200,
                    .faults_major = 30,
                    .rss_bytes = 7,
                    .rss_peak_bytes = 9},
    };
    assert_ok(hist_create_default(&step.load.latency, NULL));
    for (uint64_t i = 1; i <= 100; i++)
        hist_record(step.load.latency, i * 1000);
    fill_nan(row);
    round_fill_row(&step, row);
    assert_true(row[METRIC_QPS] == 52); /* replies, good or not, but none that came later */
    assert_true(row[METRIC_GOODPUT] == 45);
    assert_true(row[METRIC_REQUESTS] == 125);
    assert_true(row[METRIC_ERROR_COUNT] == 25);
    assert_true(row[METRIC_ERRORS] == 0.2);
    assert_true(row[METRIC_CONTAMINATED] == 5);
    assert_true(row[METRIC_SHEDS] == 6);
    assert_true(fabs(row[METRIC_P50] - 50000) < 100);
    assert_true(row[METRIC_MAX] == 100000);
    assert_true(isnan(row[METRIC_LATENESS_P99])); /* a closed loop has no schedule */
    assert_true(row[METRIC_CPU_PER_REQUEST] == 1e9 / 115);
    assert_true(row[METRIC_SUBJECT_CPU] == 0.5);
    assert_true(row[METRIC_FAULTS_PER_REQUEST] == 2);
    assert_true(row[METRIC_RSS_END] == 7 && row[METRIC_RSS_PEAK] == 9);
    hist_destroy(step.load.latency);
}

static void test_what_was_not_measured_has_no_figure(void **state)
{
    (void)state;
    double row[METRIC_BUILTIN_COUNT];
    struct result_step step = {0};
    fill_nan(row);
    round_fill_row(&step, row);
    for (size_t i = 0; i < METRIC_BUILTIN_COUNT; i++)
        assert_true(isnan(row[i]));
    step.loaded = true; /* and nothing ended */
    step.load.length_ns = NS_PER_S;
    round_fill_row(&step, row);
    assert_true(row[METRIC_QPS] == 0 && row[METRIC_REQUESTS] == 0);
    assert_true(isnan(row[METRIC_ERRORS]) && isnan(row[METRIC_P99]));
}

static void test_a_knee_counts_what_must_not_happen_in_any_step(void **state)
{
    (void)state;
    static struct search_curve curve = {.met_per_s = 500,
                                        .step_count = 3,
                                        .steps = {{.contaminated = 1}, {0}, {.contaminated = 2}}};
    double row[METRIC_BUILTIN_COUNT];
    struct result_step step = {.loaded = true, .load.length_ns = NS_PER_S, .curve = &curve};
    fill_nan(row);
    round_fill_row(&step, row);
    assert_true(row[METRIC_KNEE] == 500);
    assert_true(row[METRIC_CONTAMINATED] == 3);
}

static void test_a_search_says_when_it_found_no_knee(void **state)
{
    (void)state;
    static struct search_curve curve = {
        .met_per_s = 500, .missed_per_s = NAN, .reason = "the generator was late"};
    char text[240];
    curve.end = SEARCH_LIMITED;
    assert_string_equal(knee_invalid(&curve, text, sizeof(text)),
                        "the knee is at least 500/s: beyond it the generator was late");
    curve.end = SEARCH_UNFINISHED;
    curve.step_count = 4;
    assert_string_equal(knee_invalid(&curve, text, sizeof(text)),
                        "the search was not finished: met 500/s, missed –, steps 4");
    curve.end = SEARCH_CAPPED;
    assert_null(knee_invalid(&curve, text, sizeof(text)));
    curve.end = SEARCH_LIMITED;
    curve.met_per_s = NAN;
    assert_string_equal(knee_invalid(&curve, text, sizeof(text)),
                        "no rate could be judged: the generator was late");
}

/* ---- Choices --------------------------------------------------------------------------------- */

static struct plan_variant variants[] = {
    {.name = (char[]){"unpooled"}, .subject.allocator = PLAN_ALLOCATOR_GLIBC},
    {.name = (char[]){"pooled"}},
    {.name = (char[]){"there"},
     .subject = {.kind = PLAN_SUBJECT_URL, .url = (char[]){"http://127.0.0.1:80"}}},
    {.name = (char[]){"elsewhere"},
     .subject = {.kind = PLAN_SUBJECT_URL, .url = (char[]){"http://192.0.2.1:80"}}},
};
static struct plan_phase phases[] = {
    {.name = (char[]){"warm-up"}, .kind = PLAN_PHASE_WARMUP, .length_ns = 200 * NS_PER_MS},
    {.name = (char[]){"steady"},
     .kind = PLAN_PHASE_MEASURE,
     .length_ns = 30 * NS_PER_S,
     .profile = {.shape = LOAD_SPIKE,
                 .rate_per_s = 10,
                 .peak_per_s = 20,
                 .shape_at_ns = 10 * NS_PER_S,
                 .shape_for_ns = 2 * NS_PER_S}},
    {.name = (char[]){"rest"}, .kind = PLAN_PHASE_DRAIN, .length_ns = 5 * NS_PER_S},
};
static struct plan plan = {.name = (char[]){"t"},
                           .variants = variants,
                           .variant_count = 4,
                           .phases = phases,
                           .phase_count = 3,
                           .rounds = 10,
                           .noise_share = 0.02};
static const struct runner_options plain = {.folder = "f", .noise_share = -1, .variants = "pooled"};

static int setup(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) { /* what the plan's reader starts from */
        struct load_profile defaults = {0}, *profile = &phases[i].profile;
        assert_ok(param_defaults(load_profile_params, &defaults, NULL));
        profile->threads = defaults.threads;
        profile->connections = defaults.connections;
        profile->in_flight_max = defaults.in_flight_max;
        profile->timeout_ns = defaults.timeout_ns;
        profile->reply_limit_bytes = defaults.reply_limit_bytes;
        profile->keep_alive = true;
    }
    return 0;
}

static struct result *prepared(const struct runner_options *options)
{
    struct result *result = NULL;
    struct err err = {0};
    if (prepare(&plan, options, &result, &err))
        fail_msg("%s", err.text);
    return result;
}

static void refused(const struct runner_options *options, int code, const char *text)
{
    struct result *result = NULL;
    struct err err = {0};
    assert_int_equal(prepare(&plan, options, &result, &err), code);
    assert_null(result);
    if (!strstr(err.text, text))
        fail_msg("'%s' lacks '%s'", err.text, text);
}

static void test_variants(void **state)
{
    (void)state;
    struct runner_options options = plain;
    options.variants = "pooled,unpooled";
    struct result *result = prepared(&options);
    assert_int_equal(result->variant_count, 2);
    assert_string_equal(result->variants[0].name, "unpooled"); /* the plan's order */
    assert_string_equal(result->variants[0].allocator, "glibc");
    assert_string_equal(result->variants[0].preload, "");
    assert_string_equal(result->variants[1].allocator, "default");
    assert_null(result->variants[1].preload);
    result_destroy(result);

    options.variants = NULL;
    options.aa = "pooled";
    options.allocator = "glibc";
    result = prepared(&options);
    assert_true(result->aa);
    assert_string_equal(result->variants[1].name, "pooled'");
    assert_int_equal(result->variants[1].plan_index, 1);
    assert_string_equal(result->variants[1].preload, "");
    result_destroy(result);

    options.variants = "pooled";
    refused(&options, -EINVAL, "leave out --variants");
    options.aa = NULL;
    options.variants = "pooled,unpoled";
    refused(&options, -EINVAL, "did you mean 'unpooled'?");
    options.variants = "";
    refused(&options, -EINVAL, "names of variants");
}

static void test_addresses(void **state)
{
    (void)state;
    struct runner_options options = plain;
    options.variants = "there,elsewhere";
    refused(&options, -EACCES, "--allow 192.0.2.1:80");
    options.allowed = "127.0.0.1:80\n192.0.2.1:81";
    refused(&options, -EACCES, "--allow 192.0.2.1:80");
    options.allowed = "nowhere";
    refused(&options, -EINVAL, "--allow nowhere");
    options.allowed = "192.0.2.1:81\n192.0.2.1:80";
    struct result *result = prepared(&options);
    assert_null(result->variants[0].allocator);
    result_destroy(result);
}

static void test_a_quick_run_keeps_shapes(void **state)
{
    (void)state;
    struct runner_options options = plain;
    options.quick = true;
    struct result *result = prepared(&options);
    assert_true(result->quick);
    assert_int_equal(result->block_count, RUNNER_QUICK_BLOCKS);
    assert_int_equal(result->phases[0].length_ns, 200 * NS_PER_MS); /* is short already */
    assert_int_equal(result->phases[1].length_ns, 1500 * NS_PER_MS);
    assert_int_equal(result->phases[1].profile.shape_at_ns, 500 * NS_PER_MS);
    assert_int_equal(result->phases[1].profile.shape_for_ns, 100 * NS_PER_MS);
    assert_int_equal(phases[1].length_ns, 30 * NS_PER_S); /* the plan is as it was */
    result_destroy(result);
    options.blocks = 8;
    result = prepared(&options);
    assert_int_equal(result->block_count, 8);
    result_destroy(result);
    options.blocks = RUNNER_BLOCKS_MAX + 1;
    refused(&options, -EINVAL, "at most 500 rounds");
}

static void test_overrides(void **state)
{
    (void)state;
    struct runner_options options = plain;
    options.overrides = "connections=7\nmeasure=3s\ndrain=1s";
    options.noise_share = 0.05;
    struct result *result = prepared(&options);
    assert_int_equal(result->phases[0].profile.connections, 7);
    assert_int_equal(result->phases[1].profile.connections, 7);
    assert_int_equal(result->phases[0].length_ns, 200 * NS_PER_MS);
    assert_int_equal(result->phases[1].length_ns, 3 * NS_PER_S);
    assert_int_equal(result->phases[2].length_ns, NS_PER_S);
    assert_true(result->noise_share == 0.05);
    result_destroy(result);
    options.overrides = "connections";
    refused(&options, -EINVAL, "expected KEY=VALUE");
    options.overrides = "conections=1";
    refused(&options, -EINVAL, "did you mean 'connections'?");
    options.overrides = "measure=soon";
    refused(&options, -EINVAL, "--set measure");
    options.overrides = "connections=0";
    refused(&options, -EINVAL, "--set");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figures_of_a_load),
        cmocka_unit_test(test_what_was_not_measured_has_no_figure),
        cmocka_unit_test(test_a_knee_counts_what_must_not_happen_in_any_step),
        cmocka_unit_test(test_a_search_says_when_it_found_no_knee),
        cmocka_unit_test(test_variants),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_a_quick_run_keeps_shapes),
        cmocka_unit_test(test_overrides),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
