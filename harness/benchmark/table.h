/* SPDX-License-Identifier: MIT */
/* table.h - the micro-benchmarks there are; the table is generated from scenarios/micro's names. */
#ifndef POOLSTORM_BENCHMARK_TABLE_H
#define POOLSTORM_BENCHMARK_TABLE_H

#include "benchmark/benchmark.h"

/* Ends with NULL. */
extern const struct microbench *const microbenchmarks[];

#endif
