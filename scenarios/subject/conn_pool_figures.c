/* SPDX-License-Identifier: MIT */
/* conn_pool_figures.c - what the connection pool has to say about itself, and whether it adds up.
 */
#include "subject/conn_pool_internal.h"

#include <errno.h>
#include <inttypes.h>

/* ---- Figures --------------------------------------------------------------------------------- */

void conn_pool_figures(const struct conn_pool *pool, struct conn_pool_figures *figures)
{
    const struct conn_pool_words *words = &pool->words;
#define READ(name, help) figures->name = counter_read(&words->name);
    CONN_POOL_GAUGES(READ)
    CONN_POOL_COUNTERS(READ)
#undef READ
    for (unsigned i = 0; i < CONN_POOL_BUCKETS; i++) {
        figures->acquire_buckets[i] = counter_read(&words->acquire_buckets[i]);
        figures->hold_buckets[i] = counter_read(&words->hold_buckets[i]);
    }
    figures->acquire_ns = counter_read(&words->acquire_ns);
    figures->hold_ns = counter_read(&words->hold_ns);
    figures->retired = figures->retired_lifetime + figures->retired_idle + figures->retired_excess +
                       figures->retired_error + figures->retired_validation +
                       figures->retired_reset + figures->retired_evicted + figures->retired_end;
}

uint64_t conn_pool_bucket_ns(unsigned bucket)
{
    if (bucket == 0)
        return 1024;
    unsigned doubling = (bucket - 1) / 4, quarter = (bucket - 1) % 4;
    return bucket < CONN_POOL_BUCKETS - 1 ? (UINT64_C(256) << doubling) * (5 + quarter)
                                          : UINT64_MAX;
}

const struct hist *conn_pool_acquire_hist(const struct conn_pool *pool)
{
    return pool->acquire_hist;
}

const struct hist *conn_pool_hold_hist(const struct conn_pool *pool)
{
    return pool->hold_hist;
}

const struct err *conn_pool_connect_error(const struct conn_pool *pool)
{
    return &pool->connect_error;
}

/* ---- Reports --------------------------------------------------------------------------------- */

void conn_pool_report(struct conn_pool *pool, const struct conn_report *report)
{
    pool->reports[pool->reports_made++ % CONN_REPORTS_KEPT] = *report;
    if (pool->report)
        pool->report(pool->report_user, report);
}

size_t conn_pool_reports(const struct conn_pool *pool, struct conn_report *reports, size_t room)
{
    size_t kept = pool->reports_made < CONN_REPORTS_KEPT ? pool->reports_made : CONN_REPORTS_KEPT;
    size_t count = room < kept ? room : kept;
    for (size_t i = 0; i < count; i++)
        reports[i] = pool->reports[(pool->reports_made - 1 - i) % CONN_REPORTS_KEPT];
    return count;
}

/* ---- Conservation ---------------------------------------------------------------------------- */

static int check_sum(const char *what, uint64_t left, uint64_t right, struct err *err)
{
    return left == right
               ? 0
               : err_set(err, -EPROTO, "%s: %" PRIu64 " is not %" PRIu64, what, left, right);
}

static int check_sums(const struct conn_pool_figures *f, struct err *err)
{
    uint64_t placed = f->idle + f->in_use + f->handed + f->checking + f->keeping + f->resetting;
    int rc = check_sum("acquired = released + in_use", f->acquired, f->released + f->in_use, err);
    if (!rc)
        rc = check_sum("opened = open + retired", f->opened, f->open + f->retired, err);
    if (!rc)
        rc = check_sum("open = idle + in_use + handed + checking + keeping + resetting", f->open,
                       placed, err);
    return rc;
}

/* What the slots say, against the gauges. */
static int check_slots(const struct conn_pool *pool, const struct conn_pool_figures *f,
                       struct err *err)
{
    uint64_t seen[SLOT_RESETTING + 1] = {0};
    for (size_t i = 0; i < pool->slots_used; i++)
        seen[pool->slots[i].state]++;
    const uint64_t told[] = {pool->slots_used - f->open,
                             f->idle,
                             f->handed,
                             f->in_use,
                             f->checking,
                             f->keeping,
                             f->resetting};
    for (size_t state = 0; state <= SLOT_RESETTING; state++) {
        int rc = check_sum("slots of a state", seen[state], told[state], err);
        if (rc)
            return rc;
    }
    uint64_t idle = 0;
    list_each(link, &pool->idle)
        idle += container_of(link, struct conn_slot, link)->state == SLOT_IDLE;
    return check_sum("length of the idle list", idle, f->idle, err);
}

/* Nobody is forgotten, and min_idle is kept. */
static int check_supply(const struct conn_pool *pool, const struct conn_pool_figures *f,
                        struct err *err)
{
    const struct conn_pool_settings *settings = &pool->settings;
    if (pool->state != POOL_RUNNING)
        return 0;
    uint64_t waiting = pool->waiters.length;
    uint64_t wanted = waiting > f->checking ? waiting - f->checking : 0;
    if (f->idle > 0 && wanted > 0)
        return err_set(err, -EPROTO,
                       "%" PRIu64 " wait while %" PRIu64 " are idle and %" PRIu64 " checked",
                       waiting, f->idle, f->checking);
    uint64_t spare = f->idle + f->keeping + (f->checking > waiting ? f->checking - waiting : 0);
    wanted += settings->min_idle > spare ? settings->min_idle - spare : 0;
    uint64_t connectors = settings->max_open - f->open;
    if (settings->connects_parallel && connectors > settings->connects_parallel)
        connectors = settings->connects_parallel;
    if (f->connecting < wanted && f->connecting < connectors)
        return err_set(err, -EPROTO,
                       "%" PRIu64 " are wanted and %" PRIu64 " connecting, where %" PRIu64 " may",
                       wanted, f->connecting, connectors);
    return 0;
}

int conn_pool_check(const struct conn_pool *pool, struct err *err)
{
    struct conn_pool_figures f;
    conn_pool_figures(pool, &f);
    int rc = check_sums(&f, err);
    if (!rc)
        rc = check_slots(pool, &f, err);
    if (!rc && f.open + f.connecting > pool->settings.max_open)
        rc = err_set(err, -EPROTO, "%" PRIu64 " open and %" PRIu64 " connecting exceed max_open",
                     f.open, f.connecting);
    return rc ? rc : check_supply(pool, &f, err);
}
