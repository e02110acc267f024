/* SPDX-License-Identifier: MIT */
/* guard.c - which pattern stands before a call, and what becomes of the call. */
#include "subject/guard.h"

#include "subject/part.h"

#include <assert.h>
#include <errno.h>

const char *const guard_words[] = {
    [GUARD_NONE] = "none",         [GUARD_TOKEN_BUCKET] = "token-bucket",
    [GUARD_BULKHEAD] = "bulkhead", [GUARD_BREAKER] = "breaker",
    [GUARD_KINDS] = NULL,
};

static const struct guard_type *const types[GUARD_KINDS] = {
    [GUARD_NONE] = &guard_none,
    [GUARD_TOKEN_BUCKET] = &guard_token_bucket,
    [GUARD_BULKHEAD] = &guard_bulkhead,
    [GUARD_BREAKER] = &guard_breaker,
};

/* ---- Settings -------------------------------------------------------------------------------- */

/* What is set for a pattern that does not stand there would be waited for in vain. */
static int check_unused(const struct guard_settings *settings, struct err *err)
{
    int kind = settings->kind;
    if (kind != GUARD_TOKEN_BUCKET && (settings->rate_per_s > 0 || settings->burst > 0))
        return err_set(err, -EINVAL, "guard_rate and guard_burst need guard: token-bucket");
    if (kind != GUARD_BULKHEAD && settings->limit > 0)
        return err_set(err, -EINVAL, "guard_limit needs guard: bulkhead");
    if (kind != GUARD_BULKHEAD && kind != GUARD_TOKEN_BUCKET && settings->queue > 0)
        return err_set(err, -EINVAL, "guard_queue needs guard: bulkhead or token-bucket");
    if (kind != GUARD_BREAKER && (settings->breaker.slow_ns > 0 || settings->breaker.open_max_ns))
        return err_set(err, -EINVAL, "guard_slow and guard_open_max need guard: breaker");
    if (settings->queue_timeout_ns > 0 && settings->queue == 0)
        return err_set(err, -EINVAL, "guard_queue_timeout needs a guard_queue");
    return 0;
}

int guard_settings_check(const struct guard_settings *settings, uint64_t threads, struct err *err)
{
    struct guard guard;
    int rc = check_unused(settings, err);
    if (rc)
        return rc;
    if (settings->kind == GUARD_TOKEN_BUCKET && settings->rate_per_s < threads)
        return err_set(err, -EINVAL,
                       "guard: token-bucket needs a guard_rate, of threads at least: each has its "
                       "part");
    if (settings->kind == GUARD_BULKHEAD && settings->limit < threads)
        return err_set(err, -EINVAL,
                       "guard: bulkhead needs a guard_limit, of threads at least: each has its "
                       "part");
    if (settings->queue > 0 && settings->queue < threads)
        return err_set(err, -EINVAL, "guard_queue must be at least threads: each has its part");
    return guard_init(&guard, settings, threads, 0, 0, err);
}

int guard_init(struct guard *guard, const struct guard_settings *settings, uint64_t threads,
               unsigned index, uint64_t seed, struct err *err)
{
    *guard = (struct guard){.own = *settings, .type = types[settings->kind]};
    guard->own.rate_per_s = part_of(settings->rate_per_s, threads, index);
    guard->own.burst = part_of(settings->burst, threads, index);
    guard->own.limit = part_of(settings->limit, threads, index);
    guard->own.queue = part_of(settings->queue, threads, index);
    int rc = retrier_init(&guard->retrier, &settings->retry, seed, err);
    if (!rc && guard->type->init)
        rc = guard->type->init(guard, err);
    return rc ? err_wrap(err, "guard") : 0;
}

/* ---- Calls ----------------------------------------------------------------------------------- */

typedef int (*guarded_call)(struct ctx *ctx, void *arg);

static int call_in_time(struct ctx *ctx, struct guard *guard, guarded_call call, void *arg)
{
    struct ctx patience;
    if (guard->own.timeout_ns == 0)
        return call(ctx, arg);
    ctx_init_timeout(&patience, ctx, guard->own.timeout_ns);
    int rc = call(&patience, arg);
    counter_add(&guard->timeouts, ctx_error(&patience) == -ETIMEDOUT && !ctx_error(ctx));
    ctx_fini(&patience);
    return rc;
}

static int attempt(struct ctx *ctx, struct guard *guard, guarded_call call, void *arg)
{
    struct guard_pass pass;
    counter_add(&guard->attempts, 1);
    int rc = guard->type->enter ? guard->type->enter(ctx, guard, &pass) : 0;
    if (rc) {
        counter_add(&guard->refused, rc == -EHOSTDOWN);
        return rc;
    }
    rc = call_in_time(ctx, guard, call, arg);
    assert(rc <= 0);
    if (guard->type->leave)
        guard->type->leave(guard, &pass, rc);
    return rc;
}

int guard_call(struct ctx *ctx, struct guard *guard, guarded_call call, void *arg)
{
    struct retry retry;
    int rc = 0;
    counter_add(&guard->calls, 1);
    retry_begin(&retry, &guard->retrier);
    while (retry_next(ctx, &retry, &rc))
        rc = attempt(ctx, guard, call, arg);
    counter_add(rc ? &guard->failed : &guard->succeeded, 1);
    return rc;
}

bool guard_falls_back(struct ctx *ctx, struct guard *guard, int rc)
{
    bool does = rc && guard->own.fallback && !ctx_error(ctx);
    counter_add(&guard->fallbacks, does);
    return does;
}
