/* SPDX-License-Identifier: MIT */
/* database.c - a service thread's way to its database: started, kept up, stopped. */
#include "subject/database.h"

#include "subject/buffer.h"
#include "subject/object_pool.h"
#include "subject/part.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A database that does not answer for this long when the service starts is no database. */
#define CHECK_TIMEOUT_NS (5 * NS_PER_S)

const struct session_source *const session_sources[] = {
    [SESSION_POOL] = &session_pool,
    [SESSION_REQUEST] = &session_request,
    [SESSION_CONNECT] = &session_connect,
    [SESSION_CACHE] = &session_cache,
};

/* ---- What connections are opened with -------------------------------------------------------- */

/* The options a connection string holds already, "" when none. The caller frees. */
static char *options_of(const char *conninfo)
{
    PQconninfoOption *all = PQconninfoParse(conninfo, NULL);
    char *options = NULL;
    for (PQconninfoOption *one = all; one && one->keyword && !options; one++)
        if (strcmp(one->keyword, "options") == 0 && one->val)
            options = strdup(one->val);
    PQconninfoFree(all);
    return options ? options : strdup("");
}

/* A value between quotes, as connection strings have it. */
static int append_quoted(struct buffer *out, const char *text)
{
    int rc = 0;
    for (; *text && !rc; text++) {
        if (*text == '\'' || *text == '\\')
            rc = buffer_append(out, "\\", 1);
        if (!rc)
            rc = buffer_append(out, text, 1);
    }
    return rc;
}

static uint64_t rounded_up(uint64_t span_ns, uint64_t unit_ns)
{
    return (span_ns + unit_ns - 1) / unit_ns;
}

static int add_options(struct buffer *text, uint64_t statement_timeout_ns, const char *resolved)
{
    char *options = options_of(resolved);
    int rc = options ? buffer_printf(text, " options='") : -ENOMEM;
    if (!rc)
        rc = append_quoted(text, options);
    if (!rc)
        rc = buffer_printf(text, " -c statement_timeout=%" PRIu64 "'",
                           rounded_up(statement_timeout_ns, NS_PER_MS));
    free(options);
    return rc;
}

/* What comes later in a connection string counts. */
static int add_settings(struct buffer *text, const struct database_settings *settings,
                        const char *resolved)
{
    int rc = buffer_printf(text, "%s", resolved);
    if (!rc && settings->statement_timeout_ns > 0)
        rc = add_options(text, settings->statement_timeout_ns, resolved);
    if (!rc && settings->tcp_user_timeout_ns > 0)
        rc = buffer_printf(text, " tcp_user_timeout=%" PRIu64,
                           rounded_up(settings->tcp_user_timeout_ns, NS_PER_MS));
    uint64_t keepalive_s = rounded_up(settings->tcp_keepalive_ns, NS_PER_S);
    if (!rc && keepalive_s > 0)
        rc = buffer_printf(text,
                           " keepalives=1 keepalives_idle=%" PRIu64 " keepalives_interval=%" PRIu64
                           " keepalives_count=%" PRIu64,
                           keepalive_s, keepalive_s, settings->tcp_keepalive_probes);
    return rc;
}

static int try_it(struct ctx *ctx, const char *conninfo, struct err *err)
{
    struct ctx patience;
    struct pg *pg;
    ctx_init_timeout(&patience, ctx, CHECK_TIMEOUT_NS);
    int rc = pg_connect(&patience, &pg, conninfo, NULL, err);
    ctx_fini(&patience);
    if (!rc)
        pg_close(pg);
    return rc ? err_wrap(err, "the database can't be used") : 0;
}

int database_conninfo(struct ctx *ctx, char **out, const struct service_settings *settings,
                      struct err *err)
{
    const struct database_settings *database = &settings->database;
    struct buffer text = {.limit = 1 << 16};
    char *resolved = NULL;
    *out = NULL;
    int rc = pg_resolve(&resolved, database->conninfo, err);
    if (rc)
        return err_wrap(err, "database");
    rc = add_settings(&text, database, resolved);
    free(resolved);
    if (!rc)
        *out = strndup(text.data, text.length);
    buffer_free(&text);
    if (!*out)
        return err_sys(err, rc ? rc : -ENOMEM, "make the connection string");
    return database->check ? try_it(ctx, *out, err) : 0;
}

/* ---- Upkeep ---------------------------------------------------------------------------------- */

/* The wrong way of a restart: whoever is at work is cut off. */
static void cut_all(struct database *database)
{
    list_each(link, &database->open) {
        struct db_conn *conn = container_of(link, struct db_conn, link);
        pg_cut(conn->pg);
    }
}

static void restart_now_and_then(struct ctx *ctx, void *arg)
{
    struct database *database = arg;
    const struct database_settings *settings = &database->settings->database;
    while (fiber_sleep(ctx, settings->restart_every_ns) == 0) {
        counter_add(&database->restarts, 1);
        if (settings->restart == RESTART_AT_ONCE)
            cut_all(database);
        conn_pool_evict(database->pool);
        if (database->reports)
            conn_pool_evict(database->reports);
    }
}

static void purge_now_and_then(struct ctx *ctx, void *arg)
{
    struct database *database = arg;
    while (fiber_sleep(ctx, database->settings->database.purge_every_ns) == 0)
        object_pool_reclaim(database->cache);
}

/* Takes back what was lent for longer than leak_threshold by whoever leaks. */
static void reclaim_leaked(struct database *database, uint64_t before_ns)
{
    for (struct list *link = database->leaks.next, *next; link != &database->leaks; link = next) {
        struct session *session = container_of(link, struct session, link);
        next = link->next;
        if (session->leaked_ns > before_ns)
            continue;
        list_remove(&session->link);
        database->source->give(session, CONN_BROKEN);
        free(session);
        counter_add(&database->reclaimed, 1);
    }
}

static void reclaim_now_and_then(struct ctx *ctx, void *arg)
{
    struct database *database = arg;
    uint64_t threshold_ns = database->settings->database.pool.leak_threshold_ns;
    while (fiber_sleep(ctx, threshold_ns / 4 + 1) == 0) {
        uint64_t now_ns = clock_now_ns();
        reclaim_leaked(database, now_ns > threshold_ns ? now_ns - threshold_ns : 0);
    }
}

static int start_upkeep(struct database *database)
{
    const struct database_settings *settings = &database->settings->database;
    struct group *group = &database->upkeep;
    int rc = 0;
    if (settings->restart_every_ns > 0 && database->pool)
        rc = group_spawn(group, "restart", restart_now_and_then, database);
    if (!rc && settings->purge_every_ns > 0 && database->cache)
        rc = group_spawn(group, "purge", purge_now_and_then, database);
    if (!rc && settings->leak_action == LEAK_RECLAIM && settings->pool.leak_threshold_ns > 0)
        rc = group_spawn(group, "reclaim", reclaim_now_and_then, database);
    return rc;
}

/* ---- Starting and stopping ------------------------------------------------------------------- */

/* Pools that are made for a request have the limits to themselves. */
static void take_part(struct database *database, unsigned index)
{
    uint64_t threads = database->settings->threads;
    struct conn_pool_settings *own = &database->own;
    *own = database->settings->database.pool;
    if (database->settings->database.source != SESSION_POOL)
        return;
    own->max_open = part_of(own->max_open, threads, index);
    own->min_idle = part_of(own->min_idle, threads, index);
    own->max_idle = part_of(own->max_idle, threads, index);
    own->prewarm = part_of(own->prewarm, threads, index);
    database->reports_max_open =
        part_of(database->settings->database.report_max_open, threads, index);
}

int database_start(struct ctx *ctx, struct database *database,
                   const struct service_settings *settings, const char *conninfo, unsigned index,
                   struct err *err)
{
    *database = (struct database){
        .settings = settings,
        .conninfo = conninfo,
        .source = session_sources[settings->database.source],
    };
    (void)pthread_mutex_init(&database->reading, NULL);
    list_init(&database->open);
    list_init(&database->leaks);
    rng_init(&database->rng, settings->seed, index);
    group_init(&database->strays, ctx);
    group_init(&database->upkeep, ctx);
    take_part(database, index);
    int rc = guard_init(&database->guard, &settings->guard, settings->threads, index,
                        rng_next(&database->rng), err);
    if (!rc && database->source->start)
        rc = database->source->start(ctx, database, err);
    if (!rc)
        rc = start_upkeep(database);
    if (rc)
        database_stop(database);
    return rc;
}

void database_stop(struct database *database)
{
    struct ctx patience;
    group_cancel(&database->upkeep, "the service stops");
    (void)group_join(NULL, &database->upkeep);
    reclaim_leaked(database, UINT64_MAX);
    ctx_init_timeout(&patience, NULL, database->settings->drain_timeout_ns);
    if (group_join(&patience, &database->strays)) {
        group_cancel(&database->strays, "the service stops");
        (void)group_join(NULL, &database->strays);
    }
    if (database->source->stop)
        (void)database->source->stop(&patience, database);
    ctx_fini(&patience);
    (void)group_fini(&database->strays);
    (void)group_fini(&database->upkeep); /* pools of requests, which strays held, lived under it */
}
