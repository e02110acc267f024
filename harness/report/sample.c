/* SPDX-License-Identifier: MIT */
/* sample.c - figures of rounds, paired by block, and the estimates from them. */
#include "report/sample.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Where a path is looked up: one block. */
struct block_of {
    const struct result *result;
    size_t block;
    int variant;                     /* for paths without one */
    bool every;                      /* rounds that broke an invariant count, too */
    const struct result_round *only; /* or in this round alone, valid or not */
};

/* The figures of a sample. */
struct figures {
    double *values;       /* of the figure, by block */
    double *over, *under; /* of a quotient's sides, likewise; copied only when it is one */
    size_t count;         /* of all three */
    bool positive;        /* all values are */
    bool sides_positive;  /* so are the sides */
    double *memory;       /* what the three point into */
};

static int figures_init(struct figures *figures, const struct result *result, struct err *err)
{
    size_t most = result->block_count + 1;
    *figures = (struct figures){.positive = true, .sides_positive = true};
    figures->memory = calloc(3 * most, sizeof(double));
    if (!figures->memory)
        return err_sys(err, -ENOMEM, "take the rounds' figures");
    figures->values = figures->memory;
    figures->over = figures->memory + most;
    figures->under = figures->memory + 2 * most;
    return 0;
}

static int variant_at(const struct block_of *at, int variant)
{
    return variant == EXPR_ALL_VARIANTS ? at->variant
                                        : result_variant_of(at->result, (size_t)variant);
}

/* Of a block and variant at most one round counts: what counts is not run again. */
static const struct result_round *find_counting(const struct result *result, size_t block,
                                                size_t variant)
{
    for (size_t i = 0; i < result->round_count; i++) {
        const struct result_round *round = &result->rounds[i];
        if (result_round_counts(round) && round->block == block && round->variant == variant)
            return round;
    }
    return NULL;
}

/* The round that a path's figure is to be taken from, or NULL. */
static const struct result_round *find_round(const struct block_of *at, const struct expr_ref *ref)
{
    int variant = variant_at(at, ref->variant);
    if (at->only)
        return (size_t)variant == at->only->variant ? at->only : NULL;
    if (variant < 0)
        return NULL;
    return at->every ? find_counting(at->result, at->block, (size_t)variant)
                     : result_find_figure(at->result, at->block, (size_t)variant, ref->phase,
                                          ref->metric);
}

static double lookup_block(const void *arg, const struct expr_ref *ref)
{
    const struct block_of *at = arg;
    const struct result_round *round = find_round(at, ref);
    return round ? result_value(at->result, round, ref->phase, ref->metric) : NAN;
}

/* Adds a block's figures when they are all there; false when not. */
static bool figures_add(struct figures *figures, double value, double over, double under)
{
    size_t at = figures->count;
    bool unknown = isnan(value) && isinf(over) && isinf(under);
    if (isnan(value) && !unknown)
        return false;
    figures->values[at] = value;
    figures->over[at] = over;
    figures->under[at] = under;
    figures->positive = figures->positive && (unknown || value > 0);
    figures->sides_positive = figures->sides_positive && over > 0 && under > 0;
    figures->count++;
    return !unknown;
}

/* What only says something of pairs. */
static void figures_drop_unknown(struct figures *figures)
{
    size_t kept = 0;
    for (size_t i = 0; i < figures->count; i++)
        if (!isnan(figures->values[i]))
            figures->values[kept++] = figures->values[i];
    figures->count = kept;
}

static bool block_ran(const struct result *result, size_t block)
{
    for (size_t i = 0; i < result->round_count; i++)
        if (result->rounds[i].block == block)
            return true;
    return false;
}

size_t sample_blocks_ran(const struct result *result)
{
    size_t count = 0;
    for (size_t block = 0; block < result->block_count; block++)
        count += block_ran(result, block);
    return count;
}

/* A metric of small steps near 0 has no logarithm to speak of; time, size and rate have. */
static enum stats_scale scale_of(const struct figures *figures, enum metric_unit unit)
{
    bool log_scale = unit == METRIC_NS || unit == METRIC_BYTES || unit == METRIC_RATE;
    return log_scale && figures->positive ? STATS_LOG : STATS_PLAIN;
}

/* The sum of counts, else the figure farthest from the limit: a median of 0 would hide the one
 * round that broke `errors == 0`. */
static double sum_or_farthest(const struct figures *figures, enum metric_unit unit, double limit)
{
    double sum = 0, farthest = figures->values[0];
    for (size_t i = 0; i < figures->count; i++) {
        double value = figures->values[i];
        sum += value;
        if (fabs(value - limit) > fabs(farthest - limit))
            farthest = value;
    }
    return unit == METRIC_COUNT ? sum : farthest;
}

/* The figure that breaks the condition most, or comes nearest to it. */
static double worst(const struct figures *figures, enum metric_unit unit,
                    const struct sample_held *held)
{
    double least = figures->values[0], most = least;
    for (size_t i = 1; i < figures->count; i++) {
        least = fmin(least, figures->values[i]);
        most = fmax(most, figures->values[i]);
    }
    if (held->op == EXPR_LESS || held->op == EXPR_LESS_EQUAL)
        return most;
    if (held->op == EXPR_GREATER || held->op == EXPR_GREATER_EQUAL)
        return least;
    return sum_or_farthest(figures, held->op == EXPR_ABOUT ? METRIC_NUMBER : unit, held->limit);
}

static int figures_estimate(struct figures *figures, bool ratio, const struct sample_held *held,
                            struct measured *out, struct err *err)
{
    struct stats_estimate *estimate = &out->estimate;
    double null = held->limit;
    bool pairs = ratio && figures->sides_positive && !out->exact;
    if (!pairs)
        figures_drop_unknown(figures);
    out->used = figures->count;
    if (figures->count == 0) {
        *estimate = (struct stats_estimate){.value = NAN};
        return 0;
    }
    if (out->exact) {
        *estimate = (struct stats_estimate){.count = figures->count};
        estimate->value = estimate->low = estimate->high = worst(figures, out->unit, held);
        return 0;
    }
    out->ratio = pairs;
    if (pairs)
        return stats_paired(figures->under, figures->over, figures->count, STATS_LOG, STATS_ALPHA,
                            estimate, err);
    enum stats_scale scale = scale_of(figures, out->unit);
    if (scale == STATS_LOG && !(null > 0))
        null = 1; /* its p-value is not used; the log scale wants a positive one */
    return stats_single(figures->values, figures->count, null, scale, STATS_ALPHA, estimate, err);
}

/* Whether a round's figure is one of those that are used. */
static bool is_used(const struct result *result, const struct result_round *round, int phase,
                    int metric)
{
    return result_find_figure(result, round->block, round->variant, phase, metric) == round;
}

/* The fewest over the rounds that have the figure and are used for it. */
static uint64_t requests_least(const struct result *result, size_t variant, int phase, int metric)
{
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < result->round_count; i++) {
        const struct result_round *round = &result->rounds[i];
        if (round->variant != variant || !is_used(result, round, phase, metric) ||
            !isfinite(result_value(result, round, phase, metric)))
            continue;
        uint64_t requests = result_requests(result, round, phase, metric);
        least = requests < least ? requests : least;
    }
    return least;
}

static void measured_needs(const struct result *result, int variant, const struct expr_ref *ref,
                           struct measured *out)
{
    uint64_t needs = result_metric_needs(result->plan, ref->metric);
    if (needs == 0 || variant < 0)
        return;
    if (requests_least(result, (size_t)variant, ref->phase, ref->metric) < needs &&
        needs > out->needs)
        out->needs = needs;
}

static const struct expr *sample_whole(const struct sample *sample)
{
    return sample->comparison ? sample->comparison->whole : sample->figure;
}

static bool sample_is_ratio(const struct sample *sample, struct expr_ref *over,
                            struct expr_ref *under)
{
    return sample->comparison ? expr_left_is_ratio(sample->comparison, over, under)
                              : expr_is_ratio(sample->figure, over, under);
}

static int sample_eval(const struct sample *sample, const struct block_of *at, double *value)
{
    return sample->comparison ? expr_eval_left(sample->comparison, lookup_block, at, value)
                              : expr_eval(sample->figure, lookup_block, at, value);
}

/* Whether all of a round that a sample asks for is used. */
static bool uses(const struct sample *sample, const struct result_round *round)
{
    const struct expr *whole = sample_whole(sample);
    if (sample->every)
        return result_round_counts(round);
    for (size_t i = 0; i < expr_ref_count(whole); i++) {
        struct expr_ref ref = expr_ref(whole, i);
        if (!is_used(sample->result, round, ref.phase, ref.metric))
            return false;
    }
    return true;
}

/* Invalid rounds that break the condition by themselves: not judged, but not to be hidden. */
static size_t broken_elsewhere(const struct sample *sample, const struct sample_held *held)
{
    size_t count = 0;
    for (size_t i = 0; i < sample->result->round_count; i++) {
        const struct result_round *round = &sample->result->rounds[i];
        struct block_of at = {sample->result, round->block, sample->variant, false, round};
        double value;
        if (!uses(sample, round) && sample_eval(sample, &at, &value) == 0 &&
            !expr_holds(held->op, value, held->limit, held->tolerance))
            count++;
    }
    return count;
}

/* Blocks in which every path of a sample has a round to be taken from. */
static size_t sample_asked(const struct sample *sample)
{
    const struct expr *whole = sample_whole(sample);
    size_t count = 0;
    for (size_t block = 0; block < sample->result->block_count; block++) {
        struct block_of at = {sample->result, block, sample->variant, sample->every, NULL};
        bool all = true;
        for (size_t i = 0; all && i < expr_ref_count(whole); i++) {
            struct expr_ref ref = expr_ref(whole, i);
            all = find_round(&at, &ref) != NULL;
        }
        count += all;
    }
    return count;
}

static void sample_take(const struct sample *sample, struct sample_held *held,
                        struct figures *figures)
{
    struct expr_ref over, under;
    bool ratio = sample_is_ratio(sample, &over, &under);
    held->all = true;
    for (size_t block = 0; block < sample->result->block_count; block++) {
        struct block_of at = {sample->result, block, sample->variant, sample->every, NULL};
        double value = NAN;
        (void)sample_eval(sample, &at, &value);
        if (figures_add(figures, value, ratio ? lookup_block(&at, &over) : NAN,
                        ratio ? lookup_block(&at, &under) : NAN))
            held->all = held->all && expr_holds(held->op, value, held->limit, held->tolerance);
    }
    held->all = held->all && figures->count > 0;
    held->elsewhere = broken_elsewhere(sample, held);
}

int sample_measure(const struct sample *sample, struct sample_held *held, struct measured *out,
                   struct err *err)
{
    const struct result *result = sample->result;
    const struct expr *whole = sample_whole(sample);
    struct expr_ref over, under;
    struct figures figures;
    *out = (struct measured){
        .unit = sample->comparison ? sample->comparison->unit : expr_unit(sample->figure),
        .exact = sample->every || held->op == EXPR_EQUAL || held->op == EXPR_NOT_EQUAL,
    };
    int rc = figures_init(&figures, result, err);
    if (rc)
        return rc;
    sample_take(sample, held, &figures);
    rc = figures_estimate(&figures, sample_is_ratio(sample, &over, &under), held, out, err);
    out->dropped = sample_blocks_ran(result) - out->used;
    out->asked = sample_asked(sample);
    for (size_t i = 0; i < expr_ref_count(whole); i++) {
        struct expr_ref ref = expr_ref(whole, i);
        struct block_of at = {.result = result, .variant = sample->variant};
        measured_needs(result, variant_at(&at, ref.variant), &ref, out);
    }
    free(figures.memory);
    return rc;
}

int sample_versus(const struct result *result, size_t variant, int metric, struct measured *out,
                  struct err *err)
{
    struct expr_ref over = {(int)variant, EXPR_WHOLE_ROUND, metric};
    struct expr_ref under = {0, EXPR_WHOLE_ROUND, metric};
    struct figures figures;
    *out = (struct measured){.unit = METRIC_NUMBER};
    int rc = figures_init(&figures, result, err);
    if (rc)
        return rc;
    size_t count = result_pairs(result, &over, &under, figures.over, figures.under);
    for (size_t i = 0; i < count; i++)
        (void)figures_add(&figures, figures.over[i] / figures.under[i], figures.over[i],
                          figures.under[i]);
    rc = figures_estimate(&figures, true, &(struct sample_held){.limit = 1}, out, err);
    out->dropped = sample_blocks_ran(result) - out->used;
    measured_needs(result, (int)variant, &over, out);
    measured_needs(result, 0, &under, out);
    free(figures.memory);
    return rc;
}

int judgement_level(const struct result *result, size_t variant, int phase, int metric,
                    struct judged_level *out, struct err *err)
{
    struct expr_ref ref = {(int)variant, phase, metric};
    *out = (struct judged_level){.median = NAN, .low = NAN, .high = NAN};
    double *values = calloc(result->block_count + 1, sizeof(double));
    if (!values)
        return err_sys(err, -ENOMEM, "take the rounds' figures");
    out->used = result_values(result, &ref, values);
    if (out->used) {
        out->median = stats_median(values, out->used);
        out->low = values[0];
        out->high = values[out->used - 1];
        out->requests_least = requests_least(result, variant, phase, metric);
        uint64_t needs = result_metric_needs(result->plan, metric);
        out->needs = out->requests_least < needs ? needs : 0;
    }
    free(values);
    return 0;
}
