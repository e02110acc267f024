/* SPDX-License-Identifier: MIT */
/* round.c - takes a subject through its phases and reads what it cost. */
#include "run/round.h"

#include "core/clock.h"
#include "core/fiber.h"
#include "core/group.h"
#include "measure/meter.h"
#include "run/detour.h"
#include "run/impact.h"
#include "run/invariant.h"
#include "run/knee.h"
#include "run/observe.h"
#include "run/process.h"
#include "run/process_tree.h"
#include "run/reconcile.h"
#include "run/timeline.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A round under way. */
struct pass {
    const struct round_setting *setting;
    struct result *result;
    struct result_round *round;
    struct process process;
    struct detour *detour;     /* NULL: no fault needs one */
    struct load_target target; /* where the load goes: the subject, or a proxy before it */
    struct observer observer;
    struct reconcile reconcile;
    struct process_tree *meter; /* NULL for a url */
    bool broken_off;            /* the round goes no further, which is not the subject's doing */
};

/* What is read at both ends of a phase. */
struct reading {
    struct meter_sample meter;
    bool metered;
    uint64_t database_cpu_ns;
    bool database_metered;
    struct observed observed;
};

/* ---- Figures --------------------------------------------------------------------------------- */

static double percentile(const struct hist *hist, double share)
{
    return hist && hist->count ? (double)hist_percentile_ns(hist, share) : NAN;
}

static void fill_latency(const struct load_result *load, double *row)
{
    row[METRIC_P50] = percentile(load->latency, 50);
    row[METRIC_P90] = percentile(load->latency, 90);
    row[METRIC_P95] = percentile(load->latency, 95);
    row[METRIC_P99] = percentile(load->latency, 99);
    row[METRIC_P999] = percentile(load->latency, 99.9);
    row[METRIC_MAX] = percentile(load->latency, 100);
    row[METRIC_MEAN] = load->latency && load->latency->count ? hist_mean_ns(load->latency) : NAN;
    row[METRIC_LATENESS_P50] = percentile(load->lateness, 50);
    row[METRIC_LATENESS_P99] = percentile(load->lateness, 99);
    row[METRIC_CONNECT_P50] = percentile(load->connect, 50);
    row[METRIC_CONNECT_P99] = percentile(load->connect, 99);
}

/* All that came in, in time or later. */
static double reply_count(const struct load_result *load)
{
    uint64_t count = 0;
    for (size_t i = 0; i < LOAD_OUTCOMES; i++)
        count += load_outcome_is_reply((enum load_outcome)i) ? load->ended[i] : 0;
    return (double)count;
}

static void fill_counts(const struct load_result *load, double *row)
{
    uint64_t all = 0;
    double span_s = (double)load->length_ns / 1e9;
    for (size_t i = 0; i < LOAD_OUTCOMES; i++)
        all += load->ended[i];
    uint64_t errors = all - load->ended[LOAD_OK];
    row[METRIC_REQUESTS] = (double)all;
    row[METRIC_ERROR_COUNT] = (double)errors;
    row[METRIC_ERRORS] = all > 0 ? (double)errors / (double)all : NAN;
    row[METRIC_CONTAMINATED] =
        (double)(load->ended[LOAD_NO_TOKEN] + load->ended[LOAD_CONTAMINATED]);
    row[METRIC_SHEDS] = (double)load->ended[LOAD_SHED];
    if (span_s > 0) {
        row[METRIC_QPS] = (double)load->replied_in_time / span_s;
        row[METRIC_GOODPUT] = (double)load->ok_in_time / span_s;
    }
}

static void fill_cost(const struct result_step *step, double *row)
{
    const struct meter_sample *subject = &step->subject;
    double replies = reply_count(&step->load);
    row[METRIC_SUBJECT_CPU] = meter_cpus(subject);
    if (subject->rss_peak_bytes > 0) /* of several processes it is not known */
        row[METRIC_RSS_PEAK] = (double)subject->rss_peak_bytes;
    row[METRIC_RSS_END] = (double)subject->rss_bytes;
    if (step->loaded && replies > 0) {
        row[METRIC_CPU_PER_REQUEST] = (double)subject->cpu_ns / replies;
        row[METRIC_FAULTS_PER_REQUEST] =
            (double)(subject->faults_minor + subject->faults_major) / replies;
    }
}

/* What must not happen must not have happened in any step. */
static void fill_knee(const struct search_curve *curve, double *row)
{
    row[METRIC_KNEE] = curve->met_per_s;
    row[METRIC_CONTAMINATED] = 0;
    for (size_t i = 0; i < curve->step_count; i++)
        row[METRIC_CONTAMINATED] += (double)curve->steps[i].contaminated;
}

static void fill_database_cost(const struct result_step *step, double *row)
{
    double replies = reply_count(&step->load), cpu_ns = (double)step->database_cpu_ns;
    if (step->length_ns > 0)
        row[METRIC_DATABASE_CPU] = cpu_ns / (double)step->length_ns;
    if (step->loaded && replies > 0)
        row[METRIC_DATABASE_CPU_PER_REQUEST] = cpu_ns / replies;
}

void round_fill_row(const struct result_step *step, double *row)
{
    if (step->loaded) {
        fill_latency(&step->load, row);
        fill_counts(&step->load, row);
    }
    if (step->metered)
        fill_cost(step, row);
    if (step->database_metered)
        fill_database_cost(step, row);
    if (step->curve)
        fill_knee(step->curve, row);
}

static double observed_growth(double before, double after)
{
    /* A counter that appears during the phase began at nothing. */
    return isnan(before) ? after : after - before;
}

/* -ENOMEM. */
static int fill_histogram(const struct plan *plan, size_t index, struct result_step *step,
                          const struct reading *before, const struct reading *after, double *out)
{
    const struct plan_observe *observe = &plan->observes[index];
    if (!step->histograms)
        step->histograms = calloc(plan->observe_count, sizeof(*step->histograms));
    if (!step->histograms)
        return -ENOMEM;
    int rc = buckets_growth(&before->observed.buckets[index], &after->observed.buckets[index],
                            observe->scale, &step->histograms[index]);
    *out = buckets_quantile(&step->histograms[index], observe->quantile);
    return rc;
}

static int fill_observed(const struct plan *plan, struct result_step *step,
                         const struct reading *before, const struct reading *after, double *row)
{
    int rc = 0;
    for (size_t i = 0; i < plan->observe_count && !rc; i++) {
        const struct plan_observe *observe = &plan->observes[i];
        const struct gauge *gauge = result_gauge(step, i);
        double *out = &row[METRIC_BUILTIN_COUNT + i];
        const double *from = before->observed.values, *to = after->observed.values;
        if (observe->histogram)
            rc = fill_histogram(plan, i, step, before, after, out);
        else if (gauge && observe->take == PLAN_TAKE_REACHED)
            *out = gauge_reached(gauge, observe->reached_op, observe->reached_limit);
        else if (gauge)
            *out = gauge_take(gauge, observe->take);
        else if (observe->counter)
            *out = observed_growth(from[i], to[i]) * observe->scale;
        else if (observe_is(observe, OBSERVE_PHASE))
            *out = to[i] * observe->scale;
    }
    return rc;
}

/* ---- Readings -------------------------------------------------------------------------------- */

/* Reads observations. What cannot be read makes the round invalid; a mistake of the plan's and the
 * end of ctx are errors. */
static int observe(struct ctx *ctx, struct pass *pass, enum observe_when when,
                   struct observed *observed, struct err *err)
{
    struct err told = {0};
    int rc = observer_read(ctx, &pass->observer, when, observed, &told);
    if (ctx_error(ctx))
        return ctx_error(ctx);
    if (rc == -EINVAL) {
        *err = told;
        return rc;
    }
    if (rc)
        result_round_invalid(pass->round, "%.230s", told.text);
    return 0;
}

static int take_reading(struct ctx *ctx, struct pass *pass, struct reading *reading,
                        struct err *err)
{
    *reading = (struct reading){0};
    int rc = observed_init(&reading->observed, pass->result->plan);
    if (rc)
        return rc;
    if (pass->meter && process_tree_read(pass->meter, &reading->meter, NULL) == 0)
        reading->metered = true;
    if (pass->setting->database)
        reading->database_metered =
            run_database_cpu_ns(pass->setting->database, &reading->database_cpu_ns);
    return observe(ctx, pass, OBSERVE_PHASE, &reading->observed, err);
}

/* ---- Phases ---------------------------------------------------------------------------------- */

static struct load_job make_job(const struct pass *pass, size_t index)
{
    const struct result_phase *phase = &pass->result->phases[index];
    const struct plan_phase *planned = &pass->result->plan->phases[index];
    return (struct load_job){
        .target = &pass->target,
        .profile = &phase->profile,
        .requests = planned->requests,
        .request_count = planned->request_count,
        .length_ns = phase->length_ns,
        .seed = pass->round->seed + index, /* phases differ, blocks repeat nothing */
        .cpus = pass->setting->placement->generator_cpus,
        .cpu_count = pass->setting->placement->generator_count,
    };
}

static int make_load(struct ctx *ctx, struct pass *pass, size_t index, struct err *err)
{
    struct result_step *step = &pass->round->steps[index];
    struct load_job job = make_job(pass, index);
    int rc = reconcile_begin_phase(&pass->reconcile, index, job.profile->threads, &job.ledger, err);
    if (rc)
        return rc;
    load_progress_begin(&pass->setting->live->progress);
    step->loaded = true;
    return load_run(ctx, &job, &step->load, &pass->setting->live->progress, err);
}

static int make_search(struct ctx *ctx, struct pass *pass, size_t index, struct err *err)
{
    const struct result_phase *phase = &pass->result->phases[index];
    struct result_step *step = &pass->round->steps[index];
    struct load_job load = make_job(pass, index);
    struct knee_job job = {
        .load = &load,
        .settings = &phase->search,
        .objective = pass->result->plan->phases[index].objective,
        .meter = pass->meter,
        .length_max_ns = phase->length_ns,
    };
    step->curve = calloc(1, sizeof(*step->curve));
    if (!step->curve)
        return err_sys(err, -ENOMEM, "search");
    return knee_run(ctx, &job, step->curve, step, &pass->setting->live->progress, err);
}

/* What this thread used meanwhile stands with what the generator did: sampling runs beside the
 * subject as well. */
static void add_cpu(struct meter_sample *generator, const struct meter_sample *before)
{
    struct meter_sample after;
    if (meter_thread(&after, NULL))
        return;
    struct meter_sample own = meter_difference(before, &after);
    generator->cpu_ns += own.cpu_ns;
    generator->cpu_user_ns += own.cpu_user_ns;
    generator->cpu_system_ns += own.cpu_system_ns;
}

/* The load of a measured phase with its faults. */
static int make_disturbed_load(struct ctx *ctx, struct pass *pass, size_t index, struct err *err)
{
    struct run_database *database = pass->setting->database;
    struct timeline_setting setting = {
        .result = pass->result,
        .round = pass->round,
        .guardian = pass->setting->guardian,
        .subject = process_pid(&pass->process),
        .conninfo = database ? run_database_conninfo(database) : NULL,
        .detour = pass->detour,
        .progress = &pass->setting->live->progress,
        .live = pass->setting->live,
    };
    struct timeline *timeline;
    struct err failed = {0};
    load_progress_begin(&pass->setting->live->progress); /* its clock is that of the phase before */
    int rc = timeline_start(ctx, &setting, index, &timeline, err);
    if (!rc)
        rc = make_load(ctx, pass, index, err);
    if (detour_check(pass->detour, &failed)) /* why faults could not be taken away, then */
        result_round_invalid(pass->round, "%.230s", failed.text);
    int mistaken = timeline_stop(timeline, &failed);
    if (mistaken && !ctx_error(ctx)) {
        *err = failed;
        rc = mistaken;
    }
    return rc;
}

/* The load of a measured phase, and the gauges sampled while it lasts; of a search those of the
 * step that the phase's figures are of. */
static int make_observed_load(struct ctx *ctx, struct pass *pass, size_t index, struct err *err)
{
    struct result_step *step = &pass->round->steps[index];
    bool search = pass->result->plan->phases[index].objective;
    struct sampling *sampling = NULL;
    struct meter_sample before;
    struct err failed = {0};
    bool metered = meter_thread(&before, NULL) == 0;
    int rc = sampling_start(ctx, &pass->observer, &sampling, err);
    if (!rc)
        rc = search ? make_search(ctx, pass, index, err)
                    : make_disturbed_load(ctx, pass, index, err);
    int rc_samples =
        sampling_stop(sampling, step->load.start_ns, step->load.length_ns, &step->gauges, &failed);
    if (rc_samples && !rc) {
        *err = failed;
        rc = rc_samples;
    }
    if (step->gauges && metered && !search)
        add_cpu(&step->load.cpu, &before);
    return rc;
}

/* What the record keeps is less than what the figures were taken from. */
static void thin_gauges(const struct plan *plan, struct result_step *step)
{
    for (size_t i = 0; step->gauges && i < plan->observe_count; i++)
        gauge_thin(&step->gauges[i], GAUGE_KEPT_MAX, plan->observes[i].take);
}

static void judge_load(struct pass *pass, size_t index)
{
    const struct result_phase *phase = &pass->result->phases[index];
    const struct result_step *step = &pass->round->steps[index];
    char text[240];
    double cpus = step->metered ? meter_cpus(&step->subject) : -1;
    /* The step of a knee met its objective in spite of the generator. */
    const char *reason =
        step->curve ? knee_invalid(step->curve, text, sizeof(text))
                    : load_result_invalid(&step->load, &phase->profile, cpus, text, sizeof(text));
    if (reason)
        result_phase_invalid(pass->round, index, "%s: %s", phase->name, reason);
    if (!step->loaded)
        return;
    if (phase->profile.keep_alive && step->load.connections_open < phase->profile.connections)
        result_phase_invalid(pass->round, index,
                             "%s: only %" PRIu64 " of %" PRIu64
                             " connections could be opened: ask with fewer (`connections`), or let "
                             "the service take more at a time",
                             phase->name, step->load.connections_open, phase->profile.connections);
}

static void fill_meters(struct result_step *step, const struct reading *before,
                        const struct reading *after)
{
    step->metered = before->metered && after->metered;
    if (step->metered)
        step->subject = meter_difference(&before->meter, &after->meter);
    step->database_metered = before->database_metered && after->database_metered;
    if (step->database_metered && after->database_cpu_ns > before->database_cpu_ns)
        step->database_cpu_ns = after->database_cpu_ns - before->database_cpu_ns;
}

static int run_step(struct ctx *ctx, struct pass *pass, size_t index, const struct reading *before,
                    struct reading *after, struct err *err)
{
    const struct result_phase *phase = &pass->result->phases[index];
    struct result_step *step = &pass->round->steps[index];
    uint64_t start_ns = clock_now_ns();
    step->start_ns = start_ns - pass->result->start_ns;
    int rc = phase->kind == PLAN_PHASE_DRAIN    ? fiber_sleep(ctx, phase->length_ns)
             : phase->kind == PLAN_PHASE_WARMUP ? make_load(ctx, pass, index, err)
                                                : make_observed_load(ctx, pass, index, err);
    step->ran = !rc;
    step->length_ns = clock_now_ns() - start_ns;
    /* A dead subject is the better reason than what the generator made of it. */
    int dead = process_check(&pass->process, err);
    if (dead || rc)
        return dead ? dead : rc;
    rc = take_reading(ctx, pass, after, err);
    if (!step->curve) /* which metered its own steps */
        fill_meters(step, before, after);
    if (pass->meter && !step->metered)
        result_phase_invalid(pass->round, index, "%s: the subject's use of the machine is unknown",
                             phase->name);
    return rc;
}

static int fill_phase(struct pass *pass, size_t index, const struct reading *before,
                      const struct reading *after)
{
    const struct plan *plan = pass->result->plan;
    struct result_step *step = &pass->round->steps[index];
    double *row = pass->round->rows + index * plan->metric_count;
    judge_load(pass, index);
    round_fill_row(step, row);
    int rc = fill_observed(plan, step, before, after, row);
    if (!rc)
        rc = impact_judge(pass->result, pass->round, index, NULL);
    thin_gauges(plan, step);
    plan_derive(plan, row);
    return rc;
}

/* What is asked once, of the round as a whole. */
static int observe_round(struct ctx *ctx, struct pass *pass, struct err *err)
{
    const struct plan *plan = pass->result->plan;
    struct observed observed;
    int rc = observed_init(&observed, plan);
    if (rc)
        return rc;
    rc = observe(ctx, pass, OBSERVE_ROUND, &observed, err);
    for (size_t i = 0; i < plan->observe_count; i++)
        if (observe_is(&plan->observes[i], OBSERVE_ROUND))
            pass->round->whole[METRIC_BUILTIN_COUNT + i] =
                observed.values[i] * plan->observes[i].scale;
    observed_fini(&observed);
    return rc;
}

/* What was written, when all of it should be stored. What can't be read makes the round invalid. */
static int reconcile(struct ctx *ctx, struct pass *pass)
{
    const struct plan *plan = pass->result->plan;
    uint64_t strangers;
    struct err err = {0};
    if (reconcile_read(ctx, &pass->reconcile, &strangers, &err)) {
        result_round_invalid(pass->round, "%.230s", err.text);
        return ctx_error(ctx);
    }
    if (strangers > 0)
        result_round_invalid(pass->round,
                             "ledger: %" PRIu64 " of the rows were written by no request of the "
                             "round: empty the table before each round",
                             strangers);
    for (size_t i = 0; i < plan->phase_count; i++) {
        double *row = pass->round->rows + i * plan->metric_count;
        if (plan->phases[i].kind != PLAN_PHASE_MEASURE)
            continue;
        if (reconcile_fill(&pass->reconcile, i, row) > 0)
            result_phase_invalid(pass->round, i,
                                 "%s: more than %" PRIu64 " requests a thread, too many for a "
                                 "ledger",
                                 plan->phases[i].name, LEDGER_ROOM);
        plan_derive(plan, row);
    }
    return 0;
}

/* Each phase begins where the one before ended: one reading between two. */
static int run_phases(struct ctx *ctx, struct pass *pass, struct err *err)
{
    const struct plan *plan = pass->result->plan;
    struct reading before, after = {0};
    int rc = take_reading(ctx, pass, &before, err);
    for (size_t i = 0; i < plan->phase_count && !rc; i++) {
        live_begin_phase(pass->setting->live, i);
        rc = run_step(ctx, pass, i, &before, &after, err);
        if (!rc && plan->phases[i].kind == PLAN_PHASE_MEASURE)
            rc = fill_phase(pass, i, &before, &after);
        observed_fini(&before.observed);
        before = after;
        after = (struct reading){0};
    }
    observed_fini(&before.observed);
    if (!rc)
        rc = observe_round(ctx, pass, err);
    if (!rc)
        rc = reconcile(ctx, pass);
    if (!rc) {
        plan_gather(plan, pass->round->rows, pass->round->whole);
        invariants_check(pass->result, pass->round);
    }
    return rc;
}

/* ---- The round ------------------------------------------------------------------------------- */

/* Before the subject, which is to find its database by way of it. */
static int start_detour(struct ctx *ctx, struct pass *pass, struct err *err)
{
    const struct run_database *database = pass->setting->database;
    char log_path[PATH_MAX];
    const char *path = pass->setting->log_path;
    int stem = (int)strlen(path) - (int)strlen(".log");
    (void)snprintf(log_path, sizeof(log_path), "%.*s.proxy.log", stem > 0 ? stem : 0, path);
    struct detour_options options = {
        .guardian = pass->setting->guardian,
        .plan = pass->result->plan,
        .seed = pass->round->seed,
        .cpus = &pass->setting->placement->subject,
        .log_path = log_path,
        .uri = database ? run_database_uri(database) : NULL,
        .uri_bare = database ? run_database_uri_bare(database) : NULL,
    };
    return detour_create(ctx, &pass->detour, &options, err);
}

static int start_process(struct ctx *ctx, struct pass *pass, struct err *err)
{
    const struct result_variant *variant = &pass->result->variants[pass->round->variant];
    const struct run_database *database = pass->setting->database;
    struct process_options options = {
        .guardian = pass->setting->guardian,
        .subject = &pass->result->plan->variants[variant->plan_index].subject,
        .program = variant->program,
        .preload = variant->preload,
        .cpus = &pass->setting->placement->subject,
        .log_path = pass->setting->log_path,
        .allowed = pass->setting->allowed,
    };
    if (database)
        options.database =
            (struct process_database){run_database_uri(database), run_database_uri_bare(database),
                                      run_database_password(database)};
    if (detour_uri(pass->detour)) {
        options.database.uri = detour_uri(pass->detour);
        options.database.uri_bare = detour_uri_bare(pass->detour);
    }
    int rc = process_start(ctx, &pass->process, &options, err);
    pass->round->ready_ns = pass->process.ready_ns;
    pass->round->pid = process_pid(&pass->process);
    pass->target = pass->process.target;
    if (!rc && pass->round->pid)
        rc = process_tree_create(&pass->meter, pass->round->pid, err);
    return rc ? rc : detour_serve(ctx, pass->detour, &pass->target, err);
}

static int start_observers(struct ctx *ctx, struct pass *pass, struct err *err)
{
    const struct run_database *database = pass->setting->database;
    struct observe_setting observed = {
        .plan = pass->result->plan,
        .target = &pass->process.target,
        .conninfo = database ? run_database_conninfo(database) : NULL,
        .live = pass->setting->live,
    };
    int rc = observer_init(&pass->observer, &observed, err);
    if (!rc)
        rc = observer_check(ctx, &pass->observer, err);
    if (!rc)
        rc = reconcile_init(&pass->reconcile, pass->result->plan, observed.conninfo, err);
    return rc ? rc : reconcile_check(ctx, &pass->reconcile, err);
}

/* What the subject is to find when it starts. */
static int make_ready(struct ctx *ctx, struct pass *pass, struct err *err)
{
    int rc = 0;
    if (pass->setting->database) {
        live_say(pass->setting->live, "database");
        rc = run_database_begin_round(ctx, pass->setting->database, err);
    }
    if (rc)
        return rc;
    live_say(pass->setting->live, "start");
    return start_detour(ctx, pass, err);
}

static int start_and_measure(struct ctx *ctx, struct pass *pass, struct err *err)
{
    int rc = start_process(ctx, pass, err);
    if (!rc)
        rc = start_observers(ctx, pass, err);
    return rc ? rc : run_phases(ctx, pass, err);
}

/* ---- Its proxy, without which nothing can be measured ---------------------------------------- */

/* For that of its end to come, which may be why all else failed. */
#define NEWS_NS (200 * NS_PER_MS)

struct watch {
    const struct detour *detour;
    struct ctx *measuring; /* ended with it */
};

static void watch_detour(struct ctx *ctx, void *arg)
{
    const struct watch *watch = arg;
    if (detour_wait(ctx, watch->detour) == 0)
        ctx_cancel(watch->measuring, "the fault proxy has ended");
}

static void await_news(struct ctx *ctx, struct group *watching)
{
    struct ctx patience;
    ctx_init_timeout(&patience, ctx, NEWS_NS);
    (void)group_join(&patience, watching); /* there is none, mostly */
    ctx_fini(&patience);
}

/* The round ends with its proxy, and is invalid; another one may go better. */
static int measure_watched(struct ctx *ctx, struct pass *pass, struct err *err)
{
    struct ctx measuring;
    struct group group;
    struct err why = {0};
    struct watch watch = {.detour = pass->detour, .measuring = &measuring};
    if (!pass->detour)
        return start_and_measure(ctx, pass, err);
    ctx_init(&measuring, ctx);
    group_init(&group, ctx);
    int rc = group_spawn(&group, "watch", watch_detour, &watch);
    rc = rc ? err_sys(err, rc, "watch the fault proxy") : start_and_measure(&measuring, pass, err);
    if (rc && rc != -EINVAL)
        await_news(ctx, &group);
    group_cancel(&group, "the round is over");
    (void)group_join(NULL, &group); /* without a ctx there is nothing to fail */
    (void)group_fini(&group);
    pass->broken_off = ctx_error(&measuring) != 0;
    ctx_fini(&measuring);
    if (!pass->broken_off || ctx_error(ctx))
        return rc;
    if (detour_check(pass->detour, &why) && !pass->round->spoilt)
        result_round_invalid(pass->round, "%.230s", why.text);
    return 0;
}

static int service_run(struct ctx *ctx, const struct round_setting *setting, struct result *result,
                       struct result_round *round, struct err *err)
{
    struct pass pass = {.setting = setting, .result = result, .round = round};
    struct err why = {0};
    int rc = make_ready(ctx, &pass, err);
    if (!rc)
        rc = measure_watched(ctx, &pass, err);
    if (!rc) /* a failure is told with the phase it came in */
        live_say(setting->live, "stop");
    if (setting->database && !ctx_error(ctx) && run_database_check(ctx, setting->database, &why))
        result_round_invalid(round, "%.230s", why.text);
    observer_fini(&pass.observer);
    reconcile_fini(&pass.reconcile);
    process_tree_destroy(pass.meter);
    bool broken_off = pass.broken_off || ctx_error(ctx);
    round->exit_status =
        process_stop(&pass.process, broken_off ? PROCESS_GRACE_BROKEN_NS : PROCESS_GRACE_NS);
    detour_destroy(pass.detour);
    return rc;
}

const struct round_kind round_service = {.run = service_run};
