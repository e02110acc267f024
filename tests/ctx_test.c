/* SPDX-License-Identifier: MIT */
/* ctx_test.c - endings spread downwards only, deadlines are inherited, hand-overs are never lost.
 */
#include "ring_fixture.h"

#include "core/fiber.h"
#include "core/group.h"
#include "core/rng.h"
#include "core/waitq.h"

#include <stdlib.h>

static void end_a_branch(struct ctx *root, void *arg)
{
    (void)arg;
    struct ctx a, b, a1, a2, a11;
    ctx_init(&a, root);
    ctx_init(&b, root);
    ctx_init(&a1, &a);
    ctx_init(&a2, &a);
    ctx_init(&a11, &a1);
    ctx_cancel(&a1, "branch");
    assert_int_equal(ctx_error(&a11), -ECANCELED);
    assert_ok(ctx_error(&a2));
    ctx_cancel(&a, "all of a");
    assert_string_equal(ctx_cause(&a11), "branch"); /* the first ending stays */
    assert_string_equal(ctx_cause(&a2), "all of a");
    assert_ok(ctx_error(&b));
    assert_ok(ctx_error(root));
    struct ctx late;
    ctx_init(&late, &a);
    assert_int_equal(ctx_error(&late), -ECANCELED);
    ctx_fini(&late), ctx_fini(&a11), ctx_fini(&a1), ctx_fini(&a2), ctx_fini(&b), ctx_fini(&a);
}

static void endings_spread_downwards(void **unused)
{
    (void)unused;
    (void)run_on_ring(end_a_branch, NULL);
}

static void go_deep(struct ctx *root, void *arg)
{
    (void)arg;
    enum { DEPTH = 200000 };
    struct ctx *chain = calloc(DEPTH, sizeof(*chain));
    assert_non_null(chain);
    for (size_t i = 0; i < DEPTH; i++)
        ctx_init(&chain[i], i ? &chain[i - 1] : root);
    ctx_cancel(&chain[0], "top");
    for (size_t i = DEPTH; i-- > 0;) {
        assert_int_equal(ctx_error(&chain[i]), -ECANCELED);
        ctx_fini(&chain[i]);
    }
    free(chain);
}

static void depth_is_no_danger(void **unused)
{
    (void)unused;
    (void)run_on_ring(go_deep, NULL);
}

static void inherit_deadlines(struct ctx *root, void *arg)
{
    (void)arg;
    uint64_t now_ns = clock_now_ns();
    struct ctx near, far, child;
    ctx_init_deadline(&near, root, now_ns + NS_PER_MS);
    ctx_init_deadline(&far, &near, now_ns + NS_PER_S);
    ctx_init(&child, &far);
    assert_int_equal(ctx_deadline_ns(&child), now_ns + NS_PER_MS);
    assert_int_equal(fiber_sleep(&child, 10 * NS_PER_S), -ETIMEDOUT);
    assert_true(clock_now_ns() >= now_ns + NS_PER_MS);
    assert_int_equal(ctx_error(&near), -ETIMEDOUT);
    assert_string_equal(ctx_cause(&child), "deadline exceeded");
    assert_ok(ctx_error(root));
    ctx_fini(&child), ctx_fini(&far), ctx_fini(&near);
    struct ctx past;
    ctx_init_deadline(&past, root, now_ns);
    assert_int_equal(fiber_sleep(&past, NS_PER_S), -ETIMEDOUT);
    ctx_fini(&past);
}

static void deadlines_are_inherited(void **unused)
{
    (void)unused;
    (void)run_on_ring(inherit_deadlines, NULL);
}

static void move_deadlines(struct ctx *root, void *arg)
{
    (void)arg;
    uint64_t now_ns = clock_now_ns();
    struct ctx outer, inner;
    ctx_init_deadline(&outer, root, now_ns + 10 * NS_PER_S);
    ctx_init_deadline(&inner, &outer, now_ns + NS_PER_MS);
    ctx_set_deadline(&inner, now_ns + 4 * NS_PER_MS); /* later: the timer looks, and looks again */
    assert_ok(fiber_sleep_until(&inner, now_ns + 2 * NS_PER_MS));
    assert_int_equal(fiber_sleep(&inner, 10 * NS_PER_S), -ETIMEDOUT);
    assert_true(clock_now_ns() >= now_ns + 4 * NS_PER_MS);
    ctx_set_deadline(&inner, now_ns + NS_PER_S); /* too late */
    assert_int_equal(ctx_error(&inner), -ETIMEDOUT);
    ctx_fini(&inner);
    ctx_init(&inner, &outer);
    ctx_set_deadline(&inner, now_ns + 20 * NS_PER_S); /* an ancestor's is earlier */
    assert_int_equal(ctx_deadline_ns(&inner), now_ns + 10 * NS_PER_S);
    ctx_set_deadline(&inner, clock_now_ns() + NS_PER_MS); /* earlier than any before */
    assert_int_equal(fiber_sleep(&inner, 5 * NS_PER_S), -ETIMEDOUT);
    assert_ok(ctx_error(&outer));
    ctx_fini(&inner);
    ctx_init_deadline(&inner, root, clock_now_ns() + NS_PER_MS);
    ctx_set_deadline(&inner, CLOCK_NEVER);
    assert_ok(fiber_sleep(&inner, 2 * NS_PER_MS));
    ctx_fini(&inner), ctx_fini(&outer);
}

static void deadlines_move(void **unused)
{
    (void)unused;
    (void)run_on_ring(move_deadlines, NULL);
}

static void carry_values(struct ctx *root, void *arg)
{
    (void)arg;
    static const char user_key, trace_key;
    int user = 1, other = 2;
    struct ctx a, b, c;
    ctx_init_value(&a, root, &user_key, &user);
    ctx_init(&b, &a);
    ctx_init_value(&c, &b, &user_key, &other);
    assert_ptr_equal(ctx_value(&b, &user_key), &user);
    assert_ptr_equal(ctx_value(&c, &user_key), &other);
    assert_null(ctx_value(&c, &trace_key));
    ctx_fini(&c), ctx_fini(&b), ctx_fini(&a);
}

static void values_are_found_upwards(void **unused)
{
    (void)unused;
    (void)run_on_ring(carry_values, NULL);
}

/* ---- Being woken and being cancelled, in every order ----------------------------------------- */

struct taker {
    struct ctx ctx;
    struct waitq *queue;
    int taken, refused;
};

static void take(struct ctx *ctx, void *arg)
{
    (void)ctx;
    struct taker *taker = arg;
    void *gift = NULL;
    int rc = waitq_wait(&taker->ctx, taker->queue, &gift);
    if (rc == 0) {
        assert_non_null(gift);
        taker->taken++;
    } else {
        assert_null(gift);
        taker->refused++;
    }
}

static void race(struct ctx *root, void *arg)
{
    struct rng rng;
    rng_init(&rng, 1, 0);
    (void)arg;
    for (int round = 0; round < 2000; round++) {
        enum { TAKERS = 8 };
        struct taker takers[TAKERS] = {0};
        struct waitq queue;
        struct group group;
        waitq_init(&queue);
        group_init(&group, root);
        for (size_t i = 0; i < TAKERS; i++) {
            ctx_init(&takers[i].ctx, root);
            takers[i].queue = &queue;
            assert_ok(group_spawn(&group, "taker", take, &takers[i]));
        }
        fiber_yield();
        int given = 0;
        while (queue.length > 0) { /* gifts and cancellations, shuffled, some in one pass */
            if (rng_below(&rng, 2))
                given += (rng_below(&rng, 2) ? waitq_wake_one : waitq_wake_last)(&queue, &queue);
            else
                ctx_cancel(&takers[rng_below(&rng, TAKERS)].ctx, "shuffled");
            if (rng_below(&rng, 3) == 0)
                fiber_yield();
        }
        assert_ok(group_join(root, &group));
        int taken = 0;
        for (size_t i = 0; i < TAKERS; i++) {
            assert_int_equal(takers[i].taken + takers[i].refused, 1);
            taken += takers[i].taken;
            ctx_fini(&takers[i].ctx);
        }
        assert_int_equal(taken, given); /* no gift is lost, none comes twice */
        assert_int_equal(group_fini(&group), 0);
    }
}

static void no_gift_is_ever_lost(void **unused)
{
    (void)unused;
    (void)run_on_ring(race, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endings_spread_downwards), cmocka_unit_test(depth_is_no_danger),
        cmocka_unit_test(deadlines_are_inherited),  cmocka_unit_test(deadlines_move),
        cmocka_unit_test(values_are_found_upwards), cmocka_unit_test(no_gift_is_ever_lost),
    };
    return cmocka_run_group_tests_name("ctx", tests, NULL, NULL);
}
