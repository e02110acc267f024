/* SPDX-License-Identifier: MIT */
/* plot_errors.c - errors over time, a panel for each kind that occurred. */
#include "report/svg/svg.h"

#include <string.h>

static bool has_panel(const struct svg_figure *figure, const char *title)
{
    for (size_t i = 0; i < figure->panel_count; i++)
        if (strcmp(figure->panels[i].title, title) == 0)
            return true;
    return false;
}

/* A kind in all variants. */
static void add_kind(const struct svg_view *view, struct svg_figure *figure, const char *kind)
{
    struct svg_panel *panel = svg_add_panel(figure, kind);
    svg_time_axes(view, panel, SVG_RATE, false);
    panel->height = 150;
    panel->half = panel->spoken = true;
    for (size_t v = 0; v < view->variant_count; v++) {
        const json_t *step = svg_step(view, v);
        const json_t *list = json_object_get(json_object_get(step, "errors"), kind);
        size_t count = json_array_size(list);
        struct svg_line *line = count ? svg_add_line(figure, panel, v, SVG_STEP, count) : NULL;
        for (size_t i = 0; line && i < count; i++) {
            line->x[i] = (double)i * svg_member(step, "slot");
            line->y[i] = json_number_value(json_array_get(list, i));
        }
    }
    svg_drop_empty(figure);
}

static void fill(const struct svg_view *view, struct svg_figure *figure)
{
    if (json_is_true(json_object_get(svg_phase(view), "search")))
        return;
    for (size_t v = 0; v < view->variant_count; v++) {
        const char *kind;
        json_t *list;
        json_t *errors = json_object_get(svg_step(view, v), "errors");
        json_object_foreach(errors, kind, list) {
            if (!has_panel(figure, kind) && figure->panel_count < SVG_PANELS_MAX)
                add_kind(view, figure, kind);
        }
    }
    svg_say_point(view, figure, "errors");
}

const struct svg_plot svg_errors = {
    .name = "errors",
    .title = "Errors by kind",
    .fill = fill,
};
