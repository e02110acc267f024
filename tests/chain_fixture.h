/* SPDX-License-Identifier: MIT */
/* chain_fixture.h - a link without sockets: two chains, faults by name, and what comes out. */
#ifndef POOLSTORM_TESTS_CHAIN_FIXTURE_H
#define POOLSTORM_TESTS_CHAIN_FIXTURE_H

#include "faults/proxy/chain.h"
#include "faults/proxy/toxic.h"

#include <stddef.h>

/* One link of one proxy; more links stand on the toxics of the first. */
struct stand {
    struct toxics own; /* unused where it stands on another's */
    struct toxics *toxics;
    struct toxic_peer peer;
    struct chain up, down;
    struct stand *next; /* the link behind it, on the same toxics */
    uint64_t now_ns;    /* when faults are added; 1 at first */
    bool follows;       /* the proxy follows a protocol; not at first */
};

/* A proxy called "p" with one link, number 1, from 127.0.0.1:5000. */
void stand_init(struct stand *stand, uint64_t seed);

/* One more link of first's proxy; the other way round: stand_part, or with first. */
void stand_join(struct stand *stand, struct stand *first, uint64_t number, uint64_t now_ns);
void stand_part(struct stand *stand, struct stand *first); /* the last one that joined */
void stand_fini(struct stand *first);

/* Adds a fault of that kind, at stand.now_ns of first, to all links. settings and aim: "name=value
 * name=value"; NULL: the defaults.
 */
struct toxic *stand_add(struct stand *first, const char *kind, enum fault_stream stream,
                        const char *settings, const char *aim);

/* The same, to see it refused. */
int stand_try(struct stand *first, const char *kind, enum fault_stream stream, const char *settings,
              const char *aim, struct toxic **out, struct err *err);

/* Changes settings and aim, with the defaults for what is not named; NULL: as they are. */
void stand_change(struct stand *first, struct toxic *toxic, const char *settings, const char *aim,
                  uint64_t now_ns);
void stand_remove(struct stand *first, struct toxic *toxic, uint64_t now_ns);

void stand_push(struct chain *chain, const char *text, uint64_t now_ns);
void stand_push_bytes(struct chain *chain, const char *data, size_t size_bytes, uint64_t now_ns);
void stand_end(struct chain *chain, uint64_t now_ns);

/* All that can be taken at now_ns, sent whole: '$' for the stream's end, '!' for a close, '#' for a
 * reset, '?' before what is to fail, '|' between pieces. Returns the length; text ends with 0. */
size_t stand_take(struct chain *chain, uint64_t now_ns, char *text, size_t size_bytes);
void stand_expect_(struct chain *chain, uint64_t now_ns, const char *expected, const char *file,
                   int line);
#define stand_expect(chain, now_ns, expected)                                                      \
    stand_expect_((chain), (now_ns), (expected), __FILE__, __LINE__)

#endif
