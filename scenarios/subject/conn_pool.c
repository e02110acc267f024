/* SPDX-License-Identifier: MIT */
/* conn_pool.c - the connection pool's life, and where its connections are. */
#include "subject/conn_pool.h"

#include "subject/conn_pool_internal.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

/* ---- Slots ----------------------------------------------------------------------------------- */

/* NULL for SLOT_FREE, which has none. */
static counter_word *gauge_of(struct conn_pool *pool, enum slot_state state)
{
    struct conn_pool_words *words = &pool->words;
    counter_word *const gauges[] = {
        [SLOT_FREE] = NULL,
        [SLOT_IDLE] = &words->idle,
        [SLOT_HANDED] = &words->handed,
        [SLOT_LENT] = &words->in_use,
        [SLOT_CHECKING] = &words->checking,
        [SLOT_KEEPING] = &words->keeping,
        [SLOT_RESETTING] = &words->resetting,
    };
    return gauges[state];
}

void slot_move(struct conn_slot *slot, enum slot_state state)
{
    counter_word *from = gauge_of(slot->pool, slot->state), *to = gauge_of(slot->pool, state);
    if (slot->state == SLOT_IDLE)
        list_remove(&slot->link);
    if (from)
        gauge_down(from);
    if (to)
        gauge_up(to);
    slot->state = state;
}

/* span_ns, less a random part of share of it. */
static uint64_t jittered(struct conn_pool *pool, uint64_t span_ns, double share)
{
    return span_ns - (uint64_t)((double)span_ns * share * rng_unit(&pool->rng));
}

struct conn_slot *slot_admit(struct conn_pool *pool, void *conn, uint64_t now_ns)
{
    const struct conn_pool_settings *settings = &pool->settings;
    struct list *link = list_pop_front(&pool->free);
    assert(link || pool->slots_used < settings->max_open);
    struct conn_slot *slot =
        link ? container_of(link, struct conn_slot, link) : &pool->slots[pool->slots_used++];
    *slot = (struct conn_slot){.pool = pool, .conn = conn, .alive_ns = now_ns, .used_ns = now_ns};
    slot->expires_ns = CLOCK_NEVER;
    slot->keepalive_ns = CLOCK_NEVER;
    if (settings->max_lifetime_ns > 0)
        slot->expires_ns = clock_after(
            now_ns, jittered(pool, settings->max_lifetime_ns, settings->lifetime_jitter));
    if (settings->keepalive_ns > 0)
        slot->keepalive_ns = jittered(pool, settings->keepalive_ns, settings->keepalive_jitter);
    counter_add(&pool->words.opened, 1);
    gauge_up_peak(&pool->words.open, &pool->words.open_peak);
    if (counter_read(&pool->words.open) >= pool->warm)
        pool->warm = 0;
    return slot;
}

void slot_retire(struct conn_slot *slot, counter_word *why)
{
    struct conn_pool *pool = slot->pool;
    slot_move(slot, SLOT_FREE);
    void *conn = slot->conn;
    slot->conn = NULL;
    slot->serial = 0;
    list_push_front(&pool->free, &slot->link);
    gauge_down(&pool->words.open);
    counter_add(why, 1);
    pool->driver->close(pool->user, conn);
    conn_pool_changed(pool);
}

/* The list stays sorted, the last used first: what is used comes to its front at once. */
static void rest(struct conn_slot *slot)
{
    struct conn_pool *pool = slot->pool;
    slot_move(slot, SLOT_IDLE);
    struct list *before = pool->idle.next;
    while (before != &pool->idle &&
           container_of(before, struct conn_slot, link)->used_ns > slot->used_ns)
        before = before->next;
    list_push_back(before, &slot->link);
}

/* To the one whose turn it is. False when nobody waits. */
static bool hand_over(struct conn_slot *slot)
{
    struct conn_pool *pool = slot->pool;
    if (pool->waiters.length == 0)
        return false;
    slot_move(slot, SLOT_HANDED);
    if (pool->settings.order == CONN_ORDER_FIFO)
        (void)waitq_wake_one(&pool->waiters, slot);
    else if (pool->settings.order == CONN_ORDER_LIFO)
        (void)waitq_wake_last(&pool->waiters, slot);
    else
        (void)waitq_wake_nth(&pool->waiters, rng_below(&pool->rng, pool->waiters.length), slot);
    gauge_set(&pool->words.waiting, pool->waiters.length);
    return true;
}

/* What is to be closed for, NULL when it may live. */
static counter_word *verdict(const struct conn_slot *slot, uint64_t now_ns)
{
    struct conn_pool *pool = slot->pool;
    if (pool->state == POOL_CLOSING)
        return &pool->words.retired_end;
    if (slot->evicted)
        return &pool->words.retired_evicted;
    return slot->expires_ns <= now_ns ? &pool->words.retired_lifetime : NULL;
}

bool slot_settle(struct conn_slot *slot, uint64_t now_ns, bool used)
{
    struct conn_pool *pool = slot->pool;
    const struct conn_pool_settings *settings = &pool->settings;
    if (used)
        slot->used_ns = now_ns;
    slot->fresh_ns = slot->expires_ns;
    if (settings->validate && pool->driver->validate) {
        uint64_t sure_ns = clock_after(slot->alive_ns, settings->validate_idle_ns);
        slot->fresh_ns = sure_ns < slot->expires_ns ? sure_ns : slot->expires_ns;
    }
    counter_word *why = verdict(slot, now_ns);
    if (!why && pool->state == POOL_RUNNING && hand_over(slot))
        return true;
    if (!why && counter_read(&pool->words.idle) >= settings->max_idle)
        why = &pool->words.retired_excess;
    if (why)
        slot_retire(slot, why);
    else
        rest(slot);
    return !why;
}

static void retire_idle(struct conn_pool *pool, counter_word *why)
{
    while (!list_empty(&pool->idle))
        slot_retire(container_of(pool->idle.next, struct conn_slot, link), why);
}

/* ---- Life ------------------------------------------------------------------------------------ */

/* Hold times scatter: with finer entries each loan would find its own one out of the cache. */
#define HOLD_LOWEST_NS 128
enum { HOLD_DIGITS = 2 };

static int allocate(struct conn_pool **out, const struct conn_pool_settings *settings)
{
    unsigned bits = 4;
    while ((UINT64_C(1) << bits) < 16 * settings->max_open)
        bits++;
    size_t slots_bytes = settings->max_open * sizeof(struct conn_slot);
    struct conn_pool *pool = calloc(1, sizeof(*pool) + slots_bytes);
    uint16_t *holders = calloc((size_t)1 << bits, sizeof(*holders));
    struct hist *acquire_hist = NULL, *hold_hist = NULL;
    int rc = pool && holders ? 0 : -ENOMEM;
    if (!rc)
        rc = hist_create_default(&acquire_hist, NULL);
    if (!rc)
        rc = hist_create(&hold_hist, HOLD_LOWEST_NS, HIST_HIGHEST_NS, HOLD_DIGITS, NULL);
    if (rc) {
        hist_destroy(acquire_hist);
        free(holders);
        free(pool);
        return rc;
    }
    pool->holders = holders;
    pool->holders_shift = 64 - bits;
    pool->acquire_hist = acquire_hist;
    pool->hold_hist = hold_hist;
    *out = pool;
    return 0;
}

static void deallocate(struct conn_pool *pool)
{
    hist_destroy(pool->hold_hist);
    hist_destroy(pool->acquire_hist);
    free(pool->holders);
    free(pool);
}

int conn_pool_create(struct conn_pool **out, struct ctx *ctx,
                     const struct conn_pool_options *options, struct err *err)
{
    int rc = conn_pool_settings_check(options->settings, err);
    if (rc)
        return rc;
    struct conn_pool *pool;
    rc = allocate(&pool, options->settings);
    if (rc)
        return err_sys(err, rc, "allocate a connection pool");
    pool->settings = *options->settings;
    pool->driver = options->driver;
    pool->user = options->user;
    pool->report = options->report;
    pool->report_user = options->report_user;
    pool->warm = options->settings->prewarm;
    rng_init(&pool->rng, options->seed, 0);
    list_init(&pool->idle);
    list_init(&pool->free);
    waitq_init(&pool->waiters);
    waitq_init(&pool->watchers);
    group_init(&pool->group, ctx);
    rc = group_spawn(&pool->group, "pool upkeep", conn_pool_upkeep, pool);
    if (rc) {
        (void)group_fini(&pool->group); /* nobody is in it */
        deallocate(pool);
        return err_sys(err, rc, "start the upkeep of a connection pool");
    }
    conn_pool_feed(pool, 0);
    *out = pool;
    return 0;
}

void conn_pool_close_doors(struct conn_pool *pool)
{
    if (pool->state == POOL_CLOSING)
        return;
    pool->state = POOL_CLOSING;
    (void)waitq_wake_all(&pool->waiters);
    gauge_set(&pool->words.waiting, 0);
    retire_idle(pool, &pool->words.retired_end);
    group_cancel(&pool->group, "the connection pool closes");
    conn_pool_changed(pool);
}

/* Whatever must come back, or end, before the pool is empty. */
static bool is_busy(const struct conn_pool *pool)
{
    return counter_read(&pool->words.open) > 0 || counter_read(&pool->words.connecting) > 0 ||
           pool->inside > 0;
}

uint64_t conn_pool_drain(struct ctx *ctx, struct conn_pool *pool)
{
    conn_pool_close_doors(pool);
    while (is_busy(pool) && waitq_wait(ctx, &pool->watchers, NULL) == 0)
        continue;
    return counter_read(&pool->words.in_use) + counter_read(&pool->words.handed);
}

uint64_t conn_pool_destroy(struct conn_pool *pool)
{
    if (!pool)
        return 0;
    conn_pool_close_doors(pool);
    (void)group_join(NULL, &pool->group);
    (void)group_fini(&pool->group);
    while (pool->inside > 0) /* woken above, they only have to run */
        (void)waitq_wait(NULL, &pool->watchers, NULL);
    assert(pool->waiters.length == 0);
    assert(counter_read(&pool->words.handed) == 0);
    uint64_t leaked = 0;
    for (size_t i = 0; i < pool->slots_used; i++) {
        if (pool->slots[i].state == SLOT_FREE)
            continue;
        leaked++;
        slot_retire(&pool->slots[i], &pool->words.retired_end);
    }
    deallocate(pool);
    return leaked;
}

/* The most that can be open and at rest. */
static uint64_t warm_at_most(const struct conn_pool *pool)
{
    const struct conn_pool_settings *settings = &pool->settings;
    return settings->max_idle < settings->max_open ? settings->max_idle : settings->max_open;
}

/* A connect failed after the first `before` failures, and none has succeeded since. */
static int failed_since(const struct conn_pool *pool, uint64_t before, struct err *err)
{
    if (counter_read(&pool->words.connect_failures) <= before || !pool->connect_error.code)
        return 0;
    if (err)
        *err = pool->connect_error;
    return pool->connect_error.code;
}

int conn_pool_prewarm(struct ctx *ctx, struct conn_pool *pool, uint64_t count, struct err *err)
{
    uint64_t failures = counter_read(&pool->words.connect_failures);
    uint64_t target = count < warm_at_most(pool) ? count : warm_at_most(pool);
    int rc = 0;
    pool->inside++;
    while (!rc && counter_read(&pool->words.open) < target) {
        if (pool->state == POOL_CLOSING) {
            rc = err_set(err, -ESHUTDOWN, "the connection pool is closing");
            break;
        }
        pool->warm = target > pool->warm ? target : pool->warm;
        conn_pool_feed(pool, 0);
        rc = waitq_wait(ctx, &pool->watchers, NULL);
        if (rc)
            (void)err_set(err, rc, "opened %" PRIu64 " connections of %" PRIu64 " in time",
                          counter_read(&pool->words.open), target);
        else
            rc = failed_since(pool, failures, err);
    }
    pool->inside--;
    conn_pool_changed(pool);
    return rc;
}

void conn_pool_suspend(struct conn_pool *pool)
{
    if (pool->state == POOL_RUNNING)
        pool->state = POOL_SUSPENDED;
}

void conn_pool_resume(struct conn_pool *pool)
{
    if (pool->state != POOL_SUSPENDED)
        return;
    pool->state = POOL_RUNNING;
    conn_pool_feed(pool, 0);
}

void conn_pool_evict(struct conn_pool *pool)
{
    retire_idle(pool, &pool->words.retired_evicted);
    for (size_t i = 0; i < pool->slots_used; i++)
        pool->slots[i].evicted = pool->slots[i].state != SLOT_FREE;
    conn_pool_feed(pool, 0);
}
