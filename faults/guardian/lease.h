/* SPDX-License-Identifier: MIT */
/* lease.h - one kind of thing the guardian takes and undoes; the table of kinds is made from names
 * in meson.build. All of it runs in the guardian, on its one thread, and must not hang: it may wait
 * for what it has killed, and for nothing else. What takes its time is done by a worker: a child of
 * the guardian's, whose end it hears of; or by a child that tells by a descriptor how it went. */
#ifndef POOLSTORM_FAULTS_GUARDIAN_LEASE_H
#define POOLSTORM_FAULTS_GUARDIAN_LEASE_H

#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* One lease in force, on the guardian's heap. */
struct lease {
    const struct lease_kind *kind; /* what undoes it */
    uint32_t number;               /* the holder's name for it */
    pid_t pid;                     /* of its process or worker; 0 when it has none */
    bool worker;                   /* pid undoes the lease: it is killed by no other lease */
    int status;                    /* of pid once it has ended, as of waitpid; -1 before. Else 0 */
    void *state;                   /* the kind's own, of malloc; freed with the lease */
    int starting_fd;               /* readable when `started` can tell; -1: it is in force */
    bool refused;                  /* it never was, which has been said */
    bool ended;                    /* nothing of it is in force any more */
    uint64_t undo_at_ns;           /* when patience ends; CLOCK_NEVER: nobody asked to end it */
    struct lease *next;            /* in the list of all */
};

/* Static data, `const struct lease_kind lease_<name>` in lease_<name>.c. */
struct lease_kind {
    const char *name;

    /* Takes effect as the words say (ends with NULL). On failure nothing stays behind. What cannot
     * be told at once is told by `started`: starting_fd is set then. */
    int (*take)(struct lease *lease, char *const *words, struct err *err);

    /* Reads starting_fd, or its process has ended, and closes it. 0: it is in force; else as take.
     * NULL where that is always told at once. */
    int (*started)(struct lease *lease, struct err *err);

    /* Takes over what a guardian that was lost took by the same words, for nothing but to undo it.
     * NULL: nothing of it can be left. */
    int (*adopt)(struct lease *lease, char *const *words, struct err *err);

    /* Asks it to end by itself, before undo_at_ns. May be NULL. */
    void (*release)(struct lease *lease);

    /* Undoes it now. May be called again; sets ended when nothing is left. */
    void (*undo)(struct lease *lease, const struct lease *all);
};

/* Every kind; ends with NULL. */
extern const struct lease_kind *const lease_kinds[];

#endif
