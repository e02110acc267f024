/* SPDX-License-Identifier: MIT */
/* breaker_test.c - every way from state to state, and results that come too late. */
#include "test.h"

#include "core/clock.h"
#include "core/rng.h"
#include "subject/breaker.h"

#define OPEN_NS (5 * NS_PER_S)

static const struct breaker_options usual = {
    .window_ns = 10 * NS_PER_S,
    .calls_min = 4,
    .failure_share = 0.5,
    .slow_ns = NS_PER_S,
    .open_ns = OPEN_NS,
    .trials = 3,
};

static struct breaker make(struct breaker_options options)
{
    struct breaker breaker;
    assert_ok(breaker_init(&breaker, &options, NULL));
    return breaker;
}

static struct breaker_token allow(struct breaker *breaker, uint64_t now_ns)
{
    struct breaker_token token;
    assert_ok(breaker_allow(breaker, now_ns, &token));
    return token;
}

static void refused(struct breaker *breaker, uint64_t now_ns)
{
    struct breaker_token token;
    assert_int_equal(breaker_allow(breaker, now_ns, &token), -EHOSTDOWN);
}

static void call(struct breaker *breaker, uint64_t now_ns, enum breaker_result result)
{
    breaker_report(breaker, now_ns, allow(breaker, now_ns), result);
}

static void trip(struct breaker *breaker, uint64_t now_ns)
{
    for (uint64_t i = 0; i < breaker->options.calls_min; i++)
        call(breaker, now_ns, BREAKER_FAILED);
    assert_int_equal(breaker_state(breaker), BREAKER_OPEN);
}

static void it_refuses_senseless_options(void **unused)
{
    (void)unused;
    struct breaker breaker;
    struct err err = {0};
    struct breaker_options bad[7];
    for (size_t i = 0; i < 7; i++)
        bad[i] = usual;
    bad[0].window_ns = 9, bad[1].calls_min = 0, bad[2].trials = 0, bad[3].open_ns = 0;
    bad[4].failure_share = 0, bad[5].failure_share = 1.01, bad[6].failure_share = 0.0 / 0.0;
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(breaker_init(&breaker, &bad[i], &err), -EINVAL);
}

static void it_opens_at_the_share_and_not_before_enough_calls(void **unused)
{
    (void)unused;
    struct breaker breaker = make(usual);
    for (int i = 0; i < 3; i++)
        call(&breaker, 1, BREAKER_FAILED);
    assert_int_equal(breaker_state(&breaker), BREAKER_CLOSED);
    call(&breaker, 1, BREAKER_IGNORED); /* is no call of the four */
    assert_int_equal(breaker_state(&breaker), BREAKER_CLOSED);
    call(&breaker, 1, BREAKER_SUCCEEDED); /* is: three of four have failed */
    assert_int_equal(breaker_state(&breaker), BREAKER_OPEN);
    refused(&breaker, OPEN_NS);
    assert_int_equal(breaker_ready_ns(&breaker, 2), OPEN_NS + 1);
    assert_int_equal(counter_read(&breaker.figures.failed), 3);
    assert_int_equal(counter_read(&breaker.figures.ignored), 1);
    assert_int_equal(counter_read(&breaker.figures.refused), 1);

    struct breaker fine = make(usual);
    for (int i = 0; i < 1000; i++) /* 49.9 % */
        call(&fine, 1, i % 2 && i > 1 ? BREAKER_FAILED : BREAKER_SUCCEEDED);
    assert_int_equal(breaker_state(&fine), BREAKER_CLOSED);

    struct breaker_options all = usual;
    all.failure_share = 1;
    struct breaker patient = make(all);
    call(&patient, 1, BREAKER_SUCCEEDED);
    for (int i = 0; i < 1000; i++)
        call(&patient, 1, BREAKER_FAILED);
    assert_int_equal(breaker_state(&patient), BREAKER_CLOSED);
}

static void the_window_forgets(void **unused)
{
    (void)unused;
    struct breaker breaker = make(usual);
    for (int i = 0; i < 3; i++)
        call(&breaker, NS_PER_S, BREAKER_FAILED);
    call(&breaker, 11 * NS_PER_S, BREAKER_FAILED);
    assert_int_equal(breaker_state(&breaker), BREAKER_CLOSED);
    struct window_count sum = window_sum(&breaker.window, 11 * NS_PER_S);
    assert_int_equal(sum.all, 1);
    call(&breaker, 5 * NS_PER_S, BREAKER_FAILED); /* an earlier time counts as the latest */
    sum = window_sum(&breaker.window, 20 * NS_PER_S);
    assert_int_equal(sum.bad, 2);
    sum = window_sum(&breaker.window, 21 * NS_PER_S);
    assert_int_equal(sum.bad, 0);
}

/* The window against a plain list of what happened when. */
static void the_window_agrees_with_a_list(void **unused)
{
    (void)unused;
    enum { EVENTS = 2000, SPAN_NS = 1000 };
    static uint64_t times[EVENTS];
    struct rng rng;
    struct window window;
    rng_init(&rng, 2, 0);
    window_init(&window, SPAN_NS);
    uint64_t now_ns = 0;
    for (int i = 0; i < EVENTS; i++) {
        now_ns += rng_below(&rng, rng_below(&rng, 50) ? 30 : 3 * SPAN_NS);
        times[i] = now_ns;
        window_add(&window, now_ns, 1, 0);
        uint64_t since_ns = now_ns / 100 * 100, expected = 0;
        since_ns = since_ns >= 900 ? since_ns - 900 : 0;
        for (int k = 0; k <= i; k++)
            expected += times[k] >= since_ns;
        assert_int_equal(window_sum(&window, now_ns).all, expected);
    }
}

static void slow_calls_are_failures(void **unused)
{
    (void)unused;
    struct breaker breaker = make(usual);
    for (int i = 0; i < 4; i++) {
        struct breaker_token token = allow(&breaker, 0);
        breaker_report(&breaker, NS_PER_S + (i > 1), token, BREAKER_SUCCEEDED);
    }
    assert_int_equal(counter_read(&breaker.figures.slow), 2);
    assert_int_equal(counter_read(&breaker.figures.failed), 2);
    assert_int_equal(breaker_state(&breaker), BREAKER_OPEN);
    struct breaker_options options = usual;
    options.slow_ns = 0;
    struct breaker calm = make(options);
    for (int i = 0; i < 4; i++)
        breaker_report(&calm, UINT64_MAX, allow(&calm, 0), BREAKER_SUCCEEDED);
    assert_int_equal(breaker_state(&calm), BREAKER_CLOSED);
    struct breaker_token token = allow(&breaker, 2 * NS_PER_S + OPEN_NS);
    breaker_report(&breaker, 0, token, BREAKER_SUCCEEDED); /* the clock went back: not slow */
    assert_int_equal(counter_read(&breaker.figures.slow), 2);
}

static void trials_close_it(void **unused)
{
    (void)unused;
    struct breaker breaker = make(usual);
    struct breaker_token trials[3];
    trip(&breaker, 0);
    refused(&breaker, OPEN_NS - 1);
    for (int i = 0; i < 3; i++)
        trials[i] = allow(&breaker, OPEN_NS);
    assert_int_equal(breaker_state(&breaker), BREAKER_HALF_OPEN);
    refused(&breaker, OPEN_NS); /* three at most, however many come */
    breaker_report(&breaker, OPEN_NS + 1, trials[0], BREAKER_SUCCEEDED);
    refused(&breaker, OPEN_NS + 1); /* and not one more for each that ends */
    breaker_report(&breaker, OPEN_NS + 1, trials[1], BREAKER_FAILED); /* a third is not half */
    assert_int_equal(breaker_state(&breaker), BREAKER_HALF_OPEN);
    breaker_report(&breaker, OPEN_NS + 1, trials[2], BREAKER_SUCCEEDED);
    assert_int_equal(breaker_state(&breaker), BREAKER_CLOSED);
    for (int i = 0; i < 3; i++) /* the failures of before are forgotten */
        call(&breaker, OPEN_NS + 2, BREAKER_FAILED);
    assert_int_equal(breaker_state(&breaker), BREAKER_CLOSED);
    assert_int_equal(counter_read(&breaker.figures.half_opened), 1);
    assert_int_equal(counter_read(&breaker.figures.closed), 1);
}

static void trials_open_it_again(void **unused)
{
    (void)unused;
    struct breaker breaker = make(usual);
    struct breaker_token trials[3];
    trip(&breaker, 0);
    for (int i = 0; i < 3; i++)
        trials[i] = allow(&breaker, OPEN_NS);
    breaker_report(&breaker, OPEN_NS + 1, trials[0], BREAKER_FAILED);
    breaker_report(&breaker, OPEN_NS + 2, trials[1], BREAKER_FAILED); /* two of three is enough */
    assert_int_equal(breaker_state(&breaker), BREAKER_OPEN);
    refused(&breaker, 2 * OPEN_NS + 1);
    struct breaker_token again = allow(&breaker, 2 * OPEN_NS + 2);
    assert_int_equal(breaker_state(&breaker), BREAKER_HALF_OPEN);
    breaker_report(&breaker, 2 * OPEN_NS + 3, trials[2], BREAKER_FAILED); /* of the first three */
    assert_int_equal(counter_read(&breaker.figures.late), 1);
    assert_int_equal(breaker.trials_ended, 0);
    breaker_report(&breaker, 2 * OPEN_NS + 3, again, BREAKER_SUCCEEDED);
    assert_int_equal(breaker.trials_ended, 1);
}

static void a_late_result_counts_for_nothing(void **unused)
{
    (void)unused;
    struct breaker_options options = usual;
    options.trials = 1;
    struct breaker breaker = make(options);
    struct breaker_token before[8];
    for (int i = 0; i < 8; i++)
        before[i] = allow(&breaker, 0);
    trip(&breaker, 0);
    breaker_report(&breaker, 1, before[0], BREAKER_SUCCEEDED); /* open */
    call(&breaker, OPEN_NS, BREAKER_SUCCEEDED);                /* the trial */
    assert_int_equal(breaker_state(&breaker), BREAKER_CLOSED);
    for (int i = 1; i < 8; i++) /* calls of before the outage fail at last */
        breaker_report(&breaker, OPEN_NS + 1, before[i], BREAKER_FAILED);
    assert_int_equal(breaker_state(&breaker), BREAKER_CLOSED);
    assert_int_equal(window_sum(&breaker.window, OPEN_NS + 1).all, 0);
    assert_int_equal(counter_read(&breaker.figures.late), 8);
}

static void trials_that_never_report_do_not_block_it(void **unused)
{
    (void)unused;
    struct breaker breaker = make(usual);
    struct breaker_token lost[3];
    trip(&breaker, 0);
    for (int i = 0; i < 3; i++)
        lost[i] = allow(&breaker, OPEN_NS);
    breaker_report(&breaker, OPEN_NS, lost[0], BREAKER_SUCCEEDED);
    refused(&breaker, 2 * OPEN_NS - 1);
    assert_int_equal(breaker_ready_ns(&breaker, OPEN_NS), 2 * OPEN_NS);
    struct breaker_token first = allow(&breaker, 2 * OPEN_NS);
    struct breaker_token second = allow(&breaker, 2 * OPEN_NS);
    refused(&breaker, 2 * OPEN_NS); /* two were lost, two are replaced */
    breaker_report(&breaker, 2 * OPEN_NS, lost[1], BREAKER_IGNORED); /* its place has gone */
    refused(&breaker, 2 * OPEN_NS);
    breaker_report(&breaker, 2 * OPEN_NS, first, BREAKER_SUCCEEDED);
    breaker_report(&breaker, 2 * OPEN_NS, second, BREAKER_SUCCEEDED);
    assert_int_equal(breaker_state(&breaker), BREAKER_CLOSED);
    breaker_report(&breaker, 2 * OPEN_NS, lost[2], BREAKER_FAILED);
    assert_int_equal(window_sum(&breaker.window, 2 * OPEN_NS).all, 0);
}

static void a_trial_nobody_wanted_gives_its_place_back(void **unused)
{
    (void)unused;
    struct breaker_options options = usual;
    options.trials = 1;
    struct breaker breaker = make(options);
    trip(&breaker, 0);
    struct breaker_token trial = allow(&breaker, OPEN_NS);
    refused(&breaker, OPEN_NS);
    breaker_report(&breaker, OPEN_NS + NS_PER_S, trial, BREAKER_IGNORED);
    assert_int_equal(breaker_ready_ns(&breaker, OPEN_NS + NS_PER_S), OPEN_NS + NS_PER_S);
    call(&breaker, OPEN_NS + NS_PER_S, BREAKER_SUCCEEDED);
    assert_int_equal(breaker_state(&breaker), BREAKER_CLOSED);
}

static void it_stays_open_longer_each_time(void **unused)
{
    (void)unused;
    struct breaker_options options = usual;
    options.trials = 1, options.open_ns = 10, options.open_max_ns = 70;
    struct breaker breaker = make(options);
    uint64_t now_ns = 0;
    trip(&breaker, now_ns);
    const uint64_t spans_ns[] = {10, 20, 40, 70, 70};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(breaker_ready_ns(&breaker, now_ns), now_ns + spans_ns[i]);
        refused(&breaker, now_ns + spans_ns[i] - 1);
        now_ns += spans_ns[i];
        call(&breaker, now_ns, BREAKER_FAILED);
    }
    call(&breaker, now_ns + 70, BREAKER_SUCCEEDED);
    trip(&breaker, now_ns + 70); /* and begins anew */
    assert_int_equal(breaker_ready_ns(&breaker, now_ns + 70), now_ns + 80);
}

static void it_can_be_taken_over_by_hand(void **unused)
{
    (void)unused;
    struct breaker breaker = make(usual);
    struct breaker_token under_way = allow(&breaker, 0);
    breaker_force(&breaker, 0, BREAKER_KEPT_OPEN);
    refused(&breaker, UINT64_MAX);
    assert_int_equal(breaker_ready_ns(&breaker, 0), CLOCK_NEVER);
    assert_int_equal(breaker_state(&breaker), BREAKER_OPEN);
    breaker_force(&breaker, 1, BREAKER_KEPT_CLOSED);
    for (int i = 0; i < 100; i++)
        call(&breaker, 2, BREAKER_FAILED);
    assert_int_equal(breaker_state(&breaker), BREAKER_CLOSED);
    struct breaker_token forced = allow(&breaker, 2);
    breaker_force(&breaker, 3, BREAKER_AS_MEASURED);
    breaker_report(&breaker, 3, under_way, BREAKER_FAILED);
    breaker_report(&breaker, 3, forced, BREAKER_FAILED);
    assert_int_equal(counter_read(&breaker.figures.late), 2);
    assert_int_equal(window_sum(&breaker.window, 3).all, 0);
    trip(&breaker, 3);
}

static void extremes_of_time_do_not_wrap(void **unused)
{
    (void)unused;
    struct breaker_options options = usual;
    options.open_ns = UINT64_MAX - 1, options.open_max_ns = UINT64_MAX;
    struct breaker breaker = make(options);
    trip(&breaker, UINT64_MAX - 5);
    refused(&breaker, UINT64_MAX - 1);
    refused(&breaker, 0);
    options.window_ns = UINT64_MAX;
    struct breaker wide = make(options);
    for (int i = 0; i < 3; i++)
        call(&wide, (uint64_t)i << 62, BREAKER_FAILED);
    call(&wide, UINT64_MAX, BREAKER_FAILED); /* all of time is in its window */
    assert_int_equal(breaker_state(&wide), BREAKER_OPEN);
}

/* Whatever happens in whatever order: never more than the trials pass while half-open, and each
 * result is counted once. */
static void nothing_slips_through_in_any_order(void **unused)
{
    (void)unused;
    enum { CALLS = 32 };
    struct rng rng;
    struct breaker breaker = make(usual);
    struct breaker_token tokens[CALLS];
    uint64_t now_ns = 0, out = 0;
    rng_init(&rng, 13, 0);
    for (int step = 0; step < 200000; step++) {
        now_ns += rng_below(&rng, NS_PER_S / 2);
        if (out < CALLS && rng_below(&rng, 2)) {
            out += breaker_allow(&breaker, now_ns, &tokens[out]) == 0;
        } else if (out > 0) {
            uint64_t i = rng_below(&rng, out);
            breaker_report(&breaker, now_ns, tokens[i], (enum breaker_result)rng_below(&rng, 3));
            tokens[i] = tokens[--out];
        }
        assert_true(breaker.given <= usual.trials);
        assert_true(breaker.trials_ended < usual.trials ||
                    breaker_state(&breaker) != BREAKER_HALF_OPEN);
    }
    const struct breaker_figures *f = &breaker.figures;
    assert_int_equal(counter_read(&f->allowed), out + counter_read(&f->succeeded) +
                                                    counter_read(&f->failed) +
                                                    counter_read(&f->ignored));
    assert_true(counter_read(&f->closed) > 10 && counter_read(&f->late) > 10);
    assert_true(counter_read(&f->opened) > counter_read(&f->closed));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_refuses_senseless_options),
        cmocka_unit_test(it_opens_at_the_share_and_not_before_enough_calls),
        cmocka_unit_test(the_window_forgets),
        cmocka_unit_test(the_window_agrees_with_a_list),
        cmocka_unit_test(slow_calls_are_failures),
        cmocka_unit_test(trials_close_it),
        cmocka_unit_test(trials_open_it_again),
        cmocka_unit_test(a_late_result_counts_for_nothing),
        cmocka_unit_test(trials_that_never_report_do_not_block_it),
        cmocka_unit_test(a_trial_nobody_wanted_gives_its_place_back),
        cmocka_unit_test(it_stays_open_longer_each_time),
        cmocka_unit_test(it_can_be_taken_over_by_hand),
        cmocka_unit_test(extremes_of_time_do_not_wrap),
        cmocka_unit_test(nothing_slips_through_in_any_order),
    };
    return cmocka_run_group_tests_name("breaker", tests, NULL, NULL);
}
