/* SPDX-License-Identifier: MIT */
/* schedule.c - draws every other block and mirrors it into the next. */
#include "run/schedule.h"

#include "core/rng.h"

enum { STREAM_SCHEDULE = 0x5c4ed };

/* Fisher and Yates. */
static void shuffle(size_t *order, size_t count, struct rng *rng)
{
    for (size_t i = 0; i < count; i++)
        order[i] = i;
    for (size_t i = count; i > 1; i--) {
        size_t other = (size_t)rng_below(rng, i), moved = order[i - 1];
        order[i - 1] = order[other];
        order[other] = moved;
    }
}

void schedule_fill(size_t *order, size_t block_count, size_t variant_count, uint64_t seed)
{
    struct rng rng;
    rng_init(&rng, seed, STREAM_SCHEDULE);
    for (size_t block = 0; block < block_count; block++) {
        size_t *this = order + block * variant_count;
        if (block % 2 == 0)
            shuffle(this, variant_count, &rng);
        else
            for (size_t i = 0; i < variant_count; i++)
                this[i] = this[-1 - (ptrdiff_t)i];
    }
}
