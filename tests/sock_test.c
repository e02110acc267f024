/* SPDX-License-Identifier: MIT */
/* sock_test.c - sockets on the ring: bytes, half-close, resets, and I/O taken back from the kernel.
 */
#include "ring_fixture.h"

#include "core/fiber.h"
#include "core/group.h"
#include "core/io.h"
#include "core/sock.h"
#include "core/thread.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void addresses_are_read_and_written(void **unused)
{
    (void)unused;
    static const char *const good[] = {"127.0.0.1:80", "[::1]:443", "unix:/run/x.sock"};
    char text[128];
    for (size_t i = 0; i < 3; i++) {
        struct addr addr;
        assert_ok(addr_parse(&addr, good[i], NULL));
        assert_true(addr_is_loopback(&addr));
        assert_string_equal(addr_format(&addr, text, sizeof(text)), good[i]);
    }
    struct addr addr;
    assert_ok(addr_parse(&addr, "localhost:8080", NULL));
    assert_string_equal(addr_format(&addr, text, sizeof(text)), "127.0.0.1:8080");
    assert_ok(addr_parse(&addr, "10.1.2.3:80", NULL));
    assert_false(addr_is_loopback(&addr));
    static const char *const bad[] = {"",       "80",      "host:", ":80",
                                      "::1:80", "h:65536", "h:x",   "unix:"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct err err = {0};
        assert_true(addr_parse(&addr, bad[i], &err) < 0);
        assert_true(strlen(err.text) > 0);
    }
}

/* ---- A pair of connected sockets ------------------------------------------------------------- */

struct pair {
    int listener, client, server;
    struct addr addr;
};

static void accept_one(struct ctx *ctx, void *arg)
{
    struct pair *pair = arg;
    pair->server = sock_accept(ctx, pair->listener);
}

static void pair_open(struct ctx *ctx, struct pair *pair)
{
    assert_ok(addr_parse(&pair->addr, "127.0.0.1:0", NULL));
    pair->listener = sock_listen(&pair->addr, 16, false, NULL);
    assert_true(pair->listener >= 0);
    assert_ok(sock_local(pair->listener, &pair->addr));
    struct group group;
    group_init(&group, ctx);
    assert_ok(group_spawn(&group, "accept", accept_one, pair));
    pair->client = sock_connect(ctx, &pair->addr);
    assert_ok(group_join(ctx, &group));
    assert_int_equal(group_fini(&group), 0);
    assert_true(pair->client >= 0 && pair->server >= 0);
}

static void pair_close(struct pair *pair)
{
    sock_close(pair->client, false);
    sock_close(pair->server, false);
    sock_close(pair->listener, false);
}

enum { BULK = 8 << 20 };

static void send_bulk(struct ctx *ctx, void *arg)
{
    struct pair *pair = arg;
    char *data = malloc(BULK);
    assert_non_null(data);
    for (size_t i = 0; i < BULK; i++)
        data[i] = (char)(i * 31 >> 3);
    assert_ok(sock_send(ctx, pair->client, data, BULK));
    assert_ok(sock_half_close(pair->client));
    free(data);
}

static void half_close(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct pair pair;
    pair_open(ctx, &pair);
    struct group group;
    group_init(&group, ctx);
    assert_ok(group_spawn(&group, "send", send_bulk, &pair));
    static char buffer[70000];
    size_t total = 0;
    for (;;) {
        ssize_t got = sock_recv(ctx, pair.server, buffer, sizeof(buffer));
        assert_true(got >= 0);
        if (got == 0)
            break;
        for (size_t i = 0; i < (size_t)got; i++)
            if (buffer[i] != (char)((total + i) * 31 >> 3))
                fail_msg("byte %zu differs", total + i);
        total += (size_t)got;
    }
    assert_int_equal(total, BULK);
    assert_ok(sock_send(ctx, pair.server, "answer", 6)); /* the other direction is still open */
    assert_int_equal(sock_recv(ctx, pair.client, buffer, sizeof(buffer)), 6);
    assert_memory_equal(buffer, "answer", 6);
    assert_ok(group_join(ctx, &group));
    assert_int_equal(group_fini(&group), 0);
    pair_close(&pair);
}

static void half_close_leaves_the_other_direction(void **unused)
{
    (void)unused;
    (void)run_on_ring(half_close, NULL);
}

static void echo_once(struct ctx *ctx, void *arg)
{
    struct pair *pair = arg;
    char buffer[16];
    ssize_t got = sock_recv(ctx, pair->server, buffer, sizeof(buffer));
    assert_int_equal(got, 4);
    assert_int_equal(sock_send_recv(ctx, pair->server, "pong", 4, buffer, sizeof(buffer)), 0);
}

static void ask_and_answer(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct pair pair;
    pair_open(ctx, &pair);
    struct group group;
    group_init(&group, ctx);
    assert_ok(group_spawn(&group, "echo", echo_once, &pair));
    char buffer[16];
    assert_int_equal(sock_send_recv(ctx, pair.client, "ping", 4, buffer, sizeof(buffer)), 4);
    assert_memory_equal(buffer, "pong", 4);
    assert_ok(sock_half_close(pair.client));
    assert_ok(group_join(ctx, &group));
    assert_int_equal(group_fini(&group), 0);
    pair_close(&pair);
}

static void asking_and_answering_take_one_step_each(void **unused)
{
    (void)unused;
    (void)run_on_ring(ask_and_answer, NULL);
}

static void recv_too_long(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct pair pair;
    pair_open(ctx, &pair);
    char buffer[16];
    struct ctx hurry;
    ctx_init_timeout(&hurry, ctx, NS_PER_MS);
    assert_int_equal(sock_recv(&hurry, pair.client, buffer, sizeof(buffer)), -ETIMEDOUT);
    assert_int_equal(sock_recv(&hurry, pair.client, buffer, sizeof(buffer)), -ETIMEDOUT);
    assert_int_equal(sock_send_recv(&hurry, pair.client, "late", 4, buffer, sizeof(buffer)),
                     -ETIMEDOUT);
    ctx_fini(&hurry);
    assert_int_equal(sock_accept(NULL, -1), -EBADF);
    /* Taken back means taken back: the bytes that come now are not eaten by the request before. */
    assert_ok(sock_send(ctx, pair.server, "here", 4));
    assert_int_equal(sock_recv(ctx, pair.client, buffer, sizeof(buffer)), 4);
    assert_memory_equal(buffer, "here", 4);
    pair_close(&pair);
}

static void a_deadline_takes_io_back_from_the_kernel(void **unused)
{
    (void)unused;
    (void)run_on_ring(recv_too_long, NULL);
}

/* Connecting to a Unix socket whose backlog is full waits in a thread of the kernel's, out of which
 * a signal fetches it: whoever waits is told what happened all the same. */
static void connect_too_long(struct ctx *ctx, void *arg)
{
    (void)arg;
    char text[64];
    int fds[8] = {0};
    struct addr addr;
    (void)snprintf(text, sizeof(text), "unix:/tmp/poolstorm-sock-%d", (int)getpid());
    assert_ok(addr_parse(&addr, text, NULL));
    int listener = sock_listen(&addr, 1, false, NULL);
    assert_true(listener >= 0);
    size_t count = 0;
    while (count < 8) {
        struct ctx hurry;
        ctx_init_timeout(&hurry, ctx, 20 * NS_PER_MS);
        fds[count] = sock_connect(&hurry, &addr);
        ctx_fini(&hurry);
        if (fds[count] < 0)
            break;
        count++;
    }
    assert_in_range(count, 1, 7);
    assert_int_equal(fds[count], -ETIMEDOUT);
    for (size_t i = 0; i < count; i++)
        sock_close(fds[i], false);
    sock_close(listener, false);
    (void)unlink(text + strlen("unix:"));
}

static void a_full_backlog_times_out(void **unused)
{
    (void)unused;
    (void)run_on_ring(connect_too_long, NULL);
}

static void reset_and_refuse(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct pair pair;
    pair_open(ctx, &pair);
    char buffer[16];
    sock_close(pair.server, true);
    assert_int_equal(sock_recv(ctx, pair.client, buffer, sizeof(buffer)), -ECONNRESET);
    assert_int_equal(sock_send(ctx, pair.client, "x", 1), -EPIPE);
    sock_close(pair.client, false);
    sock_close(pair.listener, false);
    assert_int_equal(sock_connect(ctx, &pair.addr), -ECONNREFUSED);
}

static void resets_and_refusals_have_their_names(void **unused)
{
    (void)unused;
    (void)run_on_ring(reset_and_refuse, NULL);
}

static void listening_twice_is_explained(void **unused)
{
    (void)unused;
    struct addr addr;
    assert_ok(addr_parse(&addr, "127.0.0.1:0", NULL));
    int first = sock_listen(&addr, 16, false, NULL);
    assert_true(first >= 0);
    assert_ok(sock_local(first, &addr));
    struct err err = {0};
    assert_int_equal(sock_listen(&addr, 16, false, &err), -EADDRINUSE);
    assert_non_null(strstr(err.text, "Address already in use"));
    sock_close(first, false);
}

/* ---- Threads --------------------------------------------------------------------------------- */

static void serve_connection(struct ctx *ctx, void *arg)
{
    struct pair *pair = arg;
    int fd = sock_accept(ctx, pair->listener);
    char buffer[64];
    ssize_t got = sock_recv(ctx, fd, buffer, sizeof(buffer));
    while (got > 0)
        got = sock_send_recv(ctx, fd, buffer, (size_t)got, buffer, sizeof(buffer));
    sock_close(fd, false);
}

static void sleep_until_cancelled(struct ctx *ctx, void *arg)
{
    int *result = arg;
    *result = fiber_sleep(ctx, 3600 * NS_PER_S);
}

static void work_across_threads(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct pair pair;
    assert_ok(addr_parse(&pair.addr, "127.0.0.1:0", NULL));
    pair.listener = sock_listen(&pair.addr, 16, false, NULL);
    assert_ok(sock_local(pair.listener, &pair.addr));
    struct thread *server;
    struct thread_options options = {.name = "server", .cpu = -1};
    assert_ok(thread_start(&server, &options, serve_connection, &pair, NULL));
    int fd = sock_connect(ctx, &pair.addr);
    assert_true(fd >= 0);
    char buffer[64];
    for (int i = 0; i < 100; i++)
        assert_int_equal(sock_send_recv(ctx, fd, "hello", 5, buffer, sizeof(buffer)), 5);
    sock_close(fd, false);
    assert_ok(thread_join(ctx, server));
    sock_close(pair.listener, false);

    int result = 0;
    struct thread *sleeper;
    assert_ok(thread_start(&sleeper, &options, sleep_until_cancelled, &result, NULL));
    thread_cancel(sleeper, "test");
    assert_ok(thread_join(ctx, sleeper));
    assert_int_equal(result, -ECANCELED);

    struct ctx hurry;
    ctx_init_timeout(&hurry, ctx, NS_PER_MS);
    assert_ok(thread_start(&sleeper, &options, sleep_until_cancelled, &result, NULL));
    assert_int_equal(thread_join(&hurry, sleeper), -ETIMEDOUT);
    ctx_fini(&hurry);
    assert_int_equal(result, -ECANCELED);

    struct err err = {0};
    options.cpu = 1000;
    assert_int_equal(thread_start(&sleeper, &options, sleep_until_cancelled, &result, &err),
                     -EINVAL);
    assert_non_null(strstr(err.text, "CPU 1000"));
}

static void threads_have_rings_and_are_joined(void **unused)
{
    (void)unused;
    (void)run_on_ring(work_across_threads, NULL);
}

/* ---- Watching the peer ----------------------------------------------------------------------- */

struct lookout {
    struct sock_watch watch;
    struct waitq seen; /* woken by gone */
    int times;         /* gone was called */
};

static void on_gone(struct sock_watch *watch)
{
    struct lookout *lookout = container_of(watch, struct lookout, watch);
    lookout->times++;
    (void)waitq_wake_all(&lookout->seen);
}

static void watch_a_peer(struct ctx *ctx, void *arg)
{
    (void)arg;
    for (int way = 0; way < 4; way++) {
        struct pair pair;
        struct lookout lookout = {0};
        waitq_init(&lookout.seen);
        pair_open(ctx, &pair);
        sock_watch_stop(&lookout.watch); /* not watching yet */
        sock_watch_start(&lookout.watch, pair.server, on_gone);
        assert_ok(sock_send(ctx, pair.client, "x", 1)); /* bytes are no end */
        char byte;
        assert_int_equal(sock_recv(ctx, pair.server, &byte, 1), 1);
        assert_int_equal(lookout.times, 0);
        if (way == 1)
            assert_ok(sock_half_close(pair.client));
        else if (way > 1)
            sock_close(pair.client, way == 2);
        if (way > 0 && lookout.times == 0)
            assert_ok(waitq_wait(ctx, &lookout.seen, NULL));
        sock_watch_stop(&lookout.watch);
        sock_watch_stop(&lookout.watch);
        assert_int_equal(lookout.times, way > 0);
        if (way > 0) {
            sock_watch_start(&lookout.watch, pair.server, on_gone); /* it has gone already */
            assert_ok(waitq_wait(ctx, &lookout.seen, NULL));
            sock_watch_stop(&lookout.watch);
            assert_int_equal(lookout.times, 2);
        }
        if (way < 2)
            sock_close(pair.client, false);
        sock_close(pair.server, false);
        sock_close(pair.listener, false);
    }
}

static void a_peer_that_goes_is_noticed(void **unused)
{
    (void)unused;
    assert_int_equal(run_on_ring(watch_a_peer, NULL).fibers_leaked, 0);
}

/* ---- Alerts ---------------------------------------------------------------------------------- */

static void await_alert(struct ctx *ctx, void *arg)
{
    assert_int_equal(io_alert_wait(ctx, arg), -ECANCELED);
}

static void use_alerts(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct pair pair;
    struct io_alert *alert;
    struct group group;
    char byte;
    pair_open(ctx, &pair);
    assert_ok(io_alert_create(&alert, pair.client));
    for (int i = 0; i < 3; i++) { /* one request serves them all */
        assert_ok(sock_send(ctx, pair.server, "x", 1));
        assert_ok(io_alert_wait(ctx, alert));
        assert_int_equal(sock_recv(ctx, pair.client, &byte, 1), 1);
    }
    /* A wait that is given up leaves it as it was. */
    group_init(&group, ctx);
    assert_ok(group_spawn(&group, "waits", await_alert, alert));
    fiber_yield();
    group_cancel(&group, "given up");
    assert_ok(group_join(ctx, &group));
    assert_ok(group_fini(&group));
    /* The peer's end is told again and again, also when it was forgotten. */
    sock_close(pair.server, false);
    for (int i = 0; i < 3; i++) {
        assert_ok(io_alert_wait(ctx, alert));
        io_alert_forget(alert);
    }
    io_alert_destroy(alert);
    sock_close(pair.client, false);
    io_alert_destroy(NULL);
    close(pair.listener);
}

static void alerts_tell_of_input_and_of_the_end(void **unused)
{
    (void)unused;
    (void)run_on_ring(use_alerts, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_and_written),
        cmocka_unit_test(alerts_tell_of_input_and_of_the_end),
        cmocka_unit_test(half_close_leaves_the_other_direction),
        cmocka_unit_test(asking_and_answering_take_one_step_each),
        cmocka_unit_test(a_deadline_takes_io_back_from_the_kernel),
        cmocka_unit_test(a_full_backlog_times_out),
        cmocka_unit_test(resets_and_refusals_have_their_names),
        cmocka_unit_test(listening_twice_is_explained),
        cmocka_unit_test(a_peer_that_goes_is_noticed),
        cmocka_unit_test(threads_have_rings_and_are_joined),
    };
    return cmocka_run_group_tests_name("sock", tests, NULL, NULL);
}
