/* SPDX-License-Identifier: MIT */
/* plot_over_time.c - goodput and P99 from slot to slot, with when faults acted and what came after.
 */
#include "report/svg/svg.h"

#include <string.h>

/* How many windows of the phase any median round has, and the names of variants that a fault left
 * unwell. */
static size_t look_at_faults(const struct svg_view *view, char *stuck, size_t size_bytes)
{
    size_t windows = 0, used = 0;
    for (size_t v = 0; v < view->variant_count; v++) {
        const json_t *window;
        size_t i;
        bool unwell = false;
        json_array_foreach(json_object_get(svg_round(view, v), "faults"), i, window) {
            const json_t *fault = json_array_get(json_object_get(view->data, "faults"), i);
            bool here = svg_member(fault, "phase") == (double)view->phase;
            windows += here && json_is_object(window);
            unwell = unwell || (here && json_is_true(json_object_get(window, "stuck")));
        }
        if (unwell && used < size_bytes)
            used += (size_t)snprintf(stuck + used, size_bytes - used, "%s%s", used ? " and " : "",
                                     svg_variant(view, v));
    }
    return windows;
}

static void fill(const struct svg_view *view, struct svg_figure *figure)
{
    char stuck[256] = "";
    if (json_is_true(json_object_get(svg_phase(view), "search")))
        return;
    struct svg_panel *goodput = svg_add_panel(figure, "Goodput");
    svg_time_axes(view, goodput, SVG_RATE, false);
    goodput->height = 180;
    svg_add_slots(view, figure, goodput, "goodput");
    svg_drop_empty(figure);
    struct svg_panel *latency = svg_add_panel(figure, "P99");
    svg_time_axes(view, latency, SVG_MS, true);
    svg_add_slots(view, figure, latency, "p99");
    svg_drop_empty(figure);
    svg_say_point(view, figure, "over-time");
    svg_say(figure, "; the median round of each variant.");
    if (look_at_faults(view, stuck, sizeof(stuck)) == 0)
        return;
    svg_say(figure,
            " Shaded: when a fault really acted. A triangle: from there on the variant was "
            "well again%s%s%s.",
            stuck[0] ? "; " : "", stuck, stuck[0] ? " did not come back while it was watched" : "");
}

const struct svg_plot svg_over_time = {
    .name = "over-time",
    .title = "Goodput and latency over time",
    .fill = fill,
};
