/* SPDX-License-Identifier: MIT */
/* environment.h - where results were made and what with, for people. One thread at a time. */
#ifndef POOLSTORM_REPORT_ENVIRONMENT_H
#define POOLSTORM_REPORT_ENVIRONMENT_H

#include "report/report.h"
#include "report/table.h"

#include <stdbool.h>

/* A row a fact, of several results what any of them says; two columns without heads. What tells
 * whose machine it was (its name, and the command line, which has paths in it) is for reports that
 * stay at home. Fill an empty table; table_fini. */
void content_environment(const struct report_input *input, bool at_home, struct table *table);

#endif
