/* SPDX-License-Identifier: MIT */
/* scenario_files.h - the scenarios that words on a command line name, read and checked. */
#ifndef POOLSTORM_COMMAND_SCENARIO_FILES_H
#define POOLSTORM_COMMAND_SCENARIO_FILES_H

#include "core/err.h"
#include "plan/catalog.h"

#include <stdio.h>

/* Adds to selection, which may be empty, what args (ending with NULL) name: scenarios, families,
 * sets, files. -ENOENT with a suggestion. The caller releases it: catalog_fini. */
int scenario_files_select(struct catalog *selection, char *const *args, struct err *err);

/* Writes the names of all scenarios and sets that ship, one a line: for completion. */
void scenario_files_print(FILE *out);

#endif
