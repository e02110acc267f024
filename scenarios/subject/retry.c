/* SPDX-License-Identifier: MIT */
/* retry.c - whether to try again, and when. */
#include "subject/retry.h"

#include "core/clock.h"
#include "core/fiber.h"

#include <errno.h>

enum {
    SHARE_MAX = 1000,
    MIN_PER_S_MAX = 1000000,
    BUDGET_S_DEFAULT = 10,
    BUDGET_S_MAX = 3600,
};

int retrier_init(struct retrier *retrier, const struct retry_options *options, uint64_t seed,
                 struct err *err)
{
    uint64_t budget_ns = options->budget_ns ? options->budget_ns : BUDGET_S_DEFAULT * NS_PER_S;
    if (options->attempts_max == 0)
        return err_set(err, -EINVAL, "expected at least 1 attempt");
    if (options->cap_ns < options->base_ns)
        return err_set(err, -EINVAL, "expected cap_ns to be base_ns or more");
    if (!(options->budget_share >= 0 && options->budget_share <= SHARE_MAX))
        return err_set(err, -EINVAL, "expected a share of retries from 0 to %d", SHARE_MAX);
    if (options->budget_min_per_s > MIN_PER_S_MAX || budget_ns > BUDGET_S_MAX * NS_PER_S)
        return err_set(err, -EINVAL, "expected at most %d free retries a second, for %d s",
                       MIN_PER_S_MAX, BUDGET_S_MAX);
    *retrier = (struct retrier){.options = *options};
    retrier->reserve = (double)options->budget_min_per_s * ((double)budget_ns / 1e9);
    window_init(&retrier->window, budget_ns);
    rng_init(&retrier->rng, seed, 0);
    return 0;
}

void retry_begin(struct retry *retry, struct retrier *retrier)
{
    *retry = (struct retry){.retrier = retrier};
}

bool retry_may_pass(int rc)
{
    switch (rc) {
    case -EAGAIN:
    case -EBUSY:
    case -ECONNABORTED:
    case -ECONNREFUSED:
    case -ECONNRESET:
    case -EHOSTUNREACH:
    case -EINTR:
    case -ENETUNREACH:
    case -ENOTCONN:
    case -EPIPE:
    case -ETIMEDOUT:
        return true;
    default:
        return false;
    }
}

/* min(cap, base * 2^doublings), whatever that would be. */
static uint64_t bound_ns(const struct retry_options *options, uint64_t doublings)
{
    uint64_t bound = options->base_ns;
    if (bound == 0)
        return 0;
    if (doublings >= 64 || bound > options->cap_ns >> doublings)
        return options->cap_ns;
    return bound << doublings;
}

static uint64_t draw_ns(struct retry *retry)
{
    struct retrier *retrier = retry->retrier;
    uint64_t bound = bound_ns(&retrier->options, retry->attempts - 1);
    uint64_t limit = bound < UINT64_MAX ? bound + 1 : bound;
    uint64_t wait_ns = rng_below(&retrier->rng, limit);
    if (wait_ns < retry->hint_ns)
        wait_ns = retry->hint_ns;
    retry->hint_ns = 0;
    return wait_ns;
}

static bool in_budget(struct retrier *retrier, uint64_t now_ns)
{
    if (retrier->options.budget_off)
        return true;
    struct window_count sum = window_sum(&retrier->window, now_ns);
    double room = retrier->options.budget_share * (double)sum.all + retrier->reserve;
    return (double)sum.bad + 1 <= room;
}

/* Why there will be no further attempt, as the counter of it; NULL when there will. */
static counter_word *give_up(struct retry *retry, int rc, uint64_t now_ns, uint64_t deadline_ns,
                             uint64_t *wait_ns)
{
    struct retrier *retrier = retry->retrier;
    const struct retry_options *options = &retrier->options;
    if (!(options->may_pass ? options->may_pass : retry_may_pass)(rc))
        return &retrier->figures.permanent;
    if (retry->attempts >= options->attempts_max)
        return &retrier->figures.exhausted;
    *wait_ns = draw_ns(retry);
    if (deadline_ns != CLOCK_NEVER && clock_after(now_ns, *wait_ns) >= deadline_ns)
        return &retrier->figures.past_due;
    if (!in_budget(retrier, now_ns))
        return &retrier->figures.over_budget;
    return NULL;
}

/* Whether there is to be an attempt after *wait_ns; what it takes of the budget is taken. */
static bool plan(struct retry *retry, int rc, uint64_t now_ns, uint64_t deadline_ns,
                 uint64_t *wait_ns)
{
    struct retrier *retrier = retry->retrier;
    bool first = retry->attempts == 0;
    *wait_ns = 0;
    if (!first && rc == 0) {
        counter_add(&retrier->figures.succeeded, 1);
        counter_add(&retrier->figures.recovered, retry->attempts > 1);
        return false;
    }
    counter_word *reason = first ? NULL : give_up(retry, rc, now_ns, deadline_ns, wait_ns);
    if (reason)
        counter_add(reason, 1);
    else
        window_add(&retrier->window, now_ns, first, !first);
    return !reason;
}

static void count_attempt(struct retry *retry)
{
    struct retry_figures *figures = &retry->retrier->figures;
    counter_add(retry->attempts == 0 ? &figures->calls : &figures->retries, 1);
    counter_add(&figures->attempts, 1);
    retry->attempts++;
}

bool retry_plan(struct retry *retry, int rc, uint64_t now_ns, uint64_t deadline_ns,
                uint64_t *wait_ns)
{
    bool again = plan(retry, rc, now_ns, deadline_ns, wait_ns);
    if (again)
        count_attempt(retry);
    return again;
}

static bool ctx_over(const struct ctx *ctx, struct retry *retry, int *rc)
{
    if (!ctx_error(ctx))
        return false;
    *rc = ctx_error(ctx);
    counter_add(&retry->retrier->figures.calls, retry->attempts == 0);
    counter_add(&retry->retrier->figures.ended, 1);
    return true;
}

bool retry_next(struct ctx *ctx, struct retry *retry, int *rc)
{
    bool well = retry->attempts > 0 && *rc == 0;
    uint64_t now_ns = clock_now_ns(), wait_ns;
    if (!well && ctx_over(ctx, retry, rc))
        return false;
    if (!plan(retry, *rc, now_ns, ctx_deadline_ns(ctx), &wait_ns))
        return false;
    /* A wait cut short has spent its part of the budget, but makes no attempt. */
    if (wait_ns > 0 && fiber_sleep_until(ctx, clock_after(now_ns, wait_ns)) &&
        ctx_over(ctx, retry, rc))
        return false;
    count_attempt(retry);
    return true;
}
