/* SPDX-License-Identifier: MIT */
/* compare_table.c - puts a comparison into words and cells. */
#include "report/compare.h"

#include "report/content.h"
#include "report/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 200 };

static const char *label_of(const struct comparison *comparison, bool second)
{
    const struct compare_options *options = comparison->options;
    const char *label = options ? (second ? options->label_b : options->label_a) : NULL;
    return label ? label : second ? "B" : "A";
}

static void value_text(const struct compared *row, double value, char *text, size_t size_bytes)
{
    if (!row->shift)
        (void)content_ratio(value, text, size_bytes);
    else if (row->a->unit == METRIC_SHARE)
        (void)snprintf(text, size_bytes, "%+.3g points", value * 100);
    else
        (void)metric_format(text, size_bytes, row->a->unit, value);
}

/* "1.08 [1.05, 1.12]", a difference with its sign, or the value alone. */
static char *estimate_text(const struct compared *row, char *text, size_t size_bytes)
{
    char value[48], low[48], high[48];
    if (!row->estimated || row->needs) {
        (void)snprintf(text, size_bytes, "–");
        return text;
    }
    value_text(row, row->estimate.value, value, sizeof(value));
    value_text(row, row->estimate.low, low, sizeof(low));
    value_text(row, row->estimate.high, high, sizeof(high));
    if (row->estimate.bounded)
        (void)snprintf(text, size_bytes, "%s [%s, %s]", value, low, high);
    else
        (void)snprintf(text, size_bytes, "%s", value);
    return text;
}

/* Of a figure with a limit, as one of all that have one: what the gate could have seen. */
static char *detectable_text(const struct compared *row, char *text, size_t size_bytes)
{
    bool limited = !isnan(row->limit_p_holm);
    double detectable = limited ? row->limit_detectable : row->estimate.detectable;
    if (!row->estimated || row->needs || !row->estimate.bounded || isinf(detectable))
        (void)snprintf(text, size_bytes, "–");
    else if (isnan(detectable))
        (void)snprintf(text, size_bytes, "nothing");
    else if (row->shift)
        value_text(row, detectable, text, size_bytes);
    else
        (void)snprintf(text, size_bytes, "%.2g %%", detectable * 100);
    return text;
}

static void level_cell(struct table *table, const struct sheet_figure *figure, double level,
                       bool few)
{
    char text[TEXT_BYTES];
    if (few || !figure)
        table_cell(table, TONE_QUIET, "%s", few ? "few" : "–");
    else
        table_cell(table, TONE_PLAIN, "%s", metric_format(text, sizeof(text), figure->unit, level));
}

/* "✔ pass: +10 %", as far as it may go. */
static void gate_cell(struct table *table, const struct compared *row)
{
    static const char *const marks[] = {
        [GATE_NONE] = "–",    [GATE_PASS] = "✔", [GATE_UNSURE] = "?",
        [GATE_INVALID] = "✘", [GATE_FAIL] = "✘",
    };
    static const enum tone tones[] = {
        [GATE_NONE] = TONE_QUIET,  [GATE_PASS] = TONE_GOOD, [GATE_UNSURE] = TONE_UNSURE,
        [GATE_INVALID] = TONE_BAD, [GATE_FAIL] = TONE_BAD,
    };
    if (isnan(row->limit)) {
        table_cell(table, TONE_QUIET, "–");
        return;
    }
    table_cell(table, tones[row->gate], "%s %s (%s%.4g %s)", marks[row->gate], gate_word(row->gate),
               row->a->better == METRIC_MORE ? "−" : "+", row->limit * 100,
               row->a->unit == METRIC_SHARE ? "points" : "%");
}

static bool any_limit(const struct comparison *comparison)
{
    for (size_t i = 0; i < comparison->row_count; i++)
        if (!isnan(comparison->rows[i].limit))
            return true;
    return false;
}

/* "QPS" for qps, "steady.p99" as it is. */
static const char *path_label(const char *path)
{
    for (int i = 0; i < METRIC_BUILTIN_COUNT; i++)
        if (strcmp(metric_builtin[i].name, path) == 0)
            return content_metric_label(metric_builtin, i);
    return path;
}

static void comparison_columns(const struct comparison *comparison, struct table *table)
{
    const char *a = label_of(comparison, false), *b = label_of(comparison, true);
    table_column(table, TABLE_LEFT, "variant");
    table_column(table, TABLE_LEFT, "metric");
    table_column(table, TABLE_RIGHT, "%s", a);
    table_column(table, TABLE_RIGHT, "%s", b);
    table_column(table, TABLE_LEFT, "%s / %s", b, a);
    table_column(table, TABLE_LEFT, "verdict");
    table_column(table, TABLE_RIGHT, "detectable");
    if (any_limit(comparison))
        table_column(table, TABLE_LEFT, "limit");
}

static void comparison_rows(const struct comparison *comparison, const char *cell,
                            struct table *table)
{
    bool limits = any_limit(comparison);
    char text[TEXT_BYTES];
    for (size_t i = 0; i < comparison->row_count; i++) {
        const struct compared *row = &comparison->rows[i];
        if (cell)
            table_cell(table, TONE_STRONG, "%s", cell);
        table_cell(table, TONE_STRONG, "%s", row->variant->name);
        table_cell(table, TONE_PLAIN, "%s", path_label(row->a->path));
        level_cell(table, row->a, row->level_a, row->a->least < row->a->needs);
        level_cell(table, row->b, row->level_b, row->b && row->b->least < row->b->needs);
        table_cell(table, TONE_PLAIN, "%s", estimate_text(row, text, sizeof(text)));
        table_cell(table, content_tone(row->verdict), "%s", stats_verdict_word(row->verdict));
        table_cell(table, TONE_PLAIN, "%s", detectable_text(row, text, sizeof(text)));
        if (limits)
            gate_cell(table, row);
    }
}

void content_comparison(const struct comparison *comparison, struct table *table)
{
    comparison_columns(comparison, table);
    comparison_rows(comparison, NULL, table);
}

void content_comparison_cell(const struct comparison *comparison, const char *cell,
                             struct table *table)
{
    if (table->column_count == 0) {
        table_column(table, TABLE_LEFT, "cell");
        comparison_columns(comparison, table);
    }
    comparison_rows(comparison, cell, table);
}

void content_comparison_notes(const struct comparison *comparison, struct table *table)
{
    table_column(table, TABLE_LEFT, "%s", "");
    table_column(table, TABLE_WRAP, "%s", "");
    for (size_t i = 0; i < comparison->row_count; i++) {
        const struct compared *row = &comparison->rows[i];
        if (!row->note[0])
            continue;
        table_cell(table, TONE_QUIET, "%s, %s:", row->variant->name, path_label(row->a->path));
        table_cell(table, TONE_QUIET, "%s", row->note);
    }
}

void content_remarks(const struct comparison *comparison, struct table *table)
{
    table_column(table, TABLE_LEFT, "%s", "");
    table_column(table, TABLE_WRAP, "%s", "");
    for (size_t i = 0; i < comparison->remark_count; i++) {
        const struct compare_remark *remark = &comparison->remarks[i];
        table_cell(table, remark->grave ? TONE_BAD : TONE_QUIET, "%s", remark->grave ? "!" : "·");
        table_cell(table, remark->grave ? TONE_BAD : TONE_PLAIN, "%s", remark->text);
    }
}

/* ---- In one line ----------------------------------------------------------------------------- */

static size_t count_verdicts(const struct comparison *comparison, enum stats_verdict verdict)
{
    size_t count = 0;
    for (size_t i = 0; i < comparison->row_count; i++)
        count += comparison->rows[i].verdict == verdict;
    return count;
}

/* "p99 of pooled, qps of arena" of the rows with a word. */
static void name_rows(const struct comparison *comparison, enum gate_word word, char *text,
                      size_t size_bytes)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < comparison->row_count && used + 40 < size_bytes; i++)
        if (comparison->rows[i].gate == word)
            used += (size_t)snprintf(text + used, size_bytes - used, "%s%.60s of %.60s",
                                     used ? ", " : "", comparison->rows[i].a->path,
                                     comparison->rows[i].variant->name);
}

static const char *first_reason(const struct comparison *comparison)
{
    for (size_t i = 0; i < comparison->row_count; i++)
        if (comparison->rows[i].gate == GATE_INVALID && comparison->remark_count > 0 &&
            comparison->remarks[0].grave)
            return comparison->remarks[0].text;
    for (size_t i = 0; i < comparison->row_count; i++)
        if (comparison->rows[i].gate == GATE_INVALID)
            return comparison->rows[i].note;
    return "";
}

static void verdicts_text(const struct comparison *comparison, char *text, size_t size_bytes)
{
    static const enum stats_verdict order[] = {STATS_WORSE, STATS_BETTER, STATS_EQUIVALENT,
                                               STATS_INCONCLUSIVE, STATS_NO_VERDICT};
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++) {
        size_t count = count_verdicts(comparison, order[i]);
        if (count > 0 && used + 40 < size_bytes)
            used += (size_t)snprintf(text + used, size_bytes - used, "%s%zu %s", used ? ", " : "",
                                     count, stats_verdict_word(order[i]));
    }
}

char *content_comparison_outcome(const struct comparison *comparison, char *text, size_t size_bytes,
                                 enum tone *tone)
{
    static const enum tone tones[] = {
        [GATE_NONE] = TONE_PLAIN,  [GATE_PASS] = TONE_GOOD, [GATE_UNSURE] = TONE_UNSURE,
        [GATE_INVALID] = TONE_BAD, [GATE_FAIL] = TONE_BAD,
    };
    char words[TEXT_BYTES];
    *tone = tones[comparison->gate];
    switch (comparison->gate) {
    case GATE_NONE:
        verdicts_text(comparison, text, size_bytes);
        break;
    case GATE_PASS:
        (void)snprintf(text, size_bytes, "✔ no limit is passed, as is shown");
        break;
    case GATE_UNSURE:
        name_rows(comparison, GATE_UNSURE, words, sizeof(words));
        (void)snprintf(text, size_bytes, "? no regression beyond a limit is shown; undecided: %s",
                       words);
        break;
    case GATE_INVALID:
        (void)snprintf(text, size_bytes, "✘ not to be believed: %s", first_reason(comparison));
        break;
    case GATE_FAIL:
        name_rows(comparison, GATE_FAIL, words, sizeof(words));
        (void)snprintf(text, size_bytes, "✘ worse by more than the limit: %s", words);
        break;
    }
    return text;
}

/* ---- As a whole ------------------------------------------------------------------------------ */

void content_comparison_side(const struct comparison *comparison, bool second, char *text,
                             size_t size_bytes)
{
    const struct sheet *sheet = second ? comparison->b : comparison->a;
    const struct result_environment *environment = &sheet->environment;
    char commit[13];
    (void)snprintf(commit, sizeof(commit), "%.12s", environment->commit);
    if (sheet->program) /* what it was built from is its own affair */
        (void)snprintf(text, size_bytes, "%s: %.300s", label_of(comparison, second),
                       sheet->program);
    else
        (void)snprintf(text, size_bytes, "%s: %.300s%s%s%s%s%s", label_of(comparison, second),
                       sheet->origin, environment->started[0] ? ", " : "", environment->started,
                       commit[0] ? ", commit " : "", commit,
                       environment->dirty ? " with changes" : "");
    (void)text_clean(text);
}

int comparison_write(const struct comparison *comparison, FILE *out,
                     const struct table_style *style, struct err *err)
{
    struct table remarks = {0}, table = {0}, notes = {0};
    char text[600];
    enum tone tone;
    tone_write(out, TONE_STRONG, style->color, comparison->b->scenario,
               strlen(comparison->b->scenario));
    for (int second = 0; second < 2; second++) {
        content_comparison_side(comparison, second != 0, text, sizeof(text));
        (void)fprintf(out, "\n%s", text);
    }
    (void)fputs("\n", out);
    content_remarks(comparison, &remarks);
    int rc = table_rows(&remarks) > 0 ? table_write(&remarks, out, style, err) : 0;
    (void)fputc('\n', out);
    content_comparison(comparison, &table);
    if (!rc)
        rc = table_write(&table, out, style, err);
    content_comparison_notes(comparison, &notes);
    if (!rc && table_rows(&notes) > 0)
        rc = table_write(&notes, out, style, err);
    (void)fputc('\n', out);
    content_comparison_outcome(comparison, text, sizeof(text), &tone);
    tone_write(out, tone, style->color, text, strlen(text));
    (void)fputc('\n', out);
    table_fini(&remarks);
    table_fini(&table);
    table_fini(&notes);
    return rc;
}

/* As a list: an item each, in bold when grave. */
static void write_item(FILE *out, const char *text, bool grave)
{
    (void)fputs(grave ? "- **" : "- ", out);
    table_write_plain(out, text);
    (void)fputs(grave ? "**\n" : "\n", out);
}

static void write_notes(FILE *out, const struct comparison *comparison)
{
    char text[600];
    for (size_t i = 0; i < comparison->row_count; i++) {
        const struct compared *row = &comparison->rows[i];
        (void)snprintf(text, sizeof(text), "%.100s, %.100s: %s", row->variant->name,
                       path_label(row->a->path), row->note);
        if (row->note[0])
            write_item(out, text, false);
    }
}

int comparison_write_markdown(const struct comparison *comparison, FILE *out, struct err *err)
{
    struct table table = {0};
    char text[600];
    enum tone tone;
    (void)fputs("## ", out);
    table_write_plain(out, comparison->b->scenario);
    (void)fputs("\n\n", out);
    for (int second = 0; second < 2; second++) {
        content_comparison_side(comparison, second != 0, text, sizeof(text));
        write_item(out, text, false);
    }
    for (size_t i = 0; i < comparison->remark_count; i++)
        write_item(out, comparison->remarks[i].text, comparison->remarks[i].grave);
    (void)fputc('\n', out);
    content_comparison(comparison, &table);
    int rc = table_write_markdown(&table, out, err);
    table_fini(&table);
    (void)fputc('\n', out);
    write_notes(out, comparison);
    (void)fputs("\n**", out);
    table_write_plain(out, content_comparison_outcome(comparison, text, sizeof(text), &tone));
    (void)fputs("**\n", out);
    return rc;
}
