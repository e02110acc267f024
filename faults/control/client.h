/* SPDX-License-Identifier: MIT */
/* client.h - asks a control API, ours or Toxiproxy's: one connection a request. */
#ifndef POOLSTORM_FAULTS_CONTROL_CLIENT_H
#define POOLSTORM_FAULTS_CONTROL_CLIENT_H

#include "core/ctx.h"
#include "core/err.h"
#include "core/sock.h"

#include <jansson.h>

struct control_client {
    struct addr addr;  /* of the API */
    char host[264];    /* for the Host header */
    const char *token; /* the caller's; NULL: none */
};

/* Reads "http://localhost:8474", "localhost:8474" or "localhost". -EINVAL; -EHOSTUNREACH for a name
 * that has no address. BLOCKS in the system's resolver. */
int control_client_init(struct control_client *client, const char *url, const char *token,
                        struct err *err);

/* Sends method and path ("/proxies/redis", see control_path) with body (borrowed; NULL: none).
 * *reply is what came, to be decref'd; NULL where that is no JSON; reply may be NULL. Returns the
 * status, 200 to 299; or -errno with the text the API has for it: -EINVAL (it answered 4xx), -EIO
 * (5xx); otherwise it could not be asked. On a ring's thread; parks its fiber. */
int control_ask(struct ctx *ctx, const struct control_client *client, const char *method,
                const char *path, json_t *body, json_t **reply, struct err *err);

/* "/proxies/PROXY/toxics/TOXIC/last" with both names percent-encoded; without those that are NULL:
 * control_path("redis", "", NULL) is "/proxies/redis/toxics". To be freed; NULL without memory. */
char *control_path(const char *proxy, const char *toxic, const char *last);

#endif
