/* SPDX-License-Identifier: MIT */
/* endpoint_shared.c - requests that change one object of the whole service, from all its threads:
 * by the wrong way some of the updates are lost. */
#include "subject/endpoint.h"
#include "subject/page.h"
#include "subject/query.h"
#include "subject/request.h"
#include "subject/shard.h"
#include "subject/shared_object.h"

#include <inttypes.h>

#define PREFIX "poolstorm_shared_"

enum { THREADS_MAX = 256 }; /* as the setting */

/* What a thread keeps. */
struct shared {
    struct shared_object object; /* that of the first thread is everybody's */
    struct shared_part part;
};

struct wish {
    uint64_t updates; /* of the object */
    uint64_t effort;  /* each, see shared_object_update */
};

static const struct param wish_params[] = {
    {PARAM_COUNT("updates", wish, updates, "100", ""), .min = 1, .max = 1e4},
    {PARAM_COUNT("effort", wish, effort, "16", ""), .min = 0, .max = 1e3},
    {0},
};

static int shared_answer(struct request *request)
{
    const struct service *service = request->shard->service;
    struct shared *first = service->shards[0].states[request->endpoint], *own = request->state;
    enum shared_way way = (enum shared_way)service->settings.shared_way;
    struct wish wish = {0};
    struct err err = {0};
    int rc = query_read(request->head->target, wish_params, &wish, &err);
    if (rc)
        return request_refuse(request, 400, err.text);
    for (uint64_t i = 0; i < wish.updates; i++)
        shared_object_update(&first->object, &own->part, way, wish.effort);
    rc = buffer_printf(&request->response, "{\"updates\":%" PRIu64 "}\n", wish.updates);
    return rc ? rc : 200;
}

static void shared_figures(struct page *page, const struct service *service, unsigned self)
{
    const struct shared *first = service->shards[0].states[self];
    const struct shared_part *parts[THREADS_MAX];
    for (unsigned i = 0; i < service->settings.threads; i++)
        parts[i] = &((const struct shared *)service->shards[i].states[self])->part;
    struct shared_sum sum =
        shared_object_sum(&first->object, parts, (size_t)service->settings.threads);
    const struct page_row rows[] = {
        {PREFIX "updates_total", "counter", "updates made by shared requests", sum.updates},
        {PREFIX "lost_total", "counter", "of them, those that the object does not show",
         sum.updates > sum.value ? sum.updates - sum.value : 0},
    };
    page_rows(page, rows, sizeof(rows) / sizeof(*rows));
}

const struct endpoint endpoint_shared = {
    .name = "shared",
    .path = "/work/shared",
    .summary = "updates one object from all threads: ?updates=100&effort=16",
    .methods = ENDPOINT_GET,
    .state_bytes = sizeof(struct shared),
    .answer = shared_answer,
    .figures = shared_figures,
};
