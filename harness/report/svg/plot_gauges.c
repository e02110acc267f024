/* SPDX-License-Identifier: MIT */
/* plot_gauges.c - what was sampled: a pool's connections in use, idle and waited for, say. */
#include "report/svg/svg.h"

#include <math.h>

static void add_samples(struct svg_figure *figure, struct svg_panel *panel, size_t variant,
                        const json_t *sampled)
{
    const json_t *values = json_object_get(sampled, "values");
    size_t count = json_array_size(values), finite = 0;
    for (size_t i = 0; i < count; i++)
        finite += json_is_number(json_array_get(values, i));
    struct svg_line *line = finite ? svg_add_line(figure, panel, variant, SVG_STEP, count) : NULL;
    for (size_t i = 0; line && i < count; i++) {
        const json_t *value = json_array_get(values, i);
        line->x[i] = svg_member(sampled, "from") + (double)i * svg_member(sampled, "every");
        line->y[i] = json_is_number(value) ? json_number_value(value) : NAN;
    }
}

static void fill(const struct svg_view *view, struct svg_figure *figure)
{
    const json_t *gauge;
    size_t i;
    if (json_is_true(json_object_get(svg_phase(view), "search")))
        return;
    json_array_foreach(json_object_get(view->data, "gauges"), i, gauge) {
        const char *name = json_string_value(json_object_get(gauge, "name"));
        const char *unit = json_string_value(json_object_get(gauge, "unit"));
        if (!name || figure->panel_count == SVG_PANELS_MAX)
            continue;
        struct svg_panel *panel = svg_add_panel(figure, name);
        svg_time_axes(view, panel, svg_unit_called(unit), false);
        panel->height = 150;
        panel->half = panel->spoken = true;
        for (size_t v = 0; v < view->variant_count; v++)
            add_samples(figure, panel, v,
                        json_object_get(json_object_get(svg_step(view, v), "gauges"), name));
        svg_drop_empty(figure);
    }
    svg_say_point(view, figure, "gauges");
}

const struct svg_plot svg_gauges = {
    .name = "gauges",
    .title = "Sampled while it ran",
    .fill = fill,
};
