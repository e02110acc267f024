/* SPDX-License-Identifier: MIT */
/* toxics.c - puts faults on a proxy's links: to come, on faults/proxy/toxic.h and chain.h. */
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

struct toxic *toxic_find(struct proxy *proxy, const char *name)
{
    (void)proxy, (void)name;
    return NULL;
}
