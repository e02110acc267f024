/* SPDX-License-Identifier: MIT */
/* nodes.c - an arena behind the JSON library's allocation hooks. */
#include "subject/nodes.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

struct nodes_block {
    struct nodes_block *next;
    size_t size; /* of data */
    alignas(max_align_t) char data[];
};

enum { BLOCK_MIN = 8192, ALIGNMENT = alignof(max_align_t) };

static _Thread_local struct nodes *thread_nodes;
static _Thread_local struct tally *thread_tally;

static void count(struct tally *tally, size_t bytes)
{
    if (!tally)
        return;
    counter_add(&tally->allocations, 1);
    counter_add(&tally->bytes, bytes);
}

/* A new block behind the current one, at least as large as all there are: few blocks for any size.
 */
static struct nodes_block *add_block(struct nodes *nodes, size_t size, struct tally *tally)
{
    if (size < nodes->bytes)
        size = nodes->bytes;
    if (size < BLOCK_MIN)
        size = BLOCK_MIN;
    struct nodes_block *block = malloc(sizeof(*block) + size);
    if (!block)
        return NULL;
    count(tally, sizeof(*block) + size);
    struct nodes_block **link = nodes->current ? &nodes->current->next : &nodes->first;
    block->size = size;
    block->next = *link;
    *link = block;
    nodes->bytes += size;
    return block;
}

static void *take_slow(struct nodes *nodes, size_t size)
{
    struct nodes_block *next = nodes->current ? nodes->current->next : nodes->first;
    if (!next || next->size < size)
        next = add_block(nodes, size, thread_tally);
    if (!next)
        return NULL;
    nodes->current = next;
    nodes->used = size;
    return next->data;
}

void *nodes_take(size_t size)
{
    struct nodes *nodes = thread_nodes;
    if (!nodes) {
        count(thread_tally, size);
        return malloc(size);
    }
    if (size > SIZE_MAX / 2)
        return NULL;
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (!nodes->current || nodes->current->size - nodes->used < size)
        return take_slow(nodes, size);
    char *data = nodes->current->data + nodes->used;
    nodes->used += size;
    return data;
}

void nodes_give(void *data)
{
    if (!thread_nodes)
        free(data);
}

void nodes_install(void)
{
    json_set_alloc_funcs(nodes_take, nodes_give);
}

void nodes_enter(struct nodes *nodes, struct tally *tally)
{
    thread_nodes = nodes;
    thread_tally = tally;
}

void nodes_leave(void)
{
    thread_nodes = NULL;
    thread_tally = NULL;
}

void nodes_reset(struct nodes *nodes)
{
    nodes->current = nodes->first;
    nodes->used = 0;
}

int nodes_reserve(struct nodes *nodes, size_t bytes)
{
    if (!nodes->first && !add_block(nodes, bytes, NULL))
        return -ENOMEM;
    nodes_reset(nodes);
    return 0;
}

void nodes_free(struct nodes *nodes)
{
    while (nodes->first) {
        struct nodes_block *block = nodes->first;
        nodes->first = block->next;
        free(block);
    }
    nodes->current = NULL;
    nodes->used = nodes->bytes = 0;
}
