/* SPDX-License-Identifier: MIT */
/* small.c - little at a time: from the receive buffer, which all links share, straight to send. */
#include "faults/proxy/internal.h"

#include <errno.h>

enum { FULL_TO_BULK = 4 }; /* full buffers in a row after which more is expected */

int carry_small(struct stream *stream)
{
    struct ctx *ctx = &stream->link->ctx;
    unsigned full = 0;
    while (chain_is_empty(&stream->chain)) {
        char *data;
        ssize_t got = inbox_recv_until(ctx, &stream->inbox, CLOCK_NEVER, &data);
        if (got == -EAGAIN)
            continue;
        if (got == -ENOBUFS)
            return PUMP_BULK;
        if (got <= 0)
            return chain_is_empty(&stream->chain) ? stream_over(stream, got) : PUMP_CHAIN;
        if (!chain_is_empty(&stream->chain)) /* it came while the bytes did */
            return stream_push(stream, data, (size_t)got);
        stream_received(stream, (size_t)got);
        int rc = stream_forward(stream, data, (size_t)got, true);
        if (rc)
            return rc;
        full = got == INBOX_BUFFER_BYTES ? full + 1 : 0;
        if (full == FULL_TO_BULK)
            return PUMP_BULK;
    }
    return PUMP_CHAIN;
}
