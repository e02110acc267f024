/* SPDX-License-Identifier: MIT */
/* flapping.c - a partition that comes and goes: each period begins with its black hole, the first
 * one when the fault is added or changed. */
#include "faults/connections.h"
#include "faults/fault.h"

#include "core/clock.h"

#include <errno.h>

struct flapping {
    uint64_t period_ns;
    double duty;
    int connections;    /* enum connections */
    uint64_t origin_ns; /* when the first period began */
};

static const struct param flapping_params[] = {
    {PARAM_NS("period", flapping, period_ns, "1s", "from one black hole to the next"),
     .min = NS_PER_MS, .max = 3600e9},
    {PARAM_SHARE("duty", flapping, duty, "50%", "of each period in which all is well; its end")},
    {PARAM_CHOICE("connections", flapping, connections, "both", "it is about", connections_names)},
    {0},
};

static const char *const flapping_paced[] = {"period", NULL};

static int flapping_check(const void *self_, struct err *err)
{
    const struct flapping *self = self_;
    if (self->period_ns == 0)
        return err_set(err, -EINVAL, "period: expected at least 1ms");
    if (self->duty <= 0)
        return err_set(err, -EINVAL, "duty: expected more than 0; a partition never ends");
    return 0;
}

/* The end of the black hole that time_ns is in, or time_ns where it is in none. */
static uint64_t clear_ns(const struct flapping *self, uint64_t time_ns)
{
    if (time_ns < self->origin_ns)
        return time_ns;
    uint64_t hole_ns = (uint64_t)((double)self->period_ns * (1 - self->duty));
    uint64_t into_ns = (time_ns - self->origin_ns) % self->period_ns;
    return into_ns < hole_ns ? time_ns - into_ns + hole_ns : time_ns;
}

static void flapping_on_add(void *self_, uint64_t now_ns)
{
    struct flapping *self = self_;
    self->origin_ns = now_ns;
}

static enum fault_verdict flapping_on_piece(void *self_, void *own, struct fault_link *link,
                                            struct fault_piece *piece)
{
    (void)own;
    const struct flapping *self = self_;
    if (connections_include(self->connections, link->established))
        piece->due_ns = clear_ns(self, piece->due_ns);
    return FAULT_PASS;
}

static enum fault_verdict flapping_on_arrival(void *self_, struct fault_link *link,
                                              struct fault_arrival *arrival)
{
    (void)link;
    const struct flapping *self = self_;
    if (connections_include(self->connections, false))
        arrival->due_ns = clear_ns(self, arrival->due_ns);
    return FAULT_PASS;
}

static enum fault_door flapping_door(void *self_, uint64_t now_ns, uint64_t *again_ns)
{
    const struct flapping *self = self_;
    uint64_t open_ns = clear_ns(self, now_ns);
    if (!connections_include(self->connections, false))
        return FAULT_DOOR_OPEN;
    if (open_ns > now_ns) {
        *again_ns = open_ns;
        return FAULT_DOOR_SILENT;
    }
    uint64_t into_ns = (now_ns - self->origin_ns) % self->period_ns;
    *again_ns = now_ns - into_ns + self->period_ns;
    return FAULT_DOOR_OPEN;
}

const struct fault_type fault_flapping = {
    .name = "flapping",
    .summary = "a partition that comes and goes",
    .params = flapping_params,
    .paced = flapping_paced,
    .state_bytes = sizeof(struct flapping),
    .both = true,
    .check = flapping_check,
    .on_add = flapping_on_add,
    .on_arrival = flapping_on_arrival,
    .on_piece = flapping_on_piece,
    .door = flapping_door,
};
