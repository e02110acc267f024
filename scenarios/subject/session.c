/* SPDX-License-Identifier: MIT */
/* session.c - asking a database for a request, and what follows when the request gives up. */
#include "subject/session.h"

#include "core/clock.h"
#include "subject/database.h"
#include "subject/request.h"
#include "subject/shard.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Connections ----------------------------------------------------------------------------- */

struct db_conn *db_conn_create(void)
{
    return calloc(1, sizeof(struct db_conn));
}

/* What keeps the database away, at most once a second. */
static void tell_failure(struct ctx *ctx, struct database *database, const struct err *err)
{
    uint64_t now_ns = clock_now_ns();
    if (ctx_error(ctx) || (database->told_ns && now_ns - database->told_ns < NS_PER_S))
        return;
    database->told_ns = now_ns;
    (void)fprintf(stderr, "poolstorm serve: no connection to the database: %s\n", err->text);
}

int db_conn_connect(struct ctx *ctx, struct database *database, struct db_conn *conn,
                    struct err *err)
{
    struct ctx patience;
    counter_add(&database->connects, 1);
    ctx_init_timeout(&patience, ctx, database->own.connect_timeout_ns);
    int rc = pg_connect(&patience, &conn->pg, database->conninfo, NULL, err);
    ctx_fini(&patience);
    if (rc) {
        counter_add(&database->connect_failures, 1);
        tell_failure(ctx, database, err);
    } else
        list_push_back(&database->open, &conn->link);
    return rc;
}

void db_conn_destroy(struct database *database, struct db_conn *conn)
{
    if (conn->pg) {
        counter_add(&database->closed, 1);
        list_remove(&conn->link);
        pg_close(conn->pg);
    }
    free(conn);
}

static int driver_open(struct ctx *ctx, void *user, void **out, struct err *err)
{
    struct db_conn *conn = db_conn_create();
    int rc = conn ? db_conn_connect(ctx, user, conn, err) : -ENOMEM;
    if (rc && conn)
        db_conn_destroy(user, conn);
    *out = rc ? NULL : conn;
    return rc;
}

static void driver_close(void *user, void *conn)
{
    db_conn_destroy(user, conn);
}

const struct statement state_statement = {
    .bit = STATEMENT_STATE,
    .name = "state",
    .sql = "select coalesce(current_setting('poolstorm.owner', true), ''),"
           " to_regclass('pg_temp.poolstorm_left') is not null",
};

static bool is_clean(const PGresult *state)
{
    return PQntuples(state) == 1 && !*PQgetvalue(state, 0, 0) && *PQgetvalue(state, 0, 1) == 'f';
}

/* A server that is silent for longer than this has gone. */
static uint64_t silence_ns(const struct database *database)
{
    uint64_t span_ns = database->settings->database.socket_timeout_ns;
    return span_ns > 0 ? span_ns : CLOCK_NEVER;
}

static int validate_state(struct ctx *ctx, struct pg *pg, struct err *err)
{
    PGresult *state = NULL;
    if (pg_transaction_status(pg) != PQTRANS_IDLE)
        return err_set(err, -EUCLEAN, "a transaction was left open");
    int rc = pg_exec(ctx, pg, state_statement.sql, &state, err);
    if (!rc && !is_clean(state))
        rc = err_set(err, -EUCLEAN, "a setting or a temporary table was left behind");
    PQclear(state);
    return rc;
}

/* The pool's own bound may be the longer one: a server that is silent has gone, whoever asks it. */
static int driver_validate(struct ctx *ctx, void *user, void *opaque, struct err *err)
{
    struct db_conn *conn = opaque;
    const struct database *database = user;
    struct ctx patience;
    ctx_init_timeout(&patience, ctx, silence_ns(database));
    int rc = database->settings->database.validate_state ? validate_state(&patience, conn->pg, err)
                                                         : pg_ping(&patience, conn->pg, err);
    ctx_fini(&patience);
    return rc;
}

static int driver_reset(struct ctx *ctx, void *user, void *opaque, struct err *err)
{
    struct db_conn *conn = opaque;
    const struct database *database = user;
    struct ctx patience;
    ctx_init_timeout(&patience, ctx, silence_ns(database));
    if (database->own.reset)
        conn->prepared = conn->preparing = 0;
    int rc = database->own.reset ? pg_reset(&patience, conn->pg, err)
                                 : pg_rollback(&patience, conn->pg, err);
    ctx_fini(&patience);
    return rc;
}

const struct conn_driver db_driver = {
    .open = driver_open,
    .close = driver_close,
    .validate = driver_validate,
    .reset = driver_reset,
};

/* ---- Taking and giving ----------------------------------------------------------------------- */

static int take(struct ctx *ctx, struct session *session)
{
    if (!session->database)
        return err_set(&session->err, -ENXIO, "the service has no database: give it one");
    return session->database->source->take(ctx, session);
}

int session_take_under(struct ctx *ctx, struct database *database, struct session *session)
{
    *session = (struct session){.database = database};
    return take(ctx, session);
}

int session_take_report(struct request *request, struct session *session)
{
    *session = (struct session){.database = request->shard->database, .reports = true};
    return take(request->ctx, session);
}

int session_take(struct request *request, struct session *session)
{
    return session_take_under(request->ctx, request->shard->database, session);
}

/* A pool that can't connect has nothing to lend either: then the server's words tell more. */
int session_borrow(struct ctx *ctx, struct session *session, struct conn_pool *pool,
                   const char *where)
{
    int rc = conn_pool_acquire(ctx, pool, where, &session->lease);
    session->conn = session->lease.conn;
    if (rc == -EAGAIN) {
        const struct err *why = conn_pool_connect_error(pool);
        (void)err_set(&session->err, rc, "no database connection became free in time%s%s",
                      why->code ? ": " : "", why->code ? why->text : "");
    } else if (rc == -ESHUTDOWN) {
        (void)err_set(&session->err, rc, "the connection pool is closing");
    }
    return rc;
}

/* The wrong way on purpose: a share of the sessions is never given back. */
static bool leaks(struct database *database)
{
    double share = database->settings->database.leak_share;
    return share > 0 && rng_unit(&database->rng) < share;
}

static void disown(struct session *session)
{
    const struct session_source *source = session->database->source;
    if (source->disown)
        source->disown(session);
}

void session_move(struct session *to, struct session *from)
{
    disown(from);
    *to = *from;
    from->conn = NULL;
}

static bool leak(struct session *session)
{
    struct session *copy = malloc(sizeof(*copy));
    if (!copy)
        return false;
    disown(session);
    *copy = *session;
    copy->leaked_ns = clock_now_ns();
    list_push_back(&session->database->leaks, &copy->link);
    counter_add(&session->database->leaked, 1);
    return true;
}

/* A transaction nobody will end holds its locks, and the next borrower would work in it. */
static enum conn_state state_of(const struct session *session)
{
    const struct pg *pg = session->conn->pg;
    if (pg_broken(pg) || pg_busy(pg))
        return CONN_BROKEN;
    bool open = pg_transaction_status(pg) != PQTRANS_IDLE;
    return open && session->database->settings->database.rollback ? CONN_DIRTY : CONN_GOOD;
}

static void give(struct session *session)
{
    session->database->source->give(session, state_of(session));
    session->conn = NULL;
}

void session_give(struct session *session)
{
    if (!session->conn)
        return;
    if (leaks(session->database) && leak(session))
        session->conn = NULL;
    else
        give(session);
}

/* ---- Giving up ------------------------------------------------------------------------------- */

/* A session whose request has gone while the server still works for it. On the heap. */
struct stray {
    struct session session;
    enum on_timeout how;
};

/* As silence_ns, for what can't take long. */
static uint64_t cancel_timeout_ns(const struct database *database)
{
    uint64_t span_ns = silence_ns(database);
    uint64_t cancel_ns = database->settings->database.cancel_timeout_ns;
    return span_ns < cancel_ns ? span_ns : cancel_ns;
}

/* Until the server is done, or has stopped. What it was being taught it may know by then. */
static void settle(struct ctx *ctx, struct stray *stray, uint64_t span_ns)
{
    struct session *session = &stray->session;
    struct database *database = session->database;
    struct db_conn *conn = session->conn;
    struct ctx patience;
    ctx_init_timeout(&patience, ctx, span_ns);
    int rc = pg_settle(&patience, conn->pg, NULL);
    ctx_fini(&patience);
    if (!rc && !*pg_sqlstate(conn->pg))
        conn->prepared |= conn->preparing;
    conn->preparing = 0;
    give(session);
    free(stray);
    counter_add(&database->strays_ended, 1);
}

static void settle_alone(struct ctx *ctx, void *arg)
{
    struct stray *stray = arg;
    settle(ctx, stray, cancel_timeout_ns(stray->session.database));
}

static int cancel(struct ctx *ctx, struct database *database, struct pg *pg)
{
    struct ctx patience;
    counter_add(&database->cancels, 1);
    ctx_init_timeout(&patience, ctx, cancel_timeout_ns(database));
    int rc = pg_cancel(&patience, pg, NULL);
    ctx_fini(&patience);
    if (rc)
        counter_add(&database->cancel_failures, 1);
    return rc;
}

/* A session whose cancel may still come through is not to be used again. */
static void cancel_then_settle(struct ctx *ctx, struct stray *stray)
{
    struct session *session = &stray->session;
    if (cancel(ctx, session->database, session->conn->pg) == 0) {
        settle_alone(ctx, stray);
        return;
    }
    counter_add(&session->database->strays_ended, 1);
    session->database->source->give(session, CONN_BROKEN);
    free(stray);
}

/* The wrong way on purpose: whoever borrows the session next may be hit. The other fiber runs once
 * this one waits, and pg_cancel has read what it needs by then. */
static void cancel_and_settle(struct ctx *ctx, struct stray *stray)
{
    struct database *database = stray->session.database;
    struct pg *pg = stray->session.conn->pg;
    if (group_spawn(&database->strays, "settle", settle_alone, stray))
        cancel_then_settle(ctx, stray);
    else
        (void)cancel(ctx, database, pg);
}

static void look_after(struct ctx *ctx, void *arg)
{
    struct stray *stray = arg;
    struct database *database = stray->session.database;
    if (stray->how == ON_TIMEOUT_CANCEL) {
        cancel_then_settle(ctx, stray);
    } else if (stray->how == ON_TIMEOUT_CANCEL_LATE) {
        cancel_and_settle(ctx, stray);
    } else {
        counter_add(&database->abandoned, 1);
        settle(ctx, stray, silence_ns(database));
    }
}

/* The request doesn't wait for what becomes of its session. */
static void give_up(struct session *session)
{
    struct database *database = session->database;
    enum on_timeout how = (enum on_timeout)database->settings->database.on_timeout;
    struct stray *stray = how == ON_TIMEOUT_CLOSE ? NULL : malloc(sizeof(*stray));
    if (stray) {
        *stray = (struct stray){.session = *session, .how = how};
        if (group_spawn(&database->strays, "stray session", look_after, stray) == 0) {
            counter_add(&database->strays_begun, 1);
            disown(session);
            session->conn = NULL;
            return;
        }
        free(stray);
    }
    give(session);
}

/* ---- Asking ---------------------------------------------------------------------------------- */

static int prepare(struct ctx *ctx, struct session *session, const struct statement *statement)
{
    struct db_conn *conn = session->conn;
    unsigned bit = 1u << statement->bit;
    if (conn->prepared & bit)
        return 0;
    const struct database_settings *settings = &session->database->settings->database;
    const char *sql = statement->sql                         ? statement->sql
                      : statement->of == STATEMENT_OF_REPORT ? settings->report
                                                             : settings->query;
    conn->preparing = bit;
    int rc = pg_prepare(ctx, conn->pg, statement->name, sql, &session->err);
    if (pg_busy(conn->pg))
        return rc; /* settle will find out */
    conn->preparing = 0;
    if (!rc)
        conn->prepared |= bit;
    return rc;
}

static int ask(struct ctx *ctx, struct session *session, const struct statement *statement,
               int count, const char *const *values, PGresult **out)
{
    int rc = prepare(ctx, session, statement);
    return rc ? rc
              : pg_exec_prepared(ctx, session->conn->pg, statement->name, count, values, out,
                                 &session->err);
}

/* A cancel nobody meant for this query: neither we nor a statement timeout asked for it. */
static bool was_killed(const struct session *session)
{
    return strcmp(session->sqlstate, "57014") == 0 &&
           session->database->settings->database.statement_timeout_ns == 0;
}

static void count_failure(struct session *session, int rc)
{
    struct database *database = session->database;
    if (rc == -ETIMEDOUT || rc == -ECANCELED)
        counter_add(&database->query_timeouts, 1);
    if (rc == -ECONNRESET)
        counter_add(&database->lost, 1);
    if (rc == -EREMOTEIO)
        counter_add(&database->query_errors, 1);
    if (rc == -EREMOTEIO && was_killed(session))
        counter_add(&database->killed, 1);
}

/* How long one query may take; CLOCK_NEVER: as long as its request. */
static uint64_t patience_ns(const struct database *database)
{
    uint64_t query_ns = database->settings->database.query_timeout_ns;
    uint64_t socket_ns = silence_ns(database);
    return query_ns > 0 && query_ns < socket_ns ? query_ns : socket_ns;
}

/* One question: the asker's ctx, made shorter by the timeouts, and what it came to. */
struct asking {
    struct session *session;
    struct ctx *ctx;     /* to wait under: the asker's, or … */
    struct ctx patience; /* … this child of it */
};

static void asking_begin(struct asking *asking, struct ctx *ctx, struct session *session)
{
    uint64_t span_ns = patience_ns(session->database);
    assert(session->conn);
    asking->session = session;
    asking->ctx = ctx;
    if (span_ns != CLOCK_NEVER) {
        ctx_init_timeout(&asking->patience, ctx, span_ns);
        asking->ctx = &asking->patience;
    }
}

static int asking_end(struct asking *asking, int rc)
{
    struct session *session = asking->session;
    if (asking->ctx == &asking->patience)
        ctx_fini(&asking->patience);
    if (rc < 0) {
        memcpy(session->sqlstate, pg_sqlstate(session->conn->pg), PG_SQLSTATE_BYTES);
        count_failure(session, rc);
        if (pg_busy(session->conn->pg))
            give_up(session);
    }
    return rc;
}

int session_query_under(struct ctx *ctx, struct session *session, const struct statement *statement,
                        int count, const char *const *values, PGresult **out)
{
    struct asking asking;
    asking_begin(&asking, ctx, session);
    counter_add(&session->database->queries, 1);
    return asking_end(&asking, ask(asking.ctx, session, statement, count, values, out));
}

int session_query(struct request *request, struct session *session,
                  const struct statement *statement, int count, const char *const *values,
                  PGresult **out)
{
    return session_query_under(request->ctx, session, statement, count, values, out);
}

/* Longest number and its NUL. */
enum { NUMBER_BYTES = 24 };

int session_query_number(struct request *request, struct session *session,
                         const struct statement *statement, uint64_t number, PGresult **out)
{
    char text[NUMBER_BYTES];
    const char *values[] = {text};
    (void)snprintf(text, sizeof(text), "%" PRIu64, number);
    return session_query(request, session, statement, 1, values, out);
}

int session_command_under(struct ctx *ctx, struct session *session, const char *sql, PGresult **out)
{
    struct asking asking;
    asking_begin(&asking, ctx, session);
    counter_add(&session->database->queries, 1);
    return asking_end(&asking, pg_exec(asking.ctx, session->conn->pg, sql, out, &session->err));
}

int session_command(struct request *request, struct session *session, const char *sql)
{
    return session_command_under(request->ctx, session, sql, NULL);
}

int session_rows(struct request *request, struct session *session, const char *sql, uint64_t number)
{
    struct asking asking;
    char text[NUMBER_BYTES];
    const char *values[] = {text};
    (void)snprintf(text, sizeof(text), "%" PRIu64, number);
    asking_begin(&asking, request->ctx, session);
    counter_add(&session->database->queries, 1);
    return asking_end(&asking,
                      pg_rows_begin(asking.ctx, session->conn->pg, sql, 1, values, &session->err));
}

int session_next_row(struct request *request, struct session *session, PGresult **row)
{
    struct asking asking;
    asking_begin(&asking, request->ctx, session);
    return asking_end(&asking, pg_rows_next(asking.ctx, session->conn->pg, row, &session->err));
}

int session_close_rows(struct request *request, struct session *session)
{
    struct asking asking;
    if (!session->conn)
        return 0;
    asking_begin(&asking, request->ctx, session);
    return asking_end(&asking, pg_rows_close(asking.ctx, session->conn->pg, false, &session->err));
}

/* ---- Failing --------------------------------------------------------------------------------- */

/* What the server thinks of it, by its code. */
static int status_of_refusal(const char *sqlstate)
{
    if (strcmp(sqlstate, "57014") == 0) /* query_canceled */
        return 504;
    return strncmp(sqlstate, "22", 2) == 0 ? 400 : 500; /* data_exception: what it was given */
}

int session_refuse(struct request *request, const struct session *session, int rc)
{
    int ended = ctx_error(request->ctx);
    if (ended || rc == -ETIMEDOUT || rc == -ENOMEM)
        return ended ? ended : rc;
    int status = rc == -EREMOTEIO ? status_of_refusal(session->sqlstate) : 503;
    return request_refuse(request, status,
                          session->err.code ? session->err.text : "the database can't be asked");
}

/* ---- Answering ------------------------------------------------------------------------------- */

int session_answer_row(struct request *request, const PGresult *row)
{
    struct buffer *out = &request->response;
    int rc = buffer_append(out, "{\"token\":", 9);
    if (!rc)
        rc = buffer_append_json(out, request->token.text, request->token.length);
    if (PQntuples(row) == 0 || PQgetisnull(row, 0, 0)) {
        rc = rc ? rc : buffer_append(out, ",\"value\":null}\n", 15);
        return rc ? rc : 200;
    }
    if (!rc)
        rc = buffer_append(out, ",\"value\":", 9);
    if (!rc)
        rc = buffer_append_json(out, PQgetvalue(row, 0, 0), (size_t)PQgetlength(row, 0, 0));
    if (!rc)
        rc = buffer_append(out, "}\n", 2);
    return rc ? rc : 200;
}
