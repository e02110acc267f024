/* SPDX-License-Identifier: MIT */
/* single_flight.h - of all who want the same thing at the same time, one load; the rest share it.
 */
#ifndef POOLSTORM_SUBJECT_SINGLE_FLIGHT_H
#define POOLSTORM_SUBJECT_SINGLE_FLIGHT_H

#include "core/ctx.h"
#include "core/err.h"
#include "subject/counter.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The idea is that of groupcache's and Go's golang.org/x/sync/singleflight. There, the first caller
 * runs the load, and takes everybody down with it when it is cancelled. Here nobody leads: a load
 * runs in a fiber of its own, and all callers, the first included, wait for it under their own ctx.
 * One that gives up leaves the others alone; when the last has given up, the load is cancelled
 * (unless finish_unwanted), and who comes after that starts a new one, which may overlap with what
 * the old one still does until it notices.
 *
 * A load therefore belongs to no caller, so what it needs must outlive them all: it gets the key,
 * which is copied, and user, and neither the values nor the deadline of anyone's ctx. load_max_ns
 * bounds it.
 *
 * Results are shared by reference count and not copied: every caller gets the same value, must not
 * change it, and gives it back by single_flight_release; the last one back frees it. An error goes
 * to all who wait, and is not kept: the next caller loads again.
 *
 * A load that asks for its own key, or for one whose load waits for it, gets -EDEADLK, as far as
 * loads wait for one other at a time under the ctx they were given.
 *
 * One ring's thread. Memory: a flight for each load under way, flights_max at most, and each value
 * until it is released. */
struct single_flight;

struct single_flight_options {
    /* Makes the value of a key: 0 with *value set, or -errno. Required. May wait, under ctx. */
    int (*load)(struct ctx *ctx, void *user, const void *key, size_t key_bytes, void **value);
    void (*release)(void *user, void *value); /* frees a value, must not wait; NULL: nothing to do
                                               */
    void *user;                               /* handed to both */
    uint64_t load_max_ns; /* a load ends with -ETIMEDOUT then; 0: when it likes */
    uint64_t flights_max; /* loads at a time; 0: 1024 */
    bool finish_unwanted; /* loads that nobody waits for any more go on to their end */
};

struct single_flight_figures {
    counter_word calls;     /* of single_flight_do */
    counter_word loads;     /* begun */
    counter_word shared;    /* calls that found a load under way */
    counter_word failed;    /* loads that answered an error, cancelled ones included */
    counter_word cancelled; /* loads cancelled because nobody waited any more */
    counter_word abandoned; /* calls whose ctx ended first */
    counter_word rejected;  /* calls told -EBUSY or -EDEADLK */
    counter_word forgotten; /* loads by single_flight_forget */
    counter_word flights;   /* loads under way now */
    counter_word waiting;   /* callers waiting now */
    counter_word held;      /* values not yet released by all, now; loads under way included */
};

/* What a load made. Read only, valid until it is released. */
struct single_flight_result {
    void *value;
};

/* Loads run below parent, which outlives it. -EINVAL without a load hook, -ENOMEM. */
int single_flight_create(struct single_flight **out, struct ctx *parent,
                         const struct single_flight_options *options, struct err *err);

/* Cancels loads under way and waits for their end, without a ctx: they must heed theirs. To be
 * called on a fiber, when nobody waits and every result has been released. NULL is allowed. */
void single_flight_destroy(struct single_flight *self);

/* The value of key, by a load of its own or one under way. 0 with a reference in *result; what the
 * load answered; -EBUSY when flights_max are under way; -EDEADLK, see above; -ENOMEM; or ctx's
 * error when it ended first. */
int single_flight_do(struct ctx *ctx, struct single_flight *self, const void *key, size_t key_bytes,
                     const struct single_flight_result **result);

/* Sees to it that a load of key is under way, and waits for nothing: it runs to its end even if
 * nobody wants it, its value released at once then. 0 also when there is one already. */
int single_flight_start(struct single_flight *self, const void *key, size_t key_bytes);

/* Gives a reference back. Does not wait. */
void single_flight_release(const struct single_flight_result *result);

/* From now on key is loaded anew; those who wait for the load under way still get what it makes.
 * False when there is none. */
bool single_flight_forget(struct single_flight *self, const void *key, size_t key_bytes);

/* Any thread may counter_read them. */
const struct single_flight_figures *single_flight_figures(const struct single_flight *self);

#endif
