/* SPDX-License-Identifier: MIT */
/* pg.h - sessions with a PostgreSQL server: libpq, non-blocking, on fibers, under a ctx. */
#ifndef POOLSTORM_POSTGRES_PG_H
#define POOLSTORM_POSTGRES_PG_H

#include "core/ctx.h"
#include "core/err.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

/* One session. Belongs to the thread of the ring it was made on, and to one fiber at a time: a
 * second one that asks meanwhile gets -EBUSY. Every call that takes a ctx parks its fiber, and
 * nothing here but pg_resolve ever holds up the ring.
 *
 * Results are libpq's own: the caller reads them with PQntuples, PQgetvalue… and ends them with
 * PQclear. Where a result is asked for (PGresult **out), NULL means that nobody wants it; *out is
 * NULL after an error. Parameters and results are text; values[i] NULL is SQL's NULL.
 *
 * What the calls answer, apart from 0:
 *   -ECANCELED, -ETIMEDOUT  ctx ended. When the query had been sent by then, the server still works
 *                           on it: pg_busy says so, see below.
 *   -EREMOTEIO              the server refused the statement; err has its words, pg_sqlstate and
 *                           pg_error_position the details. The session goes on.
 *   -ECONNRESET             the session is lost: pg_broken is true, all that is left is pg_close.
 *                           pg_sqlstate has the server's reason if it gave one (57P01…).
 *   -EBUSY                  pg_busy is true: settle or close it first.
 *   -ENOTSUP                the statement was a COPY, which is not for here; the session goes on.
 *   -ENOMEM                 libpq or we ran out of memory.
 */
struct pg;

/* ---- Connecting ------------------------------------------------------------------------------ */

/* A SQLSTATE and its NUL; "" where the server has not given one. */
#define PG_SQLSTATE_BYTES 6

/* Completes a connection string or URI with what would have to be looked up: addresses for the
 * names of hosts (hostaddr=…; a name with several addresses becomes several hosts, tried in turn),
 * and the user's name. BLOCKS in the system's resolver: for before the load. *out is on the heap,
 * the caller frees it. Errors: -EINVAL (err says what is wrong with it), -EHOSTUNREACH. */
int pg_resolve(char **out, const char *conninfo, struct err *err);

/* Opens a session. conninfo must name hosts by address or socket folder, as pg_resolve's result
 * does; -EINVAL otherwise. connect_timeout has no effect, ctx has. GSSAPI encryption is not tried
 * unless conninfo asks for it, since Kerberos' library blocks. sqlstate (may be NULL) gets the
 * server's code where it answered with one, else "". On failure *out is NULL. Errors:
 *   -ECANCELED, -ETIMEDOUT  ctx ended
 *   -ECONNREFUSED           nobody listens there
 *   -ECONNRESET             the server went away in between
 *   -EAGAIN                 57P03: starting up or shutting down; or its backlog is full: try later
 *   -EUSERS                 53300: too many clients
 *   -EACCES                 28xxx: not with this user or password
 *   -ENOENT                 3D000: no such database
 *   -EREMOTEIO              another refusal of the server
 *   -EHOSTUNREACH, -ENETUNREACH, -EMFILE …  of the socket
 *   -EPROTO                 anything else, such as TLS: see the text */
int pg_connect(struct ctx *ctx, struct pg **out, const char *conninfo,
               char sqlstate[PG_SQLSTATE_BYTES], struct err *err);

/* Ends the session and frees pg. Does not wait: a query the server still works on is abandoned, and
 * the server goes on with it until it notices. NULL is allowed. */
void pg_close(struct pg *pg);

/* Breaks the session from our side, as a network would: whoever waits for it gets -ECONNRESET, and
 * it is to be closed. Any fiber of the thread; does not wait. */
void pg_cut(struct pg *pg);

/* ---- Queries --------------------------------------------------------------------------------- */

/* One statement or several, without parameters (simple protocol): the last one's result; the first
 * error ends them all. */
int pg_exec(struct ctx *ctx, struct pg *pg, const char *sql, PGresult **out, struct err *err);

/* One statement with $1 … $count. */
int pg_exec_params(struct ctx *ctx, struct pg *pg, const char *sql, int count,
                   const char *const *values, PGresult **out, struct err *err);

/* Prepares a statement under a name, for as long as the session lives or until pg_reset. */
int pg_prepare(struct ctx *ctx, struct pg *pg, const char *name, const char *sql, struct err *err);

int pg_exec_prepared(struct ctx *ctx, struct pg *pg, const char *name, int count,
                     const char *const *values, PGresult **out, struct err *err);

/* ---- Row by row ------------------------------------------------------------------------------ */

/* Starts a statement whose rows come one at a time, as the caller asks for them. Until they are
 * read to the end or closed the session is pg_busy. */
int pg_rows_begin(struct ctx *ctx, struct pg *pg, const char *sql, int count,
                  const char *const *values, struct err *err);

/* 1 and the next row (a result of one tuple, to PQclear); 0 after the last one. After 0,
 * -EREMOTEIO or -ECONNRESET there is nothing left to close; after -ECANCELED and -ETIMEDOUT there
 * is, and asking again under another ctx goes on. */
int pg_rows_next(struct ctx *ctx, struct pg *pg, PGresult **row, struct err *err);

/* Gives up the rest: reads it away, or with cancel asks the server first to stop. 0 when there is
 * none. An error of the statement that comes to light by this is not one of this call; see
 * pg_settle. */
int pg_rows_close(struct ctx *ctx, struct pg *pg, bool cancel, struct err *err);

/* ---- Giving up a query ----------------------------------------------------------------------- */

/* A query was sent and its answer has not been read to the end. Whoever sent it has given up when
 * its ctx ended; what becomes of the session is the caller's choice:
 *   pg_close               abandons the query: the server goes on, on a backend nobody counts;
 *   pg_cancel, pg_settle   stops it and makes the session usable again;
 *   pg_settle              waits until it is done and throws the answer away. */
bool pg_busy(const struct pg *pg);

/* Asks the server to stop what the session does, by a connection of its own to the same address,
 * and waits until the server has closed that: the server signals the session's backend before it
 * does so. THIS IS WHAT MAKES THE SESSION SAFE TO USE AGAIN after pg_settle: a request still under
 * way would hit whichever query comes next (a late cancel).
 *
 * May be called while another fiber of the thread waits for the session's answer, and in a fiber
 * of its own that nobody waits for; that is the late cancel, for those who want one. pg is read
 * before the first wait only, and may be closed meanwhile. Cancelling an idle session is harmless.
 *
 * 0 says that the request was taken, not that it met a query: pg_settle shows what became of it.
 * After any error but -ENOTSUP (the server gave no key) the request may still be under way: close
 * the session. Errors: ctx's, and what the socket answers. */
int pg_cancel(struct ctx *ctx, struct pg *pg, struct err *err);

/* Reads away whatever the session's query still answers, until the session is idle. 0 also when
 * that is an error: pg_sqlstate then has it (57014 when it was cancelled), "" when the query came
 * to its end. */
int pg_settle(struct ctx *ctx, struct pg *pg, struct err *err);

/* ---- The session ----------------------------------------------------------------------------- */

/* Lost: every call answers -ECONNRESET. */
bool pg_broken(const struct pg *pg);

/* PQTRANS_IDLE, PQTRANS_INTRANS, PQTRANS_INERROR; PQTRANS_ACTIVE while a query is under way;
 * PQTRANS_UNKNOWN when lost. As of the last answer read; asks nobody. */
PGTransactionStatusType pg_transaction_status(const struct pg *pg);

/* The process that serves it, to be found in pg_stat_activity. */
int pg_backend_pid(const struct pg *pg);

/* Is it alive? One round trip with an empty query. */
int pg_ping(struct ctx *ctx, struct pg *pg, struct err *err);

/* Leaves the transaction, if it is in one; no round trip otherwise. */
int pg_rollback(struct ctx *ctx, struct pg *pg, struct err *err);

/* Makes it as good as new: pg_rollback, then DISCARD ALL, which drops settings, temporary tables,
 * locks and prepared statements. */
int pg_reset(struct ctx *ctx, struct pg *pg, struct err *err);

/* ---- What the server said -------------------------------------------------------------------- */

/* The SQLSTATE of the last call's error, "" when it had none. Valid until the next call. */
const char *pg_sqlstate(const struct pg *pg);

/* Where in the statement of the last call the error is: the character counted from 1, 0 where the
 * server did not say. pg_locate turns it into line and column. */
unsigned pg_error_position(const struct pg *pg);

/* The line and column, both from 1, of a character (from 1) of a text in UTF-8. */
void pg_locate(const char *sql, unsigned position, unsigned *line, unsigned *column);

/* Notices and warnings are never printed: how many there were, and the last one's words, "" without
 * one. Valid until the next call. */
uint64_t pg_notice_count(const struct pg *pg);
const char *pg_notice(const struct pg *pg);

#endif
