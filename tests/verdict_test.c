/* SPDX-License-Identifier: MIT */
/* verdict_test.c - every word at its borders, and judgements over rounds made by hand. */
#include "report_fixture.h"

static struct stats_estimate interval(double low, double high)
{
    return (struct stats_estimate){
        .count = 10, .value = (low + high) / 2, .bounded = true, .low = low, .high = high};
}

static const struct stats_estimate unbounded = {.count = 3, .value = 1, .low = 1, .high = 1};

struct row {
    double low, high;
    enum expr_op op;
    double limit;
    int word;
};

static void conditions_pass_fail_or_straddle(void **unused)
{
    (void)unused;
    static const struct row rows[] = {
        {1, 9.9, EXPR_LESS, 10, VERDICT_PASS},
        {1, 10, EXPR_LESS, 10, VERDICT_INCONCLUSIVE},
        {1, 10, EXPR_LESS_EQUAL, 10, VERDICT_PASS},
        {10, 11, EXPR_LESS, 10, VERDICT_FAIL},
        {10, 11, EXPR_LESS_EQUAL, 10, VERDICT_INCONCLUSIVE},
        {10.1, 11, EXPR_LESS_EQUAL, 10, VERDICT_FAIL},
        {10.1, 11, EXPR_GREATER, 10, VERDICT_PASS},
        {10, 11, EXPR_GREATER, 10, VERDICT_INCONCLUSIVE},
        {10, 11, EXPR_GREATER_EQUAL, 10, VERDICT_PASS},
        {9, 10, EXPR_GREATER, 10, VERDICT_FAIL},
        {9.5, 10.5, EXPR_ABOUT, 10, VERDICT_PASS},
        {8, 10, EXPR_ABOUT, 10, VERDICT_INCONCLUSIVE},
        {8, 12, EXPR_ABOUT, 10, VERDICT_INCONCLUSIVE}, /* both ends outside, the limit within */
        {11.5, 12, EXPR_ABOUT, 10, VERDICT_FAIL},
        {7, 8, EXPR_ABOUT, 10, VERDICT_FAIL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct stats_estimate estimate = interval(rows[i].low, rows[i].high);
        assert_int_equal(verdict_of_interval(&estimate, rows[i].op, rows[i].limit, 0.1),
                         rows[i].word);
    }
    assert_int_equal(verdict_of_interval(&unbounded, EXPR_LESS, 10, 0.1), VERDICT_INCONCLUSIVE);
}

static void effects_are_read_towards_the_claim(void **unused)
{
    (void)unused;
    static const struct row rows[] = {
        /* a bare figure above 1: near enough begins at 1.58 less a tenth, 1.422 */
        {1.5, 1.7, EXPR_ABOUT, 1.58, CLAIM_CONFIRMED},
        {2.5, 2.7, EXPR_ABOUT, 1.58, CLAIM_CONFIRMED},  /* stronger */
        {1.1, 1.58, EXPR_ABOUT, 1.58, CLAIM_CONFIRMED}, /* the interval reaches it */
        {1.1, 1.57, EXPR_ABOUT, 1.58, CLAIM_SAME_DIRECTION},
        {1.42, 1.43, EXPR_ABOUT, 1.58, CLAIM_CONFIRMED}, /* the estimate comes near enough */
        {1.41, 1.43, EXPR_ABOUT, 1.58, CLAIM_SAME_DIRECTION},
        {1.03, 1.1, EXPR_ABOUT, 1.58, CLAIM_SAME_DIRECTION},
        {1.01, 1.7, EXPR_ABOUT, 1.58, CLAIM_INCONCLUSIVE}, /* begins within the noise */
        {0.9, 1.7, EXPR_ABOUT, 1.58, CLAIM_INCONCLUSIVE},
        {0.99, 1.01, EXPR_ABOUT, 1.58, CLAIM_REFUTED}, /* within the noise */
        {0.5, 0.6, EXPR_ABOUT, 1.58, CLAIM_REFUTED},   /* the other way */
        {0.9, 1.019, EXPR_ABOUT, 1.58, CLAIM_REFUTED},
        {0.9, 1.021, EXPR_ABOUT, 1.58, CLAIM_INCONCLUSIVE},
        /* below 1: near enough begins at 0.297 */
        {0.25, 0.3, EXPR_ABOUT, 0.27, CLAIM_CONFIRMED},
        {0.1, 0.12, EXPR_ABOUT, 0.27, CLAIM_CONFIRMED},
        {0.27, 0.9, EXPR_ABOUT, 0.27, CLAIM_CONFIRMED},
        {0.28, 0.31, EXPR_ABOUT, 0.27, CLAIM_CONFIRMED},
        {0.29, 0.9, EXPR_ABOUT, 0.27, CLAIM_SAME_DIRECTION},
        {0.3, 0.9, EXPR_ABOUT, 0.27, CLAIM_SAME_DIRECTION},
        {0.3, 0.99, EXPR_ABOUT, 0.27, CLAIM_INCONCLUSIVE},
        {0.99, 1.5, EXPR_ABOUT, 0.27, CLAIM_REFUTED},
        /* conditions with a side */
        {1.21, 1.3, EXPR_GREATER, 1.2, CLAIM_CONFIRMED},
        {1.1, 1.3, EXPR_GREATER, 1.2, CLAIM_SAME_DIRECTION},
        {1.03, 1.1, EXPR_GREATER, 1.2, CLAIM_SAME_DIRECTION},
        {1.0, 1.3, EXPR_GREATER, 1.2, CLAIM_INCONCLUSIVE},
        {0.8, 1.0, EXPR_GREATER, 1.2, CLAIM_REFUTED},
        {0.7, 0.79, EXPR_LESS, 0.8, CLAIM_CONFIRMED},
        {0.7, 0.9, EXPR_LESS, 0.8, CLAIM_SAME_DIRECTION},
        {1.005, 1.01, EXPR_GREATER, 1, CLAIM_REFUTED}, /* true, but no more than noise */
        {1.03, 1.05, EXPR_GREATER, 1, CLAIM_CONFIRMED},
        /* conditions and figures without a side */
        {0.95, 1.1, EXPR_GREATER, 0.9, CLAIM_CONFIRMED},
        {0.85, 1.1, EXPR_GREATER, 0.9, CLAIM_INCONCLUSIVE},
        {0.7, 0.8, EXPR_GREATER, 0.9, CLAIM_REFUTED},
        {0.98, 1.02, EXPR_ABOUT, 1, CLAIM_CONFIRMED},
        {0.85, 1.02, EXPR_ABOUT, 1, CLAIM_INCONCLUSIVE},
        {1.2, 1.3, EXPR_ABOUT, 1.05, CLAIM_REFUTED},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct stats_estimate estimate = interval(rows[i].low, rows[i].high);
        enum claim_word word = claim_of_effect(&estimate, rows[i].op, rows[i].limit, 0.1, 0.02);
        if ((int)word != rows[i].word)
            print_error("row %zu: %s\n", i, claim_word(word));
        assert_int_equal(word, rows[i].word);
    }
    assert_int_equal(claim_of_effect(&unbounded, EXPR_ABOUT, 1.58, 0.1, 0.02), CLAIM_INCONCLUSIVE);
}

static void words_are_said(void **unused)
{
    (void)unused;
    assert_string_equal(verdict_word(VERDICT_PASS), "pass");
    assert_string_equal(verdict_word(VERDICT_NOT_RUN), "not run");
    assert_string_equal(claim_word(CLAIM_SAME_DIRECTION), "same direction");
    assert_string_equal(claim_word(CLAIM_NO_COUNTERPART), "no counterpart");
    assert_string_equal(outcome_word(OUTCOME_EXPECTATION), "expectation failed");
}

static const char scenario[] =
    "question: Is it?\n"
    "source: an article\n"
    "subject: {url: 'http://127.0.0.1:8080/'}\n"
    "variants: {plain: {}, pooled: {}}\n"
    "load: {path: /}\n"
    "phases:\n"
    "  - {name: full, kind: measure, for: 1s}\n"
    "rounds: 10\n"
    "noise: 2%\n"
    "invariants:\n"
    "  - contaminated == 0\n"
    "  - errors == 0\n"
    "expect:\n"
    "  - pooled.qps / plain.qps > 1.2\n"
    "  - pooled.qps / plain.qps > 1.5 and pooled.p99 < 50ms\n"
    "  - pooled.max < 1s\n"
    "  - pooled.p99 - plain.p99 < 10ms\n"
    "claims:\n"
    "  - {what: faster, figure: pooled.qps / plain.qps, says: 1.3}\n"
    "  - {what: much faster, figure: pooled.qps / plain.qps, says: '> 2'}\n"
    "  - {what: shorter, figure: pooled.p99 / plain.p99, says: 0.27}\n"
    "  - {what: collections, figure: none, says: 7 to 0, why: none here}\n";

/* Ten blocks: pooled is some 1.3 times as fast, its P99 the same but for noise. */
static struct result *ten_blocks(const struct plan *plan, uint64_t requests)
{
    struct result *result = fixture_result(plan);
    for (size_t block = 0; block < 10; block++) {
        double wobble = 1 + 0.001 * (double)(block % 5);
        double drift = 1 + 0.05 * (double)block; /* of the machine: hits both sides alike */
        (void)fixture_round(result, block, 0, 10000 * drift, 20e6, requests);
        (void)fixture_round(result, block, 1, 13000 * drift * wobble, 20e6 * wobble, requests);
    }
    return result;
}

static void judgements_follow_the_rounds(void **unused)
{
    (void)unused;
    struct plan *plan = fixture_plan(scenario);
    struct result *result = ten_blocks(plan, 20000);
    struct judgement *judgement = fixture_judge(result);
    assert_int_equal(judgement->expect_count, 4);
    assert_int_equal(judgement->expects[0].verdict, VERDICT_PASS);
    const struct measured *ratio = &judgement->expects[0].parts[0].measured;
    assert_true(ratio->ratio && ratio->used == 10 && ratio->dropped == 0);
    assert_true(ratio->estimate.value > 1.3 && ratio->estimate.value < 1.31);
    assert_int_equal(judgement->expects[1].part_count, 2);
    assert_int_equal(judgement->expects[1].parts[0].verdict, VERDICT_FAIL);
    assert_int_equal(judgement->expects[1].parts[1].verdict, VERDICT_PASS);
    assert_int_equal(judgement->expects[1].verdict, VERDICT_FAIL);
    assert_int_equal(judgement->expects[2].verdict, VERDICT_FAIL); /* nothing filled max */
    assert_non_null(strstr(judgement->expects[2].note, "no samples"));
    assert_int_equal(judgement->expects[3].verdict, VERDICT_PASS);
    assert_int_equal(judgement->claims[0].word, CLAIM_CONFIRMED);
    assert_int_equal(judgement->claims[1].word, CLAIM_SAME_DIRECTION);
    assert_int_equal(judgement->claims[2].word, CLAIM_REFUTED);
    assert_int_equal(judgement->claims[3].word, CLAIM_NO_COUNTERPART);
    assert_int_equal(judgement->versus_count, 2);
    assert_int_equal(judgement->versus[0].verdict, STATS_BETTER);
    assert_int_equal(judgement->versus[1].verdict, STATS_EQUIVALENT);
    assert_int_equal(judgement->outcome, OUTCOME_EXPECTATION);
    judgement_destroy(judgement);
    result_destroy(result);
    plan_destroy(plan);
}

static void invariants_are_asked_of_every_variant(void **unused)
{
    (void)unused;
    struct plan *plan = fixture_plan(scenario);
    struct result *result = ten_blocks(plan, 20000);
    result->rounds[7].whole[METRIC_CONTAMINATED] = 1; /* one in one round of pooled */
    result->rounds[8].whole[METRIC_ERRORS] = 0.25;
    struct judgement *judgement = fixture_judge(result);
    assert_int_equal(judgement->invariant_count, 4);
    assert_int_equal(judgement->invariants[0].variant, 0);
    assert_int_equal(judgement->invariants[0].verdict, VERDICT_PASS);
    assert_int_equal(judgement->invariants[1].variant, 1);
    assert_int_equal(judgement->invariants[1].verdict, VERDICT_FAIL);
    assert_true(judgement->invariants[1].parts[0].measured.estimate.value == 1);
    assert_int_equal(judgement->invariants[2].verdict, VERDICT_FAIL);
    assert_true(judgement->invariants[2].parts[0].measured.estimate.value == 0.25);
    assert_int_equal(judgement->invariants[3].verdict, VERDICT_PASS);
    judgement_destroy(judgement);
    result_destroy(result);
    plan_destroy(plan);
}

/* What broke an invariant counts for invariants alone, and decides theirs. */
static void broken_rounds_fail_their_invariant(void **unused)
{
    (void)unused;
    struct plan *plan = fixture_plan(scenario);
    struct result *result = ten_blocks(plan, 20000);
    for (size_t i = 5; i < 8; i += 2) { /* two of pooled */
        result->rounds[i].whole[METRIC_CONTAMINATED] = 3;
        result->rounds[i].whole[METRIC_QPS] = 1e9;
        result_round_break(&result->rounds[i], 0, "contaminated == 0: was 3");
    }
    result_round_invalid(&result->rounds[7], "the generator was late");
    struct judgement *judgement = fixture_judge(result);
    const struct judged_condition *broken = &judgement->invariants[1];
    assert_int_equal(judgement->invariants[0].verdict, VERDICT_PASS); /* of plain */
    assert_int_equal(broken->verdict, VERDICT_FAIL);
    assert_true(broken->parts[0].measured.exact);
    assert_true(broken->parts[0].measured.estimate.value == 6);
    assert_int_equal(broken->parts[0].measured.used, 10);
    assert_string_equal(broken->note, "broken in 2 of 10 rounds");
    assert_int_equal(judgement->invariants[3].verdict, VERDICT_PASS); /* the other of pooled */
    assert_int_equal(judgement->invariants[3].parts[0].measured.used, 10);
    assert_int_equal(judgement->versus[0].measured.used, 8);
    assert_true(judgement->versus[0].measured.estimate.high < 1.4);
    assert_int_equal(judgement->round_broken, 2);
    assert_int_equal(judgement->round_invalid, 2);
    assert_int_equal(judgement->outcome, OUTCOME_EXPECTATION);
    judgement_destroy(judgement);
    result_destroy(result);
    plan_destroy(plan);
}

/* A run all of whose rounds are broken has failed, and is to be believed in that. */
static void runs_of_broken_rounds_have_failed(void **unused)
{
    (void)unused;
    struct plan *plan = fixture_plan(scenario);
    struct result *result = ten_blocks(plan, 20000);
    for (size_t i = 0; i < result->round_count; i++)
        if (result->rounds[i].variant == 1)
            result_round_break(&result->rounds[i], 1, "errors == 0: was 1 %%");
    struct judgement *judgement = fixture_judge(result);
    assert_int_equal(judgement->outcome, OUTCOME_EXPECTATION);
    assert_string_equal(judgement->invalid, "");
    assert_int_equal(judgement->invariants[3].verdict, VERDICT_FAIL);
    assert_int_equal(judgement->versus[0].verdict, STATS_NO_VERDICT);
    judgement_destroy(judgement);
    result_destroy(result);
    plan_destroy(plan);
}

/* Of each round by itself, where an interval over the rounds would say nothing. */
static void an_invariant_has_no_interval(void **unused)
{
    (void)unused;
    static const char bounded[] = "question: Is it?\n"
                                  "subject: {url: 'http://127.0.0.1:8080/'}\n"
                                  "variants: {plain: {}, pooled: {}}\n"
                                  "load: {path: /}\n"
                                  "phases: [{name: full, for: 1s}]\n"
                                  "invariants:\n"
                                  "  - qps > 9900/s\n"
                                  "  - qps < 13700/s\n"
                                  "  - pooled.qps > plain.qps\n";
    struct plan *plan = fixture_plan(bounded);
    struct result *result = fixture_result(plan);
    for (size_t block = 0; block < 3; block++)
        for (size_t variant = 0; variant < 2; variant++)
            (void)fixture_round(result, block, variant,
                                10000 + 3000 * (double)variant + 100 * (double)block, 20e6, 20000);
    struct judgement *judgement = fixture_judge(result);
    assert_int_equal(judgement->invariant_count, 5);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(judgement->invariants[i].verdict, VERDICT_PASS); /* of three rounds */
    assert_true(judgement->invariants[0].parts[0].measured.estimate.value == 10000);
    assert_true(judgement->invariants[3].parts[0].measured.estimate.value == 13200);
    assert_int_equal(judgement->invariants[4].verdict, VERDICT_INCONCLUSIVE); /* across variants */
    judgement_destroy(judgement);
    result_destroy(result);
    plan_destroy(plan);
}

static void invalid_rounds_take_their_pair_along(void **unused)
{
    (void)unused;
    struct plan *plan = fixture_plan(scenario);
    struct result *result = ten_blocks(plan, 20000);
    result_round_invalid(&result->rounds[5], "the generator was late");
    result->rounds[5].whole[METRIC_QPS] = 1e9;
    result->rounds[5].whole[METRIC_CONTAMINATED] = 3;
    struct judgement *judgement = fixture_judge(result);
    const struct measured *ratio = &judgement->expects[0].parts[0].measured;
    assert_int_equal(ratio->used, 9);
    assert_int_equal(ratio->dropped, 1);
    assert_true(ratio->estimate.high < 1.4);
    assert_int_equal(judgement->versus[0].measured.dropped, 1);
    assert_int_equal(judgement->block_ran, 10);
    assert_int_equal(judgement->block_whole, 9);
    assert_string_equal(judgement->expects[0].note, ""); /* said once, with the rounds */
    assert_int_equal(judgement->round_valid, 19);
    assert_int_equal(judgement->round_invalid, 1);
    assert_int_equal(judgement->invariants[1].verdict, VERDICT_PASS);
    assert_non_null(strstr(judgement->invariants[1].note, "1 invalid round"));
    judgement_destroy(judgement);
    result_destroy(result);
    plan_destroy(plan);
}

static void few_rounds_give_no_verdict(void **unused)
{
    (void)unused;
    struct plan *plan = fixture_plan(scenario);
    struct result *result = fixture_result(plan);
    for (size_t block = 0; block < 5; block++) {
        (void)fixture_round(result, block, 0, 10000, 20e6, 20000);
        (void)fixture_round(result, block, 1, 13000, 20e6, 20000);
    }
    result->block_count = 5;
    struct judgement *judgement = fixture_judge(result);
    assert_int_equal(judgement->versus[0].verdict, STATS_NO_VERDICT);
    assert_int_equal(judgement->versus[0].measured.used, 5);
    assert_true(fabs(judgement->versus[0].measured.estimate.value - 1.3) < 1e-9);
    assert_int_equal(judgement->expects[0].verdict, VERDICT_INCONCLUSIVE);
    assert_non_null(strstr(judgement->expects[0].note, "no verdict under 6"));
    assert_int_equal(judgement->claims[0].word, CLAIM_INCONCLUSIVE);
    assert_int_equal(judgement->invariants[0].verdict, VERDICT_PASS); /* exact needs no interval */
    assert_non_null(strstr(judgement->expects[0].note, "5 rounds: no"));
    judgement_destroy(judgement);

    result->block_count = 1; /* one of them alone */
    judgement = fixture_judge(result);
    assert_non_null(strstr(judgement->expects[0].note, "1 round: no"));
    judgement_destroy(judgement);
    result_destroy(result);
    plan_destroy(plan);
}

static void quick_runs_give_no_verdict(void **unused)
{
    (void)unused;
    struct plan *plan = fixture_plan(scenario);
    struct result *result = ten_blocks(plan, 20000);
    result->quick = true;
    struct judgement *judgement = fixture_judge(result);
    assert_int_equal(judgement->versus[0].verdict, STATS_NO_VERDICT);
    assert_int_equal(judgement->expects[0].verdict, VERDICT_INCONCLUSIVE);
    assert_int_equal(judgement->claims[0].word, CLAIM_INCONCLUSIVE);
    assert_int_equal(judgement->invariants[0].verdict, VERDICT_PASS);
    judgement_destroy(judgement);
    result_destroy(result);
    plan_destroy(plan);
}

/* Nor what a fault did, however it is asked, where its phase was cut. */
static void quick_runs_know_nothing_of_cut_faults(void **unused)
{
    (void)unused;
    static const struct fault_type cut = {.name = "cut", .summary = "cuts", .both = true};
    static const struct fault_type *const cuts[] = {&cut, NULL};
    static const struct plan_tables tables = {.proxy_faults = cuts};
    static const char cutting[] = "question: Is it?\n"
                                  "subject: {url: 'http://127.0.0.1:8080/'}\n"
                                  "variants: {plain: {}}\n"
                                  "load: {path: /}\n"
                                  "phases: [{name: full, for: 9s}]\n"
                                  "faults: [{kind: cut, on: service, at: 2s, for: 1s}]\n"
                                  "expect:\n"
                                  "  - plain.cut_recovered == 1\n"
                                  "  - plain.cut_depth == 1\n"
                                  "  - plain.errors == 1\n";
    struct plan *plan = NULL;
    assert_ok(plan_parse("family/name.yaml", cutting, strlen(cutting), &tables, &plan, NULL));
    struct result *result = fixture_result(plan);
    struct result_round *round = fixture_round(result, 0, 0, 10000, 20e6, 20000);
    round->whole[plan_fault_metric(plan, 0, PLAN_FAULT_RECOVERED)] = 0;
    struct judgement *judgement = fixture_judge(result);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(judgement->expects[i].verdict, VERDICT_FAIL); /* of depth: no samples */
    judgement_destroy(judgement);
    result->quick = true;
    judgement = fixture_judge(result);
    assert_int_equal(judgement->expects[0].verdict, VERDICT_FAIL);
    judgement_destroy(judgement);
    result->phases[0].length_ns /= 2;
    judgement = fixture_judge(result);
    assert_int_equal(judgement->expects[0].verdict, VERDICT_INCONCLUSIVE);
    assert_int_equal(judgement->expects[1].verdict, VERDICT_INCONCLUSIVE);
    assert_int_equal(judgement->expects[2].verdict, VERDICT_FAIL);
    judgement_destroy(judgement);
    result_destroy(result);
    plan_destroy(plan);
}

static void percentiles_want_requests(void **unused)
{
    (void)unused;
    struct plan *plan = fixture_plan(scenario);
    struct result *result = ten_blocks(plan, 9900);
    struct judgement *judgement = fixture_judge(result);
    struct judged_level level;
    assert_int_equal(judgement->versus[0].verdict, STATS_BETTER);
    assert_int_equal(judgement->versus[1].verdict, STATS_NO_VERDICT);
    assert_int_equal(judgement->versus[1].measured.needs, 10000);
    assert_int_equal(judgement->expects[3].verdict, VERDICT_INCONCLUSIVE); /* it names a P99 */
    assert_int_equal(judgement->expects[0].verdict, VERDICT_PASS);         /* and this one none */
    assert_int_equal(judgement->claims[2].word, CLAIM_INCONCLUSIVE);
    assert_ok(judgement_level(result, 0, EXPR_WHOLE_ROUND, METRIC_P99, &level, NULL));
    assert_int_equal(level.needs, 10000);
    assert_int_equal(level.requests_least, 9900);
    assert_ok(judgement_level(result, 0, EXPR_WHOLE_ROUND, METRIC_P50, &level, NULL));
    assert_int_equal(level.needs, 0);
    assert_true(level.used == 10 && fabs(level.median - 5e6) < 1);
    judgement_destroy(judgement);
    result_destroy(result);
    plan_destroy(plan);
}

static void absent_variants_are_said_to_be(void **unused)
{
    (void)unused;
    struct plan *plan = fixture_plan(scenario);
    struct result *result = NULL;
    assert_ok(result_create(&result, plan, NULL));
    assert_ok(result_add_variant(result, 0, NULL, NULL));
    assert_ok(result_add_variant(result, 0, "plain'", NULL));
    result->aa = true;
    for (size_t block = 0; block < 10; block++) {
        (void)fixture_round(result, block, 0, 10000, 20e6, 20000);
        (void)fixture_round(result, block, 1, 10000 + (double)block, 20e6, 20000);
    }
    struct judgement *judgement = fixture_judge(result);
    assert_int_equal(judgement->expects[0].verdict, VERDICT_NOT_RUN);
    assert_int_equal(judgement->claims[0].word, CLAIM_NOT_RUN);
    assert_int_equal(judgement->invariants[1].verdict, VERDICT_PASS);
    assert_int_equal(judgement->outcome, OUTCOME_WELL);
    judgement_destroy(judgement);
    for (size_t i = 1; i < result->round_count; i += 2)
        result->rounds[i].whole[METRIC_QPS] *= 2;
    judgement = fixture_judge(result);
    assert_int_equal(judgement->outcome, OUTCOME_EXPECTATION); /* A/A must not differ */
    judgement_destroy(judgement);
    result_destroy(result);
    plan_destroy(plan);
}

static void runs_without_rounds_are_invalid(void **unused)
{
    (void)unused;
    struct plan *plan = fixture_plan(scenario);
    struct result *result = ten_blocks(plan, 20000);
    for (size_t i = 0; i < result->round_count; i++)
        if (result->rounds[i].variant == 1)
            result_round_invalid(&result->rounds[i], "late");
    struct judgement *judgement = fixture_judge(result);
    assert_int_equal(judgement->outcome, OUTCOME_INVALID);
    assert_string_equal(judgement->invalid, "no valid round of pooled");
    assert_int_equal(judgement->expects[0].verdict, VERDICT_INCONCLUSIVE);
    assert_non_null(strstr(judgement->expects[0].note, "no valid round to take it from"));
    judgement_destroy(judgement);
    result->interrupted = true;
    judgement = fixture_judge(result);
    assert_string_equal(judgement->invalid, "interrupted before a valid round of pooled");
    judgement_destroy(judgement);
    result_destroy(result);
    plan_destroy(plan);
}

/* Each phase has sound rounds, but no round has both that the condition names. */
static void conditions_that_no_round_answers_are_no_failures(void **unused)
{
    (void)unused;
    static const char phased[] = "question: Is it?\n"
                                 "subject: {url: 'http://127.0.0.1:8080/'}\n"
                                 "variants: {plain: {}}\n"
                                 "load: {path: /}\n"
                                 "phases: [{name: early, for: 1s}, {name: late, for: 1s}]\n"
                                 "expect:\n"
                                 "  - plain.late.qps > 1/s\n"
                                 "  - plain.early.qps / plain.late.qps > 0.5\n";
    struct plan *plan = fixture_plan(phased);
    struct result *result = fixture_result(plan);
    result->block_count = 2 * STATS_VERDICT_PAIRS_MIN;
    for (size_t block = 0; block < result->block_count; block++) {
        struct result_round *round = fixture_round(result, block, 0, 10000, 20e6, 20000);
        round->rows[plan->metric_count + METRIC_QPS] = 10000;
        round->steps[1].ran = true;
        result_phase_invalid(round, block % 2, "late");
    }
    struct judgement *judgement = fixture_judge(result);
    assert_int_equal(judgement->expects[0].verdict, VERDICT_PASS); /* of the rounds sound in late */
    assert_int_equal(judgement->expects[1].verdict, VERDICT_INCONCLUSIVE);
    assert_int_equal(judgement->expects[1].parts[0].measured.asked, 0);
    assert_int_equal(judgement->outcome, OUTCOME_INVALID);
    assert_non_null(strstr(judgement->invalid, "plain.early.qps / plain.late.qps > 0.5"));
    judgement_destroy(judgement);
    result_destroy(result);
    plan_destroy(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions_pass_fail_or_straddle),
        cmocka_unit_test(effects_are_read_towards_the_claim),
        cmocka_unit_test(words_are_said),
        cmocka_unit_test(judgements_follow_the_rounds),
        cmocka_unit_test(invariants_are_asked_of_every_variant),
        cmocka_unit_test(broken_rounds_fail_their_invariant),
        cmocka_unit_test(runs_of_broken_rounds_have_failed),
        cmocka_unit_test(an_invariant_has_no_interval),
        cmocka_unit_test(invalid_rounds_take_their_pair_along),
        cmocka_unit_test(few_rounds_give_no_verdict),
        cmocka_unit_test(quick_runs_give_no_verdict),
        cmocka_unit_test(quick_runs_know_nothing_of_cut_faults),
        cmocka_unit_test(percentiles_want_requests),
        cmocka_unit_test(absent_variants_are_said_to_be),
        cmocka_unit_test(runs_without_rounds_are_invalid),
        cmocka_unit_test(conditions_that_no_round_answers_are_no_failures),
    };
    return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
