/* SPDX-License-Identifier: MIT */
/* knee.c - the steps of a knee search, made and judged. */
#include "run/knee.h"

#include "core/clock.h"
#include "core/param.h"
#include "plan/objective.h"
#include "run/process_tree.h"
#include "run/round.h"

#include <math.h>
#include <stdio.h>

/* Of the arrivals, this much may be unanswered when a step ends, beside what is on connections. */
#define UNANSWERED_SHARE 0.05

/* A search under way. */
struct knee {
    const struct knee_job *job;
    struct search search;
    struct load_profile profile; /* the job's at the rate of the step */
    struct load_job load;        /* the job's with that profile */
    uint64_t start_ns;
    uint64_t seed; /* of the next load: no two are alike, lest what one left behind fits the next */
};

static int make_load(struct ctx *ctx, struct knee *knee, uint64_t length_ns,
                     struct load_result *result, struct load_progress *progress, struct err *err)
{
    knee->load.length_ns = length_ns;
    knee->load.seed = knee->seed++;
    if (progress)
        load_progress_begin(progress);
    return load_run(ctx, &knee->load, result, progress, err);
}

static int settle(struct ctx *ctx, struct knee *knee, struct load_progress *progress,
                  struct err *err)
{
    struct load_result result;
    if (knee->job->settings->settle_ns == 0)
        return 0;
    int rc = make_load(ctx, knee, knee->job->settings->settle_ns, &result, progress, err);
    load_result_fini(&result);
    return rc;
}

/* What cannot be metered is unknown; a subject that is gone fails by its replies. */
static int measure(struct ctx *ctx, struct knee *knee, struct result_step *step,
                   struct load_progress *progress, struct err *err)
{
    struct meter_sample before, after;
    struct process_tree *meter = knee->job->meter;
    bool metered = meter && process_tree_read(meter, &before, NULL) == 0;
    step->loaded = true;
    int rc = make_load(ctx, knee, knee->job->settings->step_ns, &step->load, progress, err);
    step->metered = metered && process_tree_read(meter, &after, NULL) == 0;
    if (step->metered)
        step->subject = meter_difference(&before, &after);
    return rc;
}

static bool keeps_up(const struct load_result *load, const struct load_profile *profile)
{
    double allowed = UNANSWERED_SHARE * (double)load->offered + (double)profile->connections;
    return (double)load->replied_in_time + allowed >= (double)load->offered;
}

static void judge(struct knee *knee, const struct result_step *at, struct search_step *step)
{
    double row[METRIC_BUILTIN_COUNT];
    for (size_t i = 0; i < METRIC_BUILTIN_COUNT; i++)
        row[i] = NAN;
    round_fill_row(at, row);
    *step = (struct search_step){
        .rate_per_s = knee->profile.rate_per_s,
        .achieved_per_s = row[METRIC_QPS],
        .p50_ns = row[METRIC_P50],
        .p99_ns = row[METRIC_P99],
        .errors_share = row[METRIC_ERRORS],
        .requests = (uint64_t)row[METRIC_REQUESTS],
        .contaminated = (uint64_t)row[METRIC_CONTAMINATED],
        .outcome = SEARCH_MET,
        .kept_up = keeps_up(&at->load, &knee->profile),
    };
    if (step->kept_up && objective_holds(knee->job->objective, row))
        return;
    char reason[sizeof(knee->search.curve->reason)];
    double cpus = at->metered ? meter_cpus(&at->subject) : -1;
    step->outcome = SEARCH_MISSED;
    if (load_result_invalid(&at->load, &knee->profile, cpus, reason, sizeof(reason))) {
        step->outcome = SEARCH_GENERATOR;
        (void)snprintf(knee->search.curve->reason, sizeof(reason), "%s", reason);
    }
}

/* Takes the step as the knee's, or releases it. */
static void keep(struct result_step *at, struct result_step *step)
{
    if (at->loaded)
        load_result_fini(&at->load);
    at->loaded = step->loaded;
    at->load = step->load;
    at->metered = step->metered;
    at->subject = step->subject;
}

static int take_step(struct ctx *ctx, struct knee *knee, struct result_step *at,
                     struct load_progress *progress, struct err *err)
{
    struct search_step taken;
    struct result_step step = {0};
    const struct search_curve *curve = knee->search.curve;
    int rc = settle(ctx, knee, progress, err);
    if (!rc)
        rc = measure(ctx, knee, &step, progress, err);
    if (rc) {
        if (step.loaded)
            load_result_fini(&step.load);
        return rc;
    }
    judge(knee, &step, &taken);
    bool decided = search_feed(&knee->search, &taken);
    if (decided || isnan(curve->met_per_s))
        keep(at, &step);
    else
        load_result_fini(&step.load);
    if (knee->job->on_step)
        knee->job->on_step(knee->job->arg, &curve->steps[curve->step_count - 1]);
    return 0;
}

static bool has_time(const struct knee *knee)
{
    const struct search_settings *settings = knee->job->settings;
    uint64_t ends_ns = clock_now_ns() + settings->settle_ns + settings->step_ns;
    return !knee->job->length_max_ns || ends_ns <= knee->start_ns + knee->job->length_max_ns;
}

int knee_run(struct ctx *ctx, const struct knee_job *job, struct search_curve *curve,
             struct result_step *at, struct load_progress *progress, struct err *err)
{
    struct knee knee = {
        .job = job,
        .profile = *job->load->profile,
        .load = *job->load,
        .start_ns = clock_now_ns(),
        .seed = job->load->seed,
    };
    knee.load.profile = &knee.profile;
    search_init(&knee.search, job->settings, curve);
    int rc = 0;
    while (!rc && search_next(&knee.search, &knee.profile.rate_per_s) && has_time(&knee))
        rc = take_step(ctx, &knee, at, progress, err);
    return rc;
}

const char *knee_invalid(const struct search_curve *curve, char *text, size_t size_bytes)
{
    char met[48], missed[48];
    if (curve->end == SEARCH_LIMITED && isnan(curve->met_per_s))
        (void)snprintf(text, size_bytes, "no rate could be judged: %s", curve->reason);
    else if (curve->end == SEARCH_LIMITED)
        (void)snprintf(text, size_bytes, "the knee is at least %s: beyond it %s",
                       metric_format(met, sizeof(met), METRIC_RATE, curve->met_per_s),
                       curve->reason);
    else if (curve->end == SEARCH_UNFINISHED)
        (void)snprintf(text, size_bytes,
                       "the search was not finished: met %s, missed %s, steps %zu",
                       metric_format(met, sizeof(met), METRIC_RATE, curve->met_per_s),
                       metric_format(missed, sizeof(missed), METRIC_RATE, curve->missed_per_s),
                       curve->step_count);
    else
        return NULL;
    return text;
}
