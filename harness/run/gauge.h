/* SPDX-License-Identifier: MIT */
/* gauge.h - what a gauge read, sample by sample at equal distances, over a phase. One thread. */
#ifndef POOLSTORM_RUN_GAUGE_H
#define POOLSTORM_RUN_GAUGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GAUGE_KEPT_MAX = 600 }; /* entries that a record keeps of a phase */

/* Zeroed: nothing was sampled. Entry i is of start_ns + i * period_ns. */
struct gauge {
    uint64_t start_ns;  /* of the first entry, since the load's clock started */
    uint64_t period_ns; /* from an entry to the next; longer than sampled once it is thinned */
    uint64_t taken;     /* samples that were answered */
    uint64_t missed;    /* samples that were due and have no answer */
    bool opened;        /* opening is set */
    double opening;     /* what was there before start_ns, just as the phase began */
    double low, high;   /* of all that were taken, and the opening; NAN without any */
    size_t count;       /* entries */
    double *values;     /* NAN: missing, which is not 0 */
    size_t room;        /* of values */
};

void gauge_fini(struct gauge *gauge);

/* Puts a sample into an entry, behind the last one; those left out in between are missing, and so
 * is NAN. 0 or -ENOMEM. */
int gauge_put(struct gauge *gauge, size_t index, double value);

/* Leaves only the entries from start_ns on that lie before length_ns, shifts them so that start_ns
 * is 0, and counts what is among them. */
void gauge_cut(struct gauge *gauge, uint64_t start_ns, uint64_t length_ns);

/* The one figure of a plan's take (enum plan_take). The opening counts for the most and the least,
 * but not for the mean: it is of a moment before the phase's load. NAN without samples. */
double gauge_take(const struct gauge *gauge, int take);

/* How long after start_ns of 0 a bound (enum expr_op) was met for the first time; 0 when the
 * opening did. NAN: never. */
double gauge_reached(const struct gauge *gauge, int op, double limit);

/* Joins neighbours, as take says, until at most limit (1 or more) entries are left. */
void gauge_thin(struct gauge *gauge, size_t limit, int take);

#endif
