/* SPDX-License-Identifier: MIT */
/* compare.c - poolstorm compare: what a second run of the same scenarios did otherwise. */
#include "command/command.h"
#include "command/sides.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct compare_command {
    char *limit, *metrics, *format;
    bool strict, anyway;
};

static const struct param compare_params[] = {
    {PARAM_TEXT("limit", compare_command, limit, NULL,
                "METRIC=SHARE,… by which B may be worse: p99=10%,qps=5%; of shares such as errors "
                "in points"),
     .letter = 'l', .repeats = true},
    {PARAM_TEXT("metrics", compare_command, metrics, NULL,
                "to compare, separated by commas: qps,steady.p99 [qps,p99,knee]"),
     .letter = 'm'},
    {PARAM_TEXT("format", compare_command, format, "terminal", "terminal or markdown"),
     .letter = 'f'},
    {PARAM_BOOL("strict", compare_command, strict, "false",
                "a limit that could not be decided fails, too (4)")},
    {PARAM_BOOL("anyway", compare_command, anyway, "false",
                "judge by limits also when the load or the CPU is another")},
    {0},
};

static const struct option_group compare_groups[] = {{"Options", compare_params, 0}, {0}};

/* What is asked for, and the gravest word so far. */
struct comparing {
    const struct compare_command *command;
    struct compare_options options;
    struct compare_limit limits[COMPARE_LIMITS_MAX];
    struct sheets a, b;
    size_t shown;
    enum gate_word gate;
};

static int compare_one(struct comparing *comparing, const struct sheet *a, const struct sheet *b,
                       struct err *err)
{
    struct comparison *comparison = NULL;
    int rc = comparison_create(a, b, &comparing->options, &comparison, err);
    if (rc)
        return rc;
    if (comparing->shown++ > 0)
        (void)fputc('\n', stdout);
    rc = sides_show(comparison, comparing->command->format, err);
    if (comparison->gate > comparing->gate)
        comparing->gate = comparison->gate;
    comparison_destroy(comparison);
    return rc;
}

/* A run of two programs, which were interleaved: the other is A. */
static int compare_programs(struct comparing *comparing, const char *word, struct err *err)
{
    int rc = 0;
    size_t found = 0;
    for (size_t i = 0; !rc && i < comparing->b.count; i++) {
        const struct sheet *other = comparing->b.items[i];
        const struct sheet *own = sides_find(&comparing->b, other->scenario, false);
        if (!other->program || !own)
            continue;
        found++;
        rc = compare_one(comparing, other, own, err);
    }
    if (!rc && found == 0)
        rc = err_set(err, -EINVAL,
                     "expected two runs to compare: %.200s ran one program, without --against",
                     word);
    return rc;
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
    for (size_t i = 0; i < sheets->count; i++)
        if (!sheets->items[i]->program && !sides_find(others, sheets->items[i]->scenario, false))
            (void)fprintf(stderr, "poolstorm compare: %s is in %s alone\n",
                          sheets->items[i]->scenario, word);
}

/* By scenario; a mistake in one is told when there is but one. */
static int compare_sides(struct comparing *comparing, char *const *args, struct err *err)
{
    size_t found = 0;
    int rc = 0;
    if (is_single(&comparing->a) && is_single(&comparing->b))
        return compare_one(comparing, comparing->a.items[0], comparing->b.items[0], err);
    for (size_t i = 0; !rc && i < comparing->b.count; i++) {
        const struct sheet *b = comparing->b.items[i];
        const struct sheet *a = b->program ? NULL : sides_find(&comparing->a, b->scenario, false);
        if (!a)
            continue;
        found++;
        rc = compare_one(comparing, a, b, err);
    }
    if (rc)
        return rc;
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

static enum exit_code compare_run(void *options, char *const *args, struct err *err)
{
    struct comparing comparing = {.command = options};
    int rc = open_sides(&comparing, args, err);
    if (!rc)
        rc = args[1] ? compare_sides(&comparing, args, err)
                     : compare_programs(&comparing, args[0], err);
    sheets_fini(&comparing.a);
    sheets_fini(&comparing.b);
    if (rc)
        return rc == -ENOMEM ? EXIT_RUNTIME : EXIT_BAD_INPUT;
    return sides_exit(comparing.gate, comparing.command->strict);
}

const struct command command_compare = {
    .name = "compare",
    .summary = "tell whether a second run of the same scenarios was better or worse",
    .usage = "A [B]",
    .help =
        "A and B are runs (result.json or the run's folder), folders of runs, of which the latest\n"
        "of each scenario is taken, or baselines (a file, or its name in results/baselines). "
        "Ratios\n"
        "are B over A. Two runs took place at different times, so their rounds are not paired; "
        "those\n"
        "of one `gate --against` are, and then A alone says it all.\n\n"
        "With --limit it exits with 3 when it is shown that B is worse by more than that, with 4\n"
        "when nothing can be shown; without one always with 0.\n\n"
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
