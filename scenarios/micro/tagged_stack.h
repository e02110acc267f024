/* SPDX-License-Identifier: MIT */
/* tagged_stack.h - a lock-free stack of objects: Treiber's, with a tag against ABA.
 *
 * Source: R. K. Treiber, "Systems Programming: Coping with Parallelism", IBM RJ 5118, 1986. ABA: a
 * thread reads the top A and what lies below it, others take A and more and put A back, and the
 * thread's exchange succeeds with what is below A no longer. So the top is the number of an object
 * and a tag that every exchange makes one greater, in 64 bits that change at once: what was read is
 * told from what looks like it, unless exactly 2^32 exchanges come between. Numbers instead of
 * pointers leave room for the tag, and objects that live as long as the stack may be looked at by
 * who is too late.
 *
 * Any thread, none waits for another. Objects come from the stack's own memory. */
#ifndef POOLSTORM_MICRO_TAGGED_STACK_H
#define POOLSTORM_MICRO_TAGGED_STACK_H

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

enum { TAGGED_LINE_BYTES = 128 }; /* two lines: they are fetched in pairs */

/* In front of each object. */
struct tagged_node {
    _Alignas(16) _Atomic(uint32_t) below; /* number of the next, from 1; 0: none */
    uint32_t number;                      /* its own */
};

struct tagged_stack {
    _Alignas(TAGGED_LINE_BYTES) _Atomic(uint64_t) top; /* number, and the tag above it */
    _Alignas(TAGGED_LINE_BYTES) char *memory;
    size_t stride_bytes;
    uint32_t count;
};

static inline struct tagged_node *tagged_stack_node(const struct tagged_stack *stack,
                                                    uint32_t number)
{
    return (struct tagged_node *)(void *)(stack->memory + (number - 1) * stack->stride_bytes);
}

static inline uint64_t tagged_stack_word(uint64_t before, uint32_t number)
{
    return ((before >> 32) + 1) << 32 | number;
}

/* The top object, or NULL; *retries grows by how often others came first. */
static inline void *tagged_stack_pop(struct tagged_stack *stack, uint64_t *retries)
{
    uint64_t top = atomic_load_explicit(&stack->top, memory_order_acquire);
    while ((uint32_t)top != 0) {
        struct tagged_node *node = tagged_stack_node(stack, (uint32_t)top);
        uint32_t below = atomic_load_explicit(&node->below, memory_order_relaxed);
        if (atomic_compare_exchange_weak_explicit(&stack->top, &top, tagged_stack_word(top, below),
                                                  memory_order_acquire, memory_order_acquire))
            return node + 1;
        ++*retries;
    }
    return NULL;
}

/* Puts one of its objects back. */
static inline void tagged_stack_push(struct tagged_stack *stack, void *object, uint64_t *retries)
{
    struct tagged_node *node = (struct tagged_node *)object - 1;
    uint64_t top = atomic_load_explicit(&stack->top, memory_order_relaxed);
    for (;; ++*retries) {
        atomic_store_explicit(&node->below, (uint32_t)top, memory_order_relaxed);
        if (atomic_compare_exchange_weak_explicit(&stack->top, &top,
                                                  tagged_stack_word(top, node->number),
                                                  memory_order_release, memory_order_relaxed))
            return;
    }
}

/* Memory of the caller's; all count objects are in it. -ENOMEM, -EINVAL for sizes without sense. */
static inline int tagged_stack_init(struct tagged_stack *stack, size_t object_bytes, uint32_t count)
{
    uint64_t retries = 0;
    if (object_bytes == 0 || object_bytes > SIZE_MAX / 4 || count == UINT32_MAX)
        return -EINVAL;
    size_t stride_bytes = (sizeof(struct tagged_node) + object_bytes + TAGGED_LINE_BYTES - 1) /
                          TAGGED_LINE_BYTES * TAGGED_LINE_BYTES;
    if (stride_bytes > SIZE_MAX / (count + 1U))
        return -EINVAL;
    *stack = (struct tagged_stack){.stride_bytes = stride_bytes, .count = count};
    stack->memory = aligned_alloc(TAGGED_LINE_BYTES, stride_bytes * (count + 1U));
    if (!stack->memory)
        return -ENOMEM;
    for (uint32_t number = count; number >= 1; number--) {
        struct tagged_node *node = tagged_stack_node(stack, number);
        atomic_init(&node->below, 0);
        node->number = number;
        tagged_stack_push(stack, node + 1, &retries);
    }
    return 0;
}

/* Its objects are gone with it, wherever they are. */
static inline void tagged_stack_fini(struct tagged_stack *stack)
{
    free(stack->memory);
    stack->memory = NULL;
}

#endif
