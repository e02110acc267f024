/* SPDX-License-Identifier: MIT */
/* ring.h - one io_uring a thread, and the loop that runs the fibers waiting on it. */
#ifndef POOLSTORM_CORE_RING_H
#define POOLSTORM_CORE_RING_H

#include "core/clock.h"
#include "core/err.h"

#include <stdbool.h>
#include <stdint.h>

struct ctx;
struct fiber;
struct io_uring_sqe;
struct ring;
struct timer;

/* Everything below belongs to the thread that created the ring, but for ring_post. */

struct ring_options {
    unsigned entries;     /* submission queue length; 0: 1024 */
    uint64_t spin_ns;     /* busy-polls instead of sleeping when the next timer is this near */
    uint64_t stack_bytes; /* of each fiber; 0: 64 KiB */
    unsigned stacks_warm; /* stacks kept with their pages for the next fiber; 0: 1024 */
};

struct ring_stats {
    uint64_t loops;          /* passes of the loop */
    uint64_t enters;         /* io_uring_enter calls */
    uint64_t completions;    /* reaped */
    uint64_t switches;       /* fibers resumed */
    uint64_t polled_ns;      /* time passed in busy-polling while there was nothing to do */
    uint64_t fibers_live;    /* now */
    uint64_t fibers_started; /* ever */
    uint64_t fibers_leaked;  /* that outlived the group they belonged to */
};

/* Makes the calling thread's ring. options may be NULL. Errors: -ENOSYS and -EPERM where io_uring
 * is missing or forbidden (err names the remedy), -ENOMEM, -EBUSY when the thread has a ring
 * already. */
int ring_create(struct ring **out, const struct ring_options *options, struct err *err);

/* Frees the ring. No fiber may be left on it. */
void ring_destroy(struct ring *ring);

/* Runs entry(ctx, arg) as the first fiber, and everything it starts, until no fiber is left.
 * ctx is the root of the thread's contexts: cancelling it cancels everything. */
int ring_run(struct ring *ring, const char *name, void (*entry)(struct ctx *ctx, void *arg),
             void *arg, struct err *err);

/* The calling thread's ring, or NULL. */
struct ring *ring_self(void);

/* The root context of the ring, to be cancelled from its own thread. */
struct ctx *ring_root(struct ring *ring);

struct ring_stats ring_stats(const struct ring *ring);

/* Time as of this pass of the loop: free, and at most one pass old. */
uint64_t ring_now_ns(const struct ring *ring);

/* Changes how near a timer must be for the loop to spin rather than to sleep. */
void ring_set_spin(struct ring *ring, uint64_t spin_ns);

/* ---- Requests to the kernel ------------------------------------------------------------------ */

/* One request in flight. Lives where the caller likes (mostly its stack) until it is complete. */
struct op {
    void (*complete)(struct op *op, int result, unsigned flags); /* on the loop; must not wait */
    struct fiber *waiter;                                        /* parked on it, or NULL */
    int result;     /* of the last completion: a count or -errno */
    unsigned flags; /* of the last completion: IORING_CQE_F_… */
    bool done;      /* no further completion will come */
};

/* A cleared submission entry; submits what is queued when there is no room, so never NULL. */
struct io_uring_sqe *ring_sqe(struct ring *ring);

/* Ties a filled entry to op; it goes to the kernel with the loop's next submission. */
void op_start(struct op *op, struct io_uring_sqe *sqe);

/* Parks until op is done. When ctx is cancelled first, takes the request back from the kernel
 * (IORING_OP_ASYNC_CANCEL), waits for its completion all the same, and returns -ECANCELED or
 * -ETIMEDOUT; a request that had completed by then keeps its result. Returns op->result. */
int op_wait(struct ctx *ctx, struct op *op);

/* The same for a request that completes many times: parks until its next completion, which is its
 * last when ctx has ended. op must not be done. */
void op_wait_next(struct ctx *ctx, struct op *op);

/* ---- Messages between rings ------------------------------------------------------------------ */

/* Runs on the target's loop, between fibers; must not wait. Owned by the target until it runs. */
struct message {
    void (*run)(struct message *message); /* what to do there */
    struct ring *to;                      /* private */
};

/* Sends by IORING_OP_MSG_RING. The calling thread must have a ring. In order for one sender. */
void ring_post(struct ring *to, struct message *message);

#endif
