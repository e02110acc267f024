/* SPDX-License-Identifier: MIT */
/* stack.c - stacks come in slabs of 32, one mapping each; guards leave the mapping in one piece. */
#include "core/stack.h"

#include "core/sanitizer.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef BUILT_WITH_ASAN
#include <sanitizer/asan_interface.h>
#endif
#ifdef POOLSTORM_VALGRIND
#include <valgrind/valgrind.h>
#endif

/* Since Linux 6.13: a guard that costs no mapping of its own, so vm.max_map_count is no limit. */
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

enum { SLAB_STACKS = 32 };

struct stack_slab {
    struct list link;   /* in pool->slabs */
    struct list excess; /* in pool->excess while it has any */
    char *memory;       /* SLAB_STACKS strides */
    uint32_t free;      /* a bit for each stack that may be taken */
    uint32_t pages;     /* of those, the ones to give back their pages */
};

static_assert(SLAB_STACKS == 32, "one bit a stack");

static size_t stride_of(const struct stack_pool *pool)
{
    return pool->guard_bytes + pool->stack_bytes;
}

void stack_pool_init(struct stack_pool *pool, size_t stack_bytes, size_t warm)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    *pool = (struct stack_pool){
        .stack_bytes = (stack_bytes + page - 1) / page * page,
        .guard_bytes = page,
        .warm = warm,
    };
    list_init(&pool->slabs);
    list_init(&pool->excess);
}

/* An overflow must fault and not run into the neighbour. Beyond vm.max_map_count on kernels without
 * light guards there is none: the stack still works, and the count says so. */
static void guard_stack(struct stack_pool *pool, char *base)
{
    if (madvise(base, pool->guard_bytes, MADV_GUARD_INSTALL) == 0)
        return;
    if (mprotect(base, pool->guard_bytes, PROT_NONE) != 0)
        pool->unguarded++;
}

static struct stack_slab *slab_create(struct stack_pool *pool)
{
    struct stack_slab *slab = calloc(1, sizeof(*slab));
    if (!slab)
        return NULL;
    size_t length = stride_of(pool) * SLAB_STACKS;
    void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (memory == MAP_FAILED) {
        free(slab);
        return NULL;
    }
    /* A huge page would make 32 idle fibers resident at once. Best effort: kernels without THP. */
    (void)madvise(memory, length, MADV_NOHUGEPAGE);
    slab->memory = memory;
    slab->free = UINT32_MAX;
    for (size_t i = 0; i < SLAB_STACKS; i++)
        guard_stack(pool, slab->memory + i * stride_of(pool));
    list_push_front(&pool->slabs, &slab->link);
    pool->free += SLAB_STACKS;
    return slab;
}

static void slab_destroy(struct stack_pool *pool, struct stack_slab *slab)
{
    size_t length = stride_of(pool) * SLAB_STACKS;
#ifdef BUILT_WITH_ASAN
    /* Fibers end inside their last frames: the red zones would stay with whatever is mapped here
     * next. */
    __asan_unpoison_memory_region(slab->memory, length);
#endif
    (void)munmap(slab->memory, length);
    free(slab);
}

void stack_pool_fini(struct stack_pool *pool)
{
    for (struct list *link = list_pop_front(&pool->slabs); link;
         link = list_pop_front(&pool->slabs))
        slab_destroy(pool, container_of(link, struct stack_slab, link));
}

int stack_get(struct stack_pool *pool, struct stack *stack)
{
    struct stack_slab *slab = container_of(pool->slabs.next, struct stack_slab, link);
    if (list_empty(&pool->slabs) || slab->free == 0)
        slab = slab_create(pool);
    if (!slab)
        return -ENOMEM;
    size_t index = (size_t)__builtin_ctz(slab->free);
    slab->free &= slab->free - 1;
    slab->pages &= slab->free;
    pool->free--;
    if (slab->free == 0) {
        list_remove(&slab->link);
        list_push_back(&pool->slabs, &slab->link);
    }
    *stack = (struct stack){.base = slab->memory + index * stride_of(pool), .slab = slab};
    stack->top = stack->base + stride_of(pool);
#ifdef POOLSTORM_VALGRIND
    stack->valgrind = VALGRIND_STACK_REGISTER(stack->base, stack->top);
#endif
    return 0;
}

void stack_put(struct stack_pool *pool, struct stack *stack)
{
    struct stack_slab *slab = stack->slab;
    size_t index = (size_t)(stack->base - slab->memory) / stride_of(pool);
#ifdef POOLSTORM_VALGRIND
    VALGRIND_STACK_DEREGISTER(stack->valgrind);
#endif
    slab->free |= UINT32_C(1) << index;
    pool->free++;
    list_remove(&slab->link);
    list_push_front(&pool->slabs, &slab->link);
    if (pool->free <= pool->warm)
        return;
    slab->pages |= UINT32_C(1) << index;
    if (!list_linked(&slab->excess))
        list_push_back(&pool->excess, &slab->excess);
}

bool stack_pool_trim(struct stack_pool *pool)
{
    struct list *link = list_pop_front(&pool->excess);
    if (!link)
        return false;
    struct stack_slab *slab = container_of(link, struct stack_slab, excess);
    uint32_t pages = slab->pages;
    slab->pages = 0;
    if (slab->free == UINT32_MAX && pool->free >= pool->warm + SLAB_STACKS) {
        pool->free -= SLAB_STACKS;
        list_remove(&slab->link);
        slab_destroy(pool, slab);
    } else if (pool->free > pool->warm) {
        for (; pages; pages &= pages - 1) {
            char *base = slab->memory + (size_t)__builtin_ctz(pages) * stride_of(pool);
            (void)madvise(base + pool->guard_bytes, pool->stack_bytes, MADV_DONTNEED);
        }
    }
    return !list_empty(&pool->excess);
}
