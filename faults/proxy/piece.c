/* SPDX-License-Identifier: MIT */
/* piece.c - pieces of what was read: made, cut and freed, and their memory counted. */
#include "faults/proxy/piece.h"

#include "core/clock.h"
#include "faults/postgres/query.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Bytes as they were read; pieces are parts of it. */
struct chain_block {
    size_t pieces;     /* that are parts of it */
    size_t room_bytes; /* of data */
    char data[];
};

/* Shared by all pieces that fail alike. */
struct piece_error {
    size_t holders;
    struct fault_error is; /* message is text, or NULL */
    char text[];
};

struct piece_late {
    struct piece_late *next;
    uint64_t id;      /* of a toxic */
    uint64_t late_ns; /* that it has added */
};

/* ---- Lists of pieces ------------------------------------------------------------------------- */

struct piece *piece_first(const struct list *list)
{
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): see list_pop_front */
    return list_empty(list) ? NULL : container_of(list->next, struct piece, link);
}

struct piece *piece_last(const struct list *list)
{
    return list_empty(list) ? NULL : container_of(list->prev, struct piece, link);
}

struct piece *piece_take_first(struct list *list)
{
    struct list *link = list_pop_front(list);
    return link ? container_of(link, struct piece, link) : NULL;
}

void piece_append(struct list *list, struct piece *piece)
{
    assert(list->prev); /* for the analyzer, which loses track of relinked nodes */
    list_push_back(list, &piece->link);
}

/* ---- Blocks ---------------------------------------------------------------------------------- */

static struct chain_block *block_create(size_t room_bytes)
{
    struct chain_block *block = malloc(sizeof(*block) + room_bytes);
    if (block)
        *block = (struct chain_block){.room_bytes = room_bytes};
    return block;
}

/* It is queued from its first piece on. */
static void block_hold(struct chain_memory *memory, struct chain_block *block)
{
    if (block->pieces++ == 0)
        memory->queued_bytes += sizeof(*block) + block->room_bytes;
}

/* The room stays, whoever was in it; another one that could be is kept, too. */
static void block_let_go(struct chain_memory *memory, struct chain_block *block)
{
    if (!block || --block->pieces > 0)
        return;
    memory->queued_bytes -= sizeof(*block) + block->room_bytes;
    if (block == memory->room)
        return;
    if (block->room_bytes == CHAIN_ROOM_BYTES && !memory->spare)
        memory->spare = block;
    else
        free(block);
}

/* Where the input's bytes are, in memory of the chain's. NULL without. */
static struct chain_block *block_of(struct chain_memory *memory, const struct chain_input *input)
{
    struct chain_block *block = memory->room;
    if (!block || input->data != block->data || input->size_bytes < CHAIN_ROOM_BYTES / 2) {
        block = block_create(input->size_bytes);
        if (!block)
            return NULL;
        memcpy(block->data, input->data, input->size_bytes);
    }
    block_hold(memory, block);
    return block;
}

char *room_open(struct chain_memory *memory)
{
    if (memory->room && memory->room->pieces == 0)
        return memory->room->data;
    memory->room = memory->spare ? memory->spare : block_create(CHAIN_ROOM_BYTES);
    memory->spare = NULL;
    return memory->room ? memory->room->data : NULL;
}

void room_close(struct chain_memory *memory)
{
    if (memory->room && memory->room->pieces == 0)
        free(memory->room);
    free(memory->spare);
    memory->room = memory->spare = NULL;
}

/* ---- How a query fails ----------------------------------------------------------------------- */

void piece_error_release(struct piece_error *error)
{
    if (error && --error->holders == 0)
        free(error);
}

static bool is_alike(const struct fault_error *one, const struct fault_error *other)
{
    if (strcmp(one->sqlstate, other->sqlstate) != 0 || !one->message != !other->message)
        return false;
    return !one->message || strcmp(one->message, other->message) == 0;
}

static struct piece_error *error_create(const struct fault_error *from)
{
    size_t text_bytes = from->message ? strlen(from->message) + 1 : 0;
    struct piece_error *error = malloc(sizeof(*error) + text_bytes);
    if (!error)
        return NULL;
    error->holders = 1;
    error->is = *from;
    if (from->message)
        error->is.message = memcpy(error->text, from->message, text_bytes);
    return error;
}

bool piece_keep_error(struct piece *piece, struct piece_error **same)
{
    const struct fault_error *from = piece->is.error;
    if (!from || (piece->error && from == &piece->error->is))
        return true;
    if (!*same || !is_alike(&(*same)->is, from)) {
        piece_error_release(*same);
        *same = error_create(from);
    }
    piece_error_release(piece->error);
    piece->error = *same;
    piece->is.error = *same ? &(*same)->is : NULL;
    if (*same)
        (*same)->holders++;
    return *same != NULL;
}

/* ---- How late its server is to be ------------------------------------------------------------ */

void piece_add_late(struct chain_memory *memory, struct piece *piece, uint64_t id, uint64_t was_ns)
{
    struct piece_late *late = piece->is.late_ns > was_ns ? malloc(sizeof(*late)) : NULL;
    if (!late) {
        piece->is.late_ns = was_ns;
        return;
    }
    *late =
        (struct piece_late){.next = piece->late, .id = id, .late_ns = piece->is.late_ns - was_ns};
    piece->late = late;
    memory->queued_bytes += sizeof(*late);
}

void piece_take_late(struct chain_memory *memory, struct piece *piece, uint64_t id)
{
    struct piece_late **at = &piece->late;
    while (*at) {
        struct piece_late *late = *at;
        if (late->id != id) {
            at = &late->next;
            continue;
        }
        piece->is.late_ns -= late->late_ns;
        *at = late->next;
        memory->queued_bytes -= sizeof(*late);
        free(late);
    }
}

/* ---- Pieces ---------------------------------------------------------------------------------- */

static struct piece *piece_allocate(struct chain_memory *memory)
{
    struct piece *piece = calloc(1, sizeof(*piece));
    if (piece)
        memory->queued_bytes += sizeof(*piece);
    return piece;
}

void piece_empty(struct chain_memory *memory, struct piece *piece)
{
    block_let_go(memory, piece->block);
    piece->block = NULL;
    piece->is.data = NULL;
    piece->is.size_bytes = 0;
}

void piece_destroy(struct chain_memory *memory, struct piece *piece)
{
    piece_empty(memory, piece);
    memory->queued_bytes -= sizeof(*piece) + query_size_bytes(piece->query);
    memory->cut_bytes -= piece->cut ? sizeof(*piece) : 0;
    while (piece->late)
        piece_take_late(memory, piece, piece->late->id);
    query_release(piece->query);
    piece_error_release(piece->error);
    free(piece);
}

void pieces_destroy(struct chain_memory *memory, struct list *list)
{
    struct piece *piece;
    while ((piece = piece_take_first(list)))
        piece_destroy(memory, piece);
}

struct piece *piece_create(struct chain_memory *memory, const struct chain_input *input,
                           uint64_t now_ns)
{
    struct piece *piece = piece_allocate(memory);
    if (!piece)
        return NULL;
    if (input->size_bytes > 0) {
        piece->block = block_of(memory, input);
        if (!piece->block) {
            piece_destroy(memory, piece);
            return NULL;
        }
        piece->is.data = piece->block->data;
    }
    piece->is.size_bytes = input->size_bytes;
    piece->is.arrived_ns = piece->is.due_ns = now_ns;
    piece->is.end = input->end;
    piece->is.query = piece->query = query_hold(input->query);
    memory->queued_bytes += query_size_bytes(piece->query);
    piece->is.committed = input->committed;
    return piece;
}

struct piece *piece_cut(struct chain_memory *memory, struct piece *piece,
                        const struct fault_piece *was)
{
    struct piece *rest = piece_allocate(memory);
    if (!rest) {
        piece->is.size_bytes = was->size_bytes;
        return NULL;
    }
    size_t size_bytes = piece->is.size_bytes;
    memory->cut_bytes += sizeof(*rest);
    rest->cut = true;
    rest->is = *was;
    rest->is.data = was->data + size_bytes;
    rest->is.size_bytes = was->size_bytes - size_bytes;
    rest->is.offset = was->offset + size_bytes;
    rest->is.query = NULL; /* begins in the part before */
    rest->is.error = NULL; /* so does what becomes of it */
    rest->is.committed = false;
    rest->is.late_ns = 0;
    rest->block = piece->block;
    block_hold(memory, rest->block);
    rest->request = piece->request;
    rest->so_far = piece->so_far;
    rest->rest = true;
    if (rest->so_far == FAULT_CLOSE)
        piece->so_far = FAULT_PASS; /* a close comes behind the last byte */
    else
        rest->so_far = FAULT_PASS; /* what fails does so at its beginning */
    return rest;
}
