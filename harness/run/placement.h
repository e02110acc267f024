/* SPDX-License-Identifier: MIT */
/* placement.h - which CPUs the generator and which the subject runs on. */
#ifndef POOLSTORM_RUN_PLACEMENT_H
#define POOLSTORM_RUN_PLACEMENT_H

#include "core/err.h"

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>

/* Visible: small and without ownership. */
struct placement {
    cpu_set_t generator, subject;    /* disjoint, unless shared */
    int generator_cpus[CPU_SETSIZE]; /* the same as a list, for load_job */
    size_t generator_count;
    bool shared; /* there is one CPU only: both get it */
};

/* Halves what this process may run on: the lower half, rounded down, is the generator's. */
int placement_init(struct placement *placement, struct err *err);

/* The same from a given set, which holds at least one CPU. */
void placement_split(struct placement *placement, const cpu_set_t *allowed);

/* Moves the calling thread onto the generator's CPUs. 0 or -errno. */
int placement_enter(const struct placement *placement);

/* Writes "0", "0-3,6". Returns text. */
char *placement_format(const cpu_set_t *set, char *text, size_t size_bytes);

#endif
