/* SPDX-License-Identifier: MIT */
/* endpoint.h - one path the service answers; the table is made from names in meson.build. */
#ifndef POOLSTORM_SUBJECT_ENDPOINT_H
#define POOLSTORM_SUBJECT_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>

struct page;
struct request;
struct service;
struct shard;

enum endpoint_methods {
    ENDPOINT_GET = 1, /* and HEAD, whose body is left out by the connection */
    ENDPOINT_POST = 2,
};

/* Static data, `const struct endpoint endpoint_<name>` in endpoint_<name>.c. */
struct endpoint {
    const char *name;    /* in metrics */
    const char *path;    /* matched whole, without the query */
    const char *summary; /* one line, lower case, no full stop */
    unsigned methods;    /* of enum endpoint_methods */
    bool measured; /* its memory comes from where the setting `buffers` says, and is counted */
    bool waits;    /* its requests' ctx ends when the peer hangs up: one submission a connection */
    size_t state_bytes; /* of what it keeps for each thread, zeroed at first; 0: nothing */

    /* Appends the answer's body to request->response and returns the status, which must be one of
     * reply_statuses, or -errno: -ETIMEDOUT becomes 504, -ECANCELED drops the connection, others
     * become 500. Runs in the connection's fiber and may wait under request->ctx. request->state
     * is this thread's state. All fibers that wait under request->ctx must have ended. */
    int (*answer)(struct request *request);

    /* The rest may be NULL. Before a thread accepts and after its last connection has gone, in its
     * first fiber; begin answers 0 or -errno, and then neither the thread serves nor end is called.
     * end must wait for the fibers the endpoint has started, see shard->strays. */
    int (*begin)(struct shard *shard, void *state);
    void (*end)(struct shard *shard, void *state);

    /* Writes the endpoint's part of /metrics: its state of thread i is service->shards[i].states
     * [self], which other threads write meanwhile. */
    void (*figures)(struct page *page, const struct service *service, unsigned self);
};

/* Ends with NULL; fewer than COUNTERS_ENDPOINTS. */
extern const struct endpoint *const endpoints[];

#endif
