/* SPDX-License-Identifier: MIT */
/* request.c - request objects from the allocator, from a pool, or from a pool made for each. */
#include "subject/request.h"

#include "subject/object_pool.h"
#include "subject/shard.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <strings.h>

/* Answers that are not measured, such as metrics, are no business of buffer_limit. */
enum { PAGE_LIMIT_BYTES = 4 << 20 };

static struct request *make(struct service *service)
{
    struct request *request = calloc(1, sizeof(*request));
    if (request)
        request->body.limit = request->response.limit = service->settings.buffer_limit_bytes;
    return request;
}

static void unmake(struct request *request)
{
    buffer_free(&request->body);
    buffer_free(&request->response);
    nodes_free(&request->nodes);
    free(request);
}

static void pool_destroy_hook(void *user, void *object)
{
    (void)user;
    unmake(object);
}

static void *pool_create_hook(void *user)
{
    struct service *service = user;
    struct request *request = make(service);
    size_t bytes = service->settings.pool_prewarm_bytes;
    if (!request || !service->prewarming)
        return request;
    request->used = true;
    if (bytes == 0)
        return request;
    if (buffer_reserve(&request->body, bytes) || buffer_reserve(&request->response, bytes) ||
        nodes_reserve(&request->nodes, bytes)) {
        unmake(request);
        return NULL;
    }
    /* Warm means that the pages are there too, not the addresses alone. */
    memset(request->body.data, 0, request->body.capacity);
    memset(request->response.data, 0, request->response.capacity);
    return request;
}

static size_t held_bytes(const struct request *request)
{
    return sizeof(*request) + request->body.capacity + request->response.capacity +
           request->nodes.bytes;
}

static size_t pool_size_hook(void *user, const void *object)
{
    (void)user;
    return held_bytes(object);
}

static struct object_pool_options pool_options(struct service *service)
{
    return (struct object_pool_options){
        .name = "requests",
        .object_bytes = sizeof(struct request),
        .create = pool_create_hook,
        .destroy = pool_destroy_hook,
        .size_of = pool_size_hook,
        .user = service,
        .limit_bytes = (size_t)service->settings.pool_capacity_limit_bytes,
        .victims_off = !service->settings.pool_victim,
        .deferred_destroy = service->settings.pool_destroy == POOL_DESTROY_DEFERRED,
    };
}

int request_pool_create(struct object_pool **out, struct service *service, struct err *err)
{
    struct object_pool_options options = pool_options(service);
    int rc = object_pool_create(out, &options, err);
    if (rc || service->settings.pool_prewarm == 0)
        return rc;
    service->prewarming = true;
    rc = object_pool_prewarm(*out, service->settings.pool_prewarm, err);
    service->prewarming = false;
    if (rc) {
        (void)object_pool_destroy(*out);
        *out = NULL;
    }
    return rc;
}

/* ---- Taking and giving back ------------------------------------------------------------------ */

/* The wrong way on purpose: what it made is thrown away with it. */
static struct request *take_from_own_pool(struct shard *shard)
{
    struct object_pool_options options = pool_options(shard->service);
    struct object_pool *pool;
    if (object_pool_create(&pool, &options, NULL))
        return NULL;
    struct request *request = object_pool_get(pool);
    if (request)
        request->own_pool = pool;
    else
        (void)object_pool_destroy(pool);
    return request;
}

static void give_to_own_pool(struct shard *shard, struct request *request)
{
    struct object_pool *pool = request->own_pool;
    struct object_pool_figures figures;
    object_pool_put(pool, request);
    object_pool_figures(pool, &figures);
    counter_add(&shard->counters.pool_gets, figures.gets);
    counter_add(&shard->counters.pool_hits, figures.hits);
    counter_add(&shard->counters.pool_misses, figures.misses);
    (void)object_pool_destroy(pool);
}

static struct request *take_from(struct shard *shard, enum buffers_mode source)
{
    if (source == BUFFERS_POOL)
        return object_pool_local_get(shard->pool);
    if (source == BUFFERS_POOL_PER_REQUEST)
        return take_from_own_pool(shard);
    return make(shard->service);
}

/* Hits over time, and those just after each reclaim apart. Threads learn of a reclaim at their next
 * take. */
static void count_take(struct shard *shard, bool hit)
{
    struct counters *counters = &shard->counters;
    counter_drift(&counters->pool_recent_hit_ppm, hit ? 1000000 : 0);
    uint64_t reclaims = counter_read(&shard->service->reclaims);
    if (reclaims == 0)
        return;
    if (reclaims != shard->reclaims) {
        shard->reclaims = reclaims;
        shard->takes = 0;
    }
    if (shard->takes < POOL_AFTER_RECLAIM) {
        shard->takes++;
        counter_add(&counters->pool_after_gets, 1);
        counter_add(&counters->pool_after_hits, hit);
    }
}

static bool wants_arena(const struct service_settings *settings)
{
    if (settings->nodes == NODES_BY_BUFFERS)
        return settings->buffers != BUFFERS_MALLOC;
    return settings->nodes == NODES_ARENA;
}

struct request *request_take(struct shard *shard, bool measured)
{
    enum buffers_mode source =
        measured ? (enum buffers_mode)shard->service->settings.buffers : BUFFERS_MALLOC;
    struct tally *tally = measured ? &shard->counters.tally : NULL;
    struct request *request = take_from(shard, source);
    if (!request)
        return NULL;
    if (tally && source == BUFFERS_MALLOC) {
        counter_add(&tally->allocations, 1);
        counter_add(&tally->bytes, sizeof(*request));
    }
    if (source == BUFFERS_POOL)
        count_take(shard, request->used);
    if (!measured)
        request->response.limit = PAGE_LIMIT_BYTES;
    request->body.tally = request->response.tally = tally;
    request->source = source;
    request->arena = wants_arena(&shard->service->settings);
    request->shard = shard;
    request->document = NULL;
    request->done = false;
    request->content_type = "application/json";
    return request;
}

int request_begin(struct request *request, size_t payload_bytes)
{
    enum { ENVELOPE = 128 };
    request->body_start = request->body.length;
    int rc = buffer_reserve(&request->body, payload_bytes ? payload_bytes : 1);
    if (!rc && request->response.length < REQUEST_HEAD_ROOM) {
        rc = buffer_reserve(&request->response, REQUEST_HEAD_ROOM + ENVELOPE + payload_bytes);
        request->response.length = rc ? 0 : REQUEST_HEAD_ROOM;
    }
    return rc;
}

static bool is_called(const struct http1_header *header, const char *name, size_t length)
{
    return header->name.length == length && strncasecmp(header->name.data, name, length) == 0;
}

static int set_field(struct request_field *field, struct slice value)
{
    if (value.length > REQUEST_FIELD_MAX)
        return -EMSGSIZE;
    memcpy(field->text, value.data, value.length);
    field->length = value.length;
    return 0;
}

/* A token may come under two names, and the first one counts; the tag is optional. Both are right
 * only because the object comes clean: with pool_reset: keep-fields the former user's stay. */
int request_read_fields(struct request *request)
{
    const struct http1_head *head = request->head;
    int rc = 0;
    for (unsigned i = 0; i < head->header_count && !rc; i++) {
        const struct http1_header *header = &head->headers[i];
        bool token =
            is_called(header, "X-Request-Token", 15) || is_called(header, "X-Request-Id", 12);
        if (token && request->token.length == 0)
            rc = set_field(&request->token, header->value);
        else if (is_called(header, "X-Request-Tag", 13))
            rc = set_field(&request->tag, header->value);
    }
    return rc;
}

int request_refuse(struct request *request, int status, const char *text)
{
    struct buffer *out = &request->response;
    request->content_type = "application/json";
    out->length = REQUEST_HEAD_ROOM;
    int rc = buffer_append(out, "{\"error\":", 9);
    if (!rc)
        rc = buffer_append_json(out, text, strlen(text));
    if (!rc)
        rc = buffer_append(out, "}\n", 2);
    return rc ? rc : status;
}

/* What the settings ask for; all but POOL_RESET_FULL leave something for the next user. */
static void reset(struct request *request, enum pool_reset how)
{
    nodes_reset(&request->nodes);
    if (how == POOL_RESET_FULL || how == POOL_RESET_KEEP_FIELDS)
        request->body.length = request->response.length = 0;
    if (how == POOL_RESET_FULL || how == POOL_RESET_KEEP_LENGTH)
        request->token.length = request->tag.length = 0;
}

/* The wrong ways on purpose. What is lost is remembered for the thread's end alone. */
static bool is_lost(const struct request *request)
{
    const struct shard *shard = request->shard;
    const struct service_settings *settings = &shard->service->settings;
    if (settings->pool_put == POOL_PUT_ALWAYS ||
        (settings->pool_put == POOL_PUT_ON_SUCCESS && request->done))
        return false;
    return counter_read(&shard->counters.pool_lost) < settings->pool_lost_limit;
}

static void lose(struct shard *shard, struct request *request)
{
    request->lost = shard->lost;
    shard->lost = request;
    counter_add(&shard->counters.pool_lost, 1);
}

void request_give_lost(struct shard *shard)
{
    while (shard->lost) {
        struct request *request = shard->lost;
        shard->lost = request->lost;
        object_pool_discard(shard->service->pool, request);
    }
}

/* Beside the limit for the whole object, which the pool itself knows. */
static bool is_too_large(const struct request *request)
{
    const struct service_settings *settings = &request->shard->service->settings;
    return (settings->pool_request_limit_bytes > 0 &&
            request->body.capacity > settings->pool_request_limit_bytes) ||
           (settings->pool_response_limit_bytes > 0 &&
            request->response.capacity > settings->pool_response_limit_bytes);
}

void request_give(struct request *request, bool broken)
{
    struct shard *shard = request->shard;
    if (!request->arena)
        json_decref(request->document);
    if (request->source == BUFFERS_MALLOC) {
        unmake(request);
        return;
    }
    if (request->source == BUFFERS_POOL_PER_REQUEST) {
        give_to_own_pool(shard, request);
        return;
    }
    if (is_lost(request)) {
        lose(shard, request);
        return;
    }
    if (broken || is_too_large(request)) {
        object_pool_discard(shard->service->pool, request);
        return;
    }
    /* Here rather than by the pool's hook, which would keep the inlined path from being taken. */
    reset(request, (enum pool_reset)shard->service->settings.pool_reset);
    request->used = true;
    object_pool_local_put_sized(shard->pool, request, held_bytes(request));
}
