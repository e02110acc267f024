/* SPDX-License-Identifier: MIT */
/* bulkhead.h - at most so many inside, at most so many waiting to get in, and no more. */
#ifndef POOLSTORM_SUBJECT_BULKHEAD_H
#define POOLSTORM_SUBJECT_BULKHEAD_H

#include "core/ctx.h"
#include "core/err.h"
#include "core/waitq.h"
#include "subject/counter.h"

#include <stdbool.h>
#include <stdint.h>

/* Keeps one kind of work from taking all there is, and answers at once when a place is out of reach
 * (M. Nygard, "Release It!", 2007; Hystrix and resilience4j call it by this name). A counting
 * semaphore with a bounded line, first come, first served: a place that is left goes to the first
 * in line and to nobody else, so newcomers cannot starve those who wait.
 *
 * Not reentrant: entering twice takes two places, and waits for itself when there is one.
 *
 * One ring's thread; nothing is owned. Embed it; fields are private but for figures. */

struct bulkhead_options {
    uint64_t inside_max;  /* at least 1 */
    uint64_t waiting_max; /* 0: nobody waits */
    uint64_t wait_max_ns; /* the longest anyone waits; 0: as long as its ctx lives */
};

struct bulkhead_figures {
    counter_word entered;   /* calls that got a place */
    counter_word waited;    /* calls that stood in line, however that ended */
    counter_word rejected;  /* calls told -EBUSY: the line was full, or wait_max_ns passed */
    counter_word abandoned; /* calls whose ctx ended in the line */
    counter_word inside;    /* now */
    counter_word waiting;   /* now */
};

struct bulkhead {
    struct bulkhead_options options;
    struct waitq line;
    struct bulkhead_figures figures; /* any thread may counter_read them */
};

/* -EINVAL for an inside_max of 0. Nothing to be undone. */
int bulkhead_init(struct bulkhead *bulkhead, const struct bulkhead_options *options,
                  struct err *err);

/* Takes a place if one is free; never waits. */
bool bulkhead_try_enter(struct bulkhead *bulkhead);

/* Takes a place, waiting in line for it. -EBUSY when inside and line are full, or wait_max_ns is
 * over; else ctx's error when it ended first, a place that came in the same moment having gone on
 * to the next. After 0, and after nothing else, leave once. */
int bulkhead_enter(struct ctx *ctx, struct bulkhead *bulkhead);

/* Gives the place to the first in line, or back. Does not wait. */
void bulkhead_leave(struct bulkhead *bulkhead);

#endif
