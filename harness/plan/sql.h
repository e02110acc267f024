/* SPDX-License-Identifier: MIT */
/* sql.h - SQL in scenario files: where one statement ends, and which line of the file it is on. */
#ifndef POOLSTORM_PLAN_SQL_H
#define POOLSTORM_PLAN_SQL_H

#include "core/err.h"
#include "plan/plan.h"

#include <stddef.h>

/* A statement inside a text, without blanks and comments before it and without its semicolon. */
struct sql_statement {
    size_t offset_bytes, length_bytes;
};

/* Finds the first statement at or behind *at and moves *at behind it. Knows quotes, E'\'', $tag$,
 * comments that nest, and BEGIN ATOMIC … END. 1: found; 0: there is none any more; -EINVAL: a quote
 * or comment is not closed, offset_bytes is where it begins. Any thread. */
int sql_next(const char *text, size_t *at, struct sql_statement *out, struct err *err);

/* Where a byte of the text stands in the file: exact for block scalars written with '|' and for
 * texts on one line, else the beginning of the text. */
struct plan_where sql_where(const struct plan_sql *sql, size_t offset_bytes);

/* What a server does not take is a mistake in the file: prefixes err with `path:line:column` and
 * makes it -EINVAL, which it returns. position counts from offset_bytes on, as servers do; 0: they
 * did not say. */
int sql_blame(const char *path, const struct plan_sql *sql, size_t offset_bytes, size_t position,
              struct err *err);

/* The byte at which the position-th character of UTF-8 begins, from 1 as servers count. */
size_t sql_offset(const char *text, size_t position);

#endif
