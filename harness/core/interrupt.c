/* SPDX-License-Identifier: MIT */
/* interrupt.c - a fiber that reads signals while another one works. */
#include "core/interrupt.h"

#include "core/group.h"
#include "core/io.h"
#include "core/ring.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

const char interrupt_cause[] = "interrupted";

struct job {
    int (*work)(struct ctx *ctx, void *arg, struct err *err); /* the caller's */
    void *arg;                                                /* likewise */
    struct err *err;                                          /* likewise */
    int signal_fd;                                            /* to read signals from */
    struct ctx ctx;                                           /* the work's */
    int result;                                               /* what it returned */
};

static void watch(struct ctx *ctx, void *arg)
{
    struct job *job = arg;
    for (int seen = 0;; seen++) {
        int number = io_signal(ctx, job->signal_fd);
        if (number < 0)
            return;
        if (seen > 0)
            _exit(128 + SIGINT); /* asked twice: whoever asks does not want to wait for clean-up */
        ctx_cancel(&job->ctx, interrupt_cause);
    }
}

static void run(struct ctx *root, void *arg)
{
    struct job *job = arg;
    struct group watcher;
    group_init(&watcher, root);
    ctx_init(&job->ctx, root);
    job->result = group_spawn(&watcher, "signals", watch, job);
    if (!job->result)
        job->result = job->work(&job->ctx, job->arg, job->err);
    group_cancel(&watcher, "work done");
    (void)group_join(NULL, &watcher);
    (void)group_fini(&watcher);
    ctx_fini(&job->ctx);
}

int interrupt_run(const char *name, int (*work)(struct ctx *ctx, void *arg, struct err *err),
                  void *arg, struct err *err)
{
    struct job job = {.work = work, .arg = arg, .err = err};
    struct ring *ring = NULL;
    sigset_t signals, before;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGTERM);
    job.signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
    if (job.signal_fd < 0)
        return err_sys(err, -errno, "signalfd");
    (void)sigprocmask(SIG_BLOCK, &signals, &before);
    int rc = ring_create(&ring, NULL, err);
    if (!rc)
        rc = ring_run(ring, name, run, &job, err);
    ring_destroy(ring);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    (void)close(job.signal_fd);
    return rc ? rc : job.result;
}
