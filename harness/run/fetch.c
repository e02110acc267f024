/* SPDX-License-Identifier: MIT */
/* fetch.c - asks for one reply and reads it to its end. */
#include "run/fetch.h"

#include "core/http1.h"
#include "core/sock.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A reply as it arrives. */
struct reply {
    char *data;             /* head and body */
    size_t used, room;      /* bytes of data */
    size_t limit_bytes;     /* of used */
    struct http1_head head; /* once head_bytes is not 0; slices are stale once data has moved */
    size_t head_bytes;      /* 0: not whole yet */
    struct http1_chunks chunks;
    size_t body_bytes; /* decoded, behind the head */
    size_t decoded_to; /* where bytes not yet decoded begin */
};

/* Bytes read more; 0 at the end of the stream, or -errno. */
static ssize_t read_more(struct ctx *ctx, int fd, struct reply *reply)
{
    if (reply->used >= reply->limit_bytes)
        return -EFBIG;
    if (reply->room - reply->used < 4096) {
        size_t room = reply->room * 2 + 16384;
        char *data = realloc(reply->data, room);
        if (!data)
            return -ENOMEM;
        reply->data = data;
        reply->room = room;
    }
    ssize_t got = sock_recv(ctx, fd, reply->data + reply->used, reply->room - reply->used - 1);
    if (got > 0)
        reply->used += (size_t)got;
    return got;
}

/* Decoded bytes are packed behind the head; what is still coded stays where it is. */
static int decode_chunks(struct reply *reply)
{
    size_t consumed = 0, length = reply->used - reply->decoded_to;
    char *coded = reply->data + reply->decoded_to;
    ssize_t got = http1_dechunk(&reply->chunks, coded, length, &consumed);
    if (got < 0)
        return (int)got;
    memmove(reply->data + reply->head_bytes + reply->body_bytes, coded, (size_t)got);
    reply->body_bytes += (size_t)got;
    reply->decoded_to += consumed;
    return reply->chunks.done ? 1 : 0;
}

/* 1: whole; 0: more must come. ended: nothing more will. */
static int look(struct reply *reply, bool ended)
{
    if (reply->head_bytes == 0) {
        ssize_t got = http1_parse_reply(reply->data, reply->used, false, &reply->head);
        if (got <= 0)
            return got < 0 ? (int)got : ended ? -ECONNRESET : 0;
        reply->head_bytes = reply->decoded_to = (size_t)got;
    }
    size_t body_bytes = reply->used - reply->head_bytes;
    int whole = 0;
    switch (reply->head.framing) {
    case HTTP1_NO_BODY:
        return 1;
    case HTTP1_LENGTH:
        reply->body_bytes = body_bytes;
        whole = body_bytes >= reply->head.content_length;
        break;
    case HTTP1_CHUNKED:
        whole = decode_chunks(reply);
        break;
    case HTTP1_UNTIL_CLOSE:
        reply->body_bytes = body_bytes;
        return ended;
    }
    return whole == 0 && ended ? -ECONNRESET : whole;
}

static int exchange(struct ctx *ctx, int fd, const char *request, struct reply *reply)
{
    int rc = sock_send(ctx, fd, request, strlen(request));
    while (!rc) {
        ssize_t got = read_more(ctx, fd, reply);
        rc = got < 0 ? (int)got : look(reply, got == 0);
    }
    return rc < 0 ? rc : 0;
}

/* Whether nothing of another message may still come over the connection. */
static bool can_go_on(const struct reply *reply)
{
    size_t end = reply->head_bytes;
    if (reply->head.framing == HTTP1_CHUNKED)
        end = reply->decoded_to;
    else if (reply->head.framing == HTTP1_LENGTH)
        end += reply->head.content_length;
    return reply->head.keep_alive && reply->head.framing != HTTP1_UNTIL_CLOSE && reply->used == end;
}

void fetch_link_close(struct fetch_link *link)
{
    if (link->fd >= 0)
        sock_close(link->fd, false);
    link->fd = -1;
}

/* How far an attempt came. */
struct attempt {
    bool connected; /* what failed came after that */
    bool stale;     /* the connection stood from before, and the peer had closed it */
};

static int exchange_over(struct ctx *ctx, struct fetch_link *link, const char *request,
                         struct reply *reply, struct attempt *attempt)
{
    bool kept = link->fd >= 0;
    int fd = kept ? link->fd : sock_connect(ctx, &link->target->addr);
    *attempt = (struct attempt){.connected = fd >= 0};
    if (fd < 0)
        return fd;
    link->fd = fd;
    int rc = exchange(ctx, fd, request, reply);
    attempt->stale = kept && reply->used == 0 && (rc == -ECONNRESET || rc == -EPIPE);
    if (rc || !can_go_on(reply))
        fetch_link_close(link);
    return rc;
}

static int get(struct ctx *ctx, struct fetch_link *link, const char *path, const char *more,
               struct reply *reply, struct err *err)
{
    const struct load_target *target = link->target;
    char request[3072], where[128];
    int length = snprintf(request, sizeof(request), "GET %s%s HTTP/1.1\r\nHost: %s\r\n%s\r\n",
                          target->prefix, path, target->host, more);
    (void)addr_format(&target->addr, where, sizeof(where));
    if (length < 0 || (size_t)length >= sizeof(request))
        return err_set(err, -E2BIG, "path '%.60s…' is too long", path);
    struct attempt attempt;
    int rc = exchange_over(ctx, link, request, reply, &attempt);
    if (rc && attempt.stale)
        rc = exchange_over(ctx, link, request, reply, &attempt);
    if (!rc)
        return 0;
    free(reply->data);
    return attempt.connected ? err_sys(err, rc, "GET %s%s from %s", target->prefix, path, where)
                             : err_sys(err, rc, "connect to %s", where);
}

/* Hands the body over, or throws it away. */
static int finish(struct reply *reply, char **body, size_t *length_bytes)
{
    assert(reply->data); /* a whole head is in it */
    if (body) {
        memmove(reply->data, reply->data + reply->head_bytes, reply->body_bytes);
        reply->data[reply->body_bytes] = '\0';
        *body = reply->data;
        *length_bytes = reply->body_bytes;
    } else {
        free(reply->data);
    }
    return reply->head.status;
}

int fetch_over(struct ctx *ctx, struct fetch_link *link, const char *path, size_t limit_bytes,
               char **body, size_t *length_bytes, struct err *err)
{
    struct reply reply = {.limit_bytes = limit_bytes};
    int rc = get(ctx, link, path, "", &reply, err);
    return rc ? rc : finish(&reply, body, length_bytes);
}

int fetch(struct ctx *ctx, const struct load_target *target, const char *path, size_t limit_bytes,
          char **body, size_t *length_bytes, struct err *err)
{
    struct fetch_link link = {.target = target, .fd = -1};
    struct reply reply = {.limit_bytes = limit_bytes};
    int rc = get(ctx, &link, path, "Connection: close\r\n", &reply, err);
    fetch_link_close(&link);
    return rc ? rc : finish(&reply, body, length_bytes);
}
