/* SPDX-License-Identifier: MIT */
/* endpoint_metrics.c - the service's figures in Prometheus's text format. */
#include "measure/meter.h"
#include "subject/database.h"
#include "subject/endpoint.h"
#include "subject/heap.h"
#include "subject/page.h"
#include "subject/reply.h"
#include "subject/request.h"
#include "subject/shard.h"

#include <inttypes.h>
#include <stdio.h>

#define PREFIX "poolstorm_"

/* The sum over all threads of the counter at offset. */
static uint64_t sum(const struct service *service, size_t offset)
{
    uint64_t total = 0;
    for (uint64_t i = 0; i < service->settings.threads; i++) {
        const char *counters = (const char *)&service->shards[i].counters;
        total += counter_read((const counter_word *)(const void *)(counters + offset));
    }
    return total;
}

#define SUM(service, field) sum(service, offsetof(struct counters, field))

static const char *endpoint_name(unsigned index)
{
    return index == COUNTERS_ENDPOINTS - 1 ? "none" : endpoints[index]->name;
}

/* The rows that are in use: each endpoint, and the one for requests that reached none. */
static unsigned next_row(unsigned index)
{
    return endpoints[index + 1] ? index + 1 : COUNTERS_ENDPOINTS - 1;
}

static void write_requests(struct page *page, const struct service *service)
{
    page_type(page, PREFIX "requests_total", "counter", "requests answered");
    for (unsigned row = 0;; row = next_row(row)) {
        for (unsigned i = 0; reply_statuses[i].status; i++) {
            uint64_t count = SUM(service, requests[row][i]);
            if (count > 0 || reply_statuses[i].status == 200)
                page_printf(page,
                            PREFIX "requests_total{endpoint=\"%s\",status=\"%d\"} %" PRIu64 "\n",
                            endpoint_name(row), reply_statuses[i].status, count);
        }
        if (row == COUNTERS_ENDPOINTS - 1)
            break;
    }
}

static void write_latency(struct page *page, const struct service *service, unsigned row)
{
    struct latency_counts total = {0};
    char labels[64];
    for (uint64_t i = 0; i < service->settings.threads; i++)
        latency_sum(&total, &service->shards[i].counters.latency[row]);
    (void)snprintf(labels, sizeof(labels), "endpoint=\"%s\"", endpoint_name(row));
    page_latency(page, PREFIX "request_duration_seconds", labels, &total);
}

static void write_latencies(struct page *page, const struct service *service)
{
    page_type(page, PREFIX "request_duration_seconds", "histogram",
              "from a request's first byte to its answer being handed to the kernel");
    for (unsigned row = 0; endpoints[row]; row++)
        write_latency(page, service, row);
}

static void write_connections(struct page *page, const struct service *service)
{
    uint64_t closed = SUM(service, closed); /* first, so that the difference is never negative */
    uint64_t accepted = SUM(service, accepted);
    page_one(page, PREFIX "connections", "gauge", "connections open now", accepted - closed);
    page_one(page, PREFIX "connections_accepted_total", "counter", "connections accepted",
             accepted);
    page_one(page, PREFIX "accept_failures_total", "counter",
             "accepts that failed, for want of descriptors mostly", SUM(service, accept_failures));
    page_one(page, PREFIX "connections_timed_out_total", "counter",
             "connections closed for being idle or slow", SUM(service, timed_out));
    page_one(page, PREFIX "gathered_total", "counter", "requests that waited for others",
             SUM(service, gathered));
}

static void write_contexts(struct page *page, const struct service *service)
{
    static const char *const causes[CAUSES] = {
        [CAUSE_DEADLINE] = "deadline", [CAUSE_CLIENT_GONE] = "client-gone", [CAUSE_STOP] = "stop"};
    page_type(page, PREFIX "requests_canceled_total", "counter",
              "requests whose ctx ended before they did, by cause");
    for (unsigned i = 0; i < CAUSES; i++)
        page_printf(page, PREFIX "requests_canceled_total{cause=\"%s\"} %" PRIu64 "\n", causes[i],
                    SUM(service, canceled[i]));
    /* What ended first, as above. The request for this page is not counted. */
    uint64_t requests_ended = SUM(service, requests_ended);
    uint64_t contexts_ended = SUM(service, contexts_ended);
    page_one(page, PREFIX "requests_in_flight", "gauge",
             "requests from their first byte to their answer, this one left out",
             SUM(service, requests_begun) - requests_ended - 1);
    page_one(page, PREFIX "request_contexts", "gauge",
             "requests in an endpoint's hands, this one left out",
             SUM(service, contexts_begun) - contexts_ended - 1);
}

/* Of this thread as of now; of the others as of up to a second ago. */
static void write_fibers(struct page *page, const struct service *service)
{
    const struct page_row rows[] = {
        {PREFIX "fibers", "gauge", "fibers that live, connections included",
         SUM(service, fibers_live)},
        {PREFIX "fibers_started_total", "counter", "fibers started", SUM(service, fibers_started)},
        {PREFIX "fibers_leaked_total", "counter", "fibers that outlived what had started them",
         SUM(service, fibers_leaked)},
    };
    page_rows(page, rows, sizeof(rows) / sizeof(*rows));
}

static void write_memory(struct page *page, const struct service *service)
{
    page_one(page, PREFIX "allocations_total", "counter",
             "times memory was asked of the allocator for encode requests",
             SUM(service, tally.allocations));
    page_one(page, PREFIX "allocated_bytes_total", "counter",
             "bytes asked of the allocator for encode requests", SUM(service, tally.bytes));
    struct heap_figures figures;
    heap_figures(&figures);
    const struct {
        const char *name, *help;
        uint64_t value;
    } rows[] = {
        {PREFIX "allocator_allocated_bytes", "in the program's hands", figures.allocated_bytes},
        {PREFIX "allocator_active_bytes", "pages that hold some of it", figures.active_bytes},
        {PREFIX "allocator_resident_bytes", "pages in memory", figures.resident_bytes},
        {PREFIX "allocator_mapped_bytes", "taken from the system", figures.mapped_bytes},
    };
    page_type(page, PREFIX "allocator_info", "gauge", "the allocator the process runs on");
    page_printf(page, PREFIX "allocator_info{allocator=\"%s\"} 1\n", heap_allocator());
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (rows[i].value != UINT64_MAX)
            page_one(page, rows[i].name, "gauge", rows[i].help, rows[i].value);
}

/* All of it is there in every mode, so that variants can be compared by name. */
static void write_pool(struct page *page, const struct service *service)
{
    struct object_pool_figures f = {0};
    if (service->pool)
        object_pool_figures(service->pool, &f);
    f.gets += SUM(service, pool_gets);
    f.hits += SUM(service, pool_hits);
    f.misses += SUM(service, pool_misses);
    const struct page_row rows[] = {
        {PREFIX "pool_gets_total", "counter", "objects asked of a pool", f.gets},
        {PREFIX "pool_hits_total", "counter", "of them, used before", f.hits},
        {PREFIX "pool_misses_total", "counter", "of them, newly made", f.misses},
        {PREFIX "pool_puts_total", "counter", "objects given back", f.puts},
        {PREFIX "pool_steals_total", "counter", "objects taken from another thread", f.steals},
        {PREFIX "pool_revivals_total", "counter", "hits that had survived a reclaim", f.revivals},
        {PREFIX "pool_drops_total", "counter", "objects not kept on return", f.drops},
        {PREFIX "pool_drops_oversize_total", "counter", "of them, for their size",
         f.drops_oversize},
        {PREFIX "pool_discards_total", "counter", "objects thrown away", f.discards},
        {PREFIX "pool_reclaims_total", "counter", "reclaims", f.reclaims},
        {PREFIX "pool_reclaimed_total", "counter", "objects reclaims gave up", f.reclaimed},
        {PREFIX "pool_live_objects", "gauge", "objects that exist", f.live_objects},
        {PREFIX "pool_out_objects", "gauge", "objects in use", f.out_objects},
        {PREFIX "pool_retained_objects", "gauge", "objects at rest", f.retained_objects},
        {PREFIX "pool_retained_bytes", "gauge", "memory held by objects at rest", f.retained_bytes},
        {PREFIX "pool_deferred_objects", "gauge", "objects given up and not yet destroyed",
         f.deferred_objects},
        {PREFIX "pool_deferred_bytes", "gauge", "memory they hold", f.deferred_bytes},
        {PREFIX "pool_lost_total", "counter", "objects never given back", SUM(service, pool_lost)},
        {PREFIX "pool_after_reclaim_gets_total", "counter",
         "objects asked for among a thread's first 64 after a reclaim",
         SUM(service, pool_after_gets)},
        {PREFIX "pool_after_reclaim_hits_total", "counter", "of them, used before",
         SUM(service, pool_after_hits)},
    };
    page_rows(page, rows, sizeof(rows) / sizeof(*rows));
    page_type(page, PREFIX "pool_recent_hit_ratio", "gauge",
              "share of hits in the last 64 gets or so, 1 before any; mean over threads");
    page_printf(page, PREFIX "pool_recent_hit_ratio %.6f\n",
                (double)SUM(service, pool_recent_hit_ppm) / 1e6 /
                    (double)service->settings.threads);
}

static void write_process(struct page *page, const struct service *service)
{
    struct meter_sample sample;
    if (meter_self(&sample, NULL))
        return;
    page_type(page, PREFIX "uptime_seconds_total", "counter", "time since the service started");
    page_printf(page, PREFIX "uptime_seconds_total %.9f\n",
                (double)(clock_now_ns() - service->started_ns) / 1e9);
    page_type(page, "process_cpu_seconds_total", "counter", "CPU time, all threads");
    page_printf(page, "process_cpu_seconds_total %.9f\n", (double)sample.cpu_ns / 1e9);
    page_one(page, "process_resident_memory_bytes", "gauge", "memory in use", sample.rss_bytes);
    page_one(page, "process_minor_page_faults_total", "counter", "page faults without I/O",
             sample.faults_minor);
    page_one(page, "process_major_page_faults_total", "counter", "page faults with I/O",
             sample.faults_major);
    page_one(page, "process_context_switches_total", "counter", "given up or taken off the CPU",
             sample.switches_voluntary + sample.switches_involuntary);
}

static int metrics_answer(struct request *request)
{
    const struct service *service = request->shard->service;
    struct page page = {&request->response, 0};
    request->content_type = "text/plain; version=0.0.4; charset=utf-8";
    write_requests(&page, service);
    write_latencies(&page, service);
    write_connections(&page, service);
    write_contexts(&page, service);
    shard_publish(request->shard);
    write_fibers(&page, service);
    write_memory(&page, service);
    write_pool(&page, service);
    database_figures(&page, service);
    write_process(&page, service);
    for (unsigned i = 0; endpoints[i]; i++)
        if (endpoints[i]->figures)
            endpoints[i]->figures(&page, service, i);
    return page.rc ? page.rc : 200;
}

const struct endpoint endpoint_metrics = {
    .name = "metrics",
    .path = "/metrics",
    .summary = "the service's figures in Prometheus's text format",
    .methods = ENDPOINT_GET,
    .answer = metrics_answer,
};
