/* SPDX-License-Identifier: MIT */
/* descriptors.h - how many descriptors connections may take: all but a reserve, so that the control
 * API can be asked, and new proxies be made, when connections have used up the rest.
 *
 * Counted by those who open and close, not looked up: what others in the process open after
 * descriptors_init comes out of the reserve. On the ring's thread. */
#ifndef POOLSTORM_FAULTS_PROXY_DESCRIPTORS_H
#define POOLSTORM_FAULTS_PROXY_DESCRIPTORS_H

#include "core/waitq.h"

#include <stdbool.h>
#include <stddef.h>

struct descriptors {
    size_t limit;         /* of the process, as of the latest look */
    size_t outside;       /* open when counting began */
    size_t taken;         /* by the relay, since */
    struct waitq waiting; /* for some to be given back */
};

void descriptors_init(struct descriptors *self);

/* Takes count of them before they are opened. False when that would eat into the reserve. */
bool descriptors_take(struct descriptors *self, size_t count);

/* The same, reserve or not: for what is made by the control API. */
void descriptors_take_anyway(struct descriptors *self, size_t count);

/* They are closed; whoever waits first for some gets to try. */
void descriptors_give(struct descriptors *self, size_t count);

/* Parks until some have been given, or ctx ends. */
void descriptors_wait(struct ctx *ctx, struct descriptors *self);

/* An eighth of the limit: 8 at least, 272 at most. */
size_t descriptors_reserve(const struct descriptors *self);

#endif
