/* SPDX-License-Identifier: MIT */
/* conn_pool_upkeep.c - what has to be done in time: idleness, age, keepalive, leaks.
 *
 * One fiber looks at all connections and then sleeps until the next thing is due. Borrowing and
 * giving back never tell it: whatever they begin is due no earlier than the shortest span there is,
 * and it never sleeps longer than that. */
#include "subject/conn_pool_internal.h"

#define LOOK_AGAIN_MIN_NS NS_PER_MS /* things due closer together are done together */
#define LOOK_AGAIN_MAX_NS NS_PER_S  /* for what could not be done at once, for want of memory */

static void due_at(uint64_t *next_ns, uint64_t at_ns)
{
    if (at_ns < *next_ns)
        *next_ns = at_ns;
}

/* True when the slot is idle still. */
static bool look_at_idle(struct conn_slot *slot, uint64_t now_ns, uint64_t *next_ns)
{
    struct conn_pool *pool = slot->pool;
    const struct conn_pool_settings *settings = &pool->settings;
    uint64_t keepalive_at_ns = clock_after(slot->alive_ns, slot->keepalive_ns);
    uint64_t idle_until_ns = CLOCK_NEVER;
    if (settings->idle_timeout_ns > 0 && counter_read(&pool->words.idle) > settings->min_idle)
        idle_until_ns = clock_after(slot->used_ns, settings->idle_timeout_ns);
    if (slot->expires_ns <= now_ns) {
        slot_retire(slot, &pool->words.retired_lifetime);
        return false;
    }
    if (idle_until_ns <= now_ns) {
        slot_retire(slot, &pool->words.retired_idle);
        return false;
    }
    if (keepalive_at_ns <= now_ns && pool->driver->validate &&
        conn_pool_start_check(slot, SLOT_KEEPING) == 0)
        return false;
    due_at(next_ns, slot->expires_ns);
    due_at(next_ns, idle_until_ns);
    due_at(next_ns, keepalive_at_ns);
    return true;
}

/* The longest unused first, so that it is those that go. */
static void look_at_all_idle(struct conn_pool *pool, uint64_t now_ns, uint64_t *next_ns)
{
    for (struct list *link = pool->idle.prev; link != &pool->idle;) {
        struct list *before = link->prev;
        (void)look_at_idle(container_of(link, struct conn_slot, link), now_ns, next_ns);
        link = before;
    }
}

static void suspect(struct conn_slot *slot, uint64_t now_ns)
{
    slot->suspected = true;
    counter_add(&slot->pool->words.leaks_suspected, 1);
    conn_pool_report(slot->pool, &(struct conn_report){.kind = CONN_REPORT_LEAK,
                                                       .where = slot->where,
                                                       .fiber = slot->fiber,
                                                       .at_ns = now_ns,
                                                       .held_ns = now_ns - slot->lent_ns});
}

static void look_for_leaks(struct conn_pool *pool, uint64_t now_ns, uint64_t *next_ns)
{
    for (size_t i = 0; i < pool->slots_used; i++) {
        struct conn_slot *slot = &pool->slots[i];
        if (slot->state != SLOT_LENT || slot->suspected)
            continue;
        uint64_t at_ns = clock_after(slot->lent_ns, pool->settings.leak_threshold_ns);
        if (at_ns <= now_ns)
            suspect(slot, now_ns);
        else
            due_at(next_ns, at_ns);
    }
}

/* The shortest time in which something could become due that isn't there yet. */
static uint64_t shortest_span_ns(const struct conn_pool_settings *settings)
{
    const uint64_t spans_ns[] = {
        settings->idle_timeout_ns,
        settings->leak_threshold_ns,
        (uint64_t)((double)settings->max_lifetime_ns * (1 - settings->lifetime_jitter)),
        (uint64_t)((double)settings->keepalive_ns * (1 - settings->keepalive_jitter)),
    };
    uint64_t shortest_ns = LOOK_AGAIN_MAX_NS;
    for (size_t i = 0; i < sizeof(spans_ns) / sizeof(*spans_ns); i++)
        if (spans_ns[i] > 0 && spans_ns[i] < shortest_ns)
            shortest_ns = spans_ns[i];
    return shortest_ns;
}

void conn_pool_upkeep(struct ctx *ctx, void *arg)
{
    struct conn_pool *pool = arg;
    uint64_t span_ns = shortest_span_ns(&pool->settings), next_ns;
    do {
        uint64_t now_ns = clock_now_ns();
        next_ns = clock_after(now_ns, span_ns);
        look_at_all_idle(pool, now_ns, &next_ns);
        if (pool->settings.leak_threshold_ns > 0)
            look_for_leaks(pool, now_ns, &next_ns);
        conn_pool_feed(pool, 0);
        if (next_ns < now_ns + LOOK_AGAIN_MIN_NS)
            next_ns = now_ns + LOOK_AGAIN_MIN_NS;
    } while (fiber_sleep_until(ctx, next_ns) == 0);
    conn_pool_close_doors(pool); /* the pool's ctx has ended, or it is being closed */
}
