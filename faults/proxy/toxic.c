/* SPDX-License-Identifier: MIT */
/* toxic.c - the faults of a proxy: made, checked, changed and listed. */
#include "faults/proxy/toxic_internal.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Making and changing --------------------------------------------------------------------- */

void toxics_init(struct toxics *toxics, uint64_t seed, const char *name)
{
    *toxics = (struct toxics){.seed = toxic_hash(TOXIC_HASH_BASIS ^ seed, name)};
    list_init(&toxics->list);
}

static void settings_destroy(const struct fault_type *type, void *settings)
{
    if (!settings)
        return;
    if (type->fini)
        type->fini(settings);
    param_fini(type->params, settings);
    free(settings);
}

/* from may be NULL: the defaults. */
static int settings_create(const struct fault_type *type, const void *from, void **out,
                           struct err *err)
{
    void *settings = calloc(1, type->state_bytes ? type->state_bytes : 1);
    if (!settings)
        return err_sys(err, -ENOMEM, "make a fault");
    int rc = from ? param_copy(type->params, settings, from, err)
                  : param_defaults(type->params, settings, err);
    if (rc == 0 && type->check)
        rc = type->check(settings, err);
    if (rc == 0 && type->prepare)
        rc = type->prepare(settings, err);
    if (rc) {
        settings_destroy(type, settings);
        return rc;
    }
    *out = settings;
    return 0;
}

/* from may be NULL: the defaults. */
static int aim_create(struct fault_aim *aim, struct toxic_source *source,
                      const struct fault_aim *from, struct err *err)
{
    *aim = (struct fault_aim){0};
    int rc = from ? param_copy(fault_aim_params, aim, from, err)
                  : param_defaults(fault_aim_params, aim, err);
    if (rc == 0 && isnan(aim->toxicity))
        rc = err_set(err, -EINVAL, "toxicity: expected a share between 0 and 1");
    if (rc == 0)
        rc = toxic_source_read(aim->source, source, err);
    if (rc)
        param_fini(fault_aim_params, aim);
    return rc;
}

static const char *stream_text(const struct toxic_options *options)
{
    return options->stream_text ? options->stream_text : fault_stream_names[options->stream];
}

char *toxic_options_name(const struct toxic_options *options, char *text, size_t size_bytes)
{
    bool given = options->name && options->name[0];
    (void)snprintf(text, size_bytes, "%s%s%s", given ? options->name : options->type->name,
                   given ? "" : "_", given ? "" : stream_text(options));
    return text;
}

static int name_toxic(const struct toxic_options *options, char **out, struct err *err)
{
    size_t size_bytes = strlen(options->name ? options->name : "") + strlen(options->type->name) +
                        strlen(stream_text(options)) + 2;
    *out = malloc(size_bytes);
    if (!*out)
        return err_sys(err, -ENOMEM, "make a fault");
    toxic_options_name(options, *out, size_bytes);
    return 0;
}

static void begin(struct toxic *toxic, uint64_t now_ns)
{
    if (toxic->type->on_add)
        toxic->type->on_add(toxic->settings, now_ns);
}

static void toxic_free(struct toxic *toxic)
{
    settings_destroy(toxic->type, toxic->settings);
    param_fini(fault_aim_params, &toxic->aim);
    free(toxic->touched);
    free(toxic->noted);
    free(toxic->stream_text);
    free(toxic->name);
    free(toxic);
}

void toxics_fini(struct toxics *toxics)
{
    struct list *link;
    while ((link = list_pop_front(&toxics->list)))
        toxic_free(container_of(link, struct toxic, of_all));
}

int toxics_create(struct toxics *toxics, const struct toxic_options *options, bool follows,
                  uint64_t now_ns, struct toxic **out, struct err *err)
{
    if (options->type->needs_queries && !follows)
        return err_set(err, -EPROTO,
                       "%s: needs a proxy that follows a protocol (protocol: postgres)",
                       options->type->name);
    struct toxic *toxic = calloc(1, sizeof(*toxic));
    if (!toxic)
        return err_sys(err, -ENOMEM, "make a fault");
    toxic->type = options->type;
    toxic->stream = options->stream;
    toxic->toxics = toxics;
    toxic->requests_before = toxics->requests;
    toxic->links_before = toxics->links;
    toxic->stream_text = strdup(stream_text(options));
    int rc = toxic->stream_text ? 0 : err_sys(err, -ENOMEM, "make a fault");
    if (rc == 0)
        rc = name_toxic(options, &toxic->name, err);
    if (rc == 0 && toxics_find(toxics, toxic->name))
        rc = err_set(err, -EEXIST, "toxic already exists");
    if (rc == 0)
        rc = aim_create(&toxic->aim, &toxic->source, options->aim, err);
    if (rc == 0)
        rc = settings_create(toxic->type, options->settings, &toxic->settings, err);
    if (rc) {
        toxic_free(toxic);
        return rc;
    }
    begin(toxic, now_ns);
    toxic->id = ++toxics->created;
    list_push_back(&toxics->list, &toxic->of_all);
    *out = toxic;
    return 0;
}

/* By making one that acts on nothing. */
int toxic_options_check(const struct toxic_options *options, int protocol, struct err *err)
{
    struct toxics aside;
    struct toxic *toxic;
    toxics_init(&aside, 0, "");
    int rc = toxics_create(&aside, options, protocol == PROXY_POSTGRES, 0, &toxic, err);
    toxics_fini(&aside);
    return rc;
}

int toxic_set(struct toxic *toxic, const struct fault_aim *aim, const void *settings,
              uint64_t now_ns, struct err *err)
{
    struct fault_aim new_aim = {0};
    struct toxic_source new_source = {0};
    void *new_settings = NULL;
    int rc = aim_create(&new_aim, &new_source, aim ? aim : &toxic->aim, err);
    if (rc)
        return rc;
    rc = settings_create(toxic->type, settings ? settings : toxic->settings, &new_settings, err);
    if (rc) {
        param_fini(fault_aim_params, &new_aim);
        return rc;
    }
    param_fini(fault_aim_params, &toxic->aim);
    settings_destroy(toxic->type, toxic->settings);
    toxic->aim = new_aim;
    toxic->source = new_source;
    toxic->settings = new_settings;
    begin(toxic, now_ns);
    return 0;
}

void toxic_destroy(struct toxic *toxic)
{
    list_remove(&toxic->of_all);
    toxic_free(toxic);
}

/* ---- Listing --------------------------------------------------------------------------------- */

/* The first of that stream or a later one, from link on. */
static struct toxic *listed(struct toxics *toxics, struct list *link, int stream)
{
    for (; stream <= FAULT_BOTH; stream++, link = toxics->list.next) {
        for (; link != &toxics->list; link = link->next) {
            struct toxic *toxic = container_of(link, struct toxic, of_all);
            if ((int)toxic->stream == stream)
                return toxic;
        }
    }
    return NULL;
}

struct toxic *toxics_first(struct toxics *toxics)
{
    return listed(toxics, toxics->list.next, FAULT_UPSTREAM);
}

struct toxic *toxic_next(struct toxic *toxic)
{
    return listed(toxic->toxics, toxic->of_all.next, (int)toxic->stream);
}

struct toxic *toxics_find(struct toxics *toxics, const char *name)
{
    list_each(link, &toxics->list) {
        struct toxic *toxic = container_of(link, struct toxic, of_all);
        if (strcmp(toxic->name, name) == 0)
            return toxic;
    }
    return NULL;
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
