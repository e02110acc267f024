/* SPDX-License-Identifier: MIT */
/* guard_token_bucket.c - lets through at a steady rate. */
#include "subject/guard.h"

#include "core/clock.h"

#include <errno.h>

static int bucket_init(struct guard *guard, struct err *err)
{
    const struct token_bucket_options options = {
        .rate_per_s = guard->own.rate_per_s,
        .burst = guard->own.burst > 0 ? guard->own.burst : 1,
        .waiting_max = guard->own.queue,
    };
    return token_bucket_init(&guard->bucket, &options, err);
}

static int bucket_wait(struct ctx *ctx, struct guard *guard)
{
    uint64_t span_ns = guard->own.queue_timeout_ns > 0 ? guard->own.queue_timeout_ns : CLOCK_NEVER;
    struct ctx patience;
    ctx_init_timeout(&patience, ctx, span_ns);
    int rc = token_bucket_take(&patience, &guard->bucket, 1);
    ctx_fini(&patience);
    return rc;
}

/* A token that would come too late is a refusal, at once. */
static int bucket_enter(struct ctx *ctx, struct guard *guard, struct guard_pass *pass)
{
    (void)pass;
    if (guard->own.queue == 0)
        return token_bucket_try_take(&guard->bucket, 1, clock_now_ns()) ? 0 : -EHOSTDOWN;
    int rc = bucket_wait(ctx, guard);
    if (!rc || ctx_error(ctx))
        return rc;
    return -EHOSTDOWN;
}

const struct guard_type guard_token_bucket = {
    .refusal = "refused: more calls than guard_rate",
    .init = bucket_init,
    .enter = bucket_enter,
};
