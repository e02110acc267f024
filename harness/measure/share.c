/* SPDX-License-Identifier: MIT */
/* share.c - the exact interval of a share, by bisection of the binomial distribution's tails. */
#include "measure/share.h"

#include <errno.h>
#include <math.h>

enum { STEPS = 60 }; /* of bisection: to the last digit of a double that matters */

static double log_factorial(size_t n)
{
    int sign;
    return lgamma_r((double)n + 1, &sign);
}

/* The probability of count or more of total, each with the probability share. */
static double at_least(size_t count, size_t total, double share)
{
    double sum = 0, all = log_factorial(total);
    for (size_t i = count; i <= total; i++)
        sum += exp(all - log_factorial(i) - log_factorial(total - i) + (double)i * log(share) +
                   (double)(total - i) * log1p(-share));
    return sum;
}

/* The share at which count or more of total have that probability, which grows with it. */
static double share_of_tail(size_t count, size_t total, double probability)
{
    double low = 0, high = 1;
    for (int i = 0; i < STEPS; i++) {
        double middle = (low + high) / 2;
        if (at_least(count, total, middle) < probability)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

int share_interval(size_t found, size_t total, double alpha, double *low, double *high,
                   struct err *err)
{
    if (total == 0 || found > total || !(alpha > 0 && alpha < 1))
        return err_set(err, -EINVAL, "%zu of %zu at %g is no share", found, total, alpha);
    *low = found == 0 ? 0 : share_of_tail(found, total, alpha / 2);
    *high = found == total ? 1 : share_of_tail(found + 1, total, 1 - alpha / 2);
    return 0;
}
