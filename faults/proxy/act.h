/* SPDX-License-Identifier: MIT */
/* act.h - what one toxic does in one stream of one link: the pieces it has not seen, those that
 * wait there until they are due, and how they leave. For chain.c. */
#ifndef POOLSTORM_FAULTS_PROXY_ACT_H
#define POOLSTORM_FAULTS_PROXY_ACT_H

#include "faults/proxy/chain.h"
#include "faults/proxy/piece.h"

#include <stddef.h>

struct act {
    struct list link;       /* in chain.acts */
    struct toxic *toxic;    /* outlives it */
    struct list fresh;      /* pieces that it has not seen */
    struct list waiting;    /* that it has seen, until they are due */
    struct fault_link seen; /* the stream, for hooks */
    struct rng rng;
    uint64_t time_ns;          /* of on_time */
    uint64_t touched;          /* for toxic_touch */
    struct piece_error *error; /* see piece_keep_error */
    bool chosen;               /* by source and toxicity */
    bool begun;                /* on_begin was called */
    bool made_late;            /* some piece's server */
    _Alignas(max_align_t) char own[];
};

/* Behind all others, and begins where it is chosen. -ENOMEM. */
int act_create(struct chain *chain, struct toxic *toxic, bool established, uint64_t now_ns);

/* Its pieces are gone from it. */
void act_destroy(struct chain *chain, struct act *act);

/* The toxic has changed: what it held goes on, and it ends where it is chosen no more. */
void act_change(struct chain *chain, struct act *act, uint64_t now_ns);

/* The toxic goes: asks it what becomes of the link. */
void act_end(struct chain *chain, struct act *act, uint64_t now_ns);

/* One thing that can be done there; false when there is none. */
bool act_step(struct chain *chain, struct act *act, uint64_t now_ns);

/* Whether there is one. */
bool act_can_step(const struct chain *chain, const struct act *act, uint64_t now_ns);

/* Calls on_time when that is due. */
void act_time(struct chain *chain, struct act *act, uint64_t now_ns);

/* When it has something to do by itself; CLOCK_NEVER. */
uint64_t act_next_ns(const struct act *act);

/* Lets everything go on that waits there, and, unseen, what it has not been shown; and takes back
 * what it wanted of the server. */
void act_release(struct chain *chain, struct act *act, bool unseen, uint64_t now_ns);

/* Nobody gets what is there. */
void act_bury(struct chain *chain, struct act *act, uint64_t now_ns);

/* A verdict of some act, or of a piece that has left the last one: what it says about the link as a
 * whole is kept with the chain. */
void act_decide(struct chain *chain, enum fault_verdict verdict);

#endif
