/* SPDX-License-Identifier: MIT */
/* search.h - finds the highest rate at which an objective is met: which rate to try next, and what
 * the steps so far amount to. It makes no load itself.
 *
 * From a first rate it doubles until the objective is no longer met (or halves until it is), then
 * bisects between the highest rate that met it and the lowest that did not. A rate is decided once
 * as many steps as `confirm` says agree; what disagrees is outvoted. Rates at which the generator
 * was the limit bound the search as missed ones do, but say nothing about the subject: when such a
 * rate is the bound in the end, the knee lies higher than what was found. */
#ifndef POOLSTORM_LOAD_SEARCH_H
#define POOLSTORM_LOAD_SEARCH_H

#include "core/err.h"
#include "core/param.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SEARCH_STEPS_MAX = 200 };

struct search_settings {
    double from_per_s;       /* the rate to begin at */
    double limit_per_s;      /* none higher is tried */
    double floor_per_s;      /* none lower is tried, nor one without a request a step */
    double resolution_share; /* the bracket is narrow enough when its upper end is within this of
                                its lower end */
    uint64_t step_ns;        /* of load at one rate */
    uint64_t settle_ns;      /* of load at the same rate before each step, thrown away */
    uint64_t confirm;        /* steps that must agree on a rate */
    uint64_t steps_max;      /* in all */
};

/* Of struct search_settings. */
extern const struct param search_params[];

/* -EINVAL with the reason when the settings contradict each other. */
int search_check(const struct search_settings *settings, struct err *err);

/* What a step came to. */
enum search_outcome {
    SEARCH_MET,       /* the objective */
    SEARCH_MISSED,    /* by the subject */
    SEARCH_GENERATOR, /* not met, and the generator was the limit: nobody knows whose fault */
    SEARCH_OUTCOMES,
};

extern const char *const search_outcome_names[]; /* "met", …; ends with NULL */

/* Why a search ended. */
enum search_end {
    SEARCH_UNFINISHED, /* not yet, or called off: out of steps or time, or interrupted */
    SEARCH_BRACKETED,  /* the knee is known to the resolution */
    SEARCH_LIMITED,    /* the generator was the limit before the subject was */
    SEARCH_CAPPED,     /* the objective was met at the highest rate to be tried */
    SEARCH_NEVER_MET,  /* not even at the lowest */
    SEARCH_ENDS,
};

extern const char *const search_end_names[]; /* "unfinished", …; ends with NULL */

/* One step. Figures are NAN when there was nothing to take them from. */
struct search_step {
    double rate_per_s;     /* offered */
    double achieved_per_s; /* replies that came while it lasted */
    double p50_ns, p99_ns; /* latency of good replies */
    double errors_share;   /* of the requests */
    uint64_t requests;     /* that ended, well or not */
    uint64_t contaminated; /* of them: without their token, or with another's */
    int outcome;           /* enum search_outcome */
    bool kept_up;          /* the subject answered at the rate at which it was asked */
};

/* The record of a search. */
struct search_curve {
    int end;             /* enum search_end */
    double met_per_s;    /* highest rate decided as met: the knee; NAN: none */
    double missed_per_s; /* lowest rate decided as missed; NAN: none */
    size_t step_count;   /* made so far */
    char reason[160];    /* why the generator was the limit, of the latest such step; or "" */
    struct search_step steps[SEARCH_STEPS_MAX]; /* in the order they were made */
};

/* A search under way. One thread at a time; nothing waits, nothing is owned. */
struct search {
    const struct search_settings *settings; /* checked; the caller's */
    struct search_curve *curve;             /* the caller's, filled as it goes */
    double rate_per_s;                      /* to try next */
    double above_per_s;                     /* lowest rate decided as not met; NAN: none */
    int above;                              /* with above_per_s: enum search_outcome */
    uint64_t votes[SEARCH_OUTCOMES];        /* of the steps at rate_per_s */
    bool over;                              /* there is no next step */
};

/* Starts one; curve is emptied. */
void search_init(struct search *search, const struct search_settings *settings,
                 struct search_curve *curve);

/* Whether there is a step to make, and at which rate. */
bool search_next(const struct search *search, double *rate_per_s);

/* Takes the step that search_next asked for; its rate_per_s is filled in. Returns whether it
 * decided that its rate meets the objective, so that the step is the knee so far. */
bool search_feed(struct search *search, const struct search_step *step);

#endif
