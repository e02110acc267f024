/* SPDX-License-Identifier: MIT */
/* endpoint_session.c - leaves its mark in the database session it borrows, and answers with what it
 * found there: bytes of another request, unless sessions are cleaned. */
#include "subject/database.h"
#include "subject/endpoint.h"
#include "subject/query.h"
#include "subject/request.h"
#include "subject/shard.h"

#include <string.h>

struct mark_options {
    int leaves; /* what it leaves behind */
};

enum { LEAVES_NOTHING, LEAVES_SETTING, LEAVES_TABLE, LEAVES_TRANSACTION };

static const char *const leaves_words[] = {"nothing", "setting", "table", "transaction", NULL};

static const struct param mark_params[] = {
    {PARAM_CHOICE("leaves", mark_options, leaves, "setting", "what it leaves behind",
                  leaves_words)},
    {0},
};

static const struct statement mark_statement = {
    .bit = STATEMENT_MARK,
    .name = "mark",
    .sql = "select set_config('poolstorm.owner', $1, false)",
};

static int leave(struct request *request, struct session *session, int what)
{
    const char *values[] = {request->token.text};
    if (what == LEAVES_SETTING)
        return session_query(request, session, &mark_statement, 1, values, NULL);
    if (what == LEAVES_TABLE)
        return session_command(request, session,
                               "create temporary table if not exists poolstorm_left (i int)");
    return what == LEAVES_TRANSACTION ? session_command(request, session, "begin") : 0;
}

/* What a former user left, in words that hold its token if it left that. */
static int write_found(struct request *request, const PGresult *state, bool transaction)
{
    struct buffer *out = &request->response;
    const char *owner = PQgetvalue(state, 0, 0);
    bool table = *PQgetvalue(state, 0, 1) == 't';
    int rc = buffer_append(out, "{\"token\":", 9);
    if (!rc)
        rc = buffer_append_json(out, request->token.text, request->token.length);
    if (!rc)
        rc = buffer_append(out, ",\"owner\":", 9);
    if (!rc)
        rc = buffer_append_json(out, owner, strlen(owner));
    if (!rc)
        rc = buffer_printf(out, ",\"table\":%s,\"transaction\":%s}\n", table ? "true" : "false",
                           transaction ? "true" : "false");
    if (*owner || table || transaction)
        counter_add(&request->shard->database->polluted, 1);
    return rc ? rc : 200;
}

static int use(struct request *request, struct session *session, int leaves)
{
    PGresult *state = NULL;
    bool transaction = pg_transaction_status(session->conn->pg) != PQTRANS_IDLE;
    int rc = session_query(request, session, &state_statement, 0, NULL, &state);
    if (!rc)
        rc = leave(request, session, leaves);
    int status =
        rc ? session_refuse(request, session, rc) : write_found(request, state, transaction);
    PQclear(state);
    return status;
}

static int session_answer(struct request *request)
{
    struct mark_options options = {0};
    struct session session;
    struct err err = {0};
    if (request_read_fields(request) || request->token.length == REQUEST_FIELD_MAX)
        return request_refuse(request, 400, "a token or tag is longer than 255 bytes");
    request->token.text[request->token.length] = 0;
    if (query_read(request->head->target, mark_params, &options, &err))
        return request_refuse(request, 400, err.text);
    int rc = session_take(request, &session);
    int status =
        rc ? session_refuse(request, &session, rc) : use(request, &session, options.leaves);
    session_give(&session);
    return status;
}

const struct endpoint endpoint_session = {
    .name = "session",
    .path = "/session",
    .summary = "leaves its mark in a database session and says what it found there; ?leaves=",
    .methods = ENDPOINT_GET,
    .waits = true,
    .answer = session_answer,
};
