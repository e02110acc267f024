/* SPDX-License-Identifier: MIT */
/* sheet_load.h - what a run was asked to do, as lines of KEY=VALUE that two runs are compared by;
 * for sheet.c alone. Long texts are cut and told apart by a hash of the whole. Nothing waits. */
#ifndef POOLSTORM_REPORT_SHEET_LOAD_H
#define POOLSTORM_REPORT_SHEET_LOAD_H

#include "run/result.h"

/* Of a phase: its length, the settings of its load ("connections=64") or the benchmarks that are
 * timed ("pool.benchmark=malloc"), the requests of its mix ("request1.path=/"), the objective and
 * settings of its search ("search.from=500/s"), and the faults in it ("fault.partition.at=2s").
 * NULL: no memory. The caller frees it. */
char *sheet_load_of_phase(const struct result *result, size_t phase);

/* Of the database: its settings and SQL; "" without one. NULL: no memory. The caller frees it. */
char *sheet_load_of_database(const struct plan *plan);

#endif
