/* SPDX-License-Identifier: MIT */
/* table.h - a table of texts that the formats for people share: filled once, written as lines of a
 * terminal or as Markdown. One thread at a time; nothing waits.
 *
 * Memory that runs out while filling is remembered and reported by the writing call, so that
 * filling needs no checks. */
#ifndef POOLSTORM_REPORT_TABLE_H
#define POOLSTORM_REPORT_TABLE_H

#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { TABLE_COLUMNS_MAX = 48 };

/* What a cell's colour says. */
enum tone { TONE_PLAIN, TONE_GOOD, TONE_BAD, TONE_UNSURE, TONE_QUIET, TONE_STRONG };

enum table_align {
    TABLE_LEFT,
    TABLE_RIGHT,
    TABLE_WRAP, /* left, and broken into lines when the table is too wide */
};

struct table_column {
    char *head;
    enum table_align align;
};

struct table_cell {
    char *text; /* harmless (text_clean); newlines break lines */
    enum tone tone;
    double heat; /* of a map: from -1, worst, over 0, neither, to 1, best */
};

/* Start with {0}; table_fini. */
struct table {
    struct table_column columns[TABLE_COLUMNS_MAX];
    size_t column_count;
    size_t key_count;         /* of the first ones, which say what a row is of; 0: one is */
    struct table_cell *cells; /* row by row */
    size_t cell_count;
    bool failed; /* memory ran out, or a column too many */
};

/* How a terminal is written to. */
struct table_style {
    size_t width; /* columns to stay within, where texts allow it */
    bool color;   /* ANSI colours */
};

/* Adds a column; all of them before the first cell. */
void table_column(struct table *table, enum table_align align, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Adds the next cell, left to right, row by row. */
void table_cell(struct table *table, enum tone tone, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Sets the heat of the cell added last, for formats that colour maps. */
void table_heat(struct table *table, double heat);

size_t table_rows(const struct table *table); /* begun */

/* Aligned, with a line under the heads (none when all are empty). What is too wide first breaks the
 * lines of wrapping columns; columns that still don't fit follow in a second table under it, which
 * repeats those that say what a row is of. -ENOMEM. */
int table_write(const struct table *table, FILE *out, const struct table_style *style,
                struct err *err);

/* As a Markdown table. -ENOMEM. */
int table_write_markdown(const struct table *table, FILE *out, struct err *err);

/* Text with what would be Markdown or HTML made plain; newlines become <br>. */
void table_write_plain(FILE *out, const char *text);

void table_fini(struct table *table);

/* Writes text in a tone. */
void tone_write(FILE *out, enum tone tone, bool color, const char *text, size_t length_bytes);

#endif
