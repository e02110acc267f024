/* SPDX-License-Identifier: MIT */
/* awaited.c - the answers a PostgreSQL server owes, in order. */
#include "faults/postgres/awaited.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int awaited_grow(struct awaited *awaited)
{
    uint32_t count = awaited_count(awaited);
    if (count >= AWAITED_MAX)
        return -ENOBUFS;
    uint32_t room = 2 * (awaited->room ? awaited->room : (uint32_t)sizeof(awaited->few));
    uint8_t *entries = calloc(room, 1);
    if (!entries)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++)
        entries[i] = *awaited_at(awaited, awaited->head + i);
    free(awaited->entries);
    awaited->entries = entries;
    awaited->room = room;
    awaited->head = 0;
    awaited->tail = count;
    return 0;
}

int awaited_insert(struct awaited *awaited, uint32_t index, uint8_t entry)
{
    uint32_t from_head = index - awaited->head; /* which growing may move */
    int rc = awaited_push(awaited, entry);
    if (rc)
        return rc;
    uint32_t at = awaited->tail - 1;
    for (; at != awaited->head + from_head; at--)
        *awaited_at(awaited, at) = *awaited_at(awaited, at - 1);
    *awaited_at(awaited, at) = entry;
    return 0;
}

void awaited_fini(struct awaited *awaited)
{
    free(awaited->entries);
    *awaited = (struct awaited){0};
}
