/* SPDX-License-Identifier: MIT */
/* terminal.h - the report a person reads. */
#ifndef POOLSTORM_REPORT_TERMINAL_H
#define POOLSTORM_REPORT_TERMINAL_H

#include "report/report.h"
#include "report/table.h"
#include "report/verdict.h"

/* What suits out: colours on a terminal unless NO_COLOR is set or TERM is dumb; the terminal's
 * width, or 100 columns. */
struct table_style terminal_style(FILE *out);

/* The report in a style of one's choice; the format `terminal` takes terminal_style. */
int terminal_write(const struct result *result, const struct judgement *judgement, FILE *out,
                   const struct table_style *style, struct err *err);

/* The grids of several results, if there are any. */
int terminal_write_grids(const struct report_input *input, FILE *out,
                         const struct table_style *style, struct err *err);

#endif
