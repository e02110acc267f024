/* SPDX-License-Identifier: MIT */
/* service_database_test.c - the service's database side: its sources of sessions, its endpoints and
 * settings, what it says when the database is not as it should be, and how it comes back. */
#include "database_fixture.h"

#include "subject/conn_pool.h"
#include "subject/database.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <sys/socket.h>

/* ---- Starting -------------------------------------------------------------------------------- */

struct refusal {
    const char *role, *more; /* of the connection string */
    int code;
    const char *text;
};

/* The message of a service that does not start. */
static int start_error(const char *const *words, struct err *err)
{
    struct service_settings settings = {0};
    struct service *service = NULL;
    assert_ok(param_defaults(service_params, &settings, err));
    for (; *words; words += 2)
        if (param_set(param_find(service_params, words[0]), &settings, words[1], err))
            fail_msg("%s", err->text);
    int rc = service_start(&service, &settings, err);
    assert_null(service);
    param_fini(service_params, &settings);
    return rc;
}

static void refused_at_start(struct ctx *ctx)
{
    static const struct refusal refusals[] = {
        {"locked", "password=wrong", -EACCES, "password authentication failed for user \"locked\""},
        {"locked", "", -EACCES, "password"},
        {"banned", "", -EACCES, "pg_hba.conf rejects connection"},
        {"nobody", "", -EACCES, "role \"nobody\" does not exist"},
        {"tester", "dbname=nowhere", -ENOENT, "database \"nowhere\" does not exist"},
        {"tester", "options='-c work_mem=much'", -EREMOTEIO, "work_mem"},
        {"tester", "colour=blue", -EINVAL, "colour"},
        {"tester", "host=nobody.invalid", -EHOSTUNREACH, "nobody.invalid"},
        {"tester", "hostaddr=127.0.0.1 port=1", -ECONNREFUSED, "127.0.0.1"},
    };
    (void)ctx;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
        const struct refusal *refusal = &refusals[i];
        const char *conninfo = postgres_tcp(&server, refusal->role, refusal->more);
        struct err err = {0};
        int rc = start_error((const char *const[]){"database", conninfo, NULL}, &err);
        if (rc != refusal->code || !strstr(err.text, refusal->text))
            fail_msg("%s: %d, %s", conninfo, rc, err.text);
        assert_null(strstr(err.text, "wrong")); /* passwords are nobody's business */
    }
}

/* Of the pools made from here on, the one that is to fail; -1: none (service_database's link asks
 * for the wrap). */
static _Atomic int failing_pool = -1;
int __real_conn_pool_create(struct conn_pool **out, struct ctx *ctx,
                            const struct conn_pool_options *options, struct err *err);
int __wrap_conn_pool_create(struct conn_pool **out, struct ctx *ctx,
                            const struct conn_pool_options *options, struct err *err);

int __wrap_conn_pool_create(struct conn_pool **out, struct ctx *ctx,
                            const struct conn_pool_options *options, struct err *err)
{
    if (failing_pool >= 0 && failing_pool-- == 0)
        return err_sys(err, -ENOMEM, "make a pool");
    return __real_conn_pool_create(out, ctx, options, err);
}

/* One thread that can't begin ends them all, and the reason is told. */
static void a_thread_that_cannot_begin(struct ctx *ctx)
{
    const char *conninfo = postgres_tcp(&server, "tester", "");
    (void)ctx;
    for (int which = 0; which < 2; which++) {
        struct err err = {0};
        failing_pool = which;
        assert_int_equal(
            start_error((const char *const[]){"database", conninfo, "threads", "2", NULL}, &err),
            -ENOMEM);
        assert_int_equal(failing_pool, -1);
        assert_non_null(strstr(err.text, "start a thread of the service: make a pool"));
    }
}

static void contradictions(struct ctx *ctx)
{
    static const char *const words[][7] = {
        {"db_purge_every needs db_source: cache", "db_purge_every", "1s"},
        {"db_restart_every needs db_source: pool", "db_restart_every", "1s", "db_source", "cache"},
        {"db_leak_action: reclaim needs a db_leak_threshold", "db_leak_action", "reclaim"},
        {"db_max_open must be at least threads", "db_max_open", "1", "threads", "2"},
        {"min_idle must not exceed max_open", "db_max_open", "1", "db_min_idle", "2"},
        {"min_idle must not exceed max_idle", "db_max_idle", "1", "db_min_idle", "2"},
        {"prewarm must not exceed max_open", "db_max_open", "1", "db_prewarm", "2"},
        {"prewarm must not exceed max_idle", "db_max_idle", "0", "db_prewarm", "2"},
        {"backoff must not exceed backoff_max", "db_backoff", "2s", "db_backoff_max", "1s"},
        {"connect_timeout and validation_timeout must not be 0", "db_connect_timeout", "0"},
        {"lifetime_jitter and keepalive_jitter must be below 100%", "db_lifetime_jitter", "1"},
        {"db_report_max_open needs db_source: pool", "db_report_max_open", "1", "db_source",
         "connect"},
        {"db_report_max_open must be at least threads", "db_report_max_open", "1", "threads", "2"},
        {"ledger_commit_after needs ledger_acknowledge", "ledger_commit_after", "1ms"},
        {"and leave as many of db_max_open", "db_report_max_open", "2", "db_max_open", "2"},
    };
    (void)ctx;
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        struct err err = {0};
        assert_int_equal(start_error(&words[i][1], &err), -EINVAL);
        if (!strstr(err.text, words[i][0]))
            fail_msg("%s: %s", words[i][0], err.text);
    }
}

/* Unchecked, it serves what needs no database, and says why it can't do the rest. */
static void unchecked(struct ctx *ctx)
{
    static const struct refusal refusals[] = {
        {"locked", "password=wrong", 0, "password authentication failed for user"},
        {"tester", "hostaddr=127.0.0.1 port=1", 0, "127.0.0.1"},
    };
    static const char *const sources[] = {"pool", "request", "connect", "cache"};
    for (size_t i = 0; i < 2 * sizeof(sources) / sizeof(*sources); i++) {
        const struct refusal *refusal = &refusals[i / 4];
        struct service *service = START(
            "database", postgres_tcp(&server, refusal->role, refusal->more), "db_check", "false",
            "db_source", sources[i % 4], "db_prewarm", "1", "db_acquire_timeout", "500ms");
        assert_get(ctx, service, "/health", 200, "");
        assert_get(ctx, service, "/query", 503, refusal->text);
        assert_true(scrape(ctx, service, DB "connect_failures_total") > 0);
        assert_int_equal(scrape(ctx, service, POOL "open"), 0);
        stop(ctx, service);
    }
}

static void no_database(struct ctx *ctx)
{
    struct service *service = START();
    assert_get(ctx, service, "/query", 503, "the service has no database: give it one");
    assert_get(ctx, service, "/report", 503, "the service has no database");
    assert_get(ctx, service, "/rows", 503, "the service has no database");
    assert_get(ctx, service, "/nested", 503, "the service has no database");
    assert_get(ctx, service, "/session", 503, "the service has no database");
    char *page = fetch_metrics(ctx, service);
    assert_null(strstr(page, DB));
    free(page);
    stop(ctx, service);
}

/* ---- Sources --------------------------------------------------------------------------------- */

struct source {
    const char *name;
    int connects; /* for three requests, one after the other */
    int at_rest;  /* connections after them */
};

static const struct source sources[] = {
    {"pool", 1, 1},
    {"request", 3, 0},
    {"connect", 3, 0},
    {"cache", 1, 1},
};

static void each_source(struct ctx *ctx)
{
    for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
        const struct source *source = &sources[i];
        struct service *service = SERVE("db_source", source->name);
        assert_get(ctx, service, "/query?id=3", 200, "{\"token\":\"\",\"value\":\"value 3\"}");
        assert_get(ctx, service, "/query?id=7&sleep=1ms", 200, "value 7");
        assert_get(ctx, service, "/query?id=0", 200, "\"value\":null");
        assert_int_equal(scrape(ctx, service, DB "connects_total"), source->connects);
        assert_int_equal(scrape(ctx, service, DB "queries_total"), 4);
        await_number(ctx, BACKENDS, source->at_rest);
        assert_conserved(ctx, service, 0);
        finish(ctx, service);
    }
}

/* Errors of the server leave the session as it was; it is not lost. */
static void each_source_after_errors(struct ctx *ctx)
{
    for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
        const struct source *source = &sources[i];
        struct service *service =
            SERVE("db_source", source->name, "db_query", "select 1 / ($1::int - 1)");
        assert_get(ctx, service, "/query?id=2", 200, "\"value\":\"1\"");
        assert_get(ctx, service, "/query?id=1", 400, "division by zero");
        assert_get(ctx, service, "/query?id=2", 200, "\"value\":\"1\"");
        assert_int_equal(scrape(ctx, service, DB "connects_total"), source->connects);
        assert_int_equal(scrape(ctx, service, DB "query_errors_total"), 1);
        assert_int_equal(scrape(ctx, service, DB "lost_total"), 0);
        finish(ctx, service);
    }
}

/* What a cache does not do is bound anything; and a purge closes what is at rest. */
static void cache_without_a_limit(struct ctx *ctx)
{
    enum { CLIENTS = 4 };
    struct service *service = SERVE("db_source", "cache", "db_max_open", "1", "db_query",
                                    LOCKED_PID, "db_purge_every", "5ms");
    struct client *clients[CLIENTS];
    tell(ctx, "select pg_advisory_lock(1)");
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = begin(ctx, service, "/query?id=1");
    await_number(ctx, ACTIVE, CLIENTS);
    tell(ctx, "select pg_advisory_unlock(1)");
    for (int i = 0; i < CLIENTS; i++)
        await_answer(clients[i], 200);
    await_series(ctx, service, DB "connections", 0);
    await_number(ctx, BACKENDS, 0);
    assert_get(ctx, service, "/query", 200, "value");
    assert_int_equal(scrape(ctx, service, DB "connects_total"), CLIENTS + 1);
    finish(ctx, service);
}

/* A pool of the process's size, however many threads share it. */
static void threads_share_the_limit(struct ctx *ctx)
{
    struct service *service = SERVE("threads", "3", "db_max_open", "7", "db_prewarm", "7");
    await_series(ctx, service, POOL "idle", 7);
    assert_int_equal(scrape(ctx, service, POOL "opened_total"), 7);
    assert_int_equal(scrape(ctx, service, POOL "open_peak"), 7);
    assert_conserved(ctx, service, 0);
    finish(ctx, service);
    service = SERVE("threads", "2", "db_source", "request", "db_max_open", "1");
    for (int i = 0; i < 8; i++) /* whichever thread they meet */
        assert_get(ctx, service, "/query", 200, "value 1");
    finish(ctx, service);
}

/* Every series is there before the first request, and from each thread. */
static void metrics_are_complete(struct ctx *ctx)
{
    struct service *service = SERVE("threads", "2");
    char *page = fetch_metrics(ctx, service);
#define IS_ZERO(name, help)       assert_int_equal(value_in(page, DB #name "_total"), 0);
#define IS_THERE(name, help)      (void)value_in(page, POOL #name);
#define IS_POOLS_ZERO(name, help) assert_int_equal(value_in(page, POOL #name "_total"), 0);
    DATABASE_COUNTERS(IS_ZERO)
    CONN_POOL_GAUGES(IS_THERE)
    CONN_POOL_COUNTERS(IS_POOLS_ZERO)
    free(page);
    assert_get(ctx, service, "/query", 200, "value 1");
    page = fetch_metrics(ctx, service);
    assert_int_equal(value_in(page, POOL "acquire_seconds_count"), 1);
    assert_int_equal(value_in(page, POOL "hold_seconds_count"), 1);
    assert_int_equal(value_in(page, POOL "hold_seconds_bucket{le=\"+Inf\"}"), 1);
    assert_int_equal(value_in(page, POOL "acquired_total"), 1);
    free(page);
    assert_conserved(ctx, service, 0);
    finish(ctx, service);
}

/* ---- Endpoints ------------------------------------------------------------------------------- */

static void bad_input(struct ctx *ctx)
{
    static const char *const cases[][2] = {
        {"/query?id=x", "id: "},
        {"/query?id=-1", "id: "},
        {"/query?id=99999999999", "out of range for type integer"},
        {"/query?sleep=soon", "sleep: expected a duration"},
        {"/query?sleep=2h", "sleep: "},
        {"/query?work=2h", "work: "},
        {"/query?slow_share=2", "slow_share: "},
        {"/query?colour=blue", "colour"},
        {"/report?id=x", "id: "},
        {"/report?sleep=1s", "unknown parameter 'sleep'"},
        {"/rows?queries=0", "queries: "},
        {"/rows?queries=17", "queries: "},
        {"/rows?rows=0", "rows: "},
        {"/rows?rows=2M", "rows: "},
        {"/rows?id=1", "id"},
        {"/session?leaves=money", "leaves: "},
        {"/session?leave=table", "leave"},
    };
    struct service *service = SERVE("db_max_open", "1");
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_get(ctx, service, cases[i][0], 400, cases[i][1]);
    struct client *client = dial(ctx, service);
    char header[400];
    (void)snprintf(header, sizeof(header), "X-Request-Token: %0300d\r\n", 1);
    assert_int_equal(get(client, "/query", header), 400);
    assert_int_equal(get(client, "/nested", header), 400);
    assert_int_equal(get(client, "/session", header), 400);
    assert_non_null(strstr(client->body, "longer than 255 bytes"));
    (void)snprintf(header, sizeof(header), "X-Request-Token: %0256d\r\n", 1);
    assert_int_equal(get(client, "/session", header), 400);
    assert_int_equal(get(client, "/query", header), 200);
    assert_int_equal(get(client, "/session", "X-Request-Token: a\xff\r\n"), 400);
    assert_non_null(strstr(client->body, "invalid byte sequence"));
    assert_true(client->head.keep_alive);
    hang_up(client);
    assert_conserved(ctx, service, 0);
    finish(ctx, service);
}

/* The server's own words, and the session goes on. */
static void refused_statements(struct ctx *ctx)
{
    static const char *const cases[][2] = {
        {"select value from secrets where value = $1", "permission denied for table secrets"},
        {"select value from nothing where id = $1", "relation \\\"nothing\\\" does not exist"},
        {"selec $1", "syntax error at or near \\\"selec\\\""},
        {"select 1; select $1", "cannot insert multiple commands"},
        {"select 1", "requires 0"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct service *service = SERVE("db_max_open", "1", "db_query", cases[i][0]);
        assert_get(ctx, service, "/query", 500, cases[i][1]);
        assert_get(ctx, service, "/query", 500, cases[i][1]);
        assert_get(ctx, service, "/rows", 200, "{\"queries\":5}");
        assert_int_equal(scrape(ctx, service, DB "connects_total"), 1);
        assert_int_equal(scrape(ctx, service, DB "query_errors_total"), 2);
        assert_conserved(ctx, service, 0);
        finish(ctx, service);
    }
}

/* What has no value is null; quotes and the like stay what they are. */
static void values(struct ctx *ctx)
{
    static const char *const cases[][2] = {
        {"select null where $1 = '1'", "\"value\":null"},
        {"select from items where id = $1::int", "\"value\":null"},
        {"select 'a \"b\"' || chr(1) || $1", "\"value\":\"a \\\"b\\\"\\u00011\""},
        {"update items set value = value where id = $1::int and false", "permission denied"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct service *service = SERVE("db_query", cases[i][0]);
        assert_get(ctx, service, "/query", i == 3 ? 500 : 200, cases[i][1]);
        finish(ctx, service);
    }
}

static void slow_share(struct ctx *ctx)
{
    struct service *service = SERVE();
    assert_get(ctx, service, "/query?sleep=1h&slow_share=0", 200, "value 1");
    finish(ctx, service);
}

/* Reports that take long keep others waiting, unless they have a pool of their own. */
static void reports(struct ctx *ctx)
{
    for (int apart = 0; apart < 2; apart++) {
        struct service *service =
            SERVE("db_max_open", "3", "db_report_max_open", apart ? "2" : "0", "db_prewarm", "3",
                  "db_acquire_timeout", "100ms", "db_report", LOCKED_PID);
        await_series(ctx, service, POOL "idle", 3);
        assert_get(ctx, service, "/report?id=1", 200, "value");
        tell(ctx, "select pg_advisory_lock(1)");
        struct client *busy[3];
        for (int i = 0; i < 3 - apart; i++)
            busy[i] = begin(ctx, service, "/report?id=1");
        await_number(ctx, ACTIVE, 3 - apart);
        assert_get(ctx, service, "/report?id=1", 503, "no database connection became free");
        assert_get(ctx, service, "/query?id=2", apart ? 200 : 503, "");
        assert_int_equal(scrape(ctx, service, POOL "in_use"), 3 - apart);
        tell(ctx, "select pg_advisory_unlock(1)");
        for (int i = 0; i < 3 - apart; i++)
            await_answer(busy[i], 200);
        assert_int_equal(scrape(ctx, service, POOL "open"), 3);
        assert_conserved(ctx, service, 0);
        finish(ctx, service);
    }
}

/* ---- The ledger ------------------------------------------------------------------------------ */

#define LEDGER "select count(*) from ledger"

static void make_ledger(struct ctx *ctx)
{
    tell(ctx, "create table ledger (token text not null, key text unique);"
              "grant select, insert on ledger to public;"
              "create function forbid() returns trigger language plpgsql as $$ begin"
              "  raise 'forbidden at the end'; end $$;"
              "create constraint trigger late after insert on ledger initially deferred"
              "  for each row when (new.token like 'bad%') execute function forbid()");
}

static void drop_ledger(struct ctx *ctx)
{
    tell(ctx, "drop table ledger; drop function forbid()");
}

/* Sends a write without waiting for its answer. */
static struct client *begin_write(struct ctx *ctx, const struct service *service, const char *token)
{
    struct client *client = dial(ctx, service);
    char text[512];
    (void)snprintf(text, sizeof(text),
                   "POST /ledger HTTP/1.1\r\nHost: h\r\nX-Request-Token: %s\r\n"
                   "Content-Length: 0\r\n\r\n",
                   token);
    say(client, text);
    return client;
}

static void assert_write(struct ctx *ctx, const struct service *service, const char *token,
                         int status, const char *text)
{
    struct client *client = begin_write(ctx, service, token);
    int got = hear(client);
    if (got != status || !strstr(client->body, text))
        fail_msg("%s: %d %s instead of %d %s", token, got, client->body, status, text);
    hang_up(client);
}

/* What is acknowledged is stored; a commit that fails is told. */
static void ledger(struct ctx *ctx)
{
    struct service *service = SERVE("db_max_open", "1");
    make_ledger(ctx);
    assert_write(ctx, service, "~1", 200, "{\"token\":\"~1\",\"stored\":true}");
    assert_write(ctx, service, "~1", 200, "stored");
    assert_write(ctx, service, "bad~2", 500, "forbidden at the end");
    assert_write(ctx, service, "", 400, "expected a header X-Request-Token");
    assert_write(ctx, service, "a\xff", 400, "invalid byte sequence");
    assert_int_equal(ask_number(ctx, LEDGER), 1);
    assert_int_equal(ask_number(ctx, LEDGER " where key = '~1'"), 1);
    assert_int_equal(scrape(ctx, service, DB "connects_total"), 1);
    assert_conserved(ctx, service, 0);
    finish(ctx, service);
    drop_ledger(ctx);
    service = START();
    assert_write(ctx, service, "~1", 503, "the service has no database");
    stop(ctx, service);
}

/* The wrong ways do what they are for: a write is acknowledged and lost; a write is doubled. */
static void ledger_wrong_ways(struct ctx *ctx)
{
    struct service *service =
        SERVE("db_max_open", "1", "ledger_acknowledge", "before-commit", "ledger_key", "false");
    make_ledger(ctx);
    assert_write(ctx, service, "bad~1", 200, "stored");
    assert_write(ctx, service, "~2", 200, "stored");
    assert_write(ctx, service, "~2", 200, "stored");
    await_series(ctx, service, POOL "idle", 1);
    assert_int_equal(ask_number(ctx, LEDGER), 2);
    assert_int_equal(ask_number(ctx, LEDGER " where token = '~2' and key is null"), 2);
    assert_conserved(ctx, service, 0);
    finish(ctx, service);

    service = SERVE("db_max_open", "1", "ledger_acknowledge", "before-commit",
                    "ledger_commit_after", "1h", "drain_timeout", "1ms");
    assert_write(ctx, service, "~3", 200, "stored");
    await_number(ctx, BACKENDS " and state = 'idle in transaction'", 1);
    finish(ctx, service);
    assert_int_equal(ask_number(ctx, LEDGER " where token = '~3'"), 0);
    drop_ledger(ctx);
}

/* A write whose commit is under way when its session dies: nobody knows, and nobody says so; with a
 * key it may be tried again. */
static void ledger_unknown(struct ctx *ctx)
{
    make_ledger(ctx);
    tell(ctx, "create function pause() returns trigger language plpgsql as $$ begin"
              "  perform pg_advisory_xact_lock_shared(1); return null; end $$;"
              "create constraint trigger pause after insert on ledger initially deferred"
              "  for each row execute function pause()");
    for (int retried = 0; retried < 2; retried++) {
        struct service *service =
            SERVE("db_max_open", "1", "retry_attempts", retried ? "2" : "1", "retry_base", "0");
        tell(ctx, "select pg_advisory_lock(1)");
        struct client *client = begin_write(ctx, service, retried ? "~again" : "~once");
        await_number(ctx, ACTIVE " and query = 'commit' and wait_event_type = 'Lock'", 1);
        tell(ctx, "select pg_terminate_backend(pid) from pg_stat_activity"
                  " where application_name = 'subject'");
        if (retried)
            await_number(ctx, ACTIVE " and query = 'commit' and wait_event_type = 'Lock'", 1);
        else
            assert_int_equal(hear(client), 504);
        tell(ctx, "select pg_advisory_unlock(1)");
        if (retried)
            assert_int_equal(hear(client), 200);
        assert_non_null(strstr(client->body, retried ? "stored" : "nobody knows"));
        hang_up(client);
        assert_int_equal(ask_number(ctx, LEDGER), retried);
        assert_conserved(ctx, service, 0);
        finish(ctx, service);
    }
    drop_ledger(ctx);
    tell(ctx, "drop function pause()");
}

/* What TCP is to keep to, on a connection of the service's own kind. */
static void tcp_timeouts(struct ctx *ctx)
{
    static const struct {
        int option, value;
    } kept[] = {{TCP_USER_TIMEOUT, 1501}, {TCP_KEEPIDLE, 3}, {TCP_KEEPINTVL, 3}, {TCP_KEEPCNT, 4}};
    struct service_settings settings = {0};
    struct err err = {0};
    char *conninfo;
    assert_ok(param_defaults(service_params, &settings, &err));
    settings.database.conninfo = strdup(postgres_tcp(&server, "tester", ""));
    settings.database.tcp_user_timeout_ns = 1500000001;
    settings.database.tcp_keepalive_ns = 2000000001;
    settings.database.tcp_keepalive_probes = 4;
    assert_ok(database_conninfo(ctx, &conninfo, &settings, &err));
    PGconn *conn = PQconnectdb(conninfo);
    assert_int_equal(PQstatus(conn), CONNECTION_OK);
    for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++) {
        int value = 0;
        socklen_t size = sizeof(value);
        assert_ok(getsockopt(PQsocket(conn), IPPROTO_TCP, kept[i].option, &value, &size));
        assert_int_equal(value, kept[i].value);
    }
    PQfinish(conn);
    free(conninfo);
    param_fini(service_params, &settings);
}

/* A session held while the request works without it is missed by others. */
static void hold(struct ctx *ctx)
{
    static const char *const ways[] = {"query", "request"};
    for (int i = 0; i < 2; i++) {
        struct service *service = SERVE("db_hold", ways[i]);
        struct client *client = begin(ctx, service, "/query?work=1h");
        await_series(ctx, service, DB "queries_total", 1);
        await_series(ctx, service, POOL "in_use", i);
        await_number(ctx, ACTIVE, 0);
        hang_up(client);
        await_series(ctx, service, POOL "released_total", 1);
        assert_int_equal(scrape(ctx, service, POOL "idle"), 1);
        assert_conserved(ctx, service, 0);
        finish(ctx, service);
    }
}

static void rows(struct ctx *ctx)
{
    struct service *service = SERVE("db_rows_close", "each", "db_max_open", "1");
    assert_get(ctx, service, "/rows?queries=16&rows=100", 200, "{\"queries\":16}");
    assert_int_equal(scrape(ctx, service, POOL "nested_total"), 0);
    assert_int_equal(scrape(ctx, service, POOL "in_use_peak"), 1);
    assert_int_equal(scrape(ctx, service, DB "connects_total"), 1);
    assert_conserved(ctx, service, 0);
    finish(ctx, service);

    service = SERVE("db_rows_close", "end", "db_max_open", "3", "db_prewarm", "3",
                    "db_acquire_timeout", "50ms", "db_validate", "false");
    assert_get(ctx, service, "/rows?queries=3&rows=1000", 200, "{\"queries\":3}");
    assert_int_equal(scrape(ctx, service, POOL "nested_total"), 2);
    assert_int_equal(scrape(ctx, service, POOL "in_use_peak"), 3);
    assert_int_equal(scrape(ctx, service, POOL "deadlocks_total"), 0);
    assert_get(ctx, service, "/rows?queries=4&rows=1000", 503,
               "no database connection became free");
    assert_int_equal(scrape(ctx, service, POOL "deadlocks_total"), 1);
    assert_int_equal(scrape(ctx, service, POOL "nested_total"), 5);
    assert_get(ctx, service, "/rows?queries=3&rows=1000", 200, "{\"queries\":3}");
    assert_int_equal(scrape(ctx, service, DB "connects_total"), 3);
    assert_conserved(ctx, service, 0);
    finish(ctx, service);
}

static void nested(struct ctx *ctx)
{
    struct service *service = SERVE("db_nested", "one", "db_max_open", "1", "db_prewarm", "1",
                                    "db_acquire_timeout", "500ms");
    assert_get(ctx, service, "/nested", 200, "value 2");
    assert_int_equal(scrape(ctx, service, POOL "nested_total"), 0);
    finish(ctx, service);

    service = SERVE("db_nested", "two", "db_max_open", "2", "db_prewarm", "2", "db_acquire_timeout",
                    "50ms", "db_validate", "false");
    assert_get(ctx, service, "/nested", 200, "value 2");
    assert_int_equal(scrape(ctx, service, POOL "nested_total"), 1);
    assert_int_equal(scrape(ctx, service, POOL "in_use_peak"), 2);
    assert_conserved(ctx, service, 0);
    finish(ctx, service);

    service = SERVE("db_nested", "two", "db_max_open", "1", "db_prewarm", "1", "db_acquire_timeout",
                    "500ms");
    assert_get(ctx, service, "/nested", 503, "no database connection became free in time");
    assert_int_equal(scrape(ctx, service, POOL "deadlocks_total"), 1);
    assert_get(ctx, service, "/query", 200, "value 1");
    assert_conserved(ctx, service, 0);
    finish(ctx, service);
}

/* ---- What one leaves for the next ------------------------------------------------------------ */

static int leave(struct client *client, const char *what, const char *token)
{
    char target[64], header[64];
    (void)snprintf(target, sizeof(target), "/session?leaves=%s", what);
    (void)snprintf(header, sizeof(header), "X-Request-Token: %s\r\n", token);
    return get(client, target, header);
}

static void assert_found(struct client *client, const char *owner, bool table, bool transaction)
{
    char text[128];
    (void)snprintf(text, sizeof(text), "\"owner\":\"%s\",\"table\":%s,\"transaction\":%s}\n", owner,
                   table ? "true" : "false", transaction ? "true" : "false");
    if (!strstr(client->body, text))
        fail_msg("%s instead of %s", client->body, text);
}

static void sessions_as_left(struct ctx *ctx)
{
    struct service *service = SERVE("db_max_open", "1");
    struct client *client = dial(ctx, service);
    assert_int_equal(leave(client, "setting", "one"), 200);
    assert_found(client, "", false, false);
    assert_int_equal(leave(client, "table", "two"), 200);
    assert_found(client, "one", false, false);
    assert_int_equal(leave(client, "nothing", "three"), 200);
    assert_found(client, "one", true, false);
    assert_int_equal(scrape(ctx, service, DB "polluted_total"), 2);
    assert_int_equal(scrape(ctx, service, DB "connects_total"), 1);
    hang_up(client);
    finish(ctx, service);
}

/* A transaction is ended by default, which costs nothing where there is none; else the next request
 * works in it. */
static void transactions(struct ctx *ctx)
{
    for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
        struct service *service = SERVE("db_max_open", "1", "db_source", sources[i].name);
        struct client *client = dial(ctx, service);
        for (int j = 0; j < 3; j++) {
            assert_int_equal(get(client, "/query?id=2", ""), 200);
            assert_int_equal(leave(client, "transaction", "me"), 200);
            assert_found(client, "", false, false);
        }
        await_number(ctx, BACKENDS " and state like 'idle in transaction%'", 0);
        assert_int_equal(scrape(ctx, service, DB "polluted_total"), 0);
        if (i == 0) {
            await_series(ctx, service, POOL "idle", 1);
            assert_int_equal(scrape(ctx, service, POOL "resets_total"), 3);
            assert_int_equal(scrape(ctx, service, DB "connects_total"), 1);
        }
        hang_up(client);
        assert_conserved(ctx, service, 0);
        finish(ctx, service);
    }
}

static void transactions_as_left(struct ctx *ctx)
{
    struct service *service = SERVE("db_max_open", "1", "db_rollback", "false");
    struct client *client = dial(ctx, service);
    assert_int_equal(leave(client, "transaction", "me"), 200);
    await_number(ctx, BACKENDS " and state = 'idle in transaction'", 1);
    assert_int_equal(leave(client, "nothing", "me"), 200);
    assert_found(client, "", false, true);
    assert_int_equal(get(client, "/query?id=99999999999", ""), 400);
    await_number(ctx, BACKENDS " and state = 'idle in transaction (aborted)'", 1);
    assert_int_equal(get(client, "/query", ""), 500);
    assert_non_null(strstr(client->body, "current transaction is aborted"));
    assert_int_equal(scrape(ctx, service, POOL "resets_total"), 0);
    hang_up(client);
    finish(ctx, service);
}

static const char *const things[] = {"setting", "table", "transaction", "nothing"};

/* Validated: closed when something is found. Reset: as good as new, and knows no statement. */
static void sessions_made_clean(struct ctx *ctx)
{
    struct service *validated =
        SERVE("db_max_open", "1", "db_validate_idle", "0", "db_validate_state", "true");
    struct service *reset = SERVE("db_max_open", "1", "db_reset", "true");
    struct client *clients[] = {dial(ctx, validated), dial(ctx, reset)};
    for (size_t i = 0; i < 3 * sizeof(things) / sizeof(*things); i++) {
        for (size_t j = 0; j < 2; j++) {
            assert_int_equal(leave(clients[j], things[i % 4], "me"), 200);
            assert_found(clients[j], "", false, false);
            assert_int_equal(get(clients[j], "/query?sleep=1us", ""), 200);
            assert_non_null(strstr(clients[j]->body, "value 1"));
        }
    }
    assert_int_equal(scrape(ctx, validated, DB "polluted_total"), 0);
    assert_true(scrape(ctx, validated, POOL "retired_validation_total") > 0);
    assert_int_equal(scrape(ctx, reset, DB "polluted_total"), 0);
    assert_int_equal(scrape(ctx, reset, DB "connects_total"), 1);
    assert_int_equal(scrape(ctx, reset, POOL "retired_reset_total"), 0);
    hang_up(clients[0]);
    hang_up(clients[1]);
    stop(ctx, validated);
    finish(ctx, reset);
}

/* ---- Leaks ----------------------------------------------------------------------------------- */

static void leaks_are_reported(struct ctx *ctx)
{
    struct service *service =
        SERVE("db_leak_share", "100%", "db_max_open", "2", "db_prewarm", "2", "db_leak_threshold",
              "1ms", "db_acquire_timeout", "50ms", "db_validate", "false");
    assert_get(ctx, service, "/query", 200, "value");
    assert_get(ctx, service, "/query", 200, "value");
    assert_get(ctx, service, "/query", 503, "no database connection became free in time");
    await_series(ctx, service, POOL "leaks_suspected_total", 2);
    assert_int_equal(scrape(ctx, service, DB "reclaimed_total"), 0);
    assert_int_equal(scrape(ctx, service, POOL "nested_total"), 0);
    assert_conserved(ctx, service, 2);
    finish(ctx, service);
}

static void leaks_are_reclaimed(struct ctx *ctx)
{
    struct service *service =
        SERVE("db_leak_share", "100%", "db_max_open", "2", "db_leak_action", "reclaim",
              "db_leak_threshold", "5ms", "db_acquire_timeout", "0");
    for (int i = 0; i < 6; i++)
        assert_get(ctx, service, "/query", 200, "value");
    await_series(ctx, service, DB "reclaimed_total", 6);
    await_series(ctx, service, POOL "leaks_returned_total",
                 scrape(ctx, service, POOL "leaks_suspected_total"));
    assert_conserved(ctx, service, 0);
    finish(ctx, service);
}

/* ---- Restarts -------------------------------------------------------------------------------- */

static void restart_drains(struct ctx *ctx)
{
    struct service *service = SERVE("db_restart_every", "5ms", "db_max_open", "2", "db_prewarm",
                                    "2", "db_query", LOCKED_PID);
    tell(ctx, "select pg_advisory_lock(1)");
    struct client *held = begin(ctx, service, "/query?id=1");
    await_number(ctx, ACTIVE, 1);
    long long restarts = scrape(ctx, service, DB "restarts_total");
    pid_t pid = backend_of(ctx, service), other = pid;
    while (other == pid || scrape(ctx, service, DB "restarts_total") < restarts + 3)
        other = backend_of(ctx, service);
    tell(ctx, "select pg_advisory_unlock(1)");
    await_answer(held, 200);
    assert_int_equal(scrape(ctx, service, DB "lost_total"), 0);
    assert_int_equal(scrape(ctx, service, POOL "retired_error_total"), 0);
    finish(ctx, service);
}

static void restart_at_once(struct ctx *ctx)
{
    struct service *service = SERVE("db_restart_every", "20ms", "db_restart", "at-once",
                                    "db_max_open", "1", "db_query", LOCKED_PID);
    tell(ctx, "select pg_advisory_lock(1)");
    struct client *held = begin(ctx, service, "/query?id=1");
    assert_int_equal(hear(held), 503);
    assert_non_null(strstr(held->body, "lost"));
    hang_up(held);
    assert_true(scrape(ctx, service, DB "lost_total") > 0);
    tell(ctx, "select pg_advisory_unlock(1)");
    finish(ctx, service);
}

/* ---- A server in trouble --------------------------------------------------------------------- */

/* Until it can do what it is there for: nobody has to help. */
static void await_service(struct ctx *ctx, const struct service *service)
{
    int status;
    do {
        struct client *client = begin(ctx, service, "/query?id=3");
        status = hear(client);
        hang_up(client);
    } while (status == 503);
    assert_int_equal(status, 200);
}

#define OTHERS "select count(*) from pg_stat_activity where application_name = 'other'"

/* Others have taken all the server's connections; the pool comes back by itself. */
static void too_many_clients(struct ctx *ctx)
{
    enum { ALL = 24 };
    struct pg *others[ALL];
    struct err err = {0};
    size_t count = 0;
    int rc = 0;
    for (; count < ALL && !rc; count += !rc)
        rc = pg_connect(ctx, &others[count],
                        postgres_tcp(&server, "tester", "application_name=other"), NULL, &err);
    assert_int_equal(rc, -EUSERS);
    assert_int_equal(
        start_error((const char *const[]){"database", postgres_tcp(&server, "tester", ""), NULL},
                    &err),
        -EUSERS);
    for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
        struct service *service =
            SERVE("db_check", "false", "db_prewarm", "2", "db_source", sources[i].name,
                  "db_acquire_timeout", "500ms", "db_backoff_max", "10ms");
        assert_get(ctx, service, "/query", 503, "(53300)");
        assert_int_equal(scrape(ctx, service, POOL "open"), 0);
        pg_close(others[--count]);
        pg_close(others[--count]);
        await_number(ctx, OTHERS, (long long)count);
        await_service(ctx,
                      service); /* the server lists a process no more before its place is free */
        assert_conserved(ctx, service, 0);
        finish(ctx, service);
        for (rc = 0; !rc; count += !rc)
            rc = pg_connect(ctx, &others[count],
                            postgres_tcp(&server, "tester", "application_name=other"), NULL, &err);
    }
    while (count > 0)
        pg_close(others[--count]);
    await_number(ctx, OTHERS, 0);
}

/* Nobody takes connections: who waits for one is told in time, and served when they are taken. */
static void silent_server(struct ctx *ctx)
{
    struct service *service = SERVE("db_acquire_timeout", "20ms", "db_validate", "false");
    assert_ok(kill(server.postmaster, SIGSTOP));
    assert_get(ctx, service, "/query", 503, "no database connection became free in time");
    assert_int_equal(scrape(ctx, service, POOL "connecting"), 1);
    assert_ok(kill(server.postmaster, SIGCONT));
    await_series(ctx, service, POOL "open", 1);
    assert_get(ctx, service, "/query", 200, "value 1");
    assert_conserved(ctx, service, 0);
    finish(ctx, service);
}

/* One process is ended by an administrator: its request is told so, the others go on. */
static void terminated(struct ctx *ctx)
{
    struct service *service = SERVE("db_query", LOCKED_PID, "db_max_open", "2");
    tell(ctx, "select pg_advisory_lock(1)");
    struct client *client = begin(ctx, service, "/query?id=1");
    await_number(ctx, ACTIVE, 1);
    tell(ctx, "select pg_terminate_backend(pid) from pg_stat_activity"
              " where application_name = 'subject'");
    assert_int_equal(hear(client), 503);
    assert_non_null(strstr(client->body, "terminating connection due to administrator command"));
    hang_up(client);
    tell(ctx, "select pg_advisory_unlock(1)");
    assert_int_equal(scrape(ctx, service, DB "lost_total"), 1);
    assert_int_equal(scrape(ctx, service, POOL "retired_error_total"), 1);
    (void)backend_of(ctx, service);
    assert_conserved(ctx, service, 0);
    finish(ctx, service);
}

/* Sessions that ended at rest are found out before anyone gets them. */
static void terminated_at_rest(struct ctx *ctx)
{
    struct service *service = SERVE("db_max_open", "2", "db_prewarm", "2", "db_validate_idle", "0");
    await_series(ctx, service, POOL "idle", 2);
    tell(ctx, "select pg_terminate_backend(pid) from pg_stat_activity"
              " where application_name = 'subject'");
    await_number(ctx, BACKENDS, 0);
    for (int i = 0; i < 3; i++)
        assert_get(ctx, service, "/query", 200, "value 1");
    assert_int_equal(scrape(ctx, service, DB "lost_total"), 0);
    assert_true(scrape(ctx, service, POOL "retired_validation_total") > 0);
    assert_conserved(ctx, service, 0);
    finish(ctx, service);
}

/* The server crashes and recovers: who was served is told at once, nobody waits for ever, and the
 * service needs no restart. */
static void crash(struct ctx *ctx)
{
    enum { HELD = 3, WAITING = 2 };
    struct service *service = SERVE("db_query", LOCKED_PID, "db_max_open", "3",
                                    "db_acquire_timeout", "1h", "db_backoff_max", "20ms");
    pid_t pid = backend_of(ctx, service);
    struct client *held[HELD], *waiting[WAITING];
    tell(ctx, "select pg_advisory_lock(1)");
    for (int i = 0; i < HELD; i++)
        held[i] = begin(ctx, service, "/query?id=1");
    await_number(ctx, ACTIVE, HELD);
    for (int i = 0; i < WAITING; i++)
        waiting[i] = begin(ctx, service, "/query?id=2");
    await_series(ctx, service, POOL "waiting", WAITING);
    assert_ok(kill(pid, SIGKILL));
    for (int i = 0; i < HELD; i++)
        await_answer(held[i], 503);
    for (int i = 0; i < WAITING; i++) { /* a server that is about to go may still let one in */
        int status = hear(waiting[i]);
        assert_true(status == 200 || status == 503);
        hang_up(waiting[i]);
    }
    await_service(ctx, service);
    assert_true(scrape(ctx, service, DB "lost_total") >= HELD);
    pg_close(control);
    open_control(ctx);
    assert_conserved(ctx, service, 0);
    finish(ctx, service);
}

ON_RING(refused_at_start)
ON_RING(a_thread_that_cannot_begin)
ON_RING(contradictions)
ON_RING(unchecked)
ON_RING(no_database)
ON_RING(each_source)
ON_RING(each_source_after_errors)
ON_RING(cache_without_a_limit)
ON_RING(threads_share_the_limit)
ON_RING(metrics_are_complete)
ON_RING(bad_input)
ON_RING(refused_statements)
ON_RING(values)
ON_RING(slow_share)
ON_RING(reports)
ON_RING(ledger)
ON_RING(ledger_wrong_ways)
ON_RING(ledger_unknown)
ON_RING(tcp_timeouts)
ON_RING(hold)
ON_RING(rows)
ON_RING(nested)
ON_RING(sessions_as_left)
ON_RING(transactions)
ON_RING(transactions_as_left)
ON_RING(sessions_made_clean)
ON_RING(leaks_are_reported)
ON_RING(leaks_are_reclaimed)
ON_RING(restart_drains)
ON_RING(restart_at_once)
ON_RING(too_many_clients)
ON_RING(silent_server)
ON_RING(terminated)
ON_RING(terminated_at_rest)
ON_RING(crash)

#define TEST(name) cmocka_unit_test(test_##name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(refused_at_start),
        TEST(a_thread_that_cannot_begin),
        TEST(contradictions),
        TEST(unchecked),
        TEST(no_database),
        TEST(each_source),
        TEST(each_source_after_errors),
        TEST(cache_without_a_limit),
        TEST(threads_share_the_limit),
        TEST(metrics_are_complete),
        TEST(bad_input),
        TEST(refused_statements),
        TEST(values),
        TEST(slow_share),
        TEST(reports),
        TEST(ledger),
        TEST(ledger_wrong_ways),
        TEST(ledger_unknown),
        TEST(tcp_timeouts),
        TEST(hold),
        TEST(rows),
        TEST(nested),
        TEST(sessions_as_left),
        TEST(transactions),
        TEST(transactions_as_left),
        TEST(sessions_made_clean),
        TEST(leaks_are_reported),
        TEST(leaks_are_reclaimed),
        TEST(restart_drains),
        TEST(restart_at_once),
        TEST(too_many_clients),
        TEST(silent_server),
        TEST(terminated),
        TEST(terminated_at_rest),
        TEST(crash),
    };
    if (!postgres_is_installed())
        return 0;
    return cmocka_run_group_tests_name("service_database", tests, start_server, stop_server);
}
