/* SPDX-License-Identifier: MIT */
/* conn_pool_lease.c - borrowing a connection and giving it back. */
#include "subject/conn_pool_internal.h"

#include <errno.h>

/* ---- Who holds one already ------------------------------------------------------------------- */

static uint16_t *holder_count(struct conn_pool *pool, const struct fiber *fiber)
{
    uint64_t hash = (uint64_t)(uintptr_t)fiber * UINT64_C(0x9e3779b97f4a7c15);
    return &pool->holders[hash >> pool->holders_shift];
}

/* Marks what self holds as held by one that waits, or no longer. Answers how many that are. */
static size_t mark_held(struct conn_pool *pool, const struct fiber *self, bool waits)
{
    size_t held = 0;
    for (size_t i = 0; i < pool->slots_used; i++) {
        struct conn_slot *slot = &pool->slots[i];
        if (slot->state == SLOT_LENT && slot->holder == self) {
            slot->holder_waits = waits;
            held++;
        }
    }
    return held;
}

static bool holds_one(const struct conn_pool *pool, const struct fiber *self)
{
    for (size_t i = 0; i < pool->slots_used; i++)
        if (pool->slots[i].state == SLOT_LENT && pool->slots[i].holder == self)
            return true;
    return false;
}

/* Counts a fiber that acquires while it holds one. The table of counts answers mostly no, at once.
 */
static bool note_nested(struct conn_pool *pool, const struct fiber *self)
{
    if (__builtin_expect(*holder_count(pool, self) == 0, 1) || !holds_one(pool, self))
        return false;
    counter_add(&pool->words.nested, 1);
    return true;
}

/* Every connection there may be is held by a fiber in line: only a timeout resolves that. */
static void look_for_deadlock(struct conn_pool *pool, const char *where)
{
    for (size_t i = 0; i < pool->settings.max_open; i++)
        if (pool->slots[i].state != SLOT_LENT || !pool->slots[i].holder_waits)
            return;
    counter_add(&pool->words.deadlocks, 1);
    conn_pool_report(pool, &(struct conn_report){.kind = CONN_REPORT_DEADLOCK,
                                                 .where = where,
                                                 .fiber = fiber_name(fiber_self()),
                                                 .at_ns = clock_now_ns()});
}

/* ---- Acquire --------------------------------------------------------------------------------- */

/* The slot must be neither idle nor lent. begun_ns: when acquire was called. */
static void lend(struct conn_slot *slot, struct conn_lease *lease, const char *where,
                 uint64_t begun_ns, uint64_t now_ns)
{
    struct conn_pool *pool = slot->pool;
    struct conn_pool_words *words = &pool->words;
    struct fiber *self = fiber_self();
    uint64_t span_ns = now_ns - begun_ns;
    slot->state = SLOT_LENT;
    slot->serial = ++pool->serial;
    slot->lent_ns = now_ns;
    slot->where = where;
    slot->holder = self;
    slot->fiber = fiber_name(self);
    slot->suspected = slot->holder_waits = false;
    (*holder_count(pool, self))++;
    gauge_up_peak(&words->in_use, &words->in_use_peak);
    counter_add(&words->acquired, 1);
    counter_add(&words->acquire_buckets[conn_pool_bucket(span_ns)], 1);
    counter_add(&words->acquire_ns, span_ns);
    hist_record(pool->acquire_hist, span_ns);
    *lease = (struct conn_lease){slot->conn, slot, slot->serial};
}

/* The first idle one that may be lent unchecked; those on the way that are too old are closed. */
static struct conn_slot *take_fresh(struct conn_pool *pool, uint64_t now_ns)
{
    while (!list_empty(&pool->idle)) {
        struct conn_slot *slot = container_of(pool->idle.next, struct conn_slot, link);
        if (__builtin_expect(now_ns < slot->fresh_ns, 1)) {
            list_remove(&slot->link);
            gauge_down(&pool->words.idle);
            return slot;
        }
        if (now_ns < slot->expires_ns)
            return NULL; /* the others were used even longer ago */
        slot_retire(slot, &pool->words.retired_lifetime);
    }
    return NULL;
}

/* Stands in line under patience. 0 with a slot handed over, or NULL when the pool closes. */
static int stand_in_line(struct ctx *patience, struct conn_pool *pool, const char *where,
                         bool nested, void **gift)
{
    const struct fiber *self = fiber_self();
    conn_pool_feed(pool, 1);
    if (nested && mark_held(pool, self, true) > 0)
        look_for_deadlock(pool, where);
    gauge_set(&pool->words.waiting, pool->waiters.length + 1);
    if (pool->waiters.length + 1 > counter_read(&pool->words.waiting_peak))
        gauge_set(&pool->words.waiting_peak, pool->waiters.length + 1);
    pool->inside++;
    int rc = waitq_wait(patience, &pool->waiters, gift);
    pool->inside--;
    gauge_set(&pool->words.waiting, pool->waiters.length);
    if (nested)
        (void)mark_held(pool, self, false);
    return rc;
}

/* A borrower that got a connection when it no longer wanted it. */
static void pass_on(struct conn_slot *slot, uint64_t now_ns)
{
#ifdef CONN_POOL_LOSE_HAND_OVER
    (void)slot, (void)now_ns; /* for the test of the test: the classic mistake */
#else
    struct conn_pool *pool = slot->pool;
    counter_add(&pool->words.returned, 1);
    if (!slot_settle(slot, now_ns, false))
        conn_pool_feed(pool, 0);
#endif
}

/* The slow way. begun_ns: when acquire was called. */
static int wait_for_one(struct ctx *ctx, struct conn_pool *pool, const char *where, bool nested,
                        uint64_t begun_ns, struct conn_lease *lease)
{
    struct conn_pool_words *words = &pool->words;
    uint64_t timeout_ns = pool->settings.acquire_timeout_ns;
    struct ctx patience;
    void *gift = NULL;
    ctx_init_deadline(&patience, ctx, timeout_ns ? clock_after(begun_ns, timeout_ns) : CLOCK_NEVER);
    int rc = stand_in_line(&patience, pool, where, nested, &gift);
    ctx_fini(&patience);
    uint64_t now_ns = clock_now_ns();
    struct conn_slot *slot = gift;
    counter_add(&words->waits, 1);
    counter_add(&words->wait_ns, now_ns - begun_ns);
    if (ctx_error(ctx)) {
        rc = ctx_error(ctx);
        counter_add(&words->cancelled, 1);
        if (slot)
            pass_on(slot, now_ns);
    } else if (rc) {
        rc = -EAGAIN;
        counter_add(&words->timeouts, 1);
    } else if (!slot) {
        rc = -ESHUTDOWN;
        counter_add(&words->refused, 1);
    } else {
        gauge_down(&words->handed);
        lend(slot, lease, where, begun_ns, now_ns);
    }
    conn_pool_changed(pool);
    return rc;
}

int conn_pool_acquire(struct ctx *ctx, struct conn_pool *pool, const char *where,
                      struct conn_lease *lease)
{
    *lease = (struct conn_lease){0};
    if (ctx_error(ctx)) {
        counter_add(&pool->words.cancelled, 1);
        return ctx_error(ctx);
    }
    if (pool->state == POOL_CLOSING) {
        counter_add(&pool->words.refused, 1);
        return -ESHUTDOWN;
    }
    bool nested = note_nested(pool, fiber_self());
    uint64_t now_ns = clock_now_ns();
    if (pool->state == POOL_RUNNING && pool->waiters.length == 0) {
        struct conn_slot *slot = take_fresh(pool, now_ns);
        if (slot) {
            counter_add(&pool->words.immediate, 1);
            lend(slot, lease, where ? where : "", now_ns, now_ns);
            if (__builtin_expect(counter_read(&pool->words.idle) < pool->settings.min_idle, 0))
                conn_pool_feed(pool, 0);
            return 0;
        }
    }
    return wait_for_one(ctx, pool, where ? where : "", nested, now_ns, lease);
}

/* ---- Release --------------------------------------------------------------------------------- */

static bool is_current(const struct conn_lease *lease)
{
    return lease->slot && lease->serial != 0 && lease->slot->serial == lease->serial;
}

/* What a lease that has ended can still tell: its slot may be with someone else by now. */
static void report_misuse(struct conn_pool *pool, enum conn_report_kind kind)
{
    const struct fiber *self = fiber_self();
    counter_add(&pool->words.misuses, 1);
    conn_pool_report(pool, &(struct conn_report){.kind = kind,
                                                 .where = "",
                                                 .fiber = self ? fiber_name(self) : "",
                                                 .at_ns = clock_now_ns()});
}

void *conn_pool_use(struct conn_pool *pool, const struct conn_lease *lease)
{
    if (is_current(lease))
        return lease->slot->conn;
    report_misuse(pool, CONN_REPORT_USE_AFTER_RELEASE);
    return NULL;
}

void conn_pool_disown(struct conn_pool *pool, const struct conn_lease *lease)
{
    if (!is_current(lease))
        return;
    struct conn_slot *slot = lease->slot;
    (*holder_count(pool, slot->holder))--;
    slot->holder = NULL;
    slot->holder_waits = false;
    (*holder_count(pool, NULL))++;
}

static void clear_suspicion(struct conn_slot *slot, uint64_t now_ns)
{
    counter_add(&slot->pool->words.leaks_returned, 1);
    conn_pool_report(slot->pool, &(struct conn_report){.kind = CONN_REPORT_LEAK_RETURNED,
                                                       .where = slot->where,
                                                       .fiber = slot->fiber,
                                                       .at_ns = now_ns,
                                                       .held_ns = now_ns - slot->lent_ns});
}

/* The loan is over; the slot is lent still. */
static void end_loan(struct conn_slot *slot, uint64_t now_ns)
{
    struct conn_pool *pool = slot->pool;
    struct conn_pool_words *words = &pool->words;
    uint64_t span_ns = now_ns - slot->lent_ns;
    (*holder_count(pool, slot->holder))--;
    slot->serial = 0;
    counter_add(&words->released, 1);
    counter_add(&words->hold_buckets[conn_pool_bucket(span_ns)], 1);
    counter_add(&words->hold_ns, span_ns);
    hist_record(pool->hold_hist, span_ns);
    if (__builtin_expect(slot->suspected, 0))
        clear_suspicion(slot, now_ns);
}

/* With validate_idle 0 not even what goes straight from one borrower to the next is unchecked. */
static bool wants_check(const struct conn_pool *pool)
{
    return pool->settings.validate && pool->settings.validate_idle_ns == 0 &&
           pool->driver->validate && pool->waiters.length > 0;
}

/* False when the connection was closed. */
static bool take_back(struct conn_slot *slot, enum conn_state state, uint64_t now_ns)
{
    struct conn_pool *pool = slot->pool;
    if (state == CONN_BROKEN || (state == CONN_DIRTY && !pool->driver->reset)) {
        counter_add(&pool->words.broken, 1);
        slot_retire(slot, &pool->words.retired_error);
        return false;
    }
    bool doomed = slot->evicted || slot->expires_ns <= now_ns || pool->state == POOL_CLOSING;
    bool wants_reset = state == CONN_DIRTY || pool->settings.reset;
    bool resets = !doomed && wants_reset && pool->driver->reset;
    if (!resets && (doomed || !wants_check(pool))) {
        slot->alive_ns = now_ns;
        return slot_settle(slot, now_ns, true);
    }
    slot->used_ns = now_ns;
    if (conn_pool_start_check(slot, resets ? SLOT_RESETTING : SLOT_CHECKING) == 0)
        return true;
    /* No memory for its fiber. */
    slot_retire(slot, resets ? &pool->words.retired_reset : &pool->words.retired_validation);
    return false;
}

int conn_pool_release(struct conn_pool *pool, struct conn_lease *lease, enum conn_state state)
{
    lease->conn = NULL;
    if (__builtin_expect(!is_current(lease), 0)) {
        report_misuse(pool, CONN_REPORT_DOUBLE_RELEASE);
        return -EALREADY;
    }
    uint64_t now_ns = clock_now_ns();
    end_loan(lease->slot, now_ns);
    if (!take_back(lease->slot, state, now_ns))
        conn_pool_feed(pool, 0);
    return 0;
}
