/* SPDX-License-Identifier: MIT */
/* seed.c - a seed of few digits. */
#include "command/seed.h"

#include "core/clock.h"

#include <sys/random.h>
#include <sys/types.h>

uint64_t seed_draw(void)
{
    uint32_t seed = 0; /* of few digits, to be typed again */
    if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
        seed = (uint32_t)clock_now_ns();
    return seed ? seed : 1;
}
