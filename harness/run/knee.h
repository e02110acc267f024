/* SPDX-License-Identifier: MIT */
/* knee.h - runs a knee search: load at one rate after the other, each step judged by an objective.
 */
#ifndef POOLSTORM_RUN_KNEE_H
#define POOLSTORM_RUN_KNEE_H

#include "core/ctx.h"
#include "load/search.h"
#include "plan/expr.h"
#include "run/result.h"

/* One search. The caller's throughout. */
struct knee_job {
    const struct load_job *load; /* but for its rate and length, which are the search's */
    const struct search_settings *settings; /* checked */
    const struct expr *objective;           /* as objective_parse makes it */
    struct process_tree *meter;             /* of the subject; NULL: its CPUs are unknown */
    uint64_t length_max_ns; /* no step begins that would not end within it; 0: no bound */
    void (*on_step)(void *arg, const struct search_step *step); /* after each; may be NULL */
    void *arg;                                                  /* of on_step */
};

/* Runs it on the calling fiber, which waits. A step meets the objective when the condition holds
 * and the subject kept up: but for 5 % and what the connections hold at the end, every arrival was
 * answered in time. One that does not is the generator's fault when load_result_invalid says so.
 *
 * curve holds what was found, also when it fails: the error is that of load_run, or ctx's. at
 * (which must be zeroed) gets the load and the use of the subject of the step that decided on the
 * knee, or while there is none of the last step; its load is the caller's to release when
 * at->loaded. progress as in load_run. */
int knee_run(struct ctx *ctx, const struct knee_job *job, struct search_curve *curve,
             struct result_step *at, struct load_progress *progress, struct err *err);

/* Why a search does not say where the subject's knee is, although it ran: the generator was the
 * limit, or it was called off too early. NULL when it does, else the reason in text. */
const char *knee_invalid(const struct search_curve *curve, char *text, size_t size_bytes);

#endif
