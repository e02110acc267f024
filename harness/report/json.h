/* SPDX-License-Identifier: MIT */
/* json.h - result.json, the one source of record: everything else is derived from it.
 *
 * The format `json` (report.h) writes it, as results/result.schema.json describes. Its histograms
 * are HdrHistogram's V2 compressed, in base64. A figure that is not there is null; integers beyond
 * 2^53, which not every reader keeps, are texts of decimal digits. Reading gives back all that was
 * measured; the judgement in it is for others, ours is made anew. */
#ifndef POOLSTORM_REPORT_JSON_H
#define POOLSTORM_REPORT_JSON_H

#include "core/err.h"
#include "plan/plan.h"
#include "run/result.h"

enum { RESULT_FILE_BYTES_MAX = 1 << 30 };

/* Reads a record. The plan is parsed again from the text in it, with tables as for plan_parse. The
 * caller owns both: first result_destroy, then plan_destroy. What is read is not trusted: -EINVAL
 * with the place in the file when it is not a record (not JSON, another schema, a value missing, of
 * another kind or out of range), -EFBIG, -ENOMEM, or the errno of reading. */
int result_read(const char *path, const struct plan_tables *tables, struct plan **plan,
                struct result **result, struct err *err);

/* The same from memory; path names it in messages. */
int result_parse(const char *path, const char *data, size_t length_bytes,
                 const struct plan_tables *tables, struct plan **plan, struct result **result,
                 struct err *err);

#endif
