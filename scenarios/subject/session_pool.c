/* SPDX-License-Identifier: MIT */
/* session_pool.c - sessions from the thread's connection pool: the right way. */
#include "subject/database.h"

static uint64_t minimum(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static int start_one(struct ctx *ctx, struct database *database,
                     const struct conn_pool_settings *settings, struct conn_pool **out,
                     struct err *err)
{
    struct conn_pool_options options = {
        .settings = settings,
        .driver = &db_driver,
        .user = database,
        .seed = rng_next(&database->rng),
    };
    int rc = conn_pool_create(out, ctx, &options, err);
    /* What can't be opened now is tried again later: no reason not to serve. */
    if (!rc && settings->prewarm > 0)
        (void)conn_pool_prewarm(ctx, *out, settings->prewarm, err);
    return rc;
}

/* What is kept ready is kept for all others first. */
static void split(const struct conn_pool_settings *all, uint64_t reports_max_open,
                  struct conn_pool_settings *others, struct conn_pool_settings *reports)
{
    *others = *reports = *all;
    others->max_open -= reports_max_open;
    others->min_idle = minimum(all->min_idle, others->max_open);
    others->prewarm = minimum(all->prewarm, others->max_open);
    reports->max_open = reports_max_open;
    reports->min_idle = minimum(all->min_idle - others->min_idle, reports_max_open);
    reports->prewarm = minimum(all->prewarm - others->prewarm, reports_max_open);
}

static int pool_start(struct ctx *ctx, struct database *database, struct err *err)
{
    struct conn_pool_settings others, reports;
    split(&database->own, database->reports_max_open, &others, &reports);
    int rc = start_one(ctx, database, &others, &database->pool, err);
    if (!rc && reports.max_open > 0)
        rc = start_one(ctx, database, &reports, &database->reports, err);
    return rc;
}

static uint64_t stop_one(struct ctx *ctx, struct database *database, struct conn_pool **place)
{
    struct conn_pool *pool = *place;
    if (!pool)
        return 0;
    (void)conn_pool_drain(ctx, pool);
    (void)pthread_mutex_lock(&database->reading);
    *place = NULL;
    (void)pthread_mutex_unlock(&database->reading);
    return conn_pool_destroy(pool);
}

static uint64_t pool_stop(struct ctx *ctx, struct database *database)
{
    return stop_one(ctx, database, &database->pool) + stop_one(ctx, database, &database->reports);
}

static struct conn_pool *pool_of(const struct session *session)
{
    const struct database *database = session->database;
    return session->reports && database->reports ? database->reports : database->pool;
}

static int pool_take(struct ctx *ctx, struct session *session)
{
    return session_borrow(ctx, session, pool_of(session), "endpoint");
}

static void pool_disown(struct session *session)
{
    conn_pool_disown(pool_of(session), &session->lease);
}

static void pool_give(struct session *session, enum conn_state state)
{
    (void)conn_pool_release(pool_of(session), &session->lease, state);
}

const struct session_source session_pool = {
    .name = "pool",
    .start = pool_start,
    .stop = pool_stop,
    .take = pool_take,
    .disown = pool_disown,
    .give = pool_give,
};
