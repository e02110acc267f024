/* SPDX-License-Identifier: MIT */
/* gate_page.h - the page of a gate: what its limits came to, and then the runs, as in any report.
 */
#ifndef POOLSTORM_REPORT_GATE_PAGE_H
#define POOLSTORM_REPORT_GATE_PAGE_H

#include "report/compare.h"
#include "report/report.h"

#include <stddef.h>
#include <stdio.h>

/* Writes it: each comparison under its scenario's name, then a section for each item. -ENOMEM. */
int gate_page_write(const struct report_input *input, const struct comparison *const *comparisons,
                    size_t count, FILE *out, struct err *err);

#endif
