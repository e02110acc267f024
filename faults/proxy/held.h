/* SPDX-License-Identifier: MIT */
/* held.h - connections that faults hold before their upstream is called, in lines: one a fault that
 * holds some, in the order of their numbers. When a connection ends, the first of each line asks
 * again; when it gets through, the next one does. So an end costs as much as there are lines, not
 * as there are connections. */
#ifndef POOLSTORM_FAULTS_PROXY_HELD_H
#define POOLSTORM_FAULTS_PROXY_HELD_H

#include "core/list.h"

#include <stdint.h>

struct held_line; /* of malloc while there is somebody in it */

/* A link's place; zeroed: in no line. */
struct held {
    struct list member;     /* in line->links */
    struct held_line *line; /* NULL: none */
    uint64_t number;        /* the link's */
};

/* Puts it into the line of the fault of that id, or leaves it there. lines is the proxy's list of
 * them. 0 or -ENOMEM. */
int held_enter(struct list *lines, struct held *held, uint64_t toxic_id);

/* Takes it out; whoever is the first behind it is answered, or NULL. Harmless in no line. */
struct held *held_leave(struct held *held);

/* Calls ask for the first one of each line; ask must not change lines. */
void held_ask(struct list *lines, void (*ask)(struct held *held));

#endif
