/* SPDX-License-Identifier: MIT */
/* fake_proxy.c - keeps what it is told, by the rules of faults/proxy/proxy.h. */
#include "fake_proxy.h"

#include "core/list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake_counts fake_counts;
size_t fake_reserve = 64;
struct toxic_effects fake_effects;
struct toxic_link fake_links[2];

struct proxy_set {
    struct list proxies;
};

struct proxy {
    struct list link;
    struct proxy_set *set;
    char *name, *listen, *upstream;
    bool enabled;
    int protocol;
    struct list toxics[3]; /* by stream */
};

struct toxic {
    struct list link;
    struct proxy *proxy;
    const struct fault_type *type;
    enum fault_stream stream;
    char *name, *stream_text;
    struct fault_aim aim;
    void *settings;
};

const char *const proxy_protocol_names[] = {"opaque", "postgres", NULL};

/* ---- The set --------------------------------------------------------------------------------- */

int proxy_set_create(struct ctx *ctx, uint64_t seed, struct proxy_set **out, struct err *err)
{
    (void)ctx, (void)seed;
    *out = calloc(1, sizeof(**out));
    if (!*out)
        return err_sys(err, -ENOMEM, "make a set");
    list_init(&(*out)->proxies);
    return 0;
}

void proxy_set_destroy(struct proxy_set *set)
{
    while (set && proxy_first(set))
        proxy_remove(proxy_first(set));
    free(set);
}

void proxy_set_limit(struct proxy_set *set, const struct proxy_limits *limits)
{
    (void)set, (void)limits;
}

size_t proxy_set_reserve(const struct proxy_set *set)
{
    (void)set;
    return fake_reserve;
}

struct proxy *proxy_first(struct proxy_set *set)
{
    return list_empty(&set->proxies) ? NULL : container_of(set->proxies.next, struct proxy, link);
}

struct proxy *proxy_next(struct proxy *proxy)
{
    return proxy->link.next == &proxy->set->proxies
               ? NULL
               : container_of(proxy->link.next, struct proxy, link);
}

struct proxy *proxy_find(struct proxy_set *set, const char *name)
{
    struct proxy *proxy = proxy_first(set);
    while (proxy && strcmp(proxy->name, name) != 0)
        proxy = proxy_next(proxy);
    return proxy;
}

int proxy_set_reset(struct proxy_set *set, struct err *err)
{
    int first = 0;
    for (struct proxy *proxy = proxy_first(set); proxy; proxy = proxy_next(proxy)) {
        int rc = proxy_change(proxy, NULL, NULL, true, first ? NULL : err);
        first = first ? first : rc;
        while (toxic_first(proxy))
            toxic_remove(toxic_first(proxy));
    }
    return first;
}

/* ---- A proxy --------------------------------------------------------------------------------- */

static void replace(char **text, const char *with)
{
    char *copy = strdup(with);
    free(*text);
    *text = copy;
}

static int check_listen(const char *listen, struct err *err)
{
    if (strchr(listen, ':') || !*listen)
        return 0;
    return err_set(err, -EINVAL, "listen tcp: address %s: missing port in address", listen);
}

static int start(struct proxy *proxy, struct err *err)
{
    const char *port = strrchr(proxy->listen, ':');
    int rc = check_listen(proxy->listen, err);
    if (rc)
        return rc;
    if (port && strcmp(port, ":1") == 0)
        return err_set(err, -EADDRINUSE, "listen tcp %s: bind: address already in use",
                       proxy->listen);
    if (!port || strcmp(port, ":0") == 0)
        replace(&proxy->listen, port ? "127.0.0.1:40000" : "[::]:40000");
    proxy->enabled = true;
    fake_counts.starts++;
    return 0;
}

int proxy_create(struct proxy_set *set, const struct proxy_options *options, struct proxy **out,
                 struct err *err)
{
    if (proxy_find(set, options->name))
        return err_set(err, -EEXIST, "there is a proxy %s", options->name);
    struct proxy *proxy = calloc(1, sizeof(*proxy));
    struct list *before = set->proxies.next;
    *proxy = (struct proxy){.set = set, .protocol = options->protocol};
    replace(&proxy->name, options->name);
    replace(&proxy->listen, options->listen);
    replace(&proxy->upstream, options->upstream);
    for (int i = 0; i < 3; i++)
        list_init(&proxy->toxics[i]);
    while (before != &set->proxies &&
           strcmp(container_of(before, struct proxy, link)->name, options->name) < 0)
        before = before->next;
    list_push_back(before, &proxy->link);
    int rc = options->enabled ? start(proxy, err) : 0;
    if (rc)
        proxy_remove(proxy);
    *out = proxy;
    return rc;
}

static void stop(struct proxy *proxy)
{
    fake_counts.drops += proxy->enabled;
    proxy->enabled = false;
}

int proxy_change(struct proxy *proxy, const char *listen, const char *upstream, int enabled,
                 struct err *err)
{
    bool wanted = enabled < 0 ? proxy->enabled : enabled != 0;
    int rc = listen ? check_listen(listen, err) : 0;
    if (rc)
        return rc;
    if (listen || upstream || !wanted)
        stop(proxy);
    if (listen)
        replace(&proxy->listen, listen);
    if (upstream)
        replace(&proxy->upstream, upstream);
    return wanted && !proxy->enabled ? start(proxy, err) : 0;
}

void proxy_remove(struct proxy *proxy)
{
    stop(proxy);
    while (toxic_first(proxy))
        toxic_remove(toxic_first(proxy));
    list_remove(&proxy->link);
    free(proxy->name);
    free(proxy->listen);
    free(proxy->upstream);
    free(proxy);
}

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
    return proxy->enabled;
}

int proxy_protocol(const struct proxy *proxy)
{
    return proxy->protocol;
}

struct proxy_figures proxy_figures(const struct proxy *proxy)
{
    (void)proxy;
    return (struct proxy_figures){
        .received_bytes = {11, 12},
        .sent_bytes = {13, 14},
        .links_open = 1,
        .links_total = 2,
        .dial_failures = 3,
        .opaque_links = 4,
        .queries = 5,
        .spliced_bytes = 6,
        .out_of_descriptors = 7,
        .links_refused = 8,
    };
}

/* ---- Toxics ---------------------------------------------------------------------------------- */

static void settings_free(const struct fault_type *type, void *settings)
{
    if (settings && type->fini)
        type->fini(settings);
    if (settings)
        param_fini(type->params, settings);
    free(settings);
}

static int take(struct toxic *toxic, const struct fault_aim *aim, const void *settings,
                struct err *err)
{
    const struct fault_type *type = toxic->type;
    void *fresh = calloc(1, type->state_bytes + 1);
    int rc = param_copy(type->params, fresh, settings, err);
    if (!rc && type->check)
        rc = type->check(fresh, err);
    if (!rc && type->prepare)
        rc = type->prepare(fresh, err);
    if (rc) {
        settings_free(type, fresh);
        return rc;
    }
    settings_free(type, toxic->settings);
    toxic->settings = fresh;
    param_fini(fault_aim_params, &toxic->aim);
    return param_copy(fault_aim_params, &toxic->aim, aim, err);
}

char *toxic_options_name(const struct toxic_options *options, char *text, size_t size_bytes)
{
    const char *stream =
        options->stream_text ? options->stream_text : fault_stream_names[options->stream];
    if (options->name && *options->name)
        (void)snprintf(text, size_bytes, "%s", options->name);
    else
        (void)snprintf(text, size_bytes, "%s_%s", options->type->name, stream);
    return text;
}

int toxic_options_check(const struct toxic_options *options, int protocol, struct err *err)
{
    struct toxic toxic = {.type = options->type};
    if (options->type->needs_queries && protocol == PROXY_OPAQUE)
        return err_set(err, -EPROTO, "needs queries");
    int rc = take(&toxic, options->aim, options->settings, err);
    settings_free(toxic.type, toxic.settings);
    param_fini(fault_aim_params, &toxic.aim);
    return rc;
}

int toxic_add(struct proxy *proxy, const struct toxic_options *options, struct toxic **out,
              struct err *err)
{
    const char *stream =
        options->stream_text ? options->stream_text : fault_stream_names[options->stream];
    char name[128];
    toxic_options_name(options, name, sizeof(name));
    if (toxic_find(proxy, name))
        return err_set(err, -EEXIST, "there is a toxic %s", name);
    if (options->type->needs_queries && proxy->protocol == PROXY_OPAQUE)
        return err_set(err, -EPROTO, "needs queries");
    struct toxic *toxic = calloc(1, sizeof(*toxic));
    *toxic = (struct toxic){.proxy = proxy, .type = options->type, .stream = options->stream};
    replace(&toxic->name, name);
    replace(&toxic->stream_text, stream);
    list_push_back(&proxy->toxics[options->stream], &toxic->link);
    int rc = take(toxic, options->aim, options->settings, err);
    if (rc)
        toxic_remove(toxic);
    *out = toxic;
    return rc;
}

int toxic_change(struct toxic *toxic, const struct fault_aim *aim, const void *settings,
                 struct err *err)
{
    return take(toxic, aim, settings, err);
}

void toxic_remove(struct toxic *toxic)
{
    list_remove(&toxic->link);
    settings_free(toxic->type, toxic->settings);
    param_fini(fault_aim_params, &toxic->aim);
    free(toxic->name);
    free(toxic->stream_text);
    free(toxic);
}

static struct toxic *first_from(struct proxy *proxy, int stream)
{
    for (; stream < 3; stream++)
        if (!list_empty(&proxy->toxics[stream]))
            return container_of(proxy->toxics[stream].next, struct toxic, link);
    return NULL;
}

struct toxic *toxic_first(struct proxy *proxy)
{
    return first_from(proxy, 0);
}

struct toxic *toxic_next(struct toxic *toxic)
{
    struct list *next = toxic->link.next;
    return next == &toxic->proxy->toxics[toxic->stream]
               ? first_from(toxic->proxy, (int)toxic->stream + 1)
               : container_of(next, struct toxic, link);
}

struct toxic *toxic_find(struct proxy *proxy, const char *name)
{
    struct toxic *toxic = toxic_first(proxy);
    while (toxic && strcmp(toxic->name, name) != 0)
        toxic = toxic_next(toxic);
    return toxic;
}

const char *toxic_name(const struct toxic *toxic)
{
    return toxic->name;
}

const struct fault_type *toxic_type(const struct toxic *toxic)
{
    return toxic->type;
}

enum fault_stream toxic_stream(const struct toxic *toxic)
{
    return toxic->stream;
}

const char *toxic_stream_text(const struct toxic *toxic)
{
    return toxic->stream_text;
}

const struct fault_aim *toxic_aim(const struct toxic *toxic)
{
    return &toxic->aim;
}

const void *toxic_settings(const struct toxic *toxic)
{
    return toxic->settings;
}

struct toxic_effects toxic_effects(const struct toxic *toxic)
{
    (void)toxic;
    return fake_effects;
}

size_t toxic_links(const struct toxic *toxic, struct toxic_link *links, size_t size)
{
    (void)toxic;
    size_t count = size < 2 ? size : 2;
    memcpy(links, fake_links, count * sizeof(*links));
    return count;
}
