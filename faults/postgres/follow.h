/* SPDX-License-Identifier: MIT */
/* follow.h - follows one PostgreSQL connection (protocol 3) from the bytes of both its directions:
 * says where queries begin and where they are answered, and makes the server fail or be late.
 *
 * No I/O. What is read goes through follow_next, in order, in chunks of any size, and comes out
 * again as pieces: all of it, unchanged, but for what a rewrite was asked for. A piece begins where
 * a query begins (its Query or Execute message) or is answered, when queries are wanted; else each
 * chunk is one piece, and only the messages' headers are looked at. Memory is bounded: of a message
 * that has to be looked at, a name and QUERY_TEXT_MAX bytes at most are kept back until they are
 * there.
 *
 * A query is what is executed: a Query message, with all statements in it, or an Execute message,
 * whose text is that of the statement it was prepared from. What comes before the first
 * ReadyForQuery, preparing, describing, COPY's data and function calls belong to none.
 *
 * Encrypted and replicating connections, and bytes that are none of the protocol, are passed on
 * unread from there on; nothing is known of their queries. One thread at a time. Nothing waits. */
#ifndef POOLSTORM_FAULTS_POSTGRES_FOLLOW_H
#define POOLSTORM_FAULTS_POSTGRES_FOLLOW_H

#include "core/err.h"
#include "faults/postgres/query.h"
#include "faults/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum follow_state {
    FOLLOW_STARTING,    /* before the first ReadyForQuery */
    FOLLOW_READY,       /* queries are seen */
    FOLLOW_ENCRYPTED,   /* the server agreed to TLS or GSS: no SQL to be seen any more */
    FOLLOW_REPLICATION, /* asked for a replication connection */
    FOLLOW_CANCEL,      /* it only cancels another one's query */
    FOLLOW_LOST, /* bytes that are none of the protocol, or more unanswered than is bounded */
};

struct follow;

/* -ENOMEM. Some 400 bytes; more only while they are needed. */
int follow_create(struct follow **out, struct err *err);

/* NULL is fine. */
void follow_destroy(struct follow *follow);

/* Whether faults need queries; at any time. Without, no piece has one. Queries that were under way
 * when it began to be wanted are not reported any more. */
void follow_want(struct follow *follow, bool wanted);

enum follow_state follow_state(const struct follow *follow);

/* Is there nothing left to follow? From then on all pieces are chunks: the caller may leave it out
 * and splice. */
bool follow_is_over(const struct follow *follow);

/* Query and Execute messages seen so far. */
uint64_t follow_queries(const struct follow *follow);

/* The server's state as of the last ReadyForQuery: I, T or E; 0 before the first. Tests ask:
 * whoever has a query has its transaction with it. */
char follow_transaction(const struct follow *follow);

/* What was read and is still to be taken. */
struct follow_bytes {
    char *data;
    size_t size_bytes;
};

struct follow_piece {
    char *data; /* in the bytes given, or in memory of the follower's until the next call for this
                   stream; may be changed in place */
    size_t size_bytes;         /* at least 1 */
    const struct query *query; /* upstream: the query it begins; downstream: the one whose answer
                                  it begins, or goes on with when `committed`; or NULL */
    bool committed; /* downstream: begins with the server's word that query has committed */
};

/* Takes bytes and gives the next piece of them; false once all are taken and nothing is left to
 * send (some may be kept back). Is to be called until then. */
bool follow_next(struct follow *follow, enum fault_stream stream, struct follow_bytes *bytes,
                 struct follow_piece *piece);

/* The stream has ended: gives what was kept back, as it is, or false. */
bool follow_rest(struct follow *follow, enum fault_stream stream, struct follow_piece *piece);

/* What is to be sent upstream around a piece, or for it; the follower's until the next call that
 * fills one. */
struct follow_rewrite {
    const char *before; /* in front of it */
    size_t before_bytes;
    const char *after; /* behind it */
    size_t after_bytes;
    uint64_t skip_bytes; /* so many bytes, from the piece's first on, are not to be sent: a message,
                            of which the piece may be only a part */
};

/* Both are asked when the piece that begins query is the next to be sent, whatever has been read
 * since; once for a query. */

/* Makes the query fail with sqlstate and message (NULL: none) at the server, so that the
 * transaction's state, what is skipped in a pipeline and what ReadyForQuery says are the server's
 * own: a COMMIT that fails has rolled back. False: it cannot be (the server skips the query anyway,
 * or there is no memory). */
bool follow_fail(struct follow *follow, const struct query *query, const char *sqlstate,
                 const char *message, struct follow_rewrite *rewrite);

/* The longest that a server is made to sleep. Its sleep cannot be taken back: a CancelRequest would
 * end it with an error, which becomes the query's own and fails the transaction. Who wants more
 * holds the query back for the rest. */
#define FOLLOW_LATE_NS_MAX (UINT64_C(60) * 1000000000)

/* Makes the server itself be late_ns, at most FOLLOW_LATE_NS_MAX, late with the query, of which the
 * piece is size_bytes: it sleeps before it, under the session's statement_timeout, whose error
 * becomes the query's own. Possible for what is QUERY_PLAIN, comes in one piece and follows nothing
 * unanswered (but for queries of the same pipeline), in a transaction that has not failed. False
 * for all else, which may be held instead; but then the server knows nothing of it. */
bool follow_late(struct follow *follow, const struct query *query, size_t size_bytes,
                 uint64_t late_ns, struct follow_rewrite *rewrite);

#endif
