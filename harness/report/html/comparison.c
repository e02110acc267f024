/* SPDX-License-Identifier: MIT */
/* comparison.c - what a page of two runs of one scenario says first: what the second did otherwise,
 * with the curves of both in one. */
#include "report/compare.h"
#include "report/grid.h"
#include "report/html/html.h"

#include <errno.h>
#include <string.h>

static int write_part(FILE *out, const char *title, struct table *table, struct err *err)
{
    if (table_rows(table) > 0 && title)
        (void)fprintf(out, "<h3>%s</h3>\n", title);
    int rc = html_table(out, table, HTML_AS_IS, err);
    table_fini(table);
    return rc;
}

static int write_side(FILE *out, const char *label, const struct report_item *item, struct err *err)
{
    (void)fprintf(out, "%s: ", label);
    int rc = html_text(out, item->name ? item->name : item->result->folder, err);
    (void)fputs(item->name || item->result->folder ? ", " : "", out);
    if (!rc)
        rc = html_text(out, item->result->environment.started, err);
    return rc;
}

static int write_head(FILE *out, const struct comparison *comparison, const struct report_item *a,
                      const struct report_item *b, struct err *err)
{
    char text[400];
    enum tone tone;
    (void)fputs("<h1>", out);
    int rc = html_text(out, comparison->b->scenario, err);
    (void)fputs("</h1>\n<p class=\"question\">", out);
    if (!rc)
        rc = write_side(out, "A", a, err);
    (void)fputs("<br>", out);
    if (!rc)
        rc = write_side(out, "B", b, err);
    (void)fputs("</p>\n", out);
    if (rc)
        return rc;
    (void)content_comparison_outcome(comparison, text, sizeof(text), &tone);
    (void)fprintf(out, "<p class=\"outcome %s\">", html_tone(tone));
    rc = html_text(out, text, err);
    (void)fputs("</p>\n", out);
    return rc;
}

/* The script lays the curves of both over each other. */
static void write_plots(FILE *out, const size_t sides[static 2])
{
    if (html_plots_by[0])
        (void)fprintf(out,
                      "<h3>Both</h3>\n<p class=\"note\">Solid: A; dashed: B. What is expected is "
                      "A's.</p>\n<section class=\"plots\" data-from=\"data-%zu data-%zu\">"
                      "<noscript><p class=\"note\">The plots need scripts.</p></noscript>"
                      "</section>\n",
                      sides[0], sides[1]);
}

static int write_tables(FILE *out, const struct comparison *comparison, const char *title,
                        struct err *err)
{
    struct table rows = {0}, notes = {0}, remarks = {0};
    content_comparison(comparison, &rows);
    content_comparison_notes(comparison, &notes);
    content_remarks(comparison, &remarks);
    int rc = write_part(out, title, &rows, err);
    if (!rc)
        rc = write_part(out, NULL, &notes, err);
    if (!rc)
        rc = write_part(out, "To know beside it", &remarks, err);
    table_fini(&rows);
    table_fini(&notes);
    table_fini(&remarks);
    return rc;
}

static int write_comparison(FILE *out, const struct comparison *comparison,
                            const struct report_item *a, const struct report_item *b,
                            struct err *err)
{
    int rc = write_head(out, comparison, a, b, err);
    if (!rc)
        rc = write_tables(out, comparison, "B against A", err);
    return rc;
}

/* Two results, compared; borrows both. */
struct pair {
    struct sheet *a, *b;
    struct comparison *comparison; /* NULL: they cannot be compared, why says why not */
    struct err why;
};

static int pair_open(struct pair *pair, const struct report_item *a, const struct report_item *b,
                     struct err *err)
{
    *pair = (struct pair){0};
    int rc = sheet_create(a->result, a->judgement, NULL, a->name, &pair->a, &pair->why);
    if (!rc)
        rc = sheet_create(b->result, b->judgement, NULL, b->name, &pair->b, &pair->why);
    if (!rc)
        rc = comparison_create(pair->a, pair->b, NULL, &pair->comparison, &pair->why);
    if (!rc || rc == -EINVAL || rc == -ENOENT)
        return 0;
    *err = pair->why;
    return rc;
}

static void pair_close(struct pair *pair)
{
    comparison_destroy(pair->comparison);
    sheet_destroy(pair->a);
    sheet_destroy(pair->b);
}

/* ---- Cells ----------------------------------------------------------------------------------- */

static const struct report_item *find_twin(const struct report_input *input,
                                           const struct report_item *run, const char *cell)
{
    for (size_t i = 0; i < input->item_count; i++) {
        const struct report_item *item = &input->items[i];
        if (item->result->plan->cell && grid_same_run(item, run) &&
            strcmp(item->result->plan->cell, cell) == 0)
            return item;
    }
    return NULL;
}

static void note_cell(struct table *notes, const char *cell, const char *text)
{
    if (notes->column_count == 0) {
        table_column(notes, TABLE_LEFT, "%s", "");
        table_column(notes, TABLE_WRAP, "%s", "");
    }
    table_cell(notes, TONE_BAD, "%s", cell);
    table_cell(notes, TONE_PLAIN, "%s", text);
}

static int compare_cell(const struct report_item *a, const struct report_item *b,
                        struct table *rows, struct table *notes, struct err *err)
{
    const char *cell = a->result->plan->cell;
    struct pair pair;
    int rc = pair_open(&pair, a, b, err);
    if (pair.comparison) {
        content_comparison_cell(pair.comparison, cell, rows);
        for (size_t i = 0; i < pair.comparison->remark_count; i++)
            if (pair.comparison->remarks[i].grave)
                note_cell(notes, cell, pair.comparison->remarks[i].text);
    } else if (!rc) {
        note_cell(notes, cell, pair.why.text);
    }
    pair_close(&pair);
    return rc;
}

/* Each cell with the same one of the other run's grid. */
static int write_cells(FILE *out, const struct report_input *input, const size_t sides[static 2],
                       struct err *err)
{
    const struct report_item *a = &input->items[sides[0]], *b = &input->items[sides[1]];
    struct table rows = {0}, notes = {0};
    int rc = 0;
    for (size_t i = 0; !rc && i < input->item_count; i++) {
        const struct report_item *item = &input->items[i];
        const char *cell = item->result->plan->cell;
        bool of_a = grid_same_run(item, a), of_b = grid_same_run(item, b);
        if (!cell || of_a == of_b) /* or both are of runs that nobody told apart */
            continue;
        const struct report_item *twin = find_twin(input, of_a ? b : a, cell);
        if (twin && of_a)
            rc = compare_cell(item, twin, &rows, &notes, err);
        else if (!twin)
            note_cell(&notes, cell, of_a ? "is in A alone" : "is in B alone");
    }
    if (!rc)
        rc = write_part(out, "Cells, B against A", &rows, err);
    if (!rc && rows.column_count > 0)
        (void)fputs("<p class=\"note\">Each cell by itself: words are corrected for the figures "
                    "of a cell, not for the number of cells.</p>\n",
                    out);
    if (!rc)
        rc = write_part(out, rows.column_count ? NULL : "Cells", &notes, err);
    table_fini(&rows);
    table_fini(&notes);
    return rc;
}

int html_comparison(FILE *out, const struct report_input *input, const size_t sides[static 2],
                    bool *made, struct err *err)
{
    const struct report_item *a = &input->items[sides[0]], *b = &input->items[sides[1]];
    struct pair pair;
    int rc = pair_open(&pair, a, b, err);
    *made = pair.comparison; /* else two results like any others */
    if (*made)
        rc = write_comparison(out, pair.comparison, a, b, err);
    if (!rc && *made)
        rc = write_cells(out, input, sides, err);
    if (!rc && *made)
        write_plots(out, sides);
    pair_close(&pair);
    return rc;
}

int html_gate(FILE *out, const struct comparison *comparison, struct err *err)
{
    char text[600];
    enum tone tone;
    (void)fputs("<h2>", out);
    int rc = html_text(out, comparison->b->scenario, err);
    (void)fputs("</h2>\n<p class=\"question\">", out);
    for (int second = 0; second < 2 && !rc; second++) {
        content_comparison_side(comparison, second != 0, text, sizeof(text));
        rc = html_text(out, text, err);
        (void)fputs(second ? "" : "<br>", out);
    }
    (void)content_comparison_outcome(comparison, text, sizeof(text), &tone);
    (void)fprintf(out, "</p>\n<p class=\"outcome %s\">", html_tone(tone));
    if (!rc)
        rc = html_text(out, text, err);
    (void)fputs("</p>\n", out);
    return rc ? rc : write_tables(out, comparison, NULL, err);
}
