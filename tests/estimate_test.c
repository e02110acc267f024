/* SPDX-License-Identifier: MIT */
/* estimate_test.c - how long a run is said to take follows from what it is made of. */
#include "test.h"

#include "core/clock.h"
#include "run/estimate.h"
#include "run/prepare.h"

#include <string.h>

#define VARIANTS "question: q\nvariants: {a: {url: 'http://x'}, b: {url: 'http://x'}}\n"
#define PHASES                                                                                     \
    "phases: [{name: w, kind: warmup, for: 1s}, {name: p, for: 4s}, {name: d, kind: drain, for: "  \
    "2s}]\n"

static const struct plan_fault_kind outage = {.name = "outage", .service = true};
static const struct plan_fault_kind *const kinds[] = {&outage, NULL};
static const struct plan_tables tables = {.runner_faults = kinds};

/* What stays of a run as options have it: its estimate less the starts, a tenth of a second each at
 * most without a database. */
static double seconds(const char *text, const char *cell, struct runner_options options,
                      size_t *rounds)
{
    struct plan *plan;
    struct result *result;
    uint64_t length_ns;
    options.noise_share = -1;
    assert_ok(plan_parse_cell("f.yaml", text, strlen(text), &tables, cell, &plan, NULL));
    assert_ok(prepare_shape(plan, &options, &result, NULL));
    *rounds = result->block_count;
    double starts_s = 0.1 * (double)(result->block_count * result->variant_count);
    assert_ok(estimate_run(plan, &options, &length_ns, NULL));
    result_destroy(result);
    plan_destroy(plan);
    uint64_t whole_s = length_ns / NS_PER_S;
    assert_true(length_ns > whole_s * NS_PER_S);
    assert_true((double)(length_ns - whole_s * NS_PER_S) <= starts_s * 1e9);
    return (double)whole_s;
}

static void a_run_is_its_rounds(void **unused)
{
    (void)unused;
    size_t rounds;
    assert_true(seconds(VARIANTS PHASES "rounds: 3", NULL, (struct runner_options){0}, &rounds) ==
                3 * 2 * 7);
    assert_int_equal(rounds, 3);
    assert_true(seconds(VARIANTS PHASES, NULL, (struct runner_options){.blocks = 2}, &rounds) ==
                2 * 2 * 7);
    assert_true(seconds(VARIANTS PHASES, NULL,
                        (struct runner_options){.blocks = 2, .variants = "b"}, &rounds) == 2 * 7);
    assert_true(seconds(VARIANTS PHASES, NULL,
                        (struct runner_options){.blocks = 1, .overrides = "measure=10s"},
                        &rounds) == 2 * 13);
}

static void a_quick_run_has_fewer_and_shorter_ones(void **unused)
{
    (void)unused;
    static const char faulty[] =
        VARIANTS PHASES "faults: [{kind: outage, on: service, at: 1s, for: 1s}]\n";
    static const char grid[] = VARIANTS PHASES "axes: {n: {set: load.connections, to: [1, 2]}}\n";
    const struct runner_options quick = {.quick = true};
    size_t rounds;
    assert_true(seconds(VARIANTS PHASES, NULL, quick, &rounds) == 2 * 2 * 2.5);
    assert_int_equal(rounds, 2);
    assert_true(seconds(VARIANTS PHASES "rounds: 1", NULL, quick, &rounds) == 2 * 2.5);
    /* A timeline is gone through once, and whole. */
    assert_true(seconds(faulty, NULL, quick, &rounds) == 2 * 7);
    assert_int_equal(rounds, 1);
    assert_true(seconds(grid, "n=2", quick, &rounds) == 2 * 2.5);
    assert_int_equal(rounds, 1);
    /* Who says more gets it. */
    assert_true(seconds(grid, "n=2", (struct runner_options){.quick = true, .blocks = 4},
                        &rounds) == 4 * 2 * 2.5);
    assert_true(seconds(faulty, NULL,
                        (struct runner_options){.quick = true, .overrides = "measure=2s"},
                        &rounds) == 2 * 5);
}

static void a_search_is_not_its_bound(void **unused)
{
    (void)unused;
    static const char text[] =
        VARIANTS "load: {search: {objective: p99 < 1s, from: 10/s, step: 500ms, settle: 500ms}}\n"
                 "phases: [{name: climb, for: 100s}]\nrounds: 1\n";
    size_t rounds;
    assert_true(seconds(text, NULL, (struct runner_options){0}, &rounds) < 50);
    assert_true(seconds(text, NULL, (struct runner_options){.overrides = "measure=2s"}, &rounds) ==
                2 * 2);
}

static void options_that_fit_nothing_are_refused(void **unused)
{
    (void)unused;
    static const char text[] = VARIANTS PHASES;
    const struct runner_options options = {.variants = "c", .noise_share = -1};
    struct plan *plan;
    struct err err = {0};
    uint64_t length_ns;
    assert_ok(plan_parse("f.yaml", text, strlen(text), &tables, &plan, NULL));
    assert_int_equal(estimate_run(plan, &options, &length_ns, &err), -EINVAL);
    assert_non_null(strstr(err.text, "no variant 'c'"));
    plan_destroy(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_is_its_rounds),
        cmocka_unit_test(a_quick_run_has_fewer_and_shorter_ones),
        cmocka_unit_test(a_search_is_not_its_bound),
        cmocka_unit_test(options_that_fit_nothing_are_refused),
    };
    return cmocka_run_group_tests_name("estimate", tests, NULL, NULL);
}
