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
#include "faults/postgres/follow.h"
#include "faults/proxy/chain.h"
#include "faults/proxy/descriptors.h"
#include "faults/proxy/held.h"
#include "faults/proxy/lookup.h"
#include "faults/proxy/proxy.h"
#include "faults/proxy/toxic.h"

struct listener;

enum { POOL_BUFFERS = 16, POOL_PIPES = 64 }; /* kept at most */

/* What big transfers use, and the next ones can use again. */
struct pool {
    char *buffers[POOL_BUFFERS];
    struct pipe {
        int in, out;       /* ends; non-blocking */
        size_t held_bytes; /* in it, if it is in use */
    } pipes[POOL_PIPES];
    size_t buffers_kept, pipes_kept;
};

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

/* ---- The set: set.c -------------------------------------------------------------------------- */

/* Room for one proxy more, which set_insert then can't fail for. 0 or -ENOMEM. */
int set_make_room(struct proxy_set *set);

/* At its place by its name. */
void set_insert(struct proxy_set *set, struct proxy *proxy);

/* Out of the set; to be buried when its fibers are gone. */
void set_remove(struct proxy *proxy);

/* ---- A link: link.c -------------------------------------------------------------------------- */

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

/* ---- Its streams: pump.c --------------------------------------------------------------------- */

/* How a stream is carried at the moment. */
enum pump {
    PUMP_OVER,  /* no more */
    PUMP_SMALL, /* little at a time: small.c */
    PUMP_BULK,  /* much: bulk.c */
    PUMP_CHAIN, /* through faults: faulty.c */
};

/* Each carries a stream until another way is better: which one, or -errno when the link is over. */
int carry_small(struct stream *stream);
int carry_bulk(struct stream *stream);
int carry_faulty(struct stream *stream);

/* Puts what was read into the chain. PUMP_CHAIN, or -ENOMEM. */
int stream_push(struct stream *stream, char *data, size_t size_bytes);

/* Carries a stream until its end, an error or the end of the link's ctx. 0: its end has been handed
 * on; the link is over when both streams are. Otherwise why the link is over now. */
int pump_stream(struct stream *stream);

/* Ends the wait of its fiber, which looks anew at the chain. */
void stream_nudge(struct stream *stream);

/* Parks until fd (-1: none) is ready for events: 0, then; -ETIMEDOUT at until_ns, -EAGAIN for a
 * nudge, or the error of the link's ctx. */
int stream_wait(struct stream *stream, int fd, short events, uint64_t until_ns);

/* Parks until to may take more, or what faults say ends the link. 0 or -errno. */
int stream_wait_room(struct stream *stream);

/* Parks until until_ns, a nudge, or what faults say ends the link. 0 or -errno. */
int stream_wait_time(struct stream *stream, uint64_t until_ns);

/* What a fault has decided upon the link: ends it. */
int stream_obey(struct stream *stream, enum fault_verdict verdict);

/* Lets others run, and the loop see to the kernel. 0, or the error of the link's ctx. */
int stream_breathe(struct stream *stream);

/* Books bytes that were read and go past the chain, or that were sent. */
void stream_received(struct stream *stream, size_t size_bytes);
void stream_sent(struct stream *stream, size_t size_bytes);

/* No fault and nothing else wants to see its bytes. */
bool stream_may_splice(const struct stream *stream);

/* ---- Straight on: forward.c ------------------------------------------------------------------ */

/* Sends what can be sent at once: less than all when there is no room. -errno; unheard is set. */
ssize_t stream_send_some(struct stream *stream, const char *data, size_t size_bytes);

/* Sends all of the caller's bytes, however long that takes. 0 or -errno. */
int stream_send(struct stream *stream, const char *data, size_t size_bytes);

/* Sends all that was read, as whoever follows the link cuts it. shared: the bytes are the inbox's;
 * before it parks, it copies them and all else that has come, so that it holds none of the buffers
 * which all share. 0 or -errno. */
int stream_forward(struct stream *stream, char *data, size_t size_bytes, bool shared);

/* The same for all of what the inbox has given last, on links that are not followed; returns at
 * once. After the next inbox_recv_until, which gave got and data, stream_settle has to see to it:
 * that is done, and what the other side had no room for has been sent slowly, with got's bytes
 * behind it (-EAGAIN then). 0 or -errno. */
void stream_forward_soon(struct stream *stream, size_t size_bytes);
int stream_settle(struct stream *stream, ssize_t *got, char *data);

/* Nothing more comes: for 0, a stream's end, hands that on; otherwise it is why. */
int stream_over(struct stream *stream, ssize_t got);

/* ---- Protocols: followed.c ------------------------------------------------------------------- */

/* Its protocol is one that can be: the only place that knows which. */
bool proxy_is_followed(const struct proxy *proxy);

/* Has a link's protocol followed from its first byte on, where its proxy's is; destroying is
 * harmless without. -ENOMEM. */
int followed_create(struct link *link);
void followed_destroy(struct link *link);

/* Is, and not given up. */
bool link_is_followed(const struct link *link);

/* Whether faults want to see queries from now on. */
void followed_want(struct link *link, bool wanted);

/* Its queries are out of sight, and somebody means them to be. */
bool followed_is_encrypted(const struct link *link);

/* The next piece of what was read, to be called until there is none; one on links that are not
 * followed. It lasts until the next call. */
bool followed_cut(struct stream *stream, struct follow_bytes *bytes, struct chain_input *piece);

/* What was kept back until its stream's end. */
bool followed_rest(struct stream *stream, struct chain_input *piece);

/* Before an item is sent that begins a query which is to fail or to be late: sends what has to come
 * before it, and notes what has to be left out or comes behind. 0 or -errno. */
int followed_rewrite(struct stream *stream, const struct chain_item *item);

/* ---- What bulk needs, kept for the next: pool.c ---------------------------------------------- */

/* With 128 KiB at once a byte costs a quarter more CPU. */
enum { COPY_BYTES = 512 << 10, PIPE_BYTES = 512 << 10 };

/* COPY_BYTES; NULL without memory. */
char *pool_take_buffer(struct proxy_set *set);
void pool_give_buffer(struct proxy_set *set, char *buffer);

/* An empty one. 0 or -errno. It may come back with bytes in it. */
int pool_take_pipe(struct proxy_set *set, struct pipe *pipe);
void pool_give_pipe(struct proxy_set *set, const struct pipe *pipe);

/* Closes the pipes that are kept. */
void pool_trim(struct proxy_set *set);

void pool_fini(struct proxy_set *set);

/* ---- Listening: listener.c ------------------------------------------------------------------- */

/* Listens as proxy->listen says, which becomes the resolved text. */
int listener_start(struct proxy *proxy, struct err *err);

/* The port is free again when it returns; nothing without a listener. */
void listener_stop(struct proxy *proxy);

/* Asks the faults of its proxy anew whether connections get in; they do or don't from now on. */
void listener_look(struct proxy *proxy);

#endif
