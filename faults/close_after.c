/* SPDX-License-Identifier: MIT */
/* close_after.c - closes connections after a time, with data flowing until then. */
#include "faults/fault.h"

#include "core/clock.h"

struct close_after {
    uint64_t time_ns;
};

static const struct param close_after_params[] = {
    {PARAM_NS("time", close_after, time_ns, "0", "since it began to act on the connection")},
    {0},
};

static uint64_t close_after_on_begin(void *self_, void *own, struct fault_link *link,
                                     uint64_t now_ns)
{
    (void)own, (void)now_ns;
    const struct close_after *self = self_;
    return clock_after(link->begun_ns, self->time_ns);
}

static enum fault_verdict close_after_on_time(void *self, void *own, struct fault_link *link,
                                              uint64_t now_ns, uint64_t *again_ns)
{
    (void)self, (void)own, (void)link, (void)now_ns;
    *again_ns = CLOCK_NEVER;
    return FAULT_CLOSE;
}

const struct fault_type fault_close_after = {
    .name = "close_after",
    .summary = "connections end after a time",
    .params = close_after_params,
    .state_bytes = sizeof(struct close_after),
    .both = true,
    .on_begin = close_after_on_begin,
    .on_time = close_after_on_time,
};
