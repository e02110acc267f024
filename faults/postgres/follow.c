/* SPDX-License-Identifier: MIT */
/* follow.c - follows a PostgreSQL connection: messages out of chunks, pieces out of messages. */
#include "faults/postgres/follow_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- The queue of awaited answers --------------------------------------------------------------
 */

bool follow_await(struct follow *follow, enum awaited_kind kind, struct query_node *node)
{
    uint8_t entry = (uint8_t)(kind | (node ? AWAITED_NODE : 0));
    if (awaited_push(&follow->awaited, entry)) {
        query_node_release(node);
        return false;
    }
    if (node)
        list_push_back(&follow->nodes, &node->link);
    return true;
}

struct query_node *follow_head_node(struct follow *follow)
{
    if (!(follow_head(follow) & AWAITED_NODE))
        return NULL;
    return container_of(follow->nodes.next, struct query_node, link);
}

void follow_void(struct follow *follow, uint8_t *entry)
{
    assert(!(*entry & AWAITED_NODE));
    follow->rewrites -= (*entry & AWAITED_KIND) == AWAIT_OUR_SYNC;
    *entry = AWAIT_VOID;
}

bool follow_await_rename(struct follow *follow, enum awaited_kind kind, const char *name,
                         struct prepared *prepared)
{
    bool bounded = follow_await(follow, kind, NULL);
    if (bounded && names_rename(&follow->statements, &follow->renames, name, prepared))
        *awaited_at(&follow->awaited, follow->awaited.tail - 1) |= AWAITED_RENAME;
    prepared_release(prepared);
    return bounded;
}

static void pop_any(struct follow *follow, bool refused)
{
    uint8_t entry = awaited_head(&follow->awaited);
    follow->awaited.head++;
    if (entry & AWAITED_RENAME)
        names_settle(&follow->statements, &follow->renames, refused);
    follow->rewrites -= (entry & AWAITED_KIND) == AWAIT_OUR_SYNC;
    if (!(entry & AWAITED_NODE))
        return;
    struct query_node *node = container_of(list_pop_front(&follow->nodes), struct query_node, link);
    follow->rewrites -= node->ours || node->refusal;
    query_node_release(node);
}

uint8_t follow_head(struct follow *follow)
{
    uint8_t entry = awaited_head(&follow->awaited);
    while (entry == AWAIT_VOID || entry == AWAIT_COPY_END) {
        pop_any(follow, false);
        entry = awaited_head(&follow->awaited);
    }
    return entry;
}

void follow_pop(struct follow *follow)
{
    if (follow_head(follow) != AWAIT_NOTHING)
        pop_any(follow, false);
}

void follow_refuse(struct follow *follow)
{
    if (follow_head(follow) != AWAIT_NOTHING)
        pop_any(follow, true);
}

/* ---- Headers -----------------------------------------------------------------------------------
 */

struct step wire_head(struct wire *wire, const char *data, size_t size_bytes, size_t need,
                      const uint8_t **head)
{
    *head = NULL;
    if (wire->head_bytes == 0 && size_bytes >= need) {
        *head = (const uint8_t *)data;
        return (struct step){STEP_GO, need};
    }
    size_t more = need - wire->head_bytes;
    if (more > size_bytes)
        more = size_bytes;
    memcpy(wire->head + wire->head_bytes, data, more);
    wire->head_bytes = (uint8_t)(wire->head_bytes + more);
    if (wire->head_bytes == need) {
        *head = wire->head;
        wire->head_bytes = 0;
    }
    return (struct step){STEP_GO, more};
}

bool wire_enter(struct wire *wire, uint32_t length)
{
    if (length < 4 || length > MESSAGE_LENGTH_MAX)
        return false;
    wire->left = length - 4;
    wire->inside = true;
    return true;
}

void wire_show(struct wire *wire, struct query_node *node, struct follow_piece *piece)
{
    if (!node)
        return;
    piece->query = query_hold(&node->query); /* by piece_node */
    query_node_release(wire->piece_node);
    wire->piece_node = node;
}

/* ---- Pieces out of contiguous bytes ---------------------------------------------------------- */

enum scan_kind {
    SCAN_PASS, /* a piece of `bytes` bytes */
    SCAN_DROP, /* `bytes` bytes are swallowed */
    SCAN_MORE, /* not decided before there are `bytes` bytes */
};

struct scan {
    enum scan_kind kind;
    size_t bytes;
};

/* Goes on in the message's body. True when the piece ends here. */
static bool scan_body(struct wire *wire, size_t size_bytes, size_t *at, struct scan *scan)
{
    size_t take = size_bytes - *at;
    if (take > wire->left)
        take = (size_t)wire->left;
    wire->left -= take;
    *at += take;
    bool drop = wire->dropping;
    bool ended = wire->left == 0;
    if (ended)
        wire->inside = false;
    *scan = (struct scan){drop ? SCAN_DROP : SCAN_PASS, *at};
    if (!ended)
        return true;
    bool cut = drop || wire->alone || wire->insert;
    wire->dropping = wire->alone = false;
    return cut;
}

/* At least a byte of data becomes a piece, is dropped, or is too little. */
static struct scan scan(struct follow *follow, enum fault_stream stream, const char *data,
                        size_t size_bytes, struct follow_piece *piece)
{
    struct wire *wire = &follow->wires[stream];
    struct scan scan = {SCAN_PASS, size_bytes};
    size_t at = 0;
    for (;;) {
        if (wire->inside && scan_body(wire, size_bytes, &at, &scan))
            return scan;
        if (at == size_bytes)
            return (struct scan){SCAN_PASS, at};
        struct step step = stream == FAULT_UPSTREAM
                               ? client_message(follow, data + at, size_bytes - at, at > 0, piece)
                               : server_message(follow, data + at, size_bytes - at, at > 0, piece);
        if (step.kind == STEP_OVER) {
            if (follow->state < FOLLOW_ENCRYPTED)
                follow->state = FOLLOW_LOST;
            if (stream == FAULT_DOWNSTREAM)
                follow->given_up = true;
            return (struct scan){SCAN_PASS, size_bytes};
        }
        if (step.kind != STEP_GO)
            return at > 0 ? (struct scan){SCAN_PASS, at} : (struct scan){SCAN_MORE, step.bytes};
        at += step.bytes;
    }
}

/* ---- Bytes kept back ------------------------------------------------------------------------- */

/* Until there are need bytes. Without memory nothing can be kept back: false. */
static bool carry_reserve(struct wire *wire, size_t need)
{
    wire->carry_need = need;
    if (wire->carry_at > 0) {
        memmove(wire->carry, wire->carry + wire->carry_at, wire->carry_bytes - wire->carry_at);
        wire->carry_bytes -= wire->carry_at;
        wire->carry_at = 0;
    }
    if (need <= wire->carry_room)
        return true;
    char *carry = realloc(wire->carry, need);
    if (!carry)
        return false;
    wire->carry = carry;
    wire->carry_room = need;
    return true;
}

static void carry_fill(struct wire *wire, struct follow_bytes *bytes)
{
    size_t have = wire->carry_bytes - wire->carry_at;
    if (have >= wire->carry_need)
        return;
    size_t take = wire->carry_need - have;
    if (take > bytes->size_bytes)
        take = bytes->size_bytes;
    memcpy(wire->carry + wire->carry_bytes, bytes->data, take);
    wire->carry_bytes += take;
    bytes->data += take;
    bytes->size_bytes -= take;
}

/* What the last piece was given from is free again. */
static void wire_recycle(struct wire *wire)
{
    query_node_release(wire->piece_node);
    wire->piece_node = NULL;
    if (wire->carry && wire->carry_at == wire->carry_bytes) {
        free(wire->carry);
        wire->carry = NULL;
        wire->carry_at = wire->carry_bytes = wire->carry_room = wire->carry_need = 0;
    }
}

/* ---- The calls ------------------------------------------------------------------------------- */

/* Is this direction only passed on? Downstream there may still be answers that are not for the
 * client. */
static bool is_opaque(const struct follow *follow, enum fault_stream stream)
{
    if (follow->state < FOLLOW_ENCRYPTED)
        return false;
    bool drops = follow->rewrites > 0 || follow->wires[FAULT_DOWNSTREAM].dropping;
    return stream == FAULT_UPSTREAM || follow->given_up || !drops;
}

static bool give_inserted(struct wire *wire, struct follow_piece *piece)
{
    *piece = (struct follow_piece){.size_bytes = wire->insert_bytes};
    piece->data = (char *)(uintptr_t)wire->insert;
    wire_show(wire, wire->insert_node, piece);
    query_node_release(wire->insert_node);
    wire->insert = NULL;
    wire->insert_node = NULL;
    return true;
}

/* Gives, drops or keeps back some of what there is. True: a piece. */
static bool next_of(struct follow *follow, enum fault_stream stream, struct follow_bytes *bytes,
                    struct follow_piece *piece)
{
    struct wire *wire = &follow->wires[stream];
    bool carried = wire->carry_at < wire->carry_bytes;
    char *data = carried ? wire->carry + wire->carry_at : bytes->data;
    size_t size_bytes = carried ? wire->carry_bytes - wire->carry_at : bytes->size_bytes;
    struct scan found = {SCAN_PASS, size_bytes};
    *piece = (struct follow_piece){.data = data};
    if (!is_opaque(follow, stream))
        found = scan(follow, stream, data, size_bytes, piece);
    if (found.kind == SCAN_MORE) {
        assert(found.bytes > size_bytes);
        if (carry_reserve(wire, found.bytes)) {
            carry_fill(wire, bytes);
            return false;
        }
        follow->state = FOLLOW_LOST;
        found = (struct scan){SCAN_PASS, size_bytes};
    }
    if (carried) {
        wire->carry_at += found.bytes;
    } else {
        bytes->data += found.bytes;
        bytes->size_bytes -= found.bytes;
    }
    piece->size_bytes = found.bytes;
    return found.kind == SCAN_PASS;
}

bool follow_next(struct follow *follow, enum fault_stream stream, struct follow_bytes *bytes,
                 struct follow_piece *piece)
{
    struct wire *wire = &follow->wires[stream];
    wire_recycle(wire);
    for (;;) {
        if (wire->insert && !wire->inside)
            return give_inserted(wire, piece);
        if (wire->carry_at < wire->carry_bytes) {
            carry_fill(wire, bytes);
            if (wire->carry_bytes - wire->carry_at < wire->carry_need && !is_opaque(follow, stream))
                return false;
            wire->carry_need = 0;
        } else if (bytes->size_bytes == 0) {
            return false;
        }
        if (next_of(follow, stream, bytes, piece))
            return true;
    }
}

bool follow_rest(struct follow *follow, enum fault_stream stream, struct follow_piece *piece)
{
    struct wire *wire = &follow->wires[stream];
    wire_recycle(wire);
    if (wire->carry_at == wire->carry_bytes)
        return false;
    *piece = (struct follow_piece){
        .data = wire->carry + wire->carry_at,
        .size_bytes = wire->carry_bytes - wire->carry_at,
    };
    wire->carry_at = wire->carry_bytes;
    return true;
}

int follow_create(struct follow **out, struct err *err)
{
    struct follow *follow = calloc(1, sizeof(*follow));
    if (!follow)
        return err_sys(err, -ENOMEM, "following a connection");
    list_init(&follow->nodes);
    list_init(&follow->renames);
    *out = follow;
    return 0;
}

void follow_destroy(struct follow *follow)
{
    if (!follow)
        return;
    while (awaited_count(&follow->awaited) > 0)
        pop_any(follow, false);
    for (int stream = 0; stream < 2; stream++) {
        query_node_release(follow->wires[stream].insert_node);
        query_node_release(follow->wires[stream].piece_node);
        free(follow->wires[stream].carry);
    }
    awaited_fini(&follow->awaited);
    names_fini(&follow->statements);
    names_fini(&follow->portals);
    free(follow->own);
    free(follow);
}

void follow_want(struct follow *follow, bool wanted)
{
    follow->wanted = wanted;
    if (wanted)
        return;
    names_fini(&follow->portals);
    names_remove(&follow->statements, ""); /* often prepared anew, and then unseen */
}

enum follow_state follow_state(const struct follow *follow)
{
    return follow->state;
}

bool follow_is_over(const struct follow *follow)
{
    const struct wire *wires = follow->wires;
    return is_opaque(follow, FAULT_DOWNSTREAM) && !wires[0].insert && !wires[1].insert &&
           wires[0].carry_at == wires[0].carry_bytes && wires[1].carry_at == wires[1].carry_bytes;
}

uint64_t follow_queries(const struct follow *follow)
{
    return follow->queries;
}

char follow_transaction(const struct follow *follow)
{
    return follow->transaction;
}
