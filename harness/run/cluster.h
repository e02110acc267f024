/* SPDX-License-Identifier: MIT */
/* cluster.h - a PostgreSQL server for one run alone, thrown away with all its data.
 *
 * Its files are copied from a cache ($XDG_CACHE_HOME/poolstorm, else ~/.cache/poolstorm; one
 * cluster a version, made by the first run that needs it) into a temporary folder. The folder and
 * the server are leases of the guardian: kill -9 of the runner leaves neither processes nor files
 * nor shared memory. It runs as `postgres` or `nobody` when we are root. Its superuser, `postgres`,
 * gets in through the Unix socket in that folder, whoever may enter it; over TCP (loopback only)
 * there is one user with a password drawn for this run.
 *
 * Nothing that is thrown away need survive a crash, so fsync, synchronous_commit and
 * full_page_writes are off: what is measured is the work of the server and not the machine's disk.
 * autovacuum is off and checkpoints are far apart, for both come when they please. All of it can be
 * set otherwise by the scenario.
 *
 * All calls belong to one ring's thread. */
#ifndef POOLSTORM_RUN_CLUSTER_H
#define POOLSTORM_RUN_CLUSTER_H

#include "core/ctx.h"
#include "core/err.h"
#include "faults/guardian/guardian.h"
#include "plan/plan.h"
#include "run/folder.h"
#include "run/server.h"

#include <sched.h>
#include <stdint.h>
#include <sys/types.h>

#define CLUSTER_USER "poolstorm" /* whom the subject connects as */

enum { CLUSTER_PASSWORD_BYTES = 33 };

/* The caller's during the cluster's life. */
struct cluster_options {
    struct guardian *guardian;
    const struct plan *plan; /* for its database */
    const cpu_set_t *cpus;   /* to run on, or NULL */
    const char *log_path;    /* gets what server and tools have to say */
};

/* Zeroed: not started. */
struct cluster {
    struct cluster_options options;
    struct server server;
    struct folder folder;                  /* files and socket */
    struct guardian_lease *lease;          /* the server; NULL: it does not run */
    const char *user;                      /* it runs as, static; NULL: as we do */
    uid_t uid;                             /* of user */
    gid_t gid;                             /* likewise */
    uint16_t port;                         /* on 127.0.0.1 */
    char data[FOLDER_PATH_BYTES_MAX + 8];  /* folder of its files */
    char password[CLUSTER_PASSWORD_BYTES]; /* of CLUSTER_USER */
};

/* Starts a server and waits until it takes connections. On failure nothing is left. -ENOENT: there
 * is no server on this machine; -EINVAL: it refuses a setting of the plan, err says where; else
 * what went wrong with the end of its log; ctx's error. */
int cluster_start(struct ctx *ctx, struct cluster *cluster, const struct cluster_options *options,
                  struct err *err);

/* Starts it anew on its data after it ended by itself, on the same port. */
int cluster_restart(struct ctx *ctx, struct cluster *cluster, struct err *err);

/* Kills it and removes its files, whatever has been cancelled. Harmless when not started. */
void cluster_stop(struct cluster *cluster);

#endif
