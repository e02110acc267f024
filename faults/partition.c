/* SPDX-License-Identifier: MIT */
/* partition.c - the network between the two sides is cut, one way or both.
 *
 * Held: nothing comes through, and nobody hears of it; after the partition all of it does, as TCP
 * sends again what was not acknowledged. Refused: a firewall answers instead, with a reset for what
 * is sent on a connection and a refusal for new ones. */
#include "faults/connections.h"
#include "faults/fault.h"

#include "core/clock.h"

#include <errno.h>

enum { HOLD, REFUSE };

static const char *const hows[] = {"hold", "refuse", NULL};

struct partition {
    int connections; /* enum connections */
    int how;
    bool dead;
};

static const struct param partition_params[] = {
    {PARAM_CHOICE("connections", partition, connections, "both", "it is between",
                  connections_names)},
    {PARAM_CHOICE("how", partition, how, "hold", "nothing is heard, or a refusal", hows)},
    {PARAM_BOOL("dead", partition, dead, "false",
                "established connections stay dead when it is over, and nobody is told")},
    {0},
};

static int partition_check(const void *self_, struct err *err)
{
    const struct partition *self = self_;
    if (self->dead && self->how != HOLD)
        return err_set(err, -EINVAL, "dead: a connection that was refused is known to be dead");
    if (self->dead && self->connections == CONNECTIONS_NEW)
        return err_set(err, -EINVAL, "dead: expected connections: established or both with it");
    return 0;
}

static enum fault_verdict partition_on_piece(void *self_, void *own, struct fault_link *link,
                                             struct fault_piece *piece)
{
    (void)own;
    const struct partition *self = self_;
    if (!connections_include(self->connections, link->established))
        return FAULT_PASS;
    if (self->how == REFUSE)
        return FAULT_RESET;
    piece->due_ns = CLOCK_NEVER;
    return FAULT_PASS;
}

static enum fault_verdict partition_on_end(void *self_, void *own, struct fault_link *link)
{
    (void)own;
    const struct partition *self = self_;
    return self->dead && link->established ? FAULT_DROP : FAULT_PASS;
}

/* Where the door cannot be shut for some alone. */
static enum fault_verdict partition_on_arrival(void *self_, struct fault_link *link,
                                               struct fault_arrival *arrival)
{
    (void)link;
    const struct partition *self = self_;
    if (!connections_include(self->connections, false))
        return FAULT_PASS;
    if (self->how == REFUSE)
        return FAULT_RESET;
    arrival->due_ns = CLOCK_NEVER;
    return FAULT_PASS;
}

/* One way is enough: a handshake needs both. */
static enum fault_door partition_door(void *self_, uint64_t now_ns, uint64_t *again_ns)
{
    (void)now_ns;
    *again_ns = CLOCK_NEVER;
    const struct partition *self = self_;
    if (!connections_include(self->connections, false))
        return FAULT_DOOR_OPEN;
    return self->how == REFUSE ? FAULT_DOOR_REFUSED : FAULT_DOOR_SILENT;
}

const struct fault_type fault_partition = {
    .name = "partition",
    .summary = "nothing comes through, one way or both",
    .params = partition_params,
    .state_bytes = sizeof(struct partition),
    .both = true,
    .check = partition_check,
    .on_arrival = partition_on_arrival,
    .on_piece = partition_on_piece,
    .on_end = partition_on_end,
    .door = partition_door,
};
