/* SPDX-License-Identifier: MIT */
/* thread.c - threads that fibers can wait for: they report by messages to their parent's ring. */
#include "core/thread.h"

#include "core/internal.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>

struct thread {
    struct thread_options options; /* as asked for */
    pthread_t handle;              /* to join */
    fiber_fn *fn;                  /* its work */
    void *arg;                     /* the caller's */
    struct ring *ring;             /* its own; freed by the parent, who may still post to it */
    struct ring *parent;           /* to report to */
    sem_t started;                 /* its ring stands, or error is set */
    struct waitq changed;          /* the parent's fibers waiting for its end */
    struct message ended, cancel;  /* the report and the order, sent once each */
    const char *cancel_cause;      /* goes with the order */
    bool has_ended, cancelled;     /* as the parent knows */
    int error;                     /* of starting */
    struct err err;                /* its text */
};

static void on_ended(struct message *message)
{
    struct thread *thread = container_of(message, struct thread, ended);
    thread->has_ended = true;
    (void)waitq_wake_all(&thread->changed);
}

static void on_cancel(struct message *message)
{
    struct thread *thread = container_of(message, struct thread, cancel);
    ctx_cancel(ring_root(ring_current), thread->cancel_cause);
}

static int pin(int cpu, struct err *err)
{
    if (cpu < 0)
        return 0;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    int rc = pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
    return rc ? err_sys(err, -rc, "pin a thread to CPU %d", cpu) : 0;
}

static void *thread_main(void *arg)
{
    struct thread *thread = arg;
    (void)pthread_setname_np(pthread_self(), thread->options.name);
    thread->error = pin(thread->options.cpu, &thread->err);
    if (!thread->error)
        thread->error = ring_create(&thread->ring, &thread->options.ring, &thread->err);
    int error = thread->error;
    (void)sem_post(&thread->started); /* from here on, thread->error is the parent's to read */
    if (error)
        return NULL;
    (void)ring_run(thread->ring, thread->options.name, thread->fn, thread->arg, NULL);
    ring_post(thread->parent, &thread->ended);
    ring_flush_all(thread->ring);
    return NULL;
}

static void thread_free(struct thread *thread)
{
    (void)pthread_join(thread->handle, NULL);
    ring_destroy(thread->ring);
    (void)sem_destroy(&thread->started);
    free(thread);
}

int thread_start(struct thread **out, const struct thread_options *options, fiber_fn *fn, void *arg,
                 struct err *err)
{
    struct thread *thread = calloc(1, sizeof(*thread));
    if (!thread)
        return err_sys(err, -ENOMEM, "allocate a thread");
    *thread = (struct thread){
        .options = *options,
        .fn = fn,
        .arg = arg,
        .parent = ring_current,
        .ended.run = on_ended,
        .cancel.run = on_cancel,
    };
    waitq_init(&thread->changed);
    (void)sem_init(&thread->started, 0, 0);
    int rc = -pthread_create(&thread->handle, NULL, thread_main, thread);
    if (rc) {
        (void)sem_destroy(&thread->started);
        free(thread);
        return err_sys(err, rc, "start a thread");
    }
    while (sem_wait(&thread->started) != 0)
        continue; /* EINTR */
    rc = thread->error;
    if (rc) {
        if (err)
            *err = thread->err;
        thread_free(thread);
        return rc;
    }
    *out = thread;
    return 0;
}

void thread_cancel(struct thread *thread, const char *cause)
{
    if (thread->cancelled || thread->has_ended)
        return;
    thread->cancelled = true;
    thread->cancel_cause = cause;
    ring_post(thread->ring, &thread->cancel);
}

int thread_join(struct ctx *ctx, struct thread *thread)
{
    int rc = 0;
    while (!thread->has_ended && !rc)
        rc = waitq_wait(ctx, &thread->changed, NULL);
    if (rc)
        thread_cancel(thread, "joiner gave up");
    while (!thread->has_ended)
        (void)waitq_wait(NULL, &thread->changed, NULL);
    thread_free(thread);
    return rc;
}

struct ring *thread_ring(struct thread *thread)
{
    return thread->ring;
}
