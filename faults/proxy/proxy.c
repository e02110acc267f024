/* SPDX-License-Identifier: MIT */
/* proxy.c - one proxy: made, changed, removed, and asked. */
#include "faults/proxy/address.h"
#include "faults/proxy/link.h"
#include "faults/proxy/listener.h"
#include "faults/proxy/set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *const proxy_protocol_names[] = {"opaque", "postgres", NULL};

/* ---- Starting and stopping ------------------------------------------------------------------- */

static void drop_links(struct proxy *proxy)
{
    list_each(member, &proxy->links)
        link_drop(container_of(member, struct link, member), false);
}

static void stop(struct proxy *proxy)
{
    listener_stop(proxy);
    drop_links(proxy);
}

static int allocate(struct proxy **out, const struct proxy_options *options)
{
    struct proxy *proxy = *out = calloc(1, sizeof(*proxy));
    if (!proxy)
        return -ENOMEM;
    proxy->name = strdup(options->name);
    proxy->listen = strdup(options->listen);
    proxy->upstream = strdup(options->upstream);
    return proxy->name && proxy->listen && proxy->upstream ? 0 : -ENOMEM;
}

static void release(struct proxy *proxy)
{
    if (!proxy)
        return;
    free(proxy->name);
    free(proxy->listen);
    free(proxy->upstream);
    free(proxy);
}

int proxy_create(struct proxy_set *set, const struct proxy_options *options, struct proxy **out,
                 struct err *err)
{
    struct proxy *proxy;
    *out = NULL;
    if (proxy_find(set, options->name))
        return err_set(err, -EEXIST, "proxy already exists");
    if (allocate(&proxy, options) || set_make_room(set)) {
        release(proxy);
        return err_sys(err, -ENOMEM, "allocate a proxy");
    }
    proxy->set = set;
    proxy->protocol = options->protocol;
    list_init(&proxy->links);
    list_init(&proxy->lines);
    group_init(&proxy->group, set->group.ctx.parent);
    toxics_init(&proxy->toxics, set->seed, proxy->name);
    lookup_init(&proxy->lookup);
    lookup_set(&proxy->lookup, proxy->upstream);
    int rc = options->enabled ? listener_start(proxy, err) : 0;
    if (rc) {
        (void)group_fini(&proxy->group);
        release(proxy);
        return rc;
    }
    set_insert(set, proxy);
    *out = proxy;
    return 0;
}

static int replace(char **text, const char *with, struct err *err)
{
    char *copy = strdup(with);
    if (!copy)
        return err_sys(err, -ENOMEM, "copy a text");
    free(*text);
    *text = copy;
    return 0;
}

int proxy_change(struct proxy *proxy, const char *listen, const char *upstream, int enabled,
                 struct err *err)
{
    int rc = 0;
    bool listens_elsewhere = listen && !address_same_listen(proxy->listen, listen);
    bool calls_another = upstream && strcmp(proxy->upstream, upstream) != 0;
    bool wanted = enabled < 0 ? proxy->listener != NULL : enabled != 0;
    struct addr addr;
    if (listens_elsewhere)
        rc = address_listen(&addr, listen, err);
    if (rc)
        return rc; /* a mistake that is seen before anything is dropped */
    if (listens_elsewhere || calls_another || !wanted)
        stop(proxy);
    if (listens_elsewhere)
        rc = replace(&proxy->listen, listen, err);
    if (!rc && calls_another)
        rc = replace(&proxy->upstream, upstream, err);
    if (calls_another)
        lookup_set(&proxy->lookup, proxy->upstream);
    if (!rc && wanted && !proxy->listener)
        rc = listener_start(proxy, err);
    return rc;
}

void proxy_remove(struct proxy *proxy)
{
    stop(proxy);
    set_remove(proxy);
}

/* ---- What it is ------------------------------------------------------------------------------ */

const char *proxy_name(const struct proxy *proxy)
{
    return proxy->name;
}

const char *proxy_listen(const struct proxy *proxy)
{
    return proxy->listen;
}

const char *proxy_upstream(const struct proxy *proxy)
{
    return proxy->upstream;
}

bool proxy_enabled(const struct proxy *proxy)
{
    return proxy->listener != NULL;
}

int proxy_protocol(const struct proxy *proxy)
{
    return proxy->protocol;
}

struct proxy_figures proxy_figures(const struct proxy *proxy)
{
    return proxy->figures;
}
