/* SPDX-License-Identifier: MIT */
/* search.c - doubles, halves and bisects towards the knee. */
#include "load/search.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <string.h>

const char *const search_outcome_names[] = {"met", "missed", "generator", NULL};
const char *const search_end_names[] = {"unfinished", "bracketed", "generator",
                                        "capped",     "never met", NULL};

const struct param search_params[] = {
    {PARAM_RATE("from", search_settings, from_per_s, "500/s", "the rate a search begins at"),
     .min = 0.001, .max = 1e8},
    {PARAM_RATE("limit", search_settings, limit_per_s, "1000k/s", "no higher rate is tried"),
     .min = 0.001, .max = 1e8},
    {PARAM_RATE("floor", search_settings, floor_per_s, "1/s",
                "no lower rate is tried, nor one without a request a step"),
     .min = 0.001, .max = 1e8},
    {PARAM_SHARE("resolution", search_settings, resolution_share, "5%",
                 "how close the highest rate met and the lowest missed must come"),
     .min = 0.001, .max = 1},
    {PARAM_NS("step", search_settings, step_ns, "3s", "how long each rate is tried"), .min = 1e6,
     .max = 3600e9},
    {PARAM_NS("settle", search_settings, settle_ns, "1s",
              "load at the rate before each step, thrown away"),
     .min = 0, .max = 3600e9},
    {PARAM_COUNT("confirm", search_settings, confirm, "2", "steps that must agree on a rate"),
     .min = 1, .max = 5},
    {PARAM_COUNT("steps_max", search_settings, steps_max, "100", "steps a search may take"),
     .min = 1, .max = SEARCH_STEPS_MAX},
    {0},
};

/* A step is to have a request. */
static double lowest(const struct search_settings *settings)
{
    return fmax(settings->floor_per_s, 1e9 / (double)settings->step_ns);
}

int search_check(const struct search_settings *settings, struct err *err)
{
    if (settings->from_per_s > settings->limit_per_s)
        return err_set(err, -EINVAL, "a search cannot begin at %g/s, above its limit of %g/s",
                       settings->from_per_s, settings->limit_per_s);
    if (settings->from_per_s < settings->floor_per_s)
        return err_set(err, -EINVAL, "a search cannot begin at %g/s, below its floor of %g/s",
                       settings->from_per_s, settings->floor_per_s);
    if (settings->from_per_s < lowest(settings))
        return err_set(err, -EINVAL,
                       "at %g/s no request would be due within a step: begin higher "
                       "or take longer steps",
                       settings->from_per_s);
    return 0;
}

void search_init(struct search *search, const struct search_settings *settings,
                 struct search_curve *curve)
{
    *curve = (struct search_curve){.met_per_s = NAN, .missed_per_s = NAN};
    *search = (struct search){
        .settings = settings,
        .curve = curve,
        .rate_per_s = settings->from_per_s,
        .above_per_s = NAN,
    };
}

bool search_next(const struct search *search, double *rate_per_s)
{
    *rate_per_s = search->rate_per_s;
    return !search->over;
}

static void finish(struct search *search, enum search_end end)
{
    search->curve->end = (int)end;
    search->over = true;
}

/* Nothing is known to miss yet: up. */
static void go_up(struct search *search, double met_per_s)
{
    if (met_per_s >= search->settings->limit_per_s)
        finish(search, SEARCH_CAPPED);
    else
        search->rate_per_s = fmin(2 * met_per_s, search->settings->limit_per_s);
}

/* Nothing is known to meet it yet: down. */
static void go_down(struct search *search)
{
    bool missed = search->above == SEARCH_MISSED;
    double floor_per_s = lowest(search->settings);
    if (search->above_per_s <= floor_per_s)
        finish(search, missed ? SEARCH_NEVER_MET : SEARCH_LIMITED);
    else
        search->rate_per_s = fmax(search->above_per_s / 2, floor_per_s);
}

/* The mean is the geometric one: what is halved is the ratio, which is what the resolution is of.
 */
static void go_between(struct search *search, double met_per_s)
{
    bool missed = search->above == SEARCH_MISSED;
    if (search->above_per_s <= met_per_s * (1 + search->settings->resolution_share))
        finish(search, missed ? SEARCH_BRACKETED : SEARCH_LIMITED);
    else
        search->rate_per_s = sqrt(met_per_s * search->above_per_s);
}

static void decide(struct search *search, enum search_outcome outcome)
{
    struct search_curve *curve = search->curve;
    if (outcome == SEARCH_MET) {
        curve->met_per_s = search->rate_per_s;
    } else {
        search->above_per_s = search->rate_per_s;
        search->above = (int)outcome;
    }
    if (outcome == SEARCH_MISSED)
        curve->missed_per_s = search->rate_per_s;
    memset(search->votes, 0, sizeof(search->votes));
    if (isnan(search->above_per_s))
        go_up(search, curve->met_per_s);
    else if (isnan(curve->met_per_s))
        go_down(search);
    else
        go_between(search, curve->met_per_s);
}

bool search_feed(struct search *search, const struct search_step *step)
{
    struct search_curve *curve = search->curve;
    assert(!search->over);
    assert(step->outcome >= 0 && step->outcome < SEARCH_OUTCOMES);
    curve->steps[curve->step_count] = *step;
    curve->steps[curve->step_count++].rate_per_s = search->rate_per_s;
    bool decided = ++search->votes[step->outcome] >= search->settings->confirm;
    if (decided)
        decide(search, (enum search_outcome)step->outcome);
    if (!search->over && curve->step_count >= search->settings->steps_max)
        finish(search, SEARCH_UNFINISHED);
    return decided && step->outcome == SEARCH_MET;
}
