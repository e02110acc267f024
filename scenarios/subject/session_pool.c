/* SPDX-License-Identifier: MIT */
/* session_pool.c - sessions from the thread's connection pool: the right way. */
#include "subject/database.h"

static int pool_start(struct ctx *ctx, struct database *database, struct err *err)
{
    struct conn_pool_options options = {
        .settings = &database->own,
        .driver = &db_driver,
        .user = database,
        .seed = rng_next(&database->rng),
    };
    int rc = conn_pool_create(&database->pool, ctx, &options, err);
    /* What can't be opened now is tried again later: no reason not to serve. */
    if (!rc && database->own.prewarm > 0)
        (void)conn_pool_prewarm(ctx, database->pool, database->own.prewarm, err);
    return rc;
}

static uint64_t pool_stop(struct ctx *ctx, struct database *database)
{
    struct conn_pool *pool = database->pool;
    if (!pool)
        return 0;
    (void)conn_pool_drain(ctx, pool);
    (void)pthread_mutex_lock(&database->reading);
    database->pool = NULL;
    (void)pthread_mutex_unlock(&database->reading);
    return conn_pool_destroy(pool);
}

static int pool_take(struct ctx *ctx, struct session *session)
{
    return session_borrow(ctx, session, session->database->pool, "endpoint");
}

static void pool_disown(struct session *session)
{
    conn_pool_disown(session->database->pool, &session->lease);
}

static void pool_give(struct session *session, enum conn_state state)
{
    (void)conn_pool_release(session->database->pool, &session->lease, state);
}

const struct session_source session_pool = {
    .name = "pool",
    .start = pool_start,
    .stop = pool_stop,
    .take = pool_take,
    .disown = pool_disown,
    .give = pool_give,
};
