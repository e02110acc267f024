/* SPDX-License-Identifier: MIT */
/* report.h - what a report format is: one more is a file that holds one of these and its name in
 * meson.build. Formats derive everything from the result and its judgement. */
#ifndef POOLSTORM_REPORT_REPORT_H
#define POOLSTORM_REPORT_REPORT_H

#include "core/err.h"
#include "report/verdict.h"
#include "run/result.h"

#include <stdio.h>

struct report_format {
    const char *name;      /* as given to --format */
    const char *extension; /* of its files, without a dot */
    const char *summary;   /* one line, lower case, no full stop */
    /* Writes all of it. Returns 0 or -errno; errors of out itself are the caller's to check. */
    int (*write)(const struct result *result, const struct judgement *judgement, FILE *out,
                 struct err *err);
};

extern const struct report_format *const report_formats[]; /* ends with NULL */

/* The format called name, or NULL with the nearest name in err. */
const struct report_format *report_find(const char *name, struct err *err);

/* Writes a file by way of a temporary one beside it, so that there is never half a report. */
int report_write_file(const struct report_format *format, const struct result *result,
                      const struct judgement *judgement, const char *path, struct err *err);

#endif
