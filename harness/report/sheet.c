/* SPDX-License-Identifier: MIT */
/* sheet.c - takes the figures of a run's rounds out of its result. */
#include "report/sheet.h"

#include "report/figure.h"
#include "report/sheet_load.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int no_memory(struct err *err)
{
    return err_sys(err, -ENOMEM, "take the figures of a run");
}

void sheet_destroy(struct sheet *sheet)
{
    if (!sheet)
        return;
    for (size_t i = 0; i < sheet->variant_count; i++) {
        struct sheet_variant *variant = &sheet->variants[i];
        for (size_t j = 0; j < variant->figure_count; j++) {
            free(variant->figures[j].path);
            free(variant->figures[j].values);
        }
        free(variant->figures);
        free(variant->name);
        free(variant->allocator);
    }
    for (size_t i = 0; i < sheet->phase_count; i++) {
        free(sheet->phases[i].name);
        free(sheet->phases[i].load);
    }
    free(sheet->variants);
    free(sheet->phases);
    free(sheet->scenario);
    free(sheet->text);
    free(sheet->origin);
    free(sheet->run);
    free(sheet->program);
    free(sheet->invalid);
    free(sheet->database);
    free(sheet->environment.command_line);
    free(sheet);
}

int sheets_add(struct sheets *sheets, struct sheet *sheet, struct err *err)
{
    struct sheet **items = NULL;
    int rc = 0;
    if (sheets->count >= SHEETS_MAX)
        rc = err_set(err, -E2BIG, "more than %d runs", SHEETS_MAX);
    else if (!(items = reallocarray(sheets->items, sheets->count + 1, sizeof(struct sheet *))))
        rc = no_memory(err);
    if (rc) {
        sheet_destroy(sheet);
        return rc;
    }
    sheets->items = items;
    sheets->items[sheets->count++] = sheet;
    return 0;
}

void sheets_fini(struct sheets *sheets)
{
    for (size_t i = 0; i < sheets->count; i++)
        sheet_destroy(sheets->items[i]);
    free(sheets->items);
    *sheets = (struct sheets){0};
}

const struct sheet_variant *sheet_variant_find(const struct sheet *sheet, const char *name)
{
    for (size_t i = 0; i < sheet->variant_count; i++)
        if (strcmp(sheet->variants[i].name, name) == 0)
            return &sheet->variants[i];
    return NULL;
}

const struct sheet_figure *sheet_figure_find(const struct sheet_variant *variant, const char *path)
{
    for (size_t i = 0; i < variant->figure_count; i++)
        if (strcmp(variant->figures[i].path, path) == 0)
            return &variant->figures[i];
    return NULL;
}

size_t sheet_values(const struct sheet *sheet, const struct sheet_figure *figure, double *values)
{
    size_t count = 0;
    for (size_t block = 0; block < sheet->block_count; block++)
        if (!isnan(figure->values[block]))
            values[count++] = figure->values[block];
    return count;
}

/* ---- Circumstances --------------------------------------------------------------------------- */

static int take_phases(struct sheet *sheet, const struct result *result, struct err *err)
{
    size_t count = result->plan->phase_count;
    sheet->phases = calloc(count + 1, sizeof(*sheet->phases));
    if (!sheet->phases)
        return no_memory(err);
    for (size_t i = 0; i < count; i++) {
        struct sheet_phase *phase = &sheet->phases[sheet->phase_count++];
        phase->name = strdup(result->phases[i].name);
        phase->load = sheet_load_of_phase(result, i);
        if (!phase->name || !phase->load)
            return no_memory(err);
    }
    return 0;
}

static int take_texts(struct sheet *sheet, const struct result *result,
                      const struct judgement *judgement, const char *program, const char *origin,
                      struct err *err)
{
    if (asprintf(&sheet->run, "%s %s %llu %llu", result->environment.started,
                 result->environment.host, (unsigned long long)result->seed,
                 (unsigned long long)result->start_ns) < 0)
        sheet->run = NULL;
    sheet->scenario = strdup(result->plan->title);
    sheet->text = strdup(result->plan->text ? result->plan->text : "");
    sheet->origin = strdup(origin ? origin : result->folder ? result->folder : "");
    sheet->program = program ? strdup(program) : NULL;
    sheet->invalid = strdup(judgement->invalid);
    sheet->database = sheet_load_of_database(result->plan);
    sheet->environment = result->environment;
    sheet->environment.command_line = NULL;
    if (result->environment.command_line) {
        sheet->environment.command_line = strdup(result->environment.command_line);
        if (!sheet->environment.command_line)
            return no_memory(err);
    }
    bool all = sheet->run && sheet->scenario && sheet->text && sheet->origin && sheet->invalid &&
               sheet->database && (sheet->program || !program);
    return all ? 0 : no_memory(err);
}

/* ---- Figures --------------------------------------------------------------------------------- */

/* The values of one figure; false: no round has it. */
static bool take_values(const struct figure *from, struct sheet_figure *figure)
{
    const struct result *result = figure_result(from);
    bool any = false;
    figure->least = UINT64_MAX;
    for (size_t block = 0; block < result->block_count; block++) {
        const struct result_round *round =
            result_find_figure(result, block, from->variant, from->phase, from->metric);
        double value = round ? result_value(result, round, from->phase, from->metric) : NAN;
        figure->values[block] = value;
        if (isnan(value))
            continue;
        any = true;
        if (figure->needs) {
            uint64_t requests = result_requests(result, round, from->phase, from->metric);
            figure->least = requests < figure->least ? requests : figure->least;
        }
    }
    figure->least = figure->needs ? figure->least : 0;
    return any;
}

static int take_figure(const struct figure *from, struct sheet_variant *variant, struct err *err)
{
    const struct result *result = figure_result(from);
    const struct metric *metric = figure_metric(from);
    struct sheet_figure figure = {
        .unit = metric->unit,
        .better = metric->better,
        .needs = result_metric_needs(result->plan, from->metric),
        .values = calloc(result->block_count + 1, sizeof(double)),
    };
    if (!figure.values)
        return no_memory(err);
    if (!take_values(from, &figure)) {
        free(figure.values);
        return 0;
    }
    const char *phase =
        from->phase == EXPR_WHOLE_ROUND ? "" : result->plan->phases[from->phase].name;
    if (asprintf(&figure.path, "%s%s%s", phase, phase[0] ? "." : "", metric->name) < 0) {
        free(figure.values);
        return no_memory(err);
    }
    variant->figures[variant->figure_count++] = figure;
    return 0;
}

/* Those of one variant of a result that stands alone in input. */
static int take_figures(const struct report_input *input, size_t index,
                        struct sheet_variant *variant, struct err *err)
{
    size_t most = 0;
    for (struct figure figure = {.input = input}; figure_next(&figure);)
        most += figure.variant == index;
    variant->figures = calloc(most + 1, sizeof(*variant->figures));
    if (!variant->figures)
        return no_memory(err);
    int rc = 0;
    for (struct figure figure = {.input = input}; !rc && figure_next(&figure);)
        if (figure.variant == index)
            rc = take_figure(&figure, variant, err);
    return rc;
}

static bool ran_with(const struct result_variant *variant, const char *program)
{
    if (!program || !variant->program)
        return program == variant->program;
    return strcmp(program, variant->program) == 0;
}

/* "pooled@other" is pooled with another program. */
static int take_variants(struct sheet *sheet, const struct report_item *item, const char *program,
                         struct err *err)
{
    const struct result *result = item->result;
    const struct report_input alone = {.items = item, .item_count = 1};
    sheet->variants = calloc(result->variant_count + 1, sizeof(*sheet->variants));
    if (!sheet->variants)
        return no_memory(err);
    int rc = 0;
    for (size_t i = 0; !rc && i < result->variant_count; i++) {
        const struct result_variant *from = &result->variants[i];
        if (!ran_with(from, program))
            continue;
        struct sheet_variant *to = &sheet->variants[sheet->variant_count++];
        to->name = strdup(program ? result->plan->variants[from->plan_index].name : from->name);
        to->allocator = from->allocator ? strdup(from->allocator) : NULL;
        if (!to->name || (from->allocator && !to->allocator))
            return no_memory(err);
        rc = take_figures(&alone, i, to, err);
    }
    if (!rc && sheet->variant_count == 0)
        rc = err_set(err, -ENOENT, "no variant of %.80s ran with %.200s", result->plan->title,
                     program ? program : "the program's own service");
    return rc;
}

int sheet_create(const struct result *result, const struct judgement *judgement,
                 const char *program, const char *origin, struct sheet **out, struct err *err)
{
    struct sheet *sheet = calloc(1, sizeof(*sheet));
    if (!sheet)
        return no_memory(err);
    sheet->seed = result->seed;
    sheet->block_count = result->block_count;
    sheet->round_valid = judgement->round_valid;
    sheet->round_invalid = judgement->round_invalid;
    sheet->quick = result->quick;
    sheet->aa = result->aa;
    sheet->noise_share = result->noise_share;
    int rc = take_texts(sheet, result, judgement, program, origin, err);
    if (!rc)
        rc = take_phases(sheet, result, err);
    if (!rc)
        rc = take_variants(sheet, &(struct report_item){result, judgement, NULL}, program, err);
    if (rc)
        sheet_destroy(sheet);
    else
        *out = sheet;
    return rc;
}
