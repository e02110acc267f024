/* SPDX-License-Identifier: MIT */
/* grid.c - tables of the figures that grids ask of their cells. */
#include "report/grid.h"

#include "report/content.h"
#include "report/sample.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* One figure of one scenario's grid. */
struct grid {
    const struct report_input *input;
    const struct plan *plan; /* of the scenario's first cell among the items */
    const struct expr *figure;
    size_t figure_index;
};

static bool is_cell_of(const struct report_item *item, const struct plan *plan)
{
    return item->result->plan->cell && strcmp(item->result->plan->path, plan->path) == 0 &&
           strcmp(item->result->plan->text, plan->text) == 0;
}

bool grid_is_apart(const struct report_input *input, size_t item)
{
    return !input->items[item].result->plan->cell || input->item_count == 1;
}

static bool is_first(const struct report_input *input, size_t item)
{
    const struct plan *plan = input->items[item].result->plan;
    for (size_t i = 0; i < item; i++)
        if (is_cell_of(&input->items[i], plan))
            return false;
    return plan->cell != NULL;
}

static bool find(const struct report_input *input, size_t index, struct grid *grid)
{
    for (size_t i = 0; i < input->item_count; i++) {
        const struct plan *plan = input->items[i].result->plan;
        if (!is_first(input, i))
            continue;
        if (index < plan->figure_count) {
            *grid = (struct grid){input, plan, plan->figures[index], index};
            return true;
        }
        index -= plan->figure_count;
    }
    return false;
}

/* Of a ratio of one metric that has a better side. */
static enum tone tone_of(const struct result *result, const struct expr *figure,
                         const struct measured *measured)
{
    struct expr_ref over, under;
    if (!measured->ratio || result->quick || !expr_is_ratio(figure, &over, &under) ||
        over.metric != under.metric)
        return TONE_PLAIN;
    enum metric_better better = result->plan->metrics[over.metric].better;
    if (better == METRIC_NEITHER)
        return TONE_PLAIN;
    return content_tone(
        stats_judge(&measured->estimate, result->noise_share, better == METRIC_MORE));
}

static int fill_cell(const struct grid *grid, const char *name, struct table *table,
                     struct err *err)
{
    for (size_t i = 0; i < grid->input->item_count; i++) {
        const struct report_item *item = &grid->input->items[i];
        if (!is_cell_of(item, grid->plan) || strcmp(item->result->plan->cell, name) != 0)
            continue;
        char text[160];
        struct measured measured = {0};
        const struct sample sample = {.result = item->result,
                                      .figure = item->result->plan->figures[grid->figure_index],
                                      .variant = -1};
        struct sample_held held = {.op = EXPR_ABOUT, .limit = 1}; /* asked for no word */
        int rc = sample_measure(&sample, &held, &measured, err);
        if (!rc)
            table_cell(table, tone_of(item->result, sample.figure, &measured), "%s",
                       content_measured(&measured, text, sizeof(text)));
        return rc;
    }
    table_cell(table, TONE_QUIET, "not run");
    return 0;
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

bool grid_table(const struct report_input *input, size_t index, struct table *table, char *title,
                size_t size_bytes, int *rc, struct err *err)
{
    struct grid grid;
    if (!find(input, index, &grid))
        return false;
    const struct plan *plan = grid.plan;
    const struct plan_axis *across = &plan->axes[plan->axis_count - 1];
    (void)snprintf(title, size_bytes, "%s, by %s: %s", plan->name, across->name,
                   expr_text(grid.figure));
    for (size_t i = 0; i + 1 < plan->axis_count; i++)
        table_column(table, TABLE_LEFT, "%s", plan->axes[i].name);
    if (plan->axis_count == 1)
        table_column(table, TABLE_LEFT, "%s", "");
    for (size_t i = 0; i < across->value_count; i++)
        table_column(table, TABLE_RIGHT, "%s", across->values[i]);
    *rc = 0;
    assert(across->value_count > 0);
    for (size_t cell = 0; cell < plan_cell_count(plan) && !*rc; cell++) {
        char name[256];
        if (cell % across->value_count == 0)
            fill_heads(plan, cell, table);
        *rc = fill_cell(&grid, plan_cell_name(plan, cell, name, sizeof(name)), table, err);
    }
    return true;
}
