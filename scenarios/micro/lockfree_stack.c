/* SPDX-License-Identifier: MIT */
/* lockfree_stack.c - a pool that is one stack for all threads, without a lock and safe from ABA. */
#include "micro/rows.h"
#include "micro/tagged_stack.h"

enum { OBJECTS = 64 }; /* never all of them out */

static void *setup(const struct microbench_pass *pass)
{
    struct tagged_stack *stack = aligned_alloc(TAGGED_LINE_BYTES, sizeof(*stack));
    if (stack && tagged_stack_init(stack, (size_t)pass->row->a, OBJECTS) == 0)
        return stack;
    free(stack);
    return NULL;
}

static void teardown(const struct microbench_pass *pass)
{
    tagged_stack_fini(pass->shared);
    free(pass->shared);
}

static void run(struct microbench_pass *pass)
{
    struct tagged_stack *stack = pass->shared;
    uint64_t retries = 0;
    uint64_t count = microbench_begin(pass);
    for (uint64_t i = 0; i < count; i++) {
        void *object = tagged_stack_pop(stack, &retries);
        rows_touch(object, pass->row);
        tagged_stack_push(stack, object, &retries);
    }
    microbench_end(pass);
    microbench_count(pass, "retries", retries);
}

const struct microbench microbench_lockfree_stack = {
    .name = "lockfree_stack",
    .summary = "get, touch, put with one lock-free stack for all threads",
    .cases = rows_small,
    .threads = rows_threads,
    .setup = setup,
    .teardown = teardown,
    .run = run,
};
