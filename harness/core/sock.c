/* SPDX-License-Identifier: MIT */
/* sock.c - stream sockets on the ring. */
#include "core/sock.h"

#include "core/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- Addresses ------------------------------------------------------------------------------- */

static int parse_unix(struct addr *addr, const char *path, struct err *err)
{
    struct sockaddr_un *unix_addr = (struct sockaddr_un *)&addr->storage;
    if (*path == '\0' || strlen(path) >= sizeof(unix_addr->sun_path))
        return err_set(err, -EINVAL, "a Unix socket's path has 1 to %zu bytes, not '%s'",
                       sizeof(unix_addr->sun_path) - 1, path);
    unix_addr->sun_family = AF_UNIX;
    strcpy(unix_addr->sun_path, path);
    addr->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1);
    return 0;
}

/* Splits "host:port" and "[v6]:port" at the colon before the port. */
static int split_host_port(const char *text, char *host, size_t host_bytes, const char **port,
                           struct err *err)
{
    const char *colon = strrchr(text, ':');
    const char *first = text, *last = colon;
    if (!colon || colon[1] == '\0')
        return err_set(err, -EINVAL, "expected HOST:PORT or unix:PATH, not '%s'", text);
    if (*first == '[' && last > first && last[-1] == ']') {
        first++;
        last--;
    } else if (memchr(first, ':', (size_t)(last - first))) {
        return err_set(err, -EINVAL, "put an IPv6 address into brackets: [%.*s]:%s",
                       (int)(last - first), first, colon + 1);
    }
    if (last == first || (size_t)(last - first) >= host_bytes)
        return err_set(err, -EINVAL, "expected HOST:PORT, not '%s'", text);
    memcpy(host, first, (size_t)(last - first));
    host[last - first] = '\0';
    *port = colon + 1;
    char *end;
    unsigned long number = strtoul(*port, &end, 10);
    if (*end != '\0' || number > 65535 || **port < '0' || **port > '9')
        return err_set(err, -EINVAL, "expected a port from 0 to 65535, not '%s'", *port);
    return 0;
}

int addr_parse(struct addr *addr, const char *text, struct err *err)
{
    memset(addr, 0, sizeof(*addr));
    if (strncmp(text, "unix:", 5) == 0)
        return parse_unix(addr, text + 5, err);
    char host[256];
    const char *port = NULL;
    int rc = split_host_port(text, host, sizeof(host), &port, err);
    if (rc)
        return rc;
    struct addrinfo *found = NULL;
    struct addrinfo want = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    if (strcmp(host, "localhost") == 0)
        want.ai_family = AF_INET;
    rc = getaddrinfo(host, port, &want, &found);
    if (rc)
        return err_set(err, -EHOSTUNREACH, "cannot resolve '%s': %s", host, gai_strerror(rc));
    memcpy(&addr->storage, found->ai_addr, found->ai_addrlen);
    addr->length = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

char *addr_format(const struct addr *addr, char *text, size_t size_bytes)
{
    char host[INET6_ADDRSTRLEN] = "?";
    if (addr->storage.ss_family == AF_UNIX) {
        const struct sockaddr_un *unix_addr = (const struct sockaddr_un *)&addr->storage;
        (void)snprintf(text, size_bytes, "unix:%s", unix_addr->sun_path);
    } else if (addr->storage.ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&addr->storage;
        (void)inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
        (void)snprintf(text, size_bytes, "[%s]:%u", host, ntohs(in6->sin6_port));
    } else {
        const struct sockaddr_in *in = (const struct sockaddr_in *)&addr->storage;
        (void)inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
        (void)snprintf(text, size_bytes, "%s:%u", host, ntohs(in->sin_port));
    }
    return text;
}

bool addr_is_loopback(const struct addr *addr)
{
    if (addr->storage.ss_family == AF_UNIX)
        return true;
    if (addr->storage.ss_family == AF_INET6) {
        const struct in6_addr *in6 = &((const struct sockaddr_in6 *)&addr->storage)->sin6_addr;
        return IN6_IS_ADDR_LOOPBACK(in6);
    }
    const struct sockaddr_in *in = (const struct sockaddr_in *)&addr->storage;
    return (ntohl(in->sin_addr.s_addr) >> 24) == 127;
}

/* ---- Making sockets -------------------------------------------------------------------------- */

static void set_option(int fd, int level, int name, int value)
{
    /* Refused only where the option does not exist, and then it is not needed. */
    (void)setsockopt(fd, level, name, &value, sizeof(value));
}

int sock_listen(const struct addr *addr, int backlog, bool shared, struct err *err)
{
    char text[128];
    int fd = socket(addr->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_sys(err, -errno, "socket");
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (shared)
        set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    const struct sockaddr *name = (const struct sockaddr *)&addr->storage;
    if (bind(fd, name, addr->length) != 0 || listen(fd, backlog) != 0) {
        int rc = err_sys(err, -errno, "listen on %s", addr_format(addr, text, sizeof(text)));
        (void)close(fd);
        return rc;
    }
    return fd;
}

int sock_local(int fd, struct addr *addr)
{
    memset(addr, 0, sizeof(*addr));
    addr->length = sizeof(addr->storage);
    return getsockname(fd, (struct sockaddr *)&addr->storage, &addr->length) == 0 ? 0 : -errno;
}

/* ---- Waiting calls --------------------------------------------------------------------------- */

int sock_connect(struct ctx *ctx, const struct addr *addr)
{
    int fd = socket(addr->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (addr->storage.ss_family != AF_UNIX)
        set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    struct op op = {0};
    struct io_uring_sqe *sqe = ring_sqe(ring_current);
    io_uring_prep_connect(sqe, fd, (const struct sockaddr *)&addr->storage, addr->length);
    op_start(&op, sqe);
    int rc = op_wait(ctx, &op);
    if (rc < 0) {
        (void)close(fd);
        return rc;
    }
    return fd;
}

int sock_accept(struct ctx *ctx, int fd)
{
    int rc;
    do {
        struct op op = {0};
        struct io_uring_sqe *sqe = ring_sqe(ring_current);
        io_uring_prep_accept(sqe, fd, NULL, NULL, SOCK_CLOEXEC);
        op_start(&op, sqe);
        rc = op_wait(ctx, &op);
    } while (rc == -EINTR || rc == -ECONNABORTED);
    if (rc >= 0)
        set_option(rc, IPPROTO_TCP, TCP_NODELAY, 1);
    return rc;
}

static void start_recv(struct op *op, int fd, void *buffer, size_t size_bytes)
{
    struct io_uring_sqe *sqe = ring_sqe(ring_current);
    io_uring_prep_recv(sqe, fd, buffer, size_bytes, 0);
    op_start(op, sqe);
}

static void send_rest(struct sending *sending)
{
    struct io_uring_sqe *sqe = ring_sqe(ring_current);
    io_uring_prep_send(sqe, sending->fd, sending->rest, sending->rest_bytes,
                       MSG_WAITALL | MSG_NOSIGNAL);
    op_start(&sending->op, sqe);
}

void sock_send_start(struct sending *sending, int fd, const void *data, size_t size_bytes)
{
    *sending = (struct sending){.fd = fd, .rest = data, .rest_bytes = size_bytes};
    send_rest(sending);
}

int sock_send_finish(struct ctx *ctx, struct sending *sending)
{
    for (;;) {
        int rc = op_wait(ctx, &sending->op);
        if (rc < 0 && rc != -EINTR)
            return rc;
        if (rc > 0) {
            sending->rest += rc;
            sending->rest_bytes -= (size_t)rc;
        }
        if (sending->rest_bytes == 0)
            return 0;
        send_rest(sending);
    }
}

ssize_t sock_recv(struct ctx *ctx, int fd, void *buffer, size_t size_bytes)
{
    int rc;
    do {
        struct op op = {0};
        start_recv(&op, fd, buffer, size_bytes);
        rc = op_wait(ctx, &op);
    } while (rc == -EINTR);
    return rc;
}

int sock_send(struct ctx *ctx, int fd, const void *data, size_t size_bytes)
{
    struct sending sending;
    if (size_bytes == 0)
        return 0;
    sock_send_start(&sending, fd, data, size_bytes);
    return sock_send_finish(ctx, &sending);
}

ssize_t sock_send_recv(struct ctx *ctx, int fd, const void *out, size_t out_bytes, void *in,
                       size_t in_bytes)
{
    struct op receiving = {0};
    struct sending sending;
    struct late late;
    sock_send_start(&sending, fd, out, out_bytes);
    io_uring_prep_recv(&late.sqe, fd, in, in_bytes, 0);
    op_start(&receiving, &late.sqe);
    ring_start_late(ring_current, &late);
    int received = op_wait(ctx, &receiving);
    int rc = sock_send_finish(ctx, &sending);
    if (received == -EINTR)
        received = (int)sock_recv(ctx, fd, in, in_bytes);
    return received < 0 ? received : rc < 0 ? rc : received;
}

static void watch_over(struct op *op, int result, unsigned flags)
{
    struct sock_watch *watch = container_of(op, struct sock_watch, op);
    op_finish(op, result, flags);
    if (result != -ECANCELED && watch->gone)
        watch->gone(watch);
}

void sock_watch_start(struct sock_watch *watch, int fd, void (*gone)(struct sock_watch *watch))
{
    *watch = (struct sock_watch){.op.complete = watch_over, .gone = gone, .armed = true};
    struct io_uring_sqe *sqe = ring_sqe(ring_current);
    io_uring_prep_poll_add(sqe, fd, POLLRDHUP | POLLHUP | POLLERR);
    op_start(&watch->op, sqe);
}

void sock_watch_stop(struct sock_watch *watch)
{
    if (!watch->armed)
        return;
    watch->armed = false;
    watch->gone = NULL;
    struct ctx over; /* of its own, so that the waiting ends it at once and nothing else does */
    ctx_init(&over, NULL);
    ctx_cancel(&over, "no longer watching");
    (void)op_wait(&over, &watch->op);
    ctx_fini(&over);
}

int sock_half_close(int fd)
{
    return shutdown(fd, SHUT_WR) == 0 ? 0 : -errno;
}

void sock_close(int fd, bool abort)
{
    if (abort) {
        struct linger now = {.l_onoff = 1, .l_linger = 0};
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    }
    (void)close(fd);
}
