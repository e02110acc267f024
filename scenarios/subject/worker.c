/* SPDX-License-Identifier: MIT */
/* worker.c - a thread of the service: accepts, looks after its connections, drains them at the end.
 */
#include "subject/worker.h"

#include "subject/request.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Out of descriptors or memory, connections wait in the backlog until some of ours have ended. */
#define ACCEPT_PAUSE_NS  (10 * NS_PER_MS)
#define LATE_TICK_MIN_NS (5 * NS_PER_MS)
#define LATE_TICK_MAX_NS (1 * NS_PER_S)

static void accept_all(struct ctx *ctx, void *arg)
{
    struct worker *worker = arg;
    while (!ctx_error(ctx)) {
        if (worker->live >= worker->service->settings.connections_limit) {
            (void)waitq_wait(ctx, &worker->room, NULL);
            continue;
        }
        int fd = sock_accept(ctx, worker->listener);
        if (fd >= 0 && connection_start(worker, fd) == 0)
            continue;
        if (ctx_error(ctx))
            return;
        counter_add(&worker->counters.accept_failures, 1);
        (void)fiber_sleep(ctx, ACCEPT_PAUSE_NS);
    }
}

/* The kernel has accepted what stands in the backlog: closing it now would fail their requests. */
static void accept_backlog(struct worker *worker)
{
    int flags = fcntl(worker->listener, F_GETFL);
    if (flags < 0 || fcntl(worker->listener, F_SETFL, flags | O_NONBLOCK) < 0)
        return;
    for (uint64_t i = 0; i < worker->service->settings.backlog; i++) {
        int fd = accept4(worker->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0 || connection_start(worker, fd))
            return;
    }
}

/* One look at all connections now and then, instead of a timer armed and disarmed a request. */
static void end_late(struct ctx *ctx, void *arg)
{
    struct worker *worker = arg;
    const struct service_settings *settings = &worker->service->settings;
    uint64_t tick_ns = settings->idle_timeout_ns < settings->request_timeout_ns
                           ? settings->idle_timeout_ns / 4
                           : settings->request_timeout_ns / 4;
    if (tick_ns < LATE_TICK_MIN_NS)
        tick_ns = LATE_TICK_MIN_NS;
    if (tick_ns > LATE_TICK_MAX_NS)
        tick_ns = LATE_TICK_MAX_NS;
    while (fiber_sleep(ctx, tick_ns) == 0)
        connection_end_late(worker, clock_now_ns());
}

static void reclaim_now_and_then(struct ctx *ctx, void *arg)
{
    struct worker *worker = arg;
    while (fiber_sleep(ctx, worker->service->settings.pool_reclaim_every_ns) == 0)
        object_pool_reclaim(worker->service->pool);
}

int worker_gather(struct request *request)
{
    struct worker *worker = request->worker;
    const struct service_settings *settings = &worker->service->settings;
    counter_add(&worker->counters.gathered, 1);
    if (worker->gathering.length + 1 >= settings->gather) {
        (void)waitq_wake_all(&worker->gathering);
        return 0;
    }
    struct ctx patience;
    ctx_init_timeout(&patience, request->ctx, settings->gather_timeout_ns);
    int rc = waitq_wait(&patience, &worker->gathering, NULL);
    ctx_fini(&patience);
    if (rc == -ETIMEDOUT && !ctx_error(request->ctx)) {
        (void)waitq_wake_all(&worker->gathering);
        rc = 0;
    }
    return rc;
}

/* Waits until no connection is left, no longer than span_ns. */
static void await_empty(struct ctx *ctx, struct worker *worker, uint64_t span_ns)
{
    struct ctx patience;
    ctx_init_timeout(&patience, ctx, span_ns);
    while (worker->live > 0 && waitq_wait(&patience, &worker->empty, NULL) == 0)
        continue;
    ctx_fini(&patience);
}

/* Whoever asks again in the grace gets an answer that closes the connection; who doesn't is closed
 * then; who is being served has until the timeout. */
static void drain(struct ctx *ctx, struct worker *worker)
{
    const struct service_settings *settings = &worker->service->settings;
    accept_backlog(worker);
    await_empty(ctx, worker, settings->drain_grace_ns);
    connection_end_idle(worker);
    await_empty(ctx, worker, settings->drain_timeout_ns);
    worker->cut = worker->live;
    group_cancel(&worker->group, "the service stops");
    (void)group_join(NULL, &worker->group);
}

static void on_stop(struct message *message)
{
    struct worker *worker = container_of(message, struct worker, stop);
    worker->stopping = true;
    (void)waitq_wake_all(&worker->stopped);
}

void worker_init(struct worker *worker, struct service *service, int listener)
{
    *worker = (struct worker){.service = service, .listener = listener, .stop.run = on_stop};
    list_init(&worker->connections);
    waitq_init(&worker->stopped);
    waitq_init(&worker->room);
    waitq_init(&worker->empty);
    waitq_init(&worker->gathering);
}

void worker_run(struct ctx *ctx, void *arg)
{
    struct worker *worker = arg;
    struct service *service = worker->service;
    struct group helpers;
    int rc = 0;
    group_init(&worker->group, ctx);
    group_init(&helpers, ctx);
    if (service->pool) {
        worker->pool = object_pool_local(service->pool);
        rc = worker->pool ? 0 : -ENOMEM;
    }
    if (!rc)
        rc = group_spawn(&helpers, "accept", accept_all, worker);
    if (!rc)
        rc = group_spawn(&helpers, "end late", end_late, worker);
    if (!rc && worker == service->workers && service->settings.pool_reclaim_every_ns > 0)
        rc = group_spawn(&helpers, "reclaim", reclaim_now_and_then, worker);
    if (!rc && !worker->stopping)
        rc = waitq_wait(ctx, &worker->stopped, NULL);
    worker->stopping = true;
    worker->error = rc;
    group_cancel(&helpers, "the service stops");
    (void)group_join(NULL, &helpers);
    (void)group_fini(&helpers);
    drain(ctx, worker);
    (void)group_fini(&worker->group);
    (void)close(worker->listener);
}
