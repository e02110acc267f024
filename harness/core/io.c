/* SPDX-License-Identifier: MIT */
/* io.c - plain descriptors on the ring. */
#include "core/io.h"

#include "core/internal.h"

#include <errno.h>
#include <fcntl.h>
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
