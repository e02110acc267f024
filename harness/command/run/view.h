/* SPDX-License-Identifier: MIT */
/* view.h - a run at present as lines of text: figures of the last second, the phase as sparklines,
 * its faults as bars over the same time. A pure function; any thread. */
#ifndef POOLSTORM_COMMAND_RUN_VIEW_H
#define POOLSTORM_COMMAND_RUN_VIEW_H

#include "run/live.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { VIEW_COLUMNS_MAX = 200 };

/* What there is room for. */
struct view_style {
    size_t width;  /* columns; beyond VIEW_COLUMNS_MAX they stay empty */
    size_t height; /* lines */
    bool unicode;  /* blocks; else ASCII alone */
    bool color;    /* ANSI colours */
};

/* Writes at most height lines, each below width columns and with a newline at its end. Texts of the
 * plan are made harmless. A run that has not begun has no lines. */
void view_write(const struct live *live, const struct view_style *style, FILE *out);

/* How many lines of a terminal text takes that was written at one width and is seen at another:
 * lines that have become too long were broken by the terminal. Colours take no room. */
size_t view_rows(const char *text, size_t width);

#endif
