/* SPDX-License-Identifier: MIT */
/* grid.h - the cells of scenarios' grids side by side: a table for each figure, the values of the
 * last axis across. Results that are no cells are passed over. */
#ifndef POOLSTORM_REPORT_GRID_H
#define POOLSTORM_REPORT_GRID_H

#include "report/report.h"
#include "report/table.h"

#include <stdbool.h>
#include <stddef.h>

/* Whether a report tells of this one of its items by itself: a cell among others only shows in its
 * grid. */
bool grid_is_apart(const struct report_input *input, size_t item);

/* Fills table with the figure that index stands for, counting through all grids of the items, and
 * title with its scenario and itself. False: there are no more. Errors go to rc. */
bool grid_table(const struct report_input *input, size_t index, struct table *table, char *title,
                size_t size_bytes, int *rc, struct err *err);

#endif
