/* SPDX-License-Identifier: MIT */
/* leftovers.h - what processes leave behind when they, or the guardian that held them, are killed.
 */
#ifndef POOLSTORM_FAULTS_GUARDIAN_LEFTOVERS_H
#define POOLSTORM_FAULTS_GUARDIAN_LEFTOVERS_H

#include "faults/guardian/descendants.h"

#include <stddef.h>
#include <sys/types.h>
#include <time.h>

/* Looks once: kills what stems from this process, but for those in spared and what stems from them,
 * and waits for children among it that have ended. Returns how many are still there, 1 also where
 * that cannot be told. */
size_t leftovers_kill(const struct descendants *spared);

/* Removes System V's shared memory that a process made which has ended, and that nobody uses any
 * more. started is when the process's number became its own, by time(2). */
void leftovers_remove_shared_memory(pid_t pid, time_t started);

#endif
