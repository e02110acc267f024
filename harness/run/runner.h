/* SPDX-License-Identifier: MIT */
/* runner.h - a whole run: every variant once a block, in fresh processes, and the record of it. */
#ifndef POOLSTORM_RUN_RUNNER_H
#define POOLSTORM_RUN_RUNNER_H

#include "core/ctx.h"
#include "core/err.h"
#include "run/live.h"
#include "run/result.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    RUNNER_BLOCKS_MAX = 500, /* what statistics take */
    RUNNER_QUICK_BLOCKS = 2, /* one in each order; 1 with faults, and in a grid's cells */
    RUNNER_ATTEMPTS_MAX = 4, /* of one round, the first included */
    RUNNER_ATTEMPTS_NOW = 2, /* of these in its place; the others at the end of the run, because
                                what spoils rounds comes in bursts */
};

/* What the command line says. The caller's during the run; texts may be NULL. */
struct runner_options {
    uint64_t seed;            /* of schedule and load */
    uint64_t blocks;          /* rounds of each variant; 0: the plan's, or few when quick */
    bool quick;               /* few rounds, and short phases where there are no faults: estimates
                                 without verdicts */
    double noise_share;       /* instead of the plan's; negative: the plan's */
    const char *variants;     /* only these, "a,b" */
    const char *aa;           /* instead: this one against itself */
    const char *against;      /* program of another build of this one: every variant with its
                                 service, too, in the same blocks */
    const char *overrides;    /* KEY=VALUE lines over the load of every phase; see prepare.c */
    const char *allocator;    /* of variants that name none */
    const char *database;     /* connection string of the user's own server; see run/database.h */
    const char *allowed;      /* HOST:PORT lines; see run/allow.h */
    const char *folder;       /* for result and logs; made when missing */
    const char *command_line; /* for the record */
    bool keep_logs;           /* of subjects, also when all went well */
};

/* Checks plan and options, then runs. Negative when nothing was run: -EINVAL, -EACCES and -ENOENT
 * for what the caller can correct (err says what), else what the system lacks. 0 otherwise; *out is
 * the caller's then and says by interrupted and failure whether it is whole. Nothing is left
 * running in either case. The calling thread is moved onto the generator's CPUs. live is for other
 * fibers of the thread to look at; its run is the result's for as long as that is there. */
int runner_run(struct ctx *ctx, const struct plan *plan, const struct runner_options *options,
               struct live *live, struct result **out, struct err *err);

#endif
