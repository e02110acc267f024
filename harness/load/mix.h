/* SPDX-License-Identifier: MIT */
/* mix.h - requests rendered once, to be sent many times with another token each. */
#ifndef POOLSTORM_LOAD_MIX_H
#define POOLSTORM_LOAD_MIX_H

#include "core/rng.h"
#include "load/load.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One request as it goes over the wire. Owned by the mix. */
struct mix_request {
    char *bytes;         /* head and body, tokens not yet filled in */
    size_t length;       /* of bytes */
    size_t *token_at;    /* offsets at which the token belongs */
    size_t token_count;  /* how many */
    double weight_until; /* cumulated share: picked when a draw from [0, 1) is below */
    bool to_head;        /* the reply has no body */
    bool writes;         /* its method is neither GET nor HEAD */
};

/* Immutable once made; any thread may read it. */
struct mix {
    struct mix_request *requests;
    size_t count;
    size_t bytes; /* of all requests together */
};

/* Renders the job's requests. -ENOMEM; -EINVAL for a header line that is none. */
int mix_init(struct mix *mix, const struct load_job *job, struct err *err);
void mix_fini(struct mix *mix);

/* Draws one by weight. */
static inline const struct mix_request *mix_pick(const struct mix *mix, struct rng *rng)
{
    const struct mix_request *request = mix->requests;
    if (mix->count > 1) {
        double draw = rng_unit(rng);
        while (draw >= request->weight_until && request < mix->requests + mix->count - 1)
            request++;
    }
    return request;
}

#endif
