/* SPDX-License-Identifier: MIT */
/* malloc_pair.c - what a pool competes with: malloc and free of whichever allocator is loaded. */
#include "micro/rows.h"

#include <stdlib.h>

static void run(struct microbench_pass *pass)
{
    uint64_t count = microbench_begin(pass);
    for (uint64_t i = 0; i < count; i++) {
        void *object = malloc((size_t)pass->row->a);
        rows_touch(object, pass->row);
        free(object);
    }
    microbench_end(pass);
}

const struct microbench microbench_malloc_pair = {
    .name = "malloc",
    .summary = "malloc, touch, free",
    .cases = rows_sizes,
    .threads = rows_threads,
    .run = run,
};
