/* SPDX-License-Identifier: MIT */
/* timeline_test.c - faults begin and end in order, are taken away whatever happens, and what they
 * did is written down. */
#include "ring_fixture.h"

#include "core/clock.h"
#include "core/fiber.h"
#include "run/act.h"
#include "run/timeline.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A kind of fault whose every call is counted. */
static struct {
    int begun, looked, ended;
    int begin_rc, end_rc;
    uint64_t begun_ns, links;
} fake;

static int fake_begin(struct ctx *ctx, const struct act_setting *setting, void **state,
                      struct err *err)
{
    (void)ctx;
    assert_string_equal(setting->fault->name, "fake");
    *state = &fake;
    fake.begun++;
    fake.begun_ns = clock_now_ns();
    return fake.begin_rc ? err_set(err, fake.begin_rc, "no way in") : 0;
}

static void fake_look(struct ctx *ctx, const struct act_setting *setting, void *state)
{
    (void)ctx;
    (void)setting;
    assert_ptr_equal(state, &fake);
    fake.looked++;
}

static int fake_end(struct ctx *ctx, const struct act_setting *setting, void *state,
                    struct act_effects *effects, struct err *err)
{
    (void)setting;
    assert_ok(ctx_error(ctx)); /* whatever has been cancelled */
    assert_ptr_equal(state, &fake);
    fake.ended++;
    if (fake.links > 0)
        *effects = (struct act_effects){.first_ns = fake.begun_ns + 10,
                                        .last_ns = clock_now_ns(),
                                        .links = fake.links,
                                        .bytes = 7,
                                        .pieces = 2,
                                        .refused = 1};
    return fake.end_rc ? err_set(err, fake.end_rc, "no way out") : 0;
}

static const struct act fake_act = {.begin = fake_begin, .look = fake_look, .end = fake_end};
static const struct plan_fault_kind kind_fake = {
    .name = "fake", .summary = "counts", .service = true, .act = &fake_act};
static const struct plan_fault_kind *const kinds[] = {&kind_fake, NULL};
static const struct plan_tables tables = {.runner_faults = kinds};

/* A result with one round, a timeline over its only phase, and the load's clock. */
struct stage {
    struct plan *plan;
    struct result *result;
    struct result_round *round;
    struct load_progress progress;
    struct live live;
    struct timeline *timeline;
};

static void stage_open(struct stage *stage, struct ctx *ctx, const char *fault)
{
    char text[512];
    *stage = (struct stage){0};
    (void)snprintf(text, sizeof(text),
                   "question: q\nvariants: {a: {url: 'http://x'}}\n"
                   "phases: [{name: p, for: 20s}, {name: other, for: 1s}]\n"
                   "faults:\n  - {kind: fake, %s}\n",
                   fault);
    assert_ok(plan_parse("f.yaml", text, strlen(text), &tables, &stage->plan, NULL));
    assert_ok(result_create(&stage->result, stage->plan, NULL));
    assert_ok(result_add_variant(stage->result, 0, NULL, NULL));
    assert_ok(result_add_round(stage->result, &stage->round, NULL));
    assert_ok(live_begin_run(&stage->live, stage->result, NULL));
    struct timeline_setting setting = {.result = stage->result,
                                       .round = stage->round,
                                       .progress = &stage->progress,
                                       .live = &stage->live};
    assert_ok(timeline_start(ctx, &setting, 1, &stage->timeline, NULL));
    assert_null(stage->timeline); /* nothing is due in the other phase */
    assert_ok(timeline_stop(NULL, NULL));
    assert_ok(timeline_start(ctx, &setting, 0, &stage->timeline, NULL));
    assert_non_null(stage->timeline);
}

static void stage_close(struct stage *stage)
{
    live_fini(&stage->live);
    result_destroy(stage->result);
    plan_destroy(stage->plan);
}

static void wait_for(struct ctx *ctx, const int *count, int wanted)
{
    for (int i = 0; *count < wanted && i < 10000; i++)
        assert_ok(fiber_sleep(ctx, NS_PER_MS));
    assert_true(*count >= wanted);
}

struct beating {
    uint64_t period_ns, length_ns;
};

static const struct param beating_params[] = {
    {PARAM_NS("period", beating, period_ns, "1s", "between beats"), .min = NS_PER_MS},
    {PARAM_NS("length", beating, length_ns, "1s", "of a beat")},
    {0},
};
static const char *const beating_paced[] = {"period", NULL};
static const struct fault_type fault_beating = {.name = "beating",
                                                .summary = "beats",
                                                .params = beating_params,
                                                .state_bytes = sizeof(struct beating),
                                                .paced = beating_paced};

/* Where a phase is shortened, so is what is a part of a fault's time; its other settings are not.
 */
static void a_shorter_phase_has_a_quicker_pace(void **unused)
{
    (void)unused;
    static const struct fault_type *const proxied[] = {&fault_beating, NULL};
    static const struct plan_tables with = {.proxy_faults = proxied};
    static const char text[] = "question: q\nvariants: {a: {url: 'http://x'}}\n"
                               "phases: [{name: p, for: 20s}]\n"
                               "faults: [{kind: beating, on: service, at: 1s}]\n";
    static const struct {
        double pace;
        const char *period;
    } cases[] = {{1, "1000"}, {0.15, "\"150000000ns\""}, {0.0001, "\"1000000ns\""}};
    struct plan *plan;
    struct result *result;
    assert_ok(plan_parse("f.yaml", text, strlen(text), &with, &plan, NULL));
    assert_ok(result_create(&result, plan, NULL));
    assert_true(result_fault_pace(result, 0) == 1);
    result->phases[0].length_ns = 3 * NS_PER_S;
    assert_true(fabs(result_fault_pace(result, 0) - 0.15) < 1e-9);
    for (size_t i = 0; i < 3; i++) {
        json_t *body = act_toxic_body(&plan->faults[0], cases[i].pace);
        json_t *attributes = json_object_get(body, "attributes");
        char *period = json_dumps(json_object_get(attributes, "period"), JSON_ENCODE_ANY);
        assert_string_equal(period, cases[i].period);
        assert_int_equal(json_integer_value(json_object_get(attributes, "length")), 1000);
        free(period);
        json_decref(body);
    }
    result_destroy(result);
    plan_destroy(plan);
}

static void acts_in_its_time(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct stage stage;
    memset(&fake, 0, sizeof(fake));
    fake.links = 3;
    stage_open(&stage, ctx, "at: 20ms, for: 150ms");
    assert_ok(fiber_sleep(ctx, 5 * NS_PER_MS));
    assert_int_equal(fake.begun, 0); /* the clock does not run */
    uint64_t start_ns = stage.progress.start_ns = clock_now_ns();
    const struct live_fault *seen = &stage.live.faults[0];
    assert_true(seen->at_ns == 20 * NS_PER_MS && !seen->acting && seen->applied_ns == 0);
    wait_for(ctx, &fake.looked, 1);
    assert_true(seen->acting && seen->applied_ns >= 20 * NS_PER_MS && seen->healed_ns == 0);
    wait_for(ctx, &fake.ended, 1);
    assert_int_equal(fake.begun, 1);
    assert_true(fake.looked >= 1);
    assert_true(fake.begun_ns >= start_ns + 20 * NS_PER_MS);
    assert_ok(timeline_stop(stage.timeline, NULL));
    assert_int_equal(fake.ended, 1);
    const struct result_window *window = &stage.round->windows[0];
    assert_true(stage.round->valid && window->acted);
    assert_true(window->applied_ns >= 20 * NS_PER_MS);
    assert_int_equal(window->applied_ns, seen->applied_ns);
    assert_int_equal(window->healed_ns, seen->healed_ns);
    assert_true(!seen->acting && !seen->idle);
    assert_int_equal(window->began_ns, fake.begun_ns + 10 - start_ns);
    assert_true(window->healed_ns >= window->applied_ns + 140 * NS_PER_MS);
    assert_true(window->ended_ns <= window->healed_ns);
    assert_int_equal(window->links, 3);
    assert_int_equal(window->bytes + window->pieces + window->refused, 10);
    assert_true(isnan(window->queries));
    stage_close(&stage);
}

static void is_taken_away_with_its_phase(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct stage stage;
    memset(&fake, 0, sizeof(fake));
    fake.links = 1;
    stage_open(&stage, ctx, "at: 0");
    stage.progress.start_ns = clock_now_ns();
    wait_for(ctx, &fake.begun, 1);
    assert_ok(timeline_stop(stage.timeline, NULL)); /* the load ended before its time */
    assert_int_equal(fake.ended, 1);
    assert_true(stage.round->windows[0].acted && stage.round->windows[0].healed_ns > 0);
    stage_close(&stage);
}

static void what_was_not_due_is_left_alone(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct stage stage;
    memset(&fake, 0, sizeof(fake));
    stage_open(&stage, ctx, "at: 10s"); /* the clock never runs */
    assert_ok(fiber_sleep(ctx, 3 * NS_PER_MS));
    assert_ok(timeline_stop(stage.timeline, NULL));
    assert_int_equal(fake.begun + fake.ended, 0);
    assert_false(stage.round->windows[0].acted);
    assert_true(stage.round->valid); /* it is the round that says why */
    stage_close(&stage);
}

static void what_touches_nothing_has_not_acted(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct stage stage;
    memset(&fake, 0, sizeof(fake));
    stage_open(&stage, ctx, "at: 0, for: 1ms");
    stage.progress.start_ns = clock_now_ns();
    wait_for(ctx, &fake.ended, 1);
    assert_ok(timeline_stop(stage.timeline, NULL));
    assert_false(stage.round->windows[0].acted);
    assert_true(stage.round->windows[0].healed_ns > 0);
    assert_true(stage.live.faults[0].idle);
    stage_close(&stage);
}

static void what_fails_is_told(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct stage stage;
    struct err err = {0};
    memset(&fake, 0, sizeof(fake));
    fake.begin_rc = -ECONNREFUSED;
    stage_open(&stage, ctx, "at: 0, for: 1ms");
    stage.progress.start_ns = clock_now_ns();
    wait_for(ctx, &fake.begun, 1);
    assert_ok(timeline_stop(stage.timeline, &err));
    assert_int_equal(fake.ended, 0); /* nothing stayed behind */
    assert_false(stage.round->valid);
    assert_string_equal(stage.round->reasons[0], "p: fault 'fake': no way in");
    assert_int_equal(stage.round->windows[0].healed_ns, 0);
    stage_close(&stage);

    memset(&fake, 0, sizeof(fake)); /* a mistake in the file ends the run */
    fake.begin_rc = -EINVAL;
    stage_open(&stage, ctx, "at: 0, for: 1ms");
    stage.progress.start_ns = clock_now_ns();
    wait_for(ctx, &fake.begun, 1);
    assert_int_equal(timeline_stop(stage.timeline, &err), -EINVAL);
    assert_string_equal(err.text, "f.yaml:5:5: no way in");
    stage_close(&stage);

    memset(&fake, 0, sizeof(fake)); /* who knows how long it was there */
    fake.links = 1;
    fake.end_rc = -EIO;
    stage_open(&stage, ctx, "at: 0, for: 1ms");
    stage.progress.start_ns = clock_now_ns();
    wait_for(ctx, &fake.ended, 1);
    assert_ok(timeline_stop(stage.timeline, &err));
    assert_string_equal(stage.round->reasons[0], "p: fault 'fake': no way out");
    assert_false(stage.round->windows[0].acted);
    stage_close(&stage);
}

#define ON_RING(name_)                                                                             \
    static void test_##name_(void **state)                                                         \
    {                                                                                              \
        (void)state;                                                                               \
        struct ring_stats stats = run_on_ring(name_, NULL);                                        \
        assert_int_equal(stats.fibers_leaked, 0);                                                  \
    }

ON_RING(acts_in_its_time)
ON_RING(is_taken_away_with_its_phase)
ON_RING(what_was_not_due_is_left_alone)
ON_RING(what_touches_nothing_has_not_acted)
ON_RING(what_fails_is_told)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_shorter_phase_has_a_quicker_pace),
        cmocka_unit_test(test_acts_in_its_time),
        cmocka_unit_test(test_is_taken_away_with_its_phase),
        cmocka_unit_test(test_what_was_not_due_is_left_alone),
        cmocka_unit_test(test_what_touches_nothing_has_not_acted),
        cmocka_unit_test(test_what_fails_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
