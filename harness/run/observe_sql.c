/* SPDX-License-Identifier: MIT */
/* observe_sql.c - figures that the subject's database is asked for, over a session of its own. */
#include "core/clock.h"
#include "plan/sql.h"
#include "postgres/pg.h"
#include "run/observe.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* To leave a statement in order, whatever has been cancelled. */
#define SETTLE_NS NS_PER_S

/* By this name a scenario's SQL can leave the session out; what is left behind ends by itself. */
static const char prepare_session[] =
    "set application_name = 'poolstorm observer'; set statement_timeout = '5s'";

struct sql {
    const struct plan *plan;
    const char *conninfo;
    struct pg *pg; /* NULL: not connected */
};

static bool sql_owns(const struct plan_observe *observe)
{
    return observe->sql.text != NULL;
}

static int sql_open(void **state, const struct observe_setting *setting, struct err *err)
{
    if (!setting->conninfo)
        return err_set(err, -EINVAL, "sql needs a database: the run has none");
    struct sql *self = calloc(1, sizeof(*self));
    if (!self)
        return err_sys(err, -ENOMEM, "observe the database");
    self->plan = setting->plan;
    self->conninfo = setting->conninfo;
    *state = self;
    return 0;
}

static void disconnect(struct sql *self)
{
    pg_close(self->pg);
    self->pg = NULL;
}

static int connect_session(struct ctx *ctx, struct sql *self, struct err *err)
{
    char sqlstate[PG_SQLSTATE_BYTES];
    if (self->pg)
        return 0;
    int rc = pg_connect(ctx, &self->pg, self->conninfo, sqlstate, err);
    if (!rc)
        rc = pg_exec(ctx, self->pg, prepare_session, NULL, err);
    return rc == -EINVAL ? -ENOTCONN : rc; /* which is no mistake of the file's */
}

/* One column of one row. NULL and no row at all are NAN. */
static int read_number(const PGresult *result, double *value, struct err *err)
{
    *value = NAN;
    if (PQnfields(result) == 0)
        return err_set(err, -EINVAL, "expected a statement that yields a number");
    if (PQnfields(result) > 1 || PQntuples(result) > 1)
        return err_set(err, -EINVAL, "expected one number, not %d row%s of %d column%s",
                       PQntuples(result), PQntuples(result) == 1 ? "" : "s", PQnfields(result),
                       PQnfields(result) == 1 ? "" : "s");
    if (PQntuples(result) == 0 || PQgetisnull(result, 0, 0))
        return 0;
    const char *text = PQgetvalue(result, 0, 0);
    char *end;
    double number = strtod(text, &end);
    if (end == text || *end)
        return err_set(err, -EINVAL, "expected a number, not '%.60s'", text);
    *value = number;
    return 0;
}

/* Whether the server refused a statement for what it says, and not for the server's own state:
 * serialization, resources, locks, an operator, the system. */
static bool is_mistake(int rc, const char *sqlstate)
{
    static const char *const passing[] = {"40", "53", "55", "57", "58", "XX"};
    for (size_t i = 0; i < sizeof(passing) / sizeof(*passing); i++)
        if (strncmp(sqlstate, passing[i], 2) == 0)
            return false;
    return rc == -EREMOTEIO || rc == -ENOTSUP;
}

static int ask(struct ctx *ctx, struct sql *self, const struct plan_observe *observe, double *value,
               struct err *err)
{
    const char *path = self->plan->path;
    PGresult *result = NULL;
    int rc = pg_exec(ctx, self->pg, observe->sql.text, &result, err);
    if (is_mistake(rc, pg_sqlstate(self->pg)))
        return sql_blame(path, &observe->sql, 0, pg_error_position(self->pg), err);
    if (rc)
        return err_wrap(err, "%.60s", observe->name);
    rc = read_number(result, value, err);
    PQclear(result);
    return rc ? sql_blame(path, &observe->sql, 0, 0, err) : 0;
}

/* Has the server read the statement without running it. Of several at once each may need the one
 * before. */
static int check_statement(struct ctx *ctx, struct sql *self, const struct plan_sql *sql,
                           struct err *err)
{
    struct sql_statement first, second;
    size_t at = 0;
    if (sql_next(sql->text, &at, &first, NULL) != 1 || sql_next(sql->text, &at, &second, NULL) != 0)
        return 0;
    char *text = strndup(sql->text + first.offset_bytes, first.length_bytes);
    if (!text)
        return err_sys(err, -ENOMEM, "check SQL");
    int rc = pg_prepare(ctx, self->pg, "", text, err);
    free(text);
    if (is_mistake(rc, pg_sqlstate(self->pg)))
        return sql_blame(self->plan->path, sql, first.offset_bytes, pg_error_position(self->pg),
                         err);
    return rc;
}

/* A statement that was given up must not be met by the next that counts busy backends. */
static void leave(struct sql *self)
{
    struct ctx settling;
    if (!self->pg)
        return;
    ctx_init_timeout(&settling, NULL, SETTLE_NS);
    bool left = pg_busy(self->pg) && (pg_cancel(&settling, self->pg, NULL) != 0 ||
                                      pg_settle(&settling, self->pg, NULL) != 0);
    ctx_fini(&settling);
    if (left || pg_broken(self->pg))
        disconnect(self);
}

static int sql_check(struct ctx *ctx, void *state, struct err *err)
{
    struct sql *self = state;
    int rc = connect_session(ctx, self, err);
    for (size_t i = 0; !rc && i < self->plan->observe_count; i++)
        if (self->plan->observes[i].sql.text)
            rc = check_statement(ctx, self, &self->plan->observes[i].sql, err);
    if (rc)
        leave(self);
    return rc;
}

static int sql_read(struct ctx *ctx, void *state, const bool *wanted, struct observed *observed,
                    struct err *err)
{
    struct sql *self = state;
    int rc = connect_session(ctx, self, err);
    for (size_t i = 0; !rc && i < self->plan->observe_count; i++)
        if (wanted[i])
            rc = ask(ctx, self, &self->plan->observes[i], &observed->values[i], err);
    if (rc)
        leave(self);
    return rc;
}

static void sql_close(void *state)
{
    struct sql *self = state;
    disconnect(self);
    free(self);
}

const struct observe_source observe_sql = {
    .name = "the database",
    .period_ns = 250 * NS_PER_MS,
    .owns = sql_owns,
    .open = sql_open,
    .check = sql_check,
    .read = sql_read,
    .close = sql_close,
};
