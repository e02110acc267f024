/* SPDX-License-Identifier: MIT */
/* bulk.c - much at a time: through a pipe, whose pages are the sockets' own, while nobody wants to
 * see the bytes; else by large receives. */
#include "faults/proxy/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

enum { FEW_TO_SMALL = 8 }; /* small steps in a row after which no more is expected */

/* Reads what there is and sends all of it. What was read; 0: the end; -EAGAIN: nothing there;
 * or why the link, or with stream->unheard its other side, is over. */
typedef ssize_t step_fn(struct stream *stream, void *means);

/* ---- Through a pipe -------------------------------------------------------------------------- */

static const unsigned at_once = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;

/* The pipe holds so many bytes, which all go on before anything else happens. */
static int pour_out(struct stream *stream, struct pipe *pipe)
{
    while (pipe->held_bytes > 0) {
        int rc = 0;
        ssize_t moved = splice(pipe->out, NULL, stream->to, NULL, pipe->held_bytes, at_once);
        if (moved > 0) {
            pipe->held_bytes -= (size_t)moved;
            stream_sent(stream, (size_t)moved);
        } else if (moved < 0 && errno == EAGAIN) {
            rc = stream_wait_room(stream);
        } else if (moved == 0 || errno != EINTR) {
            rc = moved < 0 ? -errno : -EPIPE;
            stream->unheard = true;
        }
        if (rc)
            return rc;
    }
    return 0;
}

static ssize_t step_by_pipe(struct stream *stream, void *means)
{
    struct pipe *pipe = means;
    ssize_t moved = splice(stream->from, NULL, pipe->in, NULL, PIPE_BYTES, at_once);
    if (moved <= 0)
        return moved < 0 ? -errno : 0;
    pipe->held_bytes = (size_t)moved;
    stream_received(stream, (size_t)moved);
    stream->link->proxy->figures.spliced_bytes += (uint64_t)moved;
    int rc = pour_out(stream, pipe);
    return rc ? rc : moved;
}

/* ---- Through a buffer ------------------------------------------------------------------------ */

static ssize_t step_by_buffer(struct stream *stream, void *means)
{
    char *buffer = means;
    ssize_t got = recv(stream->from, buffer, COPY_BYTES, MSG_DONTWAIT);
    if (got <= 0)
        return got < 0 ? -errno : 0;
    stream_received(stream, (size_t)got);
    int rc = stream_forward(stream, buffer, (size_t)got, false);
    return rc ? rc : got;
}

/* ---- Step by step ---------------------------------------------------------------------------- */

static int wait_for_more(struct stream *stream)
{
    int rc =
        stream_wait(stream, stream->from, POLLIN, clock_after(clock_now_ns(), STREAM_QUIET_NS));
    return rc == -ETIMEDOUT ? PUMP_SMALL : rc == -EAGAIN ? 0 : rc;
}

/* spliced: which of the two it is, to be left when it is no longer right. */
static int go_on(struct stream *stream, bool spliced, step_fn *step, void *means)
{
    size_t turn_bytes = 0;
    for (unsigned few = 0; few < FEW_TO_SMALL;) {
        int rc = 0;
        if (!chain_is_empty(&stream->chain))
            return PUMP_CHAIN;
        if (spliced && !stream_may_splice(stream))
            return PUMP_BULK;
        ssize_t got = step(stream, means);
        if (got == -EAGAIN) {
            rc = wait_for_more(stream);
            turn_bytes = 0;
        } else if (got > 0) {
            few = got < INBOX_BUFFER_BYTES ? few + 1 : 0;
            turn_bytes += (size_t)got;
        } else if (got != -EINTR) {
            return stream_over(stream, got);
        }
        if (!rc && turn_bytes >= STREAM_TURN_BYTES) {
            rc = stream_breathe(stream);
            turn_bytes = 0;
        }
        if (rc)
            return rc;
    }
    return PUMP_SMALL;
}

static int carry_copying(struct stream *stream)
{
    struct pool *pool = &stream->link->proxy->set->pool;
    char *buffer = pool_take_buffer(pool);
    if (!buffer)
        return -ENOMEM;
    int next = go_on(stream, false, step_by_buffer, buffer);
    pool_give_buffer(pool, buffer);
    return next;
}

/* Nothing may be left in the inbox. */
static int empty_inbox(struct stream *stream)
{
    char *data;
    ssize_t got;
    inbox_pause(&stream->inbox);
    while ((got = inbox_take(&stream->inbox, &data)) > 0) {
        stream_received(stream, (size_t)got);
        int rc = stream_forward(stream, data, (size_t)got, true);
        if (rc)
            return rc;
    }
    return got == -EAGAIN || got == -ENOBUFS ? PUMP_BULK : stream_over(stream, got);
}

int carry_bulk(struct stream *stream)
{
    struct pool *pool = &stream->link->proxy->set->pool;
    struct pipe pipe;
    int next = empty_inbox(stream);
    if (next != PUMP_BULK)
        return next;
    if (!stream_may_splice(stream) || pool_take_pipe(pool, &pipe))
        return carry_copying(stream);
    next = go_on(stream, true, step_by_pipe, &pipe);
    pool_give_pipe(pool, &pipe);
    return next;
}
