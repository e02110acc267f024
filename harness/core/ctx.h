/* SPDX-License-Identifier: MIT */
/* ctx.h - cancellation contexts: a tree with deadlines, causes and values. */
#ifndef POOLSTORM_CORE_CTX_H
#define POOLSTORM_CORE_CTX_H

#include "core/clock.h"
#include "core/list.h"
#include "core/timer.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

/* Something that waits under a ctx. ended() is called once, when the ctx ends, on the ring's
 * thread; it must not wait, and must unlink nothing but its own waiting. */
struct ctx_waiter {
    struct list link;                         /* in ctx->waiters while it waits */
    void (*ended)(struct ctx_waiter *waiter); /* wakes whoever waits */
};

/* Lives where its user puts it, mostly on a fiber's stack; belongs to one ring's thread. */
struct ctx {
    struct ctx *parent;    /* NULL for a root */
    struct list children;  /* of their siblings */
    struct list sibling;   /* in parent->children */
    struct list waiters;   /* of ctx_waiter.link */
    struct timer deadline; /* armed only when earlier than every ancestor's; may
                            * be early after the deadline moved */
    uint64_t deadline_ns;  /* the earliest of its own and its ancestors' */
    const char *cause;     /* why it ended, a static text; NULL while it lives */
    const void *key;       /* of the one value it may carry */
    void *value;           /* the caller's */
    int error;             /* 0, -ECANCELED or -ETIMEDOUT */
};

/* Starts a child of parent. A child of an ended parent has ended. End it with ctx_fini. */
void ctx_init(struct ctx *ctx, struct ctx *parent);

/* A child that ends with -ETIMEDOUT at at_ns, or earlier with an ancestor. */
void ctx_init_deadline(struct ctx *ctx, struct ctx *parent, uint64_t at_ns);

/* The same, span_ns from now. */
void ctx_init_timeout(struct ctx *ctx, struct ctx *parent, uint64_t span_ns);

/* Moves its deadline, or gives it one; an ancestor's earlier one goes before. Moving to a later
 * time is nearly free: the timer stays and finds out when it fires. Not while it has children. */
void ctx_set_deadline(struct ctx *ctx, uint64_t at_ns);

/* A child that carries value under key; a key is the address of something static. */
void ctx_init_value(struct ctx *ctx, struct ctx *parent, const void *key, void *value);

/* Detaches it from its parent. No child and no waiter may be left. */
void ctx_fini(struct ctx *ctx);

/* Ends ctx and all its descendants with -ECANCELED, waking all that waits under them. The first
 * ending stays. cause is a static text. Takes time linear in what it ends; does not wait. */
void ctx_cancel(struct ctx *ctx, const char *cause);

/* 0 while it lives, else -ECANCELED or -ETIMEDOUT. */
static inline int ctx_error(const struct ctx *ctx)
{
    return ctx->error;
}

/* Why it ended; NULL while it lives. */
static inline const char *ctx_cause(const struct ctx *ctx)
{
    return ctx->cause;
}

/* CLOCK_NEVER without one. */
static inline uint64_t ctx_deadline_ns(const struct ctx *ctx)
{
    return ctx->deadline_ns;
}

/* The value nearest up the tree, or NULL. */
void *ctx_value(const struct ctx *ctx, const void *key);

/* Registers a waiter. Answers the ctx's error, registering nothing, when it has ended. */
int ctx_wait_begin(struct ctx *ctx, struct ctx_waiter *waiter);

/* Takes the waiter out again; harmless after the ctx ended. */
void ctx_wait_end(struct ctx_waiter *waiter);

#endif
