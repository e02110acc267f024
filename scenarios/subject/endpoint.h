/* SPDX-License-Identifier: MIT */
/* endpoint.h - one path the service answers; the table is made from names in meson.build. */
#ifndef POOLSTORM_SUBJECT_ENDPOINT_H
#define POOLSTORM_SUBJECT_ENDPOINT_H

#include <stdbool.h>

struct request;

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

    /* Appends the answer's body to request->response and returns the status, which must be one of
     * reply_statuses, or -errno: -ECANCELED and -ETIMEDOUT drop the connection, others become 500.
     * Runs in the connection's fiber and may wait under request->ctx. */
    int (*answer)(struct request *request);
};

/* Ends with NULL; fewer than COUNTERS_ENDPOINTS. */
extern const struct endpoint *const endpoints[];

#endif
