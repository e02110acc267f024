/* SPDX-License-Identifier: MIT */
/* proxy.h - a set of proxies: relays with faults on them, by name, and what they have done.
 *
 * This is all that control APIs, the command line and files of faults stand on; they only
 * translate. All calls belong to the thread of the ring the set was made on. None waits for a peer:
 * closing and dropping connections is begun, and gone on with by the set's fibers. */
#ifndef POOLSTORM_FAULTS_PROXY_PROXY_H
#define POOLSTORM_FAULTS_PROXY_PROXY_H

#include "core/ctx.h"
#include "core/err.h"
#include "faults/fault.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct proxy_set;
struct proxy;
struct toxic;

/* ---- The set --------------------------------------------------------------------------------- */

/* Empty. seed is what all draws come from. The process ignores SIGPIPE from now on. */
int proxy_set_create(struct ctx *ctx, uint64_t seed, struct proxy_set **out, struct err *err);

/* Closes every listener and connection, waits for the fibers, frees. NULL is fine. */
void proxy_set_destroy(struct proxy_set *set);

/* What its connections are held to. */
struct proxy_limits {
    uint64_t connect_ns; /* for an upstream to be looked up and to answer; 0: the kernel's own */
    unsigned dead_s;     /* after which a connection that a fault has left dead is dropped; 0: not,
                            32767 at most. TCP alone */
    size_t dead_max;     /* of such a proxy; the oldest are dropped. Less where there are few
                            descriptors */
};

#define PROXY_CONNECT_NS (10 * NS_PER_S)
enum { PROXY_DEAD_S = 7200, PROXY_DEAD_S_MAX = 32767, PROXY_DEAD_MAX = 1024 };

/* For what comes from now on; a new set has the defaults above. */
void proxy_set_limit(struct proxy_set *set, const struct proxy_limits *limits);

/* So many of the process's descriptors its connections leave alone, for whoever controls it. */
size_t proxy_set_reserve(const struct proxy_set *set);

/* In the order of their names; NULL behind the last. */
struct proxy *proxy_first(struct proxy_set *set);
struct proxy *proxy_next(struct proxy *proxy);
struct proxy *proxy_find(struct proxy_set *set, const char *name);

/* Enables every proxy and takes every fault away, Toxiproxy's reset. The first error is answered,
 * the rest is done all the same. */
int proxy_set_reset(struct proxy_set *set, struct err *err);

/* ---- A proxy --------------------------------------------------------------------------------- */

enum proxy_protocol {
    PROXY_OPAQUE,
    PROXY_POSTGRES, /* follows the protocol, so that faults can aim at queries */
};

extern const char *const proxy_protocol_names[]; /* ends with NULL */

/* Texts are the caller's and copied. */
struct proxy_options {
    const char *name;     /* any text but "" */
    const char *listen;   /* "127.0.0.1:3310", ":3310", "localhost:0", "unix:/path" */
    const char *upstream; /* likewise; a name is looked up when a connection comes */
    bool enabled;
    int protocol; /* enum proxy_protocol */
};

/* -EEXIST for a name that is taken; else why it cannot listen, in the words Go has for it ("listen
 * tcp 127.0.0.1:3310: bind: address already in use"); nothing stays behind then. */
int proxy_create(struct proxy_set *set, const struct proxy_options *options, struct proxy **out,
                 struct err *err);

/* Changes what is given (NULL: as it is; enabled -1 likewise). A new listen or upstream starts it
 * afresh, which drops its connections, and so does disabling. Errors as proxy_create; it is
 * disabled then, unless listen makes no sense, which changes nothing. */
int proxy_change(struct proxy *proxy, const char *listen, const char *upstream, int enabled,
                 struct err *err);

/* Drops its connections and forgets it. */
void proxy_remove(struct proxy *proxy);

const char *proxy_name(const struct proxy *proxy);
/* As given until it has listened there for the first time; resolved from then on, so that port 0
 * stays the same port. */
const char *proxy_listen(const struct proxy *proxy);
const char *proxy_upstream(const struct proxy *proxy);
bool proxy_enabled(const struct proxy *proxy);
int proxy_protocol(const struct proxy *proxy);

/* Counted live, by stream: bytes read from one side and bytes sent to the other. */
struct proxy_figures {
    uint64_t received_bytes[2], sent_bytes[2]; /* by enum fault_stream */
    uint64_t links_open;                       /* now */
    uint64_t links_total;                      /* ever accepted */
    uint64_t dial_failures;                    /* upstream did not answer */
    uint64_t opaque_links;                     /* of protocol postgres, given up following: bytes
                                                  that are none of it, or encrypted */
    uint64_t queries;                          /* seen on followed links */
    uint64_t spliced_bytes;                    /* moved without being read */
    uint64_t out_of_descriptors;               /* connections that had to wait for some, or were
                                                  refused for want of any */
    uint64_t links_refused;                    /* accepted, and closed for want of descriptors or
                                                  memory */
};

struct proxy_figures proxy_figures(const struct proxy *proxy);

/* ---- Faults of a proxy ----------------------------------------------------------------------- */

struct toxic_options {
    const char *name; /* NULL or "": "<type>_<stream>" */
    const struct fault_type *type;
    enum fault_stream stream;
    const char *stream_text;     /* how its name was spelled, "Upstream"; NULL: as usual */
    const struct fault_aim *aim; /* NULL: the defaults */
    const void *settings;        /* by type->params, copied; NULL: the defaults */
};

/* Takes effect on live links at once. -EEXIST for a name taken on this proxy; -EINVAL for what the
 * type's check refuses; -EPROTO when it needs queries and the proxy follows no protocol, or a link
 * is encrypted. */
int toxic_add(struct proxy *proxy, const struct toxic_options *options, struct toxic **out,
              struct err *err);

/* Whether toxic_add would take it, as far as that does not depend on what the proxy has: -EINVAL,
 * -EPROTO, -ENOMEM. protocol: of enum proxy_protocol. */
int toxic_options_check(const struct toxic_options *options, int protocol, struct err *err);

/* The name it would get. Returns text. */
char *toxic_options_name(const struct toxic_options *options, char *text, size_t size_bytes);

/* Changes aim and settings (NULL: as they are). Errors as toxic_add, and nothing changes then. */
int toxic_change(struct toxic *toxic, const struct fault_aim *aim, const void *settings,
                 struct err *err);

/* Takes it away from all links, without waiting for any of them. */
void toxic_remove(struct toxic *toxic);

/* Those of upstream first, then downstream, then both, each in the order in which they were added;
 * NULL behind the last. (They act in the order in which they were added, wherever they are.) */
struct toxic *toxic_first(struct proxy *proxy);
struct toxic *toxic_next(struct toxic *toxic);
struct toxic *toxic_find(struct proxy *proxy, const char *name);

const char *toxic_name(const struct toxic *toxic);
const struct fault_type *toxic_type(const struct toxic *toxic);
enum fault_stream toxic_stream(const struct toxic *toxic);
const char *toxic_stream_text(const struct toxic *toxic);
const struct fault_aim *toxic_aim(const struct toxic *toxic);
const void *toxic_settings(const struct toxic *toxic); /* by type->params */

/* What it has really done. Times are CLOCK_MONOTONIC, 0: nothing yet. */
struct toxic_effects {
    uint64_t first_ns, last_ns; /* first and last effect; still held at the end counts until then */
    uint64_t links, bytes;      /* touched; the end of a stream has no bytes */
    uint64_t pieces;
    uint64_t refused; /* connections kept out, delayed or closed before they were one */
};

struct toxic_effects toxic_effects(const struct toxic *toxic);

/* One connection that it touched. */
struct toxic_link {
    uint64_t number; /* counted by the proxy from 1 */
    char client[64]; /* its address as text */
    uint64_t first_ns, last_ns, bytes;
};

/* The latest of them, at most size; returns how many were written. */
size_t toxic_links(const struct toxic *toxic, struct toxic_link *links, size_t size);

#endif
