/* SPDX-License-Identifier: MIT */
/* schedule_test.c - blocks are permutations, mirrored in twos, drawn from the seed. */
#include "test.h"

#include "run/placement.h"
#include "run/schedule.h"

#include <string.h>

static void test_two_variants_are_abba_or_baab(void **state)
{
    (void)state;
    static const size_t abba[] = {0, 1, 1, 0}, baab[] = {1, 0, 0, 1};
    size_t order[20], first[2] = {0};
    for (uint64_t seed = 0; seed < 64; seed++) {
        schedule_fill(order, 10, 2, seed);
        for (size_t i = 0; i < 20; i += 4)
            assert_memory_equal(order + i, order[i] == 0 ? abba : baab, sizeof(abba));
        first[order[0]]++;
    }
    assert_in_range(first[0], 16, 48); /* of 64 seeds; either side begins */
    assert_int_equal(first[0] + first[1], 64);
}

static void test_more_variants_are_mirrored(void **state)
{
    (void)state;
    enum { BLOCKS = 5, VARIANTS = 4 };
    size_t order[BLOCKS * VARIANTS];
    schedule_fill(order, BLOCKS, VARIANTS, 7);
    for (size_t block = 0; block < BLOCKS; block++) {
        unsigned seen = 0;
        for (size_t i = 0; i < VARIANTS; i++)
            seen |= 1u << order[block * VARIANTS + i];
        assert_int_equal(seen, 15);
        for (size_t i = 0; block % 2 == 1 && i < VARIANTS; i++)
            assert_int_equal(order[block * VARIANTS + i], order[block * VARIANTS - 1 - i]);
    }
}

static void test_the_seed_decides(void **state)
{
    (void)state;
    size_t one[60], same[60], other[60];
    schedule_fill(one, 12, 5, 1);
    schedule_fill(same, 12, 5, 1);
    schedule_fill(other, 12, 5, 2);
    assert_memory_equal(one, same, sizeof(one));
    assert_memory_not_equal(one, other, sizeof(one));
}

static void split(struct placement *placement, size_t first, size_t count, char *generator,
                  char *subject)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    for (size_t i = 0; i < count; i++)
        CPU_SET(first + i, &set);
    placement_split(placement, &set);
    (void)placement_format(&placement->generator, generator, 80);
    (void)placement_format(&placement->subject, subject, 80);
}

static void test_cpus_are_halved(void **state)
{
    (void)state;
    struct placement placement;
    char generator[80], subject[80];
    split(&placement, 3, 1, generator, subject);
    assert_true(placement.shared);
    assert_string_equal(generator, "3");
    assert_string_equal(subject, "3");
    split(&placement, 0, 2, generator, subject);
    assert_false(placement.shared);
    assert_string_equal(generator, "0");
    assert_string_equal(subject, "1");
    assert_int_equal(placement.generator_count, 1);
    split(&placement, 1, 7, generator, subject);
    assert_string_equal(generator, "1-3");
    assert_string_equal(subject, "4-7");
    assert_int_equal(placement.generator_count, 3);
    assert_int_equal(placement.generator_cpus[2], 3);
}

static void test_sets_are_written_as_ranges(void **state)
{
    (void)state;
    char text[80];
    cpu_set_t set;
    CPU_ZERO(&set);
    assert_string_equal(placement_format(&set, text, sizeof(text)), "");
    CPU_SET(0, &set);
    CPU_SET(2, &set);
    CPU_SET(3, &set);
    CPU_SET(9, &set);
    assert_string_equal(placement_format(&set, text, sizeof(text)), "0,2-3,9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_variants_are_abba_or_baab),
        cmocka_unit_test(test_more_variants_are_mirrored),
        cmocka_unit_test(test_the_seed_decides),
        cmocka_unit_test(test_cpus_are_halved),
        cmocka_unit_test(test_sets_are_written_as_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
