/* SPDX-License-Identifier: MIT */
/* malloc_crossing.c - allocated on one thread, freed on the other. */
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
        for (uint64_t i = 0; i < count; i++) {
            void *object = malloc((size_t)pass->row->a);
            rows_touch(object, pass->row);
            handover_put(handover, object);
        }
        handover_flush(handover);
    } else {
        for (uint64_t i = 0; i < count; i++)
            free(handover_take(handover));
    }
    microbench_end(pass);
}

const struct microbench microbench_malloc_crossing = {
    .name = "malloc/crossing",
    .summary = "malloc and touch on one thread, free on the other",
    .cases = rows_small,
    .threads = rows_pair,
    .setup = setup,
    .teardown = teardown,
    .run = run,
};
