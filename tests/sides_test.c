/* SPDX-License-Identifier: MIT */
/* sides_test.c - which run of several a folder stands for, and what outcomes come to. */
#include "command/sides.h"

#include "report/report.h"
#include "report_fixture.h"
#include "run/folder.h"

#include <stdio.h>
#include <unistd.h>

static const char scenario[] = "question: q\nsource: s\n"
                               "variants: {a: {serve: {}}, b: {serve: {}}}\nload: {}\n"
                               "phases: [{name: steady, kind: measure, for: 1s}]\nrounds: 2\n";

struct run {
    const char *folder, *started;
    bool quick, aa, interrupted, lacks_one;
};

static void write_run(const char *place, const struct run *run)
{
    char path[300];
    struct plan *plan = fixture_plan(scenario);
    struct result *result = NULL;
    assert_ok(result_create(&result, plan, NULL));
    size_t count = run->lacks_one ? 1 : 2;
    for (size_t i = 0; i < count; i++)
        assert_ok(
            result_add_variant(result, run->aa ? 0 : i, run->aa && i ? "a again" : NULL, NULL));
    result->quick = run->quick;
    result->aa = run->aa;
    result->interrupted = run->interrupted;
    result->block_count = 2;
    result->noise_share = 0.02;
    (void)snprintf(result->environment.started, sizeof(result->environment.started), "%s",
                   run->started);
    for (size_t block = 0; block < 2; block++)
        for (size_t variant = 0; variant < count; variant++)
            fixture_round(result, block, variant, 1000, 10e6, 10000);
    struct judgement *judgement = fixture_judge(result);
    const struct report_item item = {result, judgement, run->folder};
    (void)snprintf(path, sizeof(path), "%s/%s", place, run->folder);
    assert_ok(folder_make(path, NULL));
    (void)snprintf(path, sizeof(path), "%s/%s/result.json", place, run->folder);
    assert_ok(report_write_file(report_find("json", NULL), &(struct report_input){&item, 1, 0},
                                path, NULL));
    judgement_destroy(judgement);
    result_destroy(result);
    plan_destroy(plan);
}

/* What a folder with these stands for. */
static void expect_taken(const struct run *runs, size_t count, const char *taken)
{
    char place[] = "/tmp/sides_test.XXXXXX";
    struct sheets sheets = {0};
    struct err err = {0};
    assert_non_null(mkdtemp(place));
    for (size_t i = 0; i < count; i++)
        write_run(place, &runs[i]);
    int rc = sides_open(place, &sheets, &err);
    if (rc)
        print_error("%s\n", err.text);
    assert_ok(rc);
    assert_int_equal(sheets.count, 1);
    if (!strstr(sheets.items[0]->origin, taken))
        print_error("%s, not %s\n", sheets.items[0]->origin, taken);
    assert_non_null(strstr(sheets.items[0]->origin, taken));
    sheets_fini(&sheets);
    for (size_t i = 0; i < count; i++) {
        char path[300];
        (void)snprintf(path, sizeof(path), "%s/%s/result.json", place, runs[i].folder);
        (void)unlink(path);
        *strrchr(path, '/') = '\0';
        (void)rmdir(path);
    }
    (void)rmdir(place);
}

static void the_latest_whole_run_is_taken(void **state)
{
    (void)state;
    static const struct run runs[] = {
        {"early", "2024-05-17T09:00:00Z", false, false, false, false},
        {"late", "2024-05-17T10:00:00Z", false, false, false, false},
        {"quick", "2024-05-17T11:00:00Z", true, false, false, false},
        {"same", "2024-05-17T12:00:00Z", false, true, false, false},
        {"ended", "2024-05-17T13:00:00Z", false, false, true, false},
        {"part", "2024-05-17T14:00:00Z", false, false, false, true},
    };
    expect_taken(runs, sizeof(runs) / sizeof(*runs), "/late/");
    expect_taken(runs + 2, 1, "/quick/"); /* better than nothing, and it says so */
    expect_taken(runs + 2, 4, "/part/");
}

static void nothing_hides_a_regression_that_is_shown(void **state)
{
    (void)state;
    static const enum exit_code rising[] = {EXIT_WELL,    EXIT_SKIPPED,    EXIT_EXPECTATION,
                                            EXIT_INVALID, EXIT_REGRESSION, EXIT_BAD_INPUT,
                                            EXIT_RUNTIME, EXIT_INTERRUPTED};
    for (size_t i = 0; i < sizeof(rising) / sizeof(*rising); i++)
        for (size_t k = 0; k <= i; k++) {
            assert_int_equal(exit_code_graver(rising[i], rising[k]), rising[i]);
            assert_int_equal(exit_code_graver(rising[k], rising[i]), rising[i]);
        }
    assert_int_equal(sides_exit(GATE_FAIL, false), EXIT_REGRESSION);
    assert_int_equal(sides_exit(GATE_UNSURE, false), EXIT_WELL);
    assert_int_equal(sides_exit(GATE_UNSURE, true), EXIT_INVALID);
    assert_int_equal(sides_exit(GATE_INVALID, false), EXIT_INVALID);
}

static void errors_are_the_users_or_not(void **state)
{
    (void)state;
    assert_int_equal(exit_code_of(0), EXIT_WELL);
    assert_int_equal(exit_code_of(-EINVAL), EXIT_BAD_INPUT);
    assert_int_equal(exit_code_of(-ENOENT), EXIT_BAD_INPUT);
    assert_int_equal(exit_code_of(-ENOMEM), EXIT_RUNTIME);
    assert_int_equal(exit_code_of(-ENOSPC), EXIT_RUNTIME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_latest_whole_run_is_taken),
        cmocka_unit_test(nothing_hides_a_regression_that_is_shown),
        cmocka_unit_test(errors_are_the_users_or_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
