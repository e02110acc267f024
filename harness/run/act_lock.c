/* SPDX-License-Identifier: MIT */
/* act_lock.c - a table locked in the database by a session of the runner's, which ends with it. */
#include "core/clock.h"
#include "postgres/pg.h"
#include "run/act.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lock_settings {
    char *table;
    int mode; /* index into mode_names */
};

static const char *const mode_names[] = {
    "access-exclusive", "exclusive", "share-row-exclusive", "share", "share-update-exclusive",
    "row-exclusive",    "row-share", "access-share",        NULL};

static const struct param lock_params[] = {
    {PARAM_TEXT("table", lock_settings, table, NULL, "which table"), .required = true},
    {PARAM_CHOICE("mode", lock_settings, mode, "access-exclusive",
                  "the lock's mode, as in LOCK TABLE", mode_names)},
    {0},
};

/* It stands in a statement as it is. */
static int lock_check(const void *settings, struct err *err)
{
    const struct lock_settings *self = settings;
    const char *at = self->table ? self->table : "";
    bool sound = isalpha((unsigned char)*at) || *at == '_';
    for (; *at; at++)
        sound = sound && (isalnum((unsigned char)*at) || *at == '_' || *at == '.');
    return sound ? 0 : err_set(err, -EINVAL, "expected table: the name of the one to lock");
}

struct lock {
    struct pg *pg;
    uint64_t first_ns; /* when it was ours */
    uint64_t waiting;  /* most sessions that waited for it at once */
};

/* By its name the guardian finds it when nobody else is left (lease_schema.c), and a scenario's SQL
 * can leave it out. A LOCK that has to queue lets nobody past: not for longer than this, whatever
 * becomes of us. */
static const char begin_session[] =
    "select set_config('application_name', current_schema() || ' lock', false); "
    "set statement_timeout = 0; set lock_timeout = '10s'; "
    "set idle_in_transaction_session_timeout = 0; begin";

/* To take a LOCK that waits back from the server, which would go on waiting. */
#define GIVE_UP_NS NS_PER_S

static int take_lock(struct ctx *ctx, struct lock *self, const struct act_setting *setting,
                     struct err *err)
{
    const struct lock_settings *settings = setting->fault->settings;
    char mode[32], sql[256];
    int rc = pg_connect(ctx, &self->pg, setting->conninfo, NULL, err);
    if (rc)
        return rc == -EINVAL ? -ENOTCONN : rc; /* which is no mistake of the file's */
    rc = pg_exec(ctx, self->pg, begin_session, NULL, err);
    if (rc)
        return rc;
    (void)snprintf(mode, sizeof(mode), "%s", mode_names[settings->mode]);
    for (char *at = mode; *at; at++)
        *at = *at == '-' ? ' ' : *at;
    (void)snprintf(sql, sizeof(sql), "lock table %.180s in %s mode", settings->table, mode);
    rc = pg_exec(ctx, self->pg, sql, NULL, err);
    const char *state = pg_sqlstate(self->pg);
    bool mistake =
        rc == -EREMOTEIO && (strncmp(state, "42", 2) == 0 || strcmp(state, "3F000") == 0);
    if (!rc)
        return 0;
    (void)err_wrap(err, "lock table %s", settings->table);
    return mistake ? -EINVAL : rc;
}

static int lock_begin(struct ctx *ctx, const struct act_setting *setting, void **state,
                      struct err *err)
{
    struct lock *self = calloc(1, sizeof(*self));
    struct err why = {0};
    if (!self)
        return err_sys(err, -ENOMEM, "lock a table");
    int rc = take_lock(ctx, self, setting, &why);
    self->first_ns = clock_now_ns();
    *state = self;
    if (!rc)
        return 0;
    if (self->pg && pg_busy(self->pg)) {
        struct ctx bound;
        ctx_init_timeout(&bound, NULL, GIVE_UP_NS);
        (void)pg_cancel(&bound, self->pg, NULL);
        ctx_fini(&bound);
    }
    pg_close(self->pg);
    free(self);
    return err_set(err, rc, "%s", why.text);
}

/* Who waits for a lock of ours, or behind somebody who does. */
static void lock_look(struct ctx *ctx, const struct act_setting *setting, void *state)
{
    const struct lock_settings *settings = setting->fault->settings;
    struct lock *self = state;
    PGresult *result = NULL;
    char sql[320];
    (void)snprintf(sql, sizeof(sql),
                   "select count(distinct pid) from pg_locks "
                   "where not granted and relation = '%.180s'::regclass",
                   settings->table);
    if (pg_busy(self->pg) && pg_settle(ctx, self->pg, NULL)) /* a look that took too long */
        return;
    if (pg_exec(ctx, self->pg, sql, &result, NULL))
        return;
    uint64_t waiting = strtoull(PQgetvalue(result, 0, 0), NULL, 10);
    self->waiting = waiting > self->waiting ? waiting : self->waiting;
    PQclear(result);
}

/* A session that has been lost had its lock taken away, who knows when. */
static int lock_end(struct ctx *ctx, const struct act_setting *setting, void *state,
                    struct act_effects *effects, struct err *err)
{
    struct lock *self = state;
    lock_look(ctx, setting, state);
    uint64_t last_ns = clock_now_ns();
    int rc = pg_busy(self->pg) ? -EBUSY : pg_rollback(ctx, self->pg, err);
    if (rc == -EBUSY)
        (void)err_set(err, rc, "the session that held the lock did not answer");
    pg_close(self->pg); /* which ends it in any case */
    *effects = (struct act_effects){.first_ns = self->waiting ? self->first_ns : 0,
                                    .last_ns = self->waiting ? last_ns : 0,
                                    .links = self->waiting};
    free(self);
    return rc;
}

static const struct act lock_act = {.begin = lock_begin, .look = lock_look, .end = lock_end};

const struct plan_fault_kind act_lock = {
    .name = "lock",
    .summary = "a table is locked in the database by another session",
    .params = lock_params,
    .settings_bytes = sizeof(struct lock_settings),
    .database = true,
    .touches = "sessions waiting",
    .check = lock_check,
    .act = &lock_act,
};
