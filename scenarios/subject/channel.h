/* SPDX-License-Identifier: MIT */
/* channel.h - hands values from fiber to fiber of one ring, who wait for each other (unbuffered).
 */
#ifndef POOLSTORM_SUBJECT_CHANNEL_H
#define POOLSTORM_SUBJECT_CHANNEL_H

#include "core/ctx.h"
#include "core/list.h"

#include <stdbool.h>

/* Embedded where its users can reach it; belongs to one ring's thread. */
struct channel {
    struct list senders, receivers; /* waiting, in order; at most one of the two has any */
    bool closed;
};

void channel_init(struct channel *channel);

/* Parks until a receiver has taken value. 0, -EPIPE when the channel is or becomes closed, or ctx's
 * error; then nobody has the value but the caller. A hand-over and an ending exclude each other. */
int channel_send(struct ctx *ctx, struct channel *channel, void *value);

/* Parks until a sender brings a value. The same errors; then *value is NULL. */
int channel_receive(struct ctx *ctx, struct channel *channel, void **value);

/* Ends all that wait, and whoever comes later, with -EPIPE. Nobody may wait when it goes away. */
void channel_close(struct channel *channel);

#endif
