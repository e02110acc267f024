/* SPDX-License-Identifier: MIT */
/* session_connect.c - a connection for every request, closed after it. */
#include "subject/database.h"

static int connect_take(struct ctx *ctx, struct session *session)
{
    struct database *database = session->database;
    struct db_conn *conn = db_conn_create();
    int rc = conn ? db_conn_connect(ctx, database, conn, &session->err) : -ENOMEM;
    if (rc && conn)
        db_conn_destroy(database, conn);
    session->conn = rc ? NULL : conn;
    return rc;
}

static void connect_give(struct session *session, enum conn_state state)
{
    (void)state;
    db_conn_destroy(session->database, session->conn);
}

const struct session_source session_connect = {
    .name = "connect",
    .take = connect_take,
    .give = connect_give,
};
