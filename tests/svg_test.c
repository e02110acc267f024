/* SPDX-License-Identifier: MIT */
/* svg_test.c - plots as files: texts from elsewhere are harmless, numbers are numbers, all series
 * are there, and no more points than can be seen. */
#include "plots_fixture.h"

#include "report/plot_data.h"
#include "report/svg/svg.h"

static const struct report_format *svg(void)
{
    return report_find("svg", NULL);
}

/* A part as text, with its name; NULL: there are no more. */
static char *part_of(const struct made *made, size_t part, char *name, size_t size_bytes)
{
    char *written = NULL;
    size_t size;
    const struct report_input input = {.items = &made->item, .item_count = 1, .part = part};
    if (!svg()->part(&input, name, size_bytes))
        return NULL;
    FILE *out = open_memstream(&written, &size);
    assert_ok(svg()->write(&input, out, NULL));
    assert_ok(fclose(out));
    return written;
}

/* The part called name. */
static char *plot_of(const struct made *made, const char *name)
{
    char called[64], *written = NULL;
    for (size_t part = 0; (written = part_of(made, part, called, sizeof(called))); part++) {
        if (strcmp(called, name) == 0)
            return written;
        free(written);
    }
    print_error("no plot %s\n", name);
    fail();
    return NULL;
}

static size_t count_of(const char *text, const char *what)
{
    size_t count = 0;
    for (const char *found = text; (found = strstr(found, what)); found += strlen(what))
        count++;
    return count;
}

/* Elements are closed in order, and no text has a '<' of its own. */
static void assert_well_formed(const char *text)
{
    char names[16][16];
    size_t depth = 0;
    for (const char *at = text; (at = strchr(at, '<'));) {
        const char *end = strchr(at, '>');
        assert_non_null(end);
        size_t length = strcspn(at + 1, " />");
        if (at[1] == '/') {
            assert_true(depth > 0);
            depth--;
            assert_true(strncmp(names[depth], at + 2, strlen(names[depth])) == 0);
        } else if (end[-1] != '/') {
            assert_true(depth < 16 && length < sizeof(names[0]));
            (void)snprintf(names[depth++], sizeof(names[0]), "%.*s", (int)length, at + 1);
        }
        at = end;
    }
    assert_int_equal(depth, 0);
}

static void every_plot_has_its_file(void **state)
{
    (void)state;
    static const char *const names[] = {"over-time", "percentiles", "ratios", "errors", "gauges"};
    struct made made = make_hostile();
    char name[64], *written;
    size_t count = 0;
    for (; (written = part_of(&made, count, name, sizeof(name))); count++) {
        assert_true(count < sizeof(names) / sizeof(*names));
        assert_string_equal(name, names[count]);
        assert_well_formed(written);
        assert_null(strstr(written, "nan"));
        assert_null(strstr(written, "inf"));
        assert_null(strstr(written, "<script"));
        assert_null(strstr(written, "<b>"));
        assert_non_null(strstr(written, "a&lt;/script&gt;&lt;!--&lt;script&gt;alert(&#39;1&#39;)"));
        assert_non_null(strstr(written, "prefers-color-scheme:dark"));
        assert_null(strstr(written, "href"));
        free(written);
    }
    assert_int_equal(count, sizeof(names) / sizeof(*names));
    made_free(&made);
}

static void plots_have_their_series(void **state)
{
    (void)state;
    struct made made = make_hostile();
    char *over_time = plot_of(&made, "over-time");
    /* A variant's line in each panel and in the legend. */
    assert_int_equal(count_of(over_time, "class=\"s c0\""), 3);
    assert_int_equal(count_of(over_time, "class=\"s c1\""), 3);
    assert_int_equal(count_of(over_time, "class=\"w\""), 4);    /* a window a variant and panel */
    assert_int_equal(count_of(over_time, "class=\"r c0\""), 2); /* a recovers */
    assert_int_equal(count_of(over_time, "class=\"r c1\""), 0);
    assert_non_null(strstr(over_time, ">partition</text>"));
    assert_non_null(strstr(over_time, "b did not come back"));
    assert_non_null(strstr(over_time, "good replies that came in 100 ms"));
    free(over_time);
    char *percentiles = plot_of(&made, "percentiles");
    assert_int_equal(count_of(percentiles, "class=\"b f0\""), 1);
    assert_non_null(strstr(percentiles, ">P99</text>"));
    assert_non_null(strstr(percentiles, "from when the request was due"));
    free(percentiles);
    char *ratios = plot_of(&made, "ratios");
    assert_int_equal(count_of(ratios, "<circle"), 2 * 6);
    assert_int_equal(count_of(ratios, "class=\"b f1\""), 2);
    free(ratios);
    char *gauges = plot_of(&made, "gauges");
    assert_non_null(strstr(gauges, ">in use</text>"));
    free(gauges);
    made_free(&made);
}

static void a_search_has_its_plot(void **state)
{
    (void)state;
    struct made made = make_hostile();
    json_t *data = NULL;
    assert_ok(plot_data_create(&made.item, &data, NULL));
    assert_ok(json_object_set_new(data, "main", json_integer(0)));
    struct svg_view view;
    struct svg_figure *figure = calloc(1, sizeof(*figure));
    assert_non_null(figure);
    svg_view_init(&view, data);
    for (size_t i = 0; svg_plots[i]; i++) {
        bool timeless = strcmp(svg_plots[i]->name, "over-time") != 0 &&
                        strcmp(svg_plots[i]->name, "errors") != 0 &&
                        strcmp(svg_plots[i]->name, "gauges") != 0;
        svg_plots[i]->fill(&view, figure);
        assert_int_equal(figure->panel_count > 0, timeless);
        if (strcmp(svg_plots[i]->name, "knee") == 0) {
            assert_int_equal(figure->panel_count, 2);
            assert_int_equal(figure->panels[0].lines[0].count, 3);
            assert_true(figure->panels[0].lines[0].x[0] < figure->panels[0].lines[0].x[1]);
            assert_string_equal(figure->panels[0].levels[0].text, "p99 < 100ms and errors < 1%");
        }
        svg_figure_fini(figure);
        *figure = (struct svg_figure){0};
    }
    free(figure);
    json_decref(data);
    made_free(&made);
}

static void a_run_without_rounds_has_no_plots(void **state)
{
    (void)state;
    struct made made = make_plain(0);
    char name[64];
    assert_null(part_of(&made, 0, name, sizeof(name)));
    made_free(&made);
}

/* Out of line, or gcc 12 takes the text for a local of its own. */
__attribute__((noinline)) static char *panel_of(const struct svg_panel *panel)
{
    char *written = NULL;
    size_t size;
    const struct svg_view view = {.seconds = 10};
    FILE *out = open_memstream(&written, &size);
    assert_ok(svg_panel_write(&view, panel, 0, 0, 400, out, NULL));
    assert_ok(fclose(out));
    return written;
}

static void points_are_no_more_than_pixels(void **state)
{
    (void)state;
    struct svg_figure *figure = calloc(1, sizeof(*figure));
    assert_non_null(figure);
    struct svg_panel *panel = svg_add_panel(figure, "");
    struct svg_line *line = svg_add_line(figure, panel, 0, SVG_LINE, 100000);
    for (size_t i = 0; i < line->count; i++) {
        line->x[i] = (double)i;
        line->y[i] = i == 50100 ? 1000 : (double)(i % 7);
    }
    char *written = panel_of(panel);
    assert_true(strlen(written) < 30000);
    assert_true(count_of(written, "V") + count_of(written, "L") + count_of(written, "H") < 4 * 400);
    /* The one that stands out is still there, near the top of the field. */
    double top = 1e9;
    for (const char *at = strchr(strstr(written, "class=\"s c0\""), 'V'); at;
         at = strchr(at + 1, 'V'))
        top = fmin(top, atof(at + 1));
    assert_true(top < 25);
    free(written);
    svg_figure_fini(figure);
    free(figure);
}

static void gaps_stay_gaps(void **state)
{
    (void)state;
    struct svg_figure *figure = calloc(1, sizeof(*figure));
    assert_non_null(figure);
    struct svg_panel *panel = svg_add_panel(figure, "");
    struct svg_line *line = svg_add_line(figure, panel, 0, SVG_LINE, 5);
    static const double values[] = {1, 2, NAN, 3, NAN};
    for (size_t i = 0; i < 5; i++) {
        line->x[i] = (double)i;
        line->y[i] = values[i];
    }
    char *written = panel_of(panel);
    char *path = strstr(written, "class=\"s c0\"");
    assert_non_null(path);
    assert_int_equal(count_of(path, "M"), 2);
    assert_int_equal(count_of(path, "h0"), 1); /* alone between gaps: a dot */
    free(written);
    svg_figure_fini(figure);
    free(figure);
}

static void ticks_are_round(void **state)
{
    (void)state;
    static const struct {
        double from, to;
        bool log;
        size_t count;
        double first, last;
    } cases[] = {
        {0, 10, false, 6, 0, 10},  {0, 0.9, false, 5, 0, 0.8}, {1, 100, true, 7, 1, 100},
        {1, 1e6, true, 7, 1, 1e6}, {10, 20, true, 6, 10, 20},  {5, 5, false, 0, 0, 0},
        {0, 1, true, 0, 0, 0},     {NAN, 1, false, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        double ticks[24];
        size_t count = svg_ticks(cases[i].from, cases[i].to, cases[i].log, 5, ticks, 24);
        assert_int_equal(count, cases[i].count);
        if (count == 0)
            continue;
        assert_true(fabs(ticks[0] - cases[i].first) < 1e-9);
        assert_true(fabs(ticks[count - 1] - cases[i].last) < 1e-6);
    }
}

static void figures_have_units(void **state)
{
    (void)state;
    static const struct {
        enum svg_unit unit;
        double value;
        const char *text;
    } cases[] = {
        {SVG_MS, 2.5, "2.5 ms"},          {SVG_MS, 1500, "1.5 s"},
        {SVG_MS, 0.02, "20 µs"},          {SVG_RATE, 12000, "12 k/s"},
        {SVG_RATE, 400, "400 /s"},        {SVG_BYTES, 1536, "1.5 KiB"},
        {SVG_COUNT, 25000, "25 k"},       {SVG_SHARE, 0.5, "50 %"},
        {SVG_NUMBER, 1.25, "1.25"},       {SVG_PERCENTILE, 100, "P99"},
        {SVG_PERCENTILE, 1, "least"},     {SVG_MS, 0, "0"},
        {SVG_PERCENTILE, 1e5, "P99.999"}, {SVG_NUMBER, -3, "-3"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[48];
        assert_string_equal(svg_format(cases[i].unit, cases[i].value, text, sizeof(text)),
                            cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_plot_has_its_file),
        cmocka_unit_test(plots_have_their_series),
        cmocka_unit_test(a_search_has_its_plot),
        cmocka_unit_test(a_run_without_rounds_has_no_plots),
        cmocka_unit_test(points_are_no_more_than_pixels),
        cmocka_unit_test(gaps_stay_gaps),
        cmocka_unit_test(ticks_are_round),
        cmocka_unit_test(figures_have_units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
