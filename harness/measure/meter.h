/* SPDX-License-Identifier: MIT */
/* meter.h - what a process costs: CPU, memory, page faults and context switches, over all its
 * threads.
 *
 * Sources: CPU time is the process's CPU clock (clock_getcpuclockid(3)): nanoseconds from the
 * scheduler, threads that have ended included; what a thread has run since its CPU's last tick is
 * missing when it is read from outside. The split into user and system comes from getrusage(2) or
 * /proc/PID/stat, whose parts the kernel scales to the same total but rounds to µs or to 10 ms: use
 * cpu_ns for sums. (/proc/stat is of no use here: it samples at ticks and misses short sleepers.)
 * Faults come from the same places and include ended threads; memory is /proc/PID/status.
 *
 * Context switches of another process are kept by thread only (/proc/PID/task/TID/status). A meter
 * remembers what each thread had at the last sample: of a thread that ends, what it did after the
 * last sample before its end is lost, the rest stays in; of a thread that begins and ends between
 * two samples, all is lost. Children, reaped or not, are never included. */
#ifndef POOLSTORM_MEASURE_METER_H
#define POOLSTORM_MEASURE_METER_H

#include "core/err.h"

#include <stdint.h>
#include <sys/types.h>

/* Totals since the process or thread began, but for at_ns, memory and threads. */
struct meter_sample {
    uint64_t at_ns;                /* CLOCK_MONOTONIC, when it was taken */
    uint64_t rss_bytes;            /* resident now; 0 for a thread */
    uint64_t rss_peak_bytes;       /* resident at most since exec (VmHWM); 0 for a thread */
    uint64_t threads;              /* alive now */
    uint64_t cpu_ns;               /* CPU time, exact */
    uint64_t cpu_user_ns;          /* of it in user mode, coarse */
    uint64_t cpu_system_ns;        /* of it in the kernel, coarse */
    uint64_t faults_minor;         /* page faults served without I/O */
    uint64_t faults_major;         /* page faults that had to wait for I/O */
    uint64_t switches_voluntary;   /* gave up the CPU to wait */
    uint64_t switches_involuntary; /* was taken off the CPU */
};

struct meter;

/* A meter for process pid. -ESRCH when there is no such process or it has ended. It holds /proc/PID
 * open, so a later process of the same number is never mistaken for it. */
int meter_create(struct meter **out, pid_t pid, struct err *err);

/* NULL is fine. */
void meter_destroy(struct meter *meter);

/* Reads everything; some 20 µs and 10 µs a thread of reading files, not for measured paths. One
 * thread at a time. -ESRCH once the process has ended, waited for or not; sample is then unchanged.
 */
int meter_read(struct meter *meter, struct meter_sample *sample, struct err *err);

/* The calling process, and the calling thread alone (two system calls, some 1 µs). Any thread. */
int meter_self(struct meter_sample *sample, struct err *err);
int meter_thread(struct meter_sample *sample, struct err *err);

/* How long the calling thread has been ready to run and waited for a CPU, since it began; 0 where
 * the kernel does not say (CONFIG_SCHED_INFO). Reads a file. */
uint64_t meter_thread_waited_ns(void);

/* What happened between two samples of the same thing: at_ns becomes the time between them, totals
 * their growth (never below 0), memory and threads stay those of after. */
struct meter_sample meter_difference(const struct meter_sample *before,
                                     const struct meter_sample *after);

/* CPUs kept busy over a difference: 1.0 is one CPU all the time. 0 when no time went by. */
double meter_cpus(const struct meter_sample *difference);

#endif
