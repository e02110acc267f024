/* SPDX-License-Identifier: MIT */
/* breaker.h - stops calling what keeps failing, and finds out carefully whether it is back. */
#ifndef POOLSTORM_SUBJECT_BREAKER_H
#define POOLSTORM_SUBJECT_BREAKER_H

#include "core/err.h"
#include "subject/counter.h"
#include "subject/window.h"

#include <stdbool.h>
#include <stdint.h>

/* The circuit breaker of M. Nygard, "Release It!" (2007):
 *
 *   closed     Calls pass and are counted over a sliding window. Once there are calls_min of them
 *              and the share that failed has reached failure_share, the breaker opens.
 *   open       Calls are refused at once, for open_ns.
 *   half-open  The first `trials` calls that come pass, all others are refused. Once so many have
 *              failed that the share is reached, it opens again, for twice as long up to
 *              open_max_ns; when all have ended without that, it closes, with an empty window.
 *
 * Every result belongs to the state its call was let through in: one that comes after the state has
 * changed counts for nothing, so that a late failure of before cannot undo a recovery. Trials that
 * never report cannot keep it half-open: after trial_ns their places are given to others.
 *
 *     struct breaker_token token;
 *     int rc = breaker_allow(&breaker, clock_now_ns(), &token);
 *     if (rc)
 *         return fallback();      // the caller's
 *     rc = call(ctx);
 *     breaker_report(&breaker, clock_now_ns(), token, rc ? BREAKER_FAILED : BREAKER_SUCCEEDED);
 *
 * Report a call that ended because nobody wanted its answer (-ECANCELED) as BREAKER_IGNORED; a
 * deadline that passed is a failure. One ring's thread, nothing waits, nothing is allocated. Embed
 * it; fields are private but for figures. */

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };

enum breaker_result {
    BREAKER_SUCCEEDED, /* a failure all the same when slow */
    BREAKER_FAILED,
    BREAKER_IGNORED, /* says nothing about the other side; a trial's place is free again */
};

enum breaker_force {
    BREAKER_AS_MEASURED, /* by itself; starts closed, with an empty window */
    BREAKER_KEPT_CLOSED, /* all calls pass, whatever comes of them */
    BREAKER_KEPT_OPEN,   /* no call passes */
};

struct breaker_options {
    uint64_t window_ns;   /* results count for about so long, see window.h; at least 10 ns */
    uint64_t calls_min;   /* results in the window before it may open; at least 1 */
    double failure_share; /* of them, over 0 and up to 1 */
    uint64_t slow_ns;     /* calls that took longer have failed; 0: none has */
    uint64_t open_ns;     /* refuses for so long; at least 1 ns */
    uint64_t open_max_ns; /* up to which that doubles while trials fail; 0: it does not */
    uint64_t trials;      /* calls let through half-open; at least 1 */
    uint64_t trial_ns;    /* they may take so long, more than the call's own timeout; 0: open_ns */
};

/* Handed from allow to report, exactly once each. */
struct breaker_token {
    uint64_t epoch;      /* of the state that let it through */
    uint64_t started_ns; /* when */
};

struct breaker_figures {
    counter_word allowed;     /* calls let through, trials included */
    counter_word refused;     /* calls that were not */
    counter_word succeeded;   /* results */
    counter_word failed;      /* results, the slow ones included */
    counter_word slow;        /* of them, for taking too long alone */
    counter_word ignored;     /* results reported as such */
    counter_word late;        /* results of an earlier state, on top of those above */
    counter_word opened;      /* times it opened, or opened again */
    counter_word half_opened; /* times trials were begun */
    counter_word closed;      /* times it closed */
    counter_word state;       /* enum breaker_state, as of the last call */
};

struct breaker {
    struct breaker_options options;
    struct window window;           /* results while closed */
    enum breaker_force force;       /* by hand */
    uint64_t epoch;                 /* counts states */
    uint64_t until_ns;              /* open: refuses; half-open: the trials' time is over */
    uint64_t open_ns;               /* how long it opens the next time */
    uint64_t given;                 /* places of trials that are taken, in this half-open state */
    uint64_t trials_from_ns;        /* when they were begun or last replaced */
    uint64_t trials_ended;          /* of them, with a result */
    uint64_t trials_failed;         /* of those */
    struct breaker_figures figures; /* any thread may counter_read them */
};

/* Closed. -EINVAL for options out of range. Nothing to be undone. */
int breaker_init(struct breaker *breaker, const struct breaker_options *options, struct err *err);

/* 0: call, and report token afterwards; -EHOSTDOWN: don't, and answer with something else. */
int breaker_allow(struct breaker *breaker, uint64_t now_ns, struct breaker_token *token);

/* What came of the call. */
void breaker_report(struct breaker *breaker, uint64_t now_ns, struct breaker_token token,
                    enum breaker_result result);

/* Takes it over by hand, or gives it back. Results of calls under way count for nothing then. */
void breaker_force(struct breaker *breaker, uint64_t now_ns, enum breaker_force force);

static inline enum breaker_state breaker_state(const struct breaker *breaker)
{
    return (enum breaker_state)counter_read(&breaker->figures.state);
}

/* From when on a call may be let through: what Retry-After wants. now_ns when one may be now. */
uint64_t breaker_ready_ns(const struct breaker *breaker, uint64_t now_ns);

#endif
