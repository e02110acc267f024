/* SPDX-License-Identifier: MIT */
/* lookup.c - one row of the database, through the thread's guard. */
#include "subject/lookup.h"

#include "core/fiber.h"
#include "subject/database.h"
#include "subject/request.h"
#include "subject/statements.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

static int ask(struct ctx *ctx, struct lookup *lookup)
{
    const struct lookup_wish *wish = lookup->wish;
    struct session *session = &lookup->session;
    char text[STATEMENT_SECONDS_BYTES];
    const char *values[] = {text};
    int rc = 0;
    if (wish->sleep_ns > 0) {
        (void)statement_seconds(text, wish->sleep_ns);
        rc = session_query_under(ctx, session, &sleep_statement, 1, values, NULL);
    }
    (void)snprintf(text, sizeof(text), "%" PRIu64, wish->id);
    if (!rc)
        rc = session_query_under(ctx, session, &row_statement, 1, values, &lookup->row);
    if (!rc && wish->hold_ns > 0)
        rc = fiber_sleep(ctx, wish->hold_ns);
    return rc;
}

/* One attempt, as guard_call wants it. */
static int look_up(struct ctx *ctx, void *arg)
{
    struct lookup *lookup = arg;
    int rc = session_take_under(ctx, lookup->database, &lookup->session);
    if (!rc)
        rc = ask(ctx, lookup);
    session_give(&lookup->session);
    if (rc) {
        PQclear(lookup->row);
        lookup->row = NULL;
    }
    return rc;
}

int lookup_run(struct ctx *ctx, struct lookup *lookup)
{
    struct database *database = lookup->database;
    lookup->session = (struct session){0};
    lookup->row = NULL;
    return database ? guard_call(ctx, &database->guard, look_up, lookup)
                    : session_take_under(ctx, NULL, &lookup->session);
}

static int answer_default(struct request *request)
{
    struct buffer *out = &request->response;
    int rc = buffer_append(out, "{\"token\":", 9);
    if (!rc)
        rc = buffer_append_json(out, request->token.text, request->token.length);
    if (!rc)
        rc = buffer_printf(out, ",\"value\":null,\"fallback\":true}\n");
    return rc ? rc : 200;
}

int lookup_refuse(struct request *request, const struct lookup *lookup, int rc)
{
    struct database *database = lookup->database;
    if (database && guard_falls_back(request->ctx, &database->guard, rc))
        return answer_default(request);
    if (database && rc == -EHOSTDOWN && !ctx_error(request->ctx))
        return request_refuse(request, 503, database->guard.type->refusal);
    return session_refuse(request, &lookup->session, rc);
}
