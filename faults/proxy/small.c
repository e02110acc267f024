/* SPDX-License-Identifier: MIT */
/* small.c - little at a time: from the receive buffer, which all links share, straight to send. */
#include "faults/proxy/internal.h"

#include <errno.h>

int carry_small(struct stream *stream)
{
    struct ctx *ctx = &stream->link->ctx;
    stream->full = 0;
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
        stream->full = got == INBOX_BUFFER_BYTES ? stream->full + 1 : 0;
        if (stream->full == STREAM_FULL_TO_BULK)
            return PUMP_BULK;
    }
    return PUMP_CHAIN;
}
