/* SPDX-License-Identifier: MIT */
/* set.h - a set and its proxies from inside: for those files of the relay that have to do with
 * either. */
#ifndef POOLSTORM_FAULTS_PROXY_SET_H
#define POOLSTORM_FAULTS_PROXY_SET_H

#include "core/group.h"
#include "core/list.h"
#include "core/waitq.h"
#include "faults/proxy/descriptors.h"
#include "faults/proxy/lookup.h"
#include "faults/proxy/pool.h"
#include "faults/proxy/proxy.h"
#include "faults/proxy/toxic.h"

struct listener;

struct proxy_set {
    struct group group;             /* the undertaker */
    struct proxy **proxies;         /* count of them, in the order of their names */
    size_t count, room;             /* of proxies */
    struct list removed;            /* that still have fibers */
    struct waitq funeral;           /* the undertaker, when removed is empty */
    uint64_t seed;                  /* of all draws */
    struct proxy_limits limits;     /* of links */
    struct descriptors descriptors; /* of links and listeners */
    struct pool pool;               /* of all links */
    bool ending;                    /* no proxy will come any more */
};

struct proxy {
    struct proxy_set *set;        /* it is in */
    struct list member;           /* in set->removed, once it is */
    struct group group;           /* its listener, and two fibers a link */
    struct list links;            /* open, in the order of their numbers */
    struct listener *listener;    /* NULL while disabled */
    char *name;                   /* its own, as the next two */
    char *listen;                 /* as given until it has been resolved */
    char *upstream;               /* as given */
    struct lookup lookup;         /* of upstream */
    int protocol;                 /* enum proxy_protocol */
    struct toxics toxics;         /* its faults */
    size_t links_called;          /* open ones whose upstream has been called */
    struct list lines;            /* of links that faults hold before that */
    struct proxy_figures figures; /* so far */
};

/* Room for one proxy more, which set_insert then can't fail for. 0 or -ENOMEM. */
int set_make_room(struct proxy_set *set);

/* At its place by its name. */
void set_insert(struct proxy_set *set, struct proxy *proxy);

/* Out of the set; to be buried when its fibers are gone. */
void set_remove(struct proxy *proxy);

#endif
