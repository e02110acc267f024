/* SPDX-License-Identifier: MIT */
/* series.h - what happened in each slot (100 ms, say) of a phase: successes, errors by kind,
 * goodput, and a small histogram of latencies, so that the slots of several threads can be merged
 * and their percentiles be computed rather than averaged.
 *
 * One thread at a time; one series a thread, merged after. All memory is reserved at creation and
 * given by the kernel when first touched: recording costs a few ns and never allocates. A slot's
 * histogram is good to 2 digits from 1 µs to 60 s and reserves 10.5 KiB, of which a narrow
 * distribution touches a page or two.
 *
 * Another thread may look on: records come in order of time, so that what is behind the slot last
 * written to does not change any more (series_closed). */
#ifndef POOLSTORM_MEASURE_SERIES_H
#define POOLSTORM_MEASURE_SERIES_H

#include "measure/hist.h"

#include <stdatomic.h>

#define SERIES_SLOT_NS    UINT64_C(100000000)
#define SERIES_LOWEST_NS  UINT64_C(1000)
#define SERIES_HIGHEST_NS UINT64_C(60000000000)
#define SERIES_DIGITS     2

enum { SERIES_ERROR_KINDS_MAX = 64 };

struct series_options {
    uint64_t length_ns;             /* of the phase; rounded up to whole slots */
    uint64_t slot_ns;               /* width of a slot, 0: SERIES_SLOT_NS */
    const char *const *error_names; /* of the kinds of error, ends with NULL; static; NULL: none */
};

/* The counters of one slot. All zero while nothing happened in it. */
struct series_slot {
    uint64_t ok;             /* successes that ended in this slot; each has a latency */
    uint64_t goodput_bytes;  /* what the successes brought */
    uint64_t latency_min_ns; /* exact; meaningless while ok is 0 */
    uint64_t latency_max_ns; /* exact, even above SERIES_HIGHEST_NS */
    uint64_t latency_over;   /* latencies above SERIES_HIGHEST_NS, counted as that in percentiles */
    uint64_t errors[];       /* by kind, as many as there are names */
};

/* Visible so that recording can be inlined; read through the functions. */
struct series {
    uint64_t slot_ns;               /* width of a slot */
    uint64_t start_ns;              /* CLOCK_MONOTONIC, when slot 0 begins */
    uint64_t cursor_ns;             /* when the slot last written to begins */
    struct series_slot *cursor;     /* that slot */
    uint32_t *cursor_counts;        /* its histogram */
    uint64_t early;                 /* records before start_ns, put into the first slot */
    uint64_t late;                  /* records after the end, put into the last slot */
    _Atomic size_t closed;          /* see series_closed */
    size_t slot_count;              /* number of slots, at least 1 */
    size_t slot_stride_bytes;       /* from one slot's counters to the next */
    unsigned error_kinds;           /* number of names */
    const char *const *error_names; /* the caller's */
    struct hist_geometry geometry;  /* of every slot's histogram */
    char *slots;                    /* slot_count times slot_stride_bytes */
    uint32_t *counts;               /* slot_count times geometry.counts_length */
    size_t mapped_bytes;            /* of slots and counts together */
};

/* Reserves everything. -EINVAL for a length of zero or too many kinds of error, -EFBIG when it
 * would reserve more than 16 GiB of address space, -ENOMEM. */
int series_create(struct series **out, const struct series_options *options, struct err *err);

/* NULL is fine. */
void series_destroy(struct series *series);

/* Says when slot 0 begins, in CLOCK_MONOTONIC ns, and forgets everything recorded so far. To be
 * called before anything is recorded. */
void series_start(struct series *series, uint64_t start_ns);

/* Moves the cursor to the slot of at_ns; only for the inline functions below. */
void series_seek(struct series *series, uint64_t at_ns);

/* A success that ended at at_ns, took latency_ns and brought bytes. A few ns. */
static inline void series_ok(struct series *series, uint64_t at_ns, uint64_t latency_ns,
                             uint64_t bytes)
{
    if (__builtin_expect(at_ns - series->cursor_ns >= series->slot_ns, 0))
        series_seek(series, at_ns);
    struct series_slot *slot = series->cursor;
    uint64_t min_ns = slot->ok ? slot->latency_min_ns : UINT64_MAX;
    slot->ok++;
    slot->goodput_bytes += bytes;
    slot->latency_min_ns = latency_ns < min_ns ? latency_ns : min_ns;
    slot->latency_max_ns = latency_ns > slot->latency_max_ns ? latency_ns : slot->latency_max_ns;
    if (__builtin_expect(latency_ns > series->geometry.highest_ns, 0)) {
        slot->latency_over++;
        latency_ns = series->geometry.highest_ns;
    }
    series->cursor_counts[hist_index(&series->geometry, latency_ns)]++;
}

/* An error of a kind (an index into the names) that was noticed at at_ns. */
static inline void series_error(struct series *series, uint64_t at_ns, unsigned kind)
{
    if (__builtin_expect(at_ns - series->cursor_ns >= series->slot_ns, 0))
        series_seek(series, at_ns);
    series->cursor->errors[kind]++;
}

/* Adds from's slots to into's, index by index, whatever their starts. -EINVAL when number or width
 * of slots or the names of errors differ, -EOVERFLOW when a slot would have 2^32 successes or more;
 * into is then as it was. */
int series_merge(struct series *into, const struct series *from, struct err *err);

/* How many slots, from the first on, will not change any more. Any thread may ask while the owner
 * records, and read these slots with the functions below. */
size_t series_closed(const struct series *series);

/* The counters of slot index. They belong to the series. */
const struct series_slot *series_slot(const struct series *series, size_t index);

/* All errors of the slot. */
uint64_t series_slot_errors(const struct series *series, size_t index);

/* As hist_percentile_ns, over the slot's successes; 0 when there were none. */
uint64_t series_slot_percentile_ns(const struct series *series, size_t index, double percentile);

/* Adds the slot's latencies to hist, by the middle of their entries (what is above
 * SERIES_HIGHEST_NS by that). */
void series_slot_into_hist(const struct series *series, size_t index, struct hist *hist);

#endif
