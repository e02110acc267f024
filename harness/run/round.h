/* SPDX-License-Identifier: MIT */
/* round.h - one pass of one variant in fresh processes, and the figures it yields: a descriptor for
 * each kind of scenario. */
#ifndef POOLSTORM_RUN_ROUND_H
#define POOLSTORM_RUN_ROUND_H

#include "core/ctx.h"
#include "faults/guardian/guardian.h"
#include "run/database.h"
#include "run/live.h"
#include "run/micro_json.h"
#include "run/placement.h"
#include "run/result.h"

/* What rounds of a run have in common. */
struct round_setting {
    struct guardian *guardian;
    const struct placement *placement;
    struct run_database *database; /* or NULL */
    const char *allowed;           /* see run/allow.h */
    const char *log_path;          /* of this round's subject */
    struct live *live;             /* is told where the round is */
};

/* How a pass goes. Static data. */
struct round_kind {
    /* Before the first round: what of the plan only running something can tell. log_path is of what
     * is run for that. -EINVAL for a mistake of the scenario's. May be NULL. */
    int (*check)(struct ctx *ctx, const struct round_setting *setting, const struct result *result,
                 struct err *err);

    /* Runs one. Fills all of round but variant, block, attempt, place and seed, which are given,
     * and its start and length; leaves nothing running. 0 also when the round turned out invalid.
     * Negative when no further round would go better: the subject did not start or died, the
     * database's SQL failed, or ctx ended. A round during which a throw-away database ended is
     * invalid and goes on to its end; one whose fault proxy ended is, too, and ends with it. */
    int (*run)(struct ctx *ctx, const struct round_setting *setting, struct result *result,
               struct result_round *round, struct err *err);
};

extern const struct round_kind round_service; /* a subject under load: round.c */
extern const struct round_kind round_micro;   /* a micro-benchmark: round_micro.c */

/* Fills the built-in metrics of a measured phase's row from its step; observed and derived ones are
 * left alone. */
void round_fill_row(const struct result_step *step, double *row);

/* The same of a micro-benchmark, with its counters that the plan observes. */
void round_fill_timing(const struct plan *plan, const struct micro_timing *timing, double *row);

/* Why figures of a micro-benchmark must not be used, written to text; NULL: they may. */
const char *round_timing_invalid(const struct micro_timing *timing, size_t cpu_count, char *text,
                                 size_t size_bytes);

#endif
