/* SPDX-License-Identifier: MIT */
/* shard.h - the service from inside: its threads, and what their fibers share. */
#ifndef POOLSTORM_SUBJECT_SHARD_H
#define POOLSTORM_SUBJECT_SHARD_H

#include "core/err.h"
#include "core/group.h"
#include "core/list.h"
#include "core/ring.h"
#include "core/sock.h"
#include "core/thread.h"
#include "core/waitq.h"
#include "subject/counters.h"
#include "subject/object_pool.h"
#include "subject/settings.h"

struct connection;
struct database;
struct request;
struct service;

/* One thread of the service. All of it belongs to that thread while it runs, but for counters,
 * which others read, and stop, which is posted. */
struct shard {
    struct counters counters;
    struct message stop; /* begins the drain */
    struct message told; /* to the service's starter: it serves, or why not */
    struct err failure;  /* code 0: it serves */
    struct service *service;
    struct thread *thread;
    struct object_pool_local *pool;    /* BUFFERS_POOL: this thread's part of it */
    struct request *lost;              /* objects that were not given back, until the thread ends */
    uint64_t reclaims;                 /* of the service, as of the last take */
    uint64_t takes;                    /* since then */
    struct database *_Atomic database; /* its way to the database, or NULL: none */
    int listener;                      /* a socket of its own on the shared port */
    bool stopping;                     /* stop has come: answers close their connections */
    struct list connections;           /* of connection.link */
    size_t live;                       /* connections */
    size_t cut;                        /* connections the drain's end cut off */
    struct group group;                /* the connections' fibers */
    struct waitq stopped;              /* the main fiber waits for stop */
    struct waitq room;                 /* the accepting fiber waits for live to fall */
    struct waitq empty;                /* the main fiber waits for live to reach 0 */
    struct waitq gathering;            /* encode requests waiting for others */
    struct ctx strays;                 /* for what is deaf to its request; ends after the drain */
    void *states[COUNTERS_ENDPOINTS];  /* of the endpoints, see endpoint.h */
};

struct service {
    struct service_settings settings; /* its own copy */
    struct addr addr;                 /* bound to */
    uint64_t started_ns;
    struct object_pool *pool; /* BUFFERS_POOL, else NULL */
    char *conninfo;           /* of the database, its names looked up; NULL: none */
    counter_word reclaims;    /* of the pool, by the first shard */
    bool bound;               /* to addr, by us */
    bool prewarming;          /* the pool's create hook makes its buffers too */
    unsigned shard_count;     /* of shards, that were started */
    struct ring *starter;     /* whose fiber waits for them to begin */
    unsigned told_count;      /* of shards that have told how they began */
    struct waitq told;        /* the starter waits for the next */
    struct shard *shards;     /* settings.threads of them */
};

/* Makes a shard that was zeroed, but for its states, ready for shard_run, which closes listener. */
void shard_init(struct shard *shard, struct service *service, int listener);

/* What a shard's thread runs; arg is the shard. Tells the starter's ring how it began, and returns
 * when the shard has stopped, which it does when it is told to. */
void shard_run(struct ctx *ctx, void *arg);

/* Lets others read what the ring counts of its fibers: by the shard's thread, now and then. */
void shard_publish(struct shard *shard);

/* Waits until settings.gather requests of this thread have come here, or gather_timeout. 0, or the
 * error of the request's ctx. */
int shard_gather(struct request *request);

/* Starts serving fd, which it owns from here on. Counts itself into shard->live. 0 or -ENOMEM. */
int connection_start(struct shard *shard, int fd);

/* Ends the connections that wait for a request; those that waited, or take, too long. */
void connection_end_idle(struct shard *shard);
void connection_end_late(struct shard *shard, uint64_t now_ns);

#endif
