/* SPDX-License-Identifier: MIT */
/* interrupt.h - turns SIGINT and SIGTERM into the cancelling of a context. */
#ifndef POOLSTORM_CORE_INTERRUPT_H
#define POOLSTORM_CORE_INTERRUPT_H

#include "core/ctx.h"
#include "core/err.h"

/* The cause of a ctx that a signal ended: compare with ==. */
extern const char interrupt_cause[];

/* Runs work(ctx, arg, err) as the first fiber of a fresh ring on the calling thread and returns
 * what it returns. Meanwhile SIGINT and SIGTERM are blocked (for threads started from it, too) and
 * the first of them cancels ctx with interrupt_cause; a second one ends the process at once. */
int interrupt_run(const char *name, int (*work)(struct ctx *ctx, void *arg, struct err *err),
                  void *arg, struct err *err);

#endif
