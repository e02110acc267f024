/* SPDX-License-Identifier: MIT */
/* nodes.h - where the JSON library's memory comes from: the allocator, or an arena that is kept. */
#ifndef POOLSTORM_SUBJECT_NODES_H
#define POOLSTORM_SUBJECT_NODES_H

#include "subject/counters.h"

#include <stddef.h>

struct nodes_block;

/* Blocks that are filled from front to back and emptied at once. Zeroed is empty. */
struct nodes {
    struct nodes_block *first;   /* all blocks, in the order they are filled */
    struct nodes_block *current; /* being filled; NULL: none yet */
    size_t used;                 /* bytes of current */
    size_t bytes;                /* of all blocks */
};

/* Makes the JSON library ask here from now on. Once a process, before it is used. */
void nodes_install(void);

/* Until nodes_leave, the JSON library's memory on this thread comes from nodes, and giving it back
 * does nothing; NULL: from the allocator. Nothing in between may wait. tally may be NULL. */
void nodes_enter(struct nodes *nodes, struct tally *tally);
void nodes_leave(void);

/* What the JSON library calls between them; known by name to whoever looks where time goes. */
void *nodes_take(size_t size);
void nodes_give(void *data);

/* Empties it and keeps the blocks. What was taken from it is gone. */
void nodes_reset(struct nodes *nodes);

/* Makes sure of a block, so that the first request finds one. 0 or -ENOMEM. */
int nodes_reserve(struct nodes *nodes, size_t bytes);

/* Gives the blocks back to the allocator. */
void nodes_free(struct nodes *nodes);

#endif
