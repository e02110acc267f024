/* SPDX-License-Identifier: MIT */
/* link.h - one proxied connection and its two streams, each carried by a fiber. */
#ifndef POOLSTORM_FAULTS_PROXY_LINK_H
#define POOLSTORM_FAULTS_PROXY_LINK_H

#include "core/ctx.h"
#include "core/inbox.h"
#include "core/list.h"
#include "faults/proxy/chain.h"
#include "faults/proxy/held.h"
#include "faults/proxy/set.h"
#include "faults/proxy/toxic.h"

#include <sys/socket.h>

struct followed;

enum {
    STREAM_FULL_TO_BULK = 4,     /* full buffers in a row after which more is expected */
    STREAM_TURN_BYTES = 1 << 20, /* of one stream; then others run */
};

#define STREAM_QUIET_NS (5 * NS_PER_MS) /* after which little is expected again */

/* One of a link's two directions, carried by a fiber of its own. */
struct stream {
    struct link *link;     /* it is of */
    enum fault_stream way; /* which one */
    int from, to;          /* sockets, non-blocking */
    struct inbox inbox;    /* of from */
    struct chain chain;    /* the faults on it */
    struct ctx *waiting;   /* of a wait that a nudge ends; NULL: none, or for the inbox */
    const char *behind;    /* to be sent behind the present item, */
    size_t behind_bytes;   /* so much of it */
    uint64_t skip_bytes;   /* of what is next, that are not to be sent */
    size_t turn_bytes;     /* read since others could run, where much comes */
    unsigned full;         /* full buffers of the inbox in a row */
    bool begun;            /* the present item has been rewritten, where it has to be */
    bool ended;            /* from has: its end is in the chain, or gone through */
    bool reset;            /* by a reset, that is */
    bool handed_on;        /* the end has come out of the chain */
    bool unheard;          /* to takes no more bytes: its peer has gone */
};

struct link {
    struct list member;        /* in proxy->links */
    struct proxy *proxy;       /* it came to */
    struct ctx ctx;            /* of all its waits; ended to drop it */
    struct toxic_peer peer;    /* itself, as faults know it */
    uint64_t number;           /* from 1 */
    uint64_t arrived_ns;       /* when it was accepted */
    struct held held;          /* its place among those whom faults hold */
    struct ctx *held_wait;     /* of its wait there; NULL: it does not */
    int client, server;        /* sockets; -1 while there is none */
    struct followed *followed; /* its protocol; NULL where that is not followed */
    unsigned streams_running;  /* that have a fiber */
    bool called;               /* counts among proxy->links_called */
    bool carried;              /* its streams have their chains */
    bool abort;                /* ends with a reset instead of an end of stream */
    struct stream streams[2];  /* by enum fault_stream */
};

enum { LINK_DESCRIPTORS = 2 }; /* its client's and its server's */

/* Takes over a connection that has been accepted, and the descriptors that were taken for it;
 * client may be NULL: by a Unix socket. Does not wait. */
void link_accept(struct proxy *proxy, int fd, const struct sockaddr *client);

/* Ends it from outside: it is closed, or reset, as soon as its fibers run. */
void link_drop(struct link *link, bool abort);

/* Has it look anew at the faults that concern it. */
void link_nudge(struct link *link);

/* Drops the oldest of those that faults have left dead, or hold though both their ends have said
 * all, where there are too many. */
void link_bound_dead(struct proxy *proxy);

#endif
