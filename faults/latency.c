/* SPDX-License-Identifier: MIT */
/* latency.c - sends every piece later than it came; the end of the stream, too. */
#include "faults/delay.h"
#include "faults/fault.h"

#include "core/clock.h"

struct latency {
    struct delay delay;
};

static const struct param latency_params[] = {
    DELAY_PARAMS("latency", latency, delay),
    {0},
};

static int latency_check(const void *self_, struct err *err)
{
    const struct latency *self = self_;
    return delay_check(&self->delay, err);
}

static int latency_prepare(void *self_, struct err *err)
{
    struct latency *self = self_;
    return delay_prepare(&self->delay, err);
}

static void latency_fini(void *self_)
{
    struct latency *self = self_;
    delay_fini(&self->delay);
}

static enum fault_verdict latency_on_piece(void *self_, void *own, struct fault_link *link,
                                           struct fault_piece *piece)
{
    (void)own;
    const struct latency *self = self_;
    piece->due_ns = clock_after(piece->due_ns, delay_draw(&self->delay, link->rng));
    return FAULT_PASS;
}

const struct fault_type fault_latency = {
    .name = "latency",
    .summary = "everything arrives later",
    .params = latency_params,
    .state_bytes = sizeof(struct latency),
    .check = latency_check,
    .prepare = latency_prepare,
    .fini = latency_fini,
    .on_piece = latency_on_piece,
};
