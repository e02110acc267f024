/* SPDX-License-Identifier: MIT */
/* cached_read_test.c - the ages of a value on a clock of the test's, and loads that end too late.
 */
#include "ring_fixture.h"

#include "core/fiber.h"
#include "core/group.h"
#include "core/rng.h"
#include "subject/cached_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t now_ns; /* of the cache under test */

static uint64_t read_now(void)
{
    return now_ns;
}

/* What loads do: wait at the gate if there is one, then answer the number of the load, or fail. */
struct source {
    struct cached_read *cache;
    const struct cached_read_figures *figures;
    struct waitq gate;
    bool gated;
    int fail; /* with this */
    int loads, made, freed;
};

static int load(struct ctx *ctx, void *user, const void *key, size_t key_bytes, void **value)
{
    struct source *source = user;
    (void)key, (void)key_bytes;
    int number = ++source->loads;
    int rc = source->gated ? waitq_wait(ctx, &source->gate, NULL) : ctx_error(ctx);
    if (rc || source->fail)
        return rc ? rc : source->fail;
    int *made = malloc(sizeof(*made));
    assert_non_null(made);
    *made = number;
    *value = made;
    source->made++;
    return 0;
}

static void release(void *user, void *value)
{
    ((struct source *)user)->freed++;
    free(value);
}

static const struct cached_read_options usual = {
    .ttl_ns = 100,
    .refresh_ns = 50,
    .rescue_ns = 1000,
    .pause_ns = 20,
    .entries_max = 4,
};

static void open_source(struct ctx *root, struct source *source, struct cached_read_options options)
{
    *source = (struct source){0};
    waitq_init(&source->gate);
    options.load = load, options.release = release, options.user = source;
    options.now_ns = read_now;
    now_ns = 1000;
    assert_ok(cached_read_create(&source->cache, root, &options, NULL));
    source->figures = cached_read_figures(source->cache);
}

static void close_source(struct source *source)
{
    cached_read_destroy(source->cache);
    assert_int_equal(source->made, source->freed);
}

/* The number of the load that made what is answered, or the error. */
static int get(struct ctx *ctx, struct source *source, const char *key)
{
    const struct cached_item *item;
    int rc = cached_read_get(ctx, source->cache, key, strlen(key), &item);
    if (rc)
        return rc;
    int number = *(const int *)item->value;
    cached_read_put(item);
    return number;
}

#define FIGURE(source, name) ((int)counter_read(&(source).figures->name))

static void refuse(struct ctx *root, void *arg)
{
    (void)arg;
    struct cached_read *cache;
    struct err err = {0};
    struct cached_read_options bad[4];
    for (size_t i = 0; i < 4; i++)
        bad[i] = usual, bad[i].load = load;
    bad[0].load = NULL, bad[1].entries_max = 0, bad[2].entries_max = UINT64_MAX;
    bad[3].jitter_ns = 101;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(cached_read_create(&cache, root, &bad[i], &err), -EINVAL);
        assert_int_equal(strncmp(err.text, "expected", 8), 0);
    }
    cached_read_destroy(NULL);
}

static void it_refuses_senseless_options(void **unused)
{
    (void)unused;
    (void)run_on_ring(refuse, NULL);
}

static void grow_old(struct ctx *root, void *arg)
{
    (void)arg;
    struct source source;
    open_source(root, &source, usual);
    assert_int_equal(get(root, &source, "key"), 1);
    now_ns = 1099;
    assert_int_equal(get(root, &source, "key"), 1);
    assert_int_equal(FIGURE(source, hits), 1);
    now_ns = 1100; /* expired: served all the same, and one load behind */
    assert_int_equal(get(root, &source, "key"), 1);
    assert_int_equal(get(root, &source, "key"), 1);
    assert_int_equal(FIGURE(source, stale), 2);
    fiber_yield();
    assert_int_equal(source.loads, 2);
    assert_int_equal(get(root, &source, "key"), 2);
    now_ns = 1250; /* past the refreshing: waited for */
    assert_int_equal(get(root, &source, "key"), 3);
    assert_int_equal(FIGURE(source, misses), 2);
    assert_int_equal(FIGURE(source, hits), 2);
    assert_int_equal(FIGURE(source, entries), 1);
    assert_int_equal(FIGURE(source, held), 1);
    close_source(&source);
}

static void age_decides(void **unused)
{
    (void)unused;
    (void)run_on_ring(grow_old, NULL);
}

static void fail_for_a_while(struct ctx *root, void *arg)
{
    (void)arg;
    struct source source;
    open_source(root, &source, usual);
    assert_int_equal(get(root, &source, "key"), 1);
    source.fail = -EIO;
    now_ns = 1200;
    assert_int_equal(get(root, &source, "key"), 1); /* the load fails: stale */
    assert_int_equal(source.loads, 2);
    now_ns = 1219;
    assert_int_equal(get(root, &source, "key"), 1); /* too soon to try again */
    assert_int_equal(source.loads, 2);
    now_ns = 1220;
    assert_int_equal(get(root, &source, "key"), 1);
    assert_int_equal(source.loads, 3);
    assert_int_equal(FIGURE(source, rescued), 2);
    assert_int_equal(FIGURE(source, stale), 1);
    now_ns = 1100 + 1000; /* too old to be of use */
    assert_int_equal(get(root, &source, "key"), -EIO);
    assert_int_equal(get(root, &source, "key"),
                     -EIO); /* within the pause, which is for the stale */
    assert_int_equal(get(root, &source, "new"), -EIO);
    assert_int_equal(get(root, &source, "new"), -EIO); /* errors are not kept */
    assert_int_equal(source.loads, 7);
    source.fail = 0;
    assert_int_equal(get(root, &source, "key"), 8);
    assert_int_equal(FIGURE(source, entries), 1); /* none is left of what was never there */
    assert_int_equal(FIGURE(source, failed), 6);

    source.fail = -EIO; /* a refresh behind that fails pauses, too */
    now_ns += 100;
    assert_int_equal(get(root, &source, "key"), 8);
    fiber_yield();
    assert_int_equal(get(root, &source, "key"), 8);
    fiber_yield();
    assert_int_equal(source.loads, 9);
    close_source(&source);
}

static void a_stale_value_is_better_than_an_error(void **unused)
{
    (void)unused;
    (void)run_on_ring(fail_for_a_while, NULL);
}

static void fail_to_be_there(struct ctx *root, void *arg)
{
    (void)arg;
    struct source source;
    struct cached_read_options options = usual;
    options.error_ns = 10;
    open_source(root, &source, options);
    source.fail = -ENOENT;
    assert_int_equal(get(root, &source, "key"), -ENOENT);
    now_ns += 9;
    assert_int_equal(get(root, &source, "key"), -ENOENT);
    assert_int_equal(source.loads, 1);
    assert_int_equal(FIGURE(source, error_hits), 1);
    now_ns += 1;
    source.fail = -ETIMEDOUT; /* says nothing about the key */
    assert_int_equal(get(root, &source, "key"), -ETIMEDOUT);
    assert_int_equal(get(root, &source, "key"), -ETIMEDOUT);
    assert_int_equal(source.loads, 3);
    assert_int_equal(FIGURE(source, entries), 0);
    source.fail = -ENOENT;
    assert_int_equal(get(root, &source, "key"), -ENOENT);
    source.fail = 0;
    now_ns += 10;
    assert_int_equal(get(root, &source, "key"), 5);
    assert_int_equal(get(root, &source, "key"), 5);
    close_source(&source);
}

static void errors_are_kept_when_asked(void **unused)
{
    (void)unused;
    (void)run_on_ring(fail_to_be_there, NULL);
}

static void fill_up(struct ctx *root, void *arg)
{
    (void)arg;
    struct source source;
    const struct cached_item *kept;
    open_source(root, &source, usual);
    assert_int_equal(get(root, &source, "a"), 1);
    assert_ok(cached_read_get(root, source.cache, "b", 1, &kept));
    assert_int_equal(get(root, &source, "c"), 3);
    assert_int_equal(get(root, &source, "d"), 4);
    assert_int_equal(get(root, &source, "a"), 1); /* used: b is the oldest now */
    assert_int_equal(get(root, &source, "e"), 5);
    assert_int_equal(FIGURE(source, evicted), 1);
    assert_int_equal(FIGURE(source, entries), 4);
    assert_int_equal(FIGURE(source, held), 5);
    assert_int_equal(*(const int *)kept->value, 2); /* gone from the cache, not from its user */
    cached_read_put(kept);
    assert_int_equal(get(root, &source, "a"), 1);
    assert_int_equal(get(root, &source, "b"), 6);
    assert_true(cached_read_forget(source.cache, "a", 1));
    assert_false(cached_read_forget(source.cache, "a", 1));
    assert_int_equal(get(root, &source, "a"), 7);
    struct rng rng;
    rng_init(&rng, 1, 0);
    for (int i = 0; i < 10000; i++) {
        char key = (char)('a' + rng_below(&rng, 26));
        assert_true(get(root, &source, (const char[]){key, '\0'}) > 0);
        assert_true(FIGURE(source, entries) <= 4);
    }
    close_source(&source);
}

static void the_one_used_longest_ago_makes_room(void **unused)
{
    (void)unused;
    (void)run_on_ring(fill_up, NULL);
}

static void spread(struct ctx *root, void *arg)
{
    (void)arg;
    enum { KEYS = 1000 };
    struct source source;
    struct cached_read_options options = usual;
    options.entries_max = KEYS, options.ttl_ns = 1000, options.jitter_ns = 500;
    options.refresh_ns = 0;
    open_source(root, &source, options);
    char key[16];
    for (int pass = 0; pass < 3; pass++) {
        now_ns = 1000 + (const uint64_t[]){0, 499, 750}[pass];
        int before = source.loads;
        for (int i = 0; i < KEYS; i++) {
            (void)snprintf(key, sizeof(key), "%d", i);
            assert_true(get(root, &source, key) > 0);
        }
        int loads = source.loads - before;
        if (pass < 2)
            assert_int_equal(loads, pass ? 0 : KEYS);
        else
            assert_in_range(loads, KEYS * 4 / 10, KEYS * 6 / 10);
    }
    close_source(&source);
}

static void what_was_loaded_together_expires_apart(void **unused)
{
    (void)unused;
    (void)run_on_ring(spread, NULL);
}

static void be_timeless(struct ctx *root, void *arg)
{
    (void)arg;
    struct source source;
    struct cached_read_options options = usual;
    options.ttl_ns = CLOCK_NEVER, options.jitter_ns = 0, options.refresh_ns = CLOCK_NEVER;
    options.rescue_ns = options.pause_ns = options.error_ns = CLOCK_NEVER;
    open_source(root, &source, options);
    assert_int_equal(get(root, &source, "key"), 1);
    now_ns = CLOCK_NEVER - 1;
    assert_int_equal(get(root, &source, "key"), 1);
    now_ns = 0;
    assert_int_equal(get(root, &source, "key"), 1);
    close_source(&source);
    options = usual;
    options.ttl_ns = 0, options.refresh_ns = 0;
    open_source(root, &source, options);
    assert_int_equal(get(root, &source, "key"), 1);
    assert_int_equal(get(root, &source, "key"), 2); /* expired at once */
    close_source(&source);
}

static void extremes_of_time_do_not_wrap(void **unused)
{
    (void)unused;
    (void)run_on_ring(be_timeless, NULL);
}

/* ---- Several at once ------------------------------------------------------------------------- */

enum { READERS = 6 };

struct reader {
    struct ctx ctx;
    struct source *source;
    const char *key;
    int answer;
};

static void read_one(struct ctx *ctx, void *arg)
{
    (void)ctx;
    struct reader *reader = arg;
    reader->answer = get(&reader->ctx, reader->source, reader->key);
}

struct crowd {
    struct group group;
    struct reader readers[READERS];
};

static void gather(struct ctx *root, struct crowd *crowd, struct source *source, const char *key)
{
    group_init(&crowd->group, root);
    for (size_t i = 0; i < READERS; i++) {
        crowd->readers[i] = (struct reader){.source = source, .key = key};
        ctx_init(&crowd->readers[i].ctx, root);
        assert_ok(group_spawn(&crowd->group, "reader", read_one, &crowd->readers[i]));
    }
    fiber_yield(), fiber_yield();
}

static void disperse(struct ctx *root, struct crowd *crowd)
{
    assert_ok(group_join(root, &crowd->group));
    assert_int_equal(group_fini(&crowd->group), 0);
    for (size_t i = 0; i < READERS; i++)
        ctx_fini(&crowd->readers[i].ctx);
}

static void miss_together(struct ctx *root, void *arg)
{
    bool alone = arg != NULL;
    struct source source;
    struct crowd crowd;
    struct cached_read_options options = usual;
    options.alone = alone;
    open_source(root, &source, options);
    source.gated = true;
    gather(root, &crowd, &source, "key");
    assert_int_equal(source.loads, alone ? READERS : 1);
    (void)waitq_wake_all(&source.gate);
    disperse(root, &crowd);
    for (size_t i = 0; i < READERS; i++)
        assert_int_equal(crowd.readers[i].answer, alone ? (int)i + 1 : 1);
    assert_int_equal(get(root, &source, "key"), alone ? READERS : 1);

    now_ns += 1050; /* all give up: a single flight ends well for those who come after */
    gather(root, &crowd, &source, "key");
    for (size_t i = 0; i < READERS; i++)
        ctx_cancel(&crowd.readers[i].ctx, "had enough");
    disperse(root, &crowd);
    for (size_t i = 0; i < READERS; i++)
        assert_int_equal(crowd.readers[i].answer, -ECANCELED); /* no stale value for them */
    (void)waitq_wake_all(&source.gate);
    fiber_yield();
    source.gated = false;
    int loads = source.loads;
    assert_int_equal(get(root, &source, "key"), alone ? loads + 1 : loads);
    close_source(&source);
}

static void misses_share_a_load(void **unused)
{
    (void)unused;
    (void)run_on_ring(miss_together, NULL);
}

static void or_each_loads_alone(void **unused)
{
    (void)unused;
    static char alone;
    (void)run_on_ring(miss_together, &alone);
}

/* What was forgotten, or loaded later, is not overwritten by a load that began before. */
static void come_late(struct ctx *root, void *arg)
{
    (void)arg;
    struct source source;
    struct crowd crowd, next;
    struct cached_read_options options = usual;
    open_source(root, &source, options);
    source.gated = true;
    gather(root, &crowd, &source, "key");
    assert_true(cached_read_forget(source.cache, "key", 3));
    (void)waitq_wake_all(&source.gate);
    disperse(root, &crowd);
    assert_int_equal(crowd.readers[0].answer, 1); /* they asked before it was forgotten */
    assert_int_equal(FIGURE(source, outdated), 1);
    assert_int_equal(FIGURE(source, entries), 0);

    gather(root, &crowd, &source, "key"); /* the same, with the next load under way already */
    assert_true(cached_read_forget(source.cache, "key", 3));
    gather(root, &next, &source, "key");
    assert_true(waitq_wake_one(&source.gate, NULL));
    disperse(root, &crowd);
    assert_int_equal(crowd.readers[0].answer, 2);
    assert_int_equal(FIGURE(source, held), 0); /* not kept in the next one's place */
    (void)waitq_wake_all(&source.gate);
    disperse(root, &next);
    assert_int_equal(next.readers[0].answer, 3);
    assert_int_equal(get(root, &source, "key"), 3);
    assert_int_equal(FIGURE(source, outdated), 2);
    close_source(&source);

    options.alone = true;
    open_source(root, &source, options);
    source.gated = true;
    gather(root, &crowd, &source, "key");
    assert_true(waitq_wake_last(&source.gate, NULL)); /* the last to begin is the first to end */
    fiber_yield();
    (void)waitq_wake_all(&source.gate);
    disperse(root, &crowd);
    assert_int_equal(get(root, &source, "key"), READERS);
    assert_int_equal(FIGURE(source, outdated), READERS - 1);
    close_source(&source);
}

static void no_value_comes_back_from_the_dead(void **unused)
{
    (void)unused;
    (void)run_on_ring(come_late, NULL);
}

static void time_out(struct ctx *root, void *arg)
{
    struct source source;
    struct ctx near;
    struct cached_read_options options = usual;
    options.alone = arg != NULL;
    open_source(root, &source, options);
    assert_int_equal(get(root, &source, "key"), 1);
    source.gated = true;
    now_ns = 1300;
    ctx_init_timeout(&near, root, NS_PER_MS);
    assert_int_equal(get(&near, &source, "key"), 1);          /* late, but something */
    assert_int_equal(get(&near, &source, "key"), -ETIMEDOUT); /* over before it began */
    assert_int_equal(FIGURE(source, rescued), 1);
    ctx_fini(&near);
    close_source(&source);

    options.load_max_ns = NS_PER_MS;
    open_source(root, &source, options);
    source.gated = true;
    assert_int_equal(get(root, &source, "key"), -ETIMEDOUT);
    assert_int_equal(FIGURE(source, entries), 0);
    close_source(&source);
}

static void who_runs_out_of_time_gets_what_there_is(void **unused)
{
    (void)unused;
    static char alone;
    (void)run_on_ring(time_out, NULL);
    (void)run_on_ring(time_out, &alone);
}

static void shuffle(struct ctx *root, void *arg)
{
    static const char *const keys[] = {"a", "b", "c", "d", "e", "f"};
    struct rng rng;
    struct source source;
    struct cached_read_options options = usual;
    options.alone = arg != NULL, options.error_ns = 5, options.jitter_ns = 50;
    rng_init(&rng, 23, 0);
    open_source(root, &source, options);
    source.gated = true;
    for (int round = 0; round < 300; round++) {
        struct crowd crowds[2];
        for (size_t k = 0; k < 2; k++)
            gather(root, &crowds[k], &source, keys[rng_below(&rng, 6)]);
        for (int step = 0; step < 12; step++) {
            uint64_t what = rng_below(&rng, 8);
            now_ns += rng_below(&rng, 20);
            source.fail = rng_below(&rng, 3) ? 0 : -EIO;
            if (what < 3)
                (void)waitq_wake_one(&source.gate, NULL);
            else if (what == 3)
                (void)cached_read_forget(source.cache, keys[rng_below(&rng, 6)], 1);
            else
                ctx_cancel(&crowds[what % 2].readers[rng_below(&rng, READERS)].ctx, "shuffled");
            if (rng_below(&rng, 2))
                fiber_yield();
        }
        while (crowds[0].group.live + crowds[1].group.live > 0) {
            (void)waitq_wake_all(&source.gate);
            fiber_yield();
        }
        for (size_t k = 0; k < 2; k++) {
            disperse(root, &crowds[k]);
            for (size_t i = 0; i < READERS; i++) {
                int answer = crowds[k].readers[i].answer;
                assert_true(answer > 0 || answer == -ECANCELED || answer == -EIO);
            }
        }
        assert_true(FIGURE(source, entries) <= 4);
    }
    assert_true(FIGURE(source, hits) > 10 && FIGURE(source, stale) > 10);
    assert_true(FIGURE(source, outdated) > 10 && FIGURE(source, evicted) > 10);
    close_source(&source);
}

static void no_value_is_lost_in_any_order(void **unused)
{
    (void)unused;
    static char alone;
    (void)run_on_ring(shuffle, NULL);
    (void)run_on_ring(shuffle, &alone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_refuses_senseless_options),
        cmocka_unit_test(age_decides),
        cmocka_unit_test(a_stale_value_is_better_than_an_error),
        cmocka_unit_test(errors_are_kept_when_asked),
        cmocka_unit_test(the_one_used_longest_ago_makes_room),
        cmocka_unit_test(what_was_loaded_together_expires_apart),
        cmocka_unit_test(extremes_of_time_do_not_wrap),
        cmocka_unit_test(misses_share_a_load),
        cmocka_unit_test(or_each_loads_alone),
        cmocka_unit_test(no_value_comes_back_from_the_dead),
        cmocka_unit_test(who_runs_out_of_time_gets_what_there_is),
        cmocka_unit_test(no_value_is_lost_in_any_order),
    };
    return cmocka_run_group_tests_name("cached_read", tests, NULL, NULL);
}
