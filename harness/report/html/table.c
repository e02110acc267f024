/* SPDX-License-Identifier: MIT */
/* table.c - texts and tables as HTML. */
#include "report/html/html.h"
#include "report/text.h"

#include <errno.h>
#include <math.h>

const char *html_tone(enum tone tone)
{
    static const char *const classes[] = {
        [TONE_PLAIN] = "",        [TONE_GOOD] = "good",   [TONE_BAD] = "bad",
        [TONE_UNSURE] = "unsure", [TONE_QUIET] = "quiet", [TONE_STRONG] = "strong",
    };
    return classes[tone];
}

int html_text(FILE *out, const char *text, struct err *err)
{
    return text_escape(out, text, "<br>", err);
}

/* What a cell is: a head of its column, of its row, or neither. */
enum place { PLACE_CELL, PLACE_COLUMN, PLACE_ROW };

/* A step of the colours of maps: " better-3", " worse-1", or "". Static. */
static const char *heat_class(double heat)
{
    enum { STEPS = 5 };
    static const char *const better[] = {"", "better-1", "better-2", "better-3", "better-4"};
    static const char *const worse[] = {"", "worse-1", "worse-2", "worse-3", "worse-4"};
    size_t step = (size_t)(fmin(fabs(heat), 1) * (STEPS - 1) + 0.5);
    return heat < 0 ? worse[step] : better[step];
}

/* A cell's classes, those that are not empty. */
static void write_classes(FILE *out, bool right, const struct table_cell *cell)
{
    const char *const classes[] = {right ? "number" : "", html_tone(cell->tone),
                                   heat_class(cell->heat)};
    bool any = false;
    for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++) {
        if (!classes[i][0])
            continue;
        (void)fprintf(out, "%s%s", any ? " " : " class=\"", classes[i]);
        any = true;
    }
    (void)fputs(any ? "\">" : ">", out);
}

static int write_cell(FILE *out, enum place place, enum table_align align,
                      const struct table_cell *cell, struct err *err)
{
    static const char *const opens[] = {[PLACE_CELL] = "<td",
                                        [PLACE_COLUMN] = "<th scope=\"col\"",
                                        [PLACE_ROW] = "<th scope=\"row\""};
    (void)fputs(opens[place], out);
    write_classes(out, align == TABLE_RIGHT, cell);
    int rc = html_text(out, cell->text, err);
    (void)fputs(place == PLACE_CELL ? "</td>" : "</th>", out);
    return rc;
}

/* The cell of a row; -1 is the row of heads. Beyond what was filled: empty. */
static struct table_cell cell_at(const struct table *table, long row, size_t column)
{
    size_t at = (size_t)row * table->column_count + column;
    if (row < 0)
        return (struct table_cell){.text = table->columns[column].head};
    return at < table->cell_count ? table->cells[at] : (struct table_cell){.text = NULL};
}

static bool has_heads(const struct table *table)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (table->columns[i].head && table->columns[i].head[0])
            return true;
    return false;
}

static int write_rows(FILE *out, const struct table *table, struct err *err)
{
    int rc = 0;
    bool heads = has_heads(table);
    if (heads)
        (void)fputs("<thead>", out);
    for (long row = heads ? -1 : 0; !rc && row < (long)table_rows(table); row++) {
        (void)fputs("<tr>", out);
        for (size_t i = 0; !rc && i < table->column_count; i++) {
            struct table_cell cell = cell_at(table, row, i);
            rc = write_cell(out, row < 0 ? PLACE_COLUMN : PLACE_CELL, table->columns[i].align,
                            &cell, err);
        }
        (void)fputs(row < 0 ? "</tr></thead>\n" : "</tr>\n", out);
    }
    return rc;
}

/* Each column becomes a row, the first one the heads. */
static int write_turned(FILE *out, const struct table *table, struct err *err)
{
    int rc = 0;
    (void)fputs("<thead>", out);
    for (size_t column = 0; !rc && column < table->column_count; column++) {
        (void)fputs("<tr>", out);
        for (long row = -1; !rc && row < (long)table_rows(table); row++) {
            struct table_cell cell = cell_at(table, row, column);
            enum place place = column == 0 ? PLACE_COLUMN : row < 0 ? PLACE_ROW : PLACE_CELL;
            rc = write_cell(out, place, row < 0 ? TABLE_LEFT : TABLE_RIGHT, &cell, err);
        }
        (void)fputs(column == 0 ? "</tr></thead>\n" : "</tr>\n", out);
    }
    return rc;
}

int html_table(FILE *out, const struct table *table, enum html_turn turn, struct err *err)
{
    if (table->failed)
        return err_sys(err, -ENOMEM, "fill a table");
    if (table_rows(table) == 0)
        return 0;
    (void)fprintf(out, "<div class=\"scroll\" tabindex=\"0\"><table%s>",
                  turn == HTML_DRAWN ? " class=\"drawn\"" : "");
    int rc = turn == HTML_TURNED ? write_turned(out, table, err) : write_rows(out, table, err);
    (void)fputs("</table></div>\n", out);
    return rc;
}
