/* SPDX-License-Identifier: MIT */
/* progress.h - says on stderr how far a run is: one line that changes on a terminal, a line a round
 * elsewhere. For session.c alone. */
#ifndef POOLSTORM_COMMAND_RUN_PROGRESS_H
#define POOLSTORM_COMMAND_RUN_PROGRESS_H

#include "core/ctx.h"
#include "run/runner.h"

/* Zeroed, with status and terminal set. */
struct progress {
    const struct runner_status *status;
    bool terminal;        /* stderr is one */
    size_t told;          /* rounds told of */
    uint64_t before_good; /* good replies and time at the last look, for a rate */
    uint64_t before_ns;
};

/* A fiber's work: looks several times a second until ctx ends. arg is the struct progress. */
void progress_watch(struct ctx *ctx, void *arg);

/* Tells what is left to tell and clears the line. While the result still exists. */
void progress_finish(struct progress *progress);

#endif
