/* SPDX-License-Identifier: MIT */
/* control.h - the HTTP server in front of a set of proxies: Toxiproxy's control API. */
#ifndef POOLSTORM_FAULTS_CONTROL_CONTROL_H
#define POOLSTORM_FAULTS_CONTROL_CONTROL_H

#include "core/sock.h"
#include "faults/proxy/proxy.h"

/* What is told on stderr; what is as urgent or more. */
enum control_log {
    CONTROL_LOG_DEBUG, /* every request */
    CONTROL_LOG_INFO,  /* those that change something, or fail */
    CONTROL_LOG_WARN,  /* those that failed for a reason of the system's, or do nothing */
    CONTROL_LOG_NONE,
};

/* The caller's texts, for as long as the control lives. */
struct control_options {
    struct addr addr;     /* to listen on; port 0 takes a free one */
    const char *host;     /* the name addr was made of */
    const char *token;    /* that every request has to bring; NULL: none */
    enum control_log log; /* threshold */
};

struct control;

/* Listens, and answers in a fiber of its own on the calling thread's ring, the set's. -EINVAL for
 * an address beyond loopback without a token. */
int control_start(struct ctx *ctx, const struct control_options *options, struct proxy_set *set,
                  struct control **out, struct err *err);

/* Where it listens. */
const struct addr *control_addr(const struct control *control);

/* Closes listener and connections, waits for the fiber, frees. NULL is fine. Before the set's end.
 */
void control_stop(struct control *control);

#endif
