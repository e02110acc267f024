/* SPDX-License-Identifier: MIT */
/* small.c - little at a time: from the receive buffer, which all links share, straight to send. */
#include "faults/proxy/followed.h"
#include "faults/proxy/stream.h"

#include <errno.h>

/* By the loop's next submission, together with what other links send; or at once where it has to be
 * cut. */
static int forward(struct stream *stream, char *data, size_t size_bytes)
{
    stream_received(stream, size_bytes);
    if (link_is_followed(stream->link) || stream->skip_bytes > 0)
        return stream_forward(stream, data, size_bytes, true);
    stream_forward_soon(stream, size_bytes);
    return 0;
}

int carry_small(struct stream *stream)
{
    struct ctx *ctx = &stream->link->ctx;
    stream->full = 0;
    while (chain_is_empty(&stream->chain) && stream->full < STREAM_FULL_TO_BULK) {
        char *data = NULL;
        ssize_t got = inbox_recv_until(ctx, &stream->inbox, CLOCK_NEVER, &data);
        int rc = stream_settle(stream, &got, data);
        if (rc)
            return rc;
        if (got == -EAGAIN)
            continue;
        if (got == -ENOBUFS)
            return PUMP_BULK;
        if (got <= 0)
            return chain_is_empty(&stream->chain) ? stream_over(stream, got) : PUMP_CHAIN;
        if (!chain_is_empty(&stream->chain)) /* it came while the bytes did */
            return stream_push(stream, data, (size_t)got);
        stream->full = got == INBOX_BUFFER_BYTES ? stream->full + 1 : 0;
        rc = forward(stream, data, (size_t)got);
        if (rc)
            return rc;
    }
    ssize_t none = -EAGAIN;
    int rc = stream_settle(stream, &none, NULL);
    return rc ? rc : chain_is_empty(&stream->chain) ? PUMP_BULK : PUMP_CHAIN;
}
