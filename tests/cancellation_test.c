/* SPDX-License-Identifier: MIT */
/* cancellation_test.c - the endpoints of the family cancellation: the right ways leave nothing
 * behind, the wrong ways show what they should, and neither outlives the service. */
#include "service_fixture.h"

#include "core/fiber.h"

#define CANCELED(cause) "poolstorm_requests_canceled_total{cause=\"" cause "\"}"
#define SOON            "X-Request-Timeout: 5ms\r\n"

/* Sends the request and does not wait for the answer. */
static void ask(struct client *client, const char *target, const char *headers)
{
    char text[512];
    (void)snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: h\r\n%s\r\n", target, headers);
    say(client, text);
}

static void refused_for(struct client *client, const char *target, const char *why)
{
    assert_int_equal(get(client, target, ""), 400);
    if (!strstr(client->body, why))
        fail_msg("%s: %s", target, client->body);
}

/* ---- The client that goes away --------------------------------------------------------------- */

static void client_gone(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct service *service = START();
    for (int way = 0; way < 3; way++) {
        struct client *client = dial(ctx, service);
        ask(client, "/fanout?children=3&sleep=1h", "");
        await_series(ctx, service, "poolstorm_fanout_descendants", 3);
        if (way == 0) {
            hang_up(client);
        } else if (way == 1) {
            sock_close(client->fd, true);
            free(client);
        } else {
            assert_ok(sock_half_close(client->fd));
            hear_end(client);
            hang_up(client);
        }
        await_series(ctx, service, CANCELED("client-gone"), way + 1);
        await_series(ctx, service, "poolstorm_fanout_descendants", 0);
        await_series(ctx, service, "poolstorm_requests_in_flight", 0);
    }
    assert_int_equal(scrape(ctx, service, "poolstorm_fanout_cancel_seconds_count"), 3);
    assert_int_equal(scrape(ctx, service, "poolstorm_fibers_leaked_total"), 0);
    stop(ctx, service);
}

/* It is noticed for as long as the connection lasts, and does no harm in between. */
static void gone_after_others(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct service *service = START("threads", "2");
    struct client *client = dial(ctx, service);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(get(client, "/fanout?children=2&depth=2&sleep=1us", ""), 200);
        assert_string_equal(client->body, "{\"descendants\":6}\n");
        assert_int_equal(get(client, "/health", ""), 200);
    }
    /* Two at once; the peer goes while the first is answered, so the second is not worked at. */
    ask(client, "/fanout?children=1&sleep=1h", "");
    ask(client, "/fanout?children=7&sleep=1h", "");
    await_series(ctx, service, "poolstorm_fanout_descendants", 1);
    hang_up(client);
    await_series(ctx, service, CANCELED("client-gone"), 1);
    await_series(ctx, service, "poolstorm_fanout_descendants", 0);
    assert_int_equal(scrape(ctx, service, "poolstorm_fanout_descendants_total"), 3 * 6 + 1);
    stop(ctx, service);
}

/* Wrong on purpose: the work goes on for nobody. */
static void nobody_looks(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct service *service =
        START("notice_disconnect", "false", "drain_grace", "0", "drain_timeout", "0");
    struct client *client = dial(ctx, service);
    ask(client, "/fanout?children=3&sleep=1h", "");
    await_series(ctx, service, "poolstorm_fanout_descendants", 3);
    hang_up(client);
    for (int i = 0; i < 20; i++)
        assert_int_equal(scrape(ctx, service, "poolstorm_fanout_descendants"), 3);
    assert_int_equal(scrape(ctx, service, CANCELED("client-gone")), 0);
    assert_int_equal(service_stop(ctx, service), 1);
}

/* ---- /fanout --------------------------------------------------------------------------------- */

static void listening(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct service *service = START();
    struct client *client = dial(ctx, service);
    assert_int_equal(get(client, "/fanout?children=10&depth=3&sleep=1h", SOON), 504);
    assert_int_equal(scrape(ctx, service, "poolstorm_fanout_descendants"), 0);
    assert_int_equal(scrape(ctx, service, "poolstorm_fanout_descendants_total"), 1110);
    assert_int_equal(scrape(ctx, service, "poolstorm_fanout_cancel_seconds_count"), 1);
    assert_int_equal(scrape(ctx, service, "poolstorm_fibers_leaked_total"), 0);
    hang_up(client);
    stop(ctx, service);
}

/* They stay for their full sleep, and no longer than the service. */
static void deaf(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct service *service = START("fanout_listen", "false");
    struct client *client = dial(ctx, service);
    assert_int_equal(get(client, "/fanout?children=4&depth=2&sleep=50ms", SOON), 504);
    assert_int_equal(scrape(ctx, service, "poolstorm_fanout_descendants_total"), 20);
    assert_int_equal(scrape(ctx, service, "poolstorm_fibers_leaked_total"), 4);
    await_series(ctx, service, "poolstorm_fanout_descendants", 0);
    assert_int_equal(scrape(ctx, service, "poolstorm_fanout_cancel_seconds_count"), 1);
    assert_true(scrape_number(ctx, service, "poolstorm_fanout_cancel_seconds_sum") > 0);
    assert_int_equal(get(client, "/fanout?children=2&sleep=1us", ""), 200);
    assert_int_equal(get(client, "/fanout?children=2&sleep=1h&listen=true", SOON), 504);
    assert_int_equal(scrape(ctx, service, "poolstorm_fibers_leaked_total"), 4);
    assert_int_equal(get(client, "/fanout?children=5&depth=2&sleep=1h", SOON), 504);
    assert_int_equal(scrape(ctx, service, "poolstorm_fanout_descendants"), 30);
    hang_up(client);
    stop(ctx, service);
}

static void fanout_limits(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct service *service = START("fanout_limit", "30", "fanout_listen", "no");
    struct client *client = dial(ctx, service);
    refused_for(client, "/fanout?children=31", "fanout_limit");
    refused_for(client, "/fanout?children=1000000&depth=16", "fanout_limit");
    refused_for(client, "/fanout?children=0", "children: must lie between 1");
    refused_for(client, "/fanout?depth=17", "depth");
    refused_for(client, "/fanout?chlidren=3", "did you mean 'children'?");
    assert_int_equal(get(client, "/fanout?children=20&sleep=1h", SOON), 504);
    assert_int_equal(get(client, "/fanout?children=11&sleep=1us", ""), 503);
    assert_int_equal(get(client, "/fanout?children=10&sleep=1us", ""), 200);
    assert_int_equal(scrape(ctx, service, "poolstorm_fanout_refused_total"), 1);
    hang_up(client);
    stop(ctx, service);
}

/* ---- /work/tasks ----------------------------------------------------------------------------- */

static void leaked_tasks(struct ctx *ctx, void *arg)
{
    (void)arg;
    static const char *const kinds[] = {"send", "receive", "bound"};
    for (int i = 0; i < 3; i++) {
        struct service *service = START("tasks_kind", kinds[i], "tasks_limit", "5");
        struct client *client = dial(ctx, service);
        bool leaks = i < 2;
        for (int n = 1; n <= 5; n++) {
            char expected[32];
            assert_int_equal(get(client, "/work/tasks?work=1us&hold=1KiB", ""), 200);
            (void)snprintf(expected, sizeof(expected), "{\"tasks\":%d}\n", leaks ? n : 0);
            assert_string_equal(client->body, expected);
        }
        assert_int_equal(get(client, "/work/tasks?work=1us", ""), leaks ? 503 : 200);
        assert_int_equal(scrape(ctx, service, "poolstorm_tasks"), leaks ? 5 : 0);
        assert_true((scrape(ctx, service, "poolstorm_tasks_bytes") > 5 * 1024) == leaks);
        assert_int_equal(scrape(ctx, service, "poolstorm_tasks_refused_total"), leaks);
        assert_int_equal(scrape(ctx, service, "poolstorm_fibers_leaked_total"), leaks ? 5 : 0);
        hang_up(client);
        stop(ctx, service);
    }
}

static void tasks_of_requests_that_end(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct service *service = START();
    struct client *client = dial(ctx, service);
    refused_for(client, "/work/tasks?kind=none", "one of send, receive, bound");
    refused_for(client, "/work/tasks?hold=1GiB", "hold");
    assert_int_equal(get(client, "/work/tasks?work=1h", SOON), 504);
    assert_int_equal(scrape(ctx, service, "poolstorm_tasks"), 0);
    ask(client, "/work/tasks?work=1h&kind=receive", "");
    await_series(ctx, service, "poolstorm_tasks", 1);
    hang_up(client);
    await_series(ctx, service, CANCELED("client-gone"), 1);
    assert_int_equal(scrape(ctx, service, "poolstorm_tasks"), 1);
    stop(ctx, service);
}

/* ---- /work/pooled ---------------------------------------------------------------------------- */

#define TOKEN(text) "X-Request-Token: " text "\r\n"

static void after_a_cancel(struct ctx *ctx, void *arg)
{
    (void)arg;
    static const struct {
        const char *policy;
        bool reused, dirty;
    } ways[] = {
        {"put-back", true, true},
        {"reset", true, false},
        {"drop", false, false},
        {"weighted", false, false}, /* at odds of 1, see below */
    };
    for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
        for (int at_once = 0; at_once < 2; at_once++) {
            struct service *service =
                START("pooled_on_cancel", ways[i].policy, "pooled_drop_deadline", "1",
                      "pooled_release", at_once ? "ctx-end" : "handler-end");
            struct client *client = dial(ctx, service);
            assert_int_equal(get(client, "/work/pooled?work=1us", TOKEN("first")), 200);
            assert_string_equal(client->body, "{\"token\":\"first\",\"reused\":false}\n");
            assert_int_equal(get(client, "/work/pooled?work=1us", TOKEN("second")), 200);
            assert_string_equal(client->body, "{\"token\":\"second\",\"reused\":true}\n");
            assert_int_equal(get(client, "/work/pooled?work=1h", TOKEN("third") SOON), 504);
            assert_int_equal(get(client, "/work/pooled?work=1us", TOKEN("fourth")), 200);
            char expected[64];
            (void)snprintf(expected, sizeof(expected), "{\"token\":\"%s\",\"reused\":%s}\n",
                           ways[i].dirty ? "third" : "fourth", ways[i].reused ? "true" : "false");
            assert_string_equal(client->body, expected);
            assert_int_equal(scrape(ctx, service, "poolstorm_pooled_objects"), 1);
            assert_int_equal(scrape(ctx, service, "poolstorm_pooled_release_seconds_count"), 1);
            assert_int_equal(
                scrape(ctx, service, "poolstorm_pooled_dropped_total{cause=\"deadline\"}"),
                !ways[i].reused);
            assert_int_equal(scrape(ctx, service, "poolstorm_pooled_requests"), 0);
            hang_up(client);
            stop(ctx, service);
        }
    }
}

/* An object that rested for too long is thrown away at odds of its own. */
static void after_a_rest(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct service *service =
        START("pooled_on_cancel", "weighted", "pooled_drop_idle", "1", "pooled_idle_after", "0");
    struct client *client = dial(ctx, service);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(get(client, "/work/pooled", TOKEN("t")), 200);
        assert_non_null(strstr(client->body, "\"reused\":false"));
    }
    assert_int_equal(scrape(ctx, service, "poolstorm_pooled_dropped_total{cause=\"idle\"}"), 2);
    hang_up(client);
    stop(ctx, service);
}

/* A handler that looks at its ctx now and then ends late; its object need not wait for that. */
static void at_checkpoints(struct ctx *ctx, void *arg)
{
    (void)arg;
    for (int at_once = 0; at_once < 2; at_once++) {
        struct service *service = START("pooled_checkpoint", "500ms", "pooled_objects", "1",
                                        "pooled_release", at_once ? "ctx-end" : "handler-end");
        struct client *slow = dial(ctx, service), *other = dial(ctx, service);
        ask(slow, "/work/pooled?work=1h", TOKEN("slow") "X-Request-Timeout: 1ms\r\n");
        await_series(ctx, service, "poolstorm_pooled_requests", 1);
        if (at_once)
            await_series(ctx, service, "poolstorm_pooled_release_seconds_count", 1);
        assert_int_equal(get(other, "/work/pooled?work=0", TOKEN("other")), 200);
        assert_non_null(strstr(other->body, "\"token\":\"other\""));
        assert_non_null(strstr(other->body, at_once ? "\"reused\":true" : "\"reused\":false"));
        assert_int_equal(scrape(ctx, service, "poolstorm_pooled_extras_total"), !at_once);
        assert_int_equal(hear(slow), 504);
        assert_int_equal(scrape(ctx, service, "poolstorm_pooled_objects"), 1);
        hang_up(slow);
        hang_up(other);
        stop(ctx, service);
    }
}

static void pooled_refuses(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct service *service = START();
    struct client *client = dial(ctx, service);
    char headers[512] = "X-Request-Token: ";
    refused_for(client, "/work/pooled", "expected X-Request-Token");
    memset(headers + strlen(headers), 'x', 257);
    strcat(headers, "\r\n");
    assert_int_equal(get(client, "/work/pooled", headers), 400);
    assert_int_equal(get(client, "/work/pooled?work=long", TOKEN("t")), 400);
    assert_int_equal(scrape(ctx, service, "poolstorm_pooled_gets_total"), 0);
    hang_up(client);
    stop(ctx, service);
}

/* ---- /work/keyed ----------------------------------------------------------------------------- */

static void keys(struct ctx *ctx, void *arg)
{
    (void)arg;
    static const struct {
        const char *by;
        int hits, keys, reconfigured;
    } ways[] = {{"host", 6, 2, 6}, {"host-timeout", 4, 4, 0}, {"host-timeout-trace", 0, 8, 0}};
    for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
        struct service *service = START("keyed_by", ways[i].by);
        struct client *client = dial(ctx, service);
        for (int n = 0; n < 8; n++) {
            char target[128];
            (void)snprintf(target, sizeof(target),
                           "/work/keyed?host=%c&timeout=%dm&trace=%d&work=1us", n % 2 ? 'a' : 'b',
                           1 + n / 2 % 2, n);
            assert_int_equal(get(client, target, ""), 200);
        }
        assert_int_equal(scrape(ctx, service, "poolstorm_keyed_gets_total"), 8);
        assert_int_equal(scrape(ctx, service, "poolstorm_keyed_hits_total"), ways[i].hits);
        assert_int_equal(scrape(ctx, service, "poolstorm_keyed_keys"), ways[i].keys);
        assert_int_equal(scrape(ctx, service, "poolstorm_keyed_reconfigured_total"),
                         ways[i].reconfigured);
        hang_up(client);
        stop(ctx, service);
    }
}

static void keyed_bounds(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct service *service = START("keyed_by", "host-timeout-trace", "keyed_keys", "2");
    struct client *client = dial(ctx, service);
    for (int n = 0; n < 5; n++) {
        char target[64];
        (void)snprintf(target, sizeof(target), "/work/keyed?trace=%d&work=0", n);
        assert_int_equal(get(client, target, ""), 200);
    }
    assert_int_equal(scrape(ctx, service, "poolstorm_keyed_keys"), 2);
    assert_int_equal(scrape(ctx, service, "poolstorm_keyed_keys_evicted_total"), 3);
    assert_int_equal(scrape(ctx, service, "poolstorm_keyed_objects"), 2);
    assert_int_equal(get(client, "/work/keyed?timeout=1ms&work=1h", ""), 504);
    assert_non_null(strstr(client->body, "what the request waited for"));
    assert_int_equal(scrape(ctx, service, CANCELED("deadline")), 0);
    refused_for(client, "/work/keyed?timeout=0", "timeout");
    refused_for(client, "/work/keyed?host=a&tarce=b", "did you mean 'trace'?");
    hang_up(client);
    stop(ctx, service);
}

/* ---- Running them ---------------------------------------------------------------------------- */

#define ON_RING(body)                                                                              \
    static void test_##body(void **unused)                                                         \
    {                                                                                              \
        (void)unused;                                                                              \
        assert_int_equal(run_on_ring(body, NULL).fibers_leaked, 0);                                \
    }

ON_RING(client_gone)
ON_RING(gone_after_others)
ON_RING(nobody_looks)
ON_RING(listening)
ON_RING(deaf)
ON_RING(fanout_limits)
ON_RING(leaked_tasks)
ON_RING(tasks_of_requests_that_end)
ON_RING(after_a_cancel)
ON_RING(after_a_rest)
ON_RING(at_checkpoints)
ON_RING(pooled_refuses)
ON_RING(keys)
ON_RING(keyed_bounds)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_client_gone),    cmocka_unit_test(test_gone_after_others),
        cmocka_unit_test(test_nobody_looks),   cmocka_unit_test(test_listening),
        cmocka_unit_test(test_deaf),           cmocka_unit_test(test_fanout_limits),
        cmocka_unit_test(test_leaked_tasks),   cmocka_unit_test(test_tasks_of_requests_that_end),
        cmocka_unit_test(test_after_a_cancel), cmocka_unit_test(test_after_a_rest),
        cmocka_unit_test(test_at_checkpoints), cmocka_unit_test(test_pooled_refuses),
        cmocka_unit_test(test_keys),           cmocka_unit_test(test_keyed_bounds),
    };
    return cmocka_run_group_tests_name("cancellation", tests, NULL, NULL);
}
