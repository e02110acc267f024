/* SPDX-License-Identifier: MIT */
/* chain_test.c - pieces keep their order through faults that come, change and go. */
#include "test.h"

#include "chain_fixture.h"

#include "core/clock.h"

static void nothing_is_in_the_way_without_faults(void **unused)
{
    (void)unused;
    struct stand stand;
    stand_init(&stand, 1);
    assert_true(chain_is_empty(&stand.down));
    assert_int_equal(chain_next_ns(&stand.down), CLOCK_NEVER);
    stand_push(&stand.down, "abc", 5);
    stand_expect(&stand.down, 5, "abc");
    assert_true(chain_is_empty(&stand.down));
    stand_fini(&stand);
}

static void what_is_delayed_comes_when_it_is_due(void **unused)
{
    (void)unused;
    struct stand stand;
    stand_init(&stand, 1);
    struct toxic *slow = stand_add(&stand, &fault_latency, FAULT_DOWNSTREAM, "latency=10ns", NULL);
    stand_push(&stand.down, "abc", 100);
    assert_false(chain_is_empty(&stand.down));
    assert_int_equal(chain_next_ns(&stand.down), 110);
    stand_expect(&stand.down, 109, "");
    stand_push(&stand.down, "de", 109);
    stand_expect(&stand.down, 110, "abc");
    stand_end(&stand.down, 111);
    stand_expect(&stand.down, 119, "de");
    stand_expect(&stand.down, 121, "$");
    assert_int_equal(toxic_effects(slow).pieces, 3);
    assert_int_equal(toxic_effects(slow).bytes, 5);
    assert_int_equal(toxic_effects(slow).links, 1);
    assert_int_equal(toxic_effects(slow).first_ns, 100);
    assert_int_equal(toxic_effects(slow).last_ns, 121);
    assert_true(chain_is_empty(&stand.up)); /* on this stream alone */
    stand_fini(&stand);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_in_the_way_without_faults),
        cmocka_unit_test(what_is_delayed_comes_when_it_is_due),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
