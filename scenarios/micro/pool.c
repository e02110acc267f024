/* SPDX-License-Identifier: MIT */
/* pool.c - the object pool as the benchmarks set it up. */
#include "micro/pool.h"

void *pool_setup(const struct microbench_pass *pass)
{
    const struct object_pool_options options = {.object_bytes = (size_t)pass->row->a};
    struct object_pool *pool = NULL;
    return object_pool_create(&pool, &options, NULL) == 0 ? pool : NULL;
}

void pool_teardown(const struct microbench_pass *pass)
{
    (void)object_pool_destroy(pass->shared);
}
