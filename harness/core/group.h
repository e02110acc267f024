/* SPDX-License-Identifier: MIT */
/* group.h - fibers that live and end together (structured concurrency). */
#ifndef POOLSTORM_CORE_GROUP_H
#define POOLSTORM_CORE_GROUP_H

#include "core/ctx.h"
#include "core/fiber.h"
#include "core/waitq.h"

/* On the stack of the fiber that owns it. */
struct group {
    struct ctx ctx;       /* the parent of all its fibers' waits */
    size_t live;          /* fibers started and not yet ended */
    struct waitq joiners; /* waiting for live to reach 0 */
    struct list members;  /* its fibers, to orphan them when it goes away too early */
};

void group_init(struct group *group, struct ctx *parent);

/* Starts fn(ctx, arg) in a fiber of its own. name is a static text, for messages. 0 or -ENOMEM. */
int group_spawn(struct group *group, const char *name, fiber_fn *fn, void *arg);

/* Ends the group's ctx; its fibers see -ECANCELED in whatever they wait for. */
void group_cancel(struct group *group, const char *cause);

/* Waits until all its fibers have ended: 0, or ctx's error when that ended first. */
int group_join(struct ctx *ctx, struct group *group);

/* Ends the group. Fibers still alive have outlived it: they are cancelled, handed to the ring,
 * counted in ring_stats.fibers_leaked, and their number is returned. 0 is what should be. */
size_t group_fini(struct group *group);

#endif
