/* SPDX-License-Identifier: MIT */
/* plan_micro_test.c - scenarios of kind micro: benchmarks for services, and no load. */
#include "test.h"

#include "core/clock.h"
#include "plan/plan.h"

#include <math.h>
#include <string.h>

static const struct plan_tables tables = {0};

#define HEAD    "question: Is it?\nkind: micro\n"
#define SUBJECT "subject: {row: 1KiB/first, allocator: jemalloc, env: {A: b}}\n"
#define VARIANTS                                                                                   \
    "variants:\n  heap: {benchmark: malloc}\n  pool: {benchmark: object_pool/called, "             \
    "threads: 2, allocator: glibc}\n"
#define PHASES "phases: [{name: timed, for: 300ms}]\n"

static struct plan *parsed(const char *text)
{
    struct plan *plan = NULL;
    struct err err = {0};
    if (plan_parse("family/name.yaml", text, strlen(text), &tables, &plan, &err))
        fail_msg("%s", err.text);
    return plan;
}

static void refused(const char *text, const char *why)
{
    struct plan *plan = NULL;
    struct err err = {0};
    assert_int_equal(plan_parse("n.yaml", text, strlen(text), &tables, &plan, &err), -EINVAL);
    assert_null(plan);
    if (!strstr(err.text, why) || strncmp(err.text, "n.yaml:", 7) != 0)
        fail_msg("'%s' lacks '%s'", err.text, why);
}

static void variants_are_benchmarks(void **unused)
{
    (void)unused;
    struct plan *plan = parsed(HEAD SUBJECT VARIANTS PHASES
                               "observe: {retries: retries, spent: {series: spent_seconds_total}}\n"
                               "show: [retries]\n"
                               "expect: [pool.time_per_op / heap.time_per_op < 1]\n"
                               "claims: [{what: w, figure: pool.ops, says: 480k/s}]\n");
    assert_int_equal(plan->kind, PLAN_KIND_MICRO);
    const struct plan_subject *heap = &plan->variants[0].subject;
    const struct plan_subject *pool = &plan->variants[1].subject;
    assert_int_equal(heap->kind, PLAN_SUBJECT_MICRO);
    assert_string_equal(heap->benchmark, "malloc");
    assert_string_equal(heap->row, "1KiB/first");
    assert_int_equal(heap->threads, 1);
    assert_int_equal(heap->allocator, PLAN_ALLOCATOR_JEMALLOC);
    assert_null(heap->health);
    assert_string_equal(pool->benchmark, "object_pool/called");
    assert_string_equal(pool->row, "1KiB/first");
    assert_int_equal(pool->threads, 2);
    assert_int_equal(pool->allocator, PLAN_ALLOCATOR_GLIBC);
    assert_string_equal(pool->env.items[0].value, "b");
    assert_int_equal(plan->phase_count, 1);
    assert_int_equal(plan->phases[0].kind, PLAN_PHASE_MEASURE);
    assert_int_equal(plan->phases[0].length_ns, 300 * NS_PER_MS);
    assert_int_equal(plan->phases[0].request_count, 0);
    plan_destroy(plan);
}

/* A benchmark's counter is taken as it stands, whatever its name ends in. */
static void a_round_is_its_one_phase(void **unused)
{
    (void)unused;
    struct plan *plan =
        parsed(HEAD SUBJECT VARIANTS PHASES "observe: {spent: {series: spent_seconds_total}}\n"
                                            "derive: {share: spent / time_per_op}\n");
    size_t spent = METRIC_BUILTIN_COUNT, share = spent + 1;
    assert_false(plan->observes[0].counter);
    assert_true(plan->observes[0].scale == 1e9);
    assert_int_equal(plan_phase_of(plan, METRIC_TIME_PER_OP), 0);
    double row[METRIC_BUILTIN_COUNT + 2], whole[METRIC_BUILTIN_COUNT + 2];
    for (size_t i = 0; i < plan->metric_count; i++)
        row[i] = whole[i] = NAN;
    row[METRIC_TIME_PER_OP] = 20;
    row[METRIC_ITERATIONS] = 7;
    row[spent] = 5;
    plan_derive(plan, row);
    plan_gather(plan, row, whole);
    assert_true(whole[METRIC_TIME_PER_OP] == 20 && whole[METRIC_ITERATIONS] == 7);
    assert_true(whole[spent] == 5 && whole[share] == 0.25);
    assert_true(isnan(whole[METRIC_QPS]) && isnan(whole[METRIC_ERRORS]));
    plan_destroy(plan);
}

static void each_kind_has_its_columns(void **unused)
{
    (void)unused;
    struct plan *plan = parsed(HEAD SUBJECT VARIANTS PHASES);
    assert_int_equal(plan_columns(plan)[0], METRIC_TIME_PER_OP);
    assert_int_equal(plan_compared(plan)[0], METRIC_TIME_PER_OP);
    assert_int_equal(plan_compared(plan)[1], -1);
    plan->kind = PLAN_KIND_SERVICE;
    assert_int_equal(plan_columns(plan)[0], METRIC_QPS);
    assert_int_equal(plan_compared(plan)[1], METRIC_P99);
    plan_destroy(plan);
}

static void axes_set_what_is_run(void **unused)
{
    (void)unused;
    static const char text[] = HEAD SUBJECT "variants: {heap: {benchmark: malloc}}\n" PHASES
                                            "axes: {threads: {set: subject.threads, to: [1, 2]}}\n"
                                            "grid: {figures: [heap.time_per_op]}\n";
    struct plan *plan = NULL;
    assert_ok(plan_parse_cell("n.yaml", text, strlen(text), &tables, "threads=2", &plan, NULL));
    assert_int_equal(plan->variants[0].subject.threads, 2);
    plan_destroy(plan);
}

static void mistakes_are_pointed_at(void **unused)
{
    (void)unused;
    refused("question: a\nkind: mikro\n", "micro");
    refused(HEAD SUBJECT "variants: {a: {threads: 2}}\n" PHASES, "variant 'a' has no benchmark");
    refused(HEAD "variants: {a: {benchmark: 'a.*'}}\n" PHASES, "expected the name of a benchmark");
    refused(HEAD "variants: {a: {benchmark: a, row: '('}}\n" PHASES, "and of a row");
    refused(HEAD "variants: {a: {benchmark: a, threads: 0}}\n" PHASES, "n.yaml:3:39");
    refused(HEAD "variants: {a: {serve: {}}}\n" PHASES, "'serve' has no place");
    refused(HEAD "subject: {url: 'http://a'}\nvariants: {a: {benchmark: a}}\n" PHASES,
            "'url' has no place");
    refused(HEAD VARIANTS PHASES "load: {connections: 1}\n", "has no load");
    refused(HEAD VARIANTS PHASES "database: postgres\n", "has no database");
    refused(HEAD VARIANTS PHASES "faults: []\n", "has no faults");
    refused(HEAD VARIANTS PHASES "ledger: select 1\n", "has no ledger");
    refused(HEAD VARIANTS "phases: []\n", "at least one phase");
    refused(HEAD VARIANTS "phases: [{name: a}]\n", "how long each benchmark is timed");
    refused(HEAD VARIANTS "phases: [{for: 1s}]\n", "to have a name");
    refused(HEAD VARIANTS "phases: [{name: heap, for: 1s}]\n", "'heap' is a variant");
    refused(HEAD VARIANTS "phases: [{name: a, for: 1s, rate: 5}]\n", "a key of phase");
    refused(HEAD VARIANTS "phases: [{name: a, kind: warmup, for: 1s}]\n", "warm up by themselves");
    refused(HEAD VARIANTS "phases: [{name: a, for: 1s}, {name: b, for: 1s}]\n", "one phase");
    refused(HEAD VARIANTS PHASES "observe: {a: {histogram: b_seconds, quantile: 0.5}}\n",
            "a counter of a benchmark");
    refused(HEAD VARIANTS PHASES "observe: {a: {series: b, take: max}}\n",
            "a counter of a benchmark");
    refused(HEAD VARIANTS PHASES "expect: [heap.qps > 1]\n", "such as time_per_op, not 'qps'");
    refused(HEAD VARIANTS PHASES "show: [p99]\n", "such as time_per_op, not 'p99'");
}

/* And the other way round. */
static void services_have_no_benchmarks(void **unused)
{
    (void)unused;
#define SERVICE "question: a\nvariants: {a: {url: 'http://127.0.0.1:1'}}\n" PHASES
    refused("question: a\nvariants: {a: {benchmark: malloc}}\n" PHASES, "expected kind: micro");
    refused(
        "question: a\nsubject: {threads: 2}\nvariants: {a: {url: 'http://127.0.0.1:1'}}\n" PHASES,
        "'threads' is of benchmarks");
    refused(SERVICE "expect: [a.time_per_op < 1us]\n", "'time_per_op' is a figure of benchmarks");
    struct plan *plan = parsed(SERVICE);
    assert_int_equal(plan->kind, PLAN_KIND_SERVICE);
    plan_destroy(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variants_are_benchmarks),   cmocka_unit_test(a_round_is_its_one_phase),
        cmocka_unit_test(each_kind_has_its_columns), cmocka_unit_test(axes_set_what_is_run),
        cmocka_unit_test(mistakes_are_pointed_at),   cmocka_unit_test(services_have_no_benchmarks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
