/* SPDX-License-Identifier: MIT */
/* run.c - poolstorm run: measures scenarios, prints what came of them and keeps the record. */
#include "command/command.h"
#include "command/run/cells.h"
#include "command/run/length.h"
#include "command/run/page.h"
#include "command/run/plans.h"
#include "command/run/session.h"
#include "command/scenario_files.h"
#include "command/seed.h"
#include "report/report.h"
#include "report/text.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

struct run_options {
    uint64_t rounds;
    uint64_t seed;
    double noise_share;
    char *variants, *aa, *set, *allocator, *out, *allow, *database, *prometheus;
    int live; /* enum screen_when */
    bool quick, grid, json, keep_logs;
};

static const struct param run_params[] = {
    {PARAM_COUNT("rounds", run_options, rounds, NULL, "of each variant; else what the file says"),
     .letter = 'n', .min = 1, .max = RUNNER_BLOCKS_MAX},
    {PARAM_BOOL("quick", run_options, quick, "false",
                "few rounds and short phases, of faults one round and all of it: estimates without "
                "verdicts; without words all that ships"),
     .letter = 'q'},
    {PARAM_BOOL("grid", run_options, grid, "true",
                "after the scenario itself run its grid, where it has axes; not with --aa")},
    {PARAM_TEXT("variants", run_options, variants, NULL, "only these, separated by commas")},
    {PARAM_TEXT("aa", run_options, aa, NULL,
                "this variant against itself: no difference must be found")},
    {PARAM_TEXT("set", run_options, set, NULL,
                "KEY=VALUE, a setting of the load in all phases, or warmup, measure or drain for "
                "their lengths"),
     .repeats = true},
    {PARAM_TEXT("allocator", run_options, allocator, NULL,
                "of variants that name none: glibc, jemalloc, tcmalloc or mimalloc")},
    {PARAM_COUNT("seed", run_options, seed, NULL, "of schedule and load; else drawn and printed")},
    {PARAM_SHARE("noise", run_options, noise_share, NULL,
                 "within which variants are equivalent; else what the file says"),
     .min = 1e-6, .max = 1},
    {PARAM_TEXT("out", run_options, out, NULL, "folder for the results [results/runs/TIME-NAME]"),
     .letter = 'o'},
    {PARAM_TEXT("allow", run_options, allow, NULL,
                "HOST:PORT that is not loopback and may be loaded all the same"),
     .repeats = true},
    {PARAM_TEXT("database", run_options, database, NULL,
                "postgresql://… of a server of yours, for scenarios with a database: a schema is "
                "made in it and dropped again"),
     .secret = true},
    {PARAM_BOOL("json", run_options, json, "false", "print JSON instead of tables")},
    {PARAM_CHOICE("live", run_options, live, "auto",
                  "show the round as it happens on standard error; auto: where that is a terminal",
                  screen_when_names)},
    {PARAM_TEXT("prometheus", run_options, prometheus, NULL,
                "HOST:PORT to serve the same figures at, GET /metrics; :PORT is of loopback")},
    {PARAM_BOOL("keep_logs", run_options, keep_logs, "false",
                "keep the subjects' logs also when all went well")},
    {0},
};

static const struct option_group run_groups[] = {{"Options", run_params, 0}, {0}};

/* ---- Running one ----------------------------------------------------------------------------- */

static int tell(const struct run_options *options, const struct session *session, struct err *err)
{
    const struct report_format *shown = report_find(options->json ? "json" : "terminal", err);
    return shown ? report_write_one(shown, session->result, session->judgement, stdout, err)
                 : -ENOENT;
}

/* What was not done is said. */
static void tell_left_out(const struct run_options *options, const struct plan *plan)
{
    if (plan->axis_count && !options->grid && !options->json)
        printf("\nIts grid of %zu cells was left out (--no-grid).\n", plan_cell_count(plan));
}

/* A run that was broken off is told of, too, as far as it came. */
static enum exit_code run_one(const struct run_options *options,
                              const struct runner_options *runner,
                              const struct session_watch *watch, const struct plan *plan, bool *ran,
                              struct err *err)
{
    struct session session = {.plan = plan, .runner = *runner, .watch = watch};
    enum exit_code code = session_run(&session, err);
    *ran = *ran || session.judgement;
    if (session.judgement && tell(options, &session, err))
        code = EXIT_RUNTIME;
    session_fini(&session);
    tell_left_out(options, plan);
    bool whole = code == EXIT_WELL || code == EXIT_EXPECTATION || code == EXIT_INVALID;
    if (plan->axis_count && options->grid && !options->aa && whole)
        code = exit_code_graver(code, cells_run(plan, runner, watch, !options->json, err));
    return code;
}

/* One of them has the variants that were asked for, else those of its set. */
static struct runner_options runner_of(struct runner_options runner, const struct plans *plans,
                                       size_t index)
{
    if (!runner.variants && !runner.aa)
        runner.variants = plans->variants[index];
    return runner;
}

/* All of them, one after the other, into folders in root. *ran: there is a record of any. */
static enum exit_code run_plans(const struct run_options *options, const struct runner_options *all,
                                const struct session_watch *watch, const struct plans *plans,
                                const char *root, bool *ran, struct err *err)
{
    enum exit_code code = EXIT_WELL;
    for (size_t i = 0; i < plans->count && code != EXIT_INTERRUPTED; i++) {
        char folder[PATH_MAX];
        struct err why = {0};
        struct runner_options runner = runner_of(*all, plans, i);
        plans_name_folder(plans, i, root, folder, sizeof(folder));
        runner.folder = folder;
        code = exit_code_graver(code, run_one(options, &runner, watch, plans->items[i], ran, &why));
        if (why.text[0] && i + 1 < plans->count && code != EXIT_INTERRUPTED)
            (void)fprintf(stderr, "poolstorm run: %s\n", text_clean(why.text));
        else
            *err = why;
    }
    return code;
}

/* What was measured stays whatever becomes of its page. */
static enum exit_code write_page(const struct run_options *options, const char *root,
                                 enum exit_code code)
{
    struct err why = {0};
    if (page_write(root, !options->json, &why) == 0)
        return code;
    (void)fprintf(stderr, "poolstorm run: %s\n", text_clean(why.text));
    return exit_code_graver(code, EXIT_RUNTIME);
}

/* ---- The command ----------------------------------------------------------------------------- */

static struct runner_options fill_runner(const struct run_options *options,
                                         const char *command_line)
{
    return (struct runner_options){
        .seed = options->seed ? options->seed : seed_draw(),
        .blocks = options->rounds,
        .quick = options->quick,
        .noise_share = options->noise_share > 0 ? options->noise_share : -1,
        .variants = options->variants,
        .aa = options->aa,
        .overrides = options->set,
        .allocator = options->allocator,
        .allowed = options->allow,
        .database = options->database,
        .command_line = command_line,
        .keep_logs = options->keep_logs,
    };
}

/* Without a word it is all that ships; not by accident, for whole runs of that take hours. */
static int select_plans(const struct run_options *options, char *const *args, struct plans *plans,
                        struct err *err)
{
    static char word[] = CATALOG_ALL;
    char *const all[] = {word, NULL};
    if (!args[0] && !options->quick)
        return err_set(err, -EINVAL,
                       "expected a SCENARIO, FAMILY, SET or FILE: `list` names them; `headline` "
                       "is a look at one of each family, and --quick alone one at all");
    return plans_select(plans, args[0] ? args : all, err);
}

/* Finds what does not fit any of them before the first is run, and says how long several take. */
static int plan_length(const struct run_options *options, const struct runner_options *all,
                       const struct plans *plans, struct err *err)
{
    uint64_t all_ns = 0, length_ns;
    bool grids = false;
    char text[32];
    for (size_t i = 0; i < plans->count; i++) {
        bool grid = options->grid && !options->aa && plans->items[i]->axis_count > 0;
        const struct runner_options runner = runner_of(*all, plans, i);
        int rc = length_of(plans->items[i], &runner, grid, &length_ns, err);
        if (rc)
            return rc;
        all_ns += length_ns;
        grids = grids || grid;
    }
    if (plans->count > 1 || grids)
        (void)fprintf(stderr, "%zu scenario%s%s%s: some %s\n", plans->count,
                      plans->count > 1 ? "s" : "", grids ? ", with grids" : "",
                      options->quick ? ", quickly" : "", length_text(text, sizeof(text), all_ns));
    return 0;
}

/* A mistaken address is bad input; a port that is taken is not. */
static enum exit_code open_exporter(const struct run_options *options, struct exporter *exporter,
                                    struct err *err)
{
    char where[128];
    if (!options->prometheus)
        return EXIT_WELL;
    int rc = exporter_open(exporter, options->prometheus, err);
    if (rc)
        return rc == -EINVAL || rc == -EHOSTUNREACH || rc == -EADDRNOTAVAIL ? EXIT_BAD_INPUT
                                                                            : EXIT_RUNTIME;
    (void)fprintf(stderr, "live figures: http://%s/metrics\n",
                  addr_format(&exporter->addr, where, sizeof(where)));
    return EXIT_WELL;
}

/* Whatever can be found mistaken has been, but for where to listen. */
static enum exit_code run_all(const struct run_options *options,
                              const struct runner_options *runner, const struct plans *plans,
                              struct err *err)
{
    struct exporter exporter = {.fd = -1};
    char root[PATH_MAX];
    bool ran = false;
    enum exit_code code = open_exporter(options, &exporter, err);
    if (code == EXIT_WELL) {
        const struct session_watch watch = {.when = (enum screen_when)options->live,
                                            .exporter = exporter.fd >= 0 ? &exporter : NULL};
        plans_name_root(plans, options->out, root, sizeof(root));
        code = run_plans(options, runner, &watch, plans, root, &ran, err);
        if (ran && code != EXIT_INTERRUPTED)
            code = write_page(options, root, code);
    }
    exporter_close(&exporter);
    return code;
}

static enum exit_code run_run(void *options, char *const *args, struct err *err)
{
    const struct run_options *self = options;
    struct plans plans = {0};
    char *command_line = plans_command_line();
    const struct runner_options runner = fill_runner(self, command_line);
    int rc = select_plans(self, args, &plans, err);
    if (!rc)
        rc = plans_check_database(&plans, self->database, err);
    if (!rc)
        rc = plan_length(self, &runner, &plans, err);
    enum exit_code code = rc ? EXIT_BAD_INPUT : run_all(self, &runner, &plans, err);
    plans_fini(&plans);
    free(command_line);
    return code;
}

const struct command command_run = {
    .name = "run",
    .summary = "measure scenarios and judge what came of them",
    .usage = "[SCENARIO|FAMILY|SET|FILE]...",
    .help =
        "Every variant of a scenario runs in fresh processes, in rounds that are interleaved and\n"
        "shuffled. The table says what was measured, how sure that is, and whether expectations\n"
        "and published claims hold. result.json in the run's folder holds all of it, report.html\n"
        "shows it with plots.\n\n"
        "Examples:\n"
        "  poolstorm run allocation/encode\n"
        "  poolstorm run allocation --quick\n"
        "  poolstorm run headline --quick --no-grid      one of each family, in three minutes\n"
        "  poolstorm run --quick                         all there are; `all` names them, too\n"
        "  poolstorm run allocation/encode --aa pooled --rounds 20\n"
        "  poolstorm run ./mine.yaml --set connections=8 --set measure=5s --out /tmp/mine\n"
        "  poolstorm run ./mine.yaml --database postgresql://me@localhost/test\n\n"
        "A scenario with a database gets a throw-away PostgreSQL, unless --database names one. "
        "Its\n"
        "password is better given by PGPASSWORD or ~/.pgpass than here.\n",
    .options = run_groups,
    .options_size_bytes = sizeof(struct run_options),
    .args_max = 256,
    .words = scenario_files_print,
    .run = run_run,
};
