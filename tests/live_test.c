/* SPDX-License-Identifier: MIT */
/* live_test.c - what is counted while a run goes on is put where the run was at the time. */
#include "test.h"

#include "run/act.h"
#include "run/live.h"

#include <math.h>
#include <string.h>

static const struct act no_act;
static const struct plan_fault_kind kind_fake = {
    .name = "fake", .summary = "does nothing", .service = true, .act = &no_act};
static const struct plan_fault_kind *const kinds[] = {&kind_fake, NULL};
static const struct plan_tables tables = {.runner_faults = kinds};

static const char text[] =
    "question: q\n"
    "variants: {a: {url: 'http://x'}, b: {url: 'http://y'}}\n"
    "phases:\n"
    "  - {name: warm, kind: warmup, for: 1s}\n"
    "  - {name: steady, for: 20s}\n"
    "  - {name: rest, kind: drain, for: 1s}\n"
    "observe:\n"
    "  in_use: {series: pool_in_use, take: max}\n"
    "  hits: pool_hits_total\n"
    "faults:\n"
    "  - {kind: fake, on: service, name: first, phase: steady, at: 5s, for: 5s}\n"
    "  - {kind: fake, on: service, name: second, phase: steady, at: 12s}\n";

struct stage {
    struct plan *plan;
    struct result *result;
    struct result_round *round;
    struct live live;
    uint64_t now_ns;
};

static void stage_open(struct stage *stage)
{
    struct err err = {0};
    *stage = (struct stage){.now_ns = 100 * NS_PER_S};
    if (plan_parse("f.yaml", text, strlen(text), &tables, &stage->plan, &err))
        fail_msg("%s", err.text);
    assert_ok(result_create(&stage->result, stage->plan, NULL));
    assert_ok(result_add_variant(stage->result, 0, NULL, NULL));
    assert_ok(result_add_variant(stage->result, 1, NULL, NULL));
    stage->result->block_count = 3;
    assert_ok(result_add_round(stage->result, &stage->round, NULL));
    stage->round->variant = 1;
    assert_ok(live_watch(&stage->live, NULL));
    assert_ok(live_begin_run(&stage->live, stage->result, NULL));
    live_begin_round(&stage->live, 2, stage->round);
}

static void stage_close(struct stage *stage)
{
    live_fini(&stage->live);
    result_destroy(stage->result);
    plan_destroy(stage->plan);
}

/* The load's clock starts, as load_run would say. */
static void start_load(struct stage *stage)
{
    load_progress_begin(&stage->live.progress);
    stage->live.progress.start_ns = stage->now_ns;
}

/* Good replies of one latency, and timeouts. */
static void count(struct stage *stage, uint64_t good, uint64_t latency_ns, uint64_t timeouts)
{
    stage->live.progress.ended[LOAD_OK] += good;
    stage->live.progress.ended[LOAD_TIMEOUT] += timeouts;
    hist_record_n(stage->live.progress.latency, latency_ns, good);
}

static void tick(struct stage *stage)
{
    stage->now_ns += LIVE_TICK_NS;
    live_tick(&stage->live, stage->now_ns);
}

static void where_it_is_can_be_read(void **unused)
{
    (void)unused;
    struct stage stage;
    stage_open(&stage);
    const struct live *live = &stage.live;
    assert_int_equal(live->round, 2);
    assert_int_equal(live->round_count, 6);
    assert_string_equal(live->variant, "b");
    assert_string_equal(live->phase, "start");
    assert_int_equal(live->phase_index, -1);
    live_begin_phase(&stage.live, 1);
    assert_string_equal(live->phase, "steady");
    assert_true(live->loaded && live->length_ns == 20 * NS_PER_S);
    assert_string_equal(live->faults[0].name, "first");
    assert_int_equal(live->faults[0].at_ns, 5 * NS_PER_S);
    assert_int_equal(live->faults[1].for_ns, 0);
    assert_string_equal(live->gauges[0].name, "in_use");
    assert_null(live->gauges[1].name); /* a counter is not sampled */
    live_begin_phase(&stage.live, 2);
    assert_false(live->loaded);
    stage_close(&stage);
}

static void the_last_second_is_of_its_ticks(void **unused)
{
    (void)unused;
    struct stage stage;
    stage_open(&stage);
    live_begin_phase(&stage.live, 1);
    tick(&stage); /* the load's clock does not run yet */
    assert_int_equal(stage.live.tick_count, 0);
    start_load(&stage);
    for (int i = 0; i < 4; i++) {
        count(&stage, 100, i == 0 ? 9 * NS_PER_MS : NS_PER_MS, i == 0 ? 50 : 0);
        stage.live.progress.in_flight = 7;
        live_sample(&stage.live, 0, i);
        tick(&stage);
    }
    const struct live_tick *second = &stage.live.second;
    assert_int_equal(second->span_ns, NS_PER_S);
    assert_true(live_tick_rate(second, second->ended[LOAD_OK]) == 400);
    assert_int_equal(live_tick_errors(second), 50);
    assert_true(second->p99_ns > 8.9e6 && second->p99_ns < 9.1e6); /* a quarter took so long */
    assert_true(second->in_flight == 7);
    count(&stage, 100, NS_PER_MS, 0);
    tick(&stage);
    assert_true(second->p99_ns > 0.99e6 && second->p99_ns < 1.1e6); /* which is past */
    assert_int_equal(live_tick_errors(second), 0);
    for (int i = 0; i < 4; i++)
        tick(&stage);
    assert_true(isnan(second->p99_ns));
    assert_true(live_tick_rate(second, second->ended[LOAD_OK]) == 0);
    assert_int_equal(stage.live.tick_count, 9);
    assert_true(stage.live.ticks[0].p99_ns > 8.9e6 && isnan(stage.live.ticks[8].p99_ns));
    assert_true(stage.live.gauges[0].ticks[2] == 2 && stage.live.gauges[0].ticks[8] == 3);
    live_begin_phase(&stage.live, 1);
    assert_int_equal(stage.live.tick_count, 0);
    assert_true(isnan(stage.live.gauges[0].value));
    stage_close(&stage);
}

static const struct live_account *account_of(const struct live *live, size_t variant, size_t phase,
                                             uint32_t faults)
{
    const struct live_account *found = NULL;
    for (size_t i = 0; i < live->account_count; i++) {
        const struct live_account *account = &live->accounts[i];
        if (account->variant != variant || account->phase != phase || account->faults != faults)
            continue;
        assert_null(found); /* there are no two of a kind */
        found = account;
    }
    assert_non_null(found);
    return found;
}

static void assert_account(const struct live *live, size_t variant, size_t phase, uint32_t faults,
                           uint64_t good)
{
    const struct live_account *account = account_of(live, variant, phase, faults);
    assert_int_equal(account->ended[LOAD_OK], good);
    assert_int_equal(account->latency->count, good);
}

/* Whenever it is looked at: what came before a change is of before. */
static void counts_belong_to_phase_and_faults(void **unused)
{
    (void)unused;
    struct stage stage;
    stage_open(&stage);
    live_begin_phase(&stage.live, 0);
    start_load(&stage);
    count(&stage, 10, NS_PER_MS, 0);
    live_begin_phase(&stage.live, 1); /* not one tick was in it */
    start_load(&stage);
    count(&stage, 20, NS_PER_MS, 0);
    tick(&stage);
    count(&stage, 1, NS_PER_MS, 0);
    live_begin_fault(&stage.live, 0, 0);
    assert_int_equal(live_faults(&stage.live), 1);
    assert_true(stage.live.faults[0].applied_ns > 0); /* which is not "not yet" */
    count(&stage, 300, NS_PER_MS, 5);
    live_begin_fault(&stage.live, 1, 7 * NS_PER_S);
    count(&stage, 4000, NS_PER_MS, 0);
    live_end_fault(&stage.live, 0, 8 * NS_PER_S, false);
    assert_true(stage.live.faults[0].idle && !stage.live.faults[0].acting);
    count(&stage, 50000, NS_PER_MS, 0);
    live_end_fault(&stage.live, 1, 9 * NS_PER_S, true);
    live_say(&stage.live, "stop");
    const struct live *live = &stage.live;
    assert_account(live, 1, 0, 0, 10);
    assert_account(live, 1, 1, 0, 21);
    assert_account(live, 1, 1, 1, 300);
    assert_account(live, 1, 1, 3, 4000);
    assert_account(live, 1, 1, 2, 50000);
    assert_int_equal(account_of(live, 1, 1, 1)->ended[LOAD_TIMEOUT], 5);
    assert_int_equal(live->account_count, 5);
    stage.round->variant = 0;
    live_begin_round(&stage.live, 3, stage.round);
    assert_true(live->faults[1].applied_ns == 0 && live->faults[1].healed_ns == 0);
    live_begin_phase(&stage.live, 0);
    start_load(&stage);
    count(&stage, 6, NS_PER_MS, 0);
    tick(&stage);
    assert_account(live, 0, 0, 0, 6);
    stage_close(&stage);
}

/* As in a search: one load after the other in one phase. */
static void several_loads_are_one_phase(void **unused)
{
    (void)unused;
    struct stage stage;
    stage_open(&stage);
    live_begin_phase(&stage.live, 1);
    start_load(&stage);
    count(&stage, 10, NS_PER_MS, 0);
    tick(&stage);
    count(&stage, 5, NS_PER_MS, 0);
    start_load(&stage);
    count(&stage, 1, NS_PER_MS, 0);
    tick(&stage);
    assert_account(&stage.live, 1, 1, 0, 16);
    assert_int_equal(stage.live.elapsed_ns, 2 * LIVE_TICK_NS);
    assert_int_equal(stage.live.ticks[1].ended[LOAD_OK], 6);
    stage_close(&stage);
}

static void a_long_phase_is_thinned(void **unused)
{
    (void)unused;
    enum { TICKS = 5 * LIVE_TICKS_MAX + 3 };
    struct stage stage;
    uint64_t good = 0, end_ns = 0;
    stage_open(&stage);
    live_begin_phase(&stage.live, 1);
    start_load(&stage);
    for (int i = 0; i < TICKS; i++) {
        count(&stage, 1, (uint64_t)(i == 1000 ? 50 : 1) * NS_PER_MS, 0);
        live_sample(&stage.live, 0, i == 2000 ? 9 : 1);
        tick(&stage);
    }
    const struct live *live = &stage.live;
    double p99_ns = 0, gauge = 0;
    assert_true(live->tick_count <= LIVE_TICKS_MAX && live->tick_count >= LIVE_TICKS_MAX / 2);
    for (size_t i = 0; i < live->tick_count; i++) {
        assert_int_equal(live->ticks[i].end_ns - live->ticks[i].span_ns, end_ns);
        end_ns = live->ticks[i].end_ns;
        good += live->ticks[i].ended[LOAD_OK];
        p99_ns = fmax(p99_ns, live->ticks[i].p99_ns);
        gauge = fmax(gauge, live->gauges[0].ticks[i]);
    }
    assert_int_equal(end_ns, TICKS * LIVE_TICK_NS);
    assert_int_equal(good, TICKS);
    assert_true(p99_ns > 49e6 && gauge == 9); /* what stood out does so still */
    assert_int_equal(live->second.ended[LOAD_OK], LIVE_RECENT);
    stage_close(&stage);
}

static void without_anybody_who_looks_it_says_where_it_is(void **unused)
{
    (void)unused;
    struct stage stage;
    stage_open(&stage);
    struct live blind = {0};
    assert_ok(live_begin_run(&blind, stage.result, NULL));
    live_begin_round(&blind, 1, stage.round);
    live_begin_phase(&blind, 1);
    assert_string_equal(blind.phase, "steady");
    load_progress_begin(&blind.progress);
    blind.progress.start_ns = 1;
    blind.progress.ended[LOAD_OK] = 4;
    live_begin_fault(&blind, 0, 1);
    live_tick(&blind, NS_PER_S);
    live_say(&blind, "stop");
    assert_int_equal(blind.tick_count + blind.account_count, 0);
    assert_ok(live_begin_run(&blind, NULL, NULL));
    assert_null(blind.result);
    assert_null(blind.variant);
    live_fini(&blind);
    live_begin_round(NULL, 1, stage.round); /* nor does it have to be there */
    live_begin_phase(NULL, 0);
    live_begin_fault(NULL, 0, 1);
    live_end_fault(NULL, 0, 1, true);
    live_sample(NULL, 0, 1);
    live_say(NULL, "stop");
    assert_ok(live_begin_run(NULL, stage.result, NULL));
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_it_is_can_be_read),
        cmocka_unit_test(the_last_second_is_of_its_ticks),
        cmocka_unit_test(counts_belong_to_phase_and_faults),
        cmocka_unit_test(several_loads_are_one_phase),
        cmocka_unit_test(a_long_phase_is_thinned),
        cmocka_unit_test(without_anybody_who_looks_it_says_where_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
