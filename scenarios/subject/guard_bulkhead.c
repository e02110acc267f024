/* SPDX-License-Identifier: MIT */
/* guard_bulkhead.c - lets so many through at a time. */
#include "subject/guard.h"

#include <errno.h>

static int bulkhead_begin(struct guard *guard, struct err *err)
{
    const struct bulkhead_options options = {
        .inside_max = guard->own.limit,
        .waiting_max = guard->own.queue,
        .wait_max_ns = guard->own.queue_timeout_ns,
    };
    return bulkhead_init(&guard->bulkhead, &options, err);
}

static int bulkhead_pass(struct ctx *ctx, struct guard *guard, struct guard_pass *pass)
{
    (void)pass;
    int rc = bulkhead_enter(ctx, &guard->bulkhead);
    return rc == -EBUSY ? -EHOSTDOWN : rc;
}

static void bulkhead_out(struct guard *guard, const struct guard_pass *pass, int rc)
{
    (void)pass;
    (void)rc;
    bulkhead_leave(&guard->bulkhead);
}

const struct guard_type guard_bulkhead = {
    .refusal = "refused: guard_limit and guard_queue are full",
    .init = bulkhead_begin,
    .enter = bulkhead_pass,
    .leave = bulkhead_out,
};
