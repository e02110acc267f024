/* SPDX-License-Identifier: MIT */
/* deadline.h - how long a client is willing to wait: the header X-Request-Timeout. */
#ifndef POOLSTORM_SUBJECT_DEADLINE_H
#define POOLSTORM_SUBJECT_DEADLINE_H

#include "core/err.h"
#include "core/http1.h"

#include <stdint.h>

/* Reads X-Request-Timeout: a duration above 0 such as 250ms or 1.5s; a bare number is milliseconds.
 * *span_ns is CLOCK_NEVER without one. -EINVAL with the reason for anything else, and when the
 * header is there more than once. */
int deadline_read(const struct http1_head *head, uint64_t *span_ns, struct err *err);

#endif
