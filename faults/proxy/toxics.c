/* SPDX-License-Identifier: MIT */
/* toxics.c - the faults of a proxy: to come with faults/proxy/toxic.h and chain.h. */
#include "faults/proxy/internal.h"

#include <errno.h>

int toxic_add(struct proxy *proxy, const struct toxic_options *options, struct toxic **out,
              struct err *err)
{
    (void)proxy, (void)options;
    *out = NULL;
    return err_set(err, -ENOSYS, "faults are not built in yet");
}

int toxic_change(struct toxic *toxic, const struct fault_aim *aim, const void *settings,
                 struct err *err)
{
    (void)toxic, (void)aim, (void)settings;
    return err_set(err, -ENOSYS, "faults are not built in yet");
}

void toxic_remove(struct toxic *toxic)
{
    (void)toxic;
}

struct toxic *toxic_first(struct proxy *proxy)
{
    (void)proxy;
    return NULL;
}

struct toxic *toxic_next(struct toxic *toxic)
{
    (void)toxic;
    return NULL;
}

struct toxic *toxic_find(struct proxy *proxy, const char *name)
{
    (void)proxy, (void)name;
    return NULL;
}

const char *toxic_name(const struct toxic *toxic)
{
    (void)toxic;
    return "";
}

const struct fault_type *toxic_type(const struct toxic *toxic)
{
    (void)toxic;
    return NULL;
}

enum fault_stream toxic_stream(const struct toxic *toxic)
{
    (void)toxic;
    return FAULT_DOWNSTREAM;
}

const struct fault_aim *toxic_aim(const struct toxic *toxic)
{
    (void)toxic;
    return NULL;
}

const void *toxic_settings(const struct toxic *toxic)
{
    (void)toxic;
    return NULL;
}

struct toxic_effects toxic_effects(const struct toxic *toxic)
{
    (void)toxic;
    return (struct toxic_effects){0};
}

size_t toxic_links(const struct toxic *toxic, struct toxic_link *links, size_t size)
{
    (void)toxic, (void)links, (void)size;
    return 0;
}
