/* SPDX-License-Identifier: MIT */
/* proxy_json.c - between a proxy and its JSON. */
#include "faults/control/proxy_json.h"

#include "faults/control/body.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int read_protocol(struct proxy_draft *draft, json_t *body, struct err *err)
{
    const char *name = proxy_protocol_names[PROXY_OPAQUE];
    int rc = body_text(body, "protocol", &name, err);
    if (rc)
        return rc;
    for (int i = 0; proxy_protocol_names[i]; i++) {
        if (strcmp(name, proxy_protocol_names[i]) == 0) {
            draft->protocol = i;
            return 0;
        }
    }
    return body_error(err, "protocol: expected %s, not '%.60s'",
                      proxy_protocol_names[PROXY_POSTGRES], name);
}

static int read_toxics(struct proxy_draft *draft, json_t *body, struct err *err)
{
    json_t *list = body_field(body, "toxics");
    if (list && !json_is_array(list))
        return body_error(err, "toxics: expected an array, found %s", body_kind(list));
    size_t count = json_array_size(list);
    if (count == 0)
        return 0;
    draft->toxics = calloc(count, sizeof(*draft->toxics));
    if (!draft->toxics)
        return err_sys(err, -ENOMEM, "read toxics");
    for (; draft->toxic_count < count; draft->toxic_count++) {
        struct toxic_draft *toxic = &draft->toxics[draft->toxic_count];
        int rc = toxic_draft_read(toxic, json_array_get(list, draft->toxic_count), err);
        if (rc) {
            toxic_draft_fini(toxic);
            return rc;
        }
    }
    return 0;
}

int proxy_draft_read(struct proxy_draft *draft, json_t *body, struct err *err)
{
    *draft = (struct proxy_draft){.name = "", .listen = "", .upstream = "", .enabled = true};
    int rc = body_expect_object(body, "proxy", err);
    if (!rc)
        rc = body_text(body, "name", &draft->name, err);
    if (!rc)
        rc = body_text(body, "listen", &draft->listen, err);
    if (!rc)
        rc = body_text(body, "upstream", &draft->upstream, err);
    if (!rc)
        rc = body_bool(body, "enabled", &draft->enabled, err);
    if (!rc)
        rc = read_protocol(draft, body, err);
    return rc ? rc : read_toxics(draft, body, err);
}

int proxy_draft_check(const struct proxy_draft *draft, const char *where, struct err *err)
{
    if (!*draft->name)
        return err_set(err, -EBADMSG, "missing required field: name%s", where);
    if (!*draft->upstream)
        return err_set(err, -EBADMSG, "missing required field: upstream%s", where);
    struct err why = {0};
    int rc = toxic_drafts_check(draft->toxics, draft->toxic_count, draft->protocol, &why);
    return rc ? err_set(err, rc, "%s%s", why.text, where) : 0;
}

void proxy_draft_fini(struct proxy_draft *draft)
{
    for (size_t i = 0; i < draft->toxic_count; i++)
        toxic_draft_fini(&draft->toxics[i]);
    free(draft->toxics);
    *draft = (struct proxy_draft){0};
}

int proxy_draft_add_toxics(const struct proxy_draft *draft, struct proxy *proxy, struct err *err)
{
    struct toxic *toxic;
    int rc = 0;
    for (size_t i = 0; i < draft->toxic_count && !rc; i++)
        rc = toxic_draft_add(&draft->toxics[i], proxy, &toxic, err);
    return rc;
}

int proxy_draft_make(const struct proxy_draft *draft, struct proxy_set *set, struct proxy **out,
                     struct err *err)
{
    const struct proxy_options options = {
        .name = draft->name,
        .listen = draft->listen,
        .upstream = draft->upstream,
        .enabled = draft->enabled,
        .protocol = draft->protocol,
    };
    int rc = proxy_create(set, &options, out, err);
    if (rc)
        return rc == -EEXIST ? err_set(err, rc, "proxy already exists") : rc;
    rc = proxy_draft_add_toxics(draft, *out, err);
    if (rc)
        proxy_remove(*out);
    return rc;
}

json_t *proxy_to_json(struct proxy *proxy)
{
    json_t *json = json_pack("{s:s, s:s, s:s, s:b, s:o}", "name", proxy_name(proxy), "listen",
                             proxy_listen(proxy), "upstream", proxy_upstream(proxy), "enabled",
                             proxy_enabled(proxy), "toxics", toxics_to_json(proxy));
    const char *protocol = proxy_protocol_names[proxy_protocol(proxy)];
    if (json && proxy_protocol(proxy) != PROXY_OPAQUE &&
        json_object_set_new(json, "protocol", json_string(protocol)) != 0) {
        json_decref(json);
        return NULL;
    }
    return json;
}
