/* SPDX-License-Identifier: MIT */
/* proxy.c - both ends of what relays are compared with: a server that floods or echoes, and a
 * client that measures, each one thread on epoll.
 *
 *   versus-proxy server                    prints "FLOOD-PORT ECHO-PORT", ends with its stdin
 *   versus-proxy bulk PORT SECONDS         one stream from the server: bytes
 *   versus-proxy pingpong PORT CONNECTIONS SECONDS
 *                                          round trips of 100 bytes, and their P50 and P99 in ns
 *   versus-proxy connects PORT SECONDS     connections, one after the other, with a round trip each
 *
 * A client prints how much it did in all, how much of that was measured and in how many ns: what
 * comes first is to warm up.
 *
 * Bulk is cheap at the ends, so that it is the relay that is measured: the server sends pages of a
 * file in memory, and the client discards what comes without copying it. Loopback only. */
#include "core/clock.h"
#include "measure/hist.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    MESSAGE_BYTES = 100,
    FILE_BYTES = 1 << 20, /* in memory, sent over and over */
    GULP_BYTES = 1 << 20, /* discarded at once */
    CONNECTIONS_MAX = 4096,
    EVENTS_MAX = 256,
    DESCRIPTORS_MAX = 65536,
    PATIENCE_MS = 5000, /* without any event a client gives up */
};

_Noreturn static void die(const char *what)
{
    (void)fprintf(stderr, "versus-proxy: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int check(int rc, const char *what)
{
    if (rc < 0)
        die(what);
    return rc;
}

static void set_nodelay(int fd)
{
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
}

static void watch(int epoll, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    (void)check(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

/* ---- The server ------------------------------------------------------------------------------ */

enum role { ROLE_NONE, ROLE_FLOOD_LISTENER, ROLE_ECHO_LISTENER, ROLE_FLOOD, ROLE_ECHO };

struct server {
    int epoll;
    int file;
    unsigned char roles[DESCRIPTORS_MAX]; /* enum role, by descriptor */
};

static int listen_somewhere(struct server *server, enum role role)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(addr);
    int fd = check(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), "socket");
    (void)check(bind(fd, (struct sockaddr *)&addr, size), "bind");
    (void)check(listen(fd, CONNECTIONS_MAX), "listen");
    (void)check(getsockname(fd, (struct sockaddr *)&addr, &size), "getsockname");
    server->roles[fd] = (unsigned char)role;
    watch(server->epoll, fd, EPOLLIN);
    return ntohs(addr.sin_port);
}

static void take_in(struct server *server, int listener, enum role role)
{
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (fd >= DESCRIPTORS_MAX) {
            (void)close(fd);
            continue;
        }
        set_nodelay(fd);
        server->roles[fd] = (unsigned char)role;
        watch(server->epoll, fd, role == ROLE_FLOOD ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
}

static void drop(struct server *server, int fd)
{
    server->roles[fd] = ROLE_NONE;
    (void)close(fd);
}

static void flood(struct server *server, int fd)
{
    off_t at = 0;
    ssize_t sent = sendfile(fd, server->file, &at, FILE_BYTES);
    if (sent < 0 && errno != EAGAIN)
        drop(server, fd);
}

/* Messages are short: what is sent back fits, or the client is not worth it. */
static void echo(struct server *server, int fd)
{
    char text[4096];
    ssize_t got = recv(fd, text, sizeof(text), 0);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0 || send(fd, text, (size_t)got, MSG_NOSIGNAL) != got)
        drop(server, fd);
}

static void serve_one(struct server *server, const struct epoll_event *event)
{
    int fd = event->data.fd;
    switch ((enum role)server->roles[fd]) {
    case ROLE_FLOOD_LISTENER:
        take_in(server, fd, ROLE_FLOOD);
        break;
    case ROLE_ECHO_LISTENER:
        take_in(server, fd, ROLE_ECHO);
        break;
    case ROLE_FLOOD: /* whose clients say nothing: what can be read is the end */
        if (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR))
            drop(server, fd);
        else
            flood(server, fd);
        break;
    case ROLE_ECHO:
        echo(server, fd);
        break;
    case ROLE_NONE:
        exit(0); /* stdin: whoever started us has gone */
    }
}

_Noreturn static void serve(void)
{
    static struct server server;
    struct epoll_event events[EVENTS_MAX];
    (void)signal(SIGPIPE, SIG_IGN); /* sendfile has no flag for it */
    server.epoll = check(epoll_create1(0), "epoll_create1");
    server.file = check(memfd_create("flood", 0), "memfd_create");
    (void)check(ftruncate(server.file, FILE_BYTES), "ftruncate");
    int flood_port = listen_somewhere(&server, ROLE_FLOOD_LISTENER);
    int echo_port = listen_somewhere(&server, ROLE_ECHO_LISTENER);
    watch(server.epoll, STDIN_FILENO, EPOLLIN);
    printf("%d %d\n", flood_port, echo_port);
    (void)fflush(stdout);
    for (;;) {
        int count = epoll_wait(server.epoll, events, EVENTS_MAX, -1);
        for (int i = 0; i < count; i++)
            serve_one(&server, &events[i]);
    }
}

/* ---- The client ------------------------------------------------------------------------------ */

static int dial(int port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = check(socket(AF_INET, SOCK_STREAM, 0), "socket");
    (void)check(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), "connect");
    set_nodelay(fd);
    return fd;
}

static uint64_t discard_until(int fd, uint64_t end_ns)
{
    uint64_t bytes = 0;
    while (clock_now_ns() < end_ns) {
        ssize_t got = recv(fd, NULL, GULP_BYTES, MSG_TRUNC);
        if (got <= 0)
            die("recv");
        bytes += (uint64_t)got;
    }
    return bytes;
}

static void print_work(uint64_t before, uint64_t measured, uint64_t begin_ns)
{
    printf("%llu %llu %llu\n", (unsigned long long)(before + measured),
           (unsigned long long)measured, (unsigned long long)(clock_now_ns() - begin_ns));
}

static void bulk(int port, uint64_t span_ns)
{
    int fd = dial(port);
    uint64_t before = discard_until(fd, clock_now_ns() + span_ns / 5); /* windows grow */
    uint64_t begin_ns = clock_now_ns();
    print_work(before, discard_until(fd, begin_ns + span_ns), begin_ns);
    (void)close(fd);
}

/* One connection of a ping-pong; by descriptor. */
struct player {
    uint64_t sent_ns;
    size_t heard_bytes; /* of the answer */
};

static struct player players[DESCRIPTORS_MAX];

static void ping(int fd)
{
    static const char message[MESSAGE_BYTES];
    players[fd] = (struct player){.sent_ns = clock_now_ns()};
    if (send(fd, message, sizeof(message), MSG_NOSIGNAL) != MESSAGE_BYTES)
        die("send");
}

/* True when a round trip is complete. */
static bool pong(int fd)
{
    char text[MESSAGE_BYTES];
    ssize_t got = recv(fd, text, MESSAGE_BYTES - players[fd].heard_bytes, 0);
    if (got <= 0)
        die("recv");
    players[fd].heard_bytes += (size_t)got;
    return players[fd].heard_bytes == MESSAGE_BYTES;
}

static uint64_t play_until(int epoll, struct hist *hist, uint64_t end_ns)
{
    struct epoll_event events[EVENTS_MAX];
    uint64_t trips = 0, now_ns = 0;
    while (now_ns < end_ns) {
        int count = epoll_wait(epoll, events, EVENTS_MAX, PATIENCE_MS);
        if (count <= 0) {
            errno = ETIMEDOUT;
            die("ping-pong");
        }
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (!pong(fd))
                continue;
            now_ns = clock_now_ns();
            hist_record(hist, now_ns - players[fd].sent_ns);
            trips++;
            ping(fd);
        }
    }
    return trips;
}

static void pingpong(int port, unsigned connections, uint64_t span_ns)
{
    int epoll = check(epoll_create1(0), "epoll_create1");
    struct hist *hist;
    if (connections > CONNECTIONS_MAX || hist_create_default(&hist, NULL))
        die("set up");
    for (unsigned i = 0; i < connections; i++) {
        int fd = dial(port);
        watch(epoll, fd, EPOLLIN);
        ping(fd);
    }
    uint64_t before = play_until(epoll, hist, clock_now_ns() + span_ns / 10);
    hist_reset(hist);
    uint64_t begin_ns = clock_now_ns();
    print_work(before, play_until(epoll, hist, begin_ns + span_ns), begin_ns);
    printf("%llu %llu\n", (unsigned long long)hist_percentile_ns(hist, 50),
           (unsigned long long)hist_percentile_ns(hist, 99));
    hist_destroy(hist);
}

/* Closed by a reset, which leaves no port waiting behind. */
static void connect_once(int port)
{
    static const struct linger at_once = {.l_onoff = 1};
    int fd = dial(port);
    ping(fd);
    while (!pong(fd))
        continue;
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    (void)close(fd);
}

static void connects(int port, uint64_t span_ns)
{
    uint64_t begin_ns = clock_now_ns(), count = 0, now_ns = begin_ns;
    for (; now_ns < begin_ns + span_ns; now_ns = clock_now_ns(), count++)
        connect_once(port);
    print_work(0, count, begin_ns);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    int port = argc > 2 ? atoi(argv[2]) : 0;
    uint64_t span_ns = argc > 2 ? (uint64_t)(atof(argv[argc - 1]) * 1e9) : 0;
    if (strcmp(what, "server") == 0 && argc == 2)
        serve();
    if (strcmp(what, "bulk") == 0 && argc == 4)
        bulk(port, span_ns);
    else if (strcmp(what, "pingpong") == 0 && argc == 5)
        pingpong(port, (unsigned)atoi(argv[3]), span_ns);
    else if (strcmp(what, "connects") == 0 && argc == 4)
        connects(port, span_ns);
    else {
        (void)fprintf(stderr, "versus-proxy: see the head of scripts/versus.d/proxy.c\n");
        return 2;
    }
    return 0;
}
