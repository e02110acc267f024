/* SPDX-License-Identifier: MIT */
/* result.h - everything a run found out: the record all reports are derived from.
 *
 * The runner fills it, on one thread; afterwards it is read only and any thread may. It owns its
 * histograms, series and texts, and borrows the plan, which must outlive it.
 *
 * Pairs. Each block runs every variant once (run/schedule.h). Rounds of the same block stood next
 * to each other in time and form the pairs of a comparison: result_pairs. A round that is not valid
 * is kept, and run again a bounded number of times under the same block number; at most one round
 * of a block and variant is valid. Where one phase alone is why, the figures of the others are used
 * all the same, unless another attempt is valid.
 *
 * Breaches. A round that broke an invariant is not valid either, whatever else is to be said of it:
 * it is kept with what it broke, compared with nothing, and not run again. */
#ifndef POOLSTORM_RUN_RESULT_H
#define POOLSTORM_RUN_RESULT_H

#include "load/load.h"
#include "measure/meter.h"
#include "measure/recovery.h"
#include "plan/plan.h"
#include "run/buckets.h"
#include "run/gauge.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { RESULT_REASONS_MAX = 8 };

/* A variant as it ran: a part of the plan's, or in an A/A run one of them twice. */
struct result_variant {
    char *name;        /* the plan's, or with a ' behind it for the second side of an A/A run */
    size_t plan_index; /* in plan->variants */
    char *allocator;   /* name of what its memory came from; NULL: not ours to choose (url) */
    char *preload;     /* the object preloaded for it, or NULL */
    char *program;     /* of its service, where another than this one; else NULL */
};

/* A phase as it was asked for: the plan's with the command line's overrides. */
struct result_phase {
    const char *name;              /* the plan's */
    int kind;                      /* enum plan_phase_kind */
    uint64_t length_ns;            /* may be shorter than the plan's */
    struct load_profile profile;   /* likewise; says nothing in a drain */
    struct search_settings search; /* likewise; where the plan's phase has an objective */
};

/* A fault as it was asked for: its times are the plan's, scaled with its phase. */
struct result_fault {
    uint64_t at_ns, for_ns, hold_ns;
};

/* What a fault of the plan did in one round. Times count from the start of its phase's load. */
struct result_window {
    bool acted;                     /* it touched something; began_ns and ended_ns are set */
    uint64_t applied_ns, healed_ns; /* when it was put there and taken away; 0: it was not */
    uint64_t began_ns, ended_ns;    /* its first and last effect */
    uint64_t links;                 /* touched: what kind.touches says */
    uint64_t bytes, pieces;         /* touched */
    uint64_t refused;         /* connections kept out, delayed, or closed before they were one */
    double queries;           /* that came while it was there; NAN: not known */
    struct recovery recovery; /* what became of the service */
};

/* One phase of one round, by index of the phase. */
struct result_step {
    bool invalid;                /* a reason of the round's is of this phase */
    bool ran;                    /* false: the round ended before it; nothing below is set */
    uint64_t start_ns;           /* since the start of the run */
    uint64_t length_ns;          /* what it took in fact */
    bool loaded;                 /* load below is set: not so in a drain */
    struct load_result load;     /* owned */
    bool metered;                /* subject below is set: not so for a url */
    struct meter_sample subject; /* meter_difference over the phase */
    bool database_metered;       /* the next is set: not so without a throw-away database */
    uint64_t database_cpu_ns;    /* processor time of all its processes over the phase */
    struct search_curve *curve; /* of a knee search, owned; else NULL. load and subject are those of
                                   the step that decided on the knee, or without one of the last */
    struct gauge *gauges;       /* by observation of the plan, owned; NULL: none was sampled */
    struct buckets
        *histograms; /* likewise: what came in during the phase; NULL: none is observed */
};

/* An invariant that a round broke. */
struct result_breach {
    size_t invariant; /* in plan->invariants */
    char text[240];   /* with the figure seen: "contaminated == 0: was 3" */
};

/* One pass of one variant. */
struct result_round {
    size_t variant;                        /* in result->variants */
    size_t block;                          /* from 0; see above */
    size_t place;                          /* which pass of the whole run it was, from 0 */
    unsigned attempt;                      /* 0, or which repetition of an invalid round */
    uint64_t seed;                         /* of its load; the same for all of a block */
    uint64_t start_ns, length_ns;          /* since the start of the run, and how long */
    uint64_t ready_ns;                     /* from starting the subject to healthy; 0: url */
    pid_t pid;                             /* of the subject; 0: url */
    int exit_status;                       /* of the subject, as waitpid; -1: unknown or url */
    bool valid;                            /* may be used for verdicts */
    bool spoilt;                           /* not valid as a whole, and not for a phase alone */
    char reasons[RESULT_REASONS_MAX][240]; /* why not, reason_count of them */
    int reason_phases[RESULT_REASONS_MAX]; /* the phase each is of; -1: the whole round */
    size_t reason_count;                   /* 0 when valid */
    struct result_breach *breaches;        /* what it broke, each invariant once at most */
    size_t breach_count;                   /* 0 when valid */
    struct result_step *steps;             /* by phase */
    struct result_window *windows;         /* by fault of the plan */
    double *rows;                          /* phase_count rows of plan->metric_count values */
    double *whole;                         /* plan_gather of them: one row */
};

/* Where it ran and what with. Texts are "" when they could not be found out. */
struct result_environment {
    char version[32];        /* of poolstorm */
    char commit[64];         /* it was built from */
    bool dirty;              /* with changes that were not committed */
    char build[160];         /* compiler, optimisation, sanitizers */
    char host[80];           /* name of the machine */
    char kernel[200];        /* "Linux 6.1.0 x86_64" */
    char cpu_model[160];     /* as /proc/cpuinfo says */
    unsigned cpu_count;      /* this process may use */
    char governor[40];       /* of frequency, of the first CPU */
    uint64_t memory_bytes;   /* of the machine */
    char *command_line;      /* as typed */
    char started[32];        /* wall clock, "2024-05-17T09:30:00Z" */
    double load_before[3];   /* load averages: 1, 5, 15 minutes; NAN when unknown */
    double load_after[3];    /* likewise */
    char generator_cpus[80]; /* CPUs of the generator, "1" or "2-3" */
    char subject_cpus[80];   /* CPUs of the subject */
    char database[256];      /* "PostgreSQL 15.13, throw-away"; "" without one */
    bool cpus_shared;        /* there was one CPU for both: figures are of little worth */
};

/* The record of a run. */
struct result {
    const struct plan *plan; /* borrowed */
    uint64_t seed;           /* of schedule and load */
    size_t block_count;      /* rounds asked for of each variant */
    bool quick;              /* too little was asked for to give verdicts */
    bool aa;                 /* the two variants are the same: no difference must be found */
    bool interrupted;        /* ended by a signal: blocks are missing */
    char *failure;           /* what ended it early, with the tail of the log; or NULL */
    bool mistaken;           /* which is a mistake in the scenario */
    double noise_share;      /* the band within which variants are equivalent */
    char *folder;            /* where its files go */
    uint64_t start_ns;       /* CLOCK_MONOTONIC, what start_ns of rounds counts from */
    uint64_t length_ns;      /* of the run so far, or in all */
    struct result_variant *variants; /* in the plan's order: the first is the baseline */
    size_t variant_count;
    struct result_phase *phases; /* plan->phase_count of them */
    struct result_fault *faults; /* plan->fault_count of them */
    struct result_round *rounds; /* in the order they ran, invalid ones included */
    size_t round_count;
    struct result_environment environment;
};

/* An empty result for a plan: phases are the plan's, no variants, no rounds. -ENOMEM. */
int result_create(struct result **out, const struct plan *plan, struct err *err);

/* NULL is fine. */
void result_destroy(struct result *result);

/* Gives back what takes the memory, once it has been judged: series, samples of gauges, and the
 * counts of histograms, which still know how many there were. All figures stay. */
void result_lighten(struct result *result);

/* Adds a variant; name may be NULL for the plan's. */
int result_add_variant(struct result *result, size_t plan_index, const char *name, struct err *err);

/* Scales the faults' times with the lengths of their phases, after these have been changed. */
void result_scale_faults(struct result *result);

/* How long a fault's phase is asked for, over what the plan says. */
double result_fault_pace(const struct result *result, size_t fault);

/* What was sampled of an observation in a step, or NULL. */
const struct gauge *result_gauge(const struct result_step *step, size_t observation);

/* Appends a round with rows of NAN, valid and without steps. It stays where it is until the next
 * one is added. -ENOMEM. */
int result_add_round(struct result *result, struct result_round **out, struct err *err);

/* Gives a reason why the round must not be used. Beyond RESULT_REASONS_MAX they are dropped. */
void result_round_invalid(struct result_round *round, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same for figures of one phase, and those that several phases go into. */
void result_phase_invalid(struct result_round *round, size_t phase, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Whether figures of a phase may be used. */
bool result_phase_is_sound(const struct result_round *round, size_t phase);

/* Says that the round broke an invariant of the plan, which is told once; takes its validity. */
void result_round_break(struct result_round *round, size_t invariant, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Whether it may be asked for invariants: it is valid, or was but for what it broke. */
bool result_round_counts(const struct result_round *round);

/* The histogram that an observation is of, as it grew in a step, or NULL. */
const struct buckets *result_histogram(const struct plan *plan, const struct result_step *step,
                                       size_t observation);

/* Requests a round that a percentile wants to be one, or values in an observed histogram; 0 for
 * every other metric. */
uint64_t result_metric_needs(const struct plan *plan, int metric);

/* The latencies that a round's percentile was taken from, or the values of an observed histogram;
 * phase may be EXPR_WHOLE_ROUND. */
uint64_t result_requests(const struct result *result, const struct result_round *round, int phase,
                         int metric);

/* The valid round of a block and variant, or NULL. */
const struct result_round *result_find(const struct result *result, size_t block, size_t variant);

/* The round of a block and variant that a figure is to be taken from: the valid one, else one in
 * which the figure's phase is sound. NULL: there is none. phase may be EXPR_WHOLE_ROUND. */
const struct result_round *result_find_figure(const struct result *result, size_t block,
                                              size_t variant, int phase, int metric);

/* One value of a round: phase may be EXPR_WHOLE_ROUND. NAN when there is none. */
double result_value(const struct result *result, const struct result_round *round, int phase,
                    int metric);

/* The index of a variant of the result by that of the plan; -1 when it did not run. In an A/A run
 * the first side. */
int result_variant_of(const struct result *result, size_t plan_index);

/* Pairs the values of two paths over the blocks in which both may be used and are finite. variant
 * is an index of the result here, not of the plan. a and b get at most block_count values each.
 * Returns how many. */
size_t result_pairs(const struct result *result, const struct expr_ref *first,
                    const struct expr_ref *second, double *a, double *b);

/* The values of one path that may be used, in order of blocks, never ones included. Returns how
 * many. */
size_t result_values(const struct result *result, const struct expr_ref *ref, double *values);

#endif
