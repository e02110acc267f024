/* SPDX-License-Identifier: MIT */
/* conn_pool_pair.c - a connection borrowed and given back, and handed from one to the next. */
#include "core/group.h"
#include "micro/on_fiber.h"
#include "subject/conn_pool.h"

#include <stdbool.h>

/* a: connections; b: fibers that each borrow, let the others run, and give back. */
static const struct microbench_case rows[] = {{"uncontended", 20, 1},
                                              {"20_of_20", 20, 20},
                                              {"500_waiting", 20, 520},
                                              {"10000_waiting", 20, 10020},
                                              {0}};

/* Of all fibers of a pass, which run on one thread. */
struct turns {
    struct microbench_pass *pass;
    struct conn_pool *pool;
    bool go;       /* until then they only warm up */
    uint64_t left; /* loans to go; the last one stops the clock */
};

static int open_nothing(struct ctx *ctx, void *user, void **conn, struct err *err)
{
    (void)ctx, (void)err;
    *conn = user;
    return 0;
}

static void close_nothing(void *user, void *conn)
{
    (void)user, (void)conn;
}

static const struct conn_driver nothing = {.open = open_nothing, .close = close_nothing};

/* One borrower alone never lets go of the thread: the fast path and nothing else. */
static void borrow_alone(struct ctx *ctx, struct turns *turns)
{
    struct conn_lease lease;
    uint64_t count = microbench_begin(turns->pass);
    for (uint64_t i = 0; i < count; i++) {
        if (conn_pool_acquire(ctx, turns->pool, "benchmark", &lease))
            break;
        microbench_use(lease.conn);
        (void)conn_pool_release(turns->pool, &lease, CONN_GOOD);
    }
    microbench_end(turns->pass);
}

static void borrow_in_turns(struct ctx *ctx, void *arg)
{
    struct turns *turns = arg;
    struct conn_lease lease;
    while (!turns->go || turns->left > 0) {
        if (conn_pool_acquire(ctx, turns->pool, "benchmark", &lease))
            return;
        if (turns->go && turns->left > 0 && --turns->left == 0)
            microbench_end(turns->pass);
        fiber_yield();
        (void)conn_pool_release(turns->pool, &lease, CONN_GOOD);
    }
}

static void borrow_together(struct ctx *ctx, struct turns *turns)
{
    int64_t started = 0, fibers = turns->pass->row->b;
    struct group group;
    group_init(&group, ctx);
    while (started < fibers && group_spawn(&group, "turns", borrow_in_turns, turns) == 0)
        started++;
    for (int i = 0; i < 4; i++) /* they are in line, and have handed over once or twice */
        fiber_yield();
    if (started == fibers)
        turns->left = microbench_begin(turns->pass);
    else
        microbench_fail(turns->pass, "no memory for that many fibers");
    turns->go = true;
    (void)group_join(ctx, &group);
    (void)group_fini(&group);
}

static void body(struct ctx *ctx, void *arg)
{
    struct turns turns = {.pass = arg};
    struct conn_pool_settings settings = {0};
    static char conn;
    const struct conn_pool_options options = {
        .settings = &settings, .driver = &nothing, .user = &conn};
    if (param_defaults(conn_pool_params, &settings, NULL) == 0) {
        settings.max_open = (uint64_t)turns.pass->row->a;
        settings.prewarm = settings.max_open;
        settings.acquire_timeout_ns = 3600 * NS_PER_S;
    }
    if (conn_pool_create(&turns.pool, ctx, &options, NULL)) {
        microbench_fail(turns.pass, "no memory for the pool");
        return;
    }
    (void)conn_pool_prewarm(ctx, turns.pool, settings.max_open, NULL);
    if (turns.pass->row->b > 1)
        borrow_together(ctx, &turns);
    else
        borrow_alone(ctx, &turns);
    (void)conn_pool_destroy(turns.pool);
}

static void run(struct microbench_pass *pass)
{
    on_fiber(pass, body);
}

const struct microbench microbench_conn_pool_pair = {
    .name = "conn_pool/pair",
    .summary = "a connection acquired and released; with waiters, each is handed to the next fiber",
    .cases = rows,
    .run = run,
};
