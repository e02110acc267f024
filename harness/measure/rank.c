/* SPDX-License-Identifier: MIT */
/* rank.c - ranks with ties, and the distributions of their sums by dynamic programming. */
#include "measure/rank.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct ranked {
    double value;
    size_t index;
};

static int by_value(const void *a, const void *b)
{
    const struct ranked *left = a, *right = b;
    return (left->value > right->value) - (left->value < right->value);
}

int ranks_make(struct ranks *ranks, const double *values, size_t count)
{
    struct ranked *sorted = calloc(count + 1, sizeof(*sorted));
    uint32_t *doubled = calloc(count + 1, sizeof(*doubled));
    if (!sorted || !doubled) {
        free(sorted);
        free(doubled);
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++)
        sorted[i] = (struct ranked){values[i], i};
    qsort(sorted, count, sizeof(*sorted), by_value);
    double tie_term = 0;
    for (size_t first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count && sorted[end].value <= sorted[first].value;)
            end++;
        double ties = (double)(end - first);
        tie_term += ties * ties * ties - ties;
        /* The mean of the ranks first + 1 to end, doubled. */
        for (size_t i = first; i < end; i++)
            doubled[sorted[i].index] = (uint32_t)(first + 1 + end);
    }
    free(sorted);
    *ranks = (struct ranks){.doubled = doubled, .tie_term = tie_term};
    return 0;
}

void ranks_free(struct ranks *ranks)
{
    free(ranks->doubled);
    ranks->doubled = NULL;
}

static size_t sum_of(const uint32_t *doubled, size_t count)
{
    size_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += doubled[i];
    return sum;
}

int rank_dist_signed(struct rank_dist *dist, const uint32_t *doubled, size_t count)
{
    size_t length = sum_of(doubled, count) + 1;
    double *p = calloc(length, sizeof(*p));
    if (!p)
        return -ENOMEM;
    p[0] = 1;
    size_t reach = 0; /* the largest sum of the ranks so far */
    for (size_t i = 0; i < count; i++) {
        reach += doubled[i];
        for (size_t w = reach + 1; w-- > 0;)
            p[w] = (p[w] + (w >= doubled[i] ? p[w - doubled[i]] : 0)) / 2;
    }
    *dist = (struct rank_dist){.probability = p, .length = length};
    return 0;
}

int rank_dist_chosen(struct rank_dist *dist, const uint32_t *doubled, size_t count, size_t chosen)
{
    size_t length = sum_of(doubled, count) + 1;
    /* ways[k * length + w]: how often k of the ranks so far have the sum w. */
    double *ways = calloc((chosen + 1) * length, sizeof(*ways));
    double *p = calloc(length, sizeof(*p));
    if (!ways || !p) {
        free(ways);
        free(p);
        return -ENOMEM;
    }
    ways[0] = 1;
    for (size_t i = 0; i < count; i++)
        for (size_t k = i + 1 < chosen ? i + 1 : chosen; k > 0; k--)
            for (size_t w = doubled[i]; w < length; w++)
                ways[k * length + w] += ways[(k - 1) * length + w - doubled[i]];
    double all = 0;
    for (size_t w = 0; w < length; w++)
        all += ways[chosen * length + w];
    for (size_t w = 0; w < length; w++)
        p[w] = ways[chosen * length + w] / all;
    free(ways);
    *dist = (struct rank_dist){.probability = p, .length = length};
    return 0;
}

void rank_dist_free(struct rank_dist *dist)
{
    free(dist->probability);
    dist->probability = NULL;
}

double rank_dist_at_most(const struct rank_dist *dist, size_t w)
{
    double sum = 0;
    for (size_t i = 0; i <= w && i < dist->length; i++)
        sum += dist->probability[i];
    return sum < 1 ? sum : 1;
}

double rank_dist_at_least(const struct rank_dist *dist, size_t w)
{
    double sum = 0;
    for (size_t i = dist->length; i-- > w;)
        sum += dist->probability[i];
    return sum < 1 ? sum : 1;
}
