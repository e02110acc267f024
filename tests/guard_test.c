/* SPDX-License-Identifier: MIT */
/* guard_test.c - what stands before the database: refused, retried, given up, answered by default;
 * and what is kept of it, and who loads it. */
#include "service_fixture.h"

#include "postgres_fixture.h"
#include "subject/guard.h"

#include <errno.h>

static struct postgres server;

/* ---- Settings -------------------------------------------------------------------------------- */

/* Reads words, as START does, and says what is wrong with them, or "". */
static const char *verdict(const char *const *words)
{
    static struct err err;
    struct service_settings settings = {0};
    err = (struct err){0};
    assert_ok(param_defaults(service_params, &settings, &err));
    for (; *words; words += 2)
        assert_ok(param_set(param_find(service_params, words[0]), &settings, words[1], &err));
    int rc = service_settings_check(&settings, &err);
    assert_int_equal(rc, *err.text ? -EINVAL : 0);
    param_fini(service_params, &settings);
    return err.text;
}

#define VERDICT(...) verdict((const char *const[]){__VA_ARGS__, NULL})

static void contradictions(void **unused)
{
    (void)unused;
    const struct {
        const char *words[7], *says;
    } cases[] = {
        {{"guard", "token-bucket"}, "needs a guard_rate"},
        {{"guard", "bulkhead"}, "needs a guard_limit"},
        {{"guard", "bulkhead", "guard_limit", "1", "threads", "2"}, "each has its part"},
        {{"guard_rate", "5"}, "guard_rate and guard_burst need guard: token-bucket"},
        {{"guard_burst", "5"}, "guard_rate and guard_burst need guard: token-bucket"},
        {{"guard_limit", "5"}, "guard_limit needs guard: bulkhead"},
        {{"guard", "breaker", "guard_queue", "5"}, "guard_queue needs"},
        {{"guard_slow", "5ms"}, "need guard: breaker"},
        {{"guard", "bulkhead", "guard_limit", "5", "guard_queue_timeout", "1s"},
         "guard_queue_timeout needs a guard_queue"},
        {{"guard", "breaker", "guard_failures", "0"}, "guard: "},
        {{"retry_base", "2s"}, "guard: "},
        {{"cache_ttl", "1s", "cache_jitter", "2s"}, "cache_jitter must not exceed cache_ttl"},
        {{"cache_pause", "1s"}, "cache_pause needs"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        if (!strstr(verdict(cases[i].words), cases[i].says))
            fail_msg("case %zu says '%s'", i, verdict(cases[i].words));
    assert_string_equal(VERDICT("guard", "token-bucket", "guard_rate", "5"), "");
    assert_string_equal(VERDICT("guard", "breaker", "guard_slow", "5ms"), "");
    assert_string_equal(VERDICT("guard", "bulkhead", "guard_limit", "2", "threads", "2"), "");
}

/* ---- Calls ----------------------------------------------------------------------------------- */

/* What is called: fails so often with rc, then answers 0. */
struct target {
    int rc;
    unsigned failures, called;
    struct guard *guard; /* called again from within, once */
    int inner;           /* what that answered */
    bool waits;          /* until its ctx ends */
};

static int hit(struct ctx *ctx, void *arg)
{
    struct target *target = arg;
    struct guard *guard = target->guard;
    target->called++;
    target->guard = NULL;
    if (guard)
        target->inner = guard_call(ctx, guard, hit, &(struct target){0});
    if (target->waits)
        return fiber_sleep(ctx, 3600 * NS_PER_S);
    return target->called <= target->failures ? target->rc : 0;
}

static void make(struct guard *guard, const struct guard_settings *changes)
{
    struct service_settings settings = {0};
    struct err err = {0};
    assert_ok(param_defaults(service_params, &settings, &err));
    struct guard_settings own = settings.guard;
    param_fini(service_params, &settings);
    own.kind = changes->kind;
    own.fallback = changes->fallback;
    own.timeout_ns = changes->timeout_ns;
    own.rate_per_s = changes->rate_per_s;
    own.burst = changes->burst;
    own.limit = changes->limit;
    own.queue = changes->queue;
    own.queue_timeout_ns = changes->queue_timeout_ns;
    own.retry.base_ns = 0;
    own.retry.attempts_max = changes->retry.attempts_max ? changes->retry.attempts_max : 1;
    own.breaker.calls_min = 2;
    assert_ok(guard_settings_check(&own, 1, &err));
    assert_ok(guard_init(guard, &own, 1, 0, 7, &err));
}

#define MAKE(guard, ...) make(guard, &(struct guard_settings){__VA_ARGS__})

static void by_rate(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct guard guard;
    struct target target = {0};
    MAKE(&guard, .kind = GUARD_TOKEN_BUCKET, .rate_per_s = 1, .burst = 2);
    assert_ok(guard_call(ctx, &guard, hit, &target));
    assert_ok(guard_call(ctx, &guard, hit, &target));
    assert_int_equal(guard_call(ctx, &guard, hit, &target), -EHOSTDOWN);
    assert_int_equal(target.called, 2);
    assert_int_equal(counter_read(&guard.refused), 1);
    assert_int_equal(counter_read(&guard.failed), 1);
    assert_int_equal(counter_read(&guard.succeeded), 2);
}

/* A token that would come after the wait's end is not waited for. */
static void by_rate_in_line(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct guard guard;
    struct target target = {0};
    MAKE(&guard, .kind = GUARD_TOKEN_BUCKET, .rate_per_s = 1, .burst = 1, .queue = 5,
         .queue_timeout_ns = NS_PER_MS);
    assert_ok(guard_call(ctx, &guard, hit, &target));
    assert_int_equal(guard_call(ctx, &guard, hit, &target), -EHOSTDOWN);
    assert_int_equal(target.called, 1);
    MAKE(&guard, .kind = GUARD_TOKEN_BUCKET, .rate_per_s = 1000, .burst = 1, .queue = 5);
    for (unsigned i = 0; i < 5; i++)
        assert_ok(guard_call(ctx, &guard, hit, &target));
    assert_int_equal(counter_read(&guard.refused), 0);
}

static void by_places(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct guard guard;
    MAKE(&guard, .kind = GUARD_BULKHEAD, .limit = 1);
    struct target target = {.guard = &guard};
    assert_ok(guard_call(ctx, &guard, hit, &target));
    assert_int_equal(target.inner, -EHOSTDOWN);
    assert_int_equal(counter_read(&guard.refused), 1);
    assert_int_equal(counter_read(&guard.bulkhead.figures.inside), 0);
    assert_ok(guard_call(ctx, &guard, hit, &target));
}

static void by_breaker(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct guard guard;
    struct target target = {.rc = -ECONNRESET, .failures = 2};
    MAKE(&guard, .kind = GUARD_BREAKER);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(guard_call(ctx, &guard, hit, &target), -ECONNRESET);
    assert_int_equal(guard_call(ctx, &guard, hit, &target), -EHOSTDOWN);
    assert_int_equal(target.called, 2);
    assert_int_equal(breaker_state(&guard.breaker), BREAKER_OPEN);
    struct target gone = {.rc = -ECANCELED, .failures = 5};
    MAKE(&guard, .kind = GUARD_BREAKER);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(guard_call(ctx, &guard, hit, &gone), -ECANCELED);
    assert_int_equal(breaker_state(&guard.breaker), BREAKER_CLOSED);
}

static void retried(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct guard guard;
    struct target target = {.rc = -ECONNRESET, .failures = 2};
    MAKE(&guard, .retry.attempts_max = 3);
    assert_ok(guard_call(ctx, &guard, hit, &target));
    assert_int_equal(target.called, 3);
    assert_int_equal(counter_read(&guard.calls), 1);
    assert_int_equal(counter_read(&guard.attempts), 3);
    struct target lasting = {.rc = -EREMOTEIO, .failures = 2};
    assert_int_equal(guard_call(ctx, &guard, hit, &lasting), -EREMOTEIO);
    assert_int_equal(lasting.called, 1);
    MAKE(&guard, .kind = GUARD_TOKEN_BUCKET, .rate_per_s = 1, .retry.attempts_max = 3);
    assert_ok(guard_call(ctx, &guard, hit, &target));
    assert_int_equal(guard_call(ctx, &guard, hit, &target), -EHOSTDOWN);
    assert_int_equal(counter_read(&guard.attempts), 2); /* what was refused is not tried again */
}

static void given_up(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct guard guard;
    struct target target = {.waits = true};
    MAKE(&guard, .timeout_ns = NS_PER_MS, .retry.attempts_max = 2, .fallback = true);
    assert_int_equal(guard_call(ctx, &guard, hit, &target), -ETIMEDOUT);
    assert_int_equal(target.called, 2);
    assert_int_equal(counter_read(&guard.timeouts), 2);
    assert_true(guard_falls_back(ctx, &guard, -ETIMEDOUT));
    assert_false(guard_falls_back(ctx, &guard, 0));
    struct ctx ended;
    ctx_init(&ended, ctx);
    ctx_cancel(&ended, "test");
    assert_int_equal(guard_call(&ended, &guard, hit, &target), -ECANCELED);
    assert_false(guard_falls_back(&ended, &guard, -ECANCELED));
    ctx_fini(&ended);
    assert_int_equal(target.called, 2);
    assert_int_equal(counter_read(&guard.fallbacks), 1);
    MAKE(&guard, .kind = GUARD_NONE);
    assert_false(guard_falls_back(ctx, &guard, -ETIMEDOUT));
}

/* ---- In the service -------------------------------------------------------------------------- */

#define BODY(value)     "{\"token\":\"t\",\"value\":" value "}\n"
#define TOKEN           "X-Request-Token: t\r\n"
#define QUERY           "db_query", "select 'v' || $1"
#define START_WITH(...) START("database", postgres_unix(&server, "tester", ""), QUERY, __VA_ARGS__)
#define SERIES(name)    scrape(ctx, service, "poolstorm_" name)

static void guarded(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct service *service =
        START_WITH("guard", "token-bucket", "guard_rate", "1", "guard_burst", "2");
    struct client *client = dial(ctx, service);
    assert_int_equal(get(client, "/guarded?id=4&sleep=1ms&hold=1ms", TOKEN), 200);
    assert_string_equal(client->body, BODY("\"v4\""));
    assert_int_equal(get(client, "/guarded?sleep=soon", TOKEN), 400);
    assert_int_equal(get(client, "/guarded?slepe=1ms", TOKEN), 400);
    assert_non_null(strstr(client->body, "did you mean"));
    assert_int_equal(get(client, "/guarded", TOKEN), 200);
    assert_int_equal(get(client, "/guarded", TOKEN), 503);
    assert_string_equal(client->body, "{\"error\":\"refused: more calls than guard_rate\"}\n");
    assert_int_equal(SERIES("guard_refused_total"), 1);
    assert_int_equal(SERIES("guard_tokens_taken_total"), 2);
    assert_int_equal(SERIES("guard_fallbacks_total"), 0);
    hang_up(client);
    stop(ctx, service);
}

static void answered_by_default(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct service *service = START_WITH("guard", "breaker", "guard_calls", "1", "guard_open", "1h",
                                         "guard_timeout", "1ms", "guard_fallback", "true");
    struct client *client = dial(ctx, service);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(get(client, "/guarded?hold=1h", TOKEN), 200);
        assert_string_equal(client->body, "{\"token\":\"t\",\"value\":null,\"fallback\":true}\n");
    }
    assert_int_equal(get(client, "/cached?hold=1h", TOKEN), 200);
    assert_non_null(strstr(client->body, "\"fallback\":true"));
    assert_int_equal(SERIES("guard_fallbacks_total"), 4);
    assert_int_equal(SERIES("guard_timeouts_total"), 1);
    assert_int_equal(SERIES("guard_refused_total"), 3);
    assert_int_equal(SERIES("guard_breakers_not_closed"), 1);
    hang_up(client);
    stop(ctx, service);
}

static void without_a_database(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct service *service = START("guard_fallback", "true");
    struct client *client = dial(ctx, service);
    assert_int_equal(get(client, "/guarded", ""), 503);
    assert_non_null(strstr(client->body, "the service has no database"));
    assert_int_equal(get(client, "/cached", ""), 503);
    assert_int_equal(SERIES("cached_failed_total"), 1);
    hang_up(client);
    stop(ctx, service);
}

static void kept(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct service *service = START_WITH("cache_ttl", "1h");
    struct client *client = dial(ctx, service);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(get(client, "/cached?key=9", TOKEN), 200);
        assert_string_equal(client->body, BODY("\"v9\""));
    }
    assert_int_equal(get(client, "/cached?key=65536", TOKEN), 400);
    assert_int_equal(get(client, "/cached?key=-1", TOKEN), 400);
    assert_int_equal(get(client, "/cached?key=65535", TOKEN), 200);
    assert_int_equal(SERIES("cached_loads_total"), 2);
    assert_int_equal(SERIES("cached_absences_total"), 2);
    assert_int_equal(SERIES("cached_hits_total"), 2);
    assert_int_equal(SERIES("cached_entries"), 2);
    assert_int_equal(SERIES("cached_row_answers_total"), 4);
    hang_up(client);
    stop(ctx, service);
}

enum { MANY = 4 };

/* Many want one row whose load does not end; answers how many loads they make of it. */
static long long loads_of_many(struct ctx *ctx, const char *load_guard, const char *series,
                               long long reached)
{
    struct service *service =
        START_WITH("load_guard", load_guard, "drain_timeout", "1ms", "drain_grace", "0");
    struct client *clients[MANY];
    for (unsigned i = 0; i < MANY; i++) {
        clients[i] = dial(ctx, service);
        say(clients[i], "GET /cached?key=3&hold=1h HTTP/1.1\r\nHost: h\r\n\r\n");
    }
    await_series(ctx, service, series, reached);
    await_series(ctx, service, "poolstorm_request_contexts", MANY);
    long long loads = SERIES("cached_loads_total");
    assert_int_equal(SERIES("cached_absences_total"), 1);
    assert_int_equal(SERIES("cached_loads_peak"), loads);
    for (unsigned i = 0; i < MANY; i++)
        hang_up(clients[i]);
    await_series(ctx, service, "poolstorm_request_contexts", 0);
    stop(ctx, service);
    return loads;
}

static void loaded_by(struct ctx *ctx, void *arg)
{
    (void)arg;
    assert_int_equal(loads_of_many(ctx, "none", "poolstorm_cached_loads_total", MANY), MANY);
    assert_int_equal(loads_of_many(ctx, "mutex", "poolstorm_cached_misses_total", 1), 1);
    assert_int_equal(loads_of_many(ctx, "single-flight", "poolstorm_cached_misses_total", MANY), 1);
}

#define ON_RING(name)                                                                              \
    static void name##_test(void **unused)                                                         \
    {                                                                                              \
        (void)unused;                                                                              \
        (void)run_on_ring(name, NULL);                                                             \
    }

ON_RING(by_rate)
ON_RING(by_rate_in_line)
ON_RING(by_places)
ON_RING(by_breaker)
ON_RING(retried)
ON_RING(given_up)
ON_RING(guarded)
ON_RING(answered_by_default)
ON_RING(without_a_database)
ON_RING(kept)
ON_RING(loaded_by)

static int start_server(void **unused)
{
    (void)unused;
    postgres_start(&server, NULL, false);
    return 0;
}

static int stop_server(void **unused)
{
    (void)unused;
    postgres_stop(&server);
    return 0;
}

int main(void)
{
    const struct CMUnitTest alone[] = {
        cmocka_unit_test(contradictions),
        cmocka_unit_test(by_rate_test),
        cmocka_unit_test(by_rate_in_line_test),
        cmocka_unit_test(by_places_test),
        cmocka_unit_test(by_breaker_test),
        cmocka_unit_test(retried_test),
        cmocka_unit_test(given_up_test),
        cmocka_unit_test(without_a_database_test),
        cmocka_unit_test(guarded_test),
        cmocka_unit_test(answered_by_default_test),
        cmocka_unit_test(kept_test),
        cmocka_unit_test(loaded_by_test),
    };
    if (!postgres_is_installed())
        return 0;
    return cmocka_run_group_tests_name("guard", alone, start_server, stop_server);
}
