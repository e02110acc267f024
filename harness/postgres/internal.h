/* SPDX-License-Identifier: MIT */
/* internal.h - what a session is made of, for the files of this folder. */
#ifndef POOLSTORM_POSTGRES_INTERNAL_H
#define POOLSTORM_POSTGRES_INTERNAL_H

#include "postgres/pg.h"

#include "core/io.h"
#include "core/sock.h"

struct pg {
    PGconn *conn;           /* libpq's, non-blocking */
    struct io_alert *input; /* of the connection's socket */
    bool awaited;           /* the answer's first bytes have been waited for; see wait_for_input */
    bool busy;              /* a query was sent and not read to its end */
    bool broken;            /* the session is lost */
    bool has_key;           /* cancel_key is known */
    uint32_t cancel_key[2]; /* the backend's process and secret, as the server gave them */
    struct addr peer;       /* where it is connected to, to cancel there */
    struct err failure;     /* the first one of the query under way; code 0: none */
    unsigned position;      /* of the last error in its statement, 0: unknown */
    char sqlstate[PG_SQLSTATE_BYTES]; /* of the last call, "" without an error */
    char notice[240];                 /* the last one's words, cut */
    uint64_t notices;                 /* how many came */
};

/* Cuts the line break and the full stop libpq and the server end their texts with. Returns the
 * length that is left. */
int pg_text_length(const char *text);

#endif
