/* SPDX-License-Identifier: MIT */
/* follow_talk.c - conversations between a PostgreSQL client and server, cut in all ways. */
#include "follow_talk.h"
#include "test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DRAWN_WAYS 24

void bytes_add(struct bytes *bytes, const void *data, size_t size_bytes)
{
    if (size_bytes == 0)
        return;
    if (bytes->size_bytes + size_bytes > bytes->room_bytes) {
        bytes->room_bytes = 2 * bytes->room_bytes + size_bytes + 64;
        char *grown = realloc(bytes->data, bytes->room_bytes);
        if (!grown)
            abort();
        bytes->data = grown;
    }
    memcpy(bytes->data + bytes->size_bytes, data, size_bytes);
    bytes->size_bytes += size_bytes;
}

void bytes_free(struct bytes *bytes)
{
    char *data = bytes->data;
    *bytes = (struct bytes){0};
    free(data);
}

/* ---- Saying ---------------------------------------------------------------------------------- */

void talk_pause(struct talk *talk)
{
    assert_true(talk->count < TURNS_MAX);
    talk->count++;
}

void talk_bytes(struct talk *talk, enum fault_stream way, const void *data, size_t size_bytes)
{
    if (talk->count == 0 || (talk->turns[talk->count - 1].bytes.size_bytes > 0 &&
                             talk->turns[talk->count - 1].way != way))
        talk_pause(talk);
    talk->turns[talk->count - 1].way = way;
    bytes_add(&talk->turns[talk->count - 1].bytes, data, size_bytes);
}

void talk_message(struct talk *talk, enum fault_stream way, char type, const void *body,
                  size_t size_bytes)
{
    uint32_t length = __builtin_bswap32((uint32_t)size_bytes + 4);
    talk_bytes(talk, way, &type, 1);
    talk_bytes(talk, way, &length, 4);
    talk_bytes(talk, way, body, size_bytes);
}

void talk_packet(struct talk *talk, uint32_t code, const void *body, size_t size_bytes)
{
    uint32_t head[2] = {__builtin_bswap32((uint32_t)size_bytes + 8), __builtin_bswap32(code)};
    talk_bytes(talk, FAULT_UPSTREAM, head, sizeof(head));
    talk_bytes(talk, FAULT_UPSTREAM, body, size_bytes);
}

void talk_start(struct talk *talk)
{
    talk_packet(talk, 196608, "user\0tester\0database\0test\0", 27);
    SERVER_RAW(talk, 'R', "\0\0\0\012SCRAM-SHA-256\0\0");
    CLIENT(talk, 'p', "SCRAM-SHA-256");
    SERVER_RAW(talk, 'R', "\0\0\0\0");
    SERVER(talk, 'S', "TimeZone\0UTC");
    SERVER_RAW(talk, 'K', "\0\0\0\1secret!!");
    talk_ready(talk, 'I');
}

void talk_ready(struct talk *talk, char state)
{
    talk_message(talk, FAULT_DOWNSTREAM, 'Z', &state, 1);
}

void talk_error(struct talk *talk, const char *sqlstate)
{
    char body[64];
    int size_bytes =
        snprintf(body, sizeof(body), "SERROR%cVERROR%cC%s%cMno%c", 0, 0, sqlstate, 0, 0);
    talk_message(talk, FAULT_DOWNSTREAM, 'E', body, (size_t)size_bytes + 1);
}

void talk_query(struct talk *talk, const char *sql)
{
    talk_message(talk, FAULT_UPSTREAM, 'Q', sql, strlen(sql) + 1);
}

void talk_parse(struct talk *talk, const char *name, const char *sql)
{
    struct bytes body = {0};
    bytes_add(&body, name, strlen(name) + 1);
    bytes_add(&body, sql, strlen(sql) + 1);
    bytes_add(&body, "\0", 2);
    talk_message(talk, FAULT_UPSTREAM, 'P', body.data, body.size_bytes);
    bytes_free(&body);
}

void talk_bind(struct talk *talk, const char *portal, const char *name)
{
    struct bytes body = {0};
    bytes_add(&body, portal, strlen(portal) + 1);
    bytes_add(&body, name, strlen(name) + 1);
    bytes_add(&body, "\0\0\0\0\0", 6);
    talk_message(talk, FAULT_UPSTREAM, 'B', body.data, body.size_bytes);
    bytes_free(&body);
}

void talk_execute(struct talk *talk, const char *portal)
{
    struct bytes body = {0};
    bytes_add(&body, portal, strlen(portal) + 1);
    bytes_add(&body, "\0\0\0", 4);
    talk_message(talk, FAULT_UPSTREAM, 'E', body.data, body.size_bytes);
    bytes_free(&body);
}

void talk_sync(struct talk *talk)
{
    CLIENT_RAW(talk, 'S', "");
}

/* ---- Hearing --------------------------------------------------------------------------------- */

static void note(struct heard *heard, enum fault_stream way, const struct follow_piece *piece)
{
    char line[160];
    const struct query *query = piece->query;
    if (!query)
        return;
    int size_bytes;
    if (way == FAULT_UPSTREAM)
        size_bytes =
            snprintf(line, sizeof(line), "> %" PRIu64 " at %zu %c %s%s%.40s\n", query->number,
                     heard->out[way].size_bytes, query->transaction, query->statement,
                     *query->statement ? ": " : "", query->text ? query->text : "?");
    else
        size_bytes = snprintf(line, sizeof(line), "< %" PRIu64 " at %zu%s\n", query->number,
                              heard->out[way].size_bytes, piece->committed ? " committed" : "");
    bytes_add(&heard->events, line, (size_t)size_bytes);
}

/* A piece is sent, as the relay would. */
static void hear(const struct talk *talk, struct follow *follow, struct heard *heard,
                 enum fault_stream way, const struct follow_piece *piece, uint64_t *skip_bytes)
{
    struct follow_rewrite rewrite = {0};
    struct bytes *out = &heard->out[way];
    uint64_t number = piece->query && way == FAULT_UPSTREAM ? piece->query->number : 0;
    assert_true(piece->size_bytes > 0);
    note(heard, way, piece);
    if (number > 0 && number == talk->fails)
        heard->rewritten =
            follow_fail(follow, piece->query, talk->error.sqlstate, talk->error.message, &rewrite);
    if (number > 0 && number == talk->late)
        heard->rewritten = follow_late(follow, piece->query, piece->size_bytes,
                                       talk->late_ns ? talk->late_ns : 1500000, &rewrite);
    bytes_add(out, rewrite.before, rewrite.before_bytes);
    if (rewrite.skip_bytes > 0)
        *skip_bytes = rewrite.skip_bytes;
    uint64_t skipped = way == FAULT_UPSTREAM ? *skip_bytes : 0;
    if (skipped > piece->size_bytes)
        skipped = piece->size_bytes;
    *skip_bytes -= skipped;
    bytes_add(out, piece->data + skipped, piece->size_bytes - (size_t)skipped);
    bytes_add(out, rewrite.after, rewrite.after_bytes);
}

void talk_play(const struct talk *talk, size_t chunk_bytes, struct rng *rng, struct heard *heard)
{
    struct follow *follow;
    struct follow_piece piece;
    uint64_t skip_bytes = 0;
    *heard = (struct heard){0};
    assert_ok(follow_create(&follow, NULL));
    follow_want(follow, !talk->not_wanted);
    for (size_t i = 0; i < talk->count; i++) {
        const struct turn *turn = &talk->turns[i];
        for (size_t at = 0; at < turn->bytes.size_bytes;) {
            size_t size_bytes = turn->bytes.size_bytes - at;
            size_t most = rng ? 1 + (size_t)rng_below(rng, 40) : chunk_bytes;
            if (most > 0 && most < size_bytes)
                size_bytes = most;
            char *chunk = malloc(size_bytes); /* no longer than that: reading behind it is found */
            if (!chunk)
                abort();
            memcpy(chunk, turn->bytes.data + at, size_bytes);
            struct follow_bytes bytes = {chunk, size_bytes};
            while (follow_next(follow, turn->way, &bytes, &piece))
                hear(talk, follow, heard, turn->way, &piece, &skip_bytes);
            assert_int_equal(bytes.size_bytes, 0);
            free(chunk);
            at += size_bytes;
        }
    }
    for (enum fault_stream way = FAULT_UPSTREAM; way <= FAULT_DOWNSTREAM; way++)
        while (follow_rest(follow, way, &piece))
            hear(talk, follow, heard, way, &piece, &skip_bytes);
    bytes_add(&heard->events, "", 1);
    heard->state = follow_state(follow);
    heard->is_over = follow_is_over(follow);
    heard->queries = follow_queries(follow);
    heard->transaction = follow_transaction(follow);
    follow_destroy(follow);
}

void heard_free(struct heard *heard)
{
    bytes_free(&heard->out[0]);
    bytes_free(&heard->out[1]);
    bytes_free(&heard->events);
}

void talk_free(struct talk *talk)
{
    for (size_t i = 0; i < talk->count; i++)
        bytes_free(&talk->turns[i].bytes);
    *talk = (struct talk){0};
}

/* ---- Expecting ------------------------------------------------------------------------------- */

static void expect_bytes(const struct bytes *found, const struct bytes *expected)
{
    assert_int_equal(found->size_bytes, expected->size_bytes);
    if (found->size_bytes > 0)
        assert_memory_equal(found->data, expected->data, found->size_bytes);
}

static void expect_same(const struct heard *found, const struct heard *expected)
{
    assert_string_equal(found->events.data, expected->events.data);
    expect_bytes(&found->out[0], &expected->out[0]);
    expect_bytes(&found->out[1], &expected->out[1]);
    assert_int_equal(found->state, expected->state);
    assert_int_equal(found->is_over, expected->is_over);
    assert_int_equal(found->queries, expected->queries);
    assert_int_equal(found->transaction, expected->transaction);
    assert_int_equal(found->rewritten, expected->rewritten);
}

static void expect_unchanged(const struct talk *talk, const struct heard *heard)
{
    struct bytes in[2] = {{0}, {0}};
    for (size_t i = 0; i < talk->count; i++)
        bytes_add(&in[talk->turns[i].way], talk->turns[i].bytes.data,
                  talk->turns[i].bytes.size_bytes);
    expect_bytes(&heard->out[0], &in[0]);
    expect_bytes(&heard->out[1], &in[1]);
    bytes_free(&in[0]);
    bytes_free(&in[1]);
}

void talk_expect(struct talk *talk, const char *events, struct heard *heard)
{
    struct rng rng;
    rng_init(&rng, 4, 0);
    talk_play(talk, 0, NULL, heard);
    assert_string_equal(heard->events.data, events);
    if (!heard->rewritten)
        expect_unchanged(talk, heard);
    for (size_t way = 0; way < DRAWN_WAYS; way++) {
        struct heard other;
        talk_play(talk, way < 6 ? way + 1 : 0, way < 6 ? NULL : &rng, &other);
        expect_same(&other, heard);
        heard_free(&other);
    }
}
