/* SPDX-License-Identifier: MIT */
/* latency.c - sends every piece later by latency, give or take jitter. */
#include "faults/fault.h"

#include "core/clock.h"

struct latency {
    uint64_t latency_ns, jitter_ns;
};

static const struct param latency_params[] = {
    {PARAM_NS("latency", latency, latency_ns, "0", "added to every piece")},
    {PARAM_NS("jitter", latency, jitter_ns, "0", "spread around latency")},
    {0},
};

static enum fault_verdict latency_on_piece(void *self_, void *own, struct fault_link *link,
                                           struct fault_piece *piece)
{
    (void)own;
    const struct latency *self = self_;
    uint64_t spread_ns = rng_below(link->rng, 2 * self->jitter_ns + 1);
    uint64_t late_ns = clock_after(self->latency_ns, spread_ns);
    piece->due_ns =
        clock_after(piece->due_ns, late_ns > self->jitter_ns ? late_ns - self->jitter_ns : 0);
    return FAULT_PASS;
}

const struct fault_type fault_latency = {
    .name = "latency",
    .summary = "everything arrives later",
    .params = latency_params,
    .state_bytes = sizeof(struct latency),
    .on_piece = latency_on_piece,
};
