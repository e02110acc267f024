/* SPDX-License-Identifier: MIT */
/* endpoint_nested.c - a request that asks the database on two sessions, as when a function that
 * holds one calls another that takes its own. */
#include "subject/database.h"
#include "subject/endpoint.h"
#include "subject/request.h"
#include "subject/shard.h"
#include "subject/statements.h"

static int ask_row(struct request *request, struct session *session, uint64_t id, PGresult **row)
{
    return session_query_number(request, session, &row_statement, id, row);
}

/* What the inner function does. A status, or -errno. */
static int inner(struct request *request)
{
    struct session session;
    PGresult *row = NULL;
    int rc = session_take(request, &session);
    if (!rc)
        rc = ask_row(request, &session, 2, &row);
    int status = rc ? session_refuse(request, &session, rc) : session_answer_row(request, row);
    PQclear(row);
    session_give(&session);
    return status;
}

static int nested_answer(struct request *request)
{
    bool two = request->shard->service->settings.database.nested == NESTED_TWO;
    struct session outer;
    if (request_read_fields(request))
        return request_refuse(request, 400, "a token or tag is longer than 256 bytes");
    int rc = session_take(request, &outer);
    if (!rc)
        rc = ask_row(request, &outer, 1, NULL);
    if (!two)
        session_give(&outer);
    int status = rc ? session_refuse(request, &outer, rc) : inner(request);
    session_give(&outer);
    return status;
}

const struct endpoint endpoint_nested = {
    .name = "nested",
    .path = "/nested",
    .summary = "asks the database on two sessions, as db_nested says",
    .methods = ENDPOINT_GET,
    .waits = true,
    .answer = nested_answer,
};
