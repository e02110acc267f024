/* SPDX-License-Identifier: MIT */
/* reset_peer.c - resets connections, at once or after a time; those that are open, too. */
#include "faults/fault.h"

#include "core/clock.h"

struct reset_peer {
    uint64_t timeout_ns;
};

struct reset_peer_own {
    uint64_t reset_ns; /* when */
};

static const struct param reset_peer_params[] = {
    {PARAM_NS("timeout", reset_peer, timeout_ns, "0", "until then nothing comes through")},
    {0},
};

static uint64_t reset_peer_on_begin(void *self_, void *own_, struct fault_link *link,
                                    uint64_t now_ns)
{
    (void)link;
    const struct reset_peer *self = self_;
    struct reset_peer_own *own = own_;
    own->reset_ns = clock_after(now_ns, self->timeout_ns);
    return own->reset_ns;
}

static enum fault_verdict reset_peer_on_piece(void *self, void *own_, struct fault_link *link,
                                              struct fault_piece *piece)
{
    (void)self, (void)link;
    const struct reset_peer_own *own = own_;
    if (piece->due_ns < own->reset_ns)
        piece->due_ns = own->reset_ns;
    return FAULT_RESET;
}

static enum fault_verdict reset_peer_on_time(void *self, void *own, struct fault_link *link,
                                             uint64_t now_ns, uint64_t *again_ns)
{
    (void)self, (void)own, (void)link, (void)now_ns;
    *again_ns = CLOCK_NEVER;
    return FAULT_RESET;
}

const struct fault_type fault_reset_peer = {
    .name = "reset_peer",
    .summary = "connections are reset",
    .params = reset_peer_params,
    .state_bytes = sizeof(struct reset_peer),
    .own_bytes = sizeof(struct reset_peer_own),
    .on_begin = reset_peer_on_begin,
    .on_piece = reset_peer_on_piece,
    .on_time = reset_peer_on_time,
};
