/* SPDX-License-Identifier: MIT */
/* server.c - follows what a PostgreSQL server answers: to which query, and what nobody is to see.
 */
#include "faults/postgres/follow_internal.h"

#include <string.h>

#define READY_BYTES       6    /* ReadyForQuery with its state */
#define LOOK_AHEAD_MAX    2048 /* behind CommandComplete, for ReadyForQuery */
#define TAG_BYTES_MAX     128  /* CommandComplete's longer than this is not looked at */
#define REFUSED_BYTES_MAX 2048 /* an ErrorResponse longer than this is not of our making */

static const struct step over = {STEP_OVER, 0};

/* What a message is, beyond what its type says. */
enum watch {
    WATCH_NOTHING,
    WATCH_ANSWER,   /* it may begin an answer */
    WATCH_COMPLETE, /* it may be a commit's */
    WATCH_REFUSED,  /* it may be an error of our making */
    WATCH_SWALLOW,  /* it answers what the client has not sent */
    WATCH_STRANGE,  /* and this one not even that */
};

/* ---- What is not for the client -------------------------------------------------------------- */

static enum watch watch_ours(const struct query_node *node, char type)
{
    if (type == 'E')
        return WATCH_ANSWER;
    if (type == 'A' || type == 'S')
        return WATCH_NOTHING;
    return type == 'N' || type == *node->ours ? WATCH_SWALLOW : WATCH_STRANGE;
}

static enum watch watch(struct follow *follow, char type)
{
    uint8_t entry = follow_head(follow);
    enum awaited_kind kind = entry & AWAITED_KIND;
    struct query_node *node = follow_head_node(follow);
    if (kind == AWAIT_OURS)
        return watch_ours(node, type);
    if (kind == AWAIT_OUR_SYNC)
        return type == 'Z' ? WATCH_SWALLOW : WATCH_NOTHING;
    if (node && node->refusal) {
        if (type == 'E')
            return WATCH_REFUSED;
        if (node->ours && (type == 'C' || type == 'N'))
            return WATCH_SWALLOW;
        return WATCH_NOTHING;
    }
    if (!follow->wanted)
        return WATCH_NOTHING;
    if (type == 'E')
        return WATCH_ANSWER;
    if (!node)
        return WATCH_NOTHING;
    if (type == 'C')
        return WATCH_COMPLETE;
    if ((entry & AWAITED_BEGUN) || (type == 'T' && kind == AWAIT_EXECUTE))
        return WATCH_NOTHING;
    return memchr("TDIsGHW", type, 7) ? WATCH_ANSWER : WATCH_NOTHING;
}

static struct step swallow(struct follow *follow, char type, uint32_t length)
{
    struct wire *wire = &follow->wires[FAULT_DOWNSTREAM];
    if (!wire_enter(wire, length))
        return over;
    wire->dropping = true;
    struct query_node *node = follow_head_node(follow);
    bool expected = type != 'Z' && !node->refusal && type == *node->ours;
    if (type == 'Z' || (expected && *++node->ours == '\0'))
        follow_pop(follow);
    return (struct step){STEP_GO, MESSAGE_HEADER_BYTES};
}

/* ---- Answers --------------------------------------------------------------------------------- */

/* The piece begins the answer to the first entry's query, unless it has begun. */
static void show_answer(struct follow *follow, struct follow_piece *piece)
{
    uint8_t entry = follow_head(follow);
    if (!(entry & AWAITED_NODE) || (entry & AWAITED_BEGUN))
        return;
    *awaited_at(&follow->awaited, follow->awaited.head) |= AWAITED_BEGUN;
    wire_show(&follow->wires[FAULT_DOWNSTREAM], follow_head_node(follow), piece);
}

/* What we did before a query has failed, and is to look as if the query had. */
static void ours_failed(struct follow *follow)
{
    follow_pop(follow);
    if ((follow_head(follow) & AWAITED_KIND) != AWAIT_QUERY || awaited_count(&follow->awaited) < 2)
        return;
    uint8_t *next = awaited_at(&follow->awaited, follow->awaited.head + 1);
    if (*next == AWAIT_OUR_SYNC)
        follow_void(follow, next);
}

/* In the extended protocol the server skips all up to the next Sync. piece: NULL when nobody is to
 * see which query it was. */
static void server_error(struct follow *follow, struct follow_piece *piece)
{
    follow->copying = false;
    if ((follow_head(follow) & AWAITED_KIND) == AWAIT_OURS)
        ours_failed(follow);
    uint8_t entry = follow_head(follow) & AWAITED_KIND;
    if (entry <= AWAIT_FUNCTION) {
        if (piece)
            show_answer(follow, piece);
        return;
    }
    for (; entry != AWAIT_SYNC && entry != AWAIT_OUR_SYNC && entry != AWAIT_NOTHING;
         entry = follow_head(follow) & AWAITED_KIND) {
        if (entry == AWAIT_EXECUTE && piece) {
            show_answer(follow, piece);
            piece = NULL;
        }
        follow_refuse(follow);
    }
    follow->skipping = entry == AWAIT_NOTHING;
}

/* A server that copies in ignores each Sync up to the copy's end. */
static void server_copies_in(struct follow *follow)
{
    struct awaited *awaited = &follow->awaited;
    (void)follow_head(follow);
    follow->copying = true;
    for (uint32_t i = awaited->head + 1; i - awaited->head < awaited_count(awaited); i++) {
        uint8_t *entry = awaited_at(awaited, i);
        if (*entry == AWAIT_COPY_END) {
            follow->copying = false;
            return;
        }
        if (*entry == AWAIT_SYNC || *entry == AWAIT_OUR_SYNC)
            follow_void(follow, entry);
    }
}

static bool server_ready(struct follow *follow, char transaction)
{
    if (!memchr("ITE", transaction, 3))
        return false;
    uint8_t entry;
    do {
        entry = follow_head(follow);
        follow_pop(follow);
    } while (entry != AWAIT_NOTHING && !awaited_ends_ready(entry));
    follow->transaction = transaction;
    follow->copying = false;
    if (follow->state == FOLLOW_STARTING)
        follow->state = FOLLOW_READY;
    return true;
}

static void pop_if(struct follow *follow, enum awaited_kind kind)
{
    if ((follow_head(follow) & AWAITED_KIND) == kind)
        follow_pop(follow);
}

/* Behind a header. False: none of the protocol. */
static bool server_take(struct follow *follow, char type, const uint8_t *head)
{
    switch (type) {
    case 'D':
        return true;
    case 'Z':
        return server_ready(follow, (char)head[MESSAGE_HEADER_BYTES]);
    case '1':
        pop_if(follow, AWAIT_PARSE);
        return true;
    case '2':
        pop_if(follow, AWAIT_BIND);
        return true;
    case '3':
        pop_if(follow, AWAIT_CLOSE);
        return true;
    case 'T':
    case 'n':
        pop_if(follow, AWAIT_DESCRIBE);
        return true;
    case 'C':
    case 'I':
    case 's':
        pop_if(follow, AWAIT_EXECUTE);
        return true;
    case 'G':
        server_copies_in(follow);
        return true;
    case 'W':
        follow->state = FOLLOW_REPLICATION;
        return false;
    default:
        return memchr("AEHKNRSVcdtv", type, 12) != NULL;
    }
}

/* ---- Commits --------------------------------------------------------------------------------- */

/* Is it certain that ReadyForQuery follows? Only then may CommandComplete wait for it. */
static bool ready_follows(struct follow *follow)
{
    struct awaited *awaited = &follow->awaited;
    if ((follow_head(follow) & AWAITED_KIND) == AWAIT_QUERY)
        return true;
    for (uint32_t i = 1; i < awaited_count(awaited); i++) {
        uint8_t kind = *awaited_at(awaited, awaited->head + i) & AWAITED_KIND;
        if (kind != AWAIT_CLOSE && kind != AWAIT_COPY_END && kind != AWAIT_VOID)
            return kind == AWAIT_SYNC;
    }
    return false;
}

/* Whether ReadyForQuery says so; what stands between is asynchronous, or of a Close. Returns how
 * many bytes must be there to say, 0 when it is said. */
static size_t commits_itself(const char *data, size_t size_bytes, size_t at, bool *committed)
{
    while (at <= LOOK_AHEAD_MAX) {
        if (size_bytes < at + MESSAGE_HEADER_BYTES)
            return at + MESSAGE_HEADER_BYTES;
        if (data[at] == 'Z') {
            if (size_bytes < at + READY_BYTES)
                return at + READY_BYTES;
            *committed = data[at + MESSAGE_HEADER_BYTES] == 'I';
            return 0;
        }
        uint32_t length = message_u32(data + at + 1);
        if (!memchr("ANS3", data[at], 4) || length < 4 || length > LOOK_AHEAD_MAX)
            return 0;
        at += 1 + (size_t)length;
    }
    return 0;
}

/* CommandComplete: of a COMMIT, or of a statement that was a transaction of its own. */
static size_t completes(struct follow *follow, const char *data, size_t size_bytes, bool *committed)
{
    if (size_bytes < MESSAGE_HEADER_BYTES)
        return MESSAGE_HEADER_BYTES;
    uint32_t length = message_u32(data + 1);
    if (length < 5 || length > TAG_BYTES_MAX)
        return 0;
    if (size_bytes < (size_t)length + 1)
        return (size_t)length + 1;
    const char *tag = data + MESSAGE_HEADER_BYTES;
    size_t tag_bytes = length - 4;
    *committed = tag_bytes >= 7 && memcmp(tag, "COMMIT", 6) == 0;
    bool rolled_back = tag_bytes >= 8 && memcmp(tag, "ROLLBACK", 8) == 0;
    if (*committed || rolled_back || follow_head_node(follow)->query.transaction != 'I' ||
        !ready_follows(follow))
        return 0;
    return commits_itself(data, size_bytes, (size_t)length + 1, committed);
}

/* ---- Messages -------------------------------------------------------------------------------- */

/* The field of an ErrorResponse's body that begins with its code, or NULL. */
static const char *error_field(const char *body, size_t size_bytes, char code)
{
    const char *end = body + size_bytes;
    while (body < end && *body != '\0') {
        const char *next = memchr(body, '\0', (size_t)(end - body));
        if (!next)
            return NULL;
        if (*body == code)
            return body + 1;
        body = next + 1;
    }
    return NULL;
}

/* An error in answer to what was refused: ours, or another. */
static struct step refused(struct follow *follow, const char *data, size_t size_bytes,
                           struct follow_piece *piece)
{
    struct wire *wire = &follow->wires[FAULT_DOWNSTREAM];
    uint32_t length = message_u32(data + 1);
    if (length <= REFUSED_BYTES_MAX && size_bytes < (size_t)length + 1)
        return (struct step){STEP_MORE, (size_t)length + 1};
    if (!wire_enter(wire, length))
        return over;
    struct query_node *node = follow_head_node(follow);
    const char *sqlstate = NULL;
    if (length <= REFUSED_BYTES_MAX)
        sqlstate = error_field(data + MESSAGE_HEADER_BYTES, (size_t)wire->left, 'C');
    if (sqlstate && strcmp(sqlstate, node->provoked) == 0) {
        (void)query_hold(&node->query);
        wire->dropping = true;
        wire->insert = node->refusal;
        wire->insert_bytes = node->refusal_bytes;
        wire->insert_node = node;
        server_error(follow, NULL);
    } else {
        server_error(follow, piece);
    }
    return (struct step){STEP_GO, MESSAGE_HEADER_BYTES};
}

/* A message that begins a piece, or none. */
static struct step watched(struct follow *follow, enum watch what, const char *data,
                           size_t size_bytes, struct follow_piece *piece)
{
    if (what == WATCH_STRANGE)
        return over;
    if (size_bytes < MESSAGE_HEADER_BYTES)
        return (struct step){STEP_MORE, MESSAGE_HEADER_BYTES};
    if (what == WATCH_SWALLOW)
        return swallow(follow, *data, message_u32(data + 1));
    if (what == WATCH_REFUSED)
        return refused(follow, data, size_bytes, piece);
    bool committed = false;
    if (what == WATCH_COMPLETE) {
        size_t need = completes(follow, data, size_bytes, &committed);
        if (need > 0)
            return (struct step){STEP_MORE, need};
    }
    if (!wire_enter(&follow->wires[FAULT_DOWNSTREAM], message_u32(data + 1)))
        return over;
    if (*data == 'E')
        server_error(follow, piece);
    else
        show_answer(follow, piece);
    if (committed) {
        wire_show(&follow->wires[FAULT_DOWNSTREAM], follow_head_node(follow), piece);
        piece->committed = true;
    }
    if (!server_take(follow, *data, (const uint8_t *)data))
        return over;
    return (struct step){STEP_GO, MESSAGE_HEADER_BYTES};
}

/* One byte that answers whether the connection is to be encrypted. */
static struct step server_agrees(struct follow *follow, enum awaited_kind kind, char byte)
{
    if (byte == (kind == AWAIT_TLS ? 'S' : 'G'))
        follow->state = FOLLOW_ENCRYPTED;
    if (byte != 'N')
        return over;
    follow_pop(follow);
    return (struct step){STEP_GO, 1};
}

struct step server_message(struct follow *follow, const char *data, size_t size_bytes, bool inside,
                           struct follow_piece *piece)
{
    struct wire *wire = &follow->wires[FAULT_DOWNSTREAM];
    bool resumed = wire->head_bytes > 0;
    char type = resumed ? (char)wire->head[0] : *data;
    enum awaited_kind kind = follow_head(follow) & AWAITED_KIND;
    if (!resumed && (kind == AWAIT_TLS || kind == AWAIT_GSS) && type != 'E')
        return server_agrees(follow, kind, type);
    if (!resumed && (follow->wanted || follow->rewrites > 0)) {
        enum watch what = watch(follow, type);
        if (what != WATCH_NOTHING && inside)
            return (struct step){STEP_CUT, 0};
        if (what != WATCH_NOTHING)
            return watched(follow, what, data, size_bytes, piece);
    }
    const uint8_t *head;
    size_t need = type == 'Z' ? READY_BYTES : MESSAGE_HEADER_BYTES;
    struct step step = wire_head(wire, data, size_bytes, need, &head);
    if (!head)
        return step;
    uint32_t length = message_u32((const char *)head + 1);
    if (!wire_enter(wire, length) || (type == 'Z' && length != 5))
        return over;
    if (type == 'Z')
        wire->left = 0; /* its state has been read with the header */
    if (type == 'E')
        server_error(follow, NULL);
    return server_take(follow, type, head) ? step : over;
}
