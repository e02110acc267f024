/* SPDX-License-Identifier: MIT */
/* piece.h - the pieces of a chain, and the memory that they are in, all of which is counted.
 *
 * Bytes are copied once, into a block; pieces are parts of blocks, and a block goes with the last
 * of them. For chain.c and act.c. */
#ifndef POOLSTORM_FAULTS_PROXY_PIECE_H
#define POOLSTORM_FAULTS_PROXY_PIECE_H

#include "core/list.h"
#include "faults/fault.h"
#include "faults/proxy/chain.h"

struct piece_late;
struct piece_error;

struct piece {
    struct list link;          /* in an act's fresh or waiting, or in the chain's out */
    struct fault_piece is;     /* what hooks see */
    const struct query *query; /* held; is.query, or NULL */
    struct chain_block *block; /* is.data points into it; NULL: no bytes */
    struct piece_late *late;   /* what is.late_ns is the sum of */
    struct piece_error *error; /* held; is.error is in it, or both are NULL */
    uint64_t request;          /* that it belongs to */
    enum fault_verdict so_far; /* of the faults it has left behind */
    enum fault_verdict here;   /* of the one it waits at */
    bool delayed;              /* by the one it waits at */
    bool rest;                 /* was cut off; not shown before the part before it has left */
    bool cut;                  /* was made by cutting: counts among memory.cut_bytes */
};

/* What was read, all of it. NULL without memory. */
struct piece *piece_create(struct chain_memory *memory, const struct chain_input *input,
                           uint64_t now_ns);

/* Makes what lies behind size_bytes of a piece, which has now that size, a piece of its own; the
 * piece is as it was, and the answer NULL, when there is no memory for it. */
struct piece *piece_cut(struct chain_memory *memory, struct piece *piece,
                        const struct fault_piece *was);

/* Keeps is.error, which is a hook's, for as long as the piece. *same: the one that the fault's last
 * piece has kept, which is shared where it is alike; held by the caller, NULL at first. False
 * without memory: the piece has no error. */
bool piece_keep_error(struct piece *piece, struct piece_error **same);
void piece_error_release(struct piece_error *error); /* NULL is fine */

/* The toxic of that id has made is.late_ns what it is, from was_ns; without memory it has not. */
void piece_add_late(struct chain_memory *memory, struct piece *piece, uint64_t id, uint64_t was_ns);

/* It wants that no more. */
void piece_take_late(struct chain_memory *memory, struct piece *piece, uint64_t id);

/* Leaves no bytes of it. */
void piece_empty(struct chain_memory *memory, struct piece *piece);

void piece_destroy(struct chain_memory *memory, struct piece *piece);
void pieces_destroy(struct chain_memory *memory, struct list *list);

/* The room to read into, of CHAIN_ROOM_BYTES: as chain_room and chain_no_room. */
char *room_open(struct chain_memory *memory);
void room_close(struct chain_memory *memory);

/* ---- Lists of pieces ------------------------------------------------------------------------- */

struct piece *piece_first(const struct list *list); /* NULL: none */
struct piece *piece_last(const struct list *list);
struct piece *piece_take_first(struct list *list);
void piece_append(struct list *list, struct piece *piece);

#endif
