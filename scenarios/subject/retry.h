/* SPDX-License-Identifier: MIT */
/* retry.h - tries again what may come off the next time, as long as that does no harm. */
#ifndef POOLSTORM_SUBJECT_RETRY_H
#define POOLSTORM_SUBJECT_RETRY_H

#include "core/ctx.h"
#include "core/err.h"
#include "core/rng.h"
#include "subject/counter.h"
#include "subject/window.h"

#include <stdbool.h>
#include <stdint.h>

/* A retry is made when all of these say so:
 *
 *   - the error may pass (may_pass), and ctx lives;
 *   - attempts_max is not reached;
 *   - the wait ends before ctx's deadline: an attempt that would start after it is not waited for;
 *   - the budget has room: in any window of budget_ns at most budget_share of the calls begun in
 *     it are retried, and budget_min_per_s besides (Finagle's RetryBudget, 2016; "Site Reliability
 *     Engineering", ch. 21: retries without a budget keep an overload alive after its cause has
 *     gone). One retrier is the budget of one target.
 *
 * The n-th wait is uniform in [0, min(cap_ns, base_ns * 2^(n - 1))]: exponential backoff with full
 * jitter (M. Brooker, "Exponential Backoff and Jitter", AWS, 2015).
 *
 *     struct retry retry;
 *     int rc = 0;
 *     retry_begin(&retry, &retrier);
 *     while (retry_next(ctx, &retry, &rc))
 *         rc = call(ctx);
 *
 * rc is 0 after success; else what the last attempt answered, unless ctx ended, which it answers
 * then, before the first attempt too. Leave such a loop through retry_next, or the call counts as
 * neither. Retry in one layer only: three layers of three attempts are 27.
 *
 * One ring's thread. The retrier outlives its retries. Embed both; fields are private but for
 * figures, and hint_ns of a retry. */

struct retry_options {
    uint64_t attempts_max;     /* the first included; at least 1 */
    uint64_t base_ns;          /* bound of the first wait; 0: none waits */
    uint64_t cap_ns;           /* bound of all; at least base_ns */
    double budget_share;       /* retries per call, 0 to 1000 */
    uint64_t budget_min_per_s; /* retries besides, for quiet times; up to 10^6 */
    uint64_t budget_ns;        /* calls earn retries for so long; 0: 10 s; up to an hour */
    bool budget_off;           /* no limit but attempts_max: a storm waiting to happen */
    bool (*may_pass)(int rc);  /* the error may be gone the next time; NULL: retry_may_pass */
};

struct retry_figures {
    counter_word calls;       /* begun */
    counter_word attempts;    /* made, the first ones included */
    counter_word retries;     /* of them, the others */
    counter_word succeeded;   /* calls that ended well */
    counter_word recovered;   /* of them, those that needed a retry */
    counter_word permanent;   /* calls given up: the error would stay */
    counter_word exhausted;   /* calls given up: attempts_max */
    counter_word over_budget; /* calls given up: for want of budget */
    counter_word past_due;    /* calls given up: the deadline would pass during the wait */
    counter_word ended;       /* calls given up: ctx ended */
};

struct retrier {
    struct retry_options options;
    struct window window;         /* calls, and retries as the bad ones */
    double reserve;               /* retries the window has for nothing */
    struct rng rng;               /* of the waits */
    struct retry_figures figures; /* any thread may counter_read them */
};

/* One call. Lives on the stack; nothing to be undone. */
struct retry {
    struct retrier *retrier;
    uint64_t attempts; /* made or being made */
    uint64_t hint_ns;  /* set by the caller between attempts: the next wait is at least so long, as
                        * a Retry-After wants it; back to 0 after that wait */
};

/* -EINVAL for options out of range. Waits are drawn from seed. Nothing to be undone. */
int retrier_init(struct retrier *retrier, const struct retry_options *options, uint64_t seed,
                 struct err *err);

void retry_begin(struct retry *retry, struct retrier *retrier);

/* True when there is an attempt to be made now, having waited if it is not the first. */
bool retry_next(struct ctx *ctx, struct retry *retry, int *rc);

/* The same without the waiting, for who waits otherwise: true with *wait_ns before the attempt.
 * deadline_ns: CLOCK_NEVER when there is none. */
bool retry_plan(struct retry *retry, int rc, uint64_t now_ns, uint64_t deadline_ns,
                uint64_t *wait_ns);

/* Connections refused, reset, broken or timed out, a place or a resource that is taken. Not
 * cancellations, not -EHOSTDOWN of a breaker, and nothing it does not know. */
bool retry_may_pass(int rc);

#endif
