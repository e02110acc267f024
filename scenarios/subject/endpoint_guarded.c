/* SPDX-License-Identifier: MIT */
/* endpoint_guarded.c - asks the database for one row behind the guard of its thread. */
#include "subject/endpoint.h"
#include "subject/lookup.h"
#include "subject/query.h"
#include "subject/request.h"
#include "subject/shard.h"

static const struct param guarded_params[] = {
    {PARAM_COUNT("id", lookup_wish, id, "1", "of the row")},
    {PARAM_NS("sleep", lookup_wish, sleep_ns, "0", "the server sleeps before it answers"), .min = 0,
     .max = 3600e9},
    {PARAM_NS("hold", lookup_wish, hold_ns, "0", "the session is held for so long besides"),
     .min = 0, .max = 3600e9},
    {0},
};

static int guarded_answer(struct request *request)
{
    struct lookup_wish wish = {0};
    struct lookup lookup = {.wish = &wish, .database = request->shard->database};
    struct err err = {0};
    if (request_read_fields(request))
        return request_refuse(request, 400, "a token or tag is longer than 256 bytes");
    if (query_read(request->head->target, guarded_params, &wish, &err))
        return request_refuse(request, 400, err.text);
    int rc = lookup_run(request->ctx, &lookup);
    if (rc)
        return lookup_refuse(request, &lookup, rc);
    rc = session_answer_row(request, lookup.row);
    PQclear(lookup.row);
    return rc;
}

const struct endpoint endpoint_guarded = {
    .name = "guarded",
    .path = "/guarded",
    .summary = "asks the database for one row as the settings guard… and retry… allow; ?id= sleep= "
               "hold=",
    .methods = ENDPOINT_GET,
    .waits = true,
    .answer = guarded_answer,
};
