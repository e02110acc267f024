/* SPDX-License-Identifier: MIT */
/* guard_figures.c - the guards' part of /metrics. */
#include "subject/database.h"
#include "subject/guard.h"
#include "subject/page.h"
#include "subject/shard.h"

#define PREFIX "poolstorm_guard_"

/* The sum over all threads of the counter at offset. */
static uint64_t sum(const struct service *service, size_t offset)
{
    uint64_t total = 0;
    for (uint64_t i = 0; i < service->settings.threads; i++) {
        struct database *database = service->shards[i].database;
        const char *guard = database ? (const char *)&database->guard : NULL;
        if (guard)
            total += counter_read((const counter_word *)(const void *)(guard + offset));
    }
    return total;
}

#define SUM(field) sum(service, offsetof(struct guard, field))

static uint64_t breakers_not_closed(const struct service *service)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < service->settings.threads; i++) {
        struct database *database = service->shards[i].database;
        if (database && breaker_state(&database->guard.breaker) != BREAKER_CLOSED)
            count++;
    }
    return count;
}

/* All of it is there whatever guards, so that variants can be compared by name. */
static void write_patterns(struct page *page, const struct service *service)
{
    const struct page_row rows[] = {
        {PREFIX "tokens_taken_total", "counter", "tokens taken of the bucket",
         SUM(bucket.figures.taken)},
        {PREFIX "bucket_waited_total", "counter", "calls that waited for a token",
         SUM(bucket.figures.waited)},
        {PREFIX "bucket_waiting", "gauge", "calls that wait for a token",
         SUM(bucket.figures.waiting)},
        {PREFIX "bulkhead_waited_total", "counter", "calls that waited for a place inside",
         SUM(bulkhead.figures.waited)},
        {PREFIX "bulkhead_inside", "gauge", "calls inside the bulkhead",
         SUM(bulkhead.figures.inside)},
        {PREFIX "bulkhead_waiting", "gauge", "calls that wait for a place inside",
         SUM(bulkhead.figures.waiting)},
        {PREFIX "breaker_opened_total", "counter", "times the breaker opened, or opened again",
         SUM(breaker.figures.opened)},
        {PREFIX "breaker_closed_total", "counter", "times it closed again",
         SUM(breaker.figures.closed)},
        {PREFIX "breaker_slow_total", "counter", "calls that failed for being slow alone",
         SUM(breaker.figures.slow)},
        {PREFIX "breaker_late_total", "counter", "results of an earlier state, which count not",
         SUM(breaker.figures.late)},
        {PREFIX "breakers_not_closed", "gauge",
         "breakers that are open or half-open, of a thread "
         "each",
         breakers_not_closed(service)},
        {PREFIX "retries_total", "counter", "attempts after the first",
         SUM(retrier.figures.retries)},
        {PREFIX "retry_recovered_total", "counter", "calls that ended well by a retry",
         SUM(retrier.figures.recovered)},
        {PREFIX "retry_over_budget_total", "counter", "calls given up for want of retry_budget",
         SUM(retrier.figures.over_budget)},
        {PREFIX "retry_past_due_total", "counter", "calls given up as the deadline was too near",
         SUM(retrier.figures.past_due)},
    };
    page_rows(page, rows, sizeof(rows) / sizeof(*rows));
}

void guard_figures(struct page *page, const struct service *service)
{
#define WRITE(name, help) page_one(page, PREFIX #name "_total", "counter", help, SUM(name));
    GUARD_COUNTERS(WRITE)
#undef WRITE
    write_patterns(page, service);
}
