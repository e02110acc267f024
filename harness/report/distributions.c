/* SPDX-License-Identifier: MIT */
/* distributions.c - adds up the observed histograms of rounds and draws them. */
#include "report/distributions.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BARS = 16, SIGN_BYTES = 3 };

/* What the bars of all rows of a histogram stretch over, as logarithms. */
struct scale {
    double low, high;
};

/* ---- Values ---------------------------------------------------------------------------------- */

/* An observation of the same histogram further up has shown it. */
static bool is_first(const struct plan *plan, size_t observation)
{
    const char *histogram = plan->observes[observation].histogram;
    for (size_t i = 0; i < observation; i++)
        if (plan->observes[i].histogram && strcmp(plan->observes[i].histogram, histogram) == 0)
            return false;
    return true;
}

/* What all valid rounds took in. -ENOMEM. */
static int gather(const struct result *result, size_t observation, size_t variant, size_t phase,
                  struct buckets *all)
{
    int rc = 0;
    *all = (struct buckets){0};
    for (size_t i = 0; i < result->round_count && !rc; i++) {
        const struct result_round *round = &result->rounds[i];
        const struct buckets *one =
            result_histogram(result->plan, &round->steps[phase], observation);
        if (round->variant == variant && one && result_phase_is_sound(round, phase))
            rc = buckets_add(all, one);
    }
    if (rc)
        buckets_fini(all);
    return rc;
}

/* The lowest bucket begins at 0 and the highest need not end: both are drawn as wide as half of
 * what they border on. */
static struct scale bucket_span(const struct bucket *bucket)
{
    double high = isinf(bucket->high) ? bucket->low * 1.5 : bucket->high;
    double low = bucket->low > 0 ? bucket->low : high / 1.5;
    return (struct scale){log(low), log(high)};
}

/* Nothing to be drawn: values at or below 0 have no logarithm. */
static bool is_drawn(const struct bucket *bucket)
{
    struct scale span = bucket_span(bucket);
    return bucket->count > 0 && isfinite(span.low) && isfinite(span.high) && span.high > span.low;
}

static void widen(const struct buckets *buckets, struct scale *scale)
{
    for (size_t i = 0; i < buckets->count; i++) {
        struct scale span = bucket_span(&buckets->items[i]);
        if (!is_drawn(&buckets->items[i]))
            continue;
        scale->low = fmin(scale->low, span.low); /* which pass over NAN */
        scale->high = fmax(scale->high, span.high);
    }
}

/* ---- Drawing --------------------------------------------------------------------------------- */

/* A bucket's values lie evenly over the bars it covers. */
static void pour(const struct buckets *buckets, const struct scale *scale, double *bars)
{
    double width = (scale->high - scale->low) / BARS;
    for (size_t i = 0; i < buckets->count; i++) {
        struct scale span = bucket_span(&buckets->items[i]);
        for (size_t bar = 0; bar < BARS && is_drawn(&buckets->items[i]); bar++) {
            double from = scale->low + width * (double)bar;
            double common = fmin(span.high, from + width) - fmax(span.low, from);
            if (common > 0)
                bars[bar] += (double)buckets->items[i].count * common / (span.high - span.low);
        }
    }
}

/* What has any values is seen, however few. */
static void draw(const struct buckets *buckets, const struct scale *scale, char *text)
{
    static const char *const signs[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    double bars[BARS] = {0}, most = 0;
    text[0] = '\0';
    if (!(scale->high > scale->low))
        return;
    pour(buckets, scale, bars);
    for (size_t i = 0; i < BARS; i++)
        most = fmax(most, bars[i]);
    for (size_t i = 0; i < BARS && most > 0; i++)
        strcat(text, bars[i] > 0 ? signs[(size_t)fmin(bars[i] / most * 8, 7)] : "·");
}

/* "acquire" of acquire_p99: the row has all of them. */
static int name_length(const char *name)
{
    size_t length = strlen(name), digits = length;
    while (digits > 0 && isdigit((unsigned char)name[digits - 1]))
        digits--;
    bool quantile = digits < length && digits > 2 && strncmp(name + digits - 2, "_p", 2) == 0;
    return (int)(quantile ? digits - 2 : length);
}

static void quantile_cell(const struct buckets *all, double share, enum metric_unit unit,
                          struct table *table)
{
    char text[48];
    if (buckets_total(all) < hist_percentile_needs(100 * share))
        table_cell(table, TONE_QUIET, "few");
    else
        table_cell(table, TONE_PLAIN, "%s",
                   metric_format(text, sizeof(text), unit, buckets_quantile(all, share)));
}

static void most_cell(const struct buckets *all, enum metric_unit unit, struct table *table)
{
    char text[48];
    const struct bucket *last = &all->items[all->count - 1];
    bool open = isinf(last->high);
    table_cell(table, TONE_PLAIN, "%s%s", open ? "> " : "≤ ",
               metric_format(text, sizeof(text), unit, open ? last->low : last->high));
}

static void row(const struct plan *plan, size_t observation, const struct buckets *all,
                const struct scale *scale, struct table *table)
{
    enum metric_unit unit = plan->metrics[METRIC_BUILTIN_COUNT + observation].unit;
    char bars[BARS * SIGN_BYTES + 1], text[48], high[48];
    table_cell(table, TONE_PLAIN, "%s",
               metric_format(text, sizeof(text), METRIC_COUNT, (double)buckets_total(all)));
    quantile_cell(all, 0.5, unit, table);
    quantile_cell(all, 0.9, unit, table);
    quantile_cell(all, 0.99, unit, table);
    most_cell(all, unit, table);
    draw(all, scale, bars);
    table_cell(table, TONE_PLAIN, "%s %s %s",
               metric_format(text, sizeof(text), unit, exp(scale->low)), bars,
               metric_format(high, sizeof(high), unit, exp(scale->high)));
}

/* A phase's name is left out where there is but one. */
static bool many_phases(const struct plan *plan)
{
    size_t count = 0;
    for (size_t i = 0; i < plan->phase_count; i++)
        count += plan->phases[i].kind == PLAN_PHASE_MEASURE;
    return count > 1;
}

static void heads(const struct plan *plan, struct table *table)
{
    static const char *const numbers[] = {"values", "P50", "P90", "P99", "most"};
    table_column(table, TABLE_LEFT, "histogram");
    table_column(table, TABLE_LEFT, "variant");
    if (many_phases(plan))
        table_column(table, TABLE_LEFT, "phase");
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
        table_column(table, TABLE_RIGHT, "%s", numbers[i]);
    table_column(table, TABLE_LEFT, "distribution");
}

/* ---- Rows ------------------------------------------------------------------------------------ */

/* Twice over all rows: with scale to find out what they span, with table to write them. */
static int each_row(const struct result *result, size_t observation, struct scale *scale,
                    struct table *table)
{
    const struct plan *plan = result->plan;
    const char *name = plan->observes[observation].name;
    int rc = 0;
    for (size_t v = 0; v < result->variant_count; v++)
        for (size_t p = 0; p < plan->phase_count && !rc; p++) {
            struct buckets all;
            rc = gather(result, observation, v, p, &all);
            if (!rc && !table)
                widen(&all, scale);
            if (!rc && table && all.count > 0) {
                table_cell(table, TONE_STRONG, "%.*s", name_length(name), name);
                table_cell(table, TONE_PLAIN, "%s", result->variants[v].name);
                if (many_phases(plan))
                    table_cell(table, TONE_PLAIN, "%s", plan->phases[p].name);
                row(plan, observation, &all, scale, table);
            }
            buckets_fini(&all);
        }
    return rc;
}

int content_distributions(const struct result *result, struct table *table, struct err *err)
{
    const struct plan *plan = result->plan;
    int rc = 0;
    heads(plan, table);
    for (size_t i = 0; i < plan->observe_count && !rc; i++) {
        struct scale scale = {NAN, NAN};
        if (!plan->observes[i].histogram || !is_first(plan, i))
            continue;
        rc = each_row(result, i, &scale, NULL);
        if (!rc)
            rc = each_row(result, i, &scale, table);
    }
    return rc ? err_sys(err, rc, "draw histograms") : 0;
}
