/* SPDX-License-Identifier: MIT */
/* sameness.h - what A/A comparisons found, a line a comparison and figure in a CSV file that grows;
 * and what many of them say: how often a difference is found where there is none, and the noise
 * band that their ratios ask for. */
#ifndef POOLSTORM_REPORT_SAMENESS_H
#define POOLSTORM_REPORT_SAMENESS_H

#include "core/err.h"
#include "report/table.h"
#include "report/verdict.h"
#include "run/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* One figure of one comparison; or a comparison that is invalid as a whole and has none. */
struct sameness {
    char started[32]; /* with seed and scenario: which comparison */
    char seed[24];    /* digits */
    char commit[20];  /* "0123456789ab", "+" behind it when there were changes */
    char scenario[160];
    char variant[80];
    char metric[40]; /* "" when invalid */
    size_t pairs;    /* of rounds that went in */
    size_t rounds;   /* that ran, the invalid ones included */
    size_t rounds_invalid;
    double value, low, high; /* the ratio and its 95 % interval; NAN: none */
    bool invalid;            /* nothing was compared */
    enum stats_verdict verdict;
};

/* Zeroed: none. */
struct samenesses {
    struct sameness *items; /* owned */
    size_t count;
};

/* Adds the figures of an A/A run. -EINVAL when it is none, or is in it already, -ENOMEM. */
int samenesses_add(struct samenesses *all, const struct result *result,
                   const struct judgement *judgement, struct err *err);

/* Adds the lines of a file; path is for messages. Nothing in it is trusted: -EINVAL with the line.
 */
int samenesses_parse(struct samenesses *all, const char *path, const char *data,
                     size_t length_bytes, struct err *err);

/* Writes lines, the first time with their heads. */
void samenesses_write(const struct samenesses *all, bool heads, FILE *out);

/* What many of them say. */
struct sameness_summary {
    size_t compared;               /* comparisons */
    size_t invalid;                /* further ones that could not be believed */
    size_t rounds, rounds_invalid; /* of all */
    size_t pairs_least, pairs_most;
    double noise_share; /* the widest band of any figure: for `noise:` */
    bool errs;          /* a difference is found more often than the level: that is shown */
};

/* A row for each scenario and figure, and one for all figures of a comparison together. -EINVAL
 * without a comparison, -ENOMEM. */
int samenesses_table(const struct samenesses *all, struct table *table,
                     struct sameness_summary *summary, struct err *err);

void samenesses_fini(struct samenesses *all);

#endif
