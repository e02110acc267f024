/* SPDX-License-Identifier: MIT */
/* page.c - writes a page of figures in Prometheus's text format (0.0.4). */
#include "subject/page.h"

#include <inttypes.h>
#include <stdio.h>

void page_type(struct page *page, const char *name, const char *type, const char *help)
{
    page_printf(page, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void page_one(struct page *page, const char *name, const char *type, const char *help,
              uint64_t value)
{
    page_type(page, name, type, help);
    page_printf(page, "%s %" PRIu64 "\n", name, value);
}

void page_rows(struct page *page, const struct page_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        page_one(page, rows[i].name, rows[i].type, rows[i].help, rows[i].value);
}

void page_histogram(struct page *page, const char *name, const char *labels,
                    const struct page_histogram *histogram)
{
    const char *comma = *labels ? "," : "", *open = *labels ? "{" : "", *close = *labels ? "}" : "";
    uint64_t count = 0;
    for (unsigned i = 0; i < histogram->bucket_count; i++) {
        char bound[32] = "+Inf";
        if (i < histogram->bucket_count - 1)
            (void)snprintf(bound, sizeof(bound), "%.9g", (double)histogram->bound_ns(i) / 1e9);
        count += histogram->buckets[i];
        page_printf(page, "%s_bucket{%s%sle=\"%s\"} %" PRIu64 "\n", name, labels, comma, bound,
                    count);
    }
    page_printf(page, "%s_sum%s%s%s %.9f\n", name, open, labels, close,
                (double)histogram->sum_ns / 1e9);
    page_printf(page, "%s_count%s%s%s %" PRIu64 "\n", name, open, labels, close, count);
}

static uint64_t latency_bound_ns(unsigned bucket)
{
    return counters_bounds_ns[bucket];
}

void page_latency(struct page *page, const char *name, const char *labels,
                  const struct latency_counts *latency)
{
    uint64_t buckets[COUNTERS_BUCKETS + 1];
    for (unsigned i = 0; i <= COUNTERS_BUCKETS; i++)
        buckets[i] = counter_read(&latency->buckets[i]);
    const struct page_histogram histogram = {buckets, COUNTERS_BUCKETS + 1, latency_bound_ns,
                                             counter_read(&latency->sum_ns)};
    page_histogram(page, name, labels, &histogram);
}
