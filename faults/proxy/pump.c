/* SPDX-License-Identifier: MIT */
/* pump.c - one direction of a link: which way it is carried, and what all ways need. */
#include "core/io.h"
#include "faults/proxy/followed.h"
#include "faults/proxy/stream.h"

#include <errno.h>
#include <poll.h>

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

/* After a wait that ended with rc: what faults say now. */
static int look_up(struct stream *stream, int rc)
{
    struct chain_item item;
    if (rc != -EAGAIN && rc != -ETIMEDOUT)
        return rc;
    if (!chain_take(&stream->chain, clock_now_ns(), &item))
        return 0;
    return stream_obey(stream, item.verdict);
}

int stream_wait_room(struct stream *stream)
{
    return look_up(stream, stream_wait(stream, stream->to, POLLOUT, chain_due_ns(&stream->chain)));
}

int stream_wait_time(struct stream *stream, uint64_t until_ns)
{
    return look_up(stream, stream_wait(stream, -1, 0, until_ns));
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

/* ---- Ways ------------------------------------------------------------------------------------ */

bool stream_may_splice(const struct stream *stream)
{
    const struct link *link = stream->link;
    return !link_is_followed(link) && stream->skip_bytes == 0 &&
           !toxics_count_requests(&link->proxy->toxics);
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
