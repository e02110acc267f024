/* SPDX-License-Identifier: MIT */
/* gha.c - the two files of github-action-benchmark, which charts figures over commits: one of those
 * that should be small, one of those that should be big. */
#include "report/figure.h"

#include "report/text.h"

#include <jansson.h>

#include <errno.h>
#include <math.h>
#include <string.h>

static const struct {
    const char *name;
    int better;
} parts[] = {
    {"customSmallerIsBetter", METRIC_LESS},
    {"customBiggerIsBetter", METRIC_MORE},
};

static bool gha_part(const struct report_input *input, char *name, size_t size_bytes)
{
    if (input->part >= sizeof(parts) / sizeof(*parts))
        return false;
    (void)snprintf(name, size_bytes, "%s", parts[input->part].name);
    return true;
}

/* The same unit for every run, so that a chart stays one. */
static const char *unit(enum metric_unit unit, double *scale)
{
    *scale = unit == METRIC_NS ? 1e-6 : unit == METRIC_SHARE ? 100 : 1;
    switch (unit) {
    case METRIC_NS:
        return "ms";
    case METRIC_BYTES:
        return "bytes";
    case METRIC_SHARE:
        return "%";
    case METRIC_RATE:
        return "1/s";
    case METRIC_COUNT:
        return "count";
    case METRIC_NUMBER:
        break;
    }
    return "";
}

static int append_row(json_t *rows, const struct figure *figure, struct err *err)
{
    char name[FIGURE_NAME_BYTES_MAX + 256], range[40], extra[200];
    double median, half_range, scale;
    size_t used;
    int rc = figure_level(figure, &median, &half_range, &used, err);
    if (rc || used == 0)
        return rc;
    const struct result *result = figure_result(figure);
    const char *word = unit(figure_metric(figure)->unit, &scale);
    if (!isfinite(median * scale)) /* never: a chart has no place for it */
        return 0;
    figure_name(figure, true, name, FIGURE_NAME_BYTES_MAX);
    if (figure_is_shared(figure)) {
        size_t length = strlen(name);
        (void)snprintf(name + length, sizeof(name) - length, " (%.200s)",
                       figure->input->items[figure->item].name);
    }
    if (isfinite(half_range))
        (void)snprintf(range, sizeof(range), "± %.3g", half_range * scale);
    else
        (void)snprintf(range, sizeof(range), "some rounds: never");
    (void)snprintf(extra, sizeof(extra), "median of %zu rounds ± half their range\ncommit %s%s",
                   used, result->environment.commit[0] ? result->environment.commit : "unknown",
                   result->environment.dirty ? ", changed" : "");
    json_t *row = json_pack("{s:s, s:s, s:f, s:s, s:s}", "name", text_clean(name), "unit", word,
                            "value", median * scale, "range", range, "extra", text_clean(extra));
    return json_array_append_new(rows, row) ? err_sys(err, -ENOMEM, "write JSON") : 0;
}

/* Of whole rounds, as each row becomes a chart; nothing of a run that cannot be believed. */
static int gha_format(const struct report_input *input, FILE *out, struct err *err)
{
    struct figure figure = {.input = input};
    json_t *rows = json_array();
    int rc = 0;
    while (!rc && figure_next(&figure))
        if (figure.phase == EXPR_WHOLE_ROUND &&
            input->items[figure.item].judgement->outcome != OUTCOME_INVALID &&
            (int)figure_metric(&figure)->better == parts[input->part].better)
            rc = append_row(rows, &figure, err);
    if (!rc && json_dumpf(rows, out, JSON_INDENT(2) | JSON_REAL_PRECISION(12)))
        rc = err_set(err, -EIO, "write JSON");
    (void)fputc('\n', out);
    json_decref(rows);
    return rc;
}

const struct report_format report_gha = {
    .name = "gha",
    .extension = "json",
    .summary = "github-action-benchmark's files, what should be small and what should be big",
    .part = gha_part,
    .write = gha_format,
};
