/* SPDX-License-Identifier: MIT */
/* series.c - reserves, seeks, merges and reads the slots of a time series. */
#include "measure/series.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define MAPPED_BYTES_MAX (UINT64_C(16) << 30)

static unsigned names_count(const char *const *names)
{
    unsigned count = 0;
    while (names && names[count] && count <= SERIES_ERROR_KINDS_MAX)
        count++;
    return count;
}

/* Both arrays are one anonymous mapping: zeroed, and paid for page by page when first written. Huge
 * pages would be paid for (and cleared, on the measured path) 2 MiB at a time. */
static int map_slots(struct series *series, struct err *err)
{
    uint64_t slots_bytes = series->slot_count * series->slot_stride_bytes;
    uint64_t counts_bytes =
        series->slot_count * series->geometry.counts_length * sizeof(*series->counts);
    uint64_t size_bytes = slots_bytes + counts_bytes;
    if (size_bytes > MAPPED_BYTES_MAX)
        return err_set(err, -EFBIG, "a time series of %zu slots needs %llu MiB", series->slot_count,
                       (unsigned long long)(size_bytes >> 20));
    void *memory = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return err_sys(err, -errno, "cannot map %llu bytes for a time series",
                       (unsigned long long)size_bytes);
    (void)madvise(memory, size_bytes, MADV_NOHUGEPAGE); /* fails where there are none: the same */
    series->mapped_bytes = size_bytes;
    series->counts = memory;
    series->slots = (char *)memory + counts_bytes;
    return 0;
}

static int options_check(const struct series_options *options, uint64_t slot_ns, struct err *err)
{
    if (options->length_ns == 0)
        return err_set(err, -EINVAL, "a time series cannot be 0 ns long");
    if (names_count(options->error_names) > SERIES_ERROR_KINDS_MAX)
        return err_set(err, -EINVAL, "a time series counts at most %d kinds of error",
                       SERIES_ERROR_KINDS_MAX);
    if (options->length_ns / slot_ns >= UINT32_MAX)
        return err_set(err, -EFBIG, "a time series cannot have %llu slots",
                       (unsigned long long)(options->length_ns / slot_ns));
    return 0;
}

int series_create(struct series **out, const struct series_options *options, struct err *err)
{
    uint64_t slot_ns = options->slot_ns ? options->slot_ns : SERIES_SLOT_NS;
    int rc = options_check(options, slot_ns, err);
    if (rc)
        return rc;
    struct series *series = calloc(1, sizeof(*series));
    if (!series)
        return err_set(err, -ENOMEM, "no memory for a time series");
    series->slot_ns = slot_ns;
    series->slot_count = options->length_ns / slot_ns + (options->length_ns % slot_ns != 0);
    series->error_names = options->error_names;
    series->error_kinds = names_count(options->error_names);
    series->slot_stride_bytes = sizeof(struct series_slot) + series->error_kinds * sizeof(uint64_t);
    rc = hist_geometry_init(&series->geometry, SERIES_LOWEST_NS, SERIES_HIGHEST_NS, SERIES_DIGITS,
                            err);
    if (!rc)
        rc = map_slots(series, err);
    if (rc) {
        free(series);
        return rc;
    }
    series_start(series, 0);
    *out = series;
    return 0;
}

void series_destroy(struct series *series)
{
    if (!series)
        return;
    (void)munmap(series->counts, series->mapped_bytes); /* cannot fail with what was mapped */
    free(series);
}

static struct series_slot *slot_at(const struct series *series, size_t index)
{
    void *slot = series->slots + index * series->slot_stride_bytes;
    return slot;
}

static uint32_t *counts_at(const struct series *series, size_t index)
{
    return series->counts + index * series->geometry.counts_length;
}

static void move_cursor(struct series *series, size_t index)
{
    series->cursor_ns = series->start_ns + index * series->slot_ns;
    series->cursor = slot_at(series, index);
    series->cursor_counts = counts_at(series, index);
}

void series_start(struct series *series, uint64_t start_ns)
{
    /* Gives the pages back, which reads as zeroes; locked ones (mlockall) have to be written. */
    if (madvise(series->counts, series->mapped_bytes, MADV_DONTNEED))
        memset(series->counts, 0, series->mapped_bytes);
    series->early = 0;
    series->late = 0;
    atomic_store_explicit(&series->closed, 0, memory_order_relaxed);
    series->start_ns = start_ns;
    move_cursor(series, 0);
}

void series_seek(struct series *series, uint64_t at_ns)
{
    size_t index = 0;
    if (at_ns < series->start_ns) {
        series->early++;
    } else {
        index = (at_ns - series->start_ns) / series->slot_ns;
        if (index >= series->slot_count) {
            series->late++;
            index = series->slot_count - 1;
        }
    }
    move_cursor(series, index);
    if (index > atomic_load_explicit(&series->closed, memory_order_relaxed))
        atomic_store_explicit(&series->closed, index, memory_order_release); /* all before it */
}

static int merge_check(const struct series *into, const struct series *from, struct err *err)
{
    if (into->slot_count != from->slot_count || into->slot_ns != from->slot_ns)
        return err_set(err, -EINVAL,
                       "time series of %zu slots of %llu ns and %zu of %llu ns do not add up",
                       into->slot_count, (unsigned long long)into->slot_ns, from->slot_count,
                       (unsigned long long)from->slot_ns);
    bool same = into->error_kinds == from->error_kinds;
    for (unsigned i = 0; same && i < into->error_kinds; i++)
        same = strcmp(into->error_names[i], from->error_names[i]) == 0;
    if (!same)
        return err_set(err, -EINVAL, "time series of different kinds of error do not add up");
    for (size_t i = 0; i < into->slot_count; i++)
        if (slot_at(into, i)->ok + slot_at(from, i)->ok > UINT32_MAX)
            return err_set(err, -EOVERFLOW,
                           "slot %zu of a time series would have too many successes", i);
    return 0;
}

/* The entry that counts latency_ns, and what is too large in the last one. */
static uint32_t entry_of(const struct series *series, uint64_t latency_ns)
{
    uint64_t highest_ns = series->geometry.highest_ns;
    return hist_index(&series->geometry, latency_ns < highest_ns ? latency_ns : highest_ns);
}

static void merge_latencies(struct series *into, const struct series *from, size_t index)
{
    struct series_slot *to = slot_at(into, index);
    const struct series_slot *add = slot_at(from, index);
    if (to->ok == 0 || add->latency_min_ns < to->latency_min_ns)
        to->latency_min_ns = add->latency_min_ns;
    if (add->latency_max_ns > to->latency_max_ns)
        to->latency_max_ns = add->latency_max_ns;
    uint32_t *to_counts = counts_at(into, index), *add_counts = counts_at(from, index);
    uint32_t last = entry_of(from, add->latency_max_ns);
    for (uint32_t i = entry_of(from, add->latency_min_ns); i <= last; i++)
        if (add_counts[i]) /* a page that was never written stays unwritten */
            to_counts[i] += add_counts[i];
}

int series_merge(struct series *into, const struct series *from, struct err *err)
{
    int rc = merge_check(into, from, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < into->slot_count; i++) {
        struct series_slot *to = slot_at(into, i);
        const struct series_slot *add = slot_at(from, i);
        if (add->ok)
            merge_latencies(into, from, i);
        to->ok += add->ok;
        to->goodput_bytes += add->goodput_bytes;
        to->latency_over += add->latency_over;
        for (unsigned k = 0; k < into->error_kinds; k++)
            to->errors[k] += add->errors[k];
    }
    into->early += from->early;
    into->late += from->late;
    return 0;
}

size_t series_closed(const struct series *series)
{
    return atomic_load_explicit(&series->closed, memory_order_acquire);
}

const struct series_slot *series_slot(const struct series *series, size_t index)
{
    return slot_at(series, index);
}

uint64_t series_slot_errors(const struct series *series, size_t index)
{
    const struct series_slot *slot = slot_at(series, index);
    uint64_t sum = 0;
    for (unsigned k = 0; k < series->error_kinds; k++)
        sum += slot->errors[k];
    return sum;
}

uint64_t series_slot_percentile_ns(const struct series *series, size_t index, double percentile)
{
    const struct series_slot *slot = slot_at(series, index);
    if (slot->ok == 0)
        return 0;
    if (!(percentile > 0))
        return slot->latency_min_ns;
    if (percentile >= 100)
        return slot->latency_max_ns;
    const uint32_t *counts = counts_at(series, index);
    uint64_t rank = hist_rank(slot->ok, percentile), cumulative = 0;
    uint32_t entry = entry_of(series, slot->latency_min_ns);
    uint32_t last = entry_of(series, slot->latency_max_ns);
    for (; entry < last; entry++) {
        cumulative += counts[entry];
        if (cumulative >= rank)
            break;
    }
    uint64_t value_ns = hist_index_highest_ns(&series->geometry, entry);
    return value_ns < slot->latency_max_ns ? value_ns : slot->latency_max_ns;
}

void series_slot_into_hist(const struct series *series, size_t index, struct hist *hist)
{
    const struct series_slot *slot = slot_at(series, index);
    if (slot->ok == 0)
        return;
    const uint32_t *counts = counts_at(series, index);
    uint32_t last = entry_of(series, slot->latency_max_ns);
    for (uint32_t i = entry_of(series, slot->latency_min_ns); i <= last; i++) {
        uint64_t value_ns = hist_index_middle_ns(&series->geometry, i);
        if (value_ns < slot->latency_min_ns)
            value_ns = slot->latency_min_ns;
        if (value_ns > slot->latency_max_ns)
            value_ns = slot->latency_max_ns;
        hist_record_n(hist, value_ns, counts[i]);
    }
}
