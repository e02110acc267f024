/* SPDX-License-Identifier: MIT */
/* waitq.h - fibers of one ring waiting in line, first come, first served. */
#ifndef POOLSTORM_CORE_WAITQ_H
#define POOLSTORM_CORE_WAITQ_H

#include "core/ctx.h"
#include "core/list.h"

#include <stdbool.h>
#include <stddef.h>

struct waitq {
    struct list waiters; /* the longest-waiting first */
    size_t length;       /* how many */
};

void waitq_init(struct waitq *queue);

/* Parks at the end of the line. 0 when woken, with what the waker handed over in *gift (gift may be
 * NULL); -ECANCELED or -ETIMEDOUT when ctx ended first. Exactly one of the two happens: a fiber
 * that was woken keeps its gift even when ctx ends before it runs again. */
int waitq_wait(struct ctx *ctx, struct waitq *queue, void **gift);

/* Wakes the first in line and hands it gift. False when nobody waits. */
bool waitq_wake_one(struct waitq *queue, void *gift);

/* The same for the last in line. */
bool waitq_wake_last(struct waitq *queue, void *gift);

/* The same for the one that n others stand before, in O(n). False when the line is shorter. */
bool waitq_wake_nth(struct waitq *queue, size_t n, void *gift);

/* Wakes all; each gets NULL. Returns how many. */
size_t waitq_wake_all(struct waitq *queue);

#endif
