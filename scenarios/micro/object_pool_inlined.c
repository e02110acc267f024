/* SPDX-License-Identifier: MIT */
/* object_pool_inlined.c - get and put inlined, by a thread's handle. */
#include "micro/pool.h"
#include "micro/rows.h"

static void run(struct microbench_pass *pass)
{
    struct object_pool_local *local = object_pool_local(pass->shared);
    if (!local) {
        microbench_fail(pass, "no memory for a handle");
        return;
    }
    uint64_t count = microbench_begin(pass);
    for (uint64_t i = 0; i < count; i++) {
        void *object = object_pool_local_get(local);
        rows_touch(object, pass->row);
        object_pool_local_put(local, object);
    }
    microbench_end(pass);
}

const struct microbench microbench_object_pool_inlined = {
    .name = "object_pool/inlined",
    .summary = "get, touch, put inlined, the thread's handle at hand",
    .cases = rows_sizes,
    .threads = rows_threads,
    .setup = pool_setup,
    .teardown = pool_teardown,
    .run = run,
};
