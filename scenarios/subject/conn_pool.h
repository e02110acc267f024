/* SPDX-License-Identifier: MIT */
/* conn_pool.h - connections to be used again, lent to one fiber at a time, never more than
 * max_open.
 *
 * A pool belongs to one ring's thread: everything here is called there, on a fiber where it says
 * that it waits, but for conn_pool_figures, which any thread may call. With several threads each
 * has a pool of its own, with its part of the limit.
 *
 *     conn_pool_acquire ─► idle, known to be alive ─────────────────────────► lent   (no wait)
 *                      └─► the line of waiters ◄── released, checked, newly opened
 *
 * Who opens, checks and resets connections are fibers of the pool's own, never the borrower: one
 * who gives up while a connection is being opened leaves it to the next in line, and answers when
 * its time is over, however long the driver takes. A connection that becomes free goes straight to
 * a waiter; only when nobody waits it comes to rest. So nobody who comes later can take it away,
 * and a waiter that is cancelled has either left the line or got the connection (core/waitq.h): in
 * the second case acquire itself passes it on. */
#ifndef POOLSTORM_SUBJECT_CONN_POOL_H
#define POOLSTORM_SUBJECT_CONN_POOL_H

#include "core/ctx.h"
#include "core/err.h"
#include "core/param.h"
#include "measure/hist.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conn_pool;
struct conn_slot;

/* ---- The driver ------------------------------------------------------------------------------ */

/* What a connection is, is the driver's business. ctx carries the time limit and the pool's end;
 * a hook that answers after either is fine, it is only waited for by the pool's own fibers (and by
 * conn_pool_drain). validate and reset may be NULL: then there is nothing to do. A connection whose
 * validate or reset failed is closed. close must not wait. */
struct conn_driver {
    int (*open)(struct ctx *ctx, void *user, void **conn, struct err *err);
    void (*close)(void *user, void *conn);
    int (*validate)(struct ctx *ctx, void *user, void *conn, struct err *err);
    int (*reset)(struct ctx *ctx, void *user, void *conn, struct err *err);
};

/* ---- Settings -------------------------------------------------------------------------------- */

/* Who among the waiters gets a connection. */
enum conn_order {
    CONN_ORDER_FIFO,   /* the one who waits longest: the right way */
    CONN_ORDER_RANDOM, /* any of them, as Go's database/sql did (wrong on purpose) */
    CONN_ORDER_LIFO,   /* the one who came last (wrong on purpose) */
};

/* When to try again after a connect failed. */
enum conn_reconnect {
    CONN_RECONNECT_BACKOFF,   /* 10 ms to 5 s, doubling, each drawn from [0, that): full jitter */
    CONN_RECONNECT_IMMEDIATE, /* at once (wrong on purpose) */
};

/* In brackets: what HikariCP and database/sql call it. */
struct conn_pool_settings {
    uint64_t max_open;              /* [maximumPoolSize, MaxOpenConns] */
    uint64_t min_idle;              /* opened ahead of need [minimumIdle] */
    uint64_t max_idle;              /* released beyond are closed [MaxIdleConns] */
    uint64_t prewarm;               /* opened by conn_pool_create, in the background */
    uint64_t acquire_timeout_ns;    /* [connectionTimeout] 0: the ctx's end alone */
    uint64_t idle_timeout_ns;       /* closed when unused for so long, down to min_idle
                                     * [idleTimeout, ConnMaxIdleTime]; 0: never */
    uint64_t max_lifetime_ns;       /* closed when so old, but not while in use
                                     * [maxLifetime, ConnMaxLifetime]; 0: never */
    double lifetime_jitter;         /* share of it taken off at random, for each connection */
    uint64_t keepalive_ns;          /* idle ones are validated so often [keepaliveTime]; 0: never */
    double keepalive_jitter;        /* share of it taken off at random, each time */
    bool validate;                  /* before lending one that was idle for longer than … */
    uint64_t validate_idle_ns;      /* … this [aliveBypassWindow] */
    uint64_t validation_timeout_ns; /* also of a reset [validationTimeout] */
    uint64_t connect_timeout_ns;    /* of one attempt */
    uint64_t connects_parallel;     /* attempts under way at once; 0: as many as are wanted */
    int reconnect;                  /* enum conn_reconnect */
    uint64_t backoff_ns;            /* the first delay after a failure, doubling up to … */
    uint64_t backoff_max_ns;        /* … this */
    bool reset;                     /* what is released is reset before anyone else gets it */
    int order;                      /* enum conn_order */
    uint64_t leak_threshold_ns;     /* who holds one for longer is reported
                                     * [leakDetectionThreshold]; 0: nobody */
};

/* The table's lines, for a struct s that holds the settings in a field (at is the field's name with
 * a dot, or empty), their names behind prefix:
 *
 *     CONN_POOL_PARAMS("db_", service_settings, database.)
 *
 * Defaults are HikariCP's where it has one and a service of ours can live with it. */
// clang-format off
#define CONN_POOL_PARAMS(prefix, s, at)                                                            \
    {PARAM_COUNT(prefix "max_open", s, at max_open, "20", "connections open at once"),             \
     .min = 1, .max = 65536, .section = "Connection pool"},                                        \
    {PARAM_COUNT(prefix "min_idle", s, at min_idle, "0", "idle connections to keep ready"),        \
     .min = 0, .max = 65536},                                                                      \
    {PARAM_COUNT(prefix "max_idle", s, at max_idle, "65536",                                       \
                 "idle connections to keep at most; 0 keeps none (wrong on purpose)"),             \
     .min = 0, .max = 65536},                                                                      \
    {PARAM_COUNT(prefix "prewarm", s, at prewarm, "0", "connections to open ahead of use"),        \
     .min = 0, .max = 65536},                                                                      \
    {PARAM_NS(prefix "acquire_timeout", s, at acquire_timeout_ns, "3s",                            \
              "longest wait for a connection; 0 waits as long as the request may")},               \
    {PARAM_NS(prefix "idle_timeout", s, at idle_timeout_ns, "10m",                                 \
              "close a connection unused for so long, down to min_idle; 0 never does")},           \
    {PARAM_NS(prefix "max_lifetime", s, at max_lifetime_ns, "30m",                                 \
              "close a connection so old when it is not in use; 0 never does")},                   \
    {PARAM_SHARE(prefix "lifetime_jitter", s, at lifetime_jitter, "10%",                           \
                 "share of max_lifetime taken off at random; 0 makes them end together "           \
                 "(wrong on purpose)")},                                                           \
    {PARAM_NS(prefix "keepalive", s, at keepalive_ns, "0",                                         \
              "validate idle connections so often; 0 never does")},                                \
    {PARAM_SHARE(prefix "keepalive_jitter", s, at keepalive_jitter, "10%",                         \
                 "share of keepalive taken off at random")},                                       \
    {PARAM_BOOL(prefix "validate", s, at validate, "true",                                         \
                "validate before use what was idle for longer than validate_idle")},               \
    {PARAM_NS(prefix "validate_idle", s, at validate_idle_ns, "500ms",                             \
              "what was alive so recently is lent unchecked; 0 checks always, hand-overs too")},                   \
    {PARAM_NS(prefix "validation_timeout", s, at validation_timeout_ns, "5s",                      \
              "longest validation or reset")},                                                     \
    {PARAM_NS(prefix "connect_timeout", s, at connect_timeout_ns, "5s",                            \
              "longest attempt to connect")},                                                      \
    {PARAM_COUNT(prefix "connects_parallel", s, at connects_parallel, "4",                         \
                 "connects under way at once; 0 sets no bound (wrong on purpose)"),                \
     .min = 0, .max = 65536},                                                                      \
    {PARAM_CHOICE(prefix "reconnect", s, at reconnect, "backoff",                                  \
                  "after a failed connect; immediate is wrong on purpose",                         \
                  conn_reconnect_words)},                                                          \
    {PARAM_NS(prefix "backoff", s, at backoff_ns, "10ms",                                          \
              "delay after the first failed connect, doubling; drawn from 0 up to it"),            \
     .min = 1e3, .max = 3600e9},                                                                   \
    {PARAM_NS(prefix "backoff_max", s, at backoff_max_ns, "5s", "longest of these delays"),        \
     .min = 1e3, .max = 3600e9},                                                                   \
    {PARAM_BOOL(prefix "reset", s, at reset, "false",                                              \
                "reset a connection on return, so that nothing of one user is seen by the next")}, \
    {PARAM_CHOICE(prefix "order", s, at order, "fifo",                                             \
                  "who of the waiters is served; all but fifo are wrong on purpose",               \
                  conn_order_words)},                                                              \
    {PARAM_NS(prefix "leak_threshold", s, at leak_threshold_ns, "0",                               \
              "report who holds a connection for longer; 0 reports nobody")}
// clang-format on

extern const char *const conn_order_words[];
extern const char *const conn_reconnect_words[];

/* The table of struct conn_pool_settings itself, without a prefix. Ends with {0}. */
extern const struct param conn_pool_params[];

/* 0, or -EINVAL when two settings contradict each other. */
int conn_pool_settings_check(const struct conn_pool_settings *settings, struct err *err);

/* ---- Reports --------------------------------------------------------------------------------- */

enum conn_report_kind {
    CONN_REPORT_LEAK,              /* lent for longer than leak_threshold */
    CONN_REPORT_LEAK_RETURNED,     /* came back after all */
    CONN_REPORT_DOUBLE_RELEASE,    /* released a second time, or never acquired */
    CONN_REPORT_USE_AFTER_RELEASE, /* conn_pool_use on a lease that has ended */
    CONN_REPORT_DEADLOCK,          /* every connection is held by a fiber that waits for one more */
};

/* Something wrong that its borrower did. */
struct conn_report {
    enum conn_report_kind kind;
    const char *where; /* what acquire was told, "" when unknown */
    const char *fiber; /* its name, "" when unknown */
    uint64_t at_ns;    /* when it was seen */
    uint64_t held_ns;  /* for how long the connection was lent by then, 0 when unknown */
};

enum { CONN_REPORTS_KEPT = 16 };

/* ---- A pool ---------------------------------------------------------------------------------- */

struct conn_pool_options {
    const struct conn_pool_settings *settings; /* copied */
    const struct conn_driver *driver;          /* must outlive the pool */
    void *user;                                /* the driver's */
    uint64_t seed;                             /* of jitters and of CONN_ORDER_RANDOM */
    void (*report)(void *report_user,
                   const struct conn_report *report); /* or NULL; must not wait */
    void *report_user;
};

/* A connection on loan. The caller's memory; as little as is needed to notice misuse. */
struct conn_lease {
    void *conn;             /* the driver's; NULL once released */
    struct conn_slot *slot; /* private */
    uint64_t serial;        /* private: of this loan */
};

/* How a connection comes back. */
enum conn_state {
    CONN_GOOD,   /* usable by the next borrower: nothing of ours is under way on it */
    CONN_DIRTY,  /* to be reset first, whatever the setting says; closed where reset is NULL */
    CONN_BROKEN, /* to be closed: dead, or still busy, or in a state one can't tell */
};

/* Makes a pool and starts its fibers under ctx, which must outlive it. Doesn't wait for a
 * connection. When ctx ends, the pool refuses whoever comes, as if it were being drained. -EINVAL
 * for contradicting settings, -ENOMEM. Call conn_pool_destroy. */
int conn_pool_create(struct conn_pool **out, struct ctx *ctx,
                     const struct conn_pool_options *options, struct err *err);

/* Closes all connections and frees the pool. Stops its fibers first, which waits as long as the
 * driver's hooks take to notice. Nobody may be waiting in it (conn_pool_drain sees to that).
 * Connections still lent are closed too: their borrowers must be gone, or never touch their leases
 * again. Returns their number: the leak. NULL is allowed. */
uint64_t conn_pool_destroy(struct conn_pool *pool);

/* Borrows a connection; waits. where names the caller in reports, a static text; NULL: "".
 *   0            lease->conn is the caller's until conn_pool_release; ctx hadn't ended by then
 *   -EAGAIN      acquire_timeout was over first
 *   -ECANCELED, -ETIMEDOUT   ctx ended first (or before)
 *   -ESHUTDOWN   the pool is being drained, or its ctx has ended
 * On failure *lease is zeroed. A connect that failed is no failure of acquire's: it waits for the
 * next attempt; conn_pool_connect_error says why there is none. */
int conn_pool_acquire(struct ctx *ctx, struct conn_pool *pool, const char *where,
                      struct conn_lease *lease);

/* Gives it back; doesn't wait, whatever the driver does, and lease->conn is NULL after. A lease
 * that was released before (a copy of it included) or never acquired is refused with -EALREADY,
 * counted and reported in every build: whoever has the connection now keeps it. Any fiber. */
int conn_pool_release(struct conn_pool *pool, struct conn_lease *lease, enum conn_state state);

/* The loan goes on, but no longer on account of the fiber that acquired it, which may acquire
 * again without being taken for one that holds a connection meanwhile (nested, deadlocks). For
 * loans that outlive their request. A lease that has ended is left alone. */
void conn_pool_disown(struct conn_pool *pool, const struct conn_lease *lease);

/* The connection, or NULL when the lease has ended: counted and reported. */
void *conn_pool_use(struct conn_pool *pool, const struct conn_lease *lease);

/* Nobody gets a connection until resume: all wait, and time out. Loans go on. Harmless twice. */
void conn_pool_suspend(struct conn_pool *pool);
void conn_pool_resume(struct conn_pool *pool);

/* Closes what is idle, and what is lent when it comes back: after a failover, say. New ones are
 * opened as they are needed. */
void conn_pool_evict(struct conn_pool *pool);

/* Waits until at least count connections (max_open at most) are open, which min_idle and prewarm
 * begin by themselves. 0, the ctx's error, -ESHUTDOWN, or, with a connect failed since the call,
 * that one's error (the attempts go on). */
int conn_pool_prewarm(struct ctx *ctx, struct conn_pool *pool, uint64_t count, struct err *err);

/* The end: answers waiters and newcomers with -ESHUTDOWN at once, closes what is idle, waits for
 * what is lent to come back and closes it. When ctx ends first, stops waiting. Returns how many
 * connections are still lent: leaked, unless they are released later, which is still allowed until
 * conn_pool_destroy. */
uint64_t conn_pool_drain(struct ctx *ctx, struct conn_pool *pool);

/* ---- Figures --------------------------------------------------------------------------------- */

/* X(name, help): now. */
#define CONN_POOL_GAUGES(X)                                                                        \
    X(open, "connections open")                                                                    \
    X(idle, "connections at rest")                                                                 \
    X(in_use, "connections lent")                                                                  \
    X(handed, "connections handed to a waiter that has not run yet")                               \
    X(checking, "connections being validated before use")                                          \
    X(keeping, "connections being validated to keep them alive")                                   \
    X(resetting, "connections being reset")                                                        \
    X(connecting, "connects under way, or held back after a failure")                              \
    X(waiting, "borrowers in line")                                                                \
    X(in_use_peak, "most connections lent at once")                                                \
    X(open_peak, "most connections open at once")                                                  \
    X(waiting_peak, "most borrowers in line at once")

/* X(name, help): ever. */
#define CONN_POOL_COUNTERS(X)                                                                      \
    X(acquired, "loans")                                                                           \
    X(immediate, "loans that had not to wait")                                                     \
    X(released, "loans that came back")                                                            \
    X(broken, "loans that came back to be closed")                                                 \
    X(waits, "borrowers that stood in line")                                                       \
    X(wait_ns, "time they stood there, however it ended")                                          \
    X(timeouts, "borrowers that gave up after acquire_timeout")                                    \
    X(cancelled, "borrowers whose request ended before they had a connection")                     \
    X(returned, "cancelled ones that had just been handed one, and passed it on")                  \
    X(refused, "borrowers turned away because the pool was closing")                               \
    X(nested, "borrowers that held a connection already")                                          \
    X(deadlocks, "times every connection was held by a fiber waiting for one more")                \
    X(connects, "connects attempted")                                                              \
    X(connect_failures, "connects that failed")                                                    \
    X(connect_ns, "time spent in connects, failed ones included")                                  \
    X(opened, "connections opened")                                                                \
    X(retired_lifetime, "connections closed for their age")                                        \
    X(retired_idle, "connections closed for having been idle too long")                            \
    X(retired_excess, "connections closed because max_idle were idle")                             \
    X(retired_error, "connections closed because their borrower said so")                          \
    X(retired_validation, "connections closed because validation failed")                          \
    X(retired_reset, "connections closed because reset failed")                                    \
    X(retired_evicted, "connections closed by conn_pool_evict")                                    \
    X(retired_end, "connections closed because the pool was closing")                              \
    X(validations, "validations before use")                                                       \
    X(keepalives, "validations to keep alive")                                                     \
    X(resets, "resets")                                                                            \
    X(leaks_suspected, "loans that exceeded leak_threshold")                                       \
    X(leaks_returned, "of them, those that came back")                                             \
    X(misuses, "releases and uses of a lease that had ended")

enum { CONN_POOL_BUCKETS = 106 };

#define CONN_POOL_FIELD(name, help) uint64_t name; /* help */

/* A consistent picture on the pool's own thread; from another one each figure is true by itself. */
struct conn_pool_figures {
    CONN_POOL_GAUGES(CONN_POOL_FIELD)
    CONN_POOL_COUNTERS(CONN_POOL_FIELD)
    uint64_t retired;                            /* sum of retired_… */
    uint64_t acquire_buckets[CONN_POOL_BUCKETS]; /* of acquires that succeeded; not cumulative */
    uint64_t hold_buckets[CONN_POOL_BUCKETS];    /* of loans that came back */
    uint64_t acquire_ns, hold_ns;                /* sums over the same */
};

/* Any thread. */
void conn_pool_figures(const struct conn_pool *pool, struct conn_pool_figures *figures);

/* The bucket's upper bound, inclusive: 1.024 µs for the first, then four to each doubling up to
 * 68.7 s, so that a bucket is a quarter as wide as what lies below it at most; UINT64_MAX for the
 * last. */
uint64_t conn_pool_bucket_ns(unsigned bucket);

/* The same times, finely: from acquire being called to it being answered, 0 when there was no wait;
 * and from then to release (to 1 %, and 128 ns). The pool's, its thread's. */
const struct hist *conn_pool_acquire_hist(const struct conn_pool *pool);
const struct hist *conn_pool_hold_hist(const struct conn_pool *pool);

/* Why the last connect failed; code 0 when the last one succeeded or there was none. The pool's
 * thread. */
const struct err *conn_pool_connect_error(const struct conn_pool *pool);

/* The last reports, the latest first; returns how many were written, CONN_REPORTS_KEPT at most. */
size_t conn_pool_reports(const struct conn_pool *pool, struct conn_report *reports, size_t room);

/* Conservation, between any two steps of the pool's thread:
 *     acquired = released + in_use                 opened = open + retired
 *     open = idle + in_use + handed + checking + keeping + resetting
 *     open + connecting <= max_open
 *     waiting <= checking, unless none is idle and as many are connecting as max_open and
 *     connects_parallel allow (not while suspended); the same for min_idle
 * and that lists, slots and gauges say the same. 0, or -EPROTO with what is broken. O(max_open). */
int conn_pool_check(const struct conn_pool *pool, struct err *err);

#endif
