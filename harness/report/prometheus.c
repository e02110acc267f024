/* SPDX-License-Identifier: MIT */
/* prometheus.c - the final figures as Prometheus reads them (text format 0.0.4), for a textfile
 * collector or a push gateway: base units, and latencies as classic histograms. */
#include "report/figure.h"

#include "report/exposition.h"

#include <jansson.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Without the closing brace. */
static void write_labels(FILE *out, const void *arg)
{
    const struct figure *figure = arg;
    const struct result *result = figure_result(figure);
    (void)fputc('{', out);
    exposition_label(out, "run", figure->input->items[figure->item].name);
    (void)fputc(',', out);
    exposition_label(out, "scenario", result->plan->title);
    (void)fputc(',', out);
    exposition_label(out, "variant", result->variants[figure->variant].name);
    if (figure->phase == EXPR_WHOLE_ROUND)
        return;
    (void)fputc(',', out);
    exposition_label(out, "phase", result->plan->phases[figure->phase].name);
}

static void family_name(char *name, size_t size_bytes, const struct metric *metric)
{
    (void)snprintf(name, size_bytes, "%s%s", metric->name, exposition_suffix(metric->unit));
}

/* A figure that is never is larger than any, which this format has a word for. */
static void write_value(FILE *out, double value)
{
    if (isinf(value))
        (void)fputs(value > 0 ? "+Inf" : "-Inf", out);
    else
        (void)fprintf(out, "%.15g", value);
}

/* The sample of one figure; the first of a family is preceded by its head. */
static int write_sample(FILE *out, const struct figure *figure, const char *name, bool *begun,
                        struct err *err)
{
    const struct metric *metric = figure_metric(figure);
    double median, half_range;
    size_t used;
    int rc = figure_level(figure, &median, &half_range, &used, err);
    if (rc || isnan(median)) /* none, or half of them never and half its opposite */
        return rc;
    if (!*begun) {
        char help[300];
        (void)snprintf(help, sizeof(help), "%s; median of the valid rounds",
                       metric->help ? metric->help : metric->name);
        exposition_head(out, name, "gauge", help);
    }
    *begun = true;
    (void)fprintf(out, "poolstorm_%s", name);
    write_labels(out, figure);
    (void)fputs("} ", out);
    write_value(out, median * exposition_scale(metric->unit));
    (void)fputc('\n', out);
    return 0;
}

/* A family's samples stand together, whatever results they are of. Of two metrics of one result
 * whose names come out alike, the first has it. */
static int write_family(FILE *out, const struct report_input *input, const char *name,
                        struct err *err)
{
    struct figure figure = {.input = input};
    char own[FIGURE_NAME_BYTES_MAX];
    const struct result *result = NULL;
    int rc = 0, metric = -1;
    bool begun = false;
    while (!rc && figure_next(&figure)) {
        family_name(own, sizeof(own), figure_metric(&figure));
        if (strcmp(own, name) != 0)
            continue;
        if (figure_result(&figure) != result) {
            result = figure_result(&figure);
            metric = figure.metric;
        }
        if (figure.metric == metric)
            rc = write_sample(out, &figure, name, &begun, err);
    }
    return rc;
}

static int write_figures(FILE *out, const struct report_input *input, struct err *err)
{
    char name[FIGURE_NAME_BYTES_MAX];
    struct figure figure = {.input = input};
    json_t *done = json_pack("{s:b, s:b, s:b}", "run_outcome", 1, "run_rounds", 1, /* not theirs */
                             "latency_seconds", 1);
    int rc = done ? 0 : err_sys(err, -ENOMEM, "write figures");
    while (!rc && figure_next(&figure)) {
        family_name(name, sizeof(name), figure_metric(&figure));
        if (json_object_get(done, name))
            continue;
        rc = write_family(out, input, name, err);
        if (json_object_set_new(done, name, json_true()))
            rc = err_sys(err, -ENOMEM, "write figures");
    }
    json_decref(done);
    return rc;
}

static int write_histograms(FILE *out, const struct report_input *input, struct err *err)
{
    struct figure figure = {.input = input};
    bool begun = false;
    int rc = 0;
    while (!rc && figure_next_phase(&figure)) {
        struct hist *hist = NULL;
        size_t rounds;
        rc = figure_latencies(&figure, &hist, &rounds, err);
        if (hist && !begun)
            exposition_head(out, "latency_seconds", "histogram",
                            "latencies of good replies in all valid rounds");
        begun = begun || hist;
        if (hist)
            exposition_histogram(out, "latency_seconds", write_labels, &figure, hist);
        hist_destroy(hist);
    }
    return rc;
}

static void write_outcomes(FILE *out, const struct report_input *input)
{
    exposition_head(out, "run_outcome", "gauge", "what the run comes to, which its label says");
    for (size_t i = 0; i < input->item_count; i++) {
        (void)fputs("poolstorm_run_outcome{", out);
        exposition_label(out, "run", input->items[i].name);
        (void)fputc(',', out);
        exposition_label(out, "scenario", input->items[i].result->plan->title);
        (void)fputc(',', out);
        exposition_label(out, "outcome", outcome_word(input->items[i].judgement->outcome));
        (void)fputs("} 1\n", out);
    }
    exposition_head(out, "run_rounds", "gauge", "rounds that ran, valid or not");
    for (size_t i = 0; i < 2 * input->item_count; i++) {
        const struct report_item *item = &input->items[i / 2];
        (void)fputs("poolstorm_run_rounds{", out);
        exposition_label(out, "run", item->name);
        (void)fputc(',', out);
        exposition_label(out, "scenario", item->result->plan->title);
        (void)fprintf(out, ",valid=\"%s\"} %zu\n", i % 2 ? "false" : "true",
                      i % 2 ? item->judgement->round_invalid : item->judgement->round_valid);
    }
}

static int prometheus_format(const struct report_input *input, FILE *out, struct err *err)
{
    write_outcomes(out, input);
    int rc = write_figures(out, input, err);
    return rc ? rc : write_histograms(out, input, err);
}

const struct report_format report_prometheus = {
    .name = "prometheus",
    .extension = "prom",
    .summary = "the final figures as Prometheus reads them",
    .write = prometheus_format,
};
