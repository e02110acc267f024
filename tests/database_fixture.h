/* SPDX-License-Identifier: MIT */
/* database_fixture.h - the service beside a private PostgreSQL, and both sides' view of it. */
#ifndef POOLSTORM_TESTS_DATABASE_FIXTURE_H
#define POOLSTORM_TESTS_DATABASE_FIXTURE_H

#include "postgres_fixture.h"
#include "service_fixture.h"

#include "postgres/pg.h"

#include <inttypes.h>
#include <signal.h>

/* Of the test program. Its database has a table items(id, value) with ids 1 to 100, and a table
 * secrets that `tester` may not read. */
static struct postgres server;

static struct pg *control; /* the superuser's session, of the test that runs */

#define DB   "poolstorm_db_"
#define POOL "poolstorm_db_pool_"

/* Of the service's sessions, as the server counts them. */
#define BACKENDS "select count(*) from pg_stat_activity where application_name = 'subject'"
#define ACTIVE   BACKENDS " and state = 'active'"

/* For db_query: which process answers, once nobody holds lock $1 against it. */
#define LOCKED_PID "select pg_backend_pid()::text from pg_advisory_xact_lock_shared($1::int)"

/* ---- The server's side ----------------------------------------------------------------------- */

static inline void run_sql(PGconn *conn, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(conn));
    PQclear(result);
}

static inline int start_server(void **unused)
{
    static const char *const settings[] = {"max_connections = 24", "autovacuum = off", NULL};
    (void)unused;
    postgres_start(&server, settings, false);
    PGconn *conn = PQconnectdb(postgres_unix(&server, "postgres", ""));
    run_sql(conn, "create table items (id int primary key, value text)");
    run_sql(conn, "insert into items select i, 'value ' || i from generate_series(1, 100) i");
    run_sql(conn, "grant select on items to public");
    run_sql(conn, "create table secrets (value text)");
    PQfinish(conn);
    return 0;
}

static inline int stop_server(void **unused)
{
    (void)unused;
    postgres_stop(&server);
    return 0;
}

static inline void open_control(struct ctx *ctx)
{
    struct err err = {0};
    if (pg_connect(ctx, &control, postgres_unix(&server, "postgres", ""), NULL, &err))
        fail_msg("%s", err.text);
}

static inline void tell(struct ctx *ctx, const char *sql)
{
    struct err err = {0};
    if (pg_exec(ctx, control, sql, NULL, &err))
        fail_msg("%s: %s", sql, err.text);
}

static inline long long ask_number(struct ctx *ctx, const char *sql)
{
    PGresult *result;
    struct err err = {0};
    if (pg_exec(ctx, control, sql, &result, &err))
        fail_msg("%s: %s", sql, err.text);
    long long value = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return value;
}

/* Until the server says so. */
static inline void await_number(struct ctx *ctx, const char *sql, long long value)
{
    while (ask_number(ctx, sql) != value)
        assert_ok(fiber_sleep(ctx, NS_PER_MS));
}

/* ---- The service's side ---------------------------------------------------------------------- */

/* With the server for its database; further settings as in start. */
static inline struct service *serve(const char *const *words)
{
    enum { WORDS_MAX = 32 };
    const char *all[WORDS_MAX + 3] = {"database",
                                      postgres_tcp(&server, "tester", "application_name=subject")};
    for (size_t i = 0; words[i]; i++) {
        assert_true(i < WORDS_MAX);
        all[i + 2] = words[i];
    }
    return start(all);
}

#define SERVE(...) serve((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

/* Asks on a connection of its own, which others can tell apart; hear the answer later. */
static inline struct client *begin(struct ctx *ctx, const struct service *service,
                                   const char *target)
{
    struct client *client = dial(ctx, service);
    char text[512];
    (void)snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", target);
    say(client, text);
    return client;
}

static inline void await_answer(struct client *client, int status)
{
    int got = hear(client);
    if (got != status)
        fail_msg("%d instead of %d: %s", got, status, client->body);
    hang_up(client);
}

/* Asks and is answered so, in words that hold text. */
static inline void assert_get(struct ctx *ctx, const struct service *service, const char *target,
                              int status, const char *text)
{
    struct client *client = begin(ctx, service, target);
    int got = hear(client);
    if (got != status || !strstr(client->body, text))
        fail_msg("%s: %d %s instead of %d %s", target, got, client->body, status, text);
    hang_up(client);
}

/* Which of the server's processes answers, by a service whose db_query is LOCKED_PID. */
static inline pid_t backend_of(struct ctx *ctx, const struct service *service)
{
    struct client *client = begin(ctx, service, "/query?id=0");
    assert_int_equal(hear(client), 200);
    const char *value = strstr(client->body, "\"value\":\"");
    assert_non_null(value);
    pid_t pid = (pid_t)strtol(value + strlen("\"value\":\""), NULL, 10);
    assert_true(pid > 0);
    hang_up(client);
    return pid;
}

static inline char *fetch_metrics(struct ctx *ctx, const struct service *service)
{
    struct client *client = dial(ctx, service);
    assert_int_equal(get(client, "/metrics", ""), 200);
    char *page = strdup(client->body);
    assert_non_null(page);
    hang_up(client);
    return page;
}

static inline long long value_in(const char *page, const char *name)
{
    char line[256];
    (void)snprintf(line, sizeof(line), "\n%s ", name);
    const char *found = strstr(page, line);
    if (found)
        return strtoll(found + strlen(line), NULL, 10);
    fail_msg("no %s in the metrics", name);
    return 0;
}

/* At rest: what was lent came back or is out, what was opened is closed or open, and the server
 * counts as many. leaked: sessions out for good. */
static inline void assert_conserved(struct ctx *ctx, const struct service *service,
                                    long long leaked)
{
    await_series(ctx, service, POOL "connecting", 0);
    char *page = fetch_metrics(ctx, service);
#define VALUE(name) value_in(page, name)
    long long open = VALUE(DB "connections");
    assert_int_equal(VALUE(POOL "acquired_total"),
                     VALUE(POOL "released_total") + VALUE(POOL "in_use"));
    assert_int_equal(VALUE(POOL "in_use"), leaked);
    assert_int_equal(VALUE(POOL "opened_total"), VALUE(POOL "open") + VALUE(POOL "retired_total"));
    assert_int_equal(VALUE(POOL "open"), VALUE(POOL "idle") + VALUE(POOL "in_use"));
    assert_int_equal(VALUE(POOL "connects_total"),
                     VALUE(POOL "opened_total") + VALUE(POOL "connect_failures_total"));
    assert_int_equal(VALUE(DB "connects_total"),
                     open + VALUE(DB "closed_total") + VALUE(DB "connect_failures_total"));
    assert_int_equal(VALUE(DB "leaked_total") - VALUE(DB "reclaimed_total"), leaked);
    assert_int_equal(VALUE(DB "strays"), 0);
    assert_int_equal(VALUE(POOL "waiting"), 0);
#undef VALUE
    free(page);
    await_number(ctx, BACKENDS, open);
}

/* Stops a service that serves nobody, and sees that nothing of it is left on the server. */
static inline void finish(struct ctx *ctx, struct service *service)
{
    stop(ctx, service);
    await_number(ctx, BACKENDS, 0);
}

/* ---- Running --------------------------------------------------------------------------------- */

struct with_control {
    void (*body)(struct ctx *ctx);
};

static inline void run_body(struct ctx *ctx, void *arg)
{
    const struct with_control *self = arg;
    open_control(ctx);
    self->body(ctx);
    pg_close(control);
}

/* Defines test_body: body on a ring of its own, with a control session; nothing leaks. */
#define ON_RING(body)                                                                              \
    static void test_##body(void **unused)                                                         \
    {                                                                                              \
        (void)unused;                                                                              \
        assert_int_equal(run_on_ring(run_body, &(struct with_control){body}).fibers_leaked, 0);    \
    }

#endif
