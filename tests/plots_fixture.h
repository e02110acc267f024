/* SPDX-License-Identifier: MIT */
/* plots_fixture.h - results by hand with everything there is to plot, for the tests of what plots.
 */
#ifndef POOLSTORM_TESTS_PLOTS_FIXTURE_H
#define POOLSTORM_TESTS_PLOTS_FIXTURE_H

#include "report_fixture.h"

#include "core/clock.h"
#include "report/report.h"
#include "run/impact.h"

#include <stdio.h>

#define HOSTILE "</script><!--<script>alert('1')</script>&\"<b>"

static const struct fault_type fault_cut = {.name = "cut", .summary = "cuts"};
static const struct fault_type *const proxy_faults[] = {&fault_cut, NULL};
static const struct plan_tables tables = {.proxy_faults = proxy_faults};

static const char scenario[] =
    "question: 'Is </script><!--<script>alert(1)</script> & \" harmless?'\n"
    "variants: {a: {url: 'http://x', about: '<b>bold</b>'}, b: {url: 'http://y'}}\n"
    "load: {path: /, connections: 16}\n"
    "phases:\n"
    "  - name: climb\n"
    "    for: 20s\n"
    "    search: {objective: p99 < 100ms and errors < 1%, from: 500/s}\n"
    "  - {name: steady, for: 8s}\n"
    "observe: {in_use: {series: in_use, take: max}}\n"
    "faults:\n"
    "  - {kind: cut, name: partition, on: service, phase: steady, at: 2s, for: 1s, hold: 2s}\n"
    "show: [partition_recover, partition_depth, knee]\n"
    "invariants: [contaminated == 0]\n"
    "expect: [a.steady.p99 < 50ms, b.partition_recovered == 1, b.steady.p99 / a.steady.p99 < 2]\n"
    "claims:\n"
    "  - {what: '<img src=x onerror=alert(1)>', figure: b.qps / a.qps, says: 1.5}\n";

static const char plain_scenario[] =
    "question: Is it worth it?\n"
    "variants: {plain: {url: 'http://x'}, pooled: {url: 'http://y'}}\n"
    "phases: [{name: full, for: 1s}]\n"
    "expect: [pooled.qps / plain.qps > 1.2]\n";

/* Keeps plan, result and judgement together. */
struct made {
    struct plan *plan;
    struct result *result;
    struct judgement *judgement;
    struct report_item item;
};

static void judge(struct made *made)
{
    made->judgement = fixture_judge(made->result);
    made->item = (struct report_item){made->result, made->judgement};
}

static inline void made_free(struct made *made)
{
    judgement_destroy(made->judgement);
    result_destroy(made->result);
    plan_destroy(made->plan);
}

/* 100 good replies a slot of two speeds, but for those from slot 21 up to another: errors alone. */
static struct series *make_series(size_t slots, size_t back)
{
    struct series *series;
    struct series_options options = {.length_ns = slots * SERIES_SLOT_NS,
                                     .error_names = load_outcome_names + LOAD_REFUSED};
    assert_ok(series_create(&series, &options, NULL));
    series_start(series, 5 * NS_PER_S);
    for (size_t i = 0; i < slots; i++)
        for (size_t k = 0; k < 100; k++) {
            uint64_t at_ns = 5 * NS_PER_S + i * SERIES_SLOT_NS;
            if (i < 21 || i >= back)
                series_ok(series, at_ns, (k % 10 ? 1 : 20) * NS_PER_MS + k * 1000, 1);
            else if (k < 30)
                series_error(series, at_ns, k % 3 ? LOAD_TIMEOUT - LOAD_REFUSED : LOAD_STATUS - 1);
        }
    return series;
}

static struct search_curve *make_curve(double met_per_s)
{
    struct search_curve *curve = calloc(1, sizeof(*curve));
    assert_non_null(curve);
    curve->end = SEARCH_BRACKETED;
    curve->met_per_s = met_per_s;
    curve->missed_per_s = 2 * met_per_s;
    for (size_t i = 0; i < 3; i++)
        curve->steps[curve->step_count++] =
            (struct search_step){.rate_per_s = met_per_s * (double)(i + 1) / 2,
                                 .achieved_per_s = met_per_s * fmin((double)(i + 1) / 2, 1.1),
                                 .p50_ns = 1e6,
                                 .p99_ns = i == 2 ? 250e6 : 20e6,
                                 .requests = 300,
                                 .outcome = i == 2 ? SEARCH_MISSED : SEARCH_MET,
                                 .kept_up = i < 2};
    return curve;
}

static void fill_gauge(struct result_step *step, double most)
{
    step->gauges = calloc(1, sizeof(*step->gauges));
    assert_non_null(step->gauges);
    step->gauges[0].period_ns = 100 * NS_PER_MS;
    for (size_t i = 0; i < 80; i++)
        assert_ok(gauge_put(&step->gauges[0], i, i == 4 ? NAN : fmin(most, (double)i)));
    gauge_cut(&step->gauges[0], 0, 8 * NS_PER_S);
}

static void make_round(struct result *result, size_t block, size_t variant)
{
    const struct plan *plan = result->plan;
    double wobble = 1 + 0.01 * (double)((block * 7 + variant * 3) % 5);
    struct result_round *round =
        fixture_round(result, block, variant, (variant ? 1500 : 1000) * wobble, 2e6, 20000);
    for (size_t i = 0; i < 2; i++) {
        struct result_step *step = &round->steps[i];
        double *row = round->rows + i * plan->metric_count;
        step->ran = step->loaded = true;
        step->load.length_ns = plan->phases[i].length_ns;
        step->load.offered = 20000;
        step->load.lateness = fixture_hist(20000, 50000);
        step->load.series = make_series(i ? 80 : 20, i == 0 ? 21 : variant ? 80 : 35);
        if (!step->load.latency)
            step->load.latency = fixture_hist(20000, variant ? 3000000 : 2000000);
        row[METRIC_QPS] = (variant ? 1500 : 1000) * wobble;
        row[METRIC_P99] = (variant ? 3e6 : 2e6) * wobble;
        row[METRIC_ERRORS] = row[METRIC_CONTAMINATED] = row[METRIC_ERROR_COUNT] = 0;
        row[METRIC_REQUESTS] = 20000;
    }
    round->steps[0].curve = make_curve(variant ? 1500 : 1000);
    fill_gauge(&round->steps[1], variant ? 20 : 7);
    round->rows[plan->metric_count + METRIC_BUILTIN_COUNT] = variant ? 20 : 7;
    round->windows[0] = (struct result_window){.acted = true,
                                               .applied_ns = 2 * NS_PER_S,
                                               .began_ns = 2100 * NS_PER_MS,
                                               .ended_ns = 2900 * NS_PER_MS,
                                               .healed_ns = 3 * NS_PER_S,
                                               .links = 12,
                                               .bytes = 3000,
                                               .queries = NAN};
    assert_ok(impact_judge(result, round, 1, NULL));
    plan_gather(plan, round->rows, round->whole);
}

/* Everything there is to plot, and names that mean harm. */
static inline struct made make_hostile(void)
{
    struct made made = {.plan = fixture_plan_with(scenario, &tables)};
    free(made.plan->name);
    made.plan->name = strdup("family/" HOSTILE);
    free(made.plan->title);
    made.plan->title = strdup("family/" HOSTILE);
    assert_ok(result_create(&made.result, made.plan, NULL));
    assert_ok(result_add_variant(made.result, 0, "a" HOSTILE, NULL));
    assert_ok(result_add_variant(made.result, 1, NULL, NULL));
    made.result->block_count = 6;
    for (size_t i = 0; i < 12; i++)
        make_round(made.result, i / 2, i % 2);
    (void)snprintf(made.result->environment.host, sizeof(made.result->environment.host), HOSTILE);
    made.result->environment.command_line = strdup("poolstorm run " HOSTILE "\xff");
    judge(&made);
    return made;
}

static inline struct made make_plain(size_t blocks)
{
    struct made made = {.plan = fixture_plan(plain_scenario)};
    made.result = fixture_result(made.plan);
    made.result->block_count = blocks;
    for (size_t i = 0; i < 2 * blocks; i++)
        fixture_round(made.result, i / 2, i % 2, i % 2 ? 13000 : 10000 + (double)i, 2e6, 20000);
    judge(&made);
    return made;
}

#endif
