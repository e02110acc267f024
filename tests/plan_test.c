/* SPDX-License-Identifier: MIT */
/* plan_test.c - scenario files become whole plans, and every mistake is pointed at. */
#include "test.h"

#include "plan/plan.h"
#include "plan/sql.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct settings {
    uint64_t threads, payload_limit_bytes, listen;
    int buffers;
};

static const char *const buffers[] = {"malloc", "pool", NULL};

static const struct param service[] = {
    {PARAM_COUNT("threads", settings, threads, "1", "threads"), .min = 1, .max = 256},
    {PARAM_BYTES("payload_limit", settings, payload_limit_bytes, "1MiB", "largest body")},
    {PARAM_CHOICE("buffers", settings, buffers, "pool", "where from", buffers)},
    {PARAM_COUNT("listen", settings, listen, "0", "port")},
    {0},
};

static int check_service(const void *state, struct err *err)
{
    const struct settings *settings = state;
    if (settings->threads > 8 && settings->buffers == 0)
        return err_set(err, -EINVAL, "more than 8 threads need a pool");
    return 0;
}

static const char *const reserved[] = {"listen", NULL};

struct delay {
    uint64_t delay_ns, jitter_ns;
};

static const struct param delay_params[] = {
    {PARAM_NS("delay", delay, delay_ns, "10ms", "how much")},
    {PARAM_NS("jitter", delay, jitter_ns, "0", "spread")},
    {0},
};

static int check_delay(const void *state, struct err *err)
{
    const struct delay *self = state;
    return self->jitter_ns > self->delay_ns ? err_set(err, -EINVAL, "jitter must not exceed delay")
                                            : 0;
}

static const struct fault_type fault_delay = {.name = "delay",
                                              .summary = "is late",
                                              .params = delay_params,
                                              .state_bytes = sizeof(struct delay),
                                              .check = check_delay};
static const struct fault_type fault_cut = {.name = "cut", .summary = "cuts", .both = true};
static const struct fault_type fault_slow_query = {
    .name = "slow_query", .summary = "is slow", .needs_queries = true};
static const struct fault_type *const proxy_faults[] = {&fault_delay, &fault_cut, &fault_slow_query,
                                                        NULL};

struct lock {
    char *table;
};

static const struct param lock_params[] = {{PARAM_TEXT("table", lock, table, NULL, "which")}, {0}};

static int check_lock(const void *state, struct err *err)
{
    const struct lock *self = state;
    return self->table ? 0 : err_set(err, -EINVAL, "expected a table");
}

static const struct plan_fault_kind kind_lock = {.name = "lock",
                                                 .summary = "locks",
                                                 .params = lock_params,
                                                 .settings_bytes = sizeof(struct lock),
                                                 .database = true,
                                                 .check = check_lock};
static const struct plan_fault_kind kind_pause = {
    .name = "pause", .summary = "stops", .service = true, .started = true};
static const struct plan_fault_kind *const runner_faults[] = {&kind_lock, &kind_pause, NULL};

static const struct plan_tables tables = {
    .service = service,
    .service_size_bytes = sizeof(struct settings),
    .service_check = check_service,
    .service_reserved = reserved,
    .proxy_faults = proxy_faults,
    .runner_faults = runner_faults,
};

static int parse(const char *text, struct plan **plan, struct err *err)
{
    return plan_parse("family/name.yaml", text, strlen(text), &tables, plan, err);
}

static struct plan *parsed(const char *text)
{
    struct plan *plan = NULL;
    struct err err = {0};
    int rc = parse(text, &plan, &err);
    if (rc)
        print_error("%s\n", err.text);
    assert_ok(rc);
    return plan;
}

static const char whole[] =
    "question: Is it?\n"
    "source: an article\n"
    "subject:\n"
    "  serve: {threads: 2, payload-limit: 2MiB}\n"
    "  allocator: jemalloc\n"
    "  env: {A: '1', B: two}\n"
    "variants:\n"
    "  un-pooled:\n"
    "    about: from malloc\n"
    "    serve: {buffers: malloc}\n"
    "    env: {B: three}\n"
    "  pooled: {serve: {buffers: pool, threads: 1}, allocator: glibc}\n"
    "load:\n"
    "  method: POST\n"
    "  path: /encode\n"
    "  payload: 1.2KB\n"
    "  check: token\n"
    "phases:\n"
    "  - {name: warm-up, kind: warmup, for: 1s}\n"
    "  - {name: steady, for: 5s, rate: 8k/s, arrivals: poisson}\n"
    "  - {name: saturation, for: 3s, connections: 8, body: '{token}'}\n"
    "  - {name: settle, kind: drain, for: 10ms}\n"
    "observe:\n"
    "  hits: pool_hits_total\n"
    "  misses: 'pool_misses_total{pool=\"a\"}'\n"
    "  busy: {series: busy_seconds_total, better: less}\n"
    "  kept: pool_retained_bytes\n"
    "derive:\n"
    "  hit_rate: {from: hits / (hits + misses), unit: share, better: more}\n"
    "  missed: 1 - hit_rate\n"
    "show: [hit_rate, kept]\n"
    "expect:\n"
    "  - pooled.qps / un-pooled.qps > 0.95\n"
    "invariants: [contaminated == 0]\n"
    "claims:\n"
    "  - {what: P99, figure: pooled.p99, says: 24.3ms, tolerance: 20%}\n"
    "  - {what: rate, figure: pooled.hit_rate, says: '> 95%'}\n"
    "  - {what: collections, figure: none, says: 7 → 0, why: none in C}\n";

static void variants_carry_whole_subjects(void **unused)
{
    (void)unused;
    struct plan *plan = parsed(whole);
    assert_string_equal(plan->name, "family/name");
    assert_string_equal(plan->question, "Is it?");
    assert_string_equal(plan->text, whole);
    assert_int_equal(plan->variant_count, 2);
    const struct plan_variant *first = &plan->variants[0], *second = &plan->variants[1];
    assert_string_equal(first->name, "un-pooled");
    assert_string_equal(first->about, "from malloc");
    assert_int_equal(first->subject.kind, PLAN_SUBJECT_SERVE);
    assert_int_equal(first->subject.serve.count, 3);
    assert_string_equal(first->subject.serve.items[1].name, "payload_limit");
    assert_string_equal(first->subject.serve.items[1].value, "2MiB");
    assert_string_equal(first->subject.serve.items[2].value, "malloc");
    assert_string_equal(first->subject.env.items[1].value, "three");
    assert_int_equal(first->subject.allocator, PLAN_ALLOCATOR_JEMALLOC);
    assert_string_equal(first->subject.health, "/health");
    assert_int_equal(first->subject.start_timeout_ns, 10000000000);
    assert_string_equal(second->subject.serve.items[0].value, "1");
    assert_string_equal(second->subject.env.items[1].value, "two");
    assert_int_equal(second->subject.allocator, PLAN_ALLOCATOR_GLIBC);
    assert_int_equal(second->where.line, 12);
    plan_destroy(plan);
}

static void phases_carry_whole_loads(void **unused)
{
    (void)unused;
    struct plan *plan = parsed(whole);
    assert_int_equal(plan->phase_count, 4);
    const struct plan_phase *steady = &plan->phases[1], *saturation = &plan->phases[2];
    assert_int_equal(plan->phases[0].kind, PLAN_PHASE_WARMUP);
    assert_int_equal(plan->phases[0].requests[0].payload_bytes, 1200);
    assert_int_equal(steady->kind, PLAN_PHASE_MEASURE);
    assert_int_equal(steady->length_ns, 5000000000);
    assert_float_equal(steady->profile.rate_per_s, 8000, 0);
    assert_int_equal(steady->profile.arrivals, LOAD_POISSON);
    assert_int_equal(steady->profile.connections, 64);
    assert_string_equal(steady->requests[0].method, "POST");
    assert_float_equal(saturation->profile.rate_per_s, 0, 0);
    assert_int_equal(saturation->profile.connections, 8);
    assert_string_equal(saturation->requests[0].body, "{token}");
    assert_int_equal(saturation->requests[0].payload_bytes, 0);
    assert_string_equal(saturation->requests[0].path, "/encode");
    assert_int_equal(plan->phases[3].request_count, 0);
    plan_destroy(plan);
}

static void metrics_know_their_units(void **unused)
{
    (void)unused;
    struct plan *plan = parsed(whole);
    assert_int_equal(plan->metric_count, METRIC_BUILTIN_COUNT + 6);
    const struct metric *own = plan->metrics + METRIC_BUILTIN_COUNT;
    assert_int_equal(own[0].unit, METRIC_COUNT);
    assert_int_equal(own[0].over, METRIC_OVER_SUM);
    assert_true(plan->observes[1].counter);
    assert_string_equal(plan->observes[1].series, "pool_misses_total{pool=\"a\"}");
    assert_int_equal(own[2].unit, METRIC_NS);
    assert_int_equal(own[2].better, METRIC_LESS);
    assert_float_equal(plan->observes[2].scale, 1e9, 0);
    assert_int_equal(own[3].unit, METRIC_BYTES);
    assert_int_equal(own[3].over, METRIC_OVER_LAST);
    assert_false(plan->observes[3].counter);
    assert_int_equal(own[4].unit, METRIC_SHARE);
    assert_int_equal(plan->show[0], METRIC_BUILTIN_COUNT + 4);
    assert_int_equal(plan_metric_find(plan, "kept"), METRIC_BUILTIN_COUNT + 3);
    assert_int_equal(plan_metric_find(plan, "nothing"), -1);
    plan_destroy(plan);
}

static void claims_and_conditions_are_read(void **unused)
{
    (void)unused;
    struct plan *plan = parsed(whole);
    assert_int_equal(plan->rounds, 10);
    assert_float_equal(plan->noise_share, 0.02, 1e-12);
    assert_int_equal(plan->expect_count, 1);
    assert_int_equal(plan->expects[0].where.line, 33);
    assert_int_equal(plan->invariant_count, 1);
    assert_int_equal(expr_ref(plan->invariants[0].expr, 0).variant, EXPR_ALL_VARIANTS);
    assert_int_equal(plan->claim_count, 3);
    assert_int_equal(plan->claims[0].op, EXPR_ABOUT);
    assert_float_equal(plan->claims[0].limit, 24.3e6, 1e-3);
    assert_float_equal(plan->claims[0].tolerance, 0.2, 1e-12);
    assert_int_equal(plan->claims[1].op, EXPR_GREATER);
    assert_null(plan->claims[2].figure);
    assert_string_equal(plan->claims[2].says, "7 → 0");
    plan_destroy(plan);
}

static void a_round_is_gathered_from_its_phases(void **unused)
{
    (void)unused;
    struct plan *plan = parsed(whole);
    size_t width = plan->metric_count;
    double *rows = calloc(5 * width, sizeof(*rows));
    assert_non_null(rows);
    for (size_t i = 0; i < width; i++) {
        rows[i] = rows[3 * width + i] = NAN;
        rows[width + i] = 10;
        rows[2 * width + i] = 20;
    }
    double *steady = rows + width, *saturation = rows + 2 * width, *round = rows + 4 * width;
    size_t hits = METRIC_BUILTIN_COUNT, misses = hits + 1, rate = hits + 4, missed = hits + 5;
    steady[hits] = 90;
    saturation[misses] = 10;
    steady[misses] = 0;
    saturation[hits] = NAN;
    plan_gather(plan, rows, round);
    assert_int_equal(plan_phase_of(plan, METRIC_QPS), 2);
    assert_int_equal(plan_phase_of(plan, METRIC_P99), 1);
    assert_int_equal(plan_phase_of(plan, METRIC_RSS_END), 2);
    assert_int_equal(plan_phase_of(plan, METRIC_CONTAMINATED), -1);
    assert_float_equal(round[METRIC_QPS], 20, 0);
    assert_float_equal(round[METRIC_P99], 10, 0);
    assert_float_equal(round[METRIC_CONTAMINATED], 30, 0);
    assert_float_equal(round[METRIC_RSS_PEAK], 20, 0);
    assert_float_equal(round[METRIC_RSS_END], 20, 0);
    assert_float_equal(round[METRIC_ERRORS], 1, 0);
    assert_float_equal(round[hits], 90, 0);
    assert_float_equal(round[rate], 0.9, 1e-12);
    assert_float_equal(round[missed], 0.1, 1e-12);
    plan_derive(plan, saturation);
    assert_true(isnan(saturation[rate]));
    free(rows);
    plan_destroy(plan);
}

/* Over phases of 1 s and 3 s. */
static void gauges_are_gathered_as_they_are_taken(void **unused)
{
    (void)unused;
    struct plan *plan = parsed("question: q\n"
                               "variants: {a: {url: 'http://127.0.0.1:1'}}\n"
                               "phases: [{name: p, for: 1s}, {name: q, for: 3s}]\n"
                               "sample_every: 20ms\n"
                               "observe:\n"
                               "  now: level\n"
                               "  most: {series: level, take: max}\n"
                               "  least: {series: level, take: min}\n"
                               "  average: {series: level, take: mean}\n");
    static const double wanted[] = {4, 8, 4, 5};
    double *rows = calloc(3 * plan->metric_count, sizeof(*rows));
    assert_non_null(rows);
    double *round = rows + 2 * plan->metric_count;
    assert_int_equal(plan->sample_every_ns, 20000000);
    for (size_t i = 0; i < 4; i++) {
        rows[METRIC_BUILTIN_COUNT + i] = 8;
        rows[plan->metric_count + METRIC_BUILTIN_COUNT + i] = 4;
    }
    plan_gather(plan, rows, round);
    assert_memory_equal(round + METRIC_BUILTIN_COUNT, wanted, sizeof(wanted));
    rows[METRIC_BUILTIN_COUNT + 3] = NAN;
    plan_gather(plan, rows, round);
    assert_true(round[METRIC_BUILTIN_COUNT + 3] == 4);
    free(rows);
    plan_destroy(plan);
}

/* The metric is a time, whatever unit the bound is in. */
static void bounds_are_reached(void **unused)
{
    (void)unused;
    struct plan *plan = parsed("question: q\n"
                               "variants: {a: {url: 'http://127.0.0.1:1'}}\n"
                               "phases: [{name: p, for: 1s}]\n"
                               "observe:\n"
                               "  full: {series: in_use, reached: 20}\n"
                               "  quiet: {series: oldest_seconds, reached: '<= 10ms'}\n"
                               "  told: {series: leaks_total, reached: '> 0'}\n");
    static const struct {
        enum expr_op op;
        double limit;
    } wanted[] = {{EXPR_GREATER_EQUAL, 20}, {EXPR_LESS_EQUAL, 1e7}, {EXPR_GREATER, 0}};
    for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
        assert_int_equal(plan->observes[i].take, PLAN_TAKE_REACHED);
        assert_int_equal(plan->observes[i].reached_op, wanted[i].op);
        assert_float_equal(plan->observes[i].reached_limit, wanted[i].limit, 1e-6);
        assert_false(plan->observes[i].counter);
        assert_int_equal(plan->metrics[METRIC_BUILTIN_COUNT + i].unit, METRIC_NS);
    }
    assert_float_equal(plan->observes[0].scale, 1, 0);
    assert_float_equal(plan->observes[1].scale, 1e9, 0);
    plan_destroy(plan);
}

/* Of the phases that latencies are of: the one with a rate. */
static void quantiles_of_histograms_are_observed(void **unused)
{
    (void)unused;
    struct plan *plan =
        parsed("question: q\n"
               "variants: {a: {url: 'http://127.0.0.1:1'}}\n"
               "phases: [{name: p, for: 1s}, {name: q, for: 3s, rate: 10/s}]\n"
               "observe:\n"
               "  wait_p99: {histogram: 'wait_seconds{pool=\"a\"}', quantile: 99%, better: less}\n"
               "  size: {histogram: size_bytes, quantile: 0.5}\n"
               "  span: {histogram: span, quantile: 0.5, unit: time}\n");
    const struct metric *own = plan->metrics + METRIC_BUILTIN_COUNT;
    assert_string_equal(plan->observes[0].histogram, "wait_seconds{pool=\"a\"}");
    assert_null(plan->observes[0].series);
    assert_null(plan->observes[0].sql.text);
    assert_false(plan->observes[0].counter);
    assert_float_equal(plan->observes[0].quantile, 0.99, 0);
    assert_float_equal(plan->observes[0].scale, 1e9, 0);
    assert_int_equal(own[0].unit, METRIC_NS);
    assert_int_equal(own[0].better, METRIC_LESS);
    assert_int_equal(own[1].unit, METRIC_BYTES);
    assert_int_equal(own[2].unit, METRIC_NS);
    assert_int_equal(plan_phase_of(plan, METRIC_BUILTIN_COUNT), 1);
    plan_destroy(plan);
}

#define TIMED                                                                                      \
    "question: q\ndatabase: postgres\nvariants: {a: {serve: {}}, b: {serve: {}}}\n"                \
    "phases: [{name: w, kind: warmup, for: 9s}, {name: p, for: 10s}, {name: q, for: 4s}]\n"

static void faults_stand_on_a_timeline(void **unused)
{
    (void)unused;
    struct plan *plan = parsed(
        TIMED "observe: {hits: hits_total}\n"
              "faults:\n"
              "  - {kind: delay, at: 2s, for: 3s, delay: 5ms, toxicity: 50%, stream: upstream}\n"
              "  - {kind: cut, name: cut-off, on: service, phase: q, at: 1s, source: 10.0.0.0/8}\n"
              "  - {kind: lock, table: items, hold: 1s, for: 9s}\n"
              "  - {kind: pause, for: 500ms}\n"
              "derive: {twice: 2 * delay_depth}\n"
              "show: [delay_recover]\n"
              "expect: [a.cut-off_recover < 2s, b.p.delay_depth < 50%, a.lock_recovered == 1]\n");
    assert_int_equal(plan->fault_count, 4);
    const struct plan_fault *delay = &plan->faults[0], *cut = &plan->faults[1];
    const struct plan_fault *lock = &plan->faults[2], *pause = &plan->faults[3];
    assert_string_equal(delay->name, "delay");
    assert_ptr_equal(delay->kind.proxy, &fault_delay);
    assert_true(delay->kind.proxied && delay->kind.aimed);
    assert_int_equal(delay->on, PLAN_ON_DATABASE);
    assert_int_equal(delay->phase, 1);
    assert_int_equal(delay->at_ns, 2000000000);
    assert_int_equal(delay->for_ns, 3000000000);
    assert_int_equal(delay->hold_ns, 3000000000);
    assert_int_equal(delay->stream, FAULT_UPSTREAM);
    assert_float_equal(delay->aim.toxicity, 0.5, 0);
    assert_int_equal(((const struct delay *)delay->settings)->delay_ns, 5000000);
    assert_string_equal(cut->name, "cut-off");
    assert_int_equal(cut->on, PLAN_ON_SERVICE);
    assert_int_equal(cut->phase, 2);
    assert_int_equal(cut->for_ns, 0);
    assert_int_equal(cut->stream, FAULT_BOTH);
    assert_string_equal(cut->aim.source, "10.0.0.0/8");
    assert_float_equal(cut->aim.toxicity, 1, 0);
    assert_null(lock->kind.proxy);
    assert_string_equal(((const struct lock *)lock->settings)->table, "items");
    assert_int_equal(lock->hold_ns, 1000000000);
    assert_int_equal(pause->on, PLAN_ON_SERVICE);
    assert_int_equal(pause->where.line, 10);
    size_t depth = plan_fault_metric(plan, 1, PLAN_FAULT_DEPTH);
    assert_string_equal(plan->metrics[depth].name, "cut-off_depth");
    assert_int_equal(plan_metric_find(plan, "cut-off_depth"), depth);
    assert_int_equal(plan_phase_of(plan, depth), 2);
    assert_int_equal(plan_phase_of(plan, plan_fault_metric(plan, 2, PLAN_FAULT_RECOVER)), 1);
    assert_int_equal(plan->show[0], plan_fault_metric(plan, 0, PLAN_FAULT_RECOVER));
    assert_int_equal(plan->metrics[plan->metric_count - 1].over, METRIC_OVER_DERIVE);

    double *rows = calloc(4 * plan->metric_count, sizeof(*rows));
    rows[1 * plan->metric_count + plan_fault_metric(plan, 0, PLAN_FAULT_DEPTH)] = 0.25;
    rows[2 * plan->metric_count + depth] = 0.5;
    plan_gather(plan, rows, rows + 3 * plan->metric_count);
    assert_float_equal(rows[3 * plan->metric_count + depth], 0.5, 0);
    assert_float_equal(rows[4 * plan->metric_count - 1], 0.5, 0);
    free(rows);
    plan_destroy(plan);

    char text[32];
    assert_string_equal(metric_format(text, sizeof(text), METRIC_NS, METRIC_NEVER_NS), "never");
    assert_string_equal(metric_format(text, sizeof(text), METRIC_NS, -METRIC_NEVER_NS), "−∞");
    assert_string_equal(metric_format(text, sizeof(text), METRIC_NUMBER, METRIC_NEVER_NS), "∞");
    assert_string_equal(metric_format(text, sizeof(text), METRIC_NS, NAN), "–");
    assert_string_equal(metric_format(text, sizeof(text), METRIC_NS, 2e9), "2.00 s");
}

static void sql_is_observed_of_a_database(void **unused)
{
    (void)unused;
    struct plan *plan = parsed("question: q\n"
                               "database: postgres\n"
                               "variants: {a: {url: 'http://127.0.0.1:1'}}\n"
                               "phases: [{name: p, for: 1s}]\n"
                               "observe:\n"
                               "  busy: {sql: select 1, take: max, better: less}\n"
                               "  left: {sql: select 2, at: round}\n"
                               "  age: {sql: select 3, unit: time}\n"
                               "derive: {both: busy + left}\n"
                               "invariants: [left == 0]\n");
    const struct metric *own = plan->metrics + METRIC_BUILTIN_COUNT;
    assert_string_equal(plan->observes[0].sql.text, "select 1");
    assert_null(plan->observes[0].series);
    assert_int_equal(own[0].unit, METRIC_COUNT);
    assert_int_equal(own[0].over, METRIC_OVER_MAX);
    assert_int_equal(own[1].over, METRIC_OVER_ROUND);
    assert_int_equal(own[2].unit, METRIC_NS);
    assert_true(plan->observes[2].scale == 1e9);
    double *row = calloc(2 * plan->metric_count, sizeof(*row)), *round = row + plan->metric_count;
    assert_non_null(row);
    row[METRIC_BUILTIN_COUNT] = 4;
    row[METRIC_BUILTIN_COUNT + 1] = NAN; /* no phase has it */
    round[METRIC_BUILTIN_COUNT + 1] = 3;
    plan_gather(plan, row, round);
    assert_true(round[METRIC_BUILTIN_COUNT + 1] == 3 && round[METRIC_BUILTIN_COUNT + 3] == 7);
    free(row);
    plan_destroy(plan);
}

static void a_variant_may_be_another_kind_of_subject(void **unused)
{
    (void)unused;
    struct plan *plan = parsed("question: q\n"
                               "subject: {serve: }\n"
                               "variants:\n"
                               "  ours:\n"
                               "  theirs: {command: [nginx, -c, '{dir}/x'], health: /up}\n"
                               "  running: {url: 'http://[::1]:8080'}\n"
                               "phases: [{name: p, for: 1s, requests: [{path: /a, weight: 9}, "
                               "{path: /b}]}]\n");
    assert_int_equal(plan->variants[0].subject.kind, PLAN_SUBJECT_SERVE);
    assert_int_equal(plan->variants[1].subject.kind, PLAN_SUBJECT_COMMAND);
    assert_string_equal(plan->variants[1].subject.command[2], "{dir}/x");
    assert_null(plan->variants[1].subject.command[3]);
    assert_string_equal(plan->variants[1].subject.url, "http://127.0.0.1:{port}");
    assert_string_equal(plan->variants[1].subject.health, "/up");
    assert_int_equal(plan->variants[2].subject.kind, PLAN_SUBJECT_URL);
    assert_string_equal(plan->variants[2].subject.health, "/");
    assert_int_equal(plan->phases[0].request_count, 2);
    assert_float_equal(plan->phases[0].requests[0].weight, 9, 0);
    assert_string_equal(plan->phases[0].requests[1].method, "GET");
    plan_destroy(plan);
}

static void what_is_said_for_any_kind_of_subject_stays(void **unused)
{
    (void)unused;
    struct plan *plan = parsed("question: q\n"
                               "subject: {health: /up, start_timeout: 3s}\n"
                               "variants: {a: {command: [one]}, b: {url: 'http://[::1]:8080'}}\n"
                               "phases: [{name: p, for: 1s}]\n");
    assert_string_equal(plan->variants[0].subject.health, "/up");
    assert_string_equal(plan->variants[1].subject.health, "/up");
    assert_int_equal(plan->variants[0].subject.start_timeout_ns, 3000000000);
    plan_destroy(plan);
}

static void measured_phases_search_where_no_rate_is_said(void **unused)
{
    (void)unused;
    struct plan *plan = parsed("question: q\n"
                               "variants: {a: {serve: }}\n"
                               "load: {search: {objective: p99 < 1s, from: 7/s, step: 500ms}}\n"
                               "phases:\n"
                               "  - {name: warm, kind: warmup, for: 1s}\n"
                               "  - {name: climb, for: 1m}\n"
                               "  - {name: steady, for: 1s, rate: 5/s}\n"
                               "  - {name: again, for: 1m, search: {objective: errors == 0}}\n"
                               "  - {name: calm, kind: drain, for: 1s}\n"
                               "show: [p95]\n"
                               "expect: [a.climb.knee > 1/s, a.knee > 1/s]\n");
    const struct plan_phase *phases = plan->phases;
    assert_null(phases[0].objective);
    assert_float_equal(phases[0].profile.rate_per_s, 7, 0);
    assert_string_equal(expr_text(phases[1].objective), "p99 < 1s");
    assert_float_equal(phases[1].profile.rate_per_s, 7, 0);
    assert_int_equal(phases[1].search.step_ns, 500000000);
    assert_int_equal(phases[1].search.confirm, 2);
    assert_null(phases[2].objective);
    assert_float_equal(phases[2].profile.rate_per_s, 5, 0);
    assert_string_equal(expr_text(phases[3].objective), "errors == 0");
    assert_float_equal(phases[3].profile.rate_per_s, 500, 0);
    assert_null(phases[4].objective);
    assert_int_equal(plan->show_count, 2);
    assert_int_equal(plan->show[1], METRIC_KNEE);
    plan_destroy(plan);
}

static void a_ledger_is_shown(void **unused)
{
    (void)unused;
    struct plan *plan = parsed("question: q\n"
                               "database: postgres\n"
                               "variants: {a: {serve: }}\n"
                               "load: {method: POST, path: '/{token}'}\n"
                               "phases: [{name: p, for: 1s}, {name: d, kind: drain, for: 1s}]\n"
                               "ledger: select token from ledger\n"
                               "show: [ledger_lost, ledger_ghosts]\n"
                               "invariants: [ledger_lost == 0]\n");
    assert_string_equal(plan->ledger.text, "select token from ledger");
    assert_int_equal(plan->show_count, 6);
    assert_int_equal(plan->show[0], METRIC_LEDGER_LOST);
    assert_int_equal(plan->show[1], METRIC_LEDGER_GHOSTS);
    assert_int_equal(plan->show[2], METRIC_LEDGER_ACKNOWLEDGED);
    assert_int_equal(plan->show[5], METRIC_LEDGER_UNKNOWN);
    plan_destroy(plan);
}

#define HEAD    "question: q\n"
#define VARIANT "variants: {a: {serve: }}\n"
#define LEDGER  "question: q\ndatabase: postgres\nvariants: {a: {serve: }}\n"
#define PHASE   "phases: [{name: p, for: 1s}]\n"

/* Where each is wrong, and what the message must say. */
static const struct {
    const char *text, *says;
} refusals[] = {
    {"", ":1:1: expected a scenario"},
    {"question: q\ndatabase: postgrs\n", ":2:11: kind: expected one of none, postgres"},
    {"question: q\ndatabase: [postgres]\n", ":2:11: expected a kind of database or a mapping"},
    {"question: q\ndatabase:\n", ":2:10: expected a kind of database or a mapping"},
    {"question: q\ndatabase: {knid: postgres}\n", ":2:12: expected a key of database, not 'knid'"},
    {"question: q\ndatabase: {settings: 5}\n", ":2:22: expected a mapping of names to values"},
    {"question: q\ndatabase: {settings: {port: 5}}\n", ":2:23: 'port' is chosen anew"},
    {"question: q\ndatabase: {settings: {a-b: 5}}\n", ":2:23: expected the name of a setting"},
    {"question: q\ndatabase: {settings: {fsync: [on]}}\n", ":2:30: expected a value such as"},
    {"question: q\n" VARIANT PHASE "ledger: select 1\n", ":4:9: a ledger needs a database"},
    {LEDGER "load: {method: POST}\n" PHASE "ledger: select 1\n", ":6:9: a ledger needs {token}"},
    {LEDGER "load: {path: '/{token}'}\n" PHASE "ledger: select 1\n", ":6:9: a ledger needs a load"},
    {LEDGER "load: {method: POST, path: '/{token}'}\n" PHASE "ledger: select 1; select 2\n",
     ":6:9: expected one statement"},
    {LEDGER "load: {method: POST, path: '/{token}', search: {objective: errors == 0}}\n"
            "phases: [{name: p, for: 60s}]\nledger: select 1\n",
     ":6:9: a ledger can't be kept of a search"},
    {LEDGER PHASE "ledger: [select 1]\n", ":5:9: expected SQL statements, not a list"},
    {"question: q\ndatabase: {setup: [a]}\n", ":2:19: expected SQL statements, not a list"},
    {"question: q\ndatabase: {setup: '-- a'}\n", ":2:19: expected at least one SQL statement"},
    {"question: q\ndatabase: {setup: \"SELECT 'a\"}\n", ":2:27: expected this quote to be"},
    {"question: q\ndatabase: {each_round: >\n   a\n\n   b $$}\n\n", ":2:24: expected"},
    {"question: q\ndatabase: {kind: none, setup: 'A'}\n", ":2:11: a database of kind none"},
    {"question: q\nvariants: {a: {command: [x, '{database}']}}\n", ":2:15: {database} needs a"},
    {"- a\n", ":1:1: expected a scenario: a mapping of keys, not a list"},
    {"a: [\n", ":2:1: expected YAML"},
    {"a: \xff\n", ":1:4: expected UTF-8"},
    {"question: \"a\\0b\"\n", ":1:11: expected a text without control"},
    {"question: \"a\\e[1mb\"\n", ":1:11: expected a text without control"},
    {"\"a\\Nb\": 1\n", ":1:1: expected a text without control"},
    {HEAD VARIANT PHASE "---\na: b\n", ":4:1: expected one document"},
    {HEAD VARIANT PHASE "qestion: r\n", ":4:1: expected a key of scenario, not 'qestion' (did you "
                                        "mean 'question'?)"},
    {HEAD VARIANT PHASE "question: r\n", ":4:1: 'question' is given twice, first on line 1"},
    {HEAD VARIANT PHASE "? [a]\n: b\n", ":4:3: expected a name, not a list"},
    {HEAD "variants: &a {a: *a}\n", ":2:11: this value contains itself"},
    {VARIANT PHASE, "expected a question"},
    {HEAD PHASE, "expected variants: at least one"},
    {HEAD "variants: {}\n" PHASE, ":2:11: expected 1 to 32 variants, not 0"},
    {HEAD "variants:\n" PHASE, "expected a mapping of names to variants, not nothing"},
    {HEAD "variants: {a: }\n" PHASE, "variant 'a' has no subject: expected serve"},
    {HEAD "variants: {a: {serve: {}, url: 'http://x'}}\n" PHASE, "serve or url, not both"},
    {HEAD "variants: {a: {serve: {}, command: [x]}}\n" PHASE, "serve or command, not both"},
    {HEAD "variants: {a: {command: []}}\n" PHASE, "expected at least the program's name"},
    {HEAD "variants: {a: {command: nginx}}\n" PHASE, ":2:25: expected a list of words"},
    {HEAD "variants: {a: {url: 'ftp://x'}}\n" PHASE, ":2:21: expected a url such as"},
    {HEAD "variants: {a: {url: 'http://x:0'}}\n" PHASE, "expected a url such as"},
    {HEAD "variants: {a: {url: 'http://x:1/y'}}\n" PHASE, "expected a url such as"},
    {HEAD "variants: {a: {url: 'http://x', allocator: glibc}}\n" PHASE, "allocator is for serve"},
    {HEAD "variants: {a: {url: 'http://x', env: {A: b}}}\n" PHASE, "env is for serve"},
    {HEAD "variants: {a: {serve: {}, health: up}}\n" PHASE, ":2:35: health: expected a path"},
    {HEAD "variants: {a: {serve: {}, allocator: jmalloc}}\n" PHASE, "did you mean 'jemalloc'?"},
    {HEAD "variants: {a: {serve: {}, env: {'A=': b}}}\n" PHASE, "environment variable"},
    {HEAD "variants: {a: {serve: {thread: 1}}}\n" PHASE, ":2:24: expected a setting of serve, not "
                                                         "'thread' (did you mean 'threads'?)"},
    {HEAD "variants: {a: {serve: {listen: 1}}}\n" PHASE, ":2:24: 'listen' is chosen anew"},
    {HEAD "variants: {a: {serve: {threads: many}}}\n" PHASE, ":2:33: threads: expected a whole"},
    {HEAD "variants: {a: {serve: {threads: []}}}\n" PHASE, ":2:33: expected a whole number"},
    {HEAD "subject: {serve: {threads: 9}}\nvariants: {a: {serve: {buffers: malloc}}}\n" PHASE,
     ":3:15: more than 8 threads need a pool"},
    {HEAD "variants: {a.b: {serve: {}}}\n" PHASE, ":2:12: expected a variant to be named"},
    {HEAD "variants: {a: {serve: {}, wrong: 1}}\n" PHASE, "expected a key of variant, not 'wrong'"},
    {HEAD VARIANT, "expected phases"},
    {HEAD VARIANT "phases: []\n", "expected at least one phase of kind measure"},
    {HEAD VARIANT "phases: [{name: p, kind: warmup, for: 1s}]\n", "of kind measure"},
    {HEAD VARIANT "phases: [{for: 1s}]\n", ":3:10: expected a phase to have a name"},
    {HEAD VARIANT "phases: [{name: p}]\n", "expected how long phase 'p' takes"},
    {HEAD VARIANT "phases: [{name: p, for: 3}]\n", ":3:25: for: expected a duration"},
    {HEAD VARIANT "phases: [{name: a, for: 3s}]\n",
     ":3:17: expected another name: 'a' is a variant"},
    {HEAD VARIANT "phases: [{name: p, for: 3s}, {name: p, for: 1s}]\n",
     "'p' is the phase on line 3"},
    {HEAD VARIANT "phases: [{name: p, for: 1s, rate: 5/s, think_time: 1s}]\n",
     ":3:10: think_time belongs to a closed loop"},
    {HEAD VARIANT "load: {rate: 5/s, think_time: 1s}\n" PHASE, ":3:7: think_time belongs to"},
    {HEAD VARIANT "load: {connections: fast}\n" PHASE,
     ":3:21: connections: expected a whole number"},
    {HEAD VARIANT "load: {conections: 1}\n" PHASE, "did you mean 'connections'?"},
    {HEAD VARIANT "load: {path: /a, requests: [{path: /b}]}\n" PHASE,
     ":3:8: expected 'path' inside the items of requests"},
    {HEAD VARIANT "load: {requests: []}\n" PHASE, "expected 1 to 256 requests"},
    {HEAD VARIANT "load: {requests: [{path: /a}, {path: /b}]}\n"
                  "phases: [{name: p, for: 1s, path: /c}]\n",
     ":4:29: 'path' of which request?"},
    {HEAD VARIANT "load: {check: token}\n" PHASE, ":3:7: check: token needs a token"},
    {HEAD VARIANT "load: {path: a}\n" PHASE, "path must begin with '/'"},
    {HEAD VARIANT "load: {body: x, payload: 1KB}\n" PHASE, "body or payload, not both"},
    {HEAD VARIANT "phases: [{name: p, for: 1s}, {name: d, kind: drain, for: 1s, rate: 1/s}]\n",
     ":3:62: a drain has no load"},
    {HEAD VARIANT "load: {search: p99 < 1s}\n" PHASE, ":3:16: expected a search, such as"},
    {HEAD VARIANT "load: {search: {from: 5/s}}\n" PHASE, ":3:16: expected objective, such as"},
    {HEAD VARIANT "load: {search: {objective: p99 < 1s, form: 5/s}}\n" PHASE,
     ":3:38: expected a key of search, not 'form' (did you mean 'from'?)"},
    {HEAD VARIANT "load: {search: {objective: p99 < 1s and p98 < 1s}}\n" PHASE,
     ":3:41: expected the name of a metric, not 'p98'"},
    {HEAD VARIANT "load: {search: {objective: rss_peak < 1MB}}\n" PHASE,
     ":3:28: expected the name of a metric, not 'rss_peak'"},
    {HEAD VARIANT "load: {search: {objective: p99}}\n" PHASE, ":3:28: expected a condition"},
    {HEAD VARIANT "load: {search: {objective: p99 < 1s, from: 5}, rate: 5/s}\n" PHASE,
     ":3:54: a search finds the rate"},
    {HEAD VARIANT "load: {search: {objective: p99 < 1s, from: fast}}\n" PHASE,
     ":3:44: from: expected a rate"},
    {HEAD VARIANT "load: {search: {objective: p99 < 1s, limit: 5/s}}\n" PHASE,
     ":3:16: a search cannot begin at 500/s, above its limit of 5/s"},
    {HEAD VARIANT "load: {search: {objective: p99 < 1s}}\n" PHASE,
     ":3:16: a search with steps of 4.00 s needs more time: expected phase 'p' to be for 16.0 s"},
    {HEAD VARIANT "load: {shape: ramp, peak: 9/s, search: {objective: p99 < 1s}}\n" PHASE,
     ":3:40: a search goes through rates by itself"},
    {HEAD VARIANT
     "phases: [{name: p, for: 1s}, {name: w, kind: warmup, for: 1s, search: {objective: "
     "p99 < 1s}}]\n",
     ":3:71: expected search in a phase of kind measure"},
    {HEAD VARIANT "phases: [{name: p, for: 1s}, {name: d, kind: drain, for: 1s, search: {}}]\n",
     ":3:62: a drain has no load: 'search' has no place"},
    {HEAD VARIANT "load: {think_time: 1s}\nphases: [{name: p, for: 1m, search: {objective: p99 < "
                  "1s}}]\n",
     ":4:10: think_time belongs to a closed loop"},
    {HEAD VARIANT PHASE "rounds: 0\n", ":4:9: rounds: must lie between 1 and 500"},
    {HEAD VARIANT PHASE "noise: 200%\n", ":4:8: noise: expected a share"},
    {HEAD VARIANT PHASE "observe: {p99: x_total}\n",
     ":4:11: expected another name: 'p99' is a built"},
    {HEAD VARIANT PHASE "observe: {x: 'a b'}\n", ":4:14: expected a series such as"},
    {HEAD VARIANT PHASE "observe: {x: {unit: time}}\n", "expected series, histogram or sql"},
    {HEAD VARIANT PHASE "observe: {x: {series: x_total, take: max}}\n",
     ":4:38: expected no take: 'x_total' only grows"},
    {HEAD VARIANT PHASE "observe: {x: {series: x, take: most}}\n", ":4:32: "},
    {HEAD VARIANT PHASE "observe: {x: {series: x, at: round}}\n",
     ":4:30: expected at: phase, for a series"},
    {HEAD VARIANT PHASE "observe: {x: {sql: select 1}}\n",
     ":4:20: sql needs a database: the scenario has none"},
    {HEAD VARIANT PHASE "observe: {x: {sql: select 1, series: x}}\n",
     ":4:20: expected one of series, histogram and sql"},
    {HEAD VARIANT PHASE "observe: {x: {series: x, reached: full}}\n", ":4:35: "},
    {HEAD VARIANT PHASE "observe: {x: {series: x_seconds, reached: 20KB}}\n", ":4:43: expected"},
    {HEAD VARIANT PHASE "observe: {x: {series: x, take: max, reached: 20}}\n",
     ":4:46: expected reached for a gauge or sql, without take"},
    {HEAD VARIANT PHASE "observe: {x: {histogram: x, quantile: 50%, reached: 20}}\n",
     "expected reached for a gauge or sql"},
    {HEAD VARIANT PHASE "observe: {x: {sql: ' ; '}}\n",
     ":4:20: expected at least one SQL statement"},
    {HEAD VARIANT PHASE "observe: {x: {histogram: x_seconds}}\n",
     ":4:26: expected a quantile, too"},
    {HEAD VARIANT PHASE "observe: {x: {histogram: x_bucket, quantile: 50%}}\n",
     ":4:26: expected a histogram such as"},
    {HEAD VARIANT PHASE "observe: {x: {histogram: 'x{le=\"1\"}', quantile: 50%}}\n",
     ":4:26: expected a histogram such as"},
    {HEAD VARIANT PHASE "observe: {x: {histogram: x y, quantile: 50%}}\n",
     ":4:26: expected a histogram such as"},
    {HEAD VARIANT PHASE "observe: {x: {histogram: x, quantile: 100%}}\n", ":4:39: "},
    {HEAD VARIANT PHASE "observe: {x: {histogram: x, quantile: 0}}\n", ":4:39: "},
    {HEAD VARIANT PHASE "observe: {x: {histogram: x, quantile: half}}\n", ":4:39: "},
    {HEAD VARIANT PHASE "observe: {x: {histogram: x, quantile: 50%, take: max}}\n",
     ":4:50: expected no take"},
    {HEAD VARIANT PHASE "observe: {x: {histogram: x, quantile: 50%, at: round}}\n",
     ":4:48: expected at: phase"},
    {HEAD VARIANT PHASE "observe: {x: {histogram: x, quantile: 50%, series: y}}\n",
     ":4:26: expected one of series, histogram and sql"},
    {HEAD VARIANT PHASE "observe: {x: {series: y, quantile: 50%}}\n",
     ":4:36: expected no quantile"},
    {HEAD VARIANT PHASE "observe: [{histogram: x, quantile: 50%}]\n",
     ":4:11: expected names with what is observed"},
    {HEAD VARIANT PHASE "database: none\nobserve: {x: {sql: select 1}}\n",
     ":5:20: sql needs a database"},
    {HEAD VARIANT PHASE "database: postgres\nobserve: {x: {sql: select 1, at: round, take: max}}\n",
     ":5:47: expected no take: at: round asks once"},
    {HEAD VARIANT PHASE "database: postgres\nobserve: {x: {sql: select 1, at: round}}\n"
                        "expect: [a.p.x == 0]\n",
     "expected no phase before 'x'"},
    {HEAD VARIANT PHASE "sample_every: 1ms\n", ":4:15: "},
    {TIMED "faults: {kind: delay}\n", ":5:9: expected a list of faults, not a mapping"},
    {TIMED "faults: [delay]\n", ":5:10: expected a fault, such as {kind: latency"},
    {TIMED "faults: [{at: 1s}]\n", ":5:10: expected a fault to have a kind"},
    {TIMED "faults: [{kind: []}]\n", ":5:17: expected a kind of fault"},
    {TIMED "faults: [{kind: dellay}]\n",
     ":5:17: expected a kind of fault, not 'dellay' (did you mean 'delay'?)"},
    {TIMED "faults: [{kind: pausse}]\n", "(did you mean 'pause'?)"},
    {TIMED "faults: [{kind: delay, dely: 1s}]\n",
     ":5:24: expected a key of fault 'delay', not 'dely' (did you mean 'delay'?)"},
    {TIMED "faults: [{kind: cut, delay: 1s}]\n", ":5:22: expected a key of fault 'cut'"},
    {TIMED "faults: [{kind: delay, delay: soon}]\n", ":5:31: delay: expected a duration"},
    {TIMED "faults: [{kind: delay, jitter: 1s}]\n", ":5:10: jitter must not exceed delay"},
    {TIMED "faults: [{kind: lock}]\n", ":5:10: expected a table"},
    {TIMED "faults: [{kind: cut}, {kind: cut}]\n",
     ":5:23: expected another name: 'cut' is the fault on line 5"},
    {TIMED "faults: [{kind: cut, name: '1'}]\n", ":5:28: expected a fault to be named"},
    {TIMED "faults: [{kind: cut}]\nobserve: {cut_depth: hits_total}\n",
     ":5:10: expected another name: 'cut_depth' is a metric already"},
    {TIMED "faults: [{kind: cut}]\nderive: {cut_depth: p99}\n",
     "expected another name: 'cut_depth' is a metric already"},
    {TIMED "faults: [{kind: cut, on: net}]\n", ":5:26: on: expected"},
    {TIMED "faults: [{kind: slow_query, on: service}]\n",
     ":5:33: expected on: database, for slow_query"},
    {TIMED "faults: [{kind: pause, on: database}]\n", ":5:28: expected on: service, for pause"},
    {TIMED "faults: [{kind: lock, table: x, stream: both}]\n",
     ":5:41: expected no stream: that is for faults of connections, not for lock"},
    {TIMED "faults: [{kind: pause, toxicity: 1}]\n", "expected no toxicity"},
    {TIMED "faults: [{kind: cut, toxicity: 2}]\n", ":5:32: toxicity: expected a share"},
    {TIMED "faults: [{kind: cut, phase: w}]\n", ":5:29: expected the name of a measured phase"},
    {TIMED "faults: [{kind: cut, at: 10s}]\n", ":5:26: expected at to lie in phase 'p'"},
    {TIMED "faults: [{kind: cut, at: 4s, for: 7s}]\n",
     ":5:35: the fault goes on when phase 'p' is over"},
    {TIMED "faults: [{kind: cut, at: 4s, for: 4s, hold: 3s}]\n",
     ":5:45: phase 'p' goes on for 2.00 s after the fault, less than its hold of 3.00 s"},
    {TIMED "faults: [{kind: cut, at: 4s, hold: 3s}]\n", "goes on for no time after the fault"},
    {TIMED "faults: [{kind: cut, name: b, at: 5s}, {kind: cut, at: 2s, for: 1s, hold: 3s}]\n",
     ":5:75: fault 'b' begins 2.00 s after this one, less than its hold of 3.00 s"},
    {HEAD VARIANT PHASE "faults: [{kind: lock, table: x}]\n",
     ":4:10: lock is on the database, and the scenario has none"},
    {HEAD "variants: {a: {url: 'http://x'}}\n" PHASE "faults: [{kind: pause}]\n",
     ":4:10: expected no url for variant 'a': pause needs a subject that the run starts"},
    {HEAD VARIANT "phases: [{name: k, for: 1m, search: {objective: p99 < 1s}}]\n"
                  "faults: [{kind: cut}]\n",
     ":4:10: expected no fault in phase 'k': it searches for a knee"},
    {HEAD VARIANT PHASE "observe: [x_total, x_total]\n", "'x_total' is a metric already"},
    {HEAD VARIANT PHASE "observe: x\n", "metric names with their series, or a list of series"},
    {HEAD VARIANT PHASE "derive: {x: x / 2}\n", ":4:13: expected the name of a metric, not 'x'"},
    {HEAD VARIANT PHASE "derive: {x: p99 < 1s}\n", "expected a figure, not a condition"},
    {HEAD VARIANT PHASE "derive: {x: {from: p99, unit: bytes}}\n", "expected unit: auto"},
    {HEAD VARIANT PHASE "show: [p98]\n", ":4:8: expected the name of a metric, not 'p98'"},
    {HEAD VARIANT PHASE "show: [p99 / p50]\n", "an expression goes under derive"},
    {HEAD VARIANT PHASE "expect: [a.p99 < 50]\n", ":4:18: expected a duration beside 'a.p99'"},
    {HEAD VARIANT PHASE "expect: ['a.p99 < 50']\n", ":4:19: expected a duration beside 'a.p99'"},
    {HEAD VARIANT PHASE "expect: [b.p99 < 50ms]\n", ":4:10: expected the name of a variant"},
    {HEAD VARIANT PHASE "expect: [a.q.p99 < 50ms]\n", ":4:12: expected the name of a phase"},
    {HEAD VARIANT PHASE "expect: [a.p99]\n", "expected a condition, such as a.p99 <"},
    {HEAD VARIANT PHASE "expect: {a: b}\n", "expected a list of conditions, not a mapping"},
    {HEAD VARIANT PHASE "invariants: [p99 <]\n", ":4:19: expected a number, a metric"},
    {HEAD VARIANT PHASE "claims: [{what: w, says: '1'}]\n", "expected a claim to have 'figure'"},
    {HEAD VARIANT PHASE "claims: [{what: w, figure: none, says: '1'}]\n", "expected why"},
    {HEAD VARIANT PHASE "claims: [{what: w, figure: a.p99, says: '1'}]\n",
     ":4:41: expected a duration, perhaps behind"},
    {HEAD VARIANT PHASE "claims: [{what: w, figure: a.p99 < 1s, says: '1'}]\n",
     "the condition goes under says"},
};

static const char grid[] = "question: q\n"
                           "subject: {serve: }\n"
                           "variants: {a: {serve: {threads: 1}}, b: {serve: {threads: 2}}}\n"
                           "load: {payload: 1KB, method: POST}\n"
                           "phases:\n"
                           "  - {name: warm, kind: warmup, for: 1s}\n"
                           "  - {name: fast, for: 2s}\n"
                           "  - {name: steady, for: 3s, rate: 5/s}\n"
                           "axes:\n"
                           "  allocator: {set: subject.allocator, to: [glibc, jemalloc]}\n"
                           "  size: {set: load.payload, to: [1KB, 16KB, 64KiB]}\n"
                           "grid: {phases: [warm, fast], rounds: 6, figures: [b.fast.p50]}\n"
                           "expect: [a.steady.errors == 0]\n"
                           "claims: [{what: w, figure: none, says: s, why: y}]\n"
                           "invariants: [errors == 0]\n";

static void grids_lay_values_over_the_file(void **unused)
{
    (void)unused;
    char name[64];
    struct plan *plan = parsed(grid), *cell = NULL;
    assert_int_equal(plan_cell_count(plan), 6);
    assert_int_equal(plan->phase_count, 3);
    assert_null(plan->cell);
    assert_string_equal(plan_cell_name(plan, 0, name, sizeof(name)), "allocator=glibc,size=1KB");
    assert_string_equal(plan_cell_name(plan, 5, name, sizeof(name)),
                        "allocator=jemalloc,size=64KiB");
    assert_ok(plan_parse_cell("family/name.yaml", grid, strlen(grid), &tables, name, &cell, NULL));
    assert_string_equal(cell->cell, name);
    assert_string_equal(cell->name, plan->name);
    assert_int_equal(cell->phase_count, 2);
    assert_string_equal(cell->phases[1].name, "fast");
    assert_int_equal(cell->phases[1].requests[0].payload_bytes, 65536);
    assert_int_equal(cell->variants[1].subject.allocator, PLAN_ALLOCATOR_JEMALLOC);
    assert_int_equal(cell->rounds, 6);
    assert_int_equal(cell->expect_count + cell->claim_count, 0);
    assert_int_equal(cell->invariant_count, 1);
    assert_int_equal(cell->figure_count, 1);
    assert_string_equal(expr_text(cell->figures[0]), "b.fast.p50");
    assert_int_equal(plan_cell_count(cell), 6);
    plan_destroy(cell);
    plan_destroy(plan);
}

static void a_grid_may_say_nothing_but_its_axes(void **unused)
{
    (void)unused;
    static const char text[] = "question: q\n"
                               "variants: {a: {serve: }, b: {serve: }, c: {serve: }}\n"
                               "phases: [{name: p, for: 1s}]\n"
                               "axes: {n: {set: subject.serve.threads, to: [1, 2]}}\n";
    struct plan *plan = parsed(text), *cell = NULL;
    assert_int_equal(plan->figure_count, 2);
    assert_string_equal(expr_text(plan->figures[1]), "c.qps / a.qps");
    assert_ok(plan_parse_cell("f", text, strlen(text), &tables, "n=2", &cell, NULL));
    assert_int_equal(cell->variants[2].subject.serve.count, 1);
    assert_string_equal(cell->variants[2].subject.serve.items[0].value, "2");
    assert_int_equal(cell->rounds, 10);
    plan_destroy(cell);
    plan_destroy(plan);
}

#define GRID(rest_)                                                                                \
    "question: q\nvariants: {a: {serve: {threads: 1}}}\nload: {connections: 9}\n"                  \
    "phases: [{name: p, for: 1s}]\n" rest_ "\n"

static void what_is_no_grid_is_refused(void **unused)
{
    (void)unused;
    static const struct {
        const char *text, *cell, *says;
    } wrong[] = {
        {GRID("grid: {rounds: 3}"), NULL, "f:5:7: expected axes for the grid"},
        {GRID("axes: {}"), NULL, "f:5:7: expected 1 to 3 axes"},
        {GRID("axes: {x: {to: [1]}}"), NULL, "expected an axis to have 'set'"},
        {GRID("axes: {x: {set: load.connections}}"), NULL, "expected an axis to have 'to'"},
        {GRID("axes: {x: {set: rounds, to: [1]}}"), NULL, "expected a path below subject, load"},
        {GRID("axes: {x: {set: load.connections, to: [1, 1]}}"), NULL, "'1' is given twice"},
        {GRID("axes: {x: {set: load.connections, to: ['a b']}}"), NULL, "expected a value of at"},
        {GRID("axes: {x: {set: subject.serve.threads, to: [1]}}"), NULL,
         "axis 'x' does nothing: every variant says serve.threads by itself"},
        {GRID("axes: {x: {set: load.connections, to: [1]}}\ngrid: {figures: [a.p50 < 1s]}"), NULL,
         "expected a figure, not a condition"},
        {GRID("axes: {x: {set: load.conections, to: [1]}}"), "x=1",
         "f:5:39: expected a key of load, not 'conections'"},
        {GRID("axes: {x: {set: load.connections, to: [1, many]}}"), "x=many",
         "f:5:43: connections: expected a whole number"},
        {GRID("axes: {x: {set: load.connections.y, to: [1]}}"), "x=1",
         "f:5:42: expected a path whose keys"},
        {GRID("axes: {x: {set: load.connections, to: [1]}}\ngrid: {phases: [q]}"), "x=1",
         "f:6:16: expected names of phases"},
        {GRID("axes: {x: {set: load.connections, to: [1]}}"), "x=2", "expected a cell of the grid"},
        {GRID("axes: {x: {set: load.connections, to: [1]}}"), "y=1", "expected a cell of the grid"},
        {GRID("axes: {x: {set: load.connections, to: [1]}}"), "x", "expected a cell of the grid"},
        {GRID(""), "x=1", "expected a cell of the grid, not 'x=1'"},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct plan *plan = NULL;
        struct err err = {0};
        int rc = plan_parse_cell("f", wrong[i].text, strlen(wrong[i].text), &tables, wrong[i].cell,
                                 &plan, &err);
        if (rc != -EINVAL || !strstr(err.text, wrong[i].says))
            print_error("%s\n%s\nwanted: %s\n", wrong[i].text, err.text, wrong[i].says);
        assert_int_equal(rc, -EINVAL);
        assert_null(plan);
        assert_non_null(strstr(err.text, wrong[i].says));
    }
}

static void mistakes_are_pointed_at(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
        struct plan *plan = NULL;
        struct err err = {0};
        int rc = parse(refusals[i].text, &plan, &err);
        if (!strstr(err.text, refusals[i].says))
            print_error("%s\n%s\nwanted: %s\n", refusals[i].text, err.text, refusals[i].says);
        assert_int_equal(rc, -EINVAL);
        assert_null(plan);
        assert_non_null(strstr(err.text, refusals[i].says));
        assert_ptr_equal(strstr(err.text, "family/name.yaml:"), err.text);
        assert_int_equal(parse(refusals[i].text, &plan, NULL), -EINVAL);
    }
}

#define DATABASE(text_)                                                                            \
    "question: Is it?\ndatabase: " text_ "variants: {a: {serve: {}}}\n"                            \
    "phases: [{name: p, for: 1s}]\n"

static void databases_are_read(void **unused)
{
    (void)unused;
    struct plan *plan = parsed(DATABASE("postgres\n"));
    assert_int_equal(plan->database.kind, PLAN_DATABASE_POSTGRES);
    assert_null(plan->database.setup.text);
    plan_destroy(plan);
    plan = parsed(DATABASE("\n"
                           "  settings: {max_connections: '100', work_mem: 4MB}\n"
                           "  setup: |\n"
                           "\n"
                           "    CREATE TABLE t (i int);\n"
                           "      INSERT INTO t VALUES (1);\n"
                           "  each_round: 'TRUNCATE t'\n"));
    const struct plan_database *database = &plan->database;
    assert_int_equal(database->kind, PLAN_DATABASE_POSTGRES);
    assert_int_equal(database->setting_count, 2);
    assert_string_equal(database->settings[1].name, "work_mem");
    assert_string_equal(database->settings[1].value, "4MB");
    assert_int_equal(database->settings[1].where.line, 3);
    assert_string_equal(database->each_round.text, "TRUNCATE t");
    struct plan_where where = sql_where(&database->each_round, 9);
    assert_int_equal(where.line, 8);
    assert_int_equal(where.column, 25);
    where = sql_where(&database->setup,
                      (size_t)(strstr(database->setup.text, "INSERT") - database->setup.text));
    assert_int_equal(where.line, 7);
    assert_int_equal(where.column, 7);
    plan_destroy(plan);
    plan = parsed("question: Is it?\nvariants: {a: {serve: {}}}\nphases: [{name: p, for: 1s}]\n");
    assert_int_equal(plan->database.kind, PLAN_DATABASE_NONE);
    plan_destroy(plan);
}

static void size_depth_and_aliases_are_bounded(void **unused)
{
    (void)unused;
    struct plan *plan = NULL;
    struct err err = {0};
    size_t size = PLAN_FILE_BYTES_MAX + 1;
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, '#', size);
    assert_int_equal(plan_parse("f", text, size, &tables, &plan, &err), -EFBIG);
    memset(text, '[', PLAN_FILE_BYTES_MAX);
    assert_int_equal(plan_parse("f", text, PLAN_FILE_BYTES_MAX, &tables, &plan, &err), -EINVAL);
    assert_non_null(strstr(err.text, "f:1:33: expected at most 32 levels"));
    size_t length = 0;
    for (int i = 0; i < 300; i++)
        length += (size_t)snprintf(text + length, size - length, "- &a%d x\n", i);
    assert_int_equal(plan_parse("f", text, length, &tables, &plan, &err), -EINVAL);
    assert_non_null(strstr(err.text, "f:257:3: expected at most 256 anchors"));
    length = 0;
    for (int i = 0; i < 20; i++)
        length += (size_t)snprintf(text + length, size - length, "%%TAG !a%d! x\n", i);
    assert_int_equal(plan_parse("f", text, length, &tables, &plan, &err), -EINVAL);
    assert_non_null(strstr(err.text, "f:17:1: expected at most 16 lines"));
    memcpy(text, "a: ", 3);
    memset(text + 3, '[', 40);
    memset(text + 43, ']', 40);
    assert_int_equal(plan_parse("f", text, 83, &tables, &plan, &err), -EINVAL);
    assert_non_null(strstr(err.text, "expected at most 32 levels of nesting"));
    free(text);
    static const char laughs[] = "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
                                 "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
                                 "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
                                 "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
                                 "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n";
    assert_int_equal(parse(laughs, &plan, &err), -EINVAL);
    assert_non_null(strstr(err.text, "expected a smaller file"));
}

static void files_that_cannot_be_read_are_named(void **unused)
{
    (void)unused;
    struct plan *plan = NULL;
    struct err err = {0};
    assert_int_equal(plan_load("/no/such.yaml", &tables, &plan, &err), -ENOENT);
    assert_non_null(strstr(err.text, "/no/such.yaml"));
    assert_int_equal(plan_load("/", &tables, &plan, &err), -EISDIR);
    assert_int_equal(plan_load("/dev/null", &tables, &plan, &err), -EINVAL);
    assert_null(plan);
}

static bool is_section(const char *name)
{
    for (const struct plan_section *section = plan_sections; section->name; section++)
        if (strcmp(section->name, name) == 0)
            return true;
    return strcmp(name, "serve") == 0;
}

static void every_key_is_described(void **unused)
{
    (void)unused;
    size_t sections = 0;
    for (const struct plan_section *section = plan_sections; section->name; section++) {
        sections++;
        assert_non_null(section->help);
        for (const struct plan_key *key = section->keys; key->name; key++) {
            assert_non_null(key->help);
            assert_true(!(key->how & PLAN_BRIEF) || key->of);
            assert_true(!key->of || is_section(key->of));
        }
        for (size_t i = 0; section->settings[i]; i++)
            for (const struct param *param = section->settings[i]; param->name; param++)
                assert_non_null(param->help);
    }
    assert_int_equal(sections, 14);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variants_carry_whole_subjects),
        cmocka_unit_test(phases_carry_whole_loads),
        cmocka_unit_test(metrics_know_their_units),
        cmocka_unit_test(claims_and_conditions_are_read),
        cmocka_unit_test(a_round_is_gathered_from_its_phases),
        cmocka_unit_test(gauges_are_gathered_as_they_are_taken),
        cmocka_unit_test(bounds_are_reached),
        cmocka_unit_test(quantiles_of_histograms_are_observed),
        cmocka_unit_test(faults_stand_on_a_timeline),
        cmocka_unit_test(sql_is_observed_of_a_database),
        cmocka_unit_test(a_variant_may_be_another_kind_of_subject),
        cmocka_unit_test(what_is_said_for_any_kind_of_subject_stays),
        cmocka_unit_test(measured_phases_search_where_no_rate_is_said),
        cmocka_unit_test(a_ledger_is_shown),
        cmocka_unit_test(grids_lay_values_over_the_file),
        cmocka_unit_test(a_grid_may_say_nothing_but_its_axes),
        cmocka_unit_test(what_is_no_grid_is_refused),
        cmocka_unit_test(mistakes_are_pointed_at),
        cmocka_unit_test(databases_are_read),
        cmocka_unit_test(size_depth_and_aliases_are_bounded),
        cmocka_unit_test(files_that_cannot_be_read_are_named),
        cmocka_unit_test(every_key_is_described),
    };
    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
