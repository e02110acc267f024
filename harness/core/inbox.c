/* SPDX-License-Identifier: MIT */
/* inbox.c - multishot receives, and the ring of buffers that the kernel fills for them. */
#include "core/inbox.h"

#include "core/internal.h"
#include "core/sock.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>

enum {
    BUFFERS = 256, /* a power of two */
    /* Not a power of two, or the first bytes of all buffers would compete for few cache lines. */
    BUFFER_STRIDE_BYTES = INBOX_BUFFER_BYTES + 256,
    GROUP = 0, /* the kernel's name of the buffers, within the ring */
    NONE = BUFFERS,
};

/* What the kernel said of a buffer it has filled. */
struct filled {
    unsigned next;   /* of the same inbox; NONE at the end */
    unsigned length; /* bytes */
};

struct inbox_buffers {
    struct io_uring_buf_ring *free; /* shared with the kernel: those it may fill, in order */
    char *memory;                   /* BUFFERS of them */
    struct filled filled[BUFFERS];  /* by the buffer's number */
};

enum { MEMORY_BYTES = BUFFERS * BUFFER_STRIDE_BYTES };
enum { FREE_BYTES = BUFFERS * sizeof(struct io_uring_buf) };

/* ---- Buffers --------------------------------------------------------------------------------- */

static char *buffer_at(const struct inbox_buffers *buffers, unsigned number)
{
    return buffers->memory + (size_t)number * BUFFER_STRIDE_BYTES;
}

static void give_back(struct inbox_buffers *buffers, unsigned number)
{
    io_uring_buf_ring_add(buffers->free, buffer_at(buffers, number), INBOX_BUFFER_BYTES,
                          (unsigned short)number, BUFFERS - 1, 0);
    io_uring_buf_ring_advance(buffers->free, 1);
}

static void *map(size_t size_bytes)
{
    void *memory =
        mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

void inbox_buffers_destroy(struct inbox_buffers *buffers)
{
    if (!buffers)
        return;
    if (buffers->memory)
        (void)munmap(buffers->memory, MEMORY_BYTES);
    if (buffers->free)
        (void)munmap(buffers->free, FREE_BYTES);
    free(buffers);
}

static int buffers_create(struct ring *ring)
{
    struct inbox_buffers *buffers = calloc(1, sizeof(*buffers));
    int rc = -ENOMEM;
    if (!buffers)
        return rc;
    buffers->memory = map(MEMORY_BYTES);
    buffers->free = map(FREE_BYTES);
    if (!buffers->memory || !buffers->free)
        goto fail;
    struct io_uring_buf_reg asked = {
        .ring_addr = (uintptr_t)buffers->free, .ring_entries = BUFFERS, .bgid = GROUP};
    rc = io_uring_register_buf_ring(&ring->uring, &asked, 0);
    if (rc)
        goto fail;
    io_uring_buf_ring_init(buffers->free);
    for (unsigned i = 0; i < BUFFERS; i++)
        give_back(buffers, i);
    ring->inbox_buffers = buffers;
    return 0;
fail:
    inbox_buffers_destroy(buffers);
    return rc;
}

/* ---- Receiving ------------------------------------------------------------------------------- */

static void push(struct inbox_buffers *buffers, struct inbox *inbox, unsigned number,
                 unsigned length)
{
    buffers->filled[number] = (struct filled){.next = NONE, .length = length};
    if (inbox->first == NONE)
        inbox->first = number;
    else
        buffers->filled[inbox->last].next = number;
    inbox->last = number;
}

static void received(struct op *op, int result, unsigned flags)
{
    struct inbox *inbox = container_of(op, struct inbox, op);
    if (flags & IORING_CQE_F_BUFFER) {
        struct inbox_buffers *buffers = ring_current->inbox_buffers;
        unsigned number = flags >> IORING_CQE_BUFFER_SHIFT;
        if (result > 0)
            push(buffers, inbox, number, (unsigned)result);
        else
            give_back(buffers, number);
    }
    op_finish(op, result, flags);
}

/* All of it, mostly: then nobody has to be woken. */
static void forwarded(struct op *op, int result, unsigned flags)
{
    struct inbox *inbox = container_of(op, struct inbox, send);
    op_finish(op, result, flags);
    if (result >= 0 && (size_t)result == inbox->send_bytes) {
        give_back(ring_current->inbox_buffers, inbox->sent);
        inbox->sent = NONE;
    } else {
        inbox_nudge(inbox);
    }
}

static void arm(struct inbox *inbox)
{
    struct io_uring_sqe *sqe = ring_sqe(ring_current);
    io_uring_prep_recv_multishot(sqe, inbox->fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = GROUP;
    op_start(&inbox->op, sqe);
}

int inbox_open(struct inbox *inbox, int fd)
{
    struct ring *ring = ring_current;
    int rc = ring->inbox_buffers ? 0 : buffers_create(ring);
    if (rc)
        return rc;
    *inbox = (struct inbox){.op = {.complete = received},
                            .fd = fd,
                            .first = NONE,
                            .last = NONE,
                            .taken = NONE,
                            .send = {.complete = forwarded, .done = true},
                            .sent = NONE};
    arm(inbox);
    return 0;
}

static void drop_taken(struct inbox *inbox)
{
    if (inbox->taken != NONE)
        give_back(ring_current->inbox_buffers, inbox->taken);
    inbox->taken = NONE;
    if (inbox->sent != NONE && inbox->send.done) { /* not all of it, and that was seen */
        give_back(ring_current->inbox_buffers, inbox->sent);
        inbox->sent = NONE;
    }
}

/* The first that has come; -EAGAIN without any. */
static ssize_t take(struct inbox *inbox, char **data)
{
    struct inbox_buffers *buffers = ring_current->inbox_buffers;
    unsigned number = inbox->first;
    if (number == NONE)
        return -EAGAIN;
    inbox->taken = number;
    inbox->first = buffers->filled[number].next;
    *data = buffer_at(buffers, number);
    return buffers->filled[number].length;
}

void inbox_pause(struct inbox *inbox)
{
    if (!inbox->op.done)
        op_take_back(&inbox->op);
    (void)op_wait(NULL, &inbox->op);
}

void inbox_close(struct inbox *inbox)
{
    char *data;
    inbox_pause(inbox);
    (void)op_wait(NULL, &inbox->send);
    do {
        drop_taken(inbox);
    } while (take(inbox, &data) >= 0);
}

/* Why the kernel ended the receive: for good, or for now. */
static bool ended_for_good(const struct ctx *ctx, int result)
{
    if (result == -ECANCELED) /* by a ctx, which may have been another one than this */
        return ctx && ctx_error(ctx);
    return result <= 0 && result != -EINTR;
}

/* The first that has come, or how the receive has ended; -EAGAIN while it goes on, or is to. */
static ssize_t look(const struct ctx *ctx, struct inbox *inbox, char **data)
{
    ssize_t got = take(inbox, data);
    if (got != -EAGAIN || !inbox->op.done)
        return got;
    if (inbox->op.result == -ENOBUFS) {
        inbox->op.result = -EINTR; /* by the next time others may have given theirs back */
        return -ENOBUFS;
    }
    if (ended_for_good(ctx, inbox->op.result))
        return inbox->op.result == -ECANCELED ? ctx_error(ctx) : inbox->op.result;
    return -EAGAIN;
}

static void wait_for_more(struct ctx *ctx, struct inbox *inbox)
{
    if (inbox->op.done)
        arm(inbox);
    op_wait_next(ctx, &inbox->op);
}

ssize_t inbox_recv(struct ctx *ctx, struct inbox *inbox, char **data, char *spare,
                   size_t spare_bytes)
{
    ssize_t got;
    drop_taken(inbox);
    while ((got = look(ctx, inbox, data)) == -EAGAIN)
        wait_for_more(ctx, inbox);
    if (got != -ENOBUFS)
        return got;
    *data = spare;
    return sock_recv(ctx, inbox->fd, spare, spare_bytes);
}

ssize_t inbox_take(struct inbox *inbox, char **data)
{
    drop_taken(inbox);
    return look(NULL, inbox, data);
}

void inbox_forward(struct inbox *inbox, int to, size_t size_bytes)
{
    const struct inbox_buffers *buffers = ring_current->inbox_buffers;
    struct io_uring_sqe *sqe = ring_sqe(ring_current);
    assert(inbox->sent == NONE && inbox->taken != NONE);
    inbox->sent = inbox->taken;
    inbox->taken = NONE;
    inbox->send_bytes = size_bytes;
    io_uring_prep_send(sqe, to, buffer_at(buffers, inbox->sent), size_bytes,
                       MSG_DONTWAIT | MSG_NOSIGNAL);
    op_start(&inbox->send, sqe);
}

int inbox_forwarded(struct inbox *inbox, char **rest, size_t *rest_bytes)
{
    int result = op_wait(NULL, &inbox->send);
    size_t sent_bytes = result > 0 ? (size_t)result : 0;
    *rest_bytes = 0;
    if (inbox->sent == NONE)
        return 0;
    *rest = buffer_at(ring_current->inbox_buffers, inbox->sent) + sent_bytes;
    *rest_bytes = inbox->send_bytes - sent_bytes;
    return result < 0 && result != -EAGAIN && result != -EINTR ? result : 0;
}

void inbox_nudge(struct inbox *inbox)
{
    struct fiber *waiter = inbox->op.waiter;
    inbox->op.waiter = NULL;
    if (waiter)
        fiber_wake(waiter);
}

struct patience {
    struct timer timer;  /* when it is over */
    struct inbox *inbox; /* waited for */
};

static void patience_over(struct timer *timer)
{
    inbox_nudge(container_of(timer, struct patience, timer)->inbox);
}

ssize_t inbox_recv_until(struct ctx *ctx, struct inbox *inbox, uint64_t until_ns, char **data)
{
    drop_taken(inbox);
    ssize_t got = look(ctx, inbox, data);
    if (got != -EAGAIN)
        return got;
    struct patience patience = {.inbox = inbox};
    if (until_ns != CLOCK_NEVER)
        timer_arm(&patience.timer, until_ns, patience_over);
    wait_for_more(ctx, inbox);
    timer_disarm(&patience.timer);
    return look(ctx, inbox, data);
}

ssize_t inbox_send_recv(struct ctx *ctx, struct inbox *inbox, const void *out, size_t out_bytes,
                        char **data, char *spare, size_t spare_bytes)
{
    struct sending sending;
    sock_send_start(&sending, inbox->fd, out, out_bytes);
    ssize_t got = inbox_recv(ctx, inbox, data, spare, spare_bytes);
    int rc = sock_send_finish(ctx, &sending);
    return got < 0 ? got : rc < 0 ? rc : got;
}
