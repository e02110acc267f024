/* SPDX-License-Identifier: MIT */
/* endpoint_ledger.c - stores each request's token in a transaction of its own, behind the guard,
 * and says what the client may believe of it.
 *
 * The table is the scenario's: ledger (token text not null, key text unique). 200 says that the
 * token is stored, 504 that nobody knows, everything else that it is not. */
#include "subject/database.h"
#include "subject/endpoint.h"
#include "subject/request.h"
#include "subject/shard.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct statement write_statement = {
    .bit = STATEMENT_WRITE,
    .name = "write",
    .sql = "insert into ledger (token, key) values ($1, $2) on conflict (key) do nothing",
};

/* One request's write, tried as often as the guard does. */
struct write {
    struct request *request;
    struct session session; /* of the last attempt, given back; says why it failed */
    bool unknown;           /* the commit of an attempt was sent, and not answered */
};

/* A server that could not commit may answer without an error, that it has rolled back. */
static int commit(struct ctx *ctx, struct session *session)
{
    PGresult *result = NULL;
    int rc = session_command_under(ctx, session, "commit", &result);
    if (!rc && strcmp(PQcmdStatus(result), "COMMIT") != 0)
        rc = err_set(&session->err, -EREMOTEIO, "the transaction was rolled back");
    PQclear(result);
    return rc;
}

/* ---- The wrong way --------------------------------------------------------------------------- */

/* A write that was acknowledged; on the heap. */
struct early {
    struct session session;
};

static void commit_later(struct ctx *ctx, void *arg)
{
    struct early *early = arg;
    const struct service_settings *settings = early->session.database->settings;
    if (settings->ledger.commit_after_ns > 0)
        (void)fiber_sleep(ctx, settings->ledger.commit_after_ns);
    (void)commit(ctx, &early->session); /* nobody is left to be told */
    session_give(&early->session);
    free(early);
}

static int acknowledge_early(struct session *session)
{
    struct database *database = session->database;
    struct early *early = calloc(1, sizeof(*early));
    if (!early)
        return -ENOMEM;
    session_move(&early->session, session);
    int rc = group_spawn(&database->strays, "early write", commit_later, early);
    if (rc) {
        session_give(&early->session);
        free(early);
    }
    return rc;
}

/* ---- An attempt ------------------------------------------------------------------------------ */

static int insert(struct ctx *ctx, struct write *write)
{
    const struct request *request = write->request;
    bool keyed = request->shard->service->settings.ledger.key;
    const char *token = request->token.text;
    const char *values[] = {token, keyed ? token : NULL};
    int rc = session_command_under(ctx, &write->session, "begin", NULL);
    return rc ? rc : session_query_under(ctx, &write->session, &write_statement, 2, values, NULL);
}

/* As guard_call wants it. */
static int write_once(struct ctx *ctx, void *arg)
{
    struct write *write = arg;
    const struct shard *shard = write->request->shard;
    bool early = shard->service->settings.ledger.acknowledge == LEDGER_BEFORE_COMMIT;
    int rc = session_take_under(ctx, shard->database, &write->session);
    if (!rc)
        rc = insert(ctx, write);
    if (!rc && early) {
        rc = acknowledge_early(&write->session);
    } else if (!rc) {
        rc = commit(ctx, &write->session);
        write->unknown = write->unknown || (rc && rc != -EREMOTEIO);
    }
    session_give(&write->session);
    return rc;
}

/* ---- The answer ------------------------------------------------------------------------------ */

static int refuse(const struct write *write, int rc)
{
    struct request *request = write->request;
    struct database *database = request->shard->database;
    if (write->unknown)
        return request_refuse(request, 504, "nobody knows whether it was stored");
    if (rc == -EHOSTDOWN && !ctx_error(request->ctx))
        return request_refuse(request, 503, database->guard.type->refusal);
    return session_refuse(request, &write->session, rc);
}

static int answer_stored(struct request *request)
{
    struct buffer *out = &request->response;
    int rc = buffer_append(out, "{\"token\":", 9);
    if (!rc)
        rc = buffer_append_json(out, request->token.text, request->token.length);
    if (!rc)
        rc = buffer_append(out, ",\"stored\":true}\n", 16);
    return rc ? rc : 200;
}

static int ledger_answer(struct request *request)
{
    struct write write = {.request = request};
    struct database *database = request->shard->database;
    if (request_read_fields(request) || request->token.length == REQUEST_FIELD_MAX)
        return request_refuse(request, 400, "a token or tag is longer than 255 bytes");
    if (request->token.length == 0)
        return request_refuse(request, 400, "expected a header X-Request-Token: what is stored");
    request->token.text[request->token.length] = '\0';
    int rc = database ? guard_call(request->ctx, &database->guard, write_once, &write)
                      : session_take(request, &write.session);
    return rc ? refuse(&write, rc) : answer_stored(request);
}

const struct endpoint endpoint_ledger = {
    .name = "ledger",
    .path = "/ledger",
    .summary = "stores the request's token in a transaction, as the settings ledger…, guard… and "
               "retry… say",
    .methods = ENDPOINT_POST,
    .waits = true,
    .answer = ledger_answer,
};
