/* SPDX-License-Identifier: MIT */
/* plot_percentiles.c - latency by percentile, the far end drawn out; what is expected as lines. */
#include "report/svg/svg.h"

#include <math.h>

static const double ticks[] = {2, 10, 100, 1000, 10000, 1e5, 1e6};

static double at(const json_t *list, size_t index)
{
    const json_t *value = json_array_get(list, index);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* Points up to the last that is a number. */
static size_t length_of(const json_t *list)
{
    size_t count = json_array_size(list);
    while (count > 0 && isnan(at(list, count - 1)))
        count--;
    return count;
}

/* From the least to the most that any valid round had, as far as the median round goes. */
static void add_band(const struct svg_view *view, struct svg_figure *figure,
                     struct svg_panel *panel, size_t variant, size_t count)
{
    const json_t *grid = json_object_get(view->data, "grid");
    size_t rounds = json_array_size(json_object_get(view->data, "rounds")), used = 0;
    for (size_t r = 0; r < rounds; r++)
        used += svg_step_of(view, variant, r) != NULL;
    struct svg_line *line = used > 1 ? svg_add_line(figure, panel, variant, SVG_BAND, count) : NULL;
    for (size_t i = 0; line && i < count; i++) {
        line->x[i] = at(grid, i);
        line->y[i] = line->high[i] = NAN;
        for (size_t r = 0; r < rounds; r++) {
            double value = at(json_object_get(svg_step_of(view, variant, r), "latency"), i);
            line->y[i] = fmin(line->y[i], value); /* which pass over NAN */
            line->high[i] = fmax(line->high[i], value);
        }
    }
}

static void add_curve(const struct svg_view *view, struct svg_figure *figure,
                      struct svg_panel *panel, size_t variant)
{
    const json_t *grid = json_object_get(view->data, "grid");
    const json_t *latency = json_object_get(svg_step(view, variant), "latency");
    size_t count = length_of(latency);
    if (count == 0)
        return;
    struct svg_line *line = svg_add_line(figure, panel, variant, SVG_LINE, count);
    for (size_t i = 0; line && i < count; i++) {
        line->x[i] = at(grid, i);
        line->y[i] = at(latency, i);
    }
}

static size_t add_limits(const struct svg_view *view, struct svg_panel *panel)
{
    const json_t *limit;
    size_t i;
    json_array_foreach(json_object_get(view->data, "objectives"), i, limit) {
        const json_t *phase = json_object_get(limit, "phase");
        if (json_is_null(phase) || (size_t)json_integer_value(phase) == view->phase)
            svg_add_level(panel, svg_member(limit, "ms"),
                          json_string_value(json_object_get(limit, "text")));
    }
    return panel->level_count;
}

static void fill(const struct svg_view *view, struct svg_figure *figure)
{
    const json_t *phase = svg_phase(view);
    struct svg_panel *panel = svg_add_panel(figure, "");
    panel->x = (struct svg_axis){.unit = SVG_PERCENTILE, .log = true, .from = 1, .to = NAN};
    panel->x.ticks = ticks;
    panel->x.tick_count = sizeof(ticks) / sizeof(*ticks);
    panel->y = (struct svg_axis){.unit = SVG_MS, .log = true, .from = NAN, .to = NAN};
    panel->height = 300;
    for (size_t v = 0; v < view->variant_count; v++)
        add_band(view, figure, panel, v, length_of(json_object_get(svg_step(view, v), "latency")));
    bool bands = panel->line_count > 0;
    for (size_t v = 0; v < view->variant_count; v++)
        add_curve(view, figure, panel, v);
    bool limits = add_limits(view, panel) > 0;
    svg_drop_empty(figure);
    svg_say_point(view, figure,
                  json_is_true(json_object_get(phase, "open")) ? "percentiles-open"
                                                               : "percentiles-closed");
    svg_say(figure, "%s%s%s",
            json_is_true(json_object_get(phase, "search"))
                ? " Of the stretch of load that decided on the knee."
                : "",
            bands ? " A line: the median round; its band: from the least to the most of all valid "
                    "rounds."
                  : "",
            limits ? " Dashed: what is expected." : "");
}

const struct svg_plot svg_percentiles = {
    .name = "percentiles",
    .title = "Latency by percentile",
    .fill = fill,
};
