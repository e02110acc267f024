/* SPDX-License-Identifier: MIT */
/* conn_pool_check.c - validates and resets connections, each in a fiber of the pool's. */
#include "subject/conn_pool_internal.h"

static counter_word *why_closed(struct conn_pool *pool, enum slot_state state)
{
    if (pool->state == POOL_CLOSING)
        return &pool->words.retired_end;
    return state == SLOT_RESETTING ? &pool->words.retired_reset : &pool->words.retired_validation;
}

static void check(struct ctx *ctx, void *arg)
{
    struct conn_slot *slot = arg;
    struct conn_pool *pool = slot->pool;
    const struct conn_driver *driver = pool->driver;
    enum slot_state state = slot->state;
    struct ctx limit;
    ctx_init_timeout(&limit, ctx, pool->settings.validation_timeout_ns);
    int rc = state == SLOT_RESETTING ? driver->reset(&limit, pool->user, slot->conn, NULL)
                                     : driver->validate(&limit, pool->user, slot->conn, NULL);
    ctx_fini(&limit);
    bool kept = false;
    if (rc) {
        slot_retire(slot, why_closed(pool, state));
    } else {
        slot->alive_ns = clock_now_ns();
        kept = slot_settle(slot, slot->alive_ns, false);
    }
    if (!kept)
        conn_pool_feed(pool, 0);
}

int conn_pool_start_check(struct conn_slot *slot, enum slot_state state)
{
    struct conn_pool *pool = slot->pool;
    int rc = group_spawn(&pool->group, "pool check", check, slot);
    if (rc)
        return rc;
    slot_move(slot, state);
    counter_add(state == SLOT_RESETTING  ? &pool->words.resets
                : state == SLOT_CHECKING ? &pool->words.validations
                                         : &pool->words.keepalives,
                1);
    return 0;
}
