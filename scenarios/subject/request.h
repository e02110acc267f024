/* SPDX-License-Identifier: MIT */
/* request.h - one request in the service's hands, and where its memory comes from. */
#ifndef POOLSTORM_SUBJECT_REQUEST_H
#define POOLSTORM_SUBJECT_REQUEST_H

#include "core/ctx.h"
#include "core/http1.h"
#include "subject/buffer.h"
#include "subject/nodes.h"
#include "subject/settings.h"

#include <stdbool.h>
#include <stddef.h>

struct json_t;
struct object_pool;
struct service;
struct shard;

/* Takes that count as coming just after a reclaim. */
enum { POOL_AFTER_RECLAIM = 64 };

/* In front of the answer's body there is room for its head, so that both leave in one piece. */
enum { REQUEST_HEAD_ROOM = 256, REQUEST_FIELD_MAX = 256 };

/* What the client said about its request; empty when it did not. */
struct request_field {
    size_t length;
    char text[REQUEST_FIELD_MAX];
};

/* The pooled object. What stands above the line outlives its user when it is not reset. */
struct request {
    struct buffer body;         /* of all that was received, the payload from body_start on */
    struct buffer response;     /* room for the head, then the answer's body */
    struct nodes nodes;         /* memory of the parsed document, unless the allocator's */
    struct request_field token; /* X-Request-Token or X-Request-Id, whichever comes first */
    struct request_field tag;   /* X-Request-Tag */
    bool used;                  /* it served before, or was made beforehand: to take it is a hit */
    /* ---- set anew by request_take and the connection ---- */
    size_t body_start;             /* where this request's payload begins */
    struct json_t *document;       /* the parsed payload, or NULL */
    const struct http1_head *head; /* of the request, in the connection's hands */
    struct ctx *ctx;               /* ends with its deadline, its client, or the service */
    unsigned endpoint;             /* who answers it, by its index in endpoints */
    void *state;                   /* the endpoint's, of this thread */
    struct shard *shard;           /* whose thread serves it */
    struct object_pool *own_pool;  /* BUFFERS_POOL_PER_REQUEST: made for it */
    enum buffers_mode source;      /* where it came from and goes back to */
    bool arena;                    /* the document lives in nodes, else in the allocator's memory */
    bool done;                     /* its handler has come to its end, and not left it early */
    struct request *lost;          /* the next one that was not given back */
    const char *content_type;      /* of the answer; static */
};

/* A request object from the source the settings name; not measured: from the allocator, uncounted.
 * NULL when out of memory. Does not wait. */
struct request *request_take(struct shard *shard, bool measured);

/* Notes where the payload will begin and makes room for an answer to about payload_bytes of it. 0,
 * -ENOMEM or -EMSGSIZE. */
int request_begin(struct request *request, size_t payload_bytes);

/* Fills token and tag from the request's head. 0, or -EMSGSIZE: one is longer than a field. */
int request_read_fields(struct request *request);

/* Makes {"error": text} the answer's body, whatever was there. Returns status, or -errno. */
int request_refuse(struct request *request, int status, const char *text);

/* Gives it back, where the setting pool_put has that; broken: not to be used again. */
void request_give(struct request *request, bool broken);

/* Ends what was not given back: by its thread, at its end. */
void request_give_lost(struct shard *shard);

/* The payload. */
static inline struct slice request_payload(const struct request *request)
{
    return (struct slice){request->body.data + request->body_start,
                          request->body.length - request->body_start};
}

/* The pool of the service, for BUFFERS_POOL, prewarmed as its settings say. 0 or -errno. */
int request_pool_create(struct object_pool **out, struct service *service, struct err *err);

#endif
