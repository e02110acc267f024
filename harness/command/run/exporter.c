/* SPDX-License-Identifier: MIT */
/* exporter.c - a small HTTP server: one page, few connections, each bounded in time. */
#include "command/run/exporter.h"

#include "core/group.h"
#include "core/http1.h"
#include "subject/reply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    BACKLOG = 16,
    CONNECTIONS_MAX = 8,
    HEAD_BYTES_MAX = 8 << 10,
    LINGER_BYTES = 1 << 20, /* read and dropped of who is refused */
};

#define PATIENCE_NS (30 * NS_PER_S) /* for a request, and for its answer to be taken */
#define PAUSE_NS    (100 * NS_PER_MS)

/* ---- Listening ------------------------------------------------------------------------------- */

static int parse(struct addr *addr, const char *text, struct err *err)
{
    char local[64];
    if (text[0] == ':') {
        (void)snprintf(local, sizeof(local), "127.0.0.1%.40s", text);
        text = local;
    }
    if (strncmp(text, "unix:", strlen("unix:")) == 0)
        return err_set(err, -EINVAL, "expected HOST:PORT, not '%s'", text);
    return addr_parse(addr, text, err);
}

int exporter_open(struct exporter *exporter, const char *text, struct err *err)
{
    struct addr addr;
    int rc = parse(&addr, text, err);
    if (rc)
        return err_wrap(err, "--prometheus %.100s", text);
    int fd = sock_listen(&addr, BACKLOG, false, err);
    if (fd < 0)
        return err_wrap(err, "--prometheus %.100s", text);
    rc = sock_local(fd, &exporter->addr);
    if (rc) {
        sock_close(fd, false);
        return err_sys(err, rc, "--prometheus %.100s", text);
    }
    exporter->fd = fd;
    return 0;
}

void exporter_close(struct exporter *exporter)
{
    if (exporter->fd >= 0)
        sock_close(exporter->fd, false);
    exporter->fd = -1;
}

/* ---- One connection -------------------------------------------------------------------------- */

struct visit {
    const struct live *live;
    int fd;
    size_t filled; /* of input */
    char input[HEAD_BYTES_MAX];
};

static bool is(const struct slice *slice, const char *text)
{
    return slice->data && slice->length == strlen(text) &&
           memcmp(slice->data, text, slice->length) == 0;
}

/* Returns the length of a whole head at the start of input, or why there is none; 0: the peer has
 * gone. */
static ssize_t read_head(struct ctx *ctx, struct visit *visit, struct http1_head *head)
{
    for (;;) {
        ssize_t length = http1_parse_request(visit->input, visit->filled, head);
        if (length != 0)
            return length;
        if (visit->filled == sizeof(visit->input))
            return -E2BIG;
        ssize_t got = sock_recv(ctx, visit->fd, visit->input + visit->filled,
                                sizeof(visit->input) - visit->filled);
        if (got <= 0)
            return got < 0 ? got : 0;
        visit->filled += (size_t)got;
    }
}

static int judge(ssize_t length, const struct http1_head *head)
{
    struct slice path = length > 0 ? head->target : (struct slice){0};
    const char *query = path.data ? memchr(path.data, '?', path.length) : NULL;
    if (length < 0)
        return length == -E2BIG ? 431 : 400;
    if (head->framing != HTTP1_NO_BODY)
        return 400;
    if (query)
        path.length = (size_t)(query - path.data);
    if (!is(&path, "/metrics"))
        return 404;
    return is(&head->method, "GET") || is(&head->method, "HEAD") ? 200 : 405;
}

/* The page, or a line that says why not. To be freed; NULL without memory. */
static char *make_body(const struct live *live, int status, size_t *length)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, length);
    if (!out)
        return NULL;
    if (status == 200)
        exporter_write(live, out);
    else
        (void)fprintf(out, "%s: the figures are at GET /metrics\n",
                      reply_statuses[reply_status_index(status)].reason);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

static int answer(struct ctx *ctx, const struct visit *visit, struct reply_head *head,
                  bool bodiless)
{
    char text[REPLY_HEAD_MAX];
    char *body = make_body(visit->live, head->status, &head->length_bytes);
    if (!body)
        return -ENOMEM;
    int rc = sock_send(ctx, visit->fd, text, reply_write_head(text, head));
    if (!rc && !bodiless)
        rc = sock_send(ctx, visit->fd, body, head->length_bytes);
    free(body);
    return rc;
}

/* One request. Negative or 0: there will be no other. */
static int serve_one(struct ctx *ctx, struct visit *visit)
{
    struct http1_head head = {0};
    ssize_t length = read_head(ctx, visit, &head);
    bool whole = length > 0;
    if (length == 0 || (length < 0 && length != -E2BIG && length != -EBADMSG))
        return (int)length;
    struct reply_head reply = {
        .status = judge(length, &head),
        .content_type = "text/plain; version=0.0.4; charset=utf-8",
        .minor = head.minor,
    };
    reply.allow = reply.status == 405 ? "GET, HEAD" : NULL;
    reply.keep_alive = whole && head.keep_alive && head.framing == HTTP1_NO_BODY;
    int rc = answer(ctx, visit, &reply, whole && is(&head.method, "HEAD"));
    if (rc || !reply.keep_alive)
        return rc;
    visit->filled -= (size_t)length;
    memmove(visit->input, visit->input + length, visit->filled);
    return 1;
}

/* Closing with bytes unread would reset the connection, and the answer with it. */
static void linger(struct ctx *ctx, struct visit *visit)
{
    ssize_t got = sock_half_close(visit->fd) ? -1 : 1;
    for (ssize_t left = LINGER_BYTES; got > 0 && left > 0; left -= got)
        got = sock_recv(ctx, visit->fd, visit->input, sizeof(visit->input));
}

static void converse(struct ctx *ctx, void *arg)
{
    struct visit *visit = arg;
    int more = 1;
    while (more > 0) {
        struct ctx patience;
        ctx_init_timeout(&patience, ctx, PATIENCE_NS);
        more = serve_one(&patience, visit);
        if (more == 0)
            linger(&patience, visit);
        ctx_fini(&patience);
    }
    sock_close(visit->fd, false);
    free(visit);
}

static void welcome(struct group *group, const struct live *live, int fd)
{
    struct visit *visit = group->live < CONNECTIONS_MAX ? calloc(1, sizeof(*visit)) : NULL;
    if (visit) {
        visit->live = live;
        visit->fd = fd;
    }
    if (visit && group_spawn(group, "scrape", converse, visit) == 0)
        return;
    free(visit);
    sock_close(fd, false);
}

void exporter_serve(struct ctx *ctx, void *arg)
{
    const struct exporter_duty *duty = arg;
    struct group group;
    group_init(&group, ctx);
    while (!ctx_error(ctx)) {
        int fd = sock_accept(ctx, duty->exporter->fd);
        if (fd >= 0)
            welcome(&group, duty->live, fd);
        else
            (void)fiber_sleep(ctx, PAUSE_NS); /* out of descriptors, say: others need them more */
    }
    group_cancel(&group, "the run is over");
    (void)group_join(NULL, &group);
    (void)group_fini(&group);
}
