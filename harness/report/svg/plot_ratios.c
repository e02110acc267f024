/* SPDX-License-Identifier: MIT */
/* plot_ratios.c - how each pair of rounds compares, and what they say together. */
#include "report/svg/svg.h"

#include <math.h>
#include <string.h>

/* Variants stand beside each other where they have a pair in common. */
static double shift(size_t place, size_t count)
{
    return count < 2 ? 0 : ((double)place - (double)(count - 1) / 2) * 0.5 / (double)count;
}

static bool is_of(const json_t *ratio, const char *metric)
{
    const char *of = json_string_value(json_object_get(ratio, "metric"));
    return of && strcmp(of, metric) == 0;
}

static bool is_first(const json_t *ratios, size_t index, const char *metric)
{
    for (size_t i = 0; i < index; i++)
        if (is_of(json_array_get(ratios, i), metric))
            return false;
    return true;
}

static void widen(struct svg_panel *panel, double value)
{
    panel->y.from = fmin(panel->y.from, value); /* which pass over NAN */
    panel->y.to = fmax(panel->y.to, value);
}

static void add_ratio(struct svg_figure *figure, struct svg_panel *panel, const json_t *ratio,
                      double beside)
{
    const json_t *x = json_object_get(ratio, "x"), *y = json_object_get(ratio, "y");
    size_t look = (size_t)svg_member(ratio, "variant"), count = json_array_size(x);
    struct svg_line *line = svg_add_line(figure, panel, look, SVG_DOTS, count);
    for (size_t i = 0; line && i < count; i++) {
        line->x[i] = json_number_value(json_array_get(x, i)) + beside;
        line->y[i] = json_number_value(json_array_get(y, i));
        widen(panel, line->y[i]);
        panel->x.to = fmax(panel->x.to, ceil(line->x[i] - 0.5) + 0.5);
    }
    if (panel->interval_count < SVG_INTERVALS_MAX)
        panel->intervals[panel->interval_count++] = (struct svg_interval){
            look, svg_member(ratio, "value"), svg_member(ratio, "low"), svg_member(ratio, "high")};
    widen(panel, svg_member(ratio, "low"));
    widen(panel, svg_member(ratio, "high"));
}

static void add_metric(const struct svg_view *view, struct svg_figure *figure, const char *metric)
{
    static const double pairs[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12,
                                   13, 14, 15, 16, 17, 18, 19, 20, 25, 30, 35, 40};
    const json_t *ratios = json_object_get(view->data, "ratios"), *ratio;
    size_t i, count = 0, place = 0;
    char title[160];
    json_array_foreach(ratios, i, ratio) {
        count += is_of(ratio, metric);
    }
    if (count == 0)
        return;
    (void)snprintf(title, sizeof(title), "%s over that of %s", metric, svg_variant(view, 0));
    struct svg_panel *panel = svg_add_panel(figure, title);
    panel->x = (struct svg_axis){.label = "pair of rounds", .from = 0.5, .to = 1.5};
    panel->x.ticks = pairs;
    panel->x.tick_count = sizeof(pairs) / sizeof(*pairs);
    panel->y = (struct svg_axis){.from = 1, .to = 1};
    panel->half = true;
    panel->height = 230;
    svg_add_level(panel, 1, "");
    json_array_foreach(ratios, i, ratio) {
        if (is_of(ratio, metric))
            add_ratio(figure, panel, ratio, shift(place++, count));
    }
    double room = fmax(panel->y.to - panel->y.from, 0.02) * 0.08;
    panel->y.from -= room;
    panel->y.to += room;
}

static void fill(const struct svg_view *view, struct svg_figure *figure)
{
    const json_t *ratios = json_object_get(view->data, "ratios"), *ratio;
    size_t i;
    json_array_foreach(ratios, i, ratio) {
        const char *metric = json_string_value(json_object_get(ratio, "metric"));
        if (metric && is_first(ratios, i, metric) && figure->panel_count < SVG_PANELS_MAX)
            add_metric(view, figure, metric);
    }
    svg_say_point(view, figure, "ratios");
}

const struct svg_plot svg_ratios = {
    .name = "ratios",
    .title = "Round by round",
    .fill = fill,
};
