/* SPDX-License-Identifier: MIT */
/* bulkhead_test.c - never too many inside, never a place lost, first come, first served. */
#include "ring_fixture.h"

#include "core/fiber.h"
#include "core/group.h"
#include "core/rng.h"
#include "subject/bulkhead.h"

enum { VISITORS = 12 };

static void make(struct bulkhead *bulkhead, uint64_t inside_max, uint64_t waiting_max,
                 uint64_t wait_max_ns)
{
    const struct bulkhead_options options = {inside_max, waiting_max, wait_max_ns};
    assert_ok(bulkhead_init(bulkhead, &options, NULL));
}

static void it_refuses_senseless_options(void **unused)
{
    (void)unused;
    struct bulkhead bulkhead;
    struct err err = {0};
    const struct bulkhead_options options = {.waiting_max = 3};
    assert_int_equal(bulkhead_init(&bulkhead, &options, &err), -EINVAL);
    assert_string_equal(err.text, "expected room for at least 1 inside");
}

struct visitor {
    struct ctx ctx;
    struct bulkhead *bulkhead;
    struct waitq *doors; /* inside, it waits here to leave */
    int rc;
    size_t *entered; /* how many had been before */
    size_t place;
};

static void visit(struct ctx *ctx, void *arg)
{
    (void)ctx;
    struct visitor *visitor = arg;
    visitor->rc = bulkhead_enter(&visitor->ctx, visitor->bulkhead);
    if (visitor->rc)
        return;
    visitor->place = (*visitor->entered)++;
    assert_true(counter_read(&visitor->bulkhead->figures.inside) <=
                visitor->bulkhead->options.inside_max);
    (void)waitq_wait(NULL, visitor->doors, NULL);
    bulkhead_leave(visitor->bulkhead);
}

struct crowd {
    struct group group;
    struct waitq doors;
    struct visitor visitors[VISITORS];
    size_t entered;
};

static void gather(struct ctx *root, struct crowd *crowd, struct bulkhead *bulkhead)
{
    crowd->entered = 0;
    group_init(&crowd->group, root);
    waitq_init(&crowd->doors);
    for (size_t i = 0; i < VISITORS; i++) {
        crowd->visitors[i] = (struct visitor){
            .bulkhead = bulkhead, .doors = &crowd->doors, .entered = &crowd->entered};
        ctx_init(&crowd->visitors[i].ctx, root);
        assert_ok(group_spawn(&crowd->group, "visitor", visit, &crowd->visitors[i]));
    }
    fiber_yield();
}

static void disperse(struct ctx *root, struct crowd *crowd, const struct bulkhead *bulkhead)
{
    while (crowd->group.live > 0) {
        (void)waitq_wake_one(&crowd->doors, NULL);
        fiber_yield();
    }
    assert_ok(group_join(root, &crowd->group));
    assert_int_equal(group_fini(&crowd->group), 0);
    for (size_t i = 0; i < VISITORS; i++)
        ctx_fini(&crowd->visitors[i].ctx);
    assert_int_equal(counter_read(&bulkhead->figures.inside), 0);
    assert_int_equal(counter_read(&bulkhead->figures.waiting), 0);
    assert_int_equal(bulkhead->line.length, 0);
}

static void fill(struct ctx *root, void *arg)
{
    (void)arg;
    struct bulkhead bulkhead;
    make(&bulkhead, 3, 4, 0);
    struct crowd crowd;
    gather(root, &crowd, &bulkhead);
    assert_int_equal(counter_read(&bulkhead.figures.inside), 3);
    assert_int_equal(counter_read(&bulkhead.figures.waiting), 4);
    assert_int_equal(counter_read(&bulkhead.figures.rejected), VISITORS - 7);
    for (size_t i = 7; i < VISITORS; i++)
        assert_int_equal(crowd.visitors[i].rc, -EBUSY);
    assert_false(bulkhead_try_enter(&bulkhead));
    assert_true(waitq_wake_one(&crowd.doors, NULL));
    fiber_yield();                               /* one has left and handed its place on */
    assert_false(bulkhead_try_enter(&bulkhead)); /* so that nobody slips in between */
    disperse(root, &crowd, &bulkhead);
    for (size_t i = 0; i < 7; i++) {
        assert_ok(crowd.visitors[i].rc);
        assert_int_equal(crowd.visitors[i].place, i);
    }
    assert_int_equal(counter_read(&bulkhead.figures.entered), 7);
    assert_int_equal(counter_read(&bulkhead.figures.waited), 4);
    assert_true(bulkhead_try_enter(&bulkhead));
    bulkhead_leave(&bulkhead);
}

static void both_limits_hold_and_the_line_is_fair(void **unused)
{
    (void)unused;
    (void)run_on_ring(fill, NULL);
}

static void refuse(struct ctx *root, void *arg)
{
    (void)arg;
    struct bulkhead bulkhead;
    make(&bulkhead, 1, 0, 0);
    assert_ok(bulkhead_enter(root, &bulkhead));
    assert_int_equal(bulkhead_enter(root, &bulkhead), -EBUSY); /* not reentrant */
    bulkhead_leave(&bulkhead);
    struct ctx over;
    ctx_init(&over, root);
    ctx_cancel(&over, "over");
    assert_int_equal(bulkhead_enter(&over, &bulkhead), -ECANCELED);
    assert_int_equal(counter_read(&bulkhead.figures.inside), 0);
    ctx_fini(&over);
}

static void without_a_line_nobody_waits(void **unused)
{
    (void)unused;
    (void)run_on_ring(refuse, NULL);
}

static void lose_patience(struct ctx *root, void *arg)
{
    (void)arg;
    struct bulkhead bulkhead;
    make(&bulkhead, 1, 5, NS_PER_MS);
    struct ctx near;
    assert_ok(bulkhead_enter(root, &bulkhead));
    assert_int_equal(bulkhead_enter(root, &bulkhead), -EBUSY);
    ctx_init_timeout(&near, root, NS_PER_MS / 2);
    assert_int_equal(bulkhead_enter(&near, &bulkhead), -ETIMEDOUT);
    ctx_fini(&near);
    assert_int_equal(counter_read(&bulkhead.figures.rejected), 1);
    assert_int_equal(counter_read(&bulkhead.figures.abandoned), 1);
    bulkhead_leave(&bulkhead);
    assert_int_equal(counter_read(&bulkhead.figures.inside), 0);
}

static void patience_and_deadline_are_told_apart(void **unused)
{
    (void)unused;
    (void)run_on_ring(lose_patience, NULL);
}

/* 1 leaves, its place goes to 2, which is cancelled before it runs: 3 gets it. */
static void hand_over(struct ctx *root, void *arg)
{
    (void)arg;
    struct bulkhead bulkhead;
    make(&bulkhead, 1, VISITORS, 0);
    struct crowd crowd;
    gather(root, &crowd, &bulkhead);
    assert_int_equal(crowd.entered, 1);
    assert_true(waitq_wake_one(&crowd.doors, NULL));
    fiber_yield();
    assert_int_equal(crowd.entered, 1); /* 1 has the place, and is ready behind us */
    ctx_cancel(&crowd.visitors[1].ctx, "too late");
    fiber_yield(), fiber_yield();
    assert_int_equal(crowd.visitors[1].rc, -ECANCELED);
    assert_int_equal(crowd.visitors[2].place, 1);
    assert_int_equal(counter_read(&bulkhead.figures.abandoned), 1);
    disperse(root, &crowd, &bulkhead);
    assert_int_equal(counter_read(&bulkhead.figures.entered), VISITORS - 1);
}

static void a_place_given_to_the_cancelled_goes_on(void **unused)
{
    (void)unused;
    (void)run_on_ring(hand_over, NULL);
}

static void shuffle(struct ctx *root, void *arg)
{
    (void)arg;
    struct rng rng;
    rng_init(&rng, 9, 0);
    for (int round = 0; round < 700; round++) {
        struct bulkhead bulkhead;
        make(&bulkhead, 1 + rng_below(&rng, 4), rng_below(&rng, VISITORS), 0);
        struct crowd crowd;
        gather(root, &crowd, &bulkhead);
        for (int step = 0; step < 20; step++) {
            if (rng_below(&rng, 2))
                (void)waitq_wake_one(&crowd.doors, NULL);
            else
                ctx_cancel(&crowd.visitors[rng_below(&rng, VISITORS)].ctx, "shuffled");
            if (rng_below(&rng, 3) == 0)
                fiber_yield();
        }
        disperse(root, &crowd, &bulkhead);
        uint64_t entered = 0;
        for (size_t i = 0; i < VISITORS; i++)
            entered += crowd.visitors[i].rc == 0;
        assert_int_equal(counter_read(&bulkhead.figures.entered), entered);
        assert_int_equal(entered + counter_read(&bulkhead.figures.rejected) +
                             counter_read(&bulkhead.figures.abandoned),
                         VISITORS);
    }
}

static void no_place_is_lost_in_any_order(void **unused)
{
    (void)unused;
    (void)run_on_ring(shuffle, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_refuses_senseless_options),
        cmocka_unit_test(both_limits_hold_and_the_line_is_fair),
        cmocka_unit_test(without_a_line_nobody_waits),
        cmocka_unit_test(patience_and_deadline_are_told_apart),
        cmocka_unit_test(a_place_given_to_the_cancelled_goes_on),
        cmocka_unit_test(no_place_is_lost_in_any_order),
    };
    return cmocka_run_group_tests_name("bulkhead", tests, NULL, NULL);
}
