/* SPDX-License-Identifier: MIT */
/* conn_pool_connect.c - opens connections as they are needed: how many, how many at once, and how
 * soon again after a failure. */
#include "subject/conn_pool_internal.h"

#include <errno.h>

static uint64_t minimum(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* How many connections are missing, those under way not counted; max_open may not allow as many.
 * What is being kept alive may take its time: it is as good as idle, but nobody waits for it. */
static uint64_t missing(const struct conn_pool *pool, size_t demand)
{
    const struct conn_pool_words *words = &pool->words;
    uint64_t checking = counter_read(&words->checking), open = counter_read(&words->open);
    uint64_t idle = counter_read(&words->idle) + counter_read(&words->keeping);
    uint64_t wanted = demand > checking ? demand - checking : 0;
    idle += checking > demand ? checking - demand : 0;
    wanted += pool->settings.min_idle > idle ? pool->settings.min_idle - idle : 0;
    uint64_t to_warm = pool->warm > open ? pool->warm - open : 0;
    return wanted > to_warm ? wanted : to_warm;
}

/* How many connectors there should be. */
static uint64_t connectors_wanted(const struct conn_pool *pool, size_t demand)
{
    const struct conn_pool_settings *settings = &pool->settings;
    uint64_t wanted =
        minimum(missing(pool, demand), settings->max_open - counter_read(&pool->words.open));
    return settings->connects_parallel ? minimum(wanted, settings->connects_parallel) : wanted;
}

/* Those in line; nobody is served while the pool is suspended. */
static size_t demand_now(const struct conn_pool *pool)
{
    return pool->state == POOL_RUNNING ? pool->waiters.length : 0;
}

/* ---- One connector --------------------------------------------------------------------------- */

/* Waits before another attempt, when the last ones failed. Counted for the pool and not for the
 * connector: whoever comes next must not begin at once again. */
static int hold_back(struct ctx *ctx, struct conn_pool *pool)
{
    const struct conn_pool_settings *settings = &pool->settings;
    if (pool->streak == 0)
        return ctx_error(ctx);
    if (settings->reconnect == CONN_RECONNECT_IMMEDIATE) {
        fiber_yield(); /* wrong, but not so wrong as to stop the thread */
        return ctx_error(ctx);
    }
    unsigned doublings = pool->streak - 1;
    uint64_t limit_ns = settings->backoff_max_ns;
    if (doublings < 63 && settings->backoff_ns <= limit_ns >> doublings)
        limit_ns = settings->backoff_ns << doublings;
    return fiber_sleep(ctx, rng_below(&pool->rng, limit_ns + 1));
}

/* Failures side by side are of one generation, and double the delay once. */
static void note_failure(struct conn_pool *pool, unsigned streak_before, const struct err *err)
{
    counter_add(&pool->words.connect_failures, 1);
    pool->connect_error = *err;
    if (streak_before + 1 > pool->streak)
        pool->streak = streak_before + 1;
    conn_pool_changed(pool);
}

/* One attempt. Answers what was opened, or NULL. */
static struct conn_slot *attempt(struct ctx *ctx, struct conn_pool *pool)
{
    struct ctx limit;
    struct err err = {0};
    void *conn = NULL;
    unsigned streak_before = pool->streak;
    uint64_t begun_ns = clock_now_ns();
    counter_add(&pool->words.connects, 1);
    ctx_init_deadline(&limit, ctx, clock_after(begun_ns, pool->settings.connect_timeout_ns));
    int rc = pool->driver->open(&limit, pool->user, &conn, &err);
    ctx_fini(&limit);
    uint64_t now_ns = clock_now_ns();
    counter_add(&pool->words.connect_ns, now_ns - begun_ns);
    if (rc) {
        if (!err.code)
            (void)err_sys(&err, rc, "connect");
        note_failure(pool, streak_before, &err);
        return NULL;
    }
    pool->streak = 0;
    pool->connect_error = (struct err){0};
    return slot_admit(pool, conn, now_ns);
}

/* Ends with one connection opened, or with none wanted any more. */
static void connect_one(struct ctx *ctx, void *arg)
{
    struct conn_pool *pool = arg;
    struct conn_slot *slot = NULL;
    while (!slot && hold_back(ctx, pool) == 0) {
        if (counter_read(&pool->words.connecting) > connectors_wanted(pool, demand_now(pool)))
            break;
        slot = attempt(ctx, pool);
    }
    gauge_down(&pool->words.connecting);
    if (slot)
        (void)slot_settle(slot, clock_now_ns(), false);
    conn_pool_feed(pool, 0);
    conn_pool_changed(pool);
}

/* ---- Supply ---------------------------------------------------------------------------------- */

/* Idle ones that must be looked at before somebody gets them, as many as are waited for. */
static void use_idle(struct conn_pool *pool, size_t demand)
{
    uint64_t now_ns = clock_now_ns();
    while (!list_empty(&pool->idle) && demand > counter_read(&pool->words.checking)) {
        struct conn_slot *slot = container_of(pool->idle.next, struct conn_slot, link);
        if (slot->expires_ns <= now_ns) {
            slot_retire(slot, &pool->words.retired_lifetime);
        } else if (now_ns < slot->fresh_ns && pool->waiters.length > 0) {
            (void)slot_settle(slot, now_ns, false); /* to the first in line */
            demand--;
        } else if (conn_pool_start_check(slot, SLOT_CHECKING)) {
            return; /* no memory for its fiber; upkeep comes back to it */
        }
    }
}

void conn_pool_feed(struct conn_pool *pool, size_t newcomers)
{
    if (pool->state == POOL_CLOSING)
        return;
    size_t demand = pool->state == POOL_RUNNING ? pool->waiters.length + newcomers : 0;
    if (demand > 0 && !list_empty(&pool->idle)) {
        use_idle(pool, demand);
        demand = pool->state == POOL_RUNNING ? pool->waiters.length + newcomers : 0;
    }
    uint64_t wanted = connectors_wanted(pool, demand);
    while (counter_read(&pool->words.connecting) < wanted) {
        if (group_spawn(&pool->group, "pool connect", connect_one, pool))
            return; /* no memory; upkeep comes back to it */
        gauge_up(&pool->words.connecting);
    }
}
