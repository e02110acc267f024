/* SPDX-License-Identifier: MIT */
/* svg.c - plots as SVG files, one each: what the page draws, for where there are no scripts. */
#include "report/svg/svg.h"

#include "report/plot_data.h"
#include "report/report.h"

#include <errno.h>
#include <stdlib.h>

/* A plot with what it shows. */
struct drawing {
    json_t *data;
    struct svg_view view;
    const struct svg_plot *plot;
    struct svg_figure *figure;
};

static void drawing_fini(struct drawing *drawing)
{
    if (drawing->figure)
        svg_figure_fini(drawing->figure);
    free(drawing->figure);
    json_decref(drawing->data);
}

/* Finds the part, counting the plots that have something to show. -ENOENT: there are no more. */
static int drawing_init(struct drawing *drawing, const struct report_input *input, struct err *err)
{
    size_t part = 0;
    *drawing = (struct drawing){.figure = calloc(1, sizeof(*drawing->figure))};
    int rc = drawing->figure ? 0 : err_sys(err, -ENOMEM, "draw plots");
    if (!rc)
        rc = plot_data_create(&input->items[0], &drawing->data, err);
    if (!rc)
        svg_view_init(&drawing->view, drawing->data);
    for (size_t i = 0; !rc && svg_plots[i]; i++) {
        drawing->plot = svg_plots[i];
        drawing->plot->fill(&drawing->view, drawing->figure);
        if (drawing->figure->panel_count > 0 && part++ == input->part)
            return 0;
        svg_figure_fini(drawing->figure);
        *drawing->figure = (struct svg_figure){0};
    }
    return rc ? rc : err_set(err, -ENOENT, "no valid round has what a plot would show");
}

static bool svg_part(const struct report_input *input, char *name, size_t size_bytes)
{
    struct drawing drawing;
    bool found = drawing_init(&drawing, input, NULL) == 0;
    if (found)
        (void)snprintf(name, size_bytes, "%s", drawing.plot->name);
    drawing_fini(&drawing);
    return found;
}

static int svg_format_write(const struct report_input *input, FILE *out, struct err *err)
{
    struct drawing drawing;
    int rc = drawing_init(&drawing, input, err);
    if (!rc)
        rc = svg_write(&drawing.view, drawing.plot, drawing.figure, out, err);
    drawing_fini(&drawing);
    return rc;
}

const struct report_format report_svg = {
    .name = "svg",
    .extension = "svg",
    .summary = "the plots of each result, a file each, for pages without scripts",
    .single = true,
    .part = svg_part,
    .write = svg_format_write,
};
