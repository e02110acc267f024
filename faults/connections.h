/* SPDX-License-Identifier: MIT */
/* connections.h - which connections a fault of whole connections is about: those that were there
 * before it, those that come, or both. */
#ifndef POOLSTORM_FAULTS_CONNECTIONS_H
#define POOLSTORM_FAULTS_CONNECTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum connections { CONNECTIONS_ESTABLISHED, CONNECTIONS_NEW, CONNECTIONS_BOTH };

static const char *const connections_names[] = {"established", "new", "both", NULL};

static inline bool connections_include(int which, bool established)
{
    return which != (established ? CONNECTIONS_NEW : CONNECTIONS_ESTABLISHED);
}

#endif
