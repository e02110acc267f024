/* SPDX-License-Identifier: MIT */
/* sampler.h - looks now and then where a thread's CPU time goes: into memory management, or not. */
#ifndef POOLSTORM_SUBJECT_SAMPLER_H
#define POOLSTORM_SUBJECT_SAMPLER_H

#include "core/err.h"
#include "subject/counter.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* How. A timer on the thread's CPU clock (timer_create(2), CLOCK_THREAD_CPUTIME_ID) sends it
 * SIGPROF, whose handler walks the stack by the unwind tables, which every x86-64 program has, from
 * where the thread was interrupted, and counts one sample for the first place it comes through:
 *
 *   allocator  a function of malloc's family, known by its address; where malloc is in an object of
 *              its own (jemalloc, tcmalloc, mimalloc), any of that object
 *   service    what the service itself does to get and give back memory: functions it names
 *   other      neither
 *
 * Time in the kernel counts, for where the thread had entered it: the walk begins there. It needs
 * no right and no symbols, and counts what the allocator calls (memcpy of a realloc, brk, madvise).
 *
 * Error. The kernel looks at CPU clocks when it ticks (CONFIG_HZ, mostly 250 or 1000 a second): a
 * shorter period is of no use. n samples tell a share p to a standard error of sqrt(p (1 - p) / n):
 * 500 of them, 2 s at 250 a second, tell 30 % to 2 points. What is missed: page faults of memory
 * that is touched for the first time count for who touches it; a function that the allocator jumps
 * to at its end (the memset of glibc's calloc) for who called it; and the pool's inlined get and
 * put, some 4 ns. A sample costs some us, 0.1 % at 250 a second. Under sanitizers signals come late
 * and the allocator is theirs: the shares are of no use there. */
enum sampler_place { SAMPLER_ALLOCATOR, SAMPLER_SERVICE, SAMPLER_OTHER, SAMPLER_PLACES };

extern const char *const sampler_place_names[SAMPLER_PLACES];

/* A function by its address alone. */
typedef void sampler_function(void);

/* Zeroed: no samples. The thread's own; samples may be read by any. */
struct sampler {
    counter_word samples[SAMPLER_PLACES];
    timer_t timer; /* while it is running */
    bool running;
};

/* Begins to sample the calling thread, which has no other sampler, at most each period_ns of its
 * CPU time. service ends with NULL and is kept. The thread needs an alternate signal stack, as
 * those of rings have. -EINVAL for a period of 0, or the error of the timer. */
int sampler_begin(struct sampler *sampler, uint64_t period_ns, sampler_function *const *service,
                  struct err *err);

/* Ends it, by the same thread; harmless when it has not begun. What was counted stays. */
void sampler_end(struct sampler *sampler);

/* One sample of the caller, here and now, as the handler takes it. */
enum sampler_place sampler_look(sampler_function *const *service);

#endif
