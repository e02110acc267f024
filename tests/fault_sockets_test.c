/* SPDX-License-Identifier: MIT */
/* fault_sockets_test.c - what faults do to connections that are open already, seen from their two
 * ends: raw sockets. That nothing comes is asked once something that took the same way has come. */
#include "relay_fixture.h"
#include "ring_fixture.h"

#include "core/fiber.h"
#include "core/group.h"
#include "core/io.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define UP   FAULT_UPSTREAM
#define DOWN FAULT_DOWNSTREAM
#define BOTH FAULT_BOTH

static void change(struct toxic *toxic, const char *settings)
{
    struct err err = {0};
    void *state = settings_of(toxic_type(toxic), settings);
    must(toxic_change(toxic, NULL, state, &err), &err);
    param_fini(toxic_type(toxic)->params, state);
    free(state);
}

static void say(struct ctx *ctx, int fd, const char *text)
{
    assert_ok(sock_send(ctx, fd, text, strlen(text)));
}

/* Both ways are free. */
static void expect_talk(struct ctx *ctx, const struct ends *ends)
{
    say(ctx, ends->client, "question");
    expect_text(ctx, ends->server, "question");
    say(ctx, ends->server, "answer");
    expect_text(ctx, ends->client, "answer");
}

static void until_bytes(const struct toxic *toxic, uint64_t bytes)
{
    while (toxic_effects(toxic).bytes < bytes)
        fiber_yield();
}

static void say_message(struct ctx *ctx, int fd, char type, const char *text)
{
    char message[64];
    size_t size_bytes = strlen(text) + 1 + 4;
    assert_true(size_bytes < sizeof(message));
    memcpy(message, (char[]){type, 0, 0, 0, (char)size_bytes}, 5);
    memcpy(message + 5, text, size_bytes - 4);
    assert_ok(sock_send(ctx, fd, message, size_bytes + 1));
}

static void expect_message(struct ctx *ctx, int fd, char type, const char *text)
{
    char head[5];
    for (size_t have = 0; have < sizeof(head);) {
        ssize_t got = sock_recv(ctx, fd, head + have, sizeof(head) - have);
        assert_true(got > 0);
        have += (size_t)got;
    }
    assert_int_equal(head[0], type);
    assert_int_equal(head[4], strlen(text) + 1 + 4);
    expect_text(ctx, fd, text);
    assert_int_equal(sock_recv(ctx, fd, head, 1), 1); /* the text's end */
}

/* ---- partition ------------------------------------------------------------------------------- */

static void one_way(struct ctx *ctx, struct stand *stand)
{
    struct ends ends = connect_ends(ctx, stand);
    expect_talk(ctx, &ends);
    struct toxic *cut = put(stand, "partition", DOWN, "connections=established");
    say(ctx, ends.client, "still heard");
    expect_text(ctx, ends.server, "still heard");
    say(ctx, ends.server, "late answer");
    assert_ok(sock_half_close(ends.server));
    until_bytes(cut, 11);
    expect_nothing(ends.client);
    struct ends other = connect_ends(ctx, stand); /* it came later */
    expect_talk(ctx, &other);
    expect_nothing(ends.client);
    toxic_remove(cut);
    expect_text(ctx, ends.client, "late answer");
    expect_end(ctx, ends.client);
    say(ctx, ends.client, "after it");
    expect_text(ctx, ends.server, "after it");
    close_ends(&ends);
    close_ends(&other);
}

static void refused(struct ctx *ctx, struct stand *stand)
{
    struct ends ends = connect_ends(ctx, stand);
    struct addr addr = addr_of(proxy_listen(stand->proxy));
    expect_talk(ctx, &ends);
    struct toxic *cut = put(stand, "partition", BOTH, "how=refuse");
    assert_int_equal(sock_connect(ctx, &addr), -ECONNREFUSED);
    expect_nothing(ends.client); /* nobody has said anything */
    say(ctx, ends.client, "hello?");
    expect_reset(ctx, ends.client);
    expect_reset(ctx, ends.server);
    toxic_remove(cut);
    close_ends(&ends);
    ends = connect_ends(ctx, stand);
    expect_talk(ctx, &ends);
    close_ends(&ends);
}

static void dead(struct ctx *ctx, struct stand *stand)
{
    struct ends ends = connect_ends(ctx, stand);
    expect_talk(ctx, &ends);
    struct toxic *cut = put(stand, "partition", BOTH, "dead=true");
    say(ctx, ends.client, "lost");
    until_bytes(cut, 4);
    toxic_remove(cut);
    struct ends other = connect_ends(ctx, stand);
    expect_talk(ctx, &other);
    expect_nothing(ends.server);
    assert_ok(setsockopt(ends.client, IPPROTO_TCP, TCP_USER_TIMEOUT, &(int){50}, sizeof(int)));
    say(ctx, ends.client, "lost, too");
    char byte;
    assert_int_equal(sock_recv(ctx, ends.client, &byte, 1), -ETIMEDOUT);
    expect_nothing(ends.server); /* nobody has told the other side */
    close_ends(&ends);
    close_ends(&other);
}

static void flapping(struct ctx *ctx, struct stand *stand)
{
    struct ends ends = connect_ends(ctx, stand);
    struct toxic *flaps = put(stand, "flapping", BOTH, "period=20ms duty=50%");
    for (int i = 0; i < 10; i++) /* each comes in the next good half */
        expect_talk(ctx, &ends);
    assert_true(toxic_effects(flaps).pieces > 0);
    toxic_remove(flaps);
    expect_talk(ctx, &ends);
    close_ends(&ends);
}

/* ---- Toxiproxy's ----------------------------------------------------------------------------- */

/* An idle connection, which Toxiproxy leaves alone. */
static void reset_peer(struct ctx *ctx, struct stand *stand)
{
    struct ends ends = connect_ends(ctx, stand);
    struct toxic *none = put(stand, "noop", DOWN, NULL);
    expect_talk(ctx, &ends);
    struct toxic *reset = put(stand, "reset_peer", DOWN, NULL);
    expect_reset(ctx, ends.client);
    expect_reset(ctx, ends.server);
    assert_int_equal(toxic_effects(reset).links, 1);
    toxic_remove(reset);
    toxic_remove(none);
    close_ends(&ends);
    ends = connect_ends(ctx, stand);
    expect_talk(ctx, &ends);
    close_ends(&ends);
}

static void nothing_at_toxicity_0(struct ctx *ctx, struct stand *stand)
{
    struct err err = {0};
    struct toxic *reset;
    struct fault_aim aim = {.toxicity = 0};
    struct toxic_options options = {
        .type = fault_type_find("reset_peer"), .stream = DOWN, .aim = &aim};
    must(toxic_add(stand->proxy, &options, &reset, &err), &err);
    struct ends ends = connect_ends(ctx, stand);
    expect_talk(ctx, &ends);
    sock_close(ends.client, false);
    expect_end(ctx, ends.server); /* an end, no reset */
    sock_close(ends.server, false);
    until_no_link(stand);
    assert_int_equal(toxic_effects(reset).links, 0);
    toxic_remove(reset);
}

/* Toxiproxy's API freezes here: the client does not read what the fault holds. */
static void removed_under_who_does_not_read(struct ctx *ctx, struct stand *stand)
{
    static char much[2 << 20]; /* more than the kernel keeps for who does not read */
    struct ends ends = connect_ends(ctx, stand);
    struct toxic *slow = put(stand, "latency", DOWN, "latency=1h");
    assert_ok(sock_send(ctx, ends.server, much, sizeof(much)));
    until_bytes(slow, sizeof(much));
    toxic_remove(slow);
    struct toxic *again = put(stand, "latency", DOWN, "latency=1ms");
    toxic_remove(again);
    say(ctx, ends.client, "question");
    expect_text(ctx, ends.server, "question");
    size_t got = 0;
    while (got < sizeof(much)) {
        ssize_t more = sock_recv(ctx, ends.client, much, sizeof(much));
        assert_true(more > 0);
        got += (size_t)more;
    }
    assert_int_equal(got, sizeof(much));
    close_ends(&ends);
}

/* The same with every kind, while data goes on to come. */
static void each_removed_under_who_does_not_read(struct ctx *ctx, struct stand *stand)
{
    static char much[1 << 20];
    for (size_t i = 0; fault_types[i]; i++) {
        if (fault_types[i]->needs_queries)
            continue;
        struct ends ends = connect_ends(ctx, stand), other;
        struct toxic *toxic = put(stand, fault_types[i]->name, BOTH, NULL);
        for (int turn = 0; turn < 20; turn++) {
            (void)send(ends.server, much, sizeof(much), MSG_DONTWAIT | MSG_NOSIGNAL);
            fiber_yield();
        }
        toxic_remove(toxic);
        other = connect_ends(ctx, stand);
        expect_talk(ctx, &other);
        close_ends(&other);
        close_ends(&ends);
    }
}

static void half_close_under_latency(struct ctx *ctx, struct stand *stand)
{
    struct toxic *slow = put(stand, "latency", BOTH, "latency=5ms jitter=5ms");
    struct ends ends = connect_ends(ctx, stand);
    say(ctx, ends.client, "question");
    assert_ok(sock_half_close(ends.client));
    expect_text(ctx, ends.server, "question");
    expect_end(ctx, ends.server);
    say(ctx, ends.server, "answer");
    sock_close(ends.server, false);
    expect_text(ctx, ends.client, "answer");
    expect_end(ctx, ends.client);
    sock_close(ends.client, false);
    until_no_link(stand);
    toxic_remove(slow);
}

static void timeout(struct ctx *ctx, struct stand *stand)
{
    struct ends ends = connect_ends(ctx, stand);
    struct toxic *lost = put(stand, "timeout", UP, "timeout=0");
    say(ctx, ends.client, "lost");
    until_bytes(lost, 4);
    say(ctx, ends.server, "heard");
    expect_text(ctx, ends.client, "heard");
    expect_nothing(ends.server);
    toxic_remove(lost);
    expect_end(ctx, ends.client);
    expect_end(ctx, ends.server);
    close_ends(&ends);
}

static void limit_data(struct ctx *ctx, struct stand *stand)
{
    struct ends ends = connect_ends(ctx, stand);
    struct toxic *limit = put(stand, "limit_data", DOWN, "bytes=5");
    say(ctx, ends.server, "answers");
    expect_text(ctx, ends.client, "answe");
    expect_end(ctx, ends.client);
    toxic_remove(limit);
    close_ends(&ends);
}

static void close_after(struct ctx *ctx, struct stand *stand)
{
    struct toxic *limit = put(stand, "close_after", BOTH, "time=20ms");
    struct ends ends = connect_ends(ctx, stand);
    expect_end(ctx, ends.client);
    expect_end(ctx, ends.server);
    toxic_remove(limit);
    close_ends(&ends);
}

/* ---- Connecting ------------------------------------------------------------------------------ */

static void connecting(struct ctx *ctx, struct stand *stand)
{
    struct toxic *never = put(stand, "connect", BOTH, NULL);
    struct ends ends = {.client = call(ctx, stand)};
    say(ctx, ends.client, "early");
    while (toxic_effects(never).refused == 0)
        fiber_yield();
    expect_nothing(ends.client);
    toxic_remove(never);
    ends.server = sock_accept(ctx, stand->listening);
    expect_text(ctx, ends.server, "early");
    expect_talk(ctx, &ends);
    close_ends(&ends);
}

static void limited_connections(struct ctx *ctx, struct stand *stand)
{
    until_no_link(stand);
    struct toxic *limit = put(stand, "connection_limit", BOTH, "max=1");
    struct ends first = connect_ends(ctx, stand);
    struct ends second = {.client = call(ctx, stand)};
    say(ctx, second.client, "waits");
    while (toxic_effects(limit).refused == 0)
        fiber_yield();
    expect_talk(ctx, &first);
    close_ends(&first);
    second.server = sock_accept(ctx, stand->listening);
    expect_text(ctx, second.server, "waits");
    expect_talk(ctx, &second);
    close_ends(&second);
    toxic_remove(limit);
}

/* ---- What is left dead by a change ------------------------------------------------------------
 */

/* Whom the fault does not choose any more, it has left, as if it had been taken away. */
static void dead_by_a_change(struct ctx *ctx, struct stand *stand)
{
    struct ends ends = connect_ends(ctx, stand);
    struct err err = {0};
    char byte;
    expect_talk(ctx, &ends);
    struct toxic *cut = put(stand, "partition", BOTH, "dead=true");
    must(toxic_change(cut, &(struct fault_aim){.toxicity = 0}, NULL, &err), &err);
    assert_ok(setsockopt(ends.client, IPPROTO_TCP, TCP_USER_TIMEOUT, &(int){50}, sizeof(int)));
    say(ctx, ends.client, "late");
    assert_int_equal(sock_recv(ctx, ends.client, &byte, 1), -ETIMEDOUT);
    expect_nothing(ends.server);
    toxic_remove(cut);
    close_ends(&ends);
}

/* ---- Much, both ways, and half-closed -----------------------------------------------------------
 */

enum { TALKERS = 3, MUCH_BYTES = 400 << 10 };

/* One connection: the client says all it has and that it is done; the server has said half of its
 * own by then, or says it, and the rest after the client's end. */
struct talker {
    struct ends ends;
    struct flow up, down;
};

static void talk_client(struct ctx *ctx, void *arg)
{
    struct talker *talker = arg;
    flow_send(ctx, &talker->up);
    assert_ok(sock_half_close(talker->ends.client));
}

static void talk_server(struct ctx *ctx, void *arg)
{
    struct talker *talker = arg;
    struct group group;
    size_t all_bytes = talker->down.size_bytes;
    group_init(&group, ctx);
    assert_ok(group_spawn(&group, "hear", flow_receive_to_the_end, &talker->up));
    struct flow first = talker->down;
    first.size_bytes = all_bytes / 2;
    flow_send(ctx, &first);
    assert_ok(group_join(ctx, &group));
    assert_int_equal(group_fini(&group), 0);
    struct flow rest = first;
    rest.size_bytes = all_bytes;
    flow_send(ctx, &rest);
    assert_ok(sock_half_close(talker->ends.server));
}

static void talk_much(struct ctx *ctx, struct stand *stand, struct talker *talkers)
{
    struct group group;
    group_init(&group, ctx);
    for (size_t i = 0; i < TALKERS; i++) {
        struct talker *talker = &talkers[i];
        talker->ends = connect_ends(ctx, stand);
        talker->up = (struct flow){.from = talker->ends.client,
                                   .to = talker->ends.server,
                                   .seed = i,
                                   .size_bytes = MUCH_BYTES + i,
                                   .chunk_max_bytes = (size_t)1000 << (3 * i)};
        talker->down = (struct flow){.from = talker->ends.server,
                                     .to = talker->ends.client,
                                     .seed = 10 + i,
                                     .size_bytes = MUCH_BYTES + 1000 * i,
                                     .chunk_max_bytes = (size_t)1000 << (3 * (2 - i))};
        assert_ok(group_spawn(&group, "client", talk_client, talker));
        assert_ok(group_spawn(&group, "server", talk_server, talker));
        assert_ok(group_spawn(&group, "hear", flow_receive_to_the_end, &talker->down));
    }
    assert_ok(group_join(ctx, &group));
    assert_int_equal(group_fini(&group), 0);
    for (size_t i = 0; i < TALKERS; i++)
        close_ends(&talkers[i].ends);
    until_no_link(stand);
}

static uint64_t bytes_of(const struct talker *talkers, enum fault_stream way)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < TALKERS; i++)
        bytes += way == UP ? talkers[i].up.size_bytes : talkers[i].down.size_bytes;
    return bytes;
}

/* The kinds that only ever delay or cut; all bytes come, in order, and the ends behind them. */
static void much_under_each(struct ctx *ctx, struct stand *stand)
{
    static const struct {
        const char *kind, *settings;
    } faults[] = {
        {"latency", "latency=2ms jitter=2ms"},
        {"slicer", "average_size=9000 size_variation=4000 delay=10us"},
        {"bandwidth", "rate=50MB"},
    };
    enum { COUNT = sizeof(faults) / sizeof(*faults), ALL = (1 << COUNT) - 1 };
    for (unsigned set = 1; set <= ALL; set++) {
        for (enum fault_stream stream = UP; stream <= BOTH; stream++) {
            struct talker talkers[TALKERS];
            struct toxic *there[COUNT] = {0};
            struct proxy_figures before = proxy_figures(stand->proxy);
            for (size_t i = 0; i < COUNT; i++)
                if (set & 1u << i)
                    there[i] = put(stand, faults[i].kind, stream, faults[i].settings);
            talk_much(ctx, stand, talkers);
            struct proxy_figures after = proxy_figures(stand->proxy);
            for (enum fault_stream way = UP; way <= DOWN; way++) {
                uint64_t bytes = bytes_of(talkers, way);
                assert_int_equal(after.received_bytes[way] - before.received_bytes[way], bytes);
                assert_int_equal(after.sent_bytes[way] - before.sent_bytes[way], bytes);
            }
            for (size_t i = 0; i < COUNT; i++) {
                if (!there[i])
                    continue;
                assert_in_range(toxic_effects(there[i]).links, 1, TALKERS); /* small pieces pass */
                toxic_remove(there[i]);
            }
        }
    }
}

static void much_over_unix(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct stand stand;
    char folder[] = "/tmp/fault_sockets_test.XXXXXX", listen[64], server[64];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(listen, sizeof(listen), "unix:%s/proxy", folder);
    (void)snprintf(server, sizeof(server), "unix:%s/server", folder);
    stand_init_at(&stand, ctx, listen, server);
    much_under_each(ctx, &stand);
    stand_fini(&stand);
    assert_ok(unlink(server + 5));
    assert_ok(rmdir(folder));
}

/* ---- slow_query --------------------------------------------------------------------------------
 */

static const char start_up[] = "\0\0\0\020\0\3\0\0user\0a\0\0";
static const char ready[] = "R\0\0\0\010\0\0\0\0Z\0\0\0\5I";

static void read_off(struct ctx *ctx, int fd, size_t size_bytes)
{
    char byte;
    while (size_bytes-- > 0)
        assert_int_equal(sock_recv(ctx, fd, &byte, 1), 1);
}

/* Behind what is not answered a server cannot be made to sleep: the query is held. */
static void say_held(struct ctx *ctx, const struct ends *ends, const struct toxic *slow,
                     const char *sql, uint64_t number)
{
    say_message(ctx, ends->client, 'Q', sql);
    while (toxic_effects(slow).pieces < number)
        fiber_yield();
    for (int i = 0; i < 10; i++) { /* nothing else is held, and it has got where it waits */
        say_message(ctx, ends->server, 'N', "notice");
        expect_message(ctx, ends->client, 'N', "notice");
    }
    expect_nothing(ends->server);
}

/* While another one still wants to see queries. */
static void held_queries(struct ctx *ctx, void *unused)
{
    (void)unused;
    struct stand stand;
    stand_init_followed(&stand, ctx);
    struct toxic *other = put(&stand, "fail_query", BOTH, "match=nothing");
    struct toxic *slow = put(&stand, "slow_query", BOTH, "match=SELECT delay=1h");
    struct ends ends = connect_ends(ctx, &stand);
    assert_ok(sock_send(ctx, ends.client, start_up, sizeof(start_up) - 1));
    read_off(ctx, ends.server, sizeof(start_up) - 1);
    assert_ok(sock_send(ctx, ends.server, ready, sizeof(ready) - 1));
    read_off(ctx, ends.client, sizeof(ready) - 1);
    say_message(ctx, ends.client, 'Q', "SHOW a");
    expect_message(ctx, ends.server, 'Q', "SHOW a");
    say_held(ctx, &ends, slow, "SELECT 1", 1);
    change(slow, "match=SELECT delay=1ms side=client");
    expect_message(ctx, ends.server, 'Q', "SELECT 1");
    change(slow, "match=SELECT delay=1h");
    say_held(ctx, &ends, slow, "SELECT 2", 2);
    toxic_remove(slow);
    expect_message(ctx, ends.server, 'Q', "SELECT 2");
    toxic_remove(other);
    close_ends(&ends);
    stand_fini(&stand);
}

/* ---- All of them ----------------------------------------------------------------------------- */

typedef void body_fn(struct ctx *ctx, struct stand *stand);

static void on_a_stand(struct ctx *ctx, void *arg)
{
    body_fn *const *body = arg;
    struct stand stand;
    stand_init(&stand, ctx);
    (*body)(ctx, &stand);
    assert_null(toxic_first(stand.proxy));
    stand_fini(&stand);
}

static void a_one_way_partition_holds_and_heals(void **unused)
{
    (void)unused;
    (void)run_on_ring(on_a_stand, &(body_fn *){one_way});
}

static void a_refusing_partition_resets_what_is_sent(void **unused)
{
    (void)unused;
    (void)run_on_ring(on_a_stand, &(body_fn *){refused});
}

static void dead_connections_stay_dead(void **unused)
{
    (void)unused;
    (void)run_on_ring(on_a_stand, &(body_fn *){dead});
}

static void flapping_lets_through_by_turns(void **unused)
{
    (void)unused;
    (void)run_on_ring(on_a_stand, &(body_fn *){flapping});
}

static void idle_connections_are_reset(void **unused)
{
    (void)unused;
    (void)run_on_ring(on_a_stand, &(body_fn *){reset_peer});
}

static void toxicity_0_is_nothing_at_all(void **unused)
{
    (void)unused;
    (void)run_on_ring(on_a_stand, &(body_fn *){nothing_at_toxicity_0});
}

static void a_fault_goes_though_nobody_reads(void **unused)
{
    (void)unused;
    (void)run_on_ring(on_a_stand, &(body_fn *){removed_under_who_does_not_read});
}

static void each_kind_goes_though_nobody_reads(void **unused)
{
    (void)unused;
    (void)run_on_ring(on_a_stand, &(body_fn *){each_removed_under_who_does_not_read});
}

static void an_answer_comes_after_a_late_half_close(void **unused)
{
    (void)unused;
    (void)run_on_ring(on_a_stand, &(body_fn *){half_close_under_latency});
}

static void timeout_closes_as_it_goes(void **unused)
{
    (void)unused;
    (void)run_on_ring(on_a_stand, &(body_fn *){timeout});
}

static void limit_data_ends_in_order(void **unused)
{
    (void)unused;
    (void)run_on_ring(on_a_stand, &(body_fn *){limit_data});
}

static void connections_end_after_a_time(void **unused)
{
    (void)unused;
    (void)run_on_ring(on_a_stand, &(body_fn *){close_after});
}

static void connecting_waits_for_the_fault_to_go(void **unused)
{
    (void)unused;
    (void)run_on_ring(on_a_stand, &(body_fn *){connecting});
}

static void a_connection_waits_for_another_to_end(void **unused)
{
    (void)unused;
    (void)run_on_ring(on_a_stand, &(body_fn *){limited_connections});
}

static void a_change_may_leave_connections_dead(void **unused)
{
    (void)unused;
    (void)run_on_ring(on_a_stand, &(body_fn *){dead_by_a_change});
}

static void held_queries_go_on_when_their_fault_does(void **unused)
{
    (void)unused;
    (void)run_on_ring(held_queries, NULL);
}

static void much_comes_whole_over_tcp(void **unused)
{
    (void)unused;
    (void)run_on_ring(on_a_stand, &(body_fn *){much_under_each});
}

static void much_comes_whole_over_unix_sockets(void **unused)
{
    (void)unused;
    (void)run_on_ring(much_over_unix, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_one_way_partition_holds_and_heals),
        cmocka_unit_test(a_refusing_partition_resets_what_is_sent),
        cmocka_unit_test(dead_connections_stay_dead),
        cmocka_unit_test(flapping_lets_through_by_turns),
        cmocka_unit_test(idle_connections_are_reset),
        cmocka_unit_test(toxicity_0_is_nothing_at_all),
        cmocka_unit_test(a_fault_goes_though_nobody_reads),
        cmocka_unit_test(each_kind_goes_though_nobody_reads),
        cmocka_unit_test(an_answer_comes_after_a_late_half_close),
        cmocka_unit_test(timeout_closes_as_it_goes),
        cmocka_unit_test(limit_data_ends_in_order),
        cmocka_unit_test(connections_end_after_a_time),
        cmocka_unit_test(connecting_waits_for_the_fault_to_go),
        cmocka_unit_test(a_connection_waits_for_another_to_end),
        cmocka_unit_test(a_change_may_leave_connections_dead),
        cmocka_unit_test(held_queries_go_on_when_their_fault_does),
        cmocka_unit_test(much_comes_whole_over_tcp),
        cmocka_unit_test(much_comes_whole_over_unix_sockets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
