/* SPDX-License-Identifier: MIT */
/* compare_test.c - tests of comparisons of two runs: pairs, words, Holm's correction, limits. */
#include "report/compare.h"

#include "report_fixture.h"

enum { ENOUGH = 10000, FEW = 500 };

static const struct fault_type fault_cut = {.name = "cut", .summary = "cuts"};
static const struct fault_type *const proxy_faults[] = {&fault_cut, NULL};
static const struct plan_tables known = {.proxy_faults = proxy_faults};

/* A fault and all else that a load can be made of. */
#define LOADED(request, fault, database)                                                           \
    "question: q\nsource: s\nnoise: 2%\n" database                                                 \
    "variants: {a: {url: 'http://[::1]:1'}, b: {url: 'http://[::1]:1'}}\n"                         \
    "load: {" request "}\n"                                                                        \
    "phases: [{name: steady, kind: measure, for: 8s}]\n"                                           \
    "faults: [{kind: cut, name: hole, on: service, " fault ", for: 1s, hold: 1s}]\n"               \
    "rounds: 10\n"

#define BENCHMARKS(b)                                                                              \
    "question: q\nkind: micro\nvariants: {a: {benchmark: x}, b: {benchmark: x, " b "}}\n"          \
    "phases: [{name: steady, for: 1s}]\nrounds: 10\n"

static const char loaded[] = LOADED("path: /a", "at: 2s", "");

static const char scenario[] = "question: q\nsource: s\nnoise: 2%\n"
                               "variants: {a: {serve: {}}, b: {serve: {}}}\n"
                               "load: {}\n"
                               "phases: [{name: steady, kind: measure, for: 1s}]\n"
                               "derive: {load_of: {from: qps * p50}}\n"
                               "rounds: 10\n";

/* A run of the scenario: figures of both variants are steady but for a little noise of their own.
 */
struct run {
    const char *text; /* NULL: the scenario above */
    const char *name; /* of the file; NULL: family/name.yaml */
    size_t rounds;    /* 0: 10 */
    uint64_t seed;
    double qps, p99_ns; /* 0: 1000/s, 10 ms */
    double b_qps;       /* of variant b; 0: as a */
    double errors;      /* a share, in all rounds */
    double noise;       /* 0: 1 % */
    uint64_t requests;  /* 0: ENOUGH */
    size_t invalid;     /* rounds of a, from the first */
    size_t never; /* of the loaded scenario: blocks in which its fault is never recovered from */
    bool quick;
    const char *cpu, *kernel;
};

static const struct run plain = {0};

static double wave(size_t block, uint64_t seed, double noise)
{
    static const double steps[] = {0.1, -0.9, 0.5, 1, -0.4, 0.7, -0.2, -0.6, 0.3, -1};
    return 1 + noise * steps[(block + seed * 3) % 10];
}

static void fill(struct result *result, const struct run *run)
{
    double noise = run->noise > 0 ? run->noise : 0.01;
    for (size_t block = 0; block < result->block_count; block++) {
        for (size_t variant = 0; variant < result->variant_count; variant++) {
            double qps = variant % 2 && run->b_qps > 0 ? run->b_qps
                         : run->qps > 0                ? run->qps
                                                       : 1000;
            double p99 = run->p99_ns > 0 ? run->p99_ns : 10e6;
            double shake = wave(block + variant, run->seed, noise);
            struct result_round *round =
                fixture_round(result, block, variant, qps * shake, p99 * shake,
                              run->requests ? run->requests : ENOUGH);
            round->rows[METRIC_ERRORS] = run->errors;
            round->rows[METRIC_ERROR_COUNT] = run->errors * round->rows[METRIC_REQUESTS];
            if (result->plan->fault_count > 0)
                round->rows[plan_fault_metric(result->plan, 0, PLAN_FAULT_RECOVER)] =
                    block < run->never ? METRIC_NEVER_NS : 2e9 * shake;
            plan_gather(result->plan, round->rows, round->whole);
            if (variant == 0 && block < run->invalid)
                result_round_invalid(round, "the generator was late");
        }
    }
}

static struct sheet *make_sheet(const struct run *run)
{
    const char *text = run->text ? run->text : scenario;
    struct plan *plan = NULL;
    struct sheet *sheet = NULL;
    struct err err = {0};
    int rc = plan_parse(run->name ? run->name : "family/name.yaml", text, strlen(text), &known,
                        &plan, &err);
    if (rc)
        print_error("%s\n", err.text);
    assert_ok(rc);
    struct result *result = fixture_result(plan);
    result->block_count = run->rounds ? run->rounds : 10;
    result->seed = run->seed;
    result->start_ns = run->seed + 1;
    result->quick = run->quick;
    (void)snprintf(result->environment.cpu_model, sizeof(result->environment.cpu_model), "%s",
                   run->cpu ? run->cpu : "some CPU");
    (void)snprintf(result->environment.kernel, sizeof(result->environment.kernel), "%s",
                   run->kernel ? run->kernel : "Linux 6.1");
    fill(result, run);
    struct judgement *judgement = fixture_judge(result);
    assert_ok(sheet_create(result, judgement, NULL, "somewhere", &sheet, &err));
    judgement_destroy(judgement);
    result_destroy(result);
    plan_destroy(plan);
    return sheet;
}

/* Two runs, compared. */
struct bench {
    struct sheet *a, *b;
    struct compare_limit limits[COMPARE_LIMITS_MAX];
    struct compare_options options;
    struct comparison *comparison;
    struct err err;
    int rc;
};

static void bench_open(struct bench *bench, const struct run *a, const struct run *b,
                       const char *limits)
{
    struct run second = *b;
    second.seed += second.seed == a->seed ? 1 : 0; /* another run */
    bench->a = make_sheet(a);
    bench->b = make_sheet(&second);
    bench->options.limits = bench->limits;
    if (limits)
        assert_ok(compare_parse_limits(limits, bench->limits, &bench->options.limit_count, NULL));
    bench->rc =
        comparison_create(bench->a, bench->b, &bench->options, &bench->comparison, &bench->err);
}

static void bench_close(struct bench *bench)
{
    comparison_destroy(bench->comparison);
    sheet_destroy(bench->a);
    sheet_destroy(bench->b);
}

static const struct comparison *found(const struct bench *bench)
{
    assert_ok(bench->rc);
    if (!bench->comparison)
        abort();
    return bench->comparison;
}

static const struct compared *row_of(const struct bench *bench, const char *variant,
                                     const char *path)
{
    for (size_t i = 0; i < found(bench)->row_count; i++) {
        const struct compared *row = &found(bench)->rows[i];
        if (strcmp(row->variant->name, variant) == 0 && strcmp(row->a->path, path) == 0)
            return row;
    }
    fail_msg("no row of %s of %s", path, variant);
    return NULL;
}

static bool remarked(const struct comparison *comparison, const char *text, bool grave)
{
    for (size_t i = 0; i < comparison->remark_count; i++)
        if (strstr(comparison->remarks[i].text, text) && comparison->remarks[i].grave == grave)
            return true;
    return false;
}

static char *written(const struct comparison *comparison, bool markdown)
{
    static const struct table_style style = {.width = 160};
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    if (markdown)
        assert_ok(comparison_write_markdown(comparison, out, NULL));
    else
        assert_ok(comparison_write(comparison, out, &style, NULL));
    assert_ok(fclose(out));
    return text;
}

/* Inlined, gcc 12 takes what it returns for the address of its own variable. */
__attribute__((noinline)) static char *baseline_of(struct sheet *sheet)
{
    struct sheet *items[] = {sheet};
    struct sheets sheets = {.items = items, .count = 1};
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    assert_ok(sheets_write(&sheets, out, NULL));
    assert_ok(fclose(out));
    return text;
}

/* ---- Words ----------------------------------------------------------------------------------- */

static void tells_the_words_apart(void **state)
{
    (void)state;
    static const struct {
        struct run b;
        enum stats_verdict qps, p99;
    } cases[] = {
        {{.qps = 1000}, STATS_EQUIVALENT, STATS_EQUIVALENT},
        {{.qps = 800, .b_qps = 800, .p99_ns = 12e6}, STATS_WORSE, STATS_WORSE},
        {{.qps = 1200, .b_qps = 1200, .p99_ns = 8e6}, STATS_BETTER, STATS_BETTER},
        {{.qps = 980, .b_qps = 980}, STATS_INCONCLUSIVE, STATS_EQUIVALENT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct bench bench = {0};
        bench_open(&bench, &plain, &cases[i].b, NULL);
        assert_int_equal(row_of(&bench, "a", "qps")->verdict, cases[i].qps);
        assert_int_equal(row_of(&bench, "b", "p99")->verdict, cases[i].p99);
        assert_int_equal(found(&bench)->row_count, 4);
        assert_int_equal(found(&bench)->gate, GATE_NONE);
        bench_close(&bench);
    }
}

static void gives_levels_ratios_and_what_is_detectable(void **state)
{
    (void)state;
    struct bench bench = {0};
    bench_open(&bench, &plain, &(struct run){.qps = 1100}, NULL);
    const struct compared *row = row_of(&bench, "a", "qps");
    assert_true(fabs(row->level_a - 1000) < 5 && fabs(row->level_b - 1100) < 5);
    assert_true(row->estimated && !row->shift && row->estimate.bounded);
    assert_true(fabs(row->estimate.value - 1.1) < 0.01);
    assert_true(row->estimate.low > 1.08 && row->estimate.high < 1.12);
    assert_true(row->estimate.detectable > 0 && row->estimate.detectable < 0.03);
    bench_close(&bench);
}

static void gives_no_verdict_without_enough_rounds(void **state)
{
    (void)state;
    static const struct run runs[] = {
        {.rounds = 5, .qps = 500}, {.invalid = 5, .qps = 500}, {.quick = true, .qps = 500}};
    for (size_t i = 0; i < sizeof(runs) / sizeof(*runs); i++) {
        struct bench bench = {0};
        bench_open(&bench, &plain, &runs[i], "qps=10%");
        const struct compared *row = row_of(&bench, "a", "qps");
        assert_int_equal(row->verdict, STATS_NO_VERDICT);
        assert_true(row->note[0] != '\0');
        assert_int_equal(row->gate, GATE_INVALID);
        assert_int_equal(found(&bench)->gate, GATE_INVALID);
        bench_close(&bench);
    }
}

static void leaves_invalid_rounds_out(void **state)
{
    (void)state;
    struct bench bench = {0};
    bench_open(&bench, &plain, &(struct run){.invalid = 3}, NULL);
    assert_int_equal(row_of(&bench, "a", "qps")->estimate.count, 7);
    assert_int_equal(row_of(&bench, "b", "qps")->estimate.count, 10);
    assert_true(remarked(bench.comparison, "3 of 20 rounds were invalid", false));
    bench_close(&bench);
}

static void wants_requests_for_a_percentile(void **state)
{
    (void)state;
    struct bench bench = {0};
    bench_open(&bench, &plain, &(struct run){.requests = FEW, .p99_ns = 50e6}, "p99=10%");
    const struct compared *row = row_of(&bench, "a", "p99");
    assert_int_equal(row->needs, 10000);
    assert_int_equal(row->verdict, STATS_NO_VERDICT);
    assert_non_null(strstr(row->note, "B had 500"));
    assert_int_equal(row->gate, GATE_INVALID);
    assert_int_equal(row_of(&bench, "a", "qps")->verdict, STATS_EQUIVALENT);
    bench_close(&bench);
}

/* The least p-value counts as often as there are rows. */
static void corrects_for_how_many_are_compared(void **state)
{
    (void)state;
    struct bench bench = {0};
    struct run changed = {.qps = 1045, .noise = 0.03};
    bench_open(&bench, &(struct run){.noise = 0.03}, &changed, NULL);
    assert_ok(bench.rc);
    double least = 1;
    for (size_t i = 0; i < found(&bench)->row_count; i++)
        least = fmin(least, found(&bench)->rows[i].estimate.p_value);
    for (size_t i = 0; i < found(&bench)->row_count; i++) {
        const struct compared *row = &found(&bench)->rows[i];
        assert_true(row->p_holm >= row->estimate.p_value);
        if (row->estimate.p_value <= least)
            assert_true(fabs(row->p_holm - fmin(1, 4 * least)) < 1e-9);
    }
    bench_close(&bench);
}

/* ---- Pairs ----------------------------------------------------------------------------------- */

/* One run, its second half with another program. */
static struct result *interleaved(const struct plan *plan, double qps)
{
    struct result *result = NULL;
    assert_ok(result_create(&result, plan, NULL));
    for (size_t i = 0; i < 4; i++) {
        assert_ok(result_add_variant(result, i % 2,
                                     i < 2   ? NULL
                                     : i % 2 ? "b@old"
                                             : "a@old",
                                     NULL));
        if (i >= 2)
            result->variants[i].program = strdup("old");
    }
    result->block_count = 10;
    for (size_t block = 0; block < 10; block++) {
        double drift = 1 + 0.2 * (double)block; /* hits both alike */
        for (size_t variant = 0; variant < 4; variant++)
            fixture_round(result, block, variant, (variant < 2 ? qps : 1000) * drift, 10e6 * drift,
                          ENOUGH);
    }
    return result;
}

static void pairs_rounds_of_one_run(void **state)
{
    (void)state;
    struct plan *plan = fixture_plan(scenario);
    struct result *result = interleaved(plan, 900);
    result_round_invalid(&result->rounds[0], "late"); /* a, in the first block */
    struct judgement *judgement = fixture_judge(result);
    struct sheet *old = NULL, *new = NULL;
    struct comparison *comparison = NULL;
    struct compare_limit limits[COMPARE_LIMITS_MAX];
    struct compare_options options = {.limits = limits};
    assert_ok(compare_parse_limits("qps=5%", limits, &options.limit_count, NULL));
    assert_ok(sheet_create(result, judgement, "old", NULL, &old, NULL));
    assert_ok(sheet_create(result, judgement, NULL, NULL, &new, NULL));
    assert_int_equal(old->variant_count, 2);
    assert_string_equal(old->variants[1].name, "b");
    assert_ok(comparison_create(old, new, &options, &comparison, NULL));
    assert_true(comparison->paired);
    assert_true(remarked(comparison, "paired: both sides ran in turns", false));
    const struct compared *row = &comparison->rows[0];
    assert_int_equal(row->estimate.count, 9); /* a's block without a valid round drops out */
    assert_true(fabs(row->estimate.value - 0.9) < 1e-9);
    assert_int_equal(row->verdict, STATS_WORSE); /* which the drift would hide from two samples */
    assert_int_equal(comparison->gate, GATE_FAIL);
    comparison_destroy(comparison);
    assert_int_equal(sheet_create(result, judgement, "other", NULL, &old, NULL), -ENOENT);
    sheet_destroy(old);
    sheet_destroy(new);
    judgement_destroy(judgement);
    result_destroy(result);
    plan_destroy(plan);
}

static void does_not_pair_two_runs(void **state)
{
    (void)state;
    struct bench bench = {0};
    bench_open(&bench, &plain, &plain, NULL);
    assert_ok(bench.rc);
    assert_false(found(&bench)->paired);
    assert_true(remarked(bench.comparison, "not paired", false));
    bench_close(&bench);
}

/* ---- What cannot be compared ----------------------------------------------------------------- */

static void refuses_what_has_nothing_in_common(void **state)
{
    (void)state;
    static const char others[] = "question: q\nsource: s\nvariants: {c: {serve: {}}}\nload: {}\n"
                                 "phases: [{name: steady, kind: measure, for: 1s}]\n";
    static const struct {
        struct run b;
        const char *says;
    } cases[] = {
        {{.name = "family/other.yaml"}, "family/name cannot be compared with family/other"},
        {{.text = others}, "no variant 'c' in the first run"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct bench bench = {0};
        bench_open(&bench, &plain, &cases[i].b, NULL);
        assert_int_equal(bench.rc, -EINVAL);
        assert_non_null(strstr(bench.err.text, cases[i].says));
        bench_close(&bench);
    }
}

static void refuses_the_same_run_twice(void **state)
{
    (void)state;
    struct sheet *a = make_sheet(&plain), *b = make_sheet(&plain);
    struct comparison *comparison = NULL;
    struct err err = {0};
    assert_int_equal(comparison_create(a, b, NULL, &comparison, &err), -EINVAL);
    assert_non_null(strstr(err.text, "the same run"));
    sheet_destroy(a);
    sheet_destroy(b);
}

static void says_what_is_different(void **state)
{
    (void)state;
    static const char longer[] = "question: q\nsource: s\nnoise: 2%\n"
                                 "variants: {a: {serve: {}}, c: {serve: {}}}\n"
                                 "load: {}\n"
                                 "phases: [{name: steady, kind: measure, for: 2s}]\n"
                                 "derive: {load_of: {from: qps * p50}}\n"
                                 "rounds: 10\n";
    struct bench bench = {0};
    bench_open(&bench, &plain,
               &(struct run){.text = longer, .cpu = "another CPU", .kernel = "Linux 6.6"},
               "a.qps=10%");
    assert_ok(bench.rc);
    const struct comparison *now = found(&bench);
    assert_true(remarked(now, "load of phase steady: for=1", true));
    assert_true(remarked(now, "CPU: some CPU → another CPU", true));
    assert_true(remarked(now, "kernel: Linux 6.1 → Linux 6.6", false));
    assert_true(remarked(now, "the scenario's text has changed", false));
    assert_true(remarked(now, "seed: 0 → 1", false));
    assert_true(remarked(now, "c is in the second run alone", false));
    assert_true(remarked(now, "b is in the first run alone", false));
    assert_true(now->remarks[0].grave && now->remarks[1].grave);
    assert_int_equal(now->gate, GATE_INVALID);
    assert_int_equal(row_of(&bench, "a", "qps")->verdict, STATS_EQUIVALENT);
    bench.options.anyway = true;
    comparison_destroy(bench.comparison);
    assert_ok(comparison_create(bench.a, bench.b, &bench.options, &bench.comparison, NULL));
    assert_int_equal(found(&bench)->gate, GATE_PASS);
    bench_close(&bench);
}

/* Who changes what is sent, what goes wrong, or what it is stored in, measures something else. */
static void another_load_is_grave(void **state)
{
    (void)state;
    static const char database[] = "database: {kind: postgres, settings: {work_mem: 1MB}, "
                                   "setup: 'create table t (id int)'}\n";
    static const struct {
        const char *a, *b, *says;
    } cases[] = {
        {loaded, LOADED("path: /b", "at: 2s", ""), "request1.path=/a → request1.path=/b"},
        {loaded, LOADED("path: /a, method: POST", "at: 2s", ""), "→ request1.method=POST"},
        {loaded, LOADED("path: /a, headers: 'X-A: 1'", "at: 2s", ""), "request1.headers=X-A: 1"},
        {loaded, LOADED("path: /a, method: PUT, body: b", "at: 2s", ""), "request1.body=b"},
        {loaded, LOADED("path: /a, payload: 1KB", "at: 2s", ""), "request1.payload="},
        {loaded, LOADED("requests: [{path: /a}, {path: /b}]", "at: 2s", ""), "request2.path=/b"},
        {loaded, LOADED("path: /a", "at: 3s", ""), "fault.hole.at=2s → fault.hole.at=3s"},
        {loaded, LOADED("path: /a", "at: 2s, slack: 1s", ""), "fault.hole.slack=1s"},
        {loaded, LOADED("path: /a", "at: 2s, toxicity: 50%", ""), "fault.hole.toxicity=0.5"},
        {BENCHMARKS("threads: 1"), BENCHMARKS("threads: 2"), "b.threads=1 → b.threads=2"},
        {BENCHMARKS("row: x"), BENCHMARKS("row: y"), "b.row=x → b.row=y"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct bench bench = {0};
        bench_open(&bench, &(struct run){.text = cases[i].a}, &(struct run){.text = cases[i].b},
                   "qps=10%");
        if (!remarked(found(&bench), cases[i].says, true))
            print_error("expected %s, not %s\n", cases[i].says, found(&bench)->remarks[0].text);
        assert_true(remarked(found(&bench), cases[i].says, true));
        assert_int_equal(found(&bench)->gate, GATE_INVALID);
        bench_close(&bench);
    }
    char one[1000], other[1000];
    (void)snprintf(one, sizeof(one), "%s%s", database, loaded);
    (void)snprintf(other, sizeof(other), "%s%s", database, loaded);
    memcpy(strstr(other, "id int"), "no int", 6);
    struct bench bench = {0};
    bench_open(&bench, &(struct run){.text = one}, &(struct run){.text = other}, NULL);
    assert_true(remarked(found(&bench), "settings of the database: setup=", true));
    bench_close(&bench);
}

/* Bodies of which only the ends differ are told apart, too, and take no more than a line. */
static void long_texts_of_a_load_are_cut(void **state)
{
    (void)state;
#define TEN     "0000000000"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
    static const char first[] = LOADED("path: /a, method: PUT, body: '" HUNDRED "a'", "at: 2s", "");
    static const char other[] = LOADED("path: /a, method: PUT, body: '" HUNDRED "b'", "at: 2s", "");
    struct bench bench = {0};
    bench_open(&bench, &(struct run){.text = first}, &(struct run){.text = other}, NULL);
    assert_true(remarked(found(&bench), "request1.body=0000", true));
    assert_true(remarked(found(&bench), "(101 bytes, ", true));
    assert_null(strstr(bench.a->phases[0].load, "000a"));
    bench_close(&bench);
}

/* ---- Never ----------------------------------------------------------------------------------- */

/* What does not come back any more is worse than all that does, and is no missing figure. */
static void never_is_compared(void **state)
{
    (void)state;
    static const struct {
        size_t a, b; /* rounds of ten */
        enum gate_word gate;
        enum stats_verdict verdict;
        const char *note;
    } cases[] = {
        {0, 0, GATE_PASS, STATS_EQUIVALENT, ""},
        {0, 8, GATE_FAIL, STATS_WORSE, ""},
        {0, 10, GATE_FAIL, STATS_WORSE, ""},
        {8, 0, GATE_PASS, STATS_BETTER, ""},
        {10, 0, GATE_PASS, STATS_BETTER, ""},
        {0, 4, GATE_UNSURE, STATS_INCONCLUSIVE, "never in some rounds"},
        {10, 10, GATE_UNSURE, STATS_INCONCLUSIVE, "never on both sides"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct bench bench = {.options = {.metrics = "hole_recover"}};
        bench_open(&bench, &(struct run){.text = loaded, .never = cases[i].a},
                   &(struct run){.text = loaded, .never = cases[i].b}, "hole_recover=20%");
        const struct compared *row = row_of(&bench, "a", "hole_recover");
        assert_int_equal(row->gate, cases[i].gate);
        assert_int_equal(row->verdict, cases[i].verdict);
        assert_int_equal(strncmp(row->note, cases[i].note, strlen(cases[i].note)), 0);
        assert_int_equal(isinf(row->level_a), cases[i].a > 5);
        assert_int_equal(isinf(row->level_b), cases[i].b > 5);
        bench_close(&bench);
    }
}

static void never_is_a_word_in_tables_and_baselines(void **state)
{
    (void)state;
    struct bench bench = {.options = {.metrics = "hole_recover"}};
    bench_open(&bench, &(struct run){.text = loaded, .never = 1},
               &(struct run){.text = loaded, .never = 10}, "hole_recover=20%");
    char *text = written(found(&bench), true);
    assert_non_null(strstr(text, "| 2.00 s | never |"));
    assert_null(strstr(text, "inf"));
    free(text);
    text = baseline_of(bench.a);
    assert_non_null(strstr(text, "\"values\":[\"never\","));
    struct sheets read = {0};
    assert_ok(sheets_parse("kept.json", text, strlen(text), &read, NULL));
    const struct sheet_figure *figure =
        sheet_figure_find(sheet_variant_find(read.items[0], "a"), "hole_recover");
    assert_non_null(figure);
    assert_true(isinf(figure->values[0]) && isfinite(figure->values[1]));
    assert_string_equal(read.items[0]->database, "");
    sheets_fini(&read);
    char *word = strstr(text, "\"never\"");
    memcpy(word, "\"naver\"", 7);
    struct err err = {0};
    assert_int_equal(sheets_parse("kept.json", text, strlen(text), &read, &err), -EINVAL);
    assert_non_null(strstr(err.text, "numbers, null or \"never\""));
    sheets_fini(&read);
    free(text);
    bench_close(&bench);
}

/* ---- Limits ---------------------------------------------------------------------------------- */

static void judges_by_limits(void **state)
{
    (void)state;
    static const struct {
        struct run b;
        const char *limits;
        enum gate_word word;
    } cases[] = {
        {{.qps = 900}, "qps=5%", GATE_FAIL},
        {{.qps = 900}, "qps=20%", GATE_PASS},
        {{.qps = 900}, "b.qps=5%", GATE_PASS},
        {{.qps = 900}, "b.qps=5%,a.qps=5%", GATE_FAIL},
        {{.qps = 900}, "qps=5%,a.qps=30%", GATE_PASS}, /* the one of the variant goes first */
        {{.qps = 900}, "qps=5%,family/name:qps=30%", GATE_PASS}, /* likewise of the scenario */
        {{.qps = 900}, "qps=5%,family/other:qps=30%", GATE_FAIL},
        {{.qps = 900}, "qps=30%,family/other:p98=1%", GATE_PASS}, /* whose figures are its own */
        {{.qps = 950}, "qps=5%", GATE_UNSURE},
        {{.qps = 1200}, "qps=5%", GATE_PASS},
        {{.p99_ns = 12e6}, "p99=10%", GATE_FAIL},
        {{.p99_ns = 10.5e6}, "p99=10%", GATE_PASS},
        {{.p99_ns = 5e6}, "p99=0", GATE_PASS},
        {{.p99_ns = 25e6}, "p99=200%", GATE_PASS},
        {{.errors = 0}, "errors=1%", GATE_PASS},
        {{.errors = 0.02}, "errors=1%", GATE_FAIL},
        {{.errors = 0.005}, "errors=1%", GATE_PASS},
        {{.errors = 0}, "error_count=10%", GATE_PASS},   /* 0 before and after */
        {{.errors = 0.1}, "error_count=10%", GATE_FAIL}, /* more than 0 by any share */
        {{.qps = 900, .requests = FEW}, "p99=10%,qps=5%", GATE_FAIL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct bench bench = {0};
        struct run b = cases[i].b;
        b.b_qps = 1000;
        bench_open(&bench, &plain, &b, cases[i].limits);
        assert_ok(bench.rc);
        if (found(&bench)->gate != cases[i].word)
            print_error("case %zu: %s\n", i, gate_word(found(&bench)->gate));
        assert_int_equal(found(&bench)->gate, cases[i].word);
        bench_close(&bench);
    }
}

/* What is no longer there is no better than it was. */
static void a_variant_that_is_gone_fails(void **state)
{
    (void)state;
    static const char one[] = "question: q\nsource: s\nnoise: 2%\nvariants: {a: {serve: {}}}\n"
                              "load: {}\nphases: [{name: steady, kind: measure, for: 1s}]\n"
                              "rounds: 10\n";
    static const struct {
        const char *limits, *variants;
        enum gate_word word;
    } cases[] = {
        {"qps=20%", NULL, GATE_FAIL},   {"b.qps=20%", NULL, GATE_FAIL},
        {"a.qps=20%", NULL, GATE_PASS}, {"qps=20%", "a", GATE_PASS}, /* b was not asked for */
        {"qps=20%", "a,b", GATE_FAIL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct bench bench = {.options = {.variants = cases[i].variants}};
        bench_open(&bench, &plain, &(struct run){.text = one}, cases[i].limits);
        assert_int_equal(found(&bench)->gate, cases[i].word);
        if (cases[i].word == GATE_FAIL)
            assert_string_equal(row_of(&bench, "b", "qps")->note, "no such variant");
        bench_close(&bench);
    }
}

static void rounds_of_two_runs_are_joined(void **state)
{
    (void)state;
    struct sheet *a = make_sheet(&(struct run){.rounds = 6, .qps = 1000});
    struct sheet *b = make_sheet(&(struct run){.rounds = 4, .seed = 5, .qps = 2000, .invalid = 1});
    struct sheet *other = make_sheet(&(struct run){.name = "family/other.yaml"});
    double values[10];
    assert_ok(sheet_join(a, b, NULL));
    assert_int_equal(a->block_count, 10);
    assert_int_equal(a->round_invalid, 1);
    const struct sheet_variant *variant = sheet_variant_find(a, "a");
    const struct sheet_figure *qps = sheet_figure_find(variant, "qps");
    assert_true(qps->values[5] < 1100 && isnan(qps->values[6]) && qps->values[7] > 1900);
    assert_int_equal(sheet_values(a, qps, values), 9);
    assert_int_equal(sheet_join(a, other, NULL), -EINVAL);
    struct sheet *many = make_sheet(&(struct run){.rounds = 505});
    assert_int_equal(sheet_join(a, many, NULL), -E2BIG);
    assert_int_equal(a->block_count, 10);
    sheet_destroy(a);
    sheet_destroy(b);
    sheet_destroy(other);
    sheet_destroy(many);
}

static void limits_are_test_cases(void **state)
{
    (void)state;
    struct bench bench = {0};
    struct junit_suite suite = {0};
    bench_open(&bench, &plain, &(struct run){.qps = 800, .b_qps = 1000}, "qps=5%");
    comparison_junit(found(&bench), &suite);
    assert_string_equal(suite.name, "family/name");
    assert_int_equal(suite.case_count, 2);
    assert_string_equal(suite.cases[0].name, "qps of a");
    assert_int_equal(suite.cases[0].fate, JUNIT_FAILED);
    assert_string_equal(suite.cases[0].type, "regression");
    assert_non_null(strstr(suite.cases[0].message, "fail: 1.00 k/s → 800/s, 0.8"));
    assert_int_equal(suite.cases[1].fate, JUNIT_PASSED);
    comparison_junit(found(&bench), &suite); /* in the places of those before */
    assert_int_equal(suite.case_count, 2);
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    assert_ok(junit_suites_write(&suite, 1, out, NULL));
    assert_ok(fclose(out));
    assert_non_null(strstr(text, "<testsuite name=\"family/name\" tests=\"2\" failures=\"1\""));
    assert_non_null(strstr(text, "<failure type=\"regression\" message=\"fail: "));
    free(text);
    junit_suite_fini(&suite);
    bench_close(&bench);
}

static void says_what_a_gate_could_not_have_seen(void **state)
{
    (void)state;
    struct bench bench = {0};
    struct run noisy = {.noise = 0.3};
    bench_open(&bench, &noisy, &noisy, "qps=5%");
    const struct compared *row = row_of(&bench, "a", "qps");
    assert_int_equal(row->gate, GATE_UNSURE);
    assert_true(row->limit_detectable > row->estimate.detectable);
    assert_non_null(strstr(row->note, "could not have seen it"));
    bench_close(&bench);
}

/* Six pairs have no p-value below 1/32, which as one of four says nothing. */
static void says_when_rounds_are_too_few_for_so_many_limits(void **state)
{
    (void)state;
    struct plan *plan = fixture_plan(scenario);
    struct result *result = interleaved(plan, 500);
    result->block_count = 6;
    result->round_count = 24;
    struct judgement *judgement = fixture_judge(result);
    struct sheet *old = NULL, *new = NULL;
    struct comparison *comparison = NULL;
    struct compare_limit limits[COMPARE_LIMITS_MAX];
    struct compare_options options = {.limits = limits};
    assert_ok(compare_parse_limits("qps=5%,p99=5%", limits, &options.limit_count, NULL));
    assert_ok(sheet_create(result, judgement, "old", NULL, &old, NULL));
    assert_ok(sheet_create(result, judgement, NULL, NULL, &new, NULL));
    assert_ok(comparison_create(old, new, NULL, &comparison, NULL));
    assert_true(comparison->rows[0].estimate.high < 0.9);
    assert_int_equal(comparison->rows[0].verdict, STATS_INCONCLUSIVE);
    assert_non_null(strstr(comparison->rows[0].note, "but not as one of 4 (Holm: p = 0.12)"));
    comparison_destroy(comparison);
    assert_ok(comparison_create(old, new, &options, &comparison, NULL));
    assert_int_equal(comparison->rows[0].gate, GATE_INVALID);
    assert_int_equal(comparison->gate, GATE_INVALID);
    assert_non_null(strstr(comparison->rows[0].note, "6 rounds cannot show anything of 4 limits"));
    assert_non_null(strstr(comparison->rows[0].note, "8 could"));
    char *text = written(comparison, false);
    assert_non_null(strstr(text, "nothing"));
    free(text);
    comparison_destroy(comparison);
    sheet_destroy(old);
    sheet_destroy(new);
    judgement_destroy(judgement);
    result->round_count = 40; /* all of them are to be freed */
    result_destroy(result);
    plan_destroy(plan);
}

static void refuses_limits_that_mean_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "expected limits such as p99=10%,qps=5%"},
        {"p99", "expected METRIC=SHARE"},
        {"=5%", "expected METRIC=SHARE"},
        {"p99=", "expected a share such as 10%, not ''"},
        {"p99=-5%", "expected a share"},
        {"p99=10%%", "expected a share"},
        {"p99=10ms", "expected a share"},
        {"p99=nan", "expected a share"},
        {"p99=1e9", "expected a share"},
        {"p99=5%,p99=6%", "given twice"},
        {"f/n:p99=5%,f/n:p99=6%", "given twice"},
        {":p99=5%", "expected SCENARIO:METRIC=SHARE"},
        {"f/n:=5%", "expected SCENARIO:METRIC=SHARE"},
    };
    struct compare_limit limits[COMPARE_LIMITS_MAX];
    size_t count;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct err err = {0};
        assert_int_equal(compare_parse_limits(cases[i].text, limits, &count, &err), -EINVAL);
        assert_non_null(strstr(err.text, cases[i].says));
    }
    static const struct {
        const char *text, *says;
    } unknown[] = {
        {"p98=5%", "has no figure 'p98'; did you mean 'p9"},
        {"c.p99=5%", "has no figure 'c.p99'"},
        {"requests=5%", "neither more nor less"},
        {"qps=100%", "less than 100%"},
    };
    for (size_t i = 0; i < sizeof(unknown) / sizeof(*unknown); i++) {
        struct bench bench = {0};
        bench_open(&bench, &plain, &plain, unknown[i].text);
        assert_int_equal(bench.rc, -EINVAL);
        assert_non_null(strstr(bench.err.text, unknown[i].says));
        bench_close(&bench);
    }
}

static void compares_the_metrics_asked_for(void **state)
{
    (void)state;
    struct bench bench = {.options = {.metrics = "p50,a.load_of,errors"}};
    bench_open(&bench, &plain, &plain, NULL);
    assert_int_equal(found(&bench)->row_count, 5);
    assert_int_equal(row_of(&bench, "a", "load_of")->verdict, STATS_NO_VERDICT);
    assert_true(row_of(&bench, "b", "errors")->shift);
    bench_close(&bench);
    struct bench wrong = {.options = {.metrics = "p50,p51"}};
    bench_open(&wrong, &plain, &plain, NULL);
    assert_int_equal(wrong.rc, -EINVAL);
    assert_non_null(strstr(wrong.err.text, "no figure 'p51'; did you mean"));
    bench_close(&wrong);
}

/* ---- For people ------------------------------------------------------------------------------ */

static void writes_tables(void **state)
{
    (void)state;
    struct bench bench = {.options = {.label_a = "before", .label_b = "now"}};
    bench_open(&bench, &plain, &(struct run){.qps = 800, .b_qps = 1000}, "qps=5%");
    assert_ok(bench.rc);
    char *text = written(bench.comparison, false);
    assert_non_null(strstr(text, "now / before"));
    assert_non_null(strstr(text, "not paired"));
    assert_non_null(strstr(text, "✘ fail (−5 %)"));
    assert_non_null(strstr(text, "✘ worse by more than the limit: qps of a\n"));
    free(text);
    text = written(bench.comparison, true);
    assert_non_null(strstr(text, "## family/name"));
    assert_non_null(strstr(text, "| worse |"));
    free(text);
    bench_close(&bench);
}

/* ---- Baselines ------------------------------------------------------------------------------- */

static void a_baseline_gives_back_what_a_comparison_needs(void **state)
{
    (void)state;
    struct bench bench = {0};
    bench_open(&bench, &(struct run){.invalid = 2, .seed = UINT64_MAX}, &(struct run){.qps = 850},
               "qps=5%,errors=1%");
    assert_ok(bench.rc);
    char *text = baseline_of(bench.a);
    struct sheets read = {0};
    assert_ok(sheets_parse("kept.json", text, strlen(text), &read, NULL));
    assert_int_equal(read.count, 1);
    assert_string_equal(read.items[0]->origin, "kept.json");
    struct comparison *again = NULL;
    assert_ok(comparison_create(read.items[0], bench.b, &bench.options, &again, NULL));
    assert_int_equal(again->row_count, found(&bench)->row_count);
    assert_int_equal(again->remark_count, found(&bench)->remark_count);
    assert_int_equal(again->gate, GATE_FAIL);
    for (size_t i = 0; i < again->row_count; i++) {
        const struct compared *row = &again->rows[i], *was = &found(&bench)->rows[i];
        assert_int_equal(row->gate, was->gate);
        assert_int_equal(row->verdict, was->verdict);
        assert_int_equal(row->estimate.count, was->estimate.count);
        assert_true(fabs(row->estimate.low - was->estimate.low) < 1e-6);
    }
    comparison_destroy(again);
    sheets_fini(&read);
    free(text);
    bench_close(&bench);
}

static char *replaced(const char *text, const char *what, const char *by)
{
    const char *at = strstr(text, what);
    size_t size_bytes = strlen(text) + strlen(by) + 1;
    char *out = malloc(size_bytes);
    assert_non_null(at);
    assert_non_null(out);
    (void)snprintf(out, size_bytes, "%.*s%s%s", (int)(at - text), text, by, at + strlen(what));
    return out;
}

/* What a later version notes of a run and sets in a load, an earlier one did not write. */
static void baselines_of_older_versions_are_read(void **state)
{
    (void)state;
    struct sheet *now = make_sheet(&plain);
    char *whole = baseline_of(now);
    char *without = replaced(whole, "\"governor\":", "\"not_yet\":");
    char *text = replaced(without, "connections=64\\n", "");
    struct sheets read = {0};
    struct comparison *comparison = NULL;
    assert_ok(sheets_parse("kept.json", text, strlen(text), &read, NULL));
    assert_string_equal(read.items[0]->environment.governor, "");
    assert_null(strstr(read.items[0]->phases[0].load, "connections"));
    now->run[0] ^= 1; /* another run */
    assert_ok(comparison_create(read.items[0], now, NULL, &comparison, NULL));
    for (size_t i = 0; i < comparison->remark_count; i++)
        assert_false(comparison->remarks[i].grave);
    comparison_destroy(comparison);
    sheets_fini(&read);
    free(text);
    text = replaced(whole, "connections=64\\n", "connections=65\\n");
    assert_ok(sheets_parse("kept.json", text, strlen(text), &read, NULL));
    assert_ok(comparison_create(read.items[0], now, NULL, &comparison, NULL));
    assert_true(
        remarked(comparison, "load of phase steady: connections=65 → connections=64", true));
    comparison_destroy(comparison);
    sheets_fini(&read);
    free(text);
    free(without);
    free(whole);
    sheet_destroy(now);
}

/* Whatever is taken out of it or cut off, it is refused or is whole. */
static void damaged_baselines_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *instead, *of, *says;
    } cases[] = {
        {"\"poolstorm_baseline\":1", "\"poolstorm_baseline\":2",
         "a baseline of version 2; expected 1"},
        {"poolstorm_baseline", "poolstorm_bas_line", "not a baseline"},
        {"\"unit\":\"per_s\"", "\"unit\":\"furlong\"", "unit: expected a word"},
        {"\"blocks\":10", "\"blocks\":11", "values: expected one for each block"},
        {"\"blocks\":10", "\"blocks\":-1", "blocks: expected a count"},
        {"\"seed\":\"0\"", "\"seed\":\"x\"", "seed: expected a text of digits"},
        {"\"noise\":0.02", "\"noise\":2.02", "noise: expected a share"},
        {"\"variants\":[", "\"variant_\":[", "variants: expected one or more"},
        {"\"kernel\":", "\"kernel\":6,\"kernal\":", "kernel: expected a text"},
        {"\"cpu_count\":", "\"cpu_count\":-1,\"cpu_coont\":", "cpu_count: expected a count"},
        {"\"values\":[", "\"values\":[[],", "values: expected"},
    };
    struct sheet *sheet = make_sheet(&plain);
    char *text = baseline_of(sheet);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct sheets read = {0};
        struct err err = {0};
        const char *at = strstr(text, cases[i].instead);
        char *damaged = NULL;
        assert_non_null(at);
        assert_true(asprintf(&damaged, "%.*s%s%s", (int)(at - text), text, cases[i].of,
                             at + strlen(cases[i].instead)) > 0);
        assert_int_equal(sheets_parse("kept.json", damaged, strlen(damaged), &read, &err), -EINVAL);
        assert_non_null(strstr(err.text, cases[i].says));
        assert_non_null(strstr(err.text, "kept.json"));
        assert_int_equal(read.count, 0);
        sheets_fini(&read);
        free(damaged);
    }
    for (size_t length = 0; length + 2 < strlen(text); length += 97) {
        struct sheets read = {0};
        assert_int_equal(sheets_parse("kept.json", text, length, &read, NULL), -EINVAL);
        sheets_fini(&read);
    }
    free(text);
    sheet_destroy(sheet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_the_words_apart),
        cmocka_unit_test(gives_levels_ratios_and_what_is_detectable),
        cmocka_unit_test(gives_no_verdict_without_enough_rounds),
        cmocka_unit_test(leaves_invalid_rounds_out),
        cmocka_unit_test(wants_requests_for_a_percentile),
        cmocka_unit_test(corrects_for_how_many_are_compared),
        cmocka_unit_test(pairs_rounds_of_one_run),
        cmocka_unit_test(does_not_pair_two_runs),
        cmocka_unit_test(refuses_what_has_nothing_in_common),
        cmocka_unit_test(refuses_the_same_run_twice),
        cmocka_unit_test(says_what_is_different),
        cmocka_unit_test(another_load_is_grave),
        cmocka_unit_test(long_texts_of_a_load_are_cut),
        cmocka_unit_test(never_is_compared),
        cmocka_unit_test(never_is_a_word_in_tables_and_baselines),
        cmocka_unit_test(judges_by_limits),
        cmocka_unit_test(a_variant_that_is_gone_fails),
        cmocka_unit_test(rounds_of_two_runs_are_joined),
        cmocka_unit_test(limits_are_test_cases),
        cmocka_unit_test(says_what_a_gate_could_not_have_seen),
        cmocka_unit_test(says_when_rounds_are_too_few_for_so_many_limits),
        cmocka_unit_test(refuses_limits_that_mean_nothing),
        cmocka_unit_test(compares_the_metrics_asked_for),
        cmocka_unit_test(writes_tables),
        cmocka_unit_test(a_baseline_gives_back_what_a_comparison_needs),
        cmocka_unit_test(baselines_of_older_versions_are_read),
        cmocka_unit_test(damaged_baselines_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
