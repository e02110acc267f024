/* SPDX-License-Identifier: MIT */
/* plot_knee.c - what a search found: latency and what came back, rate by rate. */
#include "report/svg/svg.h"

#include <math.h>

/* The next higher rate that was tried, with its last step; NULL: there is none. */
static const json_t *next_step(const json_t *search, double above)
{
    const json_t *step, *next = NULL;
    size_t i;
    json_array_foreach(search, i, step) {
        double rate = svg_member(step, "rate");
        if (rate > above && (!next || rate <= svg_member(next, "rate")))
            next = step;
    }
    return next;
}

static void add_rates(const struct svg_view *view, struct svg_figure *figure,
                      struct svg_panel *panel, const char *key)
{
    for (size_t v = 0; v < view->variant_count; v++) {
        const json_t *search = json_object_get(svg_step(view, v), "search");
        size_t most = json_array_size(search), count = 0;
        struct svg_line *line = most ? svg_add_line(figure, panel, v, SVG_LINE, most) : NULL;
        if (!line)
            continue;
        double rate = -1;
        for (const json_t *step; (step = next_step(search, rate));) {
            rate = svg_member(step, "rate");
            double value = svg_member(step, key);
            if (!isfinite(value))
                continue;
            line->x[count] = rate;
            line->y[count++] = value;
        }
        line->count = count;
        line->dotted = true;
    }
}

static void fill(const struct svg_view *view, struct svg_figure *figure)
{
    const json_t *limit;
    size_t i;
    struct svg_panel *latency = svg_add_panel(figure, "P99");
    latency->x = (struct svg_axis){
        .label = "offered, requests a second", .unit = SVG_COUNT, .from = NAN, .to = NAN};
    latency->y = (struct svg_axis){.unit = SVG_MS, .log = true, .from = NAN, .to = NAN};
    latency->height = 260;
    latency->half = true;
    add_rates(view, figure, latency, "p99");
    json_array_foreach(json_object_get(view->data, "objectives"), i, limit) {
        if (json_is_true(json_object_get(limit, "search")))
            svg_add_level(latency, svg_member(limit, "ms"),
                          json_string_value(json_object_get(limit, "text")));
    }
    svg_drop_empty(figure);
    struct svg_panel *achieved = svg_add_panel(figure, "Achieved");
    achieved->x = (struct svg_axis){
        .label = "offered, requests a second", .unit = SVG_COUNT, .from = NAN, .to = NAN};
    achieved->y = (struct svg_axis){.unit = SVG_RATE, .from = NAN, .to = NAN};
    achieved->height = 260;
    achieved->half = true;
    achieved->diagonal = true;
    add_rates(view, figure, achieved, "achieved");
    svg_drop_empty(figure);
    svg_say_point(view, figure, "knee");
}

const struct svg_plot svg_knee = {
    .name = "knee",
    .title = "Where it gives in",
    .fill = fill,
};
