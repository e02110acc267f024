/* SPDX-License-Identifier: MIT */
/* object_pool_reclaim.c - how resting objects grow old and are given up, now or a reclaim later. */
#include "subject/object_pool_internal.h"

#include <linux/membarrier.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

void object_pool_destroy_now(struct object_pool *pool, void *object)
{
    if (pool->options.destroy)
        pool->options.destroy(pool->options.user, object);
    else
        free(object);
    bump_shared(&pool->counters.destroyed, 1);
}

static bool grave_add(struct grave *grave, void *object, size_t bytes)
{
    if (grave->length == grave->room) {
        size_t room = grave->room ? grave->room * 2 : 64;
        struct object_pool_entry *entries = realloc(grave->entries, room * sizeof(*entries));
        if (!entries)
            return false;
        grave->entries = entries;
        grave->room = room;
    }
    entry_set(&grave->entries[grave->length++], object, bytes);
    grave->bytes += bytes;
    return true;
}

/* With deferred_destroy it lingers; destroyed at once when there is no memory to remember it in. */
void object_pool_give_up(struct object_pool *pool, void *object, size_t bytes)
{
    bool waits = false;
    if (pool->options.deferred_destroy) {
        lock(&pool->grave_lock);
        waits = grave_add(&pool->grave, object, bytes);
        unlock(&pool->grave_lock);
    }
    if (!waits)
        object_pool_destroy_now(pool, object);
}

void object_pool_bury(struct object_pool *pool, struct grave *grave)
{
    for (size_t i = 0; i < grave->length; i++)
        object_pool_destroy_now(pool, entry_object(&grave->entries[i]));
    free(grave->entries);
    *grave = (struct grave){0};
}

/* What a reclaim carries out of the locks. */
struct harvest {
    struct magazine *elders; /* chained by way of below */
    struct grave slots;      /* objects of private slots */
    struct grave deferred;   /* those given up before this reclaim */
    bool slots_spared;       /* no memory to carry them: they wait for the next reclaim */
};

/* Room for both slots of each handle, so that nothing can fail once the handles are shut. */
static void harvest_reserve(struct harvest *harvest, const struct object_pool *pool)
{
    size_t handles = 0;
    list_each(link, &pool->handles)
        handles++;
    harvest->slots.room = 2 * handles;
    harvest->slots.entries = calloc(2 * handles + 1, sizeof(*harvest->slots.entries));
    harvest->slots_spared = !harvest->slots.entries;
}

static void handles_shut(struct object_pool *pool, bool shut)
{
    list_each(link, &pool->handles) {
        struct object_pool_local *local = &container_of(link, struct handle, in_pool)->local;
        atomic_store_explicit(&local->shut, shut, memory_order_release);
    }
}

/* Shuts every thread out. After the barrier a thread either has seen that it is shut or has let its
 * odd turn be seen; the latter is inside for a few ns, or for as long as it is preempted. */
static void handles_claim(struct object_pool *pool)
{
    handles_shut(pool, true);
    int result = (int)syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
    assert(result == 0); /* the process has registered */
    (void)result;
    list_each(link, &pool->handles) {
        struct object_pool_local *local = &container_of(link, struct handle, in_pool)->local;
        while (atomic_load_explicit(&local->turn, memory_order_acquire) & 1)
            (void)sched_yield();
    }
}

static void harvest_elder(struct harvest *harvest, struct magazine *magazine)
{
    atomic_store_explicit(&magazine->below, harvest->elders ? harvest->elders->number : 0,
                          memory_order_relaxed);
    harvest->elders = magazine;
}

/* One magazine of the current generation grows old. */
static void magazine_age(struct harvest *harvest, struct object_pool *pool,
                         struct magazine *magazine)
{
    if (pool->options.victims_off)
        harvest_elder(harvest, magazine);
    else
        magazine_push(&pool->victims, magazine);
}

/* The owner may fill an empty slot meanwhile, so it is cleared only when it was seen full. */
static void slot_take(struct object_pool_entry *slot, struct grave *into)
{
    void *object = atomic_load_explicit(&slot->object, memory_order_acquire);
    if (!object)
        return;
    (void)grave_add(into, object, entry_bytes(slot)); /* there is room */
    slot_clear(slot);
}

static void slots_age(struct harvest *harvest, struct handle *handle)
{
    struct object_pool_entry *slot = &handle->local.slot;
    slot_take(&handle->victim_slot, &harvest->slots);
    if (handle->pool->options.victims_off) {
        slot_take(slot, &harvest->slots);
        return;
    }
    void *object = atomic_load_explicit(&slot->object, memory_order_acquire);
    if (!object)
        return;
    entry_set(&handle->victim_slot, object, entry_bytes(slot));
    slot_clear(slot);
}

static void handle_age(struct harvest *harvest, struct handle *handle)
{
    struct object_pool *pool = handle->pool;
    if (handle->victims)
        harvest_elder(harvest, handle->victims);
    handle->victims = NULL;
    if (handle->loaded && magazine_count(handle->loaded)) {
        magazine_age(harvest, pool, handle->loaded);
        handle->loaded = NULL;
    }
    if (handle->spare && magazine_count(handle->spare)) {
        magazine_age(harvest, pool, handle->spare);
        handle->spare = NULL;
    }
    if (!harvest->slots_spared)
        slots_age(harvest, handle);
}

/* The one moment of a reclaim: pointers move, no object is touched. */
static void harvest_collect(struct harvest *harvest, struct object_pool *pool)
{
    harvest_reserve(harvest, pool);
    lock(&pool->grave_lock);
    harvest->deferred = pool->grave;
    pool->grave = (struct grave){0};
    unlock(&pool->grave_lock);

    handles_claim(pool);
    harvest->elders = magazine_pop_all(&pool->victims, &pool->store);
    struct magazine *full = magazine_pop_all(&pool->full, &pool->store);
    list_each(link, &pool->handles)
        handle_age(harvest, container_of(link, struct handle, in_pool));
    while (full) {
        struct magazine *below = magazine_below(&pool->store, full);
        magazine_age(harvest, pool, full);
        full = below;
    }
    handles_shut(pool, false);
}

/* Gives up what the harvest holds and passes its magazines on. Answers how many objects that was.
 */
static uint64_t harvest_spend(struct harvest *harvest, struct object_pool *pool)
{
    uint64_t objects = harvest->slots.length;
    for (size_t i = 0; i < harvest->slots.length; i++) {
        const struct object_pool_entry *entry = &harvest->slots.entries[i];
        object_pool_give_up(pool, entry_object(entry), entry_bytes(entry));
    }
    free(harvest->slots.entries);
    while (harvest->elders) {
        struct magazine *magazine = harvest->elders;
        harvest->elders = magazine_below(&pool->store, magazine);
        while (magazine_count(magazine)) {
            size_t bytes = magazine_bytes(magazine, magazine_count(magazine) - 1);
            object_pool_give_up(pool, magazine_take(magazine), bytes);
            objects++;
        }
        magazine_push(&pool->empty, magazine);
    }
    return objects;
}

void object_pool_reclaim(struct object_pool *pool)
{
    struct harvest harvest = {0};
    lock(&object_pool_registry);
    harvest_collect(&harvest, pool);
    unlock(&object_pool_registry);
    bump_shared(&pool->counters.reclaimed, harvest_spend(&harvest, pool));
    bump_shared(&pool->counters.reclaims, 1);
    object_pool_bury(pool, &harvest.deferred);
}
