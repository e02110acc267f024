/* SPDX-License-Identifier: MIT */
/* inbox.h - what a connection receives, by one request to the kernel for all of it, into buffers
 * that the connections of a thread share. */
#ifndef POOLSTORM_CORE_INBOX_H
#define POOLSTORM_CORE_INBOX_H

#include "core/ctx.h"
#include "core/ring.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { INBOX_BUFFER_BYTES = 16 << 10 }; /* as much comes at once, at most */

/* For a connection that receives often, little at a time: a multishot receive spares the kernel
 * setting up each wait. Belongs to the thread of its ring and is used by one fiber at a time. While
 * it is open it must stay where it is, and nobody else may receive from or close its socket. */
struct inbox {
    struct op op;         /* the receive; done when the kernel has let go of it */
    int fd;               /* the caller's */
    unsigned first, last; /* private: buffers that have come and were not taken */
    unsigned taken;       /* private: the buffer that the caller looks at */
    struct op send;       /* of inbox_forward; done when there is none under way */
    unsigned sent;        /* private: the buffer it sends */
    size_t send_bytes;    /* private: of it */
};

/* On a connected socket; the thread's buffers are made with its first one. 0 or -errno. */
int inbox_open(struct inbox *inbox, int fd);

/* Takes the receive back from the kernel and waits for that, whatever else ends. What had come and
 * was not taken is dropped. The socket can be closed then. */
void inbox_close(struct inbox *inbox);

/* Bytes that have come, or the next to come; 0 is the peer's end of stream, then and ever after.
 * *data is writable and the caller's until its next call with this inbox. When other connections
 * hold all buffers, the bytes come into spare instead. Returns a count or -errno; when ctx ends
 * first -ECANCELED or -ETIMEDOUT, and nothing is lost. */
ssize_t inbox_recv(struct ctx *ctx, struct inbox *inbox, char **data, char *spare,
                   size_t spare_bytes);

/* The same without a spare, until until_ns or inbox_nudge: -EAGAIN then, and the receive goes on in
 * the kernel. -ENOBUFS when others hold all buffers: the caller may receive for himself, once. */
ssize_t inbox_recv_until(struct ctx *ctx, struct inbox *inbox, uint64_t until_ns, char **data);

/* Ends the inbox_recv_until that waits, if any does. */
void inbox_nudge(struct inbox *inbox);

/* Takes the receive back from the kernel and waits for that, whatever else ends. What has come
 * stays; the next inbox_recv goes on. For whoever cannot take more for now: or his bytes would
 * fill everybody's buffers. */
void inbox_pause(struct inbox *inbox);

/* Sends what the last inbox_recv gave, straight from its buffer, to another socket. Begins with the
 * loop's next submission, and does not wait for room there. The buffer goes back when all has been
 * sent; else an inbox_recv_until that waits ends. To be followed by one inbox_recv_until, and then
 * by inbox_forwarded before anything else is sent to that socket. */
void inbox_forward(struct inbox *inbox, int to, size_t size_bytes);

/* Waits for that, whatever else ends. 0 or -errno; *rest is what was not sent, valid until the
 * next call with this inbox. */
int inbox_forwarded(struct inbox *inbox, char **rest, size_t *rest_bytes);

/* What has come, without waiting and as inbox_recv; -EAGAIN when nothing has. */
ssize_t inbox_take(struct inbox *inbox, char **data);

/* Sends all of out and receives what comes next, in one submission; see sock_send_recv. */
ssize_t inbox_send_recv(struct ctx *ctx, struct inbox *inbox, const void *out, size_t out_bytes,
                        char **data, char *spare, size_t spare_bytes);

#endif
