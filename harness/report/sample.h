/* SPDX-License-Identifier: MIT */
/* sample.h - takes a figure from the rounds of a result, block by block, and estimates it; for
 * verdict.c and grid.c alone. */
#ifndef POOLSTORM_REPORT_SAMPLE_H
#define POOLSTORM_REPORT_SAMPLE_H

#include "report/verdict.h"

/* What to take: the left side of a comparison, or a figure. */
struct sample {
    const struct result *result;
    const struct expr_comparison *comparison; /* or NULL */
    const struct expr *figure;                /* or NULL */
    int variant;                              /* of the result, for paths without one; -1: none */
    bool every;                               /* asked of each round by itself, whatever the
                                                 operator, of those that broke an invariant, too */
};

/* What it is held against, and whether it holds in every round by itself. */
struct sample_held {
    enum expr_op op;
    double limit, tolerance;
    bool all;         /* out; false when there are no rounds */
    size_t elsewhere; /* out: invalid rounds in which it does not hold */
};

int sample_measure(const struct sample *sample, struct sample_held *held, struct measured *out,
                   struct err *err);

/* A variant's metric of the whole round over the baseline's. */
int sample_versus(const struct result *result, size_t variant, int metric, struct measured *out,
                  struct err *err);

/* Blocks of which any round ran. */
size_t sample_blocks_ran(const struct result *result);

#endif
