/* SPDX-License-Identifier: MIT */
/* hist.h - a high dynamic range histogram of nanoseconds: fixed memory, fixed relative error, and a
 * record that costs a few instructions.
 *
 * The geometry is HdrHistogram's (Gil Tene, public domain), index for index, so that encodings can
 * be exchanged (hist_codec.h): bucket k holds values in units of 2^k, every bucket but the first
 * uses the upper half of its sub-buckets. Values are exact to `digits` significant decimal digits.
 *
 * One thread at a time; one histogram a thread, merged after. Nothing here waits, and nothing but
 * hist_create allocates. */
#ifndef POOLSTORM_MEASURE_HIST_H
#define POOLSTORM_MEASURE_HIST_H

#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What latencies are recorded with unless there is a reason: 1 ns to 1 h, 3 digits, 264 KiB. */
#define HIST_LOWEST_NS  UINT64_C(1)
#define HIST_HIGHEST_NS UINT64_C(3600000000000)
#define HIST_DIGITS     3

/* Geometries that need more than this for their counts are refused, made here or read from a file.
 */
#define HIST_COUNTS_BYTES_MAX (UINT64_C(32) << 20)

/* Where a value is counted. Made by hist_geometry_init; shared with the slots of series.h. */
struct hist_geometry {
    uint64_t lowest_ns;     /* smallest difference to tell apart, at least 1 */
    uint64_t highest_ns;    /* largest value to count as itself, at least 2 * lowest_ns */
    uint64_t unit_mask;     /* the bits of a value that choose a sub-bucket in bucket 0, all set */
    uint32_t counts_length; /* entries of the array of counts */
    uint8_t digits;         /* significant decimal digits, 1 to 5 */
    uint8_t unit_shift;     /* log2 of lowest_ns, rounded down */
    uint8_t half_shift;     /* log2 of half the sub-buckets of a bucket */
    uint8_t bits_base;      /* leading zeros of the largest value of bucket 0 */
};

/* Visible so that recording can be inlined; read through the functions. */
struct hist {
    struct hist_geometry geometry;
    uint64_t count;    /* of values recorded, clamped ones included */
    uint64_t overflow; /* of values above highest_ns, recorded as highest_ns; never hide it */
    uint64_t min_ns;   /* exact smallest recorded, UINT64_MAX while empty */
    uint64_t max_ns;   /* exact largest recorded, 0 while empty */
    uint64_t counts[]; /* geometry.counts_length of them */
};

/* One row of an iteration. */
struct hist_row {
    uint64_t value_ns;   /* the highest value counted up to here, never above the maximum */
    uint64_t count;      /* values of this row alone */
    uint64_t cumulative; /* values up to and with this row */
    double percentile;   /* of cumulative; in a percentile iteration: the tick, 0 to 100 */
};

/* Where an iteration stands. Fill with hist_iter_*; the histogram must not change meanwhile. */
struct hist_iter {
    const struct hist *hist;
    uint32_t index; /* next to be looked at */
    uint32_t
        ticks_per_half;  /* percentile rows each time the distance to 100 % halves; 0: recorded */
    uint64_t cumulative; /* up to the entry before index */
    uint64_t reported;   /* cumulative of the row before */
    double level;        /* the next percentile tick */
    bool done;           /* the row of 100 % was given */
};

/* -EINVAL when the bounds or digits are not usable, -EFBIG above HIST_COUNTS_BYTES_MAX. */
int hist_geometry_init(struct hist_geometry *geometry, uint64_t lowest_ns, uint64_t highest_ns,
                       unsigned digits, struct err *err);

/* The entry that counts value_ns, which must not exceed highest_ns. */
static inline uint32_t hist_index(const struct hist_geometry *g, uint64_t value_ns)
{
    unsigned bucket = g->bits_base - (unsigned)__builtin_clzll(value_ns | g->unit_mask);
    return (uint32_t)((bucket << g->half_shift) + (value_ns >> (bucket + g->unit_shift)));
}

/* The smallest, middle (rounded up) and largest value counted by the entry at index. */
uint64_t hist_index_lowest_ns(const struct hist_geometry *geometry, uint32_t index);
uint64_t hist_index_middle_ns(const struct hist_geometry *geometry, uint32_t index);
uint64_t hist_index_highest_ns(const struct hist_geometry *geometry, uint32_t index);

/* The number of values, of count, that percentile (0 to 100) asks to be reached; at least 1. */
uint64_t hist_rank(uint64_t count, double percentile);

/* An empty histogram on the heap; the kernel gives its pages when they are first touched. -EINVAL,
 * -EFBIG as hist_geometry_init, -ENOMEM. */
int hist_create(struct hist **out, uint64_t lowest_ns, uint64_t highest_ns, unsigned digits,
                struct err *err);

/* hist_create with the defaults above. */
int hist_create_default(struct hist **out, struct err *err);

/* Gives the memory of its counts back: how many there were, the least and the most stay known;
 * nothing may be recorded any more, nor a percentile asked for. Returns it at its new place. */
struct hist *hist_forget(struct hist *hist);

/* NULL is fine. */
void hist_destroy(struct hist *hist);

/* Counts one value. Above highest_ns it counts as highest_ns, and in overflow. Some 2 ns. */
static inline void hist_record(struct hist *hist, uint64_t value_ns)
{
    if (__builtin_expect(value_ns > hist->geometry.highest_ns, 0)) {
        hist->overflow++;
        value_ns = hist->geometry.highest_ns;
    }
    hist->counts[hist_index(&hist->geometry, value_ns)]++;
    hist->count++;
    hist->min_ns = value_ns < hist->min_ns ? value_ns : hist->min_ns;
    hist->max_ns = value_ns > hist->max_ns ? value_ns : hist->max_ns;
}

/* The same for times equal values; 0 times records nothing. */
void hist_record_n(struct hist *hist, uint64_t value_ns, uint64_t times);

/* Adds all of from to into. With differing geometries each entry is added by its middle value, kept
 * inside from's minimum and maximum. from's overflow comes along. */
void hist_merge(struct hist *into, const struct hist *from);

/* Empties it; costs as much as the range of values that was in it. */
void hist_reset(struct hist *hist);

/* All 0 while empty. The extremes are exact as long as the values were recorded here; of a decoded
 * histogram they are those of the lowest and highest entry. The mean and the deviation (of the
 * population, not the sample) come from the middles of the entries. */
uint64_t hist_min_ns(const struct hist *hist);
uint64_t hist_max_ns(const struct hist *hist);
double hist_mean_ns(const struct hist *hist);
double hist_stddev_ns(const struct hist *hist);

/* The value that percentile (0 to 100) of all values do not exceed: the highest value equivalent to
 * it, but never above the maximum; the minimum for 0. 0 while empty. */
uint64_t hist_percentile_ns(const struct hist *hist, double percentile);

/* How many values it takes to say percentile (0 to 100, exclusive): a hundred beyond it, which is
 * 10,000 for P99 and 100,000 for P99.9. With fewer, say so instead of printing it. */
uint64_t hist_percentile_needs(double percentile);
bool hist_percentile_is_sound(const struct hist *hist, double percentile);

/* How many values are at most value_ns, or equivalent to it. */
uint64_t hist_count_at_or_below(const struct hist *hist, uint64_t value_ns);

/* Iterations: over every entry that counts something, or by percentile with ticks_per_half rows for
 * each halving of the distance to 100 % (5 in .hgrm files), which ends with a row of 100 %. */
void hist_iter_recorded(struct hist_iter *iter, const struct hist *hist);
void hist_iter_percentiles(struct hist_iter *iter, const struct hist *hist,
                           uint32_t ticks_per_half);

/* The next row, or false when there is none left. */
bool hist_iter_next(struct hist_iter *iter, struct hist_row *row);

#endif
