/* SPDX-License-Identifier: MIT */
/* server.c - the server generators are compared at: one thread, no file, no log, and it knows the
 * truth about itself.
 *
 *   versus-server [--listen 127.0.0.1:0] [--delay 10ms] [--stall 100ms --every 1s]
 *
 * Prints "listening on HOST:PORT" and answers every request without a body, a small fixed 200; ends
 * on SIGTERM. GET /truth answers JSON with what a generator ought to have seen so far, and counts
 * as no request:
 *
 * Without options it does as little as a server on this ring can: it reads no clock, and the truth
 * is the number of requests alone.
 *
 * With a delay each request takes that long from when its last byte was received, by a timer the
 * loop spins for. The truth is the server's histogram of the time from there until the kernel has
 * taken the answer. (The kernel's own time stamps of segments are wall-clock time, and tell no more
 * while the thread does not sleep.)
 *
 * With stalls the whole thread sleeps that long whenever every has passed since the stall before
 * began, for the first time after half of it. GET /truth?rate=N&count=M answers what an open loop
 * at N requests a second must see: M arrivals 1/N apart, the first of them that of the first
 * request the server saw, queue for a single server that works in order, is away during the stalls
 * as they were recorded, and takes the same time for each request. That time is the measured one:
 * in the passes of the loop behind each stall, when a backlog is worked off, time over requests. A
 * stall never cuts a request in two, as in the server. The way there and back is not in it, so that
 * small figures are too small by a round trip; and P90 at a stall of a tenth of the time lies on
 * the edge between waiting and not, and moves with the time a request takes. P95 and P99 hardly do.
 */
#include "core/clock.h"
#include "core/group.h"
#include "core/interrupt.h"
#include "core/param.h"
#include "core/ring.h"
#include "core/sock.h"
#include "measure/hist.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BACKLOG = 1024,
    REQUEST_BYTES = 4096,
    STALLS_MAX = 4096,        /* more of them are not kept: an hour at one a second */
    ARRIVALS_MAX = 100000000, /* in a simulation */
    DRAINED_NS = 1000000,     /* without a request: the backlog of a stall is worked off */
};

/* The timer of a delay is spun for when it is this near. */
#define SPIN_NS (200 * NS_PER_US)

/* ab wants to be told that the connection stays. */
static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n"
                             "Connection: keep-alive\r\n\r\nok\n";

struct settings {
    char *listen;      /* HOST:PORT */
    uint64_t delay_ns; /* of every answer */
    uint64_t stall_ns; /* the thread is away for so long */
    uint64_t every_ns; /* from one stall's begin to the next */
};

static const struct param settings_params[] = {
    {PARAM_TEXT("listen", settings, listen, "127.0.0.1:0", "where to listen")},
    {PARAM_NS("delay", settings, delay_ns, "0", "time every request takes")},
    {PARAM_NS("stall", settings, stall_ns, "0", "the whole thread sleeps for so long")},
    {PARAM_NS("every", settings, every_ns, "1s", "from one stall to the next")},
    {0},
};

struct stall {
    uint64_t from_ns, to_ns; /* as the thread's clock read before and after it */
};

struct server {
    const struct settings *settings;
    int listener;
    struct group connections;
    struct hist *taken;              /* with a delay: from a request to its answer */
    uint64_t served;                 /* requests */
    uint64_t first_ns, last_ns;      /* a request came; not kept by a server without options */
    struct stall stalls[STALLS_MAX]; /* in order */
    size_t stall_count;              /* used entries */
    uint64_t drain_ns;               /* spent working off backlogs */
    uint64_t drain_served;           /* requests in it */
};

struct connection {
    struct server *server;
    int fd;
    size_t filled; /* bytes of input */
    char input[REQUEST_BYTES];
};

/* ---- The truth ------------------------------------------------------------------------------- */

static uint64_t service_ns(const struct server *server)
{
    return server->drain_served > 0 ? server->drain_ns / server->drain_served : 0;
}

/* The queue described at the top. */
static void simulate(const struct server *server, double rate_per_s, uint64_t arrivals,
                     struct hist *seen)
{
    uint64_t each_ns = service_ns(server), free_ns = 0;
    const struct stall *stall = server->stalls, *end = stall + server->stall_count;
    for (uint64_t i = 0; i < arrivals && i < ARRIVALS_MAX; i++) {
        uint64_t due_ns = server->first_ns + (uint64_t)((double)i * 1e9 / rate_per_s);
        uint64_t start_ns = due_ns > free_ns ? due_ns : free_ns;
        while (stall < end && stall->to_ns <= start_ns)
            stall++;
        if (stall < end && stall->from_ns <= start_ns)
            start_ns = stall->to_ns;
        free_ns = start_ns + each_ns;
        hist_record(seen, free_ns - due_ns);
    }
}

static int write_truth(const struct server *server, const struct hist *seen, char *text,
                       size_t size_bytes)
{
    static const struct {
        const char *name;
        double percentile;
    } rows[] = {{"p50", 50}, {"p90", 90}, {"p95", 95}, {"p99", 99}, {"p999", 99.9}};
    char body[1024];
    int length = snprintf(body, sizeof(body),
                          "{\"served\": %" PRIu64 ", \"span_ns\": %" PRIu64
                          ", \"stalls\": %zu, \"service_ns\": %" PRIu64 ", \"count\": %" PRIu64,
                          server->served, server->last_ns - server->first_ns, server->stall_count,
                          service_ns(server), seen ? seen->count : 0);
    for (size_t i = 0; seen && i < sizeof(rows) / sizeof(*rows); i++)
        length += snprintf(body + length, sizeof(body) - (size_t)length, ", \"%s_ns\": %" PRIu64,
                           rows[i].name, hist_percentile_ns(seen, rows[i].percentile));
    return snprintf(text, size_bytes,
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
                    "Connection: keep-alive\r\n\r\n%s}\n",
                    length + 2, body);
}

static int tell_truth(struct ctx *ctx, struct connection *self)
{
    struct server *server = self->server;
    struct hist *seen = NULL;
    char text[2048];
    double rate_per_s = 0;
    uint64_t arrivals = 0;
    if (sscanf(self->input, "GET /truth?rate=%lf&count=%" SCNu64, &rate_per_s, &arrivals) == 2 &&
        rate_per_s > 0 && server->settings->stall_ns > 0) {
        int rc = hist_create_default(&seen, NULL);
        if (rc)
            return rc;
        simulate(server, rate_per_s, arrivals, seen);
    }
    int length = write_truth(server, seen ? seen : server->taken, text, sizeof(text));
    hist_destroy(seen);
    return sock_send(ctx, self->fd, text, (size_t)length);
}

/* ---- Serving --------------------------------------------------------------------------------- */

static bool request_is_whole(const struct connection *self)
{
    return self->filled >= 4 && memcmp(self->input + self->filled - 4, "\r\n\r\n", 4) == 0;
}

/* What of a request has not come yet. 0, or a negative number when none will. */
static int read_rest(struct ctx *ctx, struct connection *self, ssize_t got)
{
    self->filled = 0;
    for (;;) {
        if (got <= 0)
            return -ECONNRESET;
        self->filled += (size_t)got;
        if (request_is_whole(self))
            return 0;
        if (self->filled == sizeof(self->input) - 1)
            return -EMSGSIZE;
        got = sock_recv(ctx, self->fd, self->input + self->filled,
                        sizeof(self->input) - 1 - self->filled);
    }
}

static void note_request(struct server *server, uint64_t now_ns)
{
    if (server->served == 1)
        server->first_ns = now_ns;
    server->last_ns = now_ns;
}

/* Answers after the delay, and keeps how long that took. */
static ssize_t answer_late(struct ctx *ctx, struct connection *self)
{
    struct server *server = self->server;
    uint64_t begun_ns = clock_now_ns();
    note_request(server, begun_ns);
    int rc = fiber_sleep_until(ctx, begun_ns + server->settings->delay_ns);
    if (!rc)
        rc = sock_send(ctx, self->fd, answer, sizeof(answer) - 1);
    if (rc)
        return rc;
    hist_record(server->taken, clock_now_ns() - begun_ns);
    return sock_recv(ctx, self->fd, self->input, sizeof(self->input) - 1);
}

static ssize_t answer_at_once(struct ctx *ctx, struct connection *self)
{
    if (self->server->settings->stall_ns > 0)
        note_request(self->server, clock_now_ns());
    return sock_send_recv(ctx, self->fd, answer, sizeof(answer) - 1, self->input,
                          sizeof(self->input) - 1);
}

static void serve(struct ctx *ctx, void *arg)
{
    struct connection *self = arg;
    struct server *server = self->server;
    ssize_t got = sock_recv(ctx, self->fd, self->input, sizeof(self->input) - 1);
    while (read_rest(ctx, self, got) == 0) {
        if (memcmp(self->input, "GET /truth", 10) == 0) {
            self->input[self->filled] = '\0';
            if (tell_truth(ctx, self))
                break;
            got = sock_recv(ctx, self->fd, self->input, sizeof(self->input) - 1);
            continue;
        }
        server->served++;
        got = server->settings->delay_ns > 0 ? answer_late(ctx, self) : answer_at_once(ctx, self);
    }
    sock_close(self->fd, false);
    free(self);
}

/* ---- Stalling -------------------------------------------------------------------------------- */

/* Nothing on this thread runs meanwhile: that is the point. */
static struct stall stall(uint64_t span_ns)
{
    struct timespec left = {.tv_sec = (time_t)(span_ns / NS_PER_S),
                            .tv_nsec = (long)(span_ns % NS_PER_S)};
    struct stall stall = {.from_ns = clock_now_ns()};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
    stall.to_ns = clock_now_ns();
    return stall;
}

/* Times the passes that serve requests, until none has come for a while, or for as long as the
 * stall was: a closed loop never pauses. The answers of one pass are sent in the next, which
 * therefore counts as well. */
static int time_drain(struct ctx *ctx, struct server *server)
{
    uint64_t before_ns = clock_now_ns(), busy_ns = before_ns;
    uint64_t end_ns = before_ns + server->settings->stall_ns;
    bool was_busy = false;
    while (before_ns - busy_ns < DRAINED_NS && before_ns < end_ns) {
        uint64_t served = server->served;
        int rc = fiber_sleep_until(ctx, before_ns); /* through the kernel and the other fibers */
        if (rc)
            return rc;
        uint64_t now_ns = clock_now_ns();
        bool is_busy = server->served > served;
        if (is_busy || was_busy)
            server->drain_ns += now_ns - before_ns;
        if (is_busy)
            busy_ns = now_ns;
        server->drain_served += server->served - served;
        was_busy = is_busy;
        before_ns = now_ns;
    }
    return 0;
}

static void stall_now_and_then(struct ctx *ctx, void *arg)
{
    struct server *server = arg;
    uint64_t next_ns = clock_now_ns() - server->settings->every_ns / 2;
    for (;;) {
        next_ns += server->settings->every_ns;
        if (fiber_sleep_until(ctx, next_ns))
            return;
        struct stall done = stall(server->settings->stall_ns);
        if (server->stall_count < STALLS_MAX)
            server->stalls[server->stall_count++] = done;
        if (time_drain(ctx, server))
            return;
    }
}

/* ---- The server ------------------------------------------------------------------------------ */

static int accept_all(struct ctx *ctx, struct server *server, struct err *err)
{
    for (;;) {
        int fd = sock_accept(ctx, server->listener);
        if (fd < 0)
            return ctx_error(ctx) ? 0 : err_sys(err, fd, "accept");
        struct connection *connection = malloc(sizeof(*connection));
        if (connection) {
            connection->server = server;
            connection->fd = fd;
        }
        if (!connection || group_spawn(&server->connections, "connection", serve, connection)) {
            free(connection);
            sock_close(fd, false);
            return err_sys(err, -ENOMEM, "start a connection");
        }
    }
}

static int work(struct ctx *ctx, void *arg, struct err *err)
{
    struct server *server = arg;
    struct addr addr;
    char text[128];
    int rc = addr_parse(&addr, server->settings->listen, err);
    if (rc)
        return rc;
    server->listener = sock_listen(&addr, BACKLOG, false, err);
    if (server->listener < 0)
        return server->listener;
    (void)sock_local(server->listener, &addr);
    printf("listening on %s\n", addr_format(&addr, text, sizeof(text)));
    (void)fflush(stdout);
    if (server->settings->delay_ns > 0)
        ring_set_spin(ring_self(), SPIN_NS);
    group_init(&server->connections, ctx);
    if (server->settings->stall_ns > 0)
        rc = group_spawn(&server->connections, "stalls", stall_now_and_then, server);
    if (!rc)
        rc = accept_all(ctx, server, err);
    group_cancel(&server->connections, "the server ends");
    (void)group_join(NULL, &server->connections);
    (void)group_fini(&server->connections);
    sock_close(server->listener, false);
    return rc;
}

static int read_settings(struct settings *settings, char **words, struct err *err)
{
    int rc = param_defaults(settings_params, settings, err);
    for (; !rc && *words; words += 2) {
        const struct param *param =
            strncmp(*words, "--", 2) == 0 ? param_find(settings_params, *words + 2) : NULL;
        if (!param || !words[1])
            return err_set(err, -EINVAL,
                           "expected --listen, --delay, --stall or --every and a value, not '%s'",
                           *words);
        rc = param_set(param, settings, words[1], err);
    }
    if (!rc && settings->stall_ns > 0 && settings->stall_ns >= settings->every_ns)
        return err_set(err, -EINVAL, "a stall must be shorter than the time between two");
    return rc;
}

int main(int argc, char **argv)
{
    static struct server server;
    static struct settings settings;
    struct err err = {0};
    (void)argc;
    int rc = read_settings(&settings, argv + 1, &err);
    server.settings = &settings;
    if (!rc)
        rc = hist_create_default(&server.taken, &err);
    if (!rc)
        rc = interrupt_run("server", work, &server, &err);
    if (rc)
        (void)fprintf(stderr, "versus-server: %s\n", err.text);
    hist_destroy(server.taken);
    param_fini(settings_params, &settings);
    return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
