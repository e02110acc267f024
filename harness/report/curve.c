/* SPDX-License-Identifier: MIT */
/* curve.c - what knee searches came to, rate by rate. */
#include "report/content.h"

#include <math.h>
#include <stdio.h>

enum { TEXT_BYTES = 48 };

/* The valid round of a variant whose knee is the median, the lower one of two: by the number of
 * rounds whose knee is smaller. Without one the last that searched; NULL: none did. */
static const struct search_curve *typical_curve(const struct result *result, size_t variant,
                                                size_t phase, size_t *count)
{
    const struct search_curve *last = NULL, *typical = NULL;
    size_t valid = 0, best = SIZE_MAX;
    for (size_t i = 0; i < result->round_count; i++) {
        const struct result_round *round = &result->rounds[i];
        if (round->variant == variant && round->steps[phase].curve)
            last = round->steps[phase].curve;
        valid += round->variant == variant && round->valid && round->steps[phase].curve;
    }
    for (size_t i = 0; i < result->round_count; i++) {
        const struct result_round *round = &result->rounds[i];
        const struct search_curve *curve = round->steps[phase].curve;
        size_t below = 0;
        if (round->variant != variant || !round->valid || !curve)
            continue;
        for (size_t j = 0; j < result->round_count; j++) {
            const struct result_round *other = &result->rounds[j];
            const struct search_curve *beside = other->steps[phase].curve;
            below += other->variant == variant && other->valid && beside &&
                     (beside->met_per_s < curve->met_per_s ||
                      (isnan(beside->met_per_s) && !isnan(curve->met_per_s)));
        }
        size_t middle = (valid - 1) / 2;
        size_t away = below > middle ? SIZE_MAX - 1 : middle - below;
        if (away < best) {
            best = away;
            typical = curve;
        }
    }
    *count = valid;
    return typical ? typical : last;
}

/* The lowest rate above one that was tried, or NAN. */
static double next_rate(const struct search_curve *curve, double above_per_s)
{
    double next = NAN;
    for (size_t i = 0; i < curve->step_count; i++) {
        double rate = curve->steps[i].rate_per_s;
        if (rate > above_per_s && !(rate >= next))
            next = rate;
    }
    return next;
}

/* How its steps voted: "met 2, missed 1", and what it is if it bounds the knee. */
static void outcome_cell(const struct search_curve *curve, double rate_per_s, struct table *table)
{
    size_t votes[SEARCH_OUTCOMES] = {0}, used = 0;
    char text[160] = "";
    for (size_t i = 0; i < curve->step_count; i++)
        if (curve->steps[i].rate_per_s == rate_per_s)
            votes[curve->steps[i].outcome]++;
    for (size_t i = 0; i < SEARCH_OUTCOMES; i++)
        if (votes[i])
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s %zu", used ? ", " : "",
                                     search_outcome_names[i], votes[i]);
    bool knee = rate_per_s == curve->met_per_s;
    bool above = rate_per_s == curve->missed_per_s || votes[SEARCH_GENERATOR];
    table_cell(table,
               knee    ? TONE_GOOD
               : above ? TONE_UNSURE
                       : TONE_PLAIN,
               "%s%s", text, knee ? ": the knee" : "");
}

/* Figures are those of the last step at the rate. */
static void rate_row(const char *variant, const char *phase, const struct search_curve *curve,
                     double rate_per_s, struct table *table)
{
    const struct search_step *step = NULL;
    char text[TEXT_BYTES];
    for (size_t i = 0; i < curve->step_count; i++)
        if (curve->steps[i].rate_per_s == rate_per_s)
            step = &curve->steps[i];
    table_cell(table, TONE_PLAIN, "%s", variant);
    table_cell(table, TONE_PLAIN, "%s", phase);
    table_cell(table, TONE_PLAIN, "%s", metric_format(text, sizeof(text), METRIC_RATE, rate_per_s));
    table_cell(table, TONE_PLAIN, "%s",
               metric_format(text, sizeof(text), METRIC_RATE, step ? step->achieved_per_s : NAN));
    table_cell(table, TONE_PLAIN, "%s",
               metric_format(text, sizeof(text), METRIC_NS, step ? step->p50_ns : NAN));
    table_cell(table, TONE_PLAIN, "%s",
               metric_format(text, sizeof(text), METRIC_NS, step ? step->p99_ns : NAN));
    table_cell(table, TONE_PLAIN, "%s",
               metric_format(text, sizeof(text), METRIC_SHARE, step ? step->errors_share : NAN));
    outcome_cell(curve, rate_per_s, table);
}

/* What the search ended with, under its rates. */
static void end_row(const char *variant, const char *phase, const struct search_curve *curve,
                    size_t valid, struct table *table)
{
    static const char *const words[SEARCH_ENDS] = {
        [SEARCH_UNFINISHED] = "not finished",
        [SEARCH_BRACKETED] = "",
        [SEARCH_LIMITED] = "the generator was the limit, not the subject",
        [SEARCH_CAPPED] = "met at the highest rate to be tried",
        [SEARCH_NEVER_MET] = "missed at the lowest rate to be tried",
    };
    if (!words[curve->end][0] && valid)
        return;
    table_cell(table, TONE_PLAIN, "%s", variant);
    table_cell(table, TONE_PLAIN, "%s", phase);
    for (size_t i = 0; i < 5; i++)
        table_cell(table, TONE_PLAIN, "%s", "");
    table_cell(table, TONE_UNSURE, "%s%s%s", words[curve->end],
               words[curve->end][0] && !valid ? "; " : "", valid ? "" : "no valid round");
}

static void curve_rows(const struct result *result, size_t variant, size_t phase,
                       struct table *table)
{
    size_t valid;
    const char *name = result->variants[variant].name;
    const char *phase_name = result->phases[phase].name;
    const struct search_curve *curve = typical_curve(result, variant, phase, &valid);
    if (!curve)
        return;
    double rate = -1;
    while (rate = next_rate(curve, rate), !isnan(rate))
        rate_row(name, phase_name, curve, rate, table);
    end_row(name, phase_name, curve, valid, table);
}

void content_curves(const struct result *result, struct table *table)
{
    static const char *const figures[] = {"rate", "achieved", "P50", "P99", "errors"};
    table_column(table, TABLE_LEFT, "variant");
    table_column(table, TABLE_LEFT, "phase");
    for (size_t i = 0; i < sizeof(figures) / sizeof(*figures); i++)
        table_column(table, TABLE_RIGHT, "%s", figures[i]);
    table_column(table, TABLE_WRAP, "steps");
    for (size_t phase = 0; phase < result->plan->phase_count; phase++)
        for (size_t i = 0; result->plan->phases[phase].objective && i < result->variant_count; i++)
            curve_rows(result, i, phase, table);
}
