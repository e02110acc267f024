/* SPDX-License-Identifier: MIT */
/* conn_pool_test.c - the connection pool, trouble by trouble: what HikariCP and database/sql offer,
 * test, and their users run into. Time is the test's own. */
#include "ring_fixture.h"
#include "virtual_time.h"

#include "subject/conn_pool.h"

#include <stdlib.h>
#include <string.h>

/* ---- A server to connect to ------------------------------------------------------------------ */

enum { ROOM = 1024 };

/* One connection as the server sees it. */
struct fake {
    int id;        /* from 1 */
    bool dead;     /* validations and resets fail */
    bool hung;     /* they never end */
    bool closed;   /* by the pool */
    int borrower;  /* what a session was left with: must not be seen by the next */
    int validated; /* times */
};

static struct server {
    uint64_t connect_ns;              /* how long an attempt takes */
    uint64_t check_ns;                /* a validation, or a reset */
    int refuse;                       /* error of attempts, 0: none */
    size_t slots;                     /* more than these are refused with -EUSERS; 0: no limit */
    size_t open, peak;                /* connections now; most at once */
    size_t under_way, under_way_peak; /* attempts */
    size_t opened, attempts;
    size_t resets;
    uint64_t attempts_at_ns[ROOM];
    struct fake fakes[ROOM];
} server;

static int fake_open(struct ctx *ctx, void *user, void **conn, struct err *err)
{
    assert_ptr_equal(user, &server);
    server.attempts_at_ns[server.attempts++ % ROOM] = clock_now_ns();
    if (++server.under_way > server.under_way_peak)
        server.under_way_peak = server.under_way;
    int rc = server.connect_ns ? fiber_sleep(ctx, server.connect_ns) : ctx_error(ctx);
    server.under_way--;
    if (rc)
        return err_sys(err, rc, "connect to the fake");
    if (server.refuse)
        return err_set(err, server.refuse, "the fake refuses");
    if (server.slots && server.open >= server.slots)
        return err_set(err, -EUSERS, "too many clients already");
    assert_true(server.opened < ROOM);
    struct fake *fake = &server.fakes[server.opened++];
    *fake = (struct fake){.id = (int)server.opened};
    if (++server.open > server.peak)
        server.peak = server.open;
    *conn = fake;
    return 0;
}

static void fake_close(void *user, void *conn)
{
    struct fake *fake = conn;
    assert_ptr_equal(user, &server);
    assert_false(fake->closed);
    fake->closed = true;
    server.open--;
}

static int look_at(struct ctx *ctx, struct fake *fake)
{
    assert_false(fake->closed);
    if (fake->hung)
        return fiber_sleep(ctx, 3600 * NS_PER_S);
    int rc = server.check_ns ? fiber_sleep(ctx, server.check_ns) : 0;
    return rc ? rc : fake->dead ? -ECONNRESET : 0;
}

static int fake_validate(struct ctx *ctx, void *user, void *conn, struct err *err)
{
    (void)user, (void)err;
    struct fake *fake = conn;
    fake->validated++;
    return look_at(ctx, fake);
}

static int fake_reset(struct ctx *ctx, void *user, void *conn, struct err *err)
{
    (void)user, (void)err;
    struct fake *fake = conn;
    server.resets++;
    int rc = look_at(ctx, fake);
    if (!rc)
        fake->borrower = 0;
    return rc;
}

static const struct conn_driver fakes = {fake_open, fake_close, fake_validate, fake_reset};

/* ---- Scenes ---------------------------------------------------------------------------------- */

static struct conn_report reported[64];
static size_t reports;

static void keep_report(void *user, const struct conn_report *report)
{
    assert_ptr_equal(user, &server);
    reported[reports++ % 64] = *report;
}

/* What a test is given. */
struct scene {
    struct ctx *ctx;                    /* the test's */
    struct group group;                 /* of its borrowers */
    struct conn_pool_settings settings; /* changed before scene_open */
    struct conn_pool *pool;
    void (*play)(struct scene *scene);
};

static void scene_open(struct scene *scene)
{
    struct err err = {0};
    const struct conn_pool_options options = {.settings = &scene->settings,
                                              .driver = &fakes,
                                              .user = &server,
                                              .seed = 7,
                                              .report = keep_report,
                                              .report_user = &server};
    if (conn_pool_create(&scene->pool, scene->ctx, &options, &err))
        fail_msg("%s", err.text);
}

static struct conn_pool_figures figures(const struct scene *scene)
{
    struct conn_pool_figures f;
    struct err err = {0};
    if (conn_pool_check(scene->pool, &err))
        fail_msg("%s", err.text);
    conn_pool_figures(scene->pool, &f);
    assert_int_equal(f.open, server.open); /* the server's own view */
    assert_int_equal(f.opened, server.opened);
    return f;
}

static void run_scene(struct ctx *ctx, void *arg)
{
    struct scene *scene = arg;
    scene->ctx = ctx;
    group_init(&scene->group, ctx);
    scene->play(scene);
    let_run();
    if (scene->pool) {
        (void)figures(scene);
        (void)conn_pool_destroy(scene->pool);
    }
    assert_int_equal(server.open, 0);
    let_run();
    assert_int_equal(group_fini(&scene->group), 0);
    param_fini(conn_pool_params, &scene->settings);
}

static void play(void (*body)(struct scene *scene))
{
    struct scene scene = {.play = body};
    memset(&server, 0, sizeof(server));
    reports = 0;
    assert_ok(param_defaults(conn_pool_params, &scene.settings, NULL));
    (void)run_on_ring(run_scene, &scene);
}

/* A borrower: takes, holds, gives back, and remembers how that went. */
struct borrower {
    struct scene *scene;
    struct ctx ctx;   /* to cancel it by */
    uint64_t hold_ns; /* 0: until told, by let_go */
    bool let_go;
    enum conn_state state; /* how it gives back */
    int rc;                /* of acquire; 1 while it waits */
    int order;             /* served as the how manieth */
    uint64_t waited_ns;
    struct conn_lease lease;
};

static int served;

static void borrow(struct ctx *ctx, void *arg)
{
    (void)ctx;
    struct borrower *self = arg;
    struct conn_pool *pool = self->scene->pool;
    uint64_t begun_ns = clock_now_ns();
    self->rc = conn_pool_acquire(&self->ctx, pool, "borrow", &self->lease);
    self->waited_ns = clock_now_ns() - begun_ns;
    if (self->rc == 0) {
        self->order = ++served;
        if (self->hold_ns)
            (void)fiber_sleep(NULL, self->hold_ns);
        while (!self->hold_ns && !self->let_go)
            (void)fiber_sleep(NULL, NS_PER_MS);
        assert_ok(conn_pool_release(pool, &self->lease, self->state));
    }
    ctx_fini(&self->ctx);
}

static void start(struct scene *scene, struct borrower *borrower)
{
    borrower->scene = scene;
    borrower->rc = 1;
    ctx_init(&borrower->ctx, scene->ctx);
    assert_ok(group_spawn(&scene->group, "borrower", borrow, borrower));
    let_run();
}

static struct fake *take(struct scene *scene, struct conn_lease *lease)
{
    assert_ok(conn_pool_acquire(scene->ctx, scene->pool, "test", lease));
    return lease->conn;
}

static void give(struct scene *scene, struct conn_lease *lease)
{
    assert_ok(conn_pool_release(scene->pool, lease, CONN_GOOD));
}

/* ---- Borrowing ------------------------------------------------------------------------------- */

static void play_reuse(struct scene *scene)
{
    scene_open(scene);
    struct conn_lease lease;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(take(scene, &lease)->id, 1);
        assert_int_equal(figures(scene).in_use, 1);
        give(scene, &lease);
        assert_null(lease.conn);
    }
    struct conn_pool_figures f = figures(scene);
    assert_int_equal(f.acquired, 3);
    assert_int_equal(f.immediate, 2);
    assert_int_equal(f.waits, 1);
    assert_int_equal(f.opened, 1);
    assert_int_equal(f.idle, 1);
}

static void a_connection_is_used_again(void **unused)
{
    (void)unused;
    play(play_reuse);
}

static void play_order(struct scene *scene)
{
    struct borrower borrowers[6] = {0};
    scene->settings.max_open = 1;
    scene_open(scene);
    served = 0;
    for (int i = 0; i < 6; i++) {
        borrowers[i].hold_ns = NS_PER_MS;
        start(scene, &borrowers[i]);
    }
    assert_int_equal(figures(scene).waiting, 5);
    pass(10 * NS_PER_MS);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(borrowers[i].order, i + 1);
        assert_int_equal(borrowers[i].waited_ns, (uint64_t)i * NS_PER_MS);
    }
}

static void the_longest_waiting_is_served_first(void **unused)
{
    (void)unused;
    play(play_order);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_is_used_again),
        cmocka_unit_test(the_longest_waiting_is_served_first),
    };
    return cmocka_run_group_tests_name("conn_pool", tests, NULL, NULL);
}
