/* SPDX-License-Identifier: MIT */
/* object_pool_several.c - several objects out at once, so that magazines are used and not the slot.
 */
#include "micro/pool.h"

enum { OBJECTS_MAX = 256 };

/* a: bytes; b: objects out at once. */
static const struct microbench_case rows[] = {
    {"1KiB/8_out", 1 << 10, 8}, {"1KiB/32_out", 1 << 10, 32}, {"1KiB/256_out", 1 << 10, 256}, {0}};

static void run(struct microbench_pass *pass)
{
    struct object_pool *pool = pass->shared;
    void *objects[OBJECTS_MAX];
    uint64_t count = microbench_begin(pass), done = 0;
    while (done < count) {
        uint64_t left = count - done, out = (uint64_t)pass->row->b;
        out = left < out ? left : out;
        for (uint64_t i = 0; i < out; i++)
            objects[i] = object_pool_get(pool);
        for (uint64_t i = 0; i < out; i++)
            object_pool_put(pool, objects[i]);
        done += out;
    }
    microbench_end(pass);
}

const struct microbench microbench_object_pool_several = {
    .name = "object_pool/several",
    .summary = "one get and one put, with several objects out at once",
    .cases = rows,
    .setup = pool_setup,
    .teardown = pool_teardown,
    .run = run,
};
