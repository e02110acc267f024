/* SPDX-License-Identifier: MIT */
/* sock.h - stream sockets on the ring, TCP and Unix. Each call that waits parks its fiber. */
#ifndef POOLSTORM_CORE_SOCK_H
#define POOLSTORM_CORE_SOCK_H

#include "core/ctx.h"
#include "core/err.h"
#include "core/ring.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

/* Where to connect or listen. */
struct addr {
    struct sockaddr_storage storage;
    socklen_t length;
};

/* Reads "127.0.0.1:8080", "[::1]:80", "localhost:80" or "unix:/path". A name is resolved through
 * the system's resolver, which blocks: call it before the load starts. */
int addr_parse(struct addr *addr, const char *text, struct err *err);

/* Writes it back as text. Returns text. */
char *addr_format(const struct addr *addr, char *text, size_t size_bytes);

/* On the loopback interface, or a Unix socket. */
bool addr_is_loopback(const struct addr *addr);

/* A listening socket, close-on-exec; with shared, several threads may each have one on the same
 * port (SO_REUSEPORT). Port 0 takes a free one; see sock_local. Does not wait. Returns fd or
 * -errno. */
int sock_listen(const struct addr *addr, int backlog, bool shared, struct err *err);

/* The address a socket is bound to. 0 or -errno. */
int sock_local(int fd, struct addr *addr);

/* Returns a connected socket (TCP_NODELAY), or -errno. */
int sock_connect(struct ctx *ctx, const struct addr *addr);

/* Returns the next connection (TCP_NODELAY), or -errno. */
int sock_accept(struct ctx *ctx, int fd);

/* Up to size_bytes; 0 is the peer's end of stream. */
ssize_t sock_recv(struct ctx *ctx, int fd, void *buffer, size_t size_bytes);

/* All of it. 0 or -errno. */
int sock_send(struct ctx *ctx, int fd, const void *data, size_t size_bytes);

/* Sends all of out and receives what comes next, in one submission: the step of a client that asks
 * and of a server that answers and waits for the next request. Receiving starts behind all else
 * that this pass of the loop submits: when there is much of that, bytes have come by then and need
 * not be waited for in the kernel (5 % of a request's CPU). Returns the bytes received (0: end of
 * stream), or -errno of whichever of the two failed. */
ssize_t sock_send_recv(struct ctx *ctx, int fd, const void *out, size_t out_bytes, void *in,
                       size_t in_bytes);

/* Looks out for the peer's end of stream, or a reset, without parking a fiber: one request in the
 * kernel, however long it lasts. The end of stream of a peer that still reads (half-close) can't be
 * told from one that has gone. Zeroed is not watching. */
struct sock_watch {
    struct op op;                           /* the poll */
    void (*gone)(struct sock_watch *watch); /* once, on the loop; must not wait */
    bool armed;                             /* since sock_watch_start */
};

/* Calls gone when the peer of fd has hung up, at once if it has already. Does not wait. */
void sock_watch_start(struct sock_watch *watch, int fd, void (*gone)(struct sock_watch *watch));

/* Takes the request back from the kernel and waits until it is; to be called before fd is closed,
 * which the request would keep open. Harmless when not watching. */
void sock_watch_stop(struct sock_watch *watch);

/* No more bytes will be sent; receiving goes on (half-close). 0 or -errno. Does not wait. */
int sock_half_close(int fd);

/* Closes; with abort the peer sees a reset instead of an end of stream. Does not wait. */
void sock_close(int fd, bool abort);

#endif
