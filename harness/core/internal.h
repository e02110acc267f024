/* SPDX-License-Identifier: MIT */
/* internal.h - what the files of core share and nobody else sees: rings and fibers from inside. */
#ifndef POOLSTORM_CORE_INTERNAL_H
#define POOLSTORM_CORE_INTERNAL_H

#include "core/ctx.h"
#include "core/fiber.h"
#include "core/group.h"
#include "core/ring.h"
#include "core/stack.h"
#include "core/timer.h"

#include <liburing.h>

/* Boost.Context's entry points, declared as its assembly defines them (fcontext.hpp, 1.74). */
typedef void *fcontext_t;
struct transfer {
    fcontext_t from; /* where the jump came from, suspended */
    void *data;      /* what it handed over */
};
extern struct transfer jump_fcontext(fcontext_t to, void *data);
extern fcontext_t make_fcontext(void *stack_top, size_t size_bytes, void (*entry)(struct transfer));

enum fiber_state { FIBER_READY, FIBER_RUNNING, FIBER_PARKED };

/* Lives at the top of its own stack, so that an idle fiber touches one page. */
struct fiber {
    fcontext_t context;     /* where it is suspended */
    struct fiber *next;     /* in the ready queue */
    struct ring *ring;      /* it never leaves */
    struct group *group;    /* that joins it */
    struct list member;     /* in group->members */
    struct ctx ctx;         /* its own, a child of the group's */
    fiber_fn *fn;           /* what it runs */
    void *arg;              /* the caller's */
    const char *name;       /* static */
    struct stack stack;     /* that it runs on */
    enum fiber_state state; /* see above */
    void *sanitizer;        /* ASan's fake stack, or TSan's fiber */
};

/* A request to the kernel that is to go behind all others of a pass. Where the op lives. */
struct late {
    struct late *next;       /* in the ring's line */
    struct io_uring_sqe sqe; /* to be copied into the queue; filled, and tied to its op */
};

struct ring {
    struct io_uring uring;     /* the kernel's side */
    struct fiber loop;         /* the thread's native stack, as a fiber to switch to */
    struct fiber *running;     /* &loop, or the fiber that has the thread */
    struct fiber *ready_first; /* to be resumed, in order */
    struct fiber *ready_last;  /* the end of that line */
    struct late *late_first;   /* requests not yet in the submission queue, in order */
    struct late **late_end;    /* where the next one is linked */
    unsigned budget;           /* resumptions left before the loop looks at the kernel again */
    uint64_t now_ns;           /* as of this pass */
    uint64_t spin_ns;          /* see ring_options */
    unsigned orphans;          /* requests whose owners have gone; their completions are to come */
    struct op alarm;           /* of the kernel's, to wake the loop at alarm_ns */
    uint64_t alarm_ns;         /* CLOCK_NEVER while it is not set */
    struct __kernel_timespec alarm_span; /* what the kernel was told of it */
    struct timer_heap timers;            /* all of this thread's */
    struct group root;                   /* of the first fiber, and of leaked ones */
    struct stack_pool stacks;            /* recycled */
    struct ring_stats stats;             /* counters */
    struct inbox_buffers *inbox_buffers; /* of this thread's inboxes, NULL before the first */
    void *signal_stack;                  /* for the handler that reports overflows */
    void *reap;                          /* TSan's state of a fiber that has just ended */
};

/* ring.c: the calling thread's ring. */
extern _Thread_local struct ring *ring_current;

/* Asks the kernel to end op early; its completion is still to come. */
void op_take_back(struct op *op);

/* Lines late up, after op_start on its entry. It is the caller's until its op is done. */
void ring_start_late(struct ring *ring, struct late *late);

/* Notes a completion and wakes who waits for the op: what op->complete does unless it was set. */
void op_finish(struct op *op, int result, unsigned flags);

/* Hands over what is queued and collects what has happened, if there is anything of either. */
void ring_flush(struct ring *ring);

/* The same until nothing is queued and no orphan left: what ends a thread must not stay behind. */
void ring_flush_all(struct ring *ring);

/* fiber.c */
int fiber_create(struct ring *ring, struct group *group, const char *name, fiber_fn *fn, void *arg);
void fiber_run_ready(struct ring *ring);
void fiber_adopt_thread(struct ring *ring);

/* timer.c: fires what is due; says when the next one will be, CLOCK_NEVER without any. */
void timer_run_due(struct timer_heap *heap, uint64_t now_ns);
uint64_t timer_next(const struct timer_heap *heap);

/* inbox.c; buffers may be NULL. */
void inbox_buffers_destroy(struct inbox_buffers *buffers);

/* sock.c: a send that goes on beside something else. */
struct sending {
    struct op op;      /* of what is under way */
    int fd;            /* to where */
    const char *rest;  /* not sent yet */
    size_t rest_bytes; /* of it */
};
void sock_send_start(struct sending *sending, int fd, const void *data, size_t size_bytes);
int sock_send_finish(struct ctx *ctx, struct sending *sending);

/* overflow.c */
int overflow_guard_thread(struct ring *ring, struct err *err);
void overflow_unguard_thread(struct ring *ring);

#endif
