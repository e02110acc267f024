/* SPDX-License-Identifier: MIT */
/* service_fixture.h - starts the service in a test and talks HTTP to it. */
#ifndef POOLSTORM_TESTS_SERVICE_FIXTURE_H
#define POOLSTORM_TESTS_SERVICE_FIXTURE_H

#include "ring_fixture.h"

#include "core/fiber.h"
#include "core/http1.h"
#include "core/sock.h"
#include "subject/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REPLY_MAX = 1 << 20 };

/* Settings as name, value, …, NULL. */
static inline struct service *start(const char *const *words)
{
    struct service_settings settings = {0};
    struct service *service = NULL;
    struct err err = {0};
    assert_ok(param_defaults(service_params, &settings, &err));
    for (; *words; words += 2)
        if (param_set(param_find(service_params, words[0]), &settings, words[1], &err))
            fail_msg("%s", err.text);
    if (service_start(&service, &settings, &err))
        fail_msg("%s", err.text);
    param_fini(service_params, &settings);
    return service;
}

#define START(...) start((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

struct client {
    struct ctx *ctx;
    int fd;
    size_t filled; /* bytes in text */
    size_t used;   /* of them, by replies already taken */
    int status;    /* of the last reply */
    struct http1_head head;
    char body[REPLY_MAX]; /* of the last reply, NUL-terminated */
    size_t body_bytes;
    char text[REPLY_MAX];
};

static inline struct client *dial(struct ctx *ctx, const struct service *service)
{
    struct client *client = calloc(1, sizeof(*client));
    assert_non_null(client);
    client->ctx = ctx;
    client->fd = sock_connect(ctx, service_addr(service));
    assert_true(client->fd >= 0);
    return client;
}

static inline void hang_up(struct client *client)
{
    sock_close(client->fd, false);
    free(client);
}

static inline void say(struct client *client, const char *text)
{
    assert_ok(sock_send(client->ctx, client->fd, text, strlen(text)));
}

/* False at the end of the stream. */
static inline bool hear_more(struct client *client)
{
    assert_true(client->filled < REPLY_MAX);
    ssize_t got = sock_recv(client->ctx, client->fd, client->text + client->filled,
                            REPLY_MAX - client->filled);
    assert_true(got >= 0);
    client->filled += (size_t)got;
    return got > 0;
}

/* Takes the next reply and returns its status. */
static inline int hear_reply(struct client *client, bool to_head)
{
    ssize_t length;
    while ((length = http1_parse_reply(client->text + client->used, client->filled - client->used,
                                       to_head, &client->head)) == 0)
        assert_true(hear_more(client));
    assert_true(length > 0);
    client->used += (size_t)length;
    client->body_bytes = client->head.framing == HTTP1_LENGTH ? client->head.content_length : 0;
    while (client->filled - client->used < client->body_bytes)
        assert_true(hear_more(client));
    memcpy(client->body, client->text + client->used, client->body_bytes);
    client->body[client->body_bytes] = '\0';
    client->used += client->body_bytes;
    if (client->used == client->filled)
        client->used = client->filled = 0;
    return client->head.status;
}

static inline int hear(struct client *client)
{
    return hear_reply(client, false);
}

static inline void hear_end(struct client *client)
{
    assert_int_equal(client->filled, client->used);
    assert_false(hear_more(client));
}

static inline int get(struct client *client, const char *target, const char *headers)
{
    char text[1024];
    (void)snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: h\r\n%s\r\n", target, headers);
    say(client, text);
    return hear(client);
}

/* The value of a series, named with its labels as written. */
static inline double scrape_number(struct ctx *ctx, const struct service *service, const char *name)
{
    struct client *client = dial(ctx, service);
    char line[256];
    assert_int_equal(get(client, "/metrics", ""), 200);
    (void)snprintf(line, sizeof(line), "\n%s ", name);
    const char *found = strstr(client->body, line);
    double value = 0;
    if (found)
        value = strtod(found + strlen(line), NULL);
    else
        fail_msg("no %s in the metrics", name);
    hang_up(client);
    return value;
}

static inline long long scrape(struct ctx *ctx, const struct service *service, const char *name)
{
    return (long long)scrape_number(ctx, service, name);
}

/* Until the series has the value: what others do meanwhile is not to be hurried. */
static inline void await_series(struct ctx *ctx, const struct service *service, const char *name,
                                long long value)
{
    while (scrape(ctx, service, name) != value)
        assert_ok(fiber_sleep(ctx, NS_PER_MS));
}

static inline void stop(struct ctx *ctx, struct service *service)
{
    assert_int_equal(service_stop(ctx, service), 0);
}

#endif
