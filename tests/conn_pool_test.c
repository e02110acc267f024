/* SPDX-License-Identifier: MIT */
/* conn_pool_test.c - the connection pool, trouble by trouble: what HikariCP and database/sql offer,
 * test, and their users run into. Time is the test's own. */
#include "ring_fixture.h"
#include "virtual_time.h"

#include "subject/conn_pool_internal.h"

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

static int served; /* borrowers */
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

#define ITEM(function)                                                                             \
    {                                                                                              \
#function, function                                                                        \
    }

/* One item of the list. */
struct item {
    const char *name;
    void (*play)(struct scene *scene);
};

static void play(void **state)
{
    const struct item *item = *state;
    struct scene scene = {.play = item->play};
    memset(&server, 0, sizeof(server));
    reports = 0;
    served = 0;
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

static void a_connection_is_used_again(struct scene *scene)
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
    assert_int_equal(f.in_use_peak, 1);
}

static void the_last_used_is_used_first(struct scene *scene)
{
    scene_open(scene);
    struct conn_lease a, b, c;
    struct fake *first = take(scene, &a), *second = take(scene, &b);
    give(scene, &b);
    pass(NS_PER_MS);
    give(scene, &a);
    pass(NS_PER_MS);
    assert_ptr_equal(take(scene, &c), first);
    give(scene, &c);
    assert_ptr_equal(take(scene, &a), first);
    assert_ptr_equal(take(scene, &b), second);
    give(scene, &a);
    give(scene, &b);
}

/* A burst up and down: MaxOpen, and what is left afterwards. */
static void a_burst_never_opens_more_than_max_open(struct scene *scene)
{
    static struct borrower borrowers[100];
    memset(borrowers, 0, sizeof(borrowers));
    scene->settings.max_open = 5;
    scene->settings.max_idle = 2;
    server.connect_ns = NS_PER_MS;
    scene_open(scene);
    for (int i = 0; i < 100; i++) {
        borrowers[i].hold_ns = 10 * NS_PER_MS;
        start(scene, &borrowers[i]);
    }
    assert_int_equal(figures(scene).waiting_peak, 100);
    pass(NS_PER_S);
    for (int i = 0; i < 100; i++)
        assert_int_equal(borrowers[i].rc, 0);
    struct conn_pool_figures f = figures(scene);
    assert_int_equal(server.peak, 5);
    assert_int_equal(f.open_peak, 5);
    assert_int_equal(f.in_use_peak, 5);
    assert_int_equal(f.open, 2);
    assert_int_equal(f.retired_excess, 3);
}

static void the_acquire_timeout_is_a_sharp_bound(struct scene *scene)
{
    struct borrower borrowers[4] = {0};
    server.connect_ns = 3600 * NS_PER_S; /* nothing can be had */
    scene->settings.acquire_timeout_ns = 3 * NS_PER_S;
    scene_open(scene);
    for (int i = 0; i < 4; i++) {
        start(scene, &borrowers[i]);
        pass(NS_PER_MS);
    }
    pass(3 * NS_PER_S - 4 * NS_PER_MS - 1);
    assert_int_equal(borrowers[0].rc, 1);
    pass(NS_PER_S);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(borrowers[i].rc, -EAGAIN);
        assert_int_equal(borrowers[i].waited_ns, 3 * NS_PER_S);
        assert_null(borrowers[i].lease.conn);
    }
    struct conn_pool_figures f = figures(scene);
    assert_int_equal(f.timeouts, 4);
    assert_int_equal(f.wait_ns, 12 * NS_PER_S);
    assert_int_equal(f.waiting, 0);
}

static void the_end_of_the_request_is_told_from_the_timeout(struct scene *scene)
{
    struct borrower held = {0}, late = {0}, gone = {0};
    struct conn_lease lease;
    scene->settings.max_open = 1;
    scene_open(scene);
    start(scene, &held);
    start(scene, &gone);
    ctx_cancel(&gone.ctx, "the client left");
    let_run();
    assert_int_equal(gone.rc, -ECANCELED);
    struct ctx hurry;
    ctx_init_timeout(&hurry, scene->ctx, NS_PER_MS);
    start(scene, &late);
    pass(NS_PER_MS);
    assert_int_equal(conn_pool_acquire(&hurry, scene->pool, "late", &lease), -ETIMEDOUT);
    assert_null(lease.conn);
    ctx_fini(&hurry);
    assert_int_equal(figures(scene).cancelled, 2);
    assert_int_equal(figures(scene).waiting, 1);
    late.hold_ns = NS_PER_MS;
    held.let_go = true;
    pass(10 * NS_PER_MS);
    assert_int_equal(late.rc, 0);
    assert_int_equal(figures(scene).timeouts, 0);
}

/* ---- Cancelling ------------------------------------------------------------------------------ */

static void a_cancel_at_the_hand_over_loses_nothing(struct scene *scene)
{
    struct borrower chosen = {0}, next = {.hold_ns = NS_PER_MS};
    struct conn_lease lease;
    scene->settings.max_open = 1;
    scene_open(scene);
    (void)take(scene, &lease);
    start(scene, &chosen);
    start(scene, &next);
    give(scene, &lease); /* chosen has it now, but has not run */
    assert_int_equal(figures(scene).handed, 1);
    ctx_cancel(&chosen.ctx, "too late");
    let_run();
    assert_int_equal(chosen.rc, -ECANCELED);
    assert_int_equal(next.rc, 0);
    struct conn_pool_figures f = figures(scene);
    assert_int_equal(f.returned, 1);
    assert_int_equal(f.handed, 0);
    assert_int_equal(f.opened, 1);
    pass(10 * NS_PER_MS);
}

static void a_connect_outlives_who_asked_for_it(struct scene *scene)
{
    struct borrower borrower = {0};
    struct conn_lease lease;
    server.connect_ns = 10 * NS_PER_MS;
    scene_open(scene);
    start(scene, &borrower);
    ctx_cancel(&borrower.ctx, "the client left");
    pass(20 * NS_PER_MS);
    assert_int_equal(borrower.rc, -ECANCELED);
    assert_int_equal(figures(scene).idle, 1);
    assert_int_equal(take(scene, &lease)->id, 1);
    assert_int_equal(figures(scene).immediate, 1);
    give(scene, &lease);
}

/* A cancel on its way to the server, which ends whatever runs on the connection when it arrives. */
struct late_cancel {
    struct fake *fake;
    int victim; /* borrower it met */
    bool done;
};

static void arrive_late(struct ctx *ctx, void *arg)
{
    struct late_cancel *cancel = arg;
    (void)fiber_sleep(ctx, NS_PER_MS);
    cancel->victim = cancel->fake->borrower;
    cancel->done = true;
}

static int late_cancel_meets(struct scene *scene, bool wait)
{
    struct conn_lease lease;
    struct late_cancel cancel = {.fake = take(scene, &lease)};
    cancel.fake->borrower = 1;
    assert_ok(group_spawn(&scene->group, "cancel", arrive_late, &cancel));
    let_run();
    if (wait)
        pass(NS_PER_MS); /* the right way: it is ours until the cancel has ended */
    cancel.fake->borrower = 0;
    give(scene, &lease);
    struct fake *next = take(scene, &lease);
    assert_ptr_equal(next, cancel.fake);
    next->borrower = 2;
    pass(2 * NS_PER_MS);
    next->borrower = 0;
    give(scene, &lease);
    assert_true(cancel.done);
    return cancel.victim;
}

static void a_late_cancel_meets_the_next_borrower_unless_waited_for(struct scene *scene)
{
    scene->settings.max_open = 1;
    scene_open(scene);
    assert_int_equal(late_cancel_meets(scene, false), 2);
    assert_int_equal(late_cancel_meets(scene, true), 1);
}

/* ---- Order ----------------------------------------------------------------------------------- */

static void serve_six(struct scene *scene, int order, struct borrower *borrowers)
{
    scene->settings.max_open = 1;
    scene->settings.order = order;
    scene_open(scene);
    for (int i = 0; i < 6; i++) {
        borrowers[i].hold_ns = NS_PER_MS;
        start(scene, &borrowers[i]);
    }
    assert_int_equal(figures(scene).waiting, 5);
    pass(10 * NS_PER_MS);
    assert_int_equal(served, 6);
}

static void the_longest_waiting_is_served_first(struct scene *scene)
{
    struct borrower borrowers[6] = {0};
    serve_six(scene, CONN_ORDER_FIFO, borrowers);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(borrowers[i].order, i + 1);
        assert_int_equal(borrowers[i].waited_ns, (uint64_t)i * NS_PER_MS);
    }
}

static void lifo_serves_the_last_first(struct scene *scene)
{
    struct borrower borrowers[6] = {0};
    serve_six(scene, CONN_ORDER_LIFO, borrowers);
    for (int i = 1; i < 6; i++)
        assert_int_equal(borrowers[i].order, 7 - i);
}

static void random_serves_everybody_in_some_order(struct scene *scene)
{
    struct borrower borrowers[6] = {0};
    serve_six(scene, CONN_ORDER_RANDOM, borrowers);
    int seen = 0;
    bool sorted = true;
    for (int i = 0; i < 6; i++) {
        seen |= 1 << borrowers[i].order;
        sorted = sorted && borrowers[i].order == i + 1;
    }
    assert_int_equal(seen, 0x7e);
    assert_false(sorted); /* the seed is the scene's */
}

static void a_newcomer_does_not_overtake(struct scene *scene)
{
    struct borrower waiting = {0}, newcomer = {0};
    struct conn_lease lease;
    scene->settings.max_open = 1;
    scene_open(scene);
    (void)take(scene, &lease);
    start(scene, &waiting);
    give(scene, &lease);
    waiting.hold_ns = newcomer.hold_ns = NS_PER_MS;
    start(scene, &newcomer); /* asks before the other has run */
    assert_int_equal(waiting.rc, 0);
    assert_int_equal(newcomer.rc, 1);
    pass(10 * NS_PER_MS);
    assert_int_equal(newcomer.order, 2);
}

/* Who gives up and tries again loses its place: retries help nobody. */
static void who_tries_again_stands_at_the_end(struct scene *scene)
{
    struct borrower held = {0}, impatient = {0}, patient = {.hold_ns = NS_PER_MS}, again = {0};
    scene->settings.max_open = 1;
    scene_open(scene);
    start(scene, &held);
    start(scene, &impatient);
    start(scene, &patient);
    ctx_cancel(&impatient.ctx, "impatience");
    again.hold_ns = NS_PER_MS;
    start(scene, &again);
    held.let_go = true;
    pass(10 * NS_PER_MS);
    assert_int_equal(patient.order, 2);
    assert_int_equal(again.order, 3);
}

/* ---- Misuse ---------------------------------------------------------------------------------- */

static void borrow_nested(struct ctx *ctx, void *arg)
{
    struct borrower *self = arg;
    struct conn_pool *pool = self->scene->pool;
    struct conn_lease outer;
    assert_ok(conn_pool_acquire(ctx, pool, "outer", &outer));
    (void)fiber_sleep(ctx, NS_PER_MS);
    self->rc = conn_pool_acquire(ctx, pool, "inner", &self->lease);
    if (self->rc == 0)
        assert_ok(conn_pool_release(pool, &self->lease, CONN_GOOD));
    assert_ok(conn_pool_release(pool, &outer, CONN_GOOD));
}

static void a_nested_acquire_that_deadlocks_is_seen(struct scene *scene)
{
    struct borrower pair[2] = {{.scene = scene, .rc = 1}, {.scene = scene, .rc = 1}};
    scene->settings.max_open = 2;
    scene->settings.acquire_timeout_ns = NS_PER_S;
    scene_open(scene);
    for (int i = 0; i < 2; i++)
        assert_ok(group_spawn(&scene->group, "nester", borrow_nested, &pair[i]));
    pass(2 * NS_PER_MS);
    struct conn_pool_figures f = figures(scene);
    assert_int_equal(f.nested, 2);
    assert_int_equal(f.deadlocks, 1);
    assert_int_equal(reported[0].kind, CONN_REPORT_DEADLOCK);
    assert_string_equal(reported[0].where, "inner");
    assert_string_equal(reported[0].fiber, "nester");
    pass(2 * NS_PER_S); /* the timeout resolves it */
    assert_int_equal(pair[0].rc, -EAGAIN);
    assert_int_equal(pair[1].rc, -EAGAIN);
    assert_int_equal(figures(scene).in_use, 0);
}

static void a_nested_acquire_that_succeeds_is_counted(struct scene *scene)
{
    struct conn_lease a, b;
    scene_open(scene);
    (void)take(scene, &a);
    (void)take(scene, &b);
    give(scene, &b);
    give(scene, &a);
    (void)take(scene, &a);
    give(scene, &a);
    assert_int_equal(figures(scene).nested, 1);
    assert_int_equal(figures(scene).deadlocks, 0);
}

static void a_disowned_loan_is_not_held_against_its_fiber(struct scene *scene)
{
    struct conn_lease outlives, lease;
    scene_open(scene);
    (void)take(scene, &outlives);
    conn_pool_disown(scene->pool, &outlives);
    conn_pool_disown(scene->pool, &outlives);
    (void)take(scene, &lease); /* as if it held nothing */
    assert_int_equal(figures(scene).nested, 0);
    give(scene, &outlives);
    give(scene, &lease);
    conn_pool_disown(scene->pool, &lease); /* too late: left alone */
    assert_int_equal(figures(scene).misuses, 0);
}

static void a_leak_is_reported_with_its_place(struct scene *scene)
{
    struct conn_lease lease;
    scene->settings.leak_threshold_ns = 2 * NS_PER_S;
    scene_open(scene);
    (void)take(scene, &lease);
    pass(2 * NS_PER_S - 1);
    assert_int_equal(reports, 0);
    pass(2 * NS_PER_MS);
    assert_int_equal(reports, 1);
    assert_int_equal(reported[0].kind, CONN_REPORT_LEAK);
    assert_string_equal(reported[0].where, "test");
    assert_string_equal(reported[0].fiber, "test");
    assert_in_range(reported[0].held_ns, 2 * NS_PER_S, 2 * NS_PER_S + NS_PER_MS);
    pass(10 * NS_PER_S); /* once is enough */
    assert_int_equal(figures(scene).leaks_suspected, 1);
    give(scene, &lease);
    assert_int_equal(figures(scene).leaks_returned, 1);
    assert_int_equal(reported[1].kind, CONN_REPORT_LEAK_RETURNED);
    struct conn_report last[4];
    assert_int_equal(conn_pool_reports(scene->pool, last, 4), 2);
    assert_int_equal(last[0].kind, CONN_REPORT_LEAK_RETURNED);
    assert_int_equal(last[1].kind, CONN_REPORT_LEAK);
}

static void leaks_exhaust_the_pool_and_drain_counts_them(struct scene *scene)
{
    struct conn_lease leases[4];
    struct borrower unlucky = {0};
    scene->settings.max_open = 4;
    scene_open(scene);
    for (int i = 0; i < 4; i++)
        (void)take(scene, &leases[i]);
    start(scene, &unlucky);
    pass(4 * NS_PER_S);
    assert_int_equal(unlucky.rc, -EAGAIN);
    give(scene, &leases[0]);
    struct ctx hurry;
    ctx_init_timeout(&hurry, scene->ctx, NS_PER_MS);
    virtual_now_ns += 2 * NS_PER_MS;
    timer_run_due(&ring_current->timers, virtual_now_ns);
    assert_int_equal(conn_pool_drain(&hurry, scene->pool), 3);
    ctx_fini(&hurry);
    assert_ok(conn_pool_release(scene->pool, &leases[1], CONN_GOOD)); /* late, but allowed */
    assert_int_equal(figures(scene).in_use, 2);
    assert_int_equal(conn_pool_destroy(scene->pool), 2);
    scene->pool = NULL;
}

static void a_double_release_is_refused_and_harmless(struct scene *scene)
{
    struct conn_lease lease, copy, other, never = {0};
    scene_open(scene);
    (void)take(scene, &lease);
    copy = lease;
    give(scene, &lease);
    struct fake *fake = take(scene, &other); /* the same connection, someone else's now */
    assert_ptr_equal(copy.conn, fake);
    assert_int_equal(conn_pool_release(scene->pool, &lease, CONN_GOOD), -EALREADY);
    assert_int_equal(conn_pool_release(scene->pool, &copy, CONN_BROKEN), -EALREADY);
    assert_int_equal(conn_pool_release(scene->pool, &never, CONN_GOOD), -EALREADY);
    assert_int_equal(figures(scene).misuses, 3);
    assert_int_equal(figures(scene).in_use, 1);
    assert_int_equal(reported[2].kind, CONN_REPORT_DOUBLE_RELEASE);
    assert_false(fake->closed);
    give(scene, &other);
}

static void use_after_release_is_noticed(struct scene *scene)
{
    struct conn_lease lease, copy;
    scene_open(scene);
    struct fake *fake = take(scene, &lease);
    copy = lease;
    assert_ptr_equal(conn_pool_use(scene->pool, &lease), fake);
    give(scene, &lease);
    assert_null(conn_pool_use(scene->pool, &lease));
    assert_null(conn_pool_use(scene->pool, &copy));
    assert_int_equal(figures(scene).misuses, 2);
    assert_int_equal(reported[1].kind, CONN_REPORT_USE_AFTER_RELEASE);
}

/* ---- Age and idleness ------------------------------------------------------------------------ */

static void open_eight(struct scene *scene)
{
    scene->settings.max_open = 8;
    scene->settings.idle_timeout_ns = 0;
    scene->settings.max_lifetime_ns = 100 * NS_PER_S;
    scene_open(scene);
    assert_ok(conn_pool_prewarm(scene->ctx, scene->pool, 8, NULL));
    assert_int_equal(figures(scene).idle, 8);
}

static void without_jitter_all_lifetimes_end_at_once(struct scene *scene)
{
    scene->settings.lifetime_jitter = 0;
    open_eight(scene);
    pass(100 * NS_PER_S - 1);
    assert_int_equal(figures(scene).open, 8);
    pass(2 * NS_PER_MS);
    assert_int_equal(figures(scene).retired_lifetime, 8);
}

static void with_jitter_lifetimes_end_one_by_one(struct scene *scene)
{
    scene->settings.lifetime_jitter = 0.5;
    open_eight(scene);
    uint64_t gone = 0;
    size_t moments = 0;
    pass(50 * NS_PER_S - 1);
    assert_int_equal(figures(scene).retired_lifetime, 0);
    for (int i = 0; i < 510; i++) {
        pass(100 * NS_PER_MS);
        moments += figures(scene).retired_lifetime > gone;
        gone = figures(scene).retired_lifetime;
    }
    assert_int_equal(gone, 8);
    assert_true(moments >= 7);
}

static void a_lifetime_ends_after_the_loan(struct scene *scene)
{
    struct conn_lease lease;
    scene->settings.max_lifetime_ns = 10 * NS_PER_S;
    scene_open(scene);
    struct fake *fake = take(scene, &lease);
    pass(60 * NS_PER_S);
    assert_false(fake->closed);
    give(scene, &lease);
    assert_true(fake->closed);
    assert_int_equal(figures(scene).retired_lifetime, 1);
}

static void idle_connections_go_down_to_min_idle(struct scene *scene)
{
    scene->settings.min_idle = 2;
    scene->settings.prewarm = 6;
    scene->settings.idle_timeout_ns = 10 * NS_PER_S;
    scene->settings.max_lifetime_ns = 0;
    scene_open(scene);
    pass(NS_PER_S);
    assert_int_equal(figures(scene).open, 6);
    pass(9 * NS_PER_S - 1);
    assert_int_equal(figures(scene).open, 6);
    pass(2 * NS_PER_MS);
    assert_int_equal(figures(scene).open, 2);
    assert_int_equal(figures(scene).retired_idle, 4);
    pass(100 * NS_PER_S); /* no churn: the two stay */
    assert_int_equal(figures(scene).opened, 6);
}

static void min_idle_is_kept_ready(struct scene *scene)
{
    struct conn_lease lease;
    scene->settings.min_idle = 3;
    scene->settings.max_lifetime_ns = 5 * NS_PER_S;
    scene->settings.lifetime_jitter = 0;
    scene_open(scene);
    let_run();
    assert_int_equal(figures(scene).idle, 3);
    (void)take(scene, &lease);
    let_run();
    assert_int_equal(figures(scene).idle, 3); /* one more, ahead of need */
    assert_ok(conn_pool_release(scene->pool, &lease, CONN_BROKEN));
    let_run();
    assert_int_equal(figures(scene).open, 3);
    pass(6 * NS_PER_S);
    assert_int_equal(figures(scene).idle, 3); /* others, for those that had grown old */
    assert_int_equal(figures(scene).retired_lifetime, 3);
}

static void max_idle_bounds_what_is_kept(struct scene *scene)
{
    struct conn_lease leases[4];
    scene->settings.max_idle = 1;
    scene_open(scene);
    for (int i = 0; i < 4; i++)
        (void)take(scene, &leases[i]);
    for (int i = 0; i < 4; i++)
        give(scene, &leases[i]);
    assert_int_equal(figures(scene).idle, 1);
    assert_int_equal(figures(scene).retired_excess, 3);
}

static void max_idle_0_connects_for_each_use(struct scene *scene)
{
    struct conn_lease lease;
    scene->settings.max_idle = 0;
    scene_open(scene);
    for (int i = 1; i <= 5; i++) {
        assert_int_equal(take(scene, &lease)->id, i);
        give(scene, &lease);
    }
    assert_int_equal(figures(scene).open, 0);
}

static void steady_use_causes_no_churn(struct scene *scene)
{
    struct conn_lease lease;
    scene_open(scene);
    for (int i = 0; i < 1000; i++) {
        (void)take(scene, &lease);
        pass(10 * NS_PER_MS);
        give(scene, &lease);
        pass(10 * NS_PER_MS);
    }
    assert_int_equal(figures(scene).opened, 1);
    assert_int_equal(server.fakes[0].validated, 0);
}

static void a_clock_that_jumps_is_survived(struct scene *scene)
{
    struct borrower held = {.hold_ns = NS_PER_S}, waiting = {.hold_ns = NS_PER_S};
    struct conn_lease lease;
    scene->settings.max_open = 1;
    scene->settings.keepalive_ns = 30 * NS_PER_S;
    scene_open(scene);
    start(scene, &held);
    start(scene, &waiting);
    virtual_now_ns += 86400 * NS_PER_S; /* a machine that slept, and everything is due at once */
    timer_run_due(&ring_current->timers, virtual_now_ns);
    let_run();
    assert_int_equal(held.rc, 0);
    assert_true(waiting.rc == -EAGAIN || waiting.rc == 0);
    pass(10 * NS_PER_S);
    assert_int_equal(figures(scene).in_use, 0);
    assert_ptr_not_equal(take(scene, &lease), &server.fakes[0]); /* far too old */
    give(scene, &lease);
}

/* ---- Dead connections ------------------------------------------------------------------------ */

static void after_a_restart_the_dead_are_found_before_use(struct scene *scene)
{
    struct conn_lease lease;
    scene->settings.prewarm = 5;
    scene_open(scene);
    pass(NS_PER_S);
    for (size_t i = 0; i < 5; i++)
        server.fakes[i].dead = true;
    assert_false(take(scene, &lease)->dead);
    assert_int_equal(figures(scene).retired_validation, 5);
    give(scene, &lease);
}

static void what_was_alive_a_moment_ago_is_not_validated(struct scene *scene)
{
    struct conn_lease lease;
    scene_open(scene);
    (void)take(scene, &lease);
    give(scene, &lease);
    pass(500 * NS_PER_MS - 1);
    struct fake *fake = take(scene, &lease);
    assert_int_equal(fake->validated, 0);
    give(scene, &lease);
    pass(500 * NS_PER_MS);
    assert_ptr_equal(take(scene, &lease), fake);
    assert_int_equal(fake->validated, 1);
    assert_int_equal(figures(scene).validations, 1);
    give(scene, &lease);
}

static void a_hand_over_is_validated_too_when_always_asked(struct scene *scene)
{
    struct borrower next = {.hold_ns = NS_PER_MS};
    struct conn_lease lease;
    scene->settings.max_open = 1;
    scene->settings.validate_idle_ns = 0;
    scene_open(scene);
    (void)take(scene, &lease);
    start(scene, &next);
    server.fakes[0].dead = true;
    give(scene, &lease);
    pass(10 * NS_PER_MS);
    assert_int_equal(next.rc, 0);
    assert_true(server.fakes[0].closed); /* found dead, and another one opened */
    assert_int_equal(figures(scene).retired_validation, 1);
}

static void without_validation_the_dead_are_lent(struct scene *scene)
{
    struct conn_lease lease;
    scene->settings.validate = false;
    scene_open(scene);
    take(scene, &lease)->dead = true;
    give(scene, &lease);
    pass(NS_PER_S);
    assert_true(((struct fake *)take(scene, &lease))->dead);
    assert_ok(conn_pool_release(scene->pool, &lease, CONN_BROKEN));
    assert_int_equal(figures(scene).retired_error, 1);
}

static void a_half_open_connection_costs_one_validation_timeout(struct scene *scene)
{
    struct borrower borrower = {.hold_ns = NS_PER_MS};
    struct conn_lease lease;
    scene->settings.max_open = 1;
    scene->settings.acquire_timeout_ns = 10 * NS_PER_S;
    scene->settings.validation_timeout_ns = 2 * NS_PER_S;
    scene_open(scene);
    take(scene, &lease)->hung = true; /* the network drops it silently */
    give(scene, &lease);
    pass(NS_PER_S);
    start(scene, &borrower);
    pass(20 * NS_PER_S);
    assert_int_equal(borrower.rc, 0);
    assert_int_equal(borrower.waited_ns, 2 * NS_PER_S);
    assert_int_equal(figures(scene).retired_validation, 1);
}

static void a_hung_validation_does_not_blur_the_timeout(struct scene *scene)
{
    struct borrower borrower = {0};
    struct conn_lease lease;
    scene->settings.max_open = 1;
    scene->settings.acquire_timeout_ns = NS_PER_S;
    scene_open(scene);
    take(scene, &lease)->hung = true;
    give(scene, &lease);
    pass(NS_PER_S);
    start(scene, &borrower);
    pass(2 * NS_PER_S);
    assert_int_equal(borrower.rc, -EAGAIN);
    assert_int_equal(borrower.waited_ns, NS_PER_S);
    assert_int_equal(figures(scene).checking, 1);
    pass(10 * NS_PER_S);
    assert_int_equal(figures(scene).open, 0);
}

static void keepalive_finds_the_dead_before_a_borrower_does(struct scene *scene)
{
    scene->settings.min_idle = 2;
    scene->settings.keepalive_ns = 10 * NS_PER_S;
    scene_open(scene);
    pass(NS_PER_S);
    server.fakes[0].dead = true;
    pass(10 * NS_PER_S);
    struct conn_pool_figures f = figures(scene);
    assert_int_equal(f.retired_validation, 1);
    assert_int_equal(f.keepalives, 2);
    assert_int_equal(f.idle, 2);
    assert_true(server.fakes[0].closed);
}

static void keepalive_is_not_use(struct scene *scene)
{
    scene->settings.prewarm = 1;
    scene->settings.keepalive_ns = 10 * NS_PER_S;
    scene->settings.idle_timeout_ns = 25 * NS_PER_S;
    scene_open(scene);
    pass(25 * NS_PER_S + 2 * NS_PER_MS);
    assert_int_equal(figures(scene).retired_idle, 1);
    assert_int_equal(figures(scene).keepalives, 2);
}

/* A waiter is served by what comes back from a keepalive, too. */
static void a_slow_keepalive_holds_up_nobody(struct scene *scene)
{
    struct borrower borrower = {.hold_ns = NS_PER_MS};
    scene->settings.prewarm = 1;
    scene->settings.keepalive_ns = 10 * NS_PER_S;
    scene_open(scene);
    pass(NS_PER_S);
    server.fakes[0].hung = true;
    pass(9 * NS_PER_S + NS_PER_MS);
    assert_int_equal(figures(scene).keeping, 1);
    start(scene, &borrower);
    assert_int_equal(borrower.rc, 0);
    assert_int_equal(borrower.waited_ns, 0);
    assert_int_equal(figures(scene).opened, 2);
    pass(NS_PER_S);
}

static void what_is_evicted_goes_now_or_when_it_comes_back(struct scene *scene)
{
    struct conn_lease a, b;
    scene_open(scene);
    struct fake *lent = take(scene, &a), *idle = take(scene, &b);
    give(scene, &b);
    conn_pool_evict(scene->pool);
    assert_true(idle->closed);
    assert_false(lent->closed);
    give(scene, &a);
    assert_true(lent->closed);
    assert_int_equal(figures(scene).retired_evicted, 2);
    assert_int_equal(take(scene, &a)->id, 3);
    give(scene, &a);
}

/* ---- Connecting ------------------------------------------------------------------------------ */

static void borrow_many(struct scene *scene, struct borrower *borrowers, size_t count)
{
    memset(borrowers, 0, count * sizeof(*borrowers));
    for (size_t i = 0; i < count; i++) {
        borrowers[i].hold_ns = NS_PER_S;
        start(scene, &borrowers[i]);
    }
}

static void connects_under_way_are_bounded(struct scene *scene)
{
    static struct borrower borrowers[20];
    server.connect_ns = 100 * NS_PER_MS;
    scene->settings.connects_parallel = 3;
    scene_open(scene);
    borrow_many(scene, borrowers, 20);
    assert_int_equal(figures(scene).connecting, 3);
    pass(10 * NS_PER_S);
    assert_int_equal(server.under_way_peak, 3);
    assert_int_equal(served, 20);
    assert_int_equal(figures(scene).connect_ns, figures(scene).connects * 100 * NS_PER_MS);
}

static void unbounded_connects_come_all_at_once(struct scene *scene)
{
    static struct borrower borrowers[20];
    server.connect_ns = 100 * NS_PER_MS;
    scene->settings.connects_parallel = 0;
    scene_open(scene);
    borrow_many(scene, borrowers, 20);
    pass(10 * NS_PER_S);
    assert_int_equal(server.under_way_peak, 20);
}

/* A minute of outage, with a request waiting all the time. */
static size_t attempts_of_an_outage(struct scene *scene, int reconnect)
{
    struct borrower borrower = {.hold_ns = NS_PER_MS};
    server.connect_ns = NS_PER_MS;
    server.refuse = -ECONNREFUSED;
    scene->settings.acquire_timeout_ns = 0;
    scene->settings.reconnect = reconnect;
    scene_open(scene);
    start(scene, &borrower);
    pass(60 * NS_PER_S);
    size_t attempts = server.attempts - server.under_way; /* the last one will be luckier */
    server.refuse = 0;
    pass(5 * NS_PER_S + 2 * NS_PER_MS);
    assert_int_equal(borrower.rc, 0); /* by itself, within the longest delay */
    assert_int_equal(figures(scene).connect_failures, attempts);
    assert_int_equal(conn_pool_connect_error(scene->pool)->code, 0);
    return attempts;
}

static void a_failed_connect_is_retried_with_backoff_and_jitter(struct scene *scene)
{
    size_t attempts = attempts_of_an_outage(scene, CONN_RECONNECT_BACKOFF);
    assert_in_range(attempts, 12, 60); /* some 9 to reach 5 s, then each 2.5 s in the mean */
    uint64_t longest_ns = 0;
    for (size_t i = 1; i < attempts; i++) {
        uint64_t gap_ns = server.attempts_at_ns[i] - server.attempts_at_ns[i - 1] - NS_PER_MS;
        uint64_t limit_ns = i < 10 ? (10 * NS_PER_MS) << (i - 1) : 5 * NS_PER_S;
        assert_true(gap_ns <= (limit_ns < 5 * NS_PER_S ? limit_ns : 5 * NS_PER_S));
        longest_ns = gap_ns > longest_ns ? gap_ns : longest_ns;
    }
    assert_true(longest_ns > NS_PER_S);
}

static void immediate_reconnects_are_a_storm(struct scene *scene)
{
    assert_int_equal(attempts_of_an_outage(scene, CONN_RECONNECT_IMMEDIATE), 60000);
}

/* Requests that give up and others that come must not restart the backoff. */
static void backoff_outlives_the_waiters(struct scene *scene)
{
    static struct borrower borrowers[100];
    memset(borrowers, 0, sizeof(borrowers));
    server.refuse = -ECONNREFUSED;
    scene->settings.acquire_timeout_ns = 50 * NS_PER_MS;
    scene_open(scene);
    for (int i = 0; i < 100; i++) {
        start(scene, &borrowers[i]);
        pass(100 * NS_PER_MS);
        assert_int_equal(borrowers[i].rc, -EAGAIN);
    }
    assert_in_range(server.attempts, 5, 60);
    assert_int_equal(conn_pool_connect_error(scene->pool)->code, -ECONNREFUSED);
    assert_string_equal(conn_pool_connect_error(scene->pool)->text, "the fake refuses");
}

static void a_hanging_connect_is_given_up(struct scene *scene)
{
    struct borrower borrower = {.hold_ns = NS_PER_MS};
    server.connect_ns = 3600 * NS_PER_S;
    scene->settings.connect_timeout_ns = NS_PER_S;
    scene_open(scene);
    start(scene, &borrower);
    pass(NS_PER_S - 1);
    assert_int_equal(figures(scene).connect_failures, 0);
    server.connect_ns = 0;
    pass(NS_PER_S);
    assert_int_equal(figures(scene).connect_failures, 1);
    assert_int_equal(borrower.rc, 0);
}

static void a_server_out_of_slots_is_lived_with(struct scene *scene)
{
    static struct borrower borrowers[10];
    server.slots = 3;
    scene->settings.acquire_timeout_ns = 60 * NS_PER_S;
    scene_open(scene);
    borrow_many(scene, borrowers, 10);
    pass(NS_PER_MS);
    assert_int_equal(conn_pool_connect_error(scene->pool)->code, -EUSERS);
    assert_int_equal(figures(scene).in_use, 3);
    pass(30 * NS_PER_S);
    for (int i = 0; i < 10; i++)
        assert_int_equal(borrowers[i].rc, 0);
    assert_int_equal(server.peak, 3);
}

static void prewarming_says_why_it_cannot(struct scene *scene)
{
    struct err err = {0};
    server.refuse = -EACCES;
    scene_open(scene);
    assert_int_equal(conn_pool_prewarm(scene->ctx, scene->pool, 5, &err), -EACCES);
    assert_string_equal(err.text, "the fake refuses");
    server.refuse = 0;
    pass(10 * NS_PER_S); /* the attempts go on */
    assert_int_equal(figures(scene).open, 5);
    assert_ok(conn_pool_prewarm(scene->ctx, scene->pool, 1000, &err));
    assert_int_equal(figures(scene).open, 20);
}

static void prewarmed_connections_are_there_for_the_first(struct scene *scene)
{
    struct conn_lease lease;
    server.connect_ns = NS_PER_S;
    scene->settings.prewarm = 4;
    scene_open(scene);
    pass(NS_PER_S);
    (void)take(scene, &lease);
    assert_int_equal(figures(scene).immediate, 1);
    give(scene, &lease);
    pass(60 * NS_PER_S);
    assert_int_equal(figures(scene).opened, 4); /* once */
}

/* Close and reopen on timeout: the pool keeps its limit, and the server doesn't. */
static void who_closes_what_still_works_overshoots_the_server(struct scene *scene)
{
    struct conn_lease lease;
    size_t still_working = 0;
    scene->settings.max_open = 2;
    scene_open(scene);
    for (int i = 0; i < 8; i++) {
        (void)take(scene, &lease);
        assert_ok(conn_pool_release(scene->pool, &lease, CONN_BROKEN));
        still_working++; /* the server notices only when the query is over */
    }
    assert_int_equal(figures(scene).open_peak, 1);
    assert_int_equal(figures(scene).retired_error, still_working);
    assert_int_equal(figures(scene).broken, 8);
}

/* ---- Return ---------------------------------------------------------------------------------- */

static void what_is_left_in_a_session_is_seen_without_reset(struct scene *scene)
{
    struct conn_lease lease;
    scene_open(scene);
    take(scene, &lease)->borrower = 42; /* an open transaction, a setting, … */
    give(scene, &lease);
    assert_int_equal(take(scene, &lease)->borrower, 42);
    give(scene, &lease);
}

static void reset_on_return_hides_it(struct scene *scene)
{
    struct conn_lease lease;
    scene->settings.reset = true;
    scene->settings.max_open = 1;
    server.check_ns = NS_PER_MS;
    scene_open(scene);
    take(scene, &lease)->borrower = 42;
    uint64_t before_ns = virtual_now_ns;
    give(scene, &lease);
    assert_int_equal(virtual_now_ns, before_ns); /* the borrower doesn't wait for it */
    assert_int_equal(figures(scene).resetting, 1);
    struct borrower next = {.hold_ns = NS_PER_S};
    start(scene, &next);
    pass(NS_PER_MS);
    assert_int_equal(next.rc, 0);
    assert_int_equal(server.fakes[0].borrower, 0);
    assert_int_equal(figures(scene).opened, 1);
    pass(2 * NS_PER_S);
    assert_int_equal(figures(scene).resets, 2);
}

/* Where nothing is reset otherwise. */
static void what_comes_back_dirty_is_reset(struct scene *scene)
{
    struct conn_lease lease;
    scene->settings.max_open = 1;
    scene_open(scene);
    take(scene, &lease)->borrower = 42;
    assert_ok(conn_pool_release(scene->pool, &lease, CONN_DIRTY));
    assert_int_equal(take(scene, &lease)->borrower, 0);
    assert_int_equal(figures(scene).resets, 1);
    give(scene, &lease);
    assert_int_equal(figures(scene).resets, 1);
    assert_int_equal(figures(scene).opened, 1);
}

static void a_failed_reset_closes(struct scene *scene)
{
    struct conn_lease lease;
    scene->settings.reset = true;
    scene_open(scene);
    take(scene, &lease)->dead = true;
    give(scene, &lease);
    let_run();
    assert_int_equal(figures(scene).retired_reset, 1);
    assert_int_equal(figures(scene).open, 0);
}

/* ---- Suspending, draining -------------------------------------------------------------------- */

static void a_suspended_pool_lends_nothing(struct scene *scene)
{
    struct borrower waiting = {.hold_ns = NS_PER_MS}, impatient = {0};
    struct conn_lease lease;
    scene->settings.acquire_timeout_ns = NS_PER_S;
    scene_open(scene);
    (void)take(scene, &lease);
    conn_pool_suspend(scene->pool);
    conn_pool_suspend(scene->pool);
    start(scene, &impatient);
    pass(900 * NS_PER_MS);
    start(scene, &waiting);
    give(scene, &lease);
    assert_int_equal(figures(scene).idle, 1);
    assert_int_equal(figures(scene).opened, 1);
    pass(200 * NS_PER_MS);
    assert_int_equal(impatient.rc, -EAGAIN);
    assert_int_equal(waiting.rc, 1);
    conn_pool_resume(scene->pool);
    conn_pool_resume(scene->pool);
    let_run();
    assert_int_equal(waiting.rc, 0);
    pass(NS_PER_S);
}

static void drain_pool(struct ctx *ctx, void *arg)
{
    struct borrower *self = arg;
    self->rc = (int)conn_pool_drain(ctx, self->scene->pool);
}

static void shutdown_answers_waiters_and_awaits_loans(struct scene *scene)
{
    struct borrower held = {0}, waiting = {0}, drainer = {.scene = scene, .rc = -1};
    struct conn_lease lease;
    scene->settings.max_open = 2;
    scene_open(scene);
    (void)take(scene, &lease);
    start(scene, &held);
    start(scene, &waiting);
    give(scene, &lease); /* to the one that waits */
    let_run();
    waiting.let_go = true;
    struct borrower second = {0};
    start(scene, &second);
    assert_ok(group_spawn(&scene->group, "drain", drain_pool, &drainer));
    let_run();
    assert_int_equal(second.rc, -ESHUTDOWN);
    assert_int_equal(second.waited_ns, 0);
    assert_int_equal(conn_pool_acquire(scene->ctx, scene->pool, "new", &lease), -ESHUTDOWN);
    assert_int_equal(drainer.rc, -1);
    pass(NS_PER_S);
    assert_int_equal(drainer.rc, -1); /* one is lent still */
    held.let_go = true;
    pass(NS_PER_S);
    assert_int_equal(drainer.rc, 0);
    assert_int_equal(server.open, 0);
    assert_int_equal(figures(scene).refused, 2);
    assert_int_equal(figures(scene).retired_end, 2);
}

static void shutdown_calls_off_what_is_under_way(struct scene *scene)
{
    struct conn_lease lease;
    server.connect_ns = 3600 * NS_PER_S;
    scene->settings.prewarm = 3;
    scene->settings.connect_timeout_ns = 3600 * NS_PER_S;
    scene_open(scene);
    pass(NS_PER_S);
    assert_int_equal(figures(scene).connecting, 3);
    assert_int_equal(conn_pool_drain(scene->ctx, scene->pool), 0);
    assert_int_equal(figures(scene).connecting, 0);
    assert_int_equal(conn_pool_acquire(scene->ctx, scene->pool, "new", &lease), -ESHUTDOWN);
}

static void the_end_of_its_ctx_closes_the_pool(struct scene *scene)
{
    struct borrower waiting = {0};
    struct ctx owner, *outer = scene->ctx;
    ctx_init(&owner, outer);
    server.connect_ns = NS_PER_S;
    scene->ctx = &owner;
    scene_open(scene);
    scene->ctx = outer;
    start(scene, &waiting);
    ctx_cancel(&owner, "the service stops");
    let_run();
    assert_int_equal(waiting.rc, -ESHUTDOWN);
    assert_int_equal(conn_pool_destroy(scene->pool), 0);
    scene->pool = NULL;
    ctx_fini(&owner);
}

static void who_is_turned_away_gets_out_before_the_pool_is_gone(struct scene *scene)
{
    struct borrower waiting[3] = {0};
    server.connect_ns = NS_PER_S;
    scene_open(scene);
    for (int i = 0; i < 3; i++)
        start(scene, &waiting[i]);
    assert_int_equal(conn_pool_destroy(scene->pool), 0);
    scene->pool = NULL;
    for (int i = 0; i < 3; i++)
        assert_int_equal(waiting[i].rc, -ESHUTDOWN);
}

static void prewarming_ends_with_the_pool_or_the_request(struct scene *scene)
{
    struct err err = {0};
    struct ctx over;
    server.connect_ns = NS_PER_S;
    scene_open(scene);
    ctx_init(&over, scene->ctx);
    ctx_cancel(&over, "enough");
    assert_int_equal(conn_pool_prewarm(&over, scene->pool, 2, &err), -ECANCELED);
    assert_string_equal(err.text, "opened 0 connections of 2 in time");
    ctx_fini(&over);
    assert_int_equal(conn_pool_drain(scene->ctx, scene->pool), 0);
    assert_int_equal(conn_pool_prewarm(scene->ctx, scene->pool, 2, &err), -ESHUTDOWN);
}

/* ---- What is known of pools in trouble ------------------------------------------------------- */

enum { CROWD = 500 };

/* So many of 500 clients that come at once are served by 20 connections, each for span_ns. */
static uint64_t served_of_500(struct scene *scene, uint64_t span_ns)
{
    static struct borrower borrowers[CROWD];
    memset(borrowers, 0, sizeof(borrowers));
    memset(&server, 0, sizeof(server));
    scene->settings.acquire_timeout_ns = 3 * NS_PER_S - 1; /* no draw between two timers */
    scene_open(scene);
    for (size_t i = 0; i < CROWD; i++) {
        borrowers[i].hold_ns = span_ns;
        start(scene, &borrowers[i]);
    }
    assert_int_equal(figures(scene).waiting, CROWD - 20);
    pass(10 * NS_PER_S);
    struct conn_pool_figures f = figures(scene);
    assert_int_equal(f.acquired + f.timeouts, CROWD);
    assert_int_equal(conn_pool_destroy(scene->pool), 0);
    scene->pool = NULL;
    return f.acquired;
}

static void of_500_clients_as_many_are_served_as_there_is_time_for(struct scene *scene)
{
    assert_int_equal(served_of_500(scene, 100 * NS_PER_MS), 500);
    assert_int_equal(served_of_500(scene, 250 * NS_PER_MS), 20 * 12); /* 52 % fail */
    assert_int_equal(served_of_500(scene, 500 * NS_PER_MS), 20 * 6);  /* 76 % */
    assert_int_equal(served_of_500(scene, NS_PER_S), 20 * 3);         /* 88 % */
}

/* A client in a closed loop. */
struct client {
    struct scene *scene;
    uint64_t served, failed;
};

static void ask_again_and_again(struct ctx *ctx, void *arg)
{
    struct client *client = arg;
    struct conn_lease lease;
    while (!ctx_error(ctx)) {
        int rc = conn_pool_acquire(ctx, client->scene->pool, "client", &lease);
        client->served += rc == 0;
        client->failed += rc == -EAGAIN;
        if (rc)
            continue;
        (void)fiber_sleep(ctx, 100 * NS_PER_MS);
        give(client->scene, &lease);
    }
}

struct fairness {
    double failed;    /* share of all acquires */
    size_t forgotten; /* clients that were never served */
};

/* 150 clients, 20 connections, for twenty seconds. */
static struct fairness measure_fairness(struct scene *scene, int order)
{
    static struct client clients[150];
    uint64_t served_now = 0, failed = 0;
    size_t forgotten = 0;
    memset(clients, 0, sizeof(clients));
    memset(&server, 0, sizeof(server));
    scene->settings.order = order;
    scene->settings.acquire_timeout_ns = 1667 * NS_PER_MS;
    scene_open(scene);
    for (size_t i = 0; i < 150; i++) {
        clients[i].scene = scene;
        assert_ok(group_spawn(&scene->group, "client", ask_again_and_again, &clients[i]));
    }
    pass(20 * NS_PER_S);
    group_cancel(&scene->group, "enough");
    pass(NS_PER_S);
    for (size_t i = 0; i < 150; i++) {
        served_now += clients[i].served;
        failed += clients[i].failed;
        forgotten += clients[i].served == 0;
    }
    assert_in_range(served_now, 3980, 4020); /* 200 a second, whatever the order */
    assert_int_equal(conn_pool_destroy(scene->pool), 0);
    scene->pool = NULL;
    return (struct fairness){(double)failed / (double)(failed + served_now), forgotten};
}

static void first_come_first_served_fails_nobody(struct scene *scene)
{
    struct fairness fifo = measure_fairness(scene, CONN_ORDER_FIFO);
    assert_true(fifo.failed == 0);
    assert_int_equal(fifo.forgotten, 0);
}

static void random_order_fails_some(struct scene *scene)
{
    struct fairness random_order = measure_fairness(scene, CONN_ORDER_RANDOM);
    assert_true(random_order.failed > 0.04 && random_order.failed < 0.12);
    assert_int_equal(random_order.forgotten, 0);
}

static void last_come_first_served_forgets_most(struct scene *scene)
{
    struct fairness lifo = measure_fairness(scene, CONN_ORDER_LIFO);
    assert_true(lifo.failed > 0.25 && lifo.failed < 0.32);
    assert_true(lifo.forgotten > 100);
}

/* ---- Settings and figures -------------------------------------------------------------------- */

static void a_pool_may_be_far_too_large(struct scene *scene)
{
    struct conn_lease lease;
    scene->settings.max_open = 65536;
    scene_open(scene);
    (void)take(scene, &lease);
    give(scene, &lease);
    assert_int_equal(figures(scene).open_peak, 1);
}

static void times_are_recorded(struct scene *scene)
{
    struct borrower first = {.hold_ns = 10 * NS_PER_MS}, second = {.hold_ns = 20 * NS_PER_MS};
    scene->settings.max_open = 1;
    scene_open(scene);
    start(scene, &first);
    start(scene, &second);
    pass(NS_PER_S);
    struct conn_pool_figures f = figures(scene);
    assert_int_equal(f.acquire_ns, 10 * NS_PER_MS);
    assert_int_equal(f.wait_ns, 10 * NS_PER_MS);
    assert_int_equal(f.hold_ns, 30 * NS_PER_MS);
    assert_int_equal(hist_max_ns(conn_pool_acquire_hist(scene->pool)), 10 * NS_PER_MS);
    assert_int_equal(hist_min_ns(conn_pool_hold_hist(scene->pool)), 10 * NS_PER_MS);
    assert_int_equal(hist_max_ns(conn_pool_hold_hist(scene->pool)), 20 * NS_PER_MS);
    uint64_t acquires = 0, holds = 0;
    for (unsigned i = 0; i < CONN_POOL_BUCKETS; i++) {
        acquires += f.acquire_buckets[i];
        holds += f.hold_buckets[i];
        uint64_t below_ns = i ? conn_pool_bucket_ns(i - 1) : 0;
        if (f.acquire_buckets[i] && i > 0)
            assert_true(below_ns < 10 * NS_PER_MS && 10 * NS_PER_MS <= conn_pool_bucket_ns(i));
    }
    assert_int_equal(acquires, 2);
    assert_int_equal(holds, 2);
    assert_int_equal(conn_pool_bucket_ns(0), 1024);
    for (unsigned i = 1; i < CONN_POOL_BUCKETS - 1; i++) { /* none is wider than a quarter */
        uint64_t low_ns = conn_pool_bucket_ns(i - 1), high_ns = conn_pool_bucket_ns(i);
        assert_true(high_ns > low_ns && 4 * (high_ns - low_ns) <= low_ns);
        assert_int_equal(conn_pool_bucket(low_ns + 1), i);
        assert_int_equal(conn_pool_bucket(high_ns), i);
    }
    assert_int_equal(conn_pool_bucket_ns(CONN_POOL_BUCKETS - 2), UINT64_C(1) << 36);
    assert_int_equal(conn_pool_bucket(0), 0);
    assert_int_equal(conn_pool_bucket(UINT64_MAX), CONN_POOL_BUCKETS - 1);
    assert_int_equal(conn_pool_bucket_ns(CONN_POOL_BUCKETS - 1), UINT64_MAX);
}

/* What a service has, with the pool's settings among its own. */
struct service_like {
    uint64_t threads;
    struct conn_pool_settings database;
};

static const struct param service_like_params[] = {
    {PARAM_COUNT("threads", service_like, threads, "1", "threads")},
    CONN_POOL_PARAMS("db_", service_like, database.),
    {0},
};

static void contradicting_settings_are_refused(struct scene *scene)
{
    static const char *const wrong[][2] = {
        {"db_min_idle", "21"},          {"db_prewarm", "21"}, {"db_connect_timeout", "0"},
        {"db_validation_timeout", "0"}, {"db_backoff", "6s"}, {"db_lifetime_jitter", "100%"},
        {"db_keepalive_jitter", "1"},
    };
    (void)scene;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct service_like service = {0};
        struct err err = {0};
        assert_ok(param_defaults(service_like_params, &service, &err));
        assert_ok(conn_pool_settings_check(&service.database, &err));
        const struct param *param = param_find(service_like_params, wrong[i][0]);
        assert_ok(param_set(param, &service, wrong[i][1], &err));
        assert_int_equal(conn_pool_settings_check(&service.database, &err), -EINVAL);
        assert_non_null(strstr(err.text, "must"));
        struct conn_pool *pool = NULL;
        const struct conn_pool_options options = {.settings = &service.database, .driver = &fakes};
        assert_int_equal(conn_pool_create(&pool, scene->ctx, &options, &err), -EINVAL);
        assert_null(pool);
    }
    struct service_like service = {0};
    assert_ok(param_defaults(service_like_params, &service, NULL));
    service.database.max_idle = 1;
    service.database.min_idle = 2;
    assert_int_equal(conn_pool_settings_check(&service.database, NULL), -EINVAL);
    service.database.min_idle = 0;
    service.database.prewarm = 2;
    assert_int_equal(conn_pool_settings_check(&service.database, NULL), -EINVAL);
    service.database.max_open = 0;
    assert_int_equal(conn_pool_settings_check(&service.database, NULL), -EINVAL);
}

static struct item items[] = {
    ITEM(a_connection_is_used_again),
    ITEM(the_last_used_is_used_first),
    ITEM(a_burst_never_opens_more_than_max_open),
    ITEM(the_acquire_timeout_is_a_sharp_bound),
    ITEM(the_end_of_the_request_is_told_from_the_timeout),
    ITEM(a_cancel_at_the_hand_over_loses_nothing),
    ITEM(a_connect_outlives_who_asked_for_it),
    ITEM(a_late_cancel_meets_the_next_borrower_unless_waited_for),
    ITEM(the_longest_waiting_is_served_first),
    ITEM(lifo_serves_the_last_first),
    ITEM(random_serves_everybody_in_some_order),
    ITEM(a_newcomer_does_not_overtake),
    ITEM(who_tries_again_stands_at_the_end),
    ITEM(a_nested_acquire_that_deadlocks_is_seen),
    ITEM(a_nested_acquire_that_succeeds_is_counted),
    ITEM(a_disowned_loan_is_not_held_against_its_fiber),
    ITEM(a_leak_is_reported_with_its_place),
    ITEM(leaks_exhaust_the_pool_and_drain_counts_them),
    ITEM(a_double_release_is_refused_and_harmless),
    ITEM(use_after_release_is_noticed),
    ITEM(without_jitter_all_lifetimes_end_at_once),
    ITEM(with_jitter_lifetimes_end_one_by_one),
    ITEM(a_lifetime_ends_after_the_loan),
    ITEM(idle_connections_go_down_to_min_idle),
    ITEM(min_idle_is_kept_ready),
    ITEM(max_idle_bounds_what_is_kept),
    ITEM(max_idle_0_connects_for_each_use),
    ITEM(steady_use_causes_no_churn),
    ITEM(a_clock_that_jumps_is_survived),
    ITEM(after_a_restart_the_dead_are_found_before_use),
    ITEM(what_was_alive_a_moment_ago_is_not_validated),
    ITEM(a_hand_over_is_validated_too_when_always_asked),
    ITEM(without_validation_the_dead_are_lent),
    ITEM(a_half_open_connection_costs_one_validation_timeout),
    ITEM(a_hung_validation_does_not_blur_the_timeout),
    ITEM(keepalive_finds_the_dead_before_a_borrower_does),
    ITEM(keepalive_is_not_use),
    ITEM(a_slow_keepalive_holds_up_nobody),
    ITEM(what_is_evicted_goes_now_or_when_it_comes_back),
    ITEM(connects_under_way_are_bounded),
    ITEM(unbounded_connects_come_all_at_once),
    ITEM(a_failed_connect_is_retried_with_backoff_and_jitter),
    ITEM(immediate_reconnects_are_a_storm),
    ITEM(backoff_outlives_the_waiters),
    ITEM(a_hanging_connect_is_given_up),
    ITEM(a_server_out_of_slots_is_lived_with),
    ITEM(prewarming_says_why_it_cannot),
    ITEM(prewarmed_connections_are_there_for_the_first),
    ITEM(who_closes_what_still_works_overshoots_the_server),
    ITEM(what_is_left_in_a_session_is_seen_without_reset),
    ITEM(reset_on_return_hides_it),
    ITEM(what_comes_back_dirty_is_reset),
    ITEM(a_failed_reset_closes),
    ITEM(a_suspended_pool_lends_nothing),
    ITEM(shutdown_answers_waiters_and_awaits_loans),
    ITEM(shutdown_calls_off_what_is_under_way),
    ITEM(the_end_of_its_ctx_closes_the_pool),
    ITEM(who_is_turned_away_gets_out_before_the_pool_is_gone),
    ITEM(prewarming_ends_with_the_pool_or_the_request),
    ITEM(of_500_clients_as_many_are_served_as_there_is_time_for),
    ITEM(first_come_first_served_fails_nobody),
    ITEM(random_order_fails_some),
    ITEM(last_come_first_served_forgets_most),
    ITEM(a_pool_may_be_far_too_large),
    ITEM(times_are_recorded),
    ITEM(contradicting_settings_are_refused),
};

int main(void)
{
    enum { ITEMS = sizeof(items) / sizeof(*items) };
    struct CMUnitTest tests[ITEMS];
    for (size_t i = 0; i < ITEMS; i++) {
        tests[i] = (struct CMUnitTest){
            .name = items[i].name, .test_func = play, .initial_state = &items[i]};
    }
    return cmocka_run_group_tests_name("conn_pool", tests, NULL, NULL);
}
