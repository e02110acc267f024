/* SPDX-License-Identifier: MIT */
/* load_test.c - the generator against a server that answers as each test wants, on loopback. */
#include "ring_fixture.h"

#include "core/group.h"
#include "core/io.h"
#include "load/ledger.h"
#include "load/load.h"
#include "load/mix.h"
#include "load/token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- A server with manners of the test's choice ---------------------------------------------- */

struct server {
    int listener;
    const char *reply;   /* what it answers; "{token}" becomes the one it was sent */
    const char *foreign; /* answers with this token instead */
    size_t piece;        /* sends the reply in pieces of so many bytes; 0: whole */
    uint64_t delay_ns;   /* before it answers */
    bool hangs_up;       /* closes instead of answering */
    bool hangs_up_first; /* likewise, but answers every other request */
    bool closes_after;   /* closes after each answer */
    uint64_t requests;   /* it has seen */
    struct group group;  /* its connections */
};

static void answer(struct ctx *ctx, struct server *server, int fd, const char *request)
{
    char text[4096];
    const char *token = server->foreign ? server->foreign : strstr(request, "X-Request-Token: ");
    if (token && !server->foreign)
        token += strlen("X-Request-Token: ");
    const char *mark = strstr(server->reply, "{token}");
    size_t length;
    if (mark && token)
        length = (size_t)snprintf(text, sizeof(text), "%.*s%.*s%s", (int)(mark - server->reply),
                                  server->reply, TOKEN_BYTES, token, mark + 7);
    else
        length = (size_t)snprintf(text, sizeof(text), "%s", server->reply);
    size_t piece = server->piece ? server->piece : length;
    for (size_t at = 0; at < length; at += piece) {
        if (sock_send(ctx, fd, text + at, at + piece < length ? piece : length - at))
            return;
        fiber_yield();
    }
}

struct connection {
    struct server *server;
    int fd;
};

static void serve_connection(struct ctx *ctx, void *arg)
{
    struct connection *connection = arg;
    struct server *server = connection->server;
    char *request = malloc(70000);
    size_t used = 0;
    assert_non_null(request);
    for (;;) {
        ssize_t got = sock_recv(ctx, connection->fd, request + used, 69999 - used);
        if (got <= 0)
            break;
        used += (size_t)got;
        request[used] = '\0';
        if (!strstr(request, "\r\n\r\n"))
            continue;
        used = 0;
        server->requests++;
        if (server->delay_ns && fiber_sleep(ctx, server->delay_ns))
            break;
        if (server->hangs_up || (server->hangs_up_first && server->requests % 2 == 1))
            break;
        answer(ctx, server, connection->fd, request);
        if (server->closes_after)
            break;
    }
    sock_close(connection->fd, false);
    free(request);
    free(connection);
}

static void serve(struct ctx *ctx, void *arg)
{
    struct server *server = arg;
    for (;;) {
        int fd = sock_accept(ctx, server->listener);
        if (fd < 0)
            return;
        struct connection *connection = malloc(sizeof(*connection));
        assert_non_null(connection);
        *connection = (struct connection){.server = server, .fd = fd};
        assert_ok(group_spawn(&server->group, "serve", serve_connection, connection));
    }
}

/* ---- One phase against it -------------------------------------------------------------------- */

struct phase {
    bool (*enough)(const struct phase *phase); /* whether it had the turns its test is about */
    struct server server;
    struct load_profile profile;
    struct load_request request;
    uint64_t length_ns;
    bool no_server;        /* nobody listens */
    struct ledger *ledger; /* to be kept, or NULL */
    struct hist *seen;     /* by who watches, or NULL */
    struct load_progress progress;
    struct load_result result; /* of the phase */
    int rc;
    struct err err;
};

static void run_phase(struct ctx *ctx, void *arg)
{
    struct phase *phase = arg;
    struct load_target target = {.host = "localhost"};
    assert_ok(addr_parse(&target.addr, "127.0.0.1:0", NULL));
    phase->server.listener = sock_listen(&target.addr, 512, false, NULL);
    assert_true(phase->server.listener >= 0);
    assert_ok(sock_local(phase->server.listener, &target.addr));
    group_init(&phase->server.group, ctx);
    if (phase->no_server)
        sock_close(phase->server.listener, false);
    else
        assert_ok(group_spawn(&phase->server.group, "accept", serve, &phase->server));
    assert_ok(load_profile_check(&phase->profile, NULL));
    assert_ok(load_request_check(&phase->request, NULL));
    struct load_job job = {
        .target = &target,
        .profile = &phase->profile,
        .requests = &phase->request,
        .request_count = 1,
        .length_ns = phase->length_ns,
        .seed = 1,
        .ledger = phase->ledger,
    };
    phase->progress = (struct load_progress){.latency = phase->seen};
    phase->rc = load_run(ctx, &job, &phase->result, &phase->progress, &phase->err);
    group_cancel(&phase->server.group, "test over");
    assert_ok(group_join(NULL, &phase->server.group));
    assert_int_equal(group_fini(&phase->server.group), 0);
    if (!phase->no_server)
        sock_close(phase->server.listener, false);
}

/* Something was asked. An open loop asks whenever it gets its turn, a closed one only in the phase.
 */
static bool has_ended(const struct phase *phase)
{
    for (size_t i = 0; i < LOAD_OUTCOMES; i++)
        if (phase->result.ended[i] > 0)
            return true;
    return false;
}

/* Defaults, to be changed before run. */
static void prepare(struct phase *phase)
{
    *phase = (struct phase){.enough = has_ended, .length_ns = 50 * NS_PER_MS};
    assert_ok(param_defaults(load_profile_params, &phase->profile, NULL));
    assert_ok(param_defaults(load_request_params, &phase->request, NULL));
    phase->profile.connections = 4;
    phase->profile.spin_ns = 0;
    phase->server.reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
}

/* Others may keep the machine for longer than a phase lasts: one that had no turn is run again.
 * What never happens fails all the same, after so many. */
static void run(struct phase *phase)
{
    for (unsigned left = 100; left > 0; left--) {
        (void)run_on_ring(run_phase, phase);
        if (phase->rc || left == 1 || phase->enough(phase))
            return;
        load_result_fini(&phase->result);
        phase->server.requests = 0;
    }
}

static void finish(struct phase *phase)
{
    load_result_fini(&phase->result);
    param_fini(load_request_params, &phase->request);
}

/* All that was sent ended in one way or another; most in the expected one. */
static void assert_outcome(const struct phase *phase, enum load_outcome outcome)
{
    uint64_t ended = 0;
    assert_ok(phase->rc);
    for (size_t i = 0; i < LOAD_OUTCOMES; i++)
        ended += phase->result.ended[i];
    assert_true(ended > 0);
    assert_int_equal(phase->result.ended[outcome], ended);
    assert_int_equal(phase->result.latency->count, phase->result.ended[LOAD_OK]);
}

/* ---- Closed loop ----------------------------------------------------------------------------- */

static void good_replies_count(void **unused)
{
    (void)unused;
    static const char *const replies[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    };
    for (size_t i = 0; i < 4; i++) {
        for (size_t piece = 0; piece < 8; piece += 7) {
            struct phase phase;
            prepare(&phase);
            phase.server.reply = replies[i];
            phase.server.piece = piece;
            run(&phase);
            assert_outcome(&phase, LOAD_OK);
            assert_int_equal(phase.result.connects, 4);
            assert_int_equal(phase.result.connections_open, 4);
            assert_true(phase.result.ok_in_time <= phase.result.ended[LOAD_OK]);
            assert_int_equal(phase.result.replied_in_time, phase.result.ok_in_time);
            assert_int_equal(phase.server.requests, phase.result.sent);
            finish(&phase);
        }
    }
}

static void a_reply_may_end_with_the_connection(void **unused)
{
    (void)unused;
    struct phase phase;
    prepare(&phase);
    phase.server.reply = "HTTP/1.1 200 OK\r\n\r\nuntil the end";
    phase.server.closes_after = true;
    run(&phase);
    assert_outcome(&phase, LOAD_OK);
    assert_int_equal(phase.result.connects, phase.result.sent);
    finish(&phase);
}

static void without_keep_alive_each_request_connects(void **unused)
{
    (void)unused;
    struct phase phase;
    prepare(&phase);
    phase.profile.keep_alive = false;
    run(&phase);
    assert_outcome(&phase, LOAD_OK);
    assert_int_equal(phase.result.connects, phase.result.sent);
    assert_int_equal(phase.result.connect->count, phase.result.sent);
    finish(&phase);
}

static void each_ending_has_its_name(void **unused)
{
    (void)unused;
    static const struct {
        const char *reply;
        enum load_outcome outcome;
        const char *first_error;
    } cases[] = {
        {"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", LOAD_STATUS, "status 503"},
        {"HTTP/1.1 xyz\r\n\r\n", LOAD_MALFORMED, "malformed"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\ntoo much", LOAD_MALFORMED, "malformed"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", LOAD_MALFORMED,
         "malformed"},
    };
    for (size_t i = 0; i < 4; i++) {
        struct phase phase;
        prepare(&phase);
        phase.server.reply = cases[i].reply;
        run(&phase);
        assert_outcome(&phase, cases[i].outcome);
        assert_memory_equal(phase.result.first_error, cases[i].first_error,
                            strlen(cases[i].first_error));
        finish(&phase);
    }
    struct phase phase;
    prepare(&phase);
    phase.server.hangs_up = true;
    run(&phase);
    assert_outcome(&phase, LOAD_CLOSED);
    finish(&phase);
}

static void silence_times_out(void **unused)
{
    (void)unused;
    struct phase phase;
    prepare(&phase);
    phase.server.delay_ns = 3600 * NS_PER_S;
    phase.profile.timeout_ns = 5 * NS_PER_MS;
    run(&phase);
    assert_outcome(&phase, LOAD_TIMEOUT);
    finish(&phase);
}

/* What comes after the phase is counted, but is no part of any rate over it. */
static void late_replies_make_no_rate(void **unused)
{
    (void)unused;
    static const struct {
        const char *reply;
        enum load_outcome outcome;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", LOAD_OK},
        {"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", LOAD_STATUS},
    };
    for (size_t i = 0; i < 2; i++) {
        struct phase phase;
        prepare(&phase);
        phase.length_ns = 20 * NS_PER_MS;
        phase.server.reply = cases[i].reply;
        phase.server.delay_ns = 30 * NS_PER_MS;
        run(&phase);
        assert_outcome(&phase, cases[i].outcome);
        assert_int_equal(phase.result.ok_in_time, 0);
        assert_int_equal(phase.result.replied_in_time, 0);
        assert_int_equal(phase.result.reply_bytes, 0);
        finish(&phase);
    }
}

/* Without a timeout nothing is dropped in silence either. */
static void what_never_ends_is_counted(void **unused)
{
    (void)unused;
    for (int open = 0; open < 2; open++) {
        struct phase phase;
        prepare(&phase);
        phase.server.delay_ns = 3600 * NS_PER_S;
        phase.profile.timeout_ns = 0;
        phase.profile.rate_per_s = open ? 200 : 0;
        run(&phase);
        assert_outcome(&phase, LOAD_TIMEOUT);
        assert_int_equal(phase.result.ended[LOAD_TIMEOUT], open ? 10 : 4);
        assert_int_equal(phase.result.sent, 4); /* the others never had a connection */
        finish(&phase);
    }
}

/* Arrivals whose time runs out in the queue are not sent: it would cost a connection each, and the
 * service work that nobody waits for. */
static void who_has_given_up_in_the_queue_is_not_sent(void **unused)
{
    (void)unused;
    struct phase phase;
    prepare(&phase);
    phase.length_ns = 20 * NS_PER_MS;
    phase.profile.connections = 1;
    phase.profile.rate_per_s = 100000;
    phase.profile.timeout_ns = NS_PER_MS;
    phase.server.delay_ns = 3600 * NS_PER_S;
    run(&phase);
    assert_outcome(&phase, LOAD_TIMEOUT);
    assert_int_equal(phase.result.offered, 2000);
    assert_int_equal(phase.result.ended[LOAD_TIMEOUT], 2000);
    assert_true(phase.result.sent < 2000);
    finish(&phase);
}

static bool has_reply_without_pause(const struct phase *phase)
{
    return phase->result.ended[LOAD_OK] > 0 && hist_min_ns(phase->result.latency) < 10 * NS_PER_MS;
}

/* A client that was hung up on waits 10 ms before it connects again. The request after that is
 * timed from when the pause was over. */
static void a_pause_of_ours_is_nobodys_latency(void **unused)
{
    (void)unused;
    struct phase phase;
    prepare(&phase);
    phase.enough = has_reply_without_pause;
    phase.length_ns = 200 * NS_PER_MS;
    phase.profile.connections = 1;
    phase.server.hangs_up_first = true;
    phase.server.closes_after = true;
    run(&phase);
    assert_ok(phase.rc);
    assert_true(has_reply_without_pause(&phase));
    assert_true(phase.result.ended[LOAD_CLOSED] >= phase.result.ended[LOAD_OK]);
    finish(&phase);
}

static void nobody_there_is_an_error(void **unused)
{
    (void)unused;
    struct phase phase;
    prepare(&phase);
    phase.no_server = true;
    run(&phase);
    assert_int_equal(phase.rc, -ECONNREFUSED);
    assert_non_null(strstr(phase.err.text, "connect to 127.0.0.1:"));
    finish(&phase);
}

/* ---- Tokens ---------------------------------------------------------------------------------- */

static void foreign_tokens_are_noticed(void **unused)
{
    (void)unused;
    static const struct {
        const char *body, *foreign;
        enum load_outcome outcome;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{token}", NULL, LOAD_OK},
        {"HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{token}", "~0123456789abcdef",
         LOAD_CONTAMINATED},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno", NULL, LOAD_NO_TOKEN},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11\r\n{token}\r\n0\r\n\r\n", NULL,
         LOAD_OK},
    };
    for (size_t i = 0; i < 4; i++) {
        struct phase phase;
        prepare(&phase);
        phase.profile.check = LOAD_CHECK_TOKEN;
        phase.server.reply = cases[i].body;
        phase.server.foreign = cases[i].foreign;
        phase.server.piece = 5;
        run(&phase);
        assert_outcome(&phase, cases[i].outcome);
        finish(&phase);
    }
}

static void tokens_are_found_anywhere(void **unused)
{
    (void)unused;
    char own[TOKEN_BYTES];
    token_write(own, 0x0123456789abcdef);
    assert_memory_equal(own, "~0123456789abcdef", TOKEN_BYTES);
    assert_int_equal(token_check("x~0123456789abcdef", 18, own), TOKEN_OWN);
    assert_int_equal(token_check("~0123456789abcdef", 17, own), TOKEN_OWN);
    assert_int_equal(token_check("~0123456789abcdef~0123456789abcdee", 34, own), TOKEN_FOREIGN);
    assert_int_equal(token_check("~~0123456789abcdef ~ ~~", 23, own), TOKEN_OWN);
    assert_int_equal(token_check("~0123456789abcde", 16, own), TOKEN_MISSING);
    assert_int_equal(token_check("~0123456789ABCDEF", 17, own), TOKEN_MISSING);
    assert_int_equal(token_check("", 0, own), TOKEN_MISSING);
    uint64_t number = 0;
    assert_true(token_read(own, TOKEN_BYTES, &number));
    assert_true(number == 0x0123456789abcdef);
    assert_false(token_read(own, TOKEN_BYTES - 1, &number));
    assert_false(token_read("x0123456789abcdef", TOKEN_BYTES, &number));
    assert_false(token_read("~0123456789abcdeg", TOKEN_BYTES, &number));
}

/* ---- Ledger ---------------------------------------------------------------------------------- */

static void a_ledger_tells_what_became_of_each_write(void **unused)
{
    static const struct {
        enum load_outcome outcome;
        int status;
        unsigned stored;
    } writes[] = {
        {LOAD_OK, 200, 1},       {LOAD_OK, 200, 0},      {LOAD_OK, 200, 3},
        {LOAD_STATUS, 503, 0},   {LOAD_STATUS, 503, 1},  {LOAD_STATUS, 504, 1},
        {LOAD_STATUS, 502, 0},   {LOAD_TIMEOUT, 200, 0}, {LOAD_CLOSED, 0, 2},
        {LOAD_NO_TOKEN, 201, 1}, {LOAD_OK, 500, 0}, /* nothing was to be checked */
    };
    enum { COUNT = sizeof(writes) / sizeof(*writes), FIRST = 1000 };
    struct ledger ledger;
    (void)unused;
    assert_ok(ledger_init(&ledger, 2, NULL));
    ledger.parts[0].first = 1;
    ledger.parts[1].first = FIRST;
    for (unsigned i = 0; i < COUNT; i++) {
        uint64_t number = FIRST + 2 * i; /* between them are requests that write nothing */
        ledger_sent(&ledger.parts[1], number);
        ledger_answered(&ledger.parts[1], number, writes[i].outcome, writes[i].status);
        for (unsigned j = 0; j < writes[i].stored; j++)
            assert_true(ledger_stored(&ledger, number));
        assert_false(ledger_stored(&ledger, number + 1));
    }
    assert_false(ledger_stored(&ledger, 1));
    assert_false(ledger_stored(&ledger, FIRST - 1));
    ledger_sent(&ledger.parts[0], 1 + LEDGER_ROOM);
    ledger_answered(&ledger.parts[0], 1 + LEDGER_ROOM, LOAD_OK, 200);
    assert_false(ledger_stored(&ledger, 1 + LEDGER_ROOM));
    struct ledger_counts counts = ledger_count(&ledger);
    assert_int_equal(counts.acknowledged, 4);
    assert_int_equal(counts.refused, 3);
    assert_int_equal(counts.unknown, 4);
    assert_int_equal(counts.stored, 6);
    assert_int_equal(counts.lost, 1);
    assert_int_equal(counts.doubled, 2);
    assert_int_equal(counts.ghosts, 1);
    assert_int_equal(counts.beyond, 1);
    ledger_fini(&ledger);
    ledger_fini(&ledger);
}

static void writes_and_no_others_are_kept(void **unused)
{
    (void)unused;
    for (int writes = 0; writes < 2; writes++) {
        struct phase phase;
        struct ledger ledger;
        prepare(&phase);
        assert_ok(param_set(param_find(load_request_params, "method"), &phase.request,
                            writes ? "POST" : "GET", NULL));
        assert_ok(ledger_init(&ledger, 1, NULL));
        phase.ledger = &ledger;
        phase.server.hangs_up_first = true;
        run(&phase);
        struct ledger_counts counts = ledger_count(&ledger);
        assert_int_equal(counts.acknowledged, writes ? phase.result.ended[LOAD_OK] : 0);
        assert_int_equal(counts.unknown, writes ? phase.result.ended[LOAD_CLOSED] : 0);
        assert_int_equal(counts.acknowledged + counts.unknown, writes ? phase.result.sent : 0);
        assert_int_equal(counts.lost, counts.acknowledged);
        ledger_fini(&ledger);
        finish(&phase);
    }
}

/* ---- Open loop ------------------------------------------------------------------------------- */

static void an_open_loop_keeps_its_schedule(void **unused)
{
    (void)unused;
    struct phase phase;
    prepare(&phase);
    phase.profile.rate_per_s = 2000;
    run(&phase);
    assert_outcome(&phase, LOAD_OK);
    assert_int_equal(phase.result.offered, 100);
    assert_int_equal(phase.result.ended[LOAD_OK], 100);
    assert_int_equal(phase.result.lateness->count, 100);
    finish(&phase);
}

/* One connection, 20 ms a reply, an arrival each 10 ms: the n-th waits for all before it, and that
 * waiting is in its latency. */
static void waiting_for_a_connection_counts(void **unused)
{
    (void)unused;
    struct phase phase;
    prepare(&phase);
    phase.length_ns = 50 * NS_PER_MS;
    phase.profile.connections = 1;
    phase.profile.rate_per_s = 100;
    phase.server.delay_ns = 20 * NS_PER_MS;
    run(&phase);
    assert_outcome(&phase, LOAD_OK);
    assert_int_equal(phase.result.ended[LOAD_OK], 5);
    assert_true(phase.result.queued >= 3);
    assert_true(hist_max_ns(phase.result.latency) >= 60 * NS_PER_MS); /* sent at 80, due at 40 */
    assert_true(hist_min_ns(phase.result.service_time) >= 20 * NS_PER_MS);
    assert_true(phase.result.in_flight_peak >= 2);
    finish(&phase);
}

static void what_exceeds_the_cap_is_shed_and_counted(void **unused)
{
    (void)unused;
    struct phase phase;
    prepare(&phase);
    phase.profile.connections = 1;
    phase.profile.rate_per_s = 1000;
    phase.profile.in_flight_max = 3;
    phase.profile.timeout_ns = 20 * NS_PER_MS;
    phase.server.delay_ns = 3600 * NS_PER_S;
    run(&phase);
    assert_ok(phase.rc);
    const uint64_t *ended = phase.result.ended;
    assert_int_equal(phase.result.offered, 50);
    assert_true(ended[LOAD_SHED] > 0);
    assert_int_equal(ended[LOAD_SHED] + ended[LOAD_TIMEOUT], 50);
    assert_true(phase.result.in_flight_peak <= 3);
    finish(&phase);
}

/* Those served after the last arrival are in_flight_max at most; the others had their turn before.
 */
static bool has_served_between_arrivals(const struct phase *phase)
{
    return phase->result.ended[LOAD_OK] > phase->profile.in_flight_max;
}

/* A rate nobody can keep leaves the connections their turn. */
static void a_hopeless_schedule_starves_nobody(void **unused)
{
    (void)unused;
    struct phase phase;
    prepare(&phase);
    phase.enough = has_served_between_arrivals;
    phase.length_ns = 5 * NS_PER_MS;
    phase.profile.rate_per_s = 1e8;
    phase.profile.in_flight_max = 10;
    run(&phase);
    assert_ok(phase.rc);
    assert_int_equal(phase.result.offered, 500000);
    const uint64_t *ended = phase.result.ended;
    assert_int_equal(ended[LOAD_OK] + ended[LOAD_SHED] + ended[LOAD_TIMEOUT], 500000);
    assert_true(has_served_between_arrivals(&phase));
    finish(&phase);
}

/* How busy the generator was, and how busy the subject. */
static void who_was_the_limit_is_told(void **unused)
{
    (void)unused;
    static const struct {
        double rate_per_s;
        uint64_t working_ms; /* of a second */
        uint64_t late_ms, latency_ms;
        double subject_cpus;
        const char *reason; /* NULL: valid */
    } cases[] = {
        {1000, 990, 0, 1, 0.5, "99 % busy, the subject kept 0.50 CPUs busy"},
        {1000, 990, 0, 1, -1, "99 % busy"}, /* arrivals waited for us, whoever else was busy */
        {1000, 500, 0, 1, 0.5, NULL},
        {1000, 990, 0, 1, 1.0, NULL},        /* the subject had no more to give either */
        {0, 990, 0, 1, 0.5, "99 % busy"},    /* closed: it would have answered more */
        {0, 990, 0, 1, -1, NULL},            /* closed: nobody knows */
        {1000, 500, 5, 50, 0.5, "was late"}, /* beside the latencies */
        {1000, 500, 5, 200, 0.5, NULL},
        {1000, 500, 95, 2000, 1.0, "was late"}, /* beside the phase: it took a tenth longer */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[200];
        struct load_profile profile = {.rate_per_s = cases[i].rate_per_s};
        struct load_result result = {
            .length_ns = NS_PER_S,
            .watched_ns = NS_PER_S,
            .working_ns = cases[i].working_ms * NS_PER_MS,
        };
        assert_ok(hist_create_default(&result.latency, NULL));
        assert_ok(hist_create_default(&result.lateness, NULL));
        hist_record(result.latency, cases[i].latency_ms * NS_PER_MS);
        hist_record(result.lateness, cases[i].late_ms * NS_PER_MS);
        const char *reason =
            load_result_invalid(&result, &profile, cases[i].subject_cpus, text, sizeof(text));
        assert_int_equal(reason != NULL, cases[i].reason != NULL);
        if (reason && cases[i].reason)
            assert_non_null(strstr(reason, cases[i].reason));
        load_result_fini(&result);
    }
}

static bool has_mostly_polled(const struct phase *phase)
{
    return phase->result.watched_ns >= phase->length_ns && load_result_busy(&phase->result) < 0.9;
}

/* A loop that polls all the time is not one that works all the time, however much it used. */
static void polling_is_not_work(void **unused)
{
    (void)unused;
    struct phase phase;
    prepare(&phase);
    phase.enough = has_mostly_polled;
    phase.profile.rate_per_s = 100;
    phase.profile.spin_ns = NS_PER_S;
    run(&phase);
    assert_ok(phase.rc);
    assert_true(phase.result.working_ns > 0);
    assert_true(has_mostly_polled(&phase));
    finish(&phase);
}

/* Who watches sees in the end what the result has: no latency twice, and none left out. */
static void who_watches_sees_all_of_it(void **unused)
{
    (void)unused;
    struct phase phase;
    prepare(&phase);
    phase.profile.threads = 2;
    phase.length_ns = 350 * NS_PER_MS; /* some slots close while it lasts, others do not */
    assert_ok(hist_create(&phase.seen, SERIES_LOWEST_NS, SERIES_HIGHEST_NS, SERIES_DIGITS, NULL));
    (void)run_on_ring(run_phase, &phase);
    assert_ok(phase.rc);
    assert_memory_equal(phase.progress.ended, phase.result.ended, sizeof(phase.result.ended));
    assert_int_equal(phase.seen->count, phase.result.ended[LOAD_OK]);
    assert_int_equal(phase.progress.in_flight, 0);
    load_progress_begin(&phase.progress);
    assert_int_equal(phase.progress.earlier[LOAD_OK], phase.result.ended[LOAD_OK]);
    assert_int_equal(phase.progress.ended[LOAD_OK] + phase.progress.start_ns, 0);
    assert_ptr_equal(phase.progress.latency, phase.seen);
    hist_destroy(phase.seen);
    finish(&phase);
}

static void threads_share_the_work(void **unused)
{
    (void)unused;
    struct phase phase;
    prepare(&phase);
    phase.profile.threads = 3;
    phase.profile.connections = 7;
    phase.profile.rate_per_s = 2000;
    run(&phase);
    assert_outcome(&phase, LOAD_OK);
    assert_in_range(phase.result.offered, 99, 101);
    assert_int_equal(phase.result.connects, 7);
    assert_int_equal(phase.result.cpu.threads, 3);
    finish(&phase);
}

/* ---- Rendering ------------------------------------------------------------------------------- */

static void payloads_have_the_size_asked_for(void **unused)
{
    (void)unused;
    struct load_target target = {.host = "h:1", .prefix = "/api"};
    struct load_profile profile = {.keep_alive = true, .check = LOAD_CHECK_TOKEN, .connections = 1};
    static const size_t sizes[] = {1200, 16 << 10, 256 << 10};
    for (size_t i = 0; i < 3; i++) {
        char method[] = "POST", path[] = "/e?t={token}";
        struct load_request request = {
            .method = method, .path = path, .weight = 1, .payload_bytes = sizes[i]};
        struct load_job job = {.target = &target,
                               .profile = &profile,
                               .requests = &request,
                               .request_count = 1,
                               .seed = 5};
        struct mix mix;
        assert_ok(mix_init(&mix, &job, NULL));
        const struct mix_request *made = &mix.requests[0];
        assert_int_equal(made->token_count, 4); /* path, header, both ends of the payload */
        char *text = strndup(made->bytes, made->length);
        assert_non_null(text);
        const char *body = strstr(text, "\r\n\r\n");
        assert_non_null(body);
        size_t length = strlen(body + 4);
        assert_in_range(length, sizes[i] - 200, sizes[i] + 200);
        char header[64];
        (void)snprintf(header, sizeof(header), "\r\nContent-Length: %zu\r\n", length);
        assert_non_null(strstr(text, header));
        assert_memory_equal(text, "POST /api/e?t=~", 15);
        free(text);
        mix_fini(&mix);
    }
}

static void a_post_without_a_body_says_so(void **unused)
{
    (void)unused;
    struct load_target target = {.host = "h:1"};
    struct load_profile profile = {.keep_alive = true, .connections = 1};
    static const struct {
        char method[8];
        bool says;
    } cases[] = {{"POST", true}, {"PUT", true}, {"GET", false}, {"DELETE", false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char path[] = "/", method[8];
        memcpy(method, cases[i].method, sizeof(method));
        struct load_request request = {.method = method, .path = path, .weight = 1};
        struct load_job job = {
            .target = &target, .profile = &profile, .requests = &request, .request_count = 1};
        struct mix mix;
        assert_ok(mix_init(&mix, &job, NULL));
        const struct mix_request *made = &mix.requests[0];
        bool says = memmem(made->bytes, made->length, "\r\nContent-Length: 0\r\n", 21) != NULL;
        assert_int_equal(says, cases[i].says);
        mix_fini(&mix);
    }
}

static void urls_are_read(void **unused)
{
    (void)unused;
    struct load_target target;
    assert_ok(load_target_parse(&target, "http://127.0.0.1:8080/a/b?c=d#e", NULL));
    assert_string_equal(target.host, "127.0.0.1:8080");
    assert_string_equal(target.prefix, "/a/b?c=d");
    assert_ok(load_target_parse(&target, "http://127.0.0.1", NULL));
    assert_string_equal(target.prefix, "");
    char text[64];
    assert_string_equal(addr_format(&target.addr, text, sizeof(text)), "127.0.0.1:80");
    assert_ok(load_target_parse(&target, "http+unix:/tmp/s", NULL));
    assert_string_equal(addr_format(&target.addr, text, sizeof(text)), "unix:/tmp/s");
    static const char *const bad[] = {"", "127.0.0.1:80", "https://x/", "http://", "http://a:b/"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct err err = {0};
        assert_true(load_target_parse(&target, bad[i], &err) < 0);
        assert_true(strlen(err.text) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_replies_count),
        cmocka_unit_test(a_reply_may_end_with_the_connection),
        cmocka_unit_test(without_keep_alive_each_request_connects),
        cmocka_unit_test(each_ending_has_its_name),
        cmocka_unit_test(silence_times_out),
        cmocka_unit_test(late_replies_make_no_rate),
        cmocka_unit_test(what_never_ends_is_counted),
        cmocka_unit_test(who_has_given_up_in_the_queue_is_not_sent),
        cmocka_unit_test(a_pause_of_ours_is_nobodys_latency),
        cmocka_unit_test(nobody_there_is_an_error),
        cmocka_unit_test(foreign_tokens_are_noticed),
        cmocka_unit_test(tokens_are_found_anywhere),
        cmocka_unit_test(a_ledger_tells_what_became_of_each_write),
        cmocka_unit_test(writes_and_no_others_are_kept),
        cmocka_unit_test(an_open_loop_keeps_its_schedule),
        cmocka_unit_test(waiting_for_a_connection_counts),
        cmocka_unit_test(what_exceeds_the_cap_is_shed_and_counted),
        cmocka_unit_test(a_hopeless_schedule_starves_nobody),
        cmocka_unit_test(who_was_the_limit_is_told),
        cmocka_unit_test(polling_is_not_work),
        cmocka_unit_test(who_watches_sees_all_of_it),
        cmocka_unit_test(threads_share_the_work),
        cmocka_unit_test(payloads_have_the_size_asked_for),
        cmocka_unit_test(a_post_without_a_body_says_so),
        cmocka_unit_test(urls_are_read),
    };
    return cmocka_run_group_tests_name("load", tests, NULL, NULL);
}
