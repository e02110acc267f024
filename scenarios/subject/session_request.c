/* SPDX-License-Identifier: MIT */
/* session_request.c - sessions from a pool made for one request and gone with it. */
#include "subject/database.h"

static int request_take_session(struct ctx *ctx, struct session *session)
{
    struct database *database = session->database;
    struct conn_pool_options options = {
        .settings = &database->own,
        .driver = &db_driver,
        .user = database,
        .seed = rng_next(&database->rng),
    };
    int rc = conn_pool_create(&session->own_pool, &database->upkeep.ctx, &options, &session->err);
    if (rc)
        return rc;
    rc = session_borrow(ctx, session, session->own_pool, "request");
    if (rc)
        (void)conn_pool_destroy(session->own_pool);
    return rc;
}

static void request_disown(struct session *session)
{
    conn_pool_disown(session->own_pool, &session->lease);
}

static void request_give_session(struct session *session, enum conn_state state)
{
    (void)conn_pool_release(session->own_pool, &session->lease, state);
    (void)conn_pool_destroy(session->own_pool);
}

const struct session_source session_request = {
    .name = "request",
    .take = request_take_session,
    .disown = request_disown,
    .give = request_give_session,
};
