/* SPDX-License-Identifier: MIT */
/* summary.c - many results at a glance, and the format for a page of them. */
#include "report/summary.h"

#include "report/content.h"
#include "report/environment.h"
#include "report/grid.h"

#include <stdio.h>

size_t summary_count(const struct report_input *input)
{
    size_t count = 0;
    for (size_t i = 0; i < input->item_count; i++)
        count += grid_is_apart(input, i);
    return count;
}

char *summary_held(const struct judged_condition *conditions, size_t count, char *text,
                   size_t size_bytes)
{
    size_t held = 0;
    for (size_t i = 0; i < count; i++)
        held += conditions[i].verdict == VERDICT_PASS;
    if (count)
        (void)snprintf(text, size_bytes, "%zu of %zu", held, count);
    else
        (void)snprintf(text, size_bytes, "–");
    return text;
}

char *summary_upheld(const struct judgement *judgement, char *text, size_t size_bytes)
{
    size_t figures = 0, upheld = 0;
    for (size_t i = 0; i < judgement->claim_count; i++) {
        enum claim_word word = judgement->claims[i].word;
        figures += word != CLAIM_NO_COUNTERPART;
        upheld += word == CLAIM_CONFIRMED || word == CLAIM_SAME_DIRECTION;
    }
    if (figures)
        (void)snprintf(text, size_bytes, "%zu of %zu", upheld, figures);
    else
        (void)snprintf(text, size_bytes, "–");
    return text;
}

/* A row a grid, in the columns of summary_scenarios: what its cells come to. */
static void summary_grids(const struct report_input *input, struct table *table)
{
    struct grid_outcome outcome;
    for (size_t i = 0; grid_outcome(input, i, &outcome); i++) {
        table_cell(table, TONE_PLAIN, "%s", outcome.title);
        table_cell(table, outcome.tone, "%s", outcome.text);
        for (size_t column = 2; column < table->column_count; column++)
            table_cell(table, TONE_QUIET, "–");
    }
}

void summary_scenarios(const struct report_input *input, struct table *table)
{
    table_column(table, TABLE_LEFT, "scenario");
    table_column(table, TABLE_WRAP, "outcome");
    table_column(table, TABLE_RIGHT, "expectations");
    table_column(table, TABLE_RIGHT, "invariants");
    table_column(table, TABLE_RIGHT, "claims upheld");
    for (size_t i = 0; i < input->item_count; i++) {
        const struct report_item *item = &input->items[i];
        char text[400];
        enum tone tone;
        if (!grid_is_apart(input, i))
            continue;
        table_cell(table, TONE_PLAIN, "%s", item->result->plan->title);
        content_outcome(item->result, item->judgement, text, sizeof(text), &tone);
        table_cell(table, tone, "%s", text);
        table_cell(table, TONE_PLAIN, "%s",
                   summary_held(item->judgement->expects, item->judgement->expect_count, text,
                                sizeof(text)));
        table_cell(table, TONE_PLAIN, "%s",
                   summary_held(item->judgement->invariants, item->judgement->invariant_count, text,
                                sizeof(text)));
        table_cell(table, TONE_PLAIN, "%s", summary_upheld(item->judgement, text, sizeof(text)));
    }
    summary_grids(input, table);
}

void summary_claims(const struct report_input *input, struct table *table)
{
    table_column(table, TABLE_LEFT, "scenario");
    content_claim_heads(table);
    for (size_t i = 0; i < input->item_count; i++) {
        const struct report_item *item = &input->items[i];
        for (size_t j = 0; j < item->judgement->claim_count; j++) {
            table_cell(table, TONE_PLAIN, "%s", item->result->plan->title);
            content_claim(&item->judgement->claims[j], table);
        }
    }
}

static int write_table(FILE *out, const char *title,
                       void (*fill)(const struct report_input *, struct table *),
                       const struct report_input *input, struct err *err)
{
    struct table table = {0};
    int rc = 0;
    fill(input, &table);
    if (table_rows(&table) > 0 || table.failed) {
        (void)fprintf(out, "## %s\n\n", title);
        rc = table_write_markdown(&table, out, err);
        (void)fputc('\n', out);
    }
    table_fini(&table);
    return rc;
}

static void summary_environment(const struct report_input *input, struct table *table)
{
    content_environment(input, false, table);
}

static int summary_format(const struct report_input *input, FILE *out, struct err *err)
{
    int rc = write_table(out, "Scenarios", summary_scenarios, input, err);
    if (!rc)
        rc = write_table(out, "Claims", summary_claims, input, err);
    return rc ? rc : write_table(out, "Environment", summary_environment, input, err);
}

const struct report_format report_summary = {
    .name = "summary",
    .extension = "md",
    .summary = "what each of several results came to, and all their claims, as Markdown tables",
    .by_item = true,
    .write = summary_format,
};
