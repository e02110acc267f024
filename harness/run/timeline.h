/* SPDX-License-Identifier: MIT */
/* timeline.h - makes the faults of a phase happen when they are due, each in a fiber of its own,
 * and writes down what they really did.
 *
 * All calls belong to the ring's thread of the runner. */
#ifndef POOLSTORM_RUN_TIMELINE_H
#define POOLSTORM_RUN_TIMELINE_H

#include "core/ctx.h"
#include "core/err.h"
#include "faults/guardian/guardian.h"
#include "load/load.h"
#include "run/detour.h"
#include "run/live.h"
#include "run/result.h"

#include <sys/types.h>

struct timeline;

/* The caller's while the timeline lives. */
struct timeline_setting {
    const struct result *result;
    struct result_round *round; /* gets windows, and reasons why it is not valid */
    struct guardian *guardian;
    pid_t subject;                        /* see struct act_setting, like the next two */
    const char *conninfo;                 /* NULL: no database */
    struct detour *detour;                /* NULL: none needed */
    const struct load_progress *progress; /* of the phase's load: from its clock's start on */
    struct live *live;                    /* is told what acts; NULL: nobody watches */
};

/* Makes ready for a phase's load, before it begins; times count from its clock's start, which
 * progress tells (0 until then). *out is NULL when the phase has no faults. Else timeline_stop, in
 * any case. -ENOMEM. */
int timeline_start(struct ctx *ctx, const struct timeline_setting *setting, size_t phase,
                   struct timeline **out, struct err *err);

/* After the load: takes away what is left, whatever has been cancelled, and fills the round's
 * windows but for their recovery. A fault that could not be made to happen, or to go, makes the
 * round invalid with the reason. -EINVAL with file:line:column: a mistake of the scenario's. NULL
 * is fine. */
int timeline_stop(struct timeline *timeline, struct err *err);

#endif
