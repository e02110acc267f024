/* SPDX-License-Identifier: MIT */
/* observe.h - reads what a plan observes of a round: at the ends of phases, and while they last.
 *
 * Where figures come from is a source each: a file with a struct observe_source, and its name in
 * observe.c. A source has a connection of its own, apart from the load's. All of it belongs to the
 * ring's thread of the runner. */
#ifndef POOLSTORM_RUN_OBSERVE_H
#define POOLSTORM_RUN_OBSERVE_H

#include "core/ctx.h"
#include "core/err.h"
#include "load/load.h"
#include "plan/plan.h"
#include "run/buckets.h"
#include "run/gauge.h"

#include <stdbool.h>
#include <stdint.h>

struct live;

/* What sources need to know. The caller's during the round. */
struct observe_setting {
    const struct plan *plan;
    const struct load_target *target; /* the subject */
    const char *conninfo;             /* of its database, as pg_connect takes it; NULL: none */
    struct live *live;                /* is told of samples; NULL: nobody watches */
};

/* What was read, by observation of the plan. */
struct observed {
    size_t count;
    double *values;          /* NAN: was not there, or is a histogram */
    struct buckets *buckets; /* of histograms, as they are in the source */
};

/* -ENOMEM. */
int observed_init(struct observed *observed, const struct plan *plan);
void observed_fini(struct observed *observed); /* also when zeroed */

/* A place figures come from. */
struct observe_source {
    const char *name;   /* for messages: "the subject's metrics" */
    uint64_t period_ns; /* between samples, where the plan does not say */
    bool (*owns)(const struct plan_observe *observe); /* which observations are its own */

    /* Prepares; does not connect. *state is handed to the others; close releases it. */
    int (*open)(void **state, const struct observe_setting *setting, struct err *err);

    /* Looks for mistakes of the plan before a round's phases; may connect. NULL: there are none to
     * be found. -EINVAL with the place in the file; any other error says nothing. */
    int (*check)(struct ctx *ctx, void *state, struct err *err);

    /* Fills observed where wanted says so. May connect, and keeps the connection when more is to
     * come. ctx's error, -EINVAL as check, or why there is no answer: the next call begins afresh.
     */
    int (*read)(struct ctx *ctx, void *state, const bool *wanted, struct observed *observed,
                struct err *err);

    void (*close)(void *state);
};

extern const struct observe_source observe_metrics, observe_sql;

enum { OBSERVE_SOURCES_MAX = 4 };

/* The sources a plan needs. Zeroed: none. */
struct observer {
    struct observe_setting setting;
    struct {
        const struct observe_source *source; /* NULL: the plan has nothing of it */
        void *state;
    } sources[OBSERVE_SOURCES_MAX];
};

/* On failure nothing needs to be released. */
int observer_init(struct observer *observer, const struct observe_setting *setting,
                  struct err *err);

void observer_fini(struct observer *observer);

/* Whether what the plan asks for can be asked: -EINVAL with the place in its file. What cannot be
 * found out now is left to the readings. */
int observer_check(struct ctx *ctx, struct observer *observer, struct err *err);

/* Which observations to read. */
enum observe_when {
    OBSERVE_PHASE,  /* at both ends of a phase: counters, and the last of gauges */
    OBSERVE_SAMPLE, /* while it lasts */
    OBSERVE_ROUND,  /* after the last phase */
};

bool observe_is(const struct plan_observe *observe, enum observe_when when);

/* Reads those, as their sources give them; others are left alone. -EINVAL is a mistake of the
 * plan's, told with its place in the file; on another failure err says which source and why. */
int observer_read(struct ctx *ctx, struct observer *observer, enum observe_when when,
                  struct observed *observed, struct err *err);

/* Samples gauges in fibers of its own, one a source, until it is stopped; before it begins, it
 * takes what is there as their opening. A sample that takes longer than the period makes the next
 * ones missing: they are left out, not made up for. */
struct sampling;

/* *out is NULL when the plan samples nothing, and after -EINVAL (see observer_read). Else
 * sampling_stop, in any case. */
int sampling_start(struct ctx *ctx, struct observer *observer, struct sampling **out,
                   struct err *err);

/* Ends it and waits for its fibers. Gauges, by observation, are the caller's then (gauge_fini each,
 * free), their entries counted from start_ns of the clock on, up to length_ns later, and with their
 * sources' units. -EINVAL as observer_read; -ENOMEM. NULL is fine: *gauges is NULL. */
int sampling_stop(struct sampling *sampling, uint64_t start_ns, uint64_t length_ns,
                  struct gauge **gauges, struct err *err);

#endif
