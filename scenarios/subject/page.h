/* SPDX-License-Identifier: MIT */
/* page.h - writes a page of figures in Prometheus's text format (0.0.4). */
#ifndef POOLSTORM_SUBJECT_PAGE_H
#define POOLSTORM_SUBJECT_PAGE_H

#include "subject/buffer.h"
#include "subject/counters.h"

#include <stdint.h>

/* Appends to out while nothing has failed; rc is 0 or the first failure. */
struct page {
    struct buffer *out;
    int rc;
};

/* A line as it stands. */
#define page_printf(page, ...)                                                                     \
    do {                                                                                           \
        if (!(page)->rc)                                                                           \
            (page)->rc = buffer_printf((page)->out, __VA_ARGS__);                                  \
    } while (0)

/* A figure without labels. */
struct page_row {
    const char *name, *type, *help; /* type: counter or gauge */
    uint64_t value;
};

/* What a figure is, to be followed by its samples. */
void page_type(struct page *page, const char *name, const char *type, const char *help);

/* A figure and its one sample; several of them. */
void page_one(struct page *page, const char *name, const char *type, const char *help,
              uint64_t value);
void page_rows(struct page *page, const struct page_row *rows, size_t count);

/* A histogram of times. The last bucket is above all bounds; counts are not cumulative. */
struct page_histogram {
    const uint64_t *buckets; /* bucket_count of them */
    unsigned bucket_count;
    uint64_t (*bound_ns)(unsigned bucket); /* upper, inclusive; not asked of the last */
    uint64_t sum_ns;
};

/* Its samples in seconds, after page_type; labels: 'a="b",c="d"' or "". */
void page_histogram(struct page *page, const char *name, const char *labels,
                    const struct page_histogram *histogram);

/* The same of what a thread counts, or a sum over threads. */
void page_latency(struct page *page, const char *name, const char *labels,
                  const struct latency_counts *latency);

#endif
