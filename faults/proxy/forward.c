/* SPDX-License-Identifier: MIT */
/* forward.c - sends what was read straight on, where no fault acts. */
#include "faults/proxy/followed.h"
#include "faults/proxy/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Bytes that a rewritten query has no use for are sent to nobody. */
static size_t skip(struct stream *stream, size_t size_bytes)
{
    size_t skipped = stream->skip_bytes < size_bytes ? (size_t)stream->skip_bytes : size_bytes;
    stream->skip_bytes -= skipped;
    return skipped;
}

ssize_t stream_send_some(struct stream *stream, const char *data, size_t size_bytes)
{
    size_t skipped = stream->skip_bytes ? skip(stream, size_bytes) : 0, done = skipped;
    while (done < size_bytes) {
        ssize_t sent =
            send(stream->to, data + done, size_bytes - done, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent >= 0) {
            done += (size_t)sent;
        } else if (errno == EAGAIN) {
            break;
        } else if (errno != EINTR) {
            stream->unheard = true;
            return -errno;
        }
    }
    stream_sent(stream, done - skipped);
    return (ssize_t)done;
}

int stream_send(struct stream *stream, const char *data, size_t size_bytes)
{
    while (size_bytes > 0) {
        ssize_t sent = stream_send_some(stream, data, size_bytes);
        if (sent < 0)
            return (int)sent;
        data += sent;
        size_bytes -= (size_t)sent;
        int rc = size_bytes > 0 ? stream_wait_room(stream) : 0;
        if (rc)
            return rc;
    }
    return 0;
}

struct heap {
    char *data;        /* of malloc */
    size_t size_bytes; /* of what is in it */
};

static int heap_append(struct heap *heap, const char *data, size_t size_bytes)
{
    if (size_bytes == 0)
        return 0;
    char *larger = realloc(heap->data, heap->size_bytes + size_bytes);
    if (!larger)
        return -ENOMEM;
    memcpy(larger + heap->size_bytes, data, size_bytes);
    heap->data = larger;
    heap->size_bytes += size_bytes;
    return 0;
}

/* The other side takes no more for now: nothing may stay in the buffers that all links share. */
static int forward_slowly(struct stream *stream, const char *rest, size_t rest_bytes,
                          const struct follow_bytes *uncut)
{
    char *more;
    ssize_t got;
    struct heap now = {0}, later = {0};
    int rc = heap_append(&now, rest, rest_bytes);
    if (!rc)
        rc = heap_append(&later, uncut->data, uncut->size_bytes);
    inbox_pause(&stream->inbox);
    while (!rc && (got = inbox_take(&stream->inbox, &more)) > 0) {
        stream_received(stream, (size_t)got);
        rc = heap_append(&later, more, (size_t)got);
    }
    if (!rc)
        rc = stream_send(stream, now.data, now.size_bytes);
    free(now.data);
    if (!rc)
        rc = stream_forward(stream, later.data, later.size_bytes, false);
    free(later.data);
    return rc;
}

/* Faults change the bytes in place. NOLINTNEXTLINE(readability-non-const-parameter) */
int stream_forward(struct stream *stream, char *data, size_t size_bytes, bool shared)
{
    struct follow_bytes bytes = {.data = data, .size_bytes = size_bytes};
    struct chain_input piece;
    int rc = 0;
    while (!rc && followed_cut(stream, &bytes, &piece)) {
        ssize_t sent = stream_send_some(stream, piece.data, piece.size_bytes);
        if (sent < 0)
            return (int)sent;
        const char *rest = piece.data + sent;
        size_t rest_bytes = piece.size_bytes - (size_t)sent;
        if (rest_bytes > 0 && shared)
            return forward_slowly(stream, rest, rest_bytes, &bytes);
        rc = stream_send(stream, rest, rest_bytes);
    }
    return rc;
}

void stream_forward_soon(struct stream *stream, size_t size_bytes)
{
    stream_sent(stream, size_bytes);
    inbox_forward(&stream->inbox, stream->to, size_bytes);
}

/* As above. NOLINTNEXTLINE(readability-non-const-parameter) */
int stream_settle(struct stream *stream, ssize_t *got, char *data)
{
    char *rest = NULL;
    size_t rest_bytes;
    int rc = inbox_forwarded(&stream->inbox, &rest, &rest_bytes);
    if (rest_bytes == 0)
        return 0;
    stream->link->proxy->figures.sent_bytes[stream->way] -= rest_bytes;
    stream->unheard = rc != 0;
    struct follow_bytes behind = {.data = data, .size_bytes = *got > 0 ? (size_t)*got : 0};
    stream_received(stream, behind.size_bytes);
    if (*got > 0)
        *got = -EAGAIN; /* it has been seen to */
    return rc ? rc : forward_slowly(stream, rest, rest_bytes, &behind);
}

int stream_over(struct stream *stream, ssize_t got)
{
    struct chain_input piece;
    if (got < 0)
        return (int)got;
    while (followed_rest(stream, &piece)) {
        int rc = stream_send(stream, piece.data, piece.size_bytes);
        if (rc)
            return rc;
    }
    (void)sock_half_close(
        stream->to); /* it has gone where that fails: the other stream sees to it */
    return PUMP_OVER;
}
