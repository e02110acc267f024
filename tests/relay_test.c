/* SPDX-License-Identifier: MIT */
/* relay_test.c - the proxy's relay over real sockets: bytes, ends, resets, pressure, its settings.
 */
#include "relay_fixture.h"
#include "ring_fixture.h"

#include "core/clock.h"
#include "core/fiber.h"
#include "core/group.h"
#include "core/io.h"
#include "core/rng.h"
#include "core/sock.h"
#include "faults/proxy/proxy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- Faults of the tests' own ---------------------------------------------------------------- */

/* What the next of them does; each test sets it before it adds one. */
static struct {
    enum fault_verdict verdict; /* of pieces, and of time */
    uint64_t due_ns;            /* of pieces and arrivals; 0: as they come */
    uint64_t time_ns;           /* of on_time; 0: none */
    enum fault_door door;
} act;

static enum fault_verdict act_on_piece(void *self, void *own, struct fault_link *link,
                                       struct fault_piece *piece)
{
    (void)self, (void)own, (void)link;
    piece->due_ns = act.due_ns ? act.due_ns : piece->due_ns;
    return act.verdict;
}

static enum fault_verdict act_on_arrival(void *self, struct fault_link *link,
                                         struct fault_arrival *arrival)
{
    (void)self, (void)link;
    arrival->due_ns = act.due_ns ? act.due_ns : arrival->due_ns;
    return act.verdict;
}

static enum fault_verdict act_on_end(void *self, void *own, struct fault_link *link)
{
    (void)self, (void)own, (void)link;
    return FAULT_DROP;
}

static uint64_t act_on_begin(void *self, void *own, struct fault_link *link, uint64_t now_ns)
{
    (void)self, (void)own, (void)link, (void)now_ns;
    return act.time_ns ? act.time_ns : CLOCK_NEVER;
}

/* Hooks have the signatures of their type. NOLINTBEGIN(readability-non-const-parameter) */
static enum fault_verdict act_on_time(void *self, void *own, struct fault_link *link,
                                      uint64_t now_ns, uint64_t *again_ns)
{
    (void)self, (void)own, (void)link, (void)now_ns, (void)again_ns;
    return act.verdict;
}

static enum fault_door act_door(void *self, uint64_t now_ns, uint64_t *again_ns)
{
    (void)self, (void)now_ns, (void)again_ns;
    return act.door;
}

/* NOLINTEND(readability-non-const-parameter) */

static const struct param no_params[] = {{0}};
static const struct fault_type pieces_type = {
    .name = "pieces", .params = no_params, .on_piece = act_on_piece};
static const struct fault_type arrivals_type = {
    .name = "arrivals", .params = no_params, .on_arrival = act_on_arrival};
static const struct fault_type time_type = {.name = "time",
                                            .params = no_params,
                                            .on_begin = act_on_begin,
                                            .on_piece = act_on_piece,
                                            .on_time = act_on_time};
static const struct fault_type deadly_type = {
    .name = "deadly", .params = no_params, .on_piece = act_on_piece, .on_end = act_on_end};
static const struct fault_type door_type = {.name = "door", .params = no_params, .door = act_door};

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

static void half_close_unix(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct stand stand;
    char folder[] = "/tmp/relay_test.XXXXXX", listen[64], server[64];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(listen, sizeof(listen), "unix:%s/proxy", folder);
    (void)snprintf(server, sizeof(server), "unix:%s/server", folder);
    stand_init_at(&stand, ctx, listen, server);
    answer_after_half_close(ctx, &stand);
    stand_fini(&stand);
    assert_int_equal(unlink(listen + 5), -1); /* it has taken its name away */
    assert_ok(unlink(server + 5));
    assert_ok(rmdir(folder));
}

static void the_answer_after_a_half_close_arrives(void **unused)
{
    (void)unused;
    (void)run_on_ring(half_close_tcp, NULL);
    (void)run_on_ring(half_close_unix, NULL);
}

/* ---- Many bytes ------------------------------------------------------------------------------ */

static void both_ways(struct ctx *ctx, void *arg)
{
    (void)arg;
    static const size_t chunks[] = {7, 1500, 16 << 10, 300 << 10};
    struct stand stand;
    stand_init(&stand, ctx);
    for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
        struct group group;
        struct ends ends = connect_ends(ctx, &stand);
        size_t size = chunks[i] * 200 < (4 << 20) ? chunks[i] * 200 : 4 << 20;
        struct flow up = {.from = ends.client,
                          .to = ends.server,
                          .seed = 1,
                          .size_bytes = size,
                          .chunk_max_bytes = chunks[i]};
        struct flow down = {.from = ends.server,
                            .to = ends.client,
                            .seed = 2,
                            .size_bytes = size + 1,
                            .chunk_max_bytes = chunks[i]};
        group_init(&group, ctx);
        assert_ok(group_spawn(&group, "send up", flow_send, &up));
        assert_ok(group_spawn(&group, "send down", flow_send, &down));
        assert_ok(group_spawn(&group, "receive up", flow_receive_all, &up));
        assert_ok(group_spawn(&group, "receive down", flow_receive_all, &down));
        assert_ok(group_join(ctx, &group));
        assert_int_equal(group_fini(&group), 0);
        close_ends(&ends);
    }
    until_no_link(&stand);
    stand_fini(&stand);
}

static void bytes_come_through_both_ways_in_any_sizes(void **unused)
{
    (void)unused;
    (void)run_on_ring(both_ways, NULL);
}

/* All at once and its end behind it, before the proxy has seen any of it. */
static void burst(struct flow *flow)
{
    char *all = malloc(flow->size_bytes);
    assert_non_null(all);
    for (size_t i = 0; i < flow->size_bytes; i++)
        all[i] = flow_byte(flow->seed, i);
    assert_int_equal(send(flow->from, all, flow->size_bytes, MSG_DONTWAIT), flow->size_bytes);
    assert_ok(sock_half_close(flow->from));
    free(all);
}

/* So many that they take all buffers the links share from each other. */
static void bursts(struct ctx *ctx, struct stand *stand)
{
    enum {
        LINKS = 40,
        BURST_BYTES = 100 << 10
    }; /* as much as a Unix socket holds, and more
          buffers than a link reads before it changes */
    struct group group;
    struct ends ends[LINKS];
    struct flow down[LINKS];
    group_init(&group, ctx);
    (void)put(stand, "latency", FAULT_DOWNSTREAM, "latency=5ms");
    for (size_t i = 0; i < LINKS; i++)
        ends[i] = connect_ends(ctx, stand);
    for (size_t i = 0; i < LINKS; i++) {
        down[i] = (struct flow){.from = ends[i].server,
                                .to = ends[i].client,
                                .seed = i,
                                .size_bytes = BURST_BYTES + i * 1000};
        burst(&down[i]);
        assert_ok(group_spawn(&group, "receive", flow_receive_to_the_end, &down[i]));
    }
    assert_ok(group_join(ctx, &group));
    assert_int_equal(group_fini(&group), 0);
    for (size_t i = 0; i < LINKS; i++)
        close_ends(&ends[i]);
    until_no_link(stand);
}

static void bursts_unix(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct stand stand;
    char folder[] = "/tmp/relay_test.XXXXXX", listen[64], server[64];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(listen, sizeof(listen), "unix:%s/proxy", folder);
    (void)snprintf(server, sizeof(server), "unix:%s/server", folder);
    stand_init_at(&stand, ctx, listen, server);
    bursts(ctx, &stand);
    stand_fini(&stand);
    assert_ok(unlink(server + 5));
    assert_ok(rmdir(folder));
}

static void bursts_come_whole_through_faults(void **unused)
{
    (void)unused;
    (void)run_on_ring(bursts_unix, NULL);
}

/* Sends until nobody takes any more. */
static size_t send_until_full(struct ctx *ctx, struct flow *flow)
{
    for (;;) {
        char chunk[4096];
        for (size_t i = 0; i < sizeof(chunk); i++)
            chunk[i] = flow_byte(flow->seed, flow->sent_bytes + i);
        ssize_t sent = send(flow->from, chunk, sizeof(chunk), MSG_DONTWAIT);
        if (sent > 0) {
            flow->sent_bytes += (size_t)sent;
            continue;
        }
        struct ctx patience;
        ctx_init_timeout(&patience, ctx, 100 * NS_PER_MS);
        int rc = io_poll(&patience, flow->from, POLLOUT);
        ctx_fini(&patience);
        if (rc == -ETIMEDOUT)
            return flow->sent_bytes;
    }
}

static void pressure(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct stand stand;
    stand_init(&stand, ctx);
    for (int faulty = 0; faulty < 2; faulty++) {
        struct ends ends = connect_ends(ctx, &stand);
        act.verdict = FAULT_PASS;
        act.due_ns = 0;
        struct toxic *toxic = faulty ? add(&stand, &pieces_type, FAULT_UPSTREAM) : NULL;
        struct flow flow = {.from = ends.client, .to = ends.server, .seed = 3};
        struct proxy_figures before = proxy_figures(stand.proxy);
        flow.size_bytes = send_until_full(ctx, &flow);
        struct proxy_figures after = proxy_figures(stand.proxy);
        uint64_t held = (after.received_bytes[0] - before.received_bytes[0]) -
                        (after.sent_bytes[0] - before.sent_bytes[0]);
        assert_true(held < 8 << 20); /* by the proxy itself */
        if (toxic)
            toxic_remove(toxic); /* while nobody reads: nothing waits for that */
        flow_receive_all(ctx, &flow);
        assert_ok(sock_send(ctx, ends.server, "read", 4));
        expect_text(ctx, ends.client, "read");
        close_ends(&ends);
    }
    until_no_link(&stand);
    stand_fini(&stand);
}

static void who_does_not_read_slows_the_writer_down(void **unused)
{
    (void)unused;
    (void)run_on_ring(pressure, NULL);
}

/* Little at a time, until there is no room for it: what had begun goes on, and what came behind. */
static void little_pressure(struct ctx *ctx, void *arg)
{
    enum { SIZE = 4000 };
    (void)arg;
    struct stand stand;
    stand_init(&stand, ctx);
    assert_ok(setsockopt(stand.listening, SOL_SOCKET, SO_RCVBUF, &(int){4096}, sizeof(int)));
    struct ends ends = connect_ends(ctx, &stand);
    struct flow flow = {.from = ends.client, .to = ends.server, .seed = 7};
    const uint64_t spliced = proxy_figures(stand.proxy).spliced_bytes;
    struct proxy_figures now = proxy_figures(stand.proxy);
    while (now.sent_bytes[0] == now.received_bytes[0]) {
        char chunk[SIZE];
        for (size_t i = 0; i < SIZE; i++)
            chunk[i] = flow_byte(flow.seed, flow.sent_bytes + i);
        assert_ok(sock_send(ctx, flow.from, chunk, SIZE));
        flow.sent_bytes += SIZE;
        while (proxy_figures(stand.proxy).received_bytes[0] < flow.sent_bytes)
            fiber_yield();
        for (int i = 0; i < 4; i++) /* until the proxy knows what has become of it */
            fiber_yield();
        now = proxy_figures(stand.proxy);
    }
    assert_ok(sock_half_close(ends.client));
    flow.size_bytes = flow.sent_bytes;
    flow_receive_all(ctx, &flow);
    expect_end(ctx, ends.server);
    assert_int_equal(proxy_figures(stand.proxy).spliced_bytes, spliced);
    assert_int_equal(proxy_figures(stand.proxy).sent_bytes[0], flow.size_bytes);
    close_ends(&ends);
    until_no_link(&stand);
    stand_fini(&stand);
}

static void little_that_finds_no_room_waits_for_it(void **unused)
{
    (void)unused;
    (void)run_on_ring(little_pressure, NULL);
}

/* ---- Splicing, and faults that come and go --------------------------------------------------- */

static void until_spliced(struct ctx *ctx, const struct stand *stand, struct flow *flow)
{
    uint64_t before = proxy_figures(stand->proxy).spliced_bytes;
    while (proxy_figures(stand->proxy).spliced_bytes == before)
        flow_receive(ctx, flow, flow->received_bytes + 1000);
}

static void come_and_go(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct stand stand;
    struct group group;
    stand_init(&stand, ctx);
    struct ends ends = connect_ends(ctx, &stand);
    struct flow flow = {.from = ends.server,
                        .to = ends.client,
                        .seed = 4,
                        .size_bytes = 64 << 20,
                        .chunk_max_bytes = 1 << 20};
    group_init(&group, ctx);
    assert_ok(group_spawn(&group, "send", flow_send, &flow));
    for (int round = 0; round < 3; round++) {
        until_spliced(ctx, &stand, &flow);
        act.verdict = FAULT_PASS;
        act.due_ns = 0;
        struct toxic *toxic = add(&stand, &pieces_type, FAULT_DOWNSTREAM);
        uint64_t spliced = proxy_figures(stand.proxy).spliced_bytes;
        flow_receive(ctx, &flow, flow.received_bytes + (6 << 20));
        assert_int_equal(proxy_figures(stand.proxy).spliced_bytes, spliced);
        act.due_ns = CLOCK_NEVER; /* some stay there until it goes */
        flow_receive(ctx, &flow, flow.received_bytes + 1000);
        act.due_ns = 0;
        toxic_remove(toxic);
    }
    until_spliced(ctx, &stand, &flow);
    struct fault_aim counting = {.toxicity = 0, .after = 1};
    struct toxic_options options = {
        .type = &pieces_type, .stream = FAULT_UPSTREAM, .aim = &counting};
    struct toxic *toxic;
    assert_ok(toxic_add(stand.proxy, &options, &toxic, NULL)); /* somebody has to count */
    uint64_t spliced = proxy_figures(stand.proxy).spliced_bytes;
    flow_receive(ctx, &flow, flow.received_bytes + (6 << 20));
    assert_int_equal(proxy_figures(stand.proxy).spliced_bytes, spliced);
    toxic_remove(toxic);
    flow_receive_all(ctx, &flow);
    assert_ok(group_join(ctx, &group));
    assert_int_equal(group_fini(&group), 0);
    close_ends(&ends);
    until_no_link(&stand);
    assert_int_equal(proxy_figures(stand.proxy).sent_bytes[FAULT_DOWNSTREAM], 64 << 20);
    stand_fini(&stand);
}

static void no_byte_is_lost_or_doubled_as_faults_come_and_go(void **unused)
{
    (void)unused;
    (void)run_on_ring(come_and_go, NULL);
}

/* ---- Ends of other kinds --------------------------------------------------------------------- */

static void resets(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct stand stand;
    stand_init(&stand, ctx);
    for (int round = 0; round < 4; round++) {
        struct ends ends = connect_ends(ctx, &stand);
        act.verdict = FAULT_PASS;
        struct toxic *toxic = round / 2 ? add(&stand, &pieces_type, FAULT_BOTH) : NULL;
        assert_ok(sock_send(ctx, ends.client, "ping", 4));
        expect_text(ctx, ends.server, "ping");
        sock_close(round % 2 ? ends.client : ends.server, true);
        expect_reset(ctx, round % 2 ? ends.server : ends.client);
        sock_close(round % 2 ? ends.server : ends.client, false);
        if (toxic)
            toxic_remove(toxic);
        until_no_link(&stand);
    }
    stand_fini(&stand);
}

static void a_reset_stays_a_reset(void **unused)
{
    (void)unused;
    (void)run_on_ring(resets, NULL);
}

/* A server that answers early and closes with bytes unread resets; its answer comes first. */
static void last_words(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct stand stand;
    stand_init(&stand, ctx);
    struct ends ends = connect_ends(ctx, &stand);
    struct flow flow = {.from = ends.client, .to = ends.server, .seed = 5};
    (void)send_until_full(ctx, &flow);
    assert_ok(sock_send(ctx, ends.server, "too much", 8));
    sock_close(ends.server, false);
    expect_text(ctx, ends.client, "too much");
    expect_reset(ctx, ends.client);
    sock_close(ends.client, false);
    until_no_link(&stand);
    stand_fini(&stand);
}

static void an_answer_comes_before_the_reset_behind_it(void **unused)
{
    (void)unused;
    (void)run_on_ring(last_words, NULL);
}

static void nobody_there(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct stand stand;
    struct err err = {0};
    stand_init(&stand, ctx);
    must(proxy_change(stand.proxy, NULL, "localhost:1", -1, &err), &err); /* a name */
    int client = call(ctx, &stand);
    expect_end(ctx, client);
    sock_close(client, false);
    must(proxy_change(stand.proxy, NULL, "no.such.name.invalid:1", -1, &err), &err);
    client = call(ctx, &stand);
    expect_end(ctx, client);
    sock_close(client, false);
    must(proxy_change(stand.proxy, NULL, "nonsense", -1, &err), &err);
    client = call(ctx, &stand);
    expect_end(ctx, client);
    sock_close(client, false);
    assert_int_equal(proxy_figures(stand.proxy).dial_failures, 3);
    stand_fini(&stand);
}

static void without_an_upstream_the_client_is_closed(void **unused)
{
    (void)unused;
    (void)run_on_ring(nobody_there, NULL);
}

/* ---- Settings -------------------------------------------------------------------------------- */

/* Its queue is full: the kernel answers no SYN any more. */
static void black_hole(struct ctx *ctx, void *arg)
{
    enum { QUEUED = 4 };
    const char *where = arg;
    struct stand stand;
    int queued[QUEUED];
    stand_init_at(&stand, ctx, "127.0.0.1:0", where);
    struct addr addr;
    assert_ok(sock_local(stand.listening, &addr));
    assert_ok(listen(stand.listening, 0));
    for (int i = 0; i < QUEUED; i++) {
        queued[i] = socket(addr.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(queued[i], (struct sockaddr *)&addr.storage, addr.length); /* or tries to */
    }
    proxy_set_limit(stand.set, &(struct proxy_limits){.connect_ns = 30 * NS_PER_MS});
    int client = call(ctx, &stand);
    expect_end(ctx, client);
    assert_int_equal(proxy_figures(stand.proxy).dial_failures, 1);
    until_no_link(&stand);
    sock_close(client, false);
    for (int i = 0; i < QUEUED; i++)
        sock_close(queued[i], true);
    stand_fini(&stand);
}

static void an_upstream_that_does_not_answer_is_given_up(void **unused)
{
    (void)unused;
    char path[] = "/tmp/poolstorm-relay-XXXXXX", where[64];
    assert_non_null(mkdtemp(path));
    (void)snprintf(where, sizeof(where), "unix:%s/s", path);
    (void)run_on_ring(black_hole, (char[]){"127.0.0.1:0"});
    (void)run_on_ring(black_hole, where);
    assert_ok(unlink(where + strlen("unix:")));
    assert_ok(rmdir(path));
}

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

static void change_upstream(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct stand stand, other;
    struct err err = {0};
    stand_init(&stand, ctx);
    char text[HOST_PORT_BYTES];
    other.listening = listen_at("[::1]:0", text);
    struct ends ends = connect_ends(ctx, &stand);
    must(
        proxy_change(stand.proxy, proxy_listen(stand.proxy), proxy_upstream(stand.proxy), -1, &err),
        &err);
    assert_ok(sock_send(ctx, ends.client, "same", 4)); /* nothing has changed */
    expect_text(ctx, ends.server, "same");
    must(proxy_change(stand.proxy, NULL, text, -1, &err), &err);
    expect_end(ctx, ends.client);
    expect_end(ctx, ends.server);
    close_ends(&ends);
    assert_string_equal(proxy_upstream(stand.proxy), text);
    int listening = stand.listening;
    stand.listening = other.listening;
    answer_after_half_close(ctx, &stand);
    sock_close(listening, false);
    stand_fini(&stand);
}

static void another_upstream_drops_links(void **unused)
{
    (void)unused;
    (void)run_on_ring(change_upstream, NULL);
}

static size_t count_proxies(struct proxy_set *set)
{
    size_t count = 0;
    for (struct proxy *proxy = proxy_first(set); proxy; proxy = proxy_next(proxy))
        count++;
    return count;
}

static unsigned services_asked; /* of the system, which may ask others */

int __wrap_getservbyname_r(const char *name, const char *protocol, struct servent *entry,
                           char *space, size_t size_bytes, struct servent **found);

/* It has the signature of libc's. NOLINTBEGIN(readability-non-const-parameter) */
int __wrap_getservbyname_r(const char *name, const char *protocol, struct servent *entry,
                           char *space, size_t size_bytes, struct servent **found)
{
    (void)name, (void)protocol, (void)entry, (void)space, (void)size_bytes;
    services_asked++;
    *found = NULL;
    return ENOENT;
}
/* NOLINTEND(readability-non-const-parameter) */

static void expect_refusal(struct proxy_set *set, const char *listen, const char *words)
{
    struct proxy *proxy;
    struct err err = {0};
    struct proxy_options options = {
        .name = "other", .listen = listen, .upstream = "127.0.0.1:1", .enabled = true};
    size_t before = count_proxies(set);
    assert_true(proxy_create(set, &options, &proxy, &err) < 0);
    assert_string_equal(err.text, words);
    assert_int_equal(count_proxies(set), before);
    assert_null(proxy);
}

static void listen_anywhere(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct stand stand;
    struct err err = {0};
    struct proxy *proxy;
    char words[200];
    stand_init(&stand, ctx);
    assert_memory_equal(proxy_listen(stand.proxy), "127.0.0.1:", 10);
    assert_string_not_equal(proxy_listen(stand.proxy), "127.0.0.1:0");
    (void)snprintf(words, sizeof(words), "listen tcp %s: bind: address already in use",
                   proxy_listen(stand.proxy));
    expect_refusal(stand.set, proxy_listen(stand.proxy), words);
    expect_refusal(stand.set, "127.0.0.1",
                   "listen tcp: address 127.0.0.1: missing port in address");
    expect_refusal(stand.set, "::1:80", "listen tcp: address ::1:80: too many colons in address");
    expect_refusal(stand.set, "127.0.0.1:99999", "listen tcp: address 99999: invalid port");
    expect_refusal(stand.set, "127.0.0.1:nosuch", "listen tcp: lookup tcp/nosuch: unknown port");
    assert_int_equal(services_asked, 0);
    expect_refusal(stand.set, "no.such.name.invalid:1",
                   "listen tcp: lookup no.such.name.invalid: no such host in /etc/hosts "
                   "(expected an address, localhost, or a name from there)");
    expect_refusal(stand.set, "192.0.2.1:1",
                   "listen tcp 192.0.2.1:1: bind: cannot assign requested address");
    expect_refusal(stand.set, "unix:/nowhere/at/all",
                   "listen unix /nowhere/at/all: bind: no such file or directory");
    struct proxy_options options = {
        .name = "p", .listen = "localhost:0", .upstream = "127.0.0.1:1", .enabled = false};
    assert_int_equal(proxy_create(stand.set, &options, &proxy, &err), -EEXIST);
    options.name = "a";
    must(proxy_create(stand.set, &options, &proxy, &err), &err);
    assert_ptr_equal(proxy_first(stand.set), proxy); /* in order */
    assert_ptr_equal(proxy_next(proxy), stand.proxy);
    assert_string_equal(proxy_listen(proxy), "localhost:0");
    assert_int_equal(proxy_change(proxy, proxy_listen(stand.proxy), NULL, true, &err), -EADDRINUSE);
    assert_false(proxy_enabled(proxy));
    must(proxy_change(proxy, ":0", NULL, true, &err), &err);
    assert_memory_equal(proxy_listen(proxy), "[::]:", 5);
    proxy_remove(proxy);
    assert_null(proxy_find(stand.set, "a"));
    stand_fini(&stand);
}

static void errors_have_the_words_that_go_has(void **unused)
{
    (void)unused;
    (void)run_on_ring(listen_anywhere, NULL);
}

static unsigned resolved; /* names, by the system's resolver */

int __real_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **found);
int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **found);

int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **found)
{
    resolved++;
    return __real_getaddrinfo(node, service, hints, found);
}

/* A resolver that is slow would hold up all connections. */
static void listen_by_name(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct stand stand;
    stand_init(&stand, ctx);
    resolved = 0;
    assert_ok(proxy_change(stand.proxy, "localhost:0", NULL, true, NULL));
    expect_refusal(stand.set, "no.such.name.invalid:0",
                   "listen tcp: lookup no.such.name.invalid: no such host in /etc/hosts "
                   "(expected an address, localhost, or a name from there)");
    assert_ok(proxy_change(stand.proxy, "LocalHost:0", NULL, true, NULL));
    assert_int_equal(resolved, 0);
    assert_ok(proxy_change(stand.proxy, "", NULL, true, NULL)); /* anywhere, as Toxiproxy has it */
    assert_memory_equal(proxy_listen(stand.proxy), "[::]:", 5);
    stand_fini(&stand);
}

static void names_to_listen_on_need_no_resolver(void **unused)
{
    (void)unused;
    (void)run_on_ring(listen_by_name, NULL);
}

static void end_of_ctx(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct stand stand;
    struct ctx own;
    ctx_init(&own, ctx);
    stand_init(&stand, &own);
    struct ends ends = connect_ends(ctx, &stand);
    struct addr addr = addr_of(proxy_listen(stand.proxy));
    ctx_cancel(&own, "test");
    expect_end(ctx, ends.client);
    expect_end(ctx, ends.server);
    assert_int_equal(sock_connect(ctx, &addr), -ECONNREFUSED);
    assert_false(proxy_enabled(stand.proxy));
    close_ends(&ends);
    stand_fini(&stand);
    ctx_fini(&own);
}

static void the_end_of_its_ctx_ends_all(void **unused)
{
    (void)unused;
    (void)run_on_ring(end_of_ctx, NULL);
}

/* ---- Faults upon connections ----------------------------------------------------------------- */

static void verdicts(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct stand stand;
    stand_init(&stand, ctx);
    for (int blocked = 0; blocked < 2; blocked++) {
        for (int reset = 0; reset < 2; reset++) {
            struct ends ends = connect_ends(ctx, &stand);
            struct flow flow = {.from = ends.server, .to = ends.client, .seed = 6};
            if (blocked)
                (void)send_until_full(ctx, &flow);
            act.verdict = reset ? FAULT_RESET : FAULT_CLOSE;
            act.time_ns = clock_now_ns() + NS_PER_MS;
            struct toxic *toxic = add(&stand, &time_type, FAULT_DOWNSTREAM);
            until_no_link(&stand);
            if (reset)
                expect_reset(ctx, ends.client);
            else if (!blocked)
                expect_end(ctx, ends.client);
            toxic_remove(toxic);
            close_ends(&ends);
        }
    }
    act.time_ns = 0;
    stand_fini(&stand);
}

static void faults_end_links_even_while_nobody_reads(void **unused)
{
    (void)unused;
    (void)run_on_ring(verdicts, NULL);
}

/* What the fault held is gone, and what comes later is not even acknowledged. */
static void dead_for_good(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct stand stand;
    stand_init(&stand, ctx);
    struct ends ends = connect_ends(ctx, &stand);
    char byte;
    act.verdict = FAULT_PASS;
    act.due_ns = CLOCK_NEVER;
    struct toxic *toxic = add(&stand, &deadly_type, FAULT_BOTH);
    assert_ok(sock_send(ctx, ends.client, "held", 4));
    while (toxic_effects(toxic).pieces == 0)
        fiber_yield();
    toxic_remove(toxic);
    act.due_ns = 0;
    assert_ok(setsockopt(ends.client, IPPROTO_TCP, TCP_USER_TIMEOUT, &(int){50}, sizeof(int)));
    assert_ok(sock_send(ctx, ends.client, "late", 4));
    assert_int_equal(sock_recv(ctx, ends.client, &byte, 1), -ETIMEDOUT);
    assert_int_equal(recv(ends.server, &byte, 1, MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(proxy_figures(stand.proxy).links_open, 1);
    close_ends(&ends);
    stand_fini(&stand);
}

static void what_is_left_dead_acknowledges_nothing(void **unused)
{
    (void)unused;
    (void)run_on_ring(dead_for_good, NULL);
}

/* Carries bytes, so that faults will find it established. */
static struct ends connect_carried(struct ctx *ctx, const struct stand *stand)
{
    struct ends ends = connect_ends(ctx, stand);
    assert_ok(sock_send(ctx, ends.client, "there", 5));
    expect_text(ctx, ends.server, "there");
    return ends;
}

static void leave_dead(struct stand *stand)
{
    act.verdict = FAULT_PASS;
    act.due_ns = 0;
    toxic_remove(add(stand, &deadly_type, FAULT_BOTH));
}

static void bounded_dead(struct ctx *ctx, void *arg)
{
    (void)arg;
    enum { DEAD = 4, MAX = 2 };
    struct stand stand;
    struct ends ends[DEAD];
    stand_init(&stand, ctx);
    proxy_set_limit(stand.set, &(struct proxy_limits){.dead_max = MAX});
    for (int i = 0; i < DEAD; i++)
        ends[i] = connect_carried(ctx, &stand);
    leave_dead(&stand);
    for (int i = 0; i < DEAD - MAX; i++) {
        expect_reset(ctx, ends[i].client);
        expect_reset(ctx, ends[i].server);
    }
    assert_int_equal(proxy_figures(stand.proxy).links_open, MAX);
    for (int i = DEAD - MAX; i < DEAD; i++)
        expect_nothing(ends[i].client);
    for (int i = 0; i < DEAD; i++)
        close_ends(&ends[i]);
    stand_fini(&stand);
}

/* Whose clients give up, and servers with them, while a fault lets nothing through. */
static void bounded_held(struct ctx *ctx, void *arg)
{
    (void)arg;
    enum { HELD = 8, MAX = 2 };
    struct stand stand;
    stand_init(&stand, ctx);
    proxy_set_limit(stand.set, &(struct proxy_limits){.dead_max = MAX});
    (void)put(&stand, "timeout", FAULT_UPSTREAM, "timeout=0");
    (void)put(&stand, "timeout", FAULT_DOWNSTREAM, "timeout=0");
    for (int i = 0; i < HELD; i++) {
        struct ends ends = connect_ends(ctx, &stand);
        close_ends(&ends);
    }
    while (proxy_figures(stand.proxy).links_open > MAX + 1) /* the newest is not looked at yet */
        fiber_yield();
    stand_fini(&stand);
}

static void only_so_many_are_held_that_have_gone(void **unused)
{
    (void)unused;
    (void)run_on_ring(bounded_held, NULL);
}

static void only_so_many_are_left_dead(void **unused)
{
    (void)unused;
    (void)run_on_ring(bounded_dead, NULL);
}

static void dead_for_long(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct stand stand;
    stand_init(&stand, ctx);
    proxy_set_limit(stand.set, &(struct proxy_limits){.dead_s = 1, .dead_max = 9});
    struct ends ends = connect_carried(ctx, &stand);
    leave_dead(&stand);
    close_ends(&ends); /* which the proxy does not hear */
    while (proxy_figures(stand.proxy).links_open > 0)
        assert_ok(fiber_sleep(ctx, 10 * NS_PER_MS));
    stand_fini(&stand);
}

static void what_is_left_dead_ends_some_day(void **unused)
{
    (void)unused;
    (void)run_on_ring(dead_for_long, NULL);
}

/* One connection at a time; counts how often it is asked. */
static unsigned asked;

static enum fault_verdict one_at_a_time(void *self, struct fault_link *link,
                                        struct fault_arrival *arrival)
{
    (void)self, (void)link;
    asked++;
    if (arrival->links_open > 0)
        arrival->due_ns = CLOCK_NEVER;
    return FAULT_PASS;
}

static void queue_of_held(struct ctx *ctx, void *arg)
{
    (void)arg;
    enum { QUEUE = 60 };
    static const struct fault_type type = {
        .name = "one", .params = no_params, .on_arrival = one_at_a_time};
    struct stand stand;
    int clients[QUEUE];
    stand_init(&stand, ctx);
    (void)add(&stand, &type, FAULT_BOTH);
    asked = 0;
    for (int i = 0; i < QUEUE; i++)
        clients[i] = call(ctx, &stand);
    while (asked < QUEUE)
        fiber_yield();
    for (int i = 0; i < QUEUE; i++) { /* in the order in which they came */
        int server = sock_accept(ctx, stand.listening);
        assert_ok(sock_send(ctx, server, "next", 4));
        sock_close(server, false);
        expect_text(ctx, clients[i], "next");
        sock_close(clients[i], false);
    }
    until_no_link(&stand);
    assert_in_range(asked, QUEUE, 3 * QUEUE); /* at first, to get in, and behind who got in */
    stand_fini(&stand);
}

static void an_end_asks_the_first_of_those_held_alone(void **unused)
{
    (void)unused;
    (void)run_on_ring(queue_of_held, NULL);
}

static void full_queue(struct ctx *ctx, void *arg)
{
    (void)arg;
    enum { QUEUE = 150 };
    struct stand stand;
    int clients[QUEUE];
    stand_init(&stand, ctx);
    for (int i = 0; i < QUEUE; i++) /* the kernel has them, the proxy not yet */
        clients[i] = begin_call(&stand);
    act.door = FAULT_DOOR_REFUSED;
    struct toxic *toxic = add(&stand, &door_type, FAULT_BOTH);
    assert_int_equal(proxy_figures(stand.proxy).links_total, QUEUE);
    for (int i = 0; i < QUEUE; i++) {
        int server = sock_accept(ctx, stand.listening);
        assert_ok(sock_send(ctx, server, "in", 2));
        sock_close(server, false);
    }
    for (int i = 0; i < QUEUE; i++) {
        assert_int_equal(io_poll(ctx, clients[i], POLLIN) & POLLIN, POLLIN);
        expect_text(ctx, clients[i], "in");
        sock_close(clients[i], false);
    }
    toxic_remove(toxic);
    stand_fini(&stand);
}

static void a_shut_door_leaves_nobody_in_the_queue(void **unused)
{
    (void)unused;
    (void)run_on_ring(full_queue, NULL);
}

static void held_arrivals(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct stand stand;
    stand_init(&stand, ctx);
    act.verdict = FAULT_PASS;
    act.due_ns = CLOCK_NEVER;
    struct toxic *toxic = add(&stand, &arrivals_type, FAULT_BOTH);
    struct ends ends = {.client = call(ctx, &stand)};
    int gone = call(ctx, &stand);
    assert_ok(sock_send(ctx, ends.client, "early", 5));
    while (proxy_figures(stand.proxy).links_total < 2)
        fiber_yield();
    sock_close(gone, false);
    while (proxy_figures(stand.proxy).links_open > 1) /* it is not waited for */
        fiber_yield();
    toxic_remove(toxic);
    ends.server = sock_accept(ctx, stand.listening);
    expect_text(ctx, ends.server, "early");
    close_ends(&ends);
    act.due_ns = 0;
    act.verdict = FAULT_RESET;
    toxic = add(&stand, &arrivals_type, FAULT_BOTH);
    int client = call(ctx, &stand);
    expect_reset(ctx, client);
    sock_close(client, false);
    assert_int_equal(toxic_effects(toxic).refused, 1);
    stand_fini(&stand);
}

static void arrivals_are_held_let_go_and_turned_away(void **unused)
{
    (void)unused;
    (void)run_on_ring(held_arrivals, NULL);
}

static void doors(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct stand stand;
    stand_init(&stand, ctx);
    struct ends ends = connect_ends(ctx, &stand);
    struct addr addr = addr_of(proxy_listen(stand.proxy));
    act.door = FAULT_DOOR_REFUSED;
    struct toxic *toxic = add(&stand, &door_type, FAULT_BOTH);
    assert_int_equal(sock_connect(ctx, &addr), -ECONNREFUSED);
    assert_true(proxy_enabled(stand.proxy));
    assert_ok(sock_send(ctx, ends.client, "still", 5)); /* established ones are not touched */
    expect_text(ctx, ends.server, "still");
    act.door = FAULT_DOOR_SILENT;
    assert_ok(toxic_change(toxic, NULL, NULL, NULL));
    int fd = begin_call(&stand);
    for (int i = 0; i < 100; i++) /* an answer over the loopback comes within the call */
        fiber_yield();
    assert_int_equal(poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, 0), 0);
    toxic_remove(toxic);
    assert_int_equal(io_poll(ctx, fd, POLLOUT), POLLOUT); /* once it has sent its SYN again */
    close_ends(&ends);
    ends.client = fd;
    ends.server = sock_accept(ctx, stand.listening);
    assert_ok(sock_send(ctx, ends.client, "let in", 6));
    expect_text(ctx, ends.server, "let in");
    close_ends(&ends);
    answer_after_half_close(ctx, &stand);
    assert_int_equal(proxy_figures(stand.proxy).links_total, 3); /* no filler among them */
    stand_fini(&stand);
}

static void doors_refuse_or_are_silent_and_open_again(void **unused)
{
    (void)unused;
    (void)run_on_ring(doors, NULL);
}

static size_t open_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    size_t count = 0;
    assert_non_null(folder);
    while (readdir(folder))
        count++;
    assert_ok(closedir(folder));
    return count;
}

static bool no_address; /* of a socket is told */

int __real_sock_local(int fd, struct addr *addr);
int __wrap_sock_local(int fd, struct addr *addr);

int __wrap_sock_local(int fd, struct addr *addr)
{
    return no_address ? -ENOBUFS : __real_sock_local(fd, addr);
}

/* It is tried again; meanwhile whoever calls is let in, and nothing is left of what was tried. */
static void door_that_jams(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct stand stand;
    stand_init(&stand, ctx);
    size_t before = open_descriptors();
    act.door = FAULT_DOOR_SILENT;
    no_address = true;
    struct toxic *toxic = add(&stand, &door_type, FAULT_BOTH);
    for (int i = 0; i < 10; i++)
        assert_ok(toxic_change(toxic, NULL, NULL, NULL));
    for (int i = 0; i < 100; i++)
        fiber_yield();
    assert_int_equal(proxy_figures(stand.proxy).links_total, 0);
    assert_int_equal(open_descriptors(), before);
    answer_after_half_close(ctx, &stand);
    no_address = false;
    assert_ok(toxic_change(toxic, NULL, NULL, NULL));
    int fd = begin_call(&stand);
    for (int i = 0; i < 100; i++)
        fiber_yield();
    assert_int_equal(poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, 0), 0);
    sock_close(fd, false);
    toxic_remove(toxic);
    answer_after_half_close(ctx, &stand);
    assert_int_equal(proxy_figures(stand.proxy).links_total, 2);
    stand_fini(&stand);
}

static void a_door_that_jams_is_open(void **unused)
{
    (void)unused;
    (void)run_on_ring(door_that_jams, NULL);
}

/* ---- Many links ------------------------------------------------------------------------------ */

enum { CROWD = 2500 };

static void crowd(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct stand stand;
    struct ends *ends = calloc(CROWD, sizeof(*ends));
    assert_non_null(ends);
    io_raise_descriptor_limit();
    stand_init(&stand, ctx);
    for (int i = 0; i < CROWD; i++)
        ends[i] = connect_ends(ctx, &stand);
    for (int i = 0; i < CROWD; i++)
        assert_ok(sock_send(ctx, ends[i].client, (char *)&i, sizeof(i)));
    for (int i = 0; i < CROWD; i++) {
        int got;
        assert_int_equal(sock_recv(ctx, ends[i].server, &got, sizeof(got)), sizeof(got));
        assert_int_equal(got, i);
        assert_ok(sock_send(ctx, ends[i].server, "!", 1));
    }
    for (int i = 0; i < CROWD; i++)
        expect_text(ctx, ends[i].client, "!");
    assert_int_equal(proxy_figures(stand.proxy).links_open, CROWD);
    for (int i = 0; i < CROWD / 2; i++)
        close_ends(&ends[i]);
    stand_fini(&stand); /* drops the rest */
    for (int i = CROWD / 2; i < CROWD; i++) {
        expect_end(ctx, ends[i].client);
        close_ends(&ends[i]);
    }
    free(ends);
}

static void thousands_of_links_are_carried(void **unused)
{
    (void)unused;
    (void)run_on_ring(crowd, NULL);
}

static void without_descriptors(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct stand stand;
    struct rlimit before, low;
    stand_init(&stand, ctx);
    int client = call(ctx, &stand), server = sock_accept(ctx, stand.listening);
    int late = begin_call(&stand); /* has a descriptor; the proxy is to find none */
    assert_ok(getrlimit(RLIMIT_NOFILE, &before));
    low = before;
    low.rlim_cur = (rlim_t)late + 1;
    assert_ok(setrlimit(RLIMIT_NOFILE, &low));
    while (proxy_figures(stand.proxy).out_of_descriptors == 0)
        fiber_yield();
    assert_ok(sock_send(ctx, client, "others", 6));
    expect_text(ctx, server, "others");
    assert_ok(setrlimit(RLIMIT_NOFILE, &before));
    int late_server = sock_accept(ctx, stand.listening);
    assert_ok(sock_send(ctx, late, "late", 4));
    expect_text(ctx, late_server, "late");
    int all[] = {client, server, late, late_server};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        sock_close(all[i], false);
    stand_fini(&stand);
}

static void without_descriptors_it_waits_for_some(void **unused)
{
    (void)unused;
    (void)run_on_ring(without_descriptors, NULL);
}

/* More clients than descriptors: so many are carried as can be to both ends, the others wait in the
 * kernel's queue, and a reserve is there for whoever controls the proxy. */
static void reserve(struct ctx *ctx, void *arg)
{
    (void)arg;
    enum { CLIENTS = 40, ROOM = 40 };
    struct stand stand;
    struct rlimit before, low;
    int clients[CLIENTS], files[ROOM];
    for (int i = 0; i < CLIENTS; i++) /* so that the proxy does not find them its own */
        clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    stand_init(&stand, ctx);
    int next = dup(stand.listening);
    assert_true(next > 0);
    assert_ok(close(next));
    assert_ok(getrlimit(RLIMIT_NOFILE, &before));
    low = before;
    low.rlim_cur = (rlim_t)next + ROOM;
    assert_ok(setrlimit(RLIMIT_NOFILE, &low));
    struct addr addr = addr_of(proxy_listen(stand.proxy));
    for (int i = 0; i < CLIENTS; i++)
        assert_int_equal(connect(clients[i], (struct sockaddr *)&addr.storage, addr.length), -1);
    while (proxy_figures(stand.proxy).out_of_descriptors == 0)
        fiber_yield();
    uint64_t links = proxy_figures(stand.proxy).links_total;
    assert_in_range(links, 5, ROOM / 2);
    size_t count = 0, reserved = proxy_set_reserve(stand.set);
    while (count < ROOM && (files[count] = dup(stand.listening)) >= 0)
        count++;
    assert_true(count >= reserved - 1);
    for (size_t i = 0; i < count; i++)
        assert_ok(close(files[i]));
    sock_close(clients[0], true); /* its place is the next one's, at once */
    while (proxy_figures(stand.proxy).links_total == links)
        fiber_yield();
    assert_int_equal(proxy_figures(stand.proxy).links_total, links + 1);
    assert_int_equal(proxy_figures(stand.proxy).links_refused, 0);
    assert_int_equal(proxy_figures(stand.proxy).dial_failures, 0);
    assert_ok(setrlimit(RLIMIT_NOFILE, &before));
    for (int i = 1; i < CLIENTS; i++)
        sock_close(clients[i], false);
    stand_fini(&stand);
}

static void links_leave_a_reserve_of_descriptors(void **unused)
{
    (void)unused;
    (void)run_on_ring(reserve, NULL);
}

/* ---- Many proxies ---------------------------------------------------------------------------- */

static void many(struct ctx *ctx, void *arg)
{
    (void)arg;
    enum { MANY = 500, STEP = 271 }; /* no common divisor: every number comes once */
    struct proxy_set *set;
    struct proxy *proxy;
    struct err err = {0};
    char name[16];
    must(proxy_set_create(ctx, 1, &set, &err), &err);
    struct proxy_options options = {.name = name, .listen = "127.0.0.1:0", .upstream = "u:1"};
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof(name), "p%03d", i * STEP % MANY);
        assert_null(proxy_find(set, name));
        must(proxy_create(set, &options, &proxy, &err), &err);
        assert_ptr_equal(proxy_find(set, name), proxy);
        assert_int_equal(proxy_create(set, &options, &proxy, &err), -EEXIST);
    }
    for (int i = 0; i < MANY; i += 2) {
        (void)snprintf(name, sizeof(name), "p%03d", i);
        proxy_remove(proxy_find(set, name));
        assert_null(proxy_find(set, name));
    }
    assert_int_equal(count_proxies(set), MANY / 2);
    int number = 1;
    for (proxy = proxy_first(set); proxy; proxy = proxy_next(proxy), number += 2) {
        (void)snprintf(name, sizeof(name), "p%03d", number);
        assert_string_equal(proxy_name(proxy), name);
    }
    assert_int_equal(number, MANY + 1);
    proxy_set_destroy(set);
}

static void proxies_are_in_the_order_of_their_names(void **unused)
{
    (void)unused;
    (void)run_on_ring(many, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_answer_after_a_half_close_arrives),
        cmocka_unit_test(bytes_come_through_both_ways_in_any_sizes),
        cmocka_unit_test(bursts_come_whole_through_faults),
        cmocka_unit_test(who_does_not_read_slows_the_writer_down),
        cmocka_unit_test(little_that_finds_no_room_waits_for_it),
        cmocka_unit_test(no_byte_is_lost_or_doubled_as_faults_come_and_go),
        cmocka_unit_test(a_reset_stays_a_reset),
        cmocka_unit_test(an_answer_comes_before_the_reset_behind_it),
        cmocka_unit_test(without_an_upstream_the_client_is_closed),
        cmocka_unit_test(an_upstream_that_does_not_answer_is_given_up),
        cmocka_unit_test(disabling_drops_links_and_frees_the_port),
        cmocka_unit_test(another_upstream_drops_links),
        cmocka_unit_test(errors_have_the_words_that_go_has),
        cmocka_unit_test(names_to_listen_on_need_no_resolver),
        cmocka_unit_test(the_end_of_its_ctx_ends_all),
        cmocka_unit_test(faults_end_links_even_while_nobody_reads),
        cmocka_unit_test(what_is_left_dead_acknowledges_nothing),
        cmocka_unit_test(only_so_many_are_left_dead),
        cmocka_unit_test(only_so_many_are_held_that_have_gone),
        cmocka_unit_test(what_is_left_dead_ends_some_day),
        cmocka_unit_test(arrivals_are_held_let_go_and_turned_away),
        cmocka_unit_test(an_end_asks_the_first_of_those_held_alone),
        cmocka_unit_test(a_shut_door_leaves_nobody_in_the_queue),
        cmocka_unit_test(doors_refuse_or_are_silent_and_open_again),
        cmocka_unit_test(a_door_that_jams_is_open),
        cmocka_unit_test(thousands_of_links_are_carried),
        cmocka_unit_test(without_descriptors_it_waits_for_some),
        cmocka_unit_test(links_leave_a_reserve_of_descriptors),
        cmocka_unit_test(proxies_are_in_the_order_of_their_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
