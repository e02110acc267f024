/* SPDX-License-Identifier: MIT */
/* query.h - a query on its way through a proxy, as faults see it. The follower (follow.h) makes
 * them. On the thread of its connection. */
#ifndef POOLSTORM_FAULTS_POSTGRES_QUERY_H
#define POOLSTORM_FAULTS_POSTGRES_QUERY_H

#include <stddef.h>
#include <stdint.h>

#define QUERY_TEXT_MAX 4096 /* bytes of a text that are kept; what is behind is not seen */

/* What the first word of a text says. */
enum query_kind {
    QUERY_BEGINS = 1,     /* BEGIN, START TRANSACTION */
    QUERY_COMMITS = 2,    /* COMMIT, END, PREPARE TRANSACTION */
    QUERY_ROLLS_BACK = 4, /* ROLLBACK, ABORT; not to a savepoint */
    QUERY_PLAIN = 8,      /* SELECT, INSERT, UPDATE, DELETE, MERGE, WITH, VALUES, TABLE */
};

/* Valid as long as the follower has it under way; whoever keeps it for longer holds it. */
struct query {
    uint64_t number;       /* on its link, from 1 */
    const char *text;      /* its SQL, cut to QUERY_TEXT_MAX; NULL: prepared unseen */
    const char *statement; /* the prepared statement's name; "" for none */
    unsigned kind;         /* bits of enum query_kind */
    char transaction;      /* before it, as of the last ReadyForQuery: I(dle), T, E(rror) */
    uint64_t request; /* not the follower's, see query_set_request: among a proxy's; 0: none yet */
};

/* Allow a query to be looked at beyond the piece it came with. NULL is fine. */
const struct query *query_hold(const struct query *query);
void query_release(const struct query *query);

/* What holding it keeps in memory, always the same for one; a text that it shares with others
 * counts as if it were its own. NULL: 0. */
size_t query_size_bytes(const struct query *query);

/* Sets its request, unless that has been done. */
void query_set_request(const struct query *query, uint64_t request);

#endif
