/* SPDX-License-Identifier: MIT */
/* thread.h - a thread with a ring of its own, started and joined by a fiber of another. */
#ifndef POOLSTORM_CORE_THREAD_H
#define POOLSTORM_CORE_THREAD_H

#include "core/ctx.h"
#include "core/fiber.h"
#include "core/ring.h"

struct thread;

struct thread_options {
    const char *name;         /* static; seen in top and in messages */
    struct ring_options ring; /* of its ring */
    int cpu;                  /* to pin it to, -1: anywhere the process may run */
};

/* Starts a thread that runs fn(ctx, arg) on a ring of its own, and ends when its fibers have. Holds
 * the calling thread up for as long as making a ring takes (some 100 µs), so that its errors are
 * answered here. To be called on a ring's thread. */
int thread_start(struct thread **out, const struct thread_options *options, fiber_fn *fn, void *arg,
                 struct err *err);

/* Cancels the root ctx of the thread's ring; returns at once. */
void thread_cancel(struct thread *thread, const char *cause);

/* Waits for its end and frees it. When ctx ends first the thread is cancelled and its end awaited
 * all the same; the answer is then ctx's error. */
int thread_join(struct ctx *ctx, struct thread *thread);

/* Its ring, to post messages to while it lives. */
struct ring *thread_ring(struct thread *thread);

#endif
