/* SPDX-License-Identifier: MIT */
/* summary.h - many results at a glance: what each came to, and all claims in one table. Cells of
 * grids are passed over where there are others. */
#ifndef POOLSTORM_REPORT_SUMMARY_H
#define POOLSTORM_REPORT_SUMMARY_H

#include "report/report.h"
#include "report/table.h"

/* How many of the items have a line of their own. */
size_t summary_count(const struct report_input *input);

/* A row an item, and one a grid for what its cells come to: scenario, outcome, how many
 * expectations and invariants hold, how many claims are upheld (confirmed, or of the same
 * direction). */
void summary_scenarios(const struct report_input *input, struct table *table);

/* A row a claim: scenario, word, what, published, measured. Without rows when nothing is claimed.
 */
void summary_claims(const struct report_input *input, struct table *table);

/* "3 of 4" conditions hold, or claims are upheld; "–" where there are none. Return text. */
char *summary_held(const struct judged_condition *conditions, size_t count, char *text,
                   size_t size_bytes);
char *summary_upheld(const struct judgement *judgement, char *text, size_t size_bytes);

#endif
