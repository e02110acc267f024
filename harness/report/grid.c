/* SPDX-License-Identifier: MIT */
/* grid.c - tables of the figures that grids ask of their cells, and which cells are not sound. */
#include "report/grid.h"

#include "report/content.h"
#include "report/sample.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* One scenario's grid in one run. */
struct grid {
    const struct report_input *input;
    const struct report_item *first; /* of its cells among the items */
    const struct plan *plan;         /* of that */
};

bool grid_same_run(const struct report_item *one, const struct report_item *other)
{
    if (!one->run || !other->run)
        return one->run == other->run;
    return strcmp(one->run, other->run) == 0;
}

static bool is_of_grid(const struct report_item *item, const struct report_item *first)
{
    const struct plan *plan = item->result->plan;
    return plan->cell && grid_same_run(item, first) &&
           strcmp(plan->path, first->result->plan->path) == 0 &&
           strcmp(plan->text, first->result->plan->text) == 0;
}

bool grid_is_apart(const struct report_input *input, size_t item)
{
    return !input->items[item].result->plan->cell || input->item_count == 1;
}

static bool is_first(const struct report_input *input, size_t item)
{
    for (size_t i = 0; i < item; i++)
        if (is_of_grid(&input->items[i], &input->items[item]))
            return false;
    return input->items[item].result->plan->cell != NULL;
}

static struct grid grid_of(const struct report_input *input, size_t first)
{
    return (struct grid){input, &input->items[first], input->items[first].result->plan};
}

/* NULL: it was not run. */
static const struct report_item *find_cell(const struct grid *grid, size_t cell)
{
    char name[256];
    (void)plan_cell_name(grid->plan, cell, name, sizeof(name));
    for (size_t i = 0; i < grid->input->item_count; i++) {
        const struct report_item *item = &grid->input->items[i];
        if (is_of_grid(item, grid->first) && strcmp(item->result->plan->cell, name) == 0)
            return item;
    }
    return NULL;
}

/* What its run is called, where there are grids of other runs of the scenario; else NULL. */
static const char *run_label(const struct grid *grid)
{
    const char *label = NULL;
    bool several = false;
    for (size_t i = 0; i < grid->input->item_count; i++) {
        const struct report_item *item = &grid->input->items[i];
        bool same = grid_same_run(item, grid->first);
        if (strcmp(item->result->plan->name, grid->plan->name) != 0)
            continue;
        several = several || (!same && item->result->plan->cell);
        if (same && !item->result->plan->cell)
            label = item->name;
    }
    return !several ? NULL : label ? label : grid->first->run;
}

/* ---- Cells ----------------------------------------------------------------------------------- */

enum trouble { SOUND, UNBELIEVABLE, BROKEN, INTERRUPTED, TROUBLES };

static enum trouble trouble_of(const struct report_item *item)
{
    if (item->judgement->outcome == OUTCOME_INVALID)
        return UNBELIEVABLE;
    if (item->judgement->outcome == OUTCOME_EXPECTATION)
        return BROKEN;
    return item->result->interrupted ? INTERRUPTED : SOUND;
}

/* The better side of a ratio of one metric, else that there is none. */
static enum metric_better side_of(const struct result *result, const struct expr *figure,
                                  const struct measured *measured)
{
    struct expr_ref over, under;
    if (!measured->ratio || !expr_is_ratio(figure, &over, &under) || over.metric != under.metric)
        return METRIC_NEITHER;
    return result->plan->metrics[over.metric].better;
}

static enum tone tone_of(const struct result *result, const struct expr *figure,
                         const struct measured *measured)
{
    enum metric_better better = side_of(result, figure, measured);
    if (result->quick || better == METRIC_NEITHER)
        return TONE_PLAIN;
    return content_tone(
        stats_judge(&measured->estimate, result->noise_share, better == METRIC_MORE));
}

/* How far from no difference, as a logarithm, above 0 on the better side; what has no sides as it
 * is. */
static double raw_heat(const struct result *result, const struct expr *figure,
                       const struct measured *measured)
{
    enum metric_better better = side_of(result, figure, measured);
    double value = measured->estimate.value;
    if (better != METRIC_NEITHER)
        value = better == METRIC_MORE ? log(value) : -log(value);
    return isfinite(value) ? value : 0;
}

/* Makes the heat of a table's cells shares of the greatest there is; below a tenth of difference
 * even the greatest is faint. */
static void spread_heat(struct table *table)
{
    double most = log(1.1);
    for (size_t i = 0; i < table->cell_count; i++)
        most = fmax(most, fabs(table->cells[i].heat));
    for (size_t i = 0; i < table->cell_count; i++)
        table->cells[i].heat /= most;
}

static int fill_cell(const struct report_item *item, size_t figure, struct table *table,
                     struct err *err)
{
    static const char *const words[TROUBLES] = {
        [SOUND] = "",
        [UNBELIEVABLE] = "\n✘ not to be believed",
        [BROKEN] = "\n✘ an invariant failed",
        [INTERRUPTED] = "\n✘ interrupted",
    };
    if (!item) {
        table_cell(table, TONE_QUIET, "not run");
        return 0;
    }
    char text[160];
    struct measured measured = {0};
    const struct sample sample = {
        .result = item->result, .figure = item->result->plan->figures[figure], .variant = -1};
    struct sample_held held = {.op = EXPR_ABOUT, .limit = 1}; /* asked for no word */
    enum trouble trouble = trouble_of(item);
    int rc = sample_measure(&sample, &held, &measured, err);
    if (!rc)
        table_cell(table,
                   trouble == SOUND ? tone_of(item->result, sample.figure, &measured) : TONE_BAD,
                   "%s%s", content_measured(&measured, text, sizeof(text)), words[trouble]);
    if (!rc && trouble == SOUND)
        table_heat(table, raw_heat(item->result, sample.figure, &measured));
    return rc;
}

/* A row's values of all axes but the last. */
static void fill_heads(const struct plan *plan, size_t cell, struct table *table)
{
    size_t stride = plan_cell_count(plan);
    for (size_t i = 0; i + 1 < plan->axis_count; i++) {
        const struct plan_axis *axis = &plan->axes[i];
        stride /= axis->value_count;
        table_cell(table, TONE_PLAIN, "%s", axis->values[cell / stride % axis->value_count]);
    }
    if (plan->axis_count == 1)
        table_cell(table, TONE_PLAIN, "%s", "");
}

static int fill_figure(const struct grid *grid, size_t figure, struct table *table, struct err *err)
{
    const struct plan *plan = grid->plan;
    const struct plan_axis *across = &plan->axes[plan->axis_count - 1];
    int rc = 0;
    for (size_t i = 0; i + 1 < plan->axis_count; i++)
        table_column(table, TABLE_LEFT, "%s", plan->axes[i].name);
    if (plan->axis_count == 1)
        table_column(table, TABLE_LEFT, "%s", "");
    for (size_t i = 0; i < across->value_count; i++)
        table_column(table, TABLE_RIGHT, "%s", across->values[i]);
    assert(across->value_count > 0);
    for (size_t cell = 0; cell < plan_cell_count(plan) && !rc; cell++) {
        if (cell % across->value_count == 0)
            fill_heads(plan, cell, table);
        rc = fill_cell(find_cell(grid, cell), figure, table, err);
    }
    spread_heat(table);
    return rc;
}

/* ---- As a whole ------------------------------------------------------------------------------ */

/* Adds ", N what" to a text, without the comma at its beginning. */
static void count_text(struct grid_outcome *out, size_t count, const char *what)
{
    size_t used = strlen(out->text);
    bool begun = used > strlen("✘ ");
    if (count > 0)
        (void)snprintf(out->text + used, sizeof(out->text) - used, "%s%zu %s", begun ? ", " : "",
                       count, what);
}

static void fill_outcome(const struct grid *grid, struct grid_outcome *out)
{
    size_t counts[TROUBLES] = {0}, missing = 0, cells = plan_cell_count(grid->plan);
    const char *label = run_label(grid);
    for (size_t i = 0; i < cells; i++) {
        const struct report_item *item = find_cell(grid, i);
        missing += item == NULL;
        if (item)
            counts[trouble_of(item)]++;
    }
    bool sound = counts[SOUND] + missing == cells;
    out->tone = !sound ? TONE_BAD : missing ? TONE_UNSURE : TONE_GOOD;
    (void)snprintf(out->title, sizeof(out->title), "%.200s, %zu cells%s%.100s%s", grid->plan->name,
                   cells, label ? " (" : "", label ? label : "", label ? ")" : "");
    (void)snprintf(out->text, sizeof(out->text), "%s",
                   !sound    ? "✘ "
                   : missing ? "? "
                             : "✔ all cells are sound");
    if (out->tone == TONE_GOOD)
        return;
    count_text(out, counts[UNBELIEVABLE], "not to be believed");
    count_text(out, counts[BROKEN], "with an invariant that failed");
    count_text(out, counts[INTERRUPTED], "interrupted");
    count_text(out, missing, "not run");
    count_text(out, counts[SOUND], "sound");
}

bool grid_outcome(const struct report_input *input, size_t index, struct grid_outcome *out)
{
    for (size_t i = 0; i < input->item_count; i++) {
        if (!is_first(input, i) || index-- > 0)
            continue;
        struct grid grid = grid_of(input, i);
        fill_outcome(&grid, out);
        return true;
    }
    return false;
}

/* Why cells are not sound, as their reports would say it. */
static void fill_troubles(const struct grid *grid, struct table *table)
{
    char text[400];
    enum tone tone;
    table_column(table, TABLE_LEFT, "cell");
    table_column(table, TABLE_WRAP, "what it came to");
    for (size_t i = 0; i < plan_cell_count(grid->plan); i++) {
        const struct report_item *item = find_cell(grid, i);
        if (!item || trouble_of(item) == SOUND)
            continue;
        table_cell(table, TONE_PLAIN, "%s", item->result->plan->cell);
        (void)content_outcome(item->result, item->judgement, text, sizeof(text), &tone);
        table_cell(table, TONE_BAD, "%s",
                   trouble_of(item) == INTERRUPTED ? "✘ interrupted: blocks are missing" : text);
    }
}

static int write_outcome(const struct grid *grid, grid_part_fn *write, void *arg, struct err *err)
{
    struct table table = {0};
    struct grid_outcome outcome;
    fill_outcome(grid, &outcome);
    fill_troubles(grid, &table);
    int rc = write(arg, &(struct grid_part){outcome.title, &table, &outcome}, err);
    table_fini(&table);
    return rc;
}

static int write_figure(const struct grid *grid, size_t figure, grid_part_fn *write, void *arg,
                        struct err *err)
{
    const struct plan *plan = grid->plan;
    struct table table = {0};
    const char *label = run_label(grid);
    char title[600];
    (void)snprintf(title, sizeof(title), "%.200s, by %.60s: %.200s%s%.100s%s", plan->name,
                   plan->axes[plan->axis_count - 1].name, expr_text(plan->figures[figure]),
                   label ? " (" : "", label ? label : "", label ? ")" : "");
    int rc = fill_figure(grid, figure, &table, err);
    if (!rc)
        rc = write(arg, &(struct grid_part){title, &table, NULL}, err);
    table_fini(&table);
    return rc;
}

int grid_write(const struct report_input *input, grid_part_fn *write, void *arg, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < input->item_count; i++) {
        if (!is_first(input, i))
            continue;
        struct grid grid = grid_of(input, i);
        for (size_t figure = 0; !rc && figure < grid.plan->figure_count; figure++)
            rc = write_figure(&grid, figure, write, arg, err);
        if (!rc)
            rc = write_outcome(&grid, write, arg, err);
    }
    return rc;
}
