/* SPDX-License-Identifier: MIT */
/* toxic.h - the faults of one proxy: what was asked for, whom they are aimed at, and what they have
 * really done. No I/O, and no links: spread.c puts them on those, by chain.h.
 *
 * Behind the toxic_* half of proxy.h, of which spread.c does what links and doors have to hear of:
 * toxic_add is toxics_create, then chain_add on every live link; toxic_change is toxic_set, then
 * chain_change; toxic_remove is chain_remove, then toxic_destroy. After each of the three it asks
 * toxics_door anew, and has those who wait for toxics_arrive ask that. The rest (toxic_next,
 * toxic_name, toxic_effects and so on) is done here: toxic.c makes and lists them, toxic_aim.c is
 * about whom they act on, toxic_arrivals.c about new connections, toxic_effects.c about what they
 * did.
 *
 * Everything runs on the proxy's ring thread, and nothing waits. */
#ifndef POOLSTORM_FAULTS_PROXY_TOXIC_H
#define POOLSTORM_FAULTS_PROXY_TOXIC_H

#include "core/list.h"
#include "faults/fault.h"
#include "faults/proxy/proxy.h"

#include <netinet/in.h>
#include <sys/socket.h>

/* Names of touched links kept a toxic; the latest. */
enum { TOXIC_LINKS_MAX = 1024 };

/* All faults of one proxy. */
struct toxics {
    struct list list;  /* struct toxic.of_all, in the order they were added, which is that they act
                          in */
    uint64_t seed;     /* of all draws: the set's seed and the proxy's name */
    uint64_t requests; /* begun on the proxy's links, while there was something to count them for */
    uint64_t links;    /* the highest number of a link so far */
    uint64_t created;  /* toxics ever */
};

/* An address or a network. */
struct toxic_source {
    int family; /* AF_INET, AF_INET6; 0: everybody */
    unsigned bits;
    uint8_t address[16];
};

struct toxic {
    struct list of_all; /* in its toxics */
    struct toxics *toxics;
    uint64_t id;                   /* never used again on this proxy */
    char *name;                    /* of malloc */
    const struct fault_type *type; /* static */
    enum fault_stream stream;
    char *stream_text;            /* of malloc */
    struct fault_aim aim;         /* source is of malloc */
    struct toxic_source source;   /* aim.source, read */
    void *settings;               /* of malloc, type->state_bytes of it */
    uint64_t requests_before;     /* of its proxy, when it was added */
    uint64_t links_before;        /* likewise */
    struct toxic_effects effects; /* last_ns is behind while something is held */
    uint64_t holding;             /* pieces and arrivals it holds or delays now */
    bool door_shut;               /* it keeps new connections out now */
    struct toxic_link *touched;   /* a ring of touched_room, the n-th touched link at n % room */
    size_t touched_room;
    uint64_t *noted; /* a bit for the number of each touched link, noted_words of them */
    size_t noted_words;
    void *owner; /* the relay's: its struct proxy */
};

/* A link, as chains and arrivals know it; embedded in the relay's. */
struct toxic_peer {
    struct toxics *toxics;
    uint64_t number; /* of the link, from 1 */
    union {
        struct sockaddr any;
        struct sockaddr_in ip4;
        struct sockaddr_in6 ip6;
    } client;               /* AF_UNIX: the family alone */
    uint64_t held_by;       /* id of the toxic that holds its arrival; 0: none */
    uint64_t held_touched;  /* for toxic_touch by that one */
    uint64_t request;       /* its latest, by the count of the proxy; 0: none yet */
    bool answered;          /* bytes came down since that one */
    bool followed;          /* by the caller, who counts its queries: bytes are no requests */
    uint64_t read_bytes[2]; /* by stream */
};

/* ---- A proxy's toxics ------------------------------------------------------------------------ */

/* seed: the set's. name: the proxy's; not kept. */
void toxics_init(struct toxics *toxics, uint64_t seed, const char *name);

/* Destroys the toxics, which act on no link any more. */
void toxics_fini(struct toxics *toxics);

/* Checks everything, and appends it. follows: the proxy follows PostgreSQL. Errors as toxic_add of
 * proxy.h. */
int toxics_create(struct toxics *toxics, const struct toxic_options *options, bool follows,
                  uint64_t now_ns, struct toxic **out, struct err *err);

/* Changes aim and settings (NULL: as they are), or nothing; errors as toxic_change. */
int toxic_set(struct toxic *toxic, const struct fault_aim *aim, const void *settings,
              uint64_t now_ns, struct err *err);

/* Forgets a toxic that acts on no link any more. */
void toxic_destroy(struct toxic *toxic);

/* As toxic_first and toxic_find of proxy.h. */
struct toxic *toxics_first(struct toxics *toxics);
struct toxic *toxics_find(struct toxics *toxics, const char *name);

/* Whether requests have to be counted: while this is true, no link of the proxy may be spliced. */
bool toxics_count_requests(const struct toxics *toxics);

/* Whether followed links have to be, because somebody aims at queries or counts them. */
bool toxics_want_queries(const struct toxics *toxics);

/* A query has begun on a followed link: counts it, before its first piece goes anywhere. */
void toxic_peer_query(struct toxic_peer *peer, const struct query *query);

/* ---- New connections ------------------------------------------------------------------------- */

/* Whether new connections get in, by all toxics. To be asked again at *again_ns (CLOCK_NEVER: not
 * by itself), and whenever a toxic came, changed or went. */
enum fault_door toxics_door(struct toxics *toxics, uint64_t now_ns, uint64_t *again_ns);

/* client may be NULL: a Unix socket. Fill before anything else of the link; no memory of its own.
 */
void toxic_peer_init(struct toxic_peer *peer, struct toxics *toxics, uint64_t number,
                     const struct sockaddr *client);

/* The link goes, whatever it was doing. */
void toxic_peer_fini(struct toxic_peer *peer);

/* What becomes of a connection that was accepted at arrived_ns, before its upstream is called: PASS
 * at *due_ns, at once when that is not in the future (CLOCK_NEVER: when something changes); else
 * CLOSE or RESET, now. links_open: of the proxy, those whose upstream has been called. To be asked
 * again, in the order of arrival, at *due_ns, whenever a toxic came, changed or went, and when a
 * link has ended. */
enum fault_verdict toxics_arrive(struct toxic_peer *peer, uint64_t arrived_ns, size_t links_open,
                                 uint64_t now_ns, uint64_t *due_ns);

/* ---- For the chains, act.c ------------------------------------------------------------------- */

/* The sequence all draws of a fault on a stream of a link come from. */
void toxic_rng(const struct toxic *toxic, const struct toxic_peer *peer, enum fault_stream stream,
               const char *purpose, struct rng *rng);

/* Whether source and toxicity choose this stream of this link. One draw a link and stream, and one
 * for both streams where the toxic is on both; a higher toxicity keeps those it had. */
bool toxic_chooses(const struct toxic *toxic, const struct toxic_peer *peer,
                   enum fault_stream stream);

/* Whether after or first is set. */
bool toxic_counts(const struct toxic *toxic);

/* Whether after and first let it act on the request of that number. */
bool toxic_wants(const struct toxic *toxic, uint64_t request);

/* It has done something to so many bytes of the link. *touched is the caller's, a stream of a link,
 * 0 at first. */
void toxic_touch(struct toxic *toxic, const struct toxic_peer *peer, size_t bytes, uint64_t now_ns,
                 uint64_t *touched);

/* It holds something, or delays it, and does so no more. */
void toxic_hold(struct toxic *toxic);
void toxic_release(struct toxic *toxic, const struct toxic_peer *peer, uint64_t now_ns,
                   uint64_t touched);

#endif
