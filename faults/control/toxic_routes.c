/* SPDX-License-Identifier: MIT */
/* toxic_routes.c - /proxies/{proxy}/toxics and what lies below. */
#include "faults/control/answer.h"
#include "faults/control/toxic_json.h"

#include <errno.h>

enum { LINKS_MAX = 1024 }; /* that effects names: the latest */

static void list(struct control_call *call)
{
    control_reply_json(call, 200, toxics_to_json(call->proxy));
}

static void show(struct control_call *call)
{
    control_reply_json(call, 200, toxic_to_json(call->toxic));
    if (!proxy_enabled(call->proxy) && call->reply->status == 200)
        call->reply->warning = "199 poolstorm \"the proxy is disabled: nothing passes it\"";
}

static void create(struct control_call *call)
{
    struct toxic_draft draft = {0};
    struct err err = {0};
    json_t *body = control_call_body(call);
    if (!body)
        return;
    int rc = toxic_draft_read(&draft, body, &err);
    if (!rc)
        rc = toxic_draft_add(&draft, call->proxy, &call->toxic, &err);
    if (rc)
        control_reply_failure(call, rc, &err);
    else
        show(call);
    toxic_draft_fini(&draft);
    json_decref(body);
}

static void update(struct control_call *call)
{
    struct toxic_draft draft = {0};
    struct err err = {0};
    json_t *body = control_call_body(call);
    if (!body)
        return;
    int rc = toxic_draft_merge(&draft, call->toxic, body, &err);
    if (!rc)
        rc = toxic_draft_apply(&draft, call->toxic, &err);
    if (rc)
        control_reply_failure(call, rc, &err);
    else
        show(call);
    toxic_draft_fini(&draft);
    json_decref(body);
}

static void delete (struct control_call *call)
{
    toxic_remove(call->toxic);
    call->reply->status = 204;
}

static json_t *links_to_json(const struct toxic *toxic)
{
    static struct toxic_link links[LINKS_MAX]; /* one thread, nothing waits in between */
    size_t count = toxic_links(toxic, links, LINKS_MAX);
    json_t *list_of = json_array();
    for (size_t i = 0; list_of && i < count; i++) {
        json_t *link =
            json_pack("{s:I, s:s, s:I, s:I, s:I}", "number", (json_int_t)links[i].number, "client",
                      links[i].client, "first_ns", (json_int_t)links[i].first_ns, "last_ns",
                      (json_int_t)links[i].last_ns, "bytes", (json_int_t)links[i].bytes);
        if (json_array_append_new(list_of, link) != 0) {
            json_decref(list_of);
            return NULL;
        }
    }
    return list_of;
}

static void effects(struct control_call *call)
{
    struct toxic_effects done = toxic_effects(call->toxic);
    control_reply_json(
        call, 200,
        json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "first_ns", (json_int_t)done.first_ns,
                  "last_ns", (json_int_t)done.last_ns, "links", (json_int_t)done.links, "bytes",
                  (json_int_t)done.bytes, "pieces", (json_int_t)done.pieces, "refused",
                  (json_int_t)done.refused, "connections", links_to_json(call->toxic)));
}

const struct control_route control_toxic_routes[] = {
    {"GET", "/proxies/{proxy}/toxics", list},
    {"POST", "/proxies/{proxy}/toxics", create},
    {"GET", "/proxies/{proxy}/toxics/{toxic}", show},
    {"POST", "/proxies/{proxy}/toxics/{toxic}", update},
    {"PATCH", "/proxies/{proxy}/toxics/{toxic}", update},
    {"DELETE", "/proxies/{proxy}/toxics/{toxic}", delete},
    {"GET", "/proxies/{proxy}/toxics/{toxic}/effects", effects},
    {0},
};
