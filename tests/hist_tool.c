/* SPDX-License-Identifier: MIT */
/* hist_tool.c - a histogram in base64 and what it says, in text: lets another implementation be
 * compared with ours (tests/js/hist_interop.js).
 *
 *   hist_tool make LOWEST HIGHEST DIGITS COUNT SEED   prints the base64 of seeded values
 *   hist_tool show                                    reads base64, prints what it reads from it */
#include "core/rng.h"
#include "measure/hist_codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES_MAX = 1 << 20 };

static int fail(const struct err *err)
{
    (void)fprintf(stderr, "hist_tool: %s\n", err->text);
    return 1;
}

static int make(char **args)
{
    struct err err = {0};
    struct hist *hist = NULL;
    char *text = NULL;
    uint64_t highest_ns = strtoull(args[1], NULL, 10), count = strtoull(args[3], NULL, 10);
    int rc = hist_create(&hist, strtoull(args[0], NULL, 10), highest_ns,
                         (unsigned)strtoul(args[2], NULL, 10), &err);
    if (rc)
        return fail(&err);
    struct rng rng;
    rng_init(&rng, strtoull(args[4], NULL, 10), 0);
    for (uint64_t i = 0; i < count; i++)
        hist_record_n(hist, (uint64_t)rng_exponential(&rng, (double)highest_ns / 20),
                      1 + rng_below(&rng, UINT64_C(1) << rng_below(&rng, 20)));
    rc = hist_encode_base64(hist, &text, &err);
    if (!rc)
        (void)puts(text);
    free(text);
    hist_destroy(hist);
    return rc ? fail(&err) : 0;
}

static void print_rows(const char *word, struct hist_iter *iter)
{
    struct hist_row row;
    while (hist_iter_next(iter, &row))
        (void)printf("%s %.12g %llu %llu %llu\n", word, row.percentile,
                     (unsigned long long)row.value_ns, (unsigned long long)row.count,
                     (unsigned long long)row.cumulative);
}

static void show_hist(const struct hist *hist)
{
    static const double percentiles[] = {0.001, 1, 10, 50, 75, 90, 99, 99.9, 99.99, 99.999, 100};
    (void)printf("geometry %llu %llu %u\n", (unsigned long long)hist->geometry.lowest_ns,
                 (unsigned long long)hist->geometry.highest_ns, hist->geometry.digits);
    (void)printf("count %llu\nmin %llu\nmax %llu\nmean %.17g\nstddev %.17g\n",
                 (unsigned long long)hist->count, (unsigned long long)hist_min_ns(hist),
                 (unsigned long long)hist_max_ns(hist), hist_mean_ns(hist), hist_stddev_ns(hist));
    for (size_t i = 0; i < sizeof(percentiles) / sizeof(*percentiles); i++)
        (void)printf("percentile %.12g %llu\n", percentiles[i],
                     (unsigned long long)hist_percentile_ns(hist, percentiles[i]));
    struct hist_iter iter;
    hist_iter_recorded(&iter, hist);
    print_rows("recorded", &iter);
    hist_iter_percentiles(&iter, hist, 5);
    print_rows("tick", &iter);
}

static int show(void)
{
    struct err err = {0};
    struct hist *hist = NULL;
    char *text = malloc(TEXT_BYTES_MAX);
    if (!text)
        return 1;
    size_t length = fread(text, 1, TEXT_BYTES_MAX, stdin);
    while (length > 0 && text[length - 1] == '\n')
        length--;
    int rc = hist_decode_base64(&hist, text, length, &err);
    free(text);
    if (rc)
        return fail(&err);
    show_hist(hist);
    hist_destroy(hist);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 7 && strcmp(argv[1], "make") == 0)
        return make(argv + 2);
    if (argc == 2 && strcmp(argv[1], "show") == 0)
        return show();
    (void)fprintf(stderr, "usage: hist_tool make LOWEST HIGHEST DIGITS COUNT SEED | show\n");
    return 2;
}
