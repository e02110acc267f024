/* SPDX-License-Identifier: MIT */
/* arrival.c - walks the integral of the rate: each arrival is one unit (constant) or an
 * exponentially distributed amount (Poisson) of it further on. */
#include "load/arrival.h"

#include "core/clock.h"

#include <math.h>

/* Sums of fractions come out a little short of the end; what is that near to it lies beyond. */
#define END_SLACK_NS 1.0

static void add_segment(struct arrival *arrival, double to_ns, double rate_per_s, double end_per_s)
{
    size_t i = arrival->segment_count;
    double from_ns = i ? arrival->segments[i - 1].to_ns : 0;
    if (to_ns <= from_ns)
        return;
    arrival->segments[i] = (struct arrival_segment){
        .from_ns = from_ns,
        .to_ns = to_ns,
        .rate_per_ns = rate_per_s / 1e9,
        .slope_per_ns2 = (end_per_s - rate_per_s) / 1e9 / (to_ns - from_ns),
    };
    arrival->segment_count++;
}

static void make_segments(struct arrival *arrival, const struct load_profile *profile,
                          uint64_t length_ns, double share)
{
    double base = profile->rate_per_s * share, peak = profile->peak_per_s * share;
    double end_ns = (double)length_ns;
    double at_ns = fmin((double)profile->shape_at_ns, end_ns);
    double until_ns = fmin(at_ns + (double)profile->shape_for_ns, end_ns);
    arrival->segment_count = 0;
    switch ((enum load_shape)profile->shape) {
    case LOAD_FLAT:
        add_segment(arrival, end_ns, base, base);
        break;
    case LOAD_RAMP:
        add_segment(arrival, end_ns, base, peak);
        break;
    case LOAD_STEP:
        add_segment(arrival, at_ns, base, base);
        add_segment(arrival, end_ns, peak, peak);
        break;
    case LOAD_SPIKE:
        add_segment(arrival, at_ns, base, base);
        add_segment(arrival, until_ns, peak, peak);
        add_segment(arrival, end_ns, base, base);
        break;
    }
}

void arrival_init(struct arrival *arrival, const struct load_profile *profile, uint64_t length_ns,
                  unsigned thread, unsigned threads, uint64_t seed)
{
    *arrival = (struct arrival){
        .first = (double)thread / threads,
        .poisson = profile->arrivals == LOAD_POISSON,
    };
    make_segments(arrival, profile, length_ns, 1.0 / threads);
    rng_init(&arrival->rng, seed, thread);
}

/* How long until the integral of r + s·t has grown by amount; infinite when it never does. The form
 * of the root that does not cancel for small slopes. */
static double time_to_grow(double rate, double slope, double amount)
{
    double discriminant = rate * rate + 2 * slope * amount;
    if (discriminant < 0)
        return INFINITY;
    double sum = rate + sqrt(discriminant);
    return sum > 0 ? 2 * amount / sum : INFINITY;
}

/* Moves at_ns on by amount arrivals. False when the phase ends first. */
static bool advance(struct arrival *arrival, double amount)
{
    while (arrival->segment < arrival->segment_count) {
        const struct arrival_segment *segment = &arrival->segments[arrival->segment];
        double rate =
            segment->rate_per_ns + segment->slope_per_ns2 * (arrival->at_ns - segment->from_ns);
        double left_ns = segment->to_ns - arrival->at_ns;
        double span_ns = time_to_grow(rate, segment->slope_per_ns2, amount);
        if (span_ns < left_ns - END_SLACK_NS) {
            arrival->at_ns += span_ns;
            return true;
        }
        amount -= left_ns * (rate + segment->slope_per_ns2 * left_ns / 2);
        amount = fmax(amount, 0);
        arrival->at_ns = segment->to_ns;
        arrival->segment++;
    }
    return false;
}

uint64_t arrival_next_ns(struct arrival *arrival)
{
    double amount = arrival->poisson   ? rng_exponential(&arrival->rng, 1)
                    : arrival->started ? 1
                                       : arrival->first;
    arrival->started = true;
    return advance(arrival, amount) ? (uint64_t)arrival->at_ns : CLOCK_NEVER;
}

double arrival_expected(const struct load_profile *profile, uint64_t length_ns)
{
    struct arrival whole = {0};
    double sum = 0;
    make_segments(&whole, profile, length_ns, 1);
    for (size_t i = 0; i < whole.segment_count; i++) {
        const struct arrival_segment *segment = &whole.segments[i];
        double span_ns = segment->to_ns - segment->from_ns;
        sum += span_ns * (segment->rate_per_ns + segment->slope_per_ns2 * span_ns / 2);
    }
    return sum;
}
