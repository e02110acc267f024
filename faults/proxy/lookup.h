/* SPDX-License-Identifier: MIT */
/* lookup.h - the address of a name, without holding up the ring: the system's resolver blocks, so
 * it runs on a thread of its own. */
#ifndef POOLSTORM_FAULTS_PROXY_LOOKUP_H
#define POOLSTORM_FAULTS_PROXY_LOOKUP_H

#include "core/ctx.h"
#include "core/sock.h"
#include "core/waitq.h"

#include <stdbool.h>
#include <stdint.h>

/* Of one text, for the fibers of one ring. */
struct lookup {
    struct addr addr;     /* the latest answer */
    int rc;               /* 0, or why there is none */
    uint64_t good_ns;     /* until when; CLOCK_NEVER for what is no name */
    bool asking;          /* a fiber is about it */
    struct waitq waiting; /* others, meanwhile */
};

void lookup_init(struct lookup *lookup);

/* The text, as address.h has it, is this one from now on. Whoever is still asking for the one
 * before must have been cancelled. */
void lookup_set(struct lookup *lookup, const char *text);

/* The address of text, the one that was set. A number is answered at once; a name is asked for once
 * for all who want it at the same time, and its answer, even "none such", is good for a second. 0;
 * -EHOSTUNREACH, -EINVAL; -EAGAIN, -EMFILE, -ENOMEM for lack of a thread, a descriptor, memory; or
 * the ctx's error. */
int lookup_address(struct ctx *ctx, struct lookup *lookup, const char *text, struct addr *addr);

#endif
