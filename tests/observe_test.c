/* SPDX-License-Identifier: MIT */
/* observe_test.c - a subject made by hand is read and sampled, also when it doesn't answer. */
#include "ring_fixture.h"

#include "core/group.h"
#include "core/sock.h"
#include "core/waitq.h"
#include "run/fetch.h"
#include "run/observe.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Answers the n-th GET with `level n`, but closes the connection instead where told. */
struct subject {
    int listener;
    struct load_target target;
    unsigned connections, requests;
    unsigned silent_from, silent_to; /* these requests, from 1, are hung up on */
    unsigned bye_after;              /* the connection closes behind this answer */
    unsigned wanted;                 /* wakes waiting at this request */
    bool length_unknown;             /* answers end with the connection */
    struct waitq waiting;
};

static bool answer(struct ctx *ctx, struct subject *subject, int fd)
{
    char text[256], body[64];
    unsigned number = ++subject->requests;
    if (number == subject->wanted)
        (void)waitq_wake_all(&subject->waiting);
    if (number >= subject->silent_from && number <= subject->silent_to)
        return false;
    int length = snprintf(body, sizeof(body), "level %u\nhits_total %u\nwait_bucket{le=\"8\"} %u\n",
                          number, 10 * number, number * number);
    if (subject->length_unknown)
        length = snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\n\r\n%s", body);
    else
        length = snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s",
                          length, body);
    return sock_send(ctx, fd, text, (size_t)length) == 0 && number != subject->bye_after &&
           !subject->length_unknown;
}

static void serve(struct ctx *ctx, void *arg)
{
    struct subject *subject = arg;
    char request[1024];
    for (int fd; (fd = sock_accept(ctx, subject->listener)) >= 0;) {
        subject->connections++;
        while (sock_recv(ctx, fd, request, sizeof(request)) > 0 && answer(ctx, subject, fd))
            ;
        sock_close(fd, false);
    }
}

static void start(struct subject *subject, struct group *group)
{
    struct addr addr;
    char where[128], url[160];
    assert_ok(addr_parse(&addr, "127.0.0.1:0", NULL));
    subject->listener = sock_listen(&addr, 8, false, NULL);
    assert_true(subject->listener >= 0);
    assert_ok(sock_local(subject->listener, &addr));
    (void)snprintf(url, sizeof(url), "http://%s/", addr_format(&addr, where, sizeof(where)));
    assert_ok(load_target_parse(&subject->target, url, NULL));
    waitq_init(&subject->waiting);
    assert_ok(group_spawn(group, "subject", serve, subject));
}

static void stop(struct subject *subject, struct group *group)
{
    group_cancel(group, "over");
    assert_ok(group_join(NULL, group));
    assert_int_equal(group_fini(group), 0);
    sock_close(subject->listener, false);
}

static struct plan_observe observes[] = {
    {.name = (char[]){"level"}, .series = (char[]){"level"}, .take = PLAN_TAKE_MAX, .scale = 2},
    {.name = (char[]){"hits"}, .series = (char[]){"hits_total"}, .counter = true, .scale = 1},
    {.name = (char[]){"now"}, .series = (char[]){"level"}, .scale = 1},
    {.name = (char[]){"none"}, .series = (char[]){"nothing"}, .take = PLAN_TAKE_MIN, .scale = 1},
    {.name = (char[]){"wait"}, .histogram = (char[]){"wait"}, .quantile = 0.5, .scale = 1},
};
static const struct plan plan = {
    .observes = observes, .observe_count = 4, .sample_every_ns = 2 * NS_PER_MS};
static struct plan_observe at_ends[3]; /* of the above, those that are not sampled */
static const struct plan unsampled = {.observes = at_ends, .observe_count = 3};

/* ---- Connections that are kept --------------------------------------------------------------- */

static void fetch_twice(struct ctx *ctx, struct subject *subject, struct fetch_link *link)
{
    for (unsigned i = 0; i < 2; i++) {
        char *body, wanted[64];
        size_t length;
        assert_int_equal(fetch_over(ctx, link, "/", 4096, &body, &length, NULL), 200);
        (void)snprintf(wanted, sizeof(wanted), "level %u\n", subject->requests);
        assert_int_equal(strncmp(body, wanted, strlen(wanted)), 0);
        free(body);
    }
}

static void keep_a_connection(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct subject subject = {.bye_after = 3};
    struct group group;
    group_init(&group, ctx);
    start(&subject, &group);
    struct fetch_link link = {.target = &subject.target, .fd = -1};
    fetch_twice(ctx, &subject, &link);
    assert_int_equal(subject.connections, 1);
    fetch_twice(ctx, &subject, &link); /* hung up on behind the first of these: connects anew */
    assert_int_equal(subject.connections, 2);
    assert_int_equal(subject.requests, 4);
    subject.length_unknown = true;
    fetch_twice(ctx, &subject, &link);
    assert_int_equal(link.fd, -1); /* which ends with its connection */
    subject.length_unknown = false;
    subject.silent_from = 7, subject.silent_to = 8;
    assert_int_equal(fetch_over(ctx, &link, "/", 4096, NULL, NULL, NULL), -ECONNRESET);
    assert_int_equal(subject.requests, 7); /* a fresh connection is not tried again */
    assert_int_equal(link.fd, -1);
    fetch_link_close(&link);
    stop(&subject, &group);
}

static void connections_are_kept(void **unused)
{
    (void)unused;
    (void)run_on_ring(keep_a_connection, NULL);
}

/* ---- Readings -------------------------------------------------------------------------------- */

static void read_ends(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct subject subject = {.silent_from = 3, .silent_to = 3};
    struct group group;
    struct observer observer;
    struct err err = {0};
    struct observed observed;
    group_init(&group, ctx);
    start(&subject, &group);
    struct observe_setting setting = {.plan = &unsampled, .target = &subject.target};
    assert_ok(observed_init(&observed, &unsampled));
    assert_ok(observer_init(&observer, &setting, NULL));
    assert_ok(observer_read(ctx, &observer, OBSERVE_PHASE, &observed, NULL));
    assert_true(observed.values[0] == 10 && observed.values[1] == 1);
    assert_true(isnan(observed.values[2]));
    assert_ok(observer_read(ctx, &observer, OBSERVE_PHASE, &observed, NULL));
    assert_true(observed.values[0] == 20 && observed.values[1] == 2);
    assert_int_equal(observed.buckets[2].count, 1); /* anew, and not added up */
    assert_int_equal(observed.buckets[2].items[0].count, 4);
    assert_int_equal(observed.buckets[0].count, 0);
    assert_int_equal(subject.connections, 2); /* none stays while nothing is sampled */
    assert_ok(observer_read(ctx, &observer, OBSERVE_ROUND, &observed, NULL));
    assert_int_equal(subject.requests, 2); /* nothing to ask */
    assert_true(observer_read(ctx, &observer, OBSERVE_PHASE, &observed, &err) < 0);
    assert_non_null(strstr(err.text, "the subject's metrics: GET /metrics"));
    struct sampling *sampling;
    struct gauge *gauges;
    assert_ok(sampling_start(ctx, &observer, &sampling, NULL));
    assert_null(sampling);
    assert_ok(sampling_stop(sampling, 0, 0, &gauges, NULL));
    assert_null(gauges);
    observed_fini(&observed);
    observer_fini(&observer);
    stop(&subject, &group);
}

static void ends_of_phases_are_read(void **unused)
{
    (void)unused;
    (void)run_on_ring(read_ends, NULL);
}

/* ---- Samples --------------------------------------------------------------------------------- */

/* Where the samples 1, 2 and 5, 6 … lie depends on the machine; which ones there are, does not. */
static void check_levels(const struct gauge *gauge)
{
    double last = 0;
    size_t taken = 0;
    for (size_t i = 0; i < gauge->count; i++) {
        if (isnan(gauge->values[i]))
            continue;
        assert_true(gauge->values[i] > last);        /* in order, each once */
        assert_true(fmod(gauge->values[i], 2) == 0); /* scaled */
        assert_true(gauge->values[i] != 6 && gauge->values[i] != 8);
        last = gauge->values[i];
        taken++;
    }
    assert_true(taken >= 4 && taken == gauge->taken);
    assert_true(gauge->missed >= 2); /* at least the two that were hung up on */
    assert_true(gauge->opened && gauge->opening == 2 && gauge->values[0] == 4);
    assert_true(gauge->low == 2 && gauge->high == last);
    assert_true(gauge_take(gauge, PLAN_TAKE_MAX) == last);
}

static void sample_some(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct subject subject = {.silent_from = 3, .silent_to = 4, .wanted = 8};
    struct group group;
    struct observer observer;
    struct sampling *sampling;
    struct gauge *gauges;
    group_init(&group, ctx);
    start(&subject, &group);
    struct observe_setting setting = {.plan = &plan, .target = &subject.target};
    assert_ok(observer_init(&observer, &setting, NULL));
    uint64_t start_ns = clock_now_ns();
    assert_ok(sampling_start(ctx, &observer, &sampling, NULL));
    assert_ok(waitq_wait(ctx, &subject.waiting, NULL));
    assert_ok(sampling_stop(sampling, start_ns, clock_now_ns() - start_ns, &gauges, NULL));
    check_levels(&gauges[0]);
    assert_int_equal(gauges[1].period_ns, 0); /* not sampled */
    assert_int_equal(gauges[2].period_ns, 0);
    assert_int_equal(gauges[3].period_ns, 2 * NS_PER_MS);
    assert_int_equal(gauges[3].taken, 0); /* the subject has no such series */
    assert_false(gauges[3].opened);
    assert_true(isnan(gauge_take(&gauges[3], PLAN_TAKE_MIN)));
    assert_int_equal(subject.connections, 3); /* kept, but for the two it was hung up on */
    for (size_t i = 0; i < 4; i++)
        gauge_fini(&gauges[i]);
    free(gauges);
    observer_fini(&observer);
    stop(&subject, &group);
}

static void gauges_are_sampled(void **unused)
{
    (void)unused;
    (void)run_on_ring(sample_some, NULL);
}

int main(void)
{
    at_ends[0] = observes[1], at_ends[1] = observes[2], at_ends[2] = observes[4];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_are_kept),
        cmocka_unit_test(ends_of_phases_are_read),
        cmocka_unit_test(gauges_are_sampled),
    };
    return cmocka_run_group_tests_name("observe", tests, NULL, NULL);
}
