/* SPDX-License-Identifier: MIT */
/* fault.h - one kind of fault on the connections of a proxy: a descriptor, a file a kind.
 *
 * A proxied connection is a *link*; it has two *streams*, each with a chain of faults in the order
 * in which they were added. What is read from one side becomes *pieces*, which go through the
 * stream's chain: each waits at the fault that delays it, in a queue of that fault's, until it is
 * due, and then goes on to the next; a stream keeps its order whatever faults do. A fault is a
 * function from a piece to what becomes of it: it never waits, and never sends. The end of a stream
 * is a piece, too.
 *
 * Which pieces a fault gets to see is not its own business: toxicity is one draw a link and stream
 * (and one for both where the fault is on both), and `source`, `after` and `first` (struct
 * fault_aim) are asked before any hook is called. A hook that leaves a piece as it was has not
 * acted on it: its caller (faults/proxy/act.c) compares, counts and dates what has been touched, so
 * that no fault has to.
 *
 * When a fault is taken away or changed, what it held or delayed goes on at once, through the
 * faults behind it.
 *
 * Everything runs on the proxy's ring thread. */
#ifndef POOLSTORM_FAULTS_FAULT_H
#define POOLSTORM_FAULTS_FAULT_H

#include "core/err.h"
#include "core/param.h"
#include "core/rng.h"
#include "faults/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct query; /* faults/postgres/query.h */

/* Of one stream of one link, as hooks see it. */
struct fault_link {
    uint64_t number;          /* of the link, counted by the proxy from 1 */
    enum fault_stream stream; /* which way; never BOTH */
    bool established;         /* the link was there before the fault */
    uint64_t begun_ns;        /* when the fault began to act on the link; in on_arrival: when that
                                 is due so far */
    struct rng *rng;          /* by seed, proxy, link number, stream and the fault's name: a run
                                 replays whatever else happens */
};

/* An error in the server's place. */
struct fault_error {
    char sqlstate[6];    /* "57014" */
    const char *message; /* the fault's */
};

/* Some bytes on their way, or a stream's end. */
struct fault_piece {
    char *data;          /* may be changed in place */
    size_t size_bytes;   /* a hook that makes it smaller gets what it cut off as the next piece */
    uint64_t arrived_ns; /* when it was read */
    uint64_t due_ns; /* is not sent earlier: arrived_ns, or what the faults before made of it. May
                        be moved later only; CLOCK_NEVER holds it, and all behind it, until the
                        fault goes or changes */
    uint64_t offset; /* bytes of the stream before it, since the link began */
    bool end;        /* the stream's end; no bytes */
    bool changed;    /* set by a hook that changed bytes in place */
    const struct query *query; /* on a proxy that follows PostgreSQL, upstream: the query that it
                                  begins; downstream: the one that it answers; or NULL */
    bool committed;   /* downstream: query has committed, and this is the server's word of it */
    uint64_t late_ns; /* upstream, with a query: the server itself is to be that late with it;
                         hooks may add to it. Held that long where the server cannot be made so;
                         taken back when the fault goes or changes */
    const struct fault_error *error; /* set by the hook that answers FAULT_FAIL; copied */
};

/* What becomes of a piece beyond being sent when due. */
enum fault_verdict {
    FAULT_PASS,
    FAULT_DROP,  /* swallowed: nobody gets it */
    FAULT_CLOSE, /* sent when due; then both sides of the link are closed. What the hook cut off,
                    and all behind it, is lost */
    FAULT_RESET, /* not sent; when due, both sides get a TCP reset */
    FAULT_FAIL,  /* the query it begins fails, with piece->error; the transaction's state is the
                    server's own, which is made to refuse it */
};

/* What becomes of a new connection before the upstream is called. */
struct fault_arrival {
    uint64_t due_ns;   /* when the upstream is called: when it arrived, or later; CLOCK_NEVER: not
                          before the hook is asked again, which is whenever a fault comes, changes or
                          goes, and when a link has ended */
    size_t links_open; /* of the proxy: those whose upstream has been called */
};

/* Whether new connections get as far as being one. */
enum fault_door {
    FAULT_DOOR_OPEN,
    FAULT_DOOR_REFUSED, /* nobody listens: ECONNREFUSED */
    FAULT_DOOR_SILENT,  /* the client's SYN is not answered */
};

/* Static data, `const struct fault_type fault_<name>` in faults/<name>.c. Every hook is
 * optional. `self` is the fault's settings and may be changed by hooks (state_bytes
 * covers both), `own` what it keeps of a link's stream, zeroed at its beginning. */
struct fault_type {
    const char *name;           /* as in Toxiproxy's `type`: "latency", "reset_peer" */
    const char *summary;        /* one line, lower case, no full stop */
    const struct param *params; /* its attributes; see faults/control/attributes.h for their JSON */
    size_t state_bytes;         /* of its settings and of what it keeps for the whole proxy */
    size_t own_bytes;           /* of what it keeps a stream of a link; 0: nothing */
    bool both;                  /* acts on connections as a whole: its stream is BOTH by default */
    bool needs_queries;         /* refused on a proxy that does not follow the protocol */
    const char *const *paced;   /* params that are parts of the time it acts for: a shortened run
                                   shortens them, too; ends with NULL; NULL: none */

    /* Contradictions among settings, as they are set or changed. */
    int (*check)(const void *self, struct err *err);

    /* Makes what hooks need beside the params, once those have been checked: reads files. Settings
     * that change are made ready as a fresh self, which then takes the old one's place. */
    int (*prepare)(void *self, struct err *err);

    /* Frees what prepare has made, as far as it came (the params are the caller's). */
    void (*fini)(void *self);

    /* It has been added, or self has been made anew for settings that have changed: from now on,
     * whomever it is aimed at. Before any of the hooks below. */
    void (*on_add)(void *self, uint64_t now_ns);

    /* A new connection, before its upstream is called. Asked again with the same arrival and the
     * same draws as long as the connection waits. */
    enum fault_verdict (*on_arrival)(void *self, struct fault_link *link,
                                     struct fault_arrival *arrival);

    /* The fault begins to act on a stream of a link: the link is new, or the fault, or its settings
     * (own is then as it was left; zeroed else). Where requests are counted: with the first piece
     * that it acts on. Returns when on_time is to be called; CLOCK_NEVER: not at all. */
    uint64_t (*on_begin)(void *self, void *own, struct fault_link *link, uint64_t now_ns);

    /* A piece, in order. May make it smaller. */
    enum fault_verdict (*on_piece)(void *self, void *own, struct fault_link *link,
                                   struct fault_piece *piece);

    /* The time on_begin named has come: PASS for nothing, CLOSE or RESET; *again_ns is the next
     * time (CLOCK_NEVER as it comes in). */
    enum fault_verdict (*on_time)(void *self, void *own, struct fault_link *link, uint64_t now_ns,
                                  uint64_t *again_ns);

    /* The fault is taken away from a link that goes on, or does not choose it any more: PASS, or
     * what becomes of the link: CLOSE (Toxiproxy's timeout), RESET, or DROP: it stays dead, this
     * stream swallows everything. */
    enum fault_verdict (*on_end)(void *self, void *own, struct fault_link *link);

    /* Whether new connections get in, now; asked when a fault comes, changes or goes, and at
     * *again_ns (CLOCK_NEVER as it comes in), and only where the fault is aimed at everybody:
     * on_arrival has to do with those who get in all the same. */
    enum fault_door (*door)(void *self, uint64_t now_ns, uint64_t *again_ns);
};

/* Which pieces a fault is shown; beside toxicity, common to all kinds. */
struct fault_aim {
    double toxicity; /* share of links and streams, drawn once for each: 0 to 1 */
    char *source;    /* clients of this address or network, "10.0.0.0/8"; NULL: all. Unix: none */
    uint64_t after;  /* requests it lets pass first, counted over the proxy since it was added */
    uint64_t first;  /* requests it acts on after those; 0: all */
};

/* Connections that are held up before their upstream is called are counted as requests of their
 * own. */

/* Its settings, for attributes, files and command lines. */
extern const struct param fault_aim_params[];

/* Every kind; ends with NULL. */
extern const struct fault_type *const fault_types[];

/* The kind called name, or NULL. */
const struct fault_type *fault_type_find(const char *name);

#endif
