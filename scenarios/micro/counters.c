/* SPDX-License-Identifier: MIT */
/* counters.c - each thread counts in a word of its own; whose word is beside it is what is varied.
 */
#include "benchmark/benchmark.h"

#include <stdatomic.h>
#include <stdlib.h>

/* a: bytes from one thread's counter to the next one's. */
static const struct microbench_case rows[] = {{"one_line", 8, 0}, {"apart", 128, 0}, {0}};

static const int threads[] = {1, 2, 0};

static void *setup(const struct microbench_pass *pass)
{
    size_t bytes = (size_t)(pass->row->a * pass->threads + 127) / 128 * 128;
    char *words = aligned_alloc(128, bytes);
    for (int i = 0; words && i < pass->threads; i++)
        atomic_init((_Atomic(uint64_t) *)(void *)(words + i * pass->row->a), 0);
    return words;
}

static void teardown(const struct microbench_pass *pass)
{
    free(pass->shared);
}

static void run(struct microbench_pass *pass)
{
    char *words = pass->shared;
    _Atomic(uint64_t) *own = (_Atomic(uint64_t) *)(void *)(words + pass->thread * pass->row->a);
    uint64_t count = microbench_begin(pass);
    for (uint64_t i = 0; i < count; i++)
        atomic_fetch_add_explicit(own, 1, memory_order_relaxed);
    microbench_end(pass);
}

const struct microbench microbench_counters = {
    .name = "counters",
    .summary = "one atomic increment of the thread's own counter",
    .cases = rows,
    .threads = threads,
    .setup = setup,
    .teardown = teardown,
    .run = run,
};
