/* SPDX-License-Identifier: MIT */
/* keyed_pool.h - objects to be used again by whoever asks with the same key; bounded in keys. */
#ifndef POOLSTORM_SUBJECT_KEYED_POOL_H
#define POOLSTORM_SUBJECT_KEYED_POOL_H

#include "core/clock.h"
#include "core/err.h"
#include "core/http1.h"
#include "core/list.h"
#include "subject/counter.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KEYED_POOL_KEY_MAX = 512 };

/* Belongs to one thread. Nothing waits. Objects rest in a stack a key, the last used on top. Beyond
 * keys_max keys, the key asked for longest ago goes, with what rests under it. Beyond objects_max
 * of a key, in use and at rest, get makes extra ones, which are destroyed on return. */
struct keyed_pool;

/* The pool's part of an object; embedded. Private but for rested_ns. */
struct keyed_object {
    struct list link;   /* at rest */
    uint64_t rested_ns; /* when it was made or put back, by the clock */
    uint64_t serial;    /* of the key's stay in the pool; 0: an extra object */
};

/* Other threads may read them meanwhile. */
struct keyed_pool_figures {
    counter_word gets;
    counter_word hits;         /* gets that found one at rest */
    counter_word misses;       /* gets that made one */
    counter_word extras;       /* of them, made for one use */
    counter_word puts;         /* objects given back, extra ones and those of lost keys included */
    counter_word stale;        /* objects destroyed by get because they had rested too long */
    counter_word discards;     /* calls of keyed_pool_discard */
    counter_word keys_made;    /* ever */
    counter_word keys_evicted; /* of them, for keys_max */
    counter_word objects;      /* now, in use or at rest */
    counter_word keys;         /* now */
};

struct keyed_pool_options {
    size_t keys_max;                                          /* at least 1 */
    size_t objects_max;                                       /* at least 1 */
    struct keyed_object *(*create)(void *user);               /* NULL: out of memory */
    void (*destroy)(void *user, struct keyed_object *object); /* frees it */
    bool (*is_stale)(void *user,
                     const struct keyed_object *object); /* asked of one at rest that get
                                                            would answer; NULL: none is */
    void *user;
    struct keyed_pool_figures *figures; /* the caller's, who keeps them after the pool's end */
};

/* -ENOMEM. Options are copied. */
int keyed_pool_create(struct keyed_pool **out, const struct keyed_pool_options *options,
                      struct err *err);

/* Destroys what rests. What is out is its users' to destroy. NULL is fine. */
void keyed_pool_destroy(struct keyed_pool *pool);

/* An object, the caller's until put or discarded; *reused says whether it is a hit. NULL when out
 * of memory, or for a key longer than KEYED_POOL_KEY_MAX. */
struct keyed_object *keyed_pool_get(struct keyed_pool *pool, struct slice key, bool *reused);

/* Takes back an object that get answered for the same key. */
void keyed_pool_put(struct keyed_pool *pool, struct slice key, struct keyed_object *object);

/* Destroys one instead. */
void keyed_pool_discard(struct keyed_pool *pool, struct slice key, struct keyed_object *object);

#endif
