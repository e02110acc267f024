/* SPDX-License-Identifier: MIT */
/* metadata.c - the loop that the metadata benchmarks share. */
#include "micro/metadata.h"

#include <string.h>

static const struct metadata sample = {
    .trace_id = "4bf92f3577b34da6a3ce929d0e0e4736",
    .tenant = "acme-europe",
    .locale = "de-DE",
    .roles = "reader,editor,auditor",
    .user_id = 1000001,
    .deadline_ms = 1500,
    .attempt = 1,
    .sampled = 1,
};

static bool is_same(const struct metadata *a, const struct metadata *b)
{
    return strcmp(a->trace_id, b->trace_id) == 0 && strcmp(a->tenant, b->tenant) == 0 &&
           strcmp(a->locale, b->locale) == 0 && strcmp(a->roles, b->roles) == 0 &&
           a->user_id == b->user_id && a->deadline_ms == b->deadline_ms &&
           a->attempt == b->attempt && a->sampled == b->sampled;
}

void metadata_run(struct microbench_pass *pass, metadata_carry *carry)
{
    struct metadata in = sample, out = {.user_id = 0};
    if (!carry(&in, &out) || !is_same(&in, &out)) {
        microbench_fail(pass, "the metadata did not come through");
        return;
    }
    uint64_t lost = 0;
    uint64_t count = microbench_begin(pass);
    for (uint64_t i = 0; i < count; i++) {
        in.user_id++;
        microbench_use(&in);
        lost += !carry(&in, &out) || out.user_id != in.user_id;
        microbench_use(&out);
    }
    microbench_end(pass);
    microbench_count(pass, "lost", lost);
}
