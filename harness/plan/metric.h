/* SPDX-License-Identifier: MIT */
/* metric.h - what a round yields: the name, unit and meaning of every figure that can be asked for.
 */
#ifndef POOLSTORM_PLAN_METRIC_H
#define POOLSTORM_PLAN_METRIC_H

#include <math.h>
#include <stddef.h>

/* What a figure is stored as, always a double. */
enum metric_unit {
    METRIC_NUMBER, /* a ratio or anything without a unit */
    METRIC_COUNT,  /* how many */
    METRIC_SHARE,  /* of one: 0.25 is shown as 25 % */
    METRIC_NS,     /* nanoseconds */
    METRIC_BYTES,  /* bytes */
    METRIC_RATE,   /* per second */
};

enum metric_better { METRIC_NEITHER, METRIC_MORE, METRIC_LESS };

/* How the figure of a whole round comes from those of its measured phases: what `pooled.p99` means
 * as opposed to `pooled.steady.p99`. plan_gather does it. */
enum metric_over {
    METRIC_OVER_CLOSED, /* the first closed-loop measured phase, else the first measured phase */
    METRIC_OVER_OPEN,   /* the first open-loop measured phase, else the first measured phase */
    METRIC_OVER_SUM,    /* summed over the measured phases */
    METRIC_OVER_MAX,    /* the largest of the measured phases */
    METRIC_OVER_MIN,    /* the least of them */
    METRIC_OVER_MEAN,   /* their mean, each as long as planned */
    METRIC_OVER_ROUND,  /* of the whole round alone: no phase has it */
    METRIC_OVER_LAST,   /* the last measured phase */
    METRIC_OVER_SHARE,  /* error_count over requests, each summed over the measured phases */
    METRIC_OVER_FAULT,  /* the phase its fault is in */
    METRIC_OVER_DERIVE, /* worked out anew from the round's own figures */
};

/* One figure. Names are as written in expressions. */
struct metric {
    const char *name;          /* snake_case */
    enum metric_unit unit;     /* what the value is stored as */
    enum metric_better better; /* which way is good */
    enum metric_over over;     /* what it means without a phase */
    const char *help;          /* one line, lower case, no full stop */
};

/* A duration that had not come to its end when it was no longer watched: longer than any limit, and
 * than any other. What is said of several rounds by ranks (medians, intervals) may be never itself;
 * it is no number to count with. */
#define METRIC_NEVER_NS ((double)INFINITY)

/* The indices of the built-in metrics; a plan's observed and derived ones follow behind. */
enum metric_index {
    METRIC_QPS,
    METRIC_GOODPUT,
    METRIC_REQUESTS,
    METRIC_ERRORS,
    METRIC_ERROR_COUNT,
    METRIC_CONTAMINATED,
    METRIC_SHEDS,
    METRIC_P50,
    METRIC_P90,
    METRIC_P95,
    METRIC_P99,
    METRIC_P999,
    METRIC_MAX,
    METRIC_MEAN,
    METRIC_LATENESS_P50,
    METRIC_LATENESS_P99,
    METRIC_CONNECT_P50,
    METRIC_CONNECT_P99,
    METRIC_CPU_PER_REQUEST,
    METRIC_SUBJECT_CPU,
    METRIC_FAULTS_PER_REQUEST,
    METRIC_RSS_PEAK,
    METRIC_RSS_END,
    METRIC_DATABASE_CPU_PER_REQUEST,
    METRIC_DATABASE_CPU,
    METRIC_KNEE,
    METRIC_LEDGER_ACKNOWLEDGED,
    METRIC_LEDGER_STORED,
    METRIC_LEDGER_LOST,
    METRIC_LEDGER_DOUBLED,
    METRIC_LEDGER_UNKNOWN,
    METRIC_LEDGER_REFUSED,
    METRIC_LEDGER_GHOSTS,
    METRIC_TIME_PER_OP,
    METRIC_CPU_PER_OP,
    METRIC_OPS,
    METRIC_ITERATIONS,
    METRIC_CPU_WAITED,
    METRIC_BUILTIN_COUNT,
    METRIC_MICRO_FIRST = METRIC_TIME_PER_OP,    /* from here on those of micro-benchmarks alone */
    METRIC_LOAD_COUNT = METRIC_CPU_PER_REQUEST, /* those before it the generator takes by itself */
};

/* The built-in ones, by index; a name of NULL ends the table. Static data. */
extern const struct metric metric_builtin[METRIC_BUILTIN_COUNT + 1];

/* "a duration", "a rate", … for messages. */
const char *metric_unit_name(enum metric_unit unit);

/* Writes a figure as a person would say it: "24.3 ms", "18.4 k/s", "12.5 %", "–" for NAN,
 * "never" for METRIC_NEVER_NS, "∞" for what is without bounds else.
 * Returns text. */
char *metric_format(char *text, size_t size_bytes, enum metric_unit unit, double value);

#endif
