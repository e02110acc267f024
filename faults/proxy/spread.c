/* SPDX-License-Identifier: MIT */
/* spread.c - puts the faults of a proxy on its live links and its door, and takes them away. */
#include "faults/proxy/followed.h"
#include "faults/proxy/link.h"
#include "faults/proxy/listener.h"
#include "faults/proxy/set.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

/* Only a link that carries bytes has chains; others get what there is by then. */
static struct stream *streams_of(struct list *member)
{
    struct link *link = container_of(member, struct link, member);
    return link->carried ? link->streams : NULL;
}

/* Everybody looks anew at what has changed. Does not wait. */
static void spread(struct proxy *proxy)
{
    bool wanted = toxics_want_queries(&proxy->toxics);
    listener_look(proxy);
    list_each(member, &proxy->links) {
        struct link *link = container_of(member, struct link, member);
        followed_want(link, wanted);
        link_nudge(link);
    }
}

/* A fault on queries says no where it would see none. */
static int refuse_encrypted(const struct proxy *proxy, struct err *err)
{
    list_each(member, &proxy->links)
        if (followed_is_encrypted(container_of(member, struct link, member)))
            return err_set(err, -EPROTO,
                           "a connection is encrypted, so that its queries cannot be seen: have "
                           "the client connect with sslmode=disable");
    return 0;
}

/* It hears no answer to a keepalive either, so that the first one ends it. */
static void give_up_after(int fd, unsigned idle_s)
{
    int on = idle_s > 0, idle = (int)idle_s, once = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)); /* Unix sockets have none */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &once, sizeof(once));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &once, sizeof(once));
}

/* The kernel hears nothing more on a stream that a fault has left dead: what comes is not
 * acknowledged, nor is a keepalive answered, so that whoever sent it finds out as TCP does. Where
 * that can't be had, it is swallowed all the same. */
static void deafen(const struct stream *stream)
{
    struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
    struct sock_fprog program = {.len = 1, .filter = &nothing};
    (void)setsockopt(stream->from, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
    give_up_after(stream->from, stream->link->proxy->set->limits.dead_s);
}

/* Tells the chains of all links that the toxic goes (chain_remove) or has changed (chain_change),
 * either of which may leave some of them dead. */
static void tell_links(struct proxy *proxy, struct toxic *toxic,
                       void (*tell)(struct chain *, struct toxic *, uint64_t))
{
    uint64_t now_ns = clock_now_ns();
    list_each(member, &proxy->links) {
        struct stream *streams = streams_of(member);
        for (int way = 0; streams && way < 2; way++) {
            tell(&streams[way].chain, toxic, now_ns);
            if (streams[way].chain.dead)
                deafen(&streams[way]);
        }
    }
    link_bound_dead(proxy);
}

static int put_on_links(struct proxy *proxy, struct toxic *toxic)
{
    uint64_t now_ns = clock_now_ns();
    list_each(member, &proxy->links) {
        struct stream *streams = streams_of(member);
        for (int way = 0; streams && way < 2; way++)
            if (chain_add(&streams[way].chain, toxic, now_ns))
                return -ENOMEM;
    }
    return 0;
}

int toxic_add(struct proxy *proxy, const struct toxic_options *options, struct toxic **out,
              struct err *err)
{
    struct toxic *toxic;
    *out = NULL;
    int rc = options->type->needs_queries ? refuse_encrypted(proxy, err) : 0;
    if (rc)
        return rc;
    rc = toxics_create(&proxy->toxics, options, proxy_is_followed(proxy), clock_now_ns(), &toxic,
                       err);
    if (rc)
        return rc;
    toxic->owner = proxy;
    if (put_on_links(proxy, toxic)) {
        tell_links(proxy, toxic, chain_remove);
        toxic_destroy(toxic);
        return err_sys(err, -ENOMEM, "put a fault on live connections");
    }
    spread(proxy);
    *out = toxic;
    return 0;
}

int toxic_change(struct toxic *toxic, const struct fault_aim *aim, const void *settings,
                 struct err *err)
{
    struct proxy *proxy = toxic->owner;
    int rc = toxic_set(toxic, aim, settings, clock_now_ns(), err);
    if (rc)
        return rc;
    tell_links(proxy, toxic, chain_change);
    spread(proxy);
    return 0;
}

void toxic_remove(struct toxic *toxic)
{
    struct proxy *proxy = toxic->owner;
    tell_links(proxy, toxic, chain_remove);
    toxic_destroy(toxic);
    spread(proxy);
}

struct toxic *toxic_first(struct proxy *proxy)
{
    return toxics_first(&proxy->toxics);
}

struct toxic *toxic_find(struct proxy *proxy, const char *name)
{
    return toxics_find(&proxy->toxics, name);
}
