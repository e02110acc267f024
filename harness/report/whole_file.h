/* SPDX-License-Identifier: MIT */
/* whole_file.h - writes a file whole or not at all. */
#ifndef POOLSTORM_REPORT_WHOLE_FILE_H
#define POOLSTORM_REPORT_WHOLE_FILE_H

#include "core/err.h"

#include <stdio.h>

/* Writes what arg is to out. 0 or -errno; errors of out itself are the caller's to check. */
typedef int whole_file_fn(const void *arg, FILE *out, struct err *err);

/* By way of a temporary file beside it, so that there is never half of it. A pipe, a device or a
 * link is written to as it is. 0 or -errno. */
int whole_file_write(const char *path, whole_file_fn *write, const void *arg, struct err *err);

#endif
