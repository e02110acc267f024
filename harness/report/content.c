/* SPDX-License-Identifier: MIT */
/* content.c - puts results and judgements into words and cells. */
#include "report/content.h"

#include "core/param.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_BYTES = 160 };

static const char *const superscripts[] = {"¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸"};

const char *content_metric_label(const struct metric *metrics, int metric)
{
    switch (metric) {
    case METRIC_QPS:
        return "QPS";
    case METRIC_P50:
        return "P50";
    case METRIC_P90:
        return "P90";
    case METRIC_P95:
        return "P95";
    case METRIC_P99:
        return "P99";
    case METRIC_P999:
        return "P99.9";
    case METRIC_TIME_PER_OP:
        return "time/op";
    case METRIC_CPU_PER_OP:
        return "CPU/op";
    default:
        return metrics[metric].name;
    }
}

/* 100,000. */
static char *digits_text(uint64_t value, char *text, size_t size_bytes)
{
    char digits[24];
    size_t length = (size_t)snprintf(digits, sizeof(digits), "%llu", (unsigned long long)value);
    size_t used = 0;
    for (size_t i = 0; i < length && used + 2 < size_bytes; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            text[used++] = ',';
        text[used++] = digits[i];
    }
    text[used] = '\0';
    return text;
}

char *content_ratio(double value, char *text, size_t size_bytes)
{
    double magnitude = fabs(value);
    int decimals = magnitude < 0.9995 ? 3 : magnitude < 9.995 ? 2 : magnitude < 99.95 ? 1 : 0;
    if (isfinite(value))
        (void)snprintf(text, size_bytes, "%.*f", decimals, value);
    else
        (void)metric_format(text, size_bytes, METRIC_NUMBER, value);
    return text;
}

/* A mark for a percentile that wants more requests than there were, or values. */
static const char *note_mark(struct content_notes *notes, const struct metric *metrics, int metric,
                             uint64_t needs, uint64_t least)
{
    const char *of = metric < METRIC_BUILTIN_COUNT ? "requests" : "values";
    size_t at = 0;
    while (at < notes->count && (notes->needs[at] != needs || notes->of[at] != of))
        at++;
    if (at == sizeof(notes->needs) / sizeof(*notes->needs))
        return "";
    if (at == notes->count) {
        notes->needs[at] = needs;
        notes->least[at] = least;
        notes->names[at] = content_metric_label(metrics, metric);
        notes->of[at] = of;
        notes->count++;
    }
    notes->least[at] = least < notes->least[at] ? least : notes->least[at];
    return superscripts[at];
}

char *content_note(const struct content_notes *notes, size_t index, char *text, size_t size_bytes)
{
    char needs[32], least[32];
    (void)snprintf(text, size_bytes, "%s %s wants %s %s a round; the fewest were %s",
                   superscripts[index], notes->names[index],
                   digits_text(notes->needs[index], needs, sizeof(needs)), notes->of[index],
                   digits_text(notes->least[index], least, sizeof(least)));
    return text;
}

/* Half of the range from the lowest to the highest round, relative to the median. */
static void spread_text(const struct judged_level *level, char *text, size_t size_bytes)
{
    double percent = 100 * (level->high - level->low) / 2 / level->median;
    text[0] = '\0';
    if (level->used > 1 && level->median > 0 && percent >= 0.05 && isfinite(percent))
        (void)snprintf(text, size_bytes, " ±%.*f %%", percent < 0.95 ? 1 : 0, percent);
}

static int level_cell(const struct result *result, size_t variant, int metric, struct table *table,
                      struct content_notes *notes, struct err *err)
{
    struct judged_level level;
    int rc = judgement_level(result, variant, EXPR_WHOLE_ROUND, metric, &level, err);
    if (rc)
        return rc;
    if (level.needs) {
        table_cell(
            table, TONE_QUIET, "few %s",
            note_mark(notes, result->plan->metrics, metric, level.needs, level.requests_least));
        return 0;
    }
    char value[TEXT_BYTES], spread[32];
    spread_text(&level, spread, sizeof(spread));
    metric_format(value, sizeof(value), result->plan->metrics[metric].unit, level.median);
    table_cell(table, TONE_PLAIN, "%s%s", value, spread);
    return 0;
}

static void figure_text(const struct measured *measured, double value, char *text,
                        size_t size_bytes)
{
    if (measured->ratio)
        (void)content_ratio(value, text, size_bytes);
    else
        (void)metric_format(text, size_bytes, measured->unit, value);
}

char *content_measured(const struct measured *measured, char *text, size_t size_bytes)
{
    const struct stats_estimate *estimate = &measured->estimate;
    char value[48], low[48], high[48];
    figure_text(measured, measured->used ? estimate->value : NAN, value, sizeof(value));
    figure_text(measured, estimate->low, low, sizeof(low));
    figure_text(measured, estimate->high, high, sizeof(high));
    if (estimate->bounded && !measured->exact)
        (void)snprintf(text, size_bytes, "%s [%s, %s]", value, low, high);
    else
        (void)snprintf(text, size_bytes, "%s", value);
    return text;
}

enum tone content_tone(enum stats_verdict verdict)
{
    switch (verdict) {
    case STATS_BETTER:
        return TONE_GOOD;
    case STATS_WORSE:
        return TONE_BAD;
    case STATS_INCONCLUSIVE:
        return TONE_UNSURE;
    default:
        return TONE_QUIET;
    }
}

static void versus_cell(const struct judgement *judgement, size_t variant, int metric,
                        struct table *table, struct content_notes *notes)
{
    const struct judged_versus *found = NULL;
    char text[TEXT_BYTES];
    for (size_t i = 0; i < judgement->versus_count; i++)
        if (judgement->versus[i].variant == variant && judgement->versus[i].metric == metric)
            found = &judgement->versus[i];
    if (!found)
        table_cell(table, TONE_QUIET, "%s", variant == 0 ? "1" : "–");
    else if (found->measured.needs)
        table_cell(table, TONE_QUIET, "few %s",
                   note_mark(notes, metric_builtin, metric, found->measured.needs, UINT64_MAX));
    else
        table_cell(table, content_tone(found->verdict), "%s %s",
                   content_measured(&found->measured, text, sizeof(text)),
                   stats_verdict_word(found->verdict));
}

/* Whether a shown metric stands in the table already. */
static bool is_column(const struct plan *plan, int metric)
{
    for (const int *column = plan_columns(plan); *column >= 0; column++)
        if (*column == metric)
            return true;
    return false;
}

static void variant_heads(const struct result *result, struct table *table)
{
    const struct plan *plan = result->plan;
    table_column(table, TABLE_LEFT, "variant");
    for (const int *column = plan_columns(plan); *column >= 0; column++)
        table_column(table, TABLE_RIGHT, "%s", content_metric_label(metric_builtin, *column));
    for (const int *metric = plan_compared(plan); *metric >= 0 && result->variant_count > 1;
         metric++)
        table_column(table, TABLE_LEFT, "%s / %s", content_metric_label(metric_builtin, *metric),
                     result->variants[0].name);
    for (size_t i = 0; i < plan->show_count && table->column_count < TABLE_COLUMNS_MAX; i++)
        if (!is_column(plan, plan->show[i]))
            table_column(table, TABLE_RIGHT, "%s", plan->metrics[plan->show[i]].name);
}

static int variant_row(const struct result *result, const struct judgement *judgement,
                       size_t variant, struct table *table, struct content_notes *notes,
                       struct err *err)
{
    const struct plan *plan = result->plan;
    size_t used = 1;
    int rc = 0;
    table_cell(table, TONE_STRONG, "%s", result->variants[variant].name);
    for (const int *column = plan_columns(plan); !rc && *column >= 0; column++, used++)
        rc = level_cell(result, variant, *column, table, notes, err);
    for (const int *metric = plan_compared(plan); !rc && *metric >= 0 && result->variant_count > 1;
         metric++, used++)
        versus_cell(judgement, variant, *metric, table, notes);
    for (size_t i = 0; !rc && i < plan->show_count && used < table->column_count; i++) {
        if (is_column(plan, plan->show[i]))
            continue;
        rc = level_cell(result, variant, plan->show[i], table, notes, err);
        used++;
    }
    return rc;
}

int content_variants(const struct result *result, const struct judgement *judgement,
                     struct table *table, struct content_notes *notes, struct err *err)
{
    int rc = 0;
    variant_heads(result, table);
    for (size_t v = 0; !rc && v < result->variant_count; v++)
        rc = variant_row(result, judgement, v, table, notes, err);
    return rc;
}

static void verdict_cell(enum verdict verdict, struct table *table)
{
    static const char *const marks[] = {
        [VERDICT_PASS] = "✔",
        [VERDICT_NOT_RUN] = "–",
        [VERDICT_INCONCLUSIVE] = "?",
        [VERDICT_FAIL] = "✘",
    };
    static const enum tone tones[] = {
        [VERDICT_PASS] = TONE_GOOD,
        [VERDICT_NOT_RUN] = TONE_QUIET,
        [VERDICT_INCONCLUSIVE] = TONE_UNSURE,
        [VERDICT_FAIL] = TONE_BAD,
    };
    table_cell(table, tones[verdict], "%s %s", marks[verdict], verdict_word(verdict));
}

/* The left sides of all parts, one a line. */
static void parts_cell(const struct judged_condition *condition, struct table *table)
{
    char all[8 * TEXT_BYTES] = "", text[TEXT_BYTES];
    size_t used = 0;
    for (size_t i = 0; i < condition->part_count; i++) {
        content_measured(&condition->parts[i].measured, text, sizeof(text));
        if (used + strlen(text) + 2 > sizeof(all))
            break;
        used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", i ? "\n" : "", text);
    }
    table_cell(table, TONE_PLAIN, "%s", condition->part_count ? all : "–");
}

void content_conditions(const struct result *result, const struct judged_condition *conditions,
                        size_t count, struct table *table)
{
    table_column(table, TABLE_LEFT, "verdict");
    table_column(table, TABLE_WRAP, "condition");
    table_column(table, TABLE_LEFT, "measured");
    for (size_t i = 0; i < count; i++) {
        const struct judged_condition *condition = &conditions[i];
        const char *of = condition->variant >= 0 ? result->variants[condition->variant].name : "";
        verdict_cell(condition->verdict, table);
        table_cell(table, TONE_PLAIN, "%s%s%s%s%s", of, of[0] ? ": " : "",
                   expr_text(condition->expect->expr), condition->note[0] ? "\n" : "",
                   condition->note);
        parts_cell(condition, table);
    }
}

static void claim_cell(enum claim_word word, struct table *table)
{
    static const char *const marks[] = {
        [CLAIM_NO_COUNTERPART] = "–", [CLAIM_NOT_RUN] = "–",        [CLAIM_INCONCLUSIVE] = "?",
        [CLAIM_REFUTED] = "✘",        [CLAIM_SAME_DIRECTION] = "↗", [CLAIM_CONFIRMED] = "✔",
    };
    static const enum tone tones[] = {
        [CLAIM_NO_COUNTERPART] = TONE_QUIET, [CLAIM_NOT_RUN] = TONE_QUIET,
        [CLAIM_INCONCLUSIVE] = TONE_UNSURE,  [CLAIM_REFUTED] = TONE_BAD,
        [CLAIM_SAME_DIRECTION] = TONE_GOOD,  [CLAIM_CONFIRMED] = TONE_GOOD,
    };
    table_cell(table, tones[word], "%s %s", marks[word], claim_word(word));
}

void content_claim_heads(struct table *table)
{
    table_column(table, TABLE_LEFT, "word");
    table_column(table, TABLE_WRAP, "claim");
    table_column(table, TABLE_LEFT, "published");
    table_column(table, TABLE_LEFT, "measured");
}

void content_claim(const struct judged_claim *judged, struct table *table)
{
    const struct plan_claim *claim = judged->claim;
    char text[TEXT_BYTES];
    claim_cell(judged->word, table);
    table_cell(table, TONE_PLAIN, "%s%s%s%s%s%s%s", claim->what, claim->figure ? "\n" : "",
               claim->figure ? expr_text(claim->figure) : "", claim->why ? "\n" : "",
               claim->why ? claim->why : "", judged->note[0] ? "\n" : "", judged->note);
    table_cell(table, TONE_PLAIN, "%s", claim->says ? claim->says : "–");
    table_cell(table, TONE_PLAIN, "%s",
               claim->figure ? content_measured(&judged->measured, text, sizeof(text)) : "–");
}

void content_claims(const struct judgement *judgement, struct table *table)
{
    content_claim_heads(table);
    for (size_t i = 0; i < judgement->claim_count; i++)
        content_claim(&judgement->claims[i], table);
}

/* Whether any two sides were compared with a verdict, as an A/A run means to. */
static bool compared(const struct judgement *judgement)
{
    for (size_t i = 0; i < judgement->versus_count; i++)
        if (judgement->versus[i].verdict != STATS_NO_VERDICT)
            return true;
    return false;
}

char *content_outcome(const struct result *result, const struct judgement *judgement, char *text,
                      size_t size_bytes, enum tone *tone)
{
    size_t failed = 0, unsure = 0, count = judgement->expect_count + judgement->invariant_count;
    for (size_t i = 0; i < count; i++) {
        enum verdict verdict = i < judgement->expect_count
                                   ? judgement->expects[i].verdict
                                   : judgement->invariants[i - judgement->expect_count].verdict;
        failed += verdict == VERDICT_FAIL;
        unsure += verdict == VERDICT_INCONCLUSIVE || verdict == VERDICT_NOT_RUN;
    }
    *tone = judgement->outcome == OUTCOME_WELL ? TONE_GOOD : TONE_BAD;
    if (judgement->outcome == OUTCOME_INVALID)
        (void)snprintf(text, size_bytes, "✘ not to be believed: %s", judgement->invalid);
    else if (failed)
        (void)snprintf(text, size_bytes, "✘ %zu of %zu conditions failed", failed, count);
    else if (judgement->outcome == OUTCOME_EXPECTATION)
        (void)snprintf(text, size_bytes, "✘ a difference was found where there is none");
    else if (count == 0)
        (void)snprintf(text, size_bytes, "✔ measured%s",
                       !result->aa           ? "; nothing was expected"
                       : compared(judgement) ? "; no difference was found"
                                             : "; too few rounds to tell a difference");
    else if (unsure)
        (void)snprintf(text, size_bytes, "✔ no condition failed; %zu of %zu %s undecided", unsure,
                       count, unsure == 1 ? "is" : "are");
    else if (count == 1)
        (void)snprintf(text, size_bytes, "✔ its one condition holds");
    else
        (void)snprintf(text, size_bytes, "✔ all %zu conditions hold", count);
    return text;
}
