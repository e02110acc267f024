/* SPDX-License-Identifier: MIT */
/* over_time.c - picks the median round of each variant and draws its gauges. */
#include "report/over_time.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BARS_MAX = 48, BARS_LEAST = 4, SIGN_BYTES = 3 };

/* What is drawn in one row: phases of one round. */
struct strip {
    const struct result *result;
    const struct result_round *round;
    size_t observation;
};

/* The scale all variants of a gauge share. */
struct scale {
    double low, high;
};

/* When a bound was reached is a figure, and what it was looked for in is mostly drawn already. */
static bool is_drawn(const struct plan_observe *observe)
{
    return observe->take != PLAN_TAKE_LAST && observe->take != PLAN_TAKE_REACHED;
}

/* The valid round whose figure has as many others above as below, the lower one of two. */
static const struct result_round *median_round(const struct result *result, size_t variant,
                                               size_t metric)
{
    const struct result_round *chosen = NULL;
    size_t count = 0, below_chosen = 0;
    for (size_t i = 0; i < result->round_count; i++)
        count += result->rounds[i].valid && result->rounds[i].variant == variant &&
                 isfinite(result->rounds[i].whole[metric]);
    for (size_t i = 0; i < result->round_count; i++) {
        const struct result_round *round = &result->rounds[i];
        size_t below = 0;
        if (!round->valid || round->variant != variant || !isfinite(round->whole[metric]))
            continue;
        for (size_t k = 0; k < result->round_count; k++) {
            const struct result_round *other = &result->rounds[k];
            bool before = other->whole[metric] < round->whole[metric] ||
                          (other->whole[metric] == round->whole[metric] && k < i);
            below += other->valid && other->variant == variant && before;
        }
        if (below <= (count - 1) / 2 && (!chosen || below >= below_chosen)) {
            chosen = round;
            below_chosen = below;
        }
    }
    return chosen;
}

static const struct gauge *strip_gauge(const struct strip *strip, size_t phase)
{
    const struct gauge *gauge = result_gauge(&strip->round->steps[phase], strip->observation);
    return gauge && gauge->count > 0 ? gauge : NULL;
}

static void widen(const struct strip *strip, struct scale *scale, uint64_t *missed)
{
    for (size_t p = 0; p < strip->result->plan->phase_count; p++) {
        const struct gauge *gauge = strip_gauge(strip, p);
        if (!gauge)
            continue;
        scale->low = fmin(scale->low, gauge->low); /* which pass over NAN */
        scale->high = fmax(scale->high, gauge->high);
        *missed += gauge->missed;
    }
}

/* What a bar stands for: the largest of its samples, or the least where that is what is taken. */
static double bar_value(const struct gauge *gauge, size_t bar, size_t bars, int take)
{
    size_t from = bar * gauge->count / bars, to = (bar + 1) * gauge->count / bars;
    double value = NAN;
    for (size_t i = from; i < (to > from ? to : from + 1); i++)
        value =
            take == PLAN_TAKE_MIN ? fmin(value, gauge->values[i]) : fmax(value, gauge->values[i]);
    return value;
}

/* One phase's bars behind what is there; a missing sample is a dot. */
static size_t draw(const struct gauge *gauge, size_t bars, const struct scale *scale, int take,
                   char *text)
{
    static const char *const signs[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    size_t used = 0;
    for (size_t i = 0; i < bars; i++) {
        double value = bar_value(gauge, i, bars, take), span = scale->high - scale->low;
        double share = span > 0 ? fmin(fmax((value - scale->low) / span, 0), 1) : 0;
        size_t level = (size_t)(7 * share + 0.5);
        const char *sign = isnan(value) ? "·" : signs[level];
        size_t length = strlen(sign);
        memcpy(text + used, sign, length);
        used += length;
    }
    return used;
}

/* The most bars a phase may have. */
static size_t bars_most(const struct strip *strip)
{
    size_t phases = 0;
    for (size_t p = 0; p < strip->result->plan->phase_count; p++)
        phases += strip_gauge(strip, p) != NULL;
    size_t most = phases ? BARS_MAX / phases : 0;
    return most < BARS_LEAST ? BARS_LEAST : most;
}

/* Phases side by side, a stroke between them. */
static void draw_strip(const struct strip *strip, const struct scale *scale, char *text)
{
    const struct plan *plan = strip->result->plan;
    size_t used = 0, most = bars_most(strip);
    for (size_t p = 0; p < plan->phase_count; p++) {
        const struct gauge *gauge = strip_gauge(strip, p);
        if (!gauge)
            continue;
        if (used > 0) {
            memcpy(text + used, "│", SIGN_BYTES);
            used += SIGN_BYTES;
        }
        used += draw(gauge, gauge->count < most ? gauge->count : most, scale,
                     plan->observes[strip->observation].take, text + used);
    }
    text[used] = '\0';
}

/* Whether a fault was there at some time from from_ns up to to_ns of a phase. */
static bool is_disturbed(const struct strip *strip, size_t phase, uint64_t from_ns, uint64_t to_ns)
{
    const struct plan *plan = strip->result->plan;
    for (size_t i = 0; i < plan->fault_count; i++) {
        const struct result_window *window = &strip->round->windows[i];
        if (plan->faults[i].phase == phase && window->acted && window->began_ns < to_ns &&
            window->healed_ns > from_ns)
            return true;
    }
    return false;
}

/* A line under the bars that faults were there for. Nothing without any. */
static bool draw_faults(const struct strip *strip, char *text)
{
    size_t used = 0, most = bars_most(strip);
    bool any = false;
    for (size_t p = 0; p < strip->result->plan->phase_count; p++) {
        const struct gauge *gauge = strip_gauge(strip, p);
        if (!gauge)
            continue;
        size_t bars = gauge->count < most ? gauge->count : most;
        if (used > 0)
            text[used++] = ' '; /* under the stroke */
        for (size_t i = 0; i < bars; i++) {
            uint64_t from_ns = gauge->start_ns + i * gauge->count / bars * gauge->period_ns;
            uint64_t to_ns = gauge->start_ns + (i + 1) * gauge->count / bars * gauge->period_ns;
            bool marked = is_disturbed(strip, p, from_ns, to_ns);
            const char *sign = marked ? "━" : " ";
            memcpy(text + used, sign, strlen(sign));
            used += strlen(sign);
            any = any || marked;
        }
    }
    text[used] = '\0';
    return any;
}

static void fault_row(const struct strip *strip, struct table *table)
{
    char marks[(BARS_MAX + PLAN_PHASES_MAX * (BARS_LEAST + 1)) * SIGN_BYTES + 1];
    if (!draw_faults(strip, marks))
        return;
    table_cell(table, TONE_QUIET, "%s", "");
    table_cell(table, TONE_QUIET, "faults");
    table_cell(table, TONE_BAD, "%s", marks);
    table_cell(table, TONE_QUIET, "%s", "");
}

static void row(const struct strip *strip, const struct scale *scale, struct table *table)
{
    const struct plan *plan = strip->result->plan;
    const struct metric *metric = &plan->metrics[METRIC_BUILTIN_COUNT + strip->observation];
    char bars[(BARS_MAX + PLAN_PHASES_MAX * (BARS_LEAST + 1)) * SIGN_BYTES + 1];
    char low[48], high[48], missing[40] = "";
    struct scale own = {NAN, NAN};
    uint64_t missed = 0;
    widen(strip, &own, &missed);
    draw_strip(strip, scale, bars);
    if (missed > 0)
        (void)snprintf(missing, sizeof(missing), ", %llu missing", (unsigned long long)missed);
    table_cell(table, TONE_STRONG, "%s", metric->name);
    table_cell(table, TONE_PLAIN, "%s", strip->result->variants[strip->round->variant].name);
    table_cell(table, TONE_PLAIN, "%s", bars);
    table_cell(table, TONE_PLAIN, "%s..%s%s",
               metric_format(low, sizeof(low), metric->unit, own.low),
               metric_format(high, sizeof(high), metric->unit, own.high), missing);
}

/* The names of measured phases, as they stand side by side. */
static void heads(const struct plan *plan, struct table *table)
{
    char names[256] = "";
    size_t used = 0;
    for (size_t p = 0; p < plan->phase_count; p++)
        if (plan->phases[p].kind == PLAN_PHASE_MEASURE && used < sizeof(names) - 80)
            used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%.64s",
                                     used ? " │ " : "", plan->phases[p].name);
    table_column(table, TABLE_LEFT, "gauge");
    table_column(table, TABLE_LEFT, "variant");
    table_column(table, TABLE_LEFT, "%s", names);
    table_column(table, TABLE_LEFT, "least..most");
}

int content_over_time(const struct result *result, struct table *table, struct err *err)
{
    const struct plan *plan = result->plan;
    struct strip *strips = calloc(result->variant_count + 1, sizeof(*strips));
    if (!strips)
        return err_sys(err, -ENOMEM, "draw gauges");
    heads(plan, table);
    for (size_t i = 0; i < plan->observe_count; i++) {
        struct scale scale = {0, NAN};
        uint64_t missed = 0;
        size_t count = 0;
        for (size_t v = 0; is_drawn(&plan->observes[i]) && v < result->variant_count; v++) {
            const struct result_round *round = median_round(result, v, METRIC_BUILTIN_COUNT + i);
            if (!round)
                continue;
            strips[count] = (struct strip){result, round, i};
            widen(&strips[count++], &scale, &missed);
        }
        for (size_t s = 0; s < count; s++)
            row(&strips[s], &scale, table);
        if (count > 0)
            fault_row(&strips[0], table);
    }
    free(strips);
    return 0;
}
