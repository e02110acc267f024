/* SPDX-License-Identifier: MIT */
/* html_test.c - pages of reports: texts from elsewhere are harmless, data are sound, all is there.
 * html_test PATH [one|pair]: writes a page for tests/js/html_report.js, of two results, one, or two
 * runs of one scenario. */
#include "report_fixture.h"

#include "core/clock.h"
#include "report/html/html.h"
#include "run/impact.h"

#include <jansson.h>
#include <stdio.h>

#define HOSTILE "</script><!--<script>alert('1')</script>&\"<b>"

static const struct fault_type fault_cut = {.name = "cut", .summary = "cuts"};
static const struct fault_type *const proxy_faults[] = {&fault_cut, NULL};
static const struct plan_tables tables = {.proxy_faults = proxy_faults};

static const char scenario[] =
    "question: 'Is </script><!--<script>alert(1)</script> & \" harmless?'\n"
    "variants: {a: {url: 'http://x', about: '<b>bold</b>'}, b: {url: 'http://y'}}\n"
    "load: {path: /, connections: 16}\n"
    "phases:\n"
    "  - name: climb\n"
    "    for: 20s\n"
    "    search: {objective: p99 < 100ms and errors < 1%, from: 500/s}\n"
    "  - {name: steady, for: 8s}\n"
    "observe: {in_use: {series: in_use, take: max}}\n"
    "faults:\n"
    "  - {kind: cut, name: partition, on: service, phase: steady, at: 2s, for: 1s, hold: 2s}\n"
    "show: [partition_recover, partition_depth, knee]\n"
    "invariants: [contaminated == 0]\n"
    "expect: [a.steady.p99 < 50ms, b.partition_recovered == 1, b.steady.p99 / a.steady.p99 < 2]\n"
    "claims:\n"
    "  - {what: '<img src=x onerror=alert(1)>', figure: b.qps / a.qps, says: 1.5}\n";

static const char plain_scenario[] =
    "question: Is it worth it?\n"
    "variants: {plain: {url: 'http://x'}, pooled: {url: 'http://y'}}\n"
    "phases: [{name: full, for: 1s}]\n"
    "expect: [pooled.qps / plain.qps > 1.2]\n";

/* Keeps plan, result and judgement together. */
struct made {
    struct plan *plan;
    struct result *result;
    struct judgement *judgement;
    struct report_item item;
};

static void judge(struct made *made)
{
    made->judgement = fixture_judge(made->result);
    made->item = (struct report_item){made->result, made->judgement};
}

static void made_free(struct made *made)
{
    judgement_destroy(made->judgement);
    result_destroy(made->result);
    plan_destroy(made->plan);
}

/* 100 good replies a slot of two speeds, but for those from slot 21 up to another: errors alone. */
static struct series *make_series(size_t slots, size_t back)
{
    struct series *series;
    struct series_options options = {.length_ns = slots * SERIES_SLOT_NS,
                                     .error_names = load_outcome_names + LOAD_REFUSED};
    assert_ok(series_create(&series, &options, NULL));
    series_start(series, 5 * NS_PER_S);
    for (size_t i = 0; i < slots; i++)
        for (size_t k = 0; k < 100; k++) {
            uint64_t at_ns = 5 * NS_PER_S + i * SERIES_SLOT_NS;
            if (i < 21 || i >= back)
                series_ok(series, at_ns, (k % 10 ? 1 : 20) * NS_PER_MS + k * 1000, 1);
            else if (k < 30)
                series_error(series, at_ns, k % 3 ? LOAD_TIMEOUT - LOAD_REFUSED : LOAD_STATUS - 1);
        }
    return series;
}

static struct search_curve *make_curve(double met_per_s)
{
    struct search_curve *curve = calloc(1, sizeof(*curve));
    assert_non_null(curve);
    curve->end = SEARCH_BRACKETED;
    curve->met_per_s = met_per_s;
    curve->missed_per_s = 2 * met_per_s;
    for (size_t i = 0; i < 3; i++)
        curve->steps[curve->step_count++] =
            (struct search_step){.rate_per_s = met_per_s * (double)(i + 1) / 2,
                                 .achieved_per_s = met_per_s * fmin((double)(i + 1) / 2, 1.1),
                                 .p50_ns = 1e6,
                                 .p99_ns = i == 2 ? 250e6 : 20e6,
                                 .requests = 300,
                                 .outcome = i == 2 ? SEARCH_MISSED : SEARCH_MET,
                                 .kept_up = i < 2};
    return curve;
}

static void fill_gauge(struct result_step *step, double most)
{
    step->gauges = calloc(1, sizeof(*step->gauges));
    assert_non_null(step->gauges);
    step->gauges[0].period_ns = 100 * NS_PER_MS;
    for (size_t i = 0; i < 80; i++)
        assert_ok(gauge_put(&step->gauges[0], i, i == 4 ? NAN : fmin(most, (double)i)));
    gauge_cut(&step->gauges[0], 0, 8 * NS_PER_S);
}

static void make_round(struct result *result, size_t block, size_t variant)
{
    const struct plan *plan = result->plan;
    double wobble = 1 + 0.01 * (double)((block * 7 + variant * 3) % 5);
    struct result_round *round =
        fixture_round(result, block, variant, (variant ? 1500 : 1000) * wobble, 2e6, 20000);
    for (size_t i = 0; i < 2; i++) {
        struct result_step *step = &round->steps[i];
        double *row = round->rows + i * plan->metric_count;
        step->ran = step->loaded = true;
        step->load.length_ns = plan->phases[i].length_ns;
        step->load.offered = 20000;
        step->load.lateness = fixture_hist(20000, 50000);
        step->load.series = make_series(i ? 80 : 20, i == 0 ? 21 : variant ? 80 : 35);
        if (!step->load.latency)
            step->load.latency = fixture_hist(20000, variant ? 3000000 : 2000000);
        row[METRIC_QPS] = (variant ? 1500 : 1000) * wobble;
        row[METRIC_P99] = (variant ? 3e6 : 2e6) * wobble;
        row[METRIC_ERRORS] = row[METRIC_CONTAMINATED] = row[METRIC_ERROR_COUNT] = 0;
        row[METRIC_REQUESTS] = 20000;
    }
    round->steps[0].curve = make_curve(variant ? 1500 : 1000);
    fill_gauge(&round->steps[1], variant ? 20 : 7);
    round->rows[plan->metric_count + METRIC_BUILTIN_COUNT] = variant ? 20 : 7;
    round->windows[0] = (struct result_window){.acted = true,
                                               .applied_ns = 2 * NS_PER_S,
                                               .began_ns = 2100 * NS_PER_MS,
                                               .ended_ns = 2900 * NS_PER_MS,
                                               .healed_ns = 3 * NS_PER_S,
                                               .links = 12,
                                               .bytes = 3000,
                                               .queries = NAN};
    assert_ok(impact_judge(result, round, 1, NULL));
    plan_gather(plan, round->rows, round->whole);
}

/* Everything there is to plot, and names that mean harm. */
static struct made make_hostile(void)
{
    struct made made = {.plan = fixture_plan_with(scenario, &tables)};
    free(made.plan->name);
    made.plan->name = strdup("family/" HOSTILE);
    assert_ok(result_create(&made.result, made.plan, NULL));
    assert_ok(result_add_variant(made.result, 0, "a" HOSTILE, NULL));
    assert_ok(result_add_variant(made.result, 1, NULL, NULL));
    made.result->block_count = 6;
    for (size_t i = 0; i < 12; i++)
        make_round(made.result, i / 2, i % 2);
    (void)snprintf(made.result->environment.host, sizeof(made.result->environment.host), HOSTILE);
    made.result->environment.command_line = strdup("poolstorm run " HOSTILE "\xff");
    judge(&made);
    return made;
}

static struct made make_plain(size_t blocks)
{
    struct made made = {.plan = fixture_plan(plain_scenario)};
    made.result = fixture_result(made.plan);
    made.result->block_count = blocks;
    for (size_t i = 0; i < 2 * blocks; i++)
        fixture_round(made.result, i / 2, i % 2, i % 2 ? 13000 : 10000 + (double)i, 2e6, 20000);
    judge(&made);
    return made;
}

/* ---- Texts and tables
 * ---------------------------------------------------------------------------- */

static char *text_of(const char *text)
{
    char *written = NULL;
    size_t size;
    FILE *out = open_memstream(&written, &size);
    assert_ok(html_text(out, text, NULL));
    assert_ok(fclose(out));
    return written;
}

static void texts_are_made_plain(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"plain", "plain"},
        {HOSTILE, "&lt;/script&gt;&lt;!--&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;"
                  "&amp;&quot;&lt;b&gt;"},
        {"two\nlines", "two<br>lines"},
        {"µs \x1b[31m\xff", "µs ?[31m?"},
        {NULL, ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char *written = text_of(cases[i][0]);
        assert_string_equal(written, cases[i][1]);
        free(written);
    }
}

static char *table_of(struct table *table, enum html_turn turn)
{
    char *written = NULL;
    size_t size;
    FILE *out = open_memstream(&written, &size);
    assert_ok(html_table(out, table, turn, NULL));
    assert_ok(fclose(out));
    return written;
}

static void tables_mark_their_heads(void **state)
{
    (void)state;
    struct table table = {0};
    char *written = table_of(&table, HTML_AS_IS);
    assert_string_equal(written, "");
    free(written);
    table_column(&table, TABLE_LEFT, "name");
    table_column(&table, TABLE_RIGHT, "<qps>");
    table_cell(&table, TONE_STRONG, "a");
    table_cell(&table, TONE_GOOD, "1 & 2");
    written = table_of(&table, HTML_AS_IS);
    assert_non_null(strstr(written, "<thead><tr><th scope=\"col\">name</th>"
                                    "<th scope=\"col\" class=\"number\">&lt;qps&gt;</th></tr>"));
    assert_non_null(strstr(written, "<tr><td class=\"strong\">a</td>"
                                    "<td class=\"number good\">1 &amp; 2</td></tr>"));
    free(written);
    written = table_of(&table, HTML_TURNED);
    assert_non_null(strstr(written, "<th scope=\"row\">&lt;qps&gt;</th>"
                                    "<td class=\"number good\">1 &amp; 2</td>"));
    free(written);
    table_fini(&table);
}

/* ---- Data
 * ---------------------------------------------------------------------------------------- */

static json_t *data_of(const struct made *made)
{
    char *written = NULL;
    size_t size;
    FILE *out = open_memstream(&written, &size);
    json_error_t error;
    assert_ok(html_data(out, &made->item, NULL));
    assert_ok(fclose(out));
    assert_null(strchr(written, '<'));
    json_t *data = json_loads(written, 0, &error);
    if (!data)
        print_error("%s\n", error.text);
    assert_non_null(data);
    free(written);
    return data;
}

static json_t *at(json_t *data, const char *path)
{
    char copy[160];
    (void)snprintf(copy, sizeof(copy), "%s", path);
    for (char *save, *word = strtok_r(copy, "/", &save); word; word = strtok_r(NULL, "/", &save))
        data = json_is_array(data) ? json_array_get(data, (size_t)atoi(word))
                                   : json_object_get(data, word);
    if (!data)
        print_error("nothing at %s\n", path);
    assert_non_null(data);
    return data;
}

static double figure(json_t *data, const char *path)
{
    return json_number_value(at(data, path));
}

static const char *word(json_t *data, const char *path)
{
    return json_string_value(at(data, path));
}

static void data_hold_what_plots_show(void **state)
{
    (void)state;
    struct made made = make_hostile();
    json_t *data = data_of(&made);
    assert_string_equal(word(data, "variants/0/name"), "a" HOSTILE);
    assert_int_equal(figure(data, "main"), 1); /* the phase with a fault in it */
    assert_true(json_is_true(at(data, "phases/0/search")));
    assert_true(json_is_true(at(data, "phases/1/open")));
    assert_int_equal(json_array_size(at(data, "rounds")), 12);

    /* Medians in full, others as far as they are drawn. */
    char path[80];
    int typical = (int)figure(data, "typical/0/1");
    (void)snprintf(path, sizeof(path), "rounds/%d/phases/1", typical);
    json_t *step = at(data, path);
    assert_int_equal(json_array_size(at(step, "goodput")), 80);
    assert_int_equal(figure(step, "goodput/0"), 1000);
    assert_int_equal(figure(step, "goodput/22"), 0);
    assert_true(json_is_null(at(step, "p99/22")));
    assert_true(fabs(figure(step, "p99/0") - 20) < 0.5);
    assert_int_equal(figure(step, "errors/timeout/22"), 200);
    assert_int_equal(json_array_size(at(step, "heat/columns")), 80);
    assert_int_equal(figure(step, "gauges/in_use/values/7"), 7);
    assert_true(json_is_null(at(step, "gauges/in_use/values/4")));
    assert_int_equal(figure(data, "rounds/0/phases/0/search/1/rate"), 1000);
    assert_true(json_is_array(at(step, "lateness")));
    (void)snprintf(path, sizeof(path), "rounds/%d/phases/1", typical ? 0 : 2);
    assert_int_equal(json_object_size(at(data, path)), 6);
    assert_int_equal(json_object_size(at(at(data, path), "errors")), 0);

    /* What a fault really did, and what became of the service. */
    assert_true(figure(data, "rounds/0/faults/0/from") == 2.1);
    assert_true(fabs(figure(data, "rounds/0/faults/0/recovered") - 3.5) < 1e-9);
    assert_true(json_is_true(at(data, "rounds/1/faults/0/stuck")));
    assert_true(json_is_null(at(data, "rounds/1/faults/0/recovered")));
    json_decref(data);
    made_free(&made);
}

static void objectives_and_pairs_are_told(void **state)
{
    (void)state;
    struct made made = make_hostile();
    json_t *data = data_of(&made);
    assert_int_equal(json_array_size(at(data, "objectives")), 2); /* no ratio, no share */
    assert_int_equal(figure(data, "objectives/0/ms"), 100);
    assert_true(json_is_true(at(data, "objectives/0/search")));
    assert_true(json_is_null(at(data, "objectives/0/variant")));
    assert_int_equal(figure(data, "objectives/1/ms"), 50);
    assert_int_equal(figure(data, "objectives/1/phase"), 1);
    assert_int_equal(figure(data, "objectives/1/variant"), 0);
    assert_string_equal(word(data, "ratios/0/metric"), "QPS");
    assert_int_equal(json_array_size(at(data, "ratios/0/y")), 6);
    assert_true(figure(data, "ratios/0/low") <= figure(data, "ratios/0/value"));
    json_decref(data);
    made_free(&made);
}

static void rounds_that_may_not_be_used_are_left_out(void **state)
{
    (void)state;
    struct made made = make_plain(3);
    judgement_destroy(made.judgement);
    result_round_invalid(&made.result->rounds[0], "late");
    for (size_t i = 1; i < 6; i += 2)
        result_round_invalid(&made.result->rounds[i], "late");
    judge(&made);
    json_t *data = data_of(&made);
    assert_true(json_is_null(at(data, "rounds/0/phases/0")));
    assert_true(json_is_object(at(data, "rounds/2/phases/0")));
    assert_int_equal(figure(data, "typical/1/0"), 5); /* the last, for want of a valid one */
    assert_true(json_is_object(at(data, "rounds/5/phases/0")));
    assert_true(json_is_null(at(data, "rounds/3/phases/0")));
    json_decref(data);
    made_free(&made);
}

/* ---- Pages
 * --------------------------------------------------------------------------------------- */

static char *page_of(const struct report_item *items, size_t count)
{
    char *written = NULL;
    size_t size;
    struct report_input input = {.items = items, .item_count = count};
    FILE *out = open_memstream(&written, &size);
    assert_ok(report_find("html", NULL)->write(&input, out, NULL));
    assert_ok(fclose(out));
    return written;
}

static size_t count_of(const char *text, const char *what)
{
    size_t count = 0;
    for (const char *found = text; (found = strstr(found, what)); found += strlen(what))
        count++;
    return count;
}

static void pages_let_nothing_out(void **state)
{
    (void)state;
    struct made hostile = make_hostile(), plain = make_plain(6);
    struct report_item items[] = {hostile.item, plain.item};
    char *page = page_of(items, 2);
    size_t plots = html_plots_by[0] ? 2 : 0;
    assert_int_equal(count_of(page, "<script"), 1 + plots);
    assert_int_equal(count_of(page, "</script"), 1 + plots);
    assert_null(strstr(page, "<img"));
    assert_null(strstr(page, "<!--"));
    assert_null(strstr(page, "<b>"));
    assert_non_null(strstr(page, "default-src 'none'"));
    assert_non_null(strstr(page, html_script_hash));
    assert_int_equal(count_of(page, "<article"), 2);
    assert_non_null(strstr(page, "href=\"#scenario-1\">family/name</a>"));
    free(page);
    page = page_of(items + 1, 1);
    assert_null(strstr(page, "class=\"index\""));
    assert_non_null(strstr(page, "<h1>family/name</h1>"));
    free(page);
    made_free(&hostile);
    made_free(&plain);
}

/* Not back within the phase is not well, though it may not have been stuck. */
static void what_had_not_recovered_is_named(void **state)
{
    (void)state;
    struct made made = make_hostile();
    made.result->rounds[0].windows[0].recovery.state = RECOVERY_LATE;
    json_t *data = data_of(&made);
    assert_true(json_is_true(at(data, "rounds/0/faults/0/stuck")));
    assert_true(json_is_null(at(data, "rounds/0/faults/0/recovered")));
    assert_true(json_is_false(at(data, "rounds/2/faults/0/stuck")));
    json_decref(data);
    made_free(&made);
}

static const char grid_scenario[] =
    "question: Is it worth it?\n"
    "variants: {plain: {url: 'http://x'}, pooled: {url: 'http://y'}}\n"
    "phases: [{name: full, for: 1s}]\n"
    "axes: {many: {set: load.connections, to: [1, 8, 64]}}\n";

/* The scenario itself, or a cell of it, in a run of its own time. */
static struct made make_grid(const char *cell, double qps, uint64_t start_ns)
{
    struct made made = {0};
    assert_ok(plan_parse_cell("family/name.yaml", grid_scenario, strlen(grid_scenario), &no_tables,
                              cell, &made.plan, NULL));
    made.result = fixture_result(made.plan);
    made.result->start_ns = start_ns;
    for (size_t i = 0; i < 20; i++)
        fixture_round(made.result, i / 2, i % 2, (i % 2 ? 1.5 : 1) * qps + (double)i, 2e6, 20000);
    judge(&made);
    return made;
}

/* Two runs with grids are compared as two without, and each cell with the other run's. */
static void runs_with_grids_are_compared_cell_by_cell(void **state)
{
    (void)state;
    struct made made[] = {
        make_grid(NULL, 1000, 1),      make_grid("many=1", 1000, 2), make_grid("many=8", 1000, 3),
        make_grid(NULL, 1000, 4),      make_grid("many=1", 500, 5),  make_grid("many=8", 2000, 6),
        make_grid("many=64", 2000, 7),
    };
    enum { COUNT = sizeof(made) / sizeof(*made) };
    struct report_item items[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        items[i] = (struct report_item){made[i].result, made[i].judgement, i < 3 ? "old" : "new",
                                        i < 3 ? "runs/old" : "runs/new"};
    char *page = page_of(items, COUNT);
    assert_non_null(strstr(page, "<h3>B against A</h3>"));
    assert_int_equal(count_of(page, "<article"), 2);
    assert_true(!html_plots_by[0] || strstr(page, "data-from=\"data-0 data-3\""));
    const char *cells = strstr(page, "<h3>Cells, B against A</h3>");
    assert_non_null(cells);
    const char *one = strstr(cells, "many=1</td>"), *eight = strstr(cells, "many=8</td>");
    assert_true(one && eight && strstr(one, ">worse<") < eight);
    assert_non_null(strstr(eight, ">better<"));
    assert_non_null(strstr(cells, "many=64</td><td>is in B alone"));
    assert_non_null(strstr(page, "pooled.qps / plain.qps (old)"));
    assert_non_null(strstr(page, "pooled.qps / plain.qps (new)"));
    free(page);
    for (size_t i = 0; i < COUNT; i++)
        made_free(&made[i]);
}

static void a_run_without_rounds_has_a_page(void **state)
{
    (void)state;
    struct made made = make_plain(0);
    char *page = page_of(&made.item, 1);
    assert_non_null(strstr(page, "not to be believed"));
    free(page);
    made_free(&made);
}

static void two_runs_of_a_scenario_are_compared(void **state)
{
    (void)state;
    struct made before = make_plain(6), after = make_plain(6);
    struct report_item items[] = {before.item, after.item};
    items[0].name = "before" HOSTILE;
    char *page = page_of(items, 2); /* the same run twice is no comparison */
    assert_non_null(strstr(page, "2 scenarios"));
    free(page);
    after.result->seed = 2;
    page = page_of(items, 2);
    assert_null(strstr(page, "2 scenarios"));
    assert_non_null(strstr(page, "A: before&lt;/script&gt;"));
    assert_non_null(strstr(page, "<h3>B against A</h3>"));
    assert_non_null(strstr(page, "<h2>B: family/name</h2>"));
    assert_true(strstr(page, "B against A") < strstr(page, "<article"));
    free(page);
    made_free(&before);
    made_free(&after);
}

static int write_page(const char *path, const char *what)
{
    bool pair = strcmp(what, "pair") == 0;
    struct made hostile = make_hostile(), other = pair ? make_hostile() : make_plain(6);
    struct report_item items[] = {hostile.item, other.item};
    struct report_input input = {.items = items, .item_count = strcmp(what, "one") == 0 ? 1 : 2};
    other.result->seed = 2;
    int rc = report_write_file(report_find("html", NULL), &input, path, NULL);
    made_free(&hostile);
    made_free(&other);
    return rc != 0;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return write_page(argv[1], argc > 2 ? argv[2] : "many");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_made_plain),
        cmocka_unit_test(tables_mark_their_heads),
        cmocka_unit_test(data_hold_what_plots_show),
        cmocka_unit_test(objectives_and_pairs_are_told),
        cmocka_unit_test(rounds_that_may_not_be_used_are_left_out),
        cmocka_unit_test(pages_let_nothing_out),
        cmocka_unit_test(what_had_not_recovered_is_named),
        cmocka_unit_test(runs_with_grids_are_compared_cell_by_cell),
        cmocka_unit_test(a_run_without_rounds_has_a_page),
        cmocka_unit_test(two_runs_of_a_scenario_are_compared),
    };
    return cmocka_run_group_tests_name("html", tests, NULL, NULL);
}
