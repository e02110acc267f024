/* SPDX-License-Identifier: MIT */
/* database.h - the database of a run: a throw-away server, or a schema of its own in the user's.
 *
 * Everything a run makes is in a schema of its own name, which is what unqualified names mean to
 * the subject and to the scenario's SQL. The throw-away server is run/cluster.h; in the user's own
 * the schema is a lease of the guardian, which drops it and ends the run's sessions, kill -9 of the
 * runner included.
 *
 * The server shares the subject's CPUs: on two, the generator has one and subject and database the
 * other. Processor time is counted by process, so that sharing blurs no cost.
 *
 * The subject is told by its environment, which other users cannot read: POOLSTORM_DATABASE is a
 * URI, PGPASSWORD the password alone.
 *
 * All calls belong to one ring's thread. */
#ifndef POOLSTORM_RUN_DATABASE_H
#define POOLSTORM_RUN_DATABASE_H

#include "core/ctx.h"
#include "core/err.h"
#include "faults/guardian/guardian.h"
#include "plan/plan.h"

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct run_database;

/* The caller's during the database's life. */
struct run_database_options {
    struct guardian *guardian;
    const struct plan *plan; /* for its database, which is not NONE */
    const char *own;         /* connection string of the user's server, or NULL: throw-away */
    const char *allowed;     /* see run/allow.h */
    const cpu_set_t *cpus;   /* for a throw-away server */
    const char *log_path;    /* likewise */
};

/* Starts or finds the server, makes the schema and runs the plan's setup. On failure nothing is
 * left. -ENOENT: no server on this machine; -EINVAL: a mistake in the scenario (file:line:column)
 * or in the connection string; -EACCES: not allowed, or not with this password; else the server's
 * reasons; ctx's error. run_database_destroy. */
int run_database_create(struct ctx *ctx, struct run_database **out,
                        const struct run_database_options *options, struct err *err);

/* Removes all of it, whatever has been cancelled. NULL is fine. */
void run_database_destroy(struct run_database *database);

/* Before a round: starts a throw-away server again when it has ended, ends what sessions the round
 * before has left, those that still wait to be let in included, runs the plan's SQL for each round
 * and lets the server calm down. Errors as run_database_create. */
int run_database_begin_round(struct ctx *ctx, struct run_database *database, struct err *err);

/* 0 while it is there: a throw-away server runs, the user's own answers; else why not, which is
 * nothing against the subject. Waits for the user's own, a few seconds at most. */
int run_database_check(struct ctx *ctx, const struct run_database *database, struct err *err);

/* Whether a throw-away server has ended by itself since the last start; text (may be NULL) says
 * how. Of the user's own it is always false. */
bool run_database_ended(const struct run_database *database, char *text, size_t size_bytes);

/* For the subject: as a URI with and without the password, and the password ("" for none, or one
 * that is not in the connection string). */
const char *run_database_uri(const struct run_database *database);
const char *run_database_uri_bare(const struct run_database *database);
const char *run_database_password(const struct run_database *database);

/* For the runner's own sessions, resolved: in the throw-away server those of a superuser, who gets
 * in when no connection is left. The schema is searched first here, too. */
const char *run_database_conninfo(const struct run_database *database);

/* "PostgreSQL 15.13, throw-away", "PostgreSQL 15.13, app at 127.0.0.1:5432". */
const char *run_database_describe(const struct run_database *database);

/* Processor time all processes of a throw-away server have used so far; false when it is not known.
 * Reads /proc; not for measured paths. What has ended is counted in 10 ms. */
bool run_database_cpu_ns(const struct run_database *database, uint64_t *cpu_ns);

#endif
