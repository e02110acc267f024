/* SPDX-License-Identifier: MIT */
/* view.c - lays out lines for a width: label, figure, plot, and where there is room the plot's top.
 */
#include "command/run/view.h"

#include "core/param.h"
#include "report/table.h"
#include "report/text.h"

#include <math.h>
#include <string.h>

enum {
    LABEL_COLUMNS = 16,     /* of names, at most */
    LABEL_NARROW = 10,      /* the same on a narrow terminal */
    FIGURE_COLUMNS = 10,    /* "1.25 k/s" */
    TOP_COLUMNS = 14,       /* "  max 1.25 k/s" */
    NARROW_COLUMNS = 64,    /* below, there is no room for it */
    PLOT_COLUMNS_LEAST = 6, /* a plot of fewer says nothing */
    TEXT_BYTES = 4 * VIEW_COLUMNS_MAX + 64,
};

/* A line under way. */
struct line {
    const struct view_style *style;
    FILE *out;
    size_t left; /* columns */
};

struct frame {
    const struct live *live;
    const struct view_style *style;
    FILE *out;
    size_t width;       /* columns that may be used */
    size_t label, plot; /* columns; no plot: 0 */
    bool top;           /* there is room to say what a plot's highest is */
    size_t lines_left;
};

/* A figure over the phase. */
struct row {
    const char *label;
    enum metric_unit unit;
    enum tone tone;
    double now;                    /* of the last second; NAN: none */
    bool highest;                  /* of a column's ticks; else their mean */
    double values[LIVE_TICKS_MAX]; /* by tick; NAN: none */
};

/* ---- Lines ----------------------------------------------------------------------------------- */

/* What is not ASCII in the words of our own, and a '?' for everything else. */
static void make_ascii(char *text)
{
    static const struct {
        const char *sign, *plain;
    } known[] = {{"µ", "u"}, {"–", "-"}, {"…", "~"}, {"−", "-"}};
    char *to = text;
    for (const char *from = text; *from;) {
        char plain = '?';
        size_t length = 1;
        for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
            size_t own = strlen(known[i].sign);
            if (strncmp(from, known[i].sign, own) == 0) {
                plain = known[i].plain[0];
                length = own;
            }
        }
        if (((unsigned char)*from & 0x80) == 0)
            plain = *from;
        else if (length == 1)
            while (((unsigned char)from[length] & 0xc0) == 0x80)
                length++;
        *to++ = plain;
        from += length;
    }
    *to = '\0';
}

static void put_blanks(struct line *line, size_t count)
{
    for (; count > 0 && line->left > 0; count--, line->left--)
        (void)fputc(' ', line->out);
}

/* In width columns, cut where it is longer, and filled up where it is shorter. */
static void put(struct line *line, enum tone tone, const char *text, size_t width, bool right)
{
    char clean[TEXT_BYTES];
    (void)snprintf(clean, sizeof(clean), "%s", text);
    (void)text_clean(clean);
    for (char *at = clean; *at; at++)
        *at = *at == '\n' ? ' ' : *at;
    if (!line->style->unicode)
        make_ascii(clean);
    width = width < line->left ? width : line->left;
    size_t whole = strlen(clean), length = text_fit(clean, whole, width);
    const char *mark = line->style->unicode ? "…" : "~";
    bool cut = length < whole && width > 1;
    if (cut)
        length = text_fit(clean, whole, width - 1);
    size_t used = text_width(clean, length) + cut;
    if (right)
        put_blanks(line, width - used);
    tone_write(line->out, tone, line->style->color, clean, length);
    if (cut)
        (void)fputs(mark, line->out);
    line->left -= used;
    if (!right && width < line->left + used) /* nothing behind the last text of a line */
        put_blanks(line, width - used);
}

static bool begin_line(struct frame *frame, struct line *line)
{
    *line = (struct line){.style = frame->style, .out = frame->out, .left = frame->width};
    if (frame->lines_left == 0)
        return false;
    frame->lines_left--;
    return true;
}

static void end_line(const struct line *line)
{
    (void)fputc('\n', line->out);
}

/* ---- Plots ----------------------------------------------------------------------------------- */

static double axis_ns(const struct live *live)
{
    return (double)(live->length_ns > 0 ? live->length_ns : live->elapsed_ns);
}

/* Of the ticks that a column is of; NAN: there is none with a value. */
static double column_value(const struct frame *frame, const struct row *row, size_t column)
{
    const struct live *live = frame->live;
    double share = axis_ns(live) / (double)frame->plot;
    double from_ns = share * (double)column, to_ns = share * (double)(column + 1);
    double sum = 0, highest = NAN;
    size_t count = 0;
    for (size_t i = 0; i < live->tick_count; i++) {
        const struct live_tick *tick = &live->ticks[i];
        if ((double)(tick->end_ns - tick->span_ns) >= to_ns || (double)tick->end_ns <= from_ns ||
            isnan(row->values[i]))
            continue;
        highest = fmax(highest, row->values[i]);
        sum += row->values[i];
        count++;
    }
    return count == 0 ? NAN : row->highest ? highest : sum / (double)count;
}

static const char *sign_of(const struct frame *frame, double value, double top, bool past)
{
    static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const plain[] = {"_", ".", ":", "-", "=", "+", "*", "#"};
    if (isnan(value))
        return past && frame->style->unicode ? "·" : " ";
    double share = top > 0 && value > 0 ? fmin(value / top, 1) : 0;
    size_t level = (size_t)(7 * share + 0.5);
    return frame->style->unicode ? blocks[level] : plain[level];
}

/* Returns its top; NAN: nothing to be seen. */
static double put_plot(struct frame *frame, struct line *line, const struct row *row)
{
    double values[VIEW_COLUMNS_MAX], top = NAN;
    char text[4 * VIEW_COLUMNS_MAX] = "";
    size_t used = 0, last = 0;
    for (size_t i = 0; i < frame->plot; i++) {
        values[i] = column_value(frame, row, i);
        top = fmax(top, values[i]);
    }
    for (size_t i = 0; i < frame->plot; i++)
        if (axis_ns(frame->live) * (double)i / (double)frame->plot <
            (double)frame->live->elapsed_ns)
            last = i;
    for (size_t i = 0; i < frame->plot; i++) {
        const char *sign = sign_of(frame, values[i], top, i <= last);
        memcpy(text + used, sign, strlen(sign));
        used += strlen(sign);
    }
    text[used] = '\0';
    put_blanks(line, 1);
    put(line, row->tone, text, frame->plot, false);
    return top;
}

static void put_label(struct frame *frame, struct line *line, const char *label, const char *figure,
                      enum tone tone)
{
    put(line, TONE_PLAIN, label, frame->label, false);
    put_blanks(line, 1);
    put(line, tone, figure, FIGURE_COLUMNS, true);
}

static void write_row(struct frame *frame, const struct row *row)
{
    char text[64], top_text[80];
    struct line line;
    double top = NAN;
    if (!begin_line(frame, &line))
        return;
    put_label(frame, &line, row->label, metric_format(text, sizeof(text), row->unit, row->now),
              row->tone);
    if (frame->plot > 0)
        top = put_plot(frame, &line, row);
    if (frame->top && !isnan(top)) {
        (void)snprintf(top_text, sizeof(top_text), "  max %s",
                       metric_format(text, sizeof(text), row->unit, top));
        put(&line, TONE_QUIET, top_text, TOP_COLUMNS, false);
    }
    end_line(&line);
}

/* ---- What is shown --------------------------------------------------------------------------- */

/* Clearer than "12400 ms": of the seconds of a phase tenths are enough. */
static char *seconds(char *text, size_t size_bytes, uint64_t span_ns)
{
    (void)snprintf(text, size_bytes, "%.1f s", (double)span_ns / 1e9);
    return text;
}

static void write_head(struct frame *frame)
{
    const struct live *live = frame->live;
    char text[TEXT_BYTES], elapsed[40], length[40];
    struct line line;
    if (!begin_line(frame, &line))
        return;
    (void)snprintf(text, sizeof(text), "[%zu/%zu] ", live->round, live->round_count);
    put(&line, TONE_QUIET, text, strlen(text), false);
    put(&line, TONE_STRONG, live->variant, text_width(live->variant, strlen(live->variant)), false);
    text[0] = '\0';
    if (live->attempt > 0)
        (void)snprintf(text, sizeof(text), " (again, %u)", live->attempt);
    put(&line, TONE_UNSURE, text, strlen(text), false);
    uint64_t elapsed_ns = live->elapsed_ns < live->length_ns ? live->elapsed_ns : live->length_ns;
    if (live->phase_index >= 0)
        (void)snprintf(text, sizeof(text), ", %.60s %s of %s", live->phase,
                       seconds(elapsed, sizeof(elapsed), elapsed_ns),
                       seconds(length, sizeof(length), live->length_ns));
    else
        (void)snprintf(text, sizeof(text), ", %.60s", live->phase ? live->phase : "start");
    put(&line, TONE_PLAIN, text, text_width(text, strlen(text)), false);
    put_blanks(&line, 2);
    put(&line, TONE_QUIET, live->title ? live->title : "", line.left, false);
    end_line(&line);
}

static void write_goodput(struct frame *frame, struct row *row)
{
    const struct live *live = frame->live;
    *row = (struct row){.label = "goodput", .unit = METRIC_RATE};
    row->now = live_tick_rate(&live->second, live->second.ended[LOAD_OK]);
    for (size_t i = 0; i < live->tick_count; i++)
        row->values[i] = live_tick_rate(&live->ticks[i], live->ticks[i].ended[LOAD_OK]);
    write_row(frame, row);
}

static void write_p99(struct frame *frame, struct row *row)
{
    const struct live *live = frame->live;
    *row = (struct row){
        .label = "p99", .unit = METRIC_NS, .now = live->second.p99_ns, .highest = true};
    for (size_t i = 0; i < live->tick_count; i++)
        row->values[i] = live->ticks[i].p99_ns;
    write_row(frame, row);
}

static void write_errors(struct frame *frame, struct row *row)
{
    const struct live *live = frame->live;
    uint64_t errors = live_tick_errors(&live->second);
    *row = (struct row){.label = "errors",
                        .unit = METRIC_RATE,
                        .tone = errors > 0 ? TONE_BAD : TONE_PLAIN,
                        .now = live_tick_rate(&live->second, errors),
                        .highest = true};
    for (size_t i = 0; i < live->tick_count; i++)
        row->values[i] = live_tick_rate(&live->ticks[i], live_tick_errors(&live->ticks[i]));
    write_row(frame, row);
}

/* Of the whole phase; there is no line without any. */
static void write_kinds(struct frame *frame)
{
    char text[TEXT_BYTES] = "", count[48];
    size_t used = 0;
    struct line line;
    for (size_t kind = LOAD_OK + 1; kind < LOAD_OUTCOMES; kind++) {
        uint64_t errors = 0;
        for (size_t i = 0; i < frame->live->tick_count; i++)
            errors += frame->live->ticks[i].ended[kind];
        if (errors > 0)
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s %s", used ? ", " : "",
                                     load_outcome_names[kind],
                                     format_count(count, sizeof(count), (double)errors));
    }
    if (used == 0 || !begin_line(frame, &line))
        return;
    put_blanks(&line, frame->label + 1);
    put(&line, TONE_QUIET, text, line.left, false);
    end_line(&line);
}

static void write_in_flight(struct frame *frame, struct row *row)
{
    const struct live *live = frame->live;
    *row = (struct row){
        .label = "in flight", .unit = METRIC_COUNT, .now = live->second.in_flight, .highest = true};
    for (size_t i = 0; i < live->tick_count; i++)
        row->values[i] = live->ticks[i].in_flight;
    write_row(frame, row);
}

static void write_gauges(struct frame *frame, struct row *row, size_t most)
{
    const struct live *live = frame->live;
    for (size_t i = 0; i < live->gauge_count && most > 0; i++) {
        const struct live_gauge *gauge = &live->gauges[i];
        if (!gauge->name)
            continue;
        *row = (struct row){
            .label = gauge->name, .unit = gauge->unit, .now = gauge->value, .highest = true};
        memcpy(row->values, gauge->ticks, live->tick_count * sizeof(*row->values));
        write_row(frame, row);
        most--;
    }
}

/* ---- Faults ---------------------------------------------------------------------------------- */

static bool overlaps(double from_ns, double to_ns, double first_ns, double last_ns)
{
    return first_ns < to_ns && last_ns > from_ns;
}

/* Planned lightly, and strongly where it really is or was. */
static void put_bar(struct frame *frame, struct line *line, const struct live_fault *fault)
{
    const struct live *live = frame->live;
    double share = axis_ns(live) / (double)frame->plot;
    double planned_ns = (double)fault->at_ns;
    double planned_end_ns =
        fault->for_ns > 0 ? planned_ns + (double)fault->for_ns : (double)live->length_ns;
    double end_ns = (double)(fault->acting ? live->elapsed_ns : fault->healed_ns);
    bool unicode = frame->style->unicode;
    const char *strong = fault->idle ? (unicode ? "▒" : "x") : unicode ? "█" : "#";
    char text[4 * VIEW_COLUMNS_MAX];
    size_t used = 0;
    for (size_t i = 0; i < frame->plot; i++) {
        double from_ns = share * (double)i, to_ns = share * (double)(i + 1);
        bool is =
            fault->applied_ns > 0 && overlaps(from_ns, to_ns, (double)fault->applied_ns, end_ns);
        bool planned = overlaps(from_ns, to_ns, planned_ns, planned_end_ns);
        const char *sign = is ? strong : !planned ? " " : unicode ? "░" : "-";
        memcpy(text + used, sign, strlen(sign));
        used += strlen(sign);
    }
    text[used] = '\0';
    put_blanks(line, 1);
    put(line, fault->idle ? TONE_QUIET : TONE_BAD, text, frame->plot, false);
}

static const char *fault_word(const struct live *live, const struct live_fault *fault, char *text,
                              size_t size_bytes)
{
    char span[40];
    if (fault->acting)
        return "acting";
    if (fault->idle)
        return "no effect";
    if (fault->applied_ns > 0)
        return "over";
    if (fault->at_ns <= live->elapsed_ns)
        return "due";
    (void)snprintf(text, size_bytes, "in %s",
                   seconds(span, sizeof(span), fault->at_ns - live->elapsed_ns));
    return text;
}

static bool is_shown(const struct live *live, const struct live_fault *fault)
{
    return fault->phase == (size_t)live->phase_index;
}

static void write_faults(struct frame *frame)
{
    const struct live *live = frame->live;
    for (size_t i = 0; i < live->fault_count; i++) {
        char text[64];
        struct line line;
        const struct live_fault *fault = &live->faults[i];
        if (!is_shown(live, fault) || !begin_line(frame, &line))
            continue;
        put_label(frame, &line, fault->name, fault_word(live, fault, text, sizeof(text)),
                  fault->acting ? TONE_BAD : TONE_PLAIN);
        if (frame->plot > 0)
            put_bar(frame, &line, fault);
        end_line(&line);
    }
}

/* ---- The whole ------------------------------------------------------------------------------- */

static void widen(size_t *width, const char *name)
{
    size_t own = name ? text_width(name, strlen(name)) : 0;
    *width = own > *width ? own : *width;
}

static void lay_out(struct frame *frame)
{
    const struct live *live = frame->live;
    size_t label = strlen("in flight"), width = frame->width;
    for (size_t i = 0; i < live->gauge_count; i++)
        widen(&label, live->gauges[i].name);
    for (size_t i = 0; i < live->fault_count; i++)
        widen(&label, is_shown(live, &live->faults[i]) ? live->faults[i].name : NULL);
    size_t most = width < NARROW_COLUMNS ? LABEL_NARROW : LABEL_COLUMNS;
    frame->label = label < most ? label : most;
    frame->top = width >= NARROW_COLUMNS;
    size_t taken = frame->label + 1 + FIGURE_COLUMNS + 1 + (frame->top ? TOP_COLUMNS : 0);
    frame->plot = width >= taken + PLOT_COLUMNS_LEAST ? width - taken : 0;
}

/* Lines left for gauges when all else has its own. */
static size_t gauges_most(const struct frame *frame)
{
    size_t faults = 0;
    for (size_t i = 0; i < frame->live->fault_count; i++)
        faults += is_shown(frame->live, &frame->live->faults[i]);
    return frame->lines_left > faults ? frame->lines_left - faults : 0;
}

void view_write(const struct live *live, const struct view_style *style, FILE *out)
{
    size_t width = style->width < VIEW_COLUMNS_MAX ? style->width : VIEW_COLUMNS_MAX;
    struct frame frame = {.live = live,
                          .style = style,
                          .out = out,
                          .width = width > 1 ? width - 1 : width,
                          .lines_left = style->height};
    struct row row;
    if (!live->variant)
        return;
    lay_out(&frame);
    write_head(&frame);
    if (live->phase_index < 0 || !live->loaded)
        return;
    write_goodput(&frame, &row);
    write_p99(&frame, &row);
    write_errors(&frame, &row);
    write_kinds(&frame);
    write_in_flight(&frame, &row);
    write_gauges(&frame, &row, gauges_most(&frame));
    write_faults(&frame);
}

/* Columns of a line's first length bytes, without what is in escape sequences. */
static size_t columns_of(const char *text, size_t length)
{
    size_t width = 0;
    for (size_t at = 0; at < length;) {
        size_t plain = 0;
        while (at + plain < length && text[at + plain] != '\033')
            plain++;
        width += text_width(text + at, plain);
        at += plain;
        while (at < length && text[at] != 'm')
            at++;
        at += at < length;
    }
    return width;
}

size_t view_rows(const char *text, size_t width)
{
    size_t rows = 0;
    while (*text) {
        size_t length = strcspn(text, "\n");
        size_t columns = columns_of(text, length);
        rows += width > 0 && columns > width ? (columns + width - 1) / width : 1;
        text += length + (text[length] == '\n');
    }
    return rows;
}
