/* SPDX-License-Identifier: MIT */
/* buckets.c - subtracts, adds and reads histograms that are counts by bucket. */
#include "run/buckets.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void buckets_fini(struct buckets *buckets)
{
    free(buckets->items);
    *buckets = (struct buckets){0};
}

/* Where a bucket of this upper bound is, or belongs. */
static size_t place_of(const struct buckets *buckets, double high)
{
    size_t at = 0;
    while (at < buckets->count && buckets->items[at].high < high)
        at++;
    return at;
}

static uint64_t count_of(const struct buckets *buckets, double high)
{
    size_t at = place_of(buckets, high);
    return at < buckets->count && !(buckets->items[at].high > high) ? buckets->items[at].count : 0;
}

int buckets_growth(const struct buckets *before, const struct buckets *after, double scale,
                   struct buckets *out)
{
    *out = (struct buckets){.items = calloc(after->count + 1, sizeof(*out->items))};
    if (!out->items)
        return -ENOMEM;
    for (size_t i = 0; i < after->count; i++) {
        const struct bucket *bucket = &after->items[i];
        uint64_t had = count_of(before, bucket->high);
        if (bucket->count > had)
            out->items[out->count++] =
                (struct bucket){bucket->low * scale, bucket->high * scale, bucket->count - had};
    }
    return 0;
}

int buckets_add(struct buckets *into, const struct buckets *more)
{
    struct bucket *items = reallocarray(into->items, into->count + more->count + 1, sizeof(*items));
    if (!items)
        return -ENOMEM;
    into->items = items;
    for (size_t i = 0; i < more->count; i++) {
        size_t at = place_of(into, more->items[i].high);
        if (at < into->count && !(items[at].high > more->items[i].high)) {
            items[at].count += more->items[i].count;
            continue;
        }
        memmove(items + at + 1, items + at, (into->count++ - at) * sizeof(*items));
        items[at] = more->items[i];
    }
    return 0;
}

uint64_t buckets_total(const struct buckets *buckets)
{
    uint64_t total = 0;
    for (size_t i = 0; i < buckets->count; i++)
        total += buckets->items[i].count;
    return total;
}

double buckets_quantile(const struct buckets *buckets, double share)
{
    double left = share * (double)buckets_total(buckets);
    double value = NAN;
    for (size_t i = 0; i < buckets->count; i++) {
        const struct bucket *bucket = &buckets->items[i];
        double count = (double)bucket->count;
        if (bucket->count == 0)
            continue;
        value = isinf(bucket->high)
                    ? bucket->low
                    : bucket->low + (bucket->high - bucket->low) * fmin(left / count, 1);
        if (left <= count)
            break;
        left -= count;
    }
    return value;
}
