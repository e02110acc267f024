/* SPDX-License-Identifier: MIT */
/* figure.h - the figures of results one by one, as the formats for programs list them: no format
 * gives one that cannot be believed, and all call it alike. Nothing waits; any thread. */
#ifndef POOLSTORM_REPORT_FIGURE_H
#define POOLSTORM_REPORT_FIGURE_H

#include "measure/hist.h"
#include "report/report.h"

enum { FIGURE_NAME_BYTES_MAX = 512 };

/* A metric of a variant of a result. Start with {.input = …}. */
struct figure {
    const struct report_input *input;
    size_t item, variant;
    int phase; /* a measured one, or EXPR_WHOLE_ROUND */
    int metric;
    bool begun;
};

/* Moves to the next: by item, variant, phase, metric; first the whole round, then, where there are
 * several, each measured phase. False when there are no more. */
bool figure_next(struct figure *figure);

/* Likewise by item, variant and measured phase, however few, for what is no metric. */
bool figure_next_phase(struct figure *figure);

const struct result *figure_result(const struct figure *figure);
const struct metric *figure_metric(const struct figure *figure);

/* "exhaustion/knee/cached/steady/p99", harmless UTF-8; without the phase for the whole round, and
 * without the metric when with_metric is false. Returns name. */
char *figure_name(const struct figure *figure, bool with_metric, char *name, size_t size_bytes);

/* Whether another item is of the same scenario, so that names without the item's are not unique. */
bool figure_is_shared(const struct figure *figure);

/* The value in a block's round that may be used, infinite where it is never; NAN when there is
 * none, or a percentile of too few requests. */
double figure_value(const struct figure *figure, size_t block);

/* The median of those values with half their range, either infinite where rounds are never; sets
 * how many there are. -ENOMEM. */
int figure_level(const struct figure *figure, double *median, double *half_range, size_t *used,
                 struct err *err);

/* Whether a round's figure is not a percentile of too few requests. */
bool figure_is_sound(const struct figure *figure, const struct result_round *round);

/* Whether figure_latencies has any to give. */
bool figure_has_latencies(const struct figure *figure);

/* The good replies' latencies of a phase in all rounds that may be used; *out is NULL when there
 * are none, else the caller's. Sets how many rounds they are of. -ENOMEM. */
int figure_latencies(const struct figure *figure, struct hist **out, size_t *round_count,
                     struct err *err);

/* Copies text with all but letters, digits and "_-'." made '_', for names of files and tags. */
char *figure_tag(char *tag, size_t size_bytes, const char *text);

#endif
