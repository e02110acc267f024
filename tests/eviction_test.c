/* SPDX-License-Identifier: MIT */
/* eviction_test.c - objects are thrown away at the odds asked for, and replayably so. */
#include "test.h"

#include "subject/eviction.h"

#include <errno.h>

static const struct eviction weighted = {1, 0.8, 0.5, 1000};

enum { DRAWS = 10000 };

static int dropped_after_use(uint64_t seed, int error)
{
    struct rng rng;
    int count = 0;
    rng_init(&rng, seed, 0);
    for (int i = 0; i < DRAWS; i++)
        count += eviction_after_use(&weighted, error, &rng);
    return count;
}

static int dropped_after_rest(const struct eviction *eviction, uint64_t idle_ns)
{
    struct rng rng;
    int count = 0;
    rng_init(&rng, 1, 0);
    for (int i = 0; i < DRAWS; i++)
        count += eviction_after_rest(eviction, idle_ns, &rng);
    return count;
}

static void odds_depend_on_the_end(void **unused)
{
    (void)unused;
    assert_int_equal(dropped_after_use(1, 0), 0);
    assert_int_equal(dropped_after_use(1, -ECANCELED), DRAWS);
    int deadline = dropped_after_use(1, -ETIMEDOUT);
    assert_in_range(deadline, DRAWS * 78 / 100, DRAWS * 82 / 100);
    assert_int_equal(dropped_after_use(1, -ETIMEDOUT), deadline);
    assert_true(dropped_after_use(2, -ETIMEDOUT) != deadline);
}

static void odds_depend_on_the_rest(void **unused)
{
    (void)unused;
    static const struct eviction never = {0, 0, 0, 0};
    assert_int_equal(dropped_after_rest(&weighted, 1000), 0);
    assert_in_range(dropped_after_rest(&weighted, 1001), DRAWS * 48 / 100, DRAWS * 52 / 100);
    assert_int_equal(dropped_after_rest(&never, UINT64_MAX), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(odds_depend_on_the_end),
        cmocka_unit_test(odds_depend_on_the_rest),
    };
    return cmocka_run_group_tests_name("eviction", tests, NULL, NULL);
}
