/* SPDX-License-Identifier: MIT */
/* recovery.h - what a fault did to a service, and whether and when the service came back: figures
 * from the time series of one phase and the window in which the fault really acted.
 *
 * Everything is told from slots of the series (100 ms, say): times are good to one of them. Slots
 * that are not whole do not count: what lies beyond the phase's length, and the last one when late
 * replies were put into it.
 *
 * Before: the whole slots before the fault's first effect, without the very first when there are
 * ten or more (replies to what is sent in it come in the next), and without those that another
 * fault touched, from its first effect until the service was well again after it (if ever, as far
 * as is known). Goodput before is their mean, and
 * its noise what they scatter, or what Poisson arrivals would, whichever is more. P99 before is the
 * highest of any stretch of hold_ns in it, or as long as there is one when all are shorter: what
 * was seen without a fault is no impact of it. A load that changes by itself (ramp, step, spike)
 * has no "before"; neither has a fault that acts from the phase's beginning, of which only errors
 * are told.
 *
 * Depth: goodput of the worst slot from the first effect to recovery, over goodput before. 0 is a
 * standstill; noise alone makes it somewhat less than 1, the more so the fewer requests a slot has.
 *
 * Detection: the end of the first slot from the first effect to recovery in which a client saw
 * something: more errors than in any slot before, or replies whose P99 was too high (see there) and
 * above that of any slot before. Silence is nothing that a client sees. Counts from the
 * first effect; none: nobody noticed.
 *
 * Recovery: the first slot after the fault has been taken away from which on, for hold_ns, goodput
 * is at least 95 % of before (of the lowest stretch as long, where that is less), P99 (of all
 * requests in that time) is not too high, and no slot falls below both 95 % and four times the
 * noise. Too high is more than 1.2 times P99 before, and by more than slack_ns: where replies take
 * a millisecond, a machine's moods are more than a fifth. Counts from the fault's end, and is below
 * one slot where the service was well at once. A stretch that ends before hold_ns is over, with the
 * phase or with the first effect of the next fault, is not enough. When that is less than hold_ns
 * after the fault's end, or before it, nothing can be said.
 *
 * A service that did not recover in the time it was watched for may have been about to, or its load
 * may vary by itself. It is called metastable when it stayed down after the cause was gone: when in
 * no stretch of hold_ns after the fault's end goodput came to half of before (of the lowest stretch
 * as long, where that is less).
 *
 * Faults whose windows overlap are not told apart: what one does while the other acts is said of
 * both.
 *
 * Any thread; allocates. */
#ifndef POOLSTORM_MEASURE_RECOVERY_H
#define POOLSTORM_MEASURE_RECOVERY_H

#include "core/err.h"
#include "measure/series.h"

#include <stdint.h>

#define RECOVERY_GOODPUT_SHARE 0.95 /* of before, to be well again */
#define RECOVERY_P99_RATIO     1.2  /* to before, at most */
#define RECOVERY_NOISE_SIGMAS  4    /* a slot that far below the mean is no noise */
#define RECOVERY_DOWN_SHARE    0.5  /* of before: what stays below it is metastable */

/* Another fault of the same phase; times as in a job. */
struct recovery_other {
    uint64_t began_ns; /* its first effect */
    uint64_t well_ns;  /* when the service was well again after it; CLOCK_NEVER: not known */
};

struct recovery_job {
    const struct series *series;
    uint64_t length_ns; /* of the phase, as far as it went */
    uint64_t began_ns;  /* first effect, CLOCK_MONOTONIC as the series' start */
    uint64_t ended_ns;  /* when the fault was taken away; CLOCK_NEVER: not within the phase */
    uint64_t hold_ns;   /* above 0 */
    uint64_t slack_ns;  /* that P99 may always be above P99 before */
    const struct recovery_other *others; /* in any order; NULL without any */
    size_t other_count;
};

enum recovery_state {
    RECOVERY_UNKNOWN, /* nothing to compare with, or too little time after it */
    RECOVERY_WELL,    /* it came back */
    RECOVERY_STUCK,   /* it stayed down: metastable */
    RECOVERY_LATE,    /* it did not within the time it was watched for, which is all to be said */
};

/* NAN is "none". */
struct recovery {
    double before_per_s;                    /* goodput */
    double before_p99_ns;                   /* see above */
    double depth;                           /* worst goodput over before_per_s */
    double detect_ns;                       /* from the first effect; NAN: nobody noticed */
    int state;                              /* enum recovery_state */
    double recover_ns;                      /* from the fault's end; NAN unless WELL */
    double watched_ns;                      /* from the fault's end; NAN when UNKNOWN */
    double regained;                        /* unless WELL or UNKNOWN: goodput of the best stretch
                                               of hold_ns after it, over before_per_s; else NAN */
    uint64_t span_ns;                       /* of the slots that the fault's window touches */
    uint64_t requests;                      /* that ended in them */
    uint64_t errors;                        /* of these, failed */
    uint64_t kinds[SERIES_ERROR_KINDS_MAX]; /* of errors, by the series' kinds */
};

/* -ENOMEM. */
int recovery_judge(const struct recovery_job *job, struct recovery *out, struct err *err);

#endif
