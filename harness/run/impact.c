/* SPDX-License-Identifier: MIT */
/* impact.c - hands windows and series to measure/recovery.h, and its answers to metrics. */
#include "run/impact.h"

#include "core/clock.h"

#include <math.h>

/* The faults of a phase that acted, by their first effect. */
struct episode {
    size_t faults[PLAN_FAULTS_MAX]; /* of the plan */
    size_t count;
};

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
    bool well = recovery->state == RECOVERY_WELL;
    bool never = recovery->state == RECOVERY_STUCK || recovery->state == RECOVERY_LATE;
    double *metrics = row + plan_fault_metric(plan, fault, 0);
    metrics[PLAN_FAULT_DEPTH] = recovery->depth;
    metrics[PLAN_FAULT_DETECT] = recovery->detect_ns;
    metrics[PLAN_FAULT_RECOVER] = never ? METRIC_NEVER_NS : recovery->recover_ns;
    metrics[PLAN_FAULT_RECOVERED] = well || never ? well : NAN;
    metrics[PLAN_FAULT_ERRORS] = (double)recovery->errors / requests;
    metrics[PLAN_FAULT_AMPLIFICATION] = amplification(window);
}

/* Those that act, and have been judged as far as they began before; else well_ns is not known. */
static size_t find_others(const struct result_round *round, const struct episode *episode,
                          size_t fault, uint64_t start_ns, struct recovery_other *others)
{
    size_t count = 0;
    for (size_t i = 0; i < episode->count; i++) {
        const struct result_window *window = &round->windows[episode->faults[i]];
        const struct recovery *recovery = &window->recovery;
        if (episode->faults[i] == fault)
            continue;
        bool well = recovery->state == RECOVERY_WELL;
        uint64_t well_ns = window->healed_ns + (well ? (uint64_t)recovery->recover_ns : 0);
        others[count++] = (struct recovery_other){start_ns + window->began_ns,
                                                  well ? start_ns + well_ns : CLOCK_NEVER};
    }
    return count;
}

static int judge(const struct result *result, struct result_round *round,
                 const struct episode *episode, size_t fault, struct err *err)
{
    struct recovery_other others[PLAN_FAULTS_MAX];
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
        .others = others,
        .other_count = find_others(round, episode, fault, start_ns, others),
    };
    return recovery_judge(&job, &window->recovery, err);
}

/* By insertion, so that those that began together stay in the plan's order. */
static void episode_add(struct episode *episode, const struct result_round *round, size_t fault)
{
    size_t at = episode->count++;
    uint64_t began_ns = round->windows[fault].began_ns;
    for (; at > 0 && round->windows[episode->faults[at - 1]].began_ns > began_ns; at--)
        episode->faults[at] = episode->faults[at - 1];
    episode->faults[at] = fault;
}

int impact_judge(const struct result *result, struct result_round *round, size_t phase,
                 struct err *err)
{
    const struct plan *plan = result->plan;
    struct episode episode = {0};
    int rc = 0;
    for (size_t i = 0; i < plan->fault_count; i++) {
        const struct result_window *window = &round->windows[i];
        if (plan->faults[i].phase != phase || !round->steps[phase].load.series)
            continue;
        if (!window->acted && window->healed_ns > 0) /* else why not has been said */
            result_phase_invalid(round, phase, "%s: fault '%s' touched nothing",
                                 plan->phases[phase].name, plan->faults[i].name);
        if (window->acted)
            episode_add(&episode, round, i);
    }
    for (size_t i = 0; i < episode.count && !rc; i++) {
        size_t fault = episode.faults[i];
        rc = judge(result, round, &episode, fault, err);
        if (!rc)
            fill_metrics(plan, fault, &round->windows[fault],
                         round->rows + phase * plan->metric_count);
    }
    return rc;
}
