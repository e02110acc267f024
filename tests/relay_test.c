/* SPDX-License-Identifier: MIT */
/* relay_test.c - the proxy's relay over real sockets: bytes, ends, resets, pressure, its settings.
 */
#include "ring_fixture.h"

#include "core/fiber.h"
#include "core/group.h"
#include "core/sock.h"
#include "faults/proxy/proxy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HOST_PORT_BYTES = 128 };

/* A proxy in front of a listening socket that stands for the server. */
struct stand {
    struct proxy_set *set;
    struct proxy *proxy;
    int listening; /* the server's */
};

/* The two ends of one proxied connection. */
struct ends {
    int client, server;
};

static void must(int rc, const struct err *err)
{
    if (rc < 0)
        fail_msg("%s (%d)", err->text, rc);
}

static struct addr addr_of(const char *text)
{
    struct addr addr;
    struct err err = {0};
    must(addr_parse(&addr, text, &err), &err);
    return addr;
}

static int listen_at(const char *text, char shown[static HOST_PORT_BYTES])
{
    struct err err = {0};
    struct addr addr = addr_of(text);
    int fd = sock_listen(&addr, 4096, false, &err);
    must(fd, &err);
    assert_ok(sock_local(fd, &addr));
    (void)addr_format(&addr, shown, HOST_PORT_BYTES);
    return fd;
}

static void stand_init_at(struct stand *stand, struct ctx *ctx, const char *listen,
                          const char *server)
{
    struct err err = {0};
    char upstream[HOST_PORT_BYTES];
    stand->listening = listen_at(server, upstream);
    must(proxy_set_create(ctx, 1, &stand->set, &err), &err);
    struct proxy_options options = {
        .name = "p", .listen = listen, .upstream = upstream, .enabled = true};
    must(proxy_create(stand->set, &options, &stand->proxy, &err), &err);
}

static void stand_init(struct stand *stand, struct ctx *ctx)
{
    stand_init_at(stand, ctx, "127.0.0.1:0", "127.0.0.1:0");
}

static void stand_fini(struct stand *stand)
{
    proxy_set_destroy(stand->set);
    sock_close(stand->listening, false);
}

static int call(struct ctx *ctx, const struct stand *stand)
{
    struct addr addr = addr_of(proxy_listen(stand->proxy));
    int fd = sock_connect(ctx, &addr);
    assert_true(fd >= 0);
    return fd;
}

static struct ends connect_ends(struct ctx *ctx, const struct stand *stand)
{
    struct ends ends = {.client = call(ctx, stand)};
    ends.server = sock_accept(ctx, stand->listening);
    assert_true(ends.server >= 0);
    return ends;
}

static void close_ends(struct ends *ends)
{
    sock_close(ends->client, false);
    sock_close(ends->server, false);
}

static void expect_text(struct ctx *ctx, int fd, const char *text)
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

static void expect_end(struct ctx *ctx, int fd)
{
    char byte;
    assert_int_equal(sock_recv(ctx, fd, &byte, 1), 0);
}

static void until_no_link(const struct stand *stand)
{
    while (proxy_figures(stand->proxy).links_open > 0)
        fiber_yield();
}

/* ---- Bytes and ends -------------------------------------------------------------------------- */

static void answer_after_half_close(struct ctx *ctx, struct stand *stand)
{
    struct proxy_figures before = proxy_figures(stand->proxy);
    struct ends ends = connect_ends(ctx, stand);
    assert_ok(sock_send(ctx, ends.client, "question", 8));
    expect_text(ctx, ends.server, "question");
    assert_ok(sock_half_close(ends.client));
    expect_end(ctx, ends.server);
    assert_ok(sock_send(ctx, ends.server, "answer", 6));
    expect_text(ctx, ends.client, "answer");
    sock_close(ends.server, false);
    expect_end(ctx, ends.client);
    sock_close(ends.client, false);
    until_no_link(stand);
    struct proxy_figures figures = proxy_figures(stand->proxy);
    assert_int_equal(figures.links_total, before.links_total + 1);
    for (int way = 0; way < 2; way++) {
        uint64_t bytes = way == FAULT_UPSTREAM ? 8 : 6;
        assert_int_equal(figures.received_bytes[way], before.received_bytes[way] + bytes);
        assert_int_equal(figures.sent_bytes[way], before.sent_bytes[way] + bytes);
    }
}

static void half_close_tcp(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct stand stand;
    stand_init(&stand, ctx);
    answer_after_half_close(ctx, &stand);
    stand_fini(&stand);
}

static void the_answer_after_a_half_close_arrives(void **unused)
{
    (void)unused;
    (void)run_on_ring(half_close_tcp, NULL);
}

/* ---- Settings -------------------------------------------------------------------------------- */

static void disable_and_enable(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct stand stand;
    struct err err = {0};
    stand_init(&stand, ctx);
    struct ends ends = connect_ends(ctx, &stand);
    struct addr addr = addr_of(proxy_listen(stand.proxy));
    must(proxy_change(stand.proxy, NULL, NULL, false, &err), &err);
    assert_false(proxy_enabled(stand.proxy));
    assert_int_equal(sock_connect(ctx, &addr), -ECONNREFUSED);
    expect_end(ctx, ends.client);
    expect_end(ctx, ends.server);
    close_ends(&ends);
    must(proxy_change(stand.proxy, NULL, NULL, true, &err), &err);
    answer_after_half_close(ctx, &stand); /* at the same port */
    stand_fini(&stand);
}

static void disabling_drops_links_and_frees_the_port(void **unused)
{
    (void)unused;
    (void)run_on_ring(disable_and_enable, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_answer_after_a_half_close_arrives),
        cmocka_unit_test(disabling_drops_links_and_frees_the_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
