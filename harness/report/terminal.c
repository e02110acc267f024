/* SPDX-License-Identifier: MIT */
/* terminal.c - the report a person reads: tables, marks and, on a terminal, colours. */
#include "report/terminal.h"

#include "report/content.h"
#include "report/distributions.h"
#include "report/grid.h"
#include "report/over_time.h"
#include "report/report.h"
#include "report/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { WIDTH_DEFAULT = 100, WIDTH_MIN = 40, WIDTH_MAX = 400 };

struct table_style terminal_style(FILE *out)
{
    struct table_style style = {.width = WIDTH_DEFAULT};
    struct winsize size;
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    int fd = fileno(out);
    if (fd < 0 || !isatty(fd))
        return style;
    style.color = !(no_color && no_color[0]) && !(term && strcmp(term, "dumb") == 0);
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col >= WIDTH_MIN)
        style.width = size.ws_col < WIDTH_MAX ? size.ws_col : WIDTH_MAX;
    return style;
}

/* Text that may be longer than a line. */
static int write_wrapped(FILE *out, const char *text, const struct table_style *style,
                         enum tone tone)
{
    char *clean = strdup(text);
    if (!clean)
        return -1;
    const char *rest = text_clean(clean);
    size_t length;
    for (const char *line; (line = text_line(&rest, style->width, &length));) {
        tone_write(out, tone, style->color, line, length);
        (void)fputc('\n', out);
    }
    free(clean);
    return 0;
}

static void write_title(FILE *out, const struct table_style *style, const char *title)
{
    (void)fputc('\n', out);
    tone_write(out, TONE_STRONG, style->color, title, strlen(title));
    (void)fputc('\n', out);
}

/* A section, unless it has no rows. */
static int write_section(FILE *out, const struct table_style *style, const char *title,
                         struct table *table, struct err *err)
{
    int rc = 0;
    if (table_rows(table) > 0 || table->failed) {
        write_title(out, style, title);
        rc = table_write(table, out, style, err);
    }
    table_fini(table);
    return rc;
}

static int write_variants(const struct result *result, const struct judgement *judgement, FILE *out,
                          const struct table_style *style, struct err *err)
{
    struct table table = {0};
    struct content_notes notes = {0};
    int rc = content_variants(result, judgement, &table, &notes, err);
    (void)fputc('\n', out);
    if (!rc)
        rc = table_write(&table, out, style, err);
    table_fini(&table);
    for (size_t i = 0; !rc && i < notes.count; i++) {
        char text[160];
        (void)write_wrapped(out, content_note(&notes, i, text, sizeof(text)), style, TONE_QUIET);
    }
    if (!rc)
        (void)write_wrapped(out,
                            "median of the valid rounds ± half their range; ratios of pairs "
                            "[95 % interval]",
                            style, TONE_QUIET);
    return rc;
}

static int write_conditions(const struct result *result, const struct judgement *judgement,
                            FILE *out, const struct table_style *style, struct err *err)
{
    struct table expects = {0}, invariants = {0}, claims = {0};
    content_conditions(result, judgement->expects, judgement->expect_count, &expects);
    content_conditions(result, judgement->invariants, judgement->invariant_count, &invariants);
    content_claims(judgement, &claims);
    int rc = write_section(out, style, "Expectations", &expects, err);
    int rc_invariants = rc ? rc : write_section(out, style, "Invariants", &invariants, err);
    rc = rc_invariants ? rc_invariants : write_section(out, style, "Claims", &claims, err);
    table_fini(&expects);
    table_fini(&invariants);
    table_fini(&claims);
    return rc;
}

int terminal_write(const struct result *result, const struct judgement *judgement, FILE *out,
                   const struct table_style *style, struct err *err)
{
    struct table over_time = {0}, distributions = {0}, validity = {0}, curves = {0};
    struct table faults = {0};
    char text[400];
    enum tone tone;
    (void)write_wrapped(out, result->plan->title, style, TONE_STRONG);
    if (result->plan->question)
        (void)write_wrapped(out, result->plan->question, style, TONE_PLAIN);
    int rc = write_variants(result, judgement, out, style, err);
    if (!rc)
        rc = content_faults(result, &faults, err);
    if (!rc)
        rc = write_section(out, style, "Faults, in the median of the valid rounds", &faults, err);
    if (!rc)
        rc = content_over_time(result, &over_time, err);
    if (!rc)
        rc = write_section(out, style, "Over time, in the median round", &over_time, err);
    if (!rc)
        rc = content_distributions(result, &distributions, err);
    if (!rc)
        rc = write_section(out, style, "Histograms, of all valid rounds", &distributions, err);
    if (!rc)
        rc = write_conditions(result, judgement, out, style, err);
    content_curves(result, &curves);
    if (!rc)
        rc = write_section(out, style, "Search", &curves, err);
    if (!rc)
        rc = content_validity(result, judgement, &validity, err);
    if (!rc)
        content_record(result, &validity);
    if (!rc)
        rc = write_section(out, style, "Validity", &validity, err);
    table_fini(&faults);
    table_fini(&over_time);
    table_fini(&distributions);
    table_fini(&validity);
    table_fini(&curves);
    if (rc)
        return rc;
    (void)fputc('\n', out);
    content_outcome(result, judgement, text, sizeof(text), &tone);
    (void)write_wrapped(out, text, style, tone);
    return 0;
}

/* Where grids are written. */
struct grid_page {
    FILE *out;
    const struct table_style *style;
};

static int write_grid_part(void *arg, const struct grid_part *part, struct err *err)
{
    const struct grid_page *page = arg;
    if (!part->outcome)
        return write_section(page->out, page->style, part->title, part->table, err);
    write_title(page->out, page->style, part->title);
    (void)write_wrapped(page->out, part->outcome->text, page->style, part->outcome->tone);
    return table_rows(part->table) ? table_write(part->table, page->out, page->style, err) : 0;
}

int terminal_write_grids(const struct report_input *input, FILE *out,
                         const struct table_style *style, struct err *err)
{
    return grid_write(input, write_grid_part, &(struct grid_page){out, style}, err);
}

static int terminal_format(const struct report_input *input, FILE *out, struct err *err)
{
    struct table_style style = terminal_style(out);
    bool first = true;
    int rc = 0;
    for (size_t i = 0; i < input->item_count && !rc; i++) {
        if (!grid_is_apart(input, i))
            continue;
        if (!first)
            (void)fputs("\n\n", out);
        first = false;
        struct report_opened opened;
        rc = report_open(input, i, &opened, err);
        if (!rc)
            rc = terminal_write(opened.item.result, opened.item.judgement, out, &style, err);
        report_close(input, &opened);
    }
    return rc ? rc : terminal_write_grids(input, out, &style, err);
}

const struct report_format report_terminal = {
    .name = "terminal",
    .extension = "txt",
    .summary = "tables for people, coloured on a terminal",
    .by_item = true,
    .write = terminal_format,
};
