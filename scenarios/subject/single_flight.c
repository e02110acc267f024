/* SPDX-License-Identifier: MIT */
/* single_flight.c - flights by key; each is held by its load and by all who wait for it or use it.
 */
#include "subject/single_flight.h"

#include "core/group.h"
#include "core/list.h"
#include "core/waitq.h"
#include "subject/hash.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 256, FLIGHTS_DEFAULT = 1024 };

struct flight {
    struct single_flight_result result; /* first, so that one is found from the other */
    struct list link;                   /* in its bucket; on no list once forgotten or over */
    struct single_flight *owner;        /* outlives it */
    struct ctx ctx;                     /* of the load */
    struct waitq line;                  /* who waits */
    struct flight *awaits;              /* whose end its load waits for */
    uint64_t holders;                   /* the load, who waits, who has not released */
    uint64_t wanted;                    /* who waits */
    bool kept;                          /* goes on when nobody waits */
    bool over;                          /* its load has ended */
    int rc;                             /* of the load */
    size_t key_bytes;
    char key[]; /* a copy */
};

struct single_flight {
    struct single_flight_options options;
    struct group group; /* of the loads */
    struct list buckets[BUCKETS];
    struct single_flight_figures figures;
};

/* The value under which a load's ctx carries its flight. */
static const char flight_key;

int single_flight_create(struct single_flight **out, struct ctx *parent,
                         const struct single_flight_options *options, struct err *err)
{
    if (!options->load)
        return err_set(err, -EINVAL, "expected a load hook");
    struct single_flight *self = calloc(1, sizeof(*self));
    if (!self)
        return err_sys(err, -ENOMEM, "allocate a single flight");
    self->options = *options;
    if (self->options.flights_max == 0)
        self->options.flights_max = FLIGHTS_DEFAULT;
    group_init(&self->group, parent);
    for (size_t i = 0; i < BUCKETS; i++)
        list_init(&self->buckets[i]);
    *out = self;
    return 0;
}

void single_flight_destroy(struct single_flight *self)
{
    if (!self)
        return;
    group_cancel(&self->group, "single flight ends");
    (void)group_join(NULL, &self->group); /* without a ctx nothing ends it early */
    (void)group_fini(&self->group);
    assert(counter_read(&self->figures.held) == 0);
    free(self);
}

const struct single_flight_figures *single_flight_figures(const struct single_flight *self)
{
    return &self->figures;
}

/* ---- Flights --------------------------------------------------------------------------------- */

static struct list *bucket_of(struct single_flight *self, const void *key, size_t key_bytes)
{
    return &self->buckets[hash_bytes(key, key_bytes) % BUCKETS];
}

static struct flight *find(struct single_flight *self, const void *key, size_t key_bytes)
{
    list_each(link, bucket_of(self, key, key_bytes)) {
        struct flight *flight = container_of(link, struct flight, link);
        if (flight->key_bytes == key_bytes && memcmp(flight->key, key, key_bytes) == 0)
            return flight;
    }
    return NULL;
}

/* Nobody joins it any more. */
static void leave_table(struct flight *flight)
{
    if (list_linked(&flight->link))
        list_remove(&flight->link);
}

static void let_go(struct flight *flight)
{
    struct single_flight *self = flight->owner;
    if (--flight->holders > 0)
        return;
    if (flight->rc == 0 && self->options.release)
        self->options.release(self->options.user, flight->result.value);
    counter_sub(&self->figures.held, 1);
    free(flight);
}

/* The fiber of a load. */
static void fly(struct ctx *ctx, void *arg)
{
    (void)ctx; /* the flight's own stands beside it, so that it can be cancelled before this runs */
    struct flight *flight = arg;
    struct single_flight *self = flight->owner;
    const struct single_flight_options *options = &self->options;
    struct ctx named;
    ctx_init_value(&named, &flight->ctx, &flight_key, flight);
    flight->rc = ctx_error(&named);
    if (!flight->rc)
        flight->rc = options->load(&named, options->user, flight->key, flight->key_bytes,
                                   &flight->result.value);
    ctx_fini(&named);
    ctx_fini(&flight->ctx);
    leave_table(flight);
    flight->over = true;
    counter_sub(&self->figures.flights, 1);
    counter_add(&self->figures.failed, flight->rc != 0);
    (void)waitq_wake_all(&flight->line);
    let_go(flight);
}

static void begin_ctx(struct flight *flight)
{
    struct single_flight *self = flight->owner;
    if (self->options.load_max_ns > 0)
        ctx_init_timeout(&flight->ctx, &self->group.ctx, self->options.load_max_ns);
    else
        ctx_init(&flight->ctx, &self->group.ctx);
}

static int begin(struct single_flight *self, const void *key, size_t key_bytes, struct flight **out)
{
    if (counter_read(&self->figures.flights) >= self->options.flights_max) {
        counter_add(&self->figures.rejected, 1);
        return -EBUSY;
    }
    struct flight *flight = malloc(sizeof(*flight) + key_bytes);
    if (!flight)
        return -ENOMEM;
    *flight = (struct flight){.owner = self, .holders = 1, .key_bytes = key_bytes};
    memcpy(flight->key, key, key_bytes);
    waitq_init(&flight->line);
    begin_ctx(flight);
    int rc = group_spawn(&self->group, "single flight", fly, flight);
    if (rc) {
        ctx_fini(&flight->ctx);
        free(flight);
        return rc;
    }
    list_push_front(bucket_of(self, key, key_bytes), &flight->link);
    counter_add(&self->figures.loads, 1);
    counter_add(&self->figures.flights, 1);
    counter_add(&self->figures.held, 1);
    *out = flight;
    return 0;
}

/* ---- Waiting --------------------------------------------------------------------------------- */

/* Whether flight's load waits, over others perhaps, for own's. No flight waits for more than one,
 * and none for itself, so this ends. */
static bool waits_for(const struct flight *flight, const struct flight *own)
{
    while (flight && flight != own)
        flight = flight->awaits;
    return flight != NULL;
}

/* The last to give up takes the load along. */
static void give_up(struct flight *flight)
{
    struct single_flight *self = flight->owner;
    counter_add(&self->figures.abandoned, 1);
    if (flight->over || flight->wanted > 0 || flight->kept || self->options.finish_unwanted)
        return;
    leave_table(flight);
    counter_add(&self->figures.cancelled, 1);
    ctx_cancel(&flight->ctx, "nobody waits for it any more");
}

/* own is the flight whose load is asking, or NULL. */
static int wait_for(struct ctx *ctx, struct flight *flight, struct flight *own)
{
    struct single_flight *self = flight->owner;
    bool first = own && !own->awaits; /* a load with several fibers may wait for several */
    if (first)
        own->awaits = flight;
    flight->holders++;
    flight->wanted++;
    counter_add(&self->figures.waiting, 1);
    int rc = waitq_wait(ctx, &flight->line, NULL);
    counter_sub(&self->figures.waiting, 1);
    flight->wanted--;
    if (first)
        own->awaits = NULL;
    if (rc)
        give_up(flight);
    return rc;
}

int single_flight_do(struct ctx *ctx, struct single_flight *self, const void *key, size_t key_bytes,
                     const struct single_flight_result **result)
{
    counter_add(&self->figures.calls, 1);
    int rc = ctx_error(ctx);
    if (rc)
        return rc;
    struct flight *own = ctx_value(ctx, &flight_key);
    struct flight *flight = find(self, key, key_bytes);
    if (flight && own && waits_for(flight, own)) {
        counter_add(&self->figures.rejected, 1);
        return -EDEADLK;
    }
    if (flight)
        counter_add(&self->figures.shared, 1);
    else
        rc = begin(self, key, key_bytes, &flight);
    if (rc)
        return rc;
    rc = wait_for(ctx, flight, own);
    if (!rc)
        rc = flight->rc;
    if (rc)
        let_go(flight);
    else
        *result = &flight->result;
    return rc;
}

int single_flight_start(struct single_flight *self, const void *key, size_t key_bytes)
{
    struct flight *flight = find(self, key, key_bytes);
    int rc = flight ? 0 : begin(self, key, key_bytes, &flight);
    if (!rc)
        flight->kept = true;
    return rc;
}

void single_flight_release(const struct single_flight_result *result)
{
    let_go((struct flight *)(uintptr_t)result); /* of which it is the first member */
}

bool single_flight_forget(struct single_flight *self, const void *key, size_t key_bytes)
{
    struct flight *flight = find(self, key, key_bytes);
    if (!flight)
        return false;
    leave_table(flight);
    counter_add(&self->figures.forgotten, 1);
    return true;
}
