/* SPDX-License-Identifier: MIT */
/* gate.c - poolstorm gate: measures, compares with a baseline or another build, and fails when it
 * is shown to be worse by more than a limit. */
#include "command/command.h"
#include "command/run/plans.h"
#include "command/run/session.h"
#include "command/scenario_files.h"
#include "command/seed.h"
#include "command/sides.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AGAIN_MAX = 5, NAMES_BYTES = 4096 };

struct gate_options {
    char *baseline, *against, *limit, *metrics, *format;
    uint64_t again, rounds, seed;
    double noise_share;
    char *variants, *set, *allocator, *out, *allow, *database;
    bool strict, anyway, keep_logs;
};

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
                "in points"),
     .letter = 'l', .repeats = true},
    {PARAM_COUNT(
         "again", gate_options, again, "1",
         "how often a figure that fails is measured again, with fresh rounds, and has to fail "
         "each time"),
     .min = 0, .max = AGAIN_MAX},
    {PARAM_BOOL("strict", gate_options, strict, "false",
                "a limit that could not be decided fails, too (4)")},
    {PARAM_BOOL("anyway", gate_options, anyway, "false",
                "judge by limits also when the load or the CPU is another")},
    {PARAM_TEXT("metrics", gate_options, metrics, NULL,
                "to show beside those with a limit [qps,p99,knee]"),
     .letter = 'm'},
    {PARAM_TEXT("format", gate_options, format, "terminal", "terminal or markdown"), .letter = 'f'},
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

/* One scenario at the gate. */
struct gate {
    const struct gate_options *options;
    const struct plan *plan;
    const char *command_line;
    uint64_t seed;
    char folder[PATH_MAX - 16];     /* of the first measurement */
    const struct sheet *baseline;   /* NULL: against another build */
    char variants[NAMES_BYTES];     /* of the measurement; "": all that were asked for */
    struct compare_options compare; /* limits are those below */
    struct compare_limit limits[COMPARE_LIMITS_MAX];
    enum gate_word word;   /* of the last measurement */
    enum gate_word rest;   /* of the first one's rows that did not fail */
    enum exit_code broken; /* of the first one's expectations and invariants */
};

/* ---- What is asked for ----------------------------------------------------------------------- */

/* A limit's metric is known before anything is measured. */
static int check_limits(const struct gate *gate, struct err *err)
{
    for (size_t i = 0; i < gate->compare.limit_count; i++) {
        const char *path = gate->limits[i].path, *dot = strrchr(path, '.');
        int metric = plan_metric_find(gate->plan, dot ? dot + 1 : path);
        if (metric < 0)
            return err_set(err, -EINVAL, "--limit: %s has no metric '%.60s'", gate->plan->name,
                           path);
        if (gate->plan->metrics[metric].better == METRIC_NEITHER)
            return err_set(err, -EINVAL, "--limit: neither more nor less of %.60s is worse", path);
    }
    return 0;
}

static int find_baseline(struct gate *gate, const struct sheets *sheets, struct err *err)
{
    if (!gate->options->baseline)
        return 0;
    gate->baseline = sides_find(sheets, gate->plan->name, false);
    if (!gate->baseline)
        return err_set(err, -EINVAL, "%.200s holds no run of %s", gate->options->baseline,
                       gate->plan->name);
    return compare_check_limits(gate->baseline, gate->baseline, &gate->compare, err);
}

static int check_options(const struct gate_options *options, struct err *err)
{
    if (!options->limit)
        return err_set(err, -EINVAL, "--limit: expected limits such as p99=10%%,qps=5%%");
    if (!options->baseline == !options->against)
        return err_set(err, -EINVAL, "expected either --baseline or --against");
    return sides_check_format(options->format, err);
}

/* ---- One measurement ------------------------------------------------------------------------- */

static void fill_session(const struct gate *gate, unsigned attempt, const char *folder,
                         struct session *session)
{
    const struct gate_options *options = gate->options;
    session->plan = gate->plan;
    session->runner = (struct runner_options){
        .seed = gate->seed + attempt,
        .blocks = options->rounds,
        .noise_share = options->noise_share > 0 ? options->noise_share : -1,
        .variants = gate->variants[0] ? gate->variants : options->variants,
        .against = options->against,
        .overrides = options->set,
        .allocator = options->allocator,
        .allowed = options->allow,
        .database = options->database,
        .folder = folder,
        .command_line = gate->command_line,
        .keep_logs = options->keep_logs,
    };
}

/* The rows that failed are what is measured again. */
static void keep_failed(struct gate *gate, const struct comparison *comparison)
{
    struct compare_limit failed[COMPARE_LIMITS_MAX] = {0};
    size_t count = 0, used = 0;
    gate->variants[0] = '\0';
    for (size_t i = 0; i < comparison->row_count; i++) {
        const struct compared *row = &comparison->rows[i];
        const char *name = row->variant->name;
        bool fails = row->gate == GATE_FAIL && count < COMPARE_LIMITS_MAX;
        if (!fails && row->gate > gate->rest && row->gate != GATE_FAIL)
            gate->rest = row->gate;
        if (!fails)
            continue;
        bool last = i > 0 && count > 0 && comparison->rows[i - 1].variant == row->variant &&
                    comparison->rows[i - 1].gate == GATE_FAIL;
        (void)snprintf(failed[count].path, sizeof(failed[count].path), "%.79s.%.79s", name,
                       row->a->path);
        failed[count++].share = row->limit;
        if (!last && used + strlen(name) + 2 < sizeof(gate->variants))
            used += (size_t)snprintf(gate->variants + used, sizeof(gate->variants) - used, "%s%s",
                                     used ? "," : "", name);
    }
    if (count > 0)
        memcpy(gate->limits, failed, count * sizeof(*failed));
    gate->compare.limit_count = count;
}

static int compare_result(struct gate *gate, const struct result *result,
                          const struct judgement *judgement, struct err *err)
{
    struct comparison *comparison = NULL;
    struct sheets sheets = {0};
    int rc = sides_of_result(result, judgement, NULL, &sheets, err);
    const struct sheet *own = sides_find(&sheets, gate->plan->name, false);
    const struct sheet *other =
        gate->baseline ? gate->baseline : sides_find(&sheets, gate->plan->name, true);
    if (!rc)
        rc = comparison_create(other, own, &gate->compare, &comparison, err);
    if (!rc)
        rc = sides_show(comparison, gate->options->format, err);
    if (!rc) {
        gate->word = comparison->gate;
        if (comparison->gate == GATE_FAIL)
            keep_failed(gate, comparison);
    }
    comparison_destroy(comparison);
    sheets_fini(&sheets);
    return rc;
}

/* EXIT_WELL: it was compared. An invalid run is invalid in its comparison, too. */
static enum exit_code judge(struct gate *gate, const struct session *session, enum exit_code code,
                            struct err *err)
{
    if (code != EXIT_WELL && code != EXIT_EXPECTATION && code != EXIT_INVALID)
        return code;
    int rc = compare_result(gate, session->result, session->judgement, err);
    return rc == -EINVAL ? EXIT_BAD_INPUT : rc ? EXIT_RUNTIME : EXIT_WELL;
}

static enum exit_code measure(struct gate *gate, unsigned attempt, struct err *err)
{
    struct session session = {0};
    char folder[PATH_MAX];
    (void)snprintf(folder, sizeof(folder), attempt ? "%s-again%u" : "%s", gate->folder, attempt);
    fill_session(gate, attempt, folder, &session);
    enum exit_code code = session_run(&session, err);
    if (code == EXIT_EXPECTATION && attempt == 0)
        gate->broken = code;
    code = judge(gate, &session, code, err);
    session_fini(&session);
    return code;
}

/* ---- The gate -------------------------------------------------------------------------------- */

static void say(const struct gate *gate, const char *text)
{
    bool markdown = strcmp(gate->options->format, "markdown") == 0;
    (void)printf(markdown ? "\n%s: **%s**\n\n" : "\n%s: %s\n\n", gate->plan->name, text);
    (void)fflush(stdout);
}

static enum exit_code pass_or_fail(const struct gate *gate, unsigned attempts)
{
    enum gate_word word = gate->word;
    if (word == GATE_FAIL && attempts > 1)
        say(gate, "the regression is there again in fresh rounds");
    if (word != GATE_FAIL && attempts > 1) {
        say(gate, word == GATE_INVALID ? "the fresh rounds cannot be believed"
                                       : "fresh rounds do not show the regression again");
        word = gate->rest > word ? gate->rest : word;
    }
    enum exit_code code = sides_exit(word, gate->options->strict);
    if (gate->broken != EXIT_WELL)
        say(gate, "an expectation or an invariant of the scenario failed: see its report");
    return code == EXIT_WELL ? gate->broken : code;
}

static enum exit_code pass_gate(struct gate *gate, struct err *err)
{
    unsigned attempt = 0;
    enum exit_code code = measure(gate, attempt++, err);
    while (code == EXIT_WELL && gate->word == GATE_FAIL && attempt <= gate->options->again) {
        say(gate, "measured again, with fresh rounds, is what failed");
        code = measure(gate, attempt++, err);
    }
    return code == EXIT_WELL ? pass_or_fail(gate, attempt) : code;
}

static int open_gate(struct gate *gate, const struct sheets *baseline, struct err *err)
{
    const struct gate_options *options = gate->options;
    gate->compare.limits = gate->limits;
    gate->compare.metrics = options->metrics;
    gate->compare.anyway = options->anyway;
    gate->compare.label_a = options->against ? "other" : "baseline";
    gate->compare.label_b = "now";
    gate->seed = options->seed ? options->seed : seed_draw();
    int rc = compare_parse_limits(options->limit, gate->limits, &gate->compare.limit_count, err);
    if (rc)
        return err_wrap(err, "--limit");
    rc = check_limits(gate, err);
    return rc ? rc : find_baseline(gate, baseline, err);
}

static enum exit_code gate_plans(const struct gate_options *options, const struct plans *plans,
                                 const struct sheets *baseline, struct err *err)
{
    enum exit_code code = EXIT_WELL;
    char *command_line = plans_command_line();
    struct gate *gates = calloc(plans->count + 1, sizeof(*gates));
    char root[PATH_MAX];
    plans_name_root(plans, options->out, root, sizeof(root));
    int rc = gates ? 0 : err_sys(err, -ENOMEM, "open a gate");
    for (size_t i = 0; !rc && i < plans->count; i++) {
        gates[i] = (struct gate){
            .options = options, .plan = plans->items[i], .command_line = command_line};
        plans_name_folder(plans, i, root, gates[i].folder, sizeof(gates[i].folder));
        rc = open_gate(&gates[i], baseline, err);
    }
    for (size_t i = 0; !rc && i < plans->count && code != EXIT_INTERRUPTED; i++) {
        struct err why = {0};
        code = session_graver(code, pass_gate(&gates[i], &why));
        if (why.text[0] && i + 1 < plans->count)
            (void)fprintf(stderr, "poolstorm gate: %s\n", why.text);
        else
            *err = why;
    }
    free(gates);
    free(command_line);
    return rc == -ENOMEM ? EXIT_RUNTIME : rc ? EXIT_BAD_INPUT : code;
}

static enum exit_code gate_run(void *options, char *const *args, struct err *err)
{
    const struct gate_options *given = options;
    struct sheets baseline = {0};
    struct plans plans = {0};
    int rc = check_options(given, err);
    if (!rc)
        rc = plans_select(&plans, args, err);
    if (!rc)
        rc = plans_check_database(&plans, given->database, err);
    if (!rc && given->baseline)
        rc = sides_open(given->baseline, &baseline, err);
    enum exit_code code = rc ? EXIT_BAD_INPUT : gate_plans(given, &plans, &baseline, err);
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
        "than its limit is measured again, and fails the gate only when it is so again. Exit "
        "status:\n"
        "0 no such regression is shown, 3 it is, 4 the measurement cannot be believed, 1 an\n"
        "expectation or invariant of the scenario failed.\n\n"
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
