/* SPDX-License-Identifier: MIT */
/* handover_crossing.c - the part of the crossing benchmarks that is not what they measure. */
#include "micro/handover.h"
#include "micro/rows.h"

#include <stdlib.h>

static void *setup(const struct microbench_pass *pass)
{
    (void)pass;
    struct handover *handover = aligned_alloc(128, sizeof(*handover));
    if (handover)
        *handover = (struct handover){0};
    return handover;
}

static void teardown(const struct microbench_pass *pass)
{
    free(pass->shared);
}

static void run(struct microbench_pass *pass)
{
    struct handover *handover = pass->shared;
    uint64_t count = microbench_begin(pass);
    if (pass->thread == 0) {
        for (uint64_t i = 0; i < count; i++)
            handover_put(handover, handover);
        handover_flush(handover);
    } else {
        for (uint64_t i = 0; i < count; i++)
            microbench_use(handover_take(handover));
    }
    microbench_end(pass);
}

const struct microbench microbench_handover_crossing = {
    .name = "handover/crossing",
    .summary = "one pointer from one thread to the other, no memory managed",
    .threads = rows_pair,
    .setup = setup,
    .teardown = teardown,
    .run = run,
};
