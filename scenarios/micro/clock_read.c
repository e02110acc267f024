/* SPDX-License-Identifier: MIT */
/* clock_read.c - the yardstick beside every measuring of time: one reading of the clock. */
#include "benchmark/benchmark.h"
#include "core/clock.h"

static void run(struct microbench_pass *pass)
{
    uint64_t count = microbench_begin(pass);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t now_ns = clock_now_ns();
        microbench_use(&now_ns);
    }
    microbench_end(pass);
}

const struct microbench microbench_clock_read = {
    .name = "clock/read",
    .summary = "clock_gettime(CLOCK_MONOTONIC)",
    .run = run,
};
