/* SPDX-License-Identifier: MIT */
/* guard.h - who may use the control API: no browser that a foreign page sends (DNS rebinding), and
 * where a token is set, nobody without it. No I/O. */
#ifndef POOLSTORM_FAULTS_CONTROL_GUARD_H
#define POOLSTORM_FAULTS_CONTROL_GUARD_H

#include "faults/control/answer.h"

#include <stdbool.h>

/* The caller's texts. */
struct control_guard {
    const char *host;  /* the name it was told to listen on; a Host header may have it */
    const char *token; /* NULL: none is asked for */
};

/* Of a request; NULL where it has none. */
struct control_headers {
    const char *host, *user_agent, *authorization;
};

/* False with the reply that refuses. A right token is proof enough: no page can know it. */
bool control_guard_admits(const struct control_guard *guard, const struct control_headers *headers,
                          struct control_reply *reply);

#endif
