/* SPDX-License-Identifier: MIT */
/* content.h - what every report for people says, section by section, as tables: a format only
 * chooses how they look. Fill an empty table each; table_fini. One thread at a time. */
#ifndef POOLSTORM_REPORT_CONTENT_H
#define POOLSTORM_REPORT_CONTENT_H

#include "report/table.h"
#include "report/verdict.h"

/* Remarks under the table of variants, each with its superscript mark in the cells. */
struct content_notes {
    uint64_t needs[8];    /* requests a round that a percentile wants, or values of a histogram */
    uint64_t least[8];    /* the fewest a round had */
    const char *of[8];    /* "requests" or "values" */
    const char *names[8]; /* of the metrics, the first that has this need */
    size_t count;
};

/* A row a variant: the level of each figure as the median over its valid rounds with half their
 * range, and the ratio to the baseline with its interval and word. */
int content_variants(const struct result *result, const struct judgement *judgement,
                     struct table *table, struct content_notes *notes, struct err *err);

/* Expectations or invariants: mark, condition, measured. */
void content_conditions(const struct result *result, const struct judged_condition *conditions,
                        size_t count, struct table *table);

/* Claims: mark, what, published, measured. */
void content_claims(const struct judgement *judgement, struct table *table);

/* The same in two steps, for tables of claims of several: columns, and the four cells of one. */
void content_claim_heads(struct table *table);
void content_claim(const struct judged_claim *judged, struct table *table);

/* Knee searches: a row for each rate that the variant's median round tried. Without rows when there
 * was no search. */
void content_curves(const struct result *result, struct table *table);

/* What went wrong on purpose: a row for each fault and variant, when it really acted, on what, and
 * what became of the service; figures are medians of the valid rounds. Without rows when there were
 * no faults. */
int content_faults(const struct result *result, struct table *table, struct err *err);

/* Whether to believe it: rounds, generator, limit, what could have been detected. Two columns
 * without heads: what about, and what. */
int content_validity(const struct result *result, const struct judgement *judgement,
                     struct table *table, struct err *err);

/* Adds to that where the record lies, for reports that stay at home. */
void content_record(const struct result *result, struct table *table);

/* What the run comes to, in one line. */
char *content_outcome(const struct result *result, const struct judgement *judgement, char *text,
                      size_t size_bytes, enum tone *tone);

/* What people call a metric: "QPS", "P99.9", else its name. Static, or the metric's own. */
const char *content_metric_label(const struct metric *metrics, int metric);

/* A ratio with three significant digits, down to thousandths: "1.58", "0.998", "12.0". */
char *content_ratio(double value, char *text, size_t size_bytes);

/* "1.58 [1.52, 1.63]", or the value alone. Returns text. */
char *content_measured(const struct measured *measured, char *text, size_t size_bytes);

/* How a comparison's word is coloured. */
enum tone content_tone(enum stats_verdict verdict);

/* Writes a note of content_notes: "¹ P99 wants 10 000 requests a round; …". */
char *content_note(const struct content_notes *notes, size_t index, char *text, size_t size_bytes);

#endif
