/* SPDX-License-Identifier: MIT */
/* verdict.h - judges a result: for every expectation, invariant and claim the estimate, its 95 %
 * interval and one word; for every variant how it compares with the baseline.
 *
 * Rounds. Only valid ones are used, one figure a block: a figure that names several variants is
 * taken within each block, so that rounds next to each other in time are compared, and a block in
 * which one side is invalid or lacks the figure is dropped and counted. Estimates and intervals are
 * those of measure/stats.h: a quotient of two paths from the logarithms of its pairs, everything
 * else as one sample over the rounds (on the log scale for durations, sizes and rates above 0).
 * Percentiles are each round's own, never averaged.
 *
 * Words of an expectation or invariant, by its interval; joined conditions take the worst part:
 *   pass           the condition holds over the whole interval
 *   fail           it holds nowhere in the interval, or no round that can be used has the figure
 *   inconclusive   the interval straddles the limit, or there are too few rounds for one; without
 *                  any that can be used the whole run is invalid
 *   not run        a variant it names was left out of this run
 * `==` and `!=` have no interval: they pass when they hold in every valid round and fail otherwise;
 * the value given is the sum over the rounds for counts, else the one farthest from the limit.
 *
 * An invariant of one variant has no interval either, whatever its operator: it was asked of every
 * round as it ended (run/invariant.h) and fails when one broke it, also a round in which the
 * generator was the limit. Rounds that broke any are used for invariants alone. One across variants
 * is judged as an expectation.
 *
 * Words of a claim. The quotient of one metric over itself has a point of no effect, 1, widened to
 * the noise band: from 1 / (1 + noise) to 1 + noise. The claim's side is that of its figure. The
 * interval is read from 1 outwards to the claim's side:
 *
 *   confirmed        begins beyond the band, and reaches the figure or goes further, or at least
 * the estimate does, less the figure's tolerance; for a condition such as "> 1.2" the whole
 * interval lies beyond the limit same direction   begins beyond the band, and stops short of that
 *   refuted          ends within the band or on the other side
 *   inconclusive     begins within the band or on the other side and ends beyond the band, or there
 *                    are too few rounds
 *   no counterpart   the claim has no figure here
 *   not run          a variant it names was left out of this run
 *
 * Any other figure, and a quotient whose figure is itself within the band or allows both sides, is
 * a condition: confirmed when it holds over the whole interval, refuted when nowhere in it,
 * inconclusive otherwise; a bare figure means give or take its tolerance; == and != as above.
 *
 * A variant against the baseline, in QPS and P99 (see plan_compared): stats_judge with the noise
 * band; "no verdict" under 6 pairs, or when a percentile had too few requests to be one.
 *
 * A quick run gives no verdicts at all, but for == and != and invariants of one variant, however
 * many rounds it has; and none of what faults did in phases that were cut. */
#ifndef POOLSTORM_REPORT_VERDICT_H
#define POOLSTORM_REPORT_VERDICT_H

#include "core/err.h"
#include "measure/stats.h"
#include "run/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum verdict { VERDICT_PASS, VERDICT_NOT_RUN, VERDICT_INCONCLUSIVE, VERDICT_FAIL };

enum claim_word {
    CLAIM_NO_COUNTERPART,
    CLAIM_NOT_RUN,
    CLAIM_INCONCLUSIVE,
    CLAIM_REFUTED,
    CLAIM_SAME_DIRECTION,
    CLAIM_CONFIRMED,
};

/* What the run as a whole comes to, for the exit code; the worst that applies. */
enum outcome {
    OUTCOME_WELL,
    OUTCOME_EXPECTATION, /* an expectation or invariant failed, or an A/A run found a difference */
    OUTCOME_INVALID,     /* the measurement cannot be believed: judgement.invalid says why */
};

/* What the rounds say of one figure. */
struct measured {
    struct stats_estimate estimate; /* value is NAN when used is 0 */
    enum metric_unit unit;          /* of the estimate; METRIC_NUMBER for ratios */
    bool ratio;                     /* from pairs, on the log scale: detectable is a share */
    bool exact;                     /* asked with == or !=, or of every round: no interval */
    size_t used;                    /* rounds, or blocks of them, that went in */
    size_t dropped;                 /* blocks that ran and could not be used */
    size_t asked;                   /* blocks whose rounds can be used, with the figure or not */
    uint64_t needs;                 /* requests a round that a percentile in it wants; 0: enough */
};

/* One comparison of a condition. */
struct judged_part {
    struct measured measured; /* the left side */
    enum expr_op op;
    double limit;         /* in the unit of the left side */
    enum verdict verdict; /* of this part alone */
};

/* An expectation, or an invariant as asked of one variant. */
struct judged_condition {
    const struct plan_expect *expect; /* the plan's */
    int variant;                      /* of the result, where paths name none; else -1 */
    enum verdict verdict;
    struct judged_part *parts;
    size_t part_count;
    char note[200]; /* what to know beside the word, or "" */
};

struct judged_claim {
    const struct plan_claim *claim; /* the plan's */
    struct measured measured;       /* nothing for claims without a figure */
    enum claim_word word;
    char note[200]; /* or "" */
};

/* A variant against the baseline in one metric. */
struct judged_versus {
    size_t variant; /* of the result, never 0 */
    int metric;     /* of plan_compared, of the whole round */
    struct measured measured;
    enum stats_verdict verdict;
};

/* All of it. Borrows the result and its plan; any thread may read it. */
struct judgement {
    struct judged_condition *expects;
    size_t expect_count;
    struct judged_condition *invariants; /* each by variant where it names none */
    size_t invariant_count;
    struct judged_claim *claims;
    size_t claim_count;
    struct judged_versus *versus; /* by variant, then metric */
    size_t versus_count;
    size_t round_valid, round_invalid; /* rounds that ran */
    size_t round_broken;               /* of the invalid ones: broke an invariant */
    size_t block_ran, block_whole;     /* blocks that ran, and those with all rounds valid */
    enum outcome outcome;
    char invalid[300]; /* why the run as a whole cannot be believed, or "" */
};

/* A metric of one variant over its valid rounds, for tables. */
struct judged_level {
    size_t used;              /* rounds that have it */
    double median, low, high; /* of the rounds' own figures; NAN when used is 0 */
    uint64_t needs;           /* not 0: a percentile that wants this many requests a round, and some
                                 round had fewer; do not print it */
    uint64_t requests_least;  /* then: the fewest a round had */
};

/* Judges. -ENOMEM, or what measure/stats.h refuses. The caller owns *out: judgement_destroy. */
int judgement_create(const struct result *result, struct judgement **out, struct err *err);

void judgement_destroy(struct judgement *judgement); /* NULL is fine */

/* The level of a metric; phase may be EXPR_WHOLE_ROUND. Allocates nothing beyond its call. */
int judgement_level(const struct result *result, size_t variant, int phase, int metric,
                    struct judged_level *out, struct err *err);

/* The words themselves. Static. */
const char *verdict_word(enum verdict verdict);
const char *claim_word(enum claim_word word);
const char *outcome_word(enum outcome outcome);

/* The rules by themselves: of a condition and of a claim (band: the noise share), for an estimate
 * from rounds. */
enum verdict verdict_of_interval(const struct stats_estimate *estimate, enum expr_op op,
                                 double limit, double tolerance);
enum claim_word claim_of_interval(const struct stats_estimate *estimate, enum expr_op op,
                                  double limit, double tolerance);
enum claim_word claim_of_effect(const struct stats_estimate *ratio, enum expr_op op, double limit,
                                double tolerance, double band);

#endif
