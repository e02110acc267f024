/* SPDX-License-Identifier: MIT */
/* pg_trouble_test.c - queries given up, servers that stop or die, memory that runs out. */
#include "postgres_fixture.h"
#include "ring_fixture.h"

#include "core/group.h"
#include "core/io.h"
#include "core/sock.h"
#include "postgres/pg.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct postgres server;

static struct pg *open_session(struct ctx *ctx, const char *conninfo)
{
    struct pg *pg;
    struct err err = {0};
    if (pg_connect(ctx, &pg, conninfo, NULL, &err))
        fail_msg("%s", err.text);
    return pg;
}

static void assert_answer(struct ctx *ctx, struct pg *pg, const char *sql, const char *value)
{
    PGresult *result;
    struct err err = {0};
    if (pg_exec(ctx, pg, sql, &result, &err))
        fail_msg("%s", err.text);
    assert_string_equal(PQgetvalue(result, 0, 0), value);
    PQclear(result);
}

/* ---- Ending a ctx at the n-th wait, and failing the n-th allocation -------------------------- */

/* The linker lets the module's calls of these come here. */
int __wrap_io_poll(struct ctx *ctx, int fd, short events);
int __real_io_poll(struct ctx *ctx, int fd, short events);
int __wrap_io_alert_wait(struct ctx *ctx, struct io_alert *alert);
int __real_io_alert_wait(struct ctx *ctx, struct io_alert *alert);
ssize_t __wrap_sock_recv(struct ctx *ctx, int fd, void *buffer, size_t size_bytes);
ssize_t __real_sock_recv(struct ctx *ctx, int fd, void *buffer, size_t size_bytes);
int __wrap_sock_send(struct ctx *ctx, int fd, const void *data, size_t size_bytes);
int __real_sock_send(struct ctx *ctx, int fd, const void *data, size_t size_bytes);
int __wrap_sock_connect(struct ctx *ctx, const struct addr *addr);
int __real_sock_connect(struct ctx *ctx, const struct addr *addr);

static struct ctx *victim;  /* is ended… */
static unsigned waits_left; /* …when so many waits under it have begun */
static bool at_once;        /* that wait is not even begun; else the kernel decides who is first */

/* Answers whether the wait is to fail right here. */
static bool count_wait(const struct ctx *ctx)
{
    if (ctx != victim || waits_left == 0 || --waits_left > 0)
        return false;
    ctx_cancel(victim, "swept");
    return at_once;
}

int __wrap_io_poll(struct ctx *ctx, int fd, short events)
{
    return count_wait(ctx) ? -ECANCELED : __real_io_poll(ctx, fd, events);
}

int __wrap_io_alert_wait(struct ctx *ctx, struct io_alert *alert)
{
    return count_wait(ctx) ? -ECANCELED : __real_io_alert_wait(ctx, alert);
}

ssize_t __wrap_sock_recv(struct ctx *ctx, int fd, void *buffer, size_t size_bytes)
{
    return count_wait(ctx) ? -ECANCELED : __real_sock_recv(ctx, fd, buffer, size_bytes);
}

int __wrap_sock_send(struct ctx *ctx, int fd, const void *data, size_t size_bytes)
{
    return count_wait(ctx) ? -ECANCELED : __real_sock_send(ctx, fd, data, size_bytes);
}

int __wrap_sock_connect(struct ctx *ctx, const struct addr *addr)
{
    return count_wait(ctx) ? -ECANCELED : __real_sock_connect(ctx, addr);
}

void *__wrap_calloc(size_t count, size_t size_bytes);
void *__real_calloc(size_t count, size_t size_bytes);
FILE *__wrap_open_memstream(char **text, size_t *size_bytes);
FILE *__real_open_memstream(char **text, size_t *size_bytes);
PGconn *__wrap_PQconnectStartParams(const char *const *keywords, const char *const *values,
                                    int more);
PGconn *__real_PQconnectStartParams(const char *const *keywords, const char *const *values,
                                    int more);
PQconninfoOption *__wrap_PQconninfoParse(const char *conninfo, char **words);
PQconninfoOption *__real_PQconninfoParse(const char *conninfo, char **words);

static unsigned allocations_left; /* the last of them fails; 0: none does */

static bool allocation_fails(void)
{
    return allocations_left > 0 && --allocations_left == 0;
}

void *__wrap_calloc(size_t count, size_t size_bytes)
{
    return allocation_fails() ? NULL : __real_calloc(count, size_bytes);
}

FILE *__wrap_open_memstream(char **text, size_t *size_bytes)
{
    return allocation_fails() ? NULL : __real_open_memstream(text, size_bytes);
}

PGconn *__wrap_PQconnectStartParams(const char *const *keywords, const char *const *values,
                                    int more)
{
    return allocation_fails() ? NULL : __real_PQconnectStartParams(keywords, values, more);
}

PQconninfoOption *__wrap_PQconninfoParse(const char *conninfo, char **words)
{
    return allocation_fails() ? NULL : __real_PQconninfoParse(conninfo, words);
}

/* ---- The sweep ------------------------------------------------------------------------------- */

/* What is ended at each of its waits in turn. Returns 0 when it got to its end. */
struct step {
    const char *name;
    int (*run)(struct ctx *ctx, struct pg **pg);
};

static int sweep_connect(struct ctx *ctx, struct pg **pg)
{
    pg_close(*pg);
    int rc =
        pg_connect(ctx, pg, postgres_tcp(&server, "locked", "password='open sesame'"), NULL, NULL);
    assert_true((rc == 0) == (*pg != NULL));
    return rc;
}

static int sweep_exec(struct ctx *ctx, struct pg **pg)
{
    return pg_exec(ctx, *pg, "SELECT repeat('x', 1000000); SELECT 1", NULL, NULL);
}

static int sweep_large(struct ctx *ctx, struct pg **pg)
{
    static char value[8 << 20]; /* more than sockets hold: sending has to wait */
    memset(value, 'x', sizeof(value) - 1);
    const char *values[] = {value};
    return pg_exec_params(ctx, *pg, "SELECT length($1::text)", 1, values, NULL, NULL);
}

static int sweep_copy(struct ctx *ctx, struct pg **pg)
{
    int rc = pg_exec(ctx, *pg, "COPY (SELECT generate_series(1, 20000)) TO STDOUT", NULL, NULL);
    return rc == -ENOTSUP ? 0 : rc;
}

static int sweep_rows(struct ctx *ctx, struct pg **pg)
{
    PGresult *row;
    int rc = pg_rows_begin(ctx, *pg, "SELECT generate_series(1, 2000)", 0, NULL, NULL);
    for (rc = rc ? rc : 1; rc == 1;) {
        rc = pg_rows_next(ctx, *pg, &row, NULL);
        PQclear(row);
    }
    return rc;
}

static int sweep_cancel(struct ctx *ctx, struct pg **pg)
{
    int rc = pg_cancel(ctx, *pg, NULL);
    if (rc) { /* it may still come through: a late cancel */
        pg_close(*pg);
        *pg = open_session(ctx->parent, postgres_unix(&server, "tester", ""));
    }
    return rc;
}

static int sweep_reset(struct ctx *ctx, struct pg **pg)
{
    int rc = pg_exec(ctx, *pg, "BEGIN", NULL, NULL);
    return rc ? rc : pg_reset(ctx, *pg, NULL);
}

/* What every ending must leave: a session that settles and answers the right query. */
static void recover(struct ctx *ctx, struct pg *pg)
{
    assert_false(pg_broken(pg));
    assert_ok(pg_settle(ctx, pg, NULL));
    assert_false(pg_busy(pg));
    assert_ok(pg_reset(ctx, pg, NULL));
    assert_answer(ctx, pg, "SELECT 'alive'", "alive");
}

/* Where the kernel decides, an answer that is there by then is taken, and the step may end well. */
static void sweep_step(struct ctx *ctx, const struct step *step, struct pg **pg)
{
    int rc;
    unsigned ended = 0, waits = 0;
    do {
        struct ctx under;
        ctx_init(&under, ctx);
        victim = &under;
        waits_left = ++waits;
        rc = step->run(&under, pg);
        victim = NULL;
        ctx_fini(&under);
        if (rc && rc != -ECANCELED)
            fail_msg("%s at wait %u: %d", step->name, waits, rc);
        ended += rc == -ECANCELED;
        if (*pg)
            recover(ctx, *pg);
    } while (waits_left == 0 && waits < 5000);
    assert_ok(rc);
    assert_in_range(waits, 2, 4999);
    if (at_once)
        assert_int_equal(ended, waits - 1);
}

static void sweep(struct ctx *ctx, void *arg)
{
    static const struct step steps[] = {
        {"connect", sweep_connect}, {"exec", sweep_exec},   {"rows", sweep_rows},
        {"copy", sweep_copy},       {"large", sweep_large}, {"cancel", sweep_cancel},
        {"reset", sweep_reset},
    };
    struct pg *pg = NULL;
    at_once = *(const bool *)arg;
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
        sweep_step(ctx, &steps[i], &pg);
    pg_close(pg);
}

static void every_wait_can_be_the_last(void **unused)
{
    (void)unused;
    bool each[] = {true, false};
    (void)run_on_ring(sweep, &each[0]);
    (void)run_on_ring(sweep, &each[1]);
}

static void ask_too_late(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct pg *none, *pg = open_session(ctx, postgres_unix(&server, "tester", ""));
    struct ctx ended;
    ctx_init(&ended, ctx);
    ctx_cancel(&ended, "test");
    assert_int_equal(pg_exec(&ended, pg, "SELECT 1", NULL, NULL), -ECANCELED);
    assert_false(pg_busy(pg)); /* nothing was sent */
    assert_int_equal(pg_cancel(&ended, pg, NULL), -ECANCELED);
    assert_int_equal(pg_connect(&ended, &none, postgres_unix(&server, "tester", ""), NULL, NULL),
                     -ECANCELED);
    assert_null(none);
    ctx_fini(&ended);
    ctx_init_timeout(&ended, ctx, 0);
    assert_int_equal(pg_exec(&ended, pg, "SELECT pg_sleep(600)", NULL, NULL), -ETIMEDOUT);
    ctx_fini(&ended);
    pg_close(pg);
}

static void an_ended_ctx_sends_nothing(void **unused)
{
    (void)unused;
    (void)run_on_ring(ask_too_late, NULL);
}

static void run_short(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct pg *pg = NULL;
    struct err err = {0};
    int rc = -1;
    unsigned fails;
    for (fails = 1; rc && fails < 100; fails++) {
        allocations_left = fails;
        rc = pg_connect(ctx, &pg, postgres_unix(&server, "tester", ""), NULL, &err);
        if (rc && rc != -ENOMEM)
            fail_msg("%s", err.text);
        assert_true((rc == 0) == (pg != NULL));
    }
    allocations_left = 0;
    assert_int_equal(fails, 6); /* the string, the session, libpq's, the trace; and none */
    pg_close(pg);
}

static void running_out_of_memory_is_an_error(void **unused)
{
    (void)unused;
    (void)run_on_ring(run_short, NULL);
    char *text = NULL;
    int rc = -1;
    unsigned fails;
    for (fails = 1; rc && fails < 100; fails++) {
        allocations_left = fails;
        rc = pg_resolve(&text, "host=127.0.0.1 user=tester", NULL);
        assert_true(rc ? rc == -ENOMEM && !text : text != NULL);
    }
    allocations_left = 0;
    assert_int_equal(fails, 7); /* the string, its three lists, the text; and none */
    free(text);
}

/* ---- Cancelling ------------------------------------------------------------------------------ */

struct sleeper {
    struct pg *pg;  /* whose query is to be given up */
    struct ctx ctx; /* of that query */
    int rc;         /* what came of it */
};

static void sleep_in_server(struct ctx *ctx, void *arg)
{
    (void)ctx;
    struct sleeper *sleeper = arg;
    sleeper->rc = pg_exec(&sleeper->ctx, sleeper->pg, "SELECT pg_sleep(600)", NULL, NULL);
}

/* Waits until the server is seen to work on the session's query, or no longer to. */
static void await_active(struct ctx *ctx, struct pg *watch, const struct pg *pg, const char *active)
{
    char sql[160];
    PGresult *result;
    (void)snprintf(sql, sizeof(sql),
                   "SELECT count(*) FROM pg_stat_activity WHERE pid = %d AND state = 'active'",
                   pg_backend_pid(pg));
    for (bool seen = false; !seen;) {
        assert_ok(pg_exec(ctx, watch, sql, &result, NULL));
        seen = strcmp(PQgetvalue(result, 0, 0), active) == 0;
        PQclear(result);
        assert_ok(fiber_sleep(ctx, NS_PER_MS));
    }
}

/* The ctx of a query ends; the query is cancelled, and the session used again. */
static void give_up_and_cancel(struct ctx *ctx, struct pg *watch, struct pg *pg)
{
    struct group group;
    struct sleeper sleeper = {.pg = pg};
    group_init(&group, ctx);
    ctx_init(&sleeper.ctx, ctx);
    assert_ok(group_spawn(&group, "sleeper", sleep_in_server, &sleeper));
    await_active(ctx, watch, pg, "1");
    ctx_cancel(&sleeper.ctx, "given up");
    assert_ok(group_join(ctx, &group));
    assert_int_equal(group_fini(&group), 0);
    ctx_fini(&sleeper.ctx);
    assert_int_equal(sleeper.rc, -ECANCELED);
    assert_true(pg_busy(pg));
    assert_int_equal(pg_exec(ctx, pg, "SELECT 1", NULL, NULL), -EBUSY);
    assert_int_equal(pg_ping(ctx, pg, NULL), -EBUSY);
    assert_int_equal(pg_rollback(ctx, pg, NULL), -EBUSY);
    assert_int_equal(pg_transaction_status(pg), PQTRANS_ACTIVE);
    await_active(ctx, watch, pg, "1"); /* the server knows nothing of it yet */
    assert_ok(pg_cancel(ctx, pg, NULL));
    assert_ok(pg_settle(ctx, pg, NULL));
    assert_string_equal(pg_sqlstate(pg), "57014");
    assert_false(pg_busy(pg));
    assert_answer(ctx, pg, "SELECT 'mine'", "mine");
    assert_ok(pg_settle(ctx, pg, NULL)); /* nothing to do */
}

/* One fiber waits for the answer while another one cancels. */
static void cancel_for_another(struct ctx *ctx, struct pg *watch, struct pg *pg)
{
    struct group group;
    struct sleeper sleeper = {.pg = pg};
    group_init(&group, ctx);
    ctx_init(&sleeper.ctx, ctx);
    assert_ok(group_spawn(&group, "sleeper", sleep_in_server, &sleeper));
    await_active(ctx, watch, pg, "1");
    assert_int_equal(pg_exec(ctx, pg, "SELECT 1", NULL, NULL), -EBUSY);
    assert_ok(pg_cancel(ctx, pg, NULL));
    assert_ok(group_join(ctx, &group));
    assert_int_equal(group_fini(&group), 0);
    ctx_fini(&sleeper.ctx);
    assert_int_equal(sleeper.rc, -EREMOTEIO);
    assert_string_equal(pg_sqlstate(pg), "57014");
    assert_ok(pg_cancel(ctx, pg, NULL)); /* an idle one */
    assert_answer(ctx, pg, "SELECT 'mine'", "mine");
}

static void cancel_everywhere(struct ctx *ctx, void *arg)
{
    const struct postgres *at = arg;
    bool tls = at != &server;
    struct pg *watch = open_session(ctx, postgres_unix(at, "postgres", ""));
    struct pg *pg = open_session(ctx, postgres_tcp(at, "tester", tls ? "sslmode=require" : ""));
    assert_answer(ctx, pg, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
                  tls ? "t" : "f");
    give_up_and_cancel(ctx, watch, pg);
    cancel_for_another(ctx, watch, pg);
    pg_close(pg);
    pg = open_session(ctx, postgres_unix(at, "tester", ""));
    give_up_and_cancel(ctx, watch, pg);
    cancel_for_another(ctx, watch, pg);
    pg_close(pg);
    pg_close(watch);
}

static void queries_are_cancelled_by_address_and_by_socket(void **unused)
{
    (void)unused;
    (void)run_on_ring(cancel_everywhere, &server);
}

static void queries_are_cancelled_under_tls(void **unused)
{
    (void)unused;
    struct postgres secure;
    postgres_start(&secure, NULL, true);
    (void)run_on_ring(cancel_everywhere, &secure);
    postgres_stop(&secure);
}

/* The right way: the cancel request has come to its end before the session is used again. */
static void reuse_after_cancel(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct pg *pg = open_session(ctx, postgres_unix(&server, "tester", ""));
    for (int i = 0; i < 400; i++) {
        PGresult *row;
        assert_ok(pg_rows_begin(ctx, pg, "SELECT generate_series(1, 50)", 0, NULL, NULL));
        if (i % 2) { /* half of them end before the request arrives */
            assert_int_equal(pg_rows_next(ctx, pg, &row, NULL), 1);
            PQclear(row);
        }
        assert_ok(pg_rows_close(ctx, pg, true, NULL));
        assert_answer(ctx, pg, "SELECT 'next'", "next");
    }
    pg_close(pg);
}

static void no_cancel_is_late(void **unused)
{
    (void)unused;
    (void)run_on_ring(reuse_after_cancel, NULL);
}

static void abandon(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct pg *watch = open_session(ctx, postgres_unix(&server, "postgres", ""));
    struct pg *pg = open_session(ctx, postgres_unix(&server, "tester", ""));
    struct group group;
    struct sleeper sleeper = {.pg = pg};
    char sql[96];
    group_init(&group, ctx);
    ctx_init(&sleeper.ctx, ctx);
    assert_ok(group_spawn(&group, "sleeper", sleep_in_server, &sleeper));
    await_active(ctx, watch, pg, "1");
    ctx_cancel(&sleeper.ctx, "given up");
    assert_ok(group_join(ctx, &group));
    assert_int_equal(group_fini(&group), 0);
    ctx_fini(&sleeper.ctx);
    (void)snprintf(sql, sizeof(sql), "SELECT state FROM pg_stat_activity WHERE pid = %d",
                   pg_backend_pid(pg));
    pg_close(pg);
    assert_answer(ctx, watch, sql, "active"); /* on a backend nobody counts */
    pg_close(watch);
}

static void an_abandoned_query_goes_on(void **unused)
{
    (void)unused;
    (void)run_on_ring(abandon, NULL);
}

/* ---- A server that does not move ------------------------------------------------------------- */

struct stalled {
    struct ctx ctx; /* of what waits for the server */
    struct pg *pg;  /* to cancel, or NULL: to connect */
    const char *to; /* where */
    int rc;         /* what came of it */
};

static void wait_for_stalled(struct ctx *ctx, void *arg)
{
    (void)ctx;
    struct stalled *stalled = arg;
    struct pg *none = NULL;
    stalled->rc = stalled->pg ? pg_cancel(&stalled->ctx, stalled->pg, NULL)
                              : pg_connect(&stalled->ctx, &none, stalled->to, NULL, NULL);
    assert_null(none);
}

/* While it waits, this fiber has its turns; would it not, the test would not end. */
static void end_while_ticking(struct ctx *ctx, struct pg *pg, const char *to)
{
    struct group group;
    struct stalled stalled = {.pg = pg, .to = to};
    group_init(&group, ctx);
    ctx_init(&stalled.ctx, ctx);
    assert_ok(group_spawn(&group, "stalled", wait_for_stalled, &stalled));
    for (int ticks = 0; ticks < 20; ticks++)
        assert_ok(fiber_sleep(ctx, NS_PER_MS));
    assert_int_equal(group.live, 1); /* it waits indeed */
    ctx_cancel(&stalled.ctx, "long enough");
    assert_ok(group_join(ctx, &group));
    assert_int_equal(group_fini(&group), 0);
    ctx_fini(&stalled.ctx);
    assert_int_equal(stalled.rc, -ECANCELED);
}

static void meet_stopped_server(struct ctx *ctx, void *arg)
{
    (void)arg;
    char to[2][256];
    (void)snprintf(to[0], sizeof(to[0]), "%s", postgres_tcp(&server, "tester", ""));
    (void)snprintf(to[1], sizeof(to[1]), "%s", postgres_unix(&server, "tester", ""));
    struct pg *pgs[] = {open_session(ctx, to[0]), open_session(ctx, to[1])};
    assert_ok(kill(server.postmaster, SIGSTOP));
    for (int i = 0; i < 2; i++) {
        end_while_ticking(ctx, NULL, to[i]);
        assert_ok(pg_rows_begin(ctx, pgs[i], "SELECT pg_sleep(600)", 0, NULL, NULL));
        end_while_ticking(ctx, pgs[i], NULL);
    }
    assert_ok(kill(server.postmaster, SIGCONT));
    for (int i = 0; i < 2; i++) {
        assert_ok(pg_rows_close(ctx, pgs[i], true, NULL));
        assert_answer(ctx, pgs[i], "SELECT 1", "1");
        pg_close(pgs[i]);
    }
}

static void a_stopped_server_blocks_no_ring(void **unused)
{
    (void)unused;
    (void)run_on_ring(meet_stopped_server, NULL);
}

/* ---- A server that dies ---------------------------------------------------------------------- */

static void assert_lost(struct ctx *ctx, struct pg *pg)
{
    assert_true(pg_broken(pg));
    assert_int_equal(pg_transaction_status(pg), PQTRANS_UNKNOWN);
    assert_int_equal(pg_exec(ctx, pg, "SELECT 1", NULL, NULL), -ECONNRESET);
    assert_int_equal(pg_settle(ctx, pg, NULL), -ECONNRESET);
    assert_int_equal(pg_reset(ctx, pg, NULL), -ECONNRESET);
    pg_close(pg);
}

static void lose_sessions(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct err err = {0};
    PGresult *row;
    const char *suicide = "SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(600)";
    struct pg *boss = open_session(ctx, postgres_unix(&server, "postgres", ""));
    struct pg *pg = open_session(ctx, postgres_tcp(&server, "tester", ""));
    assert_int_equal(pg_exec(ctx, pg, suicide, NULL, &err), -ECONNRESET);
    assert_string_equal(pg_sqlstate(pg), "57P01");
    assert_non_null(strstr(err.text, "administrator"));
    assert_lost(ctx, pg);
    /* While idle: the next query finds out. */
    pg = open_session(ctx, postgres_tcp(&server, "tester", ""));
    char sql[96];
    (void)snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend(%d, 60000)", pg_backend_pid(pg));
    assert_answer(ctx, boss, sql, "t");
    assert_int_equal(pg_ping(ctx, pg, &err), -ECONNRESET);
    assert_string_equal(pg_sqlstate(pg), "57P01");
    assert_lost(ctx, pg);
    /* Among rows, and while giving up. */
    pg = open_session(ctx, postgres_unix(&server, "tester", ""));
    assert_ok(pg_rows_begin(ctx, pg, suicide, 0, NULL, NULL));
    assert_int_equal(pg_rows_next(ctx, pg, &row, &err), -ECONNRESET);
    assert_null(row);
    assert_int_equal(pg_rows_next(ctx, pg, &row, &err), -ECONNRESET);
    assert_ok(pg_rows_close(ctx, pg, true, NULL));
    assert_lost(ctx, pg);
    pg_close(boss);
}

static void lost_sessions_are_told_from_refused_statements(void **unused)
{
    (void)unused;
    (void)run_on_ring(lose_sessions, NULL);
}

static void kill_server(struct ctx *ctx, void *arg)
{
    (void)arg;
    char sqlstate[PG_SQLSTATE_BYTES];
    struct err err = {0};
    struct postgres *doomed = arg;
    struct pg *none, *pgs[] = {open_session(ctx, postgres_tcp(doomed, "tester", "")),
                               open_session(ctx, postgres_unix(doomed, "tester", ""))};
    /* It goes when the last session has gone, and takes no more until then. */
    assert_ok(kill(doomed->postmaster, SIGTERM));
    int rc;
    do {
        rc = pg_connect(ctx, &none, postgres_tcp(doomed, "tester", ""), sqlstate, &err);
        pg_close(none);
    } while (!rc);
    assert_int_equal(rc, -EAGAIN);
    assert_string_equal(sqlstate, "57P03");
    /* A backend that is killed says nothing. Its fellows are told to go. */
    for (int i = 0; i < 2; i++)
        assert_ok(pg_rows_begin(ctx, pgs[i], "SELECT pg_sleep(600)", 0, NULL, NULL));
    assert_ok(kill(pg_backend_pid(pgs[0]), SIGKILL));
    for (int i = 0; i < 2; i++) {
        PGresult *row;
        assert_int_equal(pg_rows_next(ctx, pgs[i], &row, &err), -ECONNRESET);
        if (i == 0)
            assert_string_equal(pg_sqlstate(pgs[i]), "");
        assert_lost(ctx, pgs[i]);
    }
}

static void a_killed_server_loses_its_sessions(void **unused)
{
    (void)unused;
    struct postgres doomed;
    postgres_start(&doomed, NULL, false);
    (void)run_on_ring(kill_server, &doomed);
    postgres_stop(&doomed);
}

static int start_server(void **unused)
{
    (void)unused;
    postgres_start(&server, NULL, false);
    return 0;
}

static int stop_server(void **unused)
{
    (void)unused;
    postgres_stop(&server);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_wait_can_be_the_last),
        cmocka_unit_test(an_ended_ctx_sends_nothing),
        cmocka_unit_test(running_out_of_memory_is_an_error),
        cmocka_unit_test(queries_are_cancelled_by_address_and_by_socket),
        cmocka_unit_test(queries_are_cancelled_under_tls),
        cmocka_unit_test(no_cancel_is_late),
        cmocka_unit_test(an_abandoned_query_goes_on),
        cmocka_unit_test(a_stopped_server_blocks_no_ring),
        cmocka_unit_test(lost_sessions_are_told_from_refused_statements),
        cmocka_unit_test(a_killed_server_loses_its_sessions),
    };
    return postgres_is_installed() ? cmocka_run_group_tests(tests, start_server, stop_server) : 0;
}
