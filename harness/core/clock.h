/* SPDX-License-Identifier: MIT */
/* clock.h - monotonic time in integer nanoseconds; nothing here reads the wall clock. */
#ifndef POOLSTORM_CORE_CLOCK_H
#define POOLSTORM_CORE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S  UINT64_C(1000000000)

/* A point in time no deadline reaches. */
#define CLOCK_NEVER UINT64_MAX

/* CLOCK_MONOTONIC; through the vDSO, some 27 ns. Any thread. */
static inline uint64_t clock_now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with a clock that exists */
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* after + span, held at CLOCK_NEVER instead of wrapping. */
static inline uint64_t clock_after(uint64_t after_ns, uint64_t span_ns)
{
    uint64_t sum_ns;
    return __builtin_add_overflow(after_ns, span_ns, &sum_ns) ? CLOCK_NEVER : sum_ns;
}

#endif
