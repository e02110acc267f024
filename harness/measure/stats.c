/* SPDX-License-Identifier: MIT */
/* stats.c - Hodges-Lehmann estimates with exact intervals, and the words for what they say. */
#include "measure/stats.h"

#include "measure/rank.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { TWO_SAMPLES_EXACT_MAX = 100 };

/* How well the signed-rank and rank-sum tests use normal data, against Student's t: 3 / pi. */
#define RANK_EFFICIENCY 0.955

static int by_size(const void *a, const void *b)
{
    const double *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

static int no_memory(struct err *err)
{
    return err_set(err, -ENOMEM, "no memory for the statistics of a sample");
}

static int check_sample(const char *name, const double *values, size_t count,
                        enum stats_scale scale, double alpha, struct err *err)
{
    if (count == 0)
        return err_set(err, -EINVAL, "nothing can be said of no values (%s)", name);
    if (count > STATS_COUNT_MAX)
        return err_set(err, -E2BIG, "%zu values are more than the %d that are compared (%s)", count,
                       STATS_COUNT_MAX, name);
    if (!(alpha > 0 && alpha <= 0.5))
        return err_set(err, -EINVAL, "the level must be above 0 and at most 0.5, not %g", alpha);
    for (size_t i = 0; i < count; i++) {
        if (isnan(values[i]))
            return err_set(err, -EDOM, "value %zu of %s is not a number", i + 1, name);
        if (scale == STATS_LOG && values[i] <= 0)
            return err_set(err, -EDOM, "value %zu of %s is %g: a ratio needs values above 0", i + 1,
                           name, values[i]);
    }
    return 0;
}

static int check_finite(const char *name, const double *values, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return err_set(err, -EDOM, "value %zu of %s is infinite", i + 1, name);
    return 0;
}

static double scaled(double value, enum stats_scale scale)
{
    return scale == STATS_LOG ? log(value) : value;
}

static double median(const double *sorted, size_t count)
{
    return count ? sorted[(count - 1) / 2] / 2 + sorted[count / 2] / 2 : NAN;
}

double stats_median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), by_size);
    return median(values, count);
}

/* The z that a standard normal variable does not exceed with probability p, by bisection. */
static double normal_quantile(double p)
{
    double low = -40, high = 40;
    for (int i = 0; i < 80; i++) {
        double middle = (low + high) / 2;
        if (erfc(-middle / M_SQRT2) / 2 < p)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

/* Student's t from the normal quantile (Abramowitz and Stegun 26.7.5): good to 0.003 from 5 degrees
 * of freedom on. */
static double student_quantile(double p, double df)
{
    double z = normal_quantile(p), z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z;
    return z + (z3 + z) / (4 * df) + (5 * z5 + 16 * z3 + 3 * z) / (96 * df * df) +
           (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * df * df * df);
}

/* The shift that a t test on data of this standard error would find with STATS_POWER, widened by
 * what ranks lose against it. An approximation: it takes the spread seen for the true one. */
static double detectable_shift(double standard_error, double df, double alpha)
{
    double quantiles = student_quantile(1 - alpha / 2, df) + student_quantile(STATS_POWER, df);
    return quantiles * standard_error / sqrt(RANK_EFFICIENCY);
}

/* The mean's contribution: sum of squared distances from it. */
static double squares(const double *values, size_t count)
{
    double mean = 0, sum = 0;
    for (size_t i = 0; i < count; i++)
        mean += values[i] / (double)count;
    for (size_t i = 0; i < count; i++)
        sum += (values[i] - mean) * (values[i] - mean);
    return sum;
}

/* The largest j with P(sum < origin + j) <= alpha / 2, and what the interval from it covers. The
 * slack is for sums of probabilities that should be equal to it. */
static size_t rank_of_ends(const struct rank_dist *dist, size_t origin, double alpha,
                           double *confidence)
{
    double tail = 0;
    size_t j = 0;
    while (origin + j < dist->length &&
           tail + dist->probability[origin + j] <= alpha / 2 * (1 + 1e-12))
        tail += dist->probability[origin + j++];
    *confidence = j ? 1 - 2 * tail : 0;
    return j;
}

/* The distribution for ranks 1 to count without ties, which the ends of an interval come from. */
static int untied(struct rank_dist *dist, size_t count, size_t chosen)
{
    uint32_t *ranks = calloc(count, sizeof(*ranks));
    if (!ranks)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        ranks[i] = (uint32_t)i + 1;
    int rc = chosen ? rank_dist_chosen(dist, ranks, count, chosen)
                    : rank_dist_signed(dist, ranks, count);
    free(ranks);
    return rc;
}

static int signed_rank_ends(size_t count, double alpha, size_t *j, double *confidence)
{
    struct rank_dist dist;
    int rc = untied(&dist, count, 0);
    if (rc)
        return rc;
    *j = rank_of_ends(&dist, 0, alpha, confidence);
    rank_dist_free(&dist);
    return 0;
}

size_t stats_signed_rank_j(size_t count, double alpha)
{
    size_t j = 0;
    double confidence;
    if (count == 0 || count > STATS_COUNT_MAX || signed_rank_ends(count, alpha, &j, &confidence))
        return 0;
    return j;
}

/* Takes the estimate and the j-th smallest and largest of the sorted averages or differences, when
 * unknown more of them may lie below all others, and as many above. */
static void take_ends(struct stats_estimate *out, const double *sorted, size_t count,
                      size_t unknown, size_t j, double confidence)
{
    out->value = out->low = out->high = median(sorted, count);
    out->bounded = j > 0;
    if (!out->bounded)
        return;
    out->low = j > unknown ? sorted[j - unknown - 1] : -INFINITY;
    out->high = j > unknown ? sorted[count + unknown - j] : INFINITY;
    out->confidence = confidence;
}

/* Copies those that are not NAN; returns how many. */
static size_t take_known(const double *d, size_t count, double *known)
{
    size_t used = 0;
    for (size_t i = 0; i < count; i++)
        if (!isnan(d[i]))
            known[used++] = d[i];
    return used;
}

static int walsh_interval(const double *d, size_t count, double alpha, struct stats_estimate *out)
{
    size_t total = count * (count + 1) / 2, used = 0, j = 0;
    double confidence = 0;
    double *averages = calloc(total + 1, sizeof(*averages));
    if (!averages)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        for (size_t k = i; k < count; k++)
            averages[used++] = (d[i] + d[k]) / 2;
    qsort(averages, total, sizeof(*averages), by_size);
    int rc = signed_rank_ends(count, alpha, &j, &confidence);
    if (!rc)
        take_ends(out, averages, total, 0, j, confidence);
    free(averages);
    return rc;
}

/* The same for values some of which are beyond all bounds: those are not symmetric about anything,
 * so that it is the median, with ends by the distribution of signs. What is not known (NAN) may lie
 * anywhere: below all for the low end, above all for the high one. */
static int sign_interval(const double *d, size_t count, double alpha, struct stats_estimate *out)
{
    double *sorted = calloc(count + 1, sizeof(*sorted));
    if (!sorted)
        return -ENOMEM;
    size_t known = take_known(d, count, sorted);
    qsort(sorted, known, sizeof(*sorted), by_size);
    double probability = ldexp(1, -(int)count), tail = 0;
    size_t j = 0;
    while (j < count && tail + probability <= alpha / 2 * (1 + 1e-12)) {
        tail += probability;
        probability *= (double)(count - j) / (double)(j + 1);
        j++;
    }
    take_ends(out, sorted, known, count - known, j, j ? 1 - 2 * tail : 0);
    free(sorted);
    return 0;
}

static double two_sided(const struct rank_dist *dist, size_t w)
{
    double at_most = rank_dist_at_most(dist, w), at_least = rank_dist_at_least(dist, w);
    double p_value = 2 * (at_most < at_least ? at_most : at_least);
    return p_value < 1 ? p_value : 1;
}

/* Pratt: zeros take part in the ranking and are then left out. So does what is not known, which is
 * a tie whichever side is which. */
static int signed_rank_p(const double *d, size_t count, double null, double *p_value)
{
    struct ranks ranks = {0};
    struct rank_dist dist;
    size_t used = 0, positive = 0;
    double *sizes = calloc(count, sizeof(*sizes));
    if (!sizes)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        sizes[i] = isnan(d[i]) ? 0 : fabs(d[i] - null);
    int rc = ranks_make(&ranks, sizes, count);
    for (size_t i = 0; !rc && i < count; i++) {
        if (sizes[i] <= 0)
            continue;
        positive += d[i] > null ? ranks.doubled[i] : 0;
        ranks.doubled[used++] = ranks.doubled[i];
    }
    if (!rc)
        rc = rank_dist_signed(&dist, ranks.doubled, used);
    if (!rc) {
        *p_value = two_sided(&dist, positive);
        rank_dist_free(&dist);
    }
    ranks_free(&ranks);
    free(sizes);
    return rc;
}

/* From logarithms to ratios. */
static void unscale(struct stats_estimate *out, enum stats_scale scale)
{
    if (scale == STATS_PLAIN)
        return;
    out->value = exp(out->value);
    out->low = exp(out->low);
    out->high = exp(out->high);
    out->detectable = expm1(out->detectable);
}

static bool all_finite(const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return false;
    return true;
}

/* All of one sample of differences or values that are already on the scale, and so is null. NAN is
 * a difference that is not known. */
static int signed_rank(const double *d, size_t count, double null, enum stats_scale scale,
                       double alpha, struct stats_estimate *out, struct err *err)
{
    struct stats_estimate found = {.count = count};
    int rc = all_finite(d, count) ? walsh_interval(d, count, alpha, &found)
                                  : sign_interval(d, count, alpha, &found);
    if (!rc)
        rc = signed_rank_p(d, count, null, &found.p_value);
    if (rc)
        return no_memory(err);
    if (found.bounded && count > 1) {
        double n = (double)count;
        double error = sqrt(squares(d, count) / (n - 1) / n);
        found.detectable = isfinite(error) ? detectable_shift(error, n - 1, alpha) : INFINITY;
    }
    unscale(&found, scale);
    *out = found;
    return 0;
}

int stats_paired(const double *a, const double *b, size_t count, enum stats_scale scale,
                 double alpha, struct stats_estimate *out, struct err *err)
{
    int rc = check_sample("A", a, count, scale, alpha, err);
    if (!rc)
        rc = check_sample("B", b, count, scale, alpha, err);
    if (rc)
        return rc;
    double *d = calloc(count, sizeof(*d));
    if (!d)
        return no_memory(err);
    for (size_t i = 0; i < count; i++)
        d[i] = scaled(b[i], scale) - scaled(a[i], scale);
    rc = signed_rank(d, count, 0, scale, alpha, out, err);
    free(d);
    return rc;
}

int stats_single(const double *values, size_t count, double null, enum stats_scale scale,
                 double alpha, struct stats_estimate *out, struct err *err)
{
    int rc = check_sample("the sample", values, count, scale, alpha, err);
    if (!rc)
        rc = check_sample("the null", &null, 1, scale, alpha, err);
    if (!rc)
        rc = check_finite("the null", &null, 1, err);
    if (rc)
        return rc;
    double *d = calloc(count, sizeof(*d));
    if (!d)
        return no_memory(err);
    for (size_t i = 0; i < count; i++)
        d[i] = scaled(values[i], scale);
    rc = signed_rank(d, count, scaled(null, scale), scale, alpha, out, err);
    free(d);
    return rc;
}

/* Two samples on the scale, behind each other: first a, then b. */
struct pair_of_samples {
    double *values;
    size_t a_count, b_count;
};

/* Exactly, or for many values by the normal approximation; the variance without ties is the larger,
 * so that with ties the interval errs on the wide side. */
static int rank_sum_ends(const struct pair_of_samples *s, double alpha, size_t *j,
                         double *confidence)
{
    size_t total = s->a_count + s->b_count;
    size_t fewer = s->a_count < s->b_count ? s->a_count : s->b_count;
    if (total > TWO_SAMPLES_EXACT_MAX) {
        double products = (double)s->a_count * (double)s->b_count;
        double spread = sqrt(products * ((double)total + 1) / 12);
        double end = floor(products / 2 - normal_quantile(1 - alpha / 2) * spread);
        *j = end >= 1 ? (size_t)end : 0;
        *confidence = *j ? 1 - alpha : 0;
        return 0;
    }
    struct rank_dist dist;
    int rc = untied(&dist, total, fewer);
    if (rc)
        return rc;
    *j = rank_of_ends(&dist, fewer * (fewer + 1) / 2, alpha, confidence);
    rank_dist_free(&dist);
    return 0;
}

static int rank_sum_interval(const struct pair_of_samples *s, double alpha,
                             struct stats_estimate *out)
{
    size_t total = s->a_count * s->b_count, used = 0, j = 0;
    double confidence = 0;
    double *differences = calloc(total, sizeof(*differences));
    if (!differences)
        return -ENOMEM;
    for (size_t i = 0; i < s->a_count; i++)
        for (size_t k = 0; k < s->b_count; k++)
            differences[used++] = s->values[s->a_count + k] - s->values[i];
    size_t known = take_known(differences, total, differences);
    qsort(differences, known, sizeof(*differences), by_size);
    int rc = rank_sum_ends(s, alpha, &j, &confidence);
    if (!rc) /* ties at whatever shift: half of each counts for either side */
        take_ends(out, differences, known, (total - known + 1) / 2, j, confidence);
    free(differences);
    return rc;
}

/* The doubled rank sum of the first fewer values against its normal approximation. */
static double rank_sum_p_normal(size_t sum, double fewer, double total, double tie_term)
{
    double off = fabs((double)sum / 2 - fewer * (total + 1) / 2);
    double variance = fewer * (total - fewer) / 12 * (total + 1 - tie_term / (total * (total - 1)));
    if (!(variance > 0) || off <= 0.5)
        return 1;
    return erfc((off - 0.5) / sqrt(variance) / M_SQRT2);
}

static int rank_sum_p(const struct pair_of_samples *s, double *p_value)
{
    size_t total = s->a_count + s->b_count, sum = 0;
    bool of_a = s->a_count <= s->b_count; /* the smaller sample makes the smaller table */
    size_t fewer = of_a ? s->a_count : s->b_count;
    struct ranks ranks;
    int rc = ranks_make(&ranks, s->values, total);
    if (rc)
        return rc;
    for (size_t i = 0; i < fewer; i++)
        sum += ranks.doubled[of_a ? i : s->a_count + i];
    if (total > TWO_SAMPLES_EXACT_MAX) {
        *p_value = rank_sum_p_normal(sum, (double)fewer, (double)total, ranks.tie_term);
    } else {
        struct rank_dist dist;
        rc = rank_dist_chosen(&dist, ranks.doubled, total, fewer);
        if (!rc) {
            *p_value = two_sided(&dist, sum);
            rank_dist_free(&dist);
        }
    }
    ranks_free(&ranks);
    return rc;
}

static double two_samples_detectable(const struct pair_of_samples *s, double alpha)
{
    double a = (double)s->a_count, b = (double)s->b_count, df = a + b - 2;
    if (df < 1)
        return 0;
    double variance =
        (squares(s->values, s->a_count) + squares(s->values + s->a_count, s->b_count)) / df;
    if (!isfinite(variance))
        return INFINITY;
    return detectable_shift(sqrt(variance * (1 / a + 1 / b)), df, alpha);
}

int stats_two_samples(const double *a, size_t a_count, const double *b, size_t b_count,
                      enum stats_scale scale, double alpha, struct stats_estimate *out,
                      struct err *err)
{
    int rc = check_sample("A", a, a_count, scale, alpha, err);
    if (!rc)
        rc = check_sample("B", b, b_count, scale, alpha, err);
    if (rc)
        return rc;
    struct pair_of_samples s = {.values = calloc(a_count + b_count, sizeof(double)),
                                .a_count = a_count,
                                .b_count = b_count};
    if (!s.values)
        return no_memory(err);
    for (size_t i = 0; i < a_count; i++)
        s.values[i] = scaled(a[i], scale);
    for (size_t i = 0; i < b_count; i++)
        s.values[a_count + i] = scaled(b[i], scale);
    struct stats_estimate found = {.count = a_count < b_count ? a_count : b_count, .p_value = 1};
    rc = rank_sum_interval(&s, alpha, &found);
    if (!rc)
        rc = rank_sum_p(&s, &found.p_value);
    if (!rc) {
        found.detectable = found.bounded ? two_samples_detectable(&s, alpha) : 0;
        unscale(&found, scale);
        *out = found;
    }
    free(s.values);
    return rc ? no_memory(err) : 0;
}

enum stats_verdict stats_judge(const struct stats_estimate *ratio, double band,
                               bool higher_is_better)
{
    double over = 1 + band, under = 1 / over;
    if (!ratio->bounded || ratio->count < STATS_VERDICT_PAIRS_MIN)
        return STATS_NO_VERDICT;
    if (ratio->low > over)
        return higher_is_better ? STATS_BETTER : STATS_WORSE;
    if (ratio->high < under)
        return higher_is_better ? STATS_WORSE : STATS_BETTER;
    if (ratio->low >= under && ratio->high <= over)
        return STATS_EQUIVALENT;
    return STATS_INCONCLUSIVE;
}

const char *stats_verdict_word(enum stats_verdict verdict)
{
    static const char *const words[] = {
        [STATS_NO_VERDICT] = "no verdict", [STATS_INCONCLUSIVE] = "inconclusive",
        [STATS_EQUIVALENT] = "equivalent", [STATS_BETTER] = "better",
        [STATS_WORSE] = "worse",
    };
    return words[verdict];
}

int stats_noise_band(const double *ratios, size_t count, double *band, struct err *err)
{
    int rc = check_sample("the A/A ratios", ratios, count, STATS_LOG, STATS_ALPHA, err);
    if (!rc)
        rc = check_finite("the A/A ratios", ratios, count, err);
    if (rc)
        return rc;
    double *deviations = calloc(count, sizeof(*deviations));
    if (!deviations)
        return no_memory(err);
    for (size_t i = 0; i < count; i++)
        deviations[i] = expm1(fabs(log(ratios[i])));
    qsort(deviations, count, sizeof(*deviations), by_size);
    double found = deviations[(count * 95 + 99) / 100 - 1];
    *band = found > STATS_BAND_LEAST ? found : STATS_BAND_LEAST;
    free(deviations);
    return 0;
}

/* A hypothesis is adjusted by how many are at least as large, and never below a smaller one. */
int stats_holm(const double *p_values, size_t count, double *adjusted, struct err *err)
{
    for (size_t i = 0; i < count; i++)
        if (!(p_values[i] >= 0 && p_values[i] <= 1))
            return err_set(err, -EDOM, "p-value %zu is %g", i + 1, p_values[i]);
    if (count == 0)
        return 0;
    double *sorted = calloc(count, 2 * sizeof(*sorted));
    if (!sorted)
        return no_memory(err);
    double *corrected = sorted + count, largest = 0;
    memcpy(sorted, p_values, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), by_size);
    for (size_t i = 0; i < count; i++) {
        largest = fmax(largest, fmin(1, sorted[i] * (double)(count - i)));
        corrected[i] = largest;
    }
    for (size_t i = 0; i < count; i++) {
        const double *at = bsearch(&p_values[i], sorted, count, sizeof(*sorted), by_size);
        adjusted[i] = corrected[at - sorted]; /* equal ones are corrected alike */
    }
    free(sorted);
    return 0;
}
