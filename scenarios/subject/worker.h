/* SPDX-License-Identifier: MIT */
/* worker.h - the service from inside: its threads, and what their fibers share. */
#ifndef POOLSTORM_SUBJECT_WORKER_H
#define POOLSTORM_SUBJECT_WORKER_H

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
struct request;
struct service;

/* One thread of the service. All of it belongs to that thread while it runs, but for counters,
 * which others read, and stop, which is posted. */
struct worker {
    struct counters counters;
    struct message stop; /* begins the drain */
    struct service *service;
    struct thread *thread;
    struct object_pool_local *pool; /* BUFFERS_POOL: this thread's part of it */
    int listener;                   /* a socket of its own on the shared port */
    bool stopping;                  /* stop has come: answers close their connections */
    struct list connections;        /* of connection.link */
    size_t live;                    /* connections */
    size_t cut;                     /* connections the drain's end cut off */
    int error;                      /* why it stopped by itself, or 0 */
    struct group group;             /* the connections' fibers */
    struct waitq stopped;           /* the main fiber waits for stop */
    struct waitq room;              /* the accepting fiber waits for live to fall */
    struct waitq empty;             /* the main fiber waits for live to reach 0 */
    struct waitq gathering;         /* encode requests waiting for others */
};

struct service {
    struct service_settings settings; /* its own copy */
    struct addr addr;                 /* bound to */
    struct object_pool *pool;         /* BUFFERS_POOL, else NULL */
    bool prewarming;                  /* the pool's create hook makes its buffers too */
    unsigned worker_count;            /* of workers, that were started */
    struct worker *workers;           /* settings.threads of them */
};

/* Ready for worker_run, which closes listener. */
void worker_init(struct worker *worker, struct service *service, int listener);

/* What a worker's thread runs; arg is the worker. Returns when the worker has stopped. */
void worker_run(struct ctx *ctx, void *arg);

/* Waits until settings.gather requests of this thread have come here, or gather_timeout. 0, or the
 * error of the request's ctx. */
int worker_gather(struct request *request);

/* Starts serving fd, which it owns from here on. Counts itself into worker->live. 0 or -ENOMEM. */
int connection_start(struct worker *worker, int fd);

/* Ends the connections that wait for a request; those that waited, or take, too long. */
void connection_end_idle(struct worker *worker);
void connection_end_late(struct worker *worker, uint64_t now_ns);

#endif
