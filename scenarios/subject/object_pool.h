/* SPDX-License-Identifier: MIT */
/* object_pool.h - objects to be used again: a cache per thread over a shared stage. */
#ifndef POOLSTORM_SUBJECT_OBJECT_POOL_H
#define POOLSTORM_SUBJECT_OBJECT_POOL_H

#include "core/err.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where an object rests. Each thread has, for each pool it used, a private slot and two magazines
 * (arrays) that only it touches; full magazines go to a shared stage, where any thread takes them:
 *
 *     get: slot > own magazines > shared stage > own victims > shared victims > create hook
 *     put: slot > own magazines > shared stage > destroy hook, when retained_max is reached
 *
 * So up to 1 + 2 magazines of objects per thread cannot be had by other threads, until that thread
 * ends (what it holds then goes to the shared stage) or the pool is reclaimed. Get and put take no
 * lock: the first two steps are plain loads and stores, the shared stage is two lock-free stacks
 * visited once a magazine. They never wait for I/O and may be called from any fiber or thread.
 *
 * Reclaim. object_pool_reclaim() makes everything that rests a victim and destroys what was victim
 * before (the scheme of Go's sync.Pool): an object survives one reclaim and is gone after two in a
 * row without being used. An object used in between starts afresh. victims_off destroys at once.
 * It may run while other threads use the pool, idle threads' caches included: it shuts every
 * handle, makes that seen by one membarrier(2) (so that the fast path needs no fence), waits for
 * those inside (a few ns), moves pointers and opens up again. A thread that comes by meanwhile
 * waits.
 *
 * Ownership. What get answers belongs to the caller until it is put back, on whichever thread,
 * once, to the same pool. It comes as it was left, but for the reset hook: a pool without one hands
 * out other users' bytes.
 *
 * Hooks run on the thread that gets, puts, reclaims, prewarms or destroys, never inside the pool's
 * own bookkeeping. They must not wait. create and destroy may use other pools. */
struct object_pool;

/* Zero is a fair value for all of it but object_bytes or create. Copied at creation. */
struct object_pool_options {
    const char *name;    /* static, for messages; NULL: "objects" */
    size_t object_bytes; /* of one object; what create's absence allocates, uninitialised */

    /* Hooks, each handed user; all may be NULL. */
    void *(*create)(void *user);                       /* NULL: malloc(object_bytes) */
    void (*destroy)(void *user, void *object);         /* NULL: free(object) */
    void (*reset)(void *user, void *object);           /* on return, before it rests; NULL: as is */
    size_t (*size_of)(void *user, const void *object); /* bytes held now; NULL: object_bytes */
    void *user;

    size_t limit_bytes;        /* objects that hold more are destroyed on return; 0: no limit */
    uint64_t retained_max;     /* objects that may rest, one per thread besides; 0: no limit. Given
                                * out a magazine at a time: some of it may sit empty in threads */
    uint32_t magazine_objects; /* 1 to 4096; 0: 32, or less when retained_max is small */
    bool victims_off;          /* reclaim destroys at once */
    bool deferred_destroy;     /* what would be destroyed lingers until the next reclaim, as under
                                * a finaliser; object_pool_discard() destroys at once all the same */
};

/* Cheap: one allocation, no system call after the first pool of a process. Any number of pools may
 * exist. -EINVAL for options that make no sense, -ENOMEM, -ENOSYS where membarrier(2) is refused.
 */
int object_pool_create(struct object_pool **out, const struct object_pool_options *options,
                       struct err *err);

/* Destroys everything that rests, deferred objects included, and the pool. No other thread may be
 * inside a call on this pool, nor come back. Answers how many objects are still out: the leak of
 * their users, who may no longer put them back. NULL is allowed. */
uint64_t object_pool_destroy(struct object_pool *pool);

/* An object; NULL only when create failed. */
void *object_pool_get(struct object_pool *pool);

/* Takes object back, measured by size_of, or else as object_bytes. NULL is ignored. */
void object_pool_put(struct object_pool *pool, void *object);

/* The same for an object known to hold bytes now; size_of is not asked. */
void object_pool_put_sized(struct object_pool *pool, void *object, size_t bytes);

/* Destroys an object that came from get, now: an explicit close. NULL is ignored. */
void object_pool_discard(struct object_pool *pool, void *object);

/* Makes count objects ahead of use and leaves them in the shared stage. -ENOMEM when create failed,
 * -ENOSPC when retained_max was reached; those made until then stay. */
int object_pool_prewarm(struct object_pool *pool, uint64_t count, struct err *err);

/* See above. Any thread; concurrent calls take turns. May take some 10 to 100 us. */
void object_pool_reclaim(struct object_pool *pool);

/* Sums over all threads, those that ended included. Exact while the pool is quiet, else each figure
 * is near the truth of the moment. */
struct object_pool_figures {
    uint64_t gets;             /* calls that answered an object, hits + misses */
    uint64_t hits;             /* of them, answered by an object that rested */
    uint64_t misses;           /* of them, by one newly made */
    uint64_t puts;             /* objects taken back, dropped ones included */
    uint64_t steals;           /* objects a thread took from the shared stage that another left */
    uint64_t revivals;         /* hits that were victims */
    uint64_t drops;            /* puts that destroyed: over limit_bytes or retained_max */
    uint64_t drops_oversize;   /* of them, over limit_bytes */
    uint64_t discards;         /* calls of object_pool_discard */
    uint64_t reclaims;         /* calls of object_pool_reclaim */
    uint64_t reclaimed;        /* objects that reclaims gave up */
    uint64_t made, destroyed;  /* calls of create that succeeded, and of destroy */
    uint64_t live_objects;     /* made - destroyed: out, resting or deferred */
    uint64_t out_objects;      /* in the hands of users */
    uint64_t retained_objects; /* resting, victims included */
    uint64_t retained_bytes;   /* what they held when they were put back */
    uint64_t deferred_objects; /* given up, not yet destroyed */
    uint64_t deferred_bytes;
};

void object_pool_figures(struct object_pool *pool, struct object_pool_figures *figures);

/* --- The fast path, inlined. ---------------------------------------------------------------------
 * A handle is a thread's own part of a pool. It serves the thread that asked for it (all its
 * fibers: they never migrate) until that thread ends or the pool is destroyed, and is never freed
 * by hand. NULL when out of memory. */
struct object_pool_local *object_pool_local(struct object_pool *pool);

/* A resting object and what it held when it was put back. Read by object_pool_figures meanwhile. */
struct object_pool_entry {
    _Atomic(void *) object;
    _Atomic(size_t) bytes;
};

/* What keeps a put from being a plain store. */
enum object_pool_care {
    OBJECT_POOL_RESET = 1,   /* a reset hook to run */
    OBJECT_POOL_MEASURE = 2, /* sizes differ: size_of to ask, or sized puts seen */
};

/* The part of a handle the inlined calls touch, within one cache line of the owner's. Private
 * otherwise. The slot is emptied under an odd turn only, so that get and reclaim cannot both take
 * from it; it is filled without: nobody but the owner does, and only when it is empty. */
struct object_pool_local {
    _Atomic(uint32_t) shut; /* a reclaim is at the handle */
    uint32_t care;          /* enum object_pool_care, the owner's */
    _Atomic(uint64_t) turn; /* odd while the owner is inside; half of it is the hits */
    _Atomic(uint64_t) puts; /* objects kept */
    struct object_pool_entry
        slot;           /* the object put back last; bytes only changes while measuring */
    size_t limit_bytes; /* SIZE_MAX: none */
};

/* What the inlined calls fall back on; the first with the turn still odd. */
void *object_pool_local_get_slow(struct object_pool_local *local);
void object_pool_local_put_slow(struct object_pool_local *local, void *object);
void object_pool_local_put_sized_slow(struct object_pool_local *local, void *object, size_t bytes);

/* As object_pool_get. The odd turn is stored before shut is read, in program order; reclaim's
 * membarrier makes that the order other threads see. */
static inline void *object_pool_local_get(struct object_pool_local *local)
{
    uint64_t turn = atomic_load_explicit(&local->turn, memory_order_relaxed);
    atomic_store_explicit(&local->turn, turn + 1, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
    if (__builtin_expect(!atomic_load_explicit(&local->shut, memory_order_acquire), 1)) {
        void *object = atomic_load_explicit(&local->slot.object, memory_order_relaxed);
        if (__builtin_expect(object != NULL, 1)) {
            atomic_store_explicit(&local->slot.object, NULL, memory_order_relaxed);
            atomic_store_explicit(&local->turn, turn + 2, memory_order_release);
            return object;
        }
    }
    return object_pool_local_get_slow(local);
}

static inline void object_pool_local_fill(struct object_pool_local *local, void *object)
{
    uint64_t puts = atomic_load_explicit(&local->puts, memory_order_relaxed);
    atomic_store_explicit(&local->slot.object, object, memory_order_release);
    atomic_store_explicit(&local->puts, puts + 1, memory_order_relaxed);
}

/* As object_pool_put, but object must not be NULL. */
static inline void object_pool_local_put(struct object_pool_local *local, void *object)
{
    bool empty = !atomic_load_explicit(&local->slot.object, memory_order_acquire);
    if (__builtin_expect(empty && !local->care, 1))
        object_pool_local_fill(local, object);
    else
        object_pool_local_put_slow(local, object);
}

/* As object_pool_put_sized, but object must not be NULL. */
static inline void object_pool_local_put_sized(struct object_pool_local *local, void *object,
                                               size_t bytes)
{
    bool empty = !atomic_load_explicit(&local->slot.object, memory_order_acquire);
    if (__builtin_expect(empty && local->care == OBJECT_POOL_MEASURE, 1) &&
        __builtin_expect(bytes <= local->limit_bytes, 1)) {
        atomic_store_explicit(&local->slot.bytes, bytes, memory_order_relaxed);
        object_pool_local_fill(local, object);
    } else {
        object_pool_local_put_sized_slow(local, object, bytes);
    }
}

#endif
