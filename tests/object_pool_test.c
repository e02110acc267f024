/* SPDX-License-Identifier: MIT */
/* object_pool_test.c - what rests comes back, grows old, is given up, and never twice. */
#include "test.h"

#include "core/rng.h"
#include "subject/object_pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { OBJECTS = 100, POOLS = 150, THREADS = 4, TURNS = 30000, HELD = 24, BOXES = 64 };
enum { LIVES = 100, MEETINGS = 2000, RECLAIMS_MAX = 100000 };

/* An object that knows in whose hands it is. */
struct thing {
    atomic_int out;  /* 1 while a user has it */
    size_t bytes;    /* what size_of answers */
    uint64_t writer; /* what its last user left in it */
};

/* What the hooks saw. */
struct seen {
    atomic_ullong made, destroyed, resets;
    atomic_llong fail_after; /* create fails once this many were made; 0: never */
    atomic_uint mistakes;    /* objects met in two hands at once */
};

static void *thing_create(void *user)
{
    struct seen *seen = user;
    unsigned long long made = atomic_load(&seen->made);
    if (atomic_load(&seen->fail_after) &&
        made >= (unsigned long long)atomic_load(&seen->fail_after))
        return NULL;
    struct thing *thing = calloc(1, sizeof(*thing));
    if (!thing)
        return NULL;
    thing->bytes = 100;
    atomic_fetch_add(&seen->made, 1);
    return thing;
}

static void thing_destroy(void *user, void *object)
{
    struct seen *seen = user;
    if (atomic_load(&((struct thing *)object)->out))
        atomic_fetch_add(&seen->mistakes, 1);
    atomic_fetch_add(&seen->destroyed, 1);
    free(object);
}

static void thing_reset(void *user, void *object)
{
    struct seen *seen = user;
    atomic_fetch_add(&seen->resets, 1);
    ((struct thing *)object)->writer = 0;
}

static size_t thing_size(void *user, const void *object)
{
    (void)user;
    return ((const struct thing *)object)->bytes;
}

static struct object_pool_options things(struct seen *seen)
{
    return (struct object_pool_options){
        .create = thing_create, .destroy = thing_destroy, .user = seen, .object_bytes = 100};
}

static struct object_pool *make(const struct object_pool_options *options)
{
    struct object_pool *pool = NULL;
    struct err err = {0};
    assert_ok(object_pool_create(&pool, options, &err));
    return pool;
}

static struct object_pool_figures figures_of(struct object_pool *pool)
{
    struct object_pool_figures figures;
    object_pool_figures(pool, &figures);
    return figures;
}

static void get_many(struct object_pool *pool, void **objects, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        objects[i] = object_pool_get(pool);
        assert_non_null(objects[i]);
    }
}

static void put_many(struct object_pool *pool, void **objects, size_t count)
{
    for (size_t i = 0; i < count; i++)
        object_pool_put(pool, objects[i]);
}

/* Leaves count objects resting. */
static void fill(struct object_pool *pool, size_t count)
{
    void *objects[OBJECTS];
    assert_true(count <= OBJECTS);
    get_many(pool, objects, count);
    put_many(pool, objects, count);
}

static void on_a_thread(void *(*run)(void *), void *arg)
{
    pthread_t thread;
    assert_ok(pthread_create(&thread, NULL, run, arg));
    assert_ok(pthread_join(thread, NULL));
}

static int by_address(const void *a, const void *b)
{
    uintptr_t left = (uintptr_t) * (void *const *)a, right = (uintptr_t) * (void *const *)b;
    return left < right ? -1 : left > right;
}

static void options_that_make_no_sense_are_refused(void **unused)
{
    (void)unused;
    struct seen seen = {0};
    const struct object_pool_options bad[] = {
        {.name = "nothing"},
        {.create = thing_create, .user = &seen},
        {.object_bytes = 8, .magazine_objects = 4097},
        {.object_bytes = 100, .limit_bytes = 99},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct object_pool *pool = NULL;
        struct err err = {0};
        assert_int_equal(object_pool_create(&pool, &bad[i], &err), -EINVAL);
        assert_null(pool);
        assert_non_null(strstr(err.text, bad[i].name ? bad[i].name : "objects"));
    }
}

static void what_was_put_comes_back(void **unused)
{
    (void)unused;
    struct object_pool *pool = make(&(struct object_pool_options){.object_bytes = 64});
    void *first[OBJECTS], *second[OBJECTS];
    get_many(pool, first, OBJECTS);
    put_many(pool, first, OBJECTS);
    object_pool_put(pool, NULL);
    get_many(pool, second, OBJECTS);
    qsort(first, OBJECTS, sizeof(*first), by_address);
    qsort(second, OBJECTS, sizeof(*second), by_address);
    assert_memory_equal(first, second, sizeof(first));
    struct object_pool_figures figures = figures_of(pool);
    assert_int_equal(figures.gets, 2 * OBJECTS);
    assert_int_equal(figures.hits, OBJECTS);
    assert_int_equal(figures.misses, OBJECTS);
    assert_int_equal(figures.puts, OBJECTS);
    assert_int_equal(figures.out_objects, OBJECTS);
    assert_int_equal(figures.retained_objects, 0);
    put_many(pool, second, OBJECTS);
    figures = figures_of(pool);
    assert_int_equal(figures.retained_objects, OBJECTS);
    assert_int_equal(figures.retained_bytes, OBJECTS * 64);
    assert_int_equal(figures.live_objects, OBJECTS);
    assert_int_equal(object_pool_destroy(pool), 0);
}

static void the_inlined_calls_do_the_same(void **unused)
{
    (void)unused;
    struct object_pool *pool = make(&(struct object_pool_options){.object_bytes = 64});
    struct object_pool_local *local = object_pool_local(pool);
    assert_non_null(local);
    assert_ptr_equal(local, object_pool_local(pool));
    void *objects[OBJECTS];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < OBJECTS; i++)
            objects[i] = object_pool_local_get(local);
        for (int i = 0; i < OBJECTS; i++)
            object_pool_local_put(local, objects[i]);
    }
    void *out = object_pool_get(pool); /* both ways lead to the same objects */
    struct object_pool_figures figures = figures_of(pool);
    assert_int_equal(figures.misses, OBJECTS);
    assert_int_equal(figures.hits, 2 * OBJECTS + 1);
    assert_int_equal(figures.puts, 3 * OBJECTS);
    object_pool_local_put(local, out);
    assert_int_equal(object_pool_destroy(pool), 0);
}

static void objects_out_at_the_end_are_counted(void **unused)
{
    (void)unused;
    struct object_pool *pool = make(&(struct object_pool_options){.object_bytes = 64});
    void *kept = object_pool_get(pool), *closed = object_pool_get(pool);
    object_pool_put(pool, object_pool_get(pool));
    object_pool_discard(pool, closed);
    object_pool_discard(pool, NULL);
    assert_int_equal(figures_of(pool).discards, 1);
    assert_int_equal(figures_of(pool).out_objects, 1);
    assert_int_equal(object_pool_destroy(pool), 1);
    assert_int_equal(object_pool_destroy(NULL), 0);
    free(kept);
}

static void only_a_reset_hook_cleans(void **unused)
{
    (void)unused;
    struct seen seen = {0};
    struct object_pool_options options = things(&seen);
    for (int with = 0; with < 2; with++) {
        options.reset = with ? thing_reset : NULL;
        struct object_pool *pool = make(&options);
        struct object_pool_local *local = object_pool_local(pool);
        struct thing *thing = object_pool_get(pool);
        thing->writer = 7;
        object_pool_put(pool, thing);
        assert_ptr_equal(object_pool_get(pool), thing);
        assert_int_equal(thing->writer, with ? 0 : 7);
        thing->writer = 8;
        object_pool_local_put_sized(local, thing, 100);
        assert_ptr_equal(object_pool_local_get(local), thing);
        assert_int_equal(thing->writer, with ? 0 : 8);
        object_pool_put(pool, thing);
        assert_int_equal(object_pool_destroy(pool), 0);
        assert_int_equal(seen.resets, with ? 3 : 0);
    }
}

static void too_large_to_return_is_destroyed(void **unused)
{
    (void)unused;
    struct seen seen = {0};
    struct object_pool_options options = things(&seen);
    options.limit_bytes = 1000;
    options.size_of = thing_size;
    struct object_pool *pool = make(&options);
    struct thing *small = object_pool_get(pool), *large = object_pool_get(pool);
    small->bytes = 1000;
    large->bytes = 1001;
    object_pool_put(pool, small);
    object_pool_put(pool, large);
    struct object_pool_figures figures = figures_of(pool);
    assert_int_equal(figures.drops, 1);
    assert_int_equal(figures.drops_oversize, 1);
    assert_int_equal(figures.puts, 2);
    assert_int_equal(figures.out_objects, 0);
    assert_int_equal(figures.live_objects, 1);
    assert_int_equal(figures.retained_bytes, 1000);
    assert_int_equal(seen.destroyed, 1);
    assert_int_equal(object_pool_destroy(pool), 0);
}

static void sizes_said_are_sizes_kept(void **unused)
{
    (void)unused;
    struct object_pool *pool =
        make(&(struct object_pool_options){.object_bytes = 64, .limit_bytes = 500});
    struct object_pool_local *local = object_pool_local(pool);
    void *objects[OBJECTS];
    get_many(pool, objects, OBJECTS);
    for (size_t i = 0; i < OBJECTS; i++)
        object_pool_put_sized(pool, objects[i], 401 + i); /* one has 500, none more */
    assert_int_equal(figures_of(pool).retained_bytes, OBJECTS * 401 + OBJECTS * (OBJECTS - 1) / 2);
    get_many(pool, objects, OBJECTS);
    put_many(pool, objects, OBJECTS); /* not a word: object_bytes */
    assert_int_equal(figures_of(pool).retained_bytes, OBJECTS * 64);
    object_pool_local_put_sized(local, object_pool_local_get(local), 501);
    assert_int_equal(figures_of(pool).drops_oversize, 1);
    assert_int_equal(figures_of(pool).retained_bytes, (OBJECTS - 1) * 64);
    assert_int_equal(object_pool_destroy(pool), 0);
}

static void no_more_rest_than_may(void **unused)
{
    (void)unused;
    static const uint64_t bounds[] = {1, 2, 7, 8, 33, 64, 99};
    for (size_t i = 0; i < sizeof(bounds) / sizeof(*bounds); i++) {
        struct seen seen = {0};
        struct object_pool_options options = things(&seen);
        options.retained_max = bounds[i];
        struct object_pool *pool = make(&options);
        fill(pool, OBJECTS);
        struct object_pool_figures figures = figures_of(pool);
        assert_int_equal(figures.retained_objects,
                         bounds[i] + 1); /* and one in the thread's slot */
        assert_int_equal(figures.drops, OBJECTS - bounds[i] - 1);
        assert_int_equal(figures.drops_oversize, 0);
        assert_int_equal(seen.destroyed, figures.drops);
        /* A full pool that grew old still takes back what it gives. */
        object_pool_reclaim(pool);
        fill(pool, 2);
        fill(pool, 2);
        assert_int_equal(figures_of(pool).drops, figures.drops);
        assert_int_equal(object_pool_destroy(pool), 0);
        assert_int_equal(seen.destroyed, seen.made);
    }
}

static void an_object_survives_one_reclaim(void **unused)
{
    (void)unused;
    struct seen seen = {0};
    struct object_pool_options options = things(&seen);
    struct object_pool *pool = make(&options);
    fill(pool, OBJECTS);
    object_pool_reclaim(pool);
    assert_int_equal(seen.destroyed, 0);
    assert_int_equal(figures_of(pool).retained_objects, OBJECTS);
    fill(pool, 40); /* these are used in between and start afresh */
    struct object_pool_figures figures = figures_of(pool);
    assert_int_equal(figures.misses, OBJECTS);
    assert_int_equal(figures.revivals, 40);
    object_pool_reclaim(pool);
    figures = figures_of(pool);
    assert_int_equal(seen.destroyed, OBJECTS - 40);
    assert_int_equal(figures.reclaimed, OBJECTS - 40);
    assert_int_equal(figures.retained_objects, 40);
    object_pool_reclaim(pool);
    assert_int_equal(seen.destroyed, OBJECTS);
    figures = figures_of(pool);
    assert_int_equal(figures.retained_objects, 0);
    assert_int_equal(figures.retained_bytes, 0);
    assert_int_equal(figures.live_objects, 0);
    assert_int_equal(figures.reclaims, 3);
    fill(pool, 1);
    assert_int_equal(seen.made, OBJECTS + 1);
    assert_int_equal(object_pool_destroy(pool), 0);
}

static void without_victims_one_reclaim_empties(void **unused)
{
    (void)unused;
    struct seen seen = {0};
    struct object_pool_options options = things(&seen);
    options.victims_off = true;
    struct object_pool *pool = make(&options);
    fill(pool, OBJECTS);
    object_pool_reclaim(pool);
    assert_int_equal(seen.destroyed, OBJECTS);
    assert_int_equal(figures_of(pool).retained_objects, 0);
    fill(pool, OBJECTS);
    assert_int_equal(seen.made, 2 * OBJECTS);
    assert_int_equal(figures_of(pool).revivals, 0);
    assert_int_equal(object_pool_destroy(pool), 0);
    assert_int_equal(seen.destroyed, 2 * OBJECTS);
}

static void deferred_objects_linger_one_reclaim_more(void **unused)
{
    (void)unused;
    struct seen seen = {0};
    struct object_pool_options options = things(&seen);
    options.victims_off = options.deferred_destroy = true;
    options.limit_bytes = 200;
    struct object_pool *pool = make(&options);
    fill(pool, OBJECTS);
    object_pool_put_sized(pool, object_pool_get(pool), 300); /* dropped, yet it lingers */
    assert_int_equal(seen.destroyed, 0);
    assert_int_equal(figures_of(pool).deferred_objects, 1);
    assert_int_equal(figures_of(pool).deferred_bytes, 300);
    object_pool_reclaim(pool);
    assert_int_equal(seen.destroyed, 1);
    struct object_pool_figures figures = figures_of(pool);
    assert_int_equal(figures.deferred_objects, OBJECTS - 1);
    assert_int_equal(figures.live_objects, OBJECTS - 1);
    assert_int_equal(figures.retained_objects, 0);
    object_pool_discard(pool, object_pool_get(pool)); /* an explicit close is at once */
    assert_int_equal(seen.destroyed, 2);
    object_pool_reclaim(pool);
    assert_int_equal(seen.destroyed, OBJECTS + 1);
    object_pool_put_sized(pool, object_pool_get(pool), 300);
    assert_int_equal(object_pool_destroy(pool), 0);
    assert_int_equal(seen.destroyed, seen.made);
}

static void a_warm_pool_makes_nothing(void **unused)
{
    (void)unused;
    struct seen seen = {0};
    struct object_pool_options options = things(&seen);
    struct object_pool *pool = make(&options);
    assert_ok(object_pool_prewarm(pool, OBJECTS, NULL));
    assert_ok(object_pool_prewarm(pool, 0, NULL));
    assert_int_equal(figures_of(pool).retained_objects, OBJECTS);
    fill(pool, OBJECTS);
    struct object_pool_figures figures = figures_of(pool);
    assert_int_equal(figures.made, OBJECTS);
    assert_int_equal(figures.misses, 0);
    assert_int_equal(figures.hits, OBJECTS);
    assert_int_equal(figures.steals, 0); /* nobody was robbed of them */
    assert_int_equal(object_pool_destroy(pool), 0);
}

static void warming_stops_at_the_bound_or_when_create_fails(void **unused)
{
    (void)unused;
    struct seen seen = {0};
    struct object_pool_options options = things(&seen);
    options.retained_max = 50;
    struct object_pool *pool = make(&options);
    struct err err = {0};
    assert_int_equal(object_pool_prewarm(pool, 51, &err), -ENOSPC);
    assert_non_null(strstr(err.text, "50 of 51"));
    assert_int_equal(figures_of(pool).retained_objects, 50);
    assert_int_equal(object_pool_destroy(pool), 0);

    seen = (struct seen){.fail_after = 40};
    options.retained_max = 0;
    pool = make(&options);
    assert_int_equal(object_pool_prewarm(pool, 50, &err), -ENOMEM);
    assert_int_equal(figures_of(pool).retained_objects, 40);
    void *objects[40];
    get_many(pool, objects, 40);
    assert_null(object_pool_get(pool));
    assert_int_equal(figures_of(pool).gets, 40);
    put_many(pool, objects, 40);
    assert_int_equal(object_pool_destroy(pool), 0);
    assert_int_equal(seen.destroyed, 40);
}

static void *fill_from_here(void *arg)
{
    fill(arg, OBJECTS);
    return NULL;
}

static void an_ending_thread_leaves_its_objects(void **unused)
{
    (void)unused;
    struct seen seen = {0};
    struct object_pool_options options = things(&seen);
    struct object_pool *pool = make(&options);
    on_a_thread(fill_from_here, pool);
    struct object_pool_figures figures = figures_of(pool);
    assert_int_equal(figures.retained_objects, OBJECTS);
    assert_int_equal(figures.puts, OBJECTS); /* its counts stay, too */
    fill(pool, OBJECTS);
    assert_int_equal(seen.made, OBJECTS);
    on_a_thread(fill_from_here, pool); /* this thread still has some, so it makes more */
    assert_true(figures_of(pool).retained_objects > OBJECTS);
    object_pool_reclaim(pool);
    object_pool_reclaim(pool);
    assert_int_equal(seen.destroyed, seen.made);
    assert_int_equal(object_pool_destroy(pool), 0);
}

static void *drain_from_here(void *arg)
{
    void **objects = arg;
    struct object_pool *pool = objects[0];
    for (size_t i = 0; i < OBJECTS; i++)
        object_pool_put(pool, objects[i + 1]);
    return NULL;
}

static void what_others_left_is_stolen_and_counted(void **unused)
{
    (void)unused;
    struct object_pool *pool = make(&(struct object_pool_options){.object_bytes = 64});
    void *objects[OBJECTS + 1] = {pool};
    get_many(pool, objects + 1, OBJECTS);
    on_a_thread(drain_from_here, objects);
    get_many(pool, objects + 1, OBJECTS);
    struct object_pool_figures figures = figures_of(pool);
    assert_int_equal(figures.misses, OBJECTS);
    assert_int_equal(figures.hits, OBJECTS);
    assert_int_equal(figures.steals, OBJECTS);
    put_many(pool, objects + 1, OBJECTS);
    assert_int_equal(object_pool_destroy(pool), 0);
}

/* More pools than a thread remembers handles: they take turns in its cache. */
static void many_pools_do_not_mix(void **unused)
{
    (void)unused;
    struct seen seen[POOLS] = {0};
    struct object_pool *pools[POOLS];
    struct thing *things_out[POOLS];
    for (int i = 0; i < POOLS; i++) {
        struct object_pool_options options = things(&seen[i]);
        pools[i] = make(&options);
    }
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < POOLS; i++) {
            things_out[i] = object_pool_get(pools[i]);
            assert_true(round == 0 || things_out[i]->writer == (uint64_t)i);
            things_out[i]->writer = (uint64_t)i;
        }
        for (int i = POOLS - 1; i >= 0; i--)
            object_pool_put(pools[i], things_out[i]);
    }
    for (int i = 0; i < POOLS; i++) {
        assert_int_equal(seen[i].made, 1);
        assert_int_equal(object_pool_destroy(pools[i]), 0);
        assert_int_equal(seen[i].destroyed, 1);
    }
}

static void a_pool_per_request_costs_nothing_that_stays(void **unused)
{
    (void)unused;
    for (int i = 0; i < 5000; i++) {
        struct object_pool *pool = make(&(struct object_pool_options){.object_bytes = 64});
        fill(pool, 2);
        assert_int_equal(figures_of(pool).misses, 2); /* nothing of an earlier one turns up */
        assert_int_equal(object_pool_destroy(pool), 0);
    }
}

/* --- Many threads, one pool; what they hold crosses over in mailboxes. --- */

struct crowd {
    struct object_pool *pool;
    struct seen seen;
    _Atomic(struct thing *) boxes[BOXES];
    pthread_barrier_t start; /* nobody runs ahead of the reclaimer */
    atomic_int running;      /* threads not done yet */
    atomic_uint next;        /* numbers the threads */
};

static void crowd_put(struct crowd *crowd, struct rng *rng, struct thing *thing)
{
    if (atomic_exchange(&thing->out, 0) != 1)
        atomic_fetch_add(&crowd->seen.mistakes, 1);
    if (rng_below(rng, 16) == 0)
        object_pool_put_sized(crowd->pool, thing, 100 + rng_below(rng, 120));
    else if (rng_below(rng, 64) == 0)
        object_pool_discard(crowd->pool, thing);
    else
        object_pool_put(crowd->pool, thing);
}

static struct thing *crowd_get(struct crowd *crowd, uint64_t who)
{
    struct thing *thing = object_pool_get(crowd->pool);
    if (atomic_exchange(&thing->out, 1) != 0)
        atomic_fetch_add(&crowd->seen.mistakes, 1);
    thing->writer = who; /* not atomic: a race here is the pool's fault */
    return thing;
}

static void *crowd_member(void *arg)
{
    struct crowd *crowd = arg;
    uint64_t who = atomic_fetch_add(&crowd->next, 1);
    struct thing *held[HELD];
    size_t count = 0;
    struct rng rng;
    rng_init(&rng, 20, who);
    (void)pthread_barrier_wait(&crowd->start);
    for (int turn = 0; turn < TURNS; turn++) {
        if (count < HELD && rng_below(&rng, 2)) {
            held[count++] = crowd_get(crowd, who);
        } else if (count) {
            struct thing *thing = held[--count];
            if (rng_below(&rng, 4) == 0)
                thing = atomic_exchange(&crowd->boxes[rng_below(&rng, BOXES)], thing);
            if (thing)
                crowd_put(crowd, &rng, thing);
        }
    }
    while (count)
        crowd_put(crowd, &rng, held[--count]);
    atomic_fetch_sub(&crowd->running, 1);
    return NULL;
}

static void *crowd_reclaimer(void *arg)
{
    struct crowd *crowd = arg;
    struct object_pool_figures figures;
    (void)pthread_barrier_wait(&crowd->start);
    while (atomic_load(&crowd->running)) {
        object_pool_reclaim(crowd->pool);
        object_pool_figures(crowd->pool, &figures);
    }
    return NULL;
}

static void crowd_settle(struct crowd *crowd)
{
    struct rng rng;
    rng_init(&rng, 20, 1000);
    for (int i = 0; i < BOXES; i++) {
        struct thing *thing = atomic_exchange(&crowd->boxes[i], NULL);
        if (thing)
            crowd_put(crowd, &rng, thing);
    }
    struct object_pool_figures figures = figures_of(crowd->pool);
    assert_int_equal(atomic_load(&crowd->seen.mistakes), 0);
    assert_int_equal(figures.made, crowd->seen.made);
    assert_int_equal(figures.misses, figures.made);
    assert_int_equal(figures.destroyed, crowd->seen.destroyed);
    assert_int_equal(figures.gets, figures.puts + figures.discards);
    assert_int_equal(figures.out_objects, 0);
    assert_int_equal(figures.live_objects, figures.retained_objects + figures.deferred_objects);
    assert_int_equal(figures.destroyed + figures.deferred_objects,
                     figures.drops + figures.discards + figures.reclaimed);
    assert_int_equal(object_pool_destroy(crowd->pool), 0);
    assert_int_equal(crowd->seen.made, crowd->seen.destroyed);
    assert_ok(pthread_barrier_destroy(&crowd->start));
}

static void crowd_run(struct object_pool_options options)
{
    struct crowd crowd = {.running = THREADS};
    options.create = thing_create;
    options.destroy = thing_destroy;
    options.object_bytes = 100;
    options.limit_bytes = 200;
    options.user = &crowd.seen;
    crowd.pool = make(&options);
    assert_ok(pthread_barrier_init(&crowd.start, NULL, THREADS + 1));
    pthread_t threads[THREADS + 1];
    for (int i = 0; i < THREADS; i++)
        assert_ok(pthread_create(&threads[i], NULL, crowd_member, &crowd));
    assert_ok(pthread_create(&threads[THREADS], NULL, crowd_reclaimer, &crowd));
    for (int i = 0; i <= THREADS; i++)
        assert_ok(pthread_join(threads[i], NULL));
    crowd_settle(&crowd);
}

static void nothing_is_lost_or_doubled(void **unused)
{
    (void)unused;
    crowd_run((struct object_pool_options){.magazine_objects = 4});
    crowd_run((struct object_pool_options){0});
}

static void nothing_is_lost_under_a_bound(void **unused)
{
    (void)unused;
    crowd_run((struct object_pool_options){.retained_max = 20});
    crowd_run((struct object_pool_options){.retained_max = 20, .victims_off = true});
}

static void nothing_is_lost_when_destroying_waits(void **unused)
{
    (void)unused;
    crowd_run((struct object_pool_options){.magazine_objects = 2, .deferred_destroy = true});
}

/* Both after the one object in a private slot, as often as can be. */
static void *crowd_of_one(void *arg)
{
    struct crowd *crowd = arg;
    struct object_pool_local *local = object_pool_local(crowd->pool);
    (void)pthread_barrier_wait(&crowd->start);
    while (atomic_load_explicit(&crowd->running, memory_order_relaxed)) {
        struct thing *thing = object_pool_local_get(local);
        if (atomic_exchange_explicit(&thing->out, 1, memory_order_relaxed) != 0)
            atomic_fetch_add(&crowd->seen.mistakes, 1);
        atomic_store_explicit(&thing->out, 0, memory_order_relaxed);
        object_pool_local_put(local, thing);
    }
    return NULL;
}

/* How often they met is what ends it, so that the test is the same on a busy machine. */
static void a_get_and_a_reclaim_never_share(void **unused)
{
    (void)unused;
    for (int victims_off = 0; victims_off < 2; victims_off++) {
        struct crowd crowd = {.running = 1};
        struct object_pool_options options = things(&crowd.seen);
        options.victims_off = victims_off;
        crowd.pool = make(&options);
        assert_ok(pthread_barrier_init(&crowd.start, NULL, 2));
        pthread_t thread;
        assert_ok(pthread_create(&thread, NULL, crowd_of_one, &crowd));
        (void)pthread_barrier_wait(&crowd.start);
        struct object_pool_figures figures = {0};
        for (int i = 0; i < RECLAIMS_MAX && figures.revivals + figures.reclaimed < MEETINGS; i++) {
            object_pool_reclaim(crowd.pool);
            object_pool_figures(crowd.pool, &figures);
        }
        atomic_store(&crowd.running, 0);
        assert_ok(pthread_join(thread, NULL));
        crowd_settle(&crowd);
    }
}

/* Threads come and go while the pool is reclaimed. */
static void *crowd_of_short_lives(void *arg)
{
    struct crowd *crowd = arg;
    (void)pthread_barrier_wait(&crowd->start);
    for (int i = 0; i < LIVES; i++)
        on_a_thread(fill_from_here, crowd->pool);
    atomic_fetch_sub(&crowd->running, 1);
    return NULL;
}

static void threads_may_end_during_a_reclaim(void **unused)
{
    (void)unused;
    struct crowd crowd = {.running = 2};
    struct object_pool_options options = things(&crowd.seen);
    crowd.pool = make(&options);
    assert_ok(pthread_barrier_init(&crowd.start, NULL, 3));
    pthread_t threads[3];
    assert_ok(pthread_create(&threads[0], NULL, crowd_of_short_lives, &crowd));
    assert_ok(pthread_create(&threads[1], NULL, crowd_of_short_lives, &crowd));
    assert_ok(pthread_create(&threads[2], NULL, crowd_reclaimer, &crowd));
    for (int i = 0; i < 3; i++)
        assert_ok(pthread_join(threads[i], NULL));
    crowd_settle(&crowd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_that_make_no_sense_are_refused),
        cmocka_unit_test(what_was_put_comes_back),
        cmocka_unit_test(the_inlined_calls_do_the_same),
        cmocka_unit_test(objects_out_at_the_end_are_counted),
        cmocka_unit_test(only_a_reset_hook_cleans),
        cmocka_unit_test(too_large_to_return_is_destroyed),
        cmocka_unit_test(sizes_said_are_sizes_kept),
        cmocka_unit_test(no_more_rest_than_may),
        cmocka_unit_test(an_object_survives_one_reclaim),
        cmocka_unit_test(without_victims_one_reclaim_empties),
        cmocka_unit_test(deferred_objects_linger_one_reclaim_more),
        cmocka_unit_test(a_warm_pool_makes_nothing),
        cmocka_unit_test(warming_stops_at_the_bound_or_when_create_fails),
        cmocka_unit_test(an_ending_thread_leaves_its_objects),
        cmocka_unit_test(what_others_left_is_stolen_and_counted),
        cmocka_unit_test(many_pools_do_not_mix),
        cmocka_unit_test(a_pool_per_request_costs_nothing_that_stays),
        cmocka_unit_test(nothing_is_lost_or_doubled),
        cmocka_unit_test(nothing_is_lost_under_a_bound),
        cmocka_unit_test(nothing_is_lost_when_destroying_waits),
        cmocka_unit_test(a_get_and_a_reclaim_never_share),
        cmocka_unit_test(threads_may_end_during_a_reclaim),
    };
    return cmocka_run_group_tests_name("object_pool", tests, NULL, NULL);
}
