/* SPDX-License-Identifier: MIT */
/* live.h - what goes on in a run at present, for those who watch it: where it is, what the last
 * second brought, how the phase went until now, and what every phase has come to so far.
 *
 * The runner says where it is; a fiber of its thread calls live_tick a few times a second; others
 * of the same thread read. Nothing of it is on the path of a request: counters and latencies come
 * from what the load's threads keep anyway (struct load_progress). */
#ifndef POOLSTORM_RUN_LIVE_H
#define POOLSTORM_RUN_LIVE_H

#include "core/clock.h"
#include "load/load.h"
#include "plan/metric.h"
#include "run/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIVE_TICK_NS (250 * NS_PER_MS) /* between two of live_tick */

enum {
    LIVE_RECENT = 4,      /* ticks that are the last second */
    LIVE_TICKS_MAX = 512, /* kept of a phase; beyond, pairs of them are joined */
};

/* What a stretch of a phase brought. */
struct live_tick {
    uint64_t end_ns, span_ns;      /* since the phase's load began, and how long it was */
    uint64_t ended[LOAD_OUTCOMES]; /* requests by outcome */
    double p99_ns;                 /* of good replies; NAN: none came. Of joined ones the highest */
    double in_flight;              /* at its end */
};

/* A tick with its latencies. */
struct live_stretch {
    struct live_tick tick;
    struct hist *latency;
};

/* A fault of the plan. Times count from the start of its phase's load. */
struct live_fault {
    const char *name;
    size_t phase;                   /* it belongs to */
    uint64_t at_ns, for_ns;         /* as asked for; for_ns 0: to the phase's end */
    uint64_t applied_ns, healed_ns; /* in this round; 0: not yet */
    bool acting;                    /* it is there now */
    bool idle;                      /* it has gone and had touched nothing */
};

/* An observation of the plan that is sampled. */
struct live_gauge {
    const char *name; /* of the metric; NULL: not sampled, or drawn under another name */
    enum metric_unit unit;
    double value;  /* the last sample of this phase; NAN: none */
    double *ticks; /* by tick */
};

/* Requests of the whole run that were made in one phase of a variant, under the same faults. */
struct live_account {
    size_t variant, phase;         /* indices in the result */
    uint32_t faults;               /* that were there: a bit each, by index */
    uint64_t ended[LOAD_OUTCOMES]; /* by outcome */
    struct hist *latency;          /* of good replies, from 1 us to 60 s */
};

/* Start with {0}; live_fini. What it shows is for those who watch to read, and nobody to write. */
struct live {
    bool watched;                /* see live_watch: else there are no ticks and no accounts */
    const struct result *result; /* grows; NULL before the first round */
    size_t round, round_count;   /* from 1; as planned, without repetitions */
    unsigned attempt;            /* 0, or which repetition of an invalid round */
    const char *title;           /* of the scenario; like the next two NULL before the first */
    const char *variant;         /* of the round under way */
    const char *phase;           /* what the round is at: "start", or a phase's name */
    size_t variant_index;        /* in the result */
    int phase_index;             /* -1: between phases */
    bool loaded;                 /* the phase has a load */
    uint64_t length_ns;          /* of the phase, as asked for */
    uint64_t elapsed_ns;         /* of the phase's load, as of the last tick */

    struct live_tick second;   /* the last one */
    struct live_tick *ticks;   /* of the phase */
    size_t tick_count;         /* of ticks */
    struct live_fault *faults; /* by fault of the plan */
    size_t fault_count;
    struct live_gauge *gauges; /* by observation of the plan */
    size_t gauge_count;
    struct live_account *accounts; /* in the order they were begun */
    size_t account_count;

    struct load_progress progress;           /* of the load under way, for load_run */
    uint64_t base_ns;                        /* private, all from here: when the load began */
    uint64_t credited[LOAD_OUTCOMES];        /* of progress, that are in the accounts */
    struct live_stretch pending;             /* since the last tick */
    struct live_stretch recent[LIVE_RECENT]; /* the last ticks */
    size_t recent_next;                      /* the oldest of them */
    size_t account_room;                     /* of accounts */
};

/* Says that somebody will look, before the run begins. -ENOMEM. */
int live_watch(struct live *live, struct err *err);

void live_fini(struct live *live);

/* ---- For the runner; NULL is fine ------------------------------------------------------------ */

/* A run begins, or with NULL is over and its result goes. -ENOMEM. */
int live_begin_run(struct live *live, const struct result *result, struct err *err);

/* The round at a place of the schedule, from 1. */
void live_begin_round(struct live *live, size_t place, const struct result_round *round);

/* A phase of the round begins. */
void live_begin_phase(struct live *live, size_t index);

/* The round is at something else; what is a static text. */
void live_say(struct live *live, const char *what);

/* A fault of the plan is there, or has gone, at a time since the load began. */
void live_begin_fault(struct live *live, size_t index, uint64_t at_ns);
void live_end_fault(struct live *live, size_t index, uint64_t at_ns, bool touched);

/* An observation's newest sample, in its metric's unit; NAN: there is none. */
void live_sample(struct live *live, size_t index, double value);

/* ---- For those who watch --------------------------------------------------------------------- */

/* Takes in what has come since the last one. */
void live_tick(struct live *live, uint64_t now_ns);

/* The faults that are there now, a bit each, by index. */
uint32_t live_faults(const struct live *live);

/* Requests of a tick that did not end well. */
uint64_t live_tick_errors(const struct live_tick *tick);

/* Per second. */
double live_tick_rate(const struct live_tick *tick, uint64_t count);

#endif
