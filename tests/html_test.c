/* SPDX-License-Identifier: MIT */
/* html_test.c - pages of reports: texts from elsewhere are harmless, data are sound, all is there.
 * html_test PATH [one|pair]: writes a page for tests/js/html_report.js, of two results, one, or two
 * runs of one scenario. */
#include "plots_fixture.h"

#include "report/html/html.h"

#include <jansson.h>
#include <stdio.h>

/* ---- Texts and tables ------------------------------------------------------------------------ */

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

/* ---- Data ------------------------------------------------------------------------------------ */

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

/* ---- Pages ----------------------------------------------------------------------------------- */

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
