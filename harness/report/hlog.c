/* SPDX-License-Identifier: MIT */
/* hlog.c - an HdrHistogram log (1.2): the latencies of each second of every valid round, tagged
 * with variant and phase. */
#include "report/figure.h"

#include "measure/hist_codec.h"

#include <stdlib.h>
#include <time.h>

enum { INTERVAL_NS = 1000000000 };

static const double ns_per_s = 1e9, ns_per_ms = 1e6;

/* Seconds since the epoch; 0 when it is not known. */
static double start_s(const struct result *result)
{
    struct tm parts = {0};
    const char *end = strptime(result->environment.started, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return end && !*end ? (double)timegm(&parts) : 0;
}

static void write_head(FILE *out, const struct result *result)
{
    char name[FIGURE_NAME_BYTES_MAX];
    double epoch_s = start_s(result);
    (void)fprintf(out, "#[poolstorm: %s]\n", figure_tag(name, sizeof(name), result->plan->title));
    (void)fprintf(out,
                  "#[Histogram log format version 1.2]\n"
                  "#[StartTime: %.3f (seconds since epoch), %s]\n"
                  "#[BaseTime: %.3f (seconds since epoch)]\n"
                  "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\","
                  "\"Interval_Compressed_Histogram\"\n",
                  epoch_s, epoch_s > 0 ? result->environment.started : "unknown", epoch_s);
}

static int write_interval(FILE *out, const char *tag, uint64_t at_ns, uint64_t length_ns,
                          const struct hist *hist, struct err *err)
{
    char *encoded = NULL;
    int rc = hist_encode_base64(hist, &encoded, err);
    if (rc)
        return rc;
    (void)fprintf(out, "Tag=%s,%.3f,%.3f,%.3f,%s\n", tag, (double)at_ns / ns_per_s,
                  (double)length_ns / ns_per_s, (double)hist_max_ns(hist) / ns_per_ms, encoded);
    free(encoded);
    return 0;
}

/* A line a second, the last one shorter; also those in which nothing went well. */
static int write_series(FILE *out, const char *tag, const struct result_step *step, struct err *err)
{
    const struct series *series = step->load.series;
    struct hist *hist = NULL;
    int rc = hist_create(&hist, SERIES_LOWEST_NS, SERIES_HIGHEST_NS, SERIES_DIGITS, err);
    uint64_t begin_ns = 0;
    for (size_t i = 0; i < series->slot_count && !rc; i++) {
        uint64_t end_ns = (i + 1) * series->slot_ns;
        series_slot_into_hist(series, i, hist);
        if (end_ns - begin_ns < INTERVAL_NS && i + 1 < series->slot_count)
            continue;
        rc = write_interval(out, tag, step->start_ns + begin_ns, end_ns - begin_ns, hist, err);
        hist_reset(hist);
        begin_ns = end_ns;
    }
    hist_destroy(hist);
    return rc;
}

static int write_step(FILE *out, const struct result *result, const struct result_round *round,
                      size_t phase, struct err *err)
{
    const struct result_step *step = &round->steps[phase];
    char tag[256], text[256];
    if (!step->ran || !step->loaded)
        return 0;
    (void)snprintf(text, sizeof(text), "%s.%s", result->variants[round->variant].name,
                   result->plan->phases[phase].name);
    figure_tag(tag, sizeof(tag), text);
    if (step->load.series)
        return write_series(out, tag, step, err);
    if (step->load.latency)
        return write_interval(out, tag, step->start_ns, step->length_ns, step->load.latency, err);
    return 0;
}

static int hlog_format(const struct report_input *input, FILE *out, struct err *err)
{
    const struct result *result = input->items[0].result;
    int rc = 0;
    write_head(out, result);
    for (size_t i = 0; i < result->round_count && !rc; i++) {
        const struct result_round *round = &result->rounds[i];
        for (size_t phase = 0; phase < result->plan->phase_count && !rc; phase++)
            if (result->plan->phases[phase].kind == PLAN_PHASE_MEASURE &&
                result_find_figure(result, round->block, round->variant, (int)phase, METRIC_P50) ==
                    round)
                rc = write_step(out, result, round, phase, err);
    }
    return rc;
}

const struct report_format report_hlog = {
    .name = "hlog",
    .extension = "hlog",
    .summary = "HdrHistogram's log, a line a second, tagged with variant and phase",
    .single = true,
    .write = hlog_format,
};
