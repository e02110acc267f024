/* SPDX-License-Identifier: MIT */
/* runner.c - walks through the schedule, repeats what turned out invalid, and stops in order. */
#include "run/runner.h"

#include "core/clock.h"
#include "core/rng.h"
#include "run/database.h"
#include "run/environment.h"
#include "run/folder.h"
#include "run/prepare.h"
#include "run/round.h"
#include "run/schedule.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of the schedule. */
struct place {
    size_t variant;
    unsigned attempts; /* at it, so far */
    bool done;         /* one of them counts */
};

struct run {
    const struct runner_options *options;
    struct live *live;
    struct result *result;
    const struct round_kind *kind;
    struct guardian *guardian;
    struct run_database *database; /* NULL: the plan wants none */
    struct placement placement;
    char logs[PATH_MAX - 300]; /* folder of the subjects' logs */
    char database_log[PATH_MAX];
    struct place *places; /* block by block */
    size_t repetitions;   /* left for the whole run */
};

/* ---- Folders --------------------------------------------------------------------------------- */

static int make_folders(struct run *run, struct err *err)
{
    int length = snprintf(run->logs, sizeof(run->logs), "%s/logs", run->result->folder);
    if (length < 0 || (size_t)length >= sizeof(run->logs))
        return err_set(err, -ENAMETOOLONG, "folder '%.60s…'", run->result->folder);
    return folder_make(run->logs, err);
}

/* Logs of subjects that did what they should say nothing. */
static void remove_logs(const struct run *run)
{
    DIR *folder = opendir(run->logs);
    if (!folder)
        return;
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
        if (strstr(entry->d_name, ".log"))
            (void)unlinkat(dirfd(folder), entry->d_name, 0);
    (void)closedir(folder);
    (void)rmdir(run->logs);
}

/* "03-pooled.log", "03-pooled-again1.log"; what a name holds besides letters becomes '_'. */
static void log_path(const struct run *run, const struct result_round *round, char *path,
                     size_t size_bytes)
{
    char name[128], again[24] = "";
    (void)snprintf(name, sizeof(name), "%s", run->result->variants[round->variant].name);
    for (char *at = name; *at; at++)
        if (*at == '/' || *at == '\'')
            *at = *at == '/' ? '_' : '2';
    if (round->attempt > 0)
        (void)snprintf(again, sizeof(again), "-again%u", round->attempt);
    (void)snprintf(path, size_bytes, "%s/%02zu-%s%s.log", run->logs, round->block + 1, name, again);
    (void)unlink(path); /* of an earlier run into the same folder */
}

/* ---- Rounds ---------------------------------------------------------------------------------- */

/* All variants of a block get the same load, so that what is compared had the same to do: a round
 * that is repeated, too, for it is compared with the others of its block. */
static uint64_t round_seed(const struct run *run, size_t block)
{
    struct rng rng;
    rng_init(&rng, run->result->seed, block);
    return rng_next(&rng);
}

static struct round_setting make_setting(struct run *run, const char *path)
{
    return (struct round_setting){
        .guardian = run->guardian,
        .placement = &run->placement,
        .database = run->database,
        .allowed = run->options->allowed,
        .log_path = path,
        .live = run->live,
    };
}

static int attempt_round(struct ctx *ctx, struct run *run, size_t index, struct err *err)
{
    char path[PATH_MAX];
    struct place *place = &run->places[index];
    size_t block = index / run->result->variant_count;
    struct result_round *round;
    int rc = result_add_round(run->result, &round, err);
    if (rc)
        return rc;
    round->block = block;
    round->variant = place->variant;
    round->attempt = place->attempts;
    round->seed = round_seed(run, block);
    log_path(run, round, path, sizeof(path));
    live_begin_round(run->live, index + 1, round);
    struct round_setting setting = make_setting(run, path);
    uint64_t start_ns = clock_now_ns();
    round->start_ns = start_ns - run->result->start_ns;
    rc = run->kind->run(ctx, &setting, run->result, round, err);
    round->length_ns = clock_now_ns() - start_ns;
    if (rc && ctx_error(ctx))
        result_round_invalid(round, "%s", ctx_cause(ctx));
    else if (rc)
        result_round_invalid(round, "%.200s", err && err->text[0] ? err->text : "failed");
    place->done = result_round_counts(round);
    place->attempts++;
    return rc;
}

/* One place of the schedule: an invalid round is repeated, within bounds, and stays on record. One
 * that broke an invariant is an answer, and is not. */
static int run_place(struct ctx *ctx, struct run *run, size_t index, unsigned attempts_max,
                     struct err *err)
{
    struct place *place = &run->places[index];
    int rc = 0;
    while (place->attempts < attempts_max && !place->done && !rc) {
        if (place->attempts > 0 && run->repetitions == 0)
            break;
        run->repetitions -= place->attempts > 0;
        rc = attempt_round(ctx, run, index, err);
        run->result->length_ns = clock_now_ns() - run->result->start_ns;
    }
    return rc;
}

/* Says in the result why a run ended early. Without its guardian it is undone, and goes no further.
 */
static int note_end(struct ctx *ctx, struct run *run, int rc, struct err *err)
{
    if (!rc)
        return 0;
    rc = guardian_check(run->guardian, err) ? -EPIPE : rc;
    if (rc != -EPIPE && ctx_error(ctx)) {
        run->result->interrupted = true;
        return 0;
    }
    const char *variant = run->live->variant, *phase = run->live->phase;
    if (asprintf(&run->result->failure, "variant '%s', %s: %s", variant ? variant : "?",
                 phase ? phase : "start", err->text) < 0)
        run->result->failure = NULL;
    run->result->mistaken = rc == -EINVAL;
    return run->result->failure ? 0 : -ENOMEM;
}

static int make_places(struct run *run, size_t count, struct err *err)
{
    size_t *order = calloc(count + 1, sizeof(*order));
    run->places = calloc(count + 1, sizeof(*run->places));
    if (!order || !run->places) {
        free(order);
        free(run->places);
        run->places = NULL;
        return err_sys(err, -ENOMEM, "make a schedule");
    }
    schedule_fill(order, run->result->block_count, run->result->variant_count, run->result->seed);
    for (size_t i = 0; i < count; i++)
        run->places[i].variant = order[i];
    free(order);
    run->repetitions = count / 2 + 1;
    return 0;
}

static int run_places(struct ctx *ctx, struct run *run, struct err *err)
{
    size_t count = run->result->block_count * run->result->variant_count;
    struct err reason = {0};
    int rc = make_places(run, count, err);
    if (!rc)
        rc = live_begin_run(run->live, run->result, err);
    if (rc) {
        free(run->places);
        return rc;
    }
    for (size_t i = 0; i < count && !rc; i++)
        rc = run_place(ctx, run, i, RUNNER_ATTEMPTS_NOW, &reason);
    for (size_t i = 0; i < count && !rc; i++)
        rc = run_place(ctx, run, i, RUNNER_ATTEMPTS_MAX, &reason);
    free(run->places);
    run->places = NULL;
    return note_end(ctx, run, rc, &reason);
}

/* ---- The run --------------------------------------------------------------------------------- */

static int start(struct run *run, struct err *err)
{
    int rc = make_folders(run, err);
    if (!rc)
        rc = placement_init(&run->placement, err);
    if (rc)
        return rc;
    environment_read(&run->result->environment, &run->placement, run->options->command_line);
    rc = placement_enter(&run->placement);
    if (rc)
        return err_sys(err, rc, "sched_setaffinity");
    run->result->start_ns = clock_now_ns();
    return guardian_create(&run->guardian, err);
}

/* A mistake in the scenario's SQL is found here, before the first round. */
static int start_database(struct ctx *ctx, struct run *run, struct err *err)
{
    struct result_environment *environment = &run->result->environment;
    struct run_database_options options = {
        .guardian = run->guardian,
        .plan = run->result->plan,
        .own = run->options->database,
        .allowed = run->options->allowed,
        .cpus = &run->placement.subject,
        .log_path = run->database_log,
    };
    if (run->result->plan->database.kind == PLAN_DATABASE_NONE)
        return 0;
    live_say(run->live, "database");
    (void)snprintf(run->database_log, sizeof(run->database_log), "%s/database.log", run->logs);
    (void)unlink(run->database_log); /* of an earlier run into the same folder */
    int rc = run_database_create(ctx, &run->database, &options, err);
    if (!rc)
        (void)snprintf(environment->database, sizeof(environment->database), "%s",
                       run_database_describe(run->database));
    return rc;
}

/* What can be told before the first round, and only by running something. */
static int check_plan(struct ctx *ctx, struct run *run, struct err *err)
{
    char path[PATH_MAX];
    if (!run->kind->check)
        return 0;
    live_say(run->live, "check");
    (void)snprintf(path, sizeof(path), "%s/check.log", run->logs);
    (void)unlink(path); /* of an earlier run into the same folder */
    struct round_setting setting = make_setting(run, path);
    return run->kind->check(ctx, &setting, run->result, err);
}

/* All of it under a ctx that ends with the guardian, too. */
static int perform(struct ctx *ctx, struct run *run, struct err *err)
{
    struct ctx guarded;
    ctx_init(&guarded, ctx);
    guardian_watch(run->guardian, &guarded);
    int rc = start_database(&guarded, run, err);
    if (!rc)
        rc = check_plan(&guarded, run, err);
    int lost = rc ? guardian_check(run->guardian, err) : 0;
    if (!rc)
        rc = run_places(&guarded, run, err);
    guardian_watch(run->guardian, NULL);
    ctx_fini(&guarded);
    return lost ? lost : rc;
}

int runner_run(struct ctx *ctx, const struct plan *plan, const struct runner_options *options,
               struct live *live, struct result **out, struct err *err)
{
    struct run run = {
        .options = options,
        .live = live,
        .kind = plan->kind == PLAN_KIND_MICRO ? &round_micro : &round_service,
    };
    cpu_set_t before;
    int rc = sched_getaffinity(0, sizeof(before), &before) ? err_sys(err, -errno, "affinity") : 0;
    if (!rc)
        rc = prepare(plan, options, &run.result, err);
    if (rc)
        return rc;
    rc = start(&run, err);
    if (!rc)
        rc = perform(ctx, &run, err);
    run_database_destroy(run.database);
    guardian_destroy(run.guardian);
    environment_load_averages(run.result->environment.load_after);
    run.result->length_ns = clock_now_ns() - run.result->start_ns;
    if (!rc && !options->keep_logs && !run.result->failure)
        remove_logs(&run);
    (void)sched_setaffinity(0, sizeof(before), &before); /* for the next run's own halving */
    if (rc) {
        (void)live_begin_run(live, NULL, NULL); /* which is gone */
        result_destroy(run.result);
    } else {
        *out = run.result;
    }
    return rc;
}
