/* SPDX-License-Identifier: MIT */
/* hash.h - bytes to a number, for tables of our own. */
#ifndef POOLSTORM_SUBJECT_HASH_H
#define POOLSTORM_SUBJECT_HASH_H

#include <stddef.h>
#include <stdint.h>

/* FNV-1a (Fowler, Noll, Vo), folded so that the low bits know the high ones. Not seeded: who may
 * choose the keys can make them collide, so tables using it bound what they hold. */
static inline uint64_t hash_bytes(const void *key, size_t key_bytes)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    const unsigned char *bytes = key;
    for (size_t i = 0; i < key_bytes; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash ^ hash >> 32;
}

#endif
