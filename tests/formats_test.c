/* SPDX-License-Identifier: MIT */
/* formats_test.c - what each format for programs says of a result, and what it leaves out. */
#include "report_fixture.h"

#include "measure/series.h"
#include "report/figure.h"
#include "report/report.h"

#include <jansson.h>
#include <stdio.h>

static const char scenario[] = "question: Is it worth it?\n"
                               "subject: {url: 'http://127.0.0.1:8080/'}\n"
                               "variants: {plain: {}, pooled: {}}\n"
                               "load: {path: /}\n"
                               "phases: [{name: full, kind: measure, for: 1s}]\n"
                               "rounds: 6\n"
                               "invariants: [contaminated == 0]\n"
                               "expect:\n"
                               "  - pooled.qps / plain.qps > 1.2\n"
                               "  - pooled.qps > 20000/s\n"
                               "  - pooled.p99 < 19.9ms\n"
                               "claims:\n"
                               "  - {what: a \"<claim>\", figure: none, says: \"7\", why: none}\n";

enum { BLOCKS = 6, SLOT_NS = 250000000 };

/* Two seconds and a quarter, the second of them silent. */
static void add_series(struct result_step *step)
{
    struct series_options options = {.length_ns = 9 * (uint64_t)SLOT_NS,
                                     .slot_ns = SLOT_NS,
                                     .error_names = load_outcome_names + LOAD_REFUSED};
    assert_ok(series_create(&step->load.series, &options, NULL));
    series_start(step->load.series, 5000);
    for (uint64_t i = 0; i < 100; i++)
        series_ok(step->load.series, 5000 + i * 1000000, 2000000, 100);
    series_ok(step->load.series, 5000 + 8 * (uint64_t)SLOT_NS, 7000000, 100);
    step->start_ns = 500000000;
}

static struct result *make(const struct plan *plan)
{
    struct result *result = fixture_result(plan);
    for (size_t block = 0; block < BLOCKS; block++)
        for (size_t variant = 0; variant < 2; variant++) {
            double wobble = 1 + 0.002 * (double)((block * 7 + variant * 3) % 5);
            struct result_round *round = fixture_round(
                result, block, variant, (variant ? 12500 : 10000) * wobble, 20e6 / wobble, 20000);
            round->whole[METRIC_P999] = NAN;
            round->whole[METRIC_CPU_PER_REQUEST] = 40000;
            round->whole[METRIC_MAX] = METRIC_NEVER_NS;
        }
    result->folder = strdup("results/runs/night");
    (void)strcpy(result->environment.started, "2024-05-17T09:30:00Z");
    result->length_ns = 12500000000;
    return result;
}

struct made {
    struct plan *plan;
    struct result *result;
    struct judgement *judgement;
};

static struct made make_all(void)
{
    struct made made = {.plan = fixture_plan(scenario)};
    made.result = make(made.plan);
    made.judgement = fixture_judge(made.result);
    return made;
}

static void judge_again(struct made *made)
{
    judgement_destroy(made->judgement);
    made->judgement = fixture_judge(made->result);
}

static void made_free(struct made *made)
{
    judgement_destroy(made->judgement);
    result_destroy(made->result);
    plan_destroy(made->plan);
}

/* item_count times the same result, as "night" and "day". */
static char *print_part(const char *name, const struct made *made, size_t item_count, size_t part)
{
    const struct report_item items[] = {{made->result, made->judgement, "night"},
                                        {made->result, made->judgement, "day"}};
    const struct report_input input = {items, item_count, part};
    struct err err = {0};
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    int rc = report_find(name, NULL)->write(&input, out, &err);
    (void)fclose(out);
    if (rc)
        print_error("%s\n", err.text);
    assert_ok(rc);
    assert_null(strstr(text, "nan"));
    assert_null(strstr(text, "NaN"));
    return text;
}

static char *print(const char *name, const struct made *made)
{
    return print_part(name, made, 1, 0);
}

static void assert_has(const char *text, const char *wanted)
{
    if (!strstr(text, wanted))
        print_error("expected '%s' in:\n%s\n", wanted, text);
    assert_non_null(strstr(text, wanted));
}

static size_t count_of(const char *text, const char *wanted)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, wanted)); at += strlen(wanted))
        count++;
    return count;
}

/* Calls a variant by a name that each format has to protect itself from. */
static void rename_variant(struct made *made, const char *name)
{
    free(made->result->variants[1].name);
    made->result->variants[1].name = strdup(name);
}

static void csv_has_a_row_for_each_figure(void **unused)
{
    (void)unused;
    struct made made = make_all();
    result_round_invalid(&made.result->rounds[3], "late");
    made.result->rounds[0].steps[0].load.latency->count = 50;
    rename_variant(&made, "a,\"b\"");
    char *text = print("csv", &made);
    assert_has(text, "run,scenario,cell,variant,round,block,valid,phase,metric,value,unit,sound\n"
                     "night,family/name,,plain,0,0,true,,qps,10000,per_s,true\n");
    assert_has(text, "\nnight,family/name,,plain,0,0,true,,p99,20000000,ns,false\n");
    assert_has(text, "\nnight,family/name,,\"a,\"\"b\"\"\",3,1,false,,qps,");
    assert_has(text, "\nnight,family/name,,plain,0,0,true,,max,never,ns,true\n");
    assert_int_equal(count_of(text, ",qps,"), 12);
    assert_int_equal(count_of(text, ",p999,"), 0);
    free(text);
    made_free(&made);
}

static double value_of(const json_t *rows, const char *name)
{
    double found = NAN;
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row) {
        if (strcmp(json_string_value(json_object_get(row, "name")), name) == 0) {
            assert_true(isnan(found)); /* names are unique */
            found = json_number_value(json_object_get(row, "value"));
        }
    }
    return found;
}

/* Its value is one of several rounds, the others being finite. */
static void a_round_that_is_never_is_not_left_out(void **unused)
{
    (void)unused;
    struct made made = make_all();
    for (size_t i = 0; i < made.result->round_count; i++)
        if (made.result->rounds[i].block > 0)
            made.result->rounds[i].whole[METRIC_MAX] = 30e6;
    char *text = print("gbench", &made); /* five repetitions would look as if all were well */
    assert_null(strstr(text, "/max"));
    free(text);
    text = print_part("gha", &made, 1, 0);
    json_t *rows = json_loads(text, 0, NULL);
    assert_true(fabs(value_of(rows, "family/name/plain/max") - 30) < 1e-9);
    assert_has(text, "\"range\": \"some rounds: never\"");
    json_decref(rows);
    free(text);
    text = print("prometheus", &made);
    assert_has(text, "variant=\"plain\"} 0.03\n");
    free(text);
    text = print("csv", &made);
    assert_int_equal(count_of(text, ",max,never,ns,"), 2);
    assert_int_equal(count_of(text, ",max,30000000,ns,"), 10);
    free(text);
    made_free(&made);
}

static void benchmarks_repeat_once_a_round(void **unused)
{
    (void)unused;
    struct made made = make_all();
    result_round_invalid(&made.result->rounds[3], "late");
    for (size_t items = 1; items <= 2; items++) {
        char *text = print_part("gbench", &made, items, 0);
        json_t *root = json_loads(text, 0, NULL), *row;
        size_t index, seen = 0;
        json_array_foreach(json_object_get(root, "benchmarks"), index, row) {
            const char *name = json_string_value(json_object_get(row, "name"));
            double real_ns = json_number_value(json_object_get(row, "real_time"));
            assert_true(real_ns > 0 && real_ns < 1e18);
            assert_null(strstr(name, "/max")); /* never is no time */
            assert_null(strstr(name, "/requests"));
            if (strcmp(name, "family/name/pooled/qps") != 0)
                continue;
            assert_int_equal(json_integer_value(json_object_get(row, "repetitions")), 5 * items);
            assert_int_equal(json_integer_value(json_object_get(row, "repetition_index")), seen++);
            assert_true(real_ns < 80000 && real_ns > 79000);
            assert_true(json_number_value(json_object_get(row, "cpu_time")) == 40000);
            assert_int_equal(json_integer_value(json_object_get(row, "iterations")), 20000);
        }
        assert_int_equal(seen, 5 * items);
        json_decref(root);
        free(text);
    }
    made_free(&made);
}

static void charts_get_what_is_small_and_what_is_big(void **unused)
{
    (void)unused;
    struct made made = make_all();
    char part[64];
    const struct report_item item = {made.result, made.judgement, "night"};
    struct report_input input = {&item, 1, 0};
    const struct report_format *gha = report_find("gha", NULL);
    assert_true(gha->part(&input, part, sizeof(part)));
    assert_string_equal(part, "customSmallerIsBetter");
    input.part = 2;
    assert_false(gha->part(&input, part, sizeof(part)));
    char *small = print_part("gha", &made, 1, 0), *big = print_part("gha", &made, 1, 1);
    json_t *smaller = json_loads(small, 0, NULL), *bigger = json_loads(big, 0, NULL);
    assert_true(value_of(bigger, "family/name/plain/qps") > 10000);
    assert_true(isnan(value_of(smaller, "family/name/plain/qps")));
    assert_true(fabs(value_of(smaller, "family/name/plain/p99") - 20) < 0.2);
    assert_true(isnan(value_of(smaller, "family/name/plain/max")));
    assert_true(isnan(value_of(smaller, "family/name/plain/p999")));
    json_decref(smaller);
    json_decref(bigger);
    free(small);
    free(big);
    big = print_part("gha", &made, 2, 1);
    bigger = json_loads(big, 0, NULL);
    assert_true(value_of(bigger, "family/name/plain/qps (day)") > 10000);
    json_decref(bigger);
    free(big);
    for (size_t i = 0; i < made.result->round_count; i++)
        result_round_invalid(&made.result->rounds[i], "late");
    judge_again(&made);
    small = print_part("gha", &made, 1, 0);
    assert_string_equal(small, "[]\n");
    free(small);
    made_free(&made);
}

static void verdicts_are_test_cases(void **unused)
{
    (void)unused;
    struct made made = make_all();
    char *text = print("junit", &made);
    assert_has(text, "<testsuites name=\"poolstorm\" tests=\"6\" failures=\"1\" errors=\"0\" "
                     "skipped=\"1\" time=\"12.500\">");
    assert_has(text, "<testsuite name=\"family/name\" tests=\"6\" failures=\"1\" errors=\"0\" "
                     "skipped=\"1\" time=\"12.500\" timestamp=\"2024-05-17T09:30:00\">");
    assert_has(text, "name=\"measurement\" time=\"12.500\"/>");
    assert_has(text, "name=\"pooled.qps / plain.qps &gt; 1.2\" time=\"0.000\"/>");
    assert_has(text, "<failure type=\"expectation\" message=\"measured 12.");
    assert_has(text, "<skipped message=\"inconclusive: measured 19.9 ms");
    assert_has(text, "name=\"contaminated == 0 [plain]\" time=\"0.000\"/>");
    assert_has(text, "a &quot;&lt;claim&gt;&quot;; published 7, measured –\n");
    free(text);
    text = print_part("junit", &made, 2, 0);
    assert_has(text, "<testsuite name=\"family/name (night)\"");
    assert_has(text, "classname=\"family.name (day)\"");
    free(text);
    made_free(&made);
}

static void an_invalid_run_is_an_error(void **unused)
{
    (void)unused;
    struct made made = make_all();
    rename_variant(&made, "a\x01\n<&\">\xEF\xBF\xBF\xff");
    for (size_t i = 0; i < made.result->round_count; i++)
        result_round_invalid(&made.result->rounds[i], "late");
    judge_again(&made);
    char *text = print("junit", &made);
    assert_has(text, "errors=\"1\"");
    assert_has(text, "<error type=\"invalid\" message=\"no valid round of plain\"/>");
    assert_has(text, "[a?&#10;&lt;&amp;&quot;&gt;????]");
    assert_int_equal(count_of(text, "<failure"), 0);
    free(text);
    made_free(&made);
}

static void a_broken_off_run_is_an_error(void **unused)
{
    (void)unused;
    struct made made = make_all();
    made.result->interrupted = true;
    judge_again(&made);
    char *text = print("junit", &made);
    assert_has(text, "<error type=\"interrupted\" message=\"interrupted: rounds are missing\"/>");
    free(text);
    made_free(&made);
}

static void a_difference_of_the_same_is_a_failure(void **unused)
{
    (void)unused;
    struct made made = make_all();
    made.result->aa = true;
    judge_again(&made);
    char *text = print("junit", &made);
    assert_has(text, "name=\"qps of pooled is that of plain\" time=\"0.000\">\n"
                     "      <failure type=\"difference\" message=\"better\"/>");
    free(text);
    made_free(&made);
}

static void spectra_are_a_file_each(void **unused)
{
    (void)unused;
    struct made made = make_all();
    const struct report_item items[] = {{made.result, made.judgement, "a/b"},
                                        {made.result, made.judgement, "c"}};
    struct report_input input = {items, 1, 1};
    const struct report_format *hgrm = report_find("hgrm", NULL);
    char part[200];
    rename_variant(&made, "../x,y");
    assert_true(hgrm->part(&input, part, sizeof(part)));
    assert_string_equal(part, ".._x_y.full");
    input.item_count = 2;
    assert_true(hgrm->part(&input, part, sizeof(part)));
    assert_string_equal(part, "a_b..._x_y.full");
    input.part = 4;
    assert_false(hgrm->part(&input, part, sizeof(part)));
    made.result->rounds[0].steps[0].load.latency->overflow = 3;
    char *text = print("hgrm", &made);
    assert_int_equal(
        strncmp(text, "       Value     Percentile TotalCount 1/(1-Percentile)\n\n", 56), 0);
    assert_has(text, " 1.000000000000     120000\n#[Mean    = ");
    assert_has(text, "#[family/name/plain/full, 6 valid rounds, milliseconds]\n#[3 values above");
    free(text);
    for (size_t i = 0; i < made.result->round_count; i++)
        result_round_invalid(&made.result->rounds[i], "late");
    input.part = 0;
    assert_false(hgrm->part(&input, part, sizeof(part)));
    FILE *out = fopen("/dev/null", "w");
    assert_non_null(out);
    assert_int_equal(hgrm->write(&input, out, NULL), -EINVAL);
    (void)fclose(out);
    made_free(&made);
}

static void logs_have_a_line_a_second(void **unused)
{
    (void)unused;
    struct made made = make_all();
    add_series(&made.result->rounds[0].steps[0]);
    rename_variant(&made, "x,y z");
    result_round_invalid(&made.result->rounds[11], "late");
    char *text = print("hlog", &made);
    assert_has(text, "#[Histogram log format version 1.2]\n#[StartTime: 1715938200.000 (seconds");
    assert_has(text, "\nTag=plain.full,0.500,1.000,2.0");
    assert_has(text, "\nTag=plain.full,1.500,1.000,0.000,HISTF"); /* nothing went well */
    assert_has(text, "\nTag=plain.full,2.500,0.250,7.");
    assert_has(text, "\nTag=x_y_z.full,0.000,1.000,"); /* without a series: all of the phase */
    assert_int_equal(count_of(text, "\nTag=x_y_z.full,"), 5);
    assert_int_equal(count_of(text, "\nTag=plain.full,"), 3 + 5);
    free(text);
    made_free(&made);
}

static void metrics_are_in_base_units(void **unused)
{
    (void)unused;
    struct made made = make_all();
    rename_variant(&made, "a\"b\\c\n");
    char *text = print_part("prometheus", &made, 2, 0);
    assert_has(text, "# TYPE poolstorm_p99_seconds gauge\n"
                     "poolstorm_p99_seconds{run=\"night\",scenario=\"family/name\","
                     "variant=\"plain\"} 0.019");
    assert_has(text, "variant=\"a\\\"b\\\\c\\n\"");
    assert_has(text, "poolstorm_latency_seconds_bucket{run=\"day\",scenario=\"family/name\","
                     "variant=\"plain\",phase=\"full\",le=\"+Inf\"} 120000\n");
    assert_has(text, "poolstorm_run_outcome{run=\"night\",scenario=\"family/name\","
                     "outcome=\"");
    assert_int_equal(count_of(text, "# TYPE poolstorm_qps_per_second gauge"), 1);
    assert_int_equal(count_of(text, "\npoolstorm_qps_per_second{"), 4);
    assert_has(text, "poolstorm_max_seconds{run=\"night\",scenario=\"family/name\","
                     "variant=\"plain\"} +Inf\n");
    free(text);
    made_free(&made);
}

/* Whole rounds, and by phase where there are several. */
static void figures_are_walked_in_order(void **unused)
{
    (void)unused;
    static const char phased[] =
        "question: Is it?\n"
        "subject: {url: 'http://127.0.0.1:8080/'}\n"
        "variants: {a: {}, b: {}}\n"
        "load: {path: /}\n"
        "phases: [{name: warm, kind: warmup, for: 1s}, {name: x, for: 1s}, {name: y, for: 1s}]\n";
    struct made made = {.plan = fixture_plan(phased)};
    made.result = fixture_result(made.plan);
    made.judgement = fixture_judge(made.result);
    const struct report_item item = {made.result, made.judgement, "night"};
    const struct report_input input = {&item, 1, 0};
    struct figure figure = {.input = &input};
    char name[FIGURE_NAME_BYTES_MAX];
    static const char *const names[] = {"family/name/a/qps",   "family/name/a/x/qps",
                                        "family/name/a/y/qps", "family/name/b/qps",
                                        "family/name/b/x/qps", "family/name/b/y/qps"};
    size_t count = 0, named = 0;
    for (; figure_next(&figure); count++)
        if (figure.metric == METRIC_QPS)
            assert_string_equal(figure_name(&figure, true, name, sizeof(name)), names[named++]);
    assert_int_equal(count, 6 * made.plan->metric_count);
    assert_false(figure_has_latencies(&(struct figure){.input = &input, .phase = 1}));
    made_free(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_has_a_row_for_each_figure),
        cmocka_unit_test(a_round_that_is_never_is_not_left_out),
        cmocka_unit_test(benchmarks_repeat_once_a_round),
        cmocka_unit_test(charts_get_what_is_small_and_what_is_big),
        cmocka_unit_test(verdicts_are_test_cases),
        cmocka_unit_test(an_invalid_run_is_an_error),
        cmocka_unit_test(a_broken_off_run_is_an_error),
        cmocka_unit_test(a_difference_of_the_same_is_a_failure),
        cmocka_unit_test(spectra_are_a_file_each),
        cmocka_unit_test(logs_have_a_line_a_second),
        cmocka_unit_test(metrics_are_in_base_units),
        cmocka_unit_test(figures_are_walked_in_order),
    };
    return cmocka_run_group_tests_name("formats", tests, NULL, NULL);
}
