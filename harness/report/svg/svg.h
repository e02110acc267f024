/* SPDX-License-Identifier: MIT */
/* svg.h - the parts of plots as SVG files. A plot (svg_plot) says which panels it has; panel.c
 * draws them all alike. Nothing waits; one thread at a time.
 *
 * A file stands by itself: its style is in it, for light and dark, and it asks for nothing. */
#ifndef POOLSTORM_REPORT_SVG_SVG_H
#define POOLSTORM_REPORT_SVG_SVG_H

#include "core/err.h"

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { SVG_WIDTH = 800, SVG_MARGIN = 20, SVG_LOOKS = 8 };

/* ---- What is shown --------------------------------------------------------------------------- */

/* A result's main phase. */
struct svg_view {
    const json_t *data; /* plot_data_create's; borrowed */
    size_t phase;
    double seconds; /* its length */
    size_t variant_count;
};

void svg_view_init(struct svg_view *view, const json_t *data);

/* The median round of a variant, and what it measured in the phase; NULL: none ran. */
const json_t *svg_round(const struct svg_view *view, size_t variant);
const json_t *svg_step(const struct svg_view *view, size_t variant);

/* The same of any round, when it is a valid one of the variant; else NULL. */
const json_t *svg_step_of(const struct svg_view *view, size_t variant, size_t round);

const char *svg_variant(const struct svg_view *view, size_t variant);
const json_t *svg_phase(const struct svg_view *view);

/* A member as a number; NAN where there is none. */
double svg_member(const json_t *object, const char *key);

/* ---- Figures as text ------------------------------------------------------------------------- */

enum svg_unit {
    SVG_NUMBER,
    SVG_MS,
    SVG_RATE,
    SVG_BYTES,
    SVG_COUNT,
    SVG_SHARE,
    SVG_PERCENTILE, /* of 1 / (1 - p) */
};

/* Three digits that count, and the unit: "2.5 ms". Returns text. */
char *svg_format(enum svg_unit unit, double value, char *text, size_t size_bytes);

/* The unit by its name in the data. */
enum svg_unit svg_unit_called(const char *name);

/* ---- Panels ---------------------------------------------------------------------------------- */

enum svg_shape { SVG_LINE, SVG_STEP, SVG_DOTS, SVG_BAND };

/* One series; NAN is a gap. A band is between y and high. */
struct svg_line {
    size_t look; /* of its variant */
    enum svg_shape shape;
    bool dotted;          /* also draw its points, on a line */
    double *x, *y, *high; /* owned, in one piece of memory */
    size_t count;
};

struct svg_axis {
    const char *label; /* static, or NULL */
    enum svg_unit unit;
    bool log;
    double from, to;     /* NAN: by the data */
    const double *ticks; /* static, or NULL for round numbers */
    size_t tick_count;
};

/* A dashed line across, with words or without. */
struct svg_level {
    double value;
    char text[96];
};

/* An estimate with its interval, across. */
struct svg_interval {
    size_t look;
    double value, low, high; /* the bounds NAN: none */
};

enum { SVG_LEVELS_MAX = 8, SVG_INTERVALS_MAX = 16 };

struct svg_panel {
    char title[160];
    bool spoken; /* the title is a name: '_' and '-' are shown as blanks */
    struct svg_axis x, y;
    struct svg_line *lines; /* owned */
    size_t line_count;
    struct svg_level levels[SVG_LEVELS_MAX];
    size_t level_count;
    struct svg_interval intervals[SVG_INTERVALS_MAX];
    size_t interval_count;
    double height;
    bool half;     /* of the width: two stand side by side */
    bool faults;   /* over time: shade when they acted, mark when variants were well again */
    bool diagonal; /* a dashed line where x is y */
};

enum { SVG_PANELS_MAX = 24 };

/* Filled by a plot. Start with {0}; svg_figure_fini. */
struct svg_figure {
    struct svg_panel panels[SVG_PANELS_MAX];
    size_t panel_count;
    char caption[1200];
    bool failed; /* memory ran out */
};

void svg_figure_fini(struct svg_figure *figure);

/* Adds a panel; beyond the most there may be the last one is given again. */
struct svg_panel *svg_add_panel(struct svg_figure *figure, const char *title);

/* Takes back the last panel when nothing has been added to it. */
void svg_drop_empty(struct svg_figure *figure);

/* Adds a series of count points, with room for high when it is a band; NULL: no memory, which
 * figure remembers. */
struct svg_line *svg_add_line(struct svg_figure *figure, struct svg_panel *panel, size_t look,
                              enum svg_shape shape, size_t count);

void svg_add_level(struct svg_panel *panel, double value, const char *text);

/* Adds a series over a step's slots: its list called key. */
void svg_add_slots(const struct svg_view *view, struct svg_figure *figure, struct svg_panel *panel,
                   const char *key);

/* The axes of a panel over time. */
void svg_time_axes(const struct svg_view *view, struct svg_panel *panel, enum svg_unit unit,
                   bool log);

/* Adds to the caption: what a point of a plot is, or words. */
void svg_say_point(const struct svg_view *view, struct svg_figure *figure, const char *plot);
void svg_say(struct svg_figure *figure, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- Plots ----------------------------------------------------------------------------------- */

/* One more is a file plot_NAME.c that holds one, and its name in meson.build. */
struct svg_plot {
    const char *name;  /* of its file: "percentiles" */
    const char *title; /* over it */

    /* Fills the figure; without panels there is nothing to show. */
    void (*fill)(const struct svg_view *view, struct svg_figure *figure);
};

extern const struct svg_plot *const svg_plots[]; /* ends with NULL */

/* Draws a figure as a whole file. -ENOMEM. */
int svg_write(const struct svg_view *view, const struct svg_plot *plot,
              const struct svg_figure *figure, FILE *out, struct err *err);

/* ---- For what is drawn otherwise ------------------------------------------------------------- */

/* Begins a file of a height: its style, title and description. -ENOMEM. */
int svg_begin(FILE *out, double height, const char *title, const char *about, struct err *err);

/* Text as XML: harmless, on one line. -ENOMEM. */
int svg_text(FILE *out, const char *text, struct err *err);

/* A coordinate, to a tenth, behind a letter or a blank. */
void svg_put(FILE *out, char before, double value);

/* Text broken into lines from y on down; returns the y of the last line, or of none. */
double svg_paragraph(FILE *out, double y, const char *text, int *rc, struct err *err);

/* About how wide a text is drawn. */
double svg_text_width(const char *text);

/* Round numbers on an axis, some wanted; returns how many, at most max. */
size_t svg_ticks(double from, double to, bool log, size_t wanted, double *ticks, size_t max);

/* Draws a panel at x and y with the size it has. */
int svg_panel_write(const struct svg_view *view, const struct svg_panel *panel, double x, double y,
                    double width, FILE *out, struct err *err);

#endif
