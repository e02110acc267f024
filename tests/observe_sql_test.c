/* SPDX-License-Identifier: MIT */
/* observe_sql_test.c - a real server is asked: what is there as sampling begins, and what a mistake
 * in the file looks like. */
#include "postgres_fixture.h"
#include "ring_fixture.h"

#include "core/group.h"
#include "postgres/pg.h"
#include "run/observe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUSY                                                                                       \
    "select count(*) from pg_stat_activity where state = 'active' and query like '%pg_sleep%' "    \
    "and pid <> pg_backend_pid()"
#define OBSERVERS                                                                                  \
    "select count(*) from pg_stat_activity where application_name = 'poolstorm observer'"

static struct postgres server;
static char figure[] = "figure";

static struct pg *open_session(struct ctx *ctx)
{
    struct pg *pg;
    struct err err = {0};
    if (pg_connect(ctx, &pg, postgres_unix(&server, "postgres", ""), NULL, &err))
        fail_msg("%s", err.text);
    return pg;
}

/* An observation whose SQL stands in line 7, column 10 of its file. */
static struct plan_observe observation(char *sql, int take)
{
    return (struct plan_observe){
        .name = figure, .sql = {sql, {7, 10}, false}, .take = take, .scale = 1};
}

static void setting_up(struct observer *observer, struct plan *plan)
{
    struct observe_setting setting = {.plan = plan,
                                      .conninfo = postgres_unix(&server, "postgres", "")};
    assert_ok(observer_init(observer, &setting, NULL));
}

/* ---- Openings -------------------------------------------------------------------------------- */

struct sleeper {
    struct pg *pg;
    int rc;
};

static void sleep_on(struct ctx *ctx, void *arg)
{
    struct sleeper *sleeper = arg;
    sleeper->rc = pg_exec(ctx, sleeper->pg, "select pg_sleep(600)", NULL, NULL);
}

static void wait_until_busy(struct ctx *ctx)
{
    struct pg *pg = open_session(ctx);
    for (bool busy = false; !busy;) {
        PGresult *result;
        assert_ok(pg_exec(ctx, pg, BUSY, &result, NULL));
        busy = strcmp(PQgetvalue(result, 0, 0), "1") == 0;
        PQclear(result);
    }
    pg_close(pg);
}

/* Sampling that ends at once: all it has is its opening. */
static void assert_openings(struct ctx *ctx, struct observer *observer, double busy)
{
    struct sampling *sampling;
    struct gauge *gauges;
    assert_ok(sampling_start(ctx, observer, &sampling, NULL));
    assert_ok(sampling_stop(sampling, UINT64_MAX / 2, 1, &gauges, NULL));
    for (size_t i = 0; i < 2; i++) {
        assert_true(gauges[i].opened && gauges[i].taken == 0);
        assert_true(gauge_take(&gauges[i], PLAN_TAKE_MAX) == (i == 0 ? busy : 1));
        gauge_fini(&gauges[i]);
    }
    free(gauges);
}

static void see_what_is_left(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct plan_observe observes[] = {observation((char[]){BUSY}, PLAN_TAKE_MAX),
                                      observation((char[]){OBSERVERS}, PLAN_TAKE_MAX)};
    struct plan plan = {.path = (char[]){"x.yaml"}, .observes = observes, .observe_count = 2};
    struct sleeper sleeper = {.pg = open_session(ctx)};
    struct observer observer;
    struct group group;
    group_init(&group, ctx);
    assert_ok(group_spawn(&group, "sleep", sleep_on, &sleeper));
    wait_until_busy(ctx);
    setting_up(&observer, &plan);
    assert_ok(observer_check(ctx, &observer, NULL));
    assert_openings(ctx, &observer, 1); /* and one session of our own, which is not busy's */
    assert_openings(ctx, &observer, 1);
    assert_ok(pg_cancel(ctx, sleeper.pg, NULL));
    assert_ok(group_join(ctx, &group));
    assert_int_equal(group_fini(&group), 0);
    assert_int_equal(sleeper.rc, -EREMOTEIO);
    assert_openings(ctx, &observer, 0);
    observer_fini(&observer);
    pg_close(sleeper.pg);
}

static void what_is_left_is_seen_as_sampling_begins(void **unused)
{
    (void)unused;
    (void)run_on_ring(see_what_is_left, NULL);
}

/* ---- Mistakes -------------------------------------------------------------------------------- */

static void make_mistakes(struct ctx *ctx, void *arg)
{
    (void)arg;
    static const struct {
        const char *sql, *checked, *sampled; /* NULL: nothing is wrong */
    } cases[] = {
        {"select 7", NULL, NULL},
        {"select nonsense", "x.yaml:7:17: column \"nonsense\" does not exist", NULL},
        {"selec 7", "x.yaml:7:10: syntax error", NULL},
        {"select 'many'", NULL, "x.yaml:7:10: expected a number, not 'many'"},
        {"select 7, 8", NULL, "x.yaml:7:10: expected one number, not 1 row of 2 columns"},
        {"values (7), (8)", NULL, "x.yaml:7:10: expected one number, not 2 rows of 1 column"},
        {"set a.b = 7", NULL, "x.yaml:7:10: expected a statement that yields a number"},
        {"set a.b = 7; select nonsense", NULL, "x.yaml:7:30: column \"nonsense\""},
        {"select 1 / 0", NULL, "x.yaml:7:10: division by zero"},
        {"select pg_terminate_backend(pg_backend_pid())", NULL, NULL}, /* bad luck */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char sql[128];
        (void)snprintf(sql, sizeof(sql), "%s", cases[i].sql);
        struct plan_observe observes[] = {observation(sql, PLAN_TAKE_MAX)};
        struct plan plan = {.path = (char[]){"x.yaml"}, .observes = observes, .observe_count = 1};
        struct observer observer;
        struct sampling *sampling;
        struct gauge *gauges;
        struct err err = {0};
        setting_up(&observer, &plan);
        assert_int_equal(observer_check(ctx, &observer, &err), cases[i].checked ? -EINVAL : 0);
        const char *expected = cases[i].checked ? cases[i].checked : cases[i].sampled;
        if (!cases[i].checked)
            assert_int_equal(sampling_start(ctx, &observer, &sampling, &err),
                             cases[i].sampled ? -EINVAL : 0);
        if (expected && strncmp(err.text, expected, strlen(expected)) != 0)
            fail_msg("%s: %s", sql, err.text);
        if (!expected) {
            assert_ok(sampling_stop(sampling, 0, 0, &gauges, NULL));
            assert_int_equal(gauges[0].opened, i == 0);
            gauge_fini(&gauges[0]);
            free(gauges);
        }
        observer_fini(&observer);
    }
}

static void mistakes_are_told_with_their_place(void **unused)
{
    (void)unused;
    (void)run_on_ring(make_mistakes, NULL);
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
        cmocka_unit_test(what_is_left_is_seen_as_sampling_begins),
        cmocka_unit_test(mistakes_are_told_with_their_place),
    };
    return postgres_is_installed() ? cmocka_run_group_tests(tests, start_server, stop_server) : 0;
}
