/* SPDX-License-Identifier: MIT */
/* keyed_pool.c - objects to be used again by whoever asks with the same key; bounded in keys. */
#include "subject/keyed_pool.h"

#include "subject/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A key and what rests under it. */
struct entry {
    struct list used;    /* in pool->by_use, the one used longest ago first */
    struct entry *next;  /* in its bucket */
    struct list resting; /* of keyed_object.link, the last put back first */
    uint64_t serial;     /* tells this stay of the key from former ones */
    uint64_t hash;
    size_t alive; /* objects in use or at rest, extra ones left out */
    size_t length;
    char key[];
};

struct keyed_pool {
    struct keyed_pool_options options;
    struct list by_use;
    uint64_t last_serial;
    size_t mask; /* buckets - 1 */
    struct entry *buckets[];
};

int keyed_pool_create(struct keyed_pool **out, const struct keyed_pool_options *options,
                      struct err *err)
{
    size_t buckets = 16;
    while (buckets < options->keys_max * 2)
        buckets *= 2;
    struct keyed_pool *pool = calloc(1, sizeof(*pool) + buckets * sizeof(struct entry *));
    if (!pool)
        return err_sys(err, -ENOMEM, "allocate a pool of %zu keys", options->keys_max);
    pool->options = *options;
    pool->mask = buckets - 1;
    list_init(&pool->by_use);
    *out = pool;
    return 0;
}

static struct entry *find(struct keyed_pool *pool, struct slice key, uint64_t hash)
{
    for (struct entry *entry = pool->buckets[hash & pool->mask]; entry; entry = entry->next)
        if (entry->hash == hash && entry->length == key.length &&
            memcmp(entry->key, key.data, key.length) == 0)
            return entry;
    return NULL;
}

static void destroy_object(struct keyed_pool *pool, struct keyed_object *object)
{
    counter_sub(&pool->options.figures->objects, 1);
    pool->options.destroy(pool->options.user, object);
}

static void remove_entry(struct keyed_pool *pool, struct entry *entry)
{
    struct entry **at = &pool->buckets[entry->hash & pool->mask];
    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    list_remove(&entry->used);
    for (struct list *link; (link = list_pop_front(&entry->resting));)
        destroy_object(pool, container_of(link, struct keyed_object, link));
    free(entry);
    counter_sub(&pool->options.figures->keys, 1);
}

void keyed_pool_destroy(struct keyed_pool *pool)
{
    if (!pool)
        return;
    while (!list_empty(&pool->by_use))
        remove_entry(pool, container_of(pool->by_use.next, struct entry, used));
    free(pool);
}

static struct entry *add_entry(struct keyed_pool *pool, struct slice key, uint64_t hash)
{
    struct keyed_pool_figures *figures = pool->options.figures;
    struct entry *entry = calloc(1, sizeof(*entry) + key.length);
    if (!entry)
        return NULL;
    if (counter_read(&figures->keys) >= pool->options.keys_max) {
        remove_entry(pool, container_of(pool->by_use.next, struct entry, used));
        counter_add(&figures->keys_evicted, 1);
    }
    list_init(&entry->resting);
    list_push_back(&pool->by_use, &entry->used);
    entry->serial = ++pool->last_serial;
    entry->hash = hash;
    entry->length = key.length;
    if (key.length > 0)
        memcpy(entry->key, key.data, key.length);
    entry->next = pool->buckets[hash & pool->mask];
    pool->buckets[hash & pool->mask] = entry;
    counter_add(&figures->keys_made, 1);
    counter_add(&figures->keys, 1);
    return entry;
}

/* The one put back last that is not stale, or NULL. */
static struct keyed_object *take_resting(struct keyed_pool *pool, struct entry *entry)
{
    const struct keyed_pool_options *options = &pool->options;
    for (struct list *link; (link = list_pop_front(&entry->resting));) {
        struct keyed_object *object = container_of(link, struct keyed_object, link);
        if (!options->is_stale || !options->is_stale(options->user, object))
            return object;
        entry->alive--;
        counter_add(&options->figures->stale, 1);
        destroy_object(pool, object);
    }
    return NULL;
}

static struct keyed_object *make(struct keyed_pool *pool, struct entry *entry)
{
    struct keyed_pool_figures *figures = pool->options.figures;
    struct keyed_object *object = pool->options.create(pool->options.user);
    if (!object)
        return NULL;
    bool extra = entry->alive >= pool->options.objects_max;
    *object =
        (struct keyed_object){.rested_ns = clock_now_ns(), .serial = extra ? 0 : entry->serial};
    entry->alive += !extra;
    counter_add(&figures->misses, 1);
    counter_add(&figures->extras, extra);
    counter_add(&figures->objects, 1);
    return object;
}

struct keyed_object *keyed_pool_get(struct keyed_pool *pool, struct slice key, bool *reused)
{
    uint64_t hash = hash_bytes(key.data, key.length);
    if (key.length > KEYED_POOL_KEY_MAX)
        return NULL;
    struct entry *entry = find(pool, key, hash);
    if (entry) {
        list_remove(&entry->used);
        list_push_back(&pool->by_use, &entry->used);
    } else {
        entry = add_entry(pool, key, hash);
    }
    if (!entry)
        return NULL;
    struct keyed_object *object = take_resting(pool, entry);
    *reused = object != NULL;
    if (!object)
        object = make(pool, entry);
    counter_add(&pool->options.figures->gets, object != NULL);
    counter_add(&pool->options.figures->hits, *reused);
    return object;
}

/* The entry an object belongs to: none for extra ones and those whose key was evicted. */
static struct entry *home_of(struct keyed_pool *pool, struct slice key,
                             const struct keyed_object *object)
{
    struct entry *entry = object->serial ? find(pool, key, hash_bytes(key.data, key.length)) : NULL;
    return entry && entry->serial == object->serial ? entry : NULL;
}

void keyed_pool_put(struct keyed_pool *pool, struct slice key, struct keyed_object *object)
{
    struct entry *entry = home_of(pool, key, object);
    counter_add(&pool->options.figures->puts, 1);
    if (entry) {
        object->rested_ns = clock_now_ns();
        list_push_front(&entry->resting, &object->link);
    } else {
        destroy_object(pool, object);
    }
}

void keyed_pool_discard(struct keyed_pool *pool, struct slice key, struct keyed_object *object)
{
    struct entry *entry = home_of(pool, key, object);
    if (entry)
        entry->alive--;
    counter_add(&pool->options.figures->discards, 1);
    destroy_object(pool, object);
}
