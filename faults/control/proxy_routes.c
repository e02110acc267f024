/* SPDX-License-Identifier: MIT */
/* proxy_routes.c - /proxies and /proxies/{proxy}. */
#include "faults/control/answer.h"
#include "faults/control/body.h"
#include "faults/control/proxy_json.h"

#include <errno.h>
#include <string.h>

static void list(struct control_call *call)
{
    json_t *all = json_object();
    for (struct proxy *proxy = proxy_first(call->set); all && proxy; proxy = proxy_next(proxy)) {
        if (json_object_set_new(all, proxy_name(proxy), proxy_to_json(proxy)) != 0) {
            json_decref(all);
            all = NULL;
        }
    }
    control_reply_json(call, 200, all);
}

static void create(struct control_call *call)
{
    struct proxy_draft draft = {0};
    struct err err = {0};
    json_t *body = control_call_body(call);
    if (!body)
        return;
    int rc = proxy_draft_read(&draft, body, &err);
    if (!rc)
        rc = proxy_draft_check(&draft, "", &err);
    if (!rc)
        rc = proxy_draft_make(&draft, call->set, &call->proxy, &err);
    if (rc)
        control_reply_failure(call, rc, &err);
    else
        control_reply_json(call, 201, proxy_to_json(call->proxy));
    proxy_draft_fini(&draft);
    json_decref(body);
}

static void show(struct control_call *call)
{
    control_reply_json(call, 200, proxy_to_json(call->proxy));
}

/* A toxic as it is shown, in all its parts. */
static bool is_as_shown(json_t *toxic)
{
    return json_is_string(body_field(toxic, "name")) && json_is_string(body_field(toxic, "type")) &&
           json_is_string(body_field(toxic, "stream")) &&
           json_is_number(body_field(toxic, "toxicity")) &&
           json_is_object(body_field(toxic, "attributes"));
}

/* Toxiproxy's client for Go sends a proxy back whole, with the toxics that it had when it was asked
 * for: that is passed over, as Toxiproxy does. What was written by hand is not. */
static int check_toxics(json_t *body, struct err *err)
{
    json_t *toxics = body_field(body, "toxics"), *toxic;
    size_t i;
    if (toxics && !json_is_array(toxics))
        return body_error(err, "toxics: expected an array, found %s", body_kind(toxics));
    json_array_foreach(toxics, i, toxic) {
        if (!is_as_shown(toxic))
            return body_error(err, "toxics: they are not changed with their proxy: use "
                                   "/proxies/{proxy}/toxics, or /populate");
    }
    return 0;
}

static int check_protocol(const struct proxy *proxy, json_t *body, struct err *err)
{
    const char *now = proxy_protocol_names[proxy_protocol(proxy)], *wanted = now;
    int rc = body_text(body, "protocol", &wanted, err);
    if (rc || strcmp(wanted, now) == 0)
        return rc;
    return body_error(err, "protocol: it stays %s: delete the proxy, or use /populate", now);
}

/* Only what differs is asked for: a new listen or upstream drops connections. */
static int change(struct proxy *proxy, json_t *body, struct err *err)
{
    const char *listen = proxy_listen(proxy), *upstream = proxy_upstream(proxy);
    bool enabled = proxy_enabled(proxy);
    int rc = check_toxics(body, err);
    if (!rc)
        rc = check_protocol(proxy, body, err);
    if (!rc)
        rc = body_text(body, "listen", &listen, err);
    if (!rc)
        rc = body_text(body, "upstream", &upstream, err);
    if (!rc)
        rc = body_bool(body, "enabled", &enabled, err);
    if (rc)
        return rc;
    if (strcmp(listen, proxy_listen(proxy)) == 0)
        listen = NULL;
    if (strcmp(upstream, proxy_upstream(proxy)) == 0)
        upstream = NULL;
    return proxy_change(proxy, listen, upstream, enabled, err);
}

static void update(struct control_call *call)
{
    struct err err = {0};
    json_t *body = control_call_body(call);
    if (!body)
        return;
    int rc = change(call->proxy, body, &err);
    if (rc)
        control_reply_failure(call, rc, &err);
    else
        show(call);
    json_t *given = body_field(body, "toxics"), *toxics = toxics_to_json(call->proxy);
    if (!rc && json_array_size(given) > 0 && !json_equal(given, toxics))
        call->reply->warning = "199 poolstorm \"toxics are not changed with their proxy\"";
    json_decref(toxics);
    json_decref(body);
}

static void delete (struct control_call *call)
{
    proxy_remove(call->proxy);
    call->reply->status = 204;
}

static json_t *streams(const uint64_t bytes[2])
{
    return json_pack("{s:I, s:I}", "upstream", (json_int_t)bytes[FAULT_UPSTREAM], "downstream",
                     (json_int_t)bytes[FAULT_DOWNSTREAM]);
}

static void figures(struct control_call *call)
{
    struct proxy_figures now = proxy_figures(call->proxy);
    json_t *reply = json_pack(
        "{s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "received_bytes",
        streams(now.received_bytes), "sent_bytes", streams(now.sent_bytes), "links_open",
        (json_int_t)now.links_open, "links_total", (json_int_t)now.links_total, "dial_failures",
        (json_int_t)now.dial_failures, "opaque_links", (json_int_t)now.opaque_links, "queries",
        (json_int_t)now.queries, "spliced_bytes", (json_int_t)now.spliced_bytes,
        "out_of_descriptors", (json_int_t)now.out_of_descriptors, "links_refused",
        (json_int_t)now.links_refused);
    control_reply_json(call, 200, reply);
}

const struct control_route control_proxy_routes[] = {
    {"GET", "/proxies", list},
    {"POST", "/proxies", create},
    {"GET", "/proxies/{proxy}", show},
    {"POST", "/proxies/{proxy}", update},
    {"PATCH", "/proxies/{proxy}", update},
    {"DELETE", "/proxies/{proxy}", delete},
    {"GET", "/proxies/{proxy}/figures", figures},
    {0},
};
