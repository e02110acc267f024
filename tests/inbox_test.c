/* SPDX-License-Identifier: MIT */
/* inbox_test.c - receiving by multishot: bytes in order, short buffers, endings, cancellation. */
#include "ring_fixture.h"

#include "core/clock.h"
#include "core/fiber.h"
#include "core/group.h"
#include "core/inbox.h"
#include "core/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SPARE_BYTES = 64, BULK = 8 << 20 };

struct line {
    int peer, own;
    struct inbox inbox;
    char spare[SPARE_BYTES];
};

static void line_open(struct line *line)
{
    int ends[2];
    assert_ok(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
    line->peer = ends[0];
    line->own = ends[1];
    assert_ok(inbox_open(&line->inbox, line->own));
}

static void line_close(struct line *line)
{
    inbox_close(&line->inbox);
    sock_close(line->own, false);
    if (line->peer >= 0)
        sock_close(line->peer, false);
}

static ssize_t line_recv(struct ctx *ctx, struct line *line, char **data)
{
    return inbox_recv(ctx, &line->inbox, data, line->spare, SPARE_BYTES);
}

static void expect(struct ctx *ctx, struct line *line, const char *text)
{
    char *data;
    assert_int_equal(line_recv(ctx, line, &data), strlen(text));
    assert_memory_equal(data, text, strlen(text));
}

static void take_in_order(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct line line;
    line_open(&line);
    for (unsigned i = 0; i < 3; i++) { /* parts that come while nobody waits */
        unsigned before = line.inbox.last;
        assert_int_equal(write(line.peer, &"abc"[i], 1), 1);
        while (line.inbox.last == before)
            fiber_yield();
    }
    char *data, got[4] = "";
    for (size_t have = 0; have < 3;) {
        ssize_t more = line_recv(ctx, &line, &data);
        assert_true(more > 0 && have + (size_t)more <= 3);
        memcpy(got + have, data, (size_t)more);
        have += (size_t)more;
    }
    assert_string_equal(got, "abc");
    sock_close(line.peer, false);
    line.peer = -1;
    assert_int_equal(line_recv(ctx, &line, &data), 0);
    assert_int_equal(line_recv(ctx, &line, &data), 0);
    line_close(&line);
}

static void bytes_come_in_order_and_then_the_end(void **unused)
{
    (void)unused;
    (void)run_on_ring(take_in_order, NULL);
}

static void answer(struct ctx *ctx, void *arg)
{
    const struct line *line = arg;
    char buffer[16];
    assert_int_equal(sock_recv(ctx, line->peer, buffer, sizeof(buffer)), 4);
    assert_memory_equal(buffer, "ping", 4);
    assert_ok(sock_send(ctx, line->peer, "pong", 4));
}

static void ask(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct line line;
    struct group group;
    char *data;
    line_open(&line);
    group_init(&group, ctx);
    for (unsigned i = 0; i < 1000; i++) { /* more than there are buffers */
        assert_ok(group_spawn(&group, "answer", answer, &line));
        assert_int_equal(
            inbox_send_recv(ctx, &line.inbox, "ping", 4, &data, line.spare, SPARE_BYTES), 4);
        assert_memory_equal(data, "pong", 4);
    }
    assert_ok(group_join(ctx, &group));
    assert_int_equal(group_fini(&group), 0);
    sock_close(line.peer, false);
    line.peer = -1;
    assert_int_equal(inbox_send_recv(ctx, &line.inbox, "ping", 4, &data, line.spare, SPARE_BYTES),
                     -EPIPE);
    line_close(&line);
}

static void asking_often_gives_buffers_back(void **unused)
{
    (void)unused;
    (void)run_on_ring(ask, NULL);
}

static void time_out(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct line line;
    char *data;
    line_open(&line);
    struct ctx hurry;
    ctx_init_timeout(&hurry, ctx, NS_PER_MS);
    assert_int_equal(line_recv(&hurry, &line, &data), -ETIMEDOUT);
    assert_int_equal(line_recv(&hurry, &line, &data), -ETIMEDOUT);
    assert_int_equal(write(line.peer, "here", 4), 4);
    assert_int_equal(line_recv(&hurry, &line, &data), -ETIMEDOUT);
    ctx_fini(&hurry);
    expect(ctx, &line, "here"); /* another ctx goes on where the first ended */
    struct ctx called_off;
    ctx_init(&called_off, ctx);
    ctx_cancel(&called_off, "test");
    assert_int_equal(line_recv(&called_off, &line, &data), -ECANCELED);
    ctx_fini(&called_off);
    assert_int_equal(write(line.peer, "more", 4), 4);
    expect(ctx, &line, "more");
    line_close(&line); /* with nothing on its way */
}

static void an_ending_loses_nothing(void **unused)
{
    (void)unused;
    (void)run_on_ring(time_out, NULL);
}

static void send_bulk(struct ctx *ctx, void *arg)
{
    struct line *line = arg;
    char *data = malloc(BULK);
    assert_non_null(data);
    for (size_t i = 0; i < BULK; i++)
        data[i] = (char)(i * 31 >> 3);
    assert_ok(sock_send(ctx, line->peer, data, BULK));
    assert_ok(sock_half_close(line->peer));
    free(data);
}

/* One connection's bytes fill all buffers while nobody takes them; another must go on. */
static void starve(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct line greedy, modest;
    struct group group;
    char *data;
    line_open(&greedy);
    line_open(&modest);
    group_init(&group, ctx);
    assert_ok(group_spawn(&group, "send", send_bulk, &greedy));
    while (!greedy.inbox.op.done) /* out of buffers */
        fiber_yield();
    assert_int_equal(greedy.inbox.op.result, -ENOBUFS);
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(write(modest.peer, "hello", 5), 5);
        expect(ctx, &modest, "hello");
        assert_ptr_equal(modest.inbox.op.waiter, NULL);
    }
    size_t total = 0;
    for (;;) {
        ssize_t got = line_recv(ctx, &greedy, &data);
        assert_true(got >= 0);
        if (got == 0)
            break;
        for (size_t i = 0; i < (size_t)got; i++)
            if (data[i] != (char)((total + i) * 31 >> 3))
                fail_msg("byte %zu differs", total + i);
        total += (size_t)got;
    }
    assert_int_equal(total, BULK);
    assert_ok(group_join(ctx, &group));
    assert_int_equal(group_fini(&group), 0);
    line_close(&greedy);
    line_close(&modest);
}

static void a_flood_takes_no_other_connections_turn(void **unused)
{
    (void)unused;
    (void)run_on_ring(starve, NULL);
}

static void drop(struct ctx *ctx, void *arg)
{
    (void)arg;
    char *data;
    for (unsigned i = 0; i < 600; i++) { /* closing with bytes untaken gives buffers back, too */
        struct line line;
        line_open(&line);
        assert_int_equal(write(line.peer, "unseen", 6), 6);
        if (i % 2)
            assert_int_equal(line_recv(ctx, &line, &data), 6);
        else
            fiber_yield();
        assert_ptr_not_equal(i % 2 ? data : NULL, line.spare);
        line_close(&line);
    }
}

static void closing_gives_buffers_back(void **unused)
{
    (void)unused;
    (void)run_on_ring(drop, NULL);
}

static void nudge(struct ctx *ctx, void *arg)
{
    (void)ctx;
    struct line *line = arg;
    inbox_nudge(&line->inbox);
}

static void interrupt_and_pause(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct line line;
    struct group group;
    char *data;
    line_open(&line);
    group_init(&group, ctx);
    inbox_nudge(&line.inbox); /* nobody waits */
    assert_int_equal(inbox_recv_until(ctx, &line.inbox, clock_now_ns() + NS_PER_MS, &data),
                     -EAGAIN);
    assert_ok(group_spawn(&group, "nudge", nudge, &line));
    assert_int_equal(inbox_recv_until(ctx, &line.inbox, CLOCK_NEVER, &data), -EAGAIN);
    assert_false(line.inbox.op.done); /* the receive has gone on */
    assert_int_equal(write(line.peer, "some", 4), 4);
    assert_int_equal(inbox_recv_until(ctx, &line.inbox, CLOCK_NEVER, &data), 4);
    assert_memory_equal(data, "some", 4);
    inbox_pause(&line.inbox);
    assert_int_equal(inbox_take(&line.inbox, &data), -EAGAIN);
    assert_int_equal(write(line.peer, "more", 4), 4);
    fiber_yield();
    assert_int_equal(inbox_take(&line.inbox, &data), -EAGAIN); /* stays with the kernel */
    expect(ctx, &line, "more");
    sock_close(line.peer, false);
    line.peer = -1;
    while (!line.inbox.op.done)
        fiber_yield();
    assert_int_equal(inbox_take(&line.inbox, &data), 0);
    assert_int_equal(inbox_recv_until(ctx, &line.inbox, 0, &data), 0);
    assert_ok(group_join(ctx, &group));
    assert_int_equal(group_fini(&group), 0);
    line_close(&line);
}

static void waiting_can_be_cut_short_and_receiving_paused(void **unused)
{
    (void)unused;
    (void)run_on_ring(interrupt_and_pause, NULL);
}

static void forward(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct line from, to;
    char *data, *rest;
    size_t rest_bytes;
    line_open(&from);
    line_open(&to);
    for (unsigned i = 0; i < 600;
         i++) { /* more than there are buffers: they go back by themselves */
        assert_int_equal(write(from.peer, "through", 7), 7);
        assert_int_equal(inbox_recv_until(ctx, &from.inbox, CLOCK_NEVER, &data), 7);
        inbox_forward(&from.inbox, to.peer, 7);
        expect(ctx, &to, "through");
        assert_int_equal(inbox_recv_until(ctx, &from.inbox, 1, &data), -EAGAIN);
        assert_ok(inbox_forwarded(&from.inbox, &rest, &rest_bytes));
        assert_int_equal(rest_bytes, 0);
    }
    assert_int_equal(write(from.peer, "lost", 4), 4);
    assert_int_equal(inbox_recv_until(ctx, &from.inbox, CLOCK_NEVER, &data), 4);
    inbox_close(&to.inbox);
    sock_close(to.own, false);
    inbox_forward(&from.inbox, to.peer, 4);
    assert_int_equal(inbox_recv_until(ctx, &from.inbox, CLOCK_NEVER, &data), -EAGAIN);
    assert_int_equal(inbox_forwarded(&from.inbox, &rest, &rest_bytes), -EPIPE);
    assert_int_equal(rest_bytes, 4);
    assert_memory_equal(rest, "lost", 4);
    sock_close(to.peer, false);
    line_close(&from);
}

static void what_came_can_be_sent_on_from_where_it_is(void **unused)
{
    (void)unused;
    (void)run_on_ring(forward, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_in_order_and_then_the_end),
        cmocka_unit_test(asking_often_gives_buffers_back),
        cmocka_unit_test(an_ending_loses_nothing),
        cmocka_unit_test(a_flood_takes_no_other_connections_turn),
        cmocka_unit_test(closing_gives_buffers_back),
        cmocka_unit_test(what_came_can_be_sent_on_from_where_it_is),
        cmocka_unit_test(waiting_can_be_cut_short_and_receiving_paused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
