/* SPDX-License-Identifier: MIT */
/* service.c - starting and stopping the service's threads. */
#include "subject/service.h"

#include "subject/database.h"
#include "subject/endpoint.h"
#include "subject/request.h"
#include "subject/shard.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

/* A shared port would let a second service creep in beside a first one: it must be free at first.
 */
static int probe(const struct addr *addr, int backlog, struct err *err)
{
    int fd = sock_listen(addr, backlog, false, err);
    if (fd < 0)
        return fd;
    (void)close(fd);
    return 0;
}

static bool is_unix(const struct addr *addr)
{
    return addr->storage.ss_family == AF_UNIX;
}

/* A listener for each thread, all on the port the first one got. */
static int listen_all(struct service *service, struct err *err)
{
    int backlog = (int)service->settings.backlog;
    bool shared = service->settings.threads > 1;
    int rc = addr_parse(&service->addr, service->settings.listen, err);
    if (!rc && shared && is_unix(&service->addr))
        return err_set(err, -EINVAL, "a Unix socket is served by one thread: %s",
                       service->settings.listen);
    if (!rc && shared)
        rc = probe(&service->addr, backlog, err);
    for (uint64_t i = 0; i < service->settings.threads && !rc; i++) {
        int fd = sock_listen(&service->addr, backlog, shared, err);
        if (fd < 0)
            return fd;
        shard_init(&service->shards[i], service, fd);
        service->bound = true;
        if (i == 0)
            rc = sock_local(fd, &service->addr);
        if (rc)
            err_sys(err, rc, "find the bound address");
    }
    return rc;
}

static int start_threads(struct service *service, struct err *err)
{
    struct thread_options options = {.name = "service", .cpu = -1};
    for (uint64_t i = 0; i < service->settings.threads; i++) {
        struct shard *shard = &service->shards[i];
        int rc = thread_start(&shard->thread, &options, shard_run, shard, err);
        if (rc)
            return rc;
        service->shard_count++;
    }
    return 0;
}

/* Until each has told; whatever has been cancelled, for they will. */
static int await_threads(struct service *service, struct err *err)
{
    while (service->told_count < service->shard_count)
        (void)waitq_wait(NULL, &service->told, NULL);
    for (unsigned i = 0; i < service->shard_count; i++) {
        const struct err *failure = &service->shards[i].failure;
        if (failure->code)
            return err_set(err, failure->code, "%s", failure->text);
    }
    return 0;
}

/* A Unix socket's name stays behind its listeners; only what we bound is ours to take away. */
static void remove_name(const struct service *service)
{
    const struct sockaddr_un *name = (const struct sockaddr_un *)&service->addr.storage;
    if (service->bound && is_unix(&service->addr) && name->sun_path[0])
        (void)unlink(name->sun_path);
}

static void free_states(struct shard *shard)
{
    for (unsigned i = 0; i < COUNTERS_ENDPOINTS; i++)
        free(shard->states[i]);
}

static void service_free(struct service *service)
{
    remove_name(service);
    if (service->shards) {
        for (uint64_t i = 0; i < service->settings.threads; i++) {
            free_states(&service->shards[i]);
            free(service->shards[i].database);
        }
        for (uint64_t i = service->shard_count; i < service->settings.threads; i++)
            if (service->shards[i].listener >= 0)
                (void)close(service->shards[i].listener);
        free(service->shards);
    }
    (void)object_pool_destroy(service->pool);
    free(service->conninfo);
    param_fini(service_params, &service->settings);
    free(service);
}

/* On cache lines of their own: a thread writes them, others read. */
static int allocate_states(struct shard *shard)
{
    for (unsigned i = 0; endpoints[i]; i++) {
        size_t bytes = (endpoints[i]->state_bytes + 63) / 64 * 64;
        if (bytes == 0)
            continue;
        shard->states[i] = aligned_alloc(64, bytes);
        if (!shard->states[i])
            return -ENOMEM;
        memset(shard->states[i], 0, bytes);
    }
    return 0;
}

static int allocate_shards(struct service *service, struct err *err)
{
    size_t count = (size_t)service->settings.threads;
    service->shards = aligned_alloc(alignof(struct shard), count * sizeof(struct shard));
    if (!service->shards)
        return err_sys(err, -ENOMEM, "allocate %zu service threads", count);
    for (size_t i = 0; i < count; i++)
        service->shards[i] = (struct shard){.listener = -1};
    int rc = 0;
    for (size_t i = 0; i < count && !rc; i++)
        rc = allocate_states(&service->shards[i]);
    return rc ? err_sys(err, rc, "allocate the endpoints' states") : 0;
}

int service_start(struct service **out, const struct service_settings *settings, struct err *err)
{
    int rc = service_settings_check(settings, err);
    if (rc)
        return rc;
    struct service *service = calloc(1, sizeof(*service));
    if (!service)
        return err_sys(err, -ENOMEM, "allocate the service");
    service->started_ns = clock_now_ns();
    service->starter = ring_self();
    waitq_init(&service->told);
    nodes_install();
    rc = param_copy(service_params, &service->settings, settings, err);
    if (!rc)
        rc = allocate_shards(service, err);
    if (!rc && settings->buffers == BUFFERS_POOL)
        rc = request_pool_create(&service->pool, service, err);
    if (!rc && settings->database.conninfo)
        rc = database_conninfo(NULL, &service->conninfo, &service->settings, err);
    if (!rc)
        rc = listen_all(service, err);
    if (!rc)
        rc = start_threads(service, err);
    if (service->shard_count > 0) {
        int told = await_threads(service, rc ? NULL : err);
        rc = rc ? rc : told;
    }
    if (rc && service->shard_count > 0)
        (void)service_stop(NULL, service);
    else if (rc)
        service_free(service);
    else
        *out = service;
    return rc;
}

const struct addr *service_addr(const struct service *service)
{
    return &service->addr;
}

uint64_t service_stop(struct ctx *ctx, struct service *service)
{
    uint64_t cut = 0;
    for (unsigned i = 0; i < service->shard_count; i++)
        ring_post(thread_ring(service->shards[i].thread), &service->shards[i].stop);
    for (unsigned i = 0; i < service->shard_count; i++) {
        (void)thread_join(ctx, service->shards[i].thread);
        cut += service->shards[i].cut;
    }
    service_free(service);
    return cut;
}
