/* SPDX-License-Identifier: MIT */
/* report_test.c - tables fit their width, the report reads as it should, the record reads back. */
#include "report_fixture.h"

#include "measure/series.h"
#include "report/json.h"
#include "report/report.h"
#include "report/terminal.h"
#include "report/text.h"

#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

static const char scenario[] =
    "question: Is it worth it?\n"
    "source: an article\n"
    "subject: {url: 'http://127.0.0.1:8080/'}\n"
    "variants: {plain: {about: as it is}, pooled: {}}\n"
    "load: {path: /, connections: 16}\n"
    "phases:\n"
    "  - {name: full, kind: measure, for: 1s}\n"
    "  - {name: settle, kind: drain, for: 10ms}\n"
    "rounds: 10\n"
    "noise: 2%\n"
    "observe:\n"
    "  in_use: {series: pool_in_use, take: max}\n"
    "  hits: hits_total\n"
    "  wait_p99: {histogram: wait_seconds, quantile: 99%}\n"
    "  wait_p50: {histogram: wait_seconds, quantile: 50%}\n"
    "derive:\n"
    "  per_error: {from: qps / error_count}\n"
    "show: [qps, cpu_per_request, rss_peak, wait_p99]\n"
    "invariants: [contaminated == 0]\n"
    "expect:\n"
    "  - pooled.qps / plain.qps > 1.2\n"
    "  - pooled.p99 < 10ms\n"
    "claims:\n"
    "  - {what: QPS 11650 to 18420, figure: pooled.qps / plain.qps, says: 1.58}\n"
    "  - {what: collections, figure: none, says: 7 → 0, why: C has no collector}\n";

static void add_series(struct load_result *load)
{
    struct series_options options = {.length_ns = 1000000000,
                                     .slot_ns = 250000000,
                                     .error_names = load_outcome_names + LOAD_REFUSED};
    assert_ok(series_create(&load->series, &options, NULL));
    series_start(load->series, 5000);
    for (uint64_t i = 0; i < 500; i++)
        series_ok(load->series, 5000 + i * 1000000, 1000000 + i * 1000, 100);
    series_error(load->series, 600000000, LOAD_TIMEOUT - LOAD_REFUSED);
}

static void add_step(struct search_curve *curve, double rate_per_s, enum search_outcome outcome)
{
    curve->steps[curve->step_count++] = (struct search_step){.rate_per_s = rate_per_s,
                                                             .achieved_per_s = rate_per_s,
                                                             .p50_ns = NAN,
                                                             .p99_ns = 25e6,
                                                             .errors_share = 0.01,
                                                             .requests = 300,
                                                             .outcome = (int)outcome,
                                                             .kept_up = true};
}

static struct search_curve *make_curve(double met_per_s, enum search_outcome above)
{
    struct search_curve *curve = calloc(1, sizeof(*curve));
    assert_non_null(curve);
    curve->end = above == SEARCH_MISSED ? SEARCH_BRACKETED : SEARCH_LIMITED;
    curve->met_per_s = met_per_s;
    curve->missed_per_s = above == SEARCH_MISSED ? 2 * met_per_s : NAN;
    (void)snprintf(curve->reason, sizeof(curve->reason), "the generator was late");
    add_step(curve, met_per_s, SEARCH_MET);
    add_step(curve, 2 * met_per_s, above);
    add_step(curve, met_per_s, SEARCH_MET);
    return curve;
}

/* A pool that fills up over a phase, with a sample missing. */
static void add_gauge(struct result_round *round, double most)
{
    struct result_step *step = &round->steps[0];
    step->gauges = calloc(4, sizeof(*step->gauges));
    assert_non_null(step->gauges);
    step->gauges[0].period_ns = 100000000;
    for (size_t i = 0; i < 10; i++)
        assert_ok(gauge_put(&step->gauges[0], i, i == 4 ? NAN : most * (double)i / 9));
    step->gauges[0].opened = true;
    step->gauges[0].opening = most / 2;
    gauge_cut(&step->gauges[0], 0, 1000000000);
    round->rows[METRIC_BUILTIN_COUNT] = round->whole[METRIC_BUILTIN_COUNT] = most;
}

/* Most waits are short, some long and one beyond all bounds; both observations have them. */
static void add_histograms(struct result_round *round, uint64_t long_ones)
{
    struct result_step *step = &round->steps[0];
    struct bucket some[] = {{0, 1024, 900}, {4e6, 5e6, long_ones}, {6.87e10, INFINITY, 1}};
    struct buckets grown = {some, 3};
    step->histograms = calloc(4, sizeof(*step->histograms));
    assert_non_null(step->histograms);
    for (size_t i = 2; i < 4; i++) {
        assert_ok(buckets_add(&step->histograms[i], &grown));
        round->rows[METRIC_BUILTIN_COUNT + i] = round->whole[METRIC_BUILTIN_COUNT + i] =
            buckets_quantile(&step->histograms[i], i == 2 ? 0.99 : 0.5);
    }
}

/* Ten blocks of two variants, the third round of pooled invalid; every kind of thing in it. */
static struct result *make(const struct plan *plan)
{
    struct result *result = fixture_result(plan);
    for (size_t block = 0; block < 10; block++)
        for (size_t variant = 0; variant < 2; variant++) {
            double wobble = 1 + 0.002 * (double)((block * 7 + variant * 3) % 5);
            double qps = (variant ? 13000 : 10000) * wobble;
            struct result_round *round =
                fixture_round(result, block, variant, qps, 20e6 / wobble, 20000);
            round->seed = UINT64_MAX - block;
            round->whole[METRIC_CPU_PER_REQUEST] = 35000;
            round->whole[METRIC_RSS_PEAK] = 12 << 20;
            add_gauge(round, variant ? 20 : 7);
            add_histograms(round, variant ? 30 : 300);
            round->steps[0].load.cpu.cpu_ns = 420000000;
            round->steps[0].metered = true;
            round->steps[0].subject.at_ns = 1000000000;
            round->steps[0].subject.cpu_ns = 970000000;
        }
    result_round_invalid(&result->rounds[5], "the generator was the limit");
    result_phase_invalid(&result->rounds[7], 0, "full: the generator was late");
    result->rounds[9].whole[METRIC_CONTAMINATED] = 3;
    result_round_break(&result->rounds[9], 0, "contaminated == 0: was 3");
    add_series(&result->rounds[0].steps[0].load);
    result->rounds[0].steps[0].curve = make_curve(300, SEARCH_GENERATOR);
    result->seed = UINT64_MAX;
    result->length_ns = 83000000000;
    result->folder = strdup("results/runs/1");
    result->environment.command_line = strdup("poolstorm run x\xff");
    (void)strcpy(result->environment.kernel, "Linux 6.1.0");
    result->environment.load_before[0] = 0.25;
    return result;
}

/* Keeps plan, result and judgement together. */
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

static void made_free(struct made *made)
{
    judgement_destroy(made->judgement);
    result_destroy(made->result);
    plan_destroy(made->plan);
}

static char *print_terminal(const struct made *made, size_t width, bool color)
{
    char *text = NULL;
    size_t length;
    struct table_style style = {.width = width, .color = color};
    FILE *out = open_memstream(&text, &length);
    assert_ok(terminal_write(made->result, made->judgement, out, &style, NULL));
    (void)fclose(out);
    return text;
}

static char *print(const struct report_format *format, const struct made *made)
{
    char *text = NULL;
    size_t length;
    struct err err = {0};
    FILE *out = open_memstream(&text, &length);
    int rc = report_write_one(format, made->result, made->judgement, out, &err);
    (void)fclose(out);
    if (rc)
        print_error("%s\n", err.text);
    assert_ok(rc);
    return text;
}

static int write_file(const struct report_format *format, const struct made *made, const char *path,
                      struct err *err)
{
    const struct report_item item = {made->result, made->judgement, "made"};
    return report_write_file(format, &(struct report_input){.items = &item, .item_count = 1}, path,
                             err);
}

static size_t widest_line(const char *text)
{
    size_t widest = 0, length;
    for (const char *rest = text, *line; (line = text_line(&rest, 10000, &length));) {
        size_t width = text_width(line, length);
        widest = width > widest ? width : widest;
    }
    return widest;
}

static char *read_whole(const char *path)
{
    static char text[1 << 16];
    FILE *in = fopen(path, "r");
    if (!in)
        return NULL;
    text[fread(text, 1, sizeof(text) - 1, in)] = '\0';
    (void)fclose(in);
    return text;
}

/* The whole table as committed; REGOLD=1 in the environment writes it anew. */
static void the_table_is_as_committed(void **unused)
{
    (void)unused;
    struct made made = make_all();
    char *text = print_terminal(&made, 100, false);
    if (getenv("REGOLD")) {
        FILE *out = fopen(GOLDEN, "w");
        assert_non_null(out);
        (void)fputs(text, out);
        (void)fclose(out);
    }
    char *golden = read_whole(GOLDEN);
    assert_non_null(golden);
    assert_string_equal(text, golden);
    assert_true(widest_line(text) <= 100);
    free(text);
    made_free(&made);
}

static void narrow_terminals_get_all_of_it(void **unused)
{
    (void)unused;
    struct made made = make_all();
    char *text = print_terminal(&made, 80, false);
    assert_true(widest_line(text) <= 80);
    assert_non_null(strstr(text, "P99 / plain"));
    assert_non_null(strstr(text, "cpu_per_request"));
    assert_null(strchr(text, '\033'));
    free(text);
    text = print_terminal(&made, 80, true);
    assert_non_null(strstr(text, "\033[32m"));
    free(text);
    made_free(&made);
}

/* A schedule sets the pace only as long as it is kept up with. */
/* Which phase a column is of among several; and that nothing went well. */
static void notes_say_what_figures_do_not(void **unused)
{
    (void)unused;
    static const char phased[] =
        "question: Is it?\n"
        "subject: {url: 'http://127.0.0.1:8080/'}\n"
        "variants: {plain: {}}\n"
        "load: {path: /}\n"
        "phases: [{name: full, for: 1s}, {name: paced, for: 1s, rate: 10/s}]\n";
    struct plan *plan = fixture_plan(phased);
    struct result *result = fixture_result(plan);
    (void)fixture_round(result, 0, 0, 10000, 20e6, 20000);
    struct load_result *load = &result->rounds[0].steps[0].load;
    load->ended[LOAD_STATUS] = 20000;
    (void)snprintf(load->first_error, sizeof(load->first_error), "status 404");
    struct judgement *judgement = fixture_judge(result);
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    assert_ok(report_write_one(report_find("markdown", NULL), result, judgement, out, NULL));
    assert_int_equal(fclose(out), 0);
    assert_non_null(strstr(text, "costs are of the phase full, latencies of paced"));
    assert_non_null(strstr(text, "plain, full: all 20000 requests failed, the first: status 404"));
    free(text);
    judgement_destroy(judgement);
    result_destroy(result);
    plan_destroy(plan);
}

static void the_limit_of_an_open_loop_is_told(void **unused)
{
    (void)unused;
    static const struct {
        uint64_t replied;
        double subject_s, working_s; /* of a second */
        const char *limit;
    } cases[] = {
        {990, 0.97, 0.5, "the schedule set the pace"},
        {500, 0.97, 0.5, "the subject was the limit"},
        {500, 0.30, 0.95, "the generator was the limit"},
        {500, 0.30, 0.5, "neither was: waiting was"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct made made = make_all();
        made.result->phases[0].profile.rate_per_s = 1000;
        for (size_t r = 0; r < made.result->round_count; r++) {
            struct result_step *step = &made.result->rounds[r].steps[0];
            step->subject.cpu_ns = (uint64_t)(cases[i].subject_s * 1e9);
            step->load.offered = 1000;
            step->load.replied_in_time = cases[i].replied;
            step->load.watched_ns = NS_PER_S;
            step->load.working_ns = (uint64_t)(cases[i].working_s * 1e9);
        }
        char *text = print_terminal(&made, 100, false);
        assert_non_null(strstr(text, cases[i].limit));
        free(text);
        made_free(&made);
    }
}

static void what_a_round_broke_is_told(void **unused)
{
    (void)unused;
    struct made made = make_all();
    static const char *const formats[] = {"markdown", "terminal"};
    for (size_t i = 0; i < 2; i++) {
        char *text = print(report_find(formats[i], NULL), &made);
        assert_non_null(strstr(text, "pooled, block 5: contaminated == 0: was 3"));
        assert_non_null(strstr(text, "broken in 1 of 8 rounds"));
        assert_non_null(strstr(text, "17 of 20 valid, 1 broken"));
        free(text);
    }
    made_free(&made);
}

/* Three rounds: the one in the middle is shown. */
static void searches_show_the_curve_of_the_median_round(void **unused)
{
    (void)unused;
    struct made made = {0};
    made.plan = fixture_plan("question: Where is the knee?\n"
                             "variants: {a: {url: 'http://127.0.0.1:1'}, b: {url: "
                             "'http://127.0.0.1:1'}}\n"
                             "phases: [{name: climb, for: 1m, search: {objective: p99 < 1s}}]\n");
    made.result = fixture_result(made.plan);
    for (size_t i = 0; i < 3; i++)
        fixture_round(made.result, i, 0, 100, 20e6, 20000)->steps[0].curve =
            make_curve(i == 0 ? 400 : (double)(i * 100), SEARCH_MISSED);
    struct result_round *round = fixture_round(made.result, 0, 1, 100, 20e6, 20000);
    round->steps[0].curve = make_curve(50, SEARCH_GENERATOR);
    result_round_invalid(round, "climb: the generator was late");
    made.judgement = fixture_judge(made.result);
    char *text = print_terminal(&made, 120, false);
    assert_non_null(strstr(text, "\nSearch\n"));
    assert_non_null(
        strstr(text, "a        climb  200/s     200/s    –  25.0 ms     1 %  met 2: the knee"));
    assert_non_null(
        strstr(text, "a        climb  400/s     400/s    –  25.0 ms     1 %  missed 1"));
    assert_non_null(strstr(text, "b        climb   50/s"));
    assert_non_null(strstr(text, "the generator was the limit, not the subject; no valid round"));
    assert_null(strstr(text, "800/s"));
    free(text);
    text = print(report_find("markdown", NULL), &made);
    assert_non_null(strstr(text, "### Search"));
    free(text);
    made_free(&made);
}

/* Values from elsewhere may lie outside what is said to be their range. */
static void gauges_are_drawn_within_their_scale(void **unused)
{
    (void)unused;
    struct made made = make_all();
    for (size_t i = 0; i < made.result->round_count; i++) {
        struct gauge *gauge = &made.result->rounds[i].steps[0].gauges[0];
        gauge->values[0] = -1e300;
        gauge->values[1] = 1e300;
    }
    char *text = print(report_find("markdown", NULL), &made);
    assert_non_null(strstr(text, "▁█▃▃·▅▆▆▇█"));
    free(text);
    made_free(&made);
}

static void many_reasons_are_summed_up(void **unused)
{
    (void)unused;
    struct made made = make_all();
    for (size_t i = 6; i < 20; i++)
        result_round_invalid(&made.result->rounds[i], "late");
    made.result->rounds[9].breach_count = 0;
    judgement_destroy(made.judgement);
    made.judgement = fixture_judge(made.result);
    char *text = print_terminal(&made, 100, false);
    assert_non_null(strstr(text, "and 6 more reasons"));
    assert_non_null(strstr(text, "not to be believed: only 3 of 10 rounds of plain are valid"));
    free(text);
    made_free(&made);
}

static void texts_are_measured_and_made_harmless(void **unused)
{
    (void)unused;
    /* an escape, a control of two bytes, a mark that turns the direction, no UTF-8 at all */
    static const char unfit[] = {'\033', '\xc2', '\x9b', '\xe2', '\x80', '\xae', '\xff', '\0'};
    char text[32];
    (void)snprintf(text, sizeof(text), "a%s→漢", unfit);
    assert_string_equal(text_clean(text), "a???????→漢");
    assert_int_equal(text_width("→漢e\xcc\x81", strlen("→漢e\xcc\x81")), 4);
    const char *rest = "one two  three\nfourfivesix";
    size_t length;
    static const char *const lines[] = {"one two", "fourfiv", "esix"};
    const char *line = text_line(&rest, 7, &length);
    assert_memory_equal(line, lines[0], length);
    assert_int_equal(length, 7);
    assert_non_null(text_line(&rest, 7, &length)); /* the second blank stays in front */
    assert_int_equal(length, 6);
    line = text_line(&rest, 7, &length);
    assert_memory_equal(line, lines[1], length);
    line = text_line(&rest, 7, &length);
    assert_memory_equal(line, lines[2], length);
    assert_null(text_line(&rest, 7, &length));
}

static void markdown_escapes_what_it_must(void **unused)
{
    (void)unused;
    struct made made = make_all();
    char *text = print(report_find("markdown", NULL), &made);
    assert_non_null(strstr(text, "| pooled |"));
    assert_non_null(strstr(text, "pooled.p99 &lt; 10ms"));
    assert_non_null(strstr(text, "cpu\\_per\\_request"));
    assert_non_null(strstr(text, "✘ fail"));
    free(text);
    made_free(&made);
}

static void formats_are_found_by_name(void **unused)
{
    (void)unused;
    struct err err = {0};
    assert_string_equal(report_find("json", &err)->extension, "json");
    assert_null(report_find("jsno", &err));
    assert_non_null(strstr(err.text, "did you mean 'json'?"));
}

static char *temporary(char *path, const char *text)
{
    (void)strcpy(path, "/tmp/report_test.XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    if (text)
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void)close(fd);
    return path;
}

static void check_round(const struct result_round *was, const struct result_round *is)
{
    assert_int_equal(is->seed, was->seed);
    assert_int_equal(is->valid, was->valid);
    assert_int_equal(is->exit_status, -1);
    assert_true(is->whole[METRIC_QPS] == was->whole[METRIC_QPS]);
    assert_true(isnan(is->whole[METRIC_MAX]));
    assert_true(is->rows[METRIC_P99] == was->rows[METRIC_P99]);
    assert_true(is->steps[0].loaded && is->steps[0].metered && !is->steps[1].ran);
    const struct hist *a = was->steps[0].load.latency, *b = is->steps[0].load.latency;
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->min_ns, b->min_ns);
    assert_memory_equal(a->counts, b->counts, a->geometry.counts_length * sizeof(*a->counts));
    assert_int_equal(is->steps[0].subject.cpu_ns, 970000000);
    const struct gauge *gauge = result_gauge(&is->steps[0], 0);
    assert_non_null(gauge);
    assert_null(result_gauge(&is->steps[0], 1));
    assert_null(result_gauge(&is->steps[1], 0));
    assert_int_equal(gauge->count, 10);
    assert_int_equal(gauge->missed, 1);
    assert_true(gauge->opened && gauge->opening == was->whole[METRIC_BUILTIN_COUNT] / 2);
    assert_true(gauge->high == was->whole[METRIC_BUILTIN_COUNT] && isnan(gauge->values[4]));
    const struct buckets *buckets = &is->steps[0].histograms[3];
    assert_int_equal(buckets->count, 3);
    assert_memory_equal(buckets->items, was->steps[0].histograms[3].items,
                        3 * sizeof(*buckets->items));
    assert_int_equal(is->steps[0].histograms[1].count, 0);
}

static void check_series(const struct series *was, const struct series *is)
{
    assert_int_equal(is->slot_count, was->slot_count);
    assert_int_equal(is->start_ns, 5000);
    for (size_t i = 0; i < was->slot_count; i++) {
        assert_memory_equal(series_slot(is, i), series_slot(was, i), was->slot_stride_bytes);
        assert_int_equal(series_slot_percentile_ns(is, i, 90),
                         series_slot_percentile_ns(was, i, 90));
    }
}

static void results_are_called_by_their_folders(void **unused)
{
    (void)unused;
    static const char *const cases[][2] = {
        {"results/runs/night/result.json", "night"},
        {"results/runs/night/", "night"},
        {"night", "night"},
        {"/tmp/baseline.json", "baseline"},
        {"/result.json", "result"},
        {"./result.json", "result"},
        {"../", "result"},
        {".json", ".json"},
        {"", "result"},
    };
    char name[64];
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_string_equal(report_name(name, sizeof(name), cases[i][0]), cases[i][1]);
}

/* Several on one page, as many as a page holds; the others are counted. */
static void a_page_of_results_stays_below_its_limit(void **unused)
{
    (void)unused;
    enum { MANY = 600 };
    struct made made = make_all();
    struct report_item items[MANY];
    for (size_t i = 0; i < MANY; i++)
        items[i] = (struct report_item){made.result, made.judgement, "made"};
    for (size_t count = 2; count <= MANY; count += MANY - 2) {
        char *text = NULL;
        size_t length, titles = 0;
        FILE *out = open_memstream(&text, &length);
        assert_ok(
            report_find("markdown", NULL)
                ->write(&(struct report_input){.items = items, .item_count = count}, out, NULL));
        (void)fclose(out);
        for (const char *at = text; (at = strstr(at, "## family/name\n")); at++)
            titles++;
        assert_true(length < 1 << 20);
        assert_true(count == 2 ? titles == 2 : titles > 2 && titles < MANY);
        assert_int_equal(strstr(text, "results are left out") != NULL, count == MANY);
        free(text);
    }
    made_free(&made);
}

static char *page_of(const char *format, const struct report_item *items, size_t count)
{
    char *page = NULL;
    size_t length;
    FILE *out = open_memstream(&page, &length);
    const struct report_input input = {items, count, 0};
    assert_ok(report_find(format, NULL)->write(&input, out, NULL));
    (void)fclose(out);
    return page;
}

/* A run that ended in its first round says nothing of names of series. */
static void what_no_round_was_asked_for_is_not_missing(void **unused)
{
    (void)unused;
    struct made made = make_all();
    char *page = page_of("markdown", &(struct report_item){made.result, made.judgement, "x"}, 1);
    assert_non_null(strstr(page, "no variant's metrics ever had a value of hits"));
    free(page);
    for (size_t i = 0; i < made.result->round_count; i++)
        made.result->rounds[i].steps[0].ran = false;
    made.result->interrupted = true;
    page = page_of("markdown", &(struct report_item){made.result, made.judgement, "x"}, 1);
    assert_null(strstr(page, "no variant's metrics ever had a value of hits"));
    free(page);
    made_free(&made);
}

/* ---- Grids ----------------------------------------------------------------------------------- */

static const char grid_text[] =
    "question: q\n"
    "variants: {a: {url: 'http://[::1]:1'}, b: {url: 'http://[::1]:1'}}\n"
    "phases: [{name: fast, for: 1s}]\n"
    "invariants: [contaminated == 0]\n"
    "axes:\n"
    "  many: {set: load.connections, to: [1, 8]}\n"
    "  size: {set: load.payload, to: [1KB, 16KB]}\n";

/* A cell of a grid in which b is faster by gain. */
static struct made make_cell(const char *name, double gain)
{
    struct made made = {0};
    assert_ok(plan_parse_cell("family/name.yaml", grid_text, strlen(grid_text), &no_tables, name,
                              &made.plan, NULL));
    made.result = fixture_result(made.plan);
    for (size_t block = 0; block < 8; block++)
        for (size_t variant = 0; variant < 2; variant++)
            fixture_round(made.result, block, variant,
                          (1000 + (double)block) * (variant ? gain : 1), 2e6, 20000);
    made.judgement = fixture_judge(made.result);
    return made;
}

static void grids_stand_side_by_side(void **unused)
{
    (void)unused;
    static const char *const names[] = {"many=1,size=1KB", "many=1,size=16KB", "many=8,size=16KB"};
    static const double gains[] = {1.5, 1, 0.5};
    struct made cells[3];
    struct report_item items[3];
    for (size_t i = 0; i < 3; i++) {
        cells[i] = make_cell(names[i], gains[i]);
        items[i] = (struct report_item){cells[i].result, cells[i].judgement, names[i]};
    }
    char *page = page_of("markdown", items, 3);
    assert_string_equal(page, "\n### family/name, by size: b.qps / a.qps\n\n"
                              "| many | 1KB | 16KB |\n"
                              "|---|---:|---:|\n"
                              "| 1 | 1.50 \\[1.50, 1.50\\] | 1.00 \\[1.00, 1.00\\] |\n"
                              "| 8 | not run | 0.500 \\[0.500, 0.500\\] |\n"
                              "\n### family/name, 4 cells\n\n**? 1 not run, 3 sound**\n\n");
    free(page);
    page = page_of("gbench", items, 3); /* for programs each cell is a scenario of its own */
    assert_non_null(strstr(page, "\"run_name\": \"family/name many=1,size=1KB/b/qps\""));
    assert_non_null(strstr(page, "\"run_name\": \"family/name many=8,size=16KB/b/qps\""));
    assert_null(strstr(page, "\"run_name\": \"family/name/"));
    free(page);
    page = page_of("csv", items, 3);
    assert_non_null(
        strstr(page, "\n\"many=1,size=1KB\",family/name,\"many=1,size=1KB\",a,0,0,true,"));
    free(page);
    for (size_t i = 0; i < 3; i++)
        made_free(&cells[i]);
}

/* A figure of a run that cannot be believed is none to look at like the others. */
static void cells_that_are_not_sound_are_marked(void **unused)
{
    (void)unused;
    static const char *const names[] = {"many=1,size=1KB", "many=1,size=16KB", "many=8,size=1KB",
                                        "many=8,size=16KB"};
    static const char *const formats[] = {"markdown", "terminal", "html"};
    struct made cells[4];
    struct report_item items[4];
    for (size_t i = 0; i < 4; i++) {
        cells[i] = make_cell(names[i], 1.5);
        struct result_round *rounds = cells[i].result->rounds;
        for (size_t k = 0; i == 1 && k < 12; k++)
            result_round_invalid(&rounds[k], "late");
        if (i == 2)
            result_round_break(&rounds[0], 0, "contaminated == 0: was 3");
        cells[i].result->interrupted = i == 3;
        judgement_destroy(cells[i].judgement);
        cells[i].judgement = fixture_judge(cells[i].result);
        items[i] = (struct report_item){cells[i].result, cells[i].judgement, names[i]};
    }
    assert_int_equal(cells[1].judgement->outcome, OUTCOME_INVALID);
    assert_int_equal(cells[2].judgement->outcome, OUTCOME_EXPECTATION);
    for (size_t i = 0; i < 3; i++) {
        char *page = page_of(formats[i], items, 4);
        assert_non_null(strstr(page, "✘ not to be believed"));
        assert_non_null(strstr(page, "✘ an invariant failed"));
        assert_non_null(strstr(page, "✘ interrupted"));
        assert_non_null(strstr(page, "✘ 1 not to be believed, 1 with an invariant that failed, "
                                     "1 interrupted, 1 sound"));
        assert_non_null(strstr(page, "only 2 of 10 rounds of a are valid"));
        free(page);
    }
    char *page = page_of("summary", items, 4);
    assert_non_null(strstr(page, "| family/name, 4 cells | ✘ 1 not to be believed"));
    free(page);
    for (size_t i = 0; i < 4; i++)
        made_free(&cells[i]);
}

/* Cells belong to the run they were made in. */
static void grids_of_two_runs_are_two(void **unused)
{
    (void)unused;
    struct made cells[] = {make_cell("many=1,size=1KB", 1.5), make_cell("many=1,size=1KB", 2)};
    struct report_item items[] = {
        {cells[0].result, cells[0].judgement, "x", "runs/old"},
        {cells[1].result, cells[1].judgement, "y", "runs/new"},
    };
    char *page = page_of("markdown", items, 2);
    assert_non_null(strstr(page, "b.qps / a.qps (runs/old)\n\n| many | 1KB | 16KB |\n"
                                 "|---|---:|---:|\n| 1 | 1.50 "));
    assert_non_null(strstr(page, "b.qps / a.qps (runs/new)\n\n| many | 1KB | 16KB |\n"
                                 "|---|---:|---:|\n| 1 | 2.00 "));
    free(page);
    made_free(&cells[0]);
    made_free(&cells[1]);
}

/* Their tables count for the page's length, too. */
static void a_page_of_grids_stays_below_its_limit(void **unused)
{
    (void)unused;
    enum { MANY = 3000, NAME_BYTES = 100 };
    struct made cell = make_cell("many=1,size=1KB", 1.5);
    struct report_item *items = calloc(MANY, sizeof(*items));
    char(*runs)[NAME_BYTES] = calloc(MANY, sizeof(*runs));
    assert_true(items && runs);
    for (size_t i = 0; i < MANY; i++) {
        char number[24];
        (void)snprintf(number, sizeof(number), "%04zu", i);
        memset(runs[i], 'x', NAME_BYTES - 1);
        memcpy(runs[i], number, 4);
        items[i] = (struct report_item){cell.result, cell.judgement, "made", runs[i]};
    }
    char *page = page_of("markdown", items, MANY);
    assert_true(strlen(page) < 1 << 20);
    assert_non_null(strstr(page, "tables of grids are left out"));
    free(page);
    free(items);
    free(runs);
    made_free(&cell);
}

static void records_read_back_alike(void **unused)
{
    (void)unused;
    struct made made = make_all(), back = {0};
    struct err err = {0};
    char path[64];
    const struct report_format *json = report_find("json", NULL);
    assert_ok(write_file(json, &made, temporary(path, NULL), &err));
    int rc = result_read(path, &no_tables, &back.plan, &back.result, &err);
    if (rc)
        print_error("%s\n", err.text);
    assert_ok(rc);
    back.judgement = fixture_judge(back.result);
    assert_int_equal(back.result->seed, UINT64_MAX);
    assert_int_equal(back.result->round_count, 20);
    assert_string_equal(back.result->rounds[5].reasons[0], "the generator was the limit");
    assert_int_equal(back.result->rounds[5].reason_phases[0], -1);
    assert_true(back.result->rounds[5].spoilt);
    assert_int_equal(back.result->rounds[7].reason_phases[0], 0);
    assert_true(back.result->rounds[7].steps[0].invalid && !back.result->rounds[7].spoilt);
    assert_int_equal(back.result->rounds[9].breach_count, 1);
    assert_int_equal(back.result->rounds[9].breaches[0].invariant, 0);
    assert_string_equal(back.result->rounds[9].breaches[0].text, "contaminated == 0: was 3");
    assert_string_equal(back.result->environment.command_line, "poolstorm run x?");
    assert_string_equal(back.result->environment.kernel, "Linux 6.1.0");
    assert_true(back.result->environment.load_before[0] == 0.25);
    assert_true(isnan(back.result->environment.load_after[0]));
    assert_int_equal(back.result->phases[0].profile.connections, 16);
    for (size_t i = 0; i < 20; i++)
        check_round(&made.result->rounds[i], &back.result->rounds[i]);
    const struct search_curve *was = made.result->rounds[0].steps[0].curve;
    const struct search_curve *is = back.result->rounds[0].steps[0].curve;
    assert_non_null(is);
    assert_null(back.result->rounds[1].steps[0].curve);
    assert_int_equal(is->end, was->end);
    assert_true(is->met_per_s == was->met_per_s && isnan(is->missed_per_s));
    assert_string_equal(is->reason, was->reason);
    assert_int_equal(is->step_count, was->step_count);
    assert_true(isnan(is->steps[1].p50_ns));
    assert_int_equal(is->steps[1].outcome, SEARCH_GENERATOR);
    check_series(made.result->rounds[0].steps[0].load.series,
                 back.result->rounds[0].steps[0].load.series);
    char *first = print_terminal(&made, 100, false), *second = print_terminal(&back, 100, false);
    assert_string_equal(first, second);
    free(first);
    free(second);
    first = print(json, &made);
    second = print(json, &back);
    assert_null(strstr(first, "nan"));
    assert_string_equal(strstr(first, "\"rounds\""), strstr(second, "\"rounds\""));
    free(first);
    free(second);
    (void)unlink(path);
    made_free(&made);
    made_free(&back);
}

/* Sets the value at a path of keys and indices, or takes it away (NULL). */
static void spoil(json_t *root, const char *path, json_t *value)
{
    char copy[160];
    (void)snprintf(copy, sizeof(copy), "%s", path);
    char *last = strrchr(copy, '/');
    json_t *at = root;
    if (last)
        *last++ = '\0';
    for (char *save, *word = last ? strtok_r(copy, "/", &save) : NULL; word;
         word = strtok_r(NULL, "/", &save))
        at = json_is_array(at) ? json_array_get(at, (size_t)atoi(word)) : json_object_get(at, word);
    assert_non_null(at);
    last = last ? last : copy;
    if (json_is_array(at))
        assert_ok(json_array_set_new(at, (size_t)atoi(last), value));
    else if (value)
        assert_ok(json_object_set_new(at, last, value));
    else
        assert_ok(json_object_del(at, last));
}

static void refuse(const char *text, const char *expected)
{
    char path[64];
    struct err err = {0};
    struct plan *plan;
    struct result *result;
    assert_true(result_read(temporary(path, text), &no_tables, &plan, &result, &err) < 0);
    if (!strstr(err.text, expected))
        print_error("expected '%s' in '%s'\n", expected, err.text);
    assert_non_null(strstr(err.text, expected));
    assert_non_null(strstr(err.text, path));
    (void)unlink(path);
}

/* What is put where, and what is said of it; a value of NULL is left out. */
static const struct {
    const char *path, *value, *expected;
} spoilt_records[] = {
    {"schema", "2", "schema: expected 1, not 2"},
    {"schema", NULL, "schema: expected"},
    {"scenario/text", "\"question: x\"", "scenario: family/name.yaml"},
    {"run/blocks", "1000000000", "run: blocks: expected at most"},
    {"run/blocks", "-1", "run: blocks: expected an integer"},
    {"run/seed", "\"12x\"", "run: seed: expected an integer"},
    {"run/noise", "7", "run: noise: expected"},
    {"environment/kernel", "7", "environment: kernel: expected a text"},
    {"variants/1/plan_index", "2", "variants[1]: plan_index: expected at most 1"},
    {"phases/0/name", "\"other\"", "phases[0]: name, kind: expected"},
    {"phases/0/load/connections", "\"many\"", "connections"},
    {"rounds", "{}", "rounds: expected an array"},
    {"rounds/3", "[]", "rounds[3]: variant: expected"},
    {"rounds/3/variant", "2", "rounds[3]: variant: expected at most 1"},
    {"rounds/3/block", "0.5", "rounds[3]: block: expected"},
    {"rounds/3/block", "0", "rounds[3]: valid: expected one"},
    {"rounds/3/valid", "false", "rounds[3]: reasons: expected some"},
    {"rounds/3/phases/0/gauges", "7", "gauges: expected an object"},
    {"rounds/3/phases/0/gauges/other", "{}", "gauges: expected observations"},
    {"rounds/3/phases/0/gauges/in_use", "7", "gauges: in_use: expected an object"},
    {"rounds/3/phases/0/gauges/in_use/period_ns", "0", "in_use: period_ns: expected more"},
    {"rounds/3/phases/0/gauges/in_use/opening", "true", "in_use: opening: expected a number"},
    {"rounds/3/phases/0/gauges/in_use/low", "\"few\"", "in_use: low: expected a number"},
    {"rounds/3/phases/0/gauges/in_use/values", "7", "in_use: values: expected an array"},
    {"rounds/3/phases/0/gauges/in_use/values", "[1,true]", "in_use: values: expected numbers"},
    {"rounds/3/phases/0/histograms", "7", "histograms: expected an object"},
    {"rounds/3/phases/0/histograms/hits", "{}", "histograms: expected observations"},
    {"rounds/3/phases/0/histograms/wait_p99", "7", "wait_p99: low: expected an array"},
    {"rounds/3/phases/0/histograms/wait_p99/low", "[1]", "wait_p99: expected low, high and"},
    {"rounds/3/phases/0/histograms/wait_p99/low/1", "7e9", "wait_p99: expected bounds in"},
    {"rounds/3/phases/0/histograms/wait_p99/high/0", "null", "wait_p99: expected bounds in"},
    {"rounds/3/phases/0/histograms/wait_p99/high/0", "true", "wait_p99: expected numbers"},
    {"rounds/3/phases/0/histograms/wait_p99/count/0", "-1", "wait_p99: expected numbers"},
    {"rounds/3/broken", "7", "rounds[3]: broken: expected an array"},
    {"rounds/3/broken", "[{\"invariant\":0,\"text\":\"\"}]", "broken: expected invariants"},
    {"rounds/5/reasons/0", "7", "rounds[5]: reasons: text: expected a text"},
    {"rounds/5/reasons/0/text", "7", "rounds[5]: reasons: text: expected a text"},
    {"rounds/5/reasons/0/phase", "2", "rounds[5]: reasons: phase: expected at most 1"},
    {"rounds/5/reasons/0/phase", "\"full\"", "reasons: phase: expected an integer"},
    {"rounds/9/broken", "[]", "rounds[9]: reasons: expected some"},
    {"rounds/9/broken/0/invariant", "1", "broken[0]: invariant: expected at most 0"},
    {"rounds/9/broken/0/text", "7", "rounds[9]: broken[0]: text: expected a text"},
    {"rounds/3/metrics/qps", "\"fast\"", "rounds[3]: metrics: qps: expected a number"},
    {"rounds/3/phases", "[]", "rounds[3]: phases: expected as many"},
    {"rounds/0/phases/0/search", "7", "search: expected an object or null"},
    {"rounds/0/phases/0/search/end", "\"tired\"", "search: end: expected a word"},
    {"rounds/0/phases/0/search/steps", "{}", "search: steps: expected an array"},
    {"rounds/0/phases/0/search/steps/1/outcome", "7", "search: outcome: expected a text"},
    {"rounds/0/phases/0/search/steps/1/p99_ns", "[]", "p99_ns: expected a number"},
    {"rounds/3/phases/0/load/ended", "{}", "rounds[3]: phases[0]: load: ok: expected"},
    {"rounds/3/phases/0/load/latency/hdr_v2", "\"AAAA\"", "load: latency: "},
    {"rounds/3/phases/0/load/latency/hdr_v2", "\"?\"", "load: latency: "},
    {"rounds/3/phases/0/load/latency/max_ns", "1", "expected the ends of its histogram"},
    {"rounds/3/phases/0/load/latency/count", "1", "latency: count: expected as many"},
    {"rounds/0/phases/0/load/series/ok", "[1]", "series: goodput_bytes: expected an entry"},
    {"rounds/0/phases/0/load/series/ok/0", "1", "series: hdr_v2: expected a histogram"},
    {"rounds/0/phases/0/load/series/slot_ns", "0", "series: slot_ns: expected"},
    {"rounds/0/phases/0/load/series/errors", "{\"bad\":[0,0,0,0]}", "expected known kinds"},
};

static void what_is_no_record_is_refused(void **unused)
{
    (void)unused;
    struct made made = make_all();
    char *text = print(report_find("json", NULL), &made);
    for (size_t i = 0; i < sizeof(spoilt_records) / sizeof(*spoilt_records); i++) {
        json_t *root = json_loads(text, 0, NULL);
        spoil(root, spoilt_records[i].path,
              spoilt_records[i].value ? json_loads(spoilt_records[i].value, JSON_DECODE_ANY, NULL)
                                      : NULL);
        char *spoilt = json_dumps(root, 0);
        refuse(spoilt, spoilt_records[i].expected);
        free(spoilt);
        json_decref(root);
    }
    text[strlen(text) / 2] = '\0';
    refuse(text, ":1:");
    refuse("", ":1:");
    refuse("[]", "expected an object");
    free(text);
    made_free(&made);
}

/* What later versions added, as a record from before has it. */
static const struct {
    const char *path, *value;
} older[] = {
    {"environment/database", NULL},
    {"faults", NULL},
    {"phases/0/load/spin", NULL},
    {"rounds/3/faults", NULL},
    {"rounds/3/broken", NULL},
    {"rounds/3/metrics/connect_p99", NULL},
    {"rounds/3/phases/0/gauges", NULL},
    {"rounds/3/phases/0/histograms", NULL},
    {"rounds/3/phases/0/database_cpu_ns", NULL},
    {"rounds/3/phases/0/load/replied_in_time", NULL},
    {"rounds/5/reasons/0", "\"late\""},
};

static void older_records_stay_readable(void **unused)
{
    (void)unused;
    struct made made = make_all();
    char path[64];
    struct err err = {0};
    struct plan *plan;
    struct result *result;
    char *text = print(report_find("json", NULL), &made);
    json_t *root = json_loads(text, 0, NULL);
    for (size_t i = 0; i < sizeof(older) / sizeof(*older); i++)
        spoil(root, older[i].path,
              older[i].value ? json_loads(older[i].value, JSON_DECODE_ANY, NULL) : NULL);
    char *old = json_dumps(root, 0);
    int rc = result_read(temporary(path, old), &no_tables, &plan, &result, &err);
    if (rc)
        print_error("%s\n", err.text);
    assert_ok(rc);
    assert_string_equal(result->rounds[5].reasons[0], "late");
    assert_true(result->rounds[5].spoilt);
    assert_null(result->rounds[3].steps[0].gauges);
    assert_true(isnan(result->rounds[3].whole[METRIC_CONNECT_P99]));
    result_destroy(result);
    plan_destroy(plan);
    (void)unlink(path);
    free(old);
    json_decref(root);
    free(text);
    made_free(&made);
}

static void what_is_no_file_is_refused(void **unused)
{
    (void)unused;
    struct err err = {0};
    struct plan *plan;
    struct result *result;
    assert_int_equal(result_read("/nowhere/x", &no_tables, &plan, &result, &err), -ENOENT);
    assert_int_equal(result_read("/tmp", &no_tables, &plan, &result, &err), -EINVAL);
    struct made made = make_all();
    assert_int_equal(write_file(report_find("json", NULL), &made, "/nowhere/x", &err), -ENOENT);
    made_free(&made);
}

/* With a path: writes a record there for other readers, and no tests are run. */
int main(int argc, char **argv)
{
    if (argc > 1) {
        struct made made = make_all();
        int rc = write_file(report_find("json", NULL), &made, argv[1], NULL);
        made_free(&made);
        return rc != 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_as_committed),
        cmocka_unit_test(narrow_terminals_get_all_of_it),
        cmocka_unit_test(notes_say_what_figures_do_not),
        cmocka_unit_test(the_limit_of_an_open_loop_is_told),
        cmocka_unit_test(what_a_round_broke_is_told),
        cmocka_unit_test(searches_show_the_curve_of_the_median_round),
        cmocka_unit_test(gauges_are_drawn_within_their_scale),
        cmocka_unit_test(many_reasons_are_summed_up),
        cmocka_unit_test(texts_are_measured_and_made_harmless),
        cmocka_unit_test(markdown_escapes_what_it_must),
        cmocka_unit_test(formats_are_found_by_name),
        cmocka_unit_test(results_are_called_by_their_folders),
        cmocka_unit_test(a_page_of_results_stays_below_its_limit),
        cmocka_unit_test(grids_stand_side_by_side),
        cmocka_unit_test(cells_that_are_not_sound_are_marked),
        cmocka_unit_test(grids_of_two_runs_are_two),
        cmocka_unit_test(a_page_of_grids_stays_below_its_limit),
        cmocka_unit_test(what_no_round_was_asked_for_is_not_missing),
        cmocka_unit_test(records_read_back_alike),
        cmocka_unit_test(what_is_no_record_is_refused),
        cmocka_unit_test(older_records_stay_readable),
        cmocka_unit_test(what_is_no_file_is_refused),
    };
    return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
