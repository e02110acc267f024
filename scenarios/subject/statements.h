/* SPDX-License-Identifier: MIT */
/* statements.h - what more than one endpoint asks the database. */
#ifndef POOLSTORM_SUBJECT_STATEMENTS_H
#define POOLSTORM_SUBJECT_STATEMENTS_H

#include "subject/session.h"

#include <stdint.h>

extern const struct statement row_statement;    /* the setting db_query; $1: the row's id */
extern const struct statement report_statement; /* the setting db_report; likewise */
extern const struct statement sleep_statement;  /* the server sleeps; $1: statement_seconds */

enum { STATEMENT_SECONDS_BYTES = 32 };

/* Writes a time as sleep_statement takes it. Returns text. */
const char *statement_seconds(char text[STATEMENT_SECONDS_BYTES], uint64_t span_ns);

#endif
