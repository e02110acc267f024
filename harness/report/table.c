/* SPDX-License-Identifier: MIT */
/* table.c - lays out tables by the width of what is in them. */
#include "report/table.h"

#include "report/text.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { GAP = 2, WRAP_MIN = 24 };

/* The widths columns are printed at. */
struct layout {
    size_t widths[TABLE_COLUMNS_MAX];
};

__attribute__((format(printf, 1, 0))) static char *format_text(const char *format, va_list args)
{
    char *text;
    if (vasprintf(&text, format, args) < 0)
        return NULL;
    return text_clean(text);
}

void table_column(struct table *table, enum table_align align, const char *format, ...)
{
    assert(table->cell_count == 0);
    if (table->column_count == TABLE_COLUMNS_MAX) {
        table->failed = true;
        return;
    }
    va_list args;
    va_start(args, format);
    struct table_column *column = &table->columns[table->column_count++];
    *column = (struct table_column){format_text(format, args), align};
    va_end(args);
    table->failed = table->failed || !column->head;
}

void table_cell(struct table *table, enum tone tone, const char *format, ...)
{
    size_t count = table->cell_count;
    struct table_cell *cells = reallocarray(table->cells, count + 1, sizeof(*cells));
    if (!cells) {
        table->failed = true;
        return;
    }
    table->cells = cells;
    va_list args;
    va_start(args, format);
    cells[count] = (struct table_cell){.text = format_text(format, args), .tone = tone};
    va_end(args);
    table->failed = table->failed || !cells[count].text;
    table->cell_count++;
}

void table_heat(struct table *table, double heat)
{
    if (table->cell_count > 0)
        table->cells[table->cell_count - 1].heat = heat;
}

size_t table_rows(const struct table *table)
{
    return table->column_count ? (table->cell_count + table->column_count - 1) / table->column_count
                               : 0;
}

static const struct table_cell *cell_at(const struct table *table, size_t row, size_t column)
{
    static char empty[1];
    static const struct table_cell none = {.text = empty};
    size_t at = row * table->column_count + column;
    return at < table->cell_count ? &table->cells[at] : &none;
}

static size_t longest_line(const char *text)
{
    size_t longest = 0, length;
    for (const char *rest = text, *line; (line = text_line(&rest, SIZE_MAX, &length));) {
        size_t width = text_width(line, length);
        longest = width > longest ? width : longest;
    }
    return longest;
}

static size_t total_width(const struct table *table, const struct layout *layout)
{
    size_t total = 0;
    for (size_t i = 0; i < table->column_count; i++)
        total += layout->widths[i] + (i ? GAP : 0);
    return total;
}

static void lay_out(const struct table *table, size_t width, struct layout *layout)
{
    for (size_t i = 0; i < table->column_count; i++) {
        layout->widths[i] = longest_line(table->columns[i].head);
        for (size_t row = 0; row < table_rows(table); row++) {
            size_t wide = longest_line(cell_at(table, row, i)->text);
            layout->widths[i] = wide > layout->widths[i] ? wide : layout->widths[i];
        }
    }
    for (size_t i = 0; i < table->column_count; i++) {
        size_t total = total_width(table, layout);
        size_t own = layout->widths[i];
        if (table->columns[i].align != TABLE_WRAP || total <= width || own <= WRAP_MIN)
            continue;
        size_t over = total - width;
        layout->widths[i] = own > over + WRAP_MIN ? own - over : WRAP_MIN;
    }
}

void tone_write(FILE *out, enum tone tone, bool color, const char *text, size_t length_bytes)
{
    static const char *const codes[] = {
        [TONE_PLAIN] = "",          [TONE_GOOD] = "\033[32m", [TONE_BAD] = "\033[31m",
        [TONE_UNSURE] = "\033[33m", [TONE_QUIET] = "\033[2m", [TONE_STRONG] = "\033[1m",
    };
    bool coloured = color && tone != TONE_PLAIN && length_bytes > 0;
    if (coloured)
        (void)fputs(codes[tone], out);
    (void)fwrite(text, 1, length_bytes, out);
    if (coloured)
        (void)fputs("\033[0m", out);
}

static void write_blanks(FILE *out, size_t count)
{
    while (count--)
        (void)fputc(' ', out);
}

/* The columns of one part of the table: those that say what a row is of, and from..to. */
struct part {
    size_t keys;
    size_t from, to; /* to is not in it */
};

static bool part_has(const struct part *part, size_t column)
{
    return column < part->keys || (column >= part->from && column < part->to);
}

/* Whether anything is printed on this line behind the column, so that no line ends in blanks. */
static bool more_follows(const struct table *table, const struct part *part, const char **rests,
                         size_t column)
{
    for (size_t i = column + 1; i < table->column_count; i++)
        if (part_has(part, i) && rests[i] && rests[i][0])
            return true;
    return false;
}

static bool write_line(const struct table *table, const struct layout *layout,
                       const struct part *part, const char **rests, size_t row,
                       const struct table_style *style, FILE *out)
{
    bool left = false;
    for (size_t i = 0; i < table->column_count; i++) {
        if (!part_has(part, i))
            continue;
        size_t length = 0;
        bool more = more_follows(table, part, rests, i);
        const char *line = text_line(&rests[i], layout->widths[i], &length);
        size_t used = line ? text_width(line, length) : 0;
        size_t blanks = layout->widths[i] > used ? layout->widths[i] - used : 0;
        bool right = table->columns[i].align == TABLE_RIGHT;
        if (right && length)
            write_blanks(out, blanks);
        enum tone tone = row == SIZE_MAX ? TONE_STRONG : cell_at(table, row, i)->tone;
        if (line)
            tone_write(out, tone, style->color, line, length);
        if (more)
            write_blanks(out, (right && length ? 0 : blanks) + GAP);
        left = left || rests[i];
    }
    (void)fputc('\n', out);
    return left;
}

/* Row SIZE_MAX is the heads. */
static void write_row(const struct table *table, const struct layout *layout,
                      const struct part *part, size_t row, const struct table_style *style,
                      FILE *out)
{
    const char *rests[TABLE_COLUMNS_MAX];
    for (size_t i = 0; i < table->column_count; i++)
        rests[i] = row == SIZE_MAX ? table->columns[i].head : cell_at(table, row, i)->text;
    while (write_line(table, layout, part, rests, row, style, out))
        continue;
}

static void write_rule(const struct table *table, const struct layout *layout,
                       const struct part *part, FILE *out)
{
    size_t width = 0;
    for (size_t i = 0; i < table->column_count; i++)
        if (part_has(part, i))
            width += layout->widths[i] + (i ? GAP : 0);
    while (width--)
        (void)fputs("─", out);
    (void)fputc('\n', out);
}

/* As many columns from `from` as fit beside those of all parts; at least one. */
static struct part next_part(const struct table *table, const struct layout *layout, size_t from,
                             size_t width)
{
    size_t keys = table->key_count ? table->key_count : 1, used = 0;
    for (size_t i = 0; i < keys; i++)
        used += layout->widths[i] + (i ? GAP : 0);
    from = from > keys ? from : keys;
    struct part part = {keys, from, from};
    while (part.to < table->column_count) {
        used += GAP + layout->widths[part.to];
        if (used > width && part.to > from)
            break;
        part.to++;
    }
    return part;
}

static bool has_heads(const struct table *table)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (table->columns[i].head[0])
            return true;
    return false;
}

int table_write(const struct table *table, FILE *out, const struct table_style *style,
                struct err *err)
{
    if (table->failed)
        return err_sys(err, -ENOMEM, "lay out a table");
    assert(table->key_count <= table->column_count);
    struct layout layout;
    lay_out(table, style->width, &layout);
    for (size_t from = 0; from < table->column_count;) {
        struct part part = next_part(table, &layout, from, style->width);
        if (from)
            (void)fputc('\n', out);
        if (has_heads(table)) {
            write_row(table, &layout, &part, SIZE_MAX, style, out);
            write_rule(table, &layout, &part, out);
        }
        for (size_t row = 0; row < table_rows(table); row++)
            write_row(table, &layout, &part, row, style, out);
        from = part.to;
    }
    return 0;
}

void table_write_plain(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\n')
            (void)fputs("<br>", out);
        else if (*text == '<')
            (void)fputs("&lt;", out);
        else if (*text == '&')
            (void)fputs("&amp;", out);
        else if (strchr("|\\`*_[]", *text))
            (void)fprintf(out, "\\%c", *text);
        else
            (void)fputc(*text, out);
    }
}

int table_write_markdown(const struct table *table, FILE *out, struct err *err)
{
    if (table->failed)
        return err_sys(err, -ENOMEM, "lay out a table");
    for (size_t i = 0; i < table->column_count; i++) {
        (void)fputs(i ? " | " : "| ", out);
        table_write_plain(out, table->columns[i].head);
    }
    (void)fputs(" |\n", out);
    for (size_t i = 0; i < table->column_count; i++)
        (void)fputs(table->columns[i].align == TABLE_RIGHT ? "|---:" : "|---", out);
    (void)fputs("|\n", out);
    for (size_t row = 0; row < table_rows(table); row++) {
        for (size_t i = 0; i < table->column_count; i++) {
            (void)fputs(i ? " | " : "| ", out);
            table_write_plain(out, cell_at(table, row, i)->text);
        }
        (void)fputs(" |\n", out);
    }
    return 0;
}

void table_fini(struct table *table)
{
    for (size_t i = 0; i < table->column_count; i++)
        free(table->columns[i].head);
    for (size_t i = 0; i < table->cell_count; i++)
        free(table->cells[i].text);
    free(table->cells);
    *table = (struct table){0};
}
