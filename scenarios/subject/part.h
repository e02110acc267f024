/* SPDX-License-Identifier: MIT */
/* part.h - a thread's part of a limit that is the process's. */
#ifndef POOLSTORM_SUBJECT_PART_H
#define POOLSTORM_SUBJECT_PART_H

#include <stdint.h>

/* Of thread `index`, from 0; the first ones get what is left over. */
static inline uint64_t part_of(uint64_t limit, uint64_t threads, unsigned index)
{
    return limit / threads + (index < limit % threads ? 1 : 0);
}

#endif
