/* SPDX-License-Identifier: MIT */
/* shared_object_test.c - one object, several threads: what each way loses. */
#include "test.h"

#include "subject/shared_object.h"

#include <pthread.h>
#include <string.h>

enum { THREADS = 4, UPDATES = 20000 };

static void a_new_lock_is_all_zeros(void **unused)
{
    (void)unused;
    static const pthread_mutex_t open = PTHREAD_MUTEX_INITIALIZER;
    struct shared_object object = {0};
    assert_memory_equal(&object.lock, &open, sizeof(open));
}

/* Two that read before either writes. */
static void what_others_wrote_is_written_over(void **unused)
{
    (void)unused;
    struct shared_object object = {0};
    uint64_t first = shared_object_read(&object);
    uint64_t second = shared_object_read(&object);
    shared_object_write(&object, first);
    shared_object_write(&object, second);
    assert_int_equal(shared_object_read(&object), 1);
}

static void one_thread_loses_nothing(void **unused)
{
    (void)unused;
    for (int way = SHARED_RACY; way <= SHARED_ATOMIC; way++) {
        struct shared_object object = {0};
        struct shared_part part = {0}, idle = {0};
        const struct shared_part *parts[] = {&part, &idle};
        for (int i = 0; i < 7; i++)
            shared_object_update(&object, &part, (enum shared_way)way, (uint64_t)i);
        struct shared_sum sum = shared_object_sum(&object, parts, 2);
        assert_int_equal(sum.updates, 7);
        assert_int_equal(sum.value, 7);
        assert_int_equal(shared_object_read(&object), way == SHARED_SHARDED ? 0 : 7);
    }
}

struct updater {
    struct shared_object *object;
    enum shared_way way;
    struct shared_part part;
};

static void *update(void *arg)
{
    struct updater *updater = arg;
    for (int i = 0; i < UPDATES; i++)
        shared_object_update(updater->object, &updater->part, updater->way, 2);
    return NULL;
}

/* Sums that are taken meanwhile never show less than was done before. */
static void right_ways_lose_nothing(void **unused)
{
    (void)unused;
    for (int way = SHARED_RACY; way <= SHARED_ATOMIC; way++) {
        struct shared_object object = {0};
        struct updater updaters[THREADS] = {0};
        const struct shared_part *parts[THREADS];
        pthread_t threads[THREADS];
        for (int i = 0; i < THREADS; i++) {
            updaters[i].object = &object;
            updaters[i].way = (enum shared_way)way;
            parts[i] = &updaters[i].part;
            assert_ok(pthread_create(&threads[i], NULL, update, &updaters[i]));
        }
        struct shared_sum sum;
        do {
            sum = shared_object_sum(&object, parts, THREADS);
            if (way != SHARED_RACY)
                assert_true(sum.value >= sum.updates);
        } while (sum.updates < THREADS * UPDATES);
        for (int i = 0; i < THREADS; i++)
            assert_ok(pthread_join(threads[i], NULL));
        sum = shared_object_sum(&object, parts, THREADS);
        assert_int_equal(sum.updates, THREADS * UPDATES);
        if (way == SHARED_RACY)
            assert_in_range(sum.value, 1, THREADS * UPDATES);
        else
            assert_int_equal(sum.value, THREADS * UPDATES);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_lock_is_all_zeros),
        cmocka_unit_test(what_others_wrote_is_written_over),
        cmocka_unit_test(one_thread_loses_nothing),
        cmocka_unit_test(right_ways_lose_nothing),
    };
    return cmocka_run_group_tests_name("shared_object", tests, NULL, NULL);
}
