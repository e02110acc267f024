/* SPDX-License-Identifier: MIT */
/* endpoint_query.c - asks the database for one row and answers with it. */
#include "subject/database.h"
#include "subject/endpoint.h"
#include "subject/query.h"
#include "subject/request.h"
#include "subject/shard.h"
#include "subject/statements.h"

struct query_options {
    uint64_t id;       /* of the row */
    uint64_t sleep_ns; /* the server sleeps before it answers */
    uint64_t work_ns;  /* slept here after the query, which needs no session */
    double slow_share; /* of the requests, drawn at random, that sleep */
};

static const struct param query_params[] = {
    {PARAM_COUNT("id", query_options, id, "1", "of the row")},
    {PARAM_NS("sleep", query_options, sleep_ns, "0", "the server sleeps before it answers"),
     .min = 0, .max = 3600e9},
    {PARAM_SHARE("slow_share", query_options, slow_share, "1", "share of the requests that sleep")},
    {PARAM_NS("work", query_options, work_ns, "0", "work after the query, without the database"),
     .min = 0, .max = 3600e9},
    {0},
};

static int ask_to_sleep(struct request *request, struct session *session, uint64_t span_ns)
{
    char seconds[STATEMENT_SECONDS_BYTES];
    const char *values[] = {statement_seconds(seconds, span_ns)};
    return session_query(request, session, &sleep_statement, 1, values, NULL);
}

/* With a session in hand: what is to be done with it, and the answer if that goes well. */
static int use(struct request *request, struct session *session,
               const struct query_options *options)
{
    PGresult *row = NULL;
    bool slow =
        options->sleep_ns > 0 && (options->slow_share >= 1 ||
                                  rng_unit(&request->shard->database->rng) < options->slow_share);
    int rc = slow ? ask_to_sleep(request, session, options->sleep_ns) : 0;
    if (!rc)
        rc = session_query_number(request, session, &row_statement, options->id, &row);
    if (rc)
        return session_refuse(request, session, rc);
    rc = session_answer_row(request, row);
    PQclear(row);
    return rc;
}

static int query_answer(struct request *request)
{
    struct query_options options = {0};
    struct session session;
    struct err err = {0};
    if (request_read_fields(request))
        return request_refuse(request, 400, "a token or tag is longer than 256 bytes");
    if (query_read(request->head->target, query_params, &options, &err))
        return request_refuse(request, 400, err.text);
    int rc = session_take(request, &session);
    if (rc)
        return session_refuse(request, &session, rc);
    int status = use(request, &session, &options);
    if (request->shard->service->settings.database.hold == HOLD_QUERY)
        session_give(&session);
    if (status == 200 && options.work_ns > 0)
        rc = fiber_sleep(request->ctx, options.work_ns);
    session_give(&session);
    return rc ? rc : status;
}

const struct endpoint endpoint_query = {
    .name = "query",
    .path = "/query",
    .summary = "asks the database for one row; ?id= sleep= slow_share= work=",
    .methods = ENDPOINT_GET,
    .waits = true,
    .answer = query_answer,
};
