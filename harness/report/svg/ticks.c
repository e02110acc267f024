/* SPDX-License-Identifier: MIT */
/* ticks.c - round numbers for axes. */
#include "report/svg/svg.h"

#include <math.h>

/* As many round numbers as are wanted, or fewer. */
static size_t even_ticks(double from, double to, size_t wanted, double *ticks, size_t max)
{
    static const double parts[] = {1, 2, 5, 10};
    double rough = (to - from) / (double)wanted, power = pow(10, floor(log10(rough))), step = 0;
    size_t count = 0;
    for (size_t i = 0; i < 4 && step < rough; i++)
        step = parts[i] * power;
    double first = ceil(from / step);
    while (count < max && (first + (double)count) * step <= to) {
        ticks[count] = (first + (double)count) * step;
        count++;
    }
    return count;
}

/* The decades, and where there are few, 2 and 5 in between, or what is round. */
static size_t log_ticks(double from, double to, size_t wanted, double *ticks, size_t max)
{
    static const double parts[] = {1, 2, 5};
    if (to / from < 8)
        return even_ticks(from, to, wanted, ticks, max);
    size_t each = log10(to / from) < 2.5 ? 3 : 1, count = 0;
    int last = (int)ceil(log10(to));
    for (int power = (int)floor(log10(from)); power <= last; power++)
        for (size_t i = 0; i < each; i++) {
            double tick = parts[i] * pow(10, power);
            if (tick >= from * 0.999 && tick <= to * 1.001 && count < max)
                ticks[count++] = tick;
        }
    return count;
}

size_t svg_ticks(double from, double to, bool log, size_t wanted, double *ticks, size_t max)
{
    if (!(to > from) || !isfinite(from) || !isfinite(to) || wanted == 0 || (log && !(from > 0)))
        return 0;
    return log ? log_ticks(from, to, wanted, ticks, max) : even_ticks(from, to, wanted, ticks, max);
}
