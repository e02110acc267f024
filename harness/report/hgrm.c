/* SPDX-License-Identifier: MIT */
/* hgrm.c - the percentile spectrum of a phase and variant, in the columns of HdrHistogram and wrk2,
 * for its plotters: a file each. */
#include "report/figure.h"

#include "report/text.h"

#include <errno.h>
#include <string.h>

enum { TICKS_PER_HALF = 5 };

static const double ns_per_ms = 1e6;

/* The phase that a part is of; false when there are no more. */
static bool find_part(const struct report_input *input, struct figure *figure)
{
    size_t part = 0;
    *figure = (struct figure){.input = input};
    while (figure_next_phase(figure))
        if (figure_has_latencies(figure) && part++ == input->part)
            return true;
    return false;
}

static bool hgrm_part(const struct report_input *input, char *name, size_t size_bytes)
{
    struct figure figure;
    char run[160], variant[80], phase[80];
    if (!find_part(input, &figure))
        return false;
    const struct result *result = figure_result(&figure);
    figure_tag(run, sizeof(run), input->items[figure.item].name);
    figure_tag(variant, sizeof(variant), result->variants[figure.variant].name);
    figure_tag(phase, sizeof(phase), result->plan->phases[figure.phase].name);
    bool several = input->item_count > 1;
    (void)snprintf(name, size_bytes, "%s%s%s.%s", several ? run : "", several ? "." : "", variant,
                   phase);
    return true;
}

/* Values in milliseconds. The row of 100 % has no distance to it, which would be infinite. */
static void write_rows(const struct hist *hist, FILE *out)
{
    struct hist_iter iter;
    struct hist_row row;
    (void)fputs("       Value     Percentile TotalCount 1/(1-Percentile)\n\n", out);
    hist_iter_percentiles(&iter, hist, TICKS_PER_HALF);
    while (hist_iter_next(&iter, &row)) {
        (void)fprintf(out, "%12.3f %14.12f %10llu", (double)row.value_ns / ns_per_ms,
                      row.percentile / 100, (unsigned long long)row.cumulative);
        if (row.percentile < 100)
            (void)fprintf(out, " %14.2f", 1 / (1 - row.percentile / 100));
        (void)fputc('\n', out);
    }
    unsigned sub_buckets = 2U << hist->geometry.half_shift;
    (void)fprintf(out,
                  "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n"
                  "#[Max     = %12.3f, Total count    = %12llu]\n"
                  "#[Buckets = %12u, SubBuckets     = %12u]\n",
                  hist_mean_ns(hist) / ns_per_ms, hist_stddev_ns(hist) / ns_per_ms,
                  (double)hist_max_ns(hist) / ns_per_ms, (unsigned long long)hist->count,
                  (hist->geometry.counts_length >> hist->geometry.half_shift) - 1, sub_buckets);
}

static int hgrm_format(const struct report_input *input, FILE *out, struct err *err)
{
    struct figure figure;
    struct hist *hist = NULL;
    size_t round_count = 0;
    char name[FIGURE_NAME_BYTES_MAX];
    if (!find_part(input, &figure))
        return err_set(err, -EINVAL, "no valid round has latencies to write");
    int rc = figure_latencies(&figure, &hist, &round_count, err);
    if (rc)
        return rc;
    write_rows(hist, out);
    (void)fprintf(out, "#[%s, %zu valid rounds, milliseconds]\n",
                  figure_name(&figure, false, name, sizeof(name)), round_count);
    if (hist->overflow)
        (void)fprintf(out, "#[%llu values above the highest that is counted]\n",
                      (unsigned long long)hist->overflow);
    hist_destroy(hist);
    return 0;
}

const struct report_format report_hgrm = {
    .name = "hgrm",
    .extension = "hgrm",
    .summary = "HdrHistogram's percentile spectrum, a file a variant and phase",
    .part = hgrm_part,
    .write = hgrm_format,
};
