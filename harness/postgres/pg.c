/* SPDX-License-Identifier: MIT */
/* pg.c - queries on a session: sent at once, their answers awaited on the ring. */
#include "postgres/internal.h"

#include "core/io.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

enum {
    PARAMETERS_MAX = 65535, /* the protocol counts them in 16 bits */
    RESULTS_LEFT_MAX = 64,  /* looked through for the reason of a lost session */
};

/* ---- What the server said -------------------------------------------------------------------- */

int pg_text_length(const char *text)
{
    size_t length = strlen(text);
    while (length > 0 && strchr("\n.", text[length - 1]))
        length--;
    return (int)length;
}

static const char *field_of(const PGresult *result, int field)
{
    const char *text = PQresultErrorField(result, field);
    return text ? text : "";
}

static bool ends_session(const PGresult *result)
{
    const char *severity = field_of(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    return strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0;
}

/* The server's words: what, the code, and the detail where there is one. */
static void describe(struct err *err, int code, const char *about, const PGresult *result)
{
    const char *what = field_of(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = field_of(result, PG_DIAG_MESSAGE_DETAIL);
    (void)err_set(err, code, "%s%.*s (%s)%s%.*s", about, pg_text_length(what), what,
                  field_of(result, PG_DIAG_SQLSTATE), *detail ? ": " : "", pg_text_length(detail),
                  detail);
}

/* libpq's own words, which come without a code. */
static int describe_own(struct err *err, const char *words)
{
    int code = strstr(words, "out of memory") ? -ENOMEM : -EREMOTEIO;
    return err_set(err, code, "%.*s", pg_text_length(words), words);
}

/* Notes the first error of a query. */
static void note_error(struct pg *pg, const PGresult *result)
{
    bool fatal = ends_session(result);
    pg->broken = pg->broken || fatal;
    if (pg->failure.code && !fatal)
        return;
    const char *position = field_of(result, PG_DIAG_STATEMENT_POSITION);
    const char *sqlstate = field_of(result, PG_DIAG_SQLSTATE);
    (void)snprintf(pg->sqlstate, sizeof(pg->sqlstate), "%s", sqlstate);
    pg->position = 0;
    (void)sscanf(position, "%u", &pg->position);
    if (fatal)
        describe(&pg->failure, -ECONNRESET, "the server ended the session: ", result);
    else if (*sqlstate)
        describe(&pg->failure, -EREMOTEIO, "", result);
    else
        (void)describe_own(&pg->failure, PQresultErrorMessage(result));
}

static int fail(const struct pg *pg, struct err *err)
{
    return err_set(err, pg->failure.code, "%s", pg->failure.text);
}

/* The connection is gone. What came before it went may hold the reason. */
static int lose(struct pg *pg, struct err *err)
{
    pg->broken = true;
    for (int i = 0; i < RESULTS_LEFT_MAX; i++) {
        if (PQsocket(pg->conn) >= 0 && PQisBusy(pg->conn))
            break; /* asking would wait */
        PGresult *result = PQgetResult(pg->conn);
        if (!result)
            break;
        if (ends_session(result))
            note_error(pg, result);
        PQclear(result);
    }
    pg->busy = false;
    if (pg->failure.code == -ECONNRESET)
        return fail(pg, err);
    const char *words = PQerrorMessage(pg->conn);
    return err_set(err, -ECONNRESET, "the session is lost: %.*s", (int)strcspn(words, "\n"), words);
}

/* ---- Sending and reading --------------------------------------------------------------------- */

/* May a query be sent now? */
static int begin(struct ctx *ctx, struct pg *pg, struct err *err)
{
    if (pg->busy)
        return err_set(err, -EBUSY, "the session is busy with another query");
    pg->failure.code = 0;
    pg->sqlstate[0] = '\0';
    pg->position = 0;
    if (pg->broken)
        return err_set(err, -ECONNRESET, "the session was lost before");
    int rc = ctx_error(ctx);
    if (rc)
        return err_sys(err, rc, "query PostgreSQL");
    pg->awaited = false;
    io_alert_forget(pg->input); /* what arrived before the query is not its answer */
    return 0;
}

static int wait_for(struct ctx *ctx, struct pg *pg, short events, struct err *err)
{
    int rc = ctx_error(ctx); /* also where something is always ready */
    if (!rc)
        rc = io_poll(ctx, PQsocket(pg->conn), events);
    if (rc < 0)
        return err_sys(err, rc, "query PostgreSQL");
    pg->awaited = pg->awaited || (rc & ~POLLOUT);
    if ((rc & ~POLLOUT) && !PQconsumeInput(pg->conn))
        return lose(pg, err);
    return 0;
}

/* Most answers come in one piece, and new ones always arrive after what was sent: so the first wait
 * for one can trust the alert. Later on, there may be more in the socket than has been read. */
static int wait_for_input(struct ctx *ctx, struct pg *pg, struct err *err)
{
    if (pg->awaited)
        return wait_for(ctx, pg, POLLIN, err);
    int rc = io_alert_wait(ctx, pg->input);
    if (rc)
        return err_sys(err, rc, "query PostgreSQL");
    pg->awaited = true;
    return PQconsumeInput(pg->conn) ? 0 : lose(pg, err);
}

/* Sends what did not fit into the socket at once. The server may talk meanwhile, and must be heard,
 * or both wait for the other for ever. */
static int flush(struct ctx *ctx, struct pg *pg, struct err *err)
{
    int left = PQflush(pg->conn), rc = 0;
    while (left > 0 && !rc) {
        rc = wait_for(ctx, pg, POLLIN | POLLOUT, err);
        left = rc ? left : PQflush(pg->conn);
    }
    return !rc && left < 0 ? lose(pg, err) : rc;
}

/* After libpq's PQsend…: sent tells what that returned. */
static int sent(struct ctx *ctx, struct pg *pg, int accepted, struct err *err)
{
    if (accepted) {
        pg->busy = true;
        return flush(ctx, pg, err);
    }
    if (PQstatus(pg->conn) == CONNECTION_BAD)
        return lose(pg, err);
    pg->broken = true; /* half a message may be in libpq's buffer */
    return describe_own(err, PQerrorMessage(pg->conn));
}

/* The next result of the query under way; *out NULL behind the last one. */
static int next_result(struct ctx *ctx, struct pg *pg, PGresult **out, struct err *err)
{
    while (PQisBusy(pg->conn)) {
        int rc = wait_for_input(ctx, pg, err);
        if (rc)
            return rc;
    }
    *out = PQgetResult(pg->conn);
    pg->busy = *out != NULL;
    return 0;
}

/* Tells the server that no data will come. */
static int refuse_copy_in(struct ctx *ctx, struct pg *pg, struct err *err)
{
    int done = PQputCopyEnd(pg->conn, "COPY is not supported here");
    while (done == 0) {
        int rc = flush(ctx, pg, err);
        if (rc)
            return rc;
        done = PQputCopyEnd(pg->conn, "COPY is not supported here");
    }
    return done < 0 ? lose(pg, err) : flush(ctx, pg, err);
}

static int discard_copy_out(struct ctx *ctx, struct pg *pg, struct err *err)
{
    for (;;) {
        char *data = NULL;
        int got = PQgetCopyData(pg->conn, &data, 1);
        PQfreemem(data);
        if (got < 0) /* the end, or an error that the next result tells */
            return 0;
        int rc = got > 0 ? 0 : wait_for_input(ctx, pg, err);
        if (rc)
            return rc;
    }
}

static int end_copy(struct ctx *ctx, struct pg *pg, ExecStatusType status, struct err *err)
{
    if (!pg->failure.code)
        (void)err_set(&pg->failure, -ENOTSUP, "COPY is not supported here");
    if (status == PGRES_COPY_IN)
        return refuse_copy_in(ctx, pg, err);
    if (status == PGRES_COPY_OUT)
        return discard_copy_out(ctx, pg, err);
    pg->broken = true; /* COPY_BOTH has no end: replication */
    return fail(pg, err);
}

/* Takes note of a result. 0, or an error after which there is no reading on. */
static int judge(struct ctx *ctx, struct pg *pg, const PGresult *result, struct err *err)
{
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE) {
        note_error(pg, result);
        if (PQstatus(pg->conn) == CONNECTION_BAD)
            return lose(pg, err);
        if (pg->broken)
            pg->busy = false;
        return pg->broken ? fail(pg, err) : 0;
    }
    bool copies = status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
    return copies ? end_copy(ctx, pg, status, err) : 0;
}

/* Reads all the results of a query; *last gets the last one. */
static int read_all(struct ctx *ctx, struct pg *pg, PGresult **last, struct err *err)
{
    *last = NULL;
    for (;;) {
        PGresult *result = NULL;
        int rc = next_result(ctx, pg, &result, err);
        if (!rc && !result)
            return 0;
        PQclear(*last);
        *last = NULL;
        if (!rc)
            rc = judge(ctx, pg, result, err);
        if (rc) {
            PQclear(result);
            return rc;
        }
        *last = result;
    }
}

/* Reads the answer of what was sent, and hands it to the caller. */
static int answer(struct ctx *ctx, struct pg *pg, PGresult **out, struct err *err)
{
    PGresult *last;
    int rc = read_all(ctx, pg, &last, err);
    if (!rc && pg->failure.code)
        rc = fail(pg, err);
    if (rc || !out) {
        PQclear(last);
        last = NULL;
    }
    if (out)
        *out = last;
    return rc;
}

/* ---- Queries --------------------------------------------------------------------------------- */

static int check_count(int count, struct err *err)
{
    if (count >= 0 && count <= PARAMETERS_MAX)
        return 0;
    return err_set(err, -EINVAL, "a statement has 0 to %d parameters, not %d", PARAMETERS_MAX,
                   count);
}

static int exchange(struct ctx *ctx, struct pg *pg, int accepted, PGresult **out, struct err *err)
{
    int rc = sent(ctx, pg, accepted, err);
    return rc ? rc : answer(ctx, pg, out, err);
}

int pg_exec(struct ctx *ctx, struct pg *pg, const char *sql, PGresult **out, struct err *err)
{
    if (out)
        *out = NULL;
    int rc = begin(ctx, pg, err);
    return rc ? rc : exchange(ctx, pg, PQsendQuery(pg->conn, sql), out, err);
}

int pg_exec_params(struct ctx *ctx, struct pg *pg, const char *sql, int count,
                   const char *const *values, PGresult **out, struct err *err)
{
    if (out)
        *out = NULL;
    int rc = begin(ctx, pg, err);
    if (!rc)
        rc = check_count(count, err);
    if (rc)
        return rc;
    int accepted = PQsendQueryParams(pg->conn, sql, count, NULL, values, NULL, NULL, 0);
    return exchange(ctx, pg, accepted, out, err);
}

int pg_prepare(struct ctx *ctx, struct pg *pg, const char *name, const char *sql, struct err *err)
{
    int rc = begin(ctx, pg, err);
    return rc ? rc : exchange(ctx, pg, PQsendPrepare(pg->conn, name, sql, 0, NULL), NULL, err);
}

int pg_exec_prepared(struct ctx *ctx, struct pg *pg, const char *name, int count,
                     const char *const *values, PGresult **out, struct err *err)
{
    if (out)
        *out = NULL;
    int rc = begin(ctx, pg, err);
    if (!rc)
        rc = check_count(count, err);
    if (rc)
        return rc;
    int accepted = PQsendQueryPrepared(pg->conn, name, count, values, NULL, NULL, 0);
    return exchange(ctx, pg, accepted, out, err);
}

/* ---- Row by row ------------------------------------------------------------------------------ */

int pg_rows_begin(struct ctx *ctx, struct pg *pg, const char *sql, int count,
                  const char *const *values, struct err *err)
{
    int rc = begin(ctx, pg, err);
    if (!rc)
        rc = check_count(count, err);
    if (rc)
        return rc;
    int accepted = PQsendQueryParams(pg->conn, sql, count, NULL, values, NULL, NULL, 0);
    if (accepted)
        (void)PQsetSingleRowMode(pg->conn); /* refused only when nothing was sent */
    return sent(ctx, pg, accepted, err);
}

int pg_rows_next(struct ctx *ctx, struct pg *pg, PGresult **row, struct err *err)
{
    PGresult *result = NULL;
    *row = NULL;
    while (pg->busy) {
        int rc = flush(ctx, pg, err);
        if (!rc)
            rc = next_result(ctx, pg, &result, err);
        if (rc || !result)
            return rc ? rc : pg->failure.code ? fail(pg, err) : 0;
        if (PQresultStatus(result) == PGRES_SINGLE_TUPLE) {
            *row = result;
            return 1;
        }
        rc = judge(ctx, pg, result, err);
        PQclear(result);
        if (rc)
            return rc;
    }
    return pg->broken ? err_set(err, -ECONNRESET, "the session was lost before") : 0;
}

int pg_rows_close(struct ctx *ctx, struct pg *pg, bool cancel, struct err *err)
{
    if (!pg->busy)
        return 0;
    int rc = cancel ? pg_cancel(ctx, pg, err) : 0;
    return rc ? rc : pg_settle(ctx, pg, err);
}

/* ---- The session ----------------------------------------------------------------------------- */

bool pg_busy(const struct pg *pg)
{
    return pg->busy;
}

int pg_settle(struct ctx *ctx, struct pg *pg, struct err *err)
{
    if (pg->broken)
        return err_set(err, -ECONNRESET, "the session was lost before");
    if (!pg->busy)
        return 0;
    PGresult *last = NULL;
    int rc = flush(ctx, pg, err);
    if (!rc)
        rc = read_all(ctx, pg, &last, err);
    PQclear(last);
    return rc;
}

bool pg_broken(const struct pg *pg)
{
    return pg->broken;
}

PGTransactionStatusType pg_transaction_status(const struct pg *pg)
{
    return pg->broken ? PQTRANS_UNKNOWN : PQtransactionStatus(pg->conn);
}

int pg_backend_pid(const struct pg *pg)
{
    return PQbackendPID(pg->conn);
}

int pg_ping(struct ctx *ctx, struct pg *pg, struct err *err)
{
    return pg_exec(ctx, pg, "", NULL, err);
}

int pg_rollback(struct ctx *ctx, struct pg *pg, struct err *err)
{
    int rc = begin(ctx, pg, err);
    if (rc || PQtransactionStatus(pg->conn) == PQTRANS_IDLE)
        return rc;
    return pg_exec(ctx, pg, "ROLLBACK", NULL, err);
}

int pg_reset(struct ctx *ctx, struct pg *pg, struct err *err)
{
    int rc = pg_rollback(ctx, pg, err);
    return rc ? rc : pg_exec(ctx, pg, "DISCARD ALL", NULL, err);
}

const char *pg_sqlstate(const struct pg *pg)
{
    return pg->sqlstate;
}

unsigned pg_error_position(const struct pg *pg)
{
    return pg->position;
}

void pg_locate(const char *sql, unsigned position, unsigned *line, unsigned *column)
{
    *line = *column = 1;
    for (unsigned at = 1; *sql && at < position; at++) {
        bool broken = *sql++ == '\n';
        *line += broken;
        *column = broken ? 1 : *column + 1;
        while ((*sql & 0xc0) == 0x80) /* the rest of a character */
            sql++;
    }
}

uint64_t pg_notice_count(const struct pg *pg)
{
    return pg->notices;
}

const char *pg_notice(const struct pg *pg)
{
    return pg->notice;
}
