/* SPDX-License-Identifier: MIT */
/* heatmap.c - the grids of scenarios as SVG: a file a figure, its cells coloured by how far from no
 * difference they are, and to which side. */
#include "report/grid.h"
#include "report/report.h"
#include "report/svg/svg.h"
#include "report/table.h"
#include "report/text.h"

#include <errno.h>
#include <math.h>
#include <string.h>

enum {
    HEAD_Y = 30,
    FIELD_Y = 64, /* of the heads of columns */
    HEAD_GAP = 18,
    LINE_PX = 16,
    CELL_GAP = 2,
    CELL_PADDING = 10,
};

static const char caption[] =
    "A cell: the ratio of pairs of rounds with its 95 % interval, or the median of rounds. "
    "Blue: on the better side; orange: on the worse; the stronger, the farther. "
    "Hatched: not to be believed, or not run. "
    "Between cells nothing was interleaved: only what stands in one cell is compared.";

/* A grid's table on its way into a file. */
struct map {
    const struct table *table;
    FILE *out;
    size_t heads;         /* columns that say what a row is of */
    double left;          /* of the first cell */
    double width, height; /* of a cell */
};

static const struct table_cell *cell_at(const struct table *table, size_t row, size_t column)
{
    size_t at = row * table->column_count + column;
    return at < table->cell_count ? &table->cells[at] : NULL;
}

static const char *text_at(const struct table *table, size_t row, size_t column)
{
    const struct table_cell *cell = cell_at(table, row, column);
    return cell ? cell->text : "";
}

/* Columns of heads stand to the left, those of figures to the right. */
static size_t heads_of(const struct table *table)
{
    size_t count = 0;
    while (count < table->column_count && table->columns[count].align == TABLE_LEFT)
        count++;
    return count;
}

static double column_width(const struct table *table, size_t column)
{
    double width = svg_text_width(table->columns[column].head);
    for (size_t row = 0; row < table_rows(table); row++)
        width = fmax(width, svg_text_width(text_at(table, row, column)));
    return width;
}

/* "1.32 [1.27, 1.43]" is a figure and what is said of it: a line each. */
static const char *next_line(const char **rest, size_t *length)
{
    const char *line = *rest;
    if (!*line)
        return NULL;
    *length = strcspn(line, "\n");
    const char *interval = strstr(line, " [");
    if (interval && interval < line + *length)
        *length = (size_t)(interval - line);
    *rest = line + *length + (line[*length] != '\0');
    return line;
}

static size_t lines_of(const char *text)
{
    size_t count = 0, length;
    while (next_line(&text, &length))
        count++;
    return count;
}

static struct map lay_out(const struct table *table, FILE *out)
{
    struct map map = {.table = table, .out = out, .heads = heads_of(table), .left = SVG_MARGIN};
    size_t lines = 1, columns = table->column_count - map.heads;
    for (size_t i = 0; i < map.heads; i++)
        map.left += column_width(table, i) + HEAD_GAP;
    map.width = fmin((SVG_WIDTH - SVG_MARGIN - map.left) / (double)(columns ? columns : 1), 190);
    for (size_t i = 0; i < table->cell_count; i++) {
        size_t of = lines_of(table->cells[i].text);
        lines = of > lines ? of : lines;
    }
    map.height = (double)lines * LINE_PX + CELL_PADDING;
    return map;
}

static int write_text(const struct map *map, const char *class, double x, double y,
                      const char *text, size_t length, struct err *err)
{
    char part[160];
    (void)snprintf(part, sizeof(part), "%.*s", (int)length, text);
    (void)fprintf(map->out, "<text class=\"%s\" x=\"%.0f\" y=\"%.0f\">", class, x, y);
    int rc = svg_text(map->out, part, err);
    (void)fputs("</text>\n", map->out);
    return rc;
}

static int draw_heads(const struct map *map, struct err *err)
{
    double x = SVG_MARGIN;
    int rc = 0;
    for (size_t i = 0; i < map->table->column_count && !rc; i++) {
        const char *head = map->table->columns[i].head;
        double middle = map->left + ((double)(i - map->heads) + 0.5) * map->width;
        bool first = i < map->heads;
        rc = write_text(map, first ? "" : "m", first ? x : middle, FIELD_Y + 12, head, strlen(head),
                        err);
        x += first ? column_width(map->table, i) + HEAD_GAP : 0;
    }
    return rc;
}

/* A cell without a figure that counts is hatched. */
static bool is_hatched(const struct table_cell *cell)
{
    return cell->tone == TONE_QUIET || strchr(cell->text, '\n');
}

static int draw_cell(const struct map *map, size_t row, size_t column, struct err *err)
{
    const struct table_cell *cell = cell_at(map->table, row, column);
    double x = map->left + (double)(column - map->heads) * map->width;
    double y = FIELD_Y + 22 + (double)row * map->height;
    if (!cell)
        return 0;
    bool hatched = is_hatched(cell);
    (void)fprintf(map->out,
                  "<rect class=\"%s\" fill-opacity=\"%.2f\" x=\"%.1f\" y=\"%.1f\" "
                  "width=\"%.1f\" height=\"%.1f\" rx=\"3\"/>\n",
                  hatched          ? "hx"
                  : cell->heat < 0 ? "f1"
                                   : "f0",
                  hatched ? 1 : 0.05 + 0.5 * fmin(fabs(cell->heat), 1), x, y, map->width - CELL_GAP,
                  map->height - CELL_GAP);
    const char *rest = cell->text;
    size_t length, count = lines_of(rest), place = 0;
    double top = y + (map->height - CELL_GAP - (double)count * LINE_PX) / 2 + 12;
    int rc = 0;
    for (const char *line; !rc && (line = next_line(&rest, &length)); place++)
        rc = write_text(map, place == 0 ? "m p" : "m", x + (map->width - CELL_GAP) / 2,
                        top + (double)place * LINE_PX, line, length, err);
    return rc;
}

static int draw_rows(const struct map *map, struct err *err)
{
    int rc = 0;
    for (size_t row = 0; row < table_rows(map->table) && !rc; row++) {
        double x = SVG_MARGIN, y = FIELD_Y + 22 + ((double)row + 0.5) * map->height + 3;
        for (size_t i = 0; i < map->heads && !rc; i++) {
            const char *text = text_at(map->table, row, i);
            rc = write_text(map, "n", x, y, text, strlen(text), err);
            x += column_width(map->table, i) + HEAD_GAP;
        }
        for (size_t i = map->heads; i < map->table->column_count && !rc; i++)
            rc = draw_cell(map, row, i, err);
    }
    return rc;
}

static int draw(const struct table *table, const char *title, FILE *out, struct err *err)
{
    struct map map = lay_out(table, out);
    double below = FIELD_Y + 22 + (double)table_rows(table) * map.height + 22;
    int rc = 0;
    double end = svg_paragraph(NULL, below, caption, &rc, err) + SVG_MARGIN;
    rc = svg_begin(out, ceil(end), title, caption, err);
    (void)fputs("<defs><pattern id=\"x\" width=\"6\" height=\"6\" "
                "patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><path "
                "class=\"hl\" d=\"M0 0v6\"/></pattern></defs>\n",
                out);
    if (!rc)
        rc = write_text(&map, "h", SVG_MARGIN, HEAD_Y, title, strlen(title), err);
    if (!rc)
        rc = draw_heads(&map, err);
    if (!rc)
        rc = draw_rows(&map, err);
    (void)svg_paragraph(out, below, caption, &rc, err);
    (void)fputs("</svg>\n", out);
    return rc;
}

/* Looks for the figure that a part is of, counting through all grids. */
struct hunt {
    size_t part, seen;
    FILE *out; /* NULL: only look */
    bool found;
};

static int look_at(void *arg, const struct grid_part *part, struct err *err)
{
    struct hunt *hunt = arg;
    if (part->outcome || hunt->seen++ != hunt->part)
        return 0;
    hunt->found = true;
    if (part->table->failed)
        return err_sys(err, -ENOMEM, "draw a grid");
    return hunt->out ? draw(part->table, part->title, hunt->out, err) : 0;
}

static bool heatmap_part(const struct report_input *input, char *name, size_t size_bytes)
{
    struct hunt hunt = {.part = input->part};
    (void)snprintf(name, size_bytes, "grid-%zu", input->part + 1);
    return grid_write(input, look_at, &hunt, NULL) == 0 && hunt.found;
}

static int heatmap_format(const struct report_input *input, FILE *out, struct err *err)
{
    struct hunt hunt = {.part = input->part, .out = out};
    int rc = grid_write(input, look_at, &hunt, err);
    return rc || hunt.found ? rc : err_set(err, -EINVAL, "no grid was run");
}

const struct report_format report_heatmap = {
    .name = "heatmap",
    .extension = "svg",
    .summary = "grids as maps of colour, a file a figure",
    .by_item = true,
    .part = heatmap_part,
    .write = heatmap_format,
};
