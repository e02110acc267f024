/* SPDX-License-Identifier: MIT */
/* endpoint_rows.c - a loop of queries, each of whose results holds a session until it is closed. */
#include "subject/database.h"
#include "subject/endpoint.h"
#include "subject/query.h"
#include "subject/request.h"
#include "subject/shard.h"

enum { QUERIES_MAX = 16 };

struct rows_options {
    uint64_t queries; /* in the loop */
    uint64_t rows;    /* of each result */
};

static const struct param rows_params[] = {
    {PARAM_COUNT("queries", rows_options, queries, "5", "queries in the loop"), .min = 1,
     .max = QUERIES_MAX},
    {PARAM_COUNT("rows", rows_options, rows, "10", "rows of each result"), .min = 1, .max = 1e6},
    {0},
};

static const char rows_sql[] = "select i from generate_series(1, $1::int) i";

/* Asks and reads the first row; the rest is left where it is. */
static int open_result(struct request *request, struct session *session, uint64_t rows)
{
    PGresult *row = NULL;
    int rc = session_take(request, session);
    if (rc)
        return rc;
    rc = session_rows(request, session, rows_sql, rows);
    if (!rc) {
        rc = session_next_row(request, session, &row);
        PQclear(row);
    }
    return rc < 0 ? rc : 0;
}

/* The rest is read away, so that the session can be lent again; what comes of that is no business
 * of who has the row it wanted. */
static void close_result(struct request *request, struct session *session)
{
    (void)session_close_rows(request, session);
    session_give(session);
}

static int rows_answer(struct request *request)
{
    struct rows_options options = {0};
    struct err err = {0};
    if (query_read(request->head->target, rows_params, &options, &err))
        return request_refuse(request, 400, err.text);
    bool each = request->shard->service->settings.database.rows_close == ROWS_CLOSE_EACH;
    struct session sessions[QUERIES_MAX];
    size_t opened = 0;
    int rc = 0;
    while (opened < options.queries && !rc) {
        struct session *session = &sessions[opened];
        rc = open_result(request, session, options.rows);
        if (each)
            close_result(request, session);
        opened++;
    }
    int status = rc ? session_refuse(request, &sessions[opened - 1], rc)
                    : buffer_printf(&request->response, "{\"queries\":%zu}\n", opened);
    for (size_t i = 0; i < opened; i++)
        close_result(request, &sessions[i]);
    return status ? status : 200;
}

const struct endpoint endpoint_rows = {
    .name = "rows",
    .path = "/rows",
    .summary = "a loop of queries whose results hold a session each; ?queries= rows=",
    .methods = ENDPOINT_GET,
    .waits = true,
    .answer = rows_answer,
};
