/* SPDX-License-Identifier: MIT */
/* ledger.h - what the clients of a phase learned about each of their numbered writes, to be
 * compared with what was stored.
 *
 * A write's number is its request's token. Each thread of the generator numbers its requests one
 * after the other, so a byte for each is enough to remember: 4 Mi of them a thread and phase at
 * most, of which only what is used takes memory. Nothing is kept unless a job has a ledger.
 *
 * While a phase runs, each part belongs to its thread; before and after, all of it to the caller.
 */
#ifndef POOLSTORM_LOAD_LEDGER_H
#define POOLSTORM_LOAD_LEDGER_H

#include "core/err.h"
#include "load/outcome.h"

#include <stdbool.h>
#include <stdint.h>

/* Numbers a thread of a phase can remember. */
#define LEDGER_ROOM (UINT64_C(1) << 22)

/* Of one thread. */
struct ledger_part {
    uint64_t first;       /* its first number */
    uint64_t used;        /* numbers from there on that may have been written */
    uint64_t beyond;      /* writes that found no room */
    unsigned char *marks; /* LEDGER_ROOM of them */
};

struct ledger {
    struct ledger_part *parts;
    unsigned part_count;
};

/* For a phase of so many threads. -ENOMEM. */
int ledger_init(struct ledger *ledger, unsigned threads, struct err *err);
void ledger_fini(struct ledger *ledger); /* zeroed is fine */

/* A write is sent: from here on nobody knows, until ledger_answered. */
void ledger_sent(struct ledger_part *part, uint64_t number);

/* How its request ended; status is that of the reply, if there was one. A status below 400 is an
 * acknowledgement. 502 and 504 say that the service itself doesn't know, every other one that
 * nothing was stored. */
void ledger_answered(struct ledger_part *part, uint64_t number, enum load_outcome outcome,
                     int status);

/* A number was found in the store: true when it is one of this ledger's writes. */
bool ledger_stored(struct ledger *ledger, uint64_t number);

/* Of one ledger, after all that is stored has been looked at. */
struct ledger_counts {
    uint64_t acknowledged; /* writes that the client knows to be stored */
    uint64_t refused;      /* writes that it knows not to be stored */
    uint64_t unknown;      /* writes that it knows nothing of */
    uint64_t stored;       /* writes that are, once or more */
    uint64_t lost;         /* acknowledged and not stored */
    uint64_t doubled;      /* stored more than once */
    uint64_t ghosts;       /* refused and stored all the same */
    uint64_t beyond;       /* writes nothing is known of, for want of room */
};

struct ledger_counts ledger_count(const struct ledger *ledger);

#endif
