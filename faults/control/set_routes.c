/* SPDX-License-Identifier: MIT */
/* set_routes.c - what is asked of all proxies at once: /populate, /reset, /metrics, /version. */
#include "faults/control/answer.h"
#include "faults/control/body.h"
#include "faults/control/metrics.h"
#include "faults/control/populate.h"

#include <errno.h>
#include <stdlib.h>

/* Unlike other errors this one is JSON by its type as well, and says what was made until then. */
static void populate_failed(struct control_call *call, json_t *made, int rc, const struct err *err)
{
    unsigned status = control_status(rc);
    control_reply_json(call, status,
                       json_pack("{s:o, s:i, s:o}", "error", control_message(err->text), "status",
                                 (int)status, "proxies", made ? made : json_null()));
}

static void populate_all(struct control_call *call)
{
    struct err err = {0};
    json_t *made;
    int rc = populate(call->set, call->request->body, call->request->body_bytes, &made, &err);
    if (rc)
        populate_failed(call, made, rc, &err);
    else
        control_reply_json(call, 201, json_pack("{s:o}", "proxies", made ? made : json_null()));
}

static void reset(struct control_call *call)
{
    struct err err = {0};
    int rc = proxy_set_reset(call->set, &err);
    if (rc)
        control_reply_failure(call, rc, &err);
    else
        call->reply->status = 204;
}

static void version(struct control_call *call)
{
    control_reply_text(call->reply, 200, "application/json;charset=utf-8",
                       "{\"version\": \"" CONTROL_TOXIPROXY_VERSION "\"}\n");
}

static void metrics(struct control_call *call)
{
    char *text = metrics_text(call->set);
    control_reply_text(call->reply, text ? 200 : 500, "text/plain; version=0.0.4; charset=utf-8",
                       text ? text : "out of memory\n");
    free(text);
}

const struct control_route control_set_routes[] = {
    {"POST", "/populate", populate_all},
    {"POST", "/reset", reset},
    {"GET", "/version", version},
    {"GET", "/metrics", metrics},
    {0},
};
