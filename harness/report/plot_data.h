/* SPDX-License-Identifier: MIT */
/* plot_data.h - what the plots of a result are drawn from, whoever draws them: the page's scripts
 * and the SVG files have their series from here. Nothing waits; one thread at a time. */
#ifndef POOLSTORM_REPORT_PLOT_DATA_H
#define POOLSTORM_REPORT_PLOT_DATA_H

#include "report/report.h"

#include <jansson.h>

/* An object: {name, variants, phases, main, faults, objectives, gauges, ratios, grid, points,
 * typical, rounds}; html/view.js says what is in it. Latencies are in ms, times in s, and what is
 * no number is null: a few hundred bytes a variant, phase and second at most. *out is the caller's
 * (json_decref). -ENOMEM. */
int plot_data_create(const struct report_item *item, json_t **out, struct err *err);

#endif
