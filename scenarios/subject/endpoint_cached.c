/* SPDX-License-Identifier: MIT */
/* endpoint_cached.c - answers with a row it keeps for a while; what is not there is loaded behind
 * the guard, by everyone who misses it, under a lock, or once. */
#include "subject/bulkhead.h"
#include "subject/cached_read.h"
#include "subject/database.h"
#include "subject/endpoint.h"
#include "subject/lookup.h"
#include "subject/page.h"
#include "subject/query.h"
#include "subject/request.h"
#include "subject/shard.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "poolstorm_cached_"

enum { KEYS_MAX = 65536 };

/* What a thread keeps. */
struct cached {
    struct shard *shard;
    struct cached_read *_Atomic cache; /* others read its figures under … */
    pthread_mutex_t reading;           /* … this, so that it can't go away meanwhile */
    struct bulkhead mutex;             /* LOAD_MUTEX: held by whoever reads or loads */
    uint32_t *loading;                 /* by key: loads under way */
    counter_word absences;             /* loads begun of a key that was not being loaded */
    counter_word loads_peak;           /* most loads of one key at a time */
    counter_word row_answers;          /* answers with a row */
};

static const struct param cached_params[] = {
    {PARAM_COUNT("key", lookup_wish, id, "1", "of the row"), .min = 0, .max = KEYS_MAX - 1},
    {PARAM_NS("sleep", lookup_wish, sleep_ns, "0", "the server sleeps in each load"), .min = 0,
     .max = 3600e9},
    {PARAM_NS("hold", lookup_wish, hold_ns, "0", "a load holds its session for so long besides"),
     .min = 0, .max = 3600e9},
    {0},
};

/* ---- Loading --------------------------------------------------------------------------------- */

static int load(struct ctx *ctx, void *user, const void *key, size_t key_bytes, void **value)
{
    struct cached *cached = user;
    struct lookup_wish wish;
    assert(key_bytes == sizeof(wish));
    memcpy(&wish, key, key_bytes);
    struct lookup lookup = {.wish = &wish, .database = cached->shard->database};
    uint32_t *loading = &cached->loading[wish.id];
    counter_add(&cached->absences, *loading == 0);
    ++*loading;
    if (*loading > counter_read(&cached->loads_peak))
        counter_set(&cached->loads_peak, *loading);
    int rc = lookup_run(ctx, &lookup);
    --*loading;
    *value = lookup.row;
    return rc;
}

static void release(void *user, void *value)
{
    (void)user;
    PQclear(value);
}

/* The wrong way on purpose: one lock around the cache, held while loading. */
static int read_locked(struct request *request, const struct lookup_wish *wish,
                       const struct cached_item **item)
{
    struct cached *cached = request->state;
    int rc = bulkhead_enter(request->ctx, &cached->mutex);
    if (rc)
        return rc;
    rc = cached_read_get(request->ctx, cached->cache, wish, sizeof(*wish), item);
    bulkhead_leave(&cached->mutex);
    return rc;
}

/* ---- Answering ------------------------------------------------------------------------------- */

/* The load had a session of its own, of which nothing is known here but how it ended. */
static int refuse(struct request *request, const struct lookup_wish *wish, int rc)
{
    struct lookup lookup = {.wish = wish, .database = request->shard->database};
    (void)err_sys(&lookup.session.err, rc, "the row could not be loaded");
    return lookup_refuse(request, &lookup, rc);
}

static int answer_row(struct request *request, const struct cached_item *item)
{
    struct cached *cached = request->state;
    int status = session_answer_row(request, item->value);
    cached_read_put(item);
    counter_add(&cached->row_answers, status == 200);
    return status;
}

static int cached_answer(struct request *request)
{
    struct cached *cached = request->state;
    struct lookup_wish wish = {0};
    const struct cached_item *item = NULL;
    struct err err = {0};
    if (request_read_fields(request))
        return request_refuse(request, 400, "a token or tag is longer than 256 bytes");
    if (query_read(request->head->target, cached_params, &wish, &err))
        return request_refuse(request, 400, err.text);
    int rc = request->shard->service->settings.cache.load_guard == LOAD_MUTEX
                 ? read_locked(request, &wish, &item)
                 : cached_read_get(request->ctx, cached->cache, &wish, sizeof(wish), &item);
    return rc ? refuse(request, &wish, rc) : answer_row(request, item);
}

/* ---- Begin and end --------------------------------------------------------------------------- */

static int make_cache(struct cached *cached, struct err *err)
{
    const struct service_settings *settings = &cached->shard->service->settings;
    const struct cache_settings *cache = &settings->cache;
    const struct cached_read_options options = {
        .load = load,
        .release = release,
        .user = cached,
        .load_max_ns = cache->load_timeout_ns,
        .ttl_ns = cache->ttl_ns,
        .jitter_ns = cache->jitter_ns,
        .refresh_ns = cache->refresh_ns,
        .rescue_ns = cache->rescue_ns,
        .pause_ns = cache->pause_ns,
        .entries_max = cache->entries_max,
        .alone = cache->load_guard != LOAD_SINGLE_FLIGHT,
        .seed = settings->seed,
    };
    struct cached_read *made;
    int rc = cached_read_create(&made, &cached->shard->strays, &options, err);
    if (!rc)
        cached->cache = made; /* for all to see, with what is in it and the lock */
    return rc;
}

static int cached_begin(struct shard *shard, void *state)
{
    struct cached *cached = state;
    const struct bulkhead_options one = {.inside_max = 1, .waiting_max = UINT64_MAX};
    cached->shard = shard;
    (void)pthread_mutex_init(&cached->reading, NULL);
    cached->loading = calloc(KEYS_MAX, sizeof(*cached->loading));
    int rc = cached->loading ? bulkhead_init(&cached->mutex, &one, NULL) : -ENOMEM;
    if (!rc)
        rc = make_cache(cached, NULL);
    if (rc)
        free(cached->loading);
    return rc;
}

static void cached_end(struct shard *shard, void *state)
{
    struct cached *cached = state;
    (void)shard;
    struct cached_read *cache = cached->cache;
    (void)pthread_mutex_lock(&cached->reading);
    cached->cache = NULL;
    (void)pthread_mutex_unlock(&cached->reading);
    cached_read_destroy(cache);
    free(cached->loading);
}

/* ---- Figures --------------------------------------------------------------------------------- */

/* X(name, type, help): those of the cache itself. */
#define CACHE_FIGURES(X)                                                                           \
    X(calls, "counter", "rows asked of the cache")                                                 \
    X(hits, "counter", "of them, answered by a row that had not expired")                          \
    X(stale, "counter", "answered by one that had, being loaded behind or the database paused")    \
    X(rescued, "counter", "answered by one that had, the load having failed")                      \
    X(misses, "counter", "calls that waited for a load, or made one")                              \
    X(loads, "counter", "loads begun")                                                             \
    X(failed, "counter", "of them, those that failed")                                             \
    X(entries, "gauge", "keys there are")

#define FIGURE_WORD(name, type, help) uint64_t name;

struct cache_total {
    CACHE_FIGURES(FIGURE_WORD)
};

static void add_cache(struct cache_total *total, struct cached *cached)
{
    if (!cached->cache)
        return; /* the thread has not begun, or is about to end */
    (void)pthread_mutex_lock(&cached->reading);
    const struct cached_read *cache = cached->cache;
    if (cache) {
        const struct cached_read_figures *one = cached_read_figures(cache);
#define ADD(name, type, help) total->name += counter_read(&one->name);
        CACHE_FIGURES(ADD)
#undef ADD
    }
    (void)pthread_mutex_unlock(&cached->reading);
}

static void cached_figures(struct page *page, const struct service *service, unsigned self)
{
    struct cache_total total = {0};
    uint64_t absences = 0, peak = 0, rows = 0;
    for (uint64_t i = 0; i < service->settings.threads; i++) {
        struct cached *cached = service->shards[i].states[self];
        uint64_t loads_peak = counter_read(&cached->loads_peak);
        add_cache(&total, cached);
        absences += counter_read(&cached->absences);
        rows += counter_read(&cached->row_answers);
        peak = loads_peak > peak ? loads_peak : peak;
    }
#define WRITE(name, type, help)                                                                    \
    page_one(page, type[0] == 'c' ? PREFIX #name "_total" : PREFIX #name, type, help, total.name);
    CACHE_FIGURES(WRITE)
#undef WRITE
    page_one(page, PREFIX "absences_total", "counter",
             "times a key was wanted that was neither kept nor being loaded", absences);
    page_one(page, PREFIX "loads_peak", "gauge", "most loads of one key at a time so far", peak);
    page_one(page, PREFIX "row_answers_total", "counter", "answers with a row", rows);
}

const struct endpoint endpoint_cached = {
    .name = "cached",
    .path = "/cached",
    .summary = "answers with a row kept for a while, see the settings cache…; ?key= sleep= hold=",
    .methods = ENDPOINT_GET,
    .waits = true,
    .state_bytes = sizeof(struct cached),
    .answer = cached_answer,
    .begin = cached_begin,
    .end = cached_end,
    .figures = cached_figures,
};
