/* SPDX-License-Identifier: MIT */
/* cached_read.h - values by key, kept for a while, loaded once, served stale rather than not at
 * all.
 */
#ifndef POOLSTORM_SUBJECT_CACHED_READ_H
#define POOLSTORM_SUBJECT_CACHED_READ_H

#include "core/ctx.h"
#include "core/err.h"
#include "subject/counter.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The age of a value decides (RFC 5861 has the names):
 *
 *   up to its expiry        served. The expiry is drawn anew for each value, uniform in [ttl_ns -
 *                           jitter_ns, ttl_ns] from the end of its load, so that what was loaded
 *                           together does not expire together.
 *   up to refresh_ns more   served stale, while one load runs behind (stale-while-revalidate).
 *   up to rescue_ns more    loaded; served stale when that fails (stale-if-error), a ctx that timed
 *                           out included, one that was cancelled not.
 *   beyond that, or none    loaded, and the load's error answered.
 *
 * After a failed load, a stale value is served without trying again for pause_ns, so that nobody
 * waits for what is known to be down. Errors for keys without a value are kept for error_ns if that
 * is set, and answered without a load (off by default: a short outage would outlive itself).
 *
 * Loads go through single_flight.h, with its rules for the load hook, unless alone is set: then
 * each miss loads for itself, in its caller's fiber and under its ctx (the duplicate loads, for
 * comparison); refreshing behind is a single flight in any case. A single flight goes on though its
 * callers have given up: a source slower than their patience would never fill the cache otherwise.
 *
 * A load begun before cached_read_forget, or before another load of the key that has ended since,
 * still answers its callers but is not kept: no value comes back from the dead.
 *
 * Values are shared by reference count: read only, and valid until put, whatever becomes of the
 * entry. One ring's thread. Memory: entries_max entries, keys included; the one used longest ago
 * makes room. A hit allocates nothing and waits for nothing. */
struct cached_read;

struct cached_read_options {
    /* As single_flight_options; value may be NULL where that means something to the caller. */
    int (*load)(struct ctx *ctx, void *user, const void *key, size_t key_bytes, void **value);
    void (*release)(void *user, void *value);
    void *user;
    uint64_t load_max_ns; /* a load ends with -ETIMEDOUT then, alone included; 0: when it likes */

    uint64_t ttl_ns;            /* 0: values expire at once, and are only shared while loading */
    uint64_t jitter_ns;         /* at most ttl_ns */
    uint64_t refresh_ns;        /* 0: never served stale while loading */
    uint64_t rescue_ns;         /* 0: never served stale after a failure */
    uint64_t pause_ns;          /* 0: each call tries again */
    uint64_t error_ns;          /* 0: errors are not kept */
    bool (*keep_error)(int rc); /* NULL: all but -ECANCELED, -ETIMEDOUT, -EBUSY and -ENOMEM */
    uint64_t loads_max;         /* single flights at a time; 0: 1024 */
    uint64_t entries_max;       /* at least 1, at most 2^20 */
    bool alone;                 /* no single flight */
    uint64_t seed;              /* of the jitter */
    uint64_t (*now_ns)(void);   /* NULL: clock_now_ns */
};

struct cached_read_figures {
    counter_word calls;      /* of cached_read_get */
    counter_word hits;       /* answered by a value that had not expired */
    counter_word stale;      /* answered by one that had, being loaded behind or paused */
    counter_word rescued;    /* answered by one that had, the load having failed */
    counter_word error_hits; /* answered by an error that was kept */
    counter_word misses;     /* calls that waited for a load, or made one */
    counter_word loads;      /* begun, refreshing ones included */
    counter_word failed;     /* of them, answered an error */
    counter_word outdated;   /* of them, not kept: forgotten or overtaken meanwhile */
    counter_word evicted;    /* entries that made room */
    counter_word forgotten;  /* entries by cached_read_forget */
    counter_word entries;    /* now */
    counter_word held;       /* values alive now: kept, in the hands of callers, or being handed */
};

/* A value in a caller's hands. Read only. */
struct cached_item {
    void *value;
};

/* Loads behind run below parent, which outlives it. -EINVAL for options out of range, -ENOMEM. */
int cached_read_create(struct cached_read **out, struct ctx *parent,
                       const struct cached_read_options *options, struct err *err);

/* Cancels loads under way and waits for their end; see single_flight_destroy. Every item must have
 * been put. NULL is allowed. */
void cached_read_destroy(struct cached_read *self);

/* The value of key: 0 with an item to be put once; what the load answered; or ctx's error. */
int cached_read_get(struct ctx *ctx, struct cached_read *self, const void *key, size_t key_bytes,
                    const struct cached_item **item);

/* Gives an item back. Does not wait. */
void cached_read_put(const struct cached_item *item);

/* Drops what is kept of key, and keeps loads under way from bringing it back. True when something
 * was. */
bool cached_read_forget(struct cached_read *self, const void *key, size_t key_bytes);

/* Any thread may counter_read them. */
const struct cached_read_figures *cached_read_figures(const struct cached_read *self);

#endif
