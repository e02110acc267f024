/* SPDX-License-Identifier: MIT */
/* statements.c - a row by its id, a report, and a sleep. */
#include "subject/statements.h"

#include <stdio.h>

const struct statement row_statement = {.bit = STATEMENT_ROW, .name = "row"};

const struct statement report_statement = {
    .bit = STATEMENT_REPORT, .name = "report", .of = STATEMENT_OF_REPORT};

const struct statement sleep_statement = {
    .bit = STATEMENT_SLEEP, .name = "sleep", .sql = "select pg_sleep($1::float8)"};

const char *statement_seconds(char text[STATEMENT_SECONDS_BYTES], uint64_t span_ns)
{
    (void)snprintf(text, STATEMENT_SECONDS_BYTES, "%.9f", (double)span_ns / 1e9);
    return text;
}
