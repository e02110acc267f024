/* SPDX-License-Identifier: MIT */
/* shared_object.c - ways to change one object from several threads. */
#include "subject/shared_object.h"

/* Takes time and comes to nothing; the compiler must not see that. */
static void work(uint64_t seed, uint64_t effort)
{
    for (uint64_t i = 0; i < effort; i++) {
        seed = seed * 6364136223846793005u + 1;
        __asm__ volatile("" : "+r"(seed));
    }
}

static void update_plainly(struct shared_object *object, uint64_t effort)
{
    uint64_t seen = shared_object_read(object);
    work(seen, effort);
    shared_object_write(object, seen);
}

/* By the only thread that writes it. Released, so that who sees it sees what came before. */
static void add_one(_Atomic(uint64_t) *own)
{
    uint64_t now = atomic_load_explicit(own, memory_order_relaxed);
    atomic_store_explicit(own, now + 1, memory_order_release);
}

void shared_object_update(struct shared_object *object, struct shared_part *part,
                          enum shared_way way, uint64_t effort)
{
    switch (way) {
    case SHARED_RACY:
        update_plainly(object, effort);
        break;
    case SHARED_MUTEX:
        (void)pthread_mutex_lock(&object->lock); /* of the plain kind: cannot fail */
        update_plainly(object, effort);
        (void)pthread_mutex_unlock(&object->lock);
        break;
    case SHARED_SHARDED:
        work(0, effort);
        add_one(&part->value);
        break;
    case SHARED_ATOMIC:
        work(0, effort);
        (void)atomic_fetch_add_explicit(&object->value, 1, memory_order_relaxed);
        break;
    }
    add_one(&part->updates);
}

struct shared_sum shared_object_sum(const struct shared_object *object,
                                    const struct shared_part *const *parts, size_t count)
{
    struct shared_sum sum = {0};
    for (size_t i = 0; i < count; i++) {
        sum.updates += atomic_load_explicit(&parts[i]->updates, memory_order_acquire);
        sum.value += atomic_load_explicit(&parts[i]->value, memory_order_relaxed);
    }
    sum.value += shared_object_read(object);
    return sum;
}
