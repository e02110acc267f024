/* SPDX-License-Identifier: MIT */
/* awaited.h - what a PostgreSQL server has to answer, in order: a queue of one byte each. */
#ifndef POOLSTORM_FAULTS_POSTGRES_AWAITED_H
#define POOLSTORM_FAULTS_POSTGRES_AWAITED_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Entries at once, those that no answer comes to (COPY_END, VOID) included: so far may a client be
 * ahead of its server's answers. One that is further is followed no more. */
#define AWAITED_MAX 65536

enum awaited_kind {
    AWAIT_NOTHING, /* there is none */
    AWAIT_TLS,     /* one byte: S or N */
    AWAIT_GSS,     /* one byte: G or N */
    AWAIT_START,   /* the first ReadyForQuery */
    AWAIT_QUERY,   /* of Query, until ReadyForQuery */
    AWAIT_FUNCTION,
    AWAIT_SYNC,
    AWAIT_OUR_SYNC, /* of a Sync that the client has not sent */
    AWAIT_PARSE,
    AWAIT_BIND,
    AWAIT_DESCRIBE,
    AWAIT_EXECUTE,
    AWAIT_CLOSE,
    AWAIT_OURS,     /* of messages that the client has not sent */
    AWAIT_COPY_END, /* no answer: here the client has ended its copying */
    AWAIT_VOID,     /* no answer will come */
};

#define AWAITED_KIND   0x0f /* enum awaited_kind */
#define AWAITED_NODE   0x10 /* a struct query_node goes with it */
#define AWAITED_BEGUN  0x20 /* the answer has begun */
#define AWAITED_RENAME 0x40 /* a struct rename goes with it */

static_assert(AWAIT_VOID <= AWAITED_KIND, "each kind has its number");

/* Zeroed: empty. */
struct awaited {
    uint8_t *entries;
    uint32_t room; /* a power of two; 0: few entries, in few */
    uint32_t head, tail;
    uint8_t few[32];
};

static inline uint8_t *awaited_at(struct awaited *awaited, uint32_t index)
{
    return awaited->room ? &awaited->entries[index & (awaited->room - 1)]
                         : &awaited->few[index & (sizeof(awaited->few) - 1)];
}

static inline uint32_t awaited_count(const struct awaited *awaited)
{
    return awaited->tail - awaited->head;
}

/* The first entry with its bits, or AWAIT_NOTHING. */
static inline uint8_t awaited_head(struct awaited *awaited)
{
    return awaited_count(awaited) ? *awaited_at(awaited, awaited->head) : AWAIT_NOTHING;
}

/* -ENOMEM; -ENOBUFS when there are AWAITED_MAX. */
int awaited_grow(struct awaited *awaited);

static inline int awaited_push(struct awaited *awaited, uint8_t entry)
{
    uint32_t room = awaited->room ? awaited->room : (uint32_t)sizeof(awaited->few);
    if (awaited_count(awaited) == room) {
        int failed = awaited_grow(awaited);
        if (failed)
            return failed;
    }
    *awaited_at(awaited, awaited->tail++) = entry;
    return 0;
}

/* Puts one in at index, between head and tail. As awaited_push. */
int awaited_insert(struct awaited *awaited, uint32_t index, uint8_t entry);

void awaited_fini(struct awaited *awaited);

#endif
