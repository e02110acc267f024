/* SPDX-License-Identifier: MIT */
/* object_pool_figures.c - sums what each thread counted and looks at what rests. */
#include "subject/object_pool_internal.h"

static uint64_t read_count(const _Atomic(uint64_t) *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void figures_add_counters(struct object_pool_figures *figures,
                                 const struct object_pool_counters *counters)
{
    figures->misses += read_count(&counters->misses);
    figures->steals += read_count(&counters->steals);
    figures->revivals += read_count(&counters->revivals);
    figures->drops += read_count(&counters->drops);
    figures->drops_oversize += read_count(&counters->drops_oversize);
    figures->discards += read_count(&counters->discards);
    figures->made += read_count(&counters->made);
    figures->destroyed += read_count(&counters->destroyed);
    figures->reclaims += read_count(&counters->reclaims);
    figures->reclaimed += read_count(&counters->reclaimed);
}

static void figures_add_slot(struct object_pool_figures *figures,
                             const struct object_pool_entry *slot)
{
    if (!entry_object(slot))
        return;
    figures->retained_objects++;
    figures->retained_bytes += entry_bytes(slot);
}

static void figures_add_magazines(struct object_pool_figures *figures, struct magazine_store *store)
{
    uint32_t made = atomic_load_explicit(&store->made, memory_order_acquire);
    for (uint32_t number = 1; number <= made; number++) {
        const struct magazine *magazine = magazine_at(store, number);
        uint32_t count = magazine_count(magazine);
        figures->retained_objects += count;
        for (uint32_t i = 0; i < count; i++)
            figures->retained_bytes += magazine_bytes(magazine, i);
    }
}

/* Differences of counters read while others count are held at 0. */
static uint64_t less(uint64_t from, uint64_t what)
{
    return from > what ? from - what : 0;
}

void object_pool_figures(struct object_pool *pool, struct object_pool_figures *figures)
{
    *figures = (struct object_pool_figures){0};
    figures_add_counters(figures, &pool->counters);
    lock(&object_pool_registry);
    list_each(link, &pool->handles) {
        const struct handle *handle = container_of(link, struct handle, in_pool);
        figures_add_counters(figures, &handle->counters);
        figures->hits += read_count(&handle->local.turn) / 2;
        figures->puts += read_count(&handle->local.puts);
        figures_add_slot(figures, &handle->local.slot);
        figures_add_slot(figures, &handle->victim_slot);
    }
    unlock(&object_pool_registry);
    figures_add_magazines(figures, &pool->store);
    lock(&pool->grave_lock);
    figures->deferred_objects = pool->grave.length;
    figures->deferred_bytes = pool->grave.bytes;
    unlock(&pool->grave_lock);
    figures->gets = figures->hits + figures->misses;
    figures->puts += figures->drops;
    figures->live_objects = less(figures->made, figures->destroyed);
    figures->out_objects = less(figures->gets, figures->puts + figures->discards);
}
