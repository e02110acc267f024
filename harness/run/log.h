/* SPDX-License-Identifier: MIT */
/* log.h - what processes of a run have written, for messages about them. */
#ifndef POOLSTORM_RUN_LOG_H
#define POOLSTORM_RUN_LOG_H

#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>

enum { LOG_BYTES_MAX = 64 << 20 };

/* Puts the last lines of a log behind err's text. Returns code. */
int log_add_tail(const char *path, int code, struct err *err);

/* The last line of a log that holds a word, from that word on, and from offset_bytes on; the caller
 * frees it. NULL when there is none. */
char *log_find_last(const char *path, size_t offset_bytes, const char *word);

/* Finds the first whole line of a log that begins with start, and copies the rest of it. */
bool log_find_line(const char *path, const char *start, char *rest, size_t size_bytes);

/* How much has been written so far. */
size_t log_length(const char *path);

#endif
