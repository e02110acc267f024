/* SPDX-License-Identifier: MIT */
/* database_figures.c - the database's part of /metrics. */
#include "subject/database.h"
#include "subject/page.h"
#include "subject/shard.h"

#define PREFIX "poolstorm_db_"

/* The sum over all threads of the counter at offset. */
static uint64_t sum(const struct service *service, size_t offset)
{
    uint64_t total = 0;
    for (uint64_t i = 0; i < service->settings.threads; i++) {
        const char *database = (const char *)service->shards[i].database;
        if (database)
            total += counter_read((const counter_word *)(const void *)(database + offset));
    }
    return total;
}

/* What ended first, so that no difference is negative. */
static void write_database(struct page *page, const struct service *service)
{
    uint64_t closed = sum(service, offsetof(struct database, closed));
    uint64_t failed = sum(service, offsetof(struct database, connect_failures));
    uint64_t ended = sum(service, offsetof(struct database, strays_ended));
#define WRITE(name, help)                                                                          \
    page_one(page, PREFIX #name "_total", "counter", help,                                         \
             sum(service, offsetof(struct database, name)));
    DATABASE_COUNTERS(WRITE)
#undef WRITE
    page_one(page, PREFIX "connections", "gauge", "connections open or being opened",
             sum(service, offsetof(struct database, connects)) - failed - closed);
    page_one(page, PREFIX "strays", "gauge", "given-up sessions whose query is not settled yet",
             sum(service, offsetof(struct database, strays_begun)) - ended);
}

static void add_pool(struct conn_pool_figures *total, const struct conn_pool *pool)
{
    struct conn_pool_figures one;
    conn_pool_figures(pool, &one);
#define ADD(name, help) total->name += one.name;
    CONN_POOL_GAUGES(ADD)
    CONN_POOL_COUNTERS(ADD)
#undef ADD
    total->retired += one.retired;
    total->acquire_ns += one.acquire_ns;
    total->hold_ns += one.hold_ns;
    for (unsigned i = 0; i < CONN_POOL_BUCKETS; i++) {
        total->acquire_buckets[i] += one.acquire_buckets[i];
        total->hold_buckets[i] += one.hold_buckets[i];
    }
}

static void write_times(struct page *page, const char *name, const char *help,
                        const uint64_t *buckets, uint64_t sum_ns)
{
    const struct page_histogram histogram = {buckets, CONN_POOL_BUCKETS, conn_pool_bucket_ns,
                                             sum_ns};
    page_type(page, name, "histogram", help);
    page_histogram(page, name, "", &histogram);
}

static void write_pool(struct page *page, const struct service *service)
{
    struct conn_pool_figures f = {0};
    for (uint64_t i = 0; i < service->settings.threads; i++) {
        struct database *database = service->shards[i].database;
        if (!database)
            continue;
        (void)pthread_mutex_lock(&database->reading);
        if (database->pool)
            add_pool(&f, database->pool);
        if (database->reports)
            add_pool(&f, database->reports);
        (void)pthread_mutex_unlock(&database->reading);
    }
#define GAUGE(name, help)   page_one(page, PREFIX "pool_" #name, "gauge", help, f.name);
#define COUNTER(name, help) page_one(page, PREFIX "pool_" #name "_total", "counter", help, f.name);
    CONN_POOL_GAUGES(GAUGE)
    CONN_POOL_COUNTERS(COUNTER)
#undef GAUGE
#undef COUNTER
    page_one(page, PREFIX "pool_retired_total", "counter", "connections closed, for any reason",
             f.retired);
    write_times(page, PREFIX "pool_acquire_seconds", "from asking for a connection to having it",
                f.acquire_buckets, f.acquire_ns);
    write_times(page, PREFIX "pool_hold_seconds", "from having a connection to giving it back",
                f.hold_buckets, f.hold_ns);
}

void database_figures(struct page *page, const struct service *service)
{
    if (!service->conninfo)
        return;
    write_database(page, service);
    write_pool(page, service);
    guard_figures(page, service);
}
