/* SPDX-License-Identifier: MIT */
/* connect.c - new connections take long, or never come about. Needs no upstream. */
#include "faults/fault.h"

#include "core/clock.h"

#include <errno.h>

enum { ACCEPT, SYN };

static const char *const hows[] = {"accept", "syn", NULL};

struct connect {
    uint64_t delay_ns;
    int how;
};

static const struct param connect_params[] = {
    {PARAM_NS("delay", connect, delay_ns, "0", "until the upstream is called; 0: never")},
    {PARAM_CHOICE("how", connect, how, "accept",
                  "the client is connected and waits, or its SYN is not answered", hows)},
    {0},
};

static int connect_check(const void *self_, struct err *err)
{
    const struct connect *self = self_;
    if (self->how == SYN && self->delay_ns != 0)
        return err_set(err, -EINVAL, "delay: expected 0 with how: syn, which is never answered");
    return 0;
}

static enum fault_verdict connect_on_arrival(void *self_, struct fault_link *link,
                                             struct fault_arrival *arrival)
{
    (void)link;
    const struct connect *self = self_;
    arrival->due_ns = self->delay_ns ? clock_after(arrival->due_ns, self->delay_ns) : CLOCK_NEVER;
    return FAULT_PASS;
}

static enum fault_door connect_door(void *self_, uint64_t now_ns, uint64_t *again_ns)
{
    (void)now_ns;
    *again_ns = CLOCK_NEVER;
    const struct connect *self = self_;
    return self->how == SYN ? FAULT_DOOR_SILENT : FAULT_DOOR_OPEN;
}

const struct fault_type fault_connect = {
    .name = "connect",
    .summary = "connecting takes long, or for ever",
    .params = connect_params,
    .state_bytes = sizeof(struct connect),
    .both = true,
    .check = connect_check,
    .on_arrival = connect_on_arrival,
    .door = connect_door,
};
