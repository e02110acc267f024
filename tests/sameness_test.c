/* SPDX-License-Identifier: MIT */
/* sameness_test.c - what A/A runs found is kept in lines, read back and counted. */
#include "report/sameness.h"

#include "report_fixture.h"

static const char scenario[] = "question: q\nsource: s\nnoise: 2%\n"
                               "variants: {a: {serve: {}}, b: {serve: {}}}\nload: {}\n"
                               "phases: [{name: steady, kind: measure, for: 1s}]\nrounds: 6\n";

static const char head[] = "started,seed,commit,scenario,variant,metric,pairs,rounds,"
                           "rounds_invalid,value,low,high,verdict\n";

/* An A/A run whose second side has so many times the QPS. */
static void add_run(struct samenesses *all, uint64_t seed, double ratio, size_t invalid)
{
    struct plan *plan = fixture_plan(scenario);
    struct result *result = fixture_result(plan);
    result->aa = true;
    result->seed = seed;
    result->block_count = 6;
    result->noise_share = 0.02;
    (void)snprintf(result->environment.started, sizeof(result->environment.started), "then");
    for (size_t block = 0; block < 6; block++) {
        double shake = 1 + 0.001 * (double)block;
        fixture_round(result, block, 0, 1000, 10e6, 10000);
        fixture_round(result, block, 1, 1000 * ratio * shake, 10e6 * shake, 10000);
    }
    for (size_t i = 0; i < invalid; i++)
        result_round_invalid(&result->rounds[i], "late");
    struct judgement *judgement = fixture_judge(result);
    assert_ok(samenesses_add(all, result, judgement, NULL));
    assert_int_equal(samenesses_add(all, result, judgement, NULL), -EINVAL); /* twice */
    judgement_destroy(judgement);
    result_destroy(result);
    plan_destroy(plan);
}

static char *written(const struct samenesses *all)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    samenesses_write(all, true, out);
    assert_ok(fclose(out));
    return text;
}

static int parse(struct samenesses *all, const char *text, struct err *err)
{
    return samenesses_parse(all, "aa.csv", text, strlen(text), err);
}

static void runs_are_lines(void **state)
{
    (void)state;
    struct samenesses all = {0}, read = {0};
    add_run(&all, 1, 1, 0);
    add_run(&all, 2, 1.5, 0);
    add_run(&all, 3, 1, 12);
    assert_int_equal(all.count, 5); /* of the invalid one a line that says so */
    char *text = written(&all);
    assert_non_null(strstr(text, head));
    assert_non_null(strstr(text, "then,2,,family/name,a,qps,6,12,0,1.50"));
    assert_non_null(strstr(text, "then,3,,family/name,a,,0,12,12,,,,invalid\n"));
    assert_ok(parse(&read, text, NULL));
    assert_int_equal(read.count, 5);
    char *again = written(&read);
    assert_string_equal(again, text);
    free(again);
    free(text);
    samenesses_fini(&all);
    samenesses_fini(&read);
}

static void what_is_no_a_a_run_is_refused(void **state)
{
    (void)state;
    struct plan *plan = fixture_plan(scenario);
    struct result *result = fixture_result(plan);
    struct samenesses all = {0};
    for (size_t block = 0; block < 3; block++)
        for (size_t variant = 0; variant < 2; variant++)
            fixture_round(result, block, variant, 1000, 10e6, 10000);
    result->block_count = 3;
    struct judgement *judgement = fixture_judge(result);
    struct err err = {0};
    assert_int_equal(samenesses_add(&all, result, judgement, &err), -EINVAL);
    assert_non_null(strstr(err.text, "no A/A run"));
    result->aa = true;
    assert_int_equal(samenesses_add(&all, result, judgement, &err), -EINVAL);
    assert_non_null(strstr(err.text, "compares nothing"));
    assert_int_equal(all.count, 0);
    judgement_destroy(judgement);
    result_destroy(result);
    plan_destroy(plan);
    samenesses_fini(&all);
}

static void differences_are_counted(void **state)
{
    (void)state;
    struct samenesses all = {0};
    struct table table = {0};
    struct sameness_summary summary;
    add_run(&all, 100, 1, 12); /* believed by nobody */
    for (uint64_t seed = 0; seed < 20; seed++)
        add_run(&all, seed, seed < 2 ? 1.1 : 1, 0);
    assert_ok(samenesses_table(&all, &table, &summary, NULL));
    assert_int_equal(summary.compared, 20);
    assert_int_equal(summary.invalid, 1);
    assert_int_equal(summary.rounds, 21 * 12);
    assert_int_equal(summary.rounds_invalid, 12);
    assert_int_equal(summary.pairs_least, 6);
    assert_int_equal(summary.pairs_most, 6);
    assert_false(summary.errs); /* 2 of 20 may be chance */
    assert_true(summary.noise_share > 0.10 && summary.noise_share < 0.11);
    assert_int_equal(table_rows(&table), 3);
    assert_string_equal(table.cells[1].text, "qps");
    assert_string_equal(table.cells[2].text, "20");
    assert_string_equal(table.cells[4].text, "2: 10.0 % [1.2 %, 31.7 %]");
    assert_string_equal(table.cells[13].text, "any of them");
    assert_string_equal(table.cells[16].text, "2: 10.0 % [1.2 %, 31.7 %]");
    table_fini(&table);
    samenesses_fini(&all);
}

static void more_than_the_level_is_said(void **state)
{
    (void)state;
    struct samenesses all = {0};
    struct table table = {0};
    struct sameness_summary summary;
    for (uint64_t seed = 0; seed < 20; seed++)
        add_run(&all, seed, seed < 8 ? 1.1 : 1, 0);
    assert_ok(samenesses_table(&all, &table, &summary, NULL));
    assert_true(summary.errs);
    table_fini(&table);
    samenesses_fini(&all);
    assert_int_equal(samenesses_table(&all, &table, &summary, NULL), -EINVAL);
    table_fini(&table);
}

static void damaged_files_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *line, *says;
    } cases[] = {
        {"then,1,c,s,v,qps,6,12,0,1.0,0.9,1.1,equivalent", "aa.csv:2: expected a line"},
        {"then,1,c,s,v,qps,6,12,0,1.0,0.9,1.1\n", "expected an A/A comparison"},
        {"then,1,c,s,v,qps,6,12,0,1.0,0.9,1.1,equivalent,x\n", "expected 13 fields"},
        {"then,1,c,s,v,qps,6,12,0,1.0,0.9,1.1,same\n", "expected an A/A comparison"},
        {"then,1,c,s,v,qps,6,12,0,0,0.9,1.1,equivalent\n", "expected an A/A comparison"},
        {"then,1,c,s,v,qps,6,12,0,nan,0.9,1.1,equivalent\n", "expected an A/A comparison"},
        {"then,1,c,s,v,qps,6,12,0,1.0,1.2,1.1,equivalent\n", "expected an A/A comparison"},
        {"then,1,c,s,v,qps,-6,12,0,1.0,0.9,1.1,equivalent\n", "expected an A/A comparison"},
        {",1,c,s,v,qps,6,12,0,1.0,0.9,1.1,equivalent\n", "expected an A/A comparison"},
        {"then,1,c,s,v,qps,0,12,0,,,,invalid\n", "expected an A/A comparison"},
        {"then,1,c,s,v,qps,6,12,0,1.0,0.9,1.1,equivalent\n"
         "then,1,c,s,v,qps,6,12,0,1.0,0.9,1.1,equivalent\n",
         "aa.csv:3: the run of then is there twice"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct samenesses all = {0};
        struct err err = {0};
        char *text = NULL;
        assert_true(asprintf(&text, "%s%s", head, cases[i].line) > 0);
        assert_int_equal(parse(&all, text, &err), -EINVAL);
        if (!strstr(err.text, cases[i].says))
            print_error("case %zu: %s\n", i, err.text);
        assert_non_null(strstr(err.text, cases[i].says));
        samenesses_fini(&all);
        free(text);
    }
    struct samenesses none = {0};
    assert_int_equal(parse(&none, "metric,value\n", NULL), -EINVAL);
    assert_ok(parse(&none, "", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_are_lines),
        cmocka_unit_test(what_is_no_a_a_run_is_refused),
        cmocka_unit_test(differences_are_counted),
        cmocka_unit_test(more_than_the_level_is_said),
        cmocka_unit_test(damaged_files_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
