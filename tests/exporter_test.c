/* SPDX-License-Identifier: MIT */
/* exporter_test.c - what Prometheus is told while a run goes on, and how it asks. */
#include "ring_fixture.h"

#include "command/run/exporter.h"
#include "core/fiber.h"
#include "core/group.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- What is told ---------------------------------------------------------------------------- */

/* A run of one variant with a hostile name. */
struct scene {
    struct result_variant variant;
    struct result_phase phase;
    struct result result;
    struct live_account account;
    struct live_fault fault;
    struct live_gauge gauge;
    struct live live;
};

static void make_scene(struct scene *scene)
{
    *scene = (struct scene){
        .variant = {.name = (char *)(uintptr_t) "a\"b\\c\nd\033"},
        .phase = {.name = "storm"},
        .account = {.faults = 1, .ended = {[LOAD_OK] = 3, [LOAD_TIMEOUT] = 2}},
        .fault = {.name = "cut", .acting = true},
        .gauge = {.name = "wait", .unit = METRIC_NS, .value = 2e9},
    };
    scene->result = (struct result){
        .variants = &scene->variant, .variant_count = 1, .phases = &scene->phase, .round_count = 4};
    assert_ok(hist_create(&scene->account.latency, SERIES_LOWEST_NS, SERIES_HIGHEST_NS,
                          SERIES_DIGITS, NULL));
    hist_record_n(scene->account.latency, 3 * NS_PER_MS, 3);
    scene->live = (struct live){
        .result = &scene->result,
        .round = 3,
        .round_count = 12,
        .title = "family/name",
        .variant = "unused here",
        .loaded = true,
        .elapsed_ns = 1500 * NS_PER_MS,
        .second = {.span_ns = NS_PER_S,
                   .ended = {[LOAD_OK] = 3, [LOAD_TIMEOUT] = 2},
                   .p99_ns = 3e6},
        .faults = &scene->fault,
        .fault_count = 1,
        .gauges = &scene->gauge,
        .gauge_count = 1,
        .accounts = &scene->account,
        .account_count = 1,
    };
}

static char *write_figures(const struct live *live)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    exporter_write(live, out);
    assert_ok(fclose(out));
    return text;
}

static void assert_has(const char *text, const char *line)
{
    if (!strstr(text, line))
        fail_msg("no %s in\n%s", line, text);
}

#define WHERE "{scenario=\"family/name\",variant=\"a\\\"b\\\\c\\nd?\",phase=\"storm\",fault=\"cut\""

static void figures_have_their_place(void **unused)
{
    (void)unused;
    struct scene scene;
    make_scene(&scene);
    char *text = write_figures(&scene.live);
    assert_has(text, "\npoolstorm_live_requests_total" WHERE ",outcome=\"ok\"} 3\n");
    assert_has(text, "\npoolstorm_live_requests_total" WHERE ",outcome=\"timeout\"} 2\n");
    assert_has(text, "\npoolstorm_live_latency_seconds_bucket" WHERE ",le=\"0.0025\"} 0\n");
    assert_has(text, "\npoolstorm_live_latency_seconds_bucket" WHERE ",le=\"0.005\"} 3\n");
    assert_has(text, "\npoolstorm_live_latency_seconds_bucket" WHERE ",le=\"+Inf\"} 3\n");
    assert_has(text, "\npoolstorm_live_latency_seconds_count" WHERE "} 3\n");
    assert_has(text, "\npoolstorm_live_goodput_per_second" WHERE "} 3\n");
    assert_has(text, "\npoolstorm_live_errors_per_second" WHERE "} 2\n");
    assert_has(text, "\npoolstorm_live_latency_p99_seconds" WHERE "} 0.003\n");
    assert_has(text, "\npoolstorm_live_elapsed_seconds" WHERE "} 1.5\n");
    assert_has(text, "\npoolstorm_live_observed" WHERE ",metric=\"wait\"} 2\n");
    assert_has(text, "\npoolstorm_live_fault_acting" WHERE "} 1\n");
    assert_has(text, "\npoolstorm_live_round{scenario=\"family/name\"} 3\n");
    free(text);
    hist_destroy(scene.account.latency);
}

/* Between phases there is no present; without a P99, or a sample, there is no figure. */
static void what_is_not_there_is_not_told(void **unused)
{
    (void)unused;
    struct scene scene;
    make_scene(&scene);
    scene.live.second.p99_ns = NAN;
    scene.gauge.value = NAN;
    scene.fault.acting = false;
    char *text = write_figures(&scene.live);
    assert_null(strstr(text, "p99"));
    assert_null(strstr(text, "observed"));
    assert_has(text, "fault=\"\"} 3\n"); /* goodput, of which none acts now */
    assert_has(text, "fault=\"cut\"} 0\n");
    free(text);
    scene.live.phase_index = -1;
    text = write_figures(&scene.live);
    assert_null(strstr(text, "goodput"));
    assert_has(text, "requests_total");
    free(text);
    scene.live.result = NULL;
    text = write_figures(&scene.live);
    assert_string_equal(text, "");
    free(text);
    hist_destroy(scene.account.latency);
}

/* ---- How it is asked ------------------------------------------------------------------------- */

static void addresses_are_read(void **unused)
{
    (void)unused;
    static const char *const mistaken[] = {"",       "nonsense", "127.0.0.1",   "127.0.0.1:x",  ":",
                                           ":70000", "::1:90",   "unix:/tmp/x", "127.0.0.1:1:2"};
    struct exporter exporter = {.fd = -1}, second = {.fd = -1};
    struct err err = {0};
    char text[128];
    for (size_t i = 0; i < sizeof(mistaken) / sizeof(*mistaken); i++) {
        assert_int_equal(exporter_open(&exporter, mistaken[i], &err), -EINVAL);
        assert_non_null(strstr(err.text, "--prometheus"));
        assert_int_equal(exporter.fd, -1);
    }
    assert_int_equal(exporter_open(&exporter, "192.0.2.1:0", &err), -EADDRNOTAVAIL);
    assert_ok(exporter_open(&exporter, ":0", &err)); /* loopback, if nothing else is said */
    assert_true(addr_is_loopback(&exporter.addr));
    assert_int_equal(exporter_open(&second, addr_format(&exporter.addr, text, sizeof(text)), &err),
                     -EADDRINUSE);
    assert_non_null(strstr(err.text, text));
    exporter_close(&exporter);
    exporter_close(&exporter);
}

/* Asks and reads until the peer closes, or until enough is there. */
static size_t ask(struct ctx *ctx, int fd, const char *request, char *reply, size_t room,
                  const char *enough)
{
    size_t used = 0;
    assert_ok(sock_send(ctx, fd, request, strlen(request)));
    for (;;) {
        ssize_t got = sock_recv(ctx, fd, reply + used, room - used - 1);
        assert_true(got >= 0);
        used += (size_t)got;
        reply[used] = '\0';
        if (got == 0 || (enough && strstr(reply, enough)))
            return used;
    }
}

static void ask_all(struct ctx *ctx, const struct addr *addr)
{
    static const struct {
        const char *request, *status;
    } cases[] = {
        {"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 "},
        {"GET /metrics?x=1 HTTP/1.0\r\n\r\n", "HTTP/1.1 200 "},
        {"GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 404 "},
        {"GET /metricsx HTTP/1.0\r\n\r\n", "HTTP/1.1 404 "},
        {"DELETE /metrics HTTP/1.0\r\n\r\n", "HTTP/1.1 405 "},
        {"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx", "HTTP/1.1 400 "},
        {"nonsense\r\n\r\n", "HTTP/1.1 400 "},
    };
    static char reply[1 << 16], request[12 << 10];
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        int fd = sock_connect(ctx, addr);
        assert_true(fd >= 0);
        (void)ask(ctx, fd, cases[i].request, reply, sizeof(reply), NULL);
        assert_memory_equal(reply, cases[i].status, strlen(cases[i].status));
        sock_close(fd, false);
    }
    memset(request, 'x', sizeof(request));
    memcpy(request, "GET /", strlen("GET /"));
    request[9 << 10] = '\0';
    int fd = sock_connect(ctx, addr);
    assert_true(fd >= 0);
    (void)ask(ctx, fd, request, reply, sizeof(reply), "\r\n\r\n");
    assert_memory_equal(reply, "HTTP/1.1 431 ", strlen("HTTP/1.1 431 "));
    sock_close(fd, false);
}

static void ask_again_and_again(struct ctx *ctx, const struct addr *addr)
{
    static char reply[1 << 16];
    int fd = sock_connect(ctx, addr);
    assert_true(fd >= 0);
    for (int i = 0; i < 3; i++) {
        (void)ask(ctx, fd, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", reply, sizeof(reply),
                  "metric=\"wait\"} 2\n");
        assert_has(reply, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
    }
    (void)ask(ctx, fd, "HEAD /metrics HTTP/1.0\r\n\r\n", reply, sizeof(reply), NULL);
    assert_has(reply, "Content-Length: ");
    assert_string_equal(strstr(reply, "\r\n\r\n"), "\r\n\r\n"); /* and nothing behind it */
    sock_close(fd, false);
}

/* Those who say nothing are few at most, and in nobody's way. */
static void hold_on(struct ctx *ctx, const struct addr *addr)
{
    enum { MANY = 40 };
    char byte;
    int fds[MANY];
    size_t refused = 0;
    for (size_t i = 0; i < MANY; i++) {
        fds[i] = sock_connect(ctx, addr);
        assert_true(fds[i] >= 0);
    }
    for (size_t i = MANY / 2; i < MANY; i++)
        refused += sock_recv(ctx, fds[i], &byte, 1) <= 0;
    assert_int_equal(refused, MANY / 2);
    for (size_t i = 0; i < MANY; i++)
        sock_close(fds[i], false);
}

static void serve_some(struct ctx *ctx, void *arg)
{
    struct scene *scene = arg;
    struct exporter exporter = {.fd = -1};
    struct group group;
    assert_ok(exporter_open(&exporter, "127.0.0.1:0", NULL));
    struct exporter_duty duty = {.exporter = &exporter, .live = &scene->live};
    group_init(&group, ctx);
    assert_ok(group_spawn(&group, "exporter", exporter_serve, &duty));
    ask_all(ctx, &exporter.addr);
    ask_again_and_again(ctx, &exporter.addr);
    hold_on(ctx, &exporter.addr);
    int silent = sock_connect(ctx, &exporter.addr); /* does not keep it from ending */
    assert_true(silent >= 0);
    group_cancel(&group, "test over");
    assert_ok(group_join(NULL, &group));
    assert_int_equal(group_fini(&group), 0);
    sock_close(silent, false);
    exporter_close(&exporter);
}

static void it_answers_over_http(void **unused)
{
    (void)unused;
    struct scene scene;
    make_scene(&scene);
    (void)run_on_ring(serve_some, &scene);
    hist_destroy(scene.account.latency);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_have_their_place),
        cmocka_unit_test(what_is_not_there_is_not_told),
        cmocka_unit_test(addresses_are_read),
        cmocka_unit_test(it_answers_over_http),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
