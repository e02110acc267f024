/* SPDX-License-Identifier: MIT */
/* stats.h - says whether two variants differ: distribution-free estimates and intervals for few
 * rounds, with a false-positive rate that is the stated one.
 *
 * Hodges and Lehmann (1963) for the estimates; Wilcoxon's (1945) signed-rank and Mann and Whitney's
 * (1947) rank-sum distributions, computed exactly, for intervals and p-values; ties by mid-ranks
 * and zeros after Pratt (1959), the distribution then being that of the ranks as they are; Holm
 * (1979) for several metrics. A percentile bootstrap is not used: at 10 pairs it errs twice as
 * often as it says.
 *
 * A value is one round's figure (its QPS, its own P99): requests are not independent samples. No
 * state; any thread; memory is allocated and freed inside. Inputs are never changed. NaN and, on
 * the log scale, values that are not positive are errors (-EDOM), never skipped.
 *
 * An infinite value is one of which only is known that it is larger than all that was watched for:
 * a time that had not come to its end. It ranks above every number, and with another one it ties.
 * stats_noise_band and a null refuse it (-EDOM); the others take it as that:
 *
 *   stats_single, stats_paired  The estimate is the median, the interval that of the sign test:
 *     nothing is symmetric about a middle any more, as Wilcoxon has it. Either may be infinite. Of
 *     a pair whose sides are both infinite the ratio is not known; it may lie anywhere, so that it
 *     counts as the least for the low end and as the most for the high one.
 *   stats_two_samples  Infinite against a number is beyond all other differences; two infinite
 *     values tie at whatever shift, and half of such ties counts for either side.
 *
 * value is NAN where the middle is not known, bounded or not. */
#ifndef POOLSTORM_MEASURE_STATS_H
#define POOLSTORM_MEASURE_STATS_H

#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>

#define STATS_ALPHA      0.05 /* the level: 95 % intervals */
#define STATS_POWER      0.90 /* how often `detectable` would be found */
#define STATS_BAND_LEAST 0.02 /* no noise band is narrower */

enum {
    STATS_VERDICT_PAIRS_MIN = 6, /* below it a signed-rank test cannot reject at 5 % */
    STATS_COUNT_MAX = 512,       /* values in a sample; more is -E2BIG */
};

enum stats_scale {
    STATS_PLAIN, /* differences: shifts in the unit of the values */
    STATS_LOG,   /* logarithms: ratios, or a level known by its factors; values must be positive */
};

/* What a comparison or a single sample says. */
struct stats_estimate {
    size_t count;      /* pairs or values; of two samples: those of the smaller */
    double value;      /* Hodges-Lehmann: a ratio, a shift, or a level; NAN: not known */
    bool bounded;      /* there were enough values for an interval; else low, high say nothing */
    double low, high;  /* the interval, in the unit of value; both equal value when not bounded */
    double confidence; /* what the interval really covers, at least 1 - alpha; 0 when not bounded */
    double p_value;    /* two-sided, of no effect (ratio 1, shift 0, level equal to the null) */
    double detectable; /* the smallest effect found STATS_POWER of the time with a sample like this,
                          as a share for ratios (0.05: 5 %), else in the unit; 0 when not bounded,
                          infinite when a value is */
};

/* B against A, in pairs of rounds: the ratio b/a (STATS_LOG, the rule) or the shift b - a. With
 * alpha STATS_ALPHA it needs 6 pairs to be bounded. -EINVAL without pairs or with an alpha outside
 * (0, 0.5], -EDOM, -E2BIG, -ENOMEM. */
int stats_paired(const double *a, const double *b, size_t count, enum stats_scale scale,
                 double alpha, struct stats_estimate *out, struct err *err);

/* The level of one sample: the pseudo-median and its interval; the p-value is against null, which
 * must be positive on the log scale. */
int stats_single(const double *values, size_t count, double null, enum stats_scale scale,
                 double alpha, struct stats_estimate *out, struct err *err);

/* B against A, from rounds that were not paired: the shift or ratio. Exact up to 100 values
 * together, beyond by the normal approximation with corrections for continuity and ties. */
int stats_two_samples(const double *a, size_t a_count, const double *b, size_t b_count,
                      enum stats_scale scale, double alpha, struct stats_estimate *out,
                      struct err *err);

/* The middle of the values, or of the two in the middle their mean; NAN of none. Puts the values in
 * order; none is NAN. */
double stats_median(double *values, size_t count);

/* The rank j of the interval's ends: from the j-th smallest to the j-th largest of the count *
 * (count + 1) / 2 Walsh averages. 0 when count is too small (or out of range) for an interval at
 * alpha. */
size_t stats_signed_rank_j(size_t count, double alpha);

enum stats_verdict {
    STATS_NO_VERDICT,   /* too few pairs */
    STATS_INCONCLUSIVE, /* the interval reaches across an edge of the band */
    STATS_EQUIVALENT,   /* the interval lies inside the band */
    STATS_BETTER,       /* the interval lies beyond it, on the good side */
    STATS_WORSE,        /* on the bad side */
};

/* The verdict on a ratio of stats_paired, with a noise band (0.02: 2 %). The band is symmetric in
 * the logarithm, from 1 / (1 + band) to 1 + band, so that exchanging the sides exchanges the
 * verdict. */
enum stats_verdict stats_judge(const struct stats_estimate *ratio, double band,
                               bool higher_is_better);

/* "no verdict", "inconclusive", "equivalent", "better", "worse". */
const char *stats_verdict_word(enum stats_verdict verdict);

/* The noise band that A/A ratios ask for: the 95th percentile (nearest rank) of their deviations
 * from 1 either way, at least STATS_BAND_LEAST. */
int stats_noise_band(const double *ratios, size_t count, double *band, struct err *err);

/* Holm's correction: adjusted[i] is to be compared with the level itself. p_values and adjusted may
 * be the same array. -EDOM when one is not in [0, 1]. */
int stats_holm(const double *p_values, size_t count, double *adjusted, struct err *err);

#endif
