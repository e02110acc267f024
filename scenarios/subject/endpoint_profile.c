/* SPDX-License-Identifier: MIT */
/* endpoint_profile.c - tells where the service's CPU time went: into memory management, or not. */
#include "subject/endpoint.h"
#include "subject/page.h"
#include "subject/request.h"
#include "subject/sampler.h"
#include "subject/shard.h"

#include <inttypes.h>

#define PREFIX "poolstorm_cpu_samples_total"

/* What gets and gives back memory for a request, whatever the settings: its object with all that is
 * in it, its buffers, the nodes of its document. */
static sampler_function *const memory_management[] = {
    (sampler_function *)request_take,        (sampler_function *)request_begin,
    (sampler_function *)request_give,        (sampler_function *)buffer_reserve,
    (sampler_function *)nodes_take,          (sampler_function *)nodes_give,
    (sampler_function *)object_pool_reclaim, NULL,
};

static void sum(const struct service *service, unsigned self, uint64_t samples[SAMPLER_PLACES])
{
    for (unsigned i = 0; i < service->settings.threads; i++) {
        const struct sampler *sampler = service->shards[i].states[self];
        for (unsigned place = 0; place < SAMPLER_PLACES; place++)
            samples[place] += counter_read(&sampler->samples[place]);
    }
}

static int profile_answer(struct request *request)
{
    uint64_t samples[SAMPLER_PLACES] = {0};
    int rc = 0;
    sum(request->shard->service, request->endpoint, samples);
    for (unsigned place = 0; place < SAMPLER_PLACES && !rc; place++)
        rc = buffer_printf(&request->response, "%s\"%s\":%" PRIu64, place ? "," : "{",
                           sampler_place_names[place], samples[place]);
    if (!rc)
        rc = buffer_append(&request->response, "}\n", 2);
    return rc ? rc : 200;
}

static int profile_begin(struct shard *shard, void *state)
{
    uint64_t every_ns = shard->service->settings.profile_every_ns;
    return every_ns ? sampler_begin(state, every_ns, memory_management, NULL) : 0;
}

static void profile_end(struct shard *shard, void *state)
{
    (void)shard;
    sampler_end(state);
}

static void profile_figures(struct page *page, const struct service *service, unsigned self)
{
    uint64_t samples[SAMPLER_PLACES] = {0};
    sum(service, self, samples);
    page_type(page, PREFIX, "counter", "times CPU time was looked at, by where it was spent");
    for (unsigned place = 0; place < SAMPLER_PLACES; place++)
        page_printf(page, PREFIX "{in=\"%s\"} %" PRIu64 "\n", sampler_place_names[place],
                    samples[place]);
}

const struct endpoint endpoint_profile = {
    .name = "profile",
    .path = "/profile",
    .summary = "tells what profile_every found: samples of CPU time, by where it was spent",
    .methods = ENDPOINT_GET,
    .state_bytes = sizeof(struct sampler),
    .answer = profile_answer,
    .begin = profile_begin,
    .end = profile_end,
    .figures = profile_figures,
};
