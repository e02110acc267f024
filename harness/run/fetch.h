/* SPDX-License-Identifier: MIT */
/* fetch.h - one HTTP GET on the ring, for health and metrics; never while something is measured. */
#ifndef POOLSTORM_RUN_FETCH_H
#define POOLSTORM_RUN_FETCH_H

#include "core/ctx.h"
#include "core/err.h"
#include "load/load.h"

#include <stddef.h>

/* Gets target's prefix and path over a connection of its own. *body, NUL-terminated, is the
 * caller's to free; body may be NULL. Returns the status, or -errno: -EFBIG when head and body
 * exceed limit_bytes, -EBADMSG for what is not HTTP, -ECANCELED and -ETIMEDOUT by ctx. */
int fetch(struct ctx *ctx, const struct load_target *target, const char *path, size_t limit_bytes,
          char **body, size_t *length_bytes, struct err *err);

#endif
