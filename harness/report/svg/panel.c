/* SPDX-License-Identifier: MIT */
/* panel.c - draws a panel: axes, what is marked behind the series, the series to a tenth of a pixel
 * and no more points than there are pixels. */
#include "report/svg/svg.h"

#include <math.h>
#include <string.h>

enum {
    LEFT = 62,
    RIGHT = 10,
    TOP_TITLED = 20,
    TOP = 6,
    BELOW = 22,
    BELOW_LABEL = 38,
    TICKS_MAX = 24
};

/* Where things are in the file, and what an axis goes from and to. */
struct frame {
    const struct svg_view *view;
    const struct svg_panel *panel;
    FILE *out;
    double left, top, width, height; /* of the field */
    double x_from, x_to, y_from, y_to;
};

/* ---- Scales ---------------------------------------------------------------------------------- */

static double part_of(const struct svg_axis *axis, double from, double to, double value)
{
    return axis->log ? log(value / from) / log(to / from) : (value - from) / (to - from);
}

static double x_of(const struct frame *frame, double value)
{
    return frame->left +
           frame->width * part_of(&frame->panel->x, frame->x_from, frame->x_to, value);
}

/* What is beyond the field is drawn at its edge. */
static double y_of(const struct frame *frame, double value)
{
    double part = part_of(&frame->panel->y, frame->y_from, frame->y_to, value);
    return frame->top + frame->height * (1 - fmin(fmax(part, -0.001), 1.001));
}

/* Whole decades make much of little; a logarithmic axis goes a little beyond its data. */
static void log_range(double *from, double *to)
{
    if (!(*from > 0) || !isfinite(*to)) {
        *from = 0.1;
        *to = 1;
        return;
    }
    double ratio = fmax(*to / *from, 1.5), room = pow(ratio, 0.06);
    double middle = sqrt(*from * *to);
    *from = middle / sqrt(ratio) / room;
    *to = middle * sqrt(ratio) * room;
}

static void plain_range(double *from, double *to)
{
    double low = fmin(*from, 0), high = isfinite(*to) ? *to : 1;
    double room = (high > low ? high - low : 1) * 0.08;
    *from = low < 0 ? low - room : 0;
    *to = high + room;
}

static void find_range(struct frame *frame)
{
    const struct svg_panel *panel = frame->panel;
    double low = NAN, high = NAN, first = NAN, last = NAN;
    for (size_t i = 0; i < panel->line_count; i++) {
        const struct svg_line *line = &panel->lines[i];
        for (size_t k = 0; k < line->count; k++) {
            bool shown = isfinite(line->y[k]) && (!panel->y.log || line->y[k] > 0);
            low = shown ? fmin(low, line->y[k]) : low;
            high = shown ? fmax(high, line->y[k]) : high;
            if (line->shape == SVG_BAND && isfinite(line->high[k]))
                high = fmax(high, line->high[k]);
            first = fmin(first, line->x[k]);
            last = fmax(last, line->x[k]);
        }
    }
    frame->x_from = isnan(panel->x.from) ? first : panel->x.from;
    frame->x_to = isnan(panel->x.to) ? last : panel->x.to;
    if (isnan(frame->x_from)) { /* no points at all */
        frame->x_from = panel->x.log ? 1 : 0;
        frame->x_to = frame->x_from + 1;
    }
    if (!(frame->x_to > frame->x_from))
        frame->x_to = panel->x.log ? frame->x_from * 10 : frame->x_from + 1;
    frame->y_from = isnan(low) ? 0 : low;
    frame->y_to = high;
    if (!isnan(panel->y.from)) {
        frame->y_from = panel->y.from;
        frame->y_to = panel->y.to;
    } else if (panel->y.log) {
        log_range(&frame->y_from, &frame->y_to);
    } else {
        plain_range(&frame->y_from, &frame->y_to);
    }
}

/* ---- Axes ------------------------------------------------------------------------------------ */

static int tick_text(const struct frame *frame, const struct svg_axis *axis, double tick,
                     struct err *err)
{
    char text[48];
    int rc = svg_text(frame->out, svg_format(axis->unit, tick, text, sizeof(text)), err);
    (void)fputs("</text>\n", frame->out);
    return rc;
}

static int draw_y_axis(const struct frame *frame, struct err *err)
{
    double ticks[TICKS_MAX];
    size_t count = svg_ticks(frame->y_from, frame->y_to, frame->panel->y.log,
                             (size_t)(frame->height / 32) + 1, ticks, TICKS_MAX);
    int rc = 0;
    (void)fputs("<path class=\"g\" d=\"", frame->out);
    for (size_t i = 0; i < count; i++) {
        svg_put(frame->out, 'M', frame->left);
        svg_put(frame->out, ' ', y_of(frame, ticks[i]));
        svg_put(frame->out, 'h', frame->width);
    }
    (void)fputs("\"/>\n", frame->out);
    for (size_t i = 0; i < count && !rc; i++) {
        (void)fprintf(frame->out, "<text class=\"e\" x=\"%.0f\" y=\"%.0f\">", frame->left - 8,
                      y_of(frame, ticks[i]) + 4);
        rc = tick_text(frame, &frame->panel->y, ticks[i], err);
    }
    return rc;
}

static int draw_x_axis(const struct frame *frame, struct err *err)
{
    const struct svg_axis *axis = &frame->panel->x;
    double ticks[TICKS_MAX], before = -1e9, bottom = frame->top + frame->height;
    size_t count = 0;
    int rc = 0;
    for (size_t i = 0; i < axis->tick_count && count < TICKS_MAX; i++)
        if (axis->ticks[i] >= frame->x_from && axis->ticks[i] <= frame->x_to)
            ticks[count++] = axis->ticks[i];
    if (!axis->ticks)
        count = svg_ticks(frame->x_from, frame->x_to, axis->log, (size_t)(frame->width / 60), ticks,
                          TICKS_MAX);
    (void)fputs("<path class=\"g\" d=\"", frame->out);
    for (size_t i = 0; i < count; i++) {
        svg_put(frame->out, 'M', x_of(frame, ticks[i]));
        svg_put(frame->out, ' ', frame->top);
        svg_put(frame->out, 'v', frame->height);
    }
    (void)fputs("\"/>\n", frame->out);
    for (size_t i = 0; i < count && !rc; i++) {
        double x = x_of(frame, ticks[i]);
        if (x - before < 30) /* their words would meet */
            continue;
        before = x;
        (void)fprintf(frame->out, "<text class=\"m\" x=\"%.0f\" y=\"%.0f\">", x, bottom + 17);
        rc = tick_text(frame, axis, ticks[i], err);
    }
    if (axis->label && !rc)
        (void)fprintf(frame->out, "<text class=\"m\" x=\"%.0f\" y=\"%.0f\">%s</text>\n",
                      frame->left + frame->width / 2, bottom + 33, axis->label);
    return rc;
}

/* ---- Behind the series ----------------------------------------------------------------------- */

/* The window of a fault in the median round of a variant, when it acted in this phase. */
static const json_t *window_of(const struct svg_view *view, size_t variant, size_t fault)
{
    const json_t *of = json_array_get(json_object_get(view->data, "faults"), fault);
    const json_t *window =
        json_array_get(json_object_get(svg_round(view, variant), "faults"), fault);
    bool here = svg_member(of, "phase") == (double)view->phase;
    return here && json_is_object(window) ? window : NULL;
}

static size_t window_count(const struct frame *frame)
{
    size_t count = 0, faults = json_array_size(json_object_get(frame->view->data, "faults"));
    for (size_t v = 0; v < frame->view->variant_count; v++)
        for (size_t f = 0; f < faults; f++)
            count += window_of(frame->view, v, f) != NULL;
    return count;
}

/* Where a window begins and ends in the file; false: nothing of it is in the field. */
static bool window_bounds(const struct frame *frame, const json_t *window, double *from, double *to)
{
    *from = x_of(frame, fmax(svg_member(window, "from"), frame->x_from));
    *to = x_of(frame, fmin(svg_member(window, "to"), frame->x_to));
    return window && *to > *from;
}

/* Each window a little, so that where all variants had it at once is darkest. */
static void shade_faults(const struct frame *frame)
{
    size_t faults = json_array_size(json_object_get(frame->view->data, "faults"));
    size_t windows = window_count(frame);
    double from, to;
    for (size_t f = 0; f < faults; f++)
        for (size_t v = 0; v < frame->view->variant_count; v++)
            if (window_bounds(frame, window_of(frame->view, v, f), &from, &to))
                (void)fprintf(frame->out,
                              "<rect class=\"w\" opacity=\"%.3f\" x=\"%.1f\" y=\"%.1f\" "
                              "width=\"%.1f\" height=\"%.1f\"/>\n",
                              0.18 / (double)windows + 0.02, from, frame->top, to - from,
                              frame->height);
}

static int name_faults(const struct frame *frame, struct err *err)
{
    const json_t *faults = json_object_get(frame->view->data, "faults");
    size_t named = 0;
    int rc = 0;
    for (size_t f = 0; f < json_array_size(faults) && !rc; f++) {
        double first = NAN, from, to;
        for (size_t v = 0; v < frame->view->variant_count; v++)
            if (window_bounds(frame, window_of(frame->view, v, f), &from, &to))
                first = fmin(first, from);
        if (isnan(first))
            continue;
        (void)fprintf(frame->out, "<text class=\"wt\" x=\"%.0f\" y=\"%.0f\">", first + 5,
                      frame->top + 13 + 14 * (double)named++);
        rc = svg_text(frame->out,
                      json_string_value(json_object_get(json_array_get(faults, f), "name")), err);
        (void)fputs("</text>\n", frame->out);
    }
    return rc;
}

/* A mark at the top where each variant was well again. */
static void mark_recovery(const struct frame *frame)
{
    size_t faults = json_array_size(json_object_get(frame->view->data, "faults"));
    for (size_t v = 0; v < frame->view->variant_count; v++)
        for (size_t f = 0; f < faults; f++) {
            double at = svg_member(window_of(frame->view, v, f), "recovered");
            if (!(at >= frame->x_from && at <= frame->x_to))
                continue;
            double x = x_of(frame, at);
            (void)fprintf(frame->out,
                          "<path class=\"r c%zu\" d=\"M%.1f %.1fv%.1f\"/><path class=\"f%zu\" "
                          "d=\"M%.1f %.1fh10l-5 8z\"/>\n",
                          v % SVG_LOOKS, x, frame->top, frame->height, v % SVG_LOOKS, x - 5,
                          frame->top);
        }
}

static int draw_levels(const struct frame *frame, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < frame->panel->level_count && !rc; i++) {
        const struct svg_level *level = &frame->panel->levels[i];
        if (!(level->value >= frame->y_from && level->value <= frame->y_to))
            continue;
        double y = y_of(frame, level->value);
        (void)fprintf(frame->out, "<path class=\"o\" d=\"M%.1f %.1fh%.1f\"/>", frame->left, y,
                      frame->width);
        if (level->text[0]) {
            (void)fprintf(frame->out, "<text class=\"lt\" x=\"%.0f\" y=\"%.0f\">", frame->left + 6,
                          y - 4);
            rc = svg_text(frame->out, level->text, err);
            (void)fputs("</text>", frame->out);
        }
        (void)fputc('\n', frame->out);
    }
    return rc;
}

static void draw_intervals(const struct frame *frame)
{
    for (size_t i = 0; i < frame->panel->interval_count; i++) {
        const struct svg_interval *one = &frame->panel->intervals[i];
        if (isfinite(one->low) && isfinite(one->high))
            (void)fprintf(frame->out,
                          "<rect class=\"b f%zu\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
                          "height=\"%.1f\"/>",
                          one->look % SVG_LOOKS, frame->left, y_of(frame, one->high), frame->width,
                          fmax(y_of(frame, one->low) - y_of(frame, one->high), 0.5));
        if (isfinite(one->value))
            (void)fprintf(frame->out, "<path class=\"c%zu\" d=\"M%.1f %.1fh%.1f\"/>\n",
                          one->look % SVG_LOOKS, frame->left, y_of(frame, one->value),
                          frame->width);
    }
}

static void draw_diagonal(const struct frame *frame)
{
    double from = fmax(frame->x_from, frame->y_from), to = fmin(frame->x_to, frame->y_to);
    if (frame->panel->diagonal && to > from)
        (void)fprintf(frame->out, "<path class=\"o\" d=\"M%.1f %.1fL%.1f %.1f\"/>\n",
                      x_of(frame, from), y_of(frame, from), x_of(frame, to), y_of(frame, to));
}

/* ---- Series ---------------------------------------------------------------------------------- */

/* Of a path: the points of one column of pixels that are not written yet. */
struct pen {
    FILE *out;
    long column;
    size_t held; /* points in it */
    double x, first, last, low, high;
    double at_x, at_y; /* written last */
    size_t drawn;      /* points of the stretch */
    bool level, open;  /* the last points lie on one height; a stretch has begun */
};

static void pen_line(struct pen *pen, double x, double y)
{
    double to_x = nearbyint(x * 10) / 10, to_y = nearbyint(y * 10) / 10;
    if (pen->drawn > 0 && to_x == pen->at_x && to_y == pen->at_y)
        return;
    if (pen->drawn == 0) {
        svg_put(pen->out, 'M', to_x);
        svg_put(pen->out, ' ', to_y);
    } else if (to_y == pen->at_y) {
        svg_put(pen->out, 'H', to_x);
    } else if (to_x == pen->at_x) {
        svg_put(pen->out, 'V', to_y);
    } else {
        svg_put(pen->out, 'L', to_x);
        svg_put(pen->out, ' ', to_y);
    }
    pen->at_x = to_x;
    pen->at_y = to_y;
    pen->drawn++;
}

/* A column's points come down to where it is entered and left, and its ends. */
static void pen_flush(struct pen *pen)
{
    if (pen->held == 0)
        return;
    pen_line(pen, pen->x, pen->first);
    if (pen->held > 2 && pen->low < fmin(pen->first, pen->last))
        pen_line(pen, pen->x, pen->low);
    if (pen->held > 2 && pen->high > fmax(pen->first, pen->last))
        pen_line(pen, pen->x, pen->high);
    if (pen->held > 1)
        pen_line(pen, pen->x, pen->last);
    pen->held = 0;
}

static void pen_point(struct pen *pen, double x, double y)
{
    long column = (long)floor(x);
    if (pen->held > 0 && column == pen->column) {
        pen->low = fmin(pen->low, y);
        pen->high = fmax(pen->high, y);
        pen->last = y;
        pen->held++;
        return;
    }
    pen_flush(pen);
    pen->column = column;
    pen->x = x;
    pen->first = pen->last = pen->low = pen->high = y;
    pen->held = 1;
}

/* A gap. A point between gaps becomes a dot: the style's round ends. */
static void pen_lift(struct pen *pen)
{
    pen_flush(pen);
    if (pen->drawn == 1)
        (void)fputs("h0", pen->out);
    pen->drawn = 0;
}

static bool is_shown(const struct frame *frame, const struct svg_line *line, size_t i)
{
    return isfinite(line->y[i]) && line->x[i] >= frame->x_from && line->x[i] <= frame->x_to &&
           (!frame->panel->y.log || line->y[i] > 0);
}

/* Beyond the looks there are, the line tells variants apart. */
static void draw_line(const struct frame *frame, const struct svg_line *line)
{
    static const char *const dashes[] = {"", " stroke-dasharray=\"7 4\"",
                                         " stroke-dasharray=\"2 3\""};
    struct pen pen = {.out = frame->out};
    double before = NAN;
    (void)fprintf(frame->out, "<path class=\"s c%zu\"%s d=\"", line->look % SVG_LOOKS,
                  dashes[line->look / SVG_LOOKS % 3]);
    for (size_t i = 0; i < line->count; i++) {
        if (!is_shown(frame, line, i)) {
            pen_lift(&pen);
            before = NAN;
            continue;
        }
        double x = x_of(frame, line->x[i]), y = y_of(frame, line->y[i]);
        if (line->shape == SVG_STEP && isfinite(before) && y != before)
            pen_point(&pen, x, before);
        if (line->shape != SVG_STEP || y != before || i + 1 == line->count ||
            !is_shown(frame, line, i + 1))
            pen_point(&pen, x, y);
        before = y;
    }
    pen_lift(&pen);
    (void)fputs("\"/>\n", frame->out);
}

static void draw_dots(const struct frame *frame, const struct svg_line *line)
{
    for (size_t i = 0; i < line->count; i++)
        if (is_shown(frame, line, i))
            (void)fprintf(frame->out,
                          "<circle class=\"f%zu\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.2\"/>\n",
                          line->look % SVG_LOOKS, x_of(frame, line->x[i]), y_of(frame, line->y[i]));
}

/* Its upper edge from left to right, its lower edge back. */
static void draw_band(const struct frame *frame, const struct svg_line *line)
{
    bool begun = false;
    (void)fprintf(frame->out, "<path class=\"b f%zu\" d=\"", line->look % SVG_LOOKS);
    for (size_t i = 0; i < 2 * line->count; i++) {
        size_t at = i < line->count ? i : 2 * line->count - 1 - i;
        double value = i < line->count ? line->high[at] : line->y[at];
        if (!is_shown(frame, line, at) || !isfinite(value))
            continue;
        svg_put(frame->out, begun ? 'L' : 'M', x_of(frame, line->x[at]));
        svg_put(frame->out, ' ', y_of(frame, value));
        begun = true;
    }
    (void)fputs(begun ? "z\"/>\n" : "\"/>\n", frame->out);
}

static void draw_series(const struct frame *frame)
{
    for (size_t i = 0; i < frame->panel->line_count; i++) {
        const struct svg_line *line = &frame->panel->lines[i];
        if (line->shape == SVG_BAND)
            draw_band(frame, line);
        else if (line->shape != SVG_DOTS)
            draw_line(frame, line);
        if (line->shape == SVG_DOTS || line->dotted)
            draw_dots(frame, line);
    }
}

/* ---- All of it ------------------------------------------------------------------------------- */

static int draw_title(const struct frame *frame, double y, struct err *err)
{
    char title[sizeof(frame->panel->title)];
    if (!frame->panel->title[0])
        return 0;
    (void)snprintf(title, sizeof(title), "%s", frame->panel->title);
    for (char *at = title; frame->panel->spoken && *at; at++)
        if (*at == '_' || *at == '-')
            *at = ' ';
    (void)fprintf(frame->out, "<text class=\"p\" x=\"%.0f\" y=\"%.0f\">", frame->left, y + 11);
    int rc = svg_text(frame->out, title, err);
    (void)fputs("</text>\n", frame->out);
    return rc;
}

int svg_panel_write(const struct svg_view *view, const struct svg_panel *panel, double x, double y,
                    double width, FILE *out, struct err *err)
{
    double top = panel->title[0] ? TOP_TITLED : TOP;
    struct frame frame = {.view = view, .panel = panel, .out = out};
    frame.left = x + LEFT;
    frame.top = y + top;
    frame.width = width - LEFT - RIGHT;
    frame.height = panel->height - top - (panel->x.label ? BELOW_LABEL : BELOW);
    find_range(&frame);
    int rc = draw_title(&frame, y, err);
    if (panel->faults)
        shade_faults(&frame);
    if (!rc)
        rc = draw_y_axis(&frame, err);
    if (!rc)
        rc = draw_x_axis(&frame, err);
    draw_diagonal(&frame);
    draw_intervals(&frame);
    draw_series(&frame);
    if (!rc)
        rc = draw_levels(&frame, err);
    if (panel->faults)
        mark_recovery(&frame);
    return rc || !panel->faults ? rc : name_faults(&frame, err);
}
