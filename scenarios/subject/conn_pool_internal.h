/* SPDX-License-Identifier: MIT */
/* conn_pool_internal.h - what the connection pool's own files share: its structs and small steps.
 */
#ifndef POOLSTORM_SUBJECT_CONN_POOL_INTERNAL_H
#define POOLSTORM_SUBJECT_CONN_POOL_INTERNAL_H

#include "core/fiber.h"
#include "core/group.h"
#include "core/list.h"
#include "core/rng.h"
#include "core/waitq.h"
#include "subject/conn_pool.h"
#include "subject/counter.h"

/* Where a slot's connection is; each has its gauge. */
enum slot_state {
    SLOT_FREE,      /* there is none */
    SLOT_IDLE,      /* at rest */
    SLOT_HANDED,    /* given to a waiter that has not run yet */
    SLOT_LENT,      /* with its borrower */
    SLOT_CHECKING,  /* being validated, for a waiter */
    SLOT_KEEPING,   /* being validated, to keep it alive */
    SLOT_RESETTING, /* being reset after a loan */
};

/* A place for one connection. Never freed before the pool, so that old leases can be looked at. */
struct conn_slot {
    struct list link;       /* SLOT_IDLE: in pool->idle; SLOT_FREE: in pool->free */
    struct conn_pool *pool; /* it belongs to */
    void *conn;             /* the driver's, NULL when free */
    uint64_t serial;        /* of the loan, 0 when not lent */
    uint64_t fresh_ns;      /* may be lent unchecked until then */
    uint64_t alive_ns;      /* when it was last known to be alive */
    uint64_t used_ns;       /* when it was released, or opened */
    uint64_t expires_ns;    /* the end of its life */
    uint64_t keepalive_ns;  /* span from alive_ns to the next keepalive */
    uint64_t lent_ns;       /* begin of the loan */
    const char *where;      /* static text of its borrower */
    struct fiber *holder;   /* that acquired it; never looked into, it may be gone */
    const char *fiber;      /* its name */
    enum slot_state state;  /* see above */
    bool evicted;           /* to be closed when it comes back */
    bool suspected;         /* reported as a leak */
    bool holder_waits;      /* its holder is in line for one more */
};

enum pool_state { POOL_RUNNING, POOL_SUSPENDED, POOL_CLOSING };

#define CONN_POOL_WORD(name, help) counter_word name; /* help */

/* The figures, written by the pool's thread and read by any. */
struct conn_pool_words {
    CONN_POOL_GAUGES(CONN_POOL_WORD)
    CONN_POOL_COUNTERS(CONN_POOL_WORD)
    counter_word acquire_buckets[CONN_POOL_BUCKETS], hold_buckets[CONN_POOL_BUCKETS];
    counter_word acquire_ns, hold_ns;
};

struct conn_pool {
    struct conn_pool_words words;       /* gauges are the truth, not a copy */
    struct list idle;                   /* slots, the last used first */
    enum pool_state state;              /* see above */
    uint64_t serial;                    /* of the last loan */
    struct conn_pool_settings settings; /* a copy */
    const struct conn_driver *driver;   /* the caller's */
    void *user;                         /* the driver's */
    struct waitq waiters;               /* borrowers; their gift is a slot, NULL when closing */
    struct waitq watchers;              /* of anything that changes, to look again */
    size_t inside;                      /* fibers waiting in here, woken ones included */
    struct group group;                 /* connectors, checks, resets, upkeep */
    struct list free;                   /* slots used before */
    size_t slots_used;                  /* of slots, ever */
    uint64_t warm;             /* connections to have open at once, 0 when it was reached */
    unsigned streak;           /* generations of failed connects in a row */
    struct err connect_error;  /* of the last one */
    struct rng rng;            /* order and jitter */
    struct hist *acquire_hist; /* to 0.1 % */
    struct hist *hold_hist;    /* to 1 % */
    uint16_t *holders;         /* loans by a hash of the fiber, to notice who has one */
    unsigned holders_shift;    /* 64 - log2 of their number */
    void (*report)(void *report_user, const struct conn_report *report); /* or NULL */
    void *report_user;                                                   /* its */
    struct conn_report reports[CONN_REPORTS_KEPT];                       /* a ring */
    uint64_t reports_made;                                               /* ever */
    struct conn_slot slots[];                                            /* max_open of them */
};

/* ---- Slots: conn_pool.c ---------------------------------------------------------------------- */

/* Takes in a connection just opened; there is room by the count of connectors. */
struct conn_slot *slot_admit(struct conn_pool *pool, void *conn, uint64_t now_ns);

/* From wherever it is to state, gauges included. A free one must be admitted, a rest ends here. */
void slot_move(struct conn_slot *slot, enum slot_state state);

/* Closes the connection and counts it under why, a word of pool->words. Feed the pool after. */
void slot_retire(struct conn_slot *slot, counter_word *why);

/* What becomes of a connection that nobody has: to a waiter, to rest, or closed; false when
 * closed. used: it comes from a borrower. */
bool slot_settle(struct conn_slot *slot, uint64_t now_ns, bool used);

/* Answers waiters and newcomers from now on with -ESHUTDOWN, and closes what is idle. */
void conn_pool_close_doors(struct conn_pool *pool);

/* Something changed that drain or prewarm may wait for. */
static inline void conn_pool_changed(struct conn_pool *pool)
{
    if (pool->watchers.length > 0)
        (void)waitq_wake_all(&pool->watchers);
}

/* ---- Supply: conn_pool_connect.c ------------------------------------------------------------- */

/* Sees to it that each waiter, and newcomers that are about to wait, has a connection on its way as
 * far as max_open lets it, and that min_idle is kept. Never runs a fiber; to be called after
 * whatever takes something away. */
void conn_pool_feed(struct conn_pool *pool, size_t newcomers);

/* ---- Validation and reset, by fibers of the pool: conn_pool_check.c -------------------------- */

/* Takes the slot, idle or lent, into state: SLOT_CHECKING, SLOT_KEEPING or SLOT_RESETTING. 0, or
 * -ENOMEM with nothing changed. */
int conn_pool_start_check(struct conn_slot *slot, enum slot_state state);

/* ---- Upkeep: conn_pool_upkeep.c -------------------------------------------------------------- */

/* What a fiber of the pool runs now and then: age, idleness, keepalive, leaks. arg is the pool. */
void conn_pool_upkeep(struct ctx *ctx, void *arg);

/* ---- Figures: conn_pool_figures.c ------------------------------------------------------------ */

void conn_pool_report(struct conn_pool *pool, const struct conn_report *report);

/* O(1): four to a power of two. */
static inline unsigned conn_pool_bucket(uint64_t span_ns)
{
    if (span_ns <= 1024)
        return 0;
    unsigned bits = 63 - (unsigned)__builtin_clzll(span_ns - 1);
    unsigned quarter = (unsigned)((span_ns - 1) >> (bits - 2)) & 3;
    unsigned bucket = 1 + 4 * (bits - 10) + quarter;
    return bucket < CONN_POOL_BUCKETS - 1 ? bucket : CONN_POOL_BUCKETS - 1;
}

static inline void gauge_set(counter_word *gauge, uint64_t value)
{
    atomic_store_explicit(gauge, value, memory_order_relaxed);
}

static inline void gauge_down(counter_word *gauge)
{
    gauge_set(gauge, counter_read(gauge) - 1);
}

static inline void gauge_up(counter_word *gauge)
{
    gauge_set(gauge, counter_read(gauge) + 1);
}

/* Up, and its highest value along. */
static inline void gauge_up_peak(counter_word *gauge, counter_word *peak)
{
    uint64_t value = counter_read(gauge) + 1;
    gauge_set(gauge, value);
    if (value > counter_read(peak))
        gauge_set(peak, value);
}

#endif
