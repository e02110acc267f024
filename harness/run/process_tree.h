/* SPDX-License-Identifier: MIT */
/* process_tree.h - a process and all that stem from it, taken as one. */
#ifndef POOLSTORM_RUN_PROCESS_TREE_H
#define POOLSTORM_RUN_PROCESS_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Whether anything stems from pid; true also where that cannot be told. Reads all of /proc. */
bool process_tree_branches(pid_t pid);

/* Processor time of pid, which must stem from this process, of all that stem from it, and of the
 * children it has waited for, which are counted in the kernel's ticks (10 ms); those that its
 * children have waited for are not. Of each process the first thread alone is counted: for servers
 * that fork. False when it is not known. Reads all of /proc: not for measured paths. */
bool process_tree_cpu_ns(pid_t pid, uint64_t *cpu_ns);

#endif
