/* SPDX-License-Identifier: MIT */
/* endpoint_keyed.c - requests that use an object kept for their host, or host and timeout, or all
 * that and their trace: the finer the key, the less there is to reuse. */
#include "core/fiber.h"
#include "subject/endpoint.h"
#include "subject/keyed_pool.h"
#include "subject/page.h"
#include "subject/query.h"
#include "subject/request.h"
#include "subject/shard.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define PREFIX "poolstorm_keyed_"

enum { SCRATCH_BYTES = 16 << 10 };

/* What a thread keeps. */
struct keyed {
    struct keyed_pool_figures figures;
    counter_word reconfigured; /* objects that came with another timeout than was asked for */
    struct keyed_pool *pool;
};

/* The object: a client made ready for a host and a timeout. */
struct caller {
    struct keyed_object object;
    uint64_t timeout_ns; /* it is set to; 0: not yet */
    char scratch[SCRATCH_BYTES];
};

struct wish {
    char *host, *trace;
    uint64_t timeout_ns; /* how long the call may take */
    uint64_t work_ns;    /* how long it takes */
};

static const struct param wish_params[] = {
    {PARAM_TEXT("host", wish, host, "localhost", "")},
    {PARAM_TEXT("trace", wish, trace, "", "")},
    {PARAM_NS("timeout", wish, timeout_ns, "1s", ""), .min = 1, .max = 3600e9},
    {PARAM_NS("work", wish, work_ns, "1ms", ""), .min = 0, .max = 3600e9},
    {0},
};

static struct keyed_object *caller_create(void *user)
{
    (void)user;
    struct caller *caller = calloc(1, sizeof(*caller));
    if (!caller)
        return NULL;
    return &caller->object;
}

static void caller_destroy(void *user, struct keyed_object *object)
{
    (void)user;
    free(container_of(object, struct caller, object));
}

/* Words of a query have no NUL and come apart by one. */
static struct slice write_key(char *text, const struct wish *wish, enum keyed_by by)
{
    size_t length = strlen(wish->host) + 1;
    memcpy(text, wish->host, length);
    if (by >= KEYED_BY_TIMEOUT)
        length += (size_t)sprintf(text + length, "%" PRIu64, wish->timeout_ns) + 1;
    if (by >= KEYED_BY_TRACE) {
        size_t bytes = strlen(wish->trace) + 1;
        memcpy(text + length, wish->trace, bytes);
        length += bytes;
    }
    return (struct slice){text, length};
}

static int call(struct request *request, const struct wish *wish)
{
    struct keyed *keyed = request->state;
    enum keyed_by by = (enum keyed_by)request->shard->service->settings.keyed.by;
    char text[KEYED_POOL_KEY_MAX];
    struct slice key = write_key(text, wish, by);
    bool reused = false;
    struct keyed_object *object = keyed_pool_get(keyed->pool, key, &reused);
    if (!object)
        return -ENOMEM;
    struct caller *caller = container_of(object, struct caller, object);
    bool reconfigured = reused && caller->timeout_ns != wish->timeout_ns;
    counter_add(&keyed->reconfigured, reconfigured);
    caller->timeout_ns = wish->timeout_ns;
    memset(caller->scratch, 0, sizeof(caller->scratch));
    struct ctx patience;
    ctx_init_timeout(&patience, request->ctx, caller->timeout_ns);
    int rc = fiber_sleep(&patience, wish->work_ns);
    ctx_fini(&patience);
    keyed_pool_put(keyed->pool, key, object);
    if (!rc)
        rc = buffer_printf(&request->response, "{\"reused\":%s,\"reconfigured\":%s}\n",
                           reused ? "true" : "false", reconfigured ? "true" : "false");
    return rc ? rc : 200;
}

static int keyed_answer(struct request *request)
{
    struct wish wish = {0};
    struct err err = {0};
    int rc = query_read(request->head->target, wish_params, &wish, &err);
    rc = rc ? request_refuse(request, 400, err.text) : call(request, &wish);
    param_fini(wish_params, &wish);
    return rc;
}

static int keyed_begin(struct shard *shard, void *state)
{
    struct keyed *keyed = state;
    const struct keyed_settings *settings = &shard->service->settings.keyed;
    struct keyed_pool_options options = {
        .keys_max = (size_t)settings->keys_max,
        .objects_max = (size_t)settings->objects_max,
        .create = caller_create,
        .destroy = caller_destroy,
        .figures = &keyed->figures,
    };
    return keyed_pool_create(&keyed->pool, &options, NULL);
}

static void keyed_end(struct shard *shard, void *state)
{
    (void)shard;
    keyed_pool_destroy(((struct keyed *)state)->pool);
}

static void keyed_figures(struct page *page, const struct service *service, unsigned self)
{
    uint64_t gets = 0, hits = 0, keys = 0, keys_made = 0, evicted = 0, objects = 0, again = 0;
    for (unsigned i = 0; i < service->settings.threads; i++) {
        const struct keyed *keyed = service->shards[i].states[self];
        gets += counter_read(&keyed->figures.gets);
        hits += counter_read(&keyed->figures.hits);
        keys += counter_read(&keyed->figures.keys);
        keys_made += counter_read(&keyed->figures.keys_made);
        evicted += counter_read(&keyed->figures.keys_evicted);
        objects += counter_read(&keyed->figures.objects);
        again += counter_read(&keyed->reconfigured);
    }
    const struct page_row rows[] = {
        {PREFIX "gets_total", "counter", "objects asked for by keyed requests", gets},
        {PREFIX "hits_total", "counter", "of them, used before", hits},
        {PREFIX "reconfigured_total", "counter", "of them, set to another timeout", again},
        {PREFIX "keys_total", "counter", "keys objects were made for", keys_made},
        {PREFIX "keys_evicted_total", "counter", "keys given up for keyed_keys", evicted},
        {PREFIX "keys", "gauge", "keys there are", keys},
        {PREFIX "objects", "gauge", "objects that exist", objects},
    };
    page_rows(page, rows, sizeof(rows) / sizeof(*rows));
}

const struct endpoint endpoint_keyed = {
    .name = "keyed",
    .path = "/work/keyed",
    .summary = "uses an object kept for a key: ?host=a&timeout=1s&trace=t&work=1ms",
    .methods = ENDPOINT_GET,
    .waits = true,
    .state_bytes = sizeof(struct keyed),
    .answer = keyed_answer,
    .begin = keyed_begin,
    .end = keyed_end,
    .figures = keyed_figures,
};
