/* SPDX-License-Identifier: MIT */
/* arrival_test.c - schedules keep their rate, their shape, their seed, and interleave over threads.
 */
#include "test.h"

#include "core/clock.h"
#include "load/arrival.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct load_profile steady = {.rate_per_s = 1000};

static size_t collect(const struct load_profile *profile, uint64_t length_ns, unsigned thread,
                      unsigned threads, uint64_t seed, uint64_t *times_ns, size_t room)
{
    struct arrival arrival;
    size_t count = 0;
    arrival_init(&arrival, profile, length_ns, thread, threads, seed);
    for (uint64_t at_ns = arrival_next_ns(&arrival); at_ns != CLOCK_NEVER;
         at_ns = arrival_next_ns(&arrival)) {
        assert_true(at_ns < length_ns);
        assert_true(count == 0 || at_ns >= times_ns[count - 1]);
        assert_true(count < room);
        times_ns[count++] = at_ns;
    }
    assert_int_equal(arrival_next_ns(&arrival), CLOCK_NEVER);
    return count;
}

static uint64_t times[200000];

static size_t between(size_t count, uint64_t from_ns, uint64_t to_ns)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        found += times[i] >= from_ns && times[i] < to_ns;
    return found;
}

static void constant_arrivals_are_evenly_spaced(void **unused)
{
    (void)unused;
    size_t count = collect(&steady, NS_PER_S, 0, 1, 1, times, 2000);
    assert_int_equal(count, 1000);
    for (size_t i = 0; i < count; i++)
        assert_in_range(times[i], i * NS_PER_MS - (i ? 1 : 0), i * NS_PER_MS + 1);
}

static int by_time(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void threads_interleave(void **unused)
{
    (void)unused;
    size_t count = 0;
    for (unsigned thread = 0; thread < 4; thread++)
        count += collect(&steady, NS_PER_S, thread, 4, 1, times + count, 2000);
    qsort(times, count, sizeof(*times), by_time);
    assert_in_range(count, 999, 1001);
    for (size_t i = 1; i < count; i++)
        assert_in_range(times[i] - times[i - 1], NS_PER_MS - 2, NS_PER_MS + 2);
}

static void poisson_arrivals_have_exponential_gaps(void **unused)
{
    (void)unused;
    struct load_profile profile = {.rate_per_s = 10000, .arrivals = LOAD_POISSON};
    size_t count = collect(&profile, 10 * NS_PER_S, 0, 1, 42, times, 200000);
    assert_in_range(count, 99000, 101000); /* 3 standard deviations: 949 */
    double sum = 0, squares = 0;
    for (size_t i = 1; i < count; i++) {
        double gap = (double)(times[i] - times[i - 1]);
        sum += gap;
        squares += gap * gap;
    }
    double mean = sum / (double)(count - 1);
    double deviation = sqrt(squares / (double)(count - 1) - mean * mean);
    assert_true(fabs(deviation / mean - 1) < 0.02); /* of an exponential: the mean */
}

static void a_seed_replays(void **unused)
{
    (void)unused;
    static uint64_t again[20000], other[20000];
    struct load_profile profile = {.rate_per_s = 10000, .arrivals = LOAD_POISSON};
    size_t count = collect(&profile, NS_PER_S, 1, 2, 7, times, 20000);
    assert_int_equal(collect(&profile, NS_PER_S, 1, 2, 7, again, 20000), count);
    assert_memory_equal(times, again, count * sizeof(*times));
    size_t others = collect(&profile, NS_PER_S, 1, 2, 8, other, 20000);
    assert_true(others != count || memcmp(times, other, count * sizeof(*times)) != 0);
}

static void shapes_move_the_rate(void **unused)
{
    (void)unused;
    struct load_profile ramp = {.rate_per_s = 1000, .shape = LOAD_RAMP, .peak_per_s = 3000};
    size_t count = collect(&ramp, 10 * NS_PER_S, 0, 1, 1, times, 200000);
    assert_in_range(count, 19999, 20001);
    assert_in_range(between(count, 0, NS_PER_S), 1099, 1101);
    assert_in_range(between(count, 9 * NS_PER_S, 10 * NS_PER_S), 2899, 2901);

    struct load_profile fall = {.rate_per_s = 1000, .shape = LOAD_RAMP, .peak_per_s = 10};
    count = collect(&fall, 10 * NS_PER_S, 0, 1, 1, times, 200000);
    assert_in_range(count, 5049, 5051);

    struct load_profile step = {
        .rate_per_s = 100, .shape = LOAD_STEP, .peak_per_s = 1000, .shape_at_ns = 2 * NS_PER_S};
    count = collect(&step, 4 * NS_PER_S, 0, 1, 1, times, 200000);
    assert_in_range(between(count, 0, 2 * NS_PER_S), 199, 201);
    assert_in_range(between(count, 2 * NS_PER_S, 4 * NS_PER_S), 1999, 2001);

    struct load_profile spike = {.rate_per_s = 100,
                                 .shape = LOAD_SPIKE,
                                 .peak_per_s = 5000,
                                 .shape_at_ns = NS_PER_S,
                                 .shape_for_ns = NS_PER_S / 2};
    count = collect(&spike, 3 * NS_PER_S, 0, 1, 1, times, 200000);
    assert_in_range(between(count, NS_PER_S, NS_PER_S * 3 / 2), 2499, 2501);
    assert_in_range(count, 2749, 2751);
    assert_true(fabs(arrival_expected(&spike, 3 * NS_PER_S) - 2750) < 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constant_arrivals_are_evenly_spaced),
        cmocka_unit_test(threads_interleave),
        cmocka_unit_test(poisson_arrivals_have_exponential_gaps),
        cmocka_unit_test(a_seed_replays),
        cmocka_unit_test(shapes_move_the_rate),
    };
    return cmocka_run_group_tests_name("arrival", tests, NULL, NULL);
}
