/* SPDX-License-Identifier: MIT */
/* compare_internal.h - what the parts of a comparison share; for compare*.c alone. */
#ifndef POOLSTORM_REPORT_COMPARE_INTERNAL_H
#define POOLSTORM_REPORT_COMPARE_INTERNAL_H

#include "report/compare.h"

/* Whether path is of the variant's figure, with or without the variant's name before it. */
bool compare_path_is_of(const char *path, const struct sheet_variant *variant, const char *figure);

/* The limit of a figure: the one that names the variant before those that do not, then the one that
 * names the scenario; or NULL. */
const struct compare_limit *compare_limit_of(const struct compare_options *options,
                                             const char *scenario,
                                             const struct sheet_variant *variant,
                                             const char *figure);

/* A path that no variant of either side has: what comes near it. -EINVAL. */
int compare_unknown_path(const struct sheet *sheet, const char *path, struct err *err);

/* Judges every row that has a limit, and the comparison. */
int compare_judge_limits(struct comparison *comparison, struct err *err);

/* Estimates B against A of a row, A's values times factor and plus addend. -ENODATA: not enough
 * values for any estimate. */
int compare_estimate(const struct comparison *comparison, const struct compared *row, double factor,
                     double addend, double alpha, struct stats_estimate *out, struct err *err);

/* Says how the two runs differ. -ENOMEM. */
int compare_add_remarks(struct comparison *comparison, struct err *err);

#endif
