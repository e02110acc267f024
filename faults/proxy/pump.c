/* SPDX-License-Identifier: MIT */
/* pump.c - one direction of a link: which way it is carried, and what all ways need. */
#include "core/io.h"
#include "faults/proxy/internal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* ---- Waiting --------------------------------------------------------------------------------- */

void stream_nudge(struct stream *stream)
{
    if (stream->waiting)
        ctx_cancel(stream->waiting, "faults changed");
    else
        inbox_nudge(&stream->inbox);
}

int stream_wait(struct stream *stream, int fd, short events, uint64_t until_ns)
{
    struct ctx wait;
    struct link *link = stream->link;
    ctx_init_deadline(&wait, &link->ctx, until_ns);
    stream->waiting = &wait;
    int rc = fd < 0 ? fiber_sleep_until(&wait, CLOCK_NEVER) : io_poll(&wait, fd, events);
    stream->waiting = NULL;
    ctx_fini(&wait);
    if (ctx_error(&link->ctx))
        return ctx_error(&link->ctx);
    return rc == -ECANCELED ? -EAGAIN : rc < 0 ? rc : 0;
}

int stream_wait_room(struct stream *stream)
{
    struct chain_item item;
    int rc = stream_wait(stream, stream->to, POLLOUT, chain_due_ns(&stream->chain));
    if (rc != -EAGAIN && rc != -ETIMEDOUT)
        return rc;
    if (!chain_take(&stream->chain, clock_now_ns(), &item))
        return 0;
    return stream_obey(stream, item.verdict);
}

int stream_obey(struct stream *stream, enum fault_verdict verdict)
{
    if (verdict != FAULT_CLOSE && verdict != FAULT_RESET)
        return 0;
    link_drop(stream->link, verdict == FAULT_RESET);
    return -ECANCELED;
}

int stream_breathe(struct stream *stream)
{
    return fiber_sleep_until(&stream->link->ctx, ring_now_ns(ring_self()));
}

/* ---- Books ----------------------------------------------------------------------------------- */

void stream_received(struct stream *stream, size_t size_bytes)
{
    stream->link->proxy->figures.received_bytes[stream->way] += size_bytes;
    chain_note(&stream->chain, size_bytes);
}

void stream_sent(struct stream *stream, size_t size_bytes)
{
    stream->link->proxy->figures.sent_bytes[stream->way] += size_bytes;
}

/* ---- Sending --------------------------------------------------------------------------------- */

ssize_t stream_send_some(struct stream *stream, const char *data, size_t size_bytes)
{
    size_t done = 0;
    while (done < size_bytes) {
        ssize_t sent =
            send(stream->to, data + done, size_bytes - done, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent >= 0)
            done += (size_t)sent;
        else if (errno == EAGAIN)
            break;
        else if (errno != EINTR) {
            stream->unheard = true;
            return -errno;
        }
    }
    stream_sent(stream, done);
    return (ssize_t)done;
}

int stream_send(struct stream *stream, const char *data, size_t size_bytes)
{
    for (;;) {
        ssize_t sent = stream_send_some(stream, data, size_bytes);
        if (sent < 0)
            return (int)sent;
        data += sent;
        size_bytes -= (size_t)sent;
        if (size_bytes == 0)
            return 0;
        int rc = stream_wait_room(stream);
        if (rc)
            return rc;
    }
}

struct heap {
    char *data;        /* of malloc */
    size_t size_bytes; /* of what is in it */
};

static int heap_append(struct heap *heap, const char *data, size_t size_bytes)
{
    char *larger = realloc(heap->data, heap->size_bytes + size_bytes);
    if (!larger)
        return -ENOMEM;
    memcpy(larger + heap->size_bytes, data, size_bytes);
    heap->data = larger;
    heap->size_bytes += size_bytes;
    return 0;
}

int stream_send_shared(struct stream *stream, const char *data, size_t size_bytes)
{
    char *more;
    ssize_t got, sent = stream_send_some(stream, data, size_bytes);
    if (sent < 0 || (size_t)sent == size_bytes)
        return sent < 0 ? (int)sent : 0;
    struct heap rest = {0};
    int rc = heap_append(&rest, data + sent, size_bytes - (size_t)sent);
    inbox_pause(&stream->inbox);
    while (!rc && (got = inbox_take(&stream->inbox, &more)) > 0) {
        stream_received(stream, (size_t)got);
        rc = heap_append(&rest, more, (size_t)got);
    }
    if (!rc)
        rc = stream_send(stream, rest.data, rest.size_bytes);
    free(rest.data);
    return rc;
}

/* ---- Ways ------------------------------------------------------------------------------------ */

int stream_over(struct stream *stream, ssize_t got)
{
    if (got < 0)
        return (int)got;
    (void)sock_half_close(
        stream->to); /* it has gone where that fails: the other stream sees to it */
    return PUMP_OVER;
}

bool stream_may_splice(const struct stream *stream)
{
    const struct proxy *proxy = stream->link->proxy;
    return proxy->protocol == PROXY_OPAQUE && !toxics_count_requests(&proxy->toxics);
}

int pump_stream(struct stream *stream)
{
    int way = inbox_open(&stream->inbox, stream->from);
    if (way)
        return way;
    way = PUMP_SMALL;
    while (way > PUMP_OVER) {
        if (!chain_is_empty(&stream->chain))
            way = carry_faulty(stream);
        else
            way = way == PUMP_BULK ? carry_bulk(stream) : carry_small(stream);
    }
    inbox_close(&stream->inbox);
    return way;
}
