/* SPDX-License-Identifier: MIT */
/* timeout.c - swallows all data, and closes the connection after a time, or when it goes. */
#include "faults/fault.h"

#include "core/clock.h"

struct timeout {
    uint64_t timeout_ns;
};

static const struct param timeout_params[] = {
    {PARAM_NS("timeout", timeout, timeout_ns, "0", "until the connection is closed; 0: never")},
    {0},
};

static uint64_t timeout_on_begin(void *self_, void *own, struct fault_link *link, uint64_t now_ns)
{
    (void)own, (void)link;
    const struct timeout *self = self_;
    return self->timeout_ns ? clock_after(now_ns, self->timeout_ns) : CLOCK_NEVER;
}

static enum fault_verdict timeout_on_piece(void *self, void *own, struct fault_link *link,
                                           struct fault_piece *piece)
{
    (void)self, (void)own, (void)link, (void)piece;
    return FAULT_DROP;
}

static enum fault_verdict timeout_on_time(void *self, void *own, struct fault_link *link,
                                          uint64_t now_ns, uint64_t *again_ns)
{
    (void)self, (void)own, (void)link, (void)now_ns;
    *again_ns = CLOCK_NEVER;
    return FAULT_CLOSE;
}

/* Data is missing: there is nothing sensible to go on with. */
static enum fault_verdict timeout_on_end(void *self, void *own, struct fault_link *link)
{
    (void)self, (void)own, (void)link;
    return FAULT_CLOSE;
}

const struct fault_type fault_timeout = {
    .name = "timeout",
    .summary = "data is lost, then the connection is closed",
    .params = timeout_params,
    .state_bytes = sizeof(struct timeout),
    .on_begin = timeout_on_begin,
    .on_piece = timeout_on_piece,
    .on_time = timeout_on_time,
    .on_end = timeout_on_end,
};
