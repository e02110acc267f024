/* SPDX-License-Identifier: MIT */
/* read_grid.c - a scenario's grid: what it varies, and the document of one cell.
 *
 * A cell is the file with other values laid over it, before anything is read: readers of the parts
 * know nothing of grids, and a value that does not fit is told where it stands among its axis's. */
#include "plan/read.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE_BYTES_MAX = 40, CELL_BYTES_MAX = 256 };

/* ---- Reading --------------------------------------------------------------------------------- */

/* A value stands in names of cells and of folders. */
static int read_value(struct reading *reading, const yaml_node_t *node, struct plan_axis *axis)
{
    struct document *doc = &reading->doc;
    int rc = document_expect(doc, node, YAML_SCALAR_NODE, "a value, such as 16KB", reading->err);
    if (rc)
        return rc;
    const char *text = document_text(node);
    size_t length = strlen(text);
    bool sound = length > 0 && length <= VALUE_BYTES_MAX && text[0] != '.';
    for (size_t i = 0; i < length; i++)
        sound = sound && (isalnum((unsigned char)text[i]) || strchr("._%+-", text[i]));
    if (!sound)
        return document_fail(doc, node, reading->err,
                             "expected a value of at most %d letters, digits, '.', '_', '%%', '+' "
                             "and '-', not beginning with '.'",
                             VALUE_BYTES_MAX);
    for (size_t i = 0; i < axis->value_count; i++)
        if (strcmp(axis->values[i], text) == 0)
            return document_fail(doc, node, reading->err, "'%s' is given twice", text);
    return read_copy(reading, text, &axis->values[axis->value_count++]);
}

static int read_values(struct reading *reading, const yaml_node_t *node, struct plan_axis *axis)
{
    struct document *doc = &reading->doc;
    const yaml_node_t *to = document_get(doc, node, "to");
    if (!to)
        return document_fail(doc, node, reading->err, "expected an axis to have 'to': its values");
    int rc = document_expect(doc, to, YAML_SEQUENCE_NODE, "a list of values", reading->err);
    size_t count = rc ? 0 : document_item_count(to);
    if (!rc && (count == 0 || count > PLAN_CELLS_MAX))
        return document_fail(doc, to, reading->err, "expected 1 to %d values", PLAN_CELLS_MAX);
    if (!rc)
        rc = read_alloc(reading, count, sizeof(*axis->values), &axis->values);
    for (size_t i = 0; !rc && i < count; i++)
        rc = read_value(reading, document_item(doc, to, i), axis);
    return rc;
}

/* Whether a part that goes before sets the path's last keys by itself: the axis would do nothing.
 */
static bool sets_itself(struct document *doc, const yaml_node_t *part, const char *path)
{
    while (part && part->type == YAML_MAPPING_NODE) {
        char key[80];
        size_t length = strcspn(path, ".");
        (void)snprintf(key, sizeof(key), "%.*s", (int)length, path);
        part = document_get(doc, part, key);
        if (path[length] == '\0')
            return part != NULL;
        path += length + 1;
    }
    return false;
}

/* Of variants, which go before the subject, and of phases, which go before the load. */
static int check_effect(struct reading *reading, const yaml_node_t *node,
                        const struct plan_axis *axis)
{
    struct document *doc = &reading->doc;
    const yaml_node_t *root = document_root(doc);
    const char *below = strchr(axis->set, '.') + 1;
    const yaml_node_t *parts = NULL;
    if (strncmp(axis->set, "subject.", 8) == 0)
        parts = document_get(doc, root, "variants");
    else if (strncmp(axis->set, "load.", 5) == 0)
        parts = document_get(doc, root, "phases");
    bool named = parts && parts->type == YAML_MAPPING_NODE;
    size_t count = !parts ? 0 : named ? document_pair_count(parts) : document_item_count(parts);
    size_t free_of_it = 0;
    for (size_t i = 0; i < count; i++)
        free_of_it += !sets_itself(
            doc, named ? document_value(doc, parts, i) : document_item(doc, parts, i), below);
    if (parts && free_of_it == 0)
        return document_fail(doc, node, reading->err,
                             "axis '%s' does nothing: every %s says %s by itself", axis->name,
                             named ? "variant" : "phase", below);
    return 0;
}

static int check_path(struct reading *reading, const yaml_node_t *node,
                      const struct plan_axis *axis)
{
    static const char *const roots[] = {"subject.", "load.", "database."};
    if (!axis->set)
        return document_fail(&reading->doc, node, reading->err,
                             "expected an axis to have 'set': the path of a key");
    for (size_t i = 0; i < sizeof(roots) / sizeof(*roots); i++) {
        size_t length = strlen(roots[i]);
        if (strncmp(axis->set, roots[i], length) == 0 && axis->set[length])
            return check_effect(reading, node, axis);
    }
    return document_fail(&reading->doc, document_get(&reading->doc, node, "set"), reading->err,
                         "expected a path below subject, load or database, such as "
                         "subject.allocator");
}

static int read_axis(struct reading *reading, const yaml_node_t *key, const yaml_node_t *node,
                     struct plan_axis *axis)
{
    int rc = read_name_check(reading, key, "an axis");
    if (!rc)
        rc = read_copy(reading, document_text(key), &axis->name);
    if (!rc)
        rc = document_expect(&reading->doc, node, YAML_MAPPING_NODE,
                             "an axis, such as {set: load.payload, to: [1KB, 16KB]}", reading->err);
    if (!rc)
        rc = read_settings(reading, node, SECTION_AXIS, (void *const[STATES_MAX]){axis});
    if (!rc)
        rc = check_path(reading, node, axis);
    return rc ? rc : read_values(reading, node, axis);
}

static int read_axes(struct reading *reading, const yaml_node_t *node)
{
    struct document *doc = &reading->doc;
    struct plan *plan = reading->plan;
    int rc =
        document_expect(doc, node, YAML_MAPPING_NODE, "names with what they vary", reading->err);
    size_t count = rc ? 0 : document_pair_count(node);
    if (!rc && (count == 0 || count > PLAN_AXES_MAX))
        return document_fail(doc, node, reading->err, "expected 1 to %d axes", PLAN_AXES_MAX);
    if (!rc)
        rc = read_alloc(reading, count, sizeof(*plan->axes), &plan->axes);
    for (size_t i = 0; !rc && i < count; i++) {
        plan->axis_count = i + 1;
        rc = read_axis(reading, document_key(doc, node, i), document_value(doc, node, i),
                       &plan->axes[i]);
    }
    if (!rc && plan_cell_count(plan) > PLAN_CELLS_MAX)
        rc = document_fail(doc, node, reading->err, "expected at most %d cells, not %zu",
                           PLAN_CELLS_MAX, plan_cell_count(plan));
    return rc;
}

static int add_figure(struct reading *reading, const yaml_node_t *node, const char *text)
{
    struct plan *plan = reading->plan;
    int rc = read_expr(reading, node, text, EXPR_SCOPE_PLAN, &plan->figures[plan->figure_count]);
    if (!rc && expr_is_condition(plan->figures[plan->figure_count++]))
        return document_fail(&reading->doc, node, reading->err,
                             "expected a figure, not a condition");
    return rc;
}

/* The QPS of each variant over the first one's. */
static int assume_figures(struct reading *reading, const yaml_node_t *axes)
{
    struct plan *plan = reading->plan;
    int rc = read_alloc(reading, plan->variant_count, sizeof(*plan->figures), &plan->figures);
    for (size_t i = 1; !rc && i < plan->variant_count; i++) {
        char text[160];
        (void)snprintf(text, sizeof(text), "%s.qps / %s.qps", plan->variants[i].name,
                       plan->variants[0].name);
        rc = add_figure(reading, axes, text);
    }
    return rc;
}

static int read_figures(struct reading *reading, const yaml_node_t *node)
{
    struct document *doc = &reading->doc;
    int rc = document_expect(doc, node, YAML_SEQUENCE_NODE, "a list of figures", reading->err);
    size_t count = rc ? 0 : document_item_count(node);
    if (!rc && count > 0)
        rc = read_alloc(reading, count, sizeof(*reading->plan->figures), &reading->plan->figures);
    for (size_t i = 0; !rc && i < count; i++) {
        const yaml_node_t *item = document_item(doc, node, i);
        rc = document_expect(doc, item, YAML_SCALAR_NODE, "a figure, such as b.qps / a.qps",
                             reading->err);
        if (!rc)
            rc = add_figure(reading, item, document_text(item));
    }
    return rc;
}

int read_grid(struct reading *reading, const yaml_node_t *root)
{
    struct document *doc = &reading->doc;
    const yaml_node_t *axes = document_get(doc, root, "axes");
    const yaml_node_t *grid = document_get(doc, root, "grid");
    struct grid_text text = {0};
    if (grid && !axes)
        return document_fail(doc, grid, reading->err, "expected axes for the grid");
    if (!axes)
        return 0;
    int rc = read_axes(reading, axes);
    if (!rc && grid)
        rc = document_expect(doc, grid, YAML_MAPPING_NODE, "a mapping", reading->err);
    if (!rc && grid)
        rc = read_settings(reading, grid, SECTION_GRID, (void *const[STATES_MAX]){&text});
    const yaml_node_t *figures = !rc && grid ? document_get(doc, grid, "figures") : NULL;
    if (!rc)
        rc = figures ? read_figures(reading, figures) : assume_figures(reading, axes);
    return rc;
}

void plan_grid_fini(struct plan *plan)
{
    for (size_t i = 0; i < plan->axis_count; i++) {
        struct plan_axis *axis = &plan->axes[i];
        for (size_t j = 0; j < axis->value_count; j++)
            free(axis->values[j]);
        free(axis->values);
        free(axis->name);
        param_fini(plan_axis_params, axis);
    }
    for (size_t i = 0; i < plan->figure_count; i++)
        expr_destroy(plan->figures[i]);
    free(plan->axes);
    free(plan->figures);
}

/* ---- Cells ----------------------------------------------------------------------------------- */

size_t plan_cell_count(const struct plan *plan)
{
    size_t count = plan->axis_count > 0;
    for (size_t i = 0; i < plan->axis_count && count <= PLAN_CELLS_MAX; i++)
        count *= plan->axes[i].value_count;
    return count;
}

char *plan_cell_name(const struct plan *plan, size_t index, char *text, size_t size_bytes)
{
    size_t stride = plan_cell_count(plan), used = 0;
    *text = '\0';
    for (size_t i = 0; i < plan->axis_count && used < size_bytes; i++) {
        const struct plan_axis *axis = &plan->axes[i];
        stride /= axis->value_count;
        int length = snprintf(text + used, size_bytes - used, "%s%s=%s", i ? "," : "", axis->name,
                              axis->values[index / stride % axis->value_count]);
        used += length > 0 ? (size_t)length : 0;
    }
    return text;
}

static int refuse_cell(struct reading *reading, const char *cell)
{
    return document_fail(&reading->doc, document_root(&reading->doc), reading->err,
                         "expected a cell of the grid, not '%.120s'", cell);
}

/* The node of an axis's value, or NULL. */
static const yaml_node_t *find_value(struct document *doc, const yaml_node_t *axis,
                                     const char *value)
{
    const yaml_node_t *to = axis ? document_get(doc, axis, "to") : NULL;
    for (size_t i = 0; to && to->type == YAML_SEQUENCE_NODE && i < document_item_count(to); i++) {
        const yaml_node_t *item = document_item(doc, to, i);
        if (item->type == YAML_SCALAR_NODE && strcmp(document_text(item), value) == 0)
            return item;
    }
    return NULL;
}

/* Lays one "name=value" over the file. */
static int lay_value(struct reading *reading, const char *name, const char *value)
{
    struct document *doc = &reading->doc;
    const yaml_node_t *axes = document_get(doc, document_root(doc), "axes");
    const yaml_node_t *axis =
        axes && axes->type == YAML_MAPPING_NODE ? document_get(doc, axes, name) : NULL;
    axis = axis && axis->type == YAML_MAPPING_NODE ? axis : NULL;
    const yaml_node_t *set = axis ? document_get(doc, axis, "set") : NULL;
    const yaml_node_t *node = find_value(doc, axis, value);
    if (!set || set->type != YAML_SCALAR_NODE || !node)
        return -ENOENT;
    char path[CELL_BYTES_MAX];
    (void)snprintf(path, sizeof(path), "%s", document_text(set));
    return document_lay(doc, path, node, reading->err);
}

static bool is_named(struct document *doc, const yaml_node_t *names, const yaml_node_t *phase)
{
    const yaml_node_t *name =
        phase->type == YAML_MAPPING_NODE ? document_get(doc, phase, "name") : NULL;
    for (size_t i = 0; name && name->type == YAML_SCALAR_NODE && i < document_item_count(names);
         i++) {
        const yaml_node_t *item = document_item(doc, names, i);
        if (item->type == YAML_SCALAR_NODE && strcmp(document_text(item), document_text(name)) == 0)
            return true;
    }
    return false;
}

/* Leaves the phases that the grid names. */
static int keep_phases(struct reading *reading, const yaml_node_t *grid)
{
    struct document *doc = &reading->doc;
    const yaml_node_t *names = document_get(doc, grid, "phases");
    yaml_node_t *phases = document_get(doc, document_root(doc), "phases");
    if (!names || !phases || phases->type != YAML_SEQUENCE_NODE)
        return 0;
    int rc = document_expect(doc, names, YAML_SEQUENCE_NODE, "a list of names", reading->err);
    for (size_t i = rc ? 0 : document_item_count(phases); i > 0; i--)
        if (!is_named(doc, names, document_item(doc, phases, i - 1)))
            document_take_item(phases, i - 1);
    if (!rc && document_item_count(phases) != document_item_count(names))
        rc = document_fail(doc, names, reading->err, "expected names of phases, each once");
    return rc;
}

int read_cell(struct reading *reading, const char *cell)
{
    struct document *doc = &reading->doc;
    char text[CELL_BYTES_MAX], *rest = text;
    int rc = document_expect(doc, document_root(doc), YAML_MAPPING_NODE,
                             "a scenario: a mapping of keys", reading->err);
    if (!rc && (size_t)snprintf(text, sizeof(text), "%s", cell) >= sizeof(text))
        rc = -ENOENT;
    for (char *part = strtok_r(text, ",", &rest); part && !rc; part = strtok_r(NULL, ",", &rest)) {
        char *equals = strchr(part, '=');
        if (equals)
            *equals = '\0';
        rc = equals ? lay_value(reading, part, equals + 1) : -ENOENT;
    }
    if (rc == -ENOENT)
        return refuse_cell(reading, cell);
    if (rc)
        return rc;
    const yaml_node_t *grid = document_get(doc, document_root(doc), "grid");
    bool mapping = grid && grid->type == YAML_MAPPING_NODE;
    const yaml_node_t *rounds = mapping ? document_get(doc, grid, "rounds") : NULL;
    if (mapping)
        rc = keep_phases(reading, grid);
    document_take_key(doc, document_root(doc), "expect");
    document_take_key(doc, document_root(doc), "claims");
    return rc || !rounds ? rc : document_lay(doc, "rounds", rounds, reading->err);
}
