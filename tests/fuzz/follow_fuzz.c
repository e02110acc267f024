/* SPDX-License-Identifier: MIT */
/* follow_fuzz.c - any bytes as both sides of a PostgreSQL connection: unless a rewrite was asked
 * for they come out as they went in, and however they are cut the same comes of them.
 *
 * The first byte says what is wanted (enum wish); then come turns: a byte whose lowest bit is the
 * direction, and whose others are a length, and so many bytes. */
#include "faults/postgres/follow.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum wish {
    WISH_QUERIES = 1,
    WISH_STARTED = 2, /* behind a start-up that went well */
    WISH_FAIL = 4,    /* each third query fails */
    WISH_LATE = 8,    /* each other one is late */
    WISH_CHANGES = 16 /* queries are wanted in each other turn */
};

/* All that came out of one direction. */
struct out {
    char *data;
    size_t size_bytes, room;
};

struct play {
    struct follow *follow;
    unsigned wishes;
    struct out out[2];
    uint64_t skip_bytes;
    uint64_t seen; /* a sum over what was said of queries */
    bool rewritten;
};

static void put(struct out *out, const char *data, size_t size_bytes)
{
    if (size_bytes == 0)
        return;
    if (out->size_bytes + size_bytes > out->room) {
        out->room = 2 * (out->size_bytes + size_bytes);
        out->data = realloc(out->data, out->room);
        if (!out->data)
            abort();
    }
    memcpy(out->data + out->size_bytes, data, size_bytes);
    out->size_bytes += size_bytes;
}

static void note(struct play *play, enum fault_stream way, const struct follow_piece *piece)
{
    const struct query *query = piece->query;
    if (!query)
        return;
    if (!(play->wishes & (WISH_QUERIES | WISH_CHANGES)) || query->number == 0)
        abort();
    if (query->text && strlen(query->text) > QUERY_TEXT_MAX)
        abort();
    uint64_t where = play->out[way].size_bytes + query->number + strlen(query->statement);
    play->seen = (play->seen + where * 2 + (piece->committed ? 1 : 0)) * 31;
}

static void take(struct play *play, enum fault_stream way, const struct follow_piece *piece)
{
    struct follow_rewrite rewrite = {0};
    if (piece->size_bytes == 0)
        abort();
    note(play, way, piece);
    if (piece->query && way == FAULT_UPSTREAM) {
        uint64_t number = piece->query->number;
        if ((play->wishes & WISH_FAIL) && number % 3 == 0)
            play->rewritten |= follow_fail(play->follow, piece->query, "40001", "again", &rewrite);
        else if ((play->wishes & WISH_LATE) && number % 2 == 0)
            play->rewritten |=
                follow_late(play->follow, piece->query, piece->size_bytes, 1000000, &rewrite);
        if (rewrite.skip_bytes > 0)
            play->skip_bytes = rewrite.skip_bytes;
    }
    uint64_t skip_bytes = way == FAULT_UPSTREAM ? play->skip_bytes : 0;
    if (skip_bytes > piece->size_bytes)
        skip_bytes = piece->size_bytes;
    play->skip_bytes -= skip_bytes;
    put(&play->out[way], rewrite.before, rewrite.before_bytes);
    put(&play->out[way], piece->data + skip_bytes, piece->size_bytes - (size_t)skip_bytes);
    put(&play->out[way], rewrite.after, rewrite.after_bytes);
}

/* The chunk is of malloc, so that reading beyond it is found. */
static void give(struct play *play, enum fault_stream way, const void *data, size_t size_bytes,
                 size_t chunk_bytes)
{
    const char *from = data;
    struct follow_piece piece;
    while (size_bytes > 0) {
        size_t part = chunk_bytes < size_bytes ? chunk_bytes : size_bytes;
        char *chunk = malloc(part);
        if (!chunk)
            abort();
        memcpy(chunk, from, part);
        struct follow_bytes bytes = {chunk, part};
        while (follow_next(play->follow, way, &bytes, &piece))
            take(play, way, &piece);
        if (bytes.size_bytes > 0)
            abort();
        free(chunk);
        from += part;
        size_bytes -= part;
    }
}

static void start(struct play *play, size_t chunk_bytes, struct out *in)
{
    static const char packet[] = "\0\0\0\020\0\3\0\0user\0a\0\0";
    static const char ready[] = "R\0\0\0\010\0\0\0\0Z\0\0\0\5I";
    give(play, FAULT_UPSTREAM, packet, sizeof(packet) - 1, chunk_bytes);
    give(play, FAULT_DOWNSTREAM, ready, sizeof(ready) - 1, chunk_bytes);
    if (in) {
        put(&in[FAULT_UPSTREAM], packet, sizeof(packet) - 1);
        put(&in[FAULT_DOWNSTREAM], ready, sizeof(ready) - 1);
    }
}

/* in: what went in, when it is wanted. */
static void run(const uint8_t *data, size_t size, size_t chunk_bytes, struct play *play,
                struct out *in)
{
    struct follow_piece piece;
    *play = (struct play){.wishes = data[0]};
    if (follow_create(&play->follow, NULL))
        abort();
    follow_want(play->follow, data[0] & WISH_QUERIES);
    if (data[0] & WISH_STARTED)
        start(play, chunk_bytes, in);
    unsigned turn = 0;
    for (size_t at = 1; at < size; turn++) {
        enum fault_stream way = data[at] & 1 ? FAULT_DOWNSTREAM : FAULT_UPSTREAM;
        size_t size_bytes = data[at] >> 1;
        if (++at + size_bytes > size)
            size_bytes = size - at;
        if (data[0] & WISH_CHANGES)
            follow_want(play->follow, turn % 2);
        give(play, way, data + at, size_bytes, chunk_bytes);
        if (in)
            put(&in[way], (const char *)data + at, size_bytes);
        at += size_bytes;
    }
    for (enum fault_stream way = FAULT_UPSTREAM; way <= FAULT_DOWNSTREAM; way++)
        while (follow_rest(play->follow, way, &piece))
            take(play, way, &piece);
}

static void same(const struct out *one, const struct out *two)
{
    if (one->size_bytes != two->size_bytes ||
        (one->size_bytes > 0 && memcmp(one->data, two->data, one->size_bytes) != 0))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct play whole, bytewise;
    struct out in[2] = {{0}, {0}};
    if (size == 0)
        return 0;
    run(data, size, SIZE_MAX, &whole, in);
    run(data, size, 1, &bytewise, NULL);
    for (int way = 0; way < 2; way++) {
        if (!whole.rewritten)
            same(&whole.out[way], &in[way]);
        if (!(data[0] & WISH_CHANGES)) /* else it depends on where a message was cut */
            same(&whole.out[way], &bytewise.out[way]);
    }
    bool differs = whole.seen != bytewise.seen ||
                   follow_state(whole.follow) != follow_state(bytewise.follow) ||
                   follow_queries(whole.follow) != follow_queries(bytewise.follow);
    if (differs && !(data[0] & WISH_CHANGES))
        abort();
    for (int way = 0; way < 2; way++) {
        free(whole.out[way].data);
        free(bytewise.out[way].data);
        free(in[way].data);
    }
    follow_destroy(whole.follow);
    follow_destroy(bytewise.follow);
    return 0;
}
