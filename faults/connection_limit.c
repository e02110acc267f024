/* SPDX-License-Identifier: MIT */
/* connection_limit.c - so many connections at once; more wait, or are refused. */
#include "faults/fault.h"

#include "core/clock.h"

enum { WAIT, REFUSE };

static const char *const hows[] = {"wait", "refuse", NULL};

struct connection_limit {
    uint64_t max;
    int how;
};

static const struct param connection_limit_params[] = {
    {PARAM_COUNT("max", connection_limit, max, "0", "connections of the proxy at once")},
    {PARAM_CHOICE("how", connection_limit, how, "wait", "what becomes of more", hows)},
    {0},
};

static enum fault_verdict connection_limit_on_arrival(void *self_, struct fault_link *link,
                                                      struct fault_arrival *arrival)
{
    (void)link;
    const struct connection_limit *self = self_;
    if (arrival->links_open < self->max)
        return FAULT_PASS;
    if (self->how == REFUSE)
        return FAULT_RESET;
    arrival->due_ns = CLOCK_NEVER;
    return FAULT_PASS;
}

const struct fault_type fault_connection_limit = {
    .name = "connection_limit",
    .summary = "so many connections at once",
    .params = connection_limit_params,
    .state_bytes = sizeof(struct connection_limit),
    .both = true,
    .on_arrival = connection_limit_on_arrival,
};
