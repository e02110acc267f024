/* SPDX-License-Identifier: MIT */
/* histogram_record.c - one latency counted, over values as a service has them. */
#include "benchmark/benchmark.h"
#include "core/rng.h"
#include "measure/hist.h"

enum { VALUES = 4096 };

/* a: mean in ns of what is recorded, exponentially distributed; 0: always the same 1 ms. */
static const struct microbench_case rows[] = {
    {"constant", 0, 0}, {"around_100us", 100000, 0}, {"around_10ms", 10000000, 0}, {0}};

static void run(struct microbench_pass *pass)
{
    static _Thread_local uint64_t values_ns[VALUES];
    struct hist *hist = NULL;
    if (hist_create_default(&hist, NULL)) {
        microbench_fail(pass, "no memory for a histogram");
        return;
    }
    struct rng rng;
    rng_init(&rng, 1, 0);
    for (size_t i = 0; i < VALUES; i++) {
        double mean_ns = (double)pass->row->a;
        values_ns[i] = pass->row->a ? (uint64_t)rng_exponential(&rng, mean_ns) : 1000000;
        hist_record(hist, values_ns[i]); /* faults the pages in */
    }
    uint64_t count = microbench_begin(pass);
    for (uint64_t i = 0; i < count; i++) {
        hist_record(hist, values_ns[i % VALUES]);
        microbench_use(hist);
    }
    microbench_end(pass);
    hist_destroy(hist);
}

const struct microbench microbench_histogram_record = {
    .name = "histogram/record",
    .summary = "record one value",
    .cases = rows,
    .run = run,
};
