/* SPDX-License-Identifier: MIT */
/* slicer.c - cuts data into small pieces, with a pause between them. */
#include "faults/fault.h"

#include "core/clock.h"

struct slicer {
    uint64_t average_bytes, variation_bytes;
    uint64_t delay_ns;
};

struct slicer_own {
    uint64_t next_ns; /* no piece before then */
};

static const struct param slicer_params[] = {
    {PARAM_BYTES("average_size", slicer, average_bytes, "0", "of the pieces; 0: as they come")},
    {PARAM_BYTES("size_variation", slicer, variation_bytes, "0", "up or down")},
    {PARAM_NS("delay", slicer, delay_ns, "0", "between two pieces"), .wire = NS_PER_US},
    {0},
};

static uint64_t slice_bytes(const struct slicer *self, struct rng *rng)
{
    uint64_t most = clock_after(self->average_bytes, self->variation_bytes);
    uint64_t least = self->average_bytes > self->variation_bytes
                         ? self->average_bytes - self->variation_bytes
                         : 1;
    return least + rng_below(rng, most - least + 1);
}

static enum fault_verdict slicer_on_piece(void *self_, void *own_, struct fault_link *link,
                                          struct fault_piece *piece)
{
    const struct slicer *self = self_;
    struct slicer_own *own = own_;
    if (piece->end)
        return FAULT_PASS;
    if (self->average_bytes > 0) {
        uint64_t slice = slice_bytes(self, link->rng);
        if (slice < piece->size_bytes)
            piece->size_bytes = (size_t)slice;
    }
    if (piece->due_ns < own->next_ns)
        piece->due_ns = own->next_ns;
    own->next_ns = clock_after(piece->due_ns, self->delay_ns);
    return FAULT_PASS;
}

/* A change lets go of what waits, so there is nothing to wait behind. */
static uint64_t slicer_on_begin(void *self, void *own_, struct fault_link *link, uint64_t now_ns)
{
    (void)self, (void)link, (void)now_ns;
    struct slicer_own *own = own_;
    own->next_ns = 0;
    return CLOCK_NEVER;
}

const struct fault_type fault_slicer = {
    .name = "slicer",
    .summary = "data comes in small pieces",
    .params = slicer_params,
    .state_bytes = sizeof(struct slicer),
    .own_bytes = sizeof(struct slicer_own),
    .on_begin = slicer_on_begin,
    .on_piece = slicer_on_piece,
};
