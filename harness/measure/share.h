/* SPDX-License-Identifier: MIT */
/* share.h - how sure a share of counted cases is. No state; any thread. */
#ifndef POOLSTORM_MEASURE_SHARE_H
#define POOLSTORM_MEASURE_SHARE_H

#include "core/err.h"

#include <stddef.h>

/* The exact interval of Clopper and Pearson (1934), which covers 1 - alpha at least, of the share
 * that found of total are an estimate of. -EINVAL when total is 0 or less than found, or alpha not
 * in (0, 1). */
int share_interval(size_t found, size_t total, double alpha, double *low, double *high,
                   struct err *err);

#endif
