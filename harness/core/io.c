/* SPDX-License-Identifier: MIT */
/* io.c - plain descriptors on the ring. */
#include "core/io.h"

#include "core/internal.h"
#include "core/waitq.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

ssize_t io_read(struct ctx *ctx, int fd, void *buffer, size_t size_bytes)
{
    int rc;
    do {
        struct op op = {0};
        struct io_uring_sqe *sqe = ring_sqe(ring_current);
        io_uring_prep_read(sqe, fd, buffer, (unsigned)size_bytes, (uint64_t)-1);
        op_start(&op, sqe);
        rc = op_wait(ctx, &op);
    } while (rc == -EINTR);
    return rc;
}

int io_write_all(struct ctx *ctx, int fd, const void *data, size_t size_bytes)
{
    const char *rest = data;
    while (size_bytes > 0) {
        struct op op = {0};
        struct io_uring_sqe *sqe = ring_sqe(ring_current);
        io_uring_prep_write(sqe, fd, rest, (unsigned)size_bytes, (uint64_t)-1);
        op_start(&op, sqe);
        int rc = op_wait(ctx, &op);
        if (rc < 0 && rc != -EINTR)
            return rc;
        if (rc > 0) {
            rest += rc;
            size_bytes -= (size_t)rc;
        }
    }
    return 0;
}

int io_poll(struct ctx *ctx, int fd, short events)
{
    struct op op = {0};
    struct io_uring_sqe *sqe = ring_sqe(ring_current);
    io_uring_prep_poll_add(sqe, fd, (unsigned short)events);
    op_start(&op, sqe);
    return op_wait(ctx, &op);
}

/* ---- Becoming readable, again and again -------------------------------------------------------
 */

/* On the heap: the kernel may speak of it once more after its owner has gone. */
struct io_alert {
    struct op op;       /* a poll that completes with each arrival */
    struct waitq owner; /* waiting for one, or empty */
    int fd;             /* polled */
    bool arrived;       /* and nobody has waited for it since */
    bool closed;        /* by the peer, or broken */
    bool orphan;        /* to be freed with the last completion */
};

static void bury(struct io_alert *alert)
{
    if (!alert->op.done)
        return;
    ring_current->orphans--;
    free(alert);
}

static void alert_came(struct op *op, int result, unsigned flags)
{
    struct io_alert *alert = container_of(op, struct io_alert, op);
    op_finish(op, result, flags);
    if (alert->orphan) {
        bury(alert);
        return;
    }
    alert->arrived = true; /* after an error, too: whoever reads will see it */
    alert->closed = alert->closed || (result > 0 && (result & ~POLLIN));
    (void)waitq_wake_one(&alert->owner, NULL);
}

static void start_alert(struct io_alert *alert)
{
    struct io_uring_sqe *sqe = ring_sqe(ring_current);
    io_uring_prep_poll_multishot(sqe, alert->fd, POLLIN | POLLRDHUP);
    op_start(&alert->op, sqe);
}

int io_alert_create(struct io_alert **out, int fd)
{
    struct io_alert *alert = *out = malloc(sizeof(*alert));
    if (!alert)
        return -ENOMEM;
    *alert = (struct io_alert){.op.complete = alert_came, .fd = fd};
    waitq_init(&alert->owner);
    start_alert(alert);
    return 0;
}

void io_alert_destroy(struct io_alert *alert)
{
    if (!alert)
        return;
    assert(alert->owner.length == 0);
    alert->orphan = true;
    ring_current->orphans++;
    if (!alert->op.done)
        op_take_back(&alert->op);
    bury(alert);
}

void io_alert_forget(struct io_alert *alert)
{
    alert->arrived = false;
}

int io_alert_wait(struct ctx *ctx, struct io_alert *alert)
{
    int rc = ctx ? ctx_error(ctx) : 0;
    if (alert->op.done && !alert->closed)
        start_alert(alert); /* the kernel ran out of memory, or of room for completions */
    if (!rc && !alert->arrived && !alert->closed)
        rc = waitq_wait(ctx, &alert->owner, NULL);
    if (!rc)
        alert->arrived = false;
    return rc;
}

/* ---- Signals and files ------------------------------------------------------------------------
 */

int io_signal(struct ctx *ctx, int signal_fd)
{
    struct signalfd_siginfo info;
    ssize_t rc = io_read(ctx, signal_fd, &info, sizeof(info));
    return rc < 0 ? (int)rc : (int)info.ssi_signo;
}

int io_read_file(const char *path, size_t limit_bytes, char **text, size_t *length)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    size_t used = 0, room = 4096;
    char *data = malloc(room);
    int rc = data ? 0 : -ENOMEM;
    while (!rc) {
        ssize_t got = read(fd, data + used, room - used - 1);
        if (got <= 0) {
            rc = got < 0 ? -errno : 0;
            break;
        }
        used += (size_t)got;
        if (used > limit_bytes)
            rc = -EFBIG;
        if (!rc && room - used < 2) {
            char *larger = realloc(data, room * 2);
            rc = larger ? 0 : -ENOMEM;
            data = larger ? larger : data;
            room *= 2;
        }
    }
    (void)close(fd);
    if (rc) {
        free(data);
        return rc;
    }
    data[used] = '\0';
    *text = data;
    *length = used;
    return 0;
}

void io_raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}
