/* SPDX-License-Identifier: MIT */
/* markdown.c - the same report for job summaries and published pages. */
#include "report/content.h"
#include "report/distributions.h"
#include "report/environment.h"
#include "report/grid.h"
#include "report/over_time.h"
#include "report/report.h"
#include "report/whole_file.h"

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

static int write_environment(const struct report_item *item, FILE *out, struct err *err)
{
    struct table table = {0};
    content_environment(&(struct report_input){.items = item, .item_count = 1}, false, &table);
    return write_section(out, "Environment", &table, err);
}

static int write_result(const struct report_item *item, FILE *out, struct err *err)
{
    const struct result *result = item->result;
    const struct judgement *judgement = item->judgement;
    struct table expects = {0}, invariants = {0}, claims = {0}, validity = {0}, curves = {0};
    struct table over_time = {0}, distributions = {0}, faults = {0};
    char text[400];
    enum tone tone;
    (void)fputs("## ", out);
    table_write_plain(out, result->plan->title);
    (void)fputs("\n\n", out);
    table_write_plain(out, result->plan->question ? result->plan->question : "");
    (void)fputs("\n\n**", out);
    table_write_plain(out, content_outcome(result, judgement, text, sizeof(text), &tone));
    (void)fputs("**\n\n", out);
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
    return rc ? rc : write_environment(item, out, err);
}

/* A page as far as it is written. What would not fit any more is counted instead: a page that is
 * too long is not shown at all. */
struct page {
    FILE *out;
    size_t written_bytes, left_out;
};

/* Takes text, which write has filled, onto the page, or leaves it out. */
static int page_add(struct page *page, const char *gap, whole_file_fn *write, const void *arg,
                    struct err *err)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return err_sys(err, -ENOMEM, "write Markdown");
    int rc = write(arg, out, err);
    if (fclose(out) && !rc)
        rc = err_sys(err, -ENOMEM, "write Markdown");
    if (!rc && page->written_bytes + length + 1 <= PAGE_BYTES_MAX) {
        (void)fprintf(page->out, "%s%s", page->written_bytes ? gap : "", text);
        page->written_bytes += length + 1;
    } else {
        page->left_out++;
    }
    free(text);
    return rc;
}

/* One of the items. */
struct place {
    const struct report_input *input;
    size_t item;
};

static int write_item(const void *arg, FILE *out, struct err *err)
{
    const struct place *place = arg;
    struct report_opened opened;
    int rc = report_open(place->input, place->item, &opened, err);
    if (!rc)
        rc = write_result(&opened.item, out, err);
    report_close(place->input, &opened);
    return rc;
}

static int write_part(const void *arg, FILE *out, struct err *err)
{
    const struct grid_part *part = arg;
    if (!part->outcome)
        return write_section(out, part->title, part->table, err);
    (void)fprintf(out, "\n### %s\n\n**%s**\n\n", part->title, part->outcome->text);
    return table_rows(part->table) ? table_write_markdown(part->table, out, err) : 0;
}

static int write_grid_part(void *arg, const struct grid_part *part, struct err *err)
{
    return page_add(arg, "", write_part, part, err);
}

static int markdown_format(const struct report_input *input, FILE *out, struct err *err)
{
    struct page page = {.out = out};
    int rc = 0;
    for (size_t i = 0; i < input->item_count && !rc; i++)
        if (grid_is_apart(input, i))
            rc = page_add(&page, "\n", write_item, &(struct place){input, i}, err);
    size_t results = page.left_out;
    if (!rc)
        rc = grid_write(input, write_grid_part, &page, err);
    if (results)
        (void)fprintf(out, "\n*%zu of %zu results are left out: a page holds 1 MiB.*\n", results,
                      input->item_count);
    if (page.left_out > results)
        (void)fprintf(out, "\n*%zu tables of grids are left out: a page holds 1 MiB.*\n",
                      page.left_out - results);
    return rc;
}

const struct report_format report_markdown = {
    .name = "markdown",
    .extension = "md",
    .summary = "for CI job summaries and published pages",
    .by_item = true,
    .write = markdown_format,
};
