/* SPDX-License-Identifier: MIT */
/* server.c - libmicrohttpd on our ring: its epoll descriptor is polled by a fiber, which lets it
 * run when there is something to do. No thread, no lock. */
#include "core/group.h"
#include "core/io.h"
#include "faults/control/answer.h"
#include "faults/control/control.h"
#include "faults/control/guard.h"

#include "core/clock.h"
#include "core/fiber.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    BODY_BYTES_MAX = 4 << 20, /* some 20,000 proxies with their toxics */
    CONNECTIONS_MAX = 256,
    CONNECTIONS_MIN = 4,
    IDLE_S = 60,
    IDLE_CROWDED_S = 2, /* of those that come when half of the places are taken */
    BACKLOG = 128,
};

#define BACKOFF_NS (50 * NS_PER_MS)

struct control {
    struct proxy_set *set; /* the caller's */
    struct control_guard guard;
    enum control_log log;      /* threshold */
    struct addr addr;          /* as bound */
    struct MHD_Daemon *daemon; /* of the connections */
    int listener;              /* the socket; -1: none */
    int epoll_fd;              /* the daemon's */
    unsigned connections;      /* now */
    unsigned connections_max;  /* that the reserve of descriptors has room for */
    struct ctx *serving;       /* of the wait of the fiber that serves; NULL: it does not */
    struct waitq leaving;      /* the fiber that accepts, while there is no place */
    struct group group;        /* of the two fibers */
};

/* A request from its head to its reply. */
struct exchange {
    struct control_reply reply; /* status is not 0 once it is refused */
    char *body;
    size_t body_bytes, room_bytes;
};

/* ---- Requests -------------------------------------------------------------------------------- */

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static struct exchange *exchange_begin(const struct control *control,
                                       struct MHD_Connection *connection)
{
    struct exchange *exchange = calloc(1, sizeof(*exchange));
    const struct control_headers headers = {
        .host = header(connection, "Host"),
        .user_agent = header(connection, "User-Agent"),
        .authorization = header(connection, "Authorization"),
    };
    if (exchange)
        (void)control_guard_admits(&control->guard, &headers, &exchange->reply);
    return exchange;
}

static void exchange_end(struct exchange *exchange)
{
    control_reply_fini(&exchange->reply);
    free(exchange->body);
    free(exchange);
}

/* Bytes of a request that is refused already are read and dropped: its sender gets to the answer.
 */
static void take_body(struct exchange *exchange, const char *data, size_t size_bytes)
{
    if (exchange->reply.status != 0)
        return;
    if (size_bytes > BODY_BYTES_MAX - exchange->body_bytes) {
        control_reply_error(&exchange->reply, 413, "request body is larger than 4 MiB");
        return;
    }
    if (exchange->room_bytes - exchange->body_bytes < size_bytes) {
        size_t room_bytes = exchange->room_bytes * 2 + size_bytes;
        char *grown = realloc(exchange->body, room_bytes);
        if (!grown) {
            control_reply_error(&exchange->reply, 500, "out of memory");
            return;
        }
        exchange->body = grown;
        exchange->room_bytes = room_bytes;
    }
    memcpy(exchange->body + exchange->body_bytes, data, size_bytes);
    exchange->body_bytes += size_bytes;
}

static enum MHD_Result send_reply(struct MHD_Connection *connection, struct control_reply *reply)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(reply->body_bytes, reply->body, MHD_RESPMEM_MUST_FREE);
    if (!response)
        return MHD_NO;
    reply->body = NULL;
    enum MHD_Result sound = MHD_YES;
    if (reply->type)
        sound = MHD_add_response_header(response, "Content-Type", reply->type);
    if (sound && control_reply_failed(reply))
        sound = MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (sound && reply->status == 401)
        sound = MHD_add_response_header(response, "WWW-Authenticate", "Bearer");
    if (sound && reply->warning)
        sound = MHD_add_response_header(response, "Warning", reply->warning);
    if (sound)
        sound = MHD_queue_response(connection, reply->status, response);
    MHD_destroy_response(response);
    return sound;
}

/* What is foreign is not handed to a terminal. */
static void make_printable(char *text)
{
    for (; *text; text++)
        *text = isprint((unsigned char)*text) ? *text : '?';
}

static enum control_log urgency_of(const char *method, const struct control_reply *reply)
{
    if (reply->status >= 500 || reply->warning)
        return CONTROL_LOG_WARN;
    return reply->status >= 400 || strcmp(method, "GET") != 0 ? CONTROL_LOG_INFO
                                                              : CONTROL_LOG_DEBUG;
}

static void tell(const struct control *control, const char *method, const char *path,
                 const struct control_reply *reply)
{
    char line[512];
    const char *why = reply->warning ? reply->warning : "";
    if (urgency_of(method, reply) < control->log)
        return;
    if (control_reply_failed(reply) && reply->body)
        why = reply->body;
    (void)snprintf(line, sizeof(line), "%.16s %.160s %u%s%.*s", method, path, reply->status,
                   *why ? " " : "", (int)strcspn(why, "\n"), why);
    make_printable(line);
    (void)fprintf(stderr, "poolstorm proxy: %s\n", line);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_bytes, void **state)
{
    const struct control *control = cls;
    struct exchange *exchange = *state;
    (void)version;
    if (!exchange) {
        *state = exchange_begin(control, connection);
        return *state ? MHD_YES : MHD_NO;
    }
    if (*data_bytes > 0) {
        take_body(exchange, data, *data_bytes);
        *data_bytes = 0;
        return MHD_YES;
    }
    const struct control_request request = {
        .method = method,
        .path = url,
        .body = exchange->body,
        .body_bytes = exchange->body_bytes,
    };
    if (exchange->reply.status == 0)
        control_answer(control->set, &request, &exchange->reply);
    tell(control, method, url, &exchange->reply);
    return send_reply(connection, &exchange->reply);
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    (void)cls;
    (void)connection;
    (void)code;
    if (*state)
        exchange_end(*state);
    *state = NULL;
}

/* Paths are decoded by whoever cuts them, and not before. */
static size_t leave_encoded(void *cls, struct MHD_Connection *connection, char *text)
{
    (void)cls;
    (void)connection;
    return strlen(text);
}

/* ---- Connections ----------------------------------------------------------------------------- */

static void on_connection(void *cls, struct MHD_Connection *connection, void **state,
                          enum MHD_ConnectionNotificationCode code)
{
    struct control *control = cls;
    (void)state;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        control->connections--;
        (void)waitq_wake_one(&control->leaving, NULL);
        return;
    }
    control->connections++;
    if (control->connections > control->connections_max / 2) /* no matter if it is refused */
        (void)MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT,
                                        (unsigned)IDLE_CROWDED_S);
}

/* 0, or why there is none. libmicrohttpd closes what it does not take. */
static int accept_one(struct control *control)
{
    struct addr peer = {.length = sizeof(peer.storage)};
    struct sockaddr *client = (struct sockaddr *)&peer.storage;
    int fd = accept4(control->listener, client, &peer.length, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return errno == EINTR || errno == ECONNABORTED ? 0 : -errno;
    (void)MHD_add_connection(control->daemon, fd, client, peer.length);
    return 0;
}

/* Accepting is not left to libmicrohttpd: once it has found no descriptor, it accepts nobody before
 * one of its own connections has ended, or tries without a pause. */
static void accept_all(struct ctx *ctx, void *arg)
{
    struct control *control = arg;
    while (!ctx_error(ctx)) {
        struct ctx pause;
        int rc = 0;
        while (!rc && control->connections < control->connections_max)
            rc = accept_one(control);
        if (control->serving)
            ctx_cancel(control->serving, "somebody has come");
        ctx_init_timeout(&pause, ctx, BACKOFF_NS);
        if (rc == -EAGAIN)
            (void)io_poll(ctx, control->listener, POLLIN);
        else if (rc)
            (void)fiber_sleep_until(&pause, CLOCK_NEVER);
        else
            (void)waitq_wait(ctx, &control->leaving, NULL);
        ctx_fini(&pause);
    }
}

/* ---- The loop -------------------------------------------------------------------------------- */

static void wait_for_work(struct ctx *ctx, struct control *control)
{
    MHD_UNSIGNED_LONG_LONG span_ms = 0;
    struct ctx turn;
    if (MHD_get_timeout(control->daemon, &span_ms) == MHD_YES)
        ctx_init_timeout(&turn, ctx, span_ms * NS_PER_MS);
    else
        ctx_init(&turn, ctx);
    control->serving = &turn;
    (void)io_poll(&turn, control->epoll_fd, POLLIN); /* either way there may be work */
    control->serving = NULL;
    ctx_fini(&turn);
}

static void serve(struct ctx *ctx, void *arg)
{
    struct control *control = arg;
    while (!ctx_error(ctx)) {
        (void)MHD_run(control->daemon); /* fails only without epoll */
        fiber_yield();
        wait_for_work(ctx, control);
    }
}

/* ---- From start to stop ---------------------------------------------------------------------- */

/* Returns the socket, or -errno. */
static int open_listener(struct control *control, const struct addr *addr, struct err *err)
{
    int fd = sock_listen(addr, BACKLOG, false, err);
    if (fd < 0)
        return fd;
    int rc = sock_local(fd, &control->addr);
    if (!rc && fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
        rc = -errno;
    if (!rc)
        return fd;
    (void)close(fd);
    return err_sys(err, rc, "listen for the control API");
}

/* All clients may be on one address: there is no limit an address. */
static int start_daemon(struct control *control, struct err *err)
{
    control->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL, on_request, control,
        MHD_OPTION_CONNECTION_LIMIT, control->connections_max, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)IDLE_S, MHD_OPTION_UNESCAPE_CALLBACK, leave_encoded, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, control, MHD_OPTION_END);
    if (!control->daemon)
        return err_set(err, -ENOMEM, "libmicrohttpd does not start");
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(control->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (!info || info->epoll_fd < 0)
        return err_set(err, -ENOSYS, "libmicrohttpd was built without epoll");
    control->epoll_fd = info->epoll_fd;
    return 0;
}

static int check_address(const struct control_options *options, struct err *err)
{
    char where[128];
    if (options->token || addr_is_loopback(&options->addr))
        return 0;
    return err_set(err, -EINVAL,
                   "whoever reaches %s could disturb what runs through the proxies: give a token "
                   "(--token TEXT), or listen on loopback",
                   addr_format(&options->addr, where, sizeof(where)));
}

/* Some of the reserve are for files and sockets of others. */
static unsigned connections_max(const struct proxy_set *set)
{
    size_t share = proxy_set_reserve(set) * 3 / 4;
    return share < CONNECTIONS_MIN   ? CONNECTIONS_MIN
           : share > CONNECTIONS_MAX ? CONNECTIONS_MAX
                                     : (unsigned)share;
}

int control_start(struct ctx *ctx, const struct control_options *options, struct proxy_set *set,
                  struct control **out, struct err *err)
{
    int rc = check_address(options, err);
    if (rc)
        return rc;
    struct control *control = calloc(1, sizeof(*control));
    if (!control)
        return err_sys(err, -ENOMEM, "start the control API");
    control->set = set;
    control->guard = (struct control_guard){.host = options->host, .token = options->token};
    control->log = options->log;
    control->connections_max = connections_max(set);
    waitq_init(&control->leaving);
    group_init(&control->group, ctx);
    control->listener = rc = open_listener(control, &options->addr, err);
    if (rc >= 0)
        rc = start_daemon(control, err);
    if (!rc && (group_spawn(&control->group, "control", serve, control) ||
                group_spawn(&control->group, "control's door", accept_all, control)))
        rc = err_sys(err, -ENOMEM, "start the control API");
    if (rc) {
        control_stop(control);
        return rc;
    }
    *out = control;
    return 0;
}

const struct addr *control_addr(const struct control *control)
{
    return &control->addr;
}

void control_stop(struct control *control)
{
    if (!control)
        return;
    group_cancel(&control->group, "the control API ends");
    (void)group_join(NULL, &control->group);
    (void)group_fini(&control->group);
    if (control->daemon)
        MHD_stop_daemon(control->daemon);
    if (control->listener >= 0)
        (void)close(control->listener);
    free(control);
}
