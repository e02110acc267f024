/* SPDX-License-Identifier: MIT */
/* service_test.c - the built-in service over real sockets: good and bad requests, in any pieces;
 * the wrong ways show what they should, the right way doesn't; stopping loses nothing. */
#include "service_fixture.h"

#include "core/group.h"
#include "subject/shard.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- A client of encode -----------------------------------------------------------------------
 */

/* headers: whole lines. */
static void say_encode(struct client *client, const char *headers, const char *payload)
{
    char *text = NULL;
    assert_true(
        asprintf(&text,
                 "POST /api/v1/encode HTTP/1.1\r\nHost: h\r\n%sContent-Length: %zu\r\n\r\n%s",
                 headers, strlen(payload), payload) > 0);
    say(client, text);
    free(text);
}

static int encode(struct client *client, const char *headers, const char *payload)
{
    say_encode(client, headers, payload);
    return hear(client);
}

#define TOKEN(text) "X-Request-Token: " text "\r\n"

/* ---- Answers --------------------------------------------------------------------------------- */

static void encode_in_every_mode(struct ctx *ctx, void *arg)
{
    (void)arg;
    static const char *const modes[][2] = {{"malloc", "allocator"},
                                           {"malloc", "arena"},
                                           {"pool", "allocator"},
                                           {"pool", "arena"},
                                           {"pool-per-request", "by-buffers"}};
    for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
        struct service *service = START("buffers", modes[i][0], "nodes", modes[i][1]);
        struct client *client = dial(ctx, service);
        for (int round = 0; round < 3; round++) {
            assert_int_equal(encode(client, TOKEN("t1"), "{\"b\": [1, 2.5, null], \"a\": \"x\"}"),
                             200);
            assert_string_equal(client->body, "{\"token\":\"t1\",\"bytes\":31,\"payload\":"
                                              "{\"b\":[1,2.5,null],\"a\":\"x\"}}\n");
            assert_true(client->head.keep_alive);
            assert_int_equal(encode(client, "", "7"), 200);
            assert_string_equal(client->body, "{\"token\":\"\",\"bytes\":1,\"payload\":7}\n");
        }
        assert_int_equal(encode(client, "x-request-id: i\r\nX-Request-Tag: \"q\\\xe4\r\n", "[]"),
                         200);
        assert_string_equal(client->body,
                            "{\"token\":\"i\",\"tag\":\"\\\"q\\\\\\u00e4\",\"bytes\":2,"
                            "\"payload\":[]}\n");
        hang_up(client);
        stop(ctx, service);
    }
}

static char *large_payload(size_t numbers)
{
    char *text = malloc(numbers * 2 + 2);
    assert_non_null(text);
    for (size_t i = 0; i < numbers; i++)
        memcpy(text + i * 2, i ? ",7" : "[7", 2);
    memcpy(text + numbers * 2, "]", 2);
    return text;
}

static void encode_large(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct service *service = START("threads", "2");
    struct client *client = dial(ctx, service);
    char *payload = large_payload(100000);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(encode(client, TOKEN("big"), payload), 200);
        char *echoed = strstr(client->body, "\"payload\":");
        assert_non_null(echoed);
        assert_memory_equal(echoed + 10, payload, strlen(payload));
        assert_string_equal(echoed + 10 + strlen(payload), "}\n");
    }
    free(payload);
    hang_up(client);
    stop(ctx, service);
}

static void the_other_endpoints(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct service *service = START();
    struct client *client = dial(ctx, service);
    say(client, "GET /health?x HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(hear(client), 200);
    assert_string_equal(client->body, "ok\n");
    say(client, "HEAD http://h/health HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(hear_reply(client, true), 200);
    assert_int_equal(client->head.content_length, 3);
    say(client, "GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(hear(client), 404);
    say(client, "GET /api/v1/encode HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(hear(client), 405);
    struct slice allow = http1_header(&client->head, "Allow");
    assert_int_equal(allow.length, 4);
    assert_memory_equal(allow.data, "POST", 4);
    say(client, "BREW /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_int_equal(hear(client), 405);
    assert_true(client->head.keep_alive);
    say(client, "GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(hear(client), 200);
    assert_non_null(strstr(client->body, "requests_total{endpoint=\"health\",status=\"200\"} 2\n"));
    assert_non_null(strstr(client->body, "requests_total{endpoint=\"encode\",status=\"405\"} 1\n"));
    assert_non_null(strstr(client->body, "requests_total{endpoint=\"none\",status=\"404\"} 1\n"));
    assert_non_null(strstr(client->body, "seconds_bucket{endpoint=\"health\",le=\"+Inf\"} 3\n"));
    say(client, "GET /health HTTP/1.0\r\n\r\n");
    assert_int_equal(hear(client), 200);
    assert_false(client->head.keep_alive);
    hear_end(client);
    hang_up(client);
    stop(ctx, service);
}

/* ---- Bad requests ---------------------------------------------------------------------------- */

/* On a connection of its own: the status, and then the end. */
static void expect_refused(struct ctx *ctx, struct service *service, const char *text, int status)
{
    struct client *client = dial(ctx, service);
    say(client, text);
    assert_int_equal(hear(client), status);
    assert_false(client->head.keep_alive);
    hear_end(client);
    hang_up(client);
}

#define ENCODE "POST /api/v1/encode HTTP/1.1\r\nHost: h\r\n"

static void bad_framing(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct service *service = START("payload_limit", "100", "header_limit", "1000");
    expect_refused(ctx, service, "hello\r\n", 400);
    expect_refused(ctx, service, ENCODE "A : b\r\n\r\n", 400);
    expect_refused(ctx, service, ENCODE "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                   400);
    expect_refused(ctx, service, ENCODE "Content-Length: 101\r\n\r\n", 413);
    expect_refused(ctx, service, ENCODE "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400);
    char text[8000] = ENCODE "Transfer-Encoding: chunked\r\n\r\n32\r\n";
    memset(text + strlen(text), ' ', 0x32);
    strcat(text, "\r\n33\r\n");
    memset(text + strlen(text), ' ', 0x33);
    expect_refused(ctx, service, text, 413);
    memset(text, 0, sizeof(text));
    strcpy(text, ENCODE "Long: ");
    memset(text + strlen(text), 'x', 990);
    expect_refused(ctx, service, text, 431);
    memset(text, 0, sizeof(text));
    strcpy(text, ENCODE);
    for (int i = 0; i <= HTTP1_HEADERS_MAX; i++)
        strcat(text, "A: b\r\n");
    expect_refused(ctx, service, text, 431);
    stop(ctx, service);
}

static void nest(char *text, size_t depth)
{
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    text[2 * depth] = '\0';
}

/* What is wrong with the payload alone does not cost the connection. */
static void bad_payload(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct service *service = START();
    struct client *client = dial(ctx, service);
    char deep[20001];
    assert_int_equal(encode(client, TOKEN("t"), "{\"a\":"), 400);
    assert_non_null(strstr(client->body, "{\"error\":\""));
    assert_int_equal(encode(client, TOKEN("t"), ""), 400);
    assert_int_equal(encode(client, TOKEN("t"), "\"\xff\""), 400);
    nest(deep, 64);
    assert_int_equal(encode(client, TOKEN("t"), deep), 200);
    nest(deep, 65);
    assert_int_equal(encode(client, TOKEN("t"), deep), 400);
    nest(deep, 10000);
    assert_int_equal(encode(client, TOKEN("t"), deep), 400);
    assert_int_equal(encode(client, TOKEN("t"),
                            "\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
                            "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[\""),
                     200);
    char token[400] = "X-Request-Token: ";
    memset(token + strlen(token), 'x', 257);
    strcat(token, "\r\n");
    assert_int_equal(encode(client, token, "1"), 400);
    assert_int_equal(encode(client, TOKEN("t"), "1"), 200);
    hang_up(client);
    stop(ctx, service);
}

/* ---- Any pieces ------------------------------------------------------------------------------ */

static void byte_by_byte(struct ctx *ctx, void *arg)
{
    (void)arg;
    static const char text[] = ENCODE TOKEN("t1") "Content-Length: 5\r\n\r\n[1,2]" ENCODE TOKEN(
        "t2") "Transfer-Encoding: chunked\r\n\r\n3\r\n[1,\r\n2\r\n3]\r\n0\r\nT: x\r\n\r\n";
    struct service *service = START();
    struct client *client = dial(ctx, service);
    for (const char *c = text; *c; c++)
        assert_ok(sock_send(ctx, client->fd, c, 1));
    assert_int_equal(hear(client), 200);
    assert_string_equal(client->body, "{\"token\":\"t1\",\"bytes\":5,\"payload\":[1,2]}\n");
    assert_int_equal(hear(client), 200);
    assert_string_equal(client->body, "{\"token\":\"t2\",\"bytes\":5,\"payload\":[1,3]}\n");
    hang_up(client);
    stop(ctx, service);
}

static void all_at_once(struct ctx *ctx, void *arg)
{
    (void)arg;
    enum { COUNT = 300 };
    struct service *service = START();
    struct client *client = dial(ctx, service);
    char text[COUNT * 128] = "";
    for (size_t i = 0, at = 0; i < COUNT; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at,
                               ENCODE "X-Request-Token: t%zu\r\nContent-Length: 1\r\n\r\n1", i);
    say(client, text);
    for (int i = 0; i < COUNT; i++) {
        char expected[64];
        (void)snprintf(expected, sizeof(expected), "{\"token\":\"t%d\",", i);
        assert_int_equal(hear(client), 200);
        assert_memory_equal(client->body, expected, strlen(expected));
    }
    hang_up(client);
    stop(ctx, service);
}

static void one_hundred_continue(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct service *service = START();
    struct client *client = dial(ctx, service);
    say(client, ENCODE "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    assert_int_equal(hear(client), 100);
    say(client, "42");
    assert_int_equal(hear(client), 200);
    say(client, ENCODE "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n1");
    assert_int_equal(hear(client), 200);
    hang_up(client);
    expect_refused(ctx, service, ENCODE "Expect: 100-continue\r\nContent-Length: 999999999\r\n\r\n",
                   413);
    stop(ctx, service);
}

/* ---- Pools, the right way and the wrong ways ------------------------------------------------- */

static void dirty_objects(struct ctx *ctx, void *arg)
{
    (void)arg;
    static const char *const ways[] = {"full", "keep-fields", "keep-length", "none"};
    for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
        struct service *service = START("pool_reset", ways[i]);
        struct client *client = dial(ctx, service);
        assert_int_equal(encode(client, TOKEN("first") "X-Request-Tag: secret\r\n", "[1]"), 200);
        size_t clean_bytes = client->body_bytes;
        assert_int_equal(encode(client, TOKEN("other"), "[2]"), 200);
        bool fields = strcmp(ways[i], "keep-fields") == 0 || strcmp(ways[i], "none") == 0;
        bool length = strcmp(ways[i], "keep-length") == 0 || strcmp(ways[i], "none") == 0;
        assert_int_equal(strstr(client->body, "other") != NULL, !fields);
        assert_int_equal(strstr(client->body, "first") != NULL, fields || length);
        assert_int_equal(strstr(client->body, "secret") != NULL, fields || length);
        assert_int_equal(client->body_bytes > clean_bytes, length);
        assert_non_null(strstr(client->body, "\"payload\":[2]}\n"));
        hang_up(client);
        stop(ctx, service);
    }
}

/* Bytes that are never cut off grow until the limit, which costs an answer and the object. */
static void growth_is_bounded(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct service *service = START("pool_reset", "keep-length", "buffer_limit", "8KiB",
                                    "payload_limit", "4KiB", "pool_capacity_limit", "0");
    int failures = 0;
    char payload[1003] = "\"";
    memset(payload + 1, 'x', 1000);
    payload[1001] = '"';
    for (int i = 0; i < 12; i++) {
        struct client *client = dial(ctx, service);
        failures += encode(client, TOKEN("t"), payload) == 500;
        hang_up(client);
        assert_true(scrape(ctx, service, "poolstorm_pool_retained_bytes") < 30000);
    }
    assert_true(failures > 0 && failures < 6);
    assert_int_equal(scrape(ctx, service, "poolstorm_pool_discards_total"), failures);
    stop(ctx, service);
}

static void capacity_limit(struct ctx *ctx, void *arg)
{
    (void)arg;
    for (int limited = 0; limited < 2; limited++) {
        struct service *service = START("pool_capacity_limit", limited ? "100KB" : "0");
        struct client *client = dial(ctx, service);
        char *payload = large_payload(50000);
        assert_int_equal(encode(client, TOKEN("t"), "[1]"), 200);
        long long small = scrape(ctx, service, "poolstorm_pool_retained_bytes");
        assert_true(small > 0 && small < 100000);
        assert_int_equal(encode(client, TOKEN("t"), payload), 200);
        long long large = scrape(ctx, service, "poolstorm_pool_retained_bytes");
        if (limited)
            assert_int_equal(large, 0);
        else
            assert_true(large > 200000);
        assert_int_equal(scrape(ctx, service, "poolstorm_pool_drops_oversize_total"), limited);
        free(payload);
        hang_up(client);
        stop(ctx, service);
    }
}

static void steady_state(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct service *service = START("pool_prewarm", "3", "pool_prewarm_size", "16KiB");
    struct client *client = dial(ctx, service);
    assert_int_equal(scrape(ctx, service, "poolstorm_pool_live_objects"), 3);
    for (int i = 0; i < 20; i++)
        assert_int_equal(encode(client, TOKEN("t"), "{\"a\":[1,2,{\"b\":\"text\"}]}"), 200);
    assert_int_equal(scrape(ctx, service, "poolstorm_pool_hits_total"), 20);
    assert_int_equal(scrape(ctx, service, "poolstorm_pool_misses_total"), 0);
    assert_int_equal(scrape(ctx, service, "poolstorm_allocations_total"), 0);
    hang_up(client);
    stop(ctx, service);

    service = START("buffers", "pool-per-request");
    client = dial(ctx, service);
    for (int i = 0; i < 5; i++)
        assert_int_equal(encode(client, TOKEN("t"), "[1]"), 200);
    assert_int_equal(scrape(ctx, service, "poolstorm_pool_hits_total"), 0);
    assert_int_equal(scrape(ctx, service, "poolstorm_pool_misses_total"), 5);
    assert_true(scrape(ctx, service, "poolstorm_allocations_total") > 5);
    hang_up(client);
    stop(ctx, service);
}

static void gathering(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct service *service = START("gather", "3", "gather_timeout", "1h");
    struct client *clients[3];
    for (int i = 0; i < 3; i++) {
        clients[i] = dial(ctx, service);
        say_encode(clients[i], TOKEN("t"), "[1]");
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(hear(clients[i]), 200);
        hang_up(clients[i]);
    }
    assert_int_equal(scrape(ctx, service, "poolstorm_pool_live_objects"), 3);
    stop(ctx, service);

    service = START("gather", "3", "gather_timeout", "1ms", "delay", "1ms");
    clients[0] = dial(ctx, service);
    assert_int_equal(encode(clients[0], TOKEN("alone"), "[1]"), 200);
    hang_up(clients[0]);
    stop(ctx, service);
}

/* ---- Connections and the end ----------------------------------------------------------------- */

struct stopper {
    struct service *service;
    uint64_t cut;
    bool done;
};

static void stop_in_fiber(struct ctx *ctx, void *arg)
{
    struct stopper *stopper = arg;
    stopper->cut = service_stop(ctx, stopper->service);
    stopper->done = true;
}

/* One connection is idle, one has sent half a request, one waits in the backlog with a whole one.
 */
static void draining(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct stopper stopper = {
        .service = START("drain_grace", "1ms", "drain_timeout", "1h", "connections_limit", "2")};
    struct client *idle = dial(ctx, stopper.service), *busy = dial(ctx, stopper.service);
    struct group group;
    group_init(&group, ctx);
    assert_int_equal(encode(idle, TOKEN("t"), "[1]"), 200);
    assert_int_equal(encode(busy, TOKEN("t"), "[1]"), 200);
    say(busy, ENCODE "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    assert_int_equal(hear(busy), 100);
    struct client *waiting = dial(ctx, stopper.service);
    say_encode(waiting, TOKEN("late"), "[3]");
    assert_ok(group_spawn(&group, "stop", stop_in_fiber, &stopper));
    hear_end(idle);
    assert_int_equal(hear(waiting), 200);
    assert_false(waiting->head.keep_alive);
    assert_false(stopper.done);
    struct addr addr = *service_addr(stopper.service);
    say(busy, "[2]");
    assert_int_equal(hear(busy), 200);
    assert_false(busy->head.keep_alive);
    hear_end(busy);
    hear_end(waiting);
    hang_up(waiting);
    hang_up(idle);
    hang_up(busy);
    assert_ok(group_join(ctx, &group));
    assert_int_equal(stopper.cut, 0);
    assert_int_equal(sock_connect(ctx, &addr), -ECONNREFUSED);
    assert_int_equal(group_fini(&group), 0);
}

static void drain_timeout(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct service *service = START("drain_grace", "0", "drain_timeout", "1ms");
    struct client *busy = dial(ctx, service);
    say(busy, ENCODE "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    assert_int_equal(hear(busy), 100);
    assert_int_equal(service_stop(ctx, service), 1);
    hang_up(busy);
}

static void late_ones(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct service *service = START("idle_timeout", "1ms", "request_timeout", "1h");
    struct client *client = dial(ctx, service);
    hear_end(client);
    hang_up(client);
    stop(ctx, service);
    service = START("idle_timeout", "1h", "request_timeout", "1ms");
    client = dial(ctx, service);
    say(client, ENCODE "Content-Le");
    hear_end(client);
    hang_up(client);
    assert_int_equal(scrape(ctx, service, "poolstorm_connections_timed_out_total"), 1);
    stop(ctx, service);
}

/* No descriptor is left for the second connection until the first has gone. */
static void out_of_descriptors(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct service *service = START();
    struct client *first = dial(ctx, service);
    assert_int_equal(encode(first, TOKEN("t"), "1"), 200);
    struct rlimit limit, low;
    assert_ok(getrlimit(RLIMIT_NOFILE, &limit));
    int free_fd = fcntl(0, F_DUPFD, 0);
    assert_true(free_fd > 0);
    (void)close(free_fd);
    low = limit;
    low.rlim_cur = (rlim_t)free_fd + 1;
    assert_ok(setrlimit(RLIMIT_NOFILE, &low));
    struct client *second = dial(ctx, service);
    say_encode(second, TOKEN("t"), "2");
    while (counter_read(&service->shards[0].counters.accept_failures) == 0)
        assert_ok(fiber_sleep(ctx, NS_PER_MS));
    assert_int_equal(encode(first, TOKEN("t"), "1"), 200);
    hang_up(first);
    assert_int_equal(hear(second), 200);
    hang_up(second);
    assert_ok(setrlimit(RLIMIT_NOFILE, &limit));
    stop(ctx, service);
}

static void many_connections(struct ctx *ctx, void *arg)
{
    (void)arg;
    enum { COUNT = 40 };
    static struct client *clients[COUNT];
    struct service *service = START("threads", "2", "connections_limit", "8", "idle_timeout", "1h");
    for (int i = 0; i < COUNT; i++) {
        clients[i] = dial(ctx, service);
        say_encode(clients[i], TOKEN("t") "Connection: close\r\n", "1");
    }
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(hear(clients[i]), 200);
        hear_end(clients[i]);
        hang_up(clients[i]);
    }
    stop(ctx, service);
}

static void taken_ports(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct service *service = START(), *other = NULL;
    struct service_settings settings = {0};
    struct err err = {0};
    char where[64];
    assert_ok(param_defaults(service_params, &settings, NULL));
    (void)addr_format(service_addr(service), where, sizeof(where));
    assert_ok(param_set(param_find(service_params, "listen"), &settings, where, NULL));
    for (settings.threads = 1; settings.threads <= 2; settings.threads++) {
        assert_int_equal(service_start(&other, &settings, &err), -EADDRINUSE);
        assert_non_null(strstr(err.text, where));
    }
    settings.threads = 1;
    assert_ok(param_set(param_find(service_params, "listen"), &settings, "nonsense", NULL));
    assert_int_equal(service_start(&other, &settings, &err), -EINVAL);
    param_fini(service_params, &settings);
    stop(ctx, service);
}

static void unix_socket(struct ctx *ctx, void *arg)
{
    (void)arg;
    char directory[] = "/tmp/poolstorm-service-XXXXXX", listen[64];
    assert_non_null(mkdtemp(directory));
    (void)snprintf(listen, sizeof(listen), "unix:%s/s", directory);
    struct service *service = START("listen", listen), *other = NULL;
    struct client *client = dial(ctx, service);
    assert_int_equal(encode(client, TOKEN("t"), "[1]"), 200);
    hang_up(client);
    struct service_settings settings = {0};
    struct err err = {0};
    assert_ok(param_defaults(service_params, &settings, NULL));
    assert_ok(param_set(param_find(service_params, "listen"), &settings, listen, NULL));
    assert_int_equal(service_start(&other, &settings, &err), -EADDRINUSE);
    settings.threads = 2;
    assert_int_equal(service_start(&other, &settings, &err), -EINVAL);
    param_fini(service_params, &settings);
    client = dial(ctx, service);
    hang_up(client);
    stop(ctx, service);
    assert_ok(rmdir(directory));
}

static void settings_agree(void **unused)
{
    (void)unused;
    static const char *const bad[][4] = {
        {"payload_limit", "65MiB"},
        {"pool_prewarm_size", "65MiB", "pool_prewarm", "1"},
        {"buffers", "malloc", "pool_prewarm", "1"},
        {"buffers", "malloc", "pool_reset", "none"},
        {"buffers", "pool-per-request", "pool_reclaim_every", "1s"},
        {"gather", "32", "connections_limit", "31"},
    };
    struct err err = {0};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct service_settings settings = {0};
        assert_ok(param_defaults(service_params, &settings, &err));
        assert_ok(service_settings_check(&settings, &err));
        for (size_t word = 0; word < 4 && bad[i][word]; word += 2)
            assert_ok(param_set(param_find(service_params, bad[i][word]), &settings,
                                bad[i][word + 1], &err));
        assert_int_equal(service_settings_check(&settings, &err), -EINVAL);
        assert_non_null(strstr(err.text, bad[i][i >= 2 && i <= 4 ? 2 : 0]));
        param_fini(service_params, &settings);
    }
}

/* ---- Running them ---------------------------------------------------------------------------- */

#define ON_RING(body)                                                                              \
    static void test_##body(void **unused)                                                         \
    {                                                                                              \
        (void)unused;                                                                              \
        assert_int_equal(run_on_ring(body, NULL).fibers_leaked, 0);                                \
    }

ON_RING(encode_in_every_mode)
ON_RING(encode_large)
ON_RING(the_other_endpoints)
ON_RING(bad_framing)
ON_RING(bad_payload)
ON_RING(byte_by_byte)
ON_RING(all_at_once)
ON_RING(one_hundred_continue)
ON_RING(dirty_objects)
ON_RING(growth_is_bounded)
ON_RING(capacity_limit)
ON_RING(steady_state)
ON_RING(gathering)
ON_RING(draining)
ON_RING(drain_timeout)
ON_RING(late_ones)
ON_RING(out_of_descriptors)
ON_RING(many_connections)
ON_RING(taken_ports)
ON_RING(unix_socket)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_agree),
        cmocka_unit_test(test_encode_in_every_mode),
        cmocka_unit_test(test_encode_large),
        cmocka_unit_test(test_the_other_endpoints),
        cmocka_unit_test(test_bad_framing),
        cmocka_unit_test(test_bad_payload),
        cmocka_unit_test(test_byte_by_byte),
        cmocka_unit_test(test_all_at_once),
        cmocka_unit_test(test_one_hundred_continue),
        cmocka_unit_test(test_dirty_objects),
        cmocka_unit_test(test_growth_is_bounded),
        cmocka_unit_test(test_capacity_limit),
        cmocka_unit_test(test_steady_state),
        cmocka_unit_test(test_gathering),
        cmocka_unit_test(test_draining),
        cmocka_unit_test(test_drain_timeout),
        cmocka_unit_test(test_late_ones),
        cmocka_unit_test(test_out_of_descriptors),
        cmocka_unit_test(test_many_connections),
        cmocka_unit_test(test_taken_ports),
        cmocka_unit_test(test_unix_socket),
    };
    return cmocka_run_group_tests_name("service", tests, NULL, NULL);
}
