/* SPDX-License-Identifier: MIT */
/* round_micro.c - a pass of a micro-benchmark: one row of poolstorm-micro in a fresh process, and
 * what it says of it. */
#include "run/round.h"

#include "core/clock.h"
#include "core/io.h"
#include "core/param.h"
#include "run/invariant.h"
#include "run/log.h"
#include "run/micro_json.h"
#include "run/micro_program.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* With fewer, chance has a say in what one of them takes. */
enum { OPERATIONS_MIN = 30 };

enum { JSON_BYTES_MAX = 1 << 20, NAME_BYTES_MAX = 256, LISTED_MAX = 1024 };

/* A machine that has others to run measures them, too. */
#define WAITED_SHARE_MAX 0.1

/* Google Benchmark finds by trying how many operations fill the time. */
#define LONGEST_NS(length_ns) (60 * NS_PER_S + 20 * (length_ns))

/* ---- The program ----------------------------------------------------------------------------- */

static int check_status(int status, const char *log_path, struct err *err)
{
    char text[80];
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    (void)err_set(err, -ESRCH, "the micro-benchmark's program has ended: %s",
                  guardian_describe_status(status, text, sizeof(text)));
    return log_add_tail(log_path, -ESRCH, err);
}

/* Runs it to its end, or until ctx or its time is over; nothing of it is left. */
static int run_program(struct ctx *ctx, struct guardian *guardian,
                       const struct guardian_process *program, uint64_t longest_ns, pid_t *pid,
                       struct err *err)
{
    struct guardian_lease *lease;
    struct ctx bounded;
    ctx_init_timeout(&bounded, ctx, longest_ns);
    int rc = guardian_start(&bounded, guardian, program, &lease, err);
    if (!rc) {
        *pid = guardian_lease_pid(lease);
        int waited = guardian_wait(&bounded, lease);
        int status = guardian_stop(lease, 0);
        rc = waited ? err_set(err, waited, "the micro-benchmark did not come to its end")
                    : check_status(status, program->output_path, err);
    }
    ctx_fini(&bounded);
    return rc;
}

/* ---- Names ----------------------------------------------------------------------------------- */

/* "object_pool/called/1KiB/first": what stands before how it is timed and on how many threads. */
static void name_row(const struct plan_subject *subject, char *name, size_t size_bytes)
{
    (void)snprintf(name, size_bytes, "%s%s%s", subject->benchmark, subject->row ? "/" : "",
                   subject->row ? subject->row : "");
}

/* The part of a listed line that is the row's name, cut off; the rest of it, or NULL. */
static char *split_line(char *line)
{
    static const char *const timed[] = {"/real_time/", "/manual_time/"};
    for (size_t i = 0; i < sizeof(timed) / sizeof(*timed); i++) {
        char *at = strstr(line, timed[i]);
        if (!at)
            continue;
        *at = '\0';
        return at + strlen(timed[i]);
    }
    return NULL;
}

/* The rows there are. */
struct listing {
    char *text;
    char *names[LISTED_MAX + 1], *threads[LISTED_MAX]; /* "threads:2"; they point into text */
    size_t count;
};

static int read_listing(const char *path, struct listing *listing, struct err *err)
{
    size_t length;
    char *rest;
    int rc = io_read_file(path, JSON_BYTES_MAX, &listing->text, &length);
    if (rc)
        return err_sys(err, rc, "read %.200s", path);
    for (char *line = strtok_r(listing->text, "\n", &rest); line && listing->count < LISTED_MAX;
         line = strtok_r(NULL, "\n", &rest)) {
        char *threads = split_line(line);
        if (!threads)
            continue;
        listing->names[listing->count] = line;
        listing->threads[listing->count++] = threads;
    }
    listing->names[listing->count] = NULL;
    return 0;
}

static int find_row(const struct listing *listing, const struct plan_variant *variant,
                    struct err *err)
{
    char name[NAME_BYTES_MAX], threads[40];
    bool known = false;
    name_row(&variant->subject, name, sizeof(name));
    (void)snprintf(threads, sizeof(threads), "threads:%" PRIu64, variant->subject.threads);
    for (size_t i = 0; i < listing->count; i++) {
        if (strcmp(listing->names[i], name) != 0)
            continue;
        known = true;
        if (strcmp(listing->threads[i], threads) == 0)
            return 0;
    }
    if (known)
        return err_set(err, -EINVAL, "variant '%s': %.120s does not run on %" PRIu64 " thread%s",
                       variant->name, name, variant->subject.threads,
                       variant->subject.threads == 1 ? "" : "s");
    const char *near = word_suggest((const char *const *)listing->names, name);
    return err_set(err, -EINVAL, "variant '%s': expected a benchmark's row, not '%.120s'%s%.120s%s",
                   variant->name, name, near ? " (did you mean '" : "", near ? near : "",
                   near ? "'?)" : "; poolstorm micro --benchmark_list_tests names them");
}

/* Whether the program has what the variants name. */
static int micro_check(struct ctx *ctx, const struct round_setting *setting,
                       const struct result *result, struct err *err)
{
    char program[PATH_MAX];
    struct listing *listing = calloc(1, sizeof(*listing));
    pid_t pid;
    int rc = listing ? micro_program_find(program, sizeof(program), err)
                     : err_sys(err, -ENOMEM, "list the micro-benchmarks");
    const struct guardian_process wanted = {
        .argv = (char *[]){program, (char[]){"--benchmark_list_tests=true"}, NULL},
        .output_path = setting->log_path,
    };
    if (!rc)
        rc = run_program(ctx, setting->guardian, &wanted, LONGEST_NS(0), &pid, err);
    if (!rc)
        rc = read_listing(setting->log_path, listing, err);
    for (size_t i = 0; !rc && i < result->variant_count; i++)
        rc = find_row(listing, &result->plan->variants[result->variants[i].plan_index], err);
    free(listing ? listing->text : NULL);
    free(listing);
    return rc;
}

/* ---- A row ----------------------------------------------------------------------------------- */

/* Of one thread those of a subject, so that what watches is elsewhere; of several all there are. */
static cpu_set_t choose_cpus(const struct placement *placement, uint64_t threads)
{
    cpu_set_t all = placement->subject;
    if (threads > 1)
        CPU_OR(&all, &placement->subject, &placement->generator);
    return all;
}

/* NAME=VALUE in the form that guardian_start takes; the caller frees all of them. */
static char **make_environment(const struct plan_subject *subject, const char *preload)
{
    size_t count = 0;
    char **env = calloc(subject->env.count + 2, sizeof(*env));
    bool whole = env;
    for (size_t i = 0; whole && i < subject->env.count; i++, count++)
        whole = asprintf(&env[count], "%s=%s", subject->env.items[i].name,
                         subject->env.items[i].value) >= 0;
    if (whole && preload)
        whole = asprintf(&env[count++], "LD_PRELOAD=%s", preload) >= 0;
    if (whole)
        return env;
    for (size_t i = 0; env && i + 1 < count; i++)
        free(env[i]);
    free(env);
    return NULL;
}

static void free_environment(char **env)
{
    for (char **one = env; one && *one; one++)
        free(*one);
    free(env);
}

/* Where the row's figures go: "03-pooled.gbench.log" beside the log, removed when logs are. */
static void name_json(const char *log_path, char *path, size_t size_bytes)
{
    int stem = (int)strlen(log_path) - (int)strlen(".log");
    (void)snprintf(path, size_bytes, "%.*s.gbench.log", stem > 0 ? stem : 0, log_path);
}

static int run_row(struct ctx *ctx, const struct round_setting *setting,
                   const struct result *result, struct result_round *round, const char *json_path,
                   struct err *err)
{
    const struct result_variant *variant = &result->variants[round->variant];
    const struct plan_subject *subject = &result->plan->variants[variant->plan_index].subject;
    char program[PATH_MAX], name[NAME_BYTES_MAX], filter[NAME_BYTES_MAX + 80], least[64];
    char out[PATH_MAX + 40], format[] = "--benchmark_out_format=json";
    uint64_t length_ns = result->phases[0].length_ns;
    cpu_set_t cpus = choose_cpus(setting->placement, subject->threads);
    int rc = micro_program_find(program, sizeof(program), err);
    if (rc)
        return rc;
    name_row(subject, name, sizeof(name));
    (void)snprintf(filter, sizeof(filter),
                   "--benchmark_filter=^%s/(real|manual)_time/threads:%" PRIu64 "$", name,
                   subject->threads);
    (void)snprintf(least, sizeof(least), "--benchmark_min_time=%.6f", (double)length_ns / 1e9);
    (void)snprintf(out, sizeof(out), "--benchmark_out=%s", json_path);
    char **env = make_environment(subject, variant->preload);
    const struct guardian_process wanted = {
        .argv = (char *[]){program, filter, least, out, format, NULL},
        .env = env,
        .output_path = setting->log_path,
        .cpus = &cpus,
    };
    rc = env ? run_program(ctx, setting->guardian, &wanted, LONGEST_NS(length_ns), &round->pid, err)
             : err_sys(err, -ENOMEM, "prepare the benchmark's environment");
    round->exit_status = rc ? -1 : 0;
    free_environment(env);
    return rc;
}

/* ---- Figures --------------------------------------------------------------------------------- */

void round_fill_timing(const struct plan *plan, const struct micro_timing *timing, double *row)
{
    double own_ns = micro_timing_counter(timing, "ns_op");
    row[METRIC_TIME_PER_OP] = isnan(own_ns) ? timing->real_ns * (double)timing->threads : own_ns;
    row[METRIC_CPU_PER_OP] = timing->cpu_ns;
    row[METRIC_OPS] = timing->items_per_s;
    if (isnan(row[METRIC_OPS]) && timing->real_ns > 0)
        row[METRIC_OPS] = 1e9 / timing->real_ns;
    row[METRIC_ITERATIONS] = (double)timing->iterations;
    row[METRIC_CPU_WAITED] = micro_timing_counter(timing, "cpu_waited");
    for (size_t i = 0; i < plan->observe_count; i++)
        row[METRIC_BUILTIN_COUNT + i] =
            micro_timing_counter(timing, plan->observes[i].series) * plan->observes[i].scale;
}

const char *round_timing_invalid(const struct micro_timing *timing, size_t cpu_count, char *text,
                                 size_t size_bytes)
{
    double waited = timing->row ? micro_timing_counter(timing, "cpu_waited") : NAN;
    if (timing->failure[0])
        (void)snprintf(text, size_bytes, "the benchmark failed: %s", timing->failure);
    else if (timing->threads > cpu_count)
        (void)snprintf(text, size_bytes, "%" PRIu64 " threads on %zu CPU%s", timing->threads,
                       cpu_count, cpu_count == 1 ? "" : "s");
    else if (timing->iterations / timing->threads < OPERATIONS_MIN)
        (void)snprintf(text, size_bytes,
                       "only %" PRIu64 " operations were timed: the phase is too short",
                       timing->iterations);
    else if (waited > WAITED_SHARE_MAX)
        (void)snprintf(text, size_bytes,
                       "for %.0f %% of the time it was ready and had no CPU: the machine is busy",
                       100 * waited);
    else
        return NULL;
    return text;
}

static int read_figures(const struct round_setting *setting, const struct result *result,
                        struct result_round *round, const char *json_path, struct err *err)
{
    const struct plan *plan = result->plan;
    const struct result_variant *variant = &result->variants[round->variant];
    struct micro_timing timing = {0};
    cpu_set_t cpus =
        choose_cpus(setting->placement, plan->variants[variant->plan_index].subject.threads);
    char *text, why[200];
    size_t length;
    int rc = io_read_file(json_path, JSON_BYTES_MAX, &text, &length);
    if (rc)
        return err_sys(err, rc, "read %.200s", json_path);
    rc = micro_json_read(text, length, &timing, err);
    free(text);
    if (rc)
        return rc;
    if (!timing.failure[0])
        round_fill_timing(plan, &timing, round->rows);
    const char *reason = round_timing_invalid(&timing, (size_t)CPU_COUNT(&cpus), why, sizeof(why));
    if (reason)
        result_phase_invalid(round, 0, "%s: %s", plan->phases[0].name, reason);
    micro_timing_fini(&timing);
    plan_derive(plan, round->rows);
    plan_gather(plan, round->rows, round->whole);
    invariants_check(result, round);
    return 0;
}

static int micro_run(struct ctx *ctx, const struct round_setting *setting, struct result *result,
                     struct result_round *round, struct err *err)
{
    struct result_step *step = &round->steps[0];
    char json_path[PATH_MAX];
    uint64_t start_ns = clock_now_ns();
    name_json(setting->log_path, json_path, sizeof(json_path));
    live_begin_phase(setting->live, 0);
    step->start_ns = start_ns - result->start_ns;
    int rc = run_row(ctx, setting, result, round, json_path, err);
    step->ran = !rc;
    step->length_ns = clock_now_ns() - start_ns;
    return rc ? rc : read_figures(setting, result, round, json_path, err);
}

const struct round_kind round_micro = {.check = micro_check, .run = micro_run};
