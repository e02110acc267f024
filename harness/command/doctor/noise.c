/* SPDX-License-Identifier: MIT */
/* noise.c - how much of its time does this machine take away from a measurement? */
#include "command/doctor/doctor.h"

#include "core/clock.h"
#include "core/param.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SLEEPS = 100, GAP_NS = 5000 };

static const uint64_t spin_for_ns = 200 * NS_PER_MS;

struct noise {
    uint64_t gap_max_ns;                  /* longest time between two looks at the clock */
    uint64_t taken_ns;                    /* sum of the gaps too long to be ours */
    uint64_t late_median_ns, late_p99_ns; /* of timers that were to wake us */
    double load;                          /* runnable processes, mean of a minute */
    double steal;                         /* share of CPU time the host kept meanwhile */
};

static void measure_gaps(struct noise *noise)
{
    uint64_t begin_ns = clock_now_ns(), before_ns = begin_ns;
    while (before_ns - begin_ns < spin_for_ns) {
        uint64_t now_ns = clock_now_ns(), gap_ns = now_ns - before_ns;
        if (gap_ns > noise->gap_max_ns)
            noise->gap_max_ns = gap_ns;
        if (gap_ns > GAP_NS)
            noise->taken_ns += gap_ns;
        before_ns = now_ns;
    }
}

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static void measure_lateness(struct noise *noise)
{
    uint64_t late_ns[SLEEPS];
    for (int i = 0; i < SLEEPS; i++) {
        uint64_t due_ns = clock_now_ns() + NS_PER_MS;
        struct timespec due = {(time_t)(due_ns / NS_PER_S), (long)(due_ns % NS_PER_S)};
        (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL); /* early: 0 late */
        uint64_t now_ns = clock_now_ns();
        late_ns[i] = now_ns > due_ns ? now_ns - due_ns : 0;
    }
    qsort(late_ns, SLEEPS, sizeof(*late_ns), compare);
    noise->late_median_ns = late_ns[SLEEPS / 2];
    noise->late_p99_ns = late_ns[SLEEPS * 99 / 100];
}

/* All CPU time so far in ticks, and the part the host kept for others. */
static bool read_steal(double *all, double *stolen)
{
    char text[256];
    double field[8] = {0};
    if (!look_text("/proc/stat", text, sizeof(text)) ||
        sscanf(text, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &field[0], &field[1], &field[2],
               &field[3], &field[4], &field[5], &field[6], &field[7]) != 8)
        return false;
    *all = 0;
    for (size_t i = 0; i < 8; i++)
        *all += field[i];
    *stolen = field[7];
    return true;
}

static void measure(struct noise *noise)
{
    double all_before = 0, all_after = 0, stolen_before = 0, stolen_after = 0;
    bool known = read_steal(&all_before, &stolen_before);
    measure_gaps(noise);
    measure_lateness(noise);
    known = read_steal(&all_after, &stolen_after) && known;
    if (known && all_after > all_before)
        noise->steal = (stolen_after - stolen_before) / (all_after - all_before);
    if (getloadavg(&noise->load, 1) != 1)
        noise->load = 0;
}

static void noise_look(struct finding *finding)
{
    struct noise noise = {0};
    char gap[32], median[32], p99[32];
    measure(&noise);
    double taken = (double)noise.taken_ns / (double)spin_for_ns;
    finding_set(finding, FINDING_OK, NULL,
                "longest gap %s and %.2f %% of a spin taken away, timers late by %s (P99 %s), "
                "load %.2f, steal %.1f %%",
                format_ns(gap, sizeof(gap), (double)noise.gap_max_ns), taken * 100,
                format_ns(median, sizeof(median), (double)noise.late_median_ns),
                format_ns(p99, sizeof(p99), (double)noise.late_p99_ns), noise.load,
                noise.steal * 100);
    if (noise.gap_max_ns > 5 * NS_PER_MS || taken > 0.02 || noise.steal > 0.02 ||
        noise.late_p99_ns > 2 * NS_PER_MS) {
        finding->level = FINDING_WARN;
        finding->remedy = "stop what else runs here; a shared host stays noisy: more rounds, and "
                          "trust ratios before absolute figures";
    }
}

const struct doctor_check check_noise = {.name = "noise", .look = noise_look};
