/* SPDX-License-Identifier: MIT */
/* settings.h - every policy of the built-in service, by name, with its default. */
#ifndef POOLSTORM_SUBJECT_SETTINGS_H
#define POOLSTORM_SUBJECT_SETTINGS_H

#include "core/err.h"
#include "core/param.h"
#include "subject/conn_pool.h"
#include "subject/guard.h"

#include <stdbool.h>
#include <stdint.h>

/* Where the memory of a request comes from. */
enum buffers_mode {
    BUFFERS_MALLOC,           /* the allocator, for each piece, and back at once */
    BUFFERS_POOL,             /* an object pool of the process */
    BUFFERS_POOL_PER_REQUEST, /* a pool made for the request: nothing to reuse (wrong on purpose) */
};

/* Where the parsed document's nodes come from, of which a request has hundreds. An arena is a gain
 * of its own, pooled or not: to see what pooling is worth, hold this equal on both sides. */
enum nodes_mode {
    NODES_BY_BUFFERS, /* an arena with pooled buffers, the allocator with BUFFERS_MALLOC */
    NODES_ALLOCATOR,  /* each from the allocator, and back one by one */
    NODES_ARENA,      /* out of blocks of the request, emptied at once */
};

/* What is made clean between two users of a pooled object. */
enum pool_reset {
    POOL_RESET_FULL,        /* lengths and fields: the right way */
    POOL_RESET_KEEP_FIELDS, /* lengths only: optional fields stay those of the former request */
    POOL_RESET_KEEP_LENGTH, /* fields only: what is written goes behind the former bytes */
    POOL_RESET_NONE,        /* neither */
};

/* Which ways out of a handler give its pooled object back. */
enum pool_put {
    POOL_PUT_ALWAYS,     /* every one: the right way */
    POOL_PUT_ON_SUCCESS, /* only the one at the handler's end (wrong on purpose) */
    POOL_PUT_NEVER,      /* none (wrong on purpose) */
};

/* When a pool destroys what it gives up. */
enum pool_destroy {
    POOL_DESTROY_AT_ONCE,  /* as it gives it up: an explicit close */
    POOL_DESTROY_DEFERRED, /* a reclaim later, as a finalizer would (wrong on purpose) */
};

/* Where a request's database session comes from. */
enum session_source_kind {
    SESSION_POOL,    /* the thread's connection pool: the right way */
    SESSION_REQUEST, /* a connection pool made for the request */
    SESSION_CONNECT, /* a connection made for the request */
    SESSION_CACHE,   /* an object pool without a limit, purged now and then */
};

/* What becomes of a session whose request gives up during a query. */
enum on_timeout {
    ON_TIMEOUT_CANCEL,      /* the server is asked to stop; lent again when that is over */
    ON_TIMEOUT_CANCEL_LATE, /* lent again as soon as it is idle, the cancel perhaps still under way
                             */
    ON_TIMEOUT_ABANDON,     /* nothing: it comes back when the server is done */
    ON_TIMEOUT_CLOSE,       /* closed, and the server goes on */
};

enum leak_action {
    LEAK_REPORT,  /* who borrowed it is told, as HikariCP does */
    LEAK_RECLAIM, /* and the connection is taken back and closed */
};

enum restart_way {
    RESTART_DRAIN,   /* what is lent is replaced when it comes back */
    RESTART_AT_ONCE, /* what is lent is cut off */
};

/* How long a session is held that a request has asked once and then works on without. */
enum session_hold {
    HOLD_QUERY,   /* until it has answered */
    HOLD_REQUEST, /* until the request ends */
};

/* When the results of a loop of queries are closed, each holding a session until then. */
enum rows_close {
    ROWS_CLOSE_EACH, /* before the next query */
    ROWS_CLOSE_END,  /* when the function ends: what deferring to its end in a loop amounts to */
};

/* A request that needs two sessions. */
enum nested_way {
    NESTED_ONE, /* one at a time */
    NESTED_TWO, /* asks for the second with the first in hand */
};

struct database_settings {
    char *conninfo;                 /* of libpq; NULL: no database */
    bool check;                     /* connect once before serving */
    struct conn_pool_settings pool; /* of SESSION_POOL, the limits over all threads; of each pool of
                                       SESSION_REQUEST */
    int source;                     /* enum session_source_kind */
    int on_timeout;                 /* enum on_timeout */
    uint64_t query_timeout_ns;      /* a query is given up after; 0: with its request */
    uint64_t statement_timeout_ns;  /* the server ends a query after; 0: never */
    uint64_t socket_timeout_ns;     /* a server that is silent for so long is given up; 0: never */
    uint64_t cancel_timeout_ns;     /* a cancel that takes longer is lost, and its session closed */
    uint64_t tcp_user_timeout_ns;   /* TCP gives up what is not acknowledged for so long; 0: late */
    uint64_t tcp_keepalive_ns;      /* TCP asks an idle peer so often; 0: as the system does */
    uint64_t tcp_keepalive_probes;  /* and gives it up after so many */
    uint64_t report_max_open;       /* of pool.max_open, kept for /report alone; 0: it shares */
    uint64_t purge_every_ns;   /* SESSION_CACHE: what rests is closed at this period; 0: never */
    double leak_share;         /* of sessions are never given back */
    int leak_action;           /* enum leak_action */
    uint64_t restart_every_ns; /* all connections are replaced at this period; 0: never */
    int restart;               /* enum restart_way */
    int hold;                  /* enum session_hold */
    int rows_close;            /* enum rows_close */
    int nested;                /* enum nested_way */
    bool rollback;             /* a transaction left open is ended when the session comes back */
    bool validate_state;       /* validating also looks for what a former user left behind */
    char *query;               /* what /query asks, by $1 */
    char *report;              /* what /report asks, likewise */
};

/* What a request of /work/tasks leaves behind. */
enum tasks_kind {
    TASKS_SEND,    /* a task that sends where nobody receives (wrong on purpose) */
    TASKS_RECEIVE, /* one that receives from a channel nobody closes (wrong on purpose) */
    TASKS_BOUND,   /* either in turn, bound to the request's ctx: the right way */
};

/* What becomes of the pooled object of a request that ended half-way. */
enum pooled_on_cancel {
    POOLED_PUT_BACK, /* as it is (wrong on purpose) */
    POOLED_RESET,    /* made clean first */
    POOLED_DROP,     /* thrown away */
    POOLED_WEIGHTED, /* thrown away at odds that depend on why it ended, else made clean */
};

/* When that object goes back. */
enum pooled_release {
    POOLED_AT_HANDLER_END, /* when the handler has noticed the end and is done */
    POOLED_AT_CTX_END,     /* at once */
};

/* How the threads of /work/shared change the one object. */
enum shared_way {
    SHARED_RACY,    /* each reads it, works and writes what it made of it (wrong on purpose) */
    SHARED_MUTEX,   /* the same, one at a time */
    SHARED_SHARDED, /* each thread has a part of it, and who reads adds them up */
    SHARED_ATOMIC,  /* each works first and then adds in one step */
};

/* What objects of /work/keyed are kept apart by. */
enum keyed_by { KEYED_BY_HOST, KEYED_BY_TIMEOUT, KEYED_BY_TRACE };

struct fanout_settings {
    uint64_t limit; /* descendants of a thread's requests alive at once */
    bool listen;    /* where a request does not say */
};

struct tasks_settings {
    int kind;       /* enum tasks_kind, where a request does not say */
    uint64_t limit; /* tasks of a thread alive at once; 503 above */
};

struct pooled_settings {
    int on_cancel;              /* enum pooled_on_cancel */
    int release;                /* enum pooled_release */
    uint64_t checkpoint_ns;     /* the handler looks at its ctx this often; 0: it waits under it */
    uint64_t objects_max;       /* a thread keeps; more are made for one request each */
    double drop_canceled_share; /* weighted: odds of throwing away, by why the request ended */
    double drop_deadline_share;
    double drop_idle_share; /* and when found to have rested for longer than idle_after_ns */
    uint64_t idle_after_ns;
};

struct keyed_settings {
    int by;               /* enum keyed_by */
    uint64_t keys_max;    /* a thread keeps objects for; the one used longest ago goes first */
    uint64_t objects_max; /* of each key */
};

/* Who loads a row that /cached does not have. */
enum load_guard {
    LOAD_UNGUARDED,     /* everyone who misses it, each for himself */
    LOAD_MUTEX,         /* who holds the cache's one lock; all others wait, hits included */
    LOAD_SINGLE_FLIGHT, /* one load, whose result all share: the right way */
};

/* Of cached_read.h. */
struct cache_settings {
    int load_guard;           /* enum load_guard */
    uint64_t ttl_ns;          /* 0: nothing is kept */
    uint64_t jitter_ns;       /* of ttl_ns */
    uint64_t refresh_ns;      /* served stale for so long, being loaded behind */
    uint64_t rescue_ns;       /* served stale for so long more, when a load fails */
    uint64_t pause_ns;        /* after that, served stale without trying */
    uint64_t load_timeout_ns; /* of a load with its retries; 0: when it likes */
    uint64_t entries_max;     /* a thread keeps */
};

/* When /ledger acknowledges a write. */
enum ledger_acknowledge {
    LEDGER_AFTER_COMMIT,  /* when the database has: the right way */
    LEDGER_BEFORE_COMMIT, /* when it was inserted, the commit still to come (wrong on purpose) */
};

struct ledger_settings {
    int acknowledge; /* enum ledger_acknowledge */
    bool key;        /* a write has a key that is taken once, so that a retry does no harm */
    uint64_t commit_after_ns; /* LEDGER_BEFORE_COMMIT: so much later */
};

/* Read by param.h's functions; fixed while the service runs. */
struct service_settings {
    char *listen;                 /* where to listen, see addr_parse */
    uint64_t threads;             /* each with a ring and a listener of its own */
    uint64_t backlog;             /* connections the kernel may hold for us */
    uint64_t connections_limit;   /* a thread serves at once; more wait in the backlog */
    uint64_t header_limit_bytes;  /* of a request head, 431 above */
    uint64_t payload_limit_bytes; /* of a request body, 413 above */
    uint64_t buffer_limit_bytes;  /* no buffer grows beyond; 500 instead */
    uint64_t idle_timeout_ns;     /* an idle connection is closed after */
    uint64_t request_timeout_ns;  /* from a request's first byte to its last */
    uint64_t handler_timeout_ns;  /* deadline of a request's ctx from its first byte; 0: none */
    bool notice_disconnect;       /* a peer that hangs up ends its request's ctx */
    uint64_t drain_timeout_ns;    /* requests in flight may take so long to finish */
    uint64_t drain_grace_ns;      /* idle connections may bring one more request for so long */
    uint64_t delay_ns;            /* slept in each encode */
    uint64_t busy_ns;             /* spent in each encode without anything coming of it */
    uint64_t gather;              /* requests that wait for each other; 0 or 1: none */
    uint64_t gather_timeout_ns;   /* and no longer than this */
    int buffers;                  /* enum buffers_mode */
    int nodes;                    /* enum nodes_mode */
    int pool_reset;               /* enum pool_reset */
    uint64_t pool_capacity_limit_bytes; /* objects holding more are not kept; 0: all are */
    uint64_t pool_request_limit_bytes;  /* nor those with a larger request buffer; 0: all are */
    uint64_t pool_response_limit_bytes; /* nor those with a larger response buffer; 0: all are */
    int pool_put;                       /* enum pool_put */
    uint64_t pool_lost_limit;           /* objects of a thread that pool_put may lose */
    int pool_destroy;                   /* enum pool_destroy */
    uint64_t pool_prewarm;              /* objects a thread makes before it listens */
    uint64_t pool_prewarm_bytes;        /* capacity of each of their buffers */
    uint64_t pool_reclaim_every_ns;     /* unused objects are given up at this period; 0: never */
    bool pool_victim;                   /* an object survives one reclaim */
    uint64_t profile_every_ns;          /* CPU time between two samples of where it goes; 0: none */
    int shared_way;                     /* enum shared_way */
    uint64_t seed;                      /* of whatever is drawn at random */
    struct database_settings database;
    struct guard_settings guard;   /* before the database, of /guarded, /cached and /ledger */
    struct cache_settings cache;   /* of /cached */
    struct ledger_settings ledger; /* of /ledger */
    struct fanout_settings fanout; /* of the endpoints of these names */
    struct tasks_settings tasks;
    struct pooled_settings pooled;
    struct keyed_settings keyed;
};

/* In sections, as the help shows them. Ends with {0}. */
extern const struct param service_params[];

/* 0, or -EINVAL when two settings contradict each other. */
int service_settings_check(const struct service_settings *settings, struct err *err);

#endif
