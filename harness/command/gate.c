/* SPDX-License-Identifier: MIT */
/* gate.c - poolstorm gate: measures, compares with a baseline or another build, and fails when it
 * is shown to be worse by more than a limit. */
#include "command/gate/gate.h"
#include "command/command.h"
#include "command/run/plans.h"
#include "command/scenario_files.h"
#include "command/seed.h"
#include "report/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct param gate_params[] = {
    {PARAM_TEXT("baseline", gate_options, baseline, NULL,
                "to compare with: a name in results/baselines, a file, or an earlier run"),
     .letter = 'b'},
    {PARAM_TEXT(
        "against", gate_options, against, NULL,
        "instead: the program of another build, whose service runs in turns with this one's, "
        "so that rounds are paired")},
    {PARAM_TEXT("limit", gate_options, limit, NULL,
                "METRIC=SHARE,… by which it may be worse: p99=10%,qps=5%; of shares such as errors "
                "in points; of one scenario: allocation/encode:p99=10%"),
     .letter = 'l', .repeats = true},
    {PARAM_COUNT(
         "again", gate_options, again, "2",
         "how often at most what fails is measured again: fresh rounds confirm it or clear it"),
     .min = 0, .max = GATE_AGAIN_MAX},
    {PARAM_BOOL("strict", gate_options, strict, "false",
                "a limit that could not be decided fails, too (4)")},
    {PARAM_BOOL("anyway", gate_options, anyway, "false",
                "judge by limits also when the load or the CPU is another")},
    {PARAM_TEXT("metrics", gate_options, metrics, NULL,
                "to show beside those with a limit [qps,p99,knee]"),
     .letter = 'm'},
    {PARAM_TEXT("format", gate_options, format, "terminal", "terminal or markdown"), .letter = 'f'},
    {PARAM_TEXT("junit", gate_options, junit, NULL,
                "a file for what each limit came to, as test cases for CI")},
    {0},
};

static const struct param gate_run_params[] = {
    {PARAM_COUNT("rounds", gate_options, rounds, NULL, "of each variant; else what the file says"),
     .letter = 'n', .min = 1, .max = RUNNER_BLOCKS_MAX},
    {PARAM_TEXT("variants", gate_options, variants, NULL, "only these, separated by commas")},
    {PARAM_TEXT("set", gate_options, set, NULL, "KEY=VALUE, as of `run`"), .repeats = true},
    {PARAM_TEXT("allocator", gate_options, allocator, NULL, "as of `run`")},
    {PARAM_COUNT("seed", gate_options, seed, NULL, "of schedule and load; else drawn")},
    {PARAM_SHARE("noise", gate_options, noise_share, NULL,
                 "within which figures are equivalent; else what the file says"),
     .min = 1e-6, .max = 1},
    {PARAM_TEXT("out", gate_options, out, NULL, "folder for the results [results/runs/TIME-NAME]"),
     .letter = 'o'},
    {PARAM_TEXT("allow", gate_options, allow, NULL, "HOST:PORT, as of `run`"), .repeats = true},
    {PARAM_TEXT("database", gate_options, database, NULL, "postgresql://…, as of `run`"),
     .secret = true},
    {PARAM_BOOL("keep_logs", gate_options, keep_logs, "false",
                "keep the subjects' logs also when all went well")},
    {0},
};

static const struct option_group gate_groups[] = {
    {"Options", gate_params, 0}, {"Of the run", gate_run_params, 0}, {0}};

/* ---- What is asked for ----------------------------------------------------------------------- */

/* A limit's metric is known before anything is measured. */
static int check_limits(const struct gate *gate, const struct compare_options *limits,
                        struct err *err)
{
    size_t count = 0;
    for (size_t i = 0; i < limits->limit_count; i++) {
        const char *path = limits->limits[i].path, *dot = strrchr(path, '.');
        if (!compare_limit_is_of(&limits->limits[i], gate->plan->name))
            continue;
        int metric = plan_metric_find(gate->plan, dot ? dot + 1 : path);
        if (metric < 0)
            return err_set(err, -EINVAL, "--limit: %s has no metric '%.60s'", gate->plan->name,
                           path);
        if (gate->plan->metrics[metric].better == METRIC_NEITHER)
            return err_set(err, -EINVAL, "--limit: neither more nor less of %.60s is worse", path);
        count++;
    }
    return count ? 0 : err_set(err, -EINVAL, "--limit: none is of %s", gate->plan->name);
}

static int find_baseline(struct gate *gate, const struct sheets *sheets,
                         const struct compare_options *limits, struct err *err)
{
    if (!gate->options->baseline)
        return 0;
    gate->baseline = sides_find(sheets, gate->plan->name, false);
    if (!gate->baseline)
        return err_set(err, -EINVAL, "%.200s holds no run of %s", gate->options->baseline,
                       gate->plan->name);
    return compare_check_limits(gate->baseline, limits, err);
}

static int check_options(const struct gate_options *options, struct err *err)
{
    if (!options->limit)
        return err_set(err, -EINVAL, "--limit: expected limits such as p99=10%%,qps=5%%");
    if (!options->baseline == !options->against)
        return err_set(err, -EINVAL, "expected either --baseline or --against");
    return sides_check_format(options->format, err);
}

static int open_gate(struct gate *gate, const struct sheets *baseline,
                     const struct compare_options *limits, struct err *err)
{
    (void)snprintf(gate->suite.name, sizeof(gate->suite.name), "%s", gate->plan->name);
    gate->seed = gate->options->seed ? gate->options->seed : seed_draw();
    int rc = check_limits(gate, limits, err);
    return rc ? rc : find_baseline(gate, baseline, limits, err);
}

/* ---- One scenario ---------------------------------------------------------------------------- */

static void say(const struct gate *gate, const char *text)
{
    bool markdown = strcmp(gate->options->format, "markdown") == 0;
    (void)printf(markdown ? "\n%s: **%s**\n\n" : "\n%s: %s\n\n", gate->plan->name, text);
    (void)fflush(stdout);
}

/* What failed at first and was then neither confirmed nor cleared is an error to those who read
 * test cases: nobody is to take it for passed. */
static void leave_open(struct gate *gate)
{
    const struct comparison *last = gate->looks[gate->look_count - 1].comparison;
    char name[400];
    for (size_t i = 0; i < last->row_count; i++) {
        const struct compared *row = &last->rows[i];
        if (row->gate != GATE_UNSURE)
            continue;
        (void)snprintf(name, sizeof(name), "%.160s of %.160s", row->a->path, row->variant->name);
        junit_suite_put(&gate->suite, JUNIT_ERROR, "inconclusive", name,
                        "failed, and fresh rounds neither confirm nor clear it: %s", row->note);
    }
}

/* Of a look that failed, and then of fresh rounds. */
static enum exit_code judge_again(struct gate *gate)
{
    switch (gate_last_word(gate)) {
    case GATE_FAIL:
        say(gate, "the regression is there again in fresh rounds");
        return EXIT_REGRESSION;
    case GATE_INVALID:
        say(gate, "the fresh rounds cannot be believed");
        return EXIT_INVALID;
    case GATE_UNSURE:
        say(gate, "fresh rounds neither confirm the regression nor clear it");
        leave_open(gate);
        return EXIT_INVALID;
    default:
        say(gate, "fresh rounds clear what failed: they keep within the limit");
        return sides_exit(gate->rest, gate->options->strict);
    }
}

static void tell_broken(struct gate *gate)
{
    static const char text[] = "an expectation or an invariant of the scenario failed: see its "
                               "report";
    if (gate->broken == EXIT_WELL)
        return;
    say(gate, text);
    junit_suite_put(&gate->suite, JUNIT_FAILED, "expectation", "expectations and invariants", "%s",
                    text);
}

static enum exit_code pass_gate(struct gate *gate, struct err *err)
{
    enum exit_code code = gate_measure(gate, err);
    bool failed = gate_last_word(gate) == GATE_FAIL;
    for (size_t again = 0; code == EXIT_WELL && failed && again < gate->options->again; again++) {
        enum gate_word word = gate_last_word(gate);
        if (again > 0 && (word == GATE_FAIL || word == GATE_PASS))
            break;
        say(gate, again == 0 ? "what failed is judged again, by fresh rounds"
                             : "undecided: more fresh rounds are added");
        code = gate_measure(gate, err);
    }
    if (code != EXIT_WELL) {
        junit_suite_put(&gate->suite, JUNIT_ERROR, "error", "measurement", "%s", err->text);
        return code;
    }
    code = gate->look_count > 1 ? judge_again(gate)
                                : sides_exit(gate_last_word(gate), gate->options->strict);
    tell_broken(gate);
    return code == EXIT_WELL ? gate->broken : code;
}

/* ---- All of them ----------------------------------------------------------------------------- */

/* A scenario that is named and not run is a mistake. */
static int check_scenarios(const struct compare_options *limits, const struct plans *plans,
                           struct err *err)
{
    for (size_t i = 0; i < limits->limit_count; i++) {
        bool found = false;
        for (size_t p = 0; p < plans->count; p++)
            found = found || compare_limit_is_of(&limits->limits[i], plans->items[p]->name);
        if (!found)
            return err_set(err, -EINVAL, "--limit: %.80s is not run", limits->limits[i].scenario);
    }
    return 0;
}

static int open_gates(struct gates *gates, const struct plans *plans, const struct sheets *baseline,
                      const char *command_line, struct err *err)
{
    struct compare_limit given[COMPARE_LIMITS_MAX] = {0};
    struct compare_options limits = {.limits = given};
    int rc = compare_parse_limits(gates->options->limit, given, &limits.limit_count, err);
    if (rc)
        return err_wrap(err, "--limit");
    rc = check_scenarios(&limits, plans, err);
    gates->items = rc ? NULL : calloc(plans->count + 1, sizeof(*gates->items));
    if (!gates->items)
        return rc ? rc : err_sys(err, -ENOMEM, "open a gate");
    plans_name_root(plans, gates->options->out, gates->root, sizeof(gates->root));
    for (size_t i = 0; !rc && i < plans->count; i++) {
        struct gate *gate = &gates->items[gates->count++];
        gate->options = gates->options;
        gate->plan = plans->items[i];
        gate->command_line = command_line;
        plans_name_folder(plans, i, gates->root, gate->folder, sizeof(gate->folder));
        rc = open_gate(gate, baseline, &limits, err);
    }
    return rc;
}

static enum exit_code pass_gates(const struct gates *gates, struct err *err)
{
    enum exit_code code = EXIT_WELL;
    for (size_t i = 0; i < gates->count && code != EXIT_INTERRUPTED; i++) {
        struct err why = {0};
        code = exit_code_graver(code, pass_gate(&gates->items[i], &why));
        if (why.text[0] && i + 1 < gates->count)
            (void)fprintf(stderr, "poolstorm gate: %s\n", text_clean(why.text));
        else
            *err = why;
    }
    return gate_write_files(gates, code);
}

static enum exit_code gate_run(void *options, char *const *args, struct err *err)
{
    struct gates gates = {.options = options};
    struct sheets baseline = {0};
    struct plans plans = {0};
    char *command_line = plans_command_line();
    int rc = check_options(gates.options, err);
    if (!rc)
        rc = plans_select(&plans, args, err);
    if (!rc)
        rc = plans_check_database(&plans, gates.options->database, err);
    if (!rc && gates.options->baseline)
        rc = sides_open(gates.options->baseline, &baseline, err);
    if (!rc)
        rc = open_gates(&gates, &plans, &baseline, command_line, err);
    enum exit_code code = rc ? exit_code_of(rc) : pass_gates(&gates, err);
    for (size_t i = 0; i < gates.count; i++)
        gate_fini(&gates.items[i]);
    free(gates.items);
    free(command_line);
    sheets_fini(&baseline);
    plans_fini(&plans);
    return code;
}

const struct command command_gate = {
    .name = "gate",
    .summary = "fail when a scenario has become worse than a baseline by more than a limit",
    .usage = "SCENARIO|FAMILY|SET|FILE...",
    .help =
        "Runs scenarios as `run` does and compares them as `compare` does. What is worse by more\n"
        "than its limit is measured again: fresh rounds alone say whether it is so, and when they\n"
        "don't, more are added. Exit status:\n"
        "  0  no regression beyond a limit is shown, or fresh rounds cleared what was\n"
        "  1  an expectation or invariant of the scenario failed\n"
        "  3  a regression, in fresh rounds, too\n"
        "  4  not decided: the measurement cannot be believed, so few rounds cannot show anything\n"
        "     of as many limits, or what failed was neither confirmed nor cleared\n\n"
        "A baseline was measured at another time, and machines drift: give it generous limits. "
        "With\n"
        "--against the service of another build runs in turns with this one's, in the same run, "
        "and\n"
        "differences of a few per cent are found (scenarios with `serve:` alone).\n\n"
        "A limit of 5 % finds a regression of 10 % where rounds can show 5 %; the column "
        "`detectable`\n"
        "says what they can.\n\n"
        "Examples:\n"
        "  poolstorm baseline save results/runs\n"
        "  poolstorm gate allocation/encode --baseline default --limit p99=20%,qps=10%\n"
        "  poolstorm gate allocation/encode --against ../before/build/release/poolstorm --limit "
        "qps=5%\n",
    .options = gate_groups,
    .options_size_bytes = sizeof(struct gate_options),
    .args_min = 1,
    .args_max = 256,
    .words = scenario_files_print,
    .run = gate_run,
};
