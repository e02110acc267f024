/* SPDX-License-Identifier: MIT */
/* link.c - one proxied connection: accepted, its upstream called, two streams, the end. */
#include "faults/proxy/internal.h"

#include <errno.h>
#include <stdlib.h>

/* ---- The end --------------------------------------------------------------------------------- */

/* The last one closes. A stream that ended in order leaves the other one to go on. */
static void leave(struct link *link, bool orderly)
{
    struct proxy *proxy = link->proxy;
    if (!orderly)
        ctx_cancel(&link->ctx, "link ended");
    if (--link->streams_running > 0)
        return;
    sock_close(link->client, link->abort);
    if (link->server >= 0)
        sock_close(link->server, link->abort);
    proxy->figures.links_open--;
    list_remove(&link->member);
    ctx_fini(&link->ctx);
    free(link);
}

void link_drop(struct link *link, bool abort)
{
    link->abort = link->abort || abort;
    ctx_cancel(&link->ctx, "link dropped");
}

/* ---- Its fibers ------------------------------------------------------------------------------ */

static bool is_peers(int code)
{
    return code != -ECANCELED && code != -ETIMEDOUT;
}

static void carry(struct stream *stream)
{
    struct link *link = stream->link;
    int rc = pump_stream(stream);
    if (rc && !ctx_error(&link->ctx) && is_peers(rc))
        link->abort = true; /* what happened to one side happens to the other */
    leave(link, rc == 0);
}

static void carry_downstream(struct ctx *ctx, void *arg)
{
    (void)ctx; /* the link's, which ends with either stream, is below it */
    carry(arg);
}

static int dial(struct link *link)
{
    struct proxy *proxy = link->proxy;
    struct addr addr;
    int rc = lookup_address(&link->ctx, &proxy->lookup, proxy->upstream, &addr);
    if (!rc)
        rc = sock_connect(&link->ctx, &addr);
    if (rc == -EMFILE || rc == -ENFILE)
        proxy->figures.out_of_descriptors++;
    else if (rc < 0 && !ctx_error(&link->ctx))
        proxy->figures.dial_failures++;
    if (rc < 0)
        return rc;
    link->server = rc;
    return 0;
}

static void tie(struct stream *stream, struct link *link, enum fault_stream way)
{
    stream->link = link;
    stream->way = way;
    stream->from = way == FAULT_UPSTREAM ? link->client : link->server;
    stream->to = way == FAULT_UPSTREAM ? link->server : link->client;
}

/* Calls the upstream, then carries one of the streams and has another fiber carry the other. */
static void run_link(struct ctx *ctx, void *arg)
{
    (void)ctx; /* see carry_downstream */
    struct link *link = arg;
    if (dial(link)) {
        leave(link, false);
        return;
    }
    tie(&link->streams[FAULT_UPSTREAM], link, FAULT_UPSTREAM);
    tie(&link->streams[FAULT_DOWNSTREAM], link, FAULT_DOWNSTREAM);
    struct stream *second = &link->streams[FAULT_DOWNSTREAM];
    if (group_spawn(&link->proxy->group, "downstream", carry_downstream, second)) {
        leave(link, false);
        return;
    }
    link->streams_running++;
    carry(&link->streams[FAULT_UPSTREAM]);
}

void link_accept(struct proxy *proxy, int client)
{
    struct link *link = calloc(1, sizeof(*link));
    if (!link) {
        sock_close(client, false);
        return;
    }
    *link = (struct link){.proxy = proxy,
                          .number = ++proxy->figures.links_total,
                          .client = client,
                          .server = -1,
                          .streams_running = 1};
    ctx_init(&link->ctx, &proxy->group.ctx);
    if (group_spawn(&proxy->group, "link", run_link, link)) {
        sock_close(client, false);
        ctx_fini(&link->ctx);
        free(link);
        return;
    }
    list_push_back(&proxy->links, &link->member);
    proxy->figures.links_open++;
}
