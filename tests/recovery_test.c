/* SPDX-License-Identifier: MIT */
/* recovery_test.c - from series made by hand: what a fault cost, who noticed, and whether it came
 * back. */
#include "test.h"

#include "core/clock.h"
#include "core/rng.h"
#include "measure/recovery.h"

#include <math.h>

#define START_NS UINT64_C(7000000000)
#define SLOT_NS  SERIES_SLOT_NS
#define SLOTS(n) ((uint64_t)(n)*SLOT_NS)

static const char *const error_names[] = {"timeout", "status", NULL};

static struct series *make(size_t slots)
{
    struct series *series = NULL;
    struct series_options options = {.length_ns = SLOTS(slots), .error_names = error_names};
    assert_ok(series_create(&series, &options, NULL));
    series_start(series, START_NS);
    return series;
}

/* Good replies of latency_ns, as many in each slot from one to another. */
static void fill(struct series *series, size_t from, size_t to, size_t ok, uint64_t latency_ns)
{
    for (size_t i = from; i < to; i++)
        for (size_t k = 0; k < ok; k++)
            series_ok(series, START_NS + SLOTS(i) + k, latency_ns, 1);
}

static void put_errors(struct series *series, size_t slot, size_t count, unsigned kind)
{
    for (size_t k = 0; k < count; k++)
        series_error(series, START_NS + SLOTS(slot) + k, kind);
}

/* A fault from one slot to another, with a hold of ten; consumes the series. */
static struct recovery judge(struct series *series, double began, double ended)
{
    struct recovery recovery;
    struct recovery_job job = {
        .series = series,
        .length_ns = SLOTS(series->slot_count),
        .began_ns = START_NS + (uint64_t)(began * (double)SLOT_NS),
        .ended_ns = START_NS + (uint64_t)(ended * (double)SLOT_NS),
        .hold_ns = SLOTS(10),
    };
    assert_ok(recovery_judge(&job, &recovery, NULL));
    series_destroy(series);
    return recovery;
}

static void a_fault_without_impact_is_over_at_once(void **unused)
{
    (void)unused;
    struct series *series = make(60);
    fill(series, 0, 60, 200, NS_PER_MS);
    struct recovery recovery = judge(series, 20, 30);
    assert_int_equal(recovery.state, RECOVERY_WELL);
    assert_true(recovery.recover_ns == 0);
    assert_true(recovery.depth == 1);
    assert_true(isnan(recovery.detect_ns));
    assert_true(recovery.before_per_s == 2000);
    assert_true(fabs(recovery.before_p99_ns - 1e6) < 2e4);
    assert_int_equal(recovery.requests, 2000);
    assert_int_equal(recovery.errors, 0);
}

static void an_outage_is_measured_from_its_end(void **unused)
{
    (void)unused;
    struct series *series = make(80);
    fill(series, 0, 20, 200, NS_PER_MS);
    put_errors(series, 25, 30, 0); /* silence for half a second, then time-outs */
    put_errors(series, 26, 10, 1);
    put_errors(series, 34, 10, 0);        /* after the fault */
    fill(series, 33, 36, 100, NS_PER_MS); /* half of it */
    fill(series, 36, 80, 200, NS_PER_MS);
    struct recovery recovery = judge(series, 20.5, 30.25);
    assert_int_equal(recovery.state, RECOVERY_WELL);
    assert_true(fabs(recovery.recover_ns - 5.75 * (double)SLOT_NS) < 1);
    assert_true(fabs(recovery.detect_ns - 5.5 * (double)SLOT_NS) < 1);
    assert_true(recovery.depth == 0);
    assert_int_equal(recovery.errors, 40);
    assert_int_equal(recovery.kinds[0], 30);
    assert_int_equal(recovery.kinds[1], 10);
    assert_int_equal(recovery.requests, 40);
    assert_int_equal(recovery.span_ns, SLOTS(11));
}

static void depth_is_of_the_worst_slot_until_recovery(void **unused)
{
    (void)unused;
    struct series *series = make(80);
    fill(series, 0, 20, 400, NS_PER_MS);
    fill(series, 20, 30, 200, NS_PER_MS);
    fill(series, 30, 33, 40, NS_PER_MS); /* worst after the fault's end: a storm */
    fill(series, 33, 60, 400, NS_PER_MS);
    fill(series, 60, 61, 4, NS_PER_MS); /* something else, long after */
    fill(series, 61, 80, 400, NS_PER_MS);
    struct recovery recovery = judge(series, 20, 30);
    assert_true(fabs(recovery.depth - 0.1) < 1e-9);
    assert_true(fabs(recovery.recover_ns - 3 * (double)SLOT_NS) < 1);
    assert_true(isnan(recovery.detect_ns)); /* fewer replies, but none a client could complain of */
}

static void slow_replies_are_noticed_and_waited_out(void **unused)
{
    (void)unused;
    struct series *series = make(80);
    fill(series, 0, 22, 200, NS_PER_MS);
    fill(series, 22, 30, 200, 5 * NS_PER_MS);
    fill(series, 30, 38, 200, 3 * NS_PER_MS); /* goodput is back, latency is not */
    fill(series, 38, 80, 200, NS_PER_MS + NS_PER_MS / 10);
    struct recovery recovery = judge(series, 20, 30);
    assert_int_equal(recovery.state, RECOVERY_WELL);
    assert_true(fabs(recovery.detect_ns - 3 * (double)SLOT_NS) < 1);
    assert_true(fabs(recovery.recover_ns - 8 * (double)SLOT_NS) < 1);
    assert_true(recovery.depth == 1);
}

static void what_was_slow_before_is_no_impact(void **unused)
{
    (void)unused;
    struct series *series = make(80);
    fill(series, 0, 80, 200, NS_PER_MS);
    fill(series, 5, 6, 10, 20 * NS_PER_MS);
    put_errors(series, 6, 3, 0);
    fill(series, 24, 25, 10, 20 * NS_PER_MS);
    put_errors(series, 26, 3, 0);
    struct recovery recovery = judge(series, 20, 30);
    assert_true(isnan(recovery.detect_ns));
    assert_int_equal(recovery.state, RECOVERY_WELL);
    assert_true(recovery.recover_ns == 0);
}

/* A millisecond more is a fifth more here, and nothing to a client that may wait ten. */
static void a_little_slower_may_be_well_again(void **unused)
{
    (void)unused;
    struct recovery recovery;
    struct series *series = make(80);
    fill(series, 0, 20, 200, NS_PER_MS);
    fill(series, 20, 30, 200, 50 * NS_PER_MS);
    fill(series, 30, 80, 200, 3 * NS_PER_MS);
    struct recovery_job job = {series,    SLOTS(80), START_NS + SLOTS(20), START_NS + SLOTS(30),
                               SLOTS(10), NS_PER_MS};
    assert_ok(recovery_judge(&job, &recovery, NULL));
    assert_int_equal(recovery.state, RECOVERY_LATE);
    job.slack_ns = 3 * NS_PER_MS;
    assert_ok(recovery_judge(&job, &recovery, NULL));
    assert_int_equal(recovery.state, RECOVERY_WELL);
    assert_true(recovery.recover_ns == 0);
    assert_true(fabs(recovery.detect_ns - (double)SLOT_NS) < 1);
    job.slack_ns = 100 * NS_PER_MS; /* nobody minds even that */
    assert_ok(recovery_judge(&job, &recovery, NULL));
    assert_true(isnan(recovery.detect_ns));
    series_destroy(series);
}

/* What drifted by itself before the fault may do so after it. */
static void a_low_stretch_before_is_no_impact(void **unused)
{
    (void)unused;
    struct series *series = make(80);
    fill(series, 0, 11, 500, NS_PER_MS);
    fill(series, 11, 21, 400, NS_PER_MS);
    fill(series, 21, 80, 390, NS_PER_MS);
    struct recovery recovery = judge(series, 21, 30);
    assert_int_equal(recovery.state, RECOVERY_WELL);
    assert_true(recovery.recover_ns == 0);
}

static void a_service_that_stays_down_is_stuck(void **unused)
{
    (void)unused;
    struct series *series = make(80);
    fill(series, 0, 20, 200, NS_PER_MS);
    fill(series, 20, 80, 150, NS_PER_MS);
    struct recovery recovery = judge(series, 20, 30);
    assert_int_equal(recovery.state, RECOVERY_LATE);
    assert_true(isnan(recovery.recover_ns));
    assert_true(fabs(recovery.depth - 0.75) < 1e-9);

    /* Ninety-five in a hundred and no less. */
    series = make(80);
    fill(series, 0, 20, 4000, NS_PER_MS);
    fill(series, 20, 80, 3790, NS_PER_MS);
    assert_int_equal(judge(series, 20, 30).state, RECOVERY_LATE);
    series = make(80);
    fill(series, 0, 20, 4000, NS_PER_MS);
    fill(series, 20, 80, 3810, NS_PER_MS);
    assert_int_equal(judge(series, 20, 30).state, RECOVERY_WELL);
}

static void recovery_has_to_be_held(void **unused)
{
    (void)unused;
    struct series *series = make(80);
    fill(series, 0, 20, 200, NS_PER_MS);
    fill(series, 30, 39, 200, NS_PER_MS); /* nine slots of ten, then down again */
    fill(series, 45, 80, 200, NS_PER_MS);
    struct recovery recovery = judge(series, 20, 30);
    assert_true(fabs(recovery.recover_ns - 15 * (double)SLOT_NS) < 1);
    assert_true(recovery.depth == 0);

    series = make(80); /* well again, but not for long enough before the end */
    fill(series, 0, 20, 200, NS_PER_MS);
    fill(series, 71, 80, 200, NS_PER_MS);
    assert_int_equal(judge(series, 20, 30).state, RECOVERY_LATE);
    series = make(80); /* just long enough */
    fill(series, 0, 20, 200, NS_PER_MS);
    fill(series, 70, 80, 200, NS_PER_MS);
    recovery = judge(series, 20, 30);
    assert_true(fabs(recovery.recover_ns - 40 * (double)SLOT_NS) < 1);
}

static void one_silent_slot_among_many_good_ones_is_no_recovery(void **unused)
{
    (void)unused;
    struct series *series = make(60);
    fill(series, 0, 20, 100, NS_PER_MS);
    fill(series, 20, 30, 50, NS_PER_MS);
    fill(series, 30, 60, 106, NS_PER_MS); /* enough on the whole */
    struct series *dip = make(60);
    fill(dip, 0, 20, 100, NS_PER_MS);
    fill(dip, 20, 30, 50, NS_PER_MS);
    fill(dip, 30, 32, 106, NS_PER_MS);
    fill(dip, 32, 33, 55, NS_PER_MS); /* 4.5 sigma */
    fill(dip, 33, 60, 106, NS_PER_MS);
    assert_true(judge(series, 20, 30).recover_ns == 0);
    assert_true(fabs(judge(dip, 20, 30).recover_ns - 3 * (double)SLOT_NS) < 1);
}

/* At a few requests a slot, and with arrivals that scatter, noise is not taken for a fault. */
static void noise_is_not_taken_for_impact(void **unused)
{
    (void)unused;
    size_t well = 0;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct rng rng;
        struct series *series = make(100);
        rng_init(&rng, seed, 1);
        for (size_t k = 0; k < 100 * 40; k++) { /* Poisson, by and large: 40 a slot */
            uint64_t at_ns = START_NS + rng_below(&rng, SLOTS(100));
            series_ok(series, at_ns, NS_PER_MS + rng_below(&rng, NS_PER_MS), 1);
        }
        struct recovery recovery = judge(series, 30, 40);
        well += recovery.state == RECOVERY_WELL && recovery.recover_ns < 10 * (double)SLOT_NS;
        assert_true(recovery.depth > 0.3 && recovery.depth <= 1.3);
    }
    assert_true(well >= 48);
}

static void without_a_before_only_errors_are_told(void **unused)
{
    (void)unused;
    struct series *series = make(60);
    fill(series, 0, 60, 100, NS_PER_MS);
    put_errors(series, 3, 7, 1);
    struct recovery recovery = judge(series, 0.5, 30);
    assert_int_equal(recovery.state, RECOVERY_UNKNOWN);
    assert_true(isnan(recovery.depth) && isnan(recovery.before_per_s));
    assert_true(fabs(recovery.detect_ns - 3.5 * (double)SLOT_NS) < 1);
    assert_int_equal(recovery.errors, 7);
    assert_int_equal(recovery.requests, 3007);

    series = make(60); /* there was one, and nothing worked in it */
    fill(series, 20, 60, 100, NS_PER_MS);
    recovery = judge(series, 20, 30);
    assert_int_equal(recovery.state, RECOVERY_UNKNOWN);
    assert_true(isnan(recovery.depth));
}

static void the_first_slot_is_left_out_of_many(void **unused)
{
    (void)unused;
    struct series *series = make(60);
    fill(series, 0, 1, 10, NS_PER_MS); /* replies begin to come */
    fill(series, 1, 60, 100, NS_PER_MS);
    assert_true(judge(series, 20, 30).before_per_s == 1000);
    series = make(60);
    fill(series, 0, 1, 10, NS_PER_MS);
    fill(series, 1, 60, 100, NS_PER_MS);
    assert_true(judge(series, 2, 30).before_per_s == 550);
}

static void too_little_time_after_it_is_unknown(void **unused)
{
    (void)unused;
    struct series *series = make(60);
    fill(series, 0, 60, 100, NS_PER_MS);
    assert_int_equal(judge(series, 20, 51).state, RECOVERY_UNKNOWN);
    series = make(60);
    fill(series, 0, 60, 100, NS_PER_MS);
    assert_int_equal(judge(series, 20, 50).state, RECOVERY_WELL);
    series = make(60); /* beyond the end */
    fill(series, 0, 60, 100, NS_PER_MS);
    struct recovery recovery = judge(series, 70, 90);
    assert_int_equal(recovery.state, RECOVERY_UNKNOWN);
    assert_true(isnan(recovery.depth) && isnan(recovery.detect_ns));
    assert_int_equal(recovery.requests, 0);
}

static void a_fault_that_never_ends_has_depth_and_no_recovery(void **unused)
{
    (void)unused;
    struct recovery recovery;
    struct series *series = make(60);
    fill(series, 0, 20, 100, NS_PER_MS);
    fill(series, 20, 60, 30, NS_PER_MS);
    struct recovery_job job = {series, SLOTS(60), START_NS + SLOTS(20), CLOCK_NEVER, SLOTS(10)};
    assert_ok(recovery_judge(&job, &recovery, NULL));
    assert_int_equal(recovery.state, RECOVERY_UNKNOWN);
    assert_true(fabs(recovery.depth - 0.3) < 1e-9);
    assert_int_equal(recovery.requests, 1200);
    series_destroy(series);
}

static void slots_that_are_not_whole_do_not_count(void **unused)
{
    (void)unused;
    struct recovery recovery;
    struct series *series = make(42);
    fill(series, 0, 20, 100, NS_PER_MS);
    fill(series, 25, 42, 100, NS_PER_MS);
    struct recovery_job job = {series, SLOTS(42), START_NS + SLOTS(20), START_NS + SLOTS(25),
                               SLOTS(17)};
    assert_ok(recovery_judge(&job, &recovery, NULL));
    assert_int_equal(recovery.state, RECOVERY_WELL);
    job.length_ns -= 1; /* the phase was cut short */
    assert_ok(recovery_judge(&job, &recovery, NULL));
    assert_int_equal(recovery.state, RECOVERY_UNKNOWN);
    job.length_ns = SLOTS(42);
    series_ok(series, START_NS + SLOTS(43), NS_PER_S, 1); /* late: into the last slot */
    assert_ok(recovery_judge(&job, &recovery, NULL));
    assert_int_equal(recovery.state, RECOVERY_UNKNOWN);
    job.hold_ns = SLOTS(16) - 1; /* rounded up to whole slots */
    assert_ok(recovery_judge(&job, &recovery, NULL));
    assert_int_equal(recovery.state, RECOVERY_WELL);
    series_destroy(series);
}

/* Outages of another fault: from slots 10 to 15 they are known to be over at 17, or at no time. */
static struct recovery judge_second(struct series *series, uint64_t well_ns, size_t next)
{
    struct recovery recovery;
    struct recovery_other others[] = {{START_NS + SLOTS(next), CLOCK_NEVER},
                                      {START_NS + SLOTS(10), well_ns}};
    struct recovery_job job = {.series = series,
                               .length_ns = SLOTS(series->slot_count),
                               .began_ns = START_NS + SLOTS(40),
                               .ended_ns = START_NS + SLOTS(45),
                               .hold_ns = SLOTS(10),
                               .others = others,
                               .other_count = 2};
    assert_ok(recovery_judge(&job, &recovery, NULL));
    series_destroy(series);
    return recovery;
}

static struct series *make_three_outages(void)
{
    struct series *series = make(100);
    fill(series, 0, 10, 200, NS_PER_MS);
    put_errors(series, 12, 30, 0);
    fill(series, 15, 17, 50, 90 * NS_PER_MS);
    fill(series, 17, 40, 200, NS_PER_MS);
    put_errors(series, 42, 20, 0);
    fill(series, 45, 48, 50, 50 * NS_PER_MS);
    fill(series, 48, 70, 200, NS_PER_MS);
    fill(series, 80, 100, 200, NS_PER_MS);
    return series;
}

/* Twenty errors are fewer than another fault's thirty, and 50 ms less than its 90. */
static void what_other_faults_did_is_no_before(void **unused)
{
    (void)unused;
    struct recovery recovery = judge_second(make_three_outages(), START_NS + SLOTS(17), 70);
    assert_true(recovery.before_per_s == 2000);
    assert_true(fabs(recovery.before_p99_ns - 1e6) < 2e4);
    assert_true(fabs(recovery.detect_ns - 3 * (double)SLOT_NS) < 1);
    assert_int_equal(recovery.state, RECOVERY_WELL);
    assert_true(fabs(recovery.recover_ns - 3 * (double)SLOT_NS) < 1);

    recovery = judge_second(make_three_outages(), CLOCK_NEVER, 70); /* the first ten are left */
    assert_true(recovery.before_per_s == 2000);
    assert_true(fabs(recovery.detect_ns - 3 * (double)SLOT_NS) < 1);

    struct series *series = make(100); /* nothing is left */
    fill(series, 11, 100, 200, NS_PER_MS);
    recovery = judge_second(series, CLOCK_NEVER, 70);
    assert_int_equal(recovery.state, RECOVERY_UNKNOWN);
    assert_true(isnan(recovery.depth));
}

static void a_fault_is_watched_until_the_next_begins(void **unused)
{
    (void)unused;
    struct series *series = make(100);
    fill(series, 0, 40, 200, NS_PER_MS);
    fill(series, 45, 60, 150, NS_PER_MS);
    fill(series, 60, 100, 200, NS_PER_MS); /* after the next has begun, and it is well */
    struct recovery recovery = judge_second(series, START_NS + SLOTS(17), 60);
    assert_int_equal(recovery.state, RECOVERY_LATE);
    assert_true(isnan(recovery.recover_ns));
    assert_true(fabs(recovery.watched_ns - 15 * (double)SLOT_NS) < 1);

    recovery = judge_second(make_three_outages(), START_NS + SLOTS(17), 54);
    assert_int_equal(recovery.state, RECOVERY_UNKNOWN); /* less than the hold */

    /* One that begins while this one acts is not told apart. */
    recovery = judge_second(make_three_outages(), START_NS + SLOTS(17), 43);
    assert_int_equal(recovery.state, RECOVERY_WELL);
}

/* Half of before is the edge; the lowest stretch before counts. */
static void only_what_stays_down_is_metastable(void **unused)
{
    (void)unused;
    struct series *series = make(80);
    fill(series, 0, 20, 200, NS_PER_MS);
    fill(series, 30, 50, 60, NS_PER_MS);
    fill(series, 50, 80, 96, NS_PER_MS);
    struct recovery recovery = judge(series, 20, 30);
    assert_int_equal(recovery.state, RECOVERY_STUCK);
    assert_true(fabs(recovery.regained - 0.48) < 1e-9);
    assert_true(fabs(recovery.watched_ns - 50 * (double)SLOT_NS) < 1);

    series = make(80); /* up again once, for the length of the hold */
    fill(series, 0, 20, 200, NS_PER_MS);
    fill(series, 40, 50, 104, NS_PER_MS);
    recovery = judge(series, 20, 30);
    assert_int_equal(recovery.state, RECOVERY_LATE);
    assert_true(fabs(recovery.regained - 0.52) < 1e-9);

    series = make(80); /* it was as low before */
    fill(series, 0, 11, 200, NS_PER_MS);
    fill(series, 11, 21, 100, NS_PER_MS);
    fill(series, 31, 80, 60, NS_PER_MS);
    assert_int_equal(judge(series, 21, 31).state, RECOVERY_LATE);

    series = make(80); /* slow for good, and as much as ever */
    fill(series, 0, 20, 200, NS_PER_MS);
    fill(series, 20, 80, 200, 90 * NS_PER_MS);
    recovery = judge(series, 20, 30);
    assert_int_equal(recovery.state, RECOVERY_LATE);
    assert_true(recovery.regained == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fault_without_impact_is_over_at_once),
        cmocka_unit_test(an_outage_is_measured_from_its_end),
        cmocka_unit_test(depth_is_of_the_worst_slot_until_recovery),
        cmocka_unit_test(slow_replies_are_noticed_and_waited_out),
        cmocka_unit_test(what_was_slow_before_is_no_impact),
        cmocka_unit_test(a_little_slower_may_be_well_again),
        cmocka_unit_test(a_low_stretch_before_is_no_impact),
        cmocka_unit_test(a_service_that_stays_down_is_stuck),
        cmocka_unit_test(recovery_has_to_be_held),
        cmocka_unit_test(one_silent_slot_among_many_good_ones_is_no_recovery),
        cmocka_unit_test(noise_is_not_taken_for_impact),
        cmocka_unit_test(without_a_before_only_errors_are_told),
        cmocka_unit_test(the_first_slot_is_left_out_of_many),
        cmocka_unit_test(too_little_time_after_it_is_unknown),
        cmocka_unit_test(a_fault_that_never_ends_has_depth_and_no_recovery),
        cmocka_unit_test(slots_that_are_not_whole_do_not_count),
        cmocka_unit_test(what_other_faults_did_is_no_before),
        cmocka_unit_test(a_fault_is_watched_until_the_next_begins),
        cmocka_unit_test(only_what_stays_down_is_metastable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
