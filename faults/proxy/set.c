/* SPDX-License-Identifier: MIT */
/* set.c - the set of proxies, and the undertaker who frees those removed once their fibers are
 * gone.
 */
#include "faults/proxy/set.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

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
            bury(container_of(member, struct proxy, member));
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
    set->limits = (struct proxy_limits){
        .connect_ns = PROXY_CONNECT_NS, .dead_s = PROXY_DEAD_S, .dead_max = PROXY_DEAD_MAX};
    list_init(&set->removed);
    descriptors_init(&set->descriptors);
    set->pool.descriptors = &set->descriptors;
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
    while (set->count > 0)
        proxy_remove(set->proxies[set->count - 1]);
    set->ending = true;
    (void)waitq_wake_all(&set->funeral);
    (void)group_join(NULL, &set->group); /* the undertaker goes when all proxies are buried */
    (void)group_fini(&set->group);
    pool_fini(&set->pool);
    free(set->proxies);
    free(set);
}

void proxy_set_limit(struct proxy_set *set, const struct proxy_limits *limits)
{
    set->limits = *limits;
}

size_t proxy_set_reserve(const struct proxy_set *set)
{
    return descriptors_reserve(&set->descriptors);
}

/* ---- By name --------------------------------------------------------------------------------- */

/* Where a proxy of that name is, or would be. */
static size_t place_of(const struct proxy_set *set, const char *name)
{
    size_t low = 0, high = set->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(set->proxies[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct proxy *proxy_at(const struct proxy_set *set, size_t place)
{
    return place < set->count ? set->proxies[place] : NULL;
}

int set_make_room(struct proxy_set *set)
{
    if (set->count < set->room)
        return 0;
    size_t room = set->room ? 2 * set->room : 16;
    struct proxy **grown = reallocarray(set->proxies, room, sizeof(struct proxy *));
    if (!grown)
        return -ENOMEM;
    set->proxies = grown;
    set->room = room;
    return 0;
}

void set_insert(struct proxy_set *set, struct proxy *proxy)
{
    struct proxy **place = set->proxies + place_of(set, proxy->name);
    memmove(place + 1, place, (size_t)(set->proxies + set->count - place) * sizeof(struct proxy *));
    *place = proxy;
    set->count++;
}

void set_remove(struct proxy *proxy)
{
    struct proxy_set *set = proxy->set;
    struct proxy **place = set->proxies + place_of(set, proxy->name);
    set->count--;
    memmove(place, place + 1, (size_t)(set->proxies + set->count - place) * sizeof(struct proxy *));
    list_push_back(&set->removed, &proxy->member);
    (void)waitq_wake_one(&set->funeral, NULL);
}

struct proxy *proxy_first(struct proxy_set *set)
{
    return proxy_at(set, 0);
}

struct proxy *proxy_next(struct proxy *proxy)
{
    return proxy_at(proxy->set, place_of(proxy->set, proxy->name) + 1);
}

struct proxy *proxy_find(struct proxy_set *set, const char *name)
{
    struct proxy *proxy = proxy_at(set, place_of(set, name));
    return proxy && strcmp(proxy->name, name) == 0 ? proxy : NULL;
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
