/* SPDX-License-Identifier: MIT */
/* pg_test.c - sessions connect, are refused, query, read row by row and are reset. */
#include "postgres_fixture.h"
#include "ring_fixture.h"

#include "core/group.h"
#include "postgres/pg.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MANY = 200, CONNECTIONS_MAX = 230 };

static struct postgres server;

static struct pg *open_session(struct ctx *ctx, const char *conninfo)
{
    struct pg *pg;
    struct err err = {0};
    if (pg_connect(ctx, &pg, conninfo, NULL, &err))
        fail_msg("%s", err.text);
    return pg;
}

/* Asks and compares the first value of the answer. */
static void assert_answer(struct ctx *ctx, struct pg *pg, const char *sql, const char *value)
{
    PGresult *result;
    struct err err = {0};
    if (pg_exec(ctx, pg, sql, &result, &err))
        fail_msg("%s", err.text);
    assert_string_equal(PQgetvalue(result, 0, 0), value);
    PQclear(result);
    assert_string_equal(pg_sqlstate(pg), "");
    assert_false(pg_busy(pg));
}

/* Asks and compares how it is refused. */
static void assert_refused(struct ctx *ctx, struct pg *pg, const char *sql, const char *sqlstate)
{
    PGresult *result;
    assert_int_equal(pg_exec(ctx, pg, sql, &result, NULL), -EREMOTEIO);
    assert_null(result);
    assert_string_equal(pg_sqlstate(pg), sqlstate);
    assert_false(pg_busy(pg));
    assert_false(pg_broken(pg));
}

/* ---- Connection strings ---------------------------------------------------------------------- */

static char *resolve(const char *conninfo)
{
    char *text;
    struct err err = {0};
    if (pg_resolve(&text, conninfo, &err))
        fail_msg("%s", err.text);
    return text;
}

static void names_are_resolved_beforehand(void **unused)
{
    (void)unused;
    char *text = resolve("host=localhost,/run,127.0.0.2 port=1,2,3 user='o\\'neill\\\\'");
    assert_non_null(strstr(text, "host='localhost"));
    assert_non_null(strstr(text, "127.0.0.1"));
    assert_non_null(strstr(text, ",,127.0.0.2' port='1"));
    assert_non_null(strstr(text, "/run,127.0.0.2' "));
    assert_non_null(strstr(text, ",2,3' "));
    char *again = resolve(text); /* nothing left to resolve, and every quote is right */
    assert_string_equal(again, text);
    free(text);
    free(again);
    text = resolve("postgresql://someone@127.0.0.1:77/there?sslmode=disable");
    assert_string_equal(text, "host='127.0.0.1' hostaddr='127.0.0.1' port='77' user='someone' "
                              "dbname='there' sslmode='disable' ");
    free(text);
    text = resolve("hostaddr=::1 user=someone");
    assert_non_null(strstr(text, "hostaddr='::1'"));
    free(text);
}

static void bad_connection_strings_are_refused(void **unused)
{
    (void)unused;
    char *text = NULL;
    struct err err = {0};
    assert_int_equal(pg_resolve(&text, "nonsense", &err), -EINVAL);
    assert_null(text);
    assert_non_null(strstr(err.text, "nonsense"));
    assert_int_equal(pg_resolve(&text, "host=localhost colour=blue", &err), -EINVAL);
    assert_non_null(strstr(err.text, "colour"));
    assert_int_equal(pg_resolve(&text, "host=nobody.invalid", &err), -EHOSTUNREACH);
    assert_non_null(strstr(err.text, "nobody.invalid"));
    assert_null(text);
}

/* ---- Connecting ------------------------------------------------------------------------------ */

static void assert_no_session(struct ctx *ctx, const char *conninfo, int code, const char *sqlstate)
{
    struct pg *pg;
    char got[PG_SQLSTATE_BYTES] = "?";
    struct err err = {0};
    int rc = pg_connect(ctx, &pg, conninfo, got, &err);
    assert_null(pg);
    if (rc != code || strcmp(got, sqlstate) != 0)
        fail_msg("%s: %d, %s: %s", conninfo, rc, got, err.text);
    assert_int_equal(err.code, code);
    assert_null(strpbrk(err.text, "\n\t"));
}

/* A port nobody else can take meanwhile, and where connecting is refused. */
static int bind_without_listening(char *text, size_t size_bytes)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(name);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_ok(bind(fd, (struct sockaddr *)&name, length));
    assert_ok(getsockname(fd, (struct sockaddr *)&name, &length));
    (void)snprintf(text, size_bytes, "port=%d", ntohs(name.sin_port));
    return fd;
}

static void connect_in_vain(struct ctx *ctx, void *arg)
{
    (void)arg;
    const char *tcp = "password=sesame";
    assert_no_session(ctx, postgres_tcp(&server, "locked", tcp), -EACCES, "28P01");
    assert_no_session(ctx, postgres_tcp(&server, "locked", "passfile=/nowhere"), -EACCES, "");
    assert_no_session(ctx, postgres_tcp(&server, "banned", ""), -EACCES, "28000");
    assert_no_session(ctx, postgres_tcp(&server, "nobody_known", ""), -EACCES, "28000");
    assert_no_session(ctx, postgres_unix(&server, "tester", "dbname=nix"), -ENOENT, "3D000");
    assert_no_session(ctx, postgres_tcp(&server, "tester", "dbname=nix"), -ENOENT, "3D000");
    char refuse[32];
    int unheard = bind_without_listening(refuse, sizeof(refuse));
    assert_no_session(ctx, postgres_tcp(&server, "tester", refuse), -ECONNREFUSED, "");
    (void)close(unheard);
    assert_no_session(ctx, postgres_tcp(&server, "tester", "sslmode=require"), -EPROTO, "");
    assert_no_session(ctx, "host=/nowhere user=tester", -ECONNREFUSED, "");
    assert_no_session(ctx, "host=localhost user=tester", -EINVAL, "");
    assert_no_session(ctx, "host=127.0.0.1,localhost user=tester", -EINVAL, "");
    assert_no_session(ctx, "host=127.0.0.1 port=nix user=tester", -EPROTO, "");
    assert_no_session(ctx, "nonsense", -EINVAL, "");
    struct pg *single = open_session(ctx, postgres_unix(&server, "single", ""));
    assert_no_session(ctx, postgres_tcp(&server, "single", ""), -EUSERS, "53300");
    pg_close(single);
}

static void refusals_are_told_apart(void **unused)
{
    (void)unused;
    (void)run_on_ring(connect_in_vain, NULL);
}

static void connect_well(struct ctx *ctx, void *arg)
{
    (void)arg;
    char elsewhere[256];
    struct pg *pg = open_session(ctx, postgres_tcp(&server, "locked", "password='open sesame'"));
    assert_answer(ctx, pg, "SELECT current_user", "locked");
    assert_int_equal(pg_transaction_status(pg), PQTRANS_IDLE);
    pg_close(pg);
    pg = open_session(ctx, postgres_unix(&server, "tester", ""));
    char pid[16];
    (void)snprintf(pid, sizeof(pid), "%d", pg_backend_pid(pg));
    assert_answer(ctx, pg, "SELECT pg_backend_pid()", pid);
    assert_answer(ctx, pg, "SELECT current_setting('application_name')", "poolstorm");
    pg_close(pg);
    /* The second of two hosts answers. */
    (void)snprintf(elsewhere, sizeof(elsewhere), "host=/nowhere,127.0.0.1 port=%d user=tester %s",
                   server.port, "dbname=test application_name=mine");
    pg = open_session(ctx, elsewhere);
    assert_answer(ctx, pg, "SELECT current_setting('application_name')", "mine");
    assert_ok(pg_ping(ctx, pg, NULL));
    pg_close(pg);
    pg_close(NULL);
}

static void sessions_are_opened_by_address_and_by_socket(void **unused)
{
    (void)unused;
    (void)run_on_ring(connect_well, NULL);
}

static struct pg *sessions[CONNECTIONS_MAX + 1];

static void open_and_ask(struct ctx *ctx, void *arg)
{
    struct pg **pg = arg;
    size_t number = (size_t)(pg - sessions);
    *pg = open_session(ctx, number % 2 ? postgres_tcp(&server, "tester", "")
                                       : postgres_unix(&server, "tester", ""));
    assert_answer(ctx, *pg, "SELECT 6 * 7", "42");
}

static void open_many(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct group group;
    group_init(&group, ctx);
    for (size_t i = 0; i < MANY; i++)
        assert_ok(group_spawn(&group, "session", open_and_ask, &sessions[i]));
    assert_ok(group_join(ctx, &group));
    assert_int_equal(group_fini(&group), 0);
    /* And then one by one until the server has no more. */
    char sqlstate[PG_SQLSTATE_BYTES];
    size_t count = MANY;
    int rc = 0;
    while (count <= CONNECTIONS_MAX && !rc) {
        rc =
            pg_connect(ctx, &sessions[count], postgres_unix(&server, "tester", ""), sqlstate, NULL);
        count += !rc;
    }
    assert_int_equal(rc, -EUSERS);
    assert_string_equal(sqlstate, "53300");
    for (size_t i = 0; i < count; i++)
        assert_ok(pg_ping(ctx, sessions[i], NULL));
    for (size_t i = 0; i < count; i++)
        pg_close(sessions[i]);
}

static void two_hundred_sessions_share_a_ring(void **unused)
{
    (void)unused;
    struct ring_stats stats = run_on_ring(open_many, NULL);
    assert_int_equal(stats.fibers_leaked, 0);
}

/* ---- Queries --------------------------------------------------------------------------------- */

static void ask(struct ctx *ctx, void *arg)
{
    (void)arg;
    PGresult *result;
    struct err err = {0};
    struct pg *pg = open_session(ctx, postgres_unix(&server, "tester", ""));
    const char *values[] = {"7", NULL};
    assert_answer(ctx, pg, "SELECT 1; SELECT 2", "2");
    assert_ok(pg_exec_params(ctx, pg, "SELECT $1::int + 1, $2::text", 2, values, &result, &err));
    assert_string_equal(PQgetvalue(result, 0, 0), "8");
    assert_true(PQgetisnull(result, 0, 1));
    PQclear(result);
    assert_ok(pg_prepare(ctx, pg, "twice", "SELECT 2 * $1::int", &err));
    assert_ok(pg_exec_prepared(ctx, pg, "twice", 1, values, &result, &err));
    assert_string_equal(PQgetvalue(result, 0, 0), "14");
    PQclear(result);
    assert_ok(pg_exec_prepared(ctx, pg, "twice", 1, values, NULL, &err)); /* nobody wants it */
    assert_int_equal(pg_exec_prepared(ctx, pg, "thrice", 1, values, &result, &err), -EREMOTEIO);
    assert_string_equal(pg_sqlstate(pg), "26000");
    assert_int_equal(pg_exec_prepared(ctx, pg, "twice", 0, NULL, &result, &err), -EREMOTEIO);
    assert_int_equal(pg_exec_params(ctx, pg, "SELECT 1", 65536, NULL, &result, &err), -EINVAL);
    assert_int_equal(pg_exec_params(ctx, pg, "SELECT 1", -1, NULL, &result, &err), -EINVAL);
    assert_null(result);
    assert_answer(ctx, pg, "SELECT repeat('x', 3000000) = repeat('x', 3000000)", "t");
    pg_close(pg);
}

static void statements_are_answered(void **unused)
{
    (void)unused;
    (void)run_on_ring(ask, NULL);
}

static void ask_wrongly(struct ctx *ctx, void *arg)
{
    (void)arg;
    static const char sql[] = "SELECT 1;\nSELECT '\xc3\xa4\xc3\xb6', nix";
    struct err err = {0};
    unsigned line, column;
    struct pg *pg = open_session(ctx, postgres_unix(&server, "tester", ""));
    assert_int_equal(pg_exec(ctx, pg, sql, NULL, &err), -EREMOTEIO);
    assert_string_equal(err.text, "column \"nix\" does not exist (42703)");
    assert_int_equal(err.code, -EREMOTEIO);
    assert_string_equal(pg_sqlstate(pg), "42703");
    pg_locate(sql, pg_error_position(pg), &line, &column);
    assert_int_equal(line, 2);
    assert_int_equal(column, 14);
    assert_answer(ctx, pg, "SELECT 1", "1");
    assert_int_equal(pg_error_position(pg), 0);
    assert_refused(ctx, pg, "SELECT 1; SELECT 1/0; SELECT 2", "22012");
    assert_refused(ctx, pg, "SELEC", "42601");
    assert_ok(pg_exec(ctx, pg, "CREATE TEMP TABLE once (k int PRIMARY KEY)", NULL, NULL));
    assert_int_equal(pg_exec(ctx, pg, "INSERT INTO once VALUES (1), (1)", NULL, &err), -EREMOTEIO);
    assert_non_null(strstr(err.text, "(23505): Key (k)=(1) already exists"));
    pg_close(pg);
}

static void errors_leave_the_session_usable(void **unused)
{
    (void)unused;
    (void)run_on_ring(ask_wrongly, NULL);
}

static void positions_become_lines_and_columns(void **unused)
{
    (void)unused;
    unsigned line, column;
    pg_locate("ab\n\ncd", 5, &line, &column);
    assert_int_equal(line, 3);
    assert_int_equal(column, 1);
    pg_locate("ab", 0, &line, &column);
    assert_int_equal(line, 1);
    assert_int_equal(column, 1);
    pg_locate("a\nb", 99, &line, &column); /* beyond the end is the end */
    assert_int_equal(line, 2);
    assert_int_equal(column, 2);
}

static void copy(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct err err = {0};
    struct pg *pg = open_session(ctx, postgres_tcp(&server, "tester", ""));
    const char *out = "COPY (SELECT generate_series(1, 200000)) TO STDOUT";
    assert_int_equal(pg_exec(ctx, pg, out, NULL, &err), -ENOTSUP);
    assert_non_null(strstr(err.text, "COPY"));
    assert_answer(ctx, pg, "SELECT 1", "1");
    assert_int_equal(pg_exec_params(ctx, pg, out, 0, NULL, NULL, &err), -ENOTSUP);
    assert_ok(pg_exec(ctx, pg, "CREATE TEMP TABLE target (k int)", NULL, NULL));
    assert_int_equal(pg_exec(ctx, pg, "COPY target FROM STDIN", NULL, &err), -ENOTSUP);
    assert_answer(ctx, pg, "SELECT count(*) FROM target", "0");
    assert_int_equal(pg_exec_params(ctx, pg, "COPY target FROM STDIN", 0, NULL, NULL, &err),
                     -ENOTSUP);
    assert_answer(ctx, pg, "SELECT count(*) FROM target", "0");
    pg_close(pg);
}

static void copying_is_refused_in_words(void **unused)
{
    (void)unused;
    (void)run_on_ring(copy, NULL);
}

static void provoke_notices(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct pg *pg = open_session(ctx, postgres_unix(&server, "tester", ""));
    assert_string_equal(pg_notice(pg), "");
    assert_ok(pg_exec(ctx, pg, "DO $$ BEGIN RAISE NOTICE 'one'; RAISE WARNING 'two'; END $$", NULL,
                      NULL));
    assert_int_equal(pg_notice_count(pg), 2);
    assert_string_equal(pg_notice(pg), "two");
    pg_close(pg);
}

static void notices_are_kept_and_not_printed(void **unused)
{
    (void)unused;
    FILE *caught = tmpfile();
    assert_non_null(caught);
    int before = dup(STDERR_FILENO);
    (void)fflush(stderr);
    assert_int_equal(dup2(fileno(caught), STDERR_FILENO), STDERR_FILENO);
    (void)run_on_ring(provoke_notices, NULL);
    assert_int_equal(dup2(before, STDERR_FILENO), STDERR_FILENO);
    (void)close(before);
    assert_int_equal(lseek(fileno(caught), 0, SEEK_END), 0);
    (void)fclose(caught);
}

/* ---- Row by row ------------------------------------------------------------------------------ */

/* Reads rows counted from `from` until there are none or enough. Returns what the last call did. */
static int read_rows(struct ctx *ctx, struct pg *pg, int from, int enough)
{
    PGresult *row;
    int rc = 1;
    for (int number = from; number < from + enough && rc == 1; number++) {
        rc = pg_rows_next(ctx, pg, &row, NULL);
        assert_true((rc == 1) == (row != NULL));
        if (rc == 1)
            assert_int_equal(atoi(PQgetvalue(row, 0, 0)), number);
        PQclear(row);
    }
    return rc;
}

static void read_row_by_row(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct pg *pg = open_session(ctx, postgres_unix(&server, "tester", ""));
    const char *series = "SELECT generate_series(1, $1::int)";
    const char *few[] = {"5"}, *many[] = {"1000000"}, *none[] = {"0"};
    assert_ok(pg_rows_begin(ctx, pg, series, 1, few, NULL));
    assert_true(pg_busy(pg));
    assert_int_equal(pg_exec(ctx, pg, "SELECT 1", NULL, NULL), -EBUSY);
    assert_ok(read_rows(ctx, pg, 1, 6));
    assert_false(pg_busy(pg));
    assert_ok(read_rows(ctx, pg, 1, 1)); /* still none */
    assert_ok(pg_rows_begin(ctx, pg, series, 1, none, NULL));
    assert_ok(read_rows(ctx, pg, 1, 1));
    assert_ok(pg_rows_close(ctx, pg, true, NULL)); /* nothing to give up */
    assert_ok(pg_rows_begin(ctx, pg, series, 1, many, NULL));
    assert_int_equal(read_rows(ctx, pg, 1, 1000), 1);
    assert_ok(pg_rows_close(ctx, pg, false, NULL));
    assert_string_equal(pg_sqlstate(pg), ""); /* it came to its end */
    assert_answer(ctx, pg, "SELECT 1", "1");
    assert_ok(pg_rows_begin(ctx, pg, "SELECT generate_series(1, 1e12::bigint)", 0, NULL, NULL));
    assert_int_equal(read_rows(ctx, pg, 1, 1000), 1);
    assert_ok(pg_rows_close(ctx, pg, true, NULL));
    assert_string_equal(pg_sqlstate(pg), "57014"); /* it was cancelled */
    assert_answer(ctx, pg, "SELECT 1", "1");
    pg_close(pg);
}

static void rows_come_one_by_one(void **unused)
{
    (void)unused;
    (void)run_on_ring(read_row_by_row, NULL);
}

static void read_wrong_rows(struct ctx *ctx, void *arg)
{
    (void)arg;
    PGresult *row;
    struct pg *pg = open_session(ctx, postgres_unix(&server, "tester", ""));
    assert_ok(pg_rows_begin(ctx, pg, "SELECT n + 0 / (3 - n) FROM generate_series(1, 9) n", 0, NULL,
                            NULL));
    assert_int_equal(read_rows(ctx, pg, 1, 9), -EREMOTEIO);
    assert_string_equal(pg_sqlstate(pg), "22012");
    assert_false(pg_busy(pg));
    assert_int_equal(pg_rows_begin(ctx, pg, "SELECT 1", 70000, NULL, NULL), -EINVAL);
    assert_ok(pg_rows_begin(ctx, pg, "SELEC", 0, NULL, NULL));
    assert_int_equal(pg_rows_next(ctx, pg, &row, NULL), -EREMOTEIO);
    assert_null(row);
    assert_ok(pg_rows_begin(ctx, pg, "COPY (SELECT 1) TO STDOUT", 0, NULL, NULL));
    assert_int_equal(pg_rows_next(ctx, pg, &row, NULL), -ENOTSUP);
    assert_answer(ctx, pg, "SELECT 1", "1");
    pg_close(pg);
}

static void errors_among_rows_are_told(void **unused)
{
    (void)unused;
    (void)run_on_ring(read_wrong_rows, NULL);
}

/* ---- Resetting ------------------------------------------------------------------------------- */

static void reset(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct pg *pg = open_session(ctx, postgres_unix(&server, "tester", ""));
    assert_ok(
        pg_exec(ctx, pg, "CREATE TEMP TABLE mine (k int); SET search_path = nix", NULL, NULL));
    assert_ok(pg_prepare(ctx, pg, "one", "SELECT 1", NULL));
    assert_ok(pg_rollback(ctx, pg, NULL));
    assert_ok(pg_exec(ctx, pg, "BEGIN", NULL, NULL));
    assert_int_equal(pg_transaction_status(pg), PQTRANS_INTRANS);
    assert_refused(ctx, pg, "SELECT 1/0", "22012");
    assert_int_equal(pg_transaction_status(pg), PQTRANS_INERROR);
    assert_refused(ctx, pg, "SELECT 1", "25P02");
    assert_ok(pg_rollback(ctx, pg, NULL));
    assert_int_equal(pg_transaction_status(pg), PQTRANS_IDLE);
    assert_ok(pg_exec_prepared(ctx, pg, "one", 0, NULL, NULL, NULL)); /* no more than rolled back */
    assert_ok(pg_exec(ctx, pg, "BEGIN", NULL, NULL));
    assert_ok(pg_reset(ctx, pg, NULL));
    assert_int_equal(pg_transaction_status(pg), PQTRANS_IDLE);
    assert_refused(ctx, pg, "TABLE mine", "42P01");
    assert_answer(ctx, pg, "SELECT current_setting('search_path') <> 'nix'", "t");
    assert_int_equal(pg_exec_prepared(ctx, pg, "one", 0, NULL, NULL, NULL), -EREMOTEIO);
    pg_close(pg);
}

static void reset_makes_a_session_as_good_as_new(void **unused)
{
    (void)unused;
    (void)run_on_ring(reset, NULL);
}

static int start_server(void **unused)
{
    (void)unused;
    static const char *const settings[] = {"max_connections = 230", NULL};
    postgres_start(&server, settings, false);
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
        cmocka_unit_test(names_are_resolved_beforehand),
        cmocka_unit_test(bad_connection_strings_are_refused),
        cmocka_unit_test(refusals_are_told_apart),
        cmocka_unit_test(sessions_are_opened_by_address_and_by_socket),
        cmocka_unit_test(two_hundred_sessions_share_a_ring),
        cmocka_unit_test(statements_are_answered),
        cmocka_unit_test(errors_leave_the_session_usable),
        cmocka_unit_test(positions_become_lines_and_columns),
        cmocka_unit_test(copying_is_refused_in_words),
        cmocka_unit_test(notices_are_kept_and_not_printed),
        cmocka_unit_test(rows_come_one_by_one),
        cmocka_unit_test(errors_among_rows_are_told),
        cmocka_unit_test(reset_makes_a_session_as_good_as_new),
    };
    return postgres_is_installed() ? cmocka_run_group_tests(tests, start_server, stop_server) : 0;
}
