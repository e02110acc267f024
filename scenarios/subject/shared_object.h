/* SPDX-License-Identifier: MIT */
/* shared_object.h - one object that several threads change, by ways right and wrong: it counts. */
#ifndef POOLSTORM_SUBJECT_SHARED_OBJECT_H
#define POOLSTORM_SUBJECT_SHARED_OBJECT_H

#include "subject/settings.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* Not safe to be changed by several threads at once unless they keep to one right way: an update
 * reads what is there, works, and writes what it made of it. Zeroed it counts 0, and its lock is
 * open, as PTHREAD_MUTEX_INITIALIZER is all zeros here. */
struct shared_object {
    alignas(64) _Atomic(uint64_t) value; /* of all ways but SHARED_SHARDED */
    alignas(64) pthread_mutex_t lock;    /* SHARED_MUTEX; nobody waits with it held */
};

/* A thread's own: its part of the object, and what it did to it. */
struct shared_part {
    alignas(64) _Atomic(uint64_t) value; /* SHARED_SHARDED */
    _Atomic(uint64_t) updates;           /* made by this thread, whatever became of them */
};

/* Both halves of an update the racy way: what is there; and one more than what was seen, over
 * whatever others wrote in between. Each is one relaxed access: no data race in the language's
 * sense, so that no compiler may make anything else of it, and updates are lost all the same. */
static inline uint64_t shared_object_read(const struct shared_object *object)
{
    return atomic_load_explicit(&object->value, memory_order_relaxed);
}

static inline void shared_object_write(struct shared_object *object, uint64_t seen)
{
    atomic_store_explicit(&object->value, seen + 1, memory_order_relaxed);
}

/* Updates the object once, by the thread whose part it is. effort: how much work an update is, in
 * steps of some ns; where the way reads and writes apart, it is in between. */
void shared_object_update(struct shared_object *object, struct shared_part *part,
                          enum shared_way way, uint64_t effort);

/* The updates that were made and those that the object shows, read in that order: the right ways
 * never show less than were made, though threads go on. */
struct shared_sum {
    uint64_t updates, value;
};

/* Adds the parts of count threads, and then the object itself. */
struct shared_sum shared_object_sum(const struct shared_object *object,
                                    const struct shared_part *const *parts, size_t count);

#endif
