/* SPDX-License-Identifier: MIT */
/* outcome.h - how a request can end. */
#ifndef POOLSTORM_LOAD_OUTCOME_H
#define POOLSTORM_LOAD_OUTCOME_H

#include <stdbool.h>

enum load_outcome {
    LOAD_OK,           /* a whole reply, and it passed the check */
    LOAD_REFUSED,      /* no connection: refused, unreachable, out of descriptors */
    LOAD_TIMEOUT,      /* the request's time ran out, wherever it was: not sent yet, or, without a
                          timeout, still under way a second after the phase */
    LOAD_CLOSED,       /* the connection broke before the reply was whole */
    LOAD_MALFORMED,    /* what came is not HTTP */
    LOAD_STATUS,       /* a status of 400 or above */
    LOAD_NO_TOKEN,     /* the body lacks the request's token */
    LOAD_CONTAMINATED, /* the body carries another request's token */
    LOAD_SHED,         /* open loop: never sent, too many were in flight already */
    LOAD_OUTCOMES,
};

/* Whether a reply came, good or not. */
static inline bool load_outcome_is_reply(enum load_outcome outcome)
{
    return outcome == LOAD_OK || outcome == LOAD_STATUS || outcome == LOAD_NO_TOKEN ||
           outcome == LOAD_CONTAMINATED;
}

/* "ok", "refused", … by outcome; ends with NULL. Error kind k of a series is outcome k + 1. */
extern const char *const load_outcome_names[];

#endif
