/* SPDX-License-Identifier: MIT */
/* load.c - one phase: starts the workers, gives them one clock, and puts their parts together. */
#include "load/load.h"

#include "core/fiber.h"
#include "core/thread.h"
#include "load/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Between two looks at the workers' counters. */
#define PROGRESS_NS (100 * NS_PER_MS)

/* From the last worker being ready to the first arrival: all threads have seen the word by then. */
#define LEAD_NS (2 * NS_PER_MS)

enum { REQUEST_BYTES_MAX = 1 << 30 }; /* all connections' copies of all requests */

/* ---- Targets --------------------------------------------------------------------------------- */

static int copy_text(char *to, size_t room, const char *from, size_t length, struct err *err)
{
    if (length >= room)
        return err_set(err, -ENAMETOOLONG, "'%.40s…' is too long", from);
    memcpy(to, from, length);
    to[length] = '\0';
    return 0;
}

int load_target_parse(struct load_target *target, const char *url, struct err *err)
{
    static const char plain[] = "http://", local[] = "http+unix:";
    *target = (struct load_target){0};
    if (strncasecmp(url, local, sizeof(local) - 1) == 0) {
        char text[256];
        (void)snprintf(text, sizeof(text), "unix:%s", url + sizeof(local) - 1);
        strcpy(target->host, "localhost");
        return addr_parse(&target->addr, text, err);
    }
    if (strncasecmp(url, "https://", 8) == 0)
        return err_set(err, -EINVAL, "https is not spoken here: give an http:// URL");
    if (strncasecmp(url, plain, sizeof(plain) - 1) != 0)
        return err_set(err, -EINVAL, "expected a URL such as http://127.0.0.1:8080/path, not '%s'",
                       url);
    const char *host = url + sizeof(plain) - 1;
    size_t host_length = strcspn(host, "/?#");
    const char *path = host + host_length;
    size_t path_length = strcspn(path, "#");
    if (*path == '?')
        return err_set(err, -EINVAL, "put a '/' before the '?' of '%s'", url);
    while (path_length > 0 && path[path_length - 1] == '/')
        path_length--;
    int rc = copy_text(target->host, sizeof(target->host), host, host_length, err);
    if (!rc)
        rc = copy_text(target->prefix, sizeof(target->prefix), path, path_length, err);
    if (rc)
        return rc;
    char text[300];
    const char *bracket = strrchr(target->host, ']');
    bool has_port = strchr(bracket ? bracket : target->host, ':') != NULL;
    (void)snprintf(text, sizeof(text), "%s%s", target->host, has_port ? "" : ":80");
    return addr_parse(&target->addr, text, err);
}

/* ---- Results --------------------------------------------------------------------------------- */

void load_result_fini(struct load_result *result)
{
    hist_destroy(result->latency);
    hist_destroy(result->service_time);
    hist_destroy(result->lateness);
    hist_destroy(result->connect);
    series_destroy(result->series);
    *result = (struct load_result){0};
}

static void add_cpu(struct meter_sample *into, const struct meter_sample *from)
{
    into->at_ns = from->at_ns > into->at_ns ? from->at_ns : into->at_ns;
    into->cpu_ns += from->cpu_ns;
    into->cpu_user_ns += from->cpu_user_ns;
    into->cpu_system_ns += from->cpu_system_ns;
    into->faults_minor += from->faults_minor;
    into->faults_major += from->faults_major;
    into->switches_voluntary += from->switches_voluntary;
    into->switches_involuntary += from->switches_involuntary;
    into->threads++;
}

/* The first worker's part is moved, the others' are added to it. */
static int add_part(struct load_result *into, struct worker *worker, struct err *err)
{
    struct load_result *part = &worker->result;
    for (size_t i = 0; i < LOAD_OUTCOMES; i++)
        part->ended[i] = atomic_load_explicit(&worker->ended[i], memory_order_relaxed);
    if (!into->latency) {
        part->start_ns = worker->start_ns;
        part->length_ns = worker->job->length_ns;
        part->cpu.threads = 1;
        *into = *part;
        *part = (struct load_result){0};
        return 0;
    }
    hist_merge(into->latency, part->latency);
    hist_merge(into->service_time, part->service_time);
    hist_merge(into->lateness, part->lateness);
    hist_merge(into->connect, part->connect);
    for (size_t i = 0; i < LOAD_OUTCOMES; i++)
        into->ended[i] += part->ended[i];
    into->offered += part->offered;
    into->sent += part->sent;
    into->ok_in_time += part->ok_in_time;
    into->replied_in_time += part->replied_in_time;
    into->queued += part->queued;
    into->connects += part->connects;
    into->reply_bytes += part->reply_bytes;
    into->in_flight_peak += part->in_flight_peak;
    into->connections_open += part->connections_open;
    add_cpu(&into->cpu, &part->cpu);
    into->watched_ns += part->watched_ns;
    into->working_ns += part->working_ns;
    if (!into->first_error[0])
        memcpy(into->first_error, part->first_error, sizeof(into->first_error));
    return series_merge(into->series, part->series, err);
}

/* ---- Running --------------------------------------------------------------------------------- */

struct crew {
    struct worker *workers; /* count of them */
    unsigned count;         /* threads */
    unsigned started;       /* of them running */
    bool timing;            /* the clock was started */
    struct waitq ready;     /* woken with each that becomes ready */
    struct mix mix;         /* that they share */
};

static int start_workers(struct crew *crew, const struct load_job *job, struct err *err)
{
    for (unsigned i = 0; i < crew->count; i++) {
        struct worker *worker = &crew->workers[i];
        struct thread_options options = {
            .name = "load",
            .ring = {.spin_ns = job->profile->rate_per_s > 0 ? job->profile->spin_ns : 0},
            .cpu = job->cpu_count > 0 ? job->cpus[i % job->cpu_count] : -1,
        };
        worker->parent = ring_self();
        worker->parent_waits = &crew->ready;
        int rc = thread_start(&worker->thread, &options, worker_main, worker, err);
        if (rc)
            return rc;
        crew->started++;
    }
    return 0;
}

static int wait_until_ready(struct ctx *ctx, struct crew *crew)
{
    for (unsigned i = 0; i < crew->count; i++) {
        while (!crew->workers[i].is_ready) {
            int rc = waitq_wait(ctx, &crew->ready, NULL);
            if (rc)
                return rc;
        }
    }
    return 0;
}

/* Not one connection: that is no result but a wrong address. */
static int check_connected(const struct crew *crew, const struct load_job *job, struct err *err)
{
    char text[128];
    int error = 0;
    for (unsigned i = 0; i < crew->count; i++) {
        if (crew->workers[i].result.connections_open > 0)
            return 0;
        error = crew->workers[i].error ? crew->workers[i].error : error;
    }
    if (!job->profile->keep_alive || !error)
        return 0;
    return err_sys(err, error, "connect to %s",
                   addr_format(&job->target->addr, text, sizeof(text)));
}

static void start_clock(struct crew *crew, const struct load_job *job)
{
    uint64_t start_ns = clock_now_ns() + LEAD_NS;
    crew->timing = true;
    for (unsigned i = 0; i < crew->count; i++) {
        crew->workers[i].start_ns = start_ns;
        crew->workers[i].end_ns = start_ns + job->length_ns;
        ring_post(thread_ring(crew->workers[i].thread), &crew->workers[i].go);
    }
}

void load_progress_begin(struct load_progress *progress)
{
    struct load_progress next = {.latency = progress->latency};
    for (size_t i = 0; i < LOAD_OUTCOMES; i++)
        next.earlier[i] = progress->earlier[i] + progress->ended[i];
    *progress = next;
}

/* Latencies of slots that the worker has done with; of one that has ended, all. */
static void show_latencies(struct worker *worker, bool ended, struct hist *latency)
{
    const struct series *series = worker->result.series;
    size_t closed = ended ? series->slot_count : series_closed(series);
    for (; worker->slots_shown < closed; worker->slots_shown++)
        series_slot_into_hist(series, worker->slots_shown, latency);
}

static void show_progress(struct crew *crew, bool ended, struct load_progress *progress)
{
    uint64_t now_ns = clock_now_ns(), start_ns = crew->workers[0].start_ns;
    progress->start_ns = start_ns;
    progress->elapsed_ns = now_ns > start_ns ? now_ns - start_ns : 0;
    progress->in_flight = 0;
    memset(progress->ended, 0, sizeof(progress->ended));
    for (unsigned i = 0; i < crew->count; i++) {
        struct worker *worker = &crew->workers[i];
        progress->in_flight += atomic_load_explicit(&worker->in_flight, memory_order_relaxed);
        for (size_t k = 0; k < LOAD_OUTCOMES; k++)
            progress->ended[k] += atomic_load_explicit(&worker->ended[k], memory_order_relaxed);
        if (progress->latency)
            show_latencies(worker, ended, progress->latency);
    }
}

/* Keeps progress fresh until the phase is over; its workers then end by themselves. */
static int watch(struct ctx *ctx, struct crew *crew, const struct load_job *job,
                 struct load_progress *progress)
{
    uint64_t end_ns = crew->workers[0].start_ns + job->length_ns;
    int rc = 0;
    if (!progress)
        return fiber_sleep_until(ctx, end_ns);
    show_progress(crew, false, progress); /* the clock's start is known */
    while (!rc && clock_now_ns() < end_ns) {
        uint64_t next_ns = clock_now_ns() + PROGRESS_NS;
        rc = fiber_sleep_until(ctx, next_ns < end_ns ? next_ns : end_ns);
        show_progress(crew, false, progress);
    }
    return rc;
}

static int run_crew(struct ctx *ctx, struct crew *crew, const struct load_job *job,
                    struct load_progress *progress, struct err *err)
{
    int rc = start_workers(crew, job, err);
    if (!rc)
        rc = wait_until_ready(ctx, crew);
    if (!rc)
        rc = check_connected(crew, job, err);
    if (!rc) {
        start_clock(crew, job);
        rc = watch(ctx, crew, job, progress);
    }
    for (unsigned i = 0; i < crew->started; i++) {
        if (rc)
            thread_cancel(crew->workers[i].thread, "phase called off");
        int joined = thread_join(ctx, crew->workers[i].thread);
        rc = rc ? rc : joined;
    }
    if (progress && crew->timing)
        show_progress(crew, true, progress);
    return rc;
}

static int make_crew(struct crew *crew, const struct load_job *job, struct err *err)
{
    waitq_init(&crew->ready);
    int rc = mix_init(&crew->mix, job, err);
    if (rc)
        return rc;
    if (crew->mix.bytes > REQUEST_BYTES_MAX / job->profile->connections)
        return err_set(err, -E2BIG,
                       "%llu connections with %zu bytes of requests each do not fit "
                       "into 1 GiB: fewer connections or smaller payloads",
                       (unsigned long long)job->profile->connections, crew->mix.bytes);
    crew->workers = calloc((size_t)job->profile->threads, sizeof(*crew->workers));
    if (!crew->workers)
        return err_sys(err, -ENOMEM, "allocate the generator's threads");
    unsigned count = (unsigned)job->profile->threads;
    for (unsigned i = 0; i < count && !rc; i++) {
        crew->count = i + 1;
        rc = worker_init(&crew->workers[i], job, &crew->mix, i, count, err);
    }
    return rc;
}

/* The parts of a phase that was called off count up to then. */
static int gather(struct crew *crew, struct load_result *result, int rc, struct err *err)
{
    if (!crew->timing)
        return rc;
    for (unsigned i = 0; i < crew->count; i++) {
        int failed = add_part(result, &crew->workers[i], err);
        rc = rc ? rc : failed;
    }
    uint64_t now_ns = clock_now_ns();
    if (rc && now_ns < result->start_ns + result->length_ns)
        result->length_ns = now_ns > result->start_ns ? now_ns - result->start_ns : 1;
    return rc;
}

int load_run(struct ctx *ctx, const struct load_job *job, struct load_result *result,
             struct load_progress *progress, struct err *err)
{
    struct crew crew = {0};
    *result = (struct load_result){0};
    int rc = make_crew(&crew, job, err);
    if (!rc)
        rc = run_crew(ctx, &crew, job, progress, err);
    rc = gather(&crew, result, rc, err);
    for (unsigned i = 0; i < crew.count; i++)
        worker_fini(&crew.workers[i]);
    free(crew.workers);
    mix_fini(&crew.mix);
    return rc;
}

/* ---- Whether to believe it ------------------------------------------------------------------- */

/* Late by more than this, at the 99th percentile, the schedule was not kept, unless that is little
 * beside the latencies and beside the phase. */
#define LATENESS_MAX_NS        NS_PER_MS
#define LATENESS_LATENCY_SHARE 20
#define LATENESS_LENGTH_SHARE  100

/* A thread this busy had no time left to ask more. */
#define BUSY_SHARE 0.97

double load_result_busy(const struct load_result *result)
{
    return result->watched_ns ? (double)result->working_ns / (double)result->watched_ns : 0;
}

static const char *late_invalid(const struct load_result *result, char *text, size_t size_bytes)
{
    char late[32];
    uint64_t late_ns = hist_percentile_ns(result->lateness, 99);
    bool little = late_ns <= hist_percentile_ns(result->latency, 99) / LATENESS_LATENCY_SHARE &&
                  late_ns <= result->length_ns / LATENESS_LENGTH_SHARE;
    if (late_ns <= LATENESS_MAX_NS || little)
        return NULL;
    (void)snprintf(text, size_bytes, "the generator was late: P99 %s behind its schedule",
                   format_ns(late, sizeof(late), (double)late_ns));
    return text;
}

static const char *busy_invalid(const struct load_result *result, double subject_cpus, char *text,
                                size_t size_bytes)
{
    char subject[64] = "";
    double busy = load_result_busy(result);
    if (busy <= BUSY_SHARE || subject_cpus >= BUSY_SHARE)
        return NULL;
    if (subject_cpus >= 0)
        (void)snprintf(subject, sizeof(subject), ", the subject kept %.2f CPUs busy", subject_cpus);
    (void)snprintf(text, size_bytes, "the generator was the limit: its threads were %.0f %% busy%s",
                   busy * 100, subject);
    return text;
}

const char *load_result_invalid(const struct load_result *result,
                                const struct load_profile *profile, double subject_cpus, char *text,
                                size_t size_bytes)
{
    bool open = profile->rate_per_s > 0;
    const char *late = open ? late_invalid(result, text, size_bytes) : NULL;
    if (late)
        return late;
    /* Closed, a generator that is always busy asks less but hides nothing, and without sight of the
     * subject the two cannot be told apart. Open, it makes arrivals wait that nobody else held up.
     */
    return open || subject_cpus >= 0 ? busy_invalid(result, subject_cpus, text, size_bytes) : NULL;
}
