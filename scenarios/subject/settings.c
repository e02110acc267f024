/* SPDX-License-Identifier: MIT */
/* settings.c - the table of the built-in service's settings. */
#include "subject/settings.h"

#include <errno.h>

static const char *const buffers_words[] = {
    [BUFFERS_MALLOC] = "malloc",
    [BUFFERS_POOL] = "pool",
    [BUFFERS_POOL_PER_REQUEST] = "pool-per-request",
    NULL,
};

static const char *const nodes_words[] = {
    [NODES_BY_BUFFERS] = "by-buffers",
    [NODES_ALLOCATOR] = "allocator",
    [NODES_ARENA] = "arena",
    NULL,
};

static const char *const reset_words[] = {
    [POOL_RESET_FULL] = "full",
    [POOL_RESET_KEEP_FIELDS] = "keep-fields",
    [POOL_RESET_KEEP_LENGTH] = "keep-length",
    [POOL_RESET_NONE] = "none",
    NULL,
};

static const char *const put_words[] = {
    [POOL_PUT_ALWAYS] = "always",
    [POOL_PUT_ON_SUCCESS] = "on-success",
    [POOL_PUT_NEVER] = "never",
    NULL,
};

static const char *const destroy_words[] = {
    [POOL_DESTROY_AT_ONCE] = "at-once",
    [POOL_DESTROY_DEFERRED] = "deferred",
    NULL,
};

static const char *const source_words[] = {
    [SESSION_POOL] = "pool",
    [SESSION_REQUEST] = "request",
    [SESSION_CONNECT] = "connect",
    [SESSION_CACHE] = "cache",
    NULL,
};

static const char *const on_timeout_words[] = {
    [ON_TIMEOUT_CANCEL] = "cancel",
    [ON_TIMEOUT_CANCEL_LATE] = "cancel-late",
    [ON_TIMEOUT_ABANDON] = "abandon",
    [ON_TIMEOUT_CLOSE] = "close",
    NULL,
};

static const char *const leak_words[] = {
    [LEAK_REPORT] = "report",
    [LEAK_RECLAIM] = "reclaim",
    NULL,
};

static const char *const restart_words[] = {
    [RESTART_DRAIN] = "drain",
    [RESTART_AT_ONCE] = "at-once",
    NULL,
};

static const char *const hold_words[] = {
    [HOLD_QUERY] = "query",
    [HOLD_REQUEST] = "request",
    NULL,
};

static const char *const rows_words[] = {
    [ROWS_CLOSE_EACH] = "each",
    [ROWS_CLOSE_END] = "end",
    NULL,
};

static const char *const nested_words[] = {
    [NESTED_ONE] = "one",
    [NESTED_TWO] = "two",
    NULL,
};

static const char *const tasks_words[] = {
    [TASKS_SEND] = "send",
    [TASKS_RECEIVE] = "receive",
    [TASKS_BOUND] = "bound",
    NULL,
};

static const char *const on_cancel_words[] = {
    [POOLED_PUT_BACK] = "put-back",
    [POOLED_RESET] = "reset",
    [POOLED_DROP] = "drop",
    [POOLED_WEIGHTED] = "weighted",
    NULL,
};

static const char *const release_words[] = {
    [POOLED_AT_HANDLER_END] = "handler-end",
    [POOLED_AT_CTX_END] = "ctx-end",
    NULL,
};

static const char *const keyed_words[] = {
    [KEYED_BY_HOST] = "host",
    [KEYED_BY_TIMEOUT] = "host-timeout",
    [KEYED_BY_TRACE] = "host-timeout-trace",
    NULL,
};

static const char *const shared_words[] = {
    [SHARED_RACY] = "racy",
    [SHARED_MUTEX] = "mutex",
    [SHARED_SHARDED] = "sharded",
    [SHARED_ATOMIC] = "atomic",
    NULL,
};

static const char *const load_guard_words[] = {
    [LOAD_UNGUARDED] = "none",
    [LOAD_MUTEX] = "mutex",
    [LOAD_SINGLE_FLIGHT] = "single-flight",
    NULL,
};

static const char *const acknowledge_words[] = {
    [LEDGER_AFTER_COMMIT] = "after-commit",
    [LEDGER_BEFORE_COMMIT] = "before-commit",
    NULL,
};

#define SETTING(kind, name, field, fallback, ...)                                                  \
    PARAM_##kind(name, service_settings, field, fallback, __VA_ARGS__)

const struct param service_params[] = {
    {SETTING(TEXT, "listen", listen, "127.0.0.1:0",
             "address to listen on; port 0 takes a free one")},
    {SETTING(COUNT, "threads", threads, "1", "threads, each with its own ring and listener"),
     .min = 1, .max = 256},
    {SETTING(COUNT, "backlog", backlog, "4096", "connections the kernel may hold for the service"),
     .min = 1, .max = 65535},
    {SETTING(COUNT, "connections_limit", connections_limit, "16384",
             "connections a thread serves at once; more wait in the backlog"),
     .min = 1, .max = 1e6},
    {SETTING(BYTES, "header_limit", header_limit_bytes, "16KiB",
             "largest request head, 431 above; also each connection's read buffer"),
     .min = 512, .max = 1 << 20},
    {SETTING(BYTES, "payload_limit", payload_limit_bytes, "4MiB",
             "largest request body, 413 above"),
     .min = 1, .max = 1 << 30},
    {SETTING(BYTES, "buffer_limit", buffer_limit_bytes, "64MiB",
             "largest a buffer may grow, 500 above; bounds pool_reset: keep-length"),
     .min = 4096, .max = 0x1p34},
    {SETTING(NS, "idle_timeout", idle_timeout_ns, "60s", "close an idle connection after"),
     .min = 1e6, .max = 86400e9},
    {SETTING(NS, "request_timeout", request_timeout_ns, "30s",
             "close a connection whose request takes longer to arrive"),
     .min = 1e6, .max = 86400e9},
    {SETTING(NS, "handler_timeout", handler_timeout_ns, "0",
             "give each request so long from its first byte, 504 after; 0 is no limit; the header "
             "X-Request-Timeout may only shorten it"),
     .min = 0, .max = 86400e9},
    {SETTING(BOOL, "notice_disconnect", notice_disconnect, "true",
             "stop working for a client that went away, where the work waits; false is wrong on "
             "purpose: the work goes on for nobody")},
    {SETTING(NS, "drain_timeout", drain_timeout_ns, "10s",
             "on SIGTERM, let requests in flight finish for so long")},
    {SETTING(NS, "drain_grace", drain_grace_ns, "100ms",
             "on SIGTERM, let idle connections bring one more request for so long")},
    {SETTING(NS, "profile_every", profile_every_ns, "0",
             "look where each thread's CPU time goes, into memory management or not, whenever it "
             "has spent so much, but no oftener than the kernel's tick; 0 is never"),
     .min = 0, .max = 3600e9},
    {SETTING(COUNT, "seed", seed, "1", "of whatever is drawn at random")},
    {SETTING(NS, "delay", delay_ns, "0", "sleep in each encode request"),
     .section = "POST /api/v1/encode"},
    {SETTING(
         NS, "busy", busy_ns, "0",
         "keep the processor busy for so long in each encode request: slower on purpose, to see "
         "whether that is noticed"),
     .max = 1e9},
    {SETTING(COUNT, "gather", gather, "0",
             "encode requests that wait for each other, so their buffers live at once"),
     .min = 0, .max = 4096},
    {SETTING(NS, "gather_timeout", gather_timeout_ns, "5ms", "wait no longer for the others")},
    {SETTING(
         CHOICE, "buffers", buffers, "pool",
         "source of a request's memory; pool-per-request is wrong on purpose: it reuses nothing",
         buffers_words),
     .section = "Memory of a request, and its pool"},
    {SETTING(CHOICE, "nodes", nodes, "by-buffers",
             "source of the parsed document's nodes; by-buffers is arena unless buffers is malloc; "
             "an arena is a gain of its own, so hold it equal to see what pooling is worth",
             nodes_words)},
    {SETTING(CHOICE, "pool_reset", pool_reset, "full",
             "cleaning between two users; all but full are wrong on purpose: keep-fields shows "
             "another request's fields, keep-length another request's bytes, none both",
             reset_words)},
    {SETTING(BYTES, "pool_capacity_limit", pool_capacity_limit_bytes, "8MiB",
             "objects whose buffers hold more are dropped, not kept, on return; 0 keeps all (wrong "
             "on purpose)")},
    {SETTING(
        BYTES, "pool_request_limit", pool_request_limit_bytes, "0",
        "objects whose request buffer holds more are destroyed on return, too; 0 is no limit")},
    {SETTING(BYTES, "pool_response_limit", pool_response_limit_bytes, "0",
             "the same for the response buffer")},
    {SETTING(CHOICE, "pool_put", pool_put, "always",
             "which ways out of the handler give the object back: all, only its success, or none; "
             "all but always are wrong on purpose: the others lose it",
             put_words)},
    {SETTING(COUNT, "pool_lost_limit", pool_lost_limit, "100k",
             "objects of a thread that pool_put may lose; what comes after is given back: what "
             "bounds the leak"),
     .min = 0, .max = 1e6},
    {SETTING(CHOICE, "pool_destroy", pool_destroy, "at-once",
             "when an object that the pool gives up is destroyed; deferred is wrong on purpose: "
             "the next reclaim does it, as a finalizer that runs a cycle later",
             destroy_words)},
    {SETTING(COUNT, "pool_prewarm", pool_prewarm, "0",
             "objects put into the pool before listening"),
     .min = 0, .max = 65536},
    {SETTING(BYTES, "pool_prewarm_size", pool_prewarm_bytes, "16KiB",
             "capacity of the buffers of prewarmed objects")},
    {SETTING(NS, "pool_reclaim_every", pool_reclaim_every_ns, "0",
             "period at which the pool gives up what nobody used; 0 is never")},
    {SETTING(BOOL, "pool_victim", pool_victim, "true", "let an object survive one reclaim")},
    {SETTING(TEXT, "database", database.conninfo, NULL,
             "connection string or URI of a PostgreSQL; else that of POOLSTORM_DATABASE"),
     .section = "Database"},
    {SETTING(BOOL, "db_check", database.check, "true",
             "connect once before serving, and refuse to start when that fails")},
    {SETTING(CHOICE, "db_source", database.source, "pool",
             "where a request's session comes from: the thread's pool, a pool or a connection made "
             "for the request, or a cache without a limit (wrong on purpose)",
             source_words)},
    {SETTING(CHOICE, "db_on_timeout", database.on_timeout, "cancel",
             "what becomes of a query whose request gave up; all but cancel are wrong on purpose: "
             "cancel-late lends the session again before the cancel is over, abandon lets the "
             "server go on, close too and opens another connection",
             on_timeout_words)},
    {SETTING(NS, "db_query_timeout", database.query_timeout_ns, "0",
             "give a query up after; 0: when its request ends")},
    {SETTING(NS, "db_statement_timeout", database.statement_timeout_ns, "0",
             "have the server end a query after, in whole milliseconds; 0 is never")},
    {SETTING(
        NS, "db_socket_timeout", database.socket_timeout_ns, "0",
        "give a server up that is silent for so long, abandoned queries and the pool's own checks "
        "included; 0 is never")},
    {SETTING(NS, "db_cancel_timeout", database.cancel_timeout_ns, "5s",
             "a cancel that takes longer, or than db_socket_timeout, is lost and its session "
             "closed"),
     .min = 1e6, .max = 3600e9},
    {SETTING(NS, "db_tcp_user_timeout", database.tcp_user_timeout_ns, "0",
             "have TCP give a connection up when what was sent is not acknowledged for so long, in "
             "whole milliseconds; 0: after a quarter of an hour, as the system does"),
     .min = 0, .max = 3600e9},
    {SETTING(
         NS, "db_tcp_keepalive", database.tcp_keepalive_ns, "0",
         "have TCP ask the other end of an idle connection so often, in whole seconds; 0: after "
         "two hours, as the system does"),
     .min = 0, .max = 3600e9},
    {SETTING(COUNT, "db_tcp_keepalive_probes", database.tcp_keepalive_probes, "2",
             "and give it up when so many in a row are not answered"),
     .min = 1, .max = 100},
    {SETTING(NS, "db_purge_every", database.purge_every_ns, "0",
             "db_source cache: period at which what rests is closed; 0 is never")},
    {SETTING(SHARE, "db_leak_share", database.leak_share, "0",
             "share of the sessions that are never given back (wrong on purpose)")},
    {SETTING(CHOICE, "db_leak_action", database.leak_action, "report",
             "what follows when a session is out for longer than db_leak_threshold", leak_words)},
    {SETTING(NS, "db_restart_every", database.restart_every_ns, "0",
             "period at which all connections are replaced; 0 is never")},
    {SETTING(CHOICE, "db_restart", database.restart, "drain",
             "what that does to sessions in use: drain lets them finish, at-once cuts them off "
             "(wrong on purpose)",
             restart_words)},
    {SETTING(
        CHOICE, "db_hold", database.hold, "query",
        "how long /query holds its session: until it has answered, or until the request's work "
        "without it is done, too (wrong on purpose)",
        hold_words)},
    {SETTING(CHOICE, "db_rows_close", database.rows_close, "each",
             "when /rows closes a result and gives its session back: before the next query, or at "
             "the end of the request (wrong on purpose)",
             rows_words)},
    {SETTING(CHOICE, "db_nested", database.nested, "one",
             "how /nested uses its two sessions: one at a time, or the second with the first in "
             "hand (wrong on purpose)",
             nested_words)},
    {SETTING(BOOL, "db_rollback", database.rollback, "true",
             "end a transaction that was left open when its session is given back; false is wrong "
             "on purpose: the next one works in it")},
    {SETTING(BOOL, "db_validate_state", database.validate_state, "false",
             "validation also closes sessions in which a former user left something")},
    {SETTING(TEXT, "db_query", database.query, "select value from items where id = $1::int",
             "what /query asks, with its id for $1")},
    {SETTING(TEXT, "db_report", database.report,
             "select /* report */ value from items where id = $1::int",
             "what /report asks, with its id for $1")},
    {SETTING(COUNT, "db_report_max_open", database.report_max_open, "0",
             "of db_max_open, connections that are a pool of their own, for /report alone; 0: it "
             "shares the pool with all others"),
     .min = 0, .max = 65536},
    CONN_POOL_PARAMS("db_", service_settings, database.pool.),
    GUARD_PARAMS(service_settings, guard.),
    {SETTING(CHOICE, "load_guard", cache.load_guard, "single-flight",
             "who loads a row that /cached does not have: with none, everyone who misses it; with "
             "mutex, one at a time under the cache's one lock, for which hits wait, too (both "
             "wrong on purpose)",
             load_guard_words),
     .section = "/cached"},
    {SETTING(NS, "cache_ttl", cache.ttl_ns, "1s", "/cached keeps a row for so long; 0 keeps none"),
     .min = 0, .max = 86400e9},
    {SETTING(NS, "cache_jitter", cache.jitter_ns, "0",
             "up to so much is taken off cache_ttl at random")},
    {SETTING(NS, "cache_refresh", cache.refresh_ns, "0",
             "for so long more a row is served stale while it is loaded behind"),
     .min = 0, .max = 86400e9},
    {SETTING(NS, "cache_rescue", cache.rescue_ns, "0",
             "for so long more a row is served stale when a load fails"),
     .min = 0, .max = 86400e9},
    {SETTING(NS, "cache_pause", cache.pause_ns, "0",
             "after a failed load a stale row is served for so long without trying again")},
    {SETTING(NS, "cache_load_timeout", cache.load_timeout_ns, "0",
             "a load may take so long with its retries; 0: as long as it likes")},
    {SETTING(COUNT, "cache_entries", cache.entries_max, "1024",
             "rows a thread keeps; the one used longest ago makes room"),
     .min = 1, .max = 1 << 20},
    {SETTING(CHOICE, "ledger_acknowledge", ledger.acknowledge, "after-commit",
             "when /ledger says that a write is stored: when the database does, or already when it "
             "is inserted and not committed yet (wrong on purpose)",
             acknowledge_words),
     .section = "/ledger"},
    {SETTING(NS, "ledger_commit_after", ledger.commit_after_ns, "0",
             "before-commit: the commit comes so much later, as where writes are gathered"),
     .min = 0, .max = 3600e9},
    {SETTING(BOOL, "ledger_key", ledger.key, "true",
             "a write carries its token as a key that the database takes once; false is wrong on "
             "purpose: a retry may write again what was written")},
    {SETTING(COUNT, "fanout_limit", fanout.limit, "100k",
             "descendants of /fanout requests a thread may have alive"),
     .section = "/fanout, /work/tasks, /work/pooled, /work/keyed and /work/shared", .min = 1,
     .max = 1e6},
    {SETTING(
        BOOL, "fanout_listen", fanout.listen, "true",
        "descendants of /fanout listen to their request's ctx; false is wrong on purpose: they "
        "outlive it by their full sleep")},
    {SETTING(CHOICE, "tasks_kind", tasks.kind, "bound",
             "what /work/tasks starts; all but bound are wrong on purpose: send has no receiver, "
             "receive waits on a channel nobody closes",
             tasks_words)},
    {SETTING(COUNT, "tasks_limit", tasks.limit, "100k",
             "tasks of /work/tasks a thread may have alive, 503 above: what bounds a leak"),
     .min = 1, .max = 1e6},
    {SETTING(
        CHOICE, "pooled_on_cancel", pooled.on_cancel, "reset",
        "what becomes of the object of a /work/pooled request that ended half-way; put-back is "
        "wrong on purpose: the next user finds the former one's token",
        on_cancel_words)},
    {SETTING(CHOICE, "pooled_release", pooled.release, "handler-end",
             "when that object goes back: once the handler has noticed, or at once",
             release_words)},
    {SETTING(NS, "pooled_checkpoint", pooled.checkpoint_ns, "0",
             "/work/pooled looks at its ctx only this often while it works; 0 notices at once"),
     .min = 0, .max = 1e9},
    {SETTING(COUNT, "pooled_objects", pooled.objects_max, "1024",
             "objects a thread keeps for /work/pooled; more are made for one request each"),
     .min = 1, .max = 65536},
    {SETTING(SHARE, "pooled_drop_canceled", pooled.drop_canceled_share, "1",
             "weighted: odds of dropping the object of a canceled request")},
    {SETTING(SHARE, "pooled_drop_deadline", pooled.drop_deadline_share, "0.8",
             "weighted: odds of dropping that of a request whose deadline passed")},
    {SETTING(SHARE, "pooled_drop_idle", pooled.drop_idle_share, "0.5",
             "weighted: odds of dropping one that rested for longer than pooled_idle_after")},
    {SETTING(NS, "pooled_idle_after", pooled.idle_after_ns, "30s", "see pooled_drop_idle")},
    {SETTING(CHOICE, "keyed_by", keyed.by, "host-timeout",
             "what keeps objects of /work/keyed apart", keyed_words)},
    {SETTING(COUNT, "keyed_keys", keyed.keys_max, "1024",
             "keys a thread keeps objects for; the one used longest ago goes first"),
     .min = 1, .max = 65536},
    {SETTING(COUNT, "keyed_objects", keyed.objects_max, "64",
             "objects a thread keeps for each key; more are made for one request each"),
     .min = 1, .max = 65536},
    {SETTING(CHOICE, "shared_way", shared_way, "sharded",
             "how the threads of /work/shared change its one object; racy is wrong on purpose: a "
             "thread writes over what others wrote since it read",
             shared_words)},
    {0},
};

/* What is said of a pool that there is not would go unnoticed. */
static int check_pool(const struct service_settings *settings, struct err *err)
{
    const struct {
        const char *name;
        bool said;
    } words[] = {
        {"pool_prewarm", settings->pool_prewarm > 0},
        {"pool_reclaim_every", settings->pool_reclaim_every_ns > 0},
        {"pool_reset", settings->pool_reset != POOL_RESET_FULL},
        {"pool_put", settings->pool_put != POOL_PUT_ALWAYS},
        {"pool_request_limit", settings->pool_request_limit_bytes > 0},
        {"pool_response_limit", settings->pool_response_limit_bytes > 0},
        {"pool_destroy", settings->pool_destroy != POOL_DESTROY_AT_ONCE},
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (words[i].said && settings->buffers != BUFFERS_POOL)
            return err_set(err, -EINVAL, "%s needs buffers: pool", words[i].name);
    if (settings->pool_prewarm > 0 && settings->pool_prewarm_bytes > settings->buffer_limit_bytes)
        return err_set(err, -EINVAL, "pool_prewarm_size must not exceed buffer_limit");
    if (settings->pool_destroy == POOL_DESTROY_DEFERRED && settings->pool_reclaim_every_ns == 0)
        return err_set(err, -EINVAL, "pool_destroy: deferred needs a pool_reclaim_every");
    return 0;
}

static int check_database(const struct service_settings *settings, struct err *err)
{
    const struct database_settings *database = &settings->database;
    if (database->purge_every_ns > 0 && database->source != SESSION_CACHE)
        return err_set(err, -EINVAL, "db_purge_every needs db_source: cache");
    if (database->restart_every_ns > 0 && database->source != SESSION_POOL)
        return err_set(err, -EINVAL, "db_restart_every needs db_source: pool");
    if (database->leak_action == LEAK_RECLAIM && database->pool.leak_threshold_ns == 0)
        return err_set(err, -EINVAL, "db_leak_action: reclaim needs a db_leak_threshold");
    if (database->source == SESSION_POOL && database->pool.max_open < settings->threads)
        return err_set(err, -EINVAL, "db_max_open must be at least threads: each has its part");
    if (database->report_max_open > 0 && database->source != SESSION_POOL)
        return err_set(err, -EINVAL, "db_report_max_open needs db_source: pool");
    if (database->report_max_open > 0 &&
        (database->report_max_open < settings->threads ||
         database->report_max_open + settings->threads > database->pool.max_open))
        return err_set(err, -EINVAL,
                       "db_report_max_open must be at least threads, and leave as many of "
                       "db_max_open: each has its part of both");
    return conn_pool_settings_check(&database->pool, err);
}

static int check_cache(const struct cache_settings *cache, struct err *err)
{
    if (cache->jitter_ns > cache->ttl_ns)
        return err_set(err, -EINVAL, "cache_jitter must not exceed cache_ttl");
    if (cache->pause_ns > 0 && cache->refresh_ns == 0 && cache->rescue_ns == 0)
        return err_set(err, -EINVAL, "cache_pause needs a cache_rescue or cache_refresh");
    return 0;
}

int service_settings_check(const struct service_settings *settings, struct err *err)
{
    if (settings->payload_limit_bytes > settings->buffer_limit_bytes)
        return err_set(err, -EINVAL, "payload_limit must not exceed buffer_limit");
    if (settings->gather > settings->connections_limit)
        return err_set(err, -EINVAL, "gather must not exceed connections_limit");
    if (settings->ledger.commit_after_ns > 0 &&
        settings->ledger.acknowledge != LEDGER_BEFORE_COMMIT)
        return err_set(err, -EINVAL, "ledger_commit_after needs ledger_acknowledge: before-commit");
    int rc = check_pool(settings, err);
    if (!rc)
        rc = guard_settings_check(&settings->guard, settings->threads, err);
    if (!rc)
        rc = check_cache(&settings->cache, err);
    return rc ? rc : check_database(settings, err);
}
