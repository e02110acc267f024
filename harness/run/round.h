/* SPDX-License-Identifier: MIT */
/* round.h - one pass of one variant: a fresh subject, its phases, and the figures they yield. */
#ifndef POOLSTORM_RUN_ROUND_H
#define POOLSTORM_RUN_ROUND_H

#include "core/ctx.h"
#include "faults/guardian/guardian.h"
#include "run/database.h"
#include "run/placement.h"
#include "run/result.h"

/* What rounds of a run have in common. */
struct round_setting {
    struct guardian *guardian;
    const struct placement *placement;
    struct run_database *database;  /* or NULL */
    const char *allowed;            /* see run/allow.h */
    const char *log_path;           /* of this round's subject */
    const char **phase;             /* out: name of the phase under way, for those who watch */
    struct load_progress *progress; /* out: of its load */
};

/* Runs it. Fills everything of round but variant, block, attempt, place and seed, which are given,
 * and leaves the subject stopped. 0 also when the round turned out invalid. Negative when no
 * further round would go better: the subject did not start or died, the database's SQL failed, or
 * ctx ended; the round is invalid then. So is a round during which a throw-away database ended,
 * which goes on to its end. */
int round_run(struct ctx *ctx, const struct round_setting *setting, struct result *result,
              struct result_round *round, struct err *err);

/* Fills the built-in metrics of a measured phase's row from its step; observed and derived ones are
 * left alone. */
void round_fill_row(const struct result_step *step, double *row);

#endif
