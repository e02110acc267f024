/* SPDX-License-Identifier: MIT */
/* toxic_json.h - toxics as the API's JSON has them, read and written. No I/O. */
#ifndef POOLSTORM_FAULTS_CONTROL_TOXIC_JSON_H
#define POOLSTORM_FAULTS_CONTROL_TOXIC_JSON_H

#include "faults/proxy/proxy.h"

#include <jansson.h>

/* A toxic that is asked for, and was found sound. Start with {0}; toxic_draft_fini. Borrows texts
 * of the body. */
struct toxic_draft {
    const struct fault_type *type;
    enum fault_stream stream;
    const char *stream_text; /* as given */
    const char *name;        /* "": the usual one for type and stream */
    struct fault_aim aim;
    void *settings; /* by type->params */
};

/* Of {type, stream, toxicity, attributes, name}; -EBADMSG with the text of a reply, -ENOMEM. What
 * aims a toxic beside toxicity (fault_aim_params) stands among the attributes, where any client of
 * Toxiproxy can put it. */
int toxic_draft_read(struct toxic_draft *draft, json_t *body, struct err *err);

/* Of toxic as it is, with what body has of attributes and toxicity. */
int toxic_draft_merge(struct toxic_draft *draft, const struct toxic *toxic, json_t *body,
                      struct err *err);

void toxic_draft_fini(struct toxic_draft *draft);

/* Whether all of them could be added to a proxy of that protocol that has none; errors as of adding
 * them. */
int toxic_drafts_check(const struct toxic_draft *drafts, size_t count, int protocol,
                       struct err *err);

/* Adds it. -EBADMSG, -EEXIST, -EPROTO, … with the text of a reply. */
int toxic_draft_add(const struct toxic_draft *draft, struct proxy *proxy, struct toxic **out,
                    struct err *err);

/* Changes toxic to it; errors likewise. */
int toxic_draft_apply(const struct toxic_draft *draft, struct toxic *toxic, struct err *err);

/* NULL without memory. */
json_t *toxic_to_json(const struct toxic *toxic);

/* All of a proxy, upstream first. */
json_t *toxics_to_json(struct proxy *proxy);

#endif
