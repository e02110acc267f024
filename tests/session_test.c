/* SPDX-License-Identifier: MIT */
/* session_test.c - what becomes of a database session whose request gives up, and of its query on
 * the server: each policy, each timeout, and the service's end. */
#include "database_fixture.h"

#include "core/group.h"
#include "subject/database.h"
#include "subject/request.h"
#include "subject/shard.h"

/* A service of one session, and a request that waits in it for a lock the test holds. */
static struct service *serve_one(const char *const *more)
{
    const char *words[32] = {"db_max_open", "1", "db_query", LOCKED_PID};
    size_t used = 4;
    for (; *more; more++)
        words[used++] = *more;
    return serve(words);
}

#define SERVE_ONE(...) serve_one((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static struct client *begin_locked(struct ctx *ctx, const struct service *service)
{
    tell(ctx, "select pg_advisory_lock(7)");
    struct client *client = begin(ctx, service, "/query?id=7");
    await_number(ctx, ACTIVE " and wait_event_type = 'Lock'", 1);
    return client;
}

static void unlock(struct ctx *ctx)
{
    tell(ctx, "select pg_advisory_unlock_all()");
}

/* ---- Each policy ----------------------------------------------------------------------------- */

static void cancel(struct ctx *ctx)
{
    struct service *service = SERVE_ONE("db_on_timeout", "cancel");
    pid_t pid = backend_of(ctx, service);
    hang_up(begin_locked(ctx, service));
    await_number(ctx, ACTIVE, 0);
    await_series(ctx, service, DB "strays", 0);
    assert_int_equal(scrape(ctx, service, DB "cancels_total"), 1);
    assert_int_equal(scrape(ctx, service, DB "cancel_failures_total"), 0);
    assert_int_equal(scrape(ctx, service, DB "query_timeouts_total"), 1);
    assert_int_equal(
        scrape(ctx, service, "poolstorm_requests_canceled_total{cause=\"client-gone\"}"), 1);
    assert_int_equal(backend_of(ctx, service), pid);
    assert_int_equal(scrape(ctx, service, DB "connects_total"), 1);
    assert_int_equal(scrape(ctx, service, DB "killed_total"), 0);
    assert_conserved(ctx, service, 0);
    unlock(ctx);
    finish(ctx, service);
}

/* The cancel is held up, the query ends by itself, the next one comes: who is hit? */
static struct client *begin_after_late_cancel(struct ctx *ctx, struct service *service, pid_t *pid)
{
    *pid = backend_of(ctx, service);
    struct client *first = begin_locked(ctx, service);
    tell(ctx, "select pg_advisory_lock(8)");
    assert_ok(kill(server.postmaster, SIGSTOP));
    hang_up(first);
    await_series(ctx, service, DB "cancels_total", 1);
    tell(ctx, "select pg_advisory_unlock(7)");
    await_number(ctx, ACTIVE, 0);
    return begin(ctx, service, "/query?id=8");
}

static void cancel_is_not_late(struct ctx *ctx)
{
    pid_t pid;
    struct service *service = SERVE_ONE("db_on_timeout", "cancel", "db_acquire_timeout", "0");
    struct client *second = begin_after_late_cancel(ctx, service, &pid);
    await_series(ctx, service, POOL "waiting", 1);
    assert_int_equal(ask_number(ctx, ACTIVE), 0);
    assert_ok(kill(server.postmaster, SIGCONT));
    await_number(ctx, ACTIVE, 1);
    unlock(ctx);
    await_answer(second, 200);
    assert_int_equal(scrape(ctx, service, DB "killed_total"), 0);
    assert_int_equal(backend_of(ctx, service), pid);
    finish(ctx, service);
}

static void cancel_late(struct ctx *ctx)
{
    pid_t pid;
    struct service *service = SERVE_ONE("db_on_timeout", "cancel-late", "db_acquire_timeout", "0");
    struct client *second = begin_after_late_cancel(ctx, service, &pid);
    await_number(ctx, ACTIVE, 1);
    assert_ok(kill(server.postmaster, SIGCONT));
    assert_int_equal(hear(second), 504);
    assert_non_null(strstr(second->body, "canceling statement due to user request"));
    hang_up(second);
    assert_int_equal(scrape(ctx, service, DB "killed_total"), 1);
    unlock(ctx);
    assert_int_equal(backend_of(ctx, service), pid);
    assert_conserved(ctx, service, 0);
    finish(ctx, service);
}

static void abandon(struct ctx *ctx)
{
    struct service *service = SERVE_ONE("db_on_timeout", "abandon");
    pid_t pid = backend_of(ctx, service);
    hang_up(begin_locked(ctx, service));
    await_series(ctx, service, DB "strays", 1);
    assert_int_equal(scrape(ctx, service, POOL "in_use"), 1);
    assert_int_equal(ask_number(ctx, ACTIVE), 1);
    unlock(ctx);
    await_series(ctx, service, DB "strays", 0);
    assert_int_equal(backend_of(ctx, service), pid);
    assert_int_equal(scrape(ctx, service, DB "abandoned_total"), 1);
    assert_int_equal(scrape(ctx, service, DB "cancels_total"), 0);
    assert_conserved(ctx, service, 0);
    finish(ctx, service);
}

static void close_it(struct ctx *ctx)
{
    struct service *service = SERVE_ONE("db_on_timeout", "close");
    pid_t pid = backend_of(ctx, service);
    hang_up(begin_locked(ctx, service));
    await_series(ctx, service, DB "connections", 0);
    assert_int_equal(ask_number(ctx, ACTIVE), 1); /* on a backend nobody counts */
    assert_int_equal(scrape(ctx, service, POOL "open"), 0);
    assert_int_not_equal(backend_of(ctx, service), pid);
    assert_int_equal(ask_number(ctx, BACKENDS), 2); /* more than db_max_open */
    unlock(ctx);
    await_number(ctx, BACKENDS, 1);
    assert_conserved(ctx, service, 0);
    finish(ctx, service);
}

/* ---- Timeouts -------------------------------------------------------------------------------- */

/* The deadline reaches from the request's header to the server's process. */
static void deadline(struct ctx *ctx)
{
    struct service *service = SERVE_ONE("db_validate", "false");
    struct client *client = dial(ctx, service);
    pid_t pid = backend_of(ctx, service);
    assert_int_equal(get(client, "/query?sleep=1h", "X-Request-Timeout: 100ms\r\n"), 504);
    assert_non_null(strstr(client->body, "the request's deadline has passed"));
    await_number(ctx, ACTIVE, 0);
    await_series(ctx, service, DB "strays", 0);
    assert_int_equal(backend_of(ctx, service), pid);

    struct client *holder = begin_locked(ctx, service);
    long long queries = scrape(ctx, service, DB "queries_total");
    assert_int_equal(get(client, "/query", "X-Request-Timeout: 10ms\r\n"), 504);
    assert_int_equal(scrape(ctx, service, POOL "cancelled_total"), 1);
    assert_int_equal(scrape(ctx, service, DB "queries_total"), queries);
    unlock(ctx);
    await_answer(holder, 200);
    assert_conserved(ctx, service, 0);
    hang_up(client);
    finish(ctx, service);
}

static void waits_in_vain(struct ctx *ctx)
{
    struct service *service =
        SERVE_ONE("db_acquire_timeout", "10ms", "db_prewarm", "1", "db_validate", "false");
    struct client *holder = begin_locked(ctx, service);
    assert_get(ctx, service, "/query", 503, "no database connection became free in time");
    assert_int_equal(scrape(ctx, service, POOL "timeouts_total"), 1);
    struct client *waiter = begin(ctx, service, "/query");
    hang_up(waiter);
    await_series(ctx, service, POOL "waiting", 0);
    unlock(ctx);
    await_answer(holder, 200);
    assert_conserved(ctx, service, 0);
    finish(ctx, service);
}

static void query_timeout(struct ctx *ctx)
{
    struct service *service = SERVE_ONE("db_query_timeout", "300ms");
    pid_t pid = backend_of(ctx, service);
    assert_get(ctx, service, "/query?sleep=1h", 504, "what the request waited for took too long");
    await_series(ctx, service, DB "strays", 0);
    assert_int_equal(ask_number(ctx, ACTIVE), 0);
    assert_int_equal(scrape(ctx, service, DB "query_timeouts_total"), 1);
    assert_int_equal(backend_of(ctx, service), pid);
    assert_conserved(ctx, service, 0);
    finish(ctx, service);
}

/* A request of which nothing but its ctx matters. */
struct bare {
    struct service_settings settings;
    struct database database;
    struct shard shard;
    struct ctx ctx;
    struct request request;
};

static struct bare *make_bare(struct ctx *ctx)
{
    struct err err = {0};
    struct bare *bare = calloc(1, sizeof(*bare));
    assert_non_null(bare);
    assert_ok(param_defaults(service_params, &bare->settings, &err));
    assert_ok(database_start(ctx, &bare->database, &bare->settings,
                             postgres_unix(&server, "tester", "application_name=subject"), 0,
                             &err));
    bare->shard.database = &bare->database;
    bare->request = (struct request){.shard = &bare->shard, .ctx = &bare->ctx};
    ctx_init(&bare->ctx, ctx);
    return bare;
}

static void free_bare(struct ctx *ctx, struct bare *bare)
{
    ctx_fini(&bare->ctx);
    database_stop(&bare->database);
    param_fini(service_params, &bare->settings);
    free(bare);
    await_number(ctx, BACKENDS, 0);
}

/* Nothing was sent, so there is nothing to be cancelled. */
static void given_up_before(struct ctx *ctx)
{
    struct bare *bare = make_bare(ctx);
    struct session session;
    assert_ok(session_take(&bare->request, &session));
    ctx_cancel(&bare->ctx, "test");
    assert_int_equal(session_query(&bare->request, &session, &state_statement, 0, NULL, NULL),
                     -ECANCELED);
    assert_int_equal(session_command(&bare->request, &session, "select 1"), -ECANCELED);
    assert_int_equal(session_rows(&bare->request, &session, "select $1", 1), -ECANCELED);
    assert_non_null(session.conn);
    session_give(&session);
    assert_int_equal(counter_read(&bare->database.query_timeouts), 3);
    assert_int_equal(counter_read(&bare->database.strays_begun), 0);
    assert_int_equal(counter_read(&bare->database.cancels), 0);
    assert_int_equal(counter_read(&bare->database.closed), 0);
    free_bare(ctx, bare);
}

/* A request's own end is told before anything else that went wrong. */
static void refused_at_the_end(struct ctx *ctx)
{
    struct bare *bare = make_bare(ctx);
    struct session session = {0};
    ctx_cancel(&bare->ctx, "test");
    (void)err_set(&session.err, -EREMOTEIO, "no such thing");
    assert_int_equal(session_refuse(&bare->request, &session, -EREMOTEIO), -ECANCELED);
    assert_int_equal(session_refuse(&bare->request, &session, -EAGAIN), -ECANCELED);
    free_bare(ctx, bare);
}

static void statement_timeout(struct ctx *ctx)
{
    struct service *service = SERVE_ONE("db_statement_timeout", "300ms");
    pid_t pid = backend_of(ctx, service);
    assert_get(ctx, service, "/query?sleep=1h", 504, "due to statement timeout");
    assert_int_equal(backend_of(ctx, service), pid);
    assert_int_equal(scrape(ctx, service, DB "query_timeouts_total"), 0);
    assert_int_equal(scrape(ctx, service, DB "query_errors_total"), 1);
    assert_int_equal(scrape(ctx, service, DB "killed_total"), 0);
    assert_conserved(ctx, service, 0);
    finish(ctx, service);
}

/* It is added to what the connection string says, however that is quoted. */
static void statement_timeout_beside_options(struct ctx *ctx)
{
    const char *options = "options='-c work_mem=1234kB -c poolstorm.a=it\\'s\\\\ so'";
    const char *query = "select current_setting('work_mem') || current_setting('statement_timeout')"
                        " || current_setting('poolstorm.a') from items where id = $1::int";
    struct service *service = START("database", postgres_tcp(&server, "tester", options),
                                    "db_statement_timeout", "3600000001us", "db_query", query);
    assert_get(ctx, service, "/query", 200, "\"value\":\"1234kB3600001msit's so\"");
    stop(ctx, service);
}

/* A server's process that has stopped answers no cancel either. */
static void socket_timeout(struct ctx *ctx)
{
    static const char *const ways[] = {"cancel", "cancel-late", "abandon", "close"};
    for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
        struct service *service = SERVE_ONE("db_socket_timeout", "300ms", "db_on_timeout", ways[i]);
        pid_t pid = backend_of(ctx, service);
        assert_ok(kill(pid, SIGSTOP));
        assert_get(ctx, service, "/query?id=0", 504, "took too long");
        await_series(ctx, service, DB "connections", 0);
        assert_int_not_equal(backend_of(ctx, service), pid);
        assert_ok(kill(pid, SIGCONT));
        assert_conserved(ctx, service, 0);
        finish(ctx, service);
    }
}

/* So it is when the pool asks before it lends, however long it would wait by itself. */
static void socket_timeout_of_a_check(struct ctx *ctx)
{
    struct service *service = SERVE_ONE("db_socket_timeout", "300ms", "db_validate_idle", "0",
                                        "db_validation_timeout", "1h", "db_acquire_timeout", "1h");
    pid_t pid = backend_of(ctx, service);
    assert_ok(kill(pid, SIGSTOP));
    assert_get(ctx, service, "/query?id=0", 200, "value");
    assert_int_equal(scrape(ctx, service, DB "pool_retired_validation_total"), 1);
    assert_int_not_equal(backend_of(ctx, service), pid);
    assert_ok(kill(pid, SIGCONT));
    assert_conserved(ctx, service, 0);
    finish(ctx, service);
}

/* Nobody takes the cancel: its session is closed in time, not kept for it. */
static void cancel_timeout(struct ctx *ctx)
{
    struct service *service = SERVE_ONE("db_on_timeout", "cancel", "db_cancel_timeout", "20ms");
    hang_up(begin_locked(ctx, service));
    await_series(ctx, service, DB "cancels_total", 1);
    await_number(ctx, ACTIVE, 0);
    assert_int_equal(scrape(ctx, service, DB "cancel_failures_total"), 0);
    unlock(ctx);

    struct client *second = begin_locked(ctx, service);
    assert_ok(kill(server.postmaster, SIGSTOP));
    hang_up(second);
    await_series(ctx, service, DB "cancel_failures_total", 1);
    await_series(ctx, service, DB "connections", 0);
    assert_ok(kill(server.postmaster, SIGCONT));
    unlock(ctx);
    assert_conserved(ctx, service, 0);
    finish(ctx, service);
}

/* ---- Half-way -------------------------------------------------------------------------------- */

/* The request gives up while the server learns its statement, and the next one wants it, too. */
static void while_preparing(struct ctx *ctx)
{
    static const char *const ways[] = {"abandon", "cancel"};
    for (size_t i = 0; i < 2; i++) {
        struct service *service = SERVE("db_max_open", "1", "db_on_timeout", ways[i]);
        struct pg *locker = control; /* in a transaction it sees the others as they were */
        tell(ctx, "begin; lock table items in access exclusive mode");
        open_control(ctx);
        struct client *client = begin(ctx, service, "/query");
        await_number(ctx, ACTIVE " and wait_event_type = 'Lock'", 1);
        hang_up(client);
        await_series(ctx, service, DB "query_timeouts_total", 1);
        pg_close(locker);
        await_series(ctx, service, DB "strays", 0);
        assert_get(ctx, service, "/query", 200, "value 1");
        assert_get(ctx, service, "/query?id=2", 200, "value 2");
        assert_int_equal(scrape(ctx, service, DB "connects_total"), 1);
        assert_int_equal(scrape(ctx, service, DB "query_errors_total"), 0);
        finish(ctx, service);
    }
}

/* Rows that come one by one are given up like any other answer. */
static void between_rows(struct ctx *ctx)
{
    struct service *service = SERVE_ONE("db_on_timeout", "cancel");
    pid_t pid = backend_of(ctx, service);
    assert_ok(kill(pid, SIGSTOP));
    long long queries = scrape(ctx, service, DB "queries_total");
    struct client *client = begin(ctx, service, "/rows?queries=2&rows=1000");
    await_series(ctx, service, DB "queries_total", queries + 1);
    hang_up(client);
    await_series(ctx, service, DB "cancels_total", 1);
    assert_ok(kill(pid, SIGCONT));
    await_series(ctx, service, DB "strays", 0);
    assert_int_equal(scrape(ctx, service, DB "query_timeouts_total"), 1);
    assert_int_equal(backend_of(ctx, service), pid);
    assert_conserved(ctx, service, 0);
    finish(ctx, service);
}

/* And by the query timeout, too; the server's refusal is told. */
static void rows_in_time(struct ctx *ctx)
{
    struct service *service = SERVE_ONE("db_query_timeout", "300ms", "db_statement_timeout", "0");
    pid_t pid = backend_of(ctx, service);
    assert_ok(kill(pid, SIGSTOP));
    assert_get(ctx, service, "/rows?queries=1", 504, "took too long");
    assert_ok(kill(pid, SIGCONT));
    await_series(ctx, service, DB "strays", 0);
    assert_int_equal(backend_of(ctx, service), pid);
    finish(ctx, service);
    service = SERVE_ONE("db_statement_timeout", "1ms");
    assert_get(ctx, service, "/rows?queries=1&rows=1000000", 504, "due to statement timeout");
    assert_int_equal(scrape(ctx, service, DB "query_errors_total"), 1);
    assert_conserved(ctx, service, 0);
    finish(ctx, service);
}

/* ---- The service's end ----------------------------------------------------------------------- */

static const char *const sources[] = {"pool", "request", "connect", "cache"};

#define SERVE_LONG(source, grace)                                                                  \
    SERVE_ONE("db_source", source, "db_on_timeout", "abandon", "drain_grace", "0",                 \
              "drain_timeout", grace)

/* Strays are waited for no longer than drain_timeout, then closed. */
static void stop_with_strays(struct ctx *ctx)
{
    for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
        struct service *service = SERVE_LONG(sources[i], "10ms");
        hang_up(begin_locked(ctx, service));
        await_series(ctx, service, DB "strays", 1);
        (void)service_stop(ctx, service);
        assert_int_equal(ask_number(ctx, ACTIVE), 1); /* for nobody */
        unlock(ctx);
        await_number(ctx, BACKENDS, 0);
    }
}

/* A stop that is under way: nobody is listened to any more, and idle connections are closed. */
struct stopping {
    struct service *service;
    struct ctx patience; /* of who waits for it */
    struct group group;
    uint64_t cut; /* connections, when … */
    bool done;    /* … it is over */
};

static void stop_aside(struct ctx *ctx, void *arg)
{
    struct stopping *stopping = arg;
    (void)ctx;
    stopping->cut = service_stop(&stopping->patience, stopping->service);
    stopping->done = true;
}

static void begin_stop(struct ctx *ctx, struct stopping *stopping, struct service *service)
{
    struct client *idle = dial(ctx, service);
    assert_int_equal(get(idle, "/health", ""), 200);
    *stopping = (struct stopping){.service = service};
    ctx_init(&stopping->patience, ctx);
    group_init(&stopping->group, ctx);
    assert_ok(group_spawn(&stopping->group, "stop", stop_aside, stopping));
    hear_end(idle);
    hang_up(idle);
    assert_false(stopping->done);
}

static void end_stop(struct ctx *ctx, struct stopping *stopping)
{
    assert_ok(group_join(ctx, &stopping->group));
    assert_int_equal(group_fini(&stopping->group), 0);
    ctx_fini(&stopping->patience);
}

/* Those that end in time have their sessions closed in order. */
static void stop_awaits_strays(struct ctx *ctx)
{
    for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
        struct stopping stopping;
        struct service *service = SERVE_LONG(sources[i], "1h");
        hang_up(begin_locked(ctx, service));
        await_series(ctx, service, DB "strays", 1);
        begin_stop(ctx, &stopping, service);
        unlock(ctx);
        end_stop(ctx, &stopping);
        await_number(ctx, BACKENDS, 0);
    }
}

/* Who asks a second time does not want to wait for them. */
static void stop_at_once(struct ctx *ctx)
{
    for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
        struct stopping stopping;
        struct service *service = SERVE_LONG(sources[i], "1h");
        hang_up(begin_locked(ctx, service));
        await_series(ctx, service, DB "strays", 1);
        begin_stop(ctx, &stopping, service);
        ctx_cancel(&stopping.patience, "told to stop twice");
        end_stop(ctx, &stopping);
        assert_int_equal(ask_number(ctx, ACTIVE), 1);
        unlock(ctx);
        await_number(ctx, BACKENDS, 0);
    }
}

/* What is being asked while the service drains is answered. */
static void drain(struct ctx *ctx)
{
    for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
        struct stopping stopping;
        struct service *service = SERVE_LONG(sources[i], "1h");
        struct client *busy = begin_locked(ctx, service);
        begin_stop(ctx, &stopping, service);
        unlock(ctx);
        await_answer(busy, 200);
        end_stop(ctx, &stopping);
        assert_int_equal(stopping.cut, 0);
        await_number(ctx, BACKENDS, 0);
    }
}

/* Leaked ones are closed at last, wherever they came from. */
static void stop_with_leaks(struct ctx *ctx)
{
    for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
        struct service *service = SERVE_ONE("db_source", sources[i], "db_leak_share", "100%");
        (void)backend_of(ctx, service);
        assert_int_equal(scrape(ctx, service, DB "leaked_total"), 1);
        await_number(ctx, BACKENDS, 1);
        finish(ctx, service);
    }
}

ON_RING(cancel)
ON_RING(cancel_is_not_late)
ON_RING(cancel_late)
ON_RING(abandon)
ON_RING(close_it)
ON_RING(deadline)
ON_RING(waits_in_vain)
ON_RING(query_timeout)
ON_RING(given_up_before)
ON_RING(refused_at_the_end)
ON_RING(statement_timeout)
ON_RING(statement_timeout_beside_options)
ON_RING(socket_timeout)
ON_RING(socket_timeout_of_a_check)
ON_RING(cancel_timeout)
ON_RING(while_preparing)
ON_RING(between_rows)
ON_RING(rows_in_time)
ON_RING(stop_with_strays)
ON_RING(stop_awaits_strays)
ON_RING(stop_at_once)
ON_RING(drain)
ON_RING(stop_with_leaks)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_cancel_is_not_late),
        cmocka_unit_test(test_cancel_late),
        cmocka_unit_test(test_abandon),
        cmocka_unit_test(test_close_it),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_waits_in_vain),
        cmocka_unit_test(test_query_timeout),
        cmocka_unit_test(test_given_up_before),
        cmocka_unit_test(test_refused_at_the_end),
        cmocka_unit_test(test_statement_timeout),
        cmocka_unit_test(test_statement_timeout_beside_options),
        cmocka_unit_test(test_socket_timeout),
        cmocka_unit_test(test_socket_timeout_of_a_check),
        cmocka_unit_test(test_cancel_timeout),
        cmocka_unit_test(test_while_preparing),
        cmocka_unit_test(test_between_rows),
        cmocka_unit_test(test_rows_in_time),
        cmocka_unit_test(test_stop_with_strays),
        cmocka_unit_test(test_stop_awaits_strays),
        cmocka_unit_test(test_stop_at_once),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_stop_with_leaks),
    };
    if (!postgres_is_installed())
        return 0;
    return cmocka_run_group_tests_name("session", tests, start_server, stop_server);
}
