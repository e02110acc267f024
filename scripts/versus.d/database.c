/* SPDX-License-Identifier: MIT */
/* database.c - one prepared SELECT over and over, by bare libpq or by fibers: CPU a query. */
#include "core/clock.h"
#include "core/group.h"
#include "core/io.h"
#include "core/ring.h"
#include "core/rng.h"
#include "postgres/pg.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>

#define STATEMENT "SELECT abalance FROM pgbench_accounts WHERE aid = $1"
#define LIMIT_NS  (5 * NS_PER_S)

struct job {
    const char *conninfo;
    size_t connections;
    uint64_t queries;   /* of all connections together */
    uint64_t accounts;  /* in pgbench_accounts */
    uint64_t left;      /* to be asked still */
    size_t ready;       /* connections that are open and prepared */
    struct waitq start; /* where they wait for each other */
    uint64_t wall_ns;   /* from the start to the last answer */
    struct rusage before;
    struct rng rng;
};

_Noreturn static void die(const char *what, const char *why)
{
    (void)fprintf(stderr, "database: %s: %s\n", what, why);
    exit(1);
}

static const char *next_account(struct job *job, char text[24])
{
    uint64_t account = 1 + rng_below(&job->rng, job->accounts);
    (void)snprintf(text, 24, "%" PRIu64, account);
    return text;
}

static void begin(struct job *job)
{
    job->left = job->queries;
    (void)getrusage(RUSAGE_SELF, &job->before);
    job->wall_ns = clock_now_ns();
}

static uint64_t ns_of(const struct timeval *after, const struct timeval *before)
{
    struct timeval span;
    timersub(after, before, &span);
    return (uint64_t)span.tv_sec * NS_PER_S + (uint64_t)span.tv_usec * NS_PER_US;
}

/* "user-ns system-ns wall-ns", each a query. */
static void end(struct job *job)
{
    struct rusage now;
    (void)getrusage(RUSAGE_SELF, &now);
    double queries = (double)job->queries;
    printf("%.1f %.1f %.1f\n", (double)ns_of(&now.ru_utime, &job->before.ru_utime) / queries,
           (double)ns_of(&now.ru_stime, &job->before.ru_stime) / queries,
           (double)(clock_now_ns() - job->wall_ns) / queries);
}

/* ---- Bare ------------------------------------------------------------------------------------ */

static void run_bare(struct job *job)
{
    PGconn *conn = PQconnectdb(job->conninfo);
    if (PQstatus(conn) != CONNECTION_OK)
        die("connect", PQerrorMessage(conn));
    PQclear(PQprepare(conn, "select", STATEMENT, 0, NULL));
    begin(job);
    for (; job->left > 0; job->left--) {
        char text[24];
        const char *values[] = {next_account(job, text)};
        PGresult *result = PQexecPrepared(conn, "select", 1, values, NULL, NULL, 0);
        if (PQntuples(result) != 1)
            die("query", PQerrorMessage(conn));
        PQclear(result);
    }
    end(job);
    PQfinish(conn);
}

/* ---- On fibers ------------------------------------------------------------------------------- */

static int ask(struct ctx *parent, struct job *job, struct pg *pg, struct err *err)
{
    char text[24];
    const char *values[] = {next_account(job, text)};
    PGresult *result;
    struct ctx ctx;
    ctx_init_timeout(&ctx, parent, LIMIT_NS);
    int rc = pg_exec_prepared(&ctx, pg, "select", 1, values, &result, err);
    ctx_fini(&ctx);
    if (!rc && PQntuples(result) != 1)
        rc = err_set(err, -ENOENT, "no such account");
    PQclear(result);
    return rc;
}

static void run_session(struct ctx *ctx, void *arg)
{
    struct job *job = arg;
    struct pg *pg;
    struct err err = {0};
    if (pg_connect(ctx, &pg, job->conninfo, NULL, &err) ||
        pg_prepare(ctx, pg, "select", STATEMENT, &err))
        die("connect", err.text);
    if (++job->ready == job->connections) {
        begin(job);
        (void)waitq_wake_all(&job->start);
    } else {
        (void)waitq_wait(ctx, &job->start, NULL);
    }
    while (job->left > 0) {
        job->left--;
        if (ask(ctx, job, pg, &err))
            die("query", err.text);
    }
    if (--job->ready == 0)
        end(job);
    pg_close(pg);
}

static void run_sessions(struct ctx *ctx, void *arg)
{
    struct job *job = arg;
    struct group group;
    group_init(&group, ctx);
    for (size_t i = 0; i < job->connections; i++)
        if (group_spawn(&group, "session", run_session, job))
            die("start", "out of memory");
    (void)group_join(ctx, &group);
    (void)group_fini(&group);
}

static void run_fibers(struct job *job)
{
    struct ring *ring;
    struct err err = {0};
    waitq_init(&job->start);
    if (ring_create(&ring, NULL, &err) || ring_run(ring, "versus", run_sessions, job, &err))
        die("ring", err.text);
    ring_destroy(ring);
}

int main(int count, char **words)
{
    if (count != 6)
        die("usage", "database bare|fibers CONNINFO CONNECTIONS QUERIES ACCOUNTS");
    struct job job = {
        .conninfo = words[2],
        .connections = strtoul(words[3], NULL, 10),
        .queries = strtoull(words[4], NULL, 10),
        .accounts = strtoull(words[5], NULL, 10),
    };
    rng_init(&job.rng, 1, 0);
    if (strcmp(words[1], "bare") == 0)
        run_bare(&job);
    else
        run_fibers(&job);
    return 0;
}
