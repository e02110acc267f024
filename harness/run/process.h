/* SPDX-License-Identifier: MIT */
/* process.h - a fresh subject: started through the guardian, watched until it is healthy, stopped.
 *
 * All calls belong to one ring's thread. */
#ifndef POOLSTORM_RUN_PROCESS_H
#define POOLSTORM_RUN_PROCESS_H

#include "core/ctx.h"
#include "core/err.h"
#include "faults/guardian/guardian.h"
#include "load/load.h"
#include "plan/plan.h"
#include "run/folder.h"

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#define PROCESS_GRACE_NS (5 * NS_PER_S) /* from SIGTERM to SIGKILL */

/* Likewise, of a round that was broken off: nobody asks how it would have ended, and whoever broke
 * it off waits. */
#define PROCESS_GRACE_BROKEN_NS (200 * NS_PER_MS)

/* A database as a subject is told of it, see run/database.h. */
struct process_database {
    const char *uri, *uri_bare; /* NULL: none */
    const char *password;       /* "": none */
};

/* The caller's during the process's life. */
struct process_options {
    struct guardian *guardian;
    const struct plan_subject *subject;
    const char *program;   /* of the service, for SERVE; NULL: this one */
    const char *preload;   /* object for LD_PRELOAD; "": preload nothing; NULL: leave it alone */
    const cpu_set_t *cpus; /* to run on, or NULL */
    const char *log_path;  /* gets its stdout and stderr */
    const char *allowed;   /* see allow_check */
    struct process_database database; /* to tell it of */
};

/* Zeroed: not started. */
struct process {
    struct process_options options;
    struct guardian_lease *lease; /* NULL for a url */
    struct load_target target;    /* where it serves, once started */
    uint64_t ready_ns;            /* from the start to healthy; 0 for a url */
    struct folder folder;         /* private, removed when stopped; none unless asked for */
};

/* Starts it and waits for its health, for its start timeout at most. On failure nothing is left
 * running and err says why, with the end of its log. -EACCES: see allow_check; ctx's error. */
int process_start(struct ctx *ctx, struct process *process, const struct process_options *options,
                  struct err *err);

/* Stops it, whatever has been cancelled, and waits until nothing is left: it has grace_ns from
 * SIGTERM to SIGKILL. Returns its status as of waitpid, -1 for a url or when it is not known.
 * Harmless when not started. */
int process_stop(struct process *process, uint64_t grace_ns);

/* 0 while it runs (and for a url); else -ESRCH with how it ended and the end of its log. */
int process_check(const struct process *process, struct err *err);

/* Its process, 0 for a url. */
pid_t process_pid(const struct process *process);

#endif
