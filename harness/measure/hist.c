/* SPDX-License-Identifier: MIT */
/* hist.c - the geometry of the histogram, and everything about it but recording. */
#include "measure/hist.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static_assert(offsetof(struct hist, counts) % sizeof(uint64_t) == 0, "counts are aligned");

/* Entries in a bucket and a half needed for each power of two above the first bucket. */
static uint64_t buckets_needed(unsigned first_bucket_bits, uint64_t highest_ns)
{
    unsigned bits = 64 - (unsigned)__builtin_clzll(highest_ns);
    return bits <= first_bucket_bits ? 1 : bits - first_bucket_bits + 1;
}

int hist_geometry_init(struct hist_geometry *geometry, uint64_t lowest_ns, uint64_t highest_ns,
                       unsigned digits, struct err *err)
{
    if (digits < 1 || digits > 5)
        return err_set(err, -EINVAL, "a histogram has 1 to 5 significant digits, not %u", digits);
    if (lowest_ns < 1)
        return err_set(err, -EINVAL, "the lowest value of a histogram must be at least 1 ns");
    if (highest_ns > INT64_MAX || highest_ns / 2 < lowest_ns)
        return err_set(err, -EINVAL,
                       "the highest value of a histogram must be at least twice its lowest and "
                       "below 2^63 ns");
    /* Single units must be told apart up to 2 * 10^digits (1999 is not 2000 with 3 digits). */
    static const uint64_t single_unit_limit[] = {0, 20, 200, 2000, 20000, 200000};
    unsigned half_shift = 63 - (unsigned)__builtin_clzll(single_unit_limit[digits] - 1);
    unsigned unit_shift = 63 - (unsigned)__builtin_clzll(lowest_ns);
    unsigned first_bits = unit_shift + half_shift + 1;
    if (first_bits > 62)
        return err_set(err, -EINVAL,
                       "the lowest value of a histogram, %llu ns, is too large for %u digits",
                       (unsigned long long)lowest_ns, digits);
    uint64_t length = (buckets_needed(first_bits, highest_ns) + 1) << half_shift;
    if (length * sizeof(uint64_t) > HIST_COUNTS_BYTES_MAX)
        return err_set(err, -EFBIG,
                       "a histogram of %u digits from %llu ns to %llu ns needs more than %llu MiB",
                       digits, (unsigned long long)lowest_ns, (unsigned long long)highest_ns,
                       (unsigned long long)(HIST_COUNTS_BYTES_MAX >> 20));
    *geometry = (struct hist_geometry){
        .lowest_ns = lowest_ns,
        .highest_ns = highest_ns,
        .unit_mask = ((UINT64_C(2) << half_shift) - 1) << unit_shift,
        .counts_length = (uint32_t)length,
        .digits = (uint8_t)digits,
        .unit_shift = (uint8_t)unit_shift,
        .half_shift = (uint8_t)half_shift,
        .bits_base = (uint8_t)(64 - first_bits),
    };
    return 0;
}

static unsigned index_bucket(const struct hist_geometry *geometry, uint32_t index)
{
    uint32_t halves = index >> geometry->half_shift;
    return halves > 1 ? halves - 1 : 0;
}

uint64_t hist_index_lowest_ns(const struct hist_geometry *geometry, uint32_t index)
{
    unsigned bucket = index_bucket(geometry, index);
    uint64_t sub_bucket = index - (bucket << geometry->half_shift);
    return sub_bucket << (bucket + geometry->unit_shift);
}

static uint64_t index_width_ns(const struct hist_geometry *geometry, uint32_t index)
{
    return UINT64_C(1) << (index_bucket(geometry, index) + geometry->unit_shift);
}

uint64_t hist_index_middle_ns(const struct hist_geometry *geometry, uint32_t index)
{
    return hist_index_lowest_ns(geometry, index) + index_width_ns(geometry, index) / 2;
}

uint64_t hist_index_highest_ns(const struct hist_geometry *geometry, uint32_t index)
{
    return hist_index_lowest_ns(geometry, index) + (index_width_ns(geometry, index) - 1);
}

uint64_t hist_rank(uint64_t count, double percentile)
{
    if (percentile >= 100)
        return count > 1 ? count : 1;
    if (!(percentile > 0))
        return 1;
    /* The product may come out one ulp above the integer it should be; that must not skip a value.
     */
    double product = percentile / 100 * (double)count;
    double rank = ceil(product - (nextafter(product, INFINITY) - product));
    return rank > 1 ? (uint64_t)rank : 1;
}

int hist_create(struct hist **out, uint64_t lowest_ns, uint64_t highest_ns, unsigned digits,
                struct err *err)
{
    struct hist_geometry geometry;
    int rc = hist_geometry_init(&geometry, lowest_ns, highest_ns, digits, err);
    if (rc)
        return rc;
    size_t size_bytes = sizeof(struct hist) + geometry.counts_length * sizeof(uint64_t);
    struct hist *hist = calloc(1, size_bytes);
    if (!hist)
        return err_set(err, -ENOMEM, "no memory for a histogram of %zu bytes", size_bytes);
    hist->geometry = geometry;
    hist->min_ns = UINT64_MAX;
    *out = hist;
    return 0;
}

int hist_create_default(struct hist **out, struct err *err)
{
    return hist_create(out, HIST_LOWEST_NS, HIST_HIGHEST_NS, HIST_DIGITS, err);
}

struct hist *hist_forget(struct hist *hist)
{
    if (!hist)
        return NULL;
    hist->geometry.counts_length = 0;
    struct hist *less = realloc(hist, sizeof(*hist));
    return less ? less : hist; /* cppcheck-suppress memleak ; the caller has it */
}

void hist_destroy(struct hist *hist)
{
    free(hist);
}

/* Counts read from a file may be near 2^63: adding them must not wrap. */
static uint64_t add_saturating(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static void stretch_extremes(struct hist *hist, uint64_t min_ns, uint64_t max_ns)
{
    if (min_ns < hist->min_ns)
        hist->min_ns = min_ns;
    if (max_ns > hist->max_ns)
        hist->max_ns = max_ns;
}

void hist_record_n(struct hist *hist, uint64_t value_ns, uint64_t times)
{
    if (times == 0)
        return;
    if (value_ns > hist->geometry.highest_ns) {
        hist->overflow = add_saturating(hist->overflow, times);
        value_ns = hist->geometry.highest_ns;
    }
    uint64_t *count = &hist->counts[hist_index(&hist->geometry, value_ns)];
    *count = add_saturating(*count, times);
    hist->count = add_saturating(hist->count, times);
    stretch_extremes(hist, value_ns, value_ns);
}

/* The entries that may count something are index_first to index_last; only of what is not empty. */
static uint32_t index_first(const struct hist *hist)
{
    return hist_index(&hist->geometry, hist->min_ns);
}

static uint32_t index_last(const struct hist *hist)
{
    return hist_index(&hist->geometry, hist->max_ns);
}

/* Whether every entry of from has its twin in into. (A decoded histogram may have counts between
 * highest_ns and the end of its last bucket, hence the second condition.) */
static bool entries_match(const struct hist_geometry *into, const struct hist *from)
{
    return into->unit_shift == from->geometry.unit_shift &&
           into->half_shift == from->geometry.half_shift &&
           (from->max_ns <= into->highest_ns || from->geometry.highest_ns == into->highest_ns);
}

static uint64_t clamp(uint64_t value, uint64_t low, uint64_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* Of entry index of from: as it is, but where it reaches across the end of into, the end. */
static uint64_t merged_value_ns(const struct hist *into, const struct hist *from, uint32_t index)
{
    uint64_t highest_ns = into->geometry.highest_ns;
    uint64_t value_ns = hist_index_middle_ns(&from->geometry, index);
    if (value_ns > highest_ns && hist_index_lowest_ns(&from->geometry, index) <= highest_ns)
        value_ns = highest_ns;
    return clamp(value_ns, from->min_ns, from->max_ns);
}

void hist_merge(struct hist *into, const struct hist *from)
{
    if (from->count == 0)
        return;
    bool match = entries_match(&into->geometry, from);
    uint32_t last = index_last(from);
    for (uint32_t i = index_first(from); i <= last; i++) {
        if (from->counts[i] == 0)
            continue;
        if (match)
            into->counts[i] = add_saturating(into->counts[i], from->counts[i]);
        else
            hist_record_n(into, merged_value_ns(into, from, i), from->counts[i]);
    }
    if (match) {
        into->count = add_saturating(into->count, from->count);
        stretch_extremes(into, from->min_ns, from->max_ns);
    } else {
        uint64_t highest_ns = into->geometry.highest_ns;
        stretch_extremes(into, clamp(from->min_ns, 0, highest_ns),
                         clamp(from->max_ns, 0, highest_ns));
    }
    into->overflow = add_saturating(into->overflow, from->overflow);
}

void hist_reset(struct hist *hist)
{
    if (hist->count > 0) {
        uint32_t first = index_first(hist);
        memset(&hist->counts[first], 0, (index_last(hist) - first + 1) * sizeof(*hist->counts));
    }
    hist->count = 0;
    hist->overflow = 0;
    hist->min_ns = UINT64_MAX;
    hist->max_ns = 0;
}

uint64_t hist_min_ns(const struct hist *hist)
{
    return hist->count ? hist->min_ns : 0;
}

uint64_t hist_max_ns(const struct hist *hist)
{
    return hist->max_ns;
}

double hist_mean_ns(const struct hist *hist)
{
    if (hist->count == 0)
        return 0;
    double total_ns = 0;
    uint32_t last = index_last(hist);
    for (uint32_t i = index_first(hist); i <= last; i++)
        total_ns += (double)hist->counts[i] * (double)hist_index_middle_ns(&hist->geometry, i);
    return total_ns / (double)hist->count;
}

double hist_stddev_ns(const struct hist *hist)
{
    if (hist->count == 0)
        return 0;
    double mean_ns = hist_mean_ns(hist), squares = 0;
    uint32_t last = index_last(hist);
    for (uint32_t i = index_first(hist); i <= last; i++) {
        double off_ns = (double)hist_index_middle_ns(&hist->geometry, i) - mean_ns;
        squares += (double)hist->counts[i] * off_ns * off_ns;
    }
    return sqrt(squares / (double)hist->count);
}

/* What the entry stands for: its highest value, but nothing that was never recorded. */
static uint64_t reported_ns(const struct hist *hist, uint32_t index)
{
    uint64_t value_ns = hist_index_highest_ns(&hist->geometry, index);
    return value_ns < hist->max_ns ? value_ns : hist->max_ns;
}

uint64_t hist_percentile_ns(const struct hist *hist, double percentile)
{
    if (hist->count == 0)
        return 0;
    if (!(percentile > 0))
        return hist->min_ns;
    uint64_t rank = hist_rank(hist->count, percentile), cumulative = 0;
    uint32_t last = index_last(hist);
    for (uint32_t i = index_first(hist); i < last; i++) {
        cumulative += hist->counts[i];
        if (cumulative >= rank)
            return reported_ns(hist, i);
    }
    return hist->max_ns;
}

uint64_t hist_percentile_needs(double percentile)
{
    /* Rounded, because 100 - 99.9 comes out a little short of 0.1. */
    return (uint64_t)llround(10000 / (100 - percentile));
}

bool hist_percentile_is_sound(const struct hist *hist, double percentile)
{
    return hist->count >= hist_percentile_needs(percentile);
}

uint64_t hist_count_at_or_below(const struct hist *hist, uint64_t value_ns)
{
    if (hist->count == 0 || value_ns < hist_index_lowest_ns(&hist->geometry, index_first(hist)))
        return 0;
    if (value_ns >= hist->max_ns)
        return hist->count;
    uint64_t cumulative = 0;
    uint32_t last = hist_index(&hist->geometry, value_ns);
    for (uint32_t i = index_first(hist); i <= last; i++)
        cumulative += hist->counts[i];
    return cumulative;
}

void hist_iter_recorded(struct hist_iter *iter, const struct hist *hist)
{
    *iter = (struct hist_iter){.hist = hist, .index = hist->count ? index_first(hist) : 0};
}

void hist_iter_percentiles(struct hist_iter *iter, const struct hist *hist, uint32_t ticks_per_half)
{
    hist_iter_recorded(iter, hist);
    iter->ticks_per_half = ticks_per_half ? ticks_per_half : 1;
}

static void fill_row(struct hist_iter *iter, struct hist_row *row, double percentile)
{
    *row = (struct hist_row){
        .value_ns = reported_ns(iter->hist, iter->index - 1),
        .count = iter->cumulative - iter->reported,
        .cumulative = iter->cumulative,
        .percentile = percentile,
    };
    iter->reported = iter->cumulative;
}

/* Counts the entry at index in; false when all were. */
static bool step(struct hist_iter *iter)
{
    if (iter->index > index_last(iter->hist))
        return false;
    iter->cumulative += iter->hist->counts[iter->index++];
    return true;
}

static double percentile_reached(const struct hist_iter *iter)
{
    return 100.0 * (double)iter->cumulative / (double)iter->hist->count;
}

static bool next_recorded(struct hist_iter *iter, struct hist_row *row)
{
    while (step(iter)) {
        if (iter->cumulative > iter->reported) {
            fill_row(iter, row, percentile_reached(iter));
            return true;
        }
    }
    return false;
}

/* HdrHistogram's PercentileIterator: an entry gives as many rows as ticks it reaches; ticks get as
 * much closer to each other as 100 % comes nearer. */
static bool next_percentile(struct hist_iter *iter, struct hist_row *row)
{
    if (iter->done)
        return false;
    bool ended = iter->index > index_last(iter->hist);
    while (!ended &&
           (iter->cumulative == 0 || iter->level >= 100 || percentile_reached(iter) < iter->level))
        ended = !step(iter);
    if (ended || iter->level >= 100) {
        iter->done = true;
        fill_row(iter, row, 100);
        return true;
    }
    fill_row(iter, row, iter->level);
    double halvings = floor(log2(100 / (100 - iter->level))) + 1;
    double level = iter->level + 100 / (iter->ticks_per_half * exp2(halvings));
    iter->level = level > iter->level ? level : 100; /* so near that a double stands still */
    return true;
}

bool hist_iter_next(struct hist_iter *iter, struct hist_row *row)
{
    if (iter->hist->count == 0)
        return false;
    return iter->ticks_per_half ? next_percentile(iter, row) : next_recorded(iter, row);
}
