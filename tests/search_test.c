/* SPDX-License-Identifier: MIT */
/* search_test.c - knee searches against subjects whose knee is known. */
#include "test.h"

#include "core/rng.h"
#include "load/search.h"

#include <math.h>
#include <string.h>

/* A subject that meets the objective up to its knee, and a generator that can do so much. */
struct subject {
    double knee_per_s;
    double generator_per_s; /* INFINITY: no limit */
    double spread;          /* share of the knee around it within which chance decides */
    double blunders;        /* share of the steps that come out the other way, anywhere */
    struct rng rng;
};

static enum search_outcome answer(struct subject *subject, double rate_per_s)
{
    double knee_per_s =
        subject->knee_per_s * (1 + subject->spread * (2 * rng_unit(&subject->rng) - 1));
    bool met = rate_per_s <= knee_per_s;
    if (rng_unit(&subject->rng) < subject->blunders)
        met = !met;
    if (met && rate_per_s <= subject->generator_per_s)
        return SEARCH_MET;
    return rate_per_s > subject->generator_per_s ? SEARCH_GENERATOR : SEARCH_MISSED;
}

static struct search_settings settings(void)
{
    struct search_settings settings;
    memset(&settings, 0, sizeof(settings));
    assert_ok(param_defaults(search_params, &settings, NULL));
    return settings;
}

/* Searches to the end; the step that decided last on a rate as met must be the knee. */
static void search(const struct search_settings *settings, struct subject *subject,
                   struct search_curve *curve)
{
    struct search search;
    double rate_per_s, met_per_s = NAN;
    assert_ok(search_check(settings, NULL));
    search_init(&search, settings, curve);
    while (search_next(&search, &rate_per_s)) {
        assert_true(rate_per_s >= settings->floor_per_s);
        assert_true(rate_per_s <= settings->limit_per_s);
        assert_true(curve->step_count < settings->steps_max);
        struct search_step step = {.outcome = (int)answer(subject, rate_per_s)};
        if (search_feed(&search, &step))
            met_per_s = rate_per_s;
        assert_true(curve->steps[curve->step_count - 1].rate_per_s == rate_per_s);
    }
    assert_memory_equal(&met_per_s, &curve->met_per_s, sizeof(met_per_s));
}

static struct subject steady(double knee_per_s)
{
    struct subject subject = {.knee_per_s = knee_per_s, .generator_per_s = INFINITY};
    rng_init(&subject.rng, 1, 0);
    return subject;
}

/* From far below to far above where the search begins. */
static void the_bracket_holds_the_knee(void **unused)
{
    (void)unused;
    struct search_settings search_settings = settings();
    double knee_per_s = 1.5;
    for (int i = 0; i < 43; i++) {
        struct search_curve curve;
        struct subject subject = steady(knee_per_s);
        search(&search_settings, &subject, &curve);
        assert_int_equal(curve.end, SEARCH_BRACKETED);
        assert_true(curve.met_per_s <= knee_per_s && knee_per_s < curve.missed_per_s);
        assert_true(curve.missed_per_s <= curve.met_per_s * 1.05);
        assert_true(curve.step_count <= 36);
        knee_per_s *= 1.37;
    }
}

static void rates_double_and_bisect_on_two_steps_each(void **unused)
{
    (void)unused;
    static const double rates[] = {500, 500, 1000, 1000, 2000, 2000};
    struct search_settings search_settings = settings();
    struct search_curve curve;
    struct subject subject = steady(1100);
    search(&search_settings, &subject, &curve);
    for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++)
        assert_true(curve.steps[i].rate_per_s == rates[i]);
    assert_true(fabs(curve.steps[6].rate_per_s - 1414.2) < 0.1);
    for (size_t i = 0; i < curve.step_count; i += 2)
        assert_true(curve.steps[i].rate_per_s == curve.steps[i + 1].rate_per_s);
}

static void one_odd_step_is_outvoted(void **unused)
{
    (void)unused;
    static const int outcomes[] = {SEARCH_MET,    SEARCH_MISSED,    SEARCH_MET, /* 500: met */
                                   SEARCH_MISSED, SEARCH_GENERATOR, SEARCH_MET, SEARCH_MISSED};
    struct search_settings search_settings = settings();
    struct search_curve curve;
    struct search search;
    double rate_per_s;
    search_init(&search, &search_settings, &curve);
    for (size_t i = 0; i < sizeof(outcomes) / sizeof(*outcomes); i++) {
        struct search_step step = {.outcome = outcomes[i]};
        assert_true(search_next(&search, &rate_per_s));
        assert_true(rate_per_s == (i < 3 ? 500 : 1000));
        assert_int_equal(search_feed(&search, &step), i == 2);
    }
    assert_true(curve.met_per_s == 500);
    assert_true(curve.missed_per_s == 1000);
    assert_true(search_next(&search, &rate_per_s));
    assert_true(rate_per_s > 500 && rate_per_s < 1000);
}

/* Where chance decides near the knee, the bracket lies near it. */
static void noise_near_the_knee_moves_it_little(void **unused)
{
    (void)unused;
    struct search_settings search_settings = settings();
    for (uint64_t seed = 0; seed < 500; seed++) {
        struct search_curve curve;
        struct subject subject = steady(7300);
        subject.spread = 0.1;
        rng_init(&subject.rng, seed, 1);
        search(&search_settings, &subject, &curve);
        assert_int_equal(curve.end, SEARCH_BRACKETED);
        assert_true(curve.met_per_s <= 7300 * 1.1);
        assert_true(curve.missed_per_s >= 7300 * 0.9);
        assert_true(curve.missed_per_s <= curve.met_per_s * 1.05);
    }
}

/* How many of 500 searches among blundering steps hold the knee in their bracket. */
static size_t right(uint64_t confirm)
{
    struct search_settings search_settings = settings();
    size_t right = 0;
    search_settings.confirm = confirm;
    search_settings.steps_max = SEARCH_STEPS_MAX;
    for (uint64_t seed = 0; seed < 500; seed++) {
        struct search_curve curve;
        struct subject subject = steady(7300);
        subject.blunders = 0.05;
        rng_init(&subject.rng, seed, 2);
        search(&search_settings, &subject, &curve);
        right += curve.met_per_s <= 7300 && curve.missed_per_s > 7300;
    }
    return right;
}

static void confirmation_withstands_blunders(void **unused)
{
    (void)unused;
    size_t once = right(1), twice = right(2), thrice = right(3);
    assert_true(twice > once);
    assert_true(thrice > twice);
    assert_true(twice > 450);
}

static void the_generator_is_told_from_the_subject(void **unused)
{
    (void)unused;
    struct search_settings search_settings = settings();
    struct search_curve curve;
    struct subject subject = steady(1e5);
    subject.generator_per_s = 3000;
    search(&search_settings, &subject, &curve);
    assert_int_equal(curve.end, SEARCH_LIMITED);
    assert_true(curve.met_per_s <= 3000 && curve.met_per_s * 1.05 > 3000);
    assert_true(isnan(curve.missed_per_s));
    subject = steady(1e5);
    subject.generator_per_s = 0.5;
    search(&search_settings, &subject, &curve);
    assert_int_equal(curve.end, SEARCH_LIMITED);
    assert_true(isnan(curve.met_per_s));
}

/* Doubling overshoots into what the generator cannot do, and the knee lies before that. */
static void a_knee_below_the_generators_limit_is_found(void **unused)
{
    (void)unused;
    struct search_settings search_settings = settings();
    struct search_curve curve;
    struct subject subject = steady(2300);
    subject.generator_per_s = 3000;
    search(&search_settings, &subject, &curve);
    assert_int_equal(curve.end, SEARCH_BRACKETED);
    assert_true(curve.met_per_s <= 2300 && curve.missed_per_s > 2300);
}

static void ends_are_told_apart(void **unused)
{
    (void)unused;
    struct search_settings search_settings = settings();
    struct search_curve curve;
    struct subject subject = steady(1e9);
    search_settings.limit_per_s = 3000;
    search(&search_settings, &subject, &curve);
    assert_int_equal(curve.end, SEARCH_CAPPED);
    assert_true(curve.met_per_s == 3000);
    search_settings.floor_per_s = 100;
    subject = steady(99);
    search(&search_settings, &subject, &curve);
    assert_int_equal(curve.end, SEARCH_NEVER_MET);
    assert_true(isnan(curve.met_per_s));
    assert_true(curve.missed_per_s == 100);
    subject = steady(100);
    search(&search_settings, &subject, &curve);
    assert_int_equal(curve.end, SEARCH_BRACKETED);
    assert_true(curve.met_per_s == 100);
    search_settings.steps_max = 5;
    search(&search_settings, &subject, &curve);
    assert_int_equal(curve.end, SEARCH_UNFINISHED);
    assert_int_equal(curve.step_count, 5);
}

static void no_step_is_without_a_request(void **unused)
{
    (void)unused;
    struct search_settings search_settings = settings();
    struct search_curve curve;
    struct subject subject = steady(0.1);
    search_settings.step_ns = 100000000;
    search(&search_settings, &subject, &curve);
    assert_int_equal(curve.end, SEARCH_NEVER_MET);
    assert_true(curve.missed_per_s == 10);
}

static void contradictions_are_refused(void **unused)
{
    (void)unused;
    struct search_settings search_settings = settings();
    struct err err = {0};
    search_settings.from_per_s = 2e6;
    assert_int_equal(search_check(&search_settings, &err), -EINVAL);
    assert_non_null(strstr(err.text, "above its limit"));
    search_settings.from_per_s = 0.5;
    assert_int_equal(search_check(&search_settings, &err), -EINVAL);
    assert_non_null(strstr(err.text, "below its floor"));
    search_settings.from_per_s = 5;
    search_settings.step_ns = 100000000;
    assert_int_equal(search_check(&search_settings, &err), -EINVAL);
    assert_non_null(strstr(err.text, "no request would be due"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bracket_holds_the_knee),
        cmocka_unit_test(rates_double_and_bisect_on_two_steps_each),
        cmocka_unit_test(one_odd_step_is_outvoted),
        cmocka_unit_test(noise_near_the_knee_moves_it_little),
        cmocka_unit_test(confirmation_withstands_blunders),
        cmocka_unit_test(the_generator_is_told_from_the_subject),
        cmocka_unit_test(a_knee_below_the_generators_limit_is_found),
        cmocka_unit_test(ends_are_told_apart),
        cmocka_unit_test(no_step_is_without_a_request),
        cmocka_unit_test(contradictions_are_refused),
    };
    return cmocka_run_group_tests_name("search", tests, NULL, NULL);
}
