/* SPDX-License-Identifier: MIT */
/* internal.h - what the files of the relay share and nobody else sees: sets, proxies and links from
 * inside. */
#ifndef POOLSTORM_FAULTS_PROXY_INTERNAL_H
#define POOLSTORM_FAULTS_PROXY_INTERNAL_H

#include "core/group.h"
#include "core/inbox.h"
#include "core/list.h"
#include "core/sock.h"
#include "core/waitq.h"
#include "faults/proxy/lookup.h"
#include "faults/proxy/proxy.h"

struct listener;

struct proxy_set {
    struct group group;   /* the undertaker */
    struct list proxies;  /* in the order of their names */
    struct list removed;  /* that still have fibers */
    struct waitq funeral; /* the undertaker, when removed is empty */
    size_t count;         /* of proxies */
    uint64_t seed;        /* of all draws */
    bool ending;          /* no proxy will come any more */
};

struct proxy {
    struct proxy_set *set;        /* it is in */
    struct list member;           /* in set->proxies or set->removed */
    struct group group;           /* its listener, and two fibers a link */
    struct list links;            /* open, in the order of their numbers */
    struct listener *listener;    /* NULL while disabled */
    char *name;                   /* its own, as the next two */
    char *listen;                 /* as given until it has been resolved */
    char *upstream;               /* as given */
    struct lookup lookup;         /* of upstream */
    int protocol;                 /* enum proxy_protocol */
    struct proxy_figures figures; /* so far */
};

/* ---- A link: link.c -------------------------------------------------------------------------- */

/* One of a link's two directions, carried by a fiber of its own. */
struct stream {
    struct link *link;     /* it is of */
    enum fault_stream way; /* which one */
    int from, to;          /* sockets */
    struct inbox inbox;    /* of from, while little comes at a time */
};

struct link {
    struct list member;       /* in proxy->links */
    struct proxy *proxy;      /* it came to */
    struct ctx ctx;           /* of all its waits; ended to drop it */
    uint64_t number;          /* from 1 */
    int client, server;       /* sockets; -1 while there is none */
    unsigned streams_running; /* that have a fiber */
    bool abort;               /* ends with a reset instead of an end of stream */
    struct stream streams[2]; /* by enum fault_stream */
};

/* Takes over a connection that has been accepted. Does not wait. */
void link_accept(struct proxy *proxy, int client);

/* Ends it from outside: it is closed, or reset, as soon as its fibers run. */
void link_drop(struct link *link, bool abort);

/* ---- Its streams: pump.c --------------------------------------------------------------------- */

/* Carries a stream until its end, an error or the end of the link's ctx. 0: its end has been handed
 * on; the link is over when both streams are. Otherwise why the link is over now. */
int pump_stream(struct stream *stream);

/* ---- Listening: listener.c ------------------------------------------------------------------- */

/* Listens as proxy->listen says, which becomes the resolved text. */
int listener_start(struct proxy *proxy, struct err *err);

/* The port is free again when it returns; nothing without a listener. */
void listener_stop(struct proxy *proxy);

#endif
