/* SPDX-License-Identifier: MIT */
/* channel.c - hands values from fiber to fiber of one ring, who wait for each other (unbuffered).
 */
#include "subject/channel.h"

#include "core/fiber.h"

#include <errno.h>

/* One that waits, on its own stack. */
struct party {
    struct ctx_waiter ending; /* under its ctx */
    struct list link;         /* among its like */
    struct fiber *fiber;      /* parked */
    void *value;              /* brought, or received */
    int rc;                   /* what its wait answers; 1: its ctx's error */
};

void channel_init(struct channel *channel)
{
    list_init(&channel->senders);
    list_init(&channel->receivers);
    channel->closed = false;
}

static void on_ended(struct ctx_waiter *ending)
{
    struct party *party = container_of(ending, struct party, ending);
    list_remove(&party->link);
    party->rc = 1;
    fiber_wake(party->fiber);
}

static int await(struct ctx *ctx, struct list *line, struct party *party)
{
    party->ending.ended = on_ended;
    party->fiber = fiber_self();
    int rc = ctx_wait_begin(ctx, &party->ending);
    if (rc)
        return rc;
    list_push_back(line, &party->link);
    fiber_park();
    return ctx && party->rc == 1 ? ctx_error(ctx) : party->rc;
}

static struct party *settle_first(struct list *line, int rc)
{
    struct list *link = list_pop_front(line);
    if (!link)
        return NULL;
    struct party *party = container_of(link, struct party, link);
    ctx_wait_end(&party->ending);
    party->rc = rc;
    fiber_wake(party->fiber);
    return party;
}

int channel_send(struct ctx *ctx, struct channel *channel, void *value)
{
    if (channel->closed)
        return -EPIPE;
    if (ctx && ctx_error(ctx))
        return ctx_error(ctx);
    struct party *receiver = settle_first(&channel->receivers, 0);
    if (receiver) {
        receiver->value = value;
        return 0;
    }
    struct party self = {.value = value};
    return await(ctx, &channel->senders, &self);
}

int channel_receive(struct ctx *ctx, struct channel *channel, void **value)
{
    *value = NULL;
    if (channel->closed)
        return -EPIPE;
    if (ctx && ctx_error(ctx))
        return ctx_error(ctx);
    struct party *sender = settle_first(&channel->senders, 0);
    if (sender) {
        *value = sender->value;
        return 0;
    }
    struct party self = {0};
    int rc = await(ctx, &channel->receivers, &self);
    *value = self.value;
    return rc;
}

void channel_close(struct channel *channel)
{
    channel->closed = true;
    while (settle_first(&channel->senders, -EPIPE) || settle_first(&channel->receivers, -EPIPE))
        continue;
}
