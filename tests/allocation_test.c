/* SPDX-License-Identifier: MIT */
/* allocation_test.c - what the scenarios of the family allocation ask of the service: the right
 * ways lose and keep nothing they should not, the wrong ways show what they should. */
#include "service_fixture.h"
#include "settings_fixture.h"

#include "core/group.h"

static int encode(struct client *client, const char *payload)
{
    char *text = NULL;
    assert_true(asprintf(&text,
                         "POST /api/v1/encode HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n%s",
                         strlen(payload), payload) > 0);
    say(client, text);
    free(text);
    return hear(client);
}

static void encode_many(struct client *client, int count, const char *payload, int status)
{
    for (int i = 0; i < count; i++)
        assert_int_equal(encode(client, payload), status);
}

/* A text of so many letters. */
static char *large_payload(size_t letters)
{
    char *text = malloc(letters + 3);
    assert_non_null(text);
    memset(text, 'x', letters + 2);
    text[0] = text[letters + 1] = '"';
    text[letters + 2] = '\0';
    return text;
}

#define POOL(name)     scrape(ctx, service, "poolstorm_pool_" name)
#define SAMPLES(place) scrape(ctx, service, "poolstorm_cpu_samples_total{in=\"" place "\"}")

/* ---- Giving back ----------------------------------------------------------------------------- */

/* Five that succeed and three that leave early. */
static void ways_out(struct ctx *ctx, void *arg)
{
    (void)arg;
    static const struct {
        const char *put;
        int lost, misses, idle;
    } ways[] = {{"always", 0, 1, 1}, {"on-success", 3, 3, 0}, {"never", 8, 8, 0}};
    for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
        struct service *service = START("pool_put", ways[i].put);
        struct client *client = dial(ctx, service);
        encode_many(client, 5, "[1]", 200);
        encode_many(client, 3, "[1", 400);
        assert_int_equal(POOL("lost_total"), ways[i].lost);
        assert_int_equal(POOL("misses_total"), ways[i].misses);
        assert_int_equal(POOL("hits_total"), 8 - ways[i].misses);
        assert_int_equal(POOL("retained_objects"), ways[i].idle);
        assert_int_equal(POOL("out_objects"), ways[i].lost);
        assert_int_equal(POOL("live_objects"), ways[i].misses);
        hang_up(client);
        stop(ctx, service); /* a leak that outlived it would be the sanitizer's to tell */
    }
}

static void a_client_that_goes(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct service *service = START("pool_put", "on-success");
    struct client *client = dial(ctx, service);
    say(client, "POST /api/v1/encode HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n[1,");
    hang_up(client);
    await_series(ctx, service, "poolstorm_pool_lost_total", 1);
    stop(ctx, service);
}

static void the_leak_is_bounded(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct service *service = START("pool_put", "never", "pool_lost_limit", "2");
    struct client *client = dial(ctx, service);
    encode_many(client, 8, "[1]", 200);
    assert_int_equal(POOL("lost_total"), 2);
    assert_int_equal(POOL("misses_total"), 3);
    assert_int_equal(POOL("retained_objects"), 1);
    hang_up(client);
    stop(ctx, service);
}

static void hits_over_time(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct service *service = START("pool_prewarm", "300");
    struct client *client = dial(ctx, service);
    assert_true(scrape_number(ctx, service, "poolstorm_pool_recent_hit_ratio") > 0.999);
    encode_many(client, 300, "[1]", 200);
    assert_true(scrape_number(ctx, service, "poolstorm_pool_recent_hit_ratio") > 0.999);
    hang_up(client);
    stop(ctx, service);

    service = START("pool_prewarm", "1", "pool_put", "never");
    client = dial(ctx, service);
    encode_many(client, 300, "[1]", 200);
    assert_true(scrape_number(ctx, service, "poolstorm_pool_recent_hit_ratio") < 0.02);
    hang_up(client);
    stop(ctx, service);
}

/* ---- What is too large ----------------------------------------------------------------------- */

static void limits_of_either_buffer(struct ctx *ctx, void *arg)
{
    (void)arg;
    static const char *const limits[] = {"pool_request_limit", "pool_response_limit"};
    char *payload = large_payload(200000);
    for (int i = 0; i < 4; i++) {
        bool limited = i < 2;
        struct service *service = START(limits[i % 2], limited ? "100KB" : "10MB");
        struct client *client = dial(ctx, service);
        encode_many(client, 3, "[1]", 200);
        assert_int_equal(POOL("discards_total"), 0);
        assert_int_equal(encode(client, payload), 200);
        assert_int_equal(POOL("discards_total"), limited);
        assert_int_equal(POOL("live_objects"), !limited);
        assert_int_equal(POOL("retained_bytes") > 200000, !limited);
        encode_many(client, 1, "[1]", 200);
        assert_int_equal(POOL("misses_total"), limited ? 2 : 1);
        hang_up(client);
        stop(ctx, service);
    }
    free(payload);
}

/* ---- Reclaims -------------------------------------------------------------------------------- */

static void destroyed_a_cycle_later(struct ctx *ctx, void *arg)
{
    (void)arg;
    char *payload = large_payload(200000);
    for (int deferred = 0; deferred < 2; deferred++) {
        struct service *service =
            START("pool_capacity_limit", "100KB", "pool_destroy", deferred ? "deferred" : "at-once",
                  "pool_reclaim_every", "1h");
        struct client *client = dial(ctx, service);
        encode_many(client, 3, payload, 200);
        assert_int_equal(POOL("drops_total"), 3);
        assert_int_equal(POOL("deferred_objects"), deferred ? 3 : 0);
        assert_int_equal(POOL("live_objects"), deferred ? 3 : 0);
        assert_int_equal(POOL("deferred_bytes") > 3 * 200000, deferred);
        assert_int_equal(POOL("retained_objects"), 0);
        hang_up(client);
        stop(ctx, service);
    }
    struct service *service = START("pool_capacity_limit", "100KB", "pool_destroy", "deferred",
                                    "pool_reclaim_every", "1ms");
    struct client *client = dial(ctx, service);
    encode_many(client, 3, payload, 200);
    await_series(ctx, service, "poolstorm_pool_live_objects", 0);
    hang_up(client);
    stop(ctx, service);
    free(payload);
}

static void misses_after_a_reclaim(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct service *service = START("pool_reclaim_every", "1ms", "pool_victim", "false");
    struct client *client = dial(ctx, service);
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(encode(client, "[1]"), 200);
        await_series(ctx, service, "poolstorm_pool_reclaimed_total", i);
    }
    assert_int_equal(POOL("misses_total"), 3);
    assert_true(POOL("after_reclaim_gets_total") >=
                2); /* the first may have been before them all */
    assert_int_equal(POOL("after_reclaim_hits_total"), 0);
    hang_up(client);
    stop(ctx, service);

    service = START("pool_reclaim_every", "1h");
    client = dial(ctx, service);
    encode_many(client, 3, "[1]", 200);
    assert_int_equal(POOL("after_reclaim_gets_total"), 0);
    hang_up(client);
    stop(ctx, service);
}

/* ---- /work/shared ---------------------------------------------------------------------------- */

struct asker {
    struct service *service;
    int left; /* requests to make */
};

static void ask_for_updates(struct ctx *ctx, void *arg)
{
    const struct asker *asker = arg;
    struct client *client = dial(ctx, asker->service);
    for (int i = 0; i < asker->left; i++) {
        assert_int_equal(get(client, "/work/shared?updates=50&effort=1", ""), 200);
        assert_string_equal(client->body, "{\"updates\":50}\n");
    }
    hang_up(client);
}

/* Whichever threads the connections come to, and however these take turns. */
static void updates_from_all_threads(struct ctx *ctx, void *arg)
{
    (void)arg;
    static const char *const ways[] = {"racy", "mutex", "sharded", "atomic"};
    for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
        struct asker asker = {START("threads", "4", "shared_way", ways[i]), 20};
        struct service *service = asker.service;
        struct group group;
        group_init(&group, ctx);
        for (int n = 0; n < 12; n++)
            assert_ok(group_spawn(&group, "asker", ask_for_updates, &asker));
        assert_ok(group_join(NULL, &group));
        assert_int_equal(group_fini(&group), 0);
        assert_int_equal(scrape(ctx, service, "poolstorm_shared_updates_total"), 12 * 20 * 50);
        long long lost = scrape(ctx, service, "poolstorm_shared_lost_total");
        if (i > 0)
            assert_int_equal(lost, 0);
        assert_in_range(lost, 0, 12 * 20 * 50 - 1);
        stop(ctx, service);
    }
}

static void shared_refuses(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct service *service = START();
    struct client *client = dial(ctx, service);
    static const char *const bad[] = {"updates=0", "updates=1000000", "effort=10k", "update=1"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        char target[64];
        (void)snprintf(target, sizeof(target), "/work/shared?%s", bad[i]);
        assert_int_equal(get(client, target, ""), 400);
        assert_non_null(strstr(client->body, "update"[0] == bad[i][0] ? "updates" : "effort"));
    }
    assert_int_equal(scrape(ctx, service, "poolstorm_shared_updates_total"), 0);
    hang_up(client);
    stop(ctx, service);
}

/* ---- /profile -------------------------------------------------------------------------------- */

static void samples_of_a_service(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct service *service = START();
    struct client *client = dial(ctx, service);
    encode_many(client, 3, "[1]", 200);
    assert_int_equal(get(client, "/profile", ""), 200);
    assert_string_equal(client->body, "{\"allocator\":0,\"service\":0,\"other\":0}\n");
    hang_up(client);
    stop(ctx, service);

    service = START("threads", "2", "profile_every", "1ms");
    client = dial(ctx, service);
    while (SAMPLES("other") == 0)
        encode_many(client, 10, "[1,{\"a\":[2,3]}]", 200);
    assert_int_equal(get(client, "/profile", ""), 200);
    assert_null(strstr(client->body, "\"other\":0"));
    hang_up(client);
    stop(ctx, service);
}

/* ---- Settings -------------------------------------------------------------------------------- */

static void settings_that_contradict(void **unused)
{
    (void)unused;
    static const struct {
        const char *words, *why;
    } bad[] = {
        {"buffers=malloc pool_put=never", "pool_put needs buffers: pool"},
        {"buffers=malloc pool_request_limit=1MB", "pool_request_limit needs buffers: pool"},
        {"buffers=malloc pool_response_limit=1MB", "pool_response_limit needs buffers: pool"},
        {"buffers=pool-per-request pool_destroy=deferred pool_reclaim_every=1s",
         "pool_reclaim_every needs buffers: pool"},
        {"buffers=malloc pool_destroy=deferred", "pool_destroy needs buffers: pool"},
        {"pool_destroy=deferred", "pool_destroy: deferred needs a pool_reclaim_every"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct service_settings settings = {0};
        struct err err = {0};
        settings_read(service_params, &settings, bad[i].words);
        assert_int_equal(service_settings_check(&settings, &err), -EINVAL);
        assert_string_equal(err.text, bad[i].why);
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

ON_RING(ways_out)
ON_RING(a_client_that_goes)
ON_RING(the_leak_is_bounded)
ON_RING(hits_over_time)
ON_RING(limits_of_either_buffer)
ON_RING(destroyed_a_cycle_later)
ON_RING(misses_after_a_reclaim)
ON_RING(updates_from_all_threads)
ON_RING(shared_refuses)
ON_RING(samples_of_a_service)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ways_out),
        cmocka_unit_test(test_a_client_that_goes),
        cmocka_unit_test(test_the_leak_is_bounded),
        cmocka_unit_test(test_hits_over_time),
        cmocka_unit_test(test_limits_of_either_buffer),
        cmocka_unit_test(test_destroyed_a_cycle_later),
        cmocka_unit_test(test_misses_after_a_reclaim),
        cmocka_unit_test(test_updates_from_all_threads),
        cmocka_unit_test(test_shared_refuses),
        cmocka_unit_test(test_samples_of_a_service),
        cmocka_unit_test(settings_that_contradict),
    };
    return cmocka_run_group_tests_name("allocation", tests, NULL, NULL);
}
