/* SPDX-License-Identifier: MIT */
/* shard.c - a thread of the service: accepts, looks after its connections, drains them at the end.
 */
#include "subject/shard.h"

#include "subject/database.h"
#include "subject/endpoint.h"
#include "subject/request.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <stdlib.h>
#include <unistd.h>

/* Out of descriptors or memory, connections wait in the backlog until some of ours have ended. */
#define ACCEPT_PAUSE_NS  (10 * NS_PER_MS)
#define LATE_TICK_MIN_NS (5 * NS_PER_MS)
#define LATE_TICK_MAX_NS (1 * NS_PER_S)

static void accept_all(struct ctx *ctx, void *arg)
{
    struct shard *shard = arg;
    while (!ctx_error(ctx)) {
        if (shard->live >= shard->service->settings.connections_limit) {
            (void)waitq_wait(ctx, &shard->room, NULL);
            continue;
        }
        int fd = sock_accept(ctx, shard->listener);
        if (fd >= 0 && connection_start(shard, fd) == 0)
            continue;
        if (ctx_error(ctx))
            return;
        counter_add(&shard->counters.accept_failures, 1);
        (void)fiber_sleep(ctx, ACCEPT_PAUSE_NS);
    }
}

/* A filter that takes nothing: the kernel then drops whoever would connect, who tries again a
 * second later and is refused. Without it, connections made between the last accept and the close
 * would be reset, their requests sent already. Where it can't be had, that is a few microseconds.
 */
static void turn_away_the_next(int listener)
{
    struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
    struct sock_fprog program = {.len = 1, .filter = &nothing};
    (void)setsockopt(listener, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

/* Closes the listener, but not before taking what stands in the backlog: for those clients they are
 * connected. */
static void stop_listening(struct shard *shard)
{
    int flags = fcntl(shard->listener, F_GETFL);
    turn_away_the_next(shard->listener);
    if (flags >= 0 && fcntl(shard->listener, F_SETFL, flags | O_NONBLOCK) == 0) {
        for (uint64_t i = 0; i <= shard->service->settings.backlog; i++) {
            int fd = accept4(shard->listener, NULL, NULL, SOCK_CLOEXEC);
            if (fd < 0 || connection_start(shard, fd))
                break;
        }
    }
    (void)close(shard->listener);
}

/* One look at all connections now and then, instead of a timer armed and disarmed a request. */
static void end_late(struct ctx *ctx, void *arg)
{
    struct shard *shard = arg;
    const struct service_settings *settings = &shard->service->settings;
    uint64_t tick_ns = settings->idle_timeout_ns < settings->request_timeout_ns
                           ? settings->idle_timeout_ns / 4
                           : settings->request_timeout_ns / 4;
    if (tick_ns < LATE_TICK_MIN_NS)
        tick_ns = LATE_TICK_MIN_NS;
    if (tick_ns > LATE_TICK_MAX_NS)
        tick_ns = LATE_TICK_MAX_NS;
    while (fiber_sleep(ctx, tick_ns) == 0) {
        connection_end_late(shard, clock_now_ns());
        shard_publish(shard);
    }
}

static void reclaim_now_and_then(struct ctx *ctx, void *arg)
{
    struct shard *shard = arg;
    while (fiber_sleep(ctx, shard->service->settings.pool_reclaim_every_ns) == 0) {
        object_pool_reclaim(shard->service->pool);
        counter_add(&shard->service->reclaims, 1);
    }
}

int shard_gather(struct request *request)
{
    struct shard *shard = request->shard;
    const struct service_settings *settings = &shard->service->settings;
    counter_add(&shard->counters.gathered, 1);
    if (shard->gathering.length + 1 >= settings->gather) {
        (void)waitq_wake_all(&shard->gathering);
        return 0;
    }
    struct ctx patience;
    ctx_init_timeout(&patience, request->ctx, settings->gather_timeout_ns);
    int rc = waitq_wait(&patience, &shard->gathering, NULL);
    ctx_fini(&patience);
    if (rc == -ETIMEDOUT && !ctx_error(request->ctx)) {
        (void)waitq_wake_all(&shard->gathering);
        rc = 0;
    }
    return rc;
}

/* Waits until no connection is left, no longer than span_ns. */
static void await_empty(struct ctx *ctx, struct shard *shard, uint64_t span_ns)
{
    struct ctx patience;
    ctx_init_timeout(&patience, ctx, span_ns);
    while (shard->live > 0 && waitq_wait(&patience, &shard->empty, NULL) == 0)
        continue;
    ctx_fini(&patience);
}

/* Whoever asks again in the grace gets an answer that closes the connection; who doesn't is closed
 * then; who is being served has until the timeout. */
static void drain(struct ctx *ctx, struct shard *shard)
{
    const struct service_settings *settings = &shard->service->settings;
    stop_listening(shard);
    await_empty(ctx, shard, settings->drain_grace_ns);
    connection_end_idle(shard);
    await_empty(ctx, shard, settings->drain_timeout_ns);
    shard->cut = shard->live;
    group_cancel(&shard->group, "the service stops");
    (void)group_join(NULL, &shard->group);
}

void shard_publish(struct shard *shard)
{
    struct ring_stats stats = ring_stats(ring_self());
    counter_set(&shard->counters.fibers_live, stats.fibers_live);
    counter_set(&shard->counters.fibers_started, stats.fibers_started);
    counter_set(&shard->counters.fibers_leaked, stats.fibers_leaked);
}

static void on_stop(struct message *message)
{
    struct shard *shard = container_of(message, struct shard, stop);
    shard->stopping = true;
    (void)waitq_wake_all(&shard->stopped);
}

static void on_told(struct message *message)
{
    struct shard *shard = container_of(message, struct shard, told);
    shard->service->told_count++;
    (void)waitq_wake_all(&shard->service->told);
}

void shard_init(struct shard *shard, struct service *service, int listener)
{
    shard->service = service;
    shard->listener = listener;
    shard->stop.run = on_stop;
    shard->told.run = on_told;
    counter_set(&shard->counters.pool_recent_hit_ppm, 1000000); /* nothing has missed yet */
    list_init(&shard->connections);
    waitq_init(&shard->stopped);
    waitq_init(&shard->room);
    waitq_init(&shard->empty);
    waitq_init(&shard->gathering);
}

/* 0, or -errno of the one that could not, with those before it ended again. */
static int begin_endpoints(struct shard *shard, struct err *err)
{
    for (unsigned i = 0; endpoints[i]; i++) {
        int rc = endpoints[i]->begin ? endpoints[i]->begin(shard, shard->states[i]) : 0;
        if (rc) {
            const char *name = endpoints[i]->path;
            while (i-- > 0)
                if (endpoints[i]->end)
                    endpoints[i]->end(shard, shard->states[i]);
            return err_sys(err, rc, "%s", name);
        }
    }
    return 0;
}

static void end_endpoints(struct shard *shard)
{
    for (unsigned i = 0; endpoints[i]; i++)
        if (endpoints[i]->end)
            endpoints[i]->end(shard, shard->states[i]);
}

static int start_helpers(struct shard *shard, struct group *helpers, struct err *err)
{
    struct service *service = shard->service;
    int rc = group_spawn(helpers, "accept", accept_all, shard);
    if (!rc)
        rc = group_spawn(helpers, "end late", end_late, shard);
    if (!rc && shard == service->shards && service->settings.pool_reclaim_every_ns > 0)
        rc = group_spawn(helpers, "reclaim", reclaim_now_and_then, shard);
    return rc ? err_sys(err, rc, "start a fiber") : 0;
}

static int take_pool(struct shard *shard, struct err *err)
{
    if (!shard->service->pool)
        return 0;
    shard->pool = object_pool_local(shard->service->pool);
    return shard->pool ? 0 : err_sys(err, -ENOMEM, "the pool of buffers");
}

/* How it has begun. */
static void tell(struct shard *shard, int rc)
{
    if (rc)
        (void)err_wrap(&shard->failure, "start a thread of the service");
    else
        shard->failure.code = 0; /* what is tried again later left its word */
    ring_post(shard->service->starter, &shard->told);
}

/* Metrics of all threads read it, so it lives as long as the shard. */
static int open_database(struct ctx *ctx, struct shard *shard, struct err *err)
{
    struct service *service = shard->service;
    if (!service->conninfo)
        return 0;
    struct database *database = calloc(1, sizeof(*database));
    if (!database)
        return err_sys(err, -ENOMEM, "database");
    int rc = database_start(ctx, database, &service->settings, service->conninfo,
                            (unsigned)(shard - service->shards), err);
    if (rc)
        free(database);
    else
        shard->database = database; /* for all to see, with what is in it */
    return rc;
}

void shard_run(struct ctx *ctx, void *arg)
{
    struct shard *shard = arg;
    struct group helpers;
    group_init(&shard->group, ctx);
    group_init(&helpers, ctx);
    ctx_init(&shard->strays, ctx);
    int rc = take_pool(shard, &shard->failure);
    if (!rc)
        rc = open_database(ctx, shard, &shard->failure);
    if (!rc)
        rc = begin_endpoints(shard, &shard->failure);
    bool begun = rc == 0;
    if (!rc)
        rc = start_helpers(shard, &helpers, &shard->failure);
    tell(shard, rc);
    if (!shard->stopping) /* also when it has failed: stop is on its way then */
        (void)waitq_wait(ctx, &shard->stopped, NULL);
    shard->stopping = true;
    group_cancel(&helpers, "the service stops");
    (void)group_join(NULL, &helpers);
    (void)group_fini(&helpers);
    drain(ctx, shard);
    ctx_cancel(&shard->strays, "the service stops");
    if (begun)
        end_endpoints(shard);
    request_give_lost(shard);
    if (shard->database)
        database_stop(shard->database);
    (void)group_fini(&shard->group);
    ctx_fini(&shard->strays);
}
