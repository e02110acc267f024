/* SPDX-License-Identifier: MIT */
/* guardian_wire.h - what holder and guardian say to each other: one struct a packet, words behind.
 */
#ifndef POOLSTORM_FAULTS_GUARDIAN_WIRE_H
#define POOLSTORM_FAULTS_GUARDIAN_WIRE_H

#include "faults/guardian/guardian.h"

enum guardian_verb {
    GUARDIAN_TAKE,    /* to the guardian: a lease; the words are its kind and then what it says */
    GUARDIAN_ADOPT,   /* to the guardian: the same of a lease that a guardian before has lost */
    GUARDIAN_RELEASE, /* to the guardian: undo it, within number ns */
    GUARDIAN_TAKEN,   /* to the holder: number is the pid, or what else the kind has to say */
    GUARDIAN_REFUSED, /* to the holder: number is -errno, the words are the text */
    GUARDIAN_ENDED,   /* to the holder: nothing is left of it; number is the wait status */
};

/* Both ends are the same build on the same machine: plain memory. */
struct guardian_message {
    uint32_t verb;  /* enum guardian_verb */
    uint32_t lease; /* the holder's number for it */
    int64_t number; /* see above */
};

/* The words of a packet: NUL-terminated, one behind the other, to the packet's end. */
static inline char *guardian_words(struct guardian_message *message)
{
    return (char *)(message + 1);
}

#endif
