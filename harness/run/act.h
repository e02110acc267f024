/* SPDX-License-Identifier: MIT */
/* act.h - how a kind of fault is made to happen: a descriptor, a file a kind. One more kind of the
 * runner's own is act_<name>.c with its struct plan_fault_kind act_<name>, and its name in
 * meson.build; those of the proxy are all made by act_toxic.c.
 *
 * All of it belongs to the ring's thread of the runner. */
#ifndef POOLSTORM_RUN_ACT_H
#define POOLSTORM_RUN_ACT_H

#include "core/ctx.h"
#include "core/err.h"
#include "faults/guardian/guardian.h"
#include "plan/plan.h"
#include "run/detour.h"

#include <jansson.h>
#include <stdint.h>
#include <sys/types.h>

/* What a fault has to do with, in one round. The caller's while it acts. */
struct act_setting {
    const struct plan_fault *fault;
    double pace; /* of its phase's length, over that of the plan's */
    struct guardian *guardian;
    pid_t subject;         /* leads its process group; 0: it was not started by us */
    const char *conninfo;  /* of the runner's own sessions, resolved; NULL: no database */
    struct detour *detour; /* NULL: the plan needs no proxy */
};

/* What it has done. Times are CLOCK_MONOTONIC; 0: nothing. Counters as in struct result_window. */
struct act_effects {
    uint64_t first_ns, last_ns;
    uint64_t links, bytes, pieces, refused;
};

/* Static data, named by the kind. */
struct act {
    /* Makes it happen. ctx bounds that by when the fault is over. On failure nothing stays behind.
     * *state is handed to the others. -EINVAL: a mistake of the scenario's, which no other round
     * would mend. */
    int (*begin)(struct ctx *ctx, const struct act_setting *setting, void **state, struct err *err);

    /* A look at what it does, about every 100 ms while it acts; may be NULL. An error is none of
     * the fault's. */
    void (*look)(struct ctx *ctx, const struct act_setting *setting, void *state);

    /* Takes it away, whatever has been cancelled: ctx bounds asking others, and no more. Releases
     * state. An error is why it is not known to be gone, or what it did. */
    int (*end)(struct ctx *ctx, const struct act_setting *setting, void *state,
               struct act_effects *effects, struct err *err);
};

/* Of all kinds of the proxy's. */
extern const struct act act_toxic;

/* What the proxy is asked for, at that pace. The caller's; NULL: no memory. */
json_t *act_toxic_body(const struct plan_fault *fault, double pace);

/* The runner's own kinds, as scenario files know them; ends with NULL. */
extern const struct plan_fault_kind *const act_kinds[];

#endif
