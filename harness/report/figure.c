/* SPDX-License-Identifier: MIT */
/* figure.c - walks the figures of results and says which may be believed. */
#include "report/figure.h"

#include "measure/stats.h"
#include "report/text.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const struct result *figure_result(const struct figure *figure)
{
    return figure->input->items[figure->item].result;
}

const struct metric *figure_metric(const struct figure *figure)
{
    return &figure_result(figure)->plan->metrics[figure->metric];
}

static bool is_measured(const struct plan *plan, int phase)
{
    return plan->phases[phase].kind == PLAN_PHASE_MEASURE;
}

/* The measured phase behind one, or -1. */
static int next_phase(const struct plan *plan, int phase)
{
    for (phase++; (size_t)phase < plan->phase_count; phase++)
        if (is_measured(plan, phase))
            return phase;
    return -1;
}

static size_t count_measured(const struct plan *plan)
{
    size_t count = 0;
    for (size_t i = 0; i < plan->phase_count; i++)
        count += is_measured(plan, (int)i);
    return count;
}

/* The next item and variant, whose first figure is still to be chosen. */
static bool next_variant(struct figure *figure)
{
    size_t variant = figure->begun ? figure->variant + 1 : 0;
    size_t item = figure->begun ? figure->item : 0;
    figure->begun = true;
    for (; item < figure->input->item_count; item++, variant = 0)
        if (variant < figure->input->items[item].result->variant_count) {
            figure->item = item;
            figure->variant = variant;
            return true;
        }
    return false;
}

bool figure_next(struct figure *figure)
{
    if (figure->begun) {
        const struct plan *plan = figure_result(figure)->plan;
        if ((size_t)++figure->metric < plan->metric_count)
            return true;
        figure->metric = 0;
        figure->phase = count_measured(plan) > 1 ? next_phase(plan, figure->phase) : -1;
        if (figure->phase >= 0)
            return true;
    }
    figure->phase = EXPR_WHOLE_ROUND;
    figure->metric = 0; /* every plan has the built-in ones */
    return next_variant(figure);
}

bool figure_next_phase(struct figure *figure)
{
    if (figure->begun) {
        figure->phase = next_phase(figure_result(figure)->plan, figure->phase);
        if (figure->phase >= 0)
            return true;
    }
    while (next_variant(figure)) {
        figure->phase = next_phase(figure_result(figure)->plan, -1);
        if (figure->phase >= 0)
            return true;
    }
    return false;
}

/* On one line, as in a name of a format that gives each figure one. */
char *figure_name(const struct figure *figure, bool with_metric, char *name, size_t size_bytes)
{
    const struct result *result = figure_result(figure);
    bool whole = figure->phase == EXPR_WHOLE_ROUND;
    (void)snprintf(name, size_bytes, "%.200s/%.80s%s%s%s%s", result->plan->title,
                   result->variants[figure->variant].name, whole ? "" : "/",
                   whole ? "" : result->plan->phases[figure->phase].name, with_metric ? "/" : "",
                   with_metric ? figure_metric(figure)->name : "");
    for (char *at = text_clean(name); (at = strchr(at, '\n'));)
        *at = '?';
    return name;
}

bool figure_is_shared(const struct figure *figure)
{
    const char *name = figure_result(figure)->plan->title;
    for (size_t i = 0; i < figure->input->item_count; i++)
        if (i != figure->item && strcmp(figure->input->items[i].result->plan->title, name) == 0)
            return true;
    return false;
}

bool figure_is_sound(const struct figure *figure, const struct result_round *round)
{
    const struct result *result = figure_result(figure);
    uint64_t needs = result_metric_needs(result->plan, figure->metric);
    return needs == 0 || result_requests(result, round, figure->phase, figure->metric) >= needs;
}

double figure_value(const struct figure *figure, size_t block)
{
    const struct result *result = figure_result(figure);
    const struct result_round *round =
        result_find_figure(result, block, figure->variant, figure->phase, figure->metric);
    if (!round || !figure_is_sound(figure, round))
        return NAN;
    return result_value(result, round, figure->phase, figure->metric);
}

int figure_level(const struct figure *figure, double *median, double *half_range, size_t *used,
                 struct err *err)
{
    size_t count = 0, blocks = figure_result(figure)->block_count;
    double *values = calloc(blocks + 1, sizeof(*values));
    if (!values)
        return err_sys(err, -ENOMEM, "sort %zu figures", blocks);
    for (size_t block = 0; block < blocks; block++) {
        double value = figure_value(figure, block);
        if (!isnan(value))
            values[count++] = value;
    }
    *used = count;
    *median = *half_range = NAN;
    if (count > 0) {
        *median = stats_median(values, count);
        *half_range = values[count - 1] / 2 - values[0] / 2;
    }
    free(values);
    return 0;
}

/* The latencies of a block's round that may be used, or NULL. */
static const struct hist *find_latencies(const struct figure *figure, size_t block)
{
    const struct result *result = figure_result(figure);
    const struct result_round *round =
        result_find_figure(result, block, figure->variant, figure->phase, METRIC_P50);
    const struct result_step *step = round ? &round->steps[figure->phase] : NULL;
    bool any = step && step->ran && step->loaded && step->load.latency;
    return any && step->load.latency->count > 0 ? step->load.latency : NULL;
}

bool figure_has_latencies(const struct figure *figure)
{
    for (size_t block = 0; block < figure_result(figure)->block_count; block++)
        if (find_latencies(figure, block))
            return true;
    return false;
}

int figure_latencies(const struct figure *figure, struct hist **out, size_t *round_count,
                     struct err *err)
{
    struct hist *merged = NULL;
    size_t count = 0;
    for (size_t block = 0; block < figure_result(figure)->block_count; block++) {
        const struct hist *hist = find_latencies(figure, block);
        if (!hist)
            continue;
        int rc = merged ? 0
                        : hist_create(&merged, hist->geometry.lowest_ns, hist->geometry.highest_ns,
                                      hist->geometry.digits, err);
        if (rc)
            return rc;
        hist_merge(merged, hist);
        count++;
    }
    *out = merged;
    *round_count = count;
    return 0;
}

char *figure_tag(char *tag, size_t size_bytes, const char *text)
{
    (void)snprintf(tag, size_bytes, "%s", text);
    for (char *at = tag; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr("_-'.", *at))
            *at = '_';
    return tag;
}
