/* SPDX-License-Identifier: MIT */
/* exposition.h - parts of Prometheus' text format, 0.0.4, that several writers of it share. Texts
 * from elsewhere are made harmless and escaped. */
#ifndef POOLSTORM_REPORT_EXPOSITION_H
#define POOLSTORM_REPORT_EXPOSITION_H

#include "measure/hist.h"
#include "plan/metric.h"

#include <stdio.h>

/* The lines before a family's samples; its name is poolstorm_ and name. */
void exposition_head(FILE *out, const char *name, const char *type, const char *help);

/* name="text" */
void exposition_label(FILE *out, const char *name, const char *text);

/* What a value is in, as the ends of names say ("_seconds"), and what it has to be multiplied by
 * for that. */
const char *exposition_suffix(enum metric_unit unit);
double exposition_scale(enum metric_unit unit);

/* A classic histogram in seconds, without its head. labels writes them, "{" included and "}" not.
 */
void exposition_histogram(FILE *out, const char *name, void (*labels)(FILE *out, const void *arg),
                          const void *arg, const struct hist *hist);

#endif
