/* SPDX-License-Identifier: MIT */
/* metadata.h - what a request carries along beside its content, the same for all ways to carry it.
 */
#ifndef POOLSTORM_MICRO_METADATA_H
#define POOLSTORM_MICRO_METADATA_H

#include "benchmark/benchmark.h"

struct metadata {
    char trace_id[40], tenant[32], locale[16], roles[64];
    uint64_t user_id, deadline_ms, attempt, sampled;
};

/* A way to carry it: in is written down where the request leaves, and read into out where it comes
 * in. False: it did not come through. */
typedef bool metadata_carry(const struct metadata *in, struct metadata *out);

/* The body of a benchmark: carries one after the other, which differ, once looking whether it is
 * the same that comes out. */
void metadata_run(struct microbench_pass *pass, metadata_carry *carry);

#endif
