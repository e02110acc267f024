/* SPDX-License-Identifier: MIT */
/* fiber.h - a thread of execution with a stack of its own, switched in user space. */
#ifndef POOLSTORM_CORE_FIBER_H
#define POOLSTORM_CORE_FIBER_H

#include "core/ctx.h"

#include <stdint.h>

struct fiber;

/* What a fiber runs. It ends by returning. ctx belongs to the group that started it. */
typedef void fiber_fn(struct ctx *ctx, void *arg);

/* The running fiber; NULL on the loop and on threads without a ring. */
struct fiber *fiber_self(void);

/* The name it was started with. */
const char *fiber_name(const struct fiber *fiber);

/* Parks the running fiber until someone calls fiber_wake. Building block of every wait; callers
 * use op_wait, waitq_wait or fiber_sleep. */
void fiber_park(void);

/* Makes a parked fiber of this thread ready to run. Waking a ready or running one is a bug. */
void fiber_wake(struct fiber *fiber);

/* Lets the other ready fibers and the loop run first. */
void fiber_yield(void);

/* Sleep for or until. 0, or -ECANCELED / -ETIMEDOUT when ctx ended first. */
int fiber_sleep(struct ctx *ctx, uint64_t span_ns);
int fiber_sleep_until(struct ctx *ctx, uint64_t at_ns);

#endif
