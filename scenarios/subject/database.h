/* SPDX-License-Identifier: MIT */
/* database.h - a service thread's way to its database: sessions, their pool, and what is known. */
#ifndef POOLSTORM_SUBJECT_DATABASE_H
#define POOLSTORM_SUBJECT_DATABASE_H

#include "core/err.h"
#include "core/group.h"
#include "core/list.h"
#include "core/rng.h"
#include "subject/conn_pool.h"
#include "subject/counters.h"
#include "subject/guard.h"
#include "subject/session.h"
#include "subject/settings.h"

#include <pthread.h>

struct object_pool;
struct page;
struct service;

/* X(name, help): what a thread counts, beside its pool. */
#define DATABASE_COUNTERS(X)                                                                       \
    X(connects, "connections asked of the server")                                                 \
    X(connect_failures, "of them, those that failed")                                              \
    X(closed, "connections closed")                                                                \
    X(queries, "queries sent")                                                                     \
    X(query_errors, "queries the server refused or ended")                                         \
    X(query_timeouts, "queries given up by their request")                                         \
    X(killed, "queries ended by a cancel that was not meant for them")                             \
    X(lost, "queries whose session broke")                                                         \
    X(abandoned, "given-up sessions left to finish by themselves")                                 \
    X(cancels, "cancel requests sent for given-up sessions")                                       \
    X(cancel_failures, "of them, those that did not come through")                                 \
    X(strays_begun, "given-up sessions looked after in the background")                            \
    X(strays_ended, "of them, those that have come to an end")                                     \
    X(leaked, "sessions never given back, on purpose")                                             \
    X(reclaimed, "of them, those the detector took back")                                          \
    X(polluted, "sessions in which a former user had left something")                              \
    X(restarts, "times all connections were replaced")

#define DATABASE_WORD(name, help) counter_word name;

/* Of one thread; what is not a counter is its own. */
struct database {
    const struct service_settings *settings;
    const char *conninfo;          /* resolved; the service's */
    struct conn_pool_settings own; /* this thread's part of the pool's limits */
    uint64_t reports_max_open;     /* of own.max_open, its part of those for /report */
    const struct session_source *source;
    struct conn_pool *pool;    /* SESSION_POOL, else NULL; others read its figures under … */
    struct conn_pool *reports; /* of /report alone, or NULL; likewise */
    pthread_mutex_t reading;   /* … this, so that they can't go away meanwhile */
    struct object_pool *cache; /* SESSION_CACHE, else NULL */
    struct list open;          /* of db_conn.link: all that is connected */
    struct list leaks;         /* of session.link, on the heap */
    struct group strays;       /* given-up sessions, each with a fiber */
    struct group upkeep;       /* periodic work: purge, restart, reclaim */
    struct guard guard;        /* of /guarded, /cached and /ledger */
    uint64_t told_ns;          /* when a failed connect was last told of; 0: never */
    struct rng rng;            /* of leak_share and the pool */
    DATABASE_COUNTERS(DATABASE_WORD)
};

/* What connections are opened with: the setting, its names looked up, with the timeouts that
 * the server and TCP are to keep.
 * BLOCKS in the resolver. The caller frees *out. Also tries it once: a database that can't be
 * reached or refuses us is an error here, unless db_check is off. */
int database_conninfo(struct ctx *ctx, char **out, const struct service_settings *settings,
                      struct err *err);

/* For thread `index` of settings->threads. Its fibers live under ctx. 0 or -errno. */
int database_start(struct ctx *ctx, struct database *database,
                   const struct service_settings *settings, const char *conninfo, unsigned index,
                   struct err *err);

/* Takes back what is lent, for settings->drain_timeout at most, and closes everything. */
void database_stop(struct database *database);

/* The database's part of /metrics, all threads added up; any thread may call. */
void database_figures(struct page *page, const struct service *service);

#endif
