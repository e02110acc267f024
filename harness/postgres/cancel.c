/* SPDX-License-Identifier: MIT */
/* cancel.c - asks the server to stop a session's query: what PQcancel does, under a ctx. */
#include "postgres/internal.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

/* As of "CancelRequest" in the protocol's message formats; in network byte order. Sent in the clear
 * over TLS sessions' servers too, as libpq does before version 17. */
struct cancel_request {
    uint32_t length_bytes; /* of all of it */
    uint32_t code;         /* 1234 and 5678, in place of a protocol's version */
    uint32_t key[2];       /* process and secret */
};

static_assert(sizeof(struct cancel_request) == 16, "what the protocol says");

enum { CANCEL_CODE = 80877102 };

/* The server answers nothing: it signals the backend, then closes. */
static int await_end(struct ctx *ctx, int fd)
{
    char unexpected[64];
    ssize_t got;
    do {
        got = sock_recv(ctx, fd, unexpected, sizeof(unexpected));
    } while (got > 0);
    return (int)got;
}

int pg_cancel(struct ctx *ctx, struct pg *pg, struct err *err)
{
    if (!pg->has_key)
        return err_set(err, -ENOTSUP, "cancel a query: the server gave no key to do it with");
    struct cancel_request request = {
        .length_bytes = htonl(sizeof(request)),
        .code = htonl(CANCEL_CODE),
        .key = {htonl(pg->cancel_key[0]), htonl(pg->cancel_key[1])},
    };
    struct addr peer = pg->peer; /* pg may be closed while we wait */
    int rc = ctx_error(ctx);
    if (rc)
        return err_sys(err, rc, "cancel a query");
    int fd = sock_connect(ctx, &peer);
    if (fd < 0)
        return err_sys(err, fd, "connect to cancel a query");
    rc = sock_send(ctx, fd, &request, sizeof(request));
    if (!rc)
        rc = await_end(ctx, fd);
    sock_close(fd, false);
    return rc ? err_sys(err, rc, "cancel a query") : 0;
}
