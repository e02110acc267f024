/* SPDX-License-Identifier: MIT */
/* ctx.c - the tree of contexts: how an ending spreads downwards. */
#include "core/ctx.h"

#include "core/internal.h"

#include <assert.h>

static void end_one(struct ctx *ctx, int error, const char *cause)
{
    if (ctx->error)
        return;
    ctx->error = error;
    ctx->cause = cause;
    timer_disarm(&ctx->deadline);
    for (struct list *link = list_pop_front(&ctx->waiters); link;
         link = list_pop_front(&ctx->waiters)) {
        struct ctx_waiter *waiter = container_of(link, struct ctx_waiter, link);
        waiter->ended(waiter);
    }
}

/* The next of a preorder walk below top, NULL at its end. Iterative: trees may be deeper than a
 * fiber's stack. */
static struct ctx *next_below(struct ctx *ctx, const struct ctx *top)
{
    if (!list_empty(&ctx->children))
        return container_of(ctx->children.next, struct ctx, sibling);
    while (ctx != top && ctx->sibling.next == &ctx->parent->children)
        ctx = ctx->parent;
    return ctx == top ? NULL : container_of(ctx->sibling.next, struct ctx, sibling);
}

static void end_tree(struct ctx *top, int error, const char *cause)
{
    for (struct ctx *ctx = top; ctx; ctx = next_below(ctx, top))
        end_one(ctx, error, cause);
}

static void arm_deadline(struct ctx *ctx);

static void deadline_passed(struct timer *timer)
{
    struct ctx *ctx = container_of(timer, struct ctx, deadline);
    if (ctx->deadline_ns > timer->at_ns)
        arm_deadline(ctx); /* it was moved meanwhile */
    else
        end_tree(ctx, -ETIMEDOUT, "deadline exceeded");
}

/* Unless an ancestor's timer ends it as early, or a timer that is armed looks in time. */
static void arm_deadline(struct ctx *ctx)
{
    bool own = !ctx->parent || ctx->deadline_ns < ctx->parent->deadline_ns;
    bool looks = ctx->deadline.armed && ctx->deadline.at_ns <= ctx->deadline_ns;
    if (own && !looks && !ctx->error && ctx->deadline_ns != CLOCK_NEVER)
        timer_arm(&ctx->deadline, ctx->deadline_ns, deadline_passed);
}

void ctx_init(struct ctx *ctx, struct ctx *parent)
{
    *ctx = (struct ctx){.parent = parent, .deadline_ns = CLOCK_NEVER};
    list_init(&ctx->children);
    list_init(&ctx->waiters);
    if (!parent)
        return;
    ctx->deadline_ns = parent->deadline_ns;
    ctx->error = parent->error;
    ctx->cause = parent->cause;
    list_push_back(&parent->children, &ctx->sibling);
}

void ctx_init_deadline(struct ctx *ctx, struct ctx *parent, uint64_t at_ns)
{
    ctx_init(ctx, parent);
    ctx_set_deadline(ctx, at_ns);
}

void ctx_set_deadline(struct ctx *ctx, uint64_t at_ns)
{
    uint64_t most_ns = ctx->parent ? ctx->parent->deadline_ns : CLOCK_NEVER;
    assert(list_empty(&ctx->children));
    ctx->deadline_ns = at_ns < most_ns ? at_ns : most_ns;
    arm_deadline(ctx);
}

void ctx_init_timeout(struct ctx *ctx, struct ctx *parent, uint64_t span_ns)
{
    ctx_init_deadline(ctx, parent, clock_after(clock_now_ns(), span_ns));
}

void ctx_init_value(struct ctx *ctx, struct ctx *parent, const void *key, void *value)
{
    ctx_init(ctx, parent);
    ctx->key = key;
    ctx->value = value;
}

void ctx_fini(struct ctx *ctx)
{
    assert(list_empty(&ctx->children));
    assert(list_empty(&ctx->waiters));
    timer_disarm(&ctx->deadline);
    if (list_linked(&ctx->sibling))
        list_remove(&ctx->sibling);
}

void ctx_cancel(struct ctx *ctx, const char *cause)
{
    end_tree(ctx, -ECANCELED, cause);
}

void *ctx_value(const struct ctx *ctx, const void *key)
{
    for (; ctx; ctx = ctx->parent)
        if (ctx->key == key)
            return ctx->value;
    return NULL;
}

int ctx_wait_begin(struct ctx *ctx, struct ctx_waiter *waiter)
{
    waiter->link = (struct list){0};
    if (!ctx)
        return 0;
    if (!ctx->error)
        list_push_back(&ctx->waiters, &waiter->link);
    return ctx->error;
}

void ctx_wait_end(struct ctx_waiter *waiter)
{
    if (list_linked(&waiter->link))
        list_remove(&waiter->link);
}
