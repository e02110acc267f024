/* SPDX-License-Identifier: MIT */
/* relay_fixture.c - a proxy between two sockets of a test's. */
#include "relay_fixture.h"

#include "settings_fixture.h"

#include "test.h"

#include "core/fiber.h"
#include "core/rng.h"
#include "core/sock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

void must(int rc, const struct err *err)
{
    if (rc < 0)
        fail_msg("%s (%d)", err->text, rc);
}

struct addr addr_of(const char *text)
{
    struct addr addr;
    struct err err = {0};
    must(addr_parse(&addr, text, &err), &err);
    return addr;
}

int listen_at(const char *text, char shown[static HOST_PORT_BYTES])
{
    struct err err = {0};
    struct addr addr = addr_of(text);
    int fd = sock_listen(&addr, 4096, false, &err);
    must(fd, &err);
    assert_ok(sock_local(fd, &addr));
    (void)addr_format(&addr, shown, HOST_PORT_BYTES);
    return fd;
}

static void begin(struct stand *stand, struct ctx *ctx, const char *listen, const char *server,
                  int protocol)
{
    struct err err = {0};
    char upstream[HOST_PORT_BYTES];
    stand->listening = listen_at(server, upstream);
    must(proxy_set_create(ctx, 1, &stand->set, &err), &err);
    struct proxy_options options = {
        .name = "p", .listen = listen, .upstream = upstream, .enabled = true, .protocol = protocol};
    must(proxy_create(stand->set, &options, &stand->proxy, &err), &err);
}

void stand_init_at(struct stand *stand, struct ctx *ctx, const char *listen, const char *server)
{
    begin(stand, ctx, listen, server, PROXY_OPAQUE);
}

void stand_init_followed(struct stand *stand, struct ctx *ctx)
{
    begin(stand, ctx, "127.0.0.1:0", "127.0.0.1:0", PROXY_POSTGRES);
}

void stand_init(struct stand *stand, struct ctx *ctx)
{
    stand_init_at(stand, ctx, "127.0.0.1:0", "127.0.0.1:0");
}

void stand_fini(struct stand *stand)
{
    proxy_set_destroy(stand->set);
    sock_close(stand->listening, false);
}

int call(struct ctx *ctx, const struct stand *stand)
{
    struct addr addr = addr_of(proxy_listen(stand->proxy));
    int fd = sock_connect(ctx, &addr);
    assert_true(fd >= 0);
    return fd;
}

struct ends connect_ends(struct ctx *ctx, const struct stand *stand)
{
    struct ends ends = {.client = call(ctx, stand)};
    ends.server = sock_accept(ctx, stand->listening);
    assert_true(ends.server >= 0);
    return ends;
}

void close_ends(struct ends *ends)
{
    sock_close(ends->client, false);
    sock_close(ends->server, false);
}

void expect_text(struct ctx *ctx, int fd, const char *text)
{
    char got[256];
    size_t length = strlen(text), have = 0;
    while (have < length) {
        ssize_t more = sock_recv(ctx, fd, got + have, length - have);
        assert_true(more > 0);
        have += (size_t)more;
    }
    assert_memory_equal(got, text, length);
}

void expect_end(struct ctx *ctx, int fd)
{
    char byte;
    assert_int_equal(sock_recv(ctx, fd, &byte, 1), 0);
}

void expect_reset(struct ctx *ctx, int fd)
{
    char bytes[4096];
    ssize_t got;
    while ((got = sock_recv(ctx, fd, bytes, sizeof(bytes))) > 0)
        continue;
    assert_int_equal(got, -ECONNRESET);
}

struct toxic *add(const struct stand *stand, const struct fault_type *type,
                  enum fault_stream stream)
{
    struct err err = {0};
    struct toxic *toxic;
    struct toxic_options options = {.type = type, .stream = stream};
    must(toxic_add(stand->proxy, &options, &toxic, &err), &err);
    return toxic;
}

void *settings_of(const struct fault_type *type, const char *settings)
{
    assert_non_null(type);
    void *state = calloc(1, type->state_bytes + 1);
    assert_non_null(state);
    settings_read(type->params, state, settings);
    return state;
}

struct toxic *put(const struct stand *stand, const char *kind, enum fault_stream stream,
                  const char *settings)
{
    struct err err = {0};
    struct toxic *toxic;
    const struct fault_type *type = fault_type_find(kind);
    void *state = settings_of(type, settings);
    struct toxic_options options = {.type = type, .stream = stream, .settings = state};
    must(toxic_add(stand->proxy, &options, &toxic, &err), &err);
    param_fini(type->params, state);
    free(state);
    return toxic;
}

void until_no_link(const struct stand *stand)
{
    while (proxy_figures(stand->proxy).links_open > 0)
        fiber_yield();
}

int begin_call(const struct stand *stand)
{
    struct addr addr = addr_of(proxy_listen(stand->proxy));
    int fd = socket(addr.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&addr.storage, addr.length), -1);
    assert_int_equal(errno, EINPROGRESS);
    return fd;
}

void expect_nothing(int fd)
{
    char byte;
    assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
}

/* ---- Flows ----------------------------------------------------------------------------------- */

char flow_byte(uint64_t seed, size_t offset)
{
    return (char)((offset * UINT64_C(0x9e3779b97f4a7c15) + seed) >> 29);
}

void flow_send(struct ctx *ctx, void *arg)
{
    struct flow *flow = arg;
    struct rng rng;
    rng_init(&rng, flow->seed, 0);
    char *chunk = malloc(flow->chunk_max_bytes);
    assert_non_null(chunk);
    while (flow->sent_bytes < flow->size_bytes) {
        size_t left = flow->size_bytes - flow->sent_bytes;
        size_t size = 1 + (size_t)rng_below(&rng, flow->chunk_max_bytes);
        size = size < left ? size : left;
        for (size_t i = 0; i < size; i++)
            chunk[i] = flow_byte(flow->seed, flow->sent_bytes + i);
        assert_ok(sock_send(ctx, flow->from, chunk, size));
        flow->sent_bytes += size;
    }
    free(chunk);
}

void flow_receive(struct ctx *ctx, struct flow *flow, size_t until_bytes)
{
    enum { SIZE = 100 << 10 };
    char *chunk = malloc(SIZE);
    assert_non_null(chunk);
    while (flow->received_bytes < until_bytes) {
        size_t left = until_bytes - flow->received_bytes;
        ssize_t got = sock_recv(ctx, flow->to, chunk, left < SIZE ? left : SIZE);
        assert_true(got > 0);
        for (size_t i = 0; i < (size_t)got; i++)
            if (chunk[i] != flow_byte(flow->seed, flow->received_bytes + i))
                fail_msg("byte %zu differs", flow->received_bytes + i);
        flow->received_bytes += (size_t)got;
    }
    free(chunk);
}

void flow_receive_all(struct ctx *ctx, void *arg)
{
    struct flow *flow = arg;
    flow_receive(ctx, flow, flow->size_bytes);
}

void flow_receive_to_the_end(struct ctx *ctx, void *arg)
{
    struct flow *flow = arg;
    char more;
    flow_receive(ctx, flow, flow->size_bytes);
    assert_int_equal(sock_recv(ctx, flow->to, &more, 1), 0);
}
