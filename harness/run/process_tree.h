/* SPDX-License-Identifier: MIT */
/* process_tree.h - a process and all that stem from it, taken as one. */
#ifndef POOLSTORM_RUN_PROCESS_TREE_H
#define POOLSTORM_RUN_PROCESS_TREE_H

#include "core/err.h"
#include "measure/meter.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A meter of pid and all that stem from it. Belongs to one thread. */
struct process_tree;

/* pid is this process or stems from it. -ESRCH when there is no such process or it has ended. */
int process_tree_create(struct process_tree **out, pid_t pid, struct err *err);

/* NULL is fine. */
void process_tree_destroy(struct process_tree *tree);

/* Reads everything, for differences between two readings of the same tree; all of /proc is read:
 * not for measured paths. -ESRCH once pid itself has ended; sample is then unchanged.
 *
 * Of one process it is what meter_read says. Of several, all is a sum: of memory what each has of
 * its own and its share of what several have (Pss; where that may not be read, all that is
 * resident, and shared pages are counted repeatedly); rss_peak_bytes is 0, for they peak at
 * different times. Of those that ended between two readings CPU time (in the kernel's ticks, 10 ms)
 * and faults are counted when one of the tree has waited for them, and context switches up to the
 * last reading. */
int process_tree_read(struct process_tree *tree, struct meter_sample *sample, struct err *err);

/* Processor time of pid, which must stem from this process, of all that stem from it, and of the
 * children it has waited for, which are counted in the kernel's ticks (10 ms); those that its
 * children have waited for are not. Of each process the first thread alone is counted: for servers
 * that fork. False when it is not known. Reads all of /proc: not for measured paths. */
bool process_tree_cpu_ns(pid_t pid, uint64_t *cpu_ns);

#endif
