/* SPDX-License-Identifier: MIT */
/* token_bucket.c - one number says when the bucket will be full; one fiber at a time waits. */
#include "subject/token_bucket.h"

#include "core/clock.h"
#include "core/fiber.h"

/* Products of two limited figures and sums of them stay below 2^106. */
__extension__ typedef unsigned __int128 wide_word;

static wide_word scaled(const struct token_bucket *bucket, uint64_t now_ns)
{
    return (wide_word)now_ns * bucket->options.rate_per_s;
}

static wide_word worth(uint64_t tokens)
{
    return (wide_word)tokens * NS_PER_S;
}

/* When the bucket will be full once count more tokens are out. */
static wide_word full_after(const struct token_bucket *bucket, uint64_t count, uint64_t now_ns)
{
    wide_word now = scaled(bucket, now_ns);
    return (bucket->full_at > now ? bucket->full_at : now) + worth(count);
}

int token_bucket_init(struct token_bucket *bucket, const struct token_bucket_options *options,
                      struct err *err)
{
    if (options->burst == 0)
        return err_set(err, -EINVAL, "expected a burst of at least 1 token");
    if (options->burst > TOKEN_BUCKET_MAX || options->rate_per_s > TOKEN_BUCKET_MAX)
        return err_set(err, -EINVAL, "expected a rate and a burst of at most 2^40");
    *bucket = (struct token_bucket){.options = *options};
    waitq_init(&bucket->line);
    return 0;
}

static bool take_now(struct token_bucket *bucket, uint64_t count, uint64_t now_ns)
{
    wide_word full_at = full_after(bucket, count, now_ns);
    if (count > bucket->options.burst ||
        full_at > scaled(bucket, now_ns) + worth(bucket->options.burst))
        return false;
    bucket->full_at = full_at;
    counter_add(&bucket->figures.taken, count);
    return true;
}

bool token_bucket_try_take(struct token_bucket *bucket, uint64_t count, uint64_t now_ns)
{
    bool taken = !bucket->led && take_now(bucket, count, now_ns);
    if (!taken)
        counter_add(&bucket->figures.refused, 1);
    return taken;
}

/* When count tokens will be there, more than fit in the bucket at once included. */
static uint64_t ready_ns(const struct token_bucket *bucket, uint64_t count, uint64_t now_ns)
{
    wide_word full_at = full_after(bucket, count, now_ns), room = worth(bucket->options.burst);
    uint64_t rate = bucket->options.rate_per_s;
    if (full_at <= scaled(bucket, now_ns) + room)
        return now_ns;
    if (rate == 0)
        return CLOCK_NEVER;
    wide_word at_ns = (full_at - room + rate - 1) / rate;
    return at_ns < CLOCK_NEVER ? (uint64_t)at_ns : CLOCK_NEVER;
}

uint64_t token_bucket_ready_ns(const struct token_bucket *bucket, uint64_t count, uint64_t now_ns)
{
    return count > bucket->options.burst ? CLOCK_NEVER : ready_ns(bucket, count, now_ns);
}

uint64_t token_bucket_level(const struct token_bucket *bucket, uint64_t now_ns)
{
    wide_word out = full_after(bucket, 0, now_ns) - scaled(bucket, now_ns);
    wide_word room = worth(bucket->options.burst);
    return out < room ? (uint64_t)((room - out) / NS_PER_S) : 0;
}

/* Stands in line until its turn to wait for time; whoever goes hands the lead to the next, so it is
 * never free while somebody waits and nobody slips past. */
static int become_leader(struct ctx *ctx, struct token_bucket *bucket)
{
    if (bucket->led)
        return waitq_wait(ctx, &bucket->line, NULL);
    bucket->led = true;
    return 0;
}

static int wait_for_tokens(struct ctx *ctx, struct token_bucket *bucket, uint64_t count)
{
    int rc = become_leader(ctx, bucket);
    if (rc)
        return rc;
    rc = ctx_error(ctx);
    while (!rc && !take_now(bucket, count, clock_now_ns()))
        rc = fiber_sleep_until(ctx, ready_ns(bucket, count, clock_now_ns()));
    bucket->led = waitq_wake_one(&bucket->line, NULL);
    return rc;
}

/* Counts before it is compared: wanted stays below 2^64, as there are fewer than 2^24 fibers. */
static bool too_late(const struct ctx *ctx, const struct token_bucket *bucket, uint64_t count,
                     uint64_t now_ns)
{
    uint64_t deadline_ns = ctx_deadline_ns(ctx);
    return deadline_ns != CLOCK_NEVER &&
           ready_ns(bucket, bucket->wanted + count, now_ns) > deadline_ns;
}

int token_bucket_take(struct ctx *ctx, struct token_bucket *bucket, uint64_t count)
{
    struct token_bucket_figures *figures = &bucket->figures;
    uint64_t now_ns = clock_now_ns();
    int rc = ctx_error(ctx);
    if (rc)
        return rc;
    if (count > bucket->options.burst)
        return -E2BIG;
    if (!bucket->led && take_now(bucket, count, now_ns))
        return 0;
    uint64_t waiting_max = bucket->options.waiting_max;
    if (waiting_max > 0 && counter_read(&figures->waiting) >= waiting_max)
        rc = -EBUSY;
    else if (too_late(ctx, bucket, count, now_ns))
        rc = -ETIMEDOUT;
    if (rc) {
        counter_add(&figures->refused, 1);
        return rc;
    }
    counter_add(&figures->waited, 1);
    counter_add(&figures->waiting, 1);
    bucket->wanted += count;
    rc = wait_for_tokens(ctx, bucket, count);
    bucket->wanted -= count;
    counter_sub(&figures->waiting, 1);
    if (rc)
        counter_add(&figures->abandoned, 1);
    return rc;
}
