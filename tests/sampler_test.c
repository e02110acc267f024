/* SPDX-License-Identifier: MIT */
/* sampler_test.c - where samples of CPU time are counted. */
#include "test.h"

#include "subject/sampler.h"

#include <stdlib.h>

/* Sanitizers that hold signals back make the sampler see what it was not shown. */
#if defined(__SANITIZE_THREAD__)
enum { SIGNALS_COME_LATE = 1 };
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
enum { SIGNALS_COME_LATE = 1 };
#else
enum { SIGNALS_COME_LATE = 0 };
#endif
#else
enum { SIGNALS_COME_LATE = 0 };
#endif

/* Not inlined, and not left before the look is over. */
__attribute__((noinline)) static int managing(sampler_function *const *service)
{
    volatile int place = (int)sampler_look(service);
    return place;
}

__attribute__((noinline)) static int deeper(sampler_function *const *service, int depth)
{
    volatile int place = depth > 0 ? deeper(service, depth - 1) : (int)sampler_look(service);
    return place;
}

static sampler_function *const nobody[] = {NULL};
static sampler_function *const somebody[] = {(sampler_function *)managing,
                                             (sampler_function *)deeper, NULL};

static void the_place_is_that_of_whoever_was_called(void **unused)
{
    (void)unused;
    assert_int_equal(sampler_look(nobody), SAMPLER_OTHER);
    assert_int_equal(sampler_look(somebody), SAMPLER_OTHER);
    assert_int_equal(managing(nobody), SAMPLER_OTHER);
    assert_int_equal(managing(somebody), SAMPLER_SERVICE);
    assert_int_equal(deeper(somebody, 20), SAMPLER_SERVICE);
    assert_int_equal(deeper(nobody, 200), SAMPLER_OTHER); /* which ends the walk early */
}

static void a_period_is_needed(void **unused)
{
    (void)unused;
    struct sampler sampler = {0};
    struct err err = {0};
    assert_int_equal(sampler_begin(&sampler, 0, nobody, &err), -EINVAL);
    assert_non_null(err.text[0] ? err.text : NULL);
    assert_false(sampler.running);
    sampler_end(&sampler);
}

static uint64_t taken(const struct sampler *sampler)
{
    uint64_t sum = 0;
    for (int i = 0; i < SAMPLER_PLACES; i++)
        sum += counter_read(&sampler->samples[i]);
    return sum;
}

/* Until there is one: the kernel looks at the clock when it likes. */
static void samples_come_and_stop(void **unused)
{
    (void)unused;
    struct sampler sampler = {0};
    assert_ok(sampler_begin(&sampler, 1000000, nobody, NULL));
    while (counter_read(&sampler.samples[SAMPLER_OTHER]) == 0)
        continue;
    assert_int_equal(counter_read(&sampler.samples[SAMPLER_SERVICE]), 0);
    sampler_end(&sampler);
    assert_false(sampler.running);
    sampler_end(&sampler);

    struct sampler again = {0};
    uint64_t before = taken(&sampler);
    assert_ok(sampler_begin(&again, 1000000, nobody, NULL));
    while (counter_read(&again.samples[SAMPLER_ALLOCATOR]) == 0) {
        char *volatile block = malloc(100000);
        assert_non_null(block);
        free(block);
    }
    sampler_end(&again);
    assert_int_equal(taken(&sampler), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_place_is_that_of_whoever_was_called),
        cmocka_unit_test(a_period_is_needed),
        cmocka_unit_test(samples_come_and_stop), /* the last: left out where it cannot tell */
    };
    if (!SIGNALS_COME_LATE)
        return cmocka_run_group_tests_name("sampler", tests, NULL, NULL);
    return _cmocka_run_group_tests("sampler", tests, sizeof(tests) / sizeof(*tests) - 1, NULL,
                                   NULL);
}
