/* SPDX-License-Identifier: MIT */
/* endpoint_report.c - asks the database for what may take long, so that others can be kept from
 * waiting for it. */
#include "subject/endpoint.h"
#include "subject/query.h"
#include "subject/request.h"
#include "subject/shard.h"
#include "subject/statements.h"

struct report_options {
    uint64_t id; /* of the row */
};

static const struct param report_params[] = {
    {PARAM_COUNT("id", report_options, id, "1", "of the row")},
    {0},
};

static int report_answer(struct request *request)
{
    struct report_options options = {0};
    struct session session;
    PGresult *row = NULL;
    struct err err = {0};
    if (request_read_fields(request))
        return request_refuse(request, 400, "a token or tag is longer than 256 bytes");
    if (query_read(request->head->target, report_params, &options, &err))
        return request_refuse(request, 400, err.text);
    int rc = session_take_report(request, &session);
    if (!rc)
        rc = session_query_number(request, &session, &report_statement, options.id, &row);
    int status = rc ? session_refuse(request, &session, rc) : session_answer_row(request, row);
    PQclear(row);
    session_give(&session);
    return status;
}

const struct endpoint endpoint_report = {
    .name = "report",
    .path = "/report",
    .summary = "asks the database what db_report says, from a pool of its own where "
               "db_report_max_open keeps one; ?id=",
    .methods = ENDPOINT_GET,
    .waits = true,
    .answer = report_answer,
};
