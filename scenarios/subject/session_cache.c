/* SPDX-License-Identifier: MIT */
/* session_cache.c - connections kept in an object pool: without a limit, purged now and then (wrong
 * on purpose: what is right for buffers is wrong for connections). */
#include "subject/database.h"
#include "subject/object_pool.h"

#include <errno.h>

/* Not connected yet: a pool's hooks must not wait. */
static void *cache_create(void *user)
{
    (void)user;
    return db_conn_create();
}

static void cache_destroy(void *user, void *conn)
{
    db_conn_destroy(user, conn);
}

static int cache_start(struct ctx *ctx, struct database *database, struct err *err)
{
    struct object_pool_options options = {
        .name = "connections",
        .object_bytes = sizeof(struct db_conn),
        .create = cache_create,
        .destroy = cache_destroy,
        .user = database,
        .victims_off = true,
    };
    (void)ctx;
    return object_pool_create(&database->cache, &options, err);
}

static uint64_t cache_stop(struct ctx *ctx, struct database *database)
{
    (void)ctx;
    return object_pool_destroy(database->cache);
}

static int cache_take(struct ctx *ctx, struct session *session)
{
    struct database *database = session->database;
    struct db_conn *conn = object_pool_get(database->cache);
    if (!conn)
        return -ENOMEM;
    int rc = conn->pg ? 0 : db_conn_connect(ctx, database, conn, &session->err);
    if (rc)
        object_pool_discard(database->cache, conn);
    session->conn = rc ? NULL : conn;
    return rc;
}

static void cache_give(struct session *session, enum conn_state state)
{
    struct database *database = session->database;
    if (state == CONN_GOOD)
        object_pool_put(database->cache, session->conn);
    else
        object_pool_discard(database->cache, session->conn);
}

const struct session_source session_cache = {
    .name = "cache",
    .start = cache_start,
    .stop = cache_stop,
    .take = cache_take,
    .give = cache_give,
};
