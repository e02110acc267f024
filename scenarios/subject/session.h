/* SPDX-License-Identifier: MIT */
/* session.h - a database session in a request's hands: where it comes from, what is asked of it,
 * and what becomes of it when the request gives up half-way. */
#ifndef POOLSTORM_SUBJECT_SESSION_H
#define POOLSTORM_SUBJECT_SESSION_H

#include "core/err.h"
#include "core/list.h"
#include "postgres/pg.h"
#include "subject/conn_pool.h"

#include <stdbool.h>

struct database;
struct request;

/* What the pools hold: a session and what is known of it on our side. */
struct db_conn {
    struct list link;   /* in database->open, while connected */
    struct pg *pg;      /* owned; NULL until connected */
    unsigned prepared;  /* statements it knows, a bit each, see struct statement */
    unsigned preparing; /* the bit of the one it is being taught, until the server has answered */
};

/* Something to ask, prepared once on each connection. Static data. */
struct statement {
    unsigned bit;     /* of db_conn.prepared, below STATEMENTS_MAX; no two share one */
    const char *name; /* on the server */
    const char *sql;  /* NULL: the setting that `of` names */
    enum { STATEMENT_OF_QUERY, STATEMENT_OF_REPORT } of; /* without sql: db_query, db_report */
};

enum { STATEMENTS_MAX = 32 };

/* Bits in use. */
enum {
    STATEMENT_ROW,
    STATEMENT_SLEEP,
    STATEMENT_STATE,
    STATEMENT_MARK,
    STATEMENT_REPORT,
    STATEMENT_WRITE,
};

/* On loan to one request. The caller's memory; zeroed: none. */
struct session {
    struct db_conn *conn;       /* NULL: none, or no longer ours */
    struct database *database;  /* whose it is */
    struct conn_lease lease;    /* sources with a pool */
    struct conn_pool *own_pool; /* SESSION_REQUEST: made for this request */
    bool reports;               /* for /report, which may have a pool of its own */
    struct err err;             /* why the last call failed */
    char sqlstate[PG_SQLSTATE_BYTES];
    struct list link;   /* of a leaked one, in database->leaks */
    uint64_t leaked_ns; /* since when */
};

/* Where sessions come from: one of the ways, each a file. */
struct session_source {
    const char *name;

    /* For a thread, before it accepts; 0 or -errno. After its last request. Either may be NULL;
     * stop may wait and answers how many connections were never given back. */
    int (*start)(struct ctx *ctx, struct database *database, struct err *err);
    uint64_t (*stop)(struct ctx *ctx, struct database *database);

    /* Fills session->conn, or answers -errno with session->err, as conn_pool_acquire and pg_connect
     * do. May wait. */
    int (*take)(struct ctx *ctx, struct session *session);

    /* The session outlives its request. May be NULL. */
    void (*disown)(struct session *session);

    /* Takes session->conn back. May wait under no ctx for what can't be long. */
    void (*give)(struct session *session, enum conn_state state);
};

/* By enum session_source_kind of settings.h. */
extern const struct session_source *const session_sources[];
extern const struct session_source session_pool, session_request, session_connect, session_cache;

/* ---- For endpoints --------------------------------------------------------------------------- */

/* Borrows a session for a request. 0 or -errno with session->err; see session_refuse. */
int session_take(struct request *request, struct session *session);

/* The same for work that belongs to no request, or to a part of one, which waits under ctx.
 * database may be NULL: there is none. */
int session_take_under(struct ctx *ctx, struct database *database, struct session *session);

/* The same for a report: from its own pool, where the setting db_report_max_open keeps one. */
int session_take_report(struct request *request, struct session *session);

/* Asks; out as in pg_exec_prepared. When the request or query_timeout ends first, -ETIMEDOUT or
 * -ECANCELED: if the query had been sent by then, the setting on_timeout decides what becomes of
 * the session, which is not ours any more. Other errors as of pg.h; the session stays. */
int session_query(struct request *request, struct session *session,
                  const struct statement *statement, int count, const char *const *values,
                  PGresult **out);

/* The same under ctx. */
int session_query_under(struct ctx *ctx, struct session *session, const struct statement *statement,
                        int count, const char *const *values, PGresult **out);

/* The same with one unsigned number for $1. */
int session_query_number(struct request *request, struct session *session,
                         const struct statement *statement, uint64_t number, PGresult **out);

/* One statement without parameters, not prepared, and without a result but for out, which may be
 * NULL. */
int session_command(struct request *request, struct session *session, const char *sql);
int session_command_under(struct ctx *ctx, struct session *session, const char *sql,
                          PGresult **out);

/* Row by row, as pg_rows_begin, pg_rows_next and pg_rows_close (which reads the rest away); each of
 * them gives up as session_query does. Closing is harmless when the session has gone. */
int session_rows(struct request *request, struct session *session, const char *sql,
                 uint64_t number);
int session_next_row(struct request *request, struct session *session, PGresult **row);
int session_close_rows(struct request *request, struct session *session);

/* Hands it over to work that outlives its request. */
void session_move(struct session *to, struct session *from);

/* Gives it back, unless it is gone already. A lost or busy session is closed. */
void session_give(struct session *session);

/* Answers the request for a session call that failed with rc: a status, or the error of the
 * request's own end where that has to be told. */
int session_refuse(struct request *request, const struct session *session, int rc);

/* Answers {"token": the request's, "value": the first field of the first row, or null}. A status.
 */
int session_answer_row(struct request *request, const PGresult *row);

/* ---- For sources ----------------------------------------------------------------------------- */

/* Takes the session from a pool, as conn_pool_acquire; session->err says why there was none. */
int session_borrow(struct ctx *ctx, struct session *session, struct conn_pool *pool,
                   const char *where);

/* A connection that is not connected yet; NULL without memory. */
struct db_conn *db_conn_create(void);

/* Connects it, within the pool's connect_timeout. As pg_connect. */
int db_conn_connect(struct ctx *ctx, struct database *database, struct db_conn *conn,
                    struct err *err);

/* Closes it, if it was connected, and frees it. Does not wait. */
void db_conn_destroy(struct database *database, struct db_conn *conn);

/* The same for pools; its user is the database. */
extern const struct conn_driver db_driver;

/* What a session carries from one user to the next unless it is reset: a setting, a temporary table
 * and, by pg_transaction_status, a transaction. One row: the setting's value, "" for none, and
 * whether the table is there. */
extern const struct statement state_statement;

#endif
