/* SPDX-License-Identifier: MIT */
/* write.c - lays a figure out: head, the names of variants, panels, caption. */
#include "report/svg/svg.h"

#include <errno.h>
#include <math.h>

enum { HEAD = 30, SUBHEAD = 20, LEGEND_ROW = 22, GAP = 18, FIELD = SVG_WIDTH - 2 * SVG_MARGIN };

/* Draws the names of variants from y on, each behind a piece of its line; without a file it only
 * measures. Returns the y below. */
static double legend(const struct svg_view *view, double y, FILE *out, int *rc, struct err *err)
{
    static const char *const dashes[] = {"", " stroke-dasharray=\"7 4\"",
                                         " stroke-dasharray=\"2 3\""};
    double x = SVG_MARGIN;
    for (size_t v = 0; v < view->variant_count; v++) {
        double width = 26 + svg_text_width(svg_variant(view, v));
        if (x > SVG_MARGIN && x + width > SVG_WIDTH - SVG_MARGIN) {
            x = SVG_MARGIN;
            y += LEGEND_ROW;
        }
        if (out) {
            (void)fprintf(out,
                          "<path class=\"s c%zu\"%s d=\"M%.0f %.0fh18\"/><text class=\"n\" "
                          "x=\"%.0f\" y=\"%.0f\">",
                          v % SVG_LOOKS, dashes[v / SVG_LOOKS % 3], x, y - 4, x + 25, y);
            if (!*rc)
                *rc = svg_text(out, svg_variant(view, v), err);
            (void)fputs("</text>\n", out);
        }
        x += width + 20;
    }
    return y + 10;
}

/* Puts the panels below each other, halves in pairs; without a file it only measures. Returns the y
 * below the last. */
static double panels(const struct svg_view *view, const struct svg_figure *figure, double y,
                     FILE *out, int *rc, struct err *err)
{
    for (size_t i = 0; i < figure->panel_count && !*rc; i++) {
        const struct svg_panel *panel = &figure->panels[i];
        bool pair = panel->half && i + 1 < figure->panel_count && figure->panels[i + 1].half;
        bool narrow = panel->half && figure->panel_count > 1;
        double width = narrow ? (double)(FIELD - GAP) / 2 : FIELD;
        if (out)
            *rc = svg_panel_write(view, panel, SVG_MARGIN, y, width, out, err);
        if (pair && out && !*rc)
            *rc = svg_panel_write(view, &figure->panels[i + 1], SVG_MARGIN + width + GAP, y, width,
                                  out, err);
        y += panel->height + 12;
        i += pair;
    }
    return y;
}

/* "partition/database, phase steady" */
static int subhead(const struct svg_view *view, FILE *out, struct err *err)
{
    const json_t *phases = json_object_get(view->data, "phases"), *phase;
    size_t i, plotted = 0;
    json_array_foreach(phases, i, phase) {
        plotted += json_is_true(json_object_get(phase, "plotted"));
    }
    (void)fprintf(out, "<text x=\"%d\" y=\"%d\">", SVG_MARGIN, HEAD + SUBHEAD);
    int rc = svg_text(out, json_string_value(json_object_get(view->data, "name")), err);
    if (plotted > 1 && !rc) {
        (void)fputs(", phase ", out);
        rc = svg_text(out, json_string_value(json_object_get(svg_phase(view), "name")), err);
    }
    (void)fputs("</text>\n", out);
    return rc;
}

int svg_write(const struct svg_view *view, const struct svg_plot *plot,
              const struct svg_figure *figure, FILE *out, struct err *err)
{
    const double top = HEAD + SUBHEAD + 24;
    int rc = 0;
    if (figure->failed)
        return err_sys(err, -ENOMEM, "draw %s", plot->name);
    double below_legend = legend(view, top, NULL, &rc, err) + 6;
    double below_panels = panels(view, figure, below_legend, NULL, &rc, err);
    double end = svg_paragraph(NULL, below_panels + 14, figure->caption, &rc, err) + SVG_MARGIN;
    rc = svg_begin(out, ceil(end), plot->title, figure->caption, err);
    (void)fprintf(out, "<text class=\"h\" x=\"%d\" y=\"%d\">%s</text>\n", SVG_MARGIN, HEAD,
                  plot->title);
    if (!rc)
        rc = subhead(view, out, err);
    (void)legend(view, top, out, &rc, err);
    (void)panels(view, figure, below_legend, out, &rc, err);
    (void)svg_paragraph(out, below_panels + 14, figure->caption, &rc, err);
    (void)fputs("</svg>\n", out);
    return rc;
}
