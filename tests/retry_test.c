/* SPDX-License-Identifier: MIT */
/* retry_test.c - each reason to stop, the spread of the waits, and a budget that holds in a storm.
 */
#include "ring_fixture.h"

#include "core/fiber.h"
#include "core/group.h"
#include "subject/retry.h"

#include <string.h>

static const struct retry_options usual = {
    .attempts_max = 3,
    .base_ns = 100,
    .cap_ns = 1000,
    .budget_share = 0.2,
    .budget_min_per_s = 10,
};

static void make(struct retrier *retrier, const struct retry_options *options)
{
    assert_ok(retrier_init(retrier, options, 1, NULL));
}

static void it_refuses_senseless_options(void **unused)
{
    (void)unused;
    struct retrier retrier;
    struct err err = {0};
    struct retry_options bad[6];
    for (size_t i = 0; i < 6; i++)
        bad[i] = usual;
    bad[0].attempts_max = 0, bad[1].cap_ns = 99, bad[2].budget_share = -0.1;
    bad[3].budget_share = 0.0 / 0.0, bad[4].budget_min_per_s = UINT64_MAX;
    bad[5].budget_ns = CLOCK_NEVER;
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(retrier_init(&retrier, &bad[i], 1, &err), -EINVAL);
        assert_int_equal(strncmp(err.text, "expected", 8), 0);
    }
}

static void it_stops_at_success_and_at_attempts_max(void **unused)
{
    (void)unused;
    struct retrier retrier;
    struct retry retry;
    uint64_t wait_ns;
    make(&retrier, &usual);
    retry_begin(&retry, &retrier);
    assert_true(retry_plan(&retry, 0, 0, CLOCK_NEVER, &wait_ns));
    assert_int_equal(wait_ns, 0);
    assert_false(retry_plan(&retry, 0, 0, CLOCK_NEVER, &wait_ns));

    retry_begin(&retry, &retrier);
    assert_true(retry_plan(&retry, 0, 0, CLOCK_NEVER, &wait_ns));
    assert_true(retry_plan(&retry, -EPIPE, 0, CLOCK_NEVER, &wait_ns));
    assert_false(retry_plan(&retry, 0, 0, CLOCK_NEVER, &wait_ns));

    retry_begin(&retry, &retrier);
    for (int i = 0; i < 3; i++)
        assert_true(retry_plan(&retry, -EPIPE, 0, CLOCK_NEVER, &wait_ns));
    assert_false(retry_plan(&retry, -EPIPE, 0, CLOCK_NEVER, &wait_ns));

    assert_int_equal(counter_read(&retrier.figures.calls), 3);
    assert_int_equal(counter_read(&retrier.figures.attempts), 6);
    assert_int_equal(counter_read(&retrier.figures.retries), 3);
    assert_int_equal(counter_read(&retrier.figures.succeeded), 2);
    assert_int_equal(counter_read(&retrier.figures.recovered), 1);
    assert_int_equal(counter_read(&retrier.figures.exhausted), 1);
}

static bool only_eio(int rc)
{
    return rc == -EIO;
}

static void it_asks_what_may_pass(void **unused)
{
    (void)unused;
    const int stays[] = {-EINVAL, -ECANCELED, -EHOSTDOWN, -ENOENT, -EIO, 5};
    struct retrier retrier;
    struct retry retry;
    uint64_t wait_ns;
    make(&retrier, &usual);
    for (size_t i = 0; i < sizeof(stays) / sizeof(*stays); i++) {
        retry_begin(&retry, &retrier);
        assert_true(retry_plan(&retry, 0, 0, CLOCK_NEVER, &wait_ns));
        assert_false(retry_plan(&retry, stays[i], 0, CLOCK_NEVER, &wait_ns));
    }
    assert_int_equal(counter_read(&retrier.figures.permanent), 6);
    struct retry_options options = usual;
    options.may_pass = only_eio;
    make(&retrier, &options);
    retry_begin(&retry, &retrier);
    assert_true(retry_plan(&retry, 0, 0, CLOCK_NEVER, &wait_ns));
    assert_true(retry_plan(&retry, -EIO, 0, CLOCK_NEVER, &wait_ns));
    assert_false(retry_plan(&retry, -EPIPE, 0, CLOCK_NEVER, &wait_ns));
}

/* Full jitter: each wait is anywhere from 0 to its bound, which doubles up to the cap. */
static void waits_spread_up_to_a_bound_that_doubles(void **unused)
{
    (void)unused;
    enum { RETRIES = 70, CALLS = 500 };
    struct retry_options options = usual;
    options.attempts_max = RETRIES + 1, options.budget_off = true;
    struct retrier retrier;
    make(&retrier, &options);
    uint64_t least[RETRIES], most[RETRIES];
    memset(least, 0xff, sizeof(least)), memset(most, 0, sizeof(most));
    for (int call = 0; call < CALLS; call++) {
        struct retry retry;
        uint64_t wait_ns;
        retry_begin(&retry, &retrier);
        assert_true(retry_plan(&retry, 0, 0, CLOCK_NEVER, &wait_ns));
        for (int i = 0; i < RETRIES; i++) {
            assert_true(retry_plan(&retry, -EPIPE, 0, CLOCK_NEVER, &wait_ns));
            least[i] = wait_ns < least[i] ? wait_ns : least[i];
            most[i] = wait_ns > most[i] ? wait_ns : most[i];
        }
    }
    for (int i = 0; i < RETRIES; i++) {
        uint64_t bound_ns = i < 4 ? UINT64_C(100) << i : 1000;
        assert_true(least[i] <= bound_ns / 20);
        assert_in_range(most[i], bound_ns - bound_ns / 20, bound_ns);
    }
}

static void extremes_of_waits_do_not_wrap(void **unused)
{
    (void)unused;
    struct retry_options options = usual;
    options.attempts_max = 200, options.budget_off = true;
    options.base_ns = 1, options.cap_ns = UINT64_MAX;
    struct retrier retrier;
    struct retry retry;
    uint64_t wait_ns, most_ns = 0;
    make(&retrier, &options);
    retry_begin(&retry, &retrier);
    for (int i = 0; i < 200; i++) {
        assert_true(retry_plan(&retry, -EPIPE, UINT64_MAX, CLOCK_NEVER, &wait_ns));
        assert_true(i >= 60 || wait_ns <= UINT64_C(1) << i);
        most_ns = wait_ns > most_ns ? wait_ns : most_ns;
    }
    assert_true(most_ns > UINT64_MAX / 2);
    options.base_ns = options.cap_ns = 0;
    make(&retrier, &options);
    retry_begin(&retry, &retrier);
    for (int i = 0; i < 200; i++) {
        assert_true(retry_plan(&retry, -EPIPE, 0, CLOCK_NEVER, &wait_ns));
        assert_int_equal(wait_ns, 0);
    }
}

static void it_never_waits_past_the_deadline(void **unused)
{
    (void)unused;
    struct retry_options options = usual;
    options.attempts_max = 1000000;
    options.budget_off = true;
    struct retrier retrier;
    struct retry retry;
    uint64_t wait_ns, now_ns = 0;
    make(&retrier, &options);
    retry_begin(&retry, &retrier);
    while (retry_plan(&retry, -EPIPE, now_ns, 10000, &wait_ns)) {
        now_ns += wait_ns;
        assert_true(now_ns < 10000);
    }
    assert_int_equal(counter_read(&retrier.figures.past_due), 1);
    retry_begin(&retry, &retrier); /* a hint the deadline has no room for */
    assert_true(retry_plan(&retry, 0, 0, 10000, &wait_ns));
    retry.hint_ns = 10000;
    assert_false(retry_plan(&retry, -EPIPE, 0, 10000, &wait_ns));
    retry_begin(&retry, &retrier);
    assert_true(retry_plan(&retry, 0, 0, 10000, &wait_ns));
    retry.hint_ns = 9999;
    assert_true(retry_plan(&retry, -EPIPE, 0, 10000, &wait_ns));
    assert_int_equal(wait_ns, 9999);
    assert_true(retry_plan(&retry, -EPIPE, 0, 10000, &wait_ns));
    assert_true(wait_ns < 9999); /* a hint is good for one wait */
}

/* Everything fails: with attempts alone the load is threefold, with the budget a fifth more. */
static void the_budget_holds_in_a_storm(void **unused)
{
    (void)unused;
    struct retry_options options = usual;
    options.budget_min_per_s = 0;
    struct retrier retrier;
    make(&retrier, &options);
    for (uint64_t i = 0; i < 100000; i++) {
        struct retry retry;
        uint64_t wait_ns;
        retry_begin(&retry, &retrier);
        while (retry_plan(&retry, -EPIPE, i * NS_PER_MS, CLOCK_NEVER, &wait_ns))
            continue;
        struct window_count sum = window_sum(&retrier.window, i * NS_PER_MS);
        assert_true((double)sum.bad <= 0.2 * (double)sum.all + 1000 * 0.2); /* a slot has gone */
    }
    assert_in_range(counter_read(&retrier.figures.retries), 19000, 20200);
    assert_true(counter_read(&retrier.figures.over_budget) > 70000);

    options.budget_off = true;
    make(&retrier, &options);
    for (uint64_t i = 0; i < 1000; i++) {
        struct retry retry;
        uint64_t wait_ns;
        retry_begin(&retry, &retrier);
        while (retry_plan(&retry, -EPIPE, i * NS_PER_MS, CLOCK_NEVER, &wait_ns))
            continue;
    }
    assert_int_equal(counter_read(&retrier.figures.attempts), 3000);
}

static void a_quiet_target_has_its_reserve(void **unused)
{
    (void)unused;
    struct retry_options options = usual;
    options.budget_share = 0, options.attempts_max = UINT64_MAX, options.budget_ns = NS_PER_S;
    struct retrier retrier;
    struct retry retry;
    uint64_t wait_ns;
    make(&retrier, &options);
    for (uint64_t second = 0; second < 3; second++) {
        int made = 0;
        retry_begin(&retry, &retrier);
        while (retry_plan(&retry, -EPIPE, 2 * second * NS_PER_S, CLOCK_NEVER, &wait_ns))
            made++;
        assert_int_equal(made, 11); /* the first attempt is free */
    }
    options.budget_min_per_s = 0;
    make(&retrier, &options);
    retry_begin(&retry, &retrier);
    assert_true(retry_plan(&retry, 0, 0, CLOCK_NEVER, &wait_ns));
    assert_false(retry_plan(&retry, -EPIPE, 0, CLOCK_NEVER, &wait_ns));
    assert_int_equal(counter_read(&retrier.figures.over_budget), 1);
}

/* ---- The loop -------------------------------------------------------------------------------- */

static void run_loops(struct ctx *root, void *arg)
{
    (void)arg;
    struct retry_options options = usual;
    struct retrier retrier;
    struct retry retry;
    int rc = 0, calls = 0;
    make(&retrier, &options);
    retry_begin(&retry, &retrier);
    while (retry_next(root, &retry, &rc))
        rc = ++calls < 3 ? -ECONNRESET : 0;
    assert_ok(rc);
    assert_int_equal(calls, 3);
    assert_int_equal(counter_read(&retrier.figures.recovered), 1);

    calls = 0;
    retry_begin(&retry, &retrier);
    while (retry_next(root, &retry, &rc))
        rc = ++calls == 3 ? -ECONNREFUSED : -ECONNRESET;
    assert_int_equal(rc, -ECONNREFUSED); /* the last word */
    assert_int_equal(calls, 3);

    struct ctx over; /* nothing is tried, and nothing looks like success */
    ctx_init(&over, root);
    ctx_cancel(&over, "over");
    rc = calls = 0;
    retry_begin(&retry, &retrier);
    while (retry_next(&over, &retry, &rc))
        calls++;
    assert_int_equal(rc, -ECANCELED);
    assert_int_equal(calls, 0);
    ctx_fini(&over);

    struct ctx ends; /* during the attempt: its answer, when it is one, stands */
    ctx_init(&ends, root);
    rc = 0;
    retry_begin(&retry, &retrier);
    while (retry_next(&ends, &retry, &rc))
        ctx_cancel(&ends, "meanwhile");
    assert_ok(rc);
    rc = 0;
    ctx_fini(&ends);
    ctx_init_deadline(&ends, root, clock_now_ns() + NS_PER_S);
    retry_begin(&retry, &retrier);
    while (retry_next(&ends, &retry, &rc)) {
        retry.hint_ns = 2 * NS_PER_S;
        rc = -ECONNRESET;
    }
    assert_int_equal(rc, -ECONNRESET); /* at once: its ctx lives, but has no room for the wait */
    assert_ok(ctx_error(&ends));
    ctx_fini(&ends);
    assert_int_equal(counter_read(&retrier.figures.ended), 1);
    assert_int_equal(counter_read(&retrier.figures.past_due), 1);
    assert_int_equal(counter_read(&retrier.figures.calls), 5);
}

static void the_loop_ends_with_the_right_answer(void **unused)
{
    (void)unused;
    (void)run_on_ring(run_loops, NULL);
}

struct waiting {
    struct ctx ctx;
    struct retrier retrier;
    int rc, calls;
};

static void wait_long(struct ctx *ctx, void *arg)
{
    (void)ctx;
    struct waiting *waiting = arg;
    struct retry retry;
    retry_begin(&retry, &waiting->retrier);
    while (retry_next(&waiting->ctx, &retry, &waiting->rc)) {
        waiting->calls++;
        waiting->rc = -ECONNRESET;
        retry.hint_ns = 3600 * NS_PER_S;
    }
}

static void cancel_a_wait(struct ctx *root, void *arg)
{
    (void)arg;
    struct waiting waiting = {0};
    struct group group;
    make(&waiting.retrier, &usual);
    ctx_init(&waiting.ctx, root);
    group_init(&group, root);
    assert_ok(group_spawn(&group, "waiting", wait_long, &waiting));
    fiber_yield();
    assert_int_equal(group.live, 1);
    ctx_cancel(&waiting.ctx, "had enough");
    assert_ok(group_join(root, &group));
    assert_int_equal(waiting.rc, -ECANCELED);
    assert_int_equal(waiting.calls, 1);
    assert_int_equal(counter_read(&waiting.retrier.figures.attempts), 1);
    assert_int_equal(counter_read(&waiting.retrier.figures.retries), 0);
    assert_int_equal(counter_read(&waiting.retrier.figures.ended), 1);
    assert_int_equal(group_fini(&group), 0);
    ctx_fini(&waiting.ctx);
}

static void a_wait_can_be_cancelled(void **unused)
{
    (void)unused;
    (void)run_on_ring(cancel_a_wait, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_refuses_senseless_options),
        cmocka_unit_test(it_stops_at_success_and_at_attempts_max),
        cmocka_unit_test(it_asks_what_may_pass),
        cmocka_unit_test(waits_spread_up_to_a_bound_that_doubles),
        cmocka_unit_test(extremes_of_waits_do_not_wrap),
        cmocka_unit_test(it_never_waits_past_the_deadline),
        cmocka_unit_test(the_budget_holds_in_a_storm),
        cmocka_unit_test(a_quiet_target_has_its_reserve),
        cmocka_unit_test(the_loop_ends_with_the_right_answer),
        cmocka_unit_test(a_wait_can_be_cancelled),
    };
    return cmocka_run_group_tests_name("retry", tests, NULL, NULL);
}
