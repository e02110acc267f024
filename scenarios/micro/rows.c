/* SPDX-License-Identifier: MIT */
/* rows.c - the sizes, touches and threads that the memory benchmarks share. */
#include "micro/rows.h"

const struct microbench_case rows_sizes[] = {
    {"1KiB/first", 1 << 10, 0},     {"4KiB/first", 4 << 10, 0},   {"64KiB/first", 64 << 10, 0},
    {"256KiB/first", 256 << 10, 0}, {"1KiB/all", 1 << 10, 1},     {"4KiB/all", 4 << 10, 1},
    {"64KiB/all", 64 << 10, 1},     {"256KiB/all", 256 << 10, 1}, {0},
};

const struct microbench_case rows_small[] = {{"1KiB/first", 1 << 10, 0}, {0}};

const int rows_threads[] = {1, 2, 0};

const int rows_pair[] = {2, 0};
