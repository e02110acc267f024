/* SPDX-License-Identifier: MIT */
/* group.c - starting, joining and outliving. */
#include "core/group.h"

#include "core/internal.h"

void group_init(struct group *group, struct ctx *parent)
{
    ctx_init(&group->ctx, parent);
    group->live = 0;
    waitq_init(&group->joiners);
    list_init(&group->members);
}

int group_spawn(struct group *group, const char *name, fiber_fn *fn, void *arg)
{
    return fiber_create(ring_current, group, name, fn, arg);
}

void group_cancel(struct group *group, const char *cause)
{
    ctx_cancel(&group->ctx, cause);
}

int group_join(struct ctx *ctx, struct group *group)
{
    while (group->live > 0) {
        int rc = waitq_wait(ctx, &group->joiners, NULL);
        if (rc)
            return rc;
    }
    return 0;
}

/* Hands a fiber that outlives its group, and the ctx it waits under, to the ring's root. */
static void orphan(struct ring *ring, struct fiber *fiber)
{
    list_remove(&fiber->member);
    list_push_back(&ring->root.members, &fiber->member);
    list_remove(&fiber->ctx.sibling);
    list_push_back(&ring->root.ctx.children, &fiber->ctx.sibling);
    fiber->ctx.parent = &ring->root.ctx;
    fiber->group = &ring->root;
    ring->root.live++;
    ring->stats.fibers_leaked++;
}

size_t group_fini(struct group *group)
{
    size_t leaked = group->live;
    if (leaked > 0)
        group_cancel(group, "group ended");
    while (!list_empty(&group->members))
        orphan(ring_current, container_of(group->members.next, struct fiber, member));
    group->live = 0;
    ctx_fini(&group->ctx);
    return leaked;
}
