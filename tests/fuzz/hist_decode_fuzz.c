/* SPDX-License-Identifier: MIT */
/* hist_decode_fuzz.c - any bytes: refused, or a histogram whose numbers agree and that encodes to
 * what decodes to the same. */
#include "measure/hist_codec.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_rows(const struct hist *hist)
{
    struct hist_iter iter;
    struct hist_row row = {0};
    uint64_t last_ns = 0, sum = 0;
    hist_iter_recorded(&iter, hist);
    while (hist_iter_next(&iter, &row)) {
        check(row.count > 0 && row.value_ns >= last_ns);
        last_ns = row.value_ns;
        sum += row.count;
    }
    check(sum == hist->count && last_ns == hist_max_ns(hist));
    for (double percentile = 0; percentile <= 100; percentile += 12.5)
        check(hist_percentile_ns(hist, percentile) <= hist_max_ns(hist));
    hist_iter_percentiles(&iter, hist, 1);
    while (hist_iter_next(&iter, &row))
        check(row.value_ns <= hist_max_ns(hist));
    check(row.cumulative == hist->count);
}

static void check_round_trip(const struct hist *hist)
{
    uint8_t *data = NULL;
    size_t length_bytes = 0;
    struct hist *back = NULL;
    check(hist_encode(hist, HIST_V2, &data, &length_bytes, NULL) == 0);
    check(hist_decode(&back, data, length_bytes, NULL) == 0);
    check(back->count == hist->count && back->max_ns == hist->max_ns);
    check(memcmp(back->counts, hist->counts,
                 hist->geometry.counts_length * sizeof(*hist->counts)) == 0);
    free(data);
    hist_destroy(back);
}

/* Base64 of a histogram begins with an H, which no cookie does. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hist *hist = NULL;
    struct err err;
    if (size == 0)
        return 0;
    int rc = data[0] == 'H' ? hist_decode_base64(&hist, (const char *)data, size, &err)
                            : hist_decode(&hist, data, size, &err);
    if (rc == 0) {
        check_rows(hist);
        check_round_trip(hist);
        hist_destroy(hist);
    }
    return 0;
}
