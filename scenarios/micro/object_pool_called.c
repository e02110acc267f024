/* SPDX-License-Identifier: MIT */
/* object_pool_called.c - get and put by calls out of line. */
#include "micro/pool.h"
#include "micro/rows.h"

static void run(struct microbench_pass *pass)
{
    struct object_pool *pool = pass->shared;
    uint64_t count = microbench_begin(pass);
    for (uint64_t i = 0; i < count; i++) {
        void *object = object_pool_get(pool);
        rows_touch(object, pass->row);
        object_pool_put(pool, object);
    }
    microbench_end(pass);
}

const struct microbench microbench_object_pool_called = {
    .name = "object_pool/called",
    .summary = "get, touch, put through the pool's functions",
    .cases = rows_sizes,
    .threads = rows_threads,
    .setup = pool_setup,
    .teardown = pool_teardown,
    .run = run,
};
