/* SPDX-License-Identifier: MIT */
/* token_bucket.h - admits a steady rate and, after quiet times, a burst. */
#ifndef POOLSTORM_SUBJECT_TOKEN_BUCKET_H
#define POOLSTORM_SUBJECT_TOKEN_BUCKET_H

#include "core/ctx.h"
#include "core/err.h"
#include "core/waitq.h"
#include "subject/counter.h"

#include <stdbool.h>
#include <stdint.h>

/* The bucket holds burst tokens, starts full, and gains rate_per_s tokens a second. In any span of
 * t seconds at most burst + rate_per_s * t tokens are taken.
 *
 * Algorithm: GCRA, the generic cell rate algorithm in its form of virtual scheduling (ITU-T
 * I.371, annex A; ATM Forum TM 4.0): one number, the time at which the bucket will be full. It is
 * kept in units of 1 / rate_per_s ns, in which a token is worth 10^9 whatever the rate: exact
 * integers, so a rate of 3/s gives three a second for ever, and no timer fills anything. (A bucket
 * of 1 is full while its token waits for a whole ns, and loses that part of one.)
 *
 * One ring's thread. Times are CLOCK_MONOTONIC; an earlier time than the last one finds fewer
 * tokens and does no harm. Embed it; fields are private but for figures. */

#define TOKEN_BUCKET_MAX (UINT64_C(1) << 40) /* of rate_per_s and of burst */

struct token_bucket_options {
    uint64_t rate_per_s;  /* 0: the first burst is all there will ever be */
    uint64_t burst;       /* at least 1 */
    uint64_t waiting_max; /* fibers that may wait in line; 0: as many as come */
};

struct token_bucket_figures {
    counter_word taken;     /* tokens */
    counter_word refused;   /* calls that got none at once: of try_take, or the line was full, or
                             * the deadline too near */
    counter_word waited;    /* calls of take that had to wait, however that ended */
    counter_word abandoned; /* of them, those whose ctx ended first */
    counter_word waiting;   /* now */
};

struct token_bucket {
    struct token_bucket_options options;
    __extension__ unsigned __int128 full_at; /* in 1 / rate_per_s ns; before now: full */
    uint64_t wanted;                         /* tokens all those in line want */
    struct waitq line;                       /* behind the one that waits for time to pass */
    bool led;                                /* somebody waits for time to pass */
    struct token_bucket_figures figures;     /* any thread may counter_read them */
};

/* -EINVAL for a burst of 0, or figures over TOKEN_BUCKET_MAX. Nothing to be undone. */
int token_bucket_init(struct token_bucket *bucket, const struct token_bucket_options *options,
                      struct err *err);

/* Takes count tokens if they are there and nobody waits for some; never waits. */
bool token_bucket_try_take(struct token_bucket *bucket, uint64_t count, uint64_t now_ns);

/* Takes count tokens, waiting for them, first come, first served; a wait that ends early gives its
 * place to the next and has taken nothing. -E2BIG when count is over burst; -EBUSY when waiting_max
 * wait already; -ETIMEDOUT, at once, when the tokens would come after ctx's deadline even though
 * those in front may give up; else ctx's error when it ended first. */
int token_bucket_take(struct ctx *ctx, struct token_bucket *bucket, uint64_t count);

/* When count tokens will be there if nobody else takes any: what Retry-After wants. now_ns when
 * they are; CLOCK_NEVER when they never will. */
uint64_t token_bucket_ready_ns(const struct token_bucket *bucket, uint64_t count, uint64_t now_ns);

/* Whole tokens in it now. */
uint64_t token_bucket_level(const struct token_bucket *bucket, uint64_t now_ns);

#endif
