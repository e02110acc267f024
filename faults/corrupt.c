/* SPDX-License-Identifier: MIT */
/* corrupt.c - flips single bits, in a share of the bytes or of the pieces. */
#include "faults/fault.h"

#include "core/clock.h"

#include <math.h>
#include <stddef.h>

enum { OF_BYTES, OF_PIECES };

static const char *const whats[] = {"bytes", "pieces", NULL};

struct corrupt {
    double share;
    int of;
};

struct corrupt_own {
    uint64_t clean_bytes; /* still to pass before the next one that is changed */
    bool drawn;           /* clean_bytes was */
};

static const struct param corrupt_params[] = {
    {PARAM_SHARE("share", corrupt, share, "1%", "of them that are changed")},
    {PARAM_CHOICE("of", corrupt, of, "pieces", "what the share is of", whats)},
    {0},
};

static void flip(struct fault_piece *piece, size_t at, struct rng *rng)
{
    unsigned bit = 1U << rng_below(rng, 8);
    piece->data[at] = (char)((unsigned char)piece->data[at] ^ bit);
    piece->changed = true;
}

/* How many are spared until the next: geometric, so that it does not matter how bytes come. */
static uint64_t draw_gap(double share, struct rng *rng)
{
    double gap = log1p(-rng_unit(rng)) / log1p(-share);
    return gap < 0x1p62 ? (uint64_t)gap : UINT64_C(1) << 62;
}

static void corrupt_bytes(const struct corrupt *self, struct corrupt_own *own, struct rng *rng,
                          struct fault_piece *piece)
{
    size_t at = 0;
    if (!own->drawn)
        own->clean_bytes = draw_gap(self->share, rng);
    own->drawn = true;
    while (own->clean_bytes < piece->size_bytes - at) {
        at += (size_t)own->clean_bytes;
        flip(piece, at++, rng);
        own->clean_bytes = draw_gap(self->share, rng);
    }
    own->clean_bytes -= piece->size_bytes - at;
}

static enum fault_verdict corrupt_on_piece(void *self_, void *own, struct fault_link *link,
                                           struct fault_piece *piece)
{
    const struct corrupt *self = self_;
    if (piece->end || self->share <= 0)
        return FAULT_PASS;
    if (self->of == OF_BYTES)
        corrupt_bytes(self, own, link->rng, piece);
    else if (rng_unit(link->rng) < self->share)
        flip(piece, (size_t)rng_below(link->rng, piece->size_bytes), link->rng);
    return FAULT_PASS;
}

/* Another share draws anew. */
static uint64_t corrupt_on_begin(void *self, void *own_, struct fault_link *link, uint64_t now_ns)
{
    (void)self, (void)link, (void)now_ns;
    struct corrupt_own *own = own_;
    own->drawn = false;
    return CLOCK_NEVER;
}

const struct fault_type fault_corrupt = {
    .name = "corrupt",
    .summary = "bits are flipped",
    .params = corrupt_params,
    .state_bytes = sizeof(struct corrupt),
    .own_bytes = sizeof(struct corrupt_own),
    .on_begin = corrupt_on_begin,
    .on_piece = corrupt_on_piece,
};
