/* SPDX-License-Identifier: MIT */
/* verdict.c - turns intervals into words; the rules stand in verdict.h. */
#include "report/verdict.h"

#include "report/sample.h"
#include "run/invariant.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *verdict_word(enum verdict verdict)
{
    static const char *const words[] = {
        [VERDICT_PASS] = "pass",
        [VERDICT_NOT_RUN] = "not run",
        [VERDICT_INCONCLUSIVE] = "inconclusive",
        [VERDICT_FAIL] = "fail",
    };
    return words[verdict];
}

const char *claim_word(enum claim_word word)
{
    static const char *const words[] = {
        [CLAIM_NO_COUNTERPART] = "no counterpart", [CLAIM_NOT_RUN] = "not run",
        [CLAIM_INCONCLUSIVE] = "inconclusive",     [CLAIM_REFUTED] = "refuted",
        [CLAIM_SAME_DIRECTION] = "same direction", [CLAIM_CONFIRMED] = "confirmed",
    };
    return words[word];
}

const char *outcome_word(enum outcome outcome)
{
    static const char *const words[] = {
        [OUTCOME_WELL] = "well",
        [OUTCOME_EXPECTATION] = "expectation failed",
        [OUTCOME_INVALID] = "invalid",
    };
    return words[outcome];
}

enum verdict verdict_of_interval(const struct stats_estimate *estimate, enum expr_op op,
                                 double limit, double tolerance)
{
    if (!estimate->bounded)
        return VERDICT_INCONCLUSIVE;
    bool low = expr_holds(op, estimate->low, limit, tolerance);
    bool high = expr_holds(op, estimate->high, limit, tolerance);
    if (low && high)
        return VERDICT_PASS; /* what a condition allows has no holes */
    bool across = op == EXPR_ABOUT && estimate->low < limit && estimate->high > limit;
    return low || high || across ? VERDICT_INCONCLUSIVE : VERDICT_FAIL;
}

enum claim_word claim_of_interval(const struct stats_estimate *estimate, enum expr_op op,
                                  double limit, double tolerance)
{
    switch (verdict_of_interval(estimate, op, limit, tolerance)) {
    case VERDICT_PASS:
        return CLAIM_CONFIRMED;
    case VERDICT_FAIL:
        return CLAIM_REFUTED;
    default:
        return CLAIM_INCONCLUSIVE;
    }
}

/* How far from no effect, towards the claim's side, the figure begins; 0 or less: it names no side.
 */
static double effect_reach(enum expr_op op, double limit, double tolerance)
{
    if (limit <= 0)
        return 0;
    if (op == EXPR_ABOUT) {
        double edge = limit > 1 ? limit * (1 - tolerance) : limit * (1 + tolerance);
        return edge > 0 ? (limit > 1 ? log(edge) : -log(edge)) : 0;
    }
    bool up = op == EXPR_GREATER || op == EXPR_GREATER_EQUAL;
    return up ? log(limit) : -log(limit);
}

static bool effect_is_up(enum expr_op op, double limit)
{
    return op == EXPR_ABOUT ? limit > 1 : op == EXPR_GREATER || op == EXPR_GREATER_EQUAL;
}

enum claim_word claim_of_effect(const struct stats_estimate *ratio, enum expr_op op, double limit,
                                double tolerance, double band)
{
    double reach = effect_reach(op, limit, tolerance);
    double edge = log1p(band);
    bool about = op == EXPR_ABOUT;
    if (limit <= 0 || (about ? reach <= edge : reach < 0))
        return claim_of_interval(ratio, op, limit, tolerance);
    if (!ratio->bounded)
        return CLAIM_INCONCLUSIVE;
    bool up = effect_is_up(op, limit);
    double begin = up ? log(ratio->low) : -log(ratio->high);
    double end = up ? log(ratio->high) : -log(ratio->low);
    if (end <= edge)
        return CLAIM_REFUTED;
    if (begin <= edge)
        return CLAIM_INCONCLUSIVE;
    double middle = up ? log(ratio->value) : -log(ratio->value);
    bool reached = about ? end >= fabs(log(limit)) || middle >= reach
                         : verdict_of_interval(ratio, op, limit, tolerance) == VERDICT_PASS;
    return reached ? CLAIM_CONFIRMED : CLAIM_SAME_DIRECTION;
}

/* Adds a remark, "; " between them. Cut when too long. */
__attribute__((format(printf, 3, 4))) static void remark(char *note, size_t size_bytes,
                                                         const char *format, ...)
{
    size_t used = strlen(note);
    va_list args;
    va_start(args, format);
    if (used > 0 && used + 2 < size_bytes) {
        memcpy(note + used, "; ", 3);
        used += 2;
    }
    (void)vsnprintf(note + used, size_bytes - used, format, args);
    va_end(args);
}

/* Blocks dropped for want of a valid round are said once, with the rounds; others are said here. */
static void remark_measured(char *note, size_t size_bytes, const struct judgement *judgement,
                            const struct measured *measured)
{
    if (measured->used == 0) {
        remark(note, size_bytes, measured->asked ? "no samples" : "no valid round to take it from");
        return;
    }
    if (isnan(measured->estimate.value))
        remark(note, size_bytes, "never on one side in some rounds, on the other in others");
    else if (!measured->exact && !measured->estimate.bounded)
        remark(note, size_bytes, "%zu round%s: no verdict under %d", measured->used,
               measured->used == 1 ? "" : "s", STATS_VERDICT_PAIRS_MIN);
    if (measured->dropped > judgement->block_ran - judgement->block_whole)
        remark(note, size_bytes, "%zu of %zu block%s dropped", measured->dropped,
               measured->used + measured->dropped,
               measured->used + measured->dropped == 1 ? "" : "s");
    if (measured->needs)
        remark(note, size_bytes, "its percentile wants %llu requests a round",
               (unsigned long long)measured->needs);
}

/* Whether every variant the expression names ran. */
static bool all_ran(const struct result *result, const struct expr *expr)
{
    for (size_t i = 0; i < expr_ref_count(expr); i++) {
        int variant = expr_ref(expr, i).variant;
        if (variant >= 0 && result_variant_of(result, (size_t)variant) < 0)
            return false;
    }
    return true;
}

/* Whether it asks what a fault did in a phase that was cut: the timeouts that answer to it were
 * not.
 */
static bool asks_of_cut_faults(const struct result *result, const struct expr *whole)
{
    const struct plan *plan = result->plan;
    size_t first = plan->fault_count ? plan_fault_metric(plan, 0, 0) : 0;
    for (size_t i = 0; i < expr_ref_count(whole); i++) {
        size_t metric = (size_t)expr_ref(whole, i).metric;
        if (metric - first < plan->fault_count * PLAN_FAULT_METRICS &&
            result_fault_pace(result, (metric - first) / PLAN_FAULT_METRICS) < 1)
            return true;
    }
    return false;
}

/* all: it holds in every round. */
static enum verdict verdict_of_part(const struct result *result,
                                    const struct expr_comparison *comparison,
                                    const struct measured *measured, bool all)
{
    bool answered = measured->used > 0 || measured->asked > 0;
    if (!answered || (result->quick && asks_of_cut_faults(result, comparison->whole)))
        return VERDICT_INCONCLUSIVE;
    if (measured->used == 0)
        return VERDICT_FAIL;
    if (measured->exact && !measured->needs)
        return all ? VERDICT_PASS : VERDICT_FAIL;
    if (result->quick || measured->needs)
        return VERDICT_INCONCLUSIVE;
    return verdict_of_interval(&measured->estimate, comparison->op, comparison->limit,
                               EXPR_TOLERANCE);
}

static int judge_part(const struct result *result, const struct expr_comparison *comparison,
                      int variant, bool every, struct judged_part *part, size_t *elsewhere,
                      struct err *err)
{
    struct sample sample = {
        .result = result, .comparison = comparison, .variant = variant, .every = every};
    part->op = comparison->op;
    part->limit = comparison->limit;
    struct sample_held held = {.op = comparison->op, .limit = comparison->limit};
    int rc = sample_measure(&sample, &held, &part->measured, err);
    if (rc)
        return rc;
    *elsewhere = part->measured.exact ? held.elsewhere : 0;
    part->verdict = verdict_of_part(result, comparison, &part->measured, held.all);
    return 0;
}

static int judge_condition(const struct result *result, const struct judgement *judgement,
                           const struct plan_expect *expect, int variant, bool every,
                           struct judged_condition *out, struct err *err)
{
    size_t count = expr_comparison_count(expect->expr);
    *out = (struct judged_condition){.expect = expect, .variant = variant};
    if (!all_ran(result, expect->expr)) {
        out->verdict = VERDICT_NOT_RUN;
        remark(out->note, sizeof(out->note), "a variant it names did not run");
        return 0;
    }
    out->parts = calloc(count + 1, sizeof(*out->parts));
    if (!out->parts)
        return err_sys(err, -ENOMEM, "judge a condition");
    out->part_count = count;
    for (size_t i = 0; i < count; i++) {
        struct expr_comparison comparison = expr_comparison(expect->expr, i);
        size_t elsewhere;
        int rc = judge_part(result, &comparison, variant, every, &out->parts[i], &elsewhere, err);
        if (rc)
            return rc;
        if (out->parts[i].verdict > out->verdict)
            out->verdict = out->parts[i].verdict;
        remark_measured(out->note, sizeof(out->note), judgement, &out->parts[i].measured);
        if (elsewhere)
            remark(out->note, sizeof(out->note), "broken in %zu invalid round%s", elsewhere,
                   elsewhere == 1 ? "" : "s");
    }
    return 0;
}

/* Rounds that broke the invariant as they ended decide it. */
static void judge_breaches(const struct result *result, size_t invariant,
                           struct judged_condition *out)
{
    size_t broken = 0, asked = 0;
    for (size_t i = 0; i < result->round_count; i++) {
        const struct result_round *round = &result->rounds[i];
        if (out->variant >= 0 ? round->variant != (size_t)out->variant
                              : !invariant_concerns(out->expect->expr, result, round->variant))
            continue;
        asked += result_round_counts(round);
        for (size_t b = 0; b < round->breach_count; b++)
            broken += round->breaches[b].invariant == invariant;
    }
    if (!broken)
        return;
    out->verdict = VERDICT_FAIL;
    remark(out->note, sizeof(out->note), "broken in %zu of %zu round%s", broken, asked,
           asked == 1 ? "" : "s");
}

static bool names_no_variant(const struct expr *expr)
{
    for (size_t i = 0; i < expr_ref_count(expr); i++)
        if (expr_ref(expr, i).variant == EXPR_ALL_VARIANTS)
            return true;
    return false;
}

static int judge_invariants(const struct result *result, struct judgement *judgement,
                            struct err *err)
{
    const struct plan *plan = result->plan;
    size_t most = plan->invariant_count * (result->variant_count + 1);
    judgement->invariants = calloc(most + 1, sizeof(*judgement->invariants));
    if (!judgement->invariants)
        return err_sys(err, -ENOMEM, "judge the invariants");
    for (size_t i = 0; i < plan->invariant_count; i++) {
        const struct plan_expect *expect = &plan->invariants[i];
        bool each = names_no_variant(expect->expr), own = invariant_is_own(expect->expr);
        for (size_t v = 0; v < (each ? result->variant_count : 1); v++) {
            struct judged_condition *out = &judgement->invariants[judgement->invariant_count++];
            int rc = judge_condition(result, judgement, expect, each ? (int)v : -1, own, out, err);
            if (rc)
                return rc;
            if (own && out->verdict != VERDICT_NOT_RUN)
                judge_breaches(result, i, out);
        }
    }
    return 0;
}

static int judge_expects(const struct result *result, struct judgement *judgement, struct err *err)
{
    const struct plan *plan = result->plan;
    judgement->expects = calloc(plan->expect_count + 1, sizeof(*judgement->expects));
    if (!judgement->expects)
        return err_sys(err, -ENOMEM, "judge the expectations");
    int rc = 0;
    for (size_t i = 0; !rc && i < plan->expect_count; i++)
        rc = judge_condition(result, judgement, &plan->expects[i], -1, false,
                             &judgement->expects[judgement->expect_count++], err);
    return rc;
}

/* Whether the figure is one metric over itself, so that 1 means no effect. */
static bool is_effect(const struct plan_claim *claim)
{
    struct expr_ref over, under;
    return expr_is_ratio(claim->figure, &over, &under) && over.metric == under.metric;
}

static int judge_claim(const struct result *result, const struct judgement *judgement,
                       const struct plan_claim *claim, struct judged_claim *out, struct err *err)
{
    *out = (struct judged_claim){.claim = claim, .word = CLAIM_NO_COUNTERPART};
    if (!claim->figure)
        return 0;
    if (!all_ran(result, claim->figure)) {
        out->word = CLAIM_NOT_RUN;
        remark(out->note, sizeof(out->note), "a variant it names did not run");
        return 0;
    }
    struct sample sample = {.result = result, .figure = claim->figure, .variant = -1};
    struct sample_held held = {
        .op = claim->op, .limit = claim->limit, .tolerance = claim->tolerance};
    int rc = sample_measure(&sample, &held, &out->measured, err);
    if (rc)
        return rc;
    const struct stats_estimate *estimate = &out->measured.estimate;
    if (out->measured.used > 0 && out->measured.exact)
        out->word = held.all ? CLAIM_CONFIRMED : CLAIM_REFUTED;
    else if (out->measured.used == 0 || result->quick || out->measured.needs)
        out->word = CLAIM_INCONCLUSIVE;
    else if (is_effect(claim) && out->measured.ratio)
        out->word = claim_of_effect(estimate, claim->op, claim->limit, claim->tolerance,
                                    result->noise_share);
    else
        out->word = claim_of_interval(estimate, claim->op, claim->limit, claim->tolerance);
    remark_measured(out->note, sizeof(out->note), judgement, &out->measured);
    return 0;
}

static int judge_claims(const struct result *result, struct judgement *judgement, struct err *err)
{
    const struct plan *plan = result->plan;
    judgement->claims = calloc(plan->claim_count + 1, sizeof(*judgement->claims));
    if (!judgement->claims)
        return err_sys(err, -ENOMEM, "judge the claims");
    int rc = 0;
    for (size_t i = 0; !rc && i < plan->claim_count; i++)
        rc = judge_claim(result, judgement, &plan->claims[i],
                         &judgement->claims[judgement->claim_count++], err);
    return rc;
}

static int judge_versus(const struct result *result, size_t variant, int metric,
                        struct judged_versus *out, struct err *err)
{
    *out = (struct judged_versus){.variant = variant, .metric = metric};
    int rc = sample_versus(result, variant, metric, &out->measured, err);
    if (!rc && !result->quick && out->measured.used >= STATS_VERDICT_PAIRS_MIN &&
        out->measured.ratio && !out->measured.needs)
        out->verdict = stats_judge(&out->measured.estimate, result->noise_share,
                                   metric_builtin[metric].better == METRIC_MORE);
    return rc;
}

static int judge_variants(const struct result *result, struct judgement *judgement, struct err *err)
{
    const int *metrics = plan_compared(result->plan);
    size_t count = 0;
    while (metrics[count] >= 0)
        count++;
    judgement->versus = calloc(result->variant_count * count + 1, sizeof(*judgement->versus));
    if (!judgement->versus)
        return err_sys(err, -ENOMEM, "compare the variants");
    int rc = 0;
    for (size_t variant = 1; !rc && variant < result->variant_count; variant++)
        for (size_t i = 0; !rc && i < count; i++)
            rc = judge_versus(result, variant, metrics[i],
                              &judgement->versus[judgement->versus_count++], err);
    return rc;
}

static void count_rounds(const struct result *result, struct judgement *judgement)
{
    judgement->block_ran = sample_blocks_ran(result);
    for (size_t i = 0; i < result->round_count; i++) {
        judgement->round_valid += result->rounds[i].valid;
        judgement->round_invalid += !result->rounds[i].valid;
        judgement->round_broken += result->rounds[i].breach_count > 0;
    }
    for (size_t block = 0; block < result->block_count; block++) {
        bool whole = result->variant_count > 0;
        for (size_t variant = 0; whole && variant < result->variant_count; variant++)
            whole = result_find(result, block, variant) != NULL;
        judgement->block_whole += whole;
    }
}

/* Whether a block says something of a variant's phase. What broke an invariant does: the run has
 * failed, and can be believed in that. */
static bool is_answered(const struct result *result, size_t block, size_t variant, size_t phase)
{
    for (size_t i = 0; i < result->round_count; i++) {
        const struct result_round *round = &result->rounds[i];
        if (round->block == block && round->variant == variant &&
            (result_round_counts(round) || result_phase_is_sound(round, phase)))
            return true;
    }
    return false;
}

/* Blocks that say something of a variant, in the measured phase that fewest do of. */
static size_t count_answers(const struct result *result, size_t variant)
{
    size_t least = result->block_count;
    for (size_t phase = 0; phase < result->plan->phase_count; phase++) {
        size_t count = 0;
        for (size_t block = 0; block < result->block_count; block++)
            count += is_answered(result, block, variant, phase);
        if (result->plan->phases[phase].kind == PLAN_PHASE_MEASURE && count < least)
            least = count;
    }
    return least;
}

/* A condition that no round could be asked for, as each lost another phase; or NULL. */
static const struct judged_condition *find_unasked(const struct judged_condition *conditions,
                                                   size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t part = 0; part < conditions[i].part_count; part++)
            if (conditions[i].verdict == VERDICT_INCONCLUSIVE &&
                conditions[i].parts[part].measured.asked == 0)
                return &conditions[i];
    return NULL;
}

/* Says whether the run as a whole can be believed. */
static void judge_validity(const struct result *result, struct judgement *judgement)
{
    char *text = judgement->invalid;
    size_t size_bytes = sizeof(judgement->invalid);
    if (result->failure)
        (void)snprintf(text, size_bytes, "%s", result->failure);
    for (size_t variant = 0; !text[0] && variant < result->variant_count; variant++) {
        size_t valid = count_answers(result, variant);
        if (valid == 0)
            (void)snprintf(text, size_bytes, "%s valid round of %s",
                           result->interrupted ? "interrupted before a" : "no",
                           result->variants[variant].name);
        else if (valid < STATS_VERDICT_PAIRS_MIN && !result->interrupted &&
                 result->block_count >= STATS_VERDICT_PAIRS_MIN)
            (void)snprintf(text, size_bytes, "only %zu of %zu rounds of %s are valid", valid,
                           result->block_count, result->variants[variant].name);
    }
    if (!text[0] && result->variant_count == 0)
        (void)snprintf(text, size_bytes, "no variant ran");
    /* What broke an invariant answers for itself, and the run has failed by it. */
    const struct judged_condition *unasked =
        find_unasked(judgement->expects, judgement->expect_count);
    if (!unasked)
        unasked = find_unasked(judgement->invariants, judgement->invariant_count);
    if (!text[0] && unasked && judgement->round_broken == 0)
        (void)snprintf(text, size_bytes, "no valid round that can answer %.200s",
                       expr_text(unasked->expect->expr));
}

static bool any_failed(const struct judged_condition *conditions, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (conditions[i].verdict == VERDICT_FAIL)
            return true;
    return false;
}

static bool any_differs(const struct judgement *judgement)
{
    for (size_t i = 0; i < judgement->versus_count; i++)
        if (judgement->versus[i].verdict == STATS_BETTER ||
            judgement->versus[i].verdict == STATS_WORSE)
            return true;
    return false;
}

static enum outcome judge_outcome(const struct result *result, const struct judgement *judgement)
{
    if (judgement->invalid[0])
        return OUTCOME_INVALID;
    bool failed = any_failed(judgement->expects, judgement->expect_count) ||
                  any_failed(judgement->invariants, judgement->invariant_count) ||
                  (result->aa && any_differs(judgement));
    return failed ? OUTCOME_EXPECTATION : OUTCOME_WELL;
}

int judgement_create(const struct result *result, struct judgement **out, struct err *err)
{
    struct judgement *judgement = calloc(1, sizeof(*judgement));
    if (!judgement)
        return err_sys(err, -ENOMEM, "judge a result");
    count_rounds(result, judgement);
    int rc = judge_expects(result, judgement, err);
    if (!rc)
        rc = judge_invariants(result, judgement, err);
    if (!rc)
        rc = judge_claims(result, judgement, err);
    if (!rc)
        rc = judge_variants(result, judgement, err);
    if (rc) {
        judgement_destroy(judgement);
        return rc;
    }
    judge_validity(result, judgement);
    judgement->outcome = judge_outcome(result, judgement);
    *out = judgement;
    return 0;
}

void judgement_destroy(struct judgement *judgement)
{
    if (!judgement)
        return;
    for (size_t i = 0; i < judgement->expect_count; i++)
        free(judgement->expects[i].parts);
    for (size_t i = 0; i < judgement->invariant_count; i++)
        free(judgement->invariants[i].parts);
    free(judgement->expects);
    free(judgement->invariants);
    free(judgement->claims);
    free(judgement->versus);
    free(judgement);
}
