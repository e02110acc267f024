/* SPDX-License-Identifier: MIT */
/* fetch.h - HTTP GETs on the ring, for health and metrics: one by one, over connections apart from
 * the load's. */
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

/* A connection that is kept between GETs. Zeroed, with target set and fd -1; one fiber at a time.
 */
struct fetch_link {
    const struct load_target *target; /* the caller's */
    int fd;                           /* -1: not connected */
};

/* The same over the link, which is connected where it is not, and anew once where the peer has
 * closed it meanwhile. After an error it is not connected. */
int fetch_over(struct ctx *ctx, struct fetch_link *link, const char *path, size_t limit_bytes,
               char **body, size_t *length_bytes, struct err *err);

void fetch_link_close(struct fetch_link *link);

#endif
