/* SPDX-License-Identifier: MIT */
/* limit_data.c - closes a connection once so many bytes have gone through. */
#include "faults/fault.h"

#include <stddef.h>

struct limit_data {
    uint64_t limit_bytes;
};

struct limit_data_own {
    uint64_t passed_bytes; /* kept when the limit changes */
};

static const struct param limit_data_params[] = {
    {PARAM_BYTES("bytes", limit_data, limit_bytes, "0", "that still go through")},
    {0},
};

static enum fault_verdict limit_data_on_piece(void *self_, void *own_, struct fault_link *link,
                                              struct fault_piece *piece)
{
    (void)link;
    const struct limit_data *self = self_;
    struct limit_data_own *own = own_;
    if (piece->end)
        return FAULT_PASS;
    uint64_t left_bytes =
        self->limit_bytes > own->passed_bytes ? self->limit_bytes - own->passed_bytes : 0;
    bool reached = piece->size_bytes >= left_bytes;
    if (reached)
        piece->size_bytes = (size_t)left_bytes;
    own->passed_bytes += piece->size_bytes;
    return reached ? FAULT_CLOSE : FAULT_PASS;
}

const struct fault_type fault_limit_data = {
    .name = "limit_data",
    .summary = "connections end after so many bytes",
    .params = limit_data_params,
    .state_bytes = sizeof(struct limit_data),
    .own_bytes = sizeof(struct limit_data_own),
    .on_piece = limit_data_on_piece,
};
