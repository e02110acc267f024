/* SPDX-License-Identifier: MIT */
/* share_test.c - the exact interval of a share against figures that are known. */
#include "test.h"

#include "measure/share.h"

#include <math.h>

static void intervals_are_exact(void **state)
{
    (void)state;
    static const struct {
        size_t found, total;
        double low, high;
    } cases[] = {
        {0, 60, 0, 0.05963},         /* 1 - 0.025^(1/60) */
        {60, 60, 0.94037, 1},        /* its mirror image */
        {1, 1, 0.025, 1},            /* alpha / 2 */
        {10, 200, 0.02424, 0.09003}, /* by R's binom.test */
        {5, 10, 0.18709, 0.81291},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        double low = -1, high = -1;
        assert_ok(share_interval(cases[i].found, cases[i].total, 0.05, &low, &high, NULL));
        assert_true(fabs(low - cases[i].low) < 1e-4);
        assert_true(fabs(high - cases[i].high) < 1e-4);
    }
}

/* Whatever the true share, intervals of all that can be counted hold it as often as they say. */
static void intervals_cover(void **state)
{
    (void)state;
    enum { TOTAL = 30 };
    for (int percent = 1; percent < 100; percent += 7) {
        double share = percent / 100.0, covered = 0;
        for (size_t found = 0; found <= TOTAL; found++) {
            double low, high;
            assert_ok(share_interval(found, TOTAL, 0.05, &low, &high, NULL));
            double probability =
                exp(lgamma(TOTAL + 1) - lgamma((double)found + 1) -
                    lgamma((double)(TOTAL - found) + 1) + (double)found * log(share) +
                    (double)(TOTAL - found) * log1p(-share));
            covered += low <= share && share <= high ? probability : 0;
        }
        assert_true(covered >= 0.95);
    }
}

static void refuses_what_is_no_share(void **state)
{
    (void)state;
    double low, high;
    assert_int_equal(share_interval(0, 0, 0.05, &low, &high, NULL), -EINVAL);
    assert_int_equal(share_interval(2, 1, 0.05, &low, &high, NULL), -EINVAL);
    assert_int_equal(share_interval(1, 2, 0, &low, &high, NULL), -EINVAL);
    assert_int_equal(share_interval(1, 2, NAN, &low, &high, NULL), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intervals_are_exact),
        cmocka_unit_test(intervals_cover),
        cmocka_unit_test(refuses_what_is_no_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
