/* SPDX-License-Identifier: MIT */
/* worker.c - a fiber a connection; in an open loop, one more that hands out arrivals when they are
 * due. */
#include "load/worker.h"

#include "core/group.h"
#include "load/ledger.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CONNECTS_AT_ONCE = 32,  /* more would overflow the listener's backlog */
    ARRIVALS_IN_A_ROW = 64, /* handed out before the connections get a turn */
};

#define GRACE_NS                   (100 * NS_PER_MS) /* beyond the last request's timeout */
#define GRACE_NS_WITHOUT_TIMEOUT   NS_PER_S
#define CONNECT_NS_WITHOUT_TIMEOUT (5 * NS_PER_S)
#define RECONNECT_PAUSE_NS         (10 * NS_PER_MS) /* who was refused does not storm */

/* Written by this thread alone; relaxed, so that others may read without tearing. */
static void bump(_Atomic uint64_t *counter)
{
    uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, value + 1, memory_order_relaxed);
}

/* Connections with work; and the arrivals that wait for one. */
static void worker_busy(struct worker *worker, int change)
{
    worker->busy += (size_t)change;
    uint64_t in_flight = worker->busy + (worker->queue.tail - worker->queue.head);
    atomic_store_explicit(&worker->in_flight, in_flight, memory_order_relaxed);
    if (in_flight > worker->result.in_flight_peak)
        worker->result.in_flight_peak = in_flight;
}

/* ---- Making one ------------------------------------------------------------------------------ */

static int make_records(struct worker *worker, struct err *err)
{
    struct load_result *result = &worker->result;
    struct hist **hists[] = {&result->latency, &result->service_time, &result->lateness,
                             &result->connect};
    for (size_t i = 0; i < sizeof(hists) / sizeof(*hists); i++) {
        int rc = hist_create_default(hists[i], err);
        if (rc)
            return rc;
    }
    struct series_options options = {.length_ns = worker->job->length_ns,
                                     .error_names = load_outcome_names + 1};
    return series_create(&result->series, &options, err);
}

static int make_queue(struct worker_queue *queue, uint64_t most)
{
    size_t room = 1;
    while (room < most)
        room *= 2;
    queue->room = room;
    queue->intended_ns = malloc(room * sizeof(*queue->intended_ns));
    return queue->intended_ns ? 0 : -ENOMEM;
}

static int make_clients(struct worker *worker)
{
    uint64_t all = worker->job->profile->connections;
    size_t share = (size_t)(all / worker->count + (worker->index < all % worker->count));
    worker->clients = calloc(share, sizeof(*worker->clients));
    if (!worker->clients)
        return -ENOMEM;
    for (size_t i = 0; i < share; i++) {
        worker->client_count = i + 1;
        int rc = client_init(&worker->clients[i], worker->job, worker->mix, &worker->known);
        if (rc)
            return rc;
    }
    return 0;
}

static void on_go(struct message *message)
{
    struct worker *worker = container_of(message, struct worker, go);
    worker->has_start = true;
    (void)waitq_wake_all(&worker->waits_for_go);
}

static void on_ready(struct message *message)
{
    struct worker *worker = container_of(message, struct worker, ready);
    worker->is_ready = true;
    (void)waitq_wake_all(worker->parent_waits);
}

int worker_init(struct worker *worker, const struct load_job *job, const struct mix *mix,
                unsigned index, unsigned count, struct err *err)
{
    worker->job = job;
    worker->mix = mix;
    worker->index = index;
    worker->count = count;
    worker->ready.run = on_ready;
    worker->go.run = on_go;
    worker->next_token = (rng_splitmix(&(uint64_t){job->seed}) << 40) | ((uint64_t)index << 32);
    if (job->ledger) {
        worker->ledger = &job->ledger->parts[index];
        worker->ledger->first = worker->next_token;
    }
    rng_init(&worker->rng, job->seed, 1000 + index);
    waitq_init(&worker->waits_for_go);
    waitq_init(&worker->idle);
    waitq_init(&worker->drained);
    arrival_init(&worker->arrival, job->profile, job->length_ns, index, count, job->seed);
    int rc = make_records(worker, err);
    if (!rc && (make_clients(worker) ||
                make_queue(&worker->queue, job->profile->in_flight_max / count + 1)))
        rc = err_sys(err, -ENOMEM, "set up %llu connections",
                     (unsigned long long)job->profile->connections);
    return rc;
}

void worker_fini(struct worker *worker)
{
    for (size_t i = 0; i < worker->client_count; i++)
        client_fini(&worker->clients[i]);
    free(worker->clients);
    free(worker->queue.intended_ns);
    load_result_fini(&worker->result);
}

/* ---- One request ----------------------------------------------------------------------------- */

static void note_first_error(struct worker *worker, enum load_outcome outcome,
                             const struct client *client)
{
    char *text = worker->result.first_error;
    size_t room = sizeof(worker->result.first_error);
    if (outcome == LOAD_STATUS)
        (void)snprintf(text, room, "status %d", client->status);
    else if (client->error)
        (void)snprintf(text, room, "%s: %s", load_outcome_names[outcome], strerror(-client->error));
    else
        (void)snprintf(text, room, "%s", load_outcome_names[outcome]);
}

static void record(struct worker *worker, enum load_outcome outcome, const struct client *client,
                   uint64_t intended_ns, uint64_t sent_ns, uint64_t now_ns)
{
    struct load_result *result = &worker->result;
    bump(&worker->ended[outcome]);
    result->replied_in_time += load_outcome_is_reply(outcome) && now_ns <= worker->end_ns;
    if (outcome == LOAD_OK) {
        hist_record(result->latency, now_ns - intended_ns);
        hist_record(result->service_time, now_ns - sent_ns);
        series_ok(result->series, now_ns, now_ns - intended_ns, client->reply_bytes);
        if (now_ns <= worker->end_ns) {
            result->ok_in_time++;
            result->reply_bytes += client->reply_bytes;
        }
    } else {
        series_error(result->series, now_ns, (unsigned)outcome - 1);
        if (!result->first_error[0])
            note_first_error(worker, outcome, client);
    }
}

static int ensure_connected(struct ctx *ctx, struct worker *worker, struct client *client)
{
    if (client->fd >= 0)
        return 0;
    uint64_t before_ns = clock_now_ns();
    int rc = client_connect(ctx, client);
    if (!rc) {
        hist_record(worker->result.connect, clock_now_ns() - before_ns);
        worker->result.connects++;
    }
    return rc;
}

static enum load_outcome exchange(struct ctx *ctx, struct worker *worker, struct client *client)
{
    const struct mix_request *request = mix_pick(worker->mix, &worker->rng);
    uint64_t number = worker->next_token++;
    bool noted = worker->ledger && request->writes;
    if (noted)
        ledger_sent(worker->ledger, number);
    enum load_outcome outcome = client_exchange(ctx, client, request, number);
    if (noted)
        ledger_answered(worker->ledger, number, outcome, client->status);
    return outcome;
}

/* Connects if need be, exchanges, and tells how it ended; false when the phase was called off. */
static bool attempt(struct ctx *ctx, struct worker *worker, struct client *client,
                    enum load_outcome *outcome, uint64_t *sent_ns)
{
    bool reconnects = client->fd < 0;
    int rc = ensure_connected(ctx, worker, client);
    client->error = rc;
    if (rc) {
        *outcome = ctx_error(ctx) == -ETIMEDOUT ? LOAD_TIMEOUT : LOAD_REFUSED;
    } else {
        if (reconnects || worker->job->profile->rate_per_s > 0)
            *sent_ns = clock_now_ns(); /* else nothing lies between meaning to and sending */
        worker->result.sent++;
        *outcome = exchange(ctx, worker, client);
    }
    return ctx_error(ctx) != -ECANCELED;
}

static uint64_t deadline_of(const struct worker *worker, uint64_t intended_ns)
{
    uint64_t timeout_ns = worker->job->profile->timeout_ns;
    return timeout_ns > 0 ? clock_after(intended_ns, timeout_ns) : CLOCK_NEVER;
}

/* The ctx of a connection's requests serves one after the other, until one timed out. */
static void limit_request(struct ctx *limit, uint64_t at_ns)
{
    if (ctx_error(limit)) {
        struct ctx *parent = limit->parent;
        ctx_fini(limit);
        ctx_init(limit, parent);
    }
    ctx_set_deadline(limit, at_ns);
}

/* Returns when it ended. */
static uint64_t run_request(struct ctx *limit, struct worker *worker, struct client *client,
                            uint64_t intended_ns)
{
    enum load_outcome outcome;
    uint64_t sent_ns = intended_ns;
    limit_request(limit, deadline_of(worker, intended_ns));
    bool counts = attempt(limit, worker, client, &outcome, &sent_ns);
    uint64_t now_ns = clock_now_ns();
    if (!counts && worker->gave_up) {
        outcome = outcome == LOAD_OK ? LOAD_OK : LOAD_TIMEOUT;
        client->error = -ETIMEDOUT;
        counts = true;
    }
    if (counts)
        record(worker, outcome, client, intended_ns, sent_ns, now_ns);
    return now_ns;
}

/* ---- Closed loop: each connection is a client ------------------------------------------------ */

static int await_go(struct ctx *ctx, struct worker *worker)
{
    int rc = 0;
    while (!rc && !worker->has_start)
        rc = waitq_wait(ctx, &worker->waits_for_go, NULL);
    return rc;
}

static void ask_in_a_loop(struct ctx *ctx, struct worker *worker, struct client *client)
{
    uint64_t think_ns = worker->job->profile->think_ns;
    if (await_go(ctx, worker) || fiber_sleep_until(ctx, worker->start_ns))
        return;
    struct ctx limit;
    ctx_init(&limit, ctx);
    uint64_t now_ns = clock_now_ns();
    worker_busy(worker, 1);
    while (now_ns < worker->end_ns && !ctx_error(ctx)) {
        now_ns = run_request(&limit, worker, client, now_ns);
        if (think_ns > 0) {
            if (fiber_sleep_until(ctx, clock_after(now_ns, think_ns)))
                break;
            now_ns = clock_now_ns();
        }
        if (client->fd < 0 && client->error) {
            if (fiber_sleep(ctx, RECONNECT_PAUSE_NS))
                break;
            now_ns = clock_now_ns(); /* our pause is not the service's latency */
        }
    }
    worker_busy(worker, -1);
    ctx_fini(&limit);
}

static void closed_client(struct ctx *ctx, void *arg)
{
    struct worker *worker = arg;
    struct client *client = &worker->clients[worker->next_client++];
    ask_in_a_loop(ctx, worker, client);
    client_close(client);
}

/* ---- Open loop: arrivals look for a connection ----------------------------------------------- */

static size_t queue_length(const struct worker_queue *queue)
{
    return (size_t)(queue->tail - queue->head);
}

static uint64_t *queue_slot(struct worker_queue *queue, uint64_t at)
{
    return &queue->intended_ns[at & (queue->room - 1)];
}

static uint64_t queue_take(struct worker_queue *queue)
{
    return *queue_slot(queue, queue->head++);
}

/* It ran out of time before it had a connection. */
static void record_unsent(struct worker *worker, uint64_t intended_ns, uint64_t now_ns)
{
    static const struct client nobody = {.error = -ETIMEDOUT};
    record(worker, LOAD_TIMEOUT, &nobody, intended_ns, intended_ns, now_ns);
    worker_busy(worker, 0);
}

/* The next arrival that waits and still has time; who asked for the others has gone. */
static bool next_queued(struct worker *worker, uint64_t *intended_ns)
{
    while (queue_length(&worker->queue) > 0) {
        uint64_t now_ns = clock_now_ns();
        *intended_ns = queue_take(&worker->queue);
        if (now_ns < deadline_of(worker, *intended_ns))
            return true;
        record_unsent(worker, *intended_ns, now_ns);
    }
    return false;
}

/* The next arrival for this connection to serve; -errno when there will be none. */
static int take_arrival(struct ctx *ctx, struct worker *worker, uint64_t *intended_ns)
{
    void *gift;
    if (next_queued(worker, intended_ns)) {
        worker_busy(worker, 1);
        return 0;
    }
    if (worker->busy == 0)
        (void)waitq_wake_all(&worker->drained);
    int rc = waitq_wait(ctx, &worker->idle, &gift);
    if (!rc)
        *intended_ns = (uint64_t)(uintptr_t)gift;
    return rc;
}

static void open_client(struct ctx *ctx, void *arg)
{
    struct worker *worker = arg;
    struct client *client = &worker->clients[worker->next_client++];
    struct ctx limit;
    uint64_t intended_ns;
    ctx_init(&limit, ctx);
    while (!ctx_error(ctx) && take_arrival(ctx, worker, &intended_ns) == 0) {
        (void)run_request(&limit, worker, client, intended_ns);
        worker_busy(worker, -1);
    }
    ctx_fini(&limit);
    client_close(client);
}

static void shed(struct worker *worker, uint64_t now_ns)
{
    bump(&worker->ended[LOAD_SHED]);
    series_error(worker->result.series, now_ns, LOAD_SHED - 1);
}

static void arrive(struct worker *worker, uint64_t intended_ns, uint64_t now_ns)
{
    struct load_result *result = &worker->result;
    result->offered++;
    hist_record(result->lateness, now_ns - intended_ns);
    if (waitq_wake_one(&worker->idle, (void *)(uintptr_t)intended_ns)) {
        worker_busy(worker, 1);
        return;
    }
    uint64_t in_flight = queue_length(&worker->queue) + worker->client_count;
    uint64_t most = worker->job->profile->in_flight_max / worker->count;
    if (in_flight >= (most > worker->client_count ? most : worker->client_count)) {
        shed(worker, now_ns);
        return;
    }
    *queue_slot(&worker->queue, worker->queue.tail++) = intended_ns;
    result->queued++;
    worker_busy(worker, 0);
}

/* Hands out arrivals until the phase is over. Behind its schedule it has others run now and then
 * all the same: connections must be served, and a run may be called off. */
static int hand_out(struct ctx *ctx, struct worker *worker)
{
    for (unsigned in_a_row = 1;; in_a_row++) {
        uint64_t offset_ns = arrival_next_ns(&worker->arrival);
        if (offset_ns == CLOCK_NEVER)
            return 0;
        uint64_t due_ns = worker->start_ns + offset_ns;
        uint64_t now_ns = clock_now_ns();
        if (due_ns > now_ns || in_a_row == ARRIVALS_IN_A_ROW) {
            int rc = fiber_sleep_until(ctx, due_ns);
            if (rc)
                return rc;
            now_ns = clock_now_ns();
            in_a_row = 0;
        }
        arrive(worker, due_ns, now_ns);
    }
}

/* ---- The phase ------------------------------------------------------------------------------- */

/* Requests that began in the phase may end after it, but not for ever. What has not ended by then
 * is counted as timed out: dropping it would hide the slowest. */
static void finish(struct ctx *ctx, struct worker *worker, struct group *group)
{
    uint64_t timeout_ns = worker->job->profile->timeout_ns;
    uint64_t grace_ns = timeout_ns ? clock_after(timeout_ns, GRACE_NS) : GRACE_NS_WITHOUT_TIMEOUT;
    bool open = worker->job->profile->rate_per_s > 0;
    struct ctx grace;
    int rc = 0;
    ctx_init_deadline(&grace, ctx, clock_after(worker->end_ns, grace_ns));
    while (open && !rc && (worker->busy > 0 || queue_length(&worker->queue) > 0))
        rc = waitq_wait(&grace, &worker->drained, NULL);
    if (!open)
        rc = group_join(&grace, group);
    ctx_fini(&grace);
    worker->gave_up = rc == -ETIMEDOUT;
    group_cancel(group, "phase over");
    (void)group_join(NULL, group);
    while (worker->gave_up && queue_length(&worker->queue) > 0)
        record_unsent(worker, queue_take(&worker->queue), clock_now_ns());
}

static struct worker_usage read_usage(void)
{
    struct worker_usage usage = {.waited_ns = meter_thread_waited_ns(),
                                 .polled_ns = ring_stats(ring_self()).polled_ns};
    (void)meter_thread(&usage.meter, NULL);
    return usage;
}

/* At the end of the phase: what comes after it says nothing of how busy the phase was. */
static void note_work(struct worker *worker)
{
    struct worker_usage now = read_usage();
    struct meter_sample used = meter_difference(&worker->before.meter, &now.meter);
    uint64_t ready_ns = used.cpu_ns + now.waited_ns - worker->before.waited_ns;
    uint64_t polled_ns = now.polled_ns - worker->before.polled_ns;
    worker->result.watched_ns = used.at_ns;
    worker->result.working_ns = ready_ns - (polled_ns < ready_ns ? polled_ns : ready_ns);
}

static int run_phase(struct ctx *ctx, struct worker *worker)
{
    worker->before = read_usage();
    series_start(worker->result.series, worker->start_ns);
    int rc = fiber_sleep_until(ctx, worker->start_ns);
    if (!rc && worker->job->profile->rate_per_s > 0)
        rc = hand_out(ctx, worker);
    if (!rc)
        rc = fiber_sleep_until(ctx, worker->end_ns);
    note_work(worker);
    return rc;
}

static void connect_some(struct ctx *ctx, void *arg)
{
    struct worker *worker = arg;
    while (worker->next_client < worker->client_count) {
        struct client *client = &worker->clients[worker->next_client++];
        int rc = ensure_connected(ctx, worker, client);
        if (rc && !worker->error)
            worker->error = rc;
    }
}

/* All connections stand before the clock starts: what is measured is the service, not the herd. */
static void connect_all(struct ctx *ctx, struct worker *worker)
{
    struct ctx limit;
    struct group group;
    uint64_t timeout_ns = worker->job->profile->timeout_ns;
    ctx_init_timeout(&limit, ctx, timeout_ns ? timeout_ns : CONNECT_NS_WITHOUT_TIMEOUT);
    group_init(&group, &limit);
    for (size_t i = 0; i < CONNECTS_AT_ONCE && i < worker->client_count; i++)
        if (group_spawn(&group, "connect", connect_some, worker))
            break;
    (void)group_join(NULL, &group);
    (void)group_fini(&group);
    ctx_fini(&limit);
    for (size_t i = 0; i < worker->client_count; i++)
        worker->result.connections_open += worker->clients[i].fd >= 0;
}

/* Starts a fiber for each connection and lets it get to where it waits for work or for the start:
 * with thousands of them that takes longer than the first arrival could wait. */
static int line_up(struct worker *worker, struct group *group)
{
    bool open = worker->job->profile->rate_per_s > 0;
    worker->next_client = 0;
    for (size_t i = 0; i < worker->client_count; i++) {
        int rc = group_spawn(group, "connection", open ? open_client : closed_client, worker);
        if (rc)
            return rc;
    }
    struct waitq *line = open ? &worker->idle : &worker->waits_for_go;
    while (line->length < worker->client_count && !ctx_error(&group->ctx))
        fiber_yield();
    return 0;
}

void worker_main(struct ctx *ctx, void *arg)
{
    struct worker *worker = arg;
    struct group group;
    if (worker->job->profile->keep_alive)
        connect_all(ctx, worker);
    group_init(&group, ctx);
    int rc = line_up(worker, &group);
    if (rc) {
        worker->error = rc;
        worker->result.connections_open = 0;
    }
    ring_post(worker->parent, &worker->ready);
    if (!rc)
        rc = await_go(ctx, worker);
    if (!rc)
        rc = run_phase(ctx, worker);
    if (rc)
        group_cancel(&group, "run ended");
    finish(ctx, worker, &group);
    (void)group_fini(&group);
    for (size_t i = 0; i < worker->client_count; i++)
        client_close(&worker->clients[i]); /* those whose fiber never started */
    if (worker->has_start) {
        struct worker_usage after = read_usage();
        worker->result.cpu = meter_difference(&worker->before.meter, &after.meter);
    }
}
