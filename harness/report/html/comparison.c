/* SPDX-License-Identifier: MIT */
/* comparison.c - what a page of two runs of one scenario says first: what the second did otherwise,
 * with the curves of both in one. */
#include "report/compare.h"
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

static int write_head(FILE *out, const struct comparison *comparison,
                      const struct report_item *items, struct err *err)
{
    char text[400];
    enum tone tone;
    (void)fputs("<h1>", out);
    int rc = html_text(out, comparison->b->scenario, err);
    (void)fputs("</h1>\n<p class=\"question\">", out);
    if (!rc)
        rc = write_side(out, "A", &items[0], err);
    (void)fputs("<br>", out);
    if (!rc)
        rc = write_side(out, "B", &items[1], err);
    (void)fputs("</p>\n", out);
    if (rc)
        return rc;
    (void)content_comparison_outcome(comparison, text, sizeof(text), &tone);
    (void)fprintf(out, "<p class=\"outcome %s\">", html_tone(tone));
    rc = html_text(out, text, err);
    (void)fputs("</p>\n", out);
    return rc;
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
                            const struct report_item *items, struct err *err)
{
    int rc = write_head(out, comparison, items, err);
    if (!rc)
        rc = write_tables(out, comparison, "B against A", err);
    if (html_plots_by[0])
        (void)fputs("<h3>Both</h3>\n<p class=\"note\">Solid: A; dashed: B. What is expected is "
                    "A's.</p>\n<section class=\"plots\" data-from=\"data-0 data-1\"><noscript><p "
                    "class=\"note\">The plots need scripts.</p></noscript></section>\n",
                    out);
    return rc;
}

int html_comparison(FILE *out, const struct report_item *items, bool *made, struct err *err)
{
    struct sheet *a = NULL, *b = NULL;
    struct comparison *comparison = NULL;
    struct err refused = {0};
    *made = false;
    int rc = sheet_create(items[0].result, items[0].judgement, NULL, items[0].name, &a, &refused);
    if (!rc)
        rc = sheet_create(items[1].result, items[1].judgement, NULL, items[1].name, &b, &refused);
    if (!rc)
        rc = comparison_create(a, b, NULL, &comparison, &refused);
    if (rc == -EINVAL || rc == -ENOENT) { /* nothing to compare: two results like any others */
        rc = 0;
    } else if (rc) {
        *err = refused;
    } else {
        *made = true;
        rc = write_comparison(out, comparison, items, err);
    }
    comparison_destroy(comparison);
    sheet_destroy(a);
    sheet_destroy(b);
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
