/* SPDX-License-Identifier: MIT */
/* pool.h - the object pool as the benchmarks set it up. */
#ifndef POOLSTORM_MICRO_POOL_H
#define POOLSTORM_MICRO_POOL_H

#include "benchmark/benchmark.h"
#include "subject/object_pool.h"

/* A pool of objects of row->a bytes, shared by the pass. */
void *pool_setup(const struct microbench_pass *pass);
void pool_teardown(const struct microbench_pass *pass);

#endif
