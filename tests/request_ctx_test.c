/* SPDX-License-Identifier: MIT */
/* request_ctx_test.c - how a request in the service's hands ends early: by its deadline, by its
 * client, or with the service; and what the metrics say of it. */
#include "service_fixture.h"

#define ENCODE          "POST /api/v1/encode HTTP/1.1\r\nHost: h\r\n"
#define CANCELED(cause) "poolstorm_requests_canceled_total{cause=\"" cause "\"}"

/* ---- Deadlines ------------------------------------------------------------------------------- */

static int encode_within(struct client *client, const char *timeout)
{
    char text[256];
    (void)snprintf(text, sizeof(text), ENCODE "X-Request-Timeout: %s\r\nContent-Length: 1\r\n\r\n1",
                   timeout);
    say(client, text);
    return hear(client);
}

static void by_header(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct service *service = START("delay", "1h");
    struct client *client = dial(ctx, service);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(encode_within(client, i == 0 ? "1ms" : "1"), 504);
        assert_string_equal(client->body, "{\"error\":\"the request's deadline has passed\"}\n");
        assert_true(client->head.keep_alive);
    }
    assert_int_equal(scrape(ctx, service, CANCELED("deadline")), 3);
    assert_int_equal(scrape(ctx, service, CANCELED("client-gone")), 0);
    assert_int_equal(scrape(ctx, service, "poolstorm_request_contexts"), 0);
    assert_int_equal(scrape(ctx, service, "poolstorm_requests_in_flight"), 0);
    assert_int_equal(
        scrape(ctx, service, "poolstorm_requests_total{endpoint=\"encode\",status=\"504\"}"), 3);
    hang_up(client);
    stop(ctx, service);
}

/* Whichever is shorter. */
static void by_setting(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct service *service = START("delay", "1h", "handler_timeout", "1ms");
    struct client *client = dial(ctx, service);
    say(client, ENCODE "Content-Length: 1\r\n\r\n1");
    assert_int_equal(hear(client), 504);
    assert_int_equal(encode_within(client, "2h"), 504);
    hang_up(client);
    stop(ctx, service);
    service = START("delay", "1h", "handler_timeout", "2h");
    client = dial(ctx, service);
    assert_int_equal(encode_within(client, "1ms"), 504);
    hang_up(client);
    stop(ctx, service);
    service = START("delay", "1us", "handler_timeout", "2h");
    client = dial(ctx, service);
    assert_int_equal(encode_within(client, "1h"), 200);
    assert_int_equal(scrape(ctx, service, CANCELED("deadline")), 0);
    hang_up(client);
    stop(ctx, service);
}

/* A header that makes no sense is refused on every endpoint, with the reason. */
static void bad_header(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct service *service = START();
    struct client *client = dial(ctx, service);
    assert_int_equal(get(client, "/health", "X-Request-Timeout: soon\r\n"), 400);
    assert_non_null(strstr(client->body, "X-Request-Timeout: expected a duration"));
    assert_non_null(strstr(client->body, "'soon'"));
    assert_true(client->head.keep_alive);
    assert_int_equal(get(client, "/health", "X-Request-Timeout: 1s\r\nX-Request-Timeout: 2s\r\n"),
                     400);
    assert_int_equal(get(client, "/health", "X-Request-Timeout: 1s\r\n"), 200);
    assert_int_equal(encode_within(client, "\"\x01\x02\"\\"), 400);
    assert_false(client->head.keep_alive); /* its body was not read */
    hear_end(client);
    hang_up(client);
    stop(ctx, service);
}

/* ---- The figures ----------------------------------------------------------------------------- */

static void in_flight(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct service *service = START("delay", "1h", "drain_grace", "0", "drain_timeout", "0");
    struct client *half = dial(ctx, service), *whole = dial(ctx, service);
    long long fibers = scrape(ctx, service, "poolstorm_fibers");
    assert_true(fibers >= 3);
    say(half, ENCODE "Content-");
    say(whole, ENCODE "Content-Length: 1\r\n\r\n1");
    await_series(ctx, service, "poolstorm_requests_in_flight", 2);
    await_series(ctx, service, "poolstorm_request_contexts", 1);
    assert_int_equal(scrape(ctx, service, "poolstorm_fibers_leaked_total"), 0);
    hang_up(half);
    await_series(ctx, service, "poolstorm_requests_in_flight", 1);
    assert_int_equal(service_stop(ctx, service), 1);
    hear_end(whole);
    hang_up(whole);
}

/* ---- Running them ---------------------------------------------------------------------------- */

#define ON_RING(body)                                                                              \
    static void test_##body(void **unused)                                                         \
    {                                                                                              \
        (void)unused;                                                                              \
        assert_int_equal(run_on_ring(body, NULL).fibers_leaked, 0);                                \
    }

ON_RING(by_header)
ON_RING(by_setting)
ON_RING(bad_header)
ON_RING(in_flight)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_header),
        cmocka_unit_test(test_by_setting),
        cmocka_unit_test(test_bad_header),
        cmocka_unit_test(test_in_flight),
    };
    return cmocka_run_group_tests_name("request_ctx", tests, NULL, NULL);
}
