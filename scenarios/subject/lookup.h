/* SPDX-License-Identifier: MIT */
/* lookup.h - one row of the database, through the thread's guard: what /guarded and /cached ask. */
#ifndef POOLSTORM_SUBJECT_LOOKUP_H
#define POOLSTORM_SUBJECT_LOOKUP_H

#include "core/ctx.h"
#include "subject/session.h"

#include <stdint.h>

struct database;
struct request;

/* What to ask. No padding: /cached takes it for a key. */
struct lookup_wish {
    uint64_t id;       /* of the row */
    uint64_t sleep_ns; /* the server sleeps before it answers */
    uint64_t hold_ns;  /* the session is held for so long without asking anything */
};

/* One lookup. The caller's. */
struct lookup {
    const struct lookup_wish *wish;
    struct database *database; /* of the calling thread, or NULL: there is none */
    struct session session;    /* of the last attempt, given back; says why it failed */
    PGresult *row;             /* after 0; the caller's to PQclear */
};

/* 0 with lookup->row, or -errno as guard_call. Waits under ctx. */
int lookup_run(struct ctx *ctx, struct lookup *lookup);

/* Answers the request for a lookup that failed with rc: by the fallback of its guard, if it has
 * one, else as session_refuse does. A status or -errno. */
int lookup_refuse(struct request *request, const struct lookup *lookup, int rc);

#endif
