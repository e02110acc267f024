/* SPDX-License-Identifier: MIT */
/* impact_test.c - what faults did to a round is judged, recorded, read back and told. */
#include "report_fixture.h"

#include "core/clock.h"
#include "report/json.h"
#include "report/report.h"
#include "run/impact.h"

#include <stdio.h>

static const struct fault_type fault_cut = {.name = "cut", .summary = "cuts"};
static const struct fault_type *const proxy_faults[] = {&fault_cut, NULL};
static const struct plan_fault_kind kind_pause = {
    .name = "pause", .summary = "stops", .service = true, .touches = "processes"};
static const struct plan_fault_kind *const runner_faults[] = {&kind_pause, NULL};
static const struct plan_tables tables = {.proxy_faults = proxy_faults,
                                          .runner_faults = runner_faults};

static const char scenario[] =
    "question: Does it come back?\n"
    "variants: {a: {url: 'http://x'}, b: {url: 'http://y'}}\n"
    "phases: [{name: early, for: 1s}, {name: late, for: 8s}]\n"
    "observe: {busy: {series: busy, take: max}}\n"
    "faults:\n"
    "  - {kind: cut, name: partition, on: service, phase: late, at: 2s, for: 1s, hold: 2s}\n"
    "  - {kind: pause, at: 500ms}\n"
    "show: [partition_recover, partition_depth]\n"
    "expect: [a.partition_recover < 1s, b.partition_recover < 1h, b.partition_recovered == 1]\n";

/* 100 good replies a slot, but for one that is silent up to another. */
static struct series *make_series(size_t slots, size_t from, size_t to)
{
    struct series *series;
    struct series_options options = {.length_ns = slots * SERIES_SLOT_NS,
                                     .error_names = load_outcome_names + LOAD_REFUSED};
    assert_ok(series_create(&series, &options, NULL));
    series_start(series, 5 * NS_PER_S);
    for (size_t i = 0; i < slots; i++)
        for (size_t k = 0; k < 100; k++)
            if (i < from || i >= to)
                series_ok(series, 5 * NS_PER_S + i * SERIES_SLOT_NS, NS_PER_MS, 1);
            else if (k < 3)
                series_error(series, 5 * NS_PER_S + i * SERIES_SLOT_NS,
                             LOAD_TIMEOUT - LOAD_REFUSED);
    return series;
}

/* A round whose service answers nothing from 2.1 s on for length_ms after the fault. */
static struct result_round *make_round(struct result *result, size_t block, size_t variant,
                                       size_t back)
{
    struct result_round *round = fixture_round(result, block, variant, 1000, 2e6, 20000);
    for (size_t i = 0; i < 2; i++) {
        struct result_step *step = &round->steps[i];
        step->ran = step->loaded = true;
        step->load.length_ns = result->plan->phases[i].length_ns;
        step->load.series = make_series(i ? 80 : 10, i ? 21 : 0, i ? back : 0);
    }
    round->windows[0] = (struct result_window){.acted = true,
                                               .applied_ns = 2 * NS_PER_S,
                                               .began_ns = 2100 * NS_PER_MS,
                                               .ended_ns = 2900 * NS_PER_MS,
                                               .healed_ns = 3 * NS_PER_S,
                                               .links = 12,
                                               .bytes = 3000,
                                               .refused = 2,
                                               .queries = 54};
    round->windows[1] = (struct result_window){
        .acted = true, .began_ns = NS_PER_S / 2, .healed_ns = NS_PER_S, .links = 1, .queries = NAN};
    return round;
}

static struct result *make_result(const struct plan *plan)
{
    struct result *result = fixture_result(plan);
    result->block_count = 6;
    for (size_t i = 0; i < 12; i++) {
        bool stuck = i % 2 == 1 && i > 7; /* two of b's six */
        struct result_round *round = make_round(result, i / 2, i % 2, stuck ? 80 : 35);
        assert_ok(impact_judge(result, round, 0, NULL));
        assert_ok(impact_judge(result, round, 1, NULL));
        plan_gather(plan, round->rows, round->whole);
    }
    return result;
}

static void windows_become_figures_of_their_phase(void **unused)
{
    (void)unused;
    struct plan *plan = fixture_plan_with(scenario, &tables);
    struct result *result = make_result(plan);
    const struct result_round *round = &result->rounds[0];
    const double *row = round->rows + plan->metric_count + plan_fault_metric(plan, 0, 0);
    assert_true(round->valid);
    assert_true(row[PLAN_FAULT_DEPTH] == 0);
    assert_true(fabs(row[PLAN_FAULT_DETECT] - 100e6) < 1);
    assert_true(fabs(row[PLAN_FAULT_RECOVER] - 500e6) < 1);
    assert_true(row[PLAN_FAULT_RECOVERED] == 1);
    assert_true(row[PLAN_FAULT_ERRORS] == 1);
    assert_true(fabs(row[PLAN_FAULT_AMPLIFICATION] - 1.8) < 1e-9); /* 54 in 1 s, 27 in 0.9 s */
    assert_true(round->whole[plan_fault_metric(plan, 0, PLAN_FAULT_RECOVERED)] == 1);
    assert_true(isnan(round->rows[plan_fault_metric(plan, 0, PLAN_FAULT_DEPTH)]));
    assert_int_equal(round->windows[0].recovery.kinds[LOAD_TIMEOUT - LOAD_REFUSED], 27);

    /* Until the phase's end there is no coming back, and no queries were counted. */
    row = round->rows + plan_fault_metric(plan, 1, 0);
    assert_true(row[PLAN_FAULT_DEPTH] == 1);
    assert_true(isnan(row[PLAN_FAULT_RECOVER]) && isnan(row[PLAN_FAULT_RECOVERED]));
    assert_true(isnan(row[PLAN_FAULT_AMPLIFICATION]));

    round = &result->rounds[11];
    row = round->rows + plan->metric_count + plan_fault_metric(plan, 0, 0);
    assert_true(row[PLAN_FAULT_RECOVER] == METRIC_NEVER_NS && row[PLAN_FAULT_RECOVERED] == 0);
    assert_int_equal(round->windows[0].recovery.state, RECOVERY_STUCK);
    result_destroy(result);
    plan_destroy(plan);
}

static const char twice[] =
    "question: And the second time?\n"
    "variants: {a: {url: 'http://x'}}\n"
    "phases: [{name: all, for: 8s}]\n"
    "faults:\n"
    "  - {kind: cut, name: second, on: service, at: 5s, for: 500ms, hold: 1s}\n"
    "  - {kind: cut, name: first, on: service, at: 2s, for: 500ms, hold: 1s}\n";

/* Silence and time-outs from 2.0 s to 3.0 s, and milder ones from 5.0 s on: the second fault is
 * held against what was well, whichever is written first, and the first one not against the second.
 */
static void each_of_several_faults_is_judged_by_itself(void **unused)
{
    (void)unused;
    struct plan *plan = fixture_plan_with(twice, &tables);
    struct result *result = fixture_result(plan);
    result->block_count = 1;
    struct result_round *round = fixture_round(result, 0, 0, 1000, 2e6, 20000);
    struct result_step *step = &round->steps[0];
    step->ran = step->loaded = true;
    step->load.length_ns = 8 * NS_PER_S;
    step->load.series = make_series(80, 20, 30);
    series_error(step->load.series, 10200 * NS_PER_MS, LOAD_TIMEOUT - LOAD_REFUSED);
    round->windows[0] = (struct result_window){
        .acted = true, .began_ns = 5 * NS_PER_S, .healed_ns = 5500 * NS_PER_MS, .queries = NAN};
    round->windows[1] = (struct result_window){
        .acted = true, .began_ns = 2 * NS_PER_S, .healed_ns = 2500 * NS_PER_MS, .queries = NAN};
    assert_ok(impact_judge(result, round, 0, NULL));
    const struct recovery *second = &round->windows[0].recovery;
    const struct recovery *first = &round->windows[1].recovery;
    assert_true(fabs(first->recover_ns - 500e6) < 1 && fabs(first->watched_ns - 2.5e9) < 1);
    assert_true(second->before_per_s == 1000);
    assert_true(fabs(second->detect_ns - 300e6) < 1); /* one error, where none was before */
    assert_true(second->recover_ns == 0);
    result_destroy(result);
    plan_destroy(plan);
}

static void a_fault_that_touched_nothing_spoils_its_round(void **unused)
{
    (void)unused;
    struct plan *plan = fixture_plan_with(scenario, &tables);
    struct result *result = fixture_result(plan);
    result->block_count = 1;
    struct result_round *round = make_round(result, 0, 0, 35);
    round->windows[0].acted = false;
    assert_ok(impact_judge(result, round, 1, NULL));
    assert_false(round->valid);
    assert_true(result_phase_is_sound(round, 0) && !result_phase_is_sound(round, 1));
    assert_string_equal(round->reasons[0], "late: fault 'partition' touched nothing");
    assert_true(
        isnan(round->rows[plan->metric_count + plan_fault_metric(plan, 0, PLAN_FAULT_DEPTH)]));

    round = make_round(result, 0, 1, 35); /* it could not be applied: that was the reason given */
    round->windows[0] = (struct result_window){0};
    result_phase_invalid(round, 1, "no such table");
    assert_ok(impact_judge(result, round, 1, NULL));
    assert_int_equal(round->reason_count, 1);
    result_destroy(result);
    plan_destroy(plan);
}

/* Inlined, gcc 12 takes what it returns for the address of its own variable. */
__attribute__((noinline)) static char *print(const char *format, const struct result *result)
{
    char *text = NULL;
    size_t length;
    struct judgement *judgement = fixture_judge(result);
    FILE *out = open_memstream(&text, &length);
    assert_ok(report_write_one(report_find(format, NULL), result, judgement, out, NULL));
    (void)fclose(out);
    judgement_destroy(judgement);
    return text;
}

/* One round of six that never came back leaves no limit surely kept; all that did fail it. */
static void what_never_came_back_keeps_no_limit(void **unused)
{
    (void)unused;
    struct plan *plan = fixture_plan_with(scenario, &tables);
    struct result *result = make_result(plan);
    struct judgement *judgement = fixture_judge(result);
    assert_int_equal(judgement->expects[0].verdict, VERDICT_PASS);
    assert_int_equal(judgement->expects[1].verdict, VERDICT_INCONCLUSIVE);
    assert_int_equal(judgement->expects[2].verdict, VERDICT_FAIL);
    const struct stats_estimate *estimate = &judgement->expects[1].parts[0].measured.estimate;
    assert_true(estimate->value < 1e9 && isinf(estimate->high)); /* nothing in between */
    char *text = print("terminal", result);
    assert_non_null(strstr(text, "500 ms [500 ms, never]"));
    free(text);
    text = print("json", result);
    assert_non_null(strstr(text, "\"high\":null,"));
    assert_non_null(strstr(text, "\"never\":[\"high\"]"));
    assert_non_null(strstr(text, "\"never\":[\"partition_recover\"]"));
    assert_null(strstr(text, "1e18"));
    free(text);
    judgement_destroy(judgement);
    result_destroy(result);
    plan_destroy(plan);
}

/* Which of two that never came back would have taken longer nobody has seen. */
static void a_quotient_of_never_and_never_is_not_known(void **unused)
{
    (void)unused;
    static const char text[] =
        "question: Does it come back sooner?\n"
        "variants: {a: {url: 'http://x'}, b: {url: 'http://y'}}\n"
        "phases: [{name: late, for: 8s}]\n"
        "faults: [{kind: cut, name: cut, on: service, at: 2s, for: 1s, hold: 2s}]\n"
        "expect: [b.cut_recover / a.cut_recover < 0.9]\n";
    for (size_t never = 0; never <= 10; never++) {
        struct plan *plan = fixture_plan_with(text, &tables);
        struct result *result = fixture_result(plan);
        result->block_count = 10;
        for (size_t i = 0; i < 20; i++) {
            struct result_round *round = fixture_round(result, i / 2, i % 2, 1000, 2e6, 20000);
            round->whole[plan_fault_metric(plan, 0, PLAN_FAULT_RECOVER)] =
                i / 2 < never ? METRIC_NEVER_NS : (i % 2 ? 1 : 2) * (1e9 + (double)(i % 3) * 1e6);
        }
        struct judgement *judgement = fixture_judge(result);
        const struct measured *measured = &judgement->expects[0].parts[0].measured;
        assert_int_equal(measured->used, 10);
        assert_true(measured->ratio);
        assert_int_equal(judgement->expects[0].verdict,
                         never < 2 ? VERDICT_PASS : VERDICT_INCONCLUSIVE);
        judgement_destroy(judgement);
        char *page = print("json", result);
        assert_null(strstr(page, "nan"));
        free(page);
        result_destroy(result);
        plan_destroy(plan);
    }
}

static void a_report_tells_each_fault_of_each_variant(void **unused)
{
    (void)unused;
    struct plan *plan = fixture_plan_with(scenario, &tables);
    struct result *result = make_result(plan);
    char *text = print("markdown", result);
    assert_non_null(strstr(text, "partition"));
    assert_non_null(strstr(text, "2.10 s..3.00 s"));
    assert_non_null(strstr(text, "12 connections, 2.93 KiB, 2 kept out"));
    assert_non_null(strstr(text, "1 processes"));
    assert_non_null(strstr(text, "100 %, timeout 27 |")); /* of a round, as is all else */
    assert_non_null(strstr(text, "| 500 ms |"));
    assert_non_null(strstr(text, "500 ms; metastable in 2 of 6 (goodput 0 % at most, for 5.00 s)"));
    assert_null(strstr(text, "00000 %")); /* of a median and never */
    free(text);

    result->rounds[9].windows[0].recovery.state = RECOVERY_LATE;
    text = print("markdown", result);
    assert_non_null(strstr(text, "500 ms; not within 5.00 s in 1 of 6; metastable in 1 of 6 ("));
    free(text);
    for (size_t i = 0; i < result->round_count; i++)
        result->rounds[i].windows[0].recovery.state = i % 2 ? RECOVERY_STUCK : RECOVERY_LATE;
    text = print("terminal", result);
    assert_non_null(strstr(text, "not within 5.00 s\n"));
    assert_non_null(strstr(text, "metastable (goodput 0 % at most, for 5.00 s)\n"));
    /* Where it is split, each row says what it is of. */
    const char *second = strstr(text, "fault      variant  ");
    assert_non_null(second);
    assert_non_null(strstr(second + 1, "fault      variant  "));
    assert_non_null(strstr(text, "partition  b        "));
    free(text);
    result_destroy(result);
    plan_destroy(plan);
}

/* A line under the bars of a gauge for as long as a fault was there. */
static void bars_show_when_faults_acted(void **unused)
{
    (void)unused;
    struct plan *plan = fixture_plan_with(scenario, &tables);
    struct result *result = make_result(plan);
    struct result_round *round = &result->rounds[0];
    for (size_t p = 0; p < 2; p++) {
        struct gauge *gauge = calloc(1, sizeof(*gauge));
        assert_non_null(gauge);
        gauge->period_ns = 500 * NS_PER_MS;
        for (size_t i = 0; i < (p ? 16 : 2); i++)
            assert_ok(gauge_put(gauge, i, (double)i));
        gauge_cut(gauge, 0, 8 * NS_PER_S);
        round->steps[p].gauges = gauge;
    }
    round->whole[METRIC_BUILTIN_COUNT] = 15;
    char *text = print("terminal", result);
    assert_non_null(strstr(text, "▁▁│▁▁▂▂▃▃▄▄▅▅▆▆▇▇██"));
    assert_non_null(strstr(text, " ━     ━━ ")); /* 0.5 s to 1 s; 2.1 s to 3 s */
    free(text);
    result_destroy(result);
    plan_destroy(plan);
}

static void records_keep_what_faults_did(void **unused)
{
    (void)unused;
    struct plan *plan = fixture_plan_with(scenario, &tables), *read_plan = NULL;
    struct result *result = make_result(plan), *read = NULL;
    struct err err = {0};
    result->folder = strdup("x");
    char *text = print("json", result);
    int rc = result_parse("x.json", text, strlen(text), &tables, &read_plan, &read, &err);
    if (rc)
        print_error("%s\n", err.text);
    assert_ok(rc);
    assert_int_equal(read->faults[0].at_ns, 2 * NS_PER_S);
    assert_int_equal(read->faults[0].hold_ns, 2 * NS_PER_S);
    const struct result_window *was = &result->rounds[11].windows[0];
    const struct result_window *is = &read->rounds[11].windows[0];
    assert_true(is->acted);
    assert_int_equal(is->began_ns, was->began_ns);
    assert_int_equal(is->refused, 2);
    assert_true(is->queries == 54);
    assert_int_equal(is->recovery.state, RECOVERY_STUCK);
    assert_true(isnan(is->recovery.recover_ns) && is->recovery.depth == 0);
    assert_true(is->recovery.regained == 0 && fabs(is->recovery.watched_ns - 5e9) < 1);
    size_t recover = plan_fault_metric(plan, 0, PLAN_FAULT_RECOVER);
    assert_true(read->rounds[11].whole[recover] == METRIC_NEVER_NS);
    assert_true(read->rounds[11].rows[plan->metric_count + recover] == METRIC_NEVER_NS);
    assert_int_equal(is->recovery.kinds[LOAD_TIMEOUT - LOAD_REFUSED], 27);
    assert_true(isnan(read->rounds[0].windows[1].queries));
    result_destroy(read);
    plan_destroy(read_plan);

    static const char fault[] = "\"fault\":\"pause\"";
    size_t at = 0;
    while (strncmp(text + at, fault, strlen(fault)) != 0)
        assert_true(text[at++] != '\0');
    text[at + 10] = 'c';
    assert_int_equal(result_parse("x.json", text, strlen(text), &tables, &read_plan, &read, &err),
                     -EINVAL);
    assert_non_null(strstr(err.text, "rounds[0]: faults[1]: fault: expected the faults of"));
    free(text);
    result_destroy(result);
    plan_destroy(plan);
}

/* A shorter phase has its faults earlier, shorter, and sooner over. */
static void times_shrink_with_their_phase(void **unused)
{
    (void)unused;
    struct plan *plan = fixture_plan_with(scenario, &tables);
    struct result *result = fixture_result(plan);
    assert_int_equal(result->faults[0].at_ns, 2 * NS_PER_S);
    result->phases[1].length_ns = 2 * NS_PER_S;
    result_scale_faults(result);
    assert_int_equal(result->faults[0].at_ns, 500 * NS_PER_MS);
    assert_int_equal(result->faults[0].for_ns, 250 * NS_PER_MS);
    assert_int_equal(result->faults[0].hold_ns, 500 * NS_PER_MS);
    assert_int_equal(result->faults[1].at_ns, 500 * NS_PER_MS); /* in the other phase */
    result_destroy(result);
    plan_destroy(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_become_figures_of_their_phase),
        cmocka_unit_test(each_of_several_faults_is_judged_by_itself),
        cmocka_unit_test(a_fault_that_touched_nothing_spoils_its_round),
        cmocka_unit_test(what_never_came_back_keeps_no_limit),
        cmocka_unit_test(a_quotient_of_never_and_never_is_not_known),
        cmocka_unit_test(a_report_tells_each_fault_of_each_variant),
        cmocka_unit_test(bars_show_when_faults_acted),
        cmocka_unit_test(records_keep_what_faults_did),
        cmocka_unit_test(times_shrink_with_their_phase),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
