/* SPDX-License-Identifier: MIT */
/* virtual_time.h - a clock the test turns by hand, for one fiber that drives all others of a ring.
 *
 * Link the test with -Wl,--wrap=clock_gettime. While a test's main fiber keeps itself ready, the
 * loop never sleeps; it turns the clock, fires what is due, and lets the others run until they all
 * wait. */
#ifndef POOLSTORM_TESTS_VIRTUAL_TIME_H
#define POOLSTORM_TESTS_VIRTUAL_TIME_H

#include "core/fiber.h"
#include "core/internal.h"

#include <time.h>

static uint64_t virtual_now_ns = 3600 * NS_PER_S; /* as good a beginning as any */

int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    (void)clock;
    now->tv_sec = (time_t)(virtual_now_ns / NS_PER_S);
    now->tv_nsec = (long)(virtual_now_ns % NS_PER_S);
    return 0;
}

/* Until all other fibers wait. */
static inline void let_run(void)
{
    while (ring_current->ready_first)
        fiber_yield();
}

/* Turns the clock on to at_ns, stopping at each timer on the way. */
static inline void pass_until(uint64_t at_ns)
{
    let_run();
    for (uint64_t due_ns = timer_next(&ring_current->timers); due_ns <= at_ns;
         due_ns = timer_next(&ring_current->timers)) {
        virtual_now_ns = due_ns > virtual_now_ns ? due_ns : virtual_now_ns;
        timer_run_due(&ring_current->timers, virtual_now_ns);
        let_run();
    }
    virtual_now_ns = at_ns;
}

static inline void pass(uint64_t span_ns)
{
    pass_until(virtual_now_ns + span_ns);
}

#endif
