/* SPDX-License-Identifier: MIT */
/* database.c - one prepared SELECT over and over, by bare libpq and by ours: CPU a query. */
#include "core/clock.h"
#include "core/group.h"
#include "core/ring.h"
#include "core/rng.h"
#include "postgres/pg.h"
#include "subject/conn_pool.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STATEMENT "SELECT abalance FROM pgbench_accounts WHERE aid = $1"
#define LIMIT_NS  (5 * NS_PER_S)

enum { BLOCK_QUERIES = 100 }; /* some milliseconds: short beside what disturbs a machine */

struct job {
    const char *conninfo;
    size_t connections;
    uint64_t queries;       /* of each contender, all connections together */
    uint64_t accounts;      /* in pgbench_accounts */
    uint64_t left;          /* to be asked still */
    PGconn *bare;           /* libpq's own, blocking */
    struct pg *session;     /* ours, used directly */
    struct conn_pool *pool; /* of ours */
    struct rng rng;
};

/* CPU of the process and time, at a moment or between two. */
struct cost {
    uint64_t cpu_ns, wall_ns;
};

_Noreturn static void die(const char *what, const char *why)
{
    (void)fprintf(stderr, "database: %s: %s\n", what, why);
    exit(1);
}

static struct cost cost_now(void)
{
    struct timespec cpu;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    return (struct cost){(uint64_t)cpu.tv_sec * NS_PER_S + (uint64_t)cpu.tv_nsec, clock_now_ns()};
}

/* "NAME cpu-ns wall-ns", each a query. */
static void print_cost(const char *name, struct cost before, uint64_t queries)
{
    struct cost now = cost_now();
    printf("%s %.1f %.1f\n", name, (double)(now.cpu_ns - before.cpu_ns) / (double)queries,
           (double)(now.wall_ns - before.wall_ns) / (double)queries);
}

/* ---- The contenders -------------------------------------------------------------------------- */

static int ask_bare(struct ctx *ctx, struct job *job, const char *const *values, PGresult **out,
                    struct err *err)
{
    (void)ctx;
    *out = PQexecPrepared(job->bare, "select", 1, values, NULL, NULL, 0);
    return PQresultStatus(*out) == PGRES_TUPLES_OK
               ? 0
               : err_set(err, -EREMOTEIO, "%s", PQerrorMessage(job->bare));
}

static int ask_session(struct ctx *parent, struct job *job, const char *const *values,
                       PGresult **out, struct err *err)
{
    struct ctx ctx;
    ctx_init_timeout(&ctx, parent, LIMIT_NS);
    int rc = pg_exec_prepared(&ctx, job->session, "select", 1, values, out, err);
    ctx_fini(&ctx);
    return rc;
}

/* As a request of the service does it. */
static int ask_pool(struct ctx *parent, struct job *job, const char *const *values, PGresult **out,
                    struct err *err)
{
    struct conn_lease lease;
    struct ctx ctx;
    ctx_init_timeout(&ctx, parent, LIMIT_NS);
    int rc = conn_pool_acquire(&ctx, job->pool, "versus", &lease);
    if (rc)
        die("acquire", strerror(-rc));
    rc = pg_exec_prepared(&ctx, lease.conn, "select", 1, values, out, err);
    (void)conn_pool_release(job->pool, &lease, rc ? CONN_BROKEN : CONN_GOOD);
    ctx_fini(&ctx);
    return rc;
}

static const struct contender {
    const char *name;
    int (*ask)(struct ctx *ctx, struct job *job, const char *const *values, PGresult **out,
               struct err *err);
} contenders[] = {{"bare", ask_bare}, {"session", ask_session}, {"pool", ask_pool}};

enum { CONTENDERS = sizeof(contenders) / sizeof(*contenders) };

static void ask(const struct contender *contender, struct ctx *ctx, struct job *job)
{
    char text[24];
    const char *values[] = {text};
    PGresult *result;
    struct err err = {0};
    (void)snprintf(text, sizeof(text), "%" PRIu64, 1 + rng_below(&job->rng, job->accounts));
    if (contender->ask(ctx, job, values, &result, &err))
        die("query", err.text);
    if (PQntuples(result) != 1)
        die("query", "no such account");
    PQclear(result);
}

/* ---- Connecting ------------------------------------------------------------------------------ */

static int open_session(struct ctx *ctx, void *user, void **conn, struct err *err)
{
    const struct job *job = user;
    struct pg *pg;
    int rc = pg_connect(ctx, &pg, job->conninfo, NULL, err);
    if (!rc)
        rc = pg_prepare(ctx, pg, "select", STATEMENT, err);
    *conn = pg;
    return rc;
}

static void close_session(void *user, void *conn)
{
    (void)user;
    pg_close(conn);
}

static const struct conn_driver driver = {.open = open_session, .close = close_session};

static void open_pool(struct ctx *ctx, struct job *job)
{
    struct err err = {0};
    struct conn_pool_settings settings = {0};
    const struct conn_pool_options options = {
        .settings = &settings, .driver = &driver, .user = job};
    if (param_defaults(conn_pool_params, &settings, &err))
        die("pool", err.text);
    settings.max_open = job->connections;
    if (conn_pool_create(&job->pool, ctx, &options, &err) ||
        conn_pool_prewarm(ctx, job->pool, job->connections, &err))
        die("pool", err.text);
}

static void open_bare(struct job *job)
{
    job->bare = PQconnectdb(job->conninfo);
    if (PQstatus(job->bare) != CONNECTION_OK)
        die("connect", PQerrorMessage(job->bare));
    PQclear(PQprepare(job->bare, "select", STATEMENT, 0, NULL));
}

/* ---- All of them in turns, one connection each ----------------------------------------------- */

static void run_block(const struct contender *contender, struct ctx *ctx, struct job *job)
{
    struct cost before = cost_now();
    for (int i = 0; i < BLOCK_QUERIES; i++)
        ask(contender, ctx, job);
    print_cost(contender->name, before, BLOCK_QUERIES);
}

/* Short blocks in one process, so that all meet the same machine. */
static void run_in_turns(struct ctx *ctx, void *arg)
{
    struct job *job = arg;
    struct err err = {0};
    void *session;
    open_bare(job);
    open_pool(ctx, job);
    if (open_session(ctx, job, &session, &err))
        die("connect", err.text);
    job->session = session;
    for (size_t i = 0; i < CONTENDERS; i++)
        for (int warm = 0; warm < BLOCK_QUERIES; warm++)
            ask(&contenders[i], ctx, job);
    for (uint64_t done = 0; done < job->queries; done += BLOCK_QUERIES)
        for (size_t i = 0; i < CONTENDERS; i++)
            run_block(&contenders[(i + done / BLOCK_QUERIES) % CONTENDERS], ctx, job);
    pg_close(job->session);
    (void)conn_pool_destroy(job->pool);
    PQfinish(job->bare);
}

/* ---- The pool with several ------------------------------------------------------------------- */

static void run_borrower(struct ctx *ctx, void *arg)
{
    struct job *job = arg;
    while (job->left > 0) {
        job->left--;
        ask(&contenders[CONTENDERS - 1], ctx, job);
    }
}

static void run_pool(struct ctx *ctx, void *arg)
{
    struct job *job = arg;
    struct group group;
    open_pool(ctx, job);
    job->left = job->queries;
    struct cost before = cost_now();
    group_init(&group, ctx);
    for (size_t i = 0; i < job->connections; i++)
        if (group_spawn(&group, "borrower", run_borrower, job))
            die("start", "out of memory");
    (void)group_join(ctx, &group);
    print_cost("pool", before, job->queries);
    (void)group_fini(&group);
    (void)conn_pool_destroy(job->pool);
}

int main(int count, char **words)
{
    if (count != 5)
        die("usage", "database CONNINFO CONNECTIONS QUERIES ACCOUNTS");
    struct ring *ring;
    struct err err = {0};
    struct job job = {
        .conninfo = words[1],
        .connections = strtoul(words[2], NULL, 10),
        .queries = strtoull(words[3], NULL, 10),
        .accounts = strtoull(words[4], NULL, 10),
    };
    rng_init(&job.rng, 1, 0);
    if (ring_create(&ring, NULL, &err) ||
        ring_run(ring, "versus", job.connections > 1 ? run_pool : run_in_turns, &job, &err))
        die("ring", err.text);
    ring_destroy(ring);
    return 0;
}
