/* SPDX-License-Identifier: MIT */
/* grid.h - the cells of scenarios' grids side by side: a table for each figure, the values of the
 * last axis across, and what the cells come to as a whole. Results that are no cells are passed
 * over. Cells of several runs (report_item.run) are several grids. */
#ifndef POOLSTORM_REPORT_GRID_H
#define POOLSTORM_REPORT_GRID_H

#include "report/report.h"
#include "report/table.h"

#include <stdbool.h>
#include <stddef.h>

/* Whether a report tells of this one of its items by itself: a cell among others only shows in its
 * grid. */
bool grid_is_apart(const struct report_input *input, size_t item);

/* Whether two items are of one run, and so of one grid if they are cells of one scenario. */
bool grid_same_run(const struct report_item *one, const struct report_item *other);

/* What the cells of a grid come to. */
struct grid_outcome {
    char title[400]; /* "family/name, 6 cells" */
    char text[200];  /* one line, with its mark */
    enum tone tone;  /* TONE_GOOD: all are there and sound */
};

/* Of the grid that index stands for. False: there are no more. */
bool grid_outcome(const struct report_input *input, size_t index, struct grid_outcome *out);

/* A part of what is told of a grid. */
struct grid_part {
    const char *title;
    struct table *table;                /* may be without rows; write need not free it */
    const struct grid_outcome *outcome; /* set in a grid's last part: table then has a row for each
                                           cell that is not sound; else NULL */
};

/* 0 or -errno. */
typedef int grid_part_fn(void *arg, const struct grid_part *part, struct err *err);

/* Has all parts of all grids written, figure by figure. Ends at the first error of write. */
int grid_write(const struct report_input *input, grid_part_fn *write, void *arg, struct err *err);

#endif
