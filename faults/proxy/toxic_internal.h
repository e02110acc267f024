/* SPDX-License-Identifier: MIT */
/* toxic_internal.h - what the files behind toxic.h share. */
#ifndef POOLSTORM_FAULTS_PROXY_TOXIC_INTERNAL_H
#define POOLSTORM_FAULTS_PROXY_TOXIC_INTERNAL_H

#include "faults/proxy/toxic.h"

#define TOXIC_HASH_BASIS UINT64_C(0xcbf29ce484222325)

/* FNV-1a, of a text with its end, so that two texts are not their concatenation; goes on from hash,
 * at first TOXIC_HASH_BASIS. */
uint64_t toxic_hash(uint64_t hash, const char *text);

/* NULL or "": everybody. -EINVAL: no address and no network. */
int toxic_source_read(const char *text, struct toxic_source *source, struct err *err);

/* As toxic_wants, where connections are counted instead of requests. */
bool toxic_wants_link(const struct toxic *toxic, uint64_t number);

/* Nothing narrows it: every connection, every request. */
bool toxic_aims_at_all(const struct toxic *toxic);

/* It has had an effect now. */
void toxic_date(struct toxic *toxic, uint64_t now_ns);

#endif
