/* SPDX-License-Identifier: MIT */
/* csv.c - every figure of every round in a row of its own, for spreadsheets and data frames. */
#include "report/figure.h"

#include "report/json_fields.h"
#include "report/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* RFC 4180: in quotes where it must be, quotes doubled. */
static void write_text(FILE *out, const char *text)
{
    if (!text[strcspn(text, ",\"\r\n")]) {
        (void)fputs(text, out);
        return;
    }
    (void)fputc('"', out);
    for (; *text; text++) {
        if (*text == '"')
            (void)fputc('"', out);
        (void)fputc(*text, out);
    }
    (void)fputc('"', out);
}

/* "never" is a word, as CSV knows no infinity that all readers take for one. */
static void write_value(FILE *out, double value)
{
    if (isinf(value))
        (void)fputs(value > 0 ? "never" : "-never", out);
    else
        (void)fprintf(out, "%.15g", value);
}

/* What is there of an unusable round, too, marked as such. */
static void write_round(const struct figure *figure, const char *scenario, FILE *out,
                        const struct result_round *round)
{
    const struct result *result = figure_result(figure);
    const struct metric *metric = figure_metric(figure);
    double value = result_value(result, round, figure->phase, figure->metric);
    if (isnan(value))
        return;
    bool valid = result_find_figure(result, round->block, figure->variant, figure->phase,
                                    figure->metric) == round;
    write_text(out, figure->input->items[figure->item].name);
    (void)fputc(',', out);
    write_text(out, scenario);
    (void)fputc(',', out);
    write_text(out, result->plan->cell ? result->plan->cell : "");
    (void)fputc(',', out);
    write_text(out, result->variants[figure->variant].name);
    (void)fprintf(out, ",%zu,%zu,%s,", round->place, round->block, valid ? "true" : "false");
    if (figure->phase != EXPR_WHOLE_ROUND)
        write_text(out, result->plan->phases[figure->phase].name);
    (void)fprintf(out, ",%s,", metric->name);
    write_value(out, value);
    (void)fprintf(out, ",%s,%s\n", json_unit_words[metric->unit],
                  figure_is_sound(figure, round) ? "true" : "false");
}

static int csv_format(const struct report_input *input, FILE *out, struct err *err)
{
    struct figure figure = {.input = input};
    (void)fputs("run,scenario,cell,variant,round,block,valid,phase,metric,value,unit,sound\n", out);
    while (figure_next(&figure)) {
        const struct result *result = figure_result(&figure);
        char *scenario = strdup(result->plan->name);
        if (!scenario)
            return err_sys(err, -ENOMEM, "write CSV");
        (void)text_clean(scenario);
        for (size_t i = 0; i < result->round_count; i++)
            if (result->rounds[i].variant == figure.variant)
                write_round(&figure, scenario, out, &result->rounds[i]);
        free(scenario);
    }
    return 0;
}

const struct report_format report_csv = {
    .name = "csv",
    .extension = "csv",
    .summary = "every figure of every round in a row of its own",
    .write = csv_format,
};
