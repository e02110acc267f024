/* SPDX-License-Identifier: MIT */
/* faulty.c - through faults: what is read goes into the stream's chain, what is due comes out. */
#include "faults/proxy/followed.h"
#include "faults/proxy/stream.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

/* ---- In -------------------------------------------------------------------------------------- */

/* Faults change the bytes in place. NOLINTNEXTLINE(readability-non-const-parameter) */
int stream_push(struct stream *stream, char *data, size_t size_bytes)
{
    struct follow_bytes bytes = {.data = data, .size_bytes = size_bytes};
    struct chain_input piece;
    stream->link->proxy->figures.received_bytes[stream->way] += size_bytes;
    while (followed_cut(stream, &bytes, &piece)) {
        int rc = chain_push(&stream->chain, &piece, clock_now_ns());
        if (rc)
            return rc;
    }
    return PUMP_CHAIN;
}

static bool is_over(const struct stream *stream)
{
    return stream->chain.dead && stream->ended;
}

/* The end is a piece like others: a reset, too, comes behind what was sent before it. */
static int push_end(struct stream *stream, ssize_t got)
{
    struct chain_input piece;
    uint64_t now_ns = clock_now_ns();
    stream->ended = true;
    stream->reset = got < 0;
    if (stream->chain.dead && (got < 0 || is_over(&stream->link->streams[1 - stream->way])))
        return -ECONNRESET; /* of a link left dead nothing comes out, and nobody is there any more
                             */
    while (got == 0 && followed_rest(stream, &piece)) {
        int rc = chain_push(&stream->chain, &piece, now_ns);
        if (rc)
            return rc;
    }
    int rc = chain_push(&stream->chain, &(struct chain_input){.end = true}, now_ns);
    if (stream->link->streams[1 - stream->way].ended)
        link_bound_dead(stream->link->proxy);
    return rc;
}

static int push_what_came(struct stream *stream, ssize_t got, char *data)
{
    if (got == -EAGAIN)
        return 0;
    if (got > 0) {
        int rc = stream_push(stream, data, (size_t)got);
        return rc < 0 ? rc : 0;
    }
    int rc = ctx_error(&stream->link->ctx); /* also when an end had come, too */
    return rc ? rc : push_end(stream, got);
}

/* Nothing more is to be read for now; what has come, is: also when the receive has ended by itself,
 * there may be buffers that it filled before. */
static int stop_reading(struct stream *stream)
{
    char *data;
    ssize_t got;
    int rc = 0;
    inbox_pause(&stream->inbox);
    while (!rc && !stream->ended) {
        got = inbox_take(&stream->inbox, &data);
        if (got == -EAGAIN || got == -ENOBUFS)
            break;
        rc = push_what_came(stream, got, data);
    }
    return rc;
}

/* ---- Out ------------------------------------------------------------------------------------- */

/* A piece that begins a query may have to be sent in other words. */
static int begin_item(struct stream *stream, const struct chain_item *item)
{
    if (stream->begun || (item->verdict != FAULT_FAIL && item->piece->late_ns == 0))
        return 0;
    stream->begun = true;
    int rc = stop_reading(stream);
    return rc ? rc : followed_rewrite(stream, item);
}

static int end_item(struct stream *stream)
{
    size_t size_bytes = stream->behind_bytes;
    stream->begun = false;
    stream->behind_bytes = 0;
    return stream_send(stream, stream->behind, size_bytes);
}

/* One item: 1 when there may be more, 0 when the other side takes nothing now, -errno. */
static int send_item(struct stream *stream, const struct chain_item *item)
{
    int rc = stream_obey(stream, item->verdict);
    if (rc)
        return rc;
    if (item->size_bytes == 0) {
        stream->handed_on = stream->handed_on || item->end;
        chain_sent(&stream->chain, 0);
        return 1;
    }
    rc = begin_item(stream, item);
    if (rc)
        return rc;
    ssize_t sent = stream_send_some(stream, item->data, item->size_bytes);
    if (sent < 0)
        return (int)sent;
    bool all = (size_t)sent == item->size_bytes;
    chain_sent(&stream->chain, (size_t)sent);
    rc = all && stream->begun ? end_item(stream) : 0;
    return rc ? rc : all;
}

/* Sends what is due; the same answers, 1 when nothing is any more. */
static int send_due(struct stream *stream)
{
    struct chain_item item;
    int rc = 1;
    while (rc > 0 && !stream->handed_on && chain_take(&stream->chain, clock_now_ns(), &item))
        rc = send_item(stream, &item);
    return rc;
}

/* ---- The two together ------------------------------------------------------------------------ */

static int read_little(struct stream *stream)
{
    char *data;
    ssize_t got =
        inbox_recv_until(&stream->link->ctx, &stream->inbox, chain_next_ns(&stream->chain), &data);
    stream->full = got == INBOX_BUFFER_BYTES ? stream->full + 1 : 0;
    if (got == -ENOBUFS) /* others hold all of them */
        stream->full = STREAM_FULL_TO_BULK;
    else
        return push_what_came(stream, got, data);
    return 0;
}

/* Nothing there: until there is, or it has been quiet for so long that little is expected. */
static int wait_for_much(struct stream *stream)
{
    uint64_t next_ns = chain_next_ns(&stream->chain);
    uint64_t quiet_ns = clock_after(clock_now_ns(), STREAM_QUIET_NS);
    int rc = stream_wait(stream, stream->from, POLLIN, next_ns < quiet_ns ? next_ns : quiet_ns);
    stream->turn_bytes = 0;
    if (rc == -ETIMEDOUT && quiet_ns <= next_ns)
        stream->full = 0;
    return rc == -EAGAIN || rc == -ETIMEDOUT ? 0 : rc;
}

/* Straight into the chain's memory. */
static int read_much(struct stream *stream)
{
    char *room = chain_room(&stream->chain);
    int rc = stop_reading(stream);
    if (!room)
        return -ENOMEM;
    if (rc || stream->ended)
        return rc;
    ssize_t got = recv(stream->from, room, CHAIN_ROOM_BYTES, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN)
        return wait_for_much(stream);
    if (got < 0 && errno == EINTR)
        return 0;
    rc = push_what_came(stream, got < 0 ? -errno : got, room);
    stream->turn_bytes += got > 0 ? (size_t)got : 0;
    if (!rc && stream->turn_bytes >= STREAM_TURN_BYTES) {
        stream->turn_bytes = 0;
        rc = stream_breathe(stream);
    }
    return rc;
}

static int read_until_due(struct stream *stream)
{
    if (stream->full >= STREAM_FULL_TO_BULK)
        return read_much(stream);
    chain_no_room(&stream->chain);
    return read_little(stream);
}

static int wait_until_due(struct stream *stream)
{
    int rc = stop_reading(stream);
    if (!rc)
        rc = stream_wait_time(stream, chain_next_ns(&stream->chain));
    return rc;
}

static int wait_for_room(struct stream *stream)
{
    int rc = stop_reading(stream);
    return rc ? rc : stream_wait_room(stream);
}

static bool may_read(const struct stream *stream)
{
    return !stream->ended && chain_has_room(&stream->chain);
}

/* The end has come out of the chain, or what would have kept it has gone. */
static int hand_on_end(struct stream *stream)
{
    if (!stream->reset)
        return stream_over(stream, 0);
    return -ECONNRESET;
}

/* No fault acts any more. What was big, stays big. */
static int leave_chain(struct stream *stream)
{
    int way = stream->full >= STREAM_FULL_TO_BULK ? PUMP_BULK : PUMP_SMALL;
    stream->full = 0;
    chain_no_room(&stream->chain);
    return way;
}

int carry_faulty(struct stream *stream)
{
    for (;;) {
        int rc = send_due(stream);
        bool empty = chain_is_empty(&stream->chain);
        if (rc < 0)
            return rc;
        if (stream->handed_on || (empty && stream->ended))
            return hand_on_end(stream);
        if (empty)
            return leave_chain(stream);
        if (rc == 0)
            rc = wait_for_room(stream);
        else
            rc = may_read(stream) ? read_until_due(stream) : wait_until_due(stream);
        if (rc)
            return rc < 0 ? rc : PUMP_CHAIN;
    }
}
