/* SPDX-License-Identifier: MIT */
/* rows.h - the sizes, touches and threads that the memory benchmarks share, so that rows compare.
 */
#ifndef POOLSTORM_MICRO_ROWS_H
#define POOLSTORM_MICRO_ROWS_H

#include "benchmark/benchmark.h"

#include <string.h>

/* a: bytes of an object; b: whether all of them are written or only the first. */
extern const struct microbench_case rows_sizes[];

/* Of 1 KiB, first byte touched. */
extern const struct microbench_case rows_small[];

/* One thread, and two. */
extern const int rows_threads[];

/* Two only: one gives what the other takes. */
extern const int rows_pair[];

static inline void rows_touch(void *object, const struct microbench_case *row)
{
    if (row->b)
        memset(object, 1, (size_t)row->a);
    else
        *(char *)object = 1;
    microbench_use(object);
}

#endif
