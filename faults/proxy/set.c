/* SPDX-License-Identifier: MIT */
/* set.c - the set of proxies, and the undertaker who frees those removed once their fibers are
 * gone.
 */
#include "faults/proxy/internal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static struct proxy *of_member(struct list *member)
{
    return container_of(member, struct proxy, member);
}

static void bury(struct proxy *proxy)
{
    (void)group_join(NULL, &proxy->group); /* without a ctx there is nothing to fail */
    (void)group_fini(&proxy->group);
    toxics_fini(&proxy->toxics);
    free(proxy->name);
    free(proxy->listen);
    free(proxy->upstream);
    free(proxy);
}

/* Ends with the set, not with its ctx: what has been removed is to be freed all the same. */
static void undertake(struct ctx *ctx, void *arg)
{
    (void)ctx;
    struct proxy_set *set = arg;
    while (!set->ending || !list_empty(&set->removed)) {
        struct list *member = list_pop_front(&set->removed);
        if (member)
            bury(of_member(member));
        else
            (void)waitq_wait(NULL, &set->funeral, NULL); /* likewise */
    }
}

int proxy_set_create(struct ctx *ctx, uint64_t seed, struct proxy_set **out, struct err *err)
{
    struct proxy_set *set = *out = calloc(1, sizeof(*set));
    if (!set)
        return err_sys(err, -ENOMEM, "allocate a set of proxies");
    (void)signal(SIGPIPE, SIG_IGN); /* splice has no MSG_NOSIGNAL; cannot fail for this signal */
    set->seed = seed;
    list_init(&set->proxies);
    list_init(&set->removed);
    waitq_init(&set->funeral);
    group_init(&set->group, ctx);
    int rc = group_spawn(&set->group, "undertaker", undertake, set);
    if (!rc)
        return 0;
    (void)group_fini(&set->group);
    free(set);
    *out = NULL;
    return err_sys(err, rc, "start a fiber");
}

void proxy_set_destroy(struct proxy_set *set)
{
    if (!set)
        return;
    while (!list_empty(&set->proxies))
        proxy_remove(of_member(set->proxies.next));
    set->ending = true;
    (void)waitq_wake_all(&set->funeral);
    (void)group_join(NULL, &set->group); /* the undertaker goes when all proxies are buried */
    (void)group_fini(&set->group);
    pool_fini(set);
    free(set);
}

/* ---- By name --------------------------------------------------------------------------------- */

struct proxy *proxy_first(struct proxy_set *set)
{
    return list_empty(&set->proxies) ? NULL : of_member(set->proxies.next);
}

struct proxy *proxy_next(struct proxy *proxy)
{
    struct list *next = proxy->member.next;
    return next == &proxy->set->proxies ? NULL : of_member(next);
}

struct proxy *proxy_find(struct proxy_set *set, const char *name)
{
    for (struct proxy *proxy = proxy_first(set); proxy; proxy = proxy_next(proxy))
        if (strcmp(proxy->name, name) == 0)
            return proxy;
    return NULL;
}

size_t proxy_count(const struct proxy_set *set)
{
    return set->count;
}

int proxy_set_reset(struct proxy_set *set, struct err *err)
{
    int first_rc = 0;
    for (struct proxy *proxy = proxy_first(set); proxy; proxy = proxy_next(proxy)) {
        struct toxic *toxic;
        struct err own = {0};
        while ((toxic = toxic_first(proxy)))
            toxic_remove(toxic);
        int rc = proxy_change(proxy, NULL, NULL, true, &own);
        if (!rc || first_rc)
            continue;
        first_rc = rc;
        if (err)
            *err = own;
    }
    return first_rc;
}
