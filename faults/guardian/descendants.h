/* SPDX-License-Identifier: MIT */
/* descendants.h - all processes that stem from this one, as /proc tells them. */
#ifndef POOLSTORM_FAULTS_GUARDIAN_DESCENDANTS_H
#define POOLSTORM_FAULTS_GUARDIAN_DESCENDANTS_H

#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct descendant {
    pid_t pid, parent, session;
    bool zombie; /* has ended; only its status is left */
};

struct descendants {
    struct descendant *items; /* parents before their children */
    size_t count;
};

/* Reads /proc once: a process that forks meanwhile may have children that are missing, so look
 * again until there is nothing to see. Zombies are included. descendants_fini frees. */
int descendants_read(struct descendants *out, struct err *err);

void descendants_fini(struct descendants *list);

/* Whether pid is root or stems from it, by the parents in the list. */
bool descendants_stem_from(const struct descendants *list, pid_t pid, pid_t root);

#endif
