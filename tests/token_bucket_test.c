/* SPDX-License-Identifier: MIT */
/* token_bucket_test.c - the rate is exact, the line is fair, and a wait given up costs nobody. */
#include "ring_fixture.h"

#include "core/fiber.h"
#include "core/group.h"
#include "core/rng.h"
#include "subject/token_bucket.h"

#include <string.h>

static void make(struct token_bucket *bucket, uint64_t rate_per_s, uint64_t burst,
                 uint64_t waiting_max)
{
    const struct token_bucket_options options = {rate_per_s, burst, waiting_max};
    assert_ok(token_bucket_init(bucket, &options, NULL));
}

static void it_refuses_senseless_options(void **unused)
{
    (void)unused;
    struct token_bucket bucket;
    struct err err = {0};
    const struct token_bucket_options bad[] = {
        {.rate_per_s = 1},
        {.rate_per_s = TOKEN_BUCKET_MAX + 1, .burst = 1},
        {.rate_per_s = 1, .burst = UINT64_MAX},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(token_bucket_init(&bucket, &bad[i], &err), -EINVAL);
        assert_non_null(strstr(err.text, "burst"));
    }
}

static void a_burst_is_there_from_the_start_and_after_quiet(void **unused)
{
    (void)unused;
    struct token_bucket bucket;
    make(&bucket, 10, 5, 0);
    for (uint64_t now_ns = 0; now_ns < 100 * NS_PER_S; now_ns += 50 * NS_PER_S) {
        assert_int_equal(token_bucket_level(&bucket, now_ns), 5);
        assert_true(token_bucket_try_take(&bucket, 2, now_ns));
        assert_true(token_bucket_try_take(&bucket, 3, now_ns));
        assert_false(token_bucket_try_take(&bucket, 1, now_ns));
        assert_int_equal(token_bucket_level(&bucket, now_ns), 0);
        assert_int_equal(token_bucket_ready_ns(&bucket, 1, now_ns), now_ns + NS_PER_S / 10);
        assert_false(token_bucket_try_take(&bucket, 1, now_ns + NS_PER_S / 10 - 1));
        assert_true(token_bucket_try_take(&bucket, 1, now_ns + NS_PER_S / 10));
    }
    assert_int_equal(counter_read(&bucket.figures.taken), 12);
    assert_int_equal(counter_read(&bucket.figures.refused), 4);
}

/* A third of a second is no whole number of nanoseconds; asked as soon as it says, it still gives
 * three a second after a day. */
static void a_rate_that_does_not_divide_drifts_by_nothing(void **unused)
{
    (void)unused;
    enum { SECONDS = 86400 };
    struct token_bucket bucket;
    make(&bucket, 3, 2, 0);
    uint64_t now_ns = 12345;
    for (int taken = 0; taken < 2 + 3 * SECONDS; taken++) {
        now_ns = token_bucket_ready_ns(&bucket, 1, now_ns);
        assert_true(token_bucket_try_take(&bucket, 1, now_ns));
    }
    assert_int_equal(now_ns, 12345 + SECONDS * NS_PER_S);
}

static void it_agrees_with_counting_by_hand(void **unused)
{
    (void)unused;
    struct rng rng;
    rng_init(&rng, 3, 0);
    for (int round = 0; round < 200; round++) {
        uint64_t rate_per_s = 1 + rng_below(&rng, 2000), burst = 1 + rng_below(&rng, 20);
        struct token_bucket bucket;
        make(&bucket, rate_per_s, burst, 0);
        uint64_t now_ns = rng_below(&rng, NS_PER_S), level = burst * NS_PER_S; /* 10^-9 tokens */
        for (int step = 0; step < 500; step++) {
            uint64_t count = 1 + rng_below(&rng, burst), pass_ns = rng_below(&rng, NS_PER_S / 100);
            now_ns += pass_ns;
            level += pass_ns * rate_per_s;
            if (level > burst * NS_PER_S)
                level = burst * NS_PER_S;
            bool there = level >= count * NS_PER_S;
            assert_int_equal(token_bucket_level(&bucket, now_ns), level / NS_PER_S);
            assert_int_equal(token_bucket_try_take(&bucket, count, now_ns), there);
            if (there)
                level -= count * NS_PER_S;
        }
    }
}

static void extremes_of_time_and_rate_do_not_wrap(void **unused)
{
    (void)unused;
    struct token_bucket fast;
    make(&fast, TOKEN_BUCKET_MAX, TOKEN_BUCKET_MAX, 0);
    assert_true(token_bucket_try_take(&fast, TOKEN_BUCKET_MAX, UINT64_MAX));
    assert_false(token_bucket_try_take(&fast, 1, UINT64_MAX));
    assert_int_equal(token_bucket_ready_ns(&fast, TOKEN_BUCKET_MAX, UINT64_MAX), CLOCK_NEVER);
    assert_false(token_bucket_try_take(&fast, 1, 0)); /* the clock went back: no harm, no gift */

    struct token_bucket never;
    make(&never, 0, 2, 0);
    assert_true(token_bucket_try_take(&never, 2, 0));
    assert_false(token_bucket_try_take(&never, 1, UINT64_MAX));
    assert_int_equal(token_bucket_ready_ns(&never, 1, 1), CLOCK_NEVER);

    struct token_bucket slow;
    make(&slow, 1, TOKEN_BUCKET_MAX, 0);
    assert_true(token_bucket_try_take(&slow, TOKEN_BUCKET_MAX, 0));
    assert_int_equal(token_bucket_ready_ns(&slow, 1, 0), NS_PER_S);
    assert_int_equal(token_bucket_ready_ns(&slow, TOKEN_BUCKET_MAX, 0), CLOCK_NEVER);
    assert_int_equal(token_bucket_level(&slow, UINT64_MAX), UINT64_MAX / NS_PER_S);

    struct token_bucket small;
    make(&small, 1, 1, 0);
    assert_false(token_bucket_try_take(&small, 2, UINT64_MAX)); /* over burst: never */
    assert_int_equal(token_bucket_ready_ns(&small, 2, 0), CLOCK_NEVER);
}

/* ---- Waiting --------------------------------------------------------------------------------- */

enum { TAKERS = 8 };

struct taker {
    struct ctx ctx;
    struct token_bucket *bucket;
    uint64_t count;
    int rc;
    size_t *served; /* how many had been before */
    size_t place;
};

static void take(struct ctx *ctx, void *arg)
{
    (void)ctx;
    struct taker *taker = arg;
    taker->rc = token_bucket_take(&taker->ctx, taker->bucket, taker->count);
    taker->place = (*taker->served)++;
}

static void start(struct ctx *root, struct group *group, struct taker *takers,
                  struct token_bucket *bucket, size_t *served)
{
    *served = 0;
    group_init(group, root);
    for (size_t i = 0; i < TAKERS; i++) {
        takers[i] = (struct taker){.bucket = bucket, .count = 1, .served = served};
        ctx_init(&takers[i].ctx, root);
        assert_ok(group_spawn(group, "taker", take, &takers[i]));
    }
    fiber_yield();
}

static void finish(struct ctx *root, struct group *group, struct taker *takers)
{
    assert_ok(group_join(root, group));
    assert_int_equal(group_fini(group), 0);
    for (size_t i = 0; i < TAKERS; i++)
        ctx_fini(&takers[i].ctx);
}

static void wait_in_line(struct ctx *root, void *arg)
{
    (void)arg;
    struct token_bucket bucket;
    make(&bucket, 5000, 1, 0);
    struct group group;
    struct taker takers[TAKERS];
    size_t served;
    uint64_t start_ns = clock_now_ns();
    start(root, &group, takers, &bucket, &served);
    assert_int_equal(counter_read(&bucket.figures.waiting), TAKERS - 1);
    assert_false(token_bucket_try_take(&bucket, 1, UINT64_MAX)); /* nobody overtakes */
    finish(root, &group, takers);
    assert_true(clock_now_ns() - start_ns >= (TAKERS - 1) * NS_PER_S / 5000);
    for (size_t i = 0; i < TAKERS; i++) {
        assert_ok(takers[i].rc);
        assert_int_equal(takers[i].place, i);
    }
    assert_int_equal(counter_read(&bucket.figures.taken), TAKERS);
    assert_int_equal(counter_read(&bucket.figures.waited), TAKERS - 1);
    assert_int_equal(counter_read(&bucket.figures.waiting), 0);
}

static void the_line_is_first_come_first_served(void **unused)
{
    (void)unused;
    (void)run_on_ring(wait_in_line, NULL);
}

/* Cancels the one that waits for time, one in the middle and the last; nobody is held up. */
static void give_up(struct ctx *root, void *arg)
{
    (void)arg;
    struct token_bucket bucket;
    make(&bucket, 2000, 1, 0);
    struct group group;
    struct taker takers[TAKERS];
    size_t served;
    start(root, &group, takers, &bucket, &served);
    assert_ok(takers[0].rc);
    const size_t goes[] = {1, 4, TAKERS - 1};
    for (size_t i = 0; i < 3; i++)
        ctx_cancel(&takers[goes[i]].ctx, "had enough");
    finish(root, &group, takers);
    for (size_t i = 0; i < TAKERS; i++)
        assert_int_equal(takers[i].rc, i == 1 || i == 4 || i == TAKERS - 1 ? -ECANCELED : 0);
    assert_int_equal(counter_read(&bucket.figures.taken), TAKERS - 3);
    assert_int_equal(counter_read(&bucket.figures.abandoned), 3);
    assert_int_equal(bucket.wanted, 0);
    assert_false(bucket.led);
}

static void those_who_give_up_hold_nobody_up(void **unused)
{
    (void)unused;
    (void)run_on_ring(give_up, NULL);
}

/* The next in line is handed the lead and cancelled before it runs: it hands it on. */
static void lose_the_lead(struct ctx *root, void *arg)
{
    (void)arg;
    struct token_bucket bucket;
    make(&bucket, 1, 1, 0);
    struct group group;
    struct taker takers[TAKERS];
    size_t served;
    start(root, &group, takers, &bucket, &served);
    ctx_cancel(&takers[1].ctx, "leader");
    fiber_yield(); /* 1 has run and woken 2, which is ready behind us */
    assert_false(token_bucket_try_take(&bucket, 1, UINT64_MAX)); /* and has the lead */
    for (size_t i = 2; i < TAKERS; i++)
        ctx_cancel(&takers[i].ctx, "heir");
    finish(root, &group, takers);
    assert_int_equal(counter_read(&bucket.figures.abandoned), TAKERS - 1);
    assert_false(bucket.led);
    assert_int_equal(bucket.line.length, 0);
}

static void a_lead_is_never_lost(void **unused)
{
    (void)unused;
    (void)run_on_ring(lose_the_lead, NULL);
}

static void ask_in_vain(struct ctx *root, void *arg)
{
    (void)arg;
    struct token_bucket bucket;
    make(&bucket, 1, 2, 1);
    struct ctx near, over;
    assert_int_equal(token_bucket_take(root, &bucket, 3), -E2BIG);
    assert_ok(token_bucket_take(root, &bucket, 2));
    ctx_init_timeout(&near, root, NS_PER_S / 2);
    assert_int_equal(token_bucket_take(&near, &bucket, 1), -ETIMEDOUT);
    assert_ok(ctx_error(&near)); /* answered before its time */
    ctx_init(&over, root);
    ctx_cancel(&over, "over");
    assert_int_equal(token_bucket_take(&over, &bucket, 1), -ECANCELED);
    assert_int_equal(counter_read(&bucket.figures.waited), 0);
    assert_int_equal(counter_read(&bucket.figures.refused), 1);
    ctx_fini(&over), ctx_fini(&near);

    struct group group;
    struct taker takers[TAKERS];
    size_t served;
    start(root, &group, takers, &bucket, &served); /* one waits, the others find the line full */
    for (size_t i = 1; i < TAKERS; i++)
        assert_int_equal(takers[i].rc, -EBUSY);
    ctx_cancel(&takers[0].ctx, "enough");
    finish(root, &group, takers);
    assert_int_equal(takers[0].rc, -ECANCELED);
}

static void what_cannot_be_had_is_answered_at_once(void **unused)
{
    (void)unused;
    (void)run_on_ring(ask_in_vain, NULL);
}

static void shuffle(struct ctx *root, void *arg)
{
    (void)arg;
    struct rng rng;
    rng_init(&rng, 5, 0);
    for (int round = 0; round < 500; round++) {
        struct token_bucket bucket;
        make(&bucket, 10000000, 1 + rng_below(&rng, 3), 0);
        struct group group;
        struct taker takers[TAKERS];
        size_t served;
        start(root, &group, takers, &bucket, &served);
        for (int cut = 0; cut < 4; cut++) {
            ctx_cancel(&takers[rng_below(&rng, TAKERS)].ctx, "shuffled");
            if (rng_below(&rng, 2))
                fiber_yield();
        }
        finish(root, &group, takers);
        uint64_t well = 0;
        for (size_t i = 0; i < TAKERS; i++)
            well += takers[i].rc == 0;
        assert_int_equal(counter_read(&bucket.figures.taken), well);
        assert_int_equal(counter_read(&bucket.figures.waiting), 0);
        assert_int_equal(bucket.wanted, 0);
        assert_false(bucket.led);
    }
}

static void nothing_is_lost_in_any_order(void **unused)
{
    (void)unused;
    (void)run_on_ring(shuffle, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_refuses_senseless_options),
        cmocka_unit_test(a_burst_is_there_from_the_start_and_after_quiet),
        cmocka_unit_test(a_rate_that_does_not_divide_drifts_by_nothing),
        cmocka_unit_test(it_agrees_with_counting_by_hand),
        cmocka_unit_test(extremes_of_time_and_rate_do_not_wrap),
        cmocka_unit_test(the_line_is_first_come_first_served),
        cmocka_unit_test(those_who_give_up_hold_nobody_up),
        cmocka_unit_test(a_lead_is_never_lost),
        cmocka_unit_test(what_cannot_be_had_is_answered_at_once),
        cmocka_unit_test(nothing_is_lost_in_any_order),
    };
    return cmocka_run_group_tests_name("token_bucket", tests, NULL, NULL);
}
