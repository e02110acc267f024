/* SPDX-License-Identifier: MIT */
/* scrape.h - reads Prometheus's text format (0.0.4) and finds series in it. No I/O; any thread. */
#ifndef POOLSTORM_RUN_SCRAPE_H
#define POOLSTORM_RUN_SCRAPE_H

#include "core/err.h"
#include "run/buckets.h"

#include <stddef.h>

enum { SCRAPE_LABELS_MAX = 32, SCRAPE_SAMPLES_MAX = 65536, SCRAPE_BYTES_MAX = 8 << 20 };

struct scrape_label {
    char *name, *value; /* value without its escapes */
};

struct scrape_sample {
    char *name;
    struct scrape_label *labels; /* sorted by name */
    size_t label_count;
    double value; /* may be NAN or infinite */
};

/* Start with {0}; scrape_fini. */
struct scrape {
    struct scrape_sample *samples; /* in the order written */
    size_t count;
};

/* Reads a whole reply. Comments and time stamps are passed over. -EBADMSG with line and reason for
 * what is malformed, -E2BIG beyond the limits above; scrape is empty then. */
int scrape_parse(struct scrape *scrape, const char *text, size_t length_bytes, struct err *err);

void scrape_fini(struct scrape *scrape);

/* The value of `name` or `name{label="value",…}`: with braces that of the sample with exactly these
 * labels, in whatever order; without, the sum over all samples of the name. NAN when there is none,
 * or when series is malformed. */
double scrape_value(const struct scrape *scrape, const char *series);

/* The buckets of a histogram, of which series says `name` or `name{label="value",…}` without
 * `_bucket` and `le`: one by its labels, or all of the name added up. Empty when there is none. out
 * is not released before. 0 or -ENOMEM. */
int scrape_buckets(const struct scrape *scrape, const char *series, struct buckets *out);

#endif
