/* SPDX-License-Identifier: MIT */
/* result.c - keeps the record of a run and answers questions over its rounds. */
#include "run/result.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int result_create(struct result **out, const struct plan *plan, struct err *err)
{
    struct result *result = calloc(1, sizeof(*result));
    struct result_phase *phases = calloc(plan->phase_count + 1, sizeof(*phases));
    struct result_fault *faults = calloc(plan->fault_count + 1, sizeof(*faults));
    if (!result || !phases || !faults) {
        free(result);
        free(phases);
        free(faults);
        return err_sys(err, -ENOMEM, "allocate a result");
    }
    for (size_t i = 0; i < plan->phase_count; i++)
        phases[i] = (struct result_phase){
            .name = plan->phases[i].name,
            .kind = plan->phases[i].kind,
            .length_ns = plan->phases[i].length_ns,
            .profile = plan->phases[i].profile,
            .search = plan->phases[i].search,
        };
    result->plan = plan;
    result->phases = phases;
    result->faults = faults;
    result_scale_faults(result);
    result->block_count = plan->rounds;
    result->noise_share = plan->noise_share;
    for (size_t i = 0; i < 3; i++)
        result->environment.load_before[i] = result->environment.load_after[i] = NAN;
    *out = result;
    return 0;
}

static uint64_t scaled_ns(uint64_t span_ns, double share)
{
    return (uint64_t)((double)span_ns * share + 0.5);
}

double result_fault_pace(const struct result *result, size_t fault)
{
    size_t phase = result->plan->faults[fault].phase;
    return (double)result->phases[phase].length_ns / (double)result->plan->phases[phase].length_ns;
}

void result_scale_faults(struct result *result)
{
    const struct plan *plan = result->plan;
    for (size_t i = 0; i < plan->fault_count; i++) {
        const struct plan_fault *fault = &plan->faults[i];
        double share = result_fault_pace(result, i);
        result->faults[i] = (struct result_fault){.at_ns = scaled_ns(fault->at_ns, share),
                                                  .for_ns = scaled_ns(fault->for_ns, share),
                                                  .hold_ns = scaled_ns(fault->hold_ns, share)};
    }
}

static void round_fini(struct result_round *round, const struct plan *plan)
{
    for (size_t i = 0; round->steps && i < plan->phase_count; i++) {
        struct result_step *step = &round->steps[i];
        if (step->loaded)
            load_result_fini(&step->load);
        for (size_t g = 0; step->gauges && g < plan->observe_count; g++)
            gauge_fini(&step->gauges[g]);
        for (size_t h = 0; step->histograms && h < plan->observe_count; h++)
            buckets_fini(&step->histograms[h]);
        free(step->gauges);
        free(step->histograms);
        free(step->curve);
    }
    free(round->steps);
    free(round->windows);
    free(round->breaches);
    free(round->rows);
    free(round->whole);
}

void result_destroy(struct result *result)
{
    if (!result)
        return;
    for (size_t i = 0; i < result->round_count; i++)
        round_fini(&result->rounds[i], result->plan);
    for (size_t i = 0; i < result->variant_count; i++) {
        free(result->variants[i].name);
        free(result->variants[i].allocator);
        free(result->variants[i].preload);
        free(result->variants[i].program);
    }
    free(result->rounds);
    free(result->variants);
    free(result->phases);
    free(result->faults);
    free(result->environment.command_line);
    free(result->folder);
    free(result->failure);
    free(result);
}

static void step_lighten(struct result_step *step, const struct plan *plan)
{
    struct load_result *load = &step->load;
    if (step->loaded) {
        load->latency = hist_forget(load->latency);
        load->service_time = hist_forget(load->service_time);
        load->lateness = hist_forget(load->lateness);
        load->connect = hist_forget(load->connect);
        series_destroy(load->series);
        load->series = NULL;
    }
    for (size_t i = 0; step->gauges && i < plan->observe_count; i++)
        gauge_fini(&step->gauges[i]);
}

void result_lighten(struct result *result)
{
    for (size_t i = 0; i < result->round_count; i++)
        for (size_t p = 0; p < result->plan->phase_count; p++)
            step_lighten(&result->rounds[i].steps[p], result->plan);
}

int result_add_variant(struct result *result, size_t plan_index, const char *name, struct err *err)
{
    size_t count = result->variant_count;
    struct result_variant *variants =
        reallocarray(result->variants, count + 1, sizeof(*result->variants));
    if (!variants)
        return err_sys(err, -ENOMEM, "add a variant");
    result->variants = variants;
    char *copy = strdup(name ? name : result->plan->variants[plan_index].name);
    if (!copy)
        return err_sys(err, -ENOMEM, "add a variant");
    variants[count] = (struct result_variant){.name = copy, .plan_index = plan_index};
    result->variant_count++;
    return 0;
}

const struct gauge *result_gauge(const struct result_step *step, size_t observation)
{
    const struct gauge *gauge = step->gauges ? &step->gauges[observation] : NULL;
    return gauge && gauge->period_ns > 0 ? gauge : NULL;
}

const struct buckets *result_histogram(const struct plan *plan, const struct result_step *step,
                                       size_t observation)
{
    return step->histograms && plan->observes[observation].histogram
               ? &step->histograms[observation]
               : NULL;
}

static double *rows_create(size_t count)
{
    double *rows = calloc(count + 1, sizeof(*rows));
    for (size_t i = 0; rows && i < count; i++)
        rows[i] = NAN;
    return rows;
}

/* Nothing is known of any. */
static struct result_window *windows_create(size_t count)
{
    struct result_window *windows = calloc(count + 1, sizeof(*windows));
    for (size_t i = 0; windows && i < count; i++) {
        struct recovery *none = &windows[i].recovery;
        windows[i].queries = none->before_per_s = none->before_p99_ns = NAN;
        none->depth = none->detect_ns = none->recover_ns = NAN;
    }
    return windows;
}

int result_add_round(struct result *result, struct result_round **out, struct err *err)
{
    const struct plan *plan = result->plan;
    size_t count = result->round_count;
    struct result_round *rounds = reallocarray(result->rounds, count + 1, sizeof(*rounds));
    if (!rounds)
        return err_sys(err, -ENOMEM, "add a round");
    result->rounds = rounds;
    struct result_round *round = &rounds[count];
    *round = (struct result_round){
        .place = count,
        .exit_status = -1,
        .valid = true,
        .steps = calloc(plan->phase_count + 1, sizeof(*round->steps)),
        .windows = windows_create(plan->fault_count),
        .breaches = calloc(plan->invariant_count + 1, sizeof(*round->breaches)),
        .rows = rows_create(plan->phase_count * plan->metric_count),
        .whole = rows_create(plan->metric_count),
    };
    if (!round->steps || !round->windows || !round->breaches || !round->rows || !round->whole) {
        round_fini(round, plan);
        return err_sys(err, -ENOMEM, "add a round");
    }
    result->round_count++;
    *out = round;
    return 0;
}

static void add_reason(struct result_round *round, int phase, const char *format, va_list args)
{
    size_t at = round->reason_count;
    round->valid = false;
    if (at == RESULT_REASONS_MAX)
        return;
    (void)vsnprintf(round->reasons[at], sizeof(round->reasons[at]), format, args);
    round->reason_phases[at] = phase;
    round->reason_count++;
}

void result_round_invalid(struct result_round *round, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_reason(round, -1, format, args);
    va_end(args);
    round->spoilt = true;
}

void result_phase_invalid(struct result_round *round, size_t phase, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_reason(round, (int)phase, format, args);
    va_end(args);
    round->steps[phase].invalid = true;
}

bool result_phase_is_sound(const struct result_round *round, size_t phase)
{
    return round->valid || (!round->spoilt && round->breach_count == 0 && round->steps[phase].ran &&
                            !round->steps[phase].invalid);
}

void result_round_break(struct result_round *round, size_t invariant, const char *format, ...)
{
    round->valid = false;
    for (size_t i = 0; i < round->breach_count; i++)
        if (round->breaches[i].invariant == invariant)
            return;
    struct result_breach *breach = &round->breaches[round->breach_count++];
    breach->invariant = invariant;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(breach->text, sizeof(breach->text), format, args);
    va_end(args);
}

bool result_round_counts(const struct result_round *round)
{
    return round->valid || round->breach_count > 0;
}

/* The observation that a metric is, of a histogram; NULL: it is none. */
static const struct plan_observe *observe_of(const struct plan *plan, int metric)
{
    size_t index = (size_t)metric - METRIC_BUILTIN_COUNT;
    bool is_one = metric >= METRIC_BUILTIN_COUNT && index < plan->observe_count;
    return is_one && plan->observes[index].histogram ? &plan->observes[index] : NULL;
}

uint64_t result_metric_needs(const struct plan *plan, int metric)
{
    const struct plan_observe *observe = observe_of(plan, metric);
    if (observe)
        return hist_percentile_needs(100 * observe->quantile);
    switch (metric) {
    case METRIC_P50:
        return hist_percentile_needs(50);
    case METRIC_P90:
        return hist_percentile_needs(90);
    case METRIC_P95:
        return hist_percentile_needs(95);
    case METRIC_P99:
        return hist_percentile_needs(99);
    case METRIC_P999:
        return hist_percentile_needs(99.9);
    default:
        return 0;
    }
}

uint64_t result_requests(const struct result *result, const struct result_round *round, int phase,
                         int metric)
{
    if (phase == EXPR_WHOLE_ROUND)
        phase = plan_phase_of(result->plan, (size_t)metric);
    if (phase < 0)
        return UINT64_MAX;
    const struct result_step *step = &round->steps[phase];
    const struct plan_observe *observe = observe_of(result->plan, metric);
    if (observe)
        return step->histograms ? buckets_total(&step->histograms[observe - result->plan->observes])
                                : 0;
    return step->ran && step->loaded && step->load.latency ? step->load.latency->count : 0;
}

const struct result_round *result_find(const struct result *result, size_t block, size_t variant)
{
    for (size_t i = 0; i < result->round_count; i++) {
        const struct result_round *round = &result->rounds[i];
        if (round->valid && round->block == block && round->variant == variant)
            return round;
    }
    return NULL;
}

const struct result_round *result_find_figure(const struct result *result, size_t block,
                                              size_t variant, int phase, int metric)
{
    const struct result_round *found = result_find(result, block, variant);
    if (found)
        return found;
    if (phase == EXPR_WHOLE_ROUND)
        phase = plan_phase_of(result->plan, (size_t)metric);
    for (size_t i = 0; i < result->round_count && phase >= 0; i++) {
        const struct result_round *round = &result->rounds[i];
        if (round->block == block && round->variant == variant &&
            result_phase_is_sound(round, (size_t)phase))
            return round;
    }
    return NULL;
}

double result_value(const struct result *result, const struct result_round *round, int phase,
                    int metric)
{
    if (phase == EXPR_WHOLE_ROUND)
        return round->whole[metric];
    return round->rows[(size_t)phase * result->plan->metric_count + (size_t)metric];
}

int result_variant_of(const struct result *result, size_t plan_index)
{
    for (size_t i = 0; i < result->variant_count; i++)
        if (result->variants[i].plan_index == plan_index)
            return (int)i;
    return -1;
}

/* NAN when the block has no round of the variant with that figure. */
static double block_value(const struct result *result, size_t block, const struct expr_ref *ref)
{
    const struct result_round *round =
        result_find_figure(result, block, (size_t)ref->variant, ref->phase, ref->metric);
    return round ? result_value(result, round, ref->phase, ref->metric) : NAN;
}

size_t result_pairs(const struct result *result, const struct expr_ref *first,
                    const struct expr_ref *second, double *a, double *b)
{
    size_t count = 0;
    for (size_t block = 0; block < result->block_count; block++) {
        a[count] = block_value(result, block, first);
        b[count] = block_value(result, block, second);
        if (isfinite(a[count]) && isfinite(b[count]))
            count++;
    }
    return count;
}

size_t result_values(const struct result *result, const struct expr_ref *ref, double *values)
{
    size_t count = 0;
    for (size_t block = 0; block < result->block_count; block++) {
        values[count] = block_value(result, block, ref);
        if (!isnan(values[count]))
            count++;
    }
    return count;
}
