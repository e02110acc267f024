/* SPDX-License-Identifier: MIT */
/* follow_internal.h - what the files of the follower share. */
#ifndef POOLSTORM_FAULTS_POSTGRES_FOLLOW_INTERNAL_H
#define POOLSTORM_FAULTS_POSTGRES_FOLLOW_INTERNAL_H

#include "faults/postgres/awaited.h"
#include "faults/postgres/follow.h"
#include "faults/postgres/message.h"
#include "faults/postgres/queries.h"

/* One direction. */
struct wire {
    uint64_t left;   /* bytes of the present message still to come */
    bool inside;     /* of a message: behind its header */
    bool dropping;   /* the present message is not passed on */
    bool alone;      /* the piece ends where the present message does */
    uint8_t head[8]; /* of a header that came in parts, which have been passed on */
    uint8_t head_bytes;

    char *carry; /* bytes kept back until there are carry_need of them */
    size_t carry_at, carry_bytes, carry_room, carry_need;

    const char *insert; /* to be sent as soon as the present message has ended, */
    size_t insert_bytes;
    struct query_node *insert_node; /* whose memory that is; or NULL */
    struct query_node *piece_node;  /* held for the last piece */
};

struct follow {
    enum follow_state state;
    bool typed;        /* the start-up packet is over: messages have types */
    bool wanted;       /* faults need queries */
    bool skipping;     /* the server has refused a message and skips to the next Sync */
    bool given_up;     /* the server's bytes are none of the protocol, either */
    bool copying;      /* the server copies in, and ignores Sync */
    char transaction;  /* I, T, E, or 0 */
    uint32_t rewrites; /* awaited entries that are ours or are refused */
    uint64_t queries;
    struct wire wires[2]; /* by enum fault_stream */
    struct awaited awaited;
    struct list nodes;   /* of the entries with AWAITED_NODE, in their order */
    struct list renames; /* of statements; of those with AWAITED_RENAME, likewise */
    struct names statements, portals;
    char *own; /* what was written in the client's stead; FOLLOW_OWN_BYTES */
};

#define FOLLOW_OWN_BYTES 512 /* more than the longest that is written */

/* What becomes of the bytes a message handler was shown. */
enum step_kind {
    STEP_GO,   /* a header of `bytes` bytes was taken; go on behind it */
    STEP_CUT,  /* the message must begin a piece: give what is before it first */
    STEP_MORE, /* at least `bytes` bytes are needed from here on */
    STEP_OVER, /* nothing is to be followed any more: state says why; LOST if it says nothing */
};

struct step {
    enum step_kind kind;
    size_t bytes;
};

/* A message begins at data. `inside`: there is something before it in the piece. */
struct step client_message(struct follow *follow, const char *data, size_t size_bytes, bool inside,
                           struct follow_piece *piece);
struct step server_message(struct follow *follow, const char *data, size_t size_bytes, bool inside,
                           struct follow_piece *piece);

/* Reads a header of at least need bytes, which may come in parts; each is passed on. *head is 0
 * while there is not all of it. */
struct step wire_head(struct wire *wire, const char *data, size_t size_bytes, size_t need,
                      const uint8_t **head);

/* Behind the header of a message of this length field. False: too short or too long. */
bool wire_enter(struct wire *wire, uint32_t length);

/* The piece has to do with node (NULL is fine), which is held until the next. */
void wire_show(struct wire *wire, struct query_node *node, struct follow_piece *piece);

/* ---- Awaited answers --------------------------------------------------------------------------
 */

/* The server owes an answer. False: more than is bounded. */
bool follow_await(struct follow *follow, enum awaited_kind kind, struct query_node *node);

/* The first entry, voids and ends of copies left out; with its bits. */
uint8_t follow_head(struct follow *follow);

/* The first entry's node, or NULL. */
struct query_node *follow_head_node(struct follow *follow);

/* The first entry is answered, or refused, as all are that a server skips. */
void follow_pop(struct follow *follow);
void follow_refuse(struct follow *follow);

/* The server is asked to give a statement another meaning (NULL: none), which holds from now on
 * unless it refuses. Takes over the reference. False: more than is bounded. */
bool follow_await_rename(struct follow *follow, enum awaited_kind kind, const char *name,
                         struct prepared *prepared);

/* No answer to this entry will come. */
void follow_void(struct follow *follow, uint8_t *entry);

static inline bool awaited_ends_ready(uint8_t entry)
{
    uint8_t kind = entry & AWAITED_KIND;
    return kind >= AWAIT_START && kind <= AWAIT_OUR_SYNC;
}

#endif
