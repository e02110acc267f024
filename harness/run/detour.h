/* SPDX-License-Identifier: MIT */
/* detour.h - the fault proxy of a round: this very program as a process of the guardian's, before
 * the database, the service, or both, and asked by its control API.
 *
 * Every round has its own, seeded by the round, and goes through it from its first request on,
 * warm-up included. The runner's own sessions, health and metrics take the straight way.
 *
 * All calls belong to one ring's thread. */
#ifndef POOLSTORM_RUN_DETOUR_H
#define POOLSTORM_RUN_DETOUR_H

#include "core/ctx.h"
#include "core/err.h"
#include "faults/guardian/guardian.h"
#include "load/load.h"
#include "plan/plan.h"

#include <jansson.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

struct detour;

/* Only needed during the call. */
struct detour_options {
    struct guardian *guardian;
    const struct plan *plan; /* which faults there are, and on what */
    uint64_t seed;           /* of all that is drawn */
    const cpu_set_t *cpus;   /* to run on, or NULL */
    const char *log_path;    /* gets its stdout and stderr; made anew */
    const char *uri;         /* of the database; NULL: none */
    const char *uri_bare;    /* likewise, without a password */
};

/* Starts it, and puts it before the database where the plan has faults there that need it. *out is
 * NULL when no fault needs a proxy. -EINVAL for a connection string it cannot stand before; else
 * why it did not start, with the end of its log; ctx's error. detour_destroy. */
int detour_create(struct ctx *ctx, struct detour **out, const struct detour_options *options,
                  struct err *err);

/* Ends it, whatever has been cancelled. NULL is fine. */
void detour_destroy(struct detour *detour);

/* Puts it before the service where the plan has faults there: *target, which is where the service
 * listens, becomes where the load is to go. NULL leaves it alone. */
int detour_serve(struct ctx *ctx, struct detour *detour, struct load_target *target,
                 struct err *err);

/* Where the subject finds its database; NULL: on the straight way. */
const char *detour_uri(const struct detour *detour);
const char *detour_uri_bare(const struct detour *detour);

/* 0 while it runs; else -ESRCH with how it ended. */
int detour_check(const struct detour *detour, struct err *err);

/* Waits for its end: 0, or ctx's error. */
int detour_wait(struct ctx *ctx, const struct detour *detour);

/* Asks the API about the proxy before what a fault is on: "/proxies/database" and path. Answers as
 * control_ask (faults/control/client.h), 0 for a 2xx. */
int detour_ask(struct ctx *ctx, struct detour *detour, int on, const char *method, const char *path,
               json_t *body, json_t **reply, struct err *err);

/* Queries the database has been asked by way of it so far; NAN where nobody counts them. */
double detour_queries(struct ctx *ctx, struct detour *detour);

#endif
