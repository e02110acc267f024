/* SPDX-License-Identifier: MIT */
/* bulkhead.c - places that go from hand to hand. */
#include "subject/bulkhead.h"

#include <assert.h>

int bulkhead_init(struct bulkhead *bulkhead, const struct bulkhead_options *options,
                  struct err *err)
{
    if (options->inside_max == 0)
        return err_set(err, -EINVAL, "expected room for at least 1 inside");
    *bulkhead = (struct bulkhead){.options = *options};
    waitq_init(&bulkhead->line);
    return 0;
}

/* A place is free only while nobody waits: leaving hands it over. */
static bool enter_now(struct bulkhead *bulkhead)
{
    if (counter_read(&bulkhead->figures.inside) >= bulkhead->options.inside_max)
        return false;
    counter_add(&bulkhead->figures.inside, 1);
    counter_add(&bulkhead->figures.entered, 1);
    return true;
}

static void pass_on(struct bulkhead *bulkhead)
{
    if (!waitq_wake_one(&bulkhead->line, NULL))
        counter_sub(&bulkhead->figures.inside, 1);
}

bool bulkhead_try_enter(struct bulkhead *bulkhead)
{
    bool entered = enter_now(bulkhead);
    if (!entered)
        counter_add(&bulkhead->figures.rejected, 1);
    return entered;
}

/* 0 with a place in hand. */
static int stand_in_line(struct ctx *ctx, struct bulkhead *bulkhead)
{
    uint64_t wait_max_ns = bulkhead->options.wait_max_ns;
    struct ctx patience;
    if (wait_max_ns > 0)
        ctx_init_timeout(&patience, ctx, wait_max_ns);
    else
        ctx_init(&patience, ctx);
    int rc = waitq_wait(&patience, &bulkhead->line, NULL);
    ctx_fini(&patience);
    return rc;
}

int bulkhead_enter(struct ctx *ctx, struct bulkhead *bulkhead)
{
    struct bulkhead_figures *figures = &bulkhead->figures;
    int rc = ctx_error(ctx);
    if (rc || enter_now(bulkhead))
        return rc;
    if (bulkhead->line.length >= bulkhead->options.waiting_max) {
        counter_add(&figures->rejected, 1);
        return -EBUSY;
    }
    counter_add(&figures->waited, 1);
    counter_add(&figures->waiting, 1);
    rc = stand_in_line(ctx, bulkhead);
    counter_sub(&figures->waiting, 1);
    int ended = ctx_error(ctx);
    if (!rc && !ended) {
        counter_add(&figures->entered, 1);
        return 0;
    }
    if (!rc)
        pass_on(bulkhead); /* work nobody wants any more would only keep others out */
    counter_add(ended ? &figures->abandoned : &figures->rejected, 1);
    return ended ? ended : -EBUSY;
}

void bulkhead_leave(struct bulkhead *bulkhead)
{
    assert(counter_read(&bulkhead->figures.inside) > 0);
    pass_on(bulkhead);
}
