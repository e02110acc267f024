/* SPDX-License-Identifier: MIT */
/* magazine.c - the numbered store of magazines and the tagged stacks over it. */
#include "subject/magazine.h"

#include <assert.h>
#include <stdlib.h>

#define NUMBER_MASK UINT64_C(0xffffffff)
#define TAG_ONE     (UINT64_C(1) << 32)

enum { LINE_BYTES = 64 };

/* Chunk k begins at index 2 * (2^k - 1). */
static unsigned chunk_of(uint32_t index)
{
    return 31 - (unsigned)__builtin_clz(index / 2 + 1);
}

static uint32_t chunk_first(unsigned chunk)
{
    return 2 * ((UINT32_C(1) << chunk) - 1);
}

static uint32_t chunk_length(unsigned chunk)
{
    return UINT32_C(2) << chunk;
}

void magazine_store_init(struct magazine_store *store, uint32_t magazine_objects,
                         uint64_t objects_max, size_t object_bytes)
{
    size_t bytes = sizeof(struct magazine) + magazine_objects * 2 * sizeof(union magazine_cell);
    store->magazine_objects = magazine_objects;
    store->objects_max = objects_max ? objects_max : UINT64_MAX;
    store->object_bytes = object_bytes;
    store->stride_bytes = (bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
}

void magazine_store_fini(struct magazine_store *store)
{
    for (unsigned i = 0; i < MAGAZINE_CHUNKS; i++)
        free(atomic_load_explicit(&store->chunks[i], memory_order_relaxed));
}

struct magazine *magazine_at(struct magazine_store *store, uint32_t number)
{
    uint32_t index = number - 1;
    unsigned chunk = chunk_of(index);
    char *base = atomic_load_explicit(&store->chunks[chunk], memory_order_acquire);
    size_t offset = (index - chunk_first(chunk)) * store->stride_bytes;
    return (struct magazine *)(void *)(base + offset);
}

static void magazine_init(struct magazine *magazine, const struct magazine_store *store,
                          uint32_t number)
{
    *magazine = (struct magazine){
        .number = number, .room = store->magazine_objects, .alike_bytes = store->object_bytes};
    for (uint32_t i = 0; i < store->magazine_objects; i++)
        atomic_init(&magazine->cells[store->magazine_objects + i].bytes, store->object_bytes);
}

/* Sees to it that the chunk is there. Two threads may both allocate it; the later one yields. */
static bool chunk_ensure(struct magazine_store *store, unsigned chunk)
{
    if (atomic_load_explicit(&store->chunks[chunk], memory_order_acquire))
        return true;
    char *base = aligned_alloc(LINE_BYTES, chunk_length(chunk) * store->stride_bytes);
    if (!base)
        return false;
    for (uint32_t i = 0; i < chunk_length(chunk); i++) {
        char *place = base + i * store->stride_bytes;
        magazine_init((struct magazine *)(void *)place, store, chunk_first(chunk) + i + 1);
    }
    char *none = NULL;
    if (!atomic_compare_exchange_strong(&store->chunks[chunk], &none, base))
        free(base);
    return true;
}

struct magazine *magazine_make(struct magazine_store *store)
{
    uint32_t index = atomic_load_explicit(&store->made, memory_order_relaxed);
    uint64_t room;
    do {
        uint64_t given = (uint64_t)index * store->magazine_objects;
        if (given >= store->objects_max || index >= chunk_first(MAGAZINE_CHUNKS))
            return NULL;
        if (!chunk_ensure(store, chunk_of(index)))
            return NULL;
        room = store->objects_max - given;
    } while (!atomic_compare_exchange_weak(&store->made, &index, index + 1));
    struct magazine *magazine = magazine_at(store, index + 1);
    magazine->capacity = room < store->magazine_objects ? (uint32_t)room : store->magazine_objects;
    return magazine;
}

void magazine_push(struct magazine_stack *stack, struct magazine *magazine)
{
    uint64_t head = atomic_load_explicit(&stack->head, memory_order_relaxed);
    uint64_t next;
    do {
        atomic_store_explicit(&magazine->below, (uint32_t)(head & NUMBER_MASK),
                              memory_order_relaxed);
        next = ((head & ~NUMBER_MASK) + TAG_ONE) | magazine->number;
    } while (!atomic_compare_exchange_weak_explicit(&stack->head, &head, next, memory_order_release,
                                                    memory_order_relaxed));
}

struct magazine *magazine_pop(struct magazine_stack *stack, struct magazine_store *store)
{
    uint64_t head = atomic_load_explicit(&stack->head, memory_order_acquire);
    while (head & NUMBER_MASK) {
        struct magazine *magazine = magazine_at(store, (uint32_t)(head & NUMBER_MASK));
        uint64_t below = atomic_load_explicit(&magazine->below, memory_order_relaxed);
        uint64_t next = ((head & ~NUMBER_MASK) + TAG_ONE) | below;
        if (atomic_compare_exchange_weak_explicit(&stack->head, &head, next, memory_order_acquire,
                                                  memory_order_acquire))
            return magazine;
    }
    return NULL;
}

struct magazine *magazine_pop_all(struct magazine_stack *stack, struct magazine_store *store)
{
    uint64_t head = atomic_load_explicit(&stack->head, memory_order_acquire);
    while (head & NUMBER_MASK) {
        uint64_t empty = (head & ~NUMBER_MASK) + TAG_ONE;
        if (atomic_compare_exchange_weak_explicit(&stack->head, &head, empty, memory_order_acquire,
                                                  memory_order_acquire))
            return magazine_at(store, (uint32_t)(head & NUMBER_MASK));
    }
    return NULL;
}

struct magazine *magazine_below(struct magazine_store *store, const struct magazine *magazine)
{
    uint32_t below = atomic_load_explicit(&magazine->below, memory_order_relaxed);
    return below ? magazine_at(store, below) : NULL;
}
