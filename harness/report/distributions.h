/* SPDX-License-Identifier: MIT */
/* distributions.h - the histograms that were observed, as a table with a drawing. */
#ifndef POOLSTORM_REPORT_DISTRIBUTIONS_H
#define POOLSTORM_REPORT_DISTRIBUTIONS_H

#include "report/table.h"
#include "run/result.h"

/* A row for each histogram, variant and measured phase: the values of all valid rounds together,
 * with quantiles, and drawn on a logarithmic scale that all rows of a histogram share. Without rows
 * when none was observed. -ENOMEM. */
int content_distributions(const struct result *result, struct table *table, struct err *err);

#endif
