/* SPDX-License-Identifier: MIT */
/* gauge.c - keeps samples of a gauge and makes fewer of them. */
#include "run/gauge.h"

#include "plan/plan.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void gauge_fini(struct gauge *gauge)
{
    free(gauge->values);
    *gauge = (struct gauge){0};
}

int gauge_put(struct gauge *gauge, size_t index, double value)
{
    if (index >= gauge->room) {
        size_t room = index + index / 2 + 64;
        double *values = reallocarray(gauge->values, room, sizeof(*values));
        if (!values)
            return -ENOMEM;
        gauge->values = values;
        gauge->room = room;
    }
    while (gauge->count < index)
        gauge->values[gauge->count++] = NAN;
    gauge->values[index] = value;
    gauge->count = index + 1;
    return 0;
}

/* Missing ones are counted up to the phase's end, and not only to the last that was answered. */
static void count_samples(struct gauge *gauge, size_t due)
{
    gauge->taken = 0;
    gauge->low = gauge->high = gauge->opened ? gauge->opening : NAN;
    for (size_t i = 0; i < gauge->count; i++) {
        if (isnan(gauge->values[i]))
            continue;
        gauge->taken++;
        gauge->low = fmin(gauge->low, gauge->values[i]);
        gauge->high = fmax(gauge->high, gauge->values[i]);
    }
    gauge->missed = due - gauge->taken;
}

void gauge_cut(struct gauge *gauge, uint64_t start_ns, uint64_t length_ns)
{
    uint64_t period_ns = gauge->period_ns;
    size_t before = 0;
    if (start_ns > gauge->start_ns)
        before = (size_t)((start_ns - gauge->start_ns + period_ns - 1) / period_ns);
    uint64_t first_ns = gauge->start_ns + before * period_ns - start_ns;
    size_t due = first_ns < length_ns ? (size_t)((length_ns - first_ns - 1) / period_ns + 1) : 0;
    size_t left = before < gauge->count ? gauge->count - before : 0;
    gauge->count = left < due ? left : due;
    gauge->start_ns = first_ns;
    if (gauge->count > 0)
        memmove(gauge->values, gauge->values + before, gauge->count * sizeof(*gauge->values));
    count_samples(gauge, due);
}

static double last_of(const double *values, size_t count)
{
    for (size_t i = count; i > 0; i--)
        if (!isnan(values[i - 1]))
            return values[i - 1];
    return NAN;
}

static double take_of(const double *values, size_t count, int take)
{
    double sum = 0, low = NAN, high = NAN;
    size_t taken = 0;
    if (take == PLAN_TAKE_LAST)
        return last_of(values, count);
    for (size_t i = 0; i < count; i++) {
        if (isnan(values[i]))
            continue;
        taken++;
        sum += values[i];
        low = fmin(low, values[i]);
        high = fmax(high, values[i]);
    }
    if (take == PLAN_TAKE_MEAN)
        return taken ? sum / (double)taken : NAN;
    return take == PLAN_TAKE_MAX ? high : low;
}

double gauge_take(const struct gauge *gauge, int take)
{
    double value = take_of(gauge->values, gauge->count, take);
    if (gauge->opened && take == PLAN_TAKE_MAX)
        return fmax(value, gauge->opening); /* which passes over NAN */
    if (gauge->opened && take == PLAN_TAKE_MIN)
        return fmin(value, gauge->opening);
    return value;
}

double gauge_reached(const struct gauge *gauge, int op, double limit)
{
    if (gauge->opened && expr_holds((enum expr_op)op, gauge->opening, limit, 0))
        return 0;
    for (size_t i = 0; i < gauge->count; i++)
        if (!isnan(gauge->values[i]) && expr_holds((enum expr_op)op, gauge->values[i], limit, 0))
            return (double)(gauge->start_ns + i * gauge->period_ns);
    return NAN;
}

void gauge_thin(struct gauge *gauge, size_t limit, int take)
{
    size_t each = (gauge->count + limit - 1) / limit, count = 0;
    if (each <= 1)
        return;
    for (size_t at = 0; at < gauge->count; at += each) {
        size_t span = gauge->count - at < each ? gauge->count - at : each;
        gauge->values[count++] = take_of(gauge->values + at, span, take);
    }
    gauge->count = count;
    gauge->period_ns *= each;
}
