/* SPDX-License-Identifier: MIT */
/* compare.h - compares two runs of one scenario, variant by variant and metric by metric.
 *
 * Pairs. Rounds are paired where both sides ran in one run and block (`gate --against`): then the
 * ratio is that of stats_paired. Two runs are not paired, however alike: stats_two_samples of their
 * rounds, and the comparison says so, for what drifted between the runs is not in such an interval.
 * Only rounds that may be used are.
 *
 * Ratios are B over A. Shares, and figures with values that are not above 0, are compared by their
 * difference and have no word of their own.
 *
 * Words are those of stats.h, with the noise band of the scenario. "better" and "worse" also want
 * the p-value, after Holm's correction over all rows of the comparison, to be within the level.
 * None under 6 rounds on a side, of quick runs, or of percentiles that lack requests.
 *
 * A limit (`p99=10%`) says how much worse B may be: more than that share, or that many percentage
 * points where the metric itself is a share. The word of a gate is
 *   fail      that it is worse by more than the limit is shown: the near end of the 95 % interval
 *             lies beyond, and the p-value, after Holm's correction over all limits, is within the
 *             level; or B has no figure, or no such variant, at all where A has
 *   pass      the whole interval is within the limit
 *   unsure    the interval straddles the limit, or is shown to be beyond by itself only; what could
 *             have been detected stands beside it
 *   invalid   no verdict is possible: too few rounds or requests, quick runs, another load or CPU;
 *             or so few rounds that nothing can be shown of as many limits
 */
#ifndef POOLSTORM_REPORT_COMPARE_H
#define POOLSTORM_REPORT_COMPARE_H

#include "core/err.h"
#include "measure/stats.h"
#include "report/junit_suite.h"
#include "report/sheet.h"
#include "report/table.h"

#include <stdbool.h>
#include <stddef.h>

enum { COMPARE_LIMITS_MAX = 64 };

/* The gravest last: that of a comparison is that of its gravest row. What is shown by one figure
 * does not get better by another that shows nothing. */
enum gate_word { GATE_NONE, GATE_PASS, GATE_UNSURE, GATE_INVALID, GATE_FAIL };

/* How much worse a figure may be. */
struct compare_limit {
    char scenario[160]; /* of this one alone; "": of every scenario */
    char path[160];     /* "p99", "steady.p99"; or with a variant before it */
    double share;       /* 0.1 for 10 % */
};

/* Texts are the caller's while the comparison lives. Zeroed: no limits, the usual metrics. */
struct compare_options {
    const struct compare_limit *limits; /* see compare_parse_limits */
    size_t limit_count;
    const char *metrics;           /* "qps,steady.p99" instead of QPS, P99 and the knee; or NULL */
    const char *label_a, *label_b; /* heads of the columns; NULL: "A", "B" */
    const char *variants;          /* "a,b": B was asked for these alone; NULL: for all */
    bool anyway;                   /* limits hold for another load or CPU, too */
};

/* One figure of one variant on both sides. */
struct compared {
    const struct sheet_variant *variant; /* of B; of A where B has none */
    const struct sheet_figure *a, *b;    /* b may be NULL where a limit asks for it */
    double level_a, level_b;             /* medians of the rounds that are used; NAN: none */
    bool estimated;                      /* estimate is set */
    bool shift;                          /* it is a difference in a's unit, not a ratio */
    struct stats_estimate estimate;      /* B against A, at 95 % */
    uint64_t needs;                      /* not 0: a percentile that lacks requests */
    double p_holm;                       /* over all rows; NAN without an estimate */
    enum stats_verdict verdict;
    double limit;            /* NAN: none */
    double limit_p_holm;     /* of being no worse than the limit; NAN: not asked */
    double limit_detectable; /* at the level that Holm leaves for one of the limits, as `detectable`
                                of the estimate; NAN: not asked, or there are too few rounds to show
                                anything of so many limits */
    enum gate_word gate;     /* GATE_NONE without a limit */
    char note[240];          /* why there is no verdict, or what to know of the gate; or "" */
};

/* Something about the two runs that a reader has to know. */
struct compare_remark {
    char text[400];
    bool grave; /* limits mean nothing unless asked for `anyway` */
};

/* Borrows both sheets. Read only: any thread may. */
struct comparison {
    const struct sheet *a, *b;
    const struct compare_options *options; /* borrowed; may be NULL */
    bool paired;                           /* by blocks */
    struct compared *rows;                 /* by variant, then metric */
    size_t row_count;
    struct compare_remark *remarks; /* grave ones first */
    size_t remark_count;
    enum gate_word gate; /* GATE_NONE without limits */
};

/* Reads "p99=10%,family/name:qps=5%,pooled.steady.p99=20%" into limits, COMPARE_LIMITS_MAX of them.
 * -EINVAL with what was expected. */
int compare_parse_limits(const char *text, struct compare_limit *limits, size_t *count,
                         struct err *err);

/* -EINVAL when a limit is of nothing that the first side has, or of what has no bad side. */
int compare_check_limits(const struct sheet *a, const struct compare_options *options,
                         struct err *err);

/* Whether a limit is of a scenario. */
bool compare_limit_is_of(const struct compare_limit *limit, const char *scenario);

/* Compares. -EINVAL when there is nothing to compare: other scenarios, no variant or metric in
 * common, the same run twice; or when a limit is of no metric, or of one that has no bad side. The
 * caller owns *out: comparison_destroy. */
int comparison_create(const struct sheet *a, const struct sheet *b,
                      const struct compare_options *options, struct comparison **out,
                      struct err *err);

void comparison_destroy(struct comparison *comparison); /* NULL is fine */

const char *gate_word(enum gate_word word); /* "pass", …; static */

/* For reports: a row for each figure; and without heads, a line for each note of a row, and one for
 * each remark. */
void content_comparison(const struct comparison *comparison, struct table *table);
/* The same of one cell among others, named in a column before the others: columns when the table
 * has none yet, then rows. */
void content_comparison_cell(const struct comparison *comparison, const char *cell,
                             struct table *table);
void content_comparison_notes(const struct comparison *comparison, struct table *table);
void content_remarks(const struct comparison *comparison, struct table *table);

/* What a side is, in one line: "A: runs/night, 2024-05-17T09:30:00Z, commit 0123456789ab". */
void content_comparison_side(const struct comparison *comparison, bool second, char *text,
                             size_t size_bytes);

/* What it comes to, in one line. Returns text. */
char *content_comparison_outcome(const struct comparison *comparison, char *text, size_t size_bytes,
                                 enum tone *tone);

/* A test case for each figure with a limit: worse by more is a failure, what cannot be believed an
 * error, what is not decided skipped. Of figures seen before in the suite it takes the place. */
void comparison_junit(const struct comparison *comparison, struct junit_suite *suite);

/* Title, remarks, table and outcome, for the terminal or as Markdown. */
int comparison_write(const struct comparison *comparison, FILE *out,
                     const struct table_style *style, struct err *err);
int comparison_write_markdown(const struct comparison *comparison, FILE *out, struct err *err);

#endif
