/* SPDX-License-Identifier: MIT */
/* magazine.h - arrays of resting objects that threads trade whole, and the lock-free stacks they
 * are traded on (Bonwick and Adams, 2001: "Magazines and Vmem"). Internal to the object pool. */
#ifndef POOLSTORM_SUBJECT_MAGAZINE_H
#define POOLSTORM_SUBJECT_MAGAZINE_H

#include "subject/object_pool.h"

union magazine_cell {
    _Atomic(void *) object;
    _Atomic(size_t) bytes;
};

/* Belongs to whoever took it off a stack; only count and cells are read by others, for
 * figures. Sizes lie behind the objects, so that magazines of objects that are all alike go from
 * one CPU's cache to another's without them. */
struct magazine {
    uint32_t number;             /* its place in the store, from 1 */
    uint32_t capacity;           /* objects it may hold */
    _Atomic(uint32_t) count;     /* objects it holds, from the front */
    _Atomic(uint32_t) below;     /* number of the next one on its stack, 0: the last */
    uint64_t filler;             /* serial of the handle that filled it, 0: none did */
    size_t alike_bytes;          /* what every size says until one differed */
    uint32_t room;               /* of objects and of sizes: the store's magazine_objects */
    bool mixed;                  /* a size differed once: each is written from then on */
    union magazine_cell cells[]; /* room objects, then room sizes */
};

enum { MAGAZINE_CHUNKS = 24 };

/* All magazines of a pool. They are numbered and never freed before the store is, which is what
 * lets a stack read `below` of a magazine that another thread has just taken. Chunk k holds 2 << k.
 */
struct magazine_store {
    _Atomic(char *) chunks[MAGAZINE_CHUNKS]; /* allocated when first needed */
    _Atomic(uint32_t) made;                  /* magazines in use or on a stack */
    uint32_t magazine_objects;               /* capacity of each but perhaps the last */
    uint64_t objects_max;                    /* sum of all capacities is at most this */
    size_t object_bytes;                     /* alike_bytes of each */
    size_t stride_bytes;                     /* from one magazine of a chunk to the next */
};

/* A stack of magazines: the number of the topmost in the low half; a tag that each change raises in
 * the high half, so that a head that went and came back is not taken for the same (ABA). */
struct magazine_stack {
    _Alignas(128) _Atomic(uint64_t) head;
};

/* objects_max 0: no limit. The store's memory is zeroed by the caller. */
void magazine_store_init(struct magazine_store *store, uint32_t magazine_objects,
                         uint64_t objects_max, size_t object_bytes);

/* Frees the magazines; their objects must be gone. */
void magazine_store_fini(struct magazine_store *store);

/* A new, empty one; NULL when objects_max is reached or memory is out. Any thread. */
struct magazine *magazine_make(struct magazine_store *store);

/* The magazine of a number in [1, made]. */
struct magazine *magazine_at(struct magazine_store *store, uint32_t number);

/* Any thread; lock-free. A push publishes what the magazine holds to whoever pops it. */
void magazine_push(struct magazine_stack *stack, struct magazine *magazine);
struct magazine *magazine_pop(struct magazine_stack *stack, struct magazine_store *store);

/* Empties the stack in one step. Answers the topmost; magazine_below leads on. */
struct magazine *magazine_pop_all(struct magazine_stack *stack, struct magazine_store *store);

/* NULL after the last. Only for what magazine_pop_all answered. */
struct magazine *magazine_below(struct magazine_store *store, const struct magazine *magazine);

static inline uint32_t magazine_count(const struct magazine *magazine)
{
    return atomic_load_explicit(&magazine->count, memory_order_relaxed);
}

/* What the object at index held when it was put back. */
static inline size_t magazine_bytes(const struct magazine *magazine, uint32_t index)
{
    return atomic_load_explicit(&magazine->cells[magazine->room + index].bytes,
                                memory_order_relaxed);
}

/* By its owner, with room. */
static inline void magazine_add(struct magazine *magazine, void *object, size_t bytes)
{
    uint32_t count = magazine_count(magazine);
    atomic_store_explicit(&magazine->cells[count].object, object, memory_order_relaxed);
    if (__builtin_expect(magazine->mixed || bytes != magazine->alike_bytes, 0)) {
        magazine->mixed = true;
        atomic_store_explicit(&magazine->cells[magazine->room + count].bytes, bytes,
                              memory_order_relaxed);
    }
    atomic_store_explicit(&magazine->count, count + 1, memory_order_relaxed);
}

/* By its owner, not empty. */
static inline void *magazine_take(struct magazine *magazine)
{
    uint32_t count = magazine_count(magazine) - 1;
    atomic_store_explicit(&magazine->count, count, memory_order_relaxed);
    return atomic_load_explicit(&magazine->cells[count].object, memory_order_relaxed);
}

#endif
