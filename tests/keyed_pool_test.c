/* SPDX-License-Identifier: MIT */
/* keyed_pool_test.c - objects come back under their key alone; keys and objects are bounded; what
 * was made is destroyed, whatever happens in between. */
#include "test.h"

#include "core/rng.h"
#include "subject/keyed_pool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Objects that are counted ---------------------------------------------------------------- */

struct thing {
    struct keyed_object object;
    char key[16]; /* it was last used for */
    bool stale;
};

struct maker {
    int made, destroyed;
    bool out_of_memory;
    struct keyed_pool_figures figures;
    struct keyed_pool *pool;
};

static struct keyed_object *create(void *user)
{
    struct maker *maker = user;
    struct thing *thing = maker->out_of_memory ? NULL : calloc(1, sizeof(*thing));
    maker->made += thing != NULL;
    return thing ? &thing->object : NULL;
}

static void destroy(void *user, struct keyed_object *object)
{
    ((struct maker *)user)->destroyed++;
    free(container_of(object, struct thing, object));
}

static bool is_stale(void *user, const struct keyed_object *object)
{
    (void)user;
    return ((const struct thing *)(const void *)object)->stale; /* it is the first member */
}

static void open_pool(struct maker *maker, size_t keys, size_t objects)
{
    *maker = (struct maker){0};
    struct keyed_pool_options options = {keys,     objects, create,         destroy,
                                         is_stale, maker,   &maker->figures};
    assert_ok(keyed_pool_create(&maker->pool, &options, NULL));
}

static void close_pool(struct maker *maker)
{
    keyed_pool_destroy(maker->pool);
    assert_int_equal(maker->made, maker->destroyed);
    assert_int_equal(counter_read(&maker->figures.objects), 0);
    assert_int_equal(counter_read(&maker->figures.keys), 0);
}

static struct slice slice_of(const char *key)
{
    return (struct slice){key, strlen(key)};
}

/* reused: what is expected. */
static struct thing *take(struct maker *maker, const char *key, bool reused)
{
    bool was = !reused;
    struct keyed_object *object = keyed_pool_get(maker->pool, slice_of(key), &was);
    assert_non_null(object);
    struct thing *thing = container_of(object, struct thing, object);
    assert_int_equal(was, reused);
    if (reused)
        assert_string_equal(thing->key, key);
    strcpy(thing->key, key);
    return thing;
}

static void give(struct maker *maker, struct thing *thing)
{
    keyed_pool_put(maker->pool, slice_of(thing->key), &thing->object);
}

/* ---- The tests ------------------------------------------------------------------------------- */

static void keys_keep_apart(void **unused)
{
    (void)unused;
    struct maker maker;
    open_pool(&maker, 8, 8);
    struct thing *a1 = take(&maker, "a", false), *a2 = take(&maker, "a", false);
    give(&maker, a1);
    struct thing *b = take(&maker, "b", false), *empty = take(&maker, "", false);
    give(&maker, a2);
    assert_ptr_equal(take(&maker, "a", true), a2); /* the last used first: it is warm */
    assert_ptr_equal(take(&maker, "a", true), a1);
    give(&maker, empty);
    assert_ptr_equal(take(&maker, "", true), empty);
    keyed_pool_discard(maker.pool, slice_of("b"), &b->object);
    give(&maker, take(&maker, "b", false));
    give(&maker, a1);
    give(&maker, a2);
    give(&maker, empty);
    assert_int_equal(counter_read(&maker.figures.gets), 8);
    assert_int_equal(counter_read(&maker.figures.hits), 3);
    assert_int_equal(counter_read(&maker.figures.keys), 3);
    close_pool(&maker);
}

static void keys_are_bounded(void **unused)
{
    (void)unused;
    struct maker maker;
    char key[16];
    open_pool(&maker, 3, 8);
    struct thing *out = take(&maker, "0", false);
    for (int i = 1; i < 5; i++) {
        (void)snprintf(key, sizeof(key), "%d", i);
        give(&maker, take(&maker, key, false));
        assert_true(counter_read(&maker.figures.keys) <= 3);
    }
    /* Key 0 has gone meanwhile, and another stay of it must not count what is out. */
    struct thing *other = take(&maker, "0", false);
    give(&maker, out);
    assert_int_equal(maker.made - maker.destroyed, 3);
    give(&maker, other);
    assert_ptr_equal(take(&maker, "0", true), other);
    give(&maker, other);
    assert_true(counter_read(&maker.figures.keys_evicted) == 3);
    close_pool(&maker);
}

static void objects_are_bounded(void **unused)
{
    (void)unused;
    struct maker maker;
    struct thing *things[5];
    open_pool(&maker, 2, 2);
    for (int i = 0; i < 5; i++)
        things[i] = take(&maker, "a", false);
    assert_int_equal(counter_read(&maker.figures.extras), 3);
    for (int i = 4; i >= 0; i--)
        give(&maker, things[i]);
    assert_int_equal(maker.made - maker.destroyed, 2);
    assert_ptr_equal(take(&maker, "a", true), things[0]);
    keyed_pool_discard(maker.pool, slice_of("a"), &things[0]->object);
    struct thing *second = take(&maker, "a", true), *third = take(&maker, "a", false);
    assert_int_equal(counter_read(&maker.figures.extras), 3); /* the discarded one made room */
    give(&maker, second);
    give(&maker, third);
    close_pool(&maker);
}

static void stale_ones_are_passed_over(void **unused)
{
    (void)unused;
    struct maker maker;
    open_pool(&maker, 2, 4);
    struct thing *things[3];
    for (int i = 0; i < 3; i++) {
        things[i] = take(&maker, "a", false);
        things[i]->stale = i > 0;
    }
    for (int i = 0; i < 3; i++)
        give(&maker, things[i]);
    assert_ptr_equal(take(&maker, "a", true), things[0]);
    assert_int_equal(counter_read(&maker.figures.stale), 2);
    give(&maker, things[0]);
    close_pool(&maker);
}

static void failures_are_told(void **unused)
{
    (void)unused;
    struct maker maker;
    bool reused;
    char key[KEYED_POOL_KEY_MAX + 2];
    memset(key, 'k', sizeof(key) - 1);
    key[sizeof(key) - 1] = '\0';
    open_pool(&maker, 2, 2);
    assert_null(keyed_pool_get(maker.pool, slice_of(key), &reused));
    maker.out_of_memory = true;
    assert_null(keyed_pool_get(maker.pool, slice_of("a"), &reused));
    assert_int_equal(counter_read(&maker.figures.gets), 0);
    maker.out_of_memory = false;
    give(&maker, take(&maker, "a", false));
    close_pool(&maker);
    keyed_pool_destroy(NULL);
}

/* Any order of calls: an object is in one pair of hands, and none is lost or destroyed twice. */
static void any_order(void **unused)
{
    (void)unused;
    enum { OUT = 24, STEPS = 200000, KEYS = 9 };
    struct maker maker;
    struct thing *out[OUT] = {0};
    struct rng rng;
    rng_init(&rng, 11, 0);
    open_pool(&maker, 5, 3);
    for (int step = 0; step < STEPS; step++) {
        struct thing **place = &out[rng_below(&rng, OUT)];
        if (!*place) {
            char key[16];
            bool reused = false;
            (void)snprintf(key, sizeof(key), "%d", (int)rng_below(&rng, KEYS));
            struct keyed_object *object = keyed_pool_get(maker.pool, slice_of(key), &reused);
            assert_non_null(object);
            *place = container_of(object, struct thing, object);
            for (int i = 0; i < OUT; i++)
                assert_true(&out[i] == place || out[i] != *place);
            assert_true(!reused || strcmp((*place)->key, key) == 0);
            strcpy((*place)->key, key);
            continue;
        }
        (*place)->stale = rng_below(&rng, 10) == 0;
        if (rng_below(&rng, 4) == 0)
            keyed_pool_discard(maker.pool, slice_of((*place)->key), &(*place)->object);
        else
            give(&maker, *place);
        *place = NULL;
        assert_true(counter_read(&maker.figures.keys) <= 5);
        assert_int_equal(counter_read(&maker.figures.objects), maker.made - maker.destroyed);
        assert_true(maker.made - maker.destroyed <= OUT + 5 * 3);
    }
    for (int i = 0; i < OUT; i++)
        if (out[i])
            give(&maker, out[i]);
    assert_true(counter_read(&maker.figures.hits) > STEPS / 20);
    close_pool(&maker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_keep_apart),     cmocka_unit_test(keys_are_bounded),
        cmocka_unit_test(objects_are_bounded), cmocka_unit_test(stale_ones_are_passed_over),
        cmocka_unit_test(failures_are_told),   cmocka_unit_test(any_order),
    };
    return cmocka_run_group_tests_name("keyed_pool", tests, NULL, NULL);
}
