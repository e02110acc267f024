/* SPDX-License-Identifier: MIT */
/* impact.c - hands windows and series to measure/recovery.h, and its answers to metrics. */
#include "run/impact.h"

#include <math.h>

/* Both as rates: queries were counted from when the fault was put there to when it was taken away,
 * requests in whole slots. */
static double amplification(const struct result_window *window)
{
    const struct recovery *recovery = &window->recovery;
    double there_ns = (double)window->healed_ns - (double)window->applied_ns;
    if (recovery->requests == 0 || !(there_ns > 0))
        return NAN;
    return window->queries / there_ns * (double)recovery->span_ns / (double)recovery->requests;
}

static void fill_metrics(const struct plan *plan, size_t fault, const struct result_window *window,
                         double *row)
{
    const struct recovery *recovery = &window->recovery;
    double requests = recovery->requests > 0 ? (double)recovery->requests : NAN;
    bool well = recovery->state == RECOVERY_WELL, stuck = recovery->state == RECOVERY_STUCK;
    double *metrics = row + plan_fault_metric(plan, fault, 0);
    metrics[PLAN_FAULT_DEPTH] = recovery->depth;
    metrics[PLAN_FAULT_DETECT] = recovery->detect_ns;
    metrics[PLAN_FAULT_RECOVER] = stuck ? METRIC_NEVER_NS : recovery->recover_ns;
    metrics[PLAN_FAULT_RECOVERED] = well || stuck ? well : NAN;
    metrics[PLAN_FAULT_ERRORS] = (double)recovery->errors / requests;
    metrics[PLAN_FAULT_AMPLIFICATION] = amplification(window);
}

static int judge(const struct result *result, struct result_round *round, size_t fault,
                 struct err *err)
{
    struct result_window *window = &round->windows[fault];
    const struct load_result *load = &round->steps[result->plan->faults[fault].phase].load;
    uint64_t start_ns = load->series->start_ns;
    struct recovery_job job = {
        .series = load->series,
        .length_ns = load->length_ns,
        .began_ns = start_ns + window->began_ns,
        .ended_ns = start_ns + window->healed_ns,
        .hold_ns = result->faults[fault].hold_ns,
        .slack_ns = result->plan->faults[fault].slack_ns,
    };
    return recovery_judge(&job, &window->recovery, err);
}

int impact_judge(const struct result *result, struct result_round *round, size_t phase,
                 struct err *err)
{
    const struct plan *plan = result->plan;
    double *row = round->rows + phase * plan->metric_count;
    int rc = 0;
    for (size_t i = 0; i < plan->fault_count && !rc; i++) {
        struct result_window *window = &round->windows[i];
        if (plan->faults[i].phase != phase || !round->steps[phase].load.series)
            continue;
        if (!window->acted && window->healed_ns > 0) /* else why not has been said */
            result_phase_invalid(round, phase, "%s: fault '%s' touched nothing",
                                 plan->phases[phase].name, plan->faults[i].name);
        if (!window->acted)
            continue;
        rc = judge(result, round, i, err);
        if (!rc)
            fill_metrics(plan, i, window, row);
    }
    return rc;
}
