/* SPDX-License-Identifier: MIT */
/* progress.h - says on stderr how far a run is: a line for each round that has ended, and on a
 * terminal, below them, the round as it happens. For session.c alone. */
#ifndef POOLSTORM_COMMAND_RUN_PROGRESS_H
#define POOLSTORM_COMMAND_RUN_PROGRESS_H

#include "command/run/screen.h"
#include "core/ctx.h"
#include "run/live.h"

/* Zeroed, with live and screen set. */
struct progress {
    struct live *live;
    struct screen screen;
    size_t told; /* rounds told of */
};

/* A fiber's work: looks several times a second until ctx ends, and keeps live up to date. arg is
 * the struct progress. */
void progress_watch(struct ctx *ctx, void *arg);

/* Tells what is left to tell and wipes away what was shown. While the result still exists, on a
 * fiber. */
void progress_finish(struct progress *progress);

#endif
