/* SPDX-License-Identifier: MIT */
/* bandwidth.c - lets through so many bytes a second, of a connection or of all of a proxy's. */
#include "faults/fault.h"

#include "core/clock.h"

#include <stddef.h>

enum {
    SLICES_PER_S = 50, /* so that bytes flow instead of coming in bursts */
    SLICE_BYTES_MIN = 64,
};

enum { OF_CONNECTION, OF_PROXY };

static const char *const scopes[] = {"connection", "proxy", NULL};

struct bandwidth {
    uint64_t rate_bytes_per_s;
    int scope;
    uint64_t free_ns; /* of the whole proxy: when what was let through so far has gone */
};

struct bandwidth_own {
    uint64_t free_ns; /* the same, of this stream */
};

static const struct param bandwidth_params[] = {
    {PARAM_BYTES("rate", bandwidth, rate_bytes_per_s, "0", "per second; 0: nothing goes through"),
     .wire = 1000},
    {PARAM_CHOICE("scope", bandwidth, scope, "connection", "who has it to itself", scopes)},
    {0},
};

static uint64_t sending_ns(uint64_t size_bytes, uint64_t rate_bytes_per_s)
{
    __extension__ unsigned __int128 ns = (unsigned __int128)size_bytes * NS_PER_S;
    return (uint64_t)(ns / rate_bytes_per_s);
}

static enum fault_verdict bandwidth_on_piece(void *self_, void *own_, struct fault_link *link,
                                             struct fault_piece *piece)
{
    (void)link;
    struct bandwidth *self = self_;
    struct bandwidth_own *own = own_;
    uint64_t *free_ns = self->scope == OF_PROXY ? &self->free_ns : &own->free_ns;
    if (self->rate_bytes_per_s == 0) {
        piece->due_ns = CLOCK_NEVER;
        return FAULT_PASS;
    }
    if (piece->end)
        return FAULT_PASS;
    uint64_t slice_bytes = self->rate_bytes_per_s / SLICES_PER_S;
    slice_bytes = slice_bytes < SLICE_BYTES_MIN ? SLICE_BYTES_MIN : slice_bytes;
    if (piece->size_bytes > slice_bytes)
        piece->size_bytes = (size_t)slice_bytes;
    uint64_t begin_ns = piece->due_ns > *free_ns ? piece->due_ns : *free_ns;
    *free_ns = clock_after(begin_ns, sending_ns(piece->size_bytes, self->rate_bytes_per_s));
    piece->due_ns = *free_ns;
    return FAULT_PASS;
}

/* What was held goes on at once when the rate changes: it need not be waited for. */
static uint64_t bandwidth_on_begin(void *self, void *own_, struct fault_link *link, uint64_t now_ns)
{
    (void)self, (void)link;
    struct bandwidth_own *own = own_;
    own->free_ns = now_ns;
    return CLOCK_NEVER;
}

const struct fault_type fault_bandwidth = {
    .name = "bandwidth",
    .summary = "so many bytes a second at most",
    .params = bandwidth_params,
    .state_bytes = sizeof(struct bandwidth),
    .own_bytes = sizeof(struct bandwidth_own),
    .on_begin = bandwidth_on_begin,
    .on_piece = bandwidth_on_piece,
};
