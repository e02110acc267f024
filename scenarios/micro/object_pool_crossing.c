/* SPDX-License-Identifier: MIT */
/* object_pool_crossing.c - got on one thread, put on the other: magazines go round by the stage. */
#include "micro/handover.h"
#include "micro/pool.h"
#include "micro/rows.h"

#include <stdlib.h>

struct crossing {
    struct handover handover;
    struct object_pool *pool;
};

static void *setup(const struct microbench_pass *pass)
{
    struct crossing *crossing = aligned_alloc(128, sizeof(*crossing));
    if (!crossing)
        return NULL;
    *crossing = (struct crossing){.pool = pool_setup(pass)};
    if (crossing->pool)
        return crossing;
    free(crossing);
    return NULL;
}

static void teardown(const struct microbench_pass *pass)
{
    struct crossing *crossing = pass->shared;
    (void)object_pool_destroy(crossing->pool);
    free(crossing);
}

static void run(struct microbench_pass *pass)
{
    struct crossing *crossing = pass->shared;
    uint64_t count = microbench_begin(pass);
    if (pass->thread == 0) {
        for (uint64_t i = 0; i < count; i++) {
            void *object = object_pool_get(crossing->pool);
            rows_touch(object, pass->row);
            handover_put(&crossing->handover, object);
        }
        handover_flush(&crossing->handover);
    } else {
        for (uint64_t i = 0; i < count; i++)
            object_pool_put(crossing->pool, handover_take(&crossing->handover));
    }
    microbench_end(pass);
}

const struct microbench microbench_object_pool_crossing = {
    .name = "object_pool/crossing",
    .summary = "get and touch on one thread, put on the other",
    .cases = rows_small,
    .threads = rows_pair,
    .setup = setup,
    .teardown = teardown,
    .run = run,
};
