/* SPDX-License-Identifier: MIT */
/* chain.h - one stream of one link: the faults that act on it, in order, and the pieces on their
 * way through them. No I/O: the relay's fiber of the stream moves bytes in and out.
 *
 *     while chain_is_empty: move bytes as you like (straight, splice), and chain_note them
 *     read            -> chain_push        copies; runs the faults
 *     wait until      chain_next_ns, or more can be read (chain_has_room), or somebody calls
 *                     chain_add, chain_change or chain_remove
 *     chain_take      -> send, shut down, close, reset -> chain_sent
 *
 * Each fault has a queue of its own: a piece waits at the one that delays it until it is due, and
 * goes on then through those behind it. So a fault that comes later sees what earlier ones still
 * delay, and what a fault held goes on at once when it is changed or taken away. A piece never
 * overtakes another. When a hook has made a piece smaller, the rest is shown to it once the first
 * part has left. What has gone through all of them waits to be taken, and is out of reach of any
 * fault, but that one which goes or changes takes back how late the server was to be for it.
 *
 * Memory is bounded, whatever the faults: nothing more is to be read above CHAIN_QUEUE_BYTES_MAX,
 * the queries that pieces hold included, and pieces that faults have cut off take
 * CHAIN_CUT_BYTES_MAX beside what was read: no more is cut then before some of them have gone (but
 * for one piece a fault, or nothing would move). So there is never more than the two together, and
 * what one read brings; only what faults want a query's server to be late by takes some 30 bytes
 * more for each of them.
 *
 * Embedded in the relay's link; memory comes with faults on the stream and pushed pieces only. On
 * the proxy's ring thread; nothing here waits. */
#ifndef POOLSTORM_FAULTS_PROXY_CHAIN_H
#define POOLSTORM_FAULTS_PROXY_CHAIN_H

#include "core/list.h"
#include "faults/fault.h"
#include "faults/proxy/toxic.h"

enum {
    CHAIN_ROOM_BYTES = 512 << 10,    /* with 128 KiB a byte costs a fifth more CPU */
    CHAIN_QUEUE_BYTES_MAX = 4 << 20, /* about what the kernel gives a connection of its own */
    CHAIN_CUT_BYTES_MAX = 4 << 20,
};

struct chain_block;

/* Of all pieces of a stream; piece.c's. */
struct chain_memory {
    size_t queued_bytes;       /* of pieces, what they are in and queries they hold, all told */
    size_t cut_bytes;          /* book-keeping of those that were cut off others */
    struct chain_block *room;  /* see chain_room; NULL: none */
    struct chain_block *spare; /* could be it, and is in no use */
};

struct chain {
    struct toxic_peer *peer; /* the link's; outlives the chain */
    struct list acts;        /* a toxic's part in this stream each, in the order they act */
    struct list out;         /* pieces that have passed all, in order */
    size_t acting;           /* acts that toxicity and source have chosen */
    struct chain_memory memory;
    size_t sent_bytes; /* of the first of out */
    uint64_t request;  /* of a followed link: the latest that was pushed */
    enum fault_stream stream;
    enum fault_verdict verdict; /* upon the link, now: PASS, CLOSE or RESET */
    bool dead;                  /* a fault that has gone left it so: swallows everything */
};

/* Something read. */
struct chain_input {
    const char
        *data; /* the caller's, copied; or in chain_room's, taken over if it fills half of it */
    size_t size_bytes;
    bool end;                  /* the stream's end: no bytes */
    const struct query *query; /* see fault_piece.query; is held; may be NULL */
    bool committed;            /* see fault_piece */
};

/* What to do next. */
struct chain_item {
    /* PASS: send data, or, without any, the stream has ended. CLOSE: close both sides; the bytes
     * before it have been sent. RESET: reset both sides. FAIL: data begins a query that is to fail;
     * piece->error says how. */
    enum fault_verdict verdict;
    const char *data; /* the chain's, until chain_sent or chain_fini, whatever is called between */
    size_t size_bytes;
    bool end;
    const struct fault_piece *piece; /* as the faults left it: query, error, late_ns; as data */
};

/* With the toxics the proxy has on this stream. -ENOMEM: as if never called. */
int chain_init(struct chain *chain, struct toxic_peer *peer, enum fault_stream stream,
               uint64_t now_ns);

/* Drops what is queued. */
void chain_fini(struct chain *chain);

/* A toxic has come (and is on none of its link's chains yet), was changed, goes. Nothing happens
 * where it is not on this stream. The fiber that takes from the chain has to look again after
 * each. */
int chain_add(struct chain *chain, struct toxic *toxic, uint64_t now_ns);
void chain_change(struct chain *chain, struct toxic *toxic, uint64_t now_ns);
void chain_remove(struct chain *chain, struct toxic *toxic, uint64_t now_ns);

/* No fault acts and nothing is queued or to be done: bytes may go past the chain. */
static inline bool chain_is_empty(const struct chain *chain)
{
    return chain->acting == 0 && chain->memory.queued_bytes == 0 && chain->verdict == FAULT_PASS &&
           !chain->dead;
}

/* Memory of what is queued, book-keeping included: for tests, the relay asks chain_has_room. */
static inline size_t chain_queued_bytes(const struct chain *chain)
{
    return chain->memory.queued_bytes;
}

/* Whether more is to be read; else there is enough, until some of it has left. */
static inline bool chain_has_room(const struct chain *chain)
{
    return chain->memory.queued_bytes < CHAIN_QUEUE_BYTES_MAX;
}

/* Bytes were read that go past the chain. (Those of chain_push are counted there.) */
void chain_note(struct chain *chain, size_t size_bytes);

/* Everything that was read, or that the stream has ended. On a followed link what has no query
 * belongs to that of the piece before. -ENOMEM: nothing has happened. */
int chain_push(struct chain *chain, const struct chain_input *input, uint64_t now_ns);

/* Where CHAIN_ROOM_BYTES can be read to and pushed from, much of it without a copy; the chain's,
 * and lasts until it is asked for again, whatever becomes of what is pushed. NULL without memory.
 * What has been sent becomes room again: chain_no_room gives it back. */
char *chain_room(struct chain *chain);
void chain_no_room(struct chain *chain);

/* When chain_take has something to say, or may: 0 for now, CLOCK_NEVER for nothing by itself. */
uint64_t chain_next_ns(const struct chain *chain);

/* The same while what it has said cannot be done: when it may have something else to say. */
uint64_t chain_due_ns(const struct chain *chain);

/* Moves pieces on that are due. false: nothing to do yet. The same item comes again until
 * chain_sent has been told all of its bytes, or, for one without any, 0. */
bool chain_take(struct chain *chain, uint64_t now_ns, struct chain_item *item);

/* So many bytes of the item have been sent (or otherwise dealt with). CLOSE and RESET need not be
 * told: the link is over. */
void chain_sent(struct chain *chain, size_t size_bytes);

#endif
