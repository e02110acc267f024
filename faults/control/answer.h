/* SPDX-License-Identifier: MIT */
/* answer.h - one request to the control API answered, whoever carries it: Toxiproxy's routes, and
 * ours beyond them. No I/O but what proxies do; nothing waits. On the ring's thread of the set. */
#ifndef POOLSTORM_FAULTS_CONTROL_ANSWER_H
#define POOLSTORM_FAULTS_CONTROL_ANSWER_H

#include "faults/proxy/proxy.h"

#include <jansson.h>
#include <stddef.h>

/* What clients take us for: the release whose API this is. */
#define CONTROL_TOXIPROXY_VERSION "2.12.0"

/* The caller's. */
struct control_request {
    const char *method; /* "PATCH" */
    const char *path;   /* "/proxies/redis", percent-encoded, without a query */
    const char *body;   /* NULL or "": none */
    size_t body_bytes;
};

/* Start with {0}; control_reply_fini. */
struct control_reply {
    unsigned status;     /* 200 */
    const char *type;    /* of the body; static */
    char *body;          /* NULL: none; free */
    size_t body_bytes;   /* of it */
    const char *warning; /* for the Warning header, static; NULL: none */
};

/* Always answers something. */
void control_answer(struct proxy_set *set, const struct control_request *request,
                    struct control_reply *reply);

/* An error as Toxiproxy writes them. */
void control_reply_error(struct control_reply *reply, unsigned status, const char *text);

/* text and nothing else. */
void control_reply_text(struct control_reply *reply, unsigned status, const char *type,
                        const char *text);

void control_reply_fini(struct control_reply *reply);

/* True when the reply is an error's. */
static inline bool control_reply_failed(const struct control_reply *reply)
{
    return reply->status >= 400;
}

/* ---- For handlers ---------------------------------------------------------------------------- */

/* A request on its way through its handler. */
struct control_call {
    struct proxy_set *set;
    const struct control_request *request;
    struct control_reply *reply;
    struct proxy *proxy; /* that the path names; NULL where it names none */
    struct toxic *toxic; /* likewise */
};

/* One method of one path; {proxy} and {toxic} stand for a name, and are there when handle is
 * called. */
struct control_route {
    const char *method, *path;
    void (*handle)(struct control_call *call);
};

/* Each ends with {0}; their parts of the API. */
extern const struct control_route control_proxy_routes[];
extern const struct control_route control_toxic_routes[];
extern const struct control_route control_set_routes[];

/* Replies value, which is taken over; NULL is out of memory. */
void control_reply_json(struct control_call *call, unsigned status, json_t *value);

/* An error's text as JSON takes it: what is no UTF-8 is '?'. NULL without memory. */
json_t *control_message(const char *text);

/* The body as an object to be decref'd; NULL when an error has been replied. */
json_t *control_call_body(struct control_call *call);

/* The status for what such a call failed with: what is the system's (an address in use, a name that
 * no address has) is no fault of the request's, and 500 with the system's words. */
unsigned control_status(int rc);

/* Replies what a call of proxy.h or of this folder failed with. */
void control_reply_failure(struct control_call *call, int rc, const struct err *err);

#endif
