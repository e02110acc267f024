/* SPDX-License-Identifier: MIT */
/* pump.c - one direction of a link: from receive buffer to send, without a copy between. */
#include "core/io.h"
#include "faults/proxy/internal.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

enum { SPARE_BYTES = 1024 }; /* for when all shared buffers are taken */

static int send_all(struct stream *stream, const char *data, size_t size_bytes)
{
    struct proxy_figures *figures = &stream->link->proxy->figures;
    while (size_bytes > 0) {
        ssize_t sent = send(stream->to, data, size_bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
        int rc = 0;
        if (sent >= 0) {
            data += sent;
            size_bytes -= (size_t)sent;
            figures->sent_bytes[stream->way] += (uint64_t)sent;
        } else if (errno == EAGAIN) {
            rc = io_poll(&stream->link->ctx, stream->to, POLLOUT);
        } else if (errno != EINTR) {
            rc = -errno;
        }
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int carry_small(struct stream *stream)
{
    struct link *link = stream->link;
    char *data, spare[SPARE_BYTES];
    ssize_t got;
    int rc = inbox_open(&stream->inbox, stream->from);
    if (rc)
        return rc;
    do {
        got = inbox_recv(&link->ctx, &stream->inbox, &data, spare, sizeof(spare));
        rc = (int)got;
        if (got > 0) {
            link->proxy->figures.received_bytes[stream->way] += (uint64_t)got;
            rc = send_all(stream, data, (size_t)got);
        }
    } while (got > 0 && rc == 0);
    inbox_close(&stream->inbox);
    return rc;
}

int pump_stream(struct stream *stream)
{
    int rc = carry_small(stream);
    return rc ? rc : sock_half_close(stream->to);
}
