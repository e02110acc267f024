/* SPDX-License-Identifier: MIT */
/* guardian.h - a process of its own that holds leases: what must be undone whatever becomes of us.
 *
 * The holder (a runner) and its guardian share a socketpair. The guardian takes effects on order,
 * reports what becomes of them and undoes them on order; when the holder's end closes, kill -9 of
 * the holder included, it undoes everything at once and exits. Kinds of leases are descriptors
 * (faults/guardian/lease.h): `process`, `folder`, `schema`, `pause`. On the holder's end all of
 * them are undone at the same time; what is in each other's way is tried again until it works.
 *
 * A process lease runs a program in a session of its own; one that takes long to start (its user is
 * looked up, its output is a pipe that nobody reads) is in no other lease's way. The guardian is
 * the subreaper of all it starts, so that no descendant can hide by forking twice or by setsid:
 * when a process lease ends, what is left of its tree is killed. It dies with the guardian, too.
 * What left the session of its process and lost its parent cannot be told apart from others': it
 * ends with the next lease.
 *
 * A guardian that is lost itself, killed or no longer answering, is missed at once: all its leases
 * have ended then, whom guardian_watch names is cancelled, and guardian_check says why. Its
 * processes die with it; the holder kills what these leave (it is a subreaper, too, from
 * guardian_create on, and kills all of its descendants but those it had before: it starts no
 * lasting ones of its own while there is a guardian, and has one guardian at a time). Folders and
 * schemas are handed over to a new guardian that does nothing but undo them.
 *
 * All calls belong to one ring's thread. */
#ifndef POOLSTORM_FAULTS_GUARDIAN_H
#define POOLSTORM_FAULTS_GUARDIAN_H

#include "core/ctx.h"
#include "core/err.h"

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct guardian;
struct guardian_lease;

enum {
    GUARDIAN_FD = 0,                    /* where the guardian finds its end */
    GUARDIAN_MESSAGE_BYTES_MAX = 65536, /* arguments and environment of a process */
};

/* What a process is to be started with. The caller's; only needed during the call. */
struct guardian_process {
    char *const *argv;       /* ends with NULL; argv[0] is looked up in PATH */
    char *const *env;        /* NAME=VALUE, added to ours; ends with NULL; may be NULL */
    const char *folder;      /* to start in, or NULL for ours */
    const char *user;        /* to become, with its groups, or NULL; for root only */
    const char *output_path; /* appended stdout and stderr, or NULL for /dev/null; from ours, too */
    const cpu_set_t *cpus;   /* to run on, or NULL for ours */
};

/* Starts a guardian: this very program (/proc/self/exe) as `poolstorm guardian`. Takes some ms and
 * does not wait. */
int guardian_create(struct guardian **out, struct err *err);

/* Closes our end: all leases are undone at once. Waits for the guardian's end, or until what a lost
 * one has left is undone, for its patience (see below) at most before it kills it, whatever has
 * been cancelled. Frees the leases too. NULL is fine. */
void guardian_destroy(struct guardian *guardian);

/* How long it is waited for wherever it must answer, beyond what the order itself takes; 15 s
 * unless set, which only tests have a reason for. Then it is killed: as good as lost. */
void guardian_set_patience(struct guardian *guardian, uint64_t patience_ns);

/* Cancels ctx when the guardian is lost. ctx must live as long as the guardian, or until NULL is
 * named instead. */
void guardian_watch(struct guardian *guardian, struct ctx *ctx);

/* 0 while it serves; once it is lost -EPIPE, or -ETIMEDOUT when it did not answer, with how. */
int guardian_check(const struct guardian *guardian, struct err *err);

/* Its process; tests kill it. */
pid_t guardian_pid(const struct guardian *guardian);

/* Takes a lease of any kind: words are its name and what the kind's file says, and end with NULL.
 * Waits until it is in force. Refused: the kind's error, and nothing stays behind; when ctx ends
 * first it is undone. As guardian_check when the guardian is lost. *out is the guardian's. End it
 * with guardian_stop, whose status is 0 when all has been undone. */
int guardian_take(struct ctx *ctx, struct guardian *guardian, const char *const *words,
                  struct guardian_lease **out, struct err *err);

/* Starts a process: a lease of kind `process`. -ENOENT and the like when it cannot be run, with the
 * system's reason. When ctx ends first the process is stopped. *out is the guardian's. */
int guardian_start(struct ctx *ctx, struct guardian *guardian,
                   const struct guardian_process *process, struct guardian_lease **out,
                   struct err *err);

/* Undoes a lease. Of a process: SIGTERM to its group, SIGKILL to what is left after grace_ns (0: at
 * once). Waits until nothing is left of it, for grace_ns and its patience at most, whatever has
 * been cancelled. Of one that has ended: returns at once. Returns the status as of waitpid, or -1
 * when the guardian itself is lost, see guardian_check. */
int guardian_stop(struct guardian_lease *lease, uint64_t grace_ns);

/* Waits for the process's own end: 0, or ctx's error. */
int guardian_wait(struct ctx *ctx, struct guardian_lease *lease);

pid_t guardian_lease_pid(const struct guardian_lease *lease);

/* Whether it has ended; *status as of waitpid, -1 when the guardian is gone. status may be NULL. */
bool guardian_lease_ended(const struct guardian_lease *lease, int *status);

/* Writes "exit status 3", "killed by signal 9 (Killed)". Returns text. */
char *guardian_describe_status(int status, char *text, size_t size_bytes);

/* The guardian's own main: serves the holder at the other end of fd, a SOCK_SEQPACKET socket, and
 * returns when all is undone. -ENOTSOCK when fd is no such thing. */
int guardian_main(int fd, struct err *err);

#endif
