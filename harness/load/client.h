/* SPDX-License-Identifier: MIT */
/* client.h - one HTTP/1.1 connection of the generator: send a request, read its reply, judge it. */
#ifndef POOLSTORM_LOAD_CLIENT_H
#define POOLSTORM_LOAD_CLIENT_H

#include "core/ctx.h"
#include "core/inbox.h"
#include "load/load.h"
#include "load/mix.h"
#include "load/reply_head.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Used by one fiber at a time. Its buffers are allocated before the clock starts and grow only for
 * replies larger than any before that have to be kept. */
struct client {
    const struct load_job *job;     /* the caller's */
    const struct mix *mix;          /* the caller's */
    struct reply_head_known *known; /* the caller's */
    int fd;                         /* -1 while closed */
    struct inbox inbox;             /* of fd */
    char **requests;                /* its own copy of each of the mix, to fill tokens into */
    char *reply;                    /* a reply that came in pieces, as far as it has to be kept */
    size_t room;                    /* of reply */
    size_t reply_bytes;             /* length of the last whole reply, head and body */
    int error;                      /* -errno behind the last outcome, 0 if none */
    int status;                     /* of the last reply's head */
};

/* known may be shared by the clients of a thread. -ENOMEM. */
int client_init(struct client *client, const struct load_job *job, const struct mix *mix,
                struct reply_head_known *known);

/* It must be closed. */
void client_fini(struct client *client);

/* Opens the connection; 0 or -errno. */
int client_connect(struct ctx *ctx, struct client *client);

/* Closes it, if it is open, on the thread that opened it. Waits for the kernel, not for the peer.
 */
void client_close(struct client *client);

/* Sends one request of the mix and reads the whole reply. The connection is left closed unless it
 * can carry another request. LOAD_TIMEOUT when ctx's deadline passed; any other ending of ctx
 * leaves client->error at -ECANCELED and must not be counted. */
enum load_outcome client_exchange(struct ctx *ctx, struct client *client,
                                  const struct mix_request *request, uint64_t token);

#endif
