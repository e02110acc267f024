/* SPDX-License-Identifier: MIT */
/* endpoint_pooled.c - requests that work on a pooled object and may end half-way: what then becomes
 * of the object, and when, is a policy. An object that was not made clean answers with the token of
 * its former user, which the client notices. */
#include "core/fiber.h"
#include "subject/endpoint.h"
#include "subject/eviction.h"
#include "subject/keyed_pool.h"
#include "subject/page.h"
#include "subject/query.h"
#include "subject/request.h"
#include "subject/shard.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define PREFIX "poolstorm_pooled_"

enum { SCRATCH_BYTES = 4096 };

/* What a thread keeps. */
struct pooled {
    struct keyed_pool_figures figures; /* of the pool, which has one key */
    struct latency_counts release;     /* from a request's ctx ending to its object's release */
    counter_word dropped_canceled;     /* objects, by why their request ended */
    counter_word dropped_deadline;
    counter_word begun;          /* requests at work */
    counter_word ended;          /* of them */
    counter_word work_ns;        /* that they took, all together */
    counter_word recent_hit_ppm; /* for curves over time: moving means, see counter_drift */
    counter_word recent_release_ns;
    struct keyed_pool *pool;
    struct rng rng;
    struct eviction eviction; /* POOLED_WEIGHTED; else all zero */
};

static const struct slice the_key = {"", 0};

/* The object. What stands in it belongs to the request that uses it. */
struct session {
    struct keyed_object object;
    size_t token_length; /* 0: not yet written */
    char token[REQUEST_FIELD_MAX];
    char scratch[SCRATCH_BYTES];
};

/* Of one request. */
struct use {
    struct pooled *pooled;
    const struct pooled_settings *settings;
    struct ctx *ctx;
    struct session *session; /* NULL: released */
    uint64_t ended_ns;       /* ctx ended */
    struct ctx_waiter witness;
};

struct wish {
    uint64_t work_ns;
};

static const struct param wish_params[] = {
    {PARAM_NS("work", wish, work_ns, "1ms", ""), .min = 0, .max = 3600e9},
    {0},
};

/* ---- The object ------------------------------------------------------------------------------ */

static struct keyed_object *session_create(void *user)
{
    (void)user;
    struct session *session = calloc(1, sizeof(*session));
    if (!session)
        return NULL;
    return &session->object;
}

static void session_destroy(void *user, struct keyed_object *object)
{
    (void)user;
    free(container_of(object, struct session, object));
}

static bool session_is_stale(void *user, const struct keyed_object *object)
{
    struct pooled *pooled = user;
    return eviction_after_rest(&pooled->eviction, clock_now_ns() - object->rested_ns, &pooled->rng);
}

static void session_reset(struct session *session)
{
    session->token_length = 0;
    memset(session->scratch, 0, sizeof(session->scratch));
}

/* Right only because the object comes clean: what a former user left would stay. */
static void session_begin(struct session *session, struct slice token)
{
    if (session->token_length == 0) {
        memcpy(session->token, token.data, token.length);
        session->token_length = token.length;
    }
    memset(session->scratch, 'a', SCRATCH_BYTES / 2);
}

/* ---- Releasing it ---------------------------------------------------------------------------- */

static void drop(struct use *use, int error)
{
    counter_add(
        error == -ETIMEDOUT ? &use->pooled->dropped_deadline : &use->pooled->dropped_canceled, 1);
    keyed_pool_discard(use->pooled->pool, the_key, &use->session->object);
}

/* Once a use; does not wait. */
static void release(struct use *use)
{
    struct pooled *pooled = use->pooled;
    int error = ctx_error(use->ctx);
    if (!use->session)
        return;
    enum pooled_on_cancel policy = (enum pooled_on_cancel)use->settings->on_cancel;
    if (error &&
        (policy == POOLED_DROP || (policy == POOLED_WEIGHTED &&
                                   eviction_after_use(&pooled->eviction, error, &pooled->rng)))) {
        drop(use, error);
    } else {
        if (!error || policy != POOLED_PUT_BACK)
            session_reset(use->session);
        keyed_pool_put(pooled->pool, the_key, &use->session->object);
    }
    use->session = NULL;
    if (error) {
        uint64_t latency_ns = clock_now_ns() - use->ended_ns;
        latency_count(&pooled->release, latency_ns);
        counter_drift(&pooled->recent_release_ns, latency_ns);
    }
}

static void on_ended(struct ctx_waiter *witness)
{
    struct use *use = container_of(witness, struct use, witness);
    use->ended_ns = clock_now_ns();
    if (use->settings->release == POOLED_AT_CTX_END)
        release(use);
}

/* ---- The request ----------------------------------------------------------------------------- */

/* With checkpoints the handler looks up from its work only now and then, as one that computes or
 * calls what knows of no ctx; it leaves the object alone until it has looked. */
static int work(struct use *use, uint64_t work_ns)
{
    uint64_t checkpoint_ns = use->settings->checkpoint_ns;
    if (checkpoint_ns == 0)
        return fiber_sleep(use->ctx, work_ns);
    for (uint64_t left_ns = work_ns; left_ns > 0 && !ctx_error(use->ctx);) {
        uint64_t slice_ns = left_ns < checkpoint_ns ? left_ns : checkpoint_ns;
        (void)fiber_sleep(NULL, slice_ns);
        left_ns -= slice_ns;
    }
    return ctx_error(use->ctx);
}

static int write_answer(struct request *request, const struct session *session, bool reused)
{
    struct buffer *out = &request->response;
    int rc = buffer_append(out, "{\"token\":", 9);
    if (!rc)
        rc = buffer_append_json(out, session->token, session->token_length);
    if (!rc)
        rc = buffer_printf(out, ",\"reused\":%s}\n", reused ? "true" : "false");
    return rc ? rc : 200;
}

static int use_object(struct request *request, struct slice token, uint64_t work_ns)
{
    struct pooled *pooled = request->state;
    bool reused = false;
    struct keyed_object *object = keyed_pool_get(pooled->pool, the_key, &reused);
    if (!object)
        return -ENOMEM;
    counter_drift(&pooled->recent_hit_ppm, reused ? 1000000 : 0);
    struct use use = {
        .pooled = pooled,
        .settings = &request->shard->service->settings.pooled,
        .ctx = request->ctx,
        .session = container_of(object, struct session, object),
        .ended_ns = clock_now_ns(), /* in case that it has ended before */
        .witness.ended = on_ended,
    };
    int rc = ctx_wait_begin(use.ctx, &use.witness);
    if (!rc) {
        session_begin(use.session, token);
        rc = work(&use, work_ns);
        ctx_wait_end(&use.witness);
    }
    if (!rc) {
        memset(use.session->scratch + SCRATCH_BYTES / 2, 'b', SCRATCH_BYTES / 2);
        rc = write_answer(request, use.session, reused);
    }
    release(&use);
    return rc;
}

static int pooled_answer(struct request *request)
{
    struct pooled *pooled = request->state;
    struct wish wish = {0};
    struct err err = {0};
    struct slice token = http1_header(request->head, "X-Request-Token");
    int rc = query_read(request->head->target, wish_params, &wish, &err);
    if (!rc && (token.length == 0 || token.length > REQUEST_FIELD_MAX))
        rc = err_set(&err, -EINVAL, "expected X-Request-Token with 1 to %d bytes",
                     REQUEST_FIELD_MAX);
    if (rc)
        return request_refuse(request, 400, err.text);
    uint64_t begun_ns = clock_now_ns();
    counter_add(&pooled->begun, 1);
    rc = use_object(request, token, wish.work_ns);
    counter_add(&pooled->ended, 1);
    counter_add(&pooled->work_ns, clock_now_ns() - begun_ns);
    return rc;
}

/* ---- The thread's part ----------------------------------------------------------------------- */

static int pooled_begin(struct shard *shard, void *state)
{
    struct pooled *pooled = state;
    const struct pooled_settings *settings = &shard->service->settings.pooled;
    struct keyed_pool_options options = {
        .keys_max = 1,
        .objects_max = (size_t)settings->objects_max,
        .create = session_create,
        .destroy = session_destroy,
        .is_stale = session_is_stale,
        .user = pooled,
        .figures = &pooled->figures,
    };
    rng_init(&pooled->rng, shard->service->settings.seed,
             (uint64_t)(shard - shard->service->shards));
    pooled->eviction.idle_after_ns = UINT64_MAX;
    if (settings->on_cancel == POOLED_WEIGHTED)
        pooled->eviction =
            (struct eviction){settings->drop_canceled_share, settings->drop_deadline_share,
                              settings->drop_idle_share, settings->idle_after_ns};
    return keyed_pool_create(&pooled->pool, &options, NULL);
}

static void pooled_end(struct shard *shard, void *state)
{
    (void)shard;
    keyed_pool_destroy(((struct pooled *)state)->pool);
}

static void pooled_figures(struct page *page, const struct service *service, unsigned self)
{
    struct latency_counts release_counts = {0};
    uint64_t gets = 0, hits = 0, extras = 0, objects = 0, stale = 0, canceled = 0, deadline = 0;
    uint64_t begun = 0, ended = 0, work_ns = 0, hit_ppm = 0, release_ns = 0;
    for (unsigned i = 0; i < service->settings.threads; i++) {
        const struct pooled *pooled = service->shards[i].states[self];
        ended += counter_read(&pooled->ended); /* first: the difference is no less than 0 */
        begun += counter_read(&pooled->begun);
        work_ns += counter_read(&pooled->work_ns);
        gets += counter_read(&pooled->figures.gets);
        hits += counter_read(&pooled->figures.hits);
        extras += counter_read(&pooled->figures.extras);
        objects += counter_read(&pooled->figures.objects);
        stale += counter_read(&pooled->figures.stale);
        canceled += counter_read(&pooled->dropped_canceled);
        deadline += counter_read(&pooled->dropped_deadline);
        latency_sum(&release_counts, &pooled->release);
        hit_ppm += counter_read(&pooled->recent_hit_ppm) / service->settings.threads;
        release_ns += counter_read(&pooled->recent_release_ns) / service->settings.threads;
    }
    const struct page_row rows[] = {
        {PREFIX "gets_total", "counter", "objects asked for by pooled requests", gets},
        {PREFIX "hits_total", "counter", "of them, used before", hits},
        {PREFIX "extras_total", "counter", "of them, made for one request", extras},
        {PREFIX "objects", "gauge", "objects that exist", objects},
        {PREFIX "requests", "gauge", "pooled requests at work", begun - ended},
    };
    page_rows(page, rows, sizeof(rows) / sizeof(*rows));
    page_type(page, PREFIX "dropped_total", "counter", "objects thrown away, by cause");
    page_printf(page, PREFIX "dropped_total{cause=\"canceled\"} %" PRIu64 "\n", canceled);
    page_printf(page, PREFIX "dropped_total{cause=\"deadline\"} %" PRIu64 "\n", deadline);
    page_printf(page, PREFIX "dropped_total{cause=\"idle\"} %" PRIu64 "\n", stale);
    page_type(page, PREFIX "release_seconds", "histogram",
              "from the end of a request's ctx to the release of its object");
    page_latency(page, PREFIX "release_seconds", "", &release_counts);
    page_type(page, PREFIX "recent_hit_ratio", "gauge", "share of hits in the last 64 gets or so");
    page_printf(page, PREFIX "recent_hit_ratio %.6f\n", (double)hit_ppm / 1e6);
    page_type(page, PREFIX "recent_release_seconds", "gauge",
              "mean of the last 64 releases or so, as in release_seconds");
    page_printf(page, PREFIX "recent_release_seconds %.9f\n", (double)release_ns / 1e9);
    page_type(page, PREFIX "work_seconds_total", "counter",
              "time pooled requests took, all together");
    page_printf(page, PREFIX "work_seconds_total %.9f\n", (double)work_ns / 1e9);
}

const struct endpoint endpoint_pooled = {
    .name = "pooled",
    .path = "/work/pooled",
    .summary = "works on a pooled object, and may end half-way: ?work=1ms",
    .methods = ENDPOINT_GET,
    .waits = true,
    .state_bytes = sizeof(struct pooled),
    .answer = pooled_answer,
    .begin = pooled_begin,
    .end = pooled_end,
    .figures = pooled_figures,
};
