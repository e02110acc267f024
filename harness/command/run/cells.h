/* SPDX-License-Identifier: MIT */
/* cells.h - runs a scenario's grid, cell by cell, and prints its tables. */
#ifndef POOLSTORM_COMMAND_RUN_CELLS_H
#define POOLSTORM_COMMAND_RUN_CELLS_H

#include "command/exit_code.h"
#include "command/run/session.h"
#include "core/err.h"
#include "plan/plan.h"

#include <stdbool.h>

/* Whether every cell of the plan's grid is sound; -EINVAL with the first that is not. *first,
 * unless NULL, gets the plan of the first one, the caller's; NULL where there is no grid. */
int cells_check(const struct plan *plan, struct plan **first, struct err *err);

/* Runs the cells of a plan with a grid, each into a folder below the runner's ("cells/NAME"), and
 * prints a table for each figure when told. Ends early when interrupted. The gravest outcome of
 * theirs. */
enum exit_code cells_run(const struct plan *plan, const struct runner_options *runner,
                         const struct session_watch *watch, bool told, struct err *err);

#endif
