/* SPDX-License-Identifier: MIT */
/* delay.h - how long faults that delay do so: settings and draws, for kinds to embed.
 *
 * Around `delay`, by `distribution`:
 *   uniform  delay - jitter to delay + jitter; the least is 0
 *   normal   mean delay, standard deviation jitter; the least is 0
 *   pareto   never below delay, jitter more on average, with a heavy tail: Lomax's distribution of
 *            shape 3 (1 in 100 is more than 7, 1 in 10,000 more than 41 times jitter later)
 * or delay and what a file of percentiles says, as HdrHistogram's tools write them (.hgrm): linear
 * between its lines, never beyond its last. On the proxy's ring thread. */
#ifndef POOLSTORM_FAULTS_DELAY_H
#define POOLSTORM_FAULTS_DELAY_H

#include "core/err.h"
#include "core/param.h"
#include "core/rng.h"

struct delay_table;

struct delay {
    uint64_t delay_ns, jitter_ns;
    int distribution;          /* of delay_distributions */
    char *file;                /* NULL: none */
    uint64_t unit_ns;          /* of the file's values */
    struct delay_table *table; /* the file, read; by delay_prepare */
};

extern const char *const delay_distributions[]; /* ends with NULL */

/* Lines for a kind's table: name is that of the delay itself, field a struct delay in struct_. */
#define DELAY_PARAMS(name_, struct_, field_)                                                       \
    {PARAM_NS(name_, struct_, field_.delay_ns, "0", "how much later")},                            \
        {PARAM_NS("jitter", struct_, field_.jitter_ns, "0", "spread around it")},                  \
        {PARAM_CHOICE("distribution", struct_, field_.distribution, "uniform", "how it is spread", \
                      delay_distributions)},                                                       \
        {PARAM_TEXT("file", struct_, field_.file, NULL,                                            \
                    "percentiles to draw from instead, an .hgrm file")},                           \
    {                                                                                              \
        PARAM_NS("unit", struct_, field_.unit_ns, "1ms", "of the file's values")                   \
    }

/* For the hooks of the same names. */
int delay_check(const struct delay *delay, struct err *err);
int delay_prepare(struct delay *delay, struct err *err);
void delay_fini(struct delay *delay);

/* One draw, in ns. */
uint64_t delay_draw(const struct delay *delay, struct rng *rng);

#endif
