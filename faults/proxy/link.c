/* SPDX-License-Identifier: MIT */
/* link.c - one proxied connection: accepted, its upstream called, two streams, the end. */
#include "faults/proxy/link.h"

#include "core/io.h"
#include "faults/proxy/followed.h"
#include "faults/proxy/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>

/* ---- The end --------------------------------------------------------------------------------- */

/* Has it ask its faults again. */
static void ask_again(struct held *held)
{
    struct link *link = container_of(held, struct link, held);
    if (link->held_wait)
        ctx_cancel(link->held_wait, "faults are asked again");
}

/* Whatever becomes of it, the next in its line may have got the place it was woken for. */
static void hold_no_more(struct link *link)
{
    struct held *next = held_leave(&link->held);
    if (next)
        ask_again(next);
}

static void end(struct link *link)
{
    struct proxy *proxy = link->proxy;
    bool called = link->called;
    for (int way = 0; link->carried && way < 2; way++)
        chain_fini(&link->streams[way].chain);
    followed_destroy(link);
    toxic_peer_fini(&link->peer);
    sock_close(link->client, link->abort);
    if (link->server >= 0)
        sock_close(link->server, link->abort);
    proxy->figures.links_open--;
    descriptors_give(&proxy->set->descriptors, LINK_DESCRIPTORS);
    proxy->links_called -= called;
    list_remove(&link->member);
    ctx_fini(&link->ctx);
    free(link);
    if (called) /* a place has become free */
        held_ask(&proxy->lines, ask_again);
}

/* The last one closes. A stream that ended in order leaves the other one to go on. */
static void leave(struct link *link, bool orderly)
{
    if (!orderly)
        ctx_cancel(&link->ctx, "link ended");
    if (--link->streams_running == 0)
        end(link);
}

void link_drop(struct link *link, bool abort)
{
    link->abort = link->abort || abort;
    ctx_cancel(&link->ctx, "link dropped");
}

void link_nudge(struct link *link)
{
    ask_again(&link->held);
    for (int way = 0; link->carried && way < 2; way++)
        stream_nudge(&link->streams[way]);
}

/* Its end has come, and nothing of it will go on by itself. */
static bool has_ended(const struct stream *stream)
{
    return stream->ended && chain_next_ns(&stream->chain) == CLOCK_NEVER;
}

/* A fault has left it so, or holds for ever what its two ends have said, who may have gone since.
 */
static bool is_dead(const struct link *link)
{
    const struct stream *up = &link->streams[FAULT_UPSTREAM];
    const struct stream *down = &link->streams[FAULT_DOWNSTREAM];
    return link->carried && !ctx_error(&link->ctx) &&
           (up->chain.dead || down->chain.dead || (has_ended(up) && has_ended(down)));
}

/* They are not to take all places of the living. */
static size_t dead_max(const struct proxy_set *set)
{
    size_t share = set->descriptors.limit / LINK_DESCRIPTORS / 8;
    return share < set->limits.dead_max ? share : set->limits.dead_max;
}

void link_bound_dead(struct proxy *proxy)
{
    size_t count = 0, most = dead_max(proxy->set);
    list_each(member, &proxy->links)
        count += is_dead(container_of(member, struct link, member));
    for (struct list *member = proxy->links.next; count > most; member = member->next) {
        struct link *link = container_of(member, struct link, member);
        if (!is_dead(link))
            continue;
        link_drop(link, true);
        count--;
    }
}

/* ---- Two streams ----------------------------------------------------------------------------- */

/* What happens to one side happens to the other. Who can't be told anything any more may still have
 * said something before: the other stream goes on to its end. */
static void carry(struct stream *stream)
{
    struct link *link = stream->link;
    int rc = pump_stream(stream);
    if (rc && !ctx_error(&link->ctx))
        link->abort = true;
    leave(link, rc == 0 || stream->unheard);
}

static void carry_downstream(struct ctx *ctx, void *arg)
{
    (void)ctx; /* the link's, which ends with either stream, is below it */
    carry(arg);
}

static int tie(struct link *link, enum fault_stream way)
{
    struct stream *stream = &link->streams[way];
    stream->link = link;
    stream->way = way;
    stream->from = way == FAULT_UPSTREAM ? link->client : link->server;
    stream->to = way == FAULT_UPSTREAM ? link->server : link->client;
    return chain_init(&stream->chain, &link->peer, way, clock_now_ns());
}

static int tie_both(struct link *link)
{
    int rc = followed_create(link);
    if (rc)
        return rc;
    followed_want(link, toxics_want_queries(&link->proxy->toxics));
    rc = tie(link, FAULT_UPSTREAM);
    if (rc)
        return rc;
    rc = tie(link, FAULT_DOWNSTREAM);
    if (rc)
        chain_fini(&link->streams[FAULT_UPSTREAM].chain);
    link->carried = !rc;
    return rc;
}

/* ---- Before that ----------------------------------------------------------------------------- */

/* Waits until due_ns, or until faults are to be asked again. A client that has gone, which cannot
 * be told from one that only says no more, is not waited for where that could last for ever. */
static int hold(struct link *link, uint64_t due_ns)
{
    struct ctx wait;
    short gone = due_ns == CLOCK_NEVER ? POLLRDHUP : 0; /* a reset is seen always */
    int rc = held_enter(&link->proxy->lines, &link->held, link->peer.held_by);
    if (rc)
        return rc;
    ctx_init_deadline(&wait, &link->ctx, due_ns);
    link->held_wait = &wait;
    rc = io_poll(&wait, link->client, gone);
    link->held_wait = NULL;
    ctx_fini(&wait);
    if (ctx_error(&link->ctx))
        return ctx_error(&link->ctx);
    return rc > 0 ? -ECONNRESET : rc == -ECANCELED || rc == -ETIMEDOUT ? 0 : rc;
}

/* Until faults let it through. */
static int arrive(struct link *link)
{
    struct proxy *proxy = link->proxy;
    for (;;) {
        uint64_t now_ns = clock_now_ns(), due_ns;
        enum fault_verdict verdict =
            toxics_arrive(&link->peer, link->arrived_ns, proxy->links_called, now_ns, &due_ns);
        if (verdict == FAULT_CLOSE || verdict == FAULT_RESET) {
            link_drop(link, verdict == FAULT_RESET);
            return -ECANCELED;
        }
        if (due_ns <= now_ns)
            return 0;
        int rc = hold(link, due_ns);
        if (rc)
            return rc;
    }
}

/* Returns the socket, or -errno. */
static int call_upstream(struct link *link)
{
    struct proxy *proxy = link->proxy;
    struct addr addr;
    struct ctx calling;
    uint64_t limit_ns = proxy->set->limits.connect_ns;
    ctx_init_deadline(&calling, &link->ctx,
                      limit_ns ? clock_after(clock_now_ns(), limit_ns) : CLOCK_NEVER);
    int rc = lookup_address(&calling, &proxy->lookup, proxy->upstream, &addr);
    if (!rc)
        rc = sock_connect(&calling, &addr);
    ctx_fini(&calling);
    return rc;
}

static void book_failure(struct link *link, int rc)
{
    struct proxy_figures *figures = &link->proxy->figures;
    if (rc == -EMFILE || rc == -ENFILE) {
        figures->out_of_descriptors++;
        figures->links_refused++;
    } else if (!ctx_error(&link->ctx)) {
        figures->dial_failures++;
    }
}

static int dial(struct link *link)
{
    int rc = arrive(link);
    if (!rc) {
        link->called = true;
        link->proxy->links_called++;
    }
    hold_no_more(link);
    if (rc)
        return rc;
    rc = call_upstream(link);
    if (rc < 0)
        book_failure(link, rc);
    if (rc < 0)
        return rc;
    link->server = rc;
    return fcntl(link->server, F_SETFL, O_NONBLOCK) == 0 ? 0 : -errno;
}

/* Calls the upstream, then carries one of the streams and has another fiber carry the other. */
static void run_link(struct ctx *ctx, void *arg)
{
    (void)ctx; /* see carry_downstream */
    struct link *link = arg;
    struct stream *second = &link->streams[FAULT_DOWNSTREAM];
    if (dial(link) || tie_both(link) ||
        group_spawn(&link->proxy->group, "downstream", carry_downstream, second)) {
        leave(link, false);
        return;
    }
    link->streams_running++;
    carry(&link->streams[FAULT_UPSTREAM]);
}

static void refuse(struct proxy *proxy, int fd)
{
    proxy->figures.links_refused++;
    sock_close(fd, false);
    descriptors_give(&proxy->set->descriptors, LINK_DESCRIPTORS);
}

void link_accept(struct proxy *proxy, int fd, const struct sockaddr *client)
{
    struct link *link = calloc(1, sizeof(*link));
    if (!link) {
        refuse(proxy, fd);
        return;
    }
    *link = (struct link){.proxy = proxy,
                          .number = ++proxy->figures.links_total,
                          .arrived_ns = clock_now_ns(),
                          .client = fd,
                          .server = -1,
                          .streams_running = 1};
    link->held.number = link->number;
    ctx_init(&link->ctx, &proxy->group.ctx);
    if (group_spawn(&proxy->group, "link", run_link, link)) {
        ctx_fini(&link->ctx);
        free(link);
        refuse(proxy, fd);
        return;
    }
    toxic_peer_init(&link->peer, &proxy->toxics, link->number, client);
    list_push_back(&proxy->links, &link->member);
    proxy->figures.links_open++;
}
