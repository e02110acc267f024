/* SPDX-License-Identifier: MIT */
/* populate.c - from a list of proxies to proxies. */
#include "faults/control/populate.h"

#include "faults/control/body.h"
#include "faults/control/proxy_json.h"
#include "faults/proxy/address.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct drafts {
    struct proxy_draft *all;
    size_t count;
};

static void drafts_fini(struct drafts *drafts)
{
    for (size_t i = 0; i < drafts->count; i++)
        proxy_draft_fini(&drafts->all[i]);
    free(drafts->all);
}

/* Reads all before it checks any, as Toxiproxy does. */
static int drafts_read(struct drafts *drafts, json_t *body, struct err *err)
{
    char where[48];
    int rc = 0;
    if (!json_is_array(body) && !json_is_null(body))
        return body_error(err, "expected an array of proxies, found %s", body_kind(body));
    drafts->all = calloc(json_array_size(body) + 1, sizeof(*drafts->all));
    if (!drafts->all)
        return err_sys(err, -ENOMEM, "read proxies");
    for (; drafts->count < json_array_size(body) && !rc; drafts->count++)
        rc =
            proxy_draft_read(&drafts->all[drafts->count], json_array_get(body, drafts->count), err);
    if (rc) {
        (void)snprintf(where, sizeof(where), " at proxy %zu", drafts->count);
        size_t length = strlen(err->text);
        (void)snprintf(err->text + length, sizeof(err->text) - length, "%s", where);
        return rc;
    }
    for (size_t i = 0; i < drafts->count && !rc; i++) {
        (void)snprintf(where, sizeof(where), " at proxy %zu", i + 1);
        rc = proxy_draft_check(&drafts->all[i], where, err);
    }
    return rc;
}

static void remove_toxics(struct proxy *proxy)
{
    struct toxic *toxic;
    while ((toxic = toxic_first(proxy)))
        toxic_remove(toxic);
}

static int replace(struct proxy *proxy, const struct proxy_draft *draft, struct err *err)
{
    int rc = proxy_change(proxy, draft->listen, draft->upstream, draft->enabled, err);
    if (!rc)
        remove_toxics(proxy);
    return rc;
}

static int make(struct proxy_set *set, const struct proxy_draft *draft, struct err *err)
{
    struct proxy *proxy = proxy_find(set, draft->name);
    if (proxy && proxy_protocol(proxy) != draft->protocol) {
        proxy_remove(proxy);
        proxy = NULL;
    }
    if (!proxy)
        return proxy_draft_make(draft, set, &proxy, err);
    bool same = address_same_listen(proxy_listen(proxy), draft->listen) &&
                strcmp(proxy_upstream(proxy), draft->upstream) == 0;
    int rc = same ? 0 : replace(proxy, draft, err);
    if (rc || draft->toxic_count == 0)
        return rc;
    remove_toxics(proxy);
    return proxy_draft_add_toxics(draft, proxy, err);
}

/* NULL for none, and without memory. */
static json_t *made_to_json(struct proxy_set *set, const struct drafts *drafts, size_t count)
{
    json_t *made = count > 0 ? json_array() : NULL;
    for (size_t i = 0; made && i < count; i++) {
        struct proxy *proxy = proxy_find(set, drafts->all[i].name);
        if (json_array_append_new(made, proxy ? proxy_to_json(proxy) : NULL) != 0) {
            json_decref(made);
            return NULL;
        }
    }
    return made;
}

int populate(struct proxy_set *set, const char *text, size_t length_bytes, json_t **made,
             struct err *err)
{
    struct err own = {0};
    struct drafts drafts = {0};
    json_t *body = NULL;
    size_t count = 0;
    *made = NULL;
    err = err ? err : &own;
    int rc = body_parse(text, length_bytes, &body, err);
    if (!rc)
        rc = drafts_read(&drafts, body, err);
    for (; !rc && count < drafts.count; count += rc == 0)
        rc = make(set, &drafts.all[count], err);
    *made = made_to_json(set, &drafts, count);
    drafts_fini(&drafts);
    json_decref(body);
    return rc;
}
