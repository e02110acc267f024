/* SPDX-License-Identifier: MIT */
/* rank.h - exact null distributions of rank statistics, by counting; for stats.c.
 *
 * Ranks are given doubled, so that mid-ranks of ties (2.5) are integers too. A distribution is an
 * array of probabilities, index w for the doubled rank sum w, freed by the caller. */
#ifndef POOLSTORM_MEASURE_RANK_H
#define POOLSTORM_MEASURE_RANK_H

#include <stddef.h>
#include <stdint.h>

struct rank_dist {
    double *probability; /* of each doubled sum; length entries */
    size_t length;       /* the largest possible doubled sum, plus 1 */
};

/* What is ranked: doubled ranks, and sum over groups of ties of t^3 - t, for the variance. */
struct ranks {
    uint32_t *doubled; /* of value i, in the order of the values; freed by ranks_free */
    double tie_term;
};

/* Ranks count values, ascending, ties by mid-ranks. -ENOMEM. */
int ranks_make(struct ranks *ranks, const double *values, size_t count);
void ranks_free(struct ranks *ranks);

/* The sum of those of count doubled ranks whose signs come up positive, each with probability 1/2
 * (Wilcoxon). -ENOMEM. */
int rank_dist_signed(struct rank_dist *dist, const uint32_t *doubled, size_t count);

/* The sum of chosen ones of count doubled ranks, all choices equally likely (Mann and Whitney). */
int rank_dist_chosen(struct rank_dist *dist, const uint32_t *doubled, size_t count, size_t chosen);

void rank_dist_free(struct rank_dist *dist);

/* The probability of a doubled sum of at most w, of at least w. */
double rank_dist_at_most(const struct rank_dist *dist, size_t w);
double rank_dist_at_least(const struct rank_dist *dist, size_t w);

#endif
