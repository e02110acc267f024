/* SPDX-License-Identifier: MIT */
/* over_time.h - gauges over time as lines of small bars, for reports to people. */
#ifndef POOLSTORM_REPORT_OVER_TIME_H
#define POOLSTORM_REPORT_OVER_TIME_H

#include "report/table.h"
#include "run/result.h"

/* A row for each gauge that was sampled and each variant: bars over the measured phases of the
 * median round (of the figure that is taken), from 0 (or the least, if less) to the most that any
 * variant's had, and the least and the most of it. Empty when nothing was sampled. Fill an empty
 * table; table_fini. */
int content_over_time(const struct result *result, struct table *table, struct err *err);

#endif
