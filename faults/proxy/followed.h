/* SPDX-License-Identifier: MIT */
/* followed.h - what the relay has to do with a protocol that it follows. */
#ifndef POOLSTORM_FAULTS_PROXY_FOLLOWED_H
#define POOLSTORM_FAULTS_PROXY_FOLLOWED_H

#include "faults/postgres/follow.h"
#include "faults/proxy/link.h"

/* Its protocol is one that can be: the only place that knows which. */
bool proxy_is_followed(const struct proxy *proxy);

/* Has a link's protocol followed from its first byte on, where its proxy's is; destroying is
 * harmless without. -ENOMEM. */
int followed_create(struct link *link);
void followed_destroy(struct link *link);

/* Is, and not given up. */
bool link_is_followed(const struct link *link);

/* Whether faults want to see queries from now on. */
void followed_want(struct link *link, bool wanted);

/* Its queries are out of sight, and somebody means them to be. */
bool followed_is_encrypted(const struct link *link);

/* The next piece of what was read, to be called until there is none; one on links that are not
 * followed. It lasts until the next call. */
bool followed_cut(struct stream *stream, struct follow_bytes *bytes, struct chain_input *piece);

/* What was kept back until its stream's end. */
bool followed_rest(struct stream *stream, struct chain_input *piece);

/* Before an item is sent that begins a query which is to fail or to be late: sends what has to come
 * before it, and notes what has to be left out or comes behind. 0 or -errno. */
int followed_rewrite(struct stream *stream, const struct chain_item *item);

#endif
