/* SPDX-License-Identifier: MIT */
/* cached_read.c - entries by key and by when they were last used; loads that say what they knew. */
#include "subject/cached_read.h"

#include "core/clock.h"
#include "core/list.h"
#include "core/rng.h"
#include "subject/hash.h"
#include "subject/single_flight.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRIES_LIMIT = 1 << 20, BUCKETS_MIN = 16 };

/* A value and who has it: the entry, callers, a flight. */
struct item {
    struct cached_item item; /* first, so that one is found from the other */
    struct cached_read *owner;
    uint64_t holders;
};

/* Loads under way know their entry by key and id, so that it may go meanwhile. */
struct entry {
    struct list link; /* in its bucket */
    struct list use;  /* in self->used */
    uint64_t id;      /* of this entry of the key */
    uint64_t stored;  /* number of the load the item is from */
    uint64_t loading; /* loads under way */
    struct item *item;
    int error;           /* kept instead of an item, or 0 */
    uint64_t expires_ns; /* the item, or the error */
    uint64_t pause_ns;   /* until when no load is tried */
    size_t key_bytes;
    char key[]; /* a copy */
};

struct cached_read {
    struct cached_read_options options;
    struct single_flight *flights;
    struct rng rng;     /* of the jitter */
    uint64_t numbers;   /* of loads and entries, counting up */
    struct list used;   /* entries, the one used last first */
    uint64_t buckets;   /* a power of two */
    struct list *table; /* of the buckets */
    struct cached_read_figures figures;
};

/* ---- Items ----------------------------------------------------------------------------------- */

static struct item *item_hold(struct item *item)
{
    item->holders++;
    return item;
}

static void item_drop(struct item *item)
{
    if (!item || --item->holders > 0)
        return;
    struct cached_read *self = item->owner;
    if (self->options.release)
        self->options.release(self->options.user, item->item.value);
    counter_sub(&self->figures.held, 1);
    free(item);
}

void cached_read_put(const struct cached_item *item)
{
    item_drop((struct item *)(uintptr_t)item); /* of which it is the first member */
}

/* ---- Entries --------------------------------------------------------------------------------- */

static struct list *bucket_of(struct cached_read *self, const void *key, size_t key_bytes)
{
    return &self->table[hash_bytes(key, key_bytes) & (self->buckets - 1)];
}

static struct entry *find(struct cached_read *self, const void *key, size_t key_bytes)
{
    list_each(link, bucket_of(self, key, key_bytes)) {
        struct entry *entry = container_of(link, struct entry, link);
        if (entry->key_bytes == key_bytes && memcmp(entry->key, key, key_bytes) == 0)
            return entry;
    }
    return NULL;
}

static void drop(struct cached_read *self, struct entry *entry)
{
    list_remove(&entry->link);
    list_remove(&entry->use);
    counter_sub(&self->figures.entries, 1);
    item_drop(entry->item);
    free(entry);
}

static void touch(struct cached_read *self, struct entry *entry)
{
    list_remove(&entry->use);
    list_push_front(&self->used, &entry->use);
}

/* An empty one; NULL when out of memory. */
static struct entry *insert(struct cached_read *self, const void *key, size_t key_bytes)
{
    struct entry *entry = malloc(sizeof(*entry) + key_bytes);
    if (!entry)
        return NULL;
    if (counter_read(&self->figures.entries) >= self->options.entries_max) {
        drop(self, container_of(self->used.prev, struct entry, use));
        counter_add(&self->figures.evicted, 1);
    }
    *entry = (struct entry){.id = ++self->numbers, .key_bytes = key_bytes};
    memcpy(entry->key, key, key_bytes);
    list_push_front(bucket_of(self, key, key_bytes), &entry->link);
    list_push_front(&self->used, &entry->use);
    counter_add(&self->figures.entries, 1);
    return entry;
}

/* ---- Loads ----------------------------------------------------------------------------------- */

static bool worth_keeping(const struct cached_read *self, int rc)
{
    if (self->options.error_ns == 0)
        return false;
    if (self->options.keep_error)
        return self->options.keep_error(rc);
    return rc != -ECANCELED && rc != -ETIMEDOUT && rc != -EBUSY && rc != -ENOMEM;
}

static void keep_item(struct cached_read *self, struct entry *entry, struct item *item,
                      uint64_t now_ns)
{
    uint64_t early_ns = self->options.jitter_ns;
    early_ns = rng_below(&self->rng, early_ns < UINT64_MAX ? early_ns + 1 : early_ns);
    item_drop(entry->item);
    entry->item = item_hold(item);
    entry->error = 0;
    entry->expires_ns = clock_after(now_ns, self->options.ttl_ns - early_ns);
    entry->pause_ns = 0;
}

static void keep_failure(struct cached_read *self, struct entry *entry, int rc, uint64_t now_ns)
{
    if (entry->item && rc != -ECANCELED)
        entry->pause_ns = clock_after(now_ns, self->options.pause_ns);
    if (entry->item)
        return;
    if (worth_keeping(self, rc)) {
        entry->error = rc;
        entry->expires_ns = clock_after(now_ns, self->options.error_ns);
    } else if (entry->loading == 0) {
        drop(self, entry);
    }
}

/* What a load made goes into its entry, if that is still the one, and nothing newer is in it. */
static void settle(struct cached_read *self, struct entry *entry, uint64_t id, uint64_t number,
                   struct item *item, int rc)
{
    if (entry && entry->id == id)
        entry->loading--;
    if (!entry || entry->id != id || entry->stored > number) {
        counter_add(&self->figures.outdated, 1);
        return;
    }
    entry->stored = rc ? entry->stored : number;
    if (rc)
        keep_failure(self, entry, rc, self->options.now_ns());
    else
        keep_item(self, entry, item, self->options.now_ns());
}

static int make_item(struct ctx *ctx, struct cached_read *self, const void *key, size_t key_bytes,
                     struct item **out)
{
    struct item *item = malloc(sizeof(*item));
    if (!item)
        return -ENOMEM;
    *item = (struct item){.owner = self, .holders = 1};
    int rc = self->options.load(ctx, self->options.user, key, key_bytes, &item->item.value);
    if (rc) {
        free(item);
        return rc;
    }
    counter_add(&self->figures.held, 1);
    *out = item;
    return 0;
}

/* One load, kept if it may be; its item comes with a reference for the caller. */
static int load_and_keep(struct ctx *ctx, struct cached_read *self, const void *key,
                         size_t key_bytes, struct item **out)
{
    struct entry *entry = find(self, key, key_bytes);
    if (!entry)
        entry = insert(self, key, key_bytes);
    uint64_t id = entry ? entry->id : 0, number = ++self->numbers;
    if (entry)
        entry->loading++;
    counter_add(&self->figures.loads, 1);
    struct item *item = NULL;
    int rc = make_item(ctx, self, key, key_bytes, &item);
    counter_add(&self->figures.failed, rc != 0);
    settle(self, find(self, key, key_bytes), id, number, item, rc);
    if (!rc)
        *out = item;
    return rc;
}

static int load_in_flight(struct ctx *ctx, void *user, const void *key, size_t key_bytes,
                          void **value)
{
    struct item *item;
    int rc = load_and_keep(ctx, user, key, key_bytes, &item);
    if (!rc)
        *value = item;
    return rc;
}

static void release_from_flight(void *user, void *value)
{
    (void)user;
    item_drop(value);
}

static int load_alone(struct ctx *ctx, struct cached_read *self, const void *key, size_t key_bytes,
                      struct item **out)
{
    struct ctx limited;
    uint64_t load_max_ns = self->options.load_max_ns;
    ctx_init_timeout(&limited, ctx, load_max_ns ? load_max_ns : CLOCK_NEVER);
    int rc = load_and_keep(&limited, self, key, key_bytes, out);
    ctx_fini(&limited);
    return rc;
}

static int load(struct ctx *ctx, struct cached_read *self, const void *key, size_t key_bytes,
                struct item **out)
{
    if (self->options.alone)
        return load_alone(ctx, self, key, key_bytes, out);
    const struct single_flight_result *result;
    int rc = single_flight_do(ctx, self->flights, key, key_bytes, &result);
    if (rc)
        return rc;
    *out = item_hold(result->value);
    single_flight_release(result);
    return 0;
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* What the entry answers without waiting, as the counter of it; NULL when it has to be loaded. */
static counter_word *serve(struct cached_read *self, const struct entry *entry, uint64_t now_ns)
{
    const struct cached_read_options *options = &self->options;
    if (!entry || (!entry->item && !entry->error))
        return NULL;
    if (now_ns < entry->expires_ns)
        return entry->item ? &self->figures.hits : &self->figures.error_hits;
    if (!entry->item)
        return NULL;
    bool fresh_enough = now_ns < clock_after(entry->expires_ns, options->refresh_ns);
    bool good_enough = now_ns < clock_after(entry->expires_ns, options->rescue_ns);
    bool paused = now_ns < entry->pause_ns && (fresh_enough || good_enough);
    if (!paused && !fresh_enough)
        return NULL;
    if (!paused) /* when it cannot be loaded now, a later call sees to it */
        (void)single_flight_start(self->flights, entry->key, entry->key_bytes);
    return &self->figures.stale;
}

/* The stale value, if it is better than the error. */
static struct item *rescue(struct cached_read *self, const struct entry *entry)
{
    if (!entry || !entry->item)
        return NULL;
    if (self->options.now_ns() >= clock_after(entry->expires_ns, self->options.rescue_ns))
        return NULL;
    counter_add(&self->figures.rescued, 1);
    return item_hold(entry->item);
}

int cached_read_get(struct ctx *ctx, struct cached_read *self, const void *key, size_t key_bytes,
                    const struct cached_item **item)
{
    counter_add(&self->figures.calls, 1);
    int rc = ctx_error(ctx);
    if (rc)
        return rc;
    struct entry *entry = find(self, key, key_bytes);
    if (entry)
        touch(self, entry);
    struct item *found = NULL;
    counter_word *served = serve(self, entry, self->options.now_ns());
    if (served) {
        counter_add(served, 1);
        rc = entry->error;
        found = rc ? NULL : item_hold(entry->item);
    } else {
        counter_add(&self->figures.misses, 1);
        rc = load(ctx, self, key, key_bytes, &found);
        if (rc && ctx_error(ctx) != -ECANCELED)
            found = rescue(self, find(self, key, key_bytes));
    }
    if (!found)
        return rc;
    *item = &found->item;
    return 0;
}

bool cached_read_forget(struct cached_read *self, const void *key, size_t key_bytes)
{
    struct entry *entry = find(self, key, key_bytes);
    bool flying = single_flight_forget(self->flights, key, key_bytes);
    if (!entry)
        return flying;
    drop(self, entry);
    counter_add(&self->figures.forgotten, 1);
    return true;
}

const struct cached_read_figures *cached_read_figures(const struct cached_read *self)
{
    return &self->figures;
}

/* ---- Birth and death ------------------------------------------------------------------------- */

static int make_table(struct cached_read *self, struct err *err)
{
    self->buckets = BUCKETS_MIN;
    while (self->buckets < self->options.entries_max)
        self->buckets *= 2;
    self->table = calloc(self->buckets, sizeof(*self->table));
    if (!self->table)
        return err_sys(err, -ENOMEM, "allocate a table of %zu entries", (size_t)self->buckets);
    for (uint64_t i = 0; i < self->buckets; i++)
        list_init(&self->table[i]);
    return 0;
}

static int check(const struct cached_read_options *options, struct err *err)
{
    if (!options->load)
        return err_set(err, -EINVAL, "expected a load hook");
    if (options->entries_max == 0 || options->entries_max > ENTRIES_LIMIT)
        return err_set(err, -EINVAL, "expected room for 1 to %d entries", ENTRIES_LIMIT);
    if (options->jitter_ns > options->ttl_ns)
        return err_set(err, -EINVAL, "expected jitter_ns to be ttl_ns or less");
    return 0;
}

int cached_read_create(struct cached_read **out, struct ctx *parent,
                       const struct cached_read_options *options, struct err *err)
{
    int rc = check(options, err);
    if (rc)
        return rc;
    struct cached_read *self = calloc(1, sizeof(*self));
    if (!self)
        return err_sys(err, -ENOMEM, "allocate a cached read");
    self->options = *options;
    if (!self->options.now_ns)
        self->options.now_ns = clock_now_ns;
    list_init(&self->used);
    rng_init(&self->rng, options->seed, 0);
    const struct single_flight_options flights = {
        .load = load_in_flight,
        .release = release_from_flight,
        .user = self,
        .load_max_ns = options->load_max_ns,
        .flights_max = options->loads_max,
        .finish_unwanted = true,
    };
    rc = make_table(self, err);
    if (!rc)
        rc = single_flight_create(&self->flights, parent, &flights, err);
    if (rc) {
        free(self->table);
        free(self);
        return rc;
    }
    *out = self;
    return 0;
}

void cached_read_destroy(struct cached_read *self)
{
    if (!self)
        return;
    single_flight_destroy(self->flights);
    while (!list_empty(&self->used))
        drop(self, container_of(self->used.next, struct entry, use));
    assert(counter_read(&self->figures.held) == 0);
    free(self->table);
    free(self);
}
