/* SPDX-License-Identifier: MIT */
/* stack.h - fibers' stacks: lazily touched, guarded at the low end, recycled warm. */
#ifndef POOLSTORM_CORE_STACK_H
#define POOLSTORM_CORE_STACK_H

#include "core/list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stack_slab;

/* One stack. [base, base + guard) faults, unless guards ran out; usable up to top. */
struct stack {
    char *base;              /* lowest address, of the guard */
    char *top;               /* one past the highest */
    struct stack_slab *slab; /* where it came from */
    unsigned valgrind;       /* its id there */
};

/* Belongs to one thread. Zeroed and stack_pool_init before use. */
struct stack_pool {
    struct list slabs;  /* those with a free stack first */
    struct list excess; /* of them, those with pages to give back */
    size_t stack_bytes; /* of each, guard apart */
    size_t guard_bytes; /* one page */
    size_t free;        /* stacks ready to be taken */
    size_t warm;        /* how many of those may keep their pages */
    size_t unguarded;   /* stacks for which the kernel refused a guard */
};

void stack_pool_init(struct stack_pool *pool, size_t stack_bytes, size_t warm);
void stack_pool_fini(struct stack_pool *pool);

/* 0 or -ENOMEM. */
int stack_get(struct stack_pool *pool, struct stack *stack);

/* Gives it back. No system call, and it is not touched before the next stack_get or trim: so the
 * caller may still be standing on it when it goes, and a thousand fibers end quickly. */
void stack_put(struct stack_pool *pool, struct stack *stack);

/* Gives what is beyond warm back to the system, at most a slab's, which takes some 30 µs. Answers
 * whether there is more. Not on a stack of the pool. */
bool stack_pool_trim(struct stack_pool *pool);

#endif
