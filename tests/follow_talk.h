/* SPDX-License-Identifier: MIT */
/* follow_talk.h - conversations between a PostgreSQL client and server, and what a follower makes
 * of them however they are cut. */
#ifndef POOLSTORM_TESTS_FOLLOW_TALK_H
#define POOLSTORM_TESTS_FOLLOW_TALK_H

#include "core/rng.h"
#include "faults/fault.h"
#include "faults/postgres/follow.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that grow; data is of malloc. */
struct bytes {
    char *data;
    size_t size_bytes;
    size_t room_bytes;
};

void bytes_add(struct bytes *bytes, const void *data, size_t size_bytes);
void bytes_free(struct bytes *bytes);

/* What one side says in one go. */
struct turn {
    enum fault_stream way;
    struct bytes bytes;
};

#define TURNS_MAX 64

/* In turn: zeroed, then filled by the calls below. */
struct talk {
    struct turn turns[TURNS_MAX];
    size_t count;
    bool not_wanted; /* no fault needs queries */
    /* Query by number, counted from 1, and what is asked for as it is sent; 0: none. */
    uint64_t late_ns; /* 0: 1.5 ms */
    uint64_t fails, late;
    struct fault_error error;
};

/* Bytes of one side; those of the same side in succession are one turn. */
void talk_bytes(struct talk *talk, enum fault_stream way, const void *data, size_t size_bytes);

/* A message. */
void talk_message(struct talk *talk, enum fault_stream way, char type, const void *body,
                  size_t size_bytes);

/* With the literal's end, and without. */
#define CLIENT(talk, type, body) talk_message(talk, FAULT_UPSTREAM, type, body, sizeof(body))
#define SERVER(talk, type, body) talk_message(talk, FAULT_DOWNSTREAM, type, body, sizeof(body))
#define CLIENT_RAW(talk, type, body)                                                               \
    talk_message(talk, FAULT_UPSTREAM, type, body, sizeof(body) - 1)
#define SERVER_RAW(talk, type, body)                                                               \
    talk_message(talk, FAULT_DOWNSTREAM, type, body, sizeof(body) - 1)

/* Begins a new turn although the same side speaks on. */
void talk_pause(struct talk *talk);

/* A start-up packet's code and what follows; and one that is accepted, up to ReadyForQuery. */
void talk_packet(struct talk *talk, uint32_t code, const void *body, size_t size_bytes);
void talk_start(struct talk *talk);

/* Common ones. */
void talk_ready(struct talk *talk, char state);           /* ReadyForQuery */
void talk_error(struct talk *talk, const char *sqlstate); /* ErrorResponse */
void talk_query(struct talk *talk, const char *sql);      /* Query */
void talk_parse(struct talk *talk, const char *name, const char *sql);
void talk_bind(struct talk *talk, const char *portal, const char *name);
void talk_execute(struct talk *talk, const char *portal);
void talk_sync(struct talk *talk);

/* What came of it. */
struct heard {
    struct bytes out[2]; /* by enum fault_stream */
    struct bytes events; /* a line each, as text, with its end: see follow_test.c */
    enum follow_state state;
    bool is_over;
    uint64_t queries;
    char transaction;
    bool rewritten; /* what was asked for could be done */
};

/* Plays it: chunk_bytes at a time; 0: turn by turn; rng: by lengths drawn from it. */
void talk_play(const struct talk *talk, size_t chunk_bytes, struct rng *rng, struct heard *heard);
void heard_free(struct heard *heard);
void talk_free(struct talk *talk);

/* Plays it whole, byte by byte, and in some drawn ways: the same each time. Expects these events,
 * and, where nothing is rewritten, the bytes as they were. heard: of the last one. */
void talk_expect(struct talk *talk, const char *events, struct heard *heard);

#endif
