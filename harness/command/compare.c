/* SPDX-License-Identifier: MIT */
/* compare.c - poolstorm compare: what a second run of the same scenarios did otherwise. */
#include "command/command.h"
#include "command/sides.h"
#include "report/junit_suite.h"
#include "report/text.h"
#include "report/whole_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct compare_command {
    char *limit, *metrics, *format, *junit;
    bool strict, anyway;
};

static const struct param compare_params[] = {
    {PARAM_TEXT("limit", compare_command, limit, NULL,
                "METRIC=SHARE,… by which B may be worse: p99=10%,qps=5%; of shares such as errors "
                "in points; of one scenario: allocation/encode:p99=10%"),
     .letter = 'l', .repeats = true},
    {PARAM_TEXT("metrics", compare_command, metrics, NULL,
                "to compare, separated by commas: qps,steady.p99 [qps,p99,knee]"),
     .letter = 'm'},
    {PARAM_TEXT("format", compare_command, format, "terminal", "terminal or markdown"),
     .letter = 'f'},
    {PARAM_TEXT("junit", compare_command, junit, NULL,
                "a file for what each limit came to, as test cases for CI")},
    {PARAM_BOOL("strict", compare_command, strict, "false",
                "a limit that could not be decided fails, too (4)")},
    {PARAM_BOOL("anyway", compare_command, anyway, "false",
                "judge by limits also when the load or the CPU is another")},
    {0},
};

static const struct option_group compare_groups[] = {{"Options", compare_params, 0}, {0}};

/* What is asked for, and what came of it so far. */
struct comparing {
    const struct compare_command *command;
    struct compare_options options;
    struct compare_limit limits[COMPARE_LIMITS_MAX];
    bool used[COMPARE_LIMITS_MAX]; /* the limit is of some scenario that was compared */
    struct sheets a, b;
    struct junit_suite *suites; /* of those that were compared */
    size_t shown;
    enum exit_code code; /* the gravest */
};

static struct junit_suite *next_suite(struct comparing *comparing, struct err *err)
{
    struct junit_suite *grown =
        reallocarray(comparing->suites, comparing->shown + 1, sizeof(*grown));
    if (!grown) {
        (void)err_sys(err, -ENOMEM, "compare");
        return NULL;
    }
    comparing->suites = grown;
    grown[comparing->shown] = (struct junit_suite){0};
    return &grown[comparing->shown++];
}

static int compare_one(struct comparing *comparing, const struct sheet *a, const struct sheet *b,
                       struct err *err)
{
    struct comparison *comparison = NULL;
    int rc = comparison_create(a, b, &comparing->options, &comparison, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < comparing->options.limit_count; i++)
        if (compare_limit_is_of(&comparing->limits[i], a->scenario))
            comparing->used[i] = true;
    if (comparing->shown > 0)
        (void)fputc('\n', stdout);
    struct junit_suite *suite = next_suite(comparing, err);
    rc = suite ? sides_show(comparison, comparing->command->format, err) : -ENOMEM;
    if (suite)
        comparison_junit(comparison, suite);
    comparing->code =
        exit_code_graver(comparing->code, sides_exit(comparison->gate, comparing->command->strict));
    comparison_destroy(comparison);
    return rc;
}

/* One of several: a mistake in it is told, and the others are compared. */
static void compare_next(struct comparing *comparing, const struct sheet *a, const struct sheet *b)
{
    struct err why = {0};
    int rc = compare_one(comparing, a, b, &why);
    if (!rc)
        return;
    (void)fprintf(stderr, "poolstorm compare: %s\n", text_clean(why.text));
    comparing->code = exit_code_graver(comparing->code, exit_code_of(rc));
}

/* A run of two programs, which were interleaved: the other is A. */
static int compare_programs(struct comparing *comparing, const char *word, struct err *err)
{
    size_t found = 0;
    for (size_t i = 0; i < comparing->b.count; i++) {
        const struct sheet *other = comparing->b.items[i];
        const struct sheet *own = sides_find(&comparing->b, other->scenario, false);
        if (!other->program || !own)
            continue;
        found++;
        compare_next(comparing, other, own);
    }
    return found ? 0
                 : err_set(err, -EINVAL,
                           "expected two runs to compare: %.200s ran one program, without "
                           "--against",
                           word);
}

static bool is_single(const struct sheets *sheets)
{
    for (size_t i = 1; i < sheets->count; i++)
        if (strcmp(sheets->items[i]->scenario, sheets->items[0]->scenario) != 0)
            return false;
    return sheets->count > 0;
}

static void say_left_over(const struct sheets *sheets, const struct sheets *others,
                          const char *word)
{
    char name[200];
    for (size_t i = 0; i < sheets->count; i++) {
        (void)snprintf(name, sizeof(name), "%s", sheets->items[i]->scenario);
        if (!sheets->items[i]->program && !sides_find(others, sheets->items[i]->scenario, false))
            (void)fprintf(stderr, "poolstorm compare: %s is in %s alone\n", text_clean(name), word);
    }
}

static int compare_sides(struct comparing *comparing, char *const *args, struct err *err)
{
    size_t found = 0;
    if (is_single(&comparing->a) && is_single(&comparing->b))
        return compare_one(comparing, comparing->a.items[0], comparing->b.items[0], err);
    for (size_t i = 0; i < comparing->b.count; i++) {
        const struct sheet *b = comparing->b.items[i];
        const struct sheet *a = b->program ? NULL : sides_find(&comparing->a, b->scenario, false);
        if (!a)
            continue;
        found++;
        compare_next(comparing, a, b);
    }
    if (found == 0)
        return err_set(err, -EINVAL, "no scenario is in both %.150s and %.150s", args[0], args[1]);
    say_left_over(&comparing->a, &comparing->b, args[0]);
    say_left_over(&comparing->b, &comparing->a, args[1]);
    return 0;
}

static int open_sides(struct comparing *comparing, char *const *args, struct err *err)
{
    const struct compare_command *command = comparing->command;
    comparing->options.limits = comparing->limits;
    comparing->options.metrics = command->metrics;
    comparing->options.anyway = command->anyway;
    int rc = sides_check_format(command->format, err);
    if (!rc && command->limit) {
        rc = compare_parse_limits(command->limit, comparing->limits,
                                  &comparing->options.limit_count, err);
        if (rc)
            (void)err_wrap(err, "--limit");
    }
    if (!rc && args[1])
        rc = sides_open(args[0], &comparing->a, err);
    return rc ? rc : sides_open(args[args[1] ? 1 : 0], &comparing->b, err);
}

/* A scenario that is named and not compared is a mistake. */
static int check_used(const struct comparing *comparing, struct err *err)
{
    for (size_t i = 0; i < comparing->options.limit_count; i++)
        if (!comparing->used[i] && comparing->limits[i].scenario[0])
            return err_set(err, -EINVAL, "--limit: no run of %.80s was compared",
                           comparing->limits[i].scenario);
    return 0;
}

static int write_suites(const void *arg, FILE *out, struct err *err)
{
    const struct comparing *comparing = arg;
    return junit_suites_write(comparing->suites, comparing->shown, out, err);
}

static enum exit_code compare_run(void *options, char *const *args, struct err *err)
{
    struct comparing comparing = {.command = options};
    int rc = open_sides(&comparing, args, err);
    if (!rc)
        rc = args[1] ? compare_sides(&comparing, args, err)
                     : compare_programs(&comparing, args[0], err);
    if (!rc)
        rc = check_used(&comparing, err);
    if (!rc && comparing.command->junit)
        rc = whole_file_write(comparing.command->junit, write_suites, &comparing, err);
    for (size_t i = 0; i < comparing.shown; i++)
        junit_suite_fini(&comparing.suites[i]);
    free(comparing.suites);
    sheets_fini(&comparing.a);
    sheets_fini(&comparing.b);
    return exit_code_graver(exit_code_of(rc), comparing.code);
}

const struct command command_compare = {
    .name = "compare",
    .summary = "tell whether a second run of the same scenarios was better or worse",
    .usage = "A [B]",
    .help =
        "A and B are runs (result.json or the run's folder), folders of runs, of which the latest\n"
        "whole one of each scenario is taken (neither quick nor A/A, not ended early, with all\n"
        "variants), or baselines (a file, or its name in results/baselines). Ratios are B over A.\n"
        "Two runs took place at different times, so their rounds are not paired; those of one\n"
        "`gate --against` are, and then A alone says it all.\n\n"
        "With --limit it exits with 3 when it is shown that B is worse by more than that, with 4\n"
        "when nothing can be shown; without one always with 0. Of several scenarios a mistake in\n"
        "one is told, the others are compared, and it exits with 2.\n\n"
        "Examples:\n"
        "  poolstorm compare results/runs/20240517-093000-allocation-encode results/runs/new\n"
        "  poolstorm compare default results/runs --limit p99=10%,qps=5%\n"
        "  poolstorm compare old/result.json new/result.json --metrics qps,p50,steady.p99\n"
        "  poolstorm compare old new --format markdown >> \"$GITHUB_STEP_SUMMARY\"\n",
    .options = compare_groups,
    .options_size_bytes = sizeof(struct compare_command),
    .args_min = 1,
    .args_max = 2,
    .run = compare_run,
};
