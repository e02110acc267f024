/* SPDX-License-Identifier: MIT */
/* markdown.c - the same report for job summaries and published pages. */
#include "report/content.h"
#include "report/distributions.h"
#include "report/grid.h"
#include "report/over_time.h"
#include "report/report.h"

#include <errno.h>
#include <stdlib.h>

/* What a job summary takes is 1 MiB; the rest is for the line about what was left out. */
enum { PAGE_BYTES_MAX = (1 << 20) - 512 };

static int write_section(FILE *out, const char *title, struct table *table, struct err *err)
{
    int rc = 0;
    if (table_rows(table) > 0 || table->failed) {
        (void)fprintf(out, "\n### %s\n\n", title);
        rc = table_write_markdown(table, out, err);
    }
    table_fini(table);
    return rc;
}

static int write_variants(const struct result *result, const struct judgement *judgement, FILE *out,
                          struct err *err)
{
    struct table table = {0};
    struct content_notes notes = {0};
    int rc = content_variants(result, judgement, &table, &notes, err);
    if (!rc)
        rc = table_write_markdown(&table, out, err);
    table_fini(&table);
    (void)fputs("\nMedian of the valid rounds ± half their range; ratios of pairs "
                "[95 % interval].\n",
                out);
    for (size_t i = 0; !rc && i < notes.count; i++) {
        char text[160];
        (void)fprintf(out, "%s  \n", content_note(&notes, i, text, sizeof(text)));
    }
    return rc;
}

static int write_result(const struct result *result, const struct judgement *judgement, FILE *out,
                        struct err *err)
{
    struct table expects = {0}, invariants = {0}, claims = {0}, validity = {0}, curves = {0};
    struct table over_time = {0}, distributions = {0}, faults = {0};
    char text[400];
    enum tone tone;
    (void)fputs("## ", out);
    table_write_plain(out, result->plan->title);
    (void)fputs("\n\n", out);
    table_write_plain(out, result->plan->question ? result->plan->question : "");
    (void)fputs("\n\n", out);
    int rc = write_variants(result, judgement, out, err);
    content_conditions(result, judgement->expects, judgement->expect_count, &expects);
    content_conditions(result, judgement->invariants, judgement->invariant_count, &invariants);
    content_claims(judgement, &claims);
    if (!rc)
        rc = content_faults(result, &faults, err);
    if (!rc)
        rc = write_section(out, "Faults, in the median of the valid rounds", &faults, err);
    if (!rc)
        rc = content_over_time(result, &over_time, err);
    if (!rc)
        rc = write_section(out, "Over time, in the median round", &over_time, err);
    if (!rc)
        rc = content_distributions(result, &distributions, err);
    if (!rc)
        rc = write_section(out, "Histograms, of all valid rounds", &distributions, err);
    if (!rc)
        rc = write_section(out, "Expectations", &expects, err);
    if (!rc)
        rc = write_section(out, "Invariants", &invariants, err);
    if (!rc)
        rc = write_section(out, "Claims", &claims, err);
    content_curves(result, &curves);
    if (!rc)
        rc = write_section(out, "Search", &curves, err);
    if (!rc)
        rc = content_validity(result, judgement, &validity, err);
    if (!rc)
        rc = write_section(out, "Validity", &validity, err);
    table_fini(&expects);
    table_fini(&invariants);
    table_fini(&claims);
    table_fini(&validity);
    table_fini(&curves);
    table_fini(&faults);
    table_fini(&over_time);
    table_fini(&distributions);
    if (!rc)
        (void)fprintf(out, "\n**%s**\n",
                      content_outcome(result, judgement, text, sizeof(text), &tone));
    return rc;
}

static int write_grids(const struct report_input *input, FILE *out, struct err *err)
{
    struct table table = {0};
    char title[400];
    int rc = 0;
    for (size_t i = 0; !rc && grid_table(input, i, &table, title, sizeof(title), &rc, err); i++) {
        if (!rc)
            rc = write_section(out, title, &table, err);
        table_fini(&table);
        table = (struct table){0};
    }
    return rc;
}

/* Results that would not fit any more are counted instead: a page that is too long is not shown at
 * all. */
static int markdown_format(const struct report_input *input, FILE *out, struct err *err)
{
    size_t written_bytes = 0, left_out = 0;
    int rc = 0;
    for (size_t i = 0; i < input->item_count && !rc; i++) {
        char *text = NULL;
        size_t length = 0;
        if (!grid_is_apart(input, i))
            continue;
        FILE *page = open_memstream(&text, &length);
        if (!page)
            return err_sys(err, -ENOMEM, "write Markdown");
        rc = write_result(input->items[i].result, input->items[i].judgement, page, err);
        if (fclose(page) && !rc)
            rc = err_sys(err, -ENOMEM, "write Markdown");
        if (!rc && written_bytes + length <= PAGE_BYTES_MAX) {
            (void)fprintf(out, "%s%s", written_bytes ? "\n" : "", text);
            written_bytes += length + 1;
        } else {
            left_out++;
        }
        free(text);
    }
    if (left_out)
        (void)fprintf(out, "\n*%zu of %zu results are left out: a page holds 1 MiB.*\n", left_out,
                      input->item_count);
    return rc ? rc : write_grids(input, out, err);
}

const struct report_format report_markdown = {
    .name = "markdown",
    .extension = "md",
    .summary = "for CI job summaries and published pages",
    .write = markdown_format,
};
