/* SPDX-License-Identifier: MIT */
/* slow_close.c - hands the end of a stream on later. */
#include "faults/fault.h"

#include "core/clock.h"

struct slow_close {
    uint64_t delay_ns;
};

static const struct param slow_close_params[] = {
    {PARAM_NS("delay", slow_close, delay_ns, "0", "how much later")},
    {0},
};

static enum fault_verdict slow_close_on_piece(void *self_, void *own, struct fault_link *link,
                                              struct fault_piece *piece)
{
    (void)own, (void)link;
    const struct slow_close *self = self_;
    if (piece->end)
        piece->due_ns = clock_after(piece->due_ns, self->delay_ns);
    return FAULT_PASS;
}

const struct fault_type fault_slow_close = {
    .name = "slow_close",
    .summary = "connections end later",
    .params = slow_close_params,
    .state_bytes = sizeof(struct slow_close),
    .on_piece = slow_close_on_piece,
};
