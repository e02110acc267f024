/* SPDX-License-Identifier: MIT */
/* listener.c - a proxy's listening socket: the fiber that accepts, and the door that faults shut.
 */
#include "faults/proxy/listener.h"

#include "core/io.h"
#include "faults/proxy/address.h"
#include "faults/proxy/link.h"
#include "faults/proxy/set.h"

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
    struct proxy *proxy;   /* it is of */
    struct ctx ctx;        /* of its waits; ended to stop it */
    struct ctx *waiting;   /* of its fiber's wait, while it does; ended to have it look anew */
    struct addr addr;      /* it listens on */
    int fd;                /* its socket, non-blocking */
    bool short_of;         /* descriptors, for the first in the queue: that has been counted */
    int filler;            /* the connection that fills the queue of a silent one; -1: none */
    struct addr of_filler; /* its address */
    enum fault_door door;  /* as it is */
    uint64_t again_ns;     /* when faults are to be asked for the door again */
};

/* ---- Accepting ------------------------------------------------------------------------------- */

/* No descriptor or memory for one more: what there is may end. */
static bool is_shortage(int rc)
{
    return rc == -EMFILE || rc == -ENFILE || rc == -ENOBUFS || rc == -ENOMEM;
}

static bool same_addr(const struct addr *one, const struct addr *other)
{
    return one->length == other->length && memcmp(&one->storage, &other->storage, one->length) == 0;
}

static struct descriptors *descriptors_of(const struct listener *listener)
{
    return &listener->proxy->set->descriptors;
}

/* For a link of both ends: who could not call the upstream had better wait in the queue. */
static bool take_descriptors(struct listener *listener)
{
    if (descriptors_take(descriptors_of(listener), LINK_DESCRIPTORS))
        return true;
    pool_trim(&listener->proxy->set->pool);
    return descriptors_take(descriptors_of(listener), LINK_DESCRIPTORS);
}

/* 0, or why there is none. */
static int accept_one(struct listener *listener)
{
    struct addr peer = {.length = sizeof(peer.storage)};
    struct sockaddr *client = (struct sockaddr *)&peer.storage;
    if (!take_descriptors(listener))
        return -EMFILE;
    int fd = accept4(listener->fd, client, &peer.length, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        int rc = errno == EINTR || errno == ECONNABORTED ? 0 : -errno;
        descriptors_give(descriptors_of(listener), LINK_DESCRIPTORS);
        return rc;
    }
    listener->short_of = false;
    if (listener->filler >= 0 && same_addr(&peer, &listener->of_filler)) {
        sock_close(fd, true);
        descriptors_give(descriptors_of(listener), LINK_DESCRIPTORS);
        return 0;
    }
    int on = 1; /* refused for Unix sockets, which need none */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    link_accept(listener->proxy, fd, client->sa_family == AF_UNIX ? NULL : client);
    return 0;
}

/* Accepts what there is, up to so many. 0, or why there is no more. */
static int accept_some(struct listener *listener, int count_max)
{
    int rc = 0;
    for (int i = 0; !rc && i < count_max; i++)
        rc = accept_one(listener);
    return rc;
}

/* All who are in the queue, before it is done with: whoever is left there would be reset, or never
 * be heard. A few microseconds each, once a change of the door. */
static void accept_all(struct listener *listener)
{
    (void)accept_some(listener, ADDRESS_BACKLOG + 1); /* a queue has room for one more */
}

/* ---- The door -------------------------------------------------------------------------------- */

/* Any address is called by that of the loopback. */
static struct addr callable(const struct addr *addr)
{
    struct addr to = *addr;
    struct sockaddr_in *in = (struct sockaddr_in *)&to.storage;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&to.storage;
    if (to.storage.ss_family == AF_INET && in->sin_addr.s_addr == htonl(INADDR_ANY))
        in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (to.storage.ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr))
        in6->sin6_addr = in6addr_loopback;
    return to;
}

/* The same, with any port; or any name for a Unix socket. */
static struct addr any_of(const struct addr *addr)
{
    struct addr any = *addr;
    if (any.storage.ss_family == AF_INET)
        ((struct sockaddr_in *)&any.storage)->sin_port = 0;
    else if (any.storage.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)&any.storage)->sin6_port = 0;
    else
        any.length = sizeof(any.storage.ss_family);
    return any;
}

/* Gets an address, to be known by, and then into the queue. */
static int call_filler(struct listener *listener, int fd)
{
    struct addr to = callable(&listener->addr), from = any_of(&to);
    if (bind(fd, (const struct sockaddr *)&from.storage, from.length) != 0)
        return -errno;
    int rc = sock_local(fd, &listener->of_filler);
    if (!rc && connect(fd, (const struct sockaddr *)&to.storage, to.length) != 0 &&
        errno != EINPROGRESS && errno != EAGAIN)
        rc = -errno;
    return rc;
}

static void drop_filler(struct listener *listener)
{
    if (listener->filler < 0)
        return;
    sock_close(listener->filler, true);
    listener->filler = -1;
    descriptors_give(descriptors_of(listener), 1);
}

/* A queue for none, and a connection of our own in it: the kernel answers nobody any more. When
 * that fails, all is as it was. */
static int silence(struct listener *listener)
{
    if (listen(listener->fd, 0) != 0)
        return -errno;
    int rc = listener->filler =
        socket(listener->addr.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (rc < 0) {
        rc = -errno;
    } else {
        descriptors_take_anyway(descriptors_of(listener), 1);
        rc = call_filler(listener, listener->filler);
    }
    if (!rc)
        return 0;
    drop_filler(listener);
    (void)listen(listener->fd, ADDRESS_BACKLOG); /* it could with a queue for none */
    return rc;
}

/* Nobody listens; a TCP port stays ours, a Unix socket's name without a socket behind it. */
static void refuse(struct listener *listener)
{
    (void)shutdown(listener->fd, SHUT_RDWR);
}

static int listen_again(struct listener *listener)
{
    bool lost = listener->door == FAULT_DOOR_REFUSED && listener->addr.storage.ss_family == AF_UNIX;
    if (lost) {
        (void)unlink(((const struct sockaddr_un *)&listener->addr.storage)->sun_path);
        int fd = address_open(&listener->addr, listener->proxy->listen, NULL);
        if (fd < 0)
            return fd;
        (void)close(listener->fd);
        listener->fd = fd;
    } else if (listen(listener->fd, ADDRESS_BACKLOG) != 0) {
        return -errno;
    }
    accept_all(listener); /* the filler among them */
    drop_filler(listener);
    return 0;
}

/* Who had got in before is not kept out. */
static int move_door(struct listener *listener, enum fault_door door)
{
    int rc = listener->door == FAULT_DOOR_OPEN ? 0 : listen_again(listener);
    if (rc)
        return rc;
    listener->door = FAULT_DOOR_OPEN;
    if (door != FAULT_DOOR_OPEN)
        accept_all(listener);
    if (door == FAULT_DOOR_SILENT)
        rc = silence(listener);
    else if (door == FAULT_DOOR_REFUSED)
        refuse(listener);
    if (!rc) /* else it is tried again */
        listener->door = door;
    return rc;
}

static void look(struct listener *listener)
{
    uint64_t now_ns = clock_now_ns();
    enum fault_door door = toxics_door(&listener->proxy->toxics, now_ns, &listener->again_ns);
    if (door == listener->door || !move_door(listener, door))
        return;
    if (listener->again_ns > now_ns + BACKOFF_NS_MAX)
        listener->again_ns = now_ns + BACKOFF_NS_MAX;
}

void listener_look(struct proxy *proxy)
{
    struct listener *listener = proxy->listener;
    if (!listener)
        return;
    look(listener);
    if (listener->waiting)
        ctx_cancel(listener->waiting, "faults changed");
}

/* ---- Its fiber ------------------------------------------------------------------------------- */

/* fd -1: for nothing but the time, or to be told to look. */
static void wait_for(struct listener *listener, int fd, uint64_t until_ns)
{
    struct ctx wait;
    uint64_t again_ns = listener->again_ns;
    ctx_init_deadline(&wait, &listener->ctx, until_ns < again_ns ? until_ns : again_ns);
    listener->waiting = &wait;
    if (fd < 0)
        (void)fiber_sleep_until(&wait, CLOCK_NEVER); /* until that ctx ends */
    else
        (void)io_poll(&wait, fd, POLLIN); /* whatever ended it: accepting will tell */
    listener->waiting = NULL;
    ctx_fini(&wait);
}

/* Until descriptors come back. They may do so without us hearing of it. */
static void wait_for_descriptors(struct listener *listener, uint64_t until_ns)
{
    struct ctx wait;
    uint64_t again_ns = listener->again_ns;
    ctx_init_deadline(&wait, &listener->ctx, until_ns < again_ns ? until_ns : again_ns);
    listener->waiting = &wait;
    descriptors_wait(&wait, descriptors_of(listener));
    listener->waiting = NULL;
    ctx_fini(&wait);
}

/* There is no room for one more, if there is one more. */
static void back_off(struct listener *listener, uint64_t *backoff_ns)
{
    if (poll(&(struct pollfd){.fd = listener->fd, .events = POLLIN}, 1, 0) == 0) {
        wait_for(listener, listener->fd, CLOCK_NEVER);
        return;
    }
    listener->proxy->figures.out_of_descriptors += !listener->short_of;
    listener->short_of = true;
    wait_for_descriptors(listener, clock_after(clock_now_ns(), *backoff_ns));
    *backoff_ns = *backoff_ns * 2 < BACKOFF_NS_MAX ? *backoff_ns * 2 : BACKOFF_NS_MAX;
}

/* A request in the kernel keeps the socket open a little longer: this frees its place now. */
static void shut_down(struct listener *listener)
{
    (void)shutdown(listener->fd, SHUT_RDWR);
    if (listener->addr.storage.ss_family == AF_UNIX)
        (void)unlink(((const struct sockaddr_un *)&listener->addr.storage)->sun_path);
}

static void run_listener(struct ctx *ctx, void *arg)
{
    (void)ctx; /* its own, which stopping ends, is below it */
    struct listener *listener = arg;
    uint64_t backoff_ns = BACKOFF_NS_MIN;
    while (!ctx_error(&listener->ctx)) {
        if (clock_now_ns() >= listener->again_ns)
            look(listener);
        if (listener->door != FAULT_DOOR_OPEN) {
            wait_for(listener, -1, CLOCK_NEVER);
            continue;
        }
        int rc = accept_some(listener, ACCEPTS_A_TURN);
        if (is_shortage(rc)) {
            back_off(listener, &backoff_ns);
            continue;
        }
        backoff_ns = BACKOFF_NS_MIN;
        if (rc == 0)
            fiber_yield();
        else
            wait_for(listener, listener->fd, CLOCK_NEVER);
    }
    if (listener->proxy->listener == listener) { /* nobody stopped it: the set's ctx has ended */
        listener->proxy->listener = NULL;
        shut_down(listener);
    }
    drop_filler(listener);
    (void)close(listener->fd);
    descriptors_give(descriptors_of(listener), 1);
    ctx_fini(&listener->ctx);
    free(listener);
}

/* ---- Starting and stopping ------------------------------------------------------------------- */

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
    *listener = (struct listener){.proxy = proxy, .filler = -1};
    ctx_init(&listener->ctx, &proxy->group.ctx);
    listener->fd = rc = address_open(&addr, proxy->listen, err);
    if (rc < 0)
        goto fail;
    rc = show_resolved(listener);
    if (!rc)
        rc = group_spawn(&proxy->group, "listener", run_listener, listener);
    if (!rc) {
        descriptors_take_anyway(descriptors_of(listener), 1);
        proxy->listener = listener;
        look(listener);
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
    shut_down(listener);
    ctx_cancel(&listener->ctx, "proxy stopped");
}
