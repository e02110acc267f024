/* SPDX-License-Identifier: MIT */
/* listener.c - a proxy's listening socket and the fiber that accepts. */
#include "core/io.h"
#include "faults/proxy/address.h"
#include "faults/proxy/internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

enum { ACCEPTS_A_TURN = 64 }; /* then others run */

#define BACKOFF_NS_MIN (5 * NS_PER_MS)
#define BACKOFF_NS_MAX (500 * NS_PER_MS)

/* Its fiber's, which frees it; the proxy knows it until it stops it. */
struct listener {
    struct proxy *proxy; /* it is of */
    struct ctx ctx;      /* of its waits */
    struct addr addr;    /* it listens on */
    int fd;              /* its socket */
};

/* No descriptor or memory for one more: what there is may end. */
static bool is_shortage(int code)
{
    return code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM;
}

/* Accepts what there is, up to a turn's worth. 0, or why there is no more. */
static int accept_some(struct listener *listener)
{
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (fd < 0)
            return -errno;
        int on = 1; /* refused for Unix sockets, which need none */
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        link_accept(listener->proxy, fd);
    }
    return 0;
}

static void accept_all(struct ctx *ctx, void *arg)
{
    (void)ctx; /* its own, which stopping ends, is below it */
    struct listener *listener = arg;
    uint64_t backoff_ns = BACKOFF_NS_MIN;
    while (!ctx_error(&listener->ctx)) {
        int rc = accept_some(listener);
        if (is_shortage(-rc)) {
            listener->proxy->figures.out_of_descriptors++;
            (void)fiber_sleep(&listener->ctx, backoff_ns);
            backoff_ns = backoff_ns * 2 < BACKOFF_NS_MAX ? backoff_ns * 2 : BACKOFF_NS_MAX;
            continue;
        }
        backoff_ns = BACKOFF_NS_MIN;
        if (rc == 0)
            fiber_yield();
        else
            (void)io_poll(&listener->ctx, listener->fd, POLLIN);
    }
    (void)close(listener->fd);
    ctx_fini(&listener->ctx);
    free(listener);
}

/* The text to show from now on: the address it really has. */
static int show_resolved(struct listener *listener)
{
    char text[128];
    struct proxy *proxy = listener->proxy;
    int rc = sock_local(listener->fd, &listener->addr);
    if (rc)
        return rc;
    char *shown = strdup(addr_format(&listener->addr, text, sizeof(text)));
    if (!shown)
        return -ENOMEM;
    free(proxy->listen);
    proxy->listen = shown;
    return 0;
}

int listener_start(struct proxy *proxy, struct err *err)
{
    struct addr addr;
    int rc = address_listen(&addr, proxy->listen, err);
    if (rc)
        return rc;
    struct listener *listener = calloc(1, sizeof(*listener));
    if (!listener)
        return err_sys(err, -ENOMEM, "allocate a listener");
    listener->proxy = proxy;
    ctx_init(&listener->ctx, &proxy->group.ctx);
    listener->fd = rc = address_open(&addr, proxy->listen, err);
    if (rc < 0)
        goto fail;
    rc = show_resolved(listener);
    if (!rc)
        rc = group_spawn(&proxy->group, "listener", accept_all, listener);
    if (!rc) {
        proxy->listener = listener;
        return 0;
    }
    (void)err_sys(err, rc, "start a listener");
    (void)close(listener->fd);
fail:
    ctx_fini(&listener->ctx);
    free(listener);
    return rc;
}

void listener_stop(struct proxy *proxy)
{
    struct listener *listener = proxy->listener;
    if (!listener)
        return;
    proxy->listener = NULL;
    /* A request in the kernel keeps the socket open a little longer: this frees its port now. */
    (void)shutdown(listener->fd, SHUT_RDWR);
    if (listener->addr.storage.ss_family == AF_UNIX)
        (void)unlink(((const struct sockaddr_un *)&listener->addr.storage)->sun_path);
    ctx_cancel(&listener->ctx, "proxy stopped");
}
