/* SPDX-License-Identifier: MIT */
/* worker.h - one thread of the generator: its connections, its share of the schedule, its counts.
 */
#ifndef POOLSTORM_LOAD_WORKER_H
#define POOLSTORM_LOAD_WORKER_H

#include "core/ring.h"
#include "core/thread.h"
#include "core/waitq.h"
#include "load/arrival.h"
#include "load/client.h"
#include "load/load.h"

#include <stdatomic.h>

/* Arrivals that wait for a free connection, by intended time. */
struct worker_queue {
    uint64_t *intended_ns; /* ring of room entries */
    size_t room;           /* a power of two */
    uint64_t head, tail;   /* taken from head, put at tail */
};

/* What a thread has used since it began. */
struct worker_usage {
    struct meter_sample meter;
    uint64_t waited_ns; /* ready to run, without a CPU */
    uint64_t polled_ns; /* busy-polling, with or without a CPU */
};

struct worker {
    const struct load_job *job; /* the caller's */
    const struct mix *mix;      /* shared by all workers */
    unsigned index, count;      /* which of how many */
    struct thread *thread;      /* that runs it */
    struct ring *parent;        /* to report to */
    struct waitq *parent_waits; /* there: woken when it is ready */
    struct message ready, go;   /* "my connections stand", "the clock starts" */
    bool is_ready;              /* as the parent knows */
    struct waitq waits_for_go;  /* here */
    uint64_t start_ns, end_ns;  /* of the phase; set before go */
    bool has_start;             /* go has come */
    bool gave_up;               /* the phase and its grace are over: what is left timed out */

    struct reply_head_known known; /* the head its clients saw last */
    struct client *clients;        /* its connections */
    size_t client_count;           /* how many */
    size_t next_client;            /* the next to be connected or to be started */
    struct waitq idle;             /* open loop: connections without work */
    struct waitq drained;          /* open loop: waiting for busy and queue to be empty */
    size_t busy;                   /* requests under way */
    struct worker_queue queue;     /* open loop: arrivals that found no free connection */
    struct arrival arrival;        /* its share of the schedule */
    struct rng rng;                /* of the mix */
    uint64_t next_token;           /* unique over workers */
    struct ledger_part *ledger;    /* its part of the job's, or NULL */

    _Atomic uint64_t ended[LOAD_OUTCOMES]; /* written here, read by whoever shows progress */
    _Atomic uint64_t in_flight;            /* likewise */
    size_t slots_shown;                    /* of its series, as the parent knows */
    struct worker_usage before;            /* at the start of the phase */
    struct load_result result;             /* this thread's part */
    struct err err;                        /* why it could not start */
    int error;                             /* of starting */
};

/* Allocates what it needs. */
int worker_init(struct worker *worker, const struct load_job *job, const struct mix *mix,
                unsigned index, unsigned count, struct err *err);
void worker_fini(struct worker *worker);

/* The thread's first fiber; arg is the worker. */
void worker_main(struct ctx *ctx, void *arg);

#endif
