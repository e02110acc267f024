/* SPDX-License-Identifier: MIT */
/* proxy_json.h - proxies as the API's JSON has them, read, made and written. */
#ifndef POOLSTORM_FAULTS_CONTROL_PROXY_JSON_H
#define POOLSTORM_FAULTS_CONTROL_PROXY_JSON_H

#include "faults/control/toxic_json.h"

/* A proxy that is asked for. Start with {0}; proxy_draft_fini. Borrows texts of the body. */
struct proxy_draft {
    const char *name, *listen, *upstream; /* "" where missing */
    bool enabled;                         /* unless the body says otherwise */
    int protocol;                         /* enum proxy_protocol */
    struct toxic_draft *toxics;           /* ours: a proxy and its toxics in one call */
    size_t toxic_count;
};

/* Of {name, listen, upstream, enabled, protocol, toxics}; -EBADMSG with the text of a reply. What
 * is missing is asked for by proxy_draft_check. */
int proxy_draft_read(struct proxy_draft *draft, json_t *body, struct err *err);

/* -EBADMSG for a missing name or upstream; where: " at proxy 2", or "". */
int proxy_draft_check(const struct proxy_draft *draft, const char *where, struct err *err);

void proxy_draft_fini(struct proxy_draft *draft);

/* Makes the proxy and its toxics; nothing stays of it after an error. */
int proxy_draft_make(const struct proxy_draft *draft, struct proxy_set *set, struct proxy **out,
                     struct err *err);

/* Adds the toxics; some may be there after an error. */
int proxy_draft_add_toxics(const struct proxy_draft *draft, struct proxy *proxy, struct err *err);

/* NULL without memory. protocol is there only when there is one: clients may know nothing of it. */
json_t *proxy_to_json(struct proxy *proxy);

#endif
