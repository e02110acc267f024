/* SPDX-License-Identifier: MIT */
/* single_flight_test.c - one load for all, whoever gives up, and no value lost or freed twice. */
#include "ring_fixture.h"

#include "core/fiber.h"
#include "core/group.h"
#include "core/rng.h"
#include "subject/single_flight.h"

#include <stdlib.h>
#include <string.h>

enum { CALLERS = 8 };

/* What loads do: wait at the gate, then answer the key's first letter; '!' fails. */
struct source {
    struct waitq gate;
    struct single_flight *flights;
    int loads, made, freed, cancelled;
    int inner_rc;    /* of the load a load asked for */
    bool gate_open;  /* loads do not wait */
    bool stubborn;   /* loads do not heed their ctx */
    const char *ask; /* what a load of "a" asks for in turn */
};

static int load(struct ctx *ctx, void *user, const void *key, size_t key_bytes, void **value)
{
    struct source *source = user;
    const char *text = key;
    assert_true(key_bytes > 0);
    source->loads++;
    if (source->ask && text[0] != source->ask[0]) {
        const struct single_flight_result *inner;
        source->inner_rc =
            single_flight_do(ctx, source->flights, source->ask, strlen(source->ask), &inner);
        if (source->inner_rc)
            return source->inner_rc;
        single_flight_release(inner);
    }
    int rc = 0;
    if (!source->gate_open)
        rc = waitq_wait(source->stubborn ? NULL : ctx, &source->gate, NULL);
    if (rc)
        source->cancelled++;
    if (rc || text[0] == '!')
        return rc ? rc : -EIO;
    char *made = malloc(1);
    assert_non_null(made);
    *made = text[0];
    *value = made;
    source->made++;
    return 0;
}

static void release(void *user, void *value)
{
    ((struct source *)user)->freed++;
    free(value);
}

static void open_source(struct ctx *root, struct source *source,
                        struct single_flight_options options)
{
    *source = (struct source){0};
    waitq_init(&source->gate);
    options.load = load, options.release = release, options.user = source;
    assert_ok(single_flight_create(&source->flights, root, &options, NULL));
}

static void close_source(struct source *source)
{
    const struct single_flight_figures *figures = single_flight_figures(source->flights);
    assert_int_equal(counter_read(&figures->waiting), 0);
    single_flight_destroy(source->flights);
    assert_int_equal(source->made, source->freed);
}

struct caller {
    struct ctx ctx;
    struct source *source;
    const char *key;
    int rc;
    bool keeps; /* gives the value back later */
    const struct single_flight_result *result;
};

static void call(struct ctx *ctx, void *arg)
{
    (void)ctx;
    struct caller *caller = arg;
    struct single_flight *flights = caller->source->flights;
    caller->rc =
        single_flight_do(&caller->ctx, flights, caller->key, strlen(caller->key), &caller->result);
    if (caller->rc)
        return;
    assert_int_equal(*(const char *)caller->result->value, caller->key[0]);
    if (!caller->keeps)
        single_flight_release(caller->result);
}

struct crowd {
    struct group group;
    struct caller callers[CALLERS];
};

static void gather(struct ctx *root, struct crowd *crowd, struct source *source, const char *key)
{
    group_init(&crowd->group, root);
    for (size_t i = 0; i < CALLERS; i++) {
        crowd->callers[i] = (struct caller){.source = source, .key = key, .rc = 1};
        ctx_init(&crowd->callers[i].ctx, root);
        assert_ok(group_spawn(&crowd->group, "caller", call, &crowd->callers[i]));
    }
    fiber_yield(), fiber_yield();
}

static void disperse(struct ctx *root, struct crowd *crowd)
{
    assert_ok(group_join(root, &crowd->group));
    assert_int_equal(group_fini(&crowd->group), 0);
    for (size_t i = 0; i < CALLERS; i++)
        ctx_fini(&crowd->callers[i].ctx);
}

static void cancel_all_but(struct crowd *crowd, size_t stays)
{
    for (size_t i = 0; i < CALLERS; i++)
        if (i != stays)
            ctx_cancel(&crowd->callers[i].ctx, "had enough");
}

static void share(struct ctx *root, void *arg)
{
    (void)arg;
    struct source source;
    struct crowd crowd;
    open_source(root, &source, (struct single_flight_options){0});
    const struct single_flight_figures *figures = single_flight_figures(source.flights);
    for (int round = 1; round <= 3; round++) {
        gather(root, &crowd, &source, round == 2 ? "!" : "key");
        assert_int_equal(source.loads, round);
        assert_int_equal(counter_read(&figures->waiting), CALLERS);
        assert_int_equal(counter_read(&figures->flights), 1);
        assert_int_equal(waitq_wake_all(&source.gate), 1);
        disperse(root, &crowd);
        for (size_t i = 0; i < CALLERS; i++)
            assert_int_equal(crowd.callers[i].rc, round == 2 ? -EIO : 0);
        assert_int_equal(counter_read(&figures->held), 0);
    }
    assert_int_equal(counter_read(&figures->calls), 3 * CALLERS);
    assert_int_equal(counter_read(&figures->loads), 3);
    assert_int_equal(counter_read(&figures->shared), 3 * (CALLERS - 1));
    assert_int_equal(counter_read(&figures->failed), 1);
    close_source(&source);
    assert_int_equal(source.made, 2);
}

static void all_share_one_load_and_its_error(void **unused)
{
    (void)unused;
    (void)run_on_ring(share, NULL);
}

/* The first caller goes, then all but the last: the load does not notice. */
static void lose_the_first(struct ctx *root, void *arg)
{
    (void)arg;
    struct source source;
    struct crowd crowd;
    open_source(root, &source, (struct single_flight_options){0});
    gather(root, &crowd, &source, "key");
    ctx_cancel(&crowd.callers[0].ctx, "the first");
    fiber_yield(), fiber_yield();
    assert_int_equal(crowd.callers[0].rc, -ECANCELED);
    assert_int_equal(source.gate.length, 1);
    cancel_all_but(&crowd, CALLERS - 1);
    fiber_yield(), fiber_yield();
    assert_int_equal(source.gate.length, 1);
    (void)waitq_wake_all(&source.gate);
    disperse(root, &crowd);
    assert_ok(crowd.callers[CALLERS - 1].rc);
    assert_int_equal(source.loads, 1);
    close_source(&source);
    assert_int_equal(source.cancelled, 0);
}

static void the_first_caller_takes_nobody_down(void **unused)
{
    (void)unused;
    (void)run_on_ring(lose_the_first, NULL);
}

static void lose_all(struct ctx *root, void *arg)
{
    bool finish = arg != NULL;
    struct source source;
    struct crowd crowd, next;
    open_source(root, &source, (struct single_flight_options){.finish_unwanted = finish});
    const struct single_flight_figures *figures = single_flight_figures(source.flights);
    source.stubborn = true; /* the load goes on after it was cancelled, and succeeds at last */
    gather(root, &crowd, &source, "key");
    cancel_all_but(&crowd, CALLERS);
    disperse(root, &crowd);
    assert_int_equal(counter_read(&figures->abandoned), CALLERS);
    assert_int_equal(counter_read(&figures->cancelled), !finish);
    gather(root, &next, &source, "key"); /* a load of their own, or the one that goes on */
    assert_int_equal(source.loads, finish ? 1 : 2);
    (void)waitq_wake_all(&source.gate);
    disperse(root, &next);
    for (size_t i = 0; i < CALLERS; i++)
        assert_ok(next.callers[i].rc);
    close_source(&source);
    assert_int_equal(source.made, finish ? 1 : 2);
}

static void a_load_nobody_wants_is_cancelled_and_not_joined(void **unused)
{
    (void)unused;
    (void)run_on_ring(lose_all, NULL);
}

static void a_load_may_finish_unwanted(void **unused)
{
    (void)unused;
    static char finish;
    (void)run_on_ring(lose_all, &finish);
}

/* The only caller gives up before the load's fiber has run at all, and in the pass it ends. */
static void be_hasty(struct ctx *root, void *arg)
{
    (void)arg;
    struct source source;
    struct crowd crowd;
    open_source(root, &source, (struct single_flight_options){0});
    const struct single_flight_figures *figures = single_flight_figures(source.flights);
    struct ctx over;
    const struct single_flight_result *result;
    ctx_init(&over, root);
    ctx_cancel(&over, "over");
    assert_int_equal(single_flight_do(&over, source.flights, "x", 1, &result), -ECANCELED);
    ctx_fini(&over);
    assert_int_equal(counter_read(&figures->loads), 0);

    gather(root, &crowd, &source, "key");
    cancel_all_but(&crowd, CALLERS);    /* all have been told and none has run, */
    (void)waitq_wake_all(&source.gate); /* when the load ends well */
    disperse(root, &crowd);
    for (size_t i = 0; i < CALLERS; i++)
        assert_int_equal(crowd.callers[i].rc, -ECANCELED);

    gather(root, &crowd, &source, "key");
    (void)waitq_wake_all(&source.gate);
    fiber_yield(); /* the load has ended and woken all, who run after us */
    cancel_all_but(&crowd, CALLERS);
    disperse(root, &crowd);
    for (size_t i = 0; i < CALLERS; i++)
        assert_ok(crowd.callers[i].rc); /* what was handed over stays */

    uint64_t cancelled = counter_read(&figures->cancelled);
    gather(root, &crowd, &source, "key");
    (void)waitq_wake_all(&source.gate); /* the load ends before those who give up have run: */
    cancel_all_but(&crowd, CALLERS);
    disperse(root, &crowd);
    for (size_t i = 0; i < CALLERS; i++)
        assert_int_equal(crowd.callers[i].rc, -ECANCELED);
    assert_int_equal(counter_read(&figures->cancelled), cancelled); /* nothing is left to cancel */
    close_source(&source);
    assert_int_equal(source.made, 3);
}

static void ends_that_meet_lose_nothing(void **unused)
{
    (void)unused;
    (void)run_on_ring(be_hasty, NULL);
}

static void forget(struct ctx *root, void *arg)
{
    (void)arg;
    struct source source;
    struct crowd old, new;
    open_source(root, &source, (struct single_flight_options){0});
    assert_false(single_flight_forget(source.flights, "key", 3));
    gather(root, &old, &source, "key");
    assert_false(single_flight_forget(source.flights, "ke", 2));
    assert_true(single_flight_forget(source.flights, "key", 3));
    assert_false(single_flight_forget(source.flights, "key", 3));
    gather(root, &new, &source, "key");
    assert_int_equal(source.loads, 2);
    assert_true(waitq_wake_one(&source.gate, NULL)); /* the old load ends, the new one stays */
    disperse(root, &old);
    assert_int_equal(single_flight_forget(source.flights, "key", 3), true);
    (void)waitq_wake_all(&source.gate);
    disperse(root, &new);
    for (size_t i = 0; i < CALLERS; i++)
        assert_int_equal(old.callers[i].rc + new.callers[i].rc, 0);
    close_source(&source);
    assert_int_equal(source.made, 2);
}

static void forgetting_starts_anew_and_leaves_the_old_alone(void **unused)
{
    (void)unused;
    (void)run_on_ring(forget, NULL);
}

static void limit(struct ctx *root, void *arg)
{
    (void)arg;
    struct source source;
    struct crowd crowd;
    const struct single_flight_result *result;
    open_source(root, &source,
                (struct single_flight_options){.flights_max = 2, .load_max_ns = NS_PER_MS});
    gather(root, &crowd, &source, "key");
    assert_ok(single_flight_start(source.flights, "other", 5));
    assert_ok(single_flight_start(source.flights, "other", 5)); /* once is enough */
    assert_int_equal(single_flight_start(source.flights, "third", 5), -EBUSY);
    assert_int_equal(single_flight_do(root, source.flights, "third", 5, &result), -EBUSY);
    assert_int_equal(counter_read(&single_flight_figures(source.flights)->rejected), 2);
    disperse(root, &crowd); /* the load's time is over, and nobody else's */
    for (size_t i = 0; i < CALLERS; i++)
        assert_int_equal(crowd.callers[i].rc, -ETIMEDOUT);
    close_source(&source);
    assert_int_equal(source.loads, 2);
}

static void loads_are_limited_in_number_and_time(void **unused)
{
    (void)unused;
    (void)run_on_ring(limit, NULL);
}

/* "a" loads "b" loads "b" or "a"; and a load of a load that is no circle. */
static void go_in_circles(struct ctx *root, void *arg)
{
    const char *ask = arg;
    struct source source;
    const struct single_flight_result *result;
    open_source(root, &source, (struct single_flight_options){0});
    source.gate_open = true, source.ask = ask;
    assert_ok(single_flight_do(root, source.flights, "a", 1, &result));
    assert_ok(source.inner_rc);
    assert_int_equal(source.loads, 2);
    single_flight_release(result);
    close_source(&source);
}

static void a_load_may_ask_for_another(void **unused)
{
    (void)unused;
    static char other[] = "b";
    (void)run_on_ring(go_in_circles, other);
}

static int ask_next(struct ctx *ctx, void *user, const void *key, size_t key_bytes, void **value)
{
    struct source *source = user;
    const char *next = *(const char *)key == 'a' ? "b" : source->ask;
    const struct single_flight_result *inner;
    (void)key_bytes, (void)value;
    source->loads++;
    return single_flight_do(ctx, source->flights, next, 1, &inner);
}

static void close_circle(struct ctx *root, void *arg)
{
    struct source source = {.ask = arg};
    const struct single_flight_result *result;
    const struct single_flight_options options = {.load = ask_next, .user = &source};
    assert_ok(single_flight_create(&source.flights, root, &options, NULL));
    assert_int_equal(single_flight_do(root, source.flights, "a", 1, &result), -EDEADLK);
    assert_int_equal(source.loads, 2);
    assert_int_equal(counter_read(&single_flight_figures(source.flights)->rejected), 1);
    single_flight_destroy(source.flights);
}

static void a_circle_of_loads_is_refused(void **unused)
{
    (void)unused;
    static char first[] = "a", itself[] = "b";
    (void)run_on_ring(close_circle, first);
    (void)run_on_ring(close_circle, itself);
}

static void end_early(struct ctx *root, void *arg)
{
    (void)arg;
    struct source source;
    open_source(root, &source, (struct single_flight_options){0});
    assert_ok(single_flight_start(source.flights, "key", 3));
    fiber_yield();
    assert_ok(single_flight_start(source.flights, "late", 4)); /* has not run yet */
    close_source(&source);
    assert_int_equal(source.loads, 1);
    assert_int_equal(source.cancelled, 1);
    struct err err = {0};
    const struct single_flight_options none = {0};
    assert_int_equal(single_flight_create(&source.flights, root, &none, &err), -EINVAL);
    single_flight_destroy(NULL);
}

static void destroying_ends_the_loads(void **unused)
{
    (void)unused;
    struct ring_stats stats = run_on_ring(end_early, NULL);
    assert_int_equal(stats.fibers_leaked, 0);
}

static void shuffle(struct ctx *root, void *arg)
{
    (void)arg;
    static const char *const keys[] = {"a", "b", "!"};
    struct rng rng;
    struct source source;
    rng_init(&rng, 17, 0);
    open_source(root, &source, (struct single_flight_options){0});
    const struct single_flight_figures *figures = single_flight_figures(source.flights);
    for (int round = 0; round < 300; round++) {
        struct crowd crowds[3];
        for (size_t k = 0; k < 3; k++)
            gather(root, &crowds[k], &source, keys[k]);
        for (int step = 0; step < 24; step++) {
            size_t k = rng_below(&rng, 3);
            if (rng_below(&rng, 8) == 0)
                (void)waitq_wake_one(&source.gate, NULL);
            else if (rng_below(&rng, 8) == 0)
                (void)single_flight_forget(source.flights, keys[k], 1);
            else if (rng_below(&rng, 8) == 0)
                cancel_all_but(&crowds[k], CALLERS);
            else
                ctx_cancel(&crowds[k].callers[rng_below(&rng, CALLERS)].ctx, "shuffled");
            if (rng_below(&rng, 3) == 0)
                fiber_yield();
        }
        while (crowds[0].group.live + crowds[1].group.live + crowds[2].group.live > 0) {
            (void)waitq_wake_all(&source.gate);
            fiber_yield();
        }
        for (size_t k = 0; k < 3; k++) {
            disperse(root, &crowds[k]);
            for (size_t i = 0; i < CALLERS; i++)
                assert_true(crowds[k].callers[i].rc == -ECANCELED ||
                            crowds[k].callers[i].rc == (k == 2 ? -EIO : 0));
        }
        assert_int_equal(counter_read(&figures->waiting), 0);
    }
    close_source(&source);
    assert_true(source.made > 100 && source.cancelled > 10);
}

static void no_value_is_lost_in_any_order(void **unused)
{
    (void)unused;
    (void)run_on_ring(shuffle, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_share_one_load_and_its_error),
        cmocka_unit_test(the_first_caller_takes_nobody_down),
        cmocka_unit_test(a_load_nobody_wants_is_cancelled_and_not_joined),
        cmocka_unit_test(a_load_may_finish_unwanted),
        cmocka_unit_test(ends_that_meet_lose_nothing),
        cmocka_unit_test(forgetting_starts_anew_and_leaves_the_old_alone),
        cmocka_unit_test(loads_are_limited_in_number_and_time),
        cmocka_unit_test(a_load_may_ask_for_another),
        cmocka_unit_test(a_circle_of_loads_is_refused),
        cmocka_unit_test(destroying_ends_the_loads),
        cmocka_unit_test(no_value_is_lost_in_any_order),
    };
    return cmocka_run_group_tests_name("single_flight", tests, NULL, NULL);
}
