/* SPDX-License-Identifier: MIT */
/* object_pool_internal.h - what the object pool's own files share: its structs and small steps. */
#ifndef POOLSTORM_SUBJECT_OBJECT_POOL_INTERNAL_H
#define POOLSTORM_SUBJECT_OBJECT_POOL_INTERNAL_H

#include "core/list.h"
#include "subject/magazine.h"
#include "subject/object_pool.h"

#include <assert.h>
#include <pthread.h>

struct thread_cache;

/* Counted by one thread each, or by anyone in the pool's own; summed by readers. */
struct object_pool_counters {
    _Atomic(uint64_t) misses, steals, revivals, drops, drops_oversize, discards;
    _Atomic(uint64_t) made, destroyed, reclaims, reclaimed;
};

/* One thread's part of one pool. It outlives its thread, with what could not be passed on, and is
 * taken over by the next thread that comes to the pool. */
struct handle {
    _Alignas(64) struct object_pool_local local; /* first: the pointer users hold */
    struct object_pool *pool;                    /* it belongs to */
    struct magazine *loaded;                     /* puts and gets go here; may be NULL */
    struct magazine *spare;                      /* full, empty or NULL: the other way to turn */
    struct magazine *victims;                    /* being used up, never filled; may be NULL */
    struct object_pool_entry victim_slot;        /* what was in the slot at the last reclaim */
    uint64_t serial;                             /* of this handle, unique in the process */
    struct object_pool_counters counters;        /* the owner's */
    struct thread_cache *owner;                  /* NULL: its thread has ended */
    struct list in_pool, in_thread;              /* under object_pool_registry */
};

static_assert(sizeof(struct object_pool_local) <= 64, "the fast path keeps to one cache line");

/* Objects given up whose destruction waits for the next reclaim. */
struct grave {
    struct object_pool_entry *entries; /* length in use, room allocated */
    size_t length, room;
    uint64_t bytes; /* sum over entries */
};

struct object_pool {
    uint64_t uid; /* never used again in this process; in steps, see handle_cached */
    struct object_pool_options options; /* with the defaults filled in */
    struct magazine_store store;
    struct magazine_stack full;           /* anything in it, from partly to full */
    struct magazine_stack empty;          /* nothing in it */
    struct magazine_stack victims;        /* as full, but of the elder generation */
    struct object_pool_counters counters; /* of those without a handle */
    struct list handles;                  /* under object_pool_registry */
    pthread_mutex_t grave_lock;           /* around grave alone */
    struct grave grave;
};

/* Guards the lists of handles; held for a few pointer moves, or for one reclaim's. Never while a
 * hook runs. */
extern pthread_mutex_t object_pool_registry;

/* Destroys an object that has left the pool, by hook or free. */
void object_pool_destroy_now(struct object_pool *pool, void *object);

/* The same, but with deferred_destroy it lingers until the next reclaim; unless there is no memory
 * to remember it in. */
void object_pool_give_up(struct object_pool *pool, void *object, size_t bytes);

/* Destroys what lies in a grave and empties it. */
void object_pool_bury(struct object_pool *pool, struct grave *grave);

static inline void lock(pthread_mutex_t *mutex)
{
    (void)pthread_mutex_lock(mutex); /* cannot fail: not recursive, never destroyed while in use */
}

static inline void unlock(pthread_mutex_t *mutex)
{
    (void)pthread_mutex_unlock(mutex);
}

/* By the counter's only writer. */
static inline void bump(_Atomic(uint64_t) *counter, uint64_t more)
{
    uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, now + more, memory_order_relaxed);
}

/* By anyone. */
static inline void bump_shared(_Atomic(uint64_t) *counter, uint64_t more)
{
    atomic_fetch_add_explicit(counter, more, memory_order_relaxed);
}

static inline void entry_set(struct object_pool_entry *entry, void *object, size_t bytes)
{
    atomic_store_explicit(&entry->bytes, bytes, memory_order_relaxed);
    atomic_store_explicit(&entry->object, object, memory_order_relaxed);
}

/* bytes stays: in a pool whose objects are alike nobody sets it again. */
static inline void slot_clear(struct object_pool_entry *slot)
{
    atomic_store_explicit(&slot->object, NULL, memory_order_release);
}

static inline void *entry_object(const struct object_pool_entry *entry)
{
    return atomic_load_explicit(&entry->object, memory_order_relaxed);
}

static inline size_t entry_bytes(const struct object_pool_entry *entry)
{
    return atomic_load_explicit(&entry->bytes, memory_order_relaxed);
}

static inline struct handle *handle_of(struct object_pool_local *local)
{
    return container_of(local, struct handle, local);
}

#endif
