/* SPDX-License-Identifier: MIT */
/* load.c - poolstorm load: drives any HTTP service, and says what came of it. */
#include "load/load.h"

#include "command/command.h"
#include "command/load/knee.h"
#include "core/fiber.h"
#include "core/group.h"
#include "core/interrupt.h"
#include "core/io.h"
#include "run/allow.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct load_run_options {
    uint64_t length_ns; /* of what is measured */
    uint64_t warmup_ns; /* before that, thrown away */
    uint64_t seed;      /* of arrivals, mix and payloads */
    char *objective;    /* of a search for the knee, or NULL */
    char *allow;        /* HOST:PORT off loopback that may be loaded all the same, or NULL */
    bool json;          /* print JSON instead */
};

struct load_options {
    struct load_run_options run;
    struct load_profile profile;
    struct load_request request;
    struct search_settings search;
};

static const struct param run_params[] = {
    {PARAM_NS("duration", load_run_options, length_ns, "10s", "how long to measure"), .letter = 'd',
     .min = 1e6, .max = 86400e9},
    {PARAM_NS("warmup", load_run_options, warmup_ns, "0", "load before that, thrown away")},
    {PARAM_COUNT("seed", load_run_options, seed, "1", "of arrivals, mix, payloads and tokens")},
    {PARAM_TEXT("search", load_run_options, objective, NULL,
                "find the highest rate that meets this, such as 'p99 < 100ms and errors < 0.1%'")},
    {PARAM_TEXT("allow", load_run_options, allow, NULL,
                "HOST:PORT that is not loopback and may be loaded all the same")},
    {PARAM_BOOL("json", load_run_options, json, "false", "print JSON instead of a table")},
    {0},
};

static const struct option_group load_groups[] = {
    {"Options", run_params, offsetof(struct load_options, run)},
    {"Load", load_profile_params, offsetof(struct load_options, profile)},
    {"Request", load_request_params, offsetof(struct load_options, request)},
    {"Search", search_params, offsetof(struct load_options, search)},
    {0},
};

/* The work of the command, as its first fiber sees it. */
struct session {
    const struct load_options *options;
    const char *url;
    struct load_target target;
    char path[sizeof(((struct load_target *)0)->prefix)];
    struct load_request request;
    struct load_profile profile; /* as asked for, or of a search: at the rate it begins at */
    struct load_result result;
    struct load_progress progress;
    struct load_search search; /* with an objective */
};

/* ---- While it runs --------------------------------------------------------------------------- */

static void show_progress(struct ctx *ctx, void *arg)
{
    struct session *session = arg;
    uint64_t before = 0, before_ns = 0;
    while (fiber_sleep(ctx, NS_PER_S / 2) == 0) {
        struct load_progress now = session->progress;
        uint64_t errors = 0;
        for (size_t i = LOAD_OK + 1; i < LOAD_OUTCOMES; i++)
            errors += now.ended[i];
        char rate[32];
        double span_s = (double)(now.elapsed_ns - before_ns) / 1e9;
        double per_s = span_s > 0 ? (double)(now.ended[LOAD_OK] - before) / span_s : 0;
        (void)fprintf(stderr, "\r%5.1f s  %10s/s  in flight %-6" PRIu64 " errors %-8" PRIu64 "\r",
                      (double)now.elapsed_ns / 1e9, format_count(rate, sizeof(rate), per_s),
                      now.in_flight, errors);
        before = now.ended[LOAD_OK];
        before_ns = now.elapsed_ns;
    }
    (void)fputs("\r\033[K", stderr);
}

static struct load_job make_job(const struct session *session, uint64_t length_ns)
{
    return (struct load_job){
        .target = &session->target,
        .profile = &session->profile,
        .requests = &session->request,
        .request_count = 1,
        .length_ns = length_ns,
        .seed = session->options->run.seed,
    };
}

static int run_phase(struct ctx *ctx, struct session *session, uint64_t length_ns, struct err *err)
{
    struct load_job job = make_job(session, length_ns);
    session->progress = (struct load_progress){0};
    return load_run(ctx, &job, &session->result, &session->progress, err);
}

static int run_measured(struct ctx *ctx, struct session *session, struct err *err)
{
    if (!session->options->run.objective)
        return run_phase(ctx, session, session->options->run.length_ns, err);
    struct load_job job = make_job(session, 0);
    return load_search_run(ctx, &session->search, &job, &session->progress, err);
}

static int work(struct ctx *ctx, void *arg, struct err *err)
{
    struct session *session = arg;
    struct group group;
    group_init(&group, ctx);
    session->search.terminal = isatty(STDERR_FILENO) && !session->options->run.json;
    if (session->search.terminal)
        (void)group_spawn(&group, "progress", show_progress, session);
    int rc = 0;
    if (session->options->run.warmup_ns > 0) {
        rc = run_phase(ctx, session, session->options->run.warmup_ns, err);
        load_result_fini(&session->result);
    }
    if (!rc)
        rc = run_measured(ctx, session, err);
    group_cancel(&group, "done");
    (void)group_join(NULL, &group);
    (void)group_fini(&group);
    return rc;
}

/* ---- Afterwards ------------------------------------------------------------------------------ */

static uint64_t error_count(const struct load_result *result)
{
    uint64_t errors = 0;
    for (size_t i = LOAD_OK + 1; i < LOAD_OUTCOMES; i++)
        errors += result->ended[i];
    return errors;
}

static double per_second(const struct load_result *result, uint64_t count)
{
    return (double)count * 1e9 / (double)result->length_ns;
}

/* Returns whether there were too few values for one of the percentiles. */
static bool print_latency(const char *name, const struct hist *hist)
{
    static const double percentiles[] = {50, 90, 99, 99.9};
    char text[32];
    bool few = false;
    (void)printf("  %-13s", name);
    for (size_t i = 0; i < sizeof(percentiles) / sizeof(*percentiles); i++) {
        bool sound = hist_percentile_is_sound(hist, percentiles[i]);
        uint64_t value_ns = hist_percentile_ns(hist, percentiles[i]);
        (void)printf(" %9s", sound ? format_ns(text, sizeof(text), (double)value_ns) : "(few)");
        few = few || !sound;
    }
    if (hist->count == 0) {
        (void)printf(" %9s %9s\n", "-", "-");
        return few;
    }
    (void)printf(" %9s", format_ns(text, sizeof(text), (double)hist_max_ns(hist)));
    (void)printf(" %9s\n", format_ns(text, sizeof(text), hist_mean_ns(hist)));
    return few;
}

static void print_latencies(const struct load_result *result, bool open)
{
    (void)printf("\n\n  %-13s %9s %9s %9s %9s %9s %9s\n", "", "P50", "P90", "P99", "P99.9", "max",
                 "mean");
    bool few = print_latency("latency", result->latency);
    if (open) {
        few = print_latency("service time", result->service_time) || few;
        few = print_latency("lateness", result->lateness) || few;
    }
    if (few)
        (void)printf("  (few): P99 wants 10,000 good replies, P99.9 wants 100,000\n");
}

static void print_requests(const struct session *session)
{
    const struct load_result *result = &session->result;
    const struct load_profile *profile = &session->profile;
    char span[32], rate[32], bytes[32];
    bool open = profile->rate_per_s > 0;
    (void)printf("%s for %s: %" PRIu64 " thread%s, %" PRIu64 " connections, ", session->url,
                 format_ns(span, sizeof(span), (double)result->length_ns), profile->threads,
                 profile->threads == 1 ? "" : "s", profile->connections);
    if (open)
        (void)printf("open loop at %s/s\n\n",
                     format_count(rate, sizeof(rate), profile->rate_per_s));
    else
        (void)printf("closed loop\n\n");
    (void)printf("  %-13s %s/s, %s/s; %" PRIu64 " good replies", "goodput",
                 format_count(rate, sizeof(rate), per_second(result, result->ok_in_time)),
                 format_bytes(bytes, sizeof(bytes), per_second(result, result->reply_bytes)),
                 result->ended[LOAD_OK]);
    if (open)
        (void)printf(" of %" PRIu64 " arrivals", result->offered);
    print_latencies(result, open);
}

static void print_errors(const struct session *session)
{
    const struct load_result *result = &session->result;
    (void)printf("\n  %-13s %" PRIu64, "errors", error_count(result));
    for (size_t i = LOAD_OK + 1; i < LOAD_OUTCOMES; i++)
        if (result->ended[i] > 0)
            (void)printf("  %s %" PRIu64, load_outcome_names[i], result->ended[i]);
    if (result->first_error[0])
        (void)printf("  (first: %s)", result->first_error);
}

static void print_connections(const struct session *session)
{
    const struct load_result *result = &session->result;
    uint64_t wanted = session->profile.connections;
    char mean[32], max[32];
    (void)printf("\n  %-13s %" PRIu64 " opened", "connections", result->connects);
    if (result->connects > 0)
        (void)printf(", in %s on average and %s at most",
                     format_ns(mean, sizeof(mean), hist_mean_ns(result->connect)),
                     format_ns(max, sizeof(max), (double)hist_max_ns(result->connect)));
    if (session->profile.keep_alive && result->connections_open < wanted)
        (void)printf("; only %" PRIu64 " of %" PRIu64 " stood at the start",
                     result->connections_open, wanted);
    if (result->queued > 0)
        (void)printf("\n  %-13s %" PRIu64 " arrivals found no free connection; at most %" PRIu64
                     " were in flight",
                     "queued", result->queued, result->in_flight_peak);
}

static const char *invalid(const struct session *session, char *text, size_t size_bytes)
{
    return load_result_invalid(&session->result, &session->profile, -1, text, size_bytes);
}

static void print_generator(const struct session *session)
{
    const struct load_result *result = &session->result;
    char text[200];
    (void)printf(
        "\n  %-13s %.0f %% of a CPU a thread, %.2f µs a request; busy %.0f %% of the time\n",
        "generator", meter_cpus(&result->cpu) * 100 / (double)session->profile.threads,
        (double)result->cpu.cpu_ns / 1e3 / (double)(result->sent ? result->sent : 1),
        load_result_busy(result) * 100);
    const char *reason = invalid(session, text, sizeof(text));
    if (reason)
        (void)printf("\n  NOT VALID: %s\n", reason);
    else if (load_result_busy(result) > 0.97)
        (void)printf(
            "  the generator had no time left: it may have been the limit, not the service\n");
}

static json_t *latency_json(const struct hist *hist)
{
    static const struct {
        const char *name;
        double percentile;
    } rows[] = {{"p50_ns", 50}, {"p90_ns", 90}, {"p99_ns", 99}, {"p999_ns", 99.9}};
    json_t *object = json_pack("{s:I, s:I, s:I, s:f}", "count", (json_int_t)hist->count, "min_ns",
                               (json_int_t)hist_min_ns(hist), "max_ns",
                               (json_int_t)hist_max_ns(hist), "mean_ns", hist_mean_ns(hist));
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (hist_percentile_is_sound(hist, rows[i].percentile))
            (void)json_object_set_new(
                object, rows[i].name,
                json_integer((json_int_t)hist_percentile_ns(hist, rows[i].percentile)));
    return object;
}

static int print_json(const struct session *session)
{
    const struct load_result *result = &session->result;
    char text[200];
    json_t *outcomes = json_object();
    for (size_t i = 0; i < LOAD_OUTCOMES; i++)
        (void)json_object_set_new(outcomes, load_outcome_names[i],
                                  json_integer((json_int_t)result->ended[i]));
    const char *reason = invalid(session, text, sizeof(text));
    json_t *root = json_pack(
        "{s:s, s:I, s:f, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:b, s:s*}", "url",
        session->url, "length_ns", (json_int_t)result->length_ns, "goodput_per_s",
        per_second(result, result->ok_in_time), "sent", (json_int_t)result->sent, "queued",
        (json_int_t)result->queued, "outcomes", outcomes, "latency", latency_json(result->latency),
        "service_time", latency_json(result->service_time), "lateness",
        latency_json(result->lateness), "connect", latency_json(result->connect),
        "connections_open", (json_int_t)result->connections_open, "generator_cpu_ns",
        (json_int_t)result->cpu.cpu_ns, "valid", reason == NULL, "invalid", reason);
    if (!root || json_dumpf(root, stdout, JSON_INDENT(2)) != 0)
        return -EIO;
    (void)putchar('\n');
    json_decref(root);
    return 0;
}

static void print_table(const struct session *session)
{
    print_requests(session);
    print_errors(session);
    print_connections(session);
    print_generator(session);
}

/* ---- The command ----------------------------------------------------------------------------- */

static int aim(struct session *session, struct err *err)
{
    int rc = load_target_parse(&session->target, session->url, err);
    if (!rc)
        rc = allow_check(&session->target, session->options->run.allow, err);
    if (rc)
        return rc;
    /* The URL names the whole path, and --path what follows when the URL names none. */
    session->request = session->options->request;
    if (session->target.prefix[0]) {
        memcpy(session->path, session->target.prefix, sizeof(session->path));
        session->target.prefix[0] = '\0';
        session->request.path = session->path;
    }
    return 0;
}

static enum exit_code finish(struct session *session, int rc, struct err *err)
{
    if (rc == -ECANCELED && session->result.latency)
        (void)fputs("interrupted; this is what came until then\n\n", stderr);
    if (session->result.latency) {
        if (session->options->run.json) {
            if (print_json(session))
                rc = err_set(err, -EIO, "write JSON");
        } else {
            print_table(session);
        }
    }
    if (rc == -ECANCELED)
        return EXIT_INTERRUPTED;
    if (rc || session->result.ended[LOAD_OK] == 0)
        return EXIT_RUNTIME;
    char text[200];
    return invalid(session, text, sizeof(text)) ? EXIT_INVALID : EXIT_WELL;
}

/* Checks everything before anything is sent. */
static int prepare(struct session *session, struct err *err)
{
    const struct load_options *options = session->options;
    session->profile = options->profile;
    int rc = load_profile_check(&session->profile, err);
    if (!rc)
        rc = load_request_check(&options->request, err);
    if (!rc && options->run.objective)
        rc = load_search_init(&session->search, &options->search, options->run.objective,
                              &options->profile, err);
    if (!rc && options->run.objective)
        session->profile.rate_per_s = options->search.from_per_s;
    session->search.quiet = options->run.json;
    return rc ? rc : aim(session, err);
}

static enum exit_code load_run_command(void *options, char *const *args, struct err *err)
{
    static struct session session; /* its progress outlives the fibers that write it */
    session.options = options;
    session.url = args[0];
    enum exit_code code = EXIT_BAD_INPUT;
    int rc = prepare(&session, err);
    if (!rc) {
        io_raise_descriptor_limit();
        rc = interrupt_run("load", work, &session, err);
        code = session.options->run.objective ? load_search_finish(&session.search, session.url, rc)
                                              : finish(&session, rc, err);
    }
    load_result_fini(&session.result);
    load_search_fini(&session.search);
    return code;
}

const struct command command_load = {
    .name = "load",
    .summary = "drive an HTTP service and measure it",
    .usage = "URL",
    .help = "Without --rate the loop is closed: every connection sends its next request when the "
            "reply\n"
            "is there, as wrk does. With --rate it is open: requests are due on a schedule, and "
            "latency\n"
            "counts from when a request was due, so that a stalled server cannot hide its stalls;\n"
            "'service time' is what a closed-loop tool would have seen.\n\n"
            "With --search it finds the highest rate that meets an objective over what it "
            "measures,\n"
            "a line a step: from --from it doubles until the objective is missed (or halves until "
            "it is met),\n"
            "then bisects until it knows the knee to --resolution. It ends with 1 when no rate "
            "meets it, and\n"
            "with 4 when the generator was the limit. --duration does not bound it: --steps-max "
            "does.\n\n"
            "Examples:\n"
            "  poolstorm load -t1 -c64 -d10s http://127.0.0.1:8080/\n"
            "  poolstorm load -c256 -R 20k/s --arrivals poisson http://127.0.0.1:8080/search?q=x\n"
            "  poolstorm load -m POST --payload 1.2KB --check token "
            "http://127.0.0.1:8080/api/v1/encode\n"
            "  poolstorm load --search 'p99 < 100ms and errors < 0.1%' --from 500/s "
            "http://127.0.0.1:8080/\n",
    .options = load_groups,
    .options_size_bytes = sizeof(struct load_options),
    .args_min = 1,
    .args_max = 1,
    .run = load_run_command,
};
