/* SPDX-License-Identifier: MIT */
/* relay_fixture.h - a proxy between two sockets of a test's, on the loopback. Whatever does not
 * work out fails the test. */
#ifndef POOLSTORM_TESTS_RELAY_FIXTURE_H
#define POOLSTORM_TESTS_RELAY_FIXTURE_H

#include "core/ctx.h"
#include "core/sock.h"
#include "faults/proxy/proxy.h"

enum { HOST_PORT_BYTES = 128 };

/* A proxy in front of a listening socket that stands for the server. */
struct stand {
    struct proxy_set *set;
    struct proxy *proxy;
    int listening; /* the server's */
};

/* The two ends of one proxied connection. */
struct ends {
    int client, server;
};

/* Fails with err's text when rc says so. */
void must(int rc, const struct err *err);

struct addr addr_of(const char *text);

/* A listening socket, and the address it got. */
int listen_at(const char *text, char shown[static HOST_PORT_BYTES]);

/* At any ports of the loopback, or at addresses of their own. */
void stand_init(struct stand *stand, struct ctx *ctx);
void stand_init_at(struct stand *stand, struct ctx *ctx, const char *listen, const char *server);
void stand_init_followed(struct stand *stand, struct ctx *ctx); /* protocol: postgres */
void stand_fini(struct stand *stand);

/* Connects to the proxy; the first without the server's end, the second without waiting. */
int call(struct ctx *ctx, const struct stand *stand);
int begin_call(const struct stand *stand);
struct ends connect_ends(struct ctx *ctx, const struct stand *stand);
void close_ends(struct ends *ends);

/* What comes next. */
void expect_text(struct ctx *ctx, int fd, const char *text);
void expect_end(struct ctx *ctx, int fd);
void expect_reset(struct ctx *ctx, int fd); /* whatever comes before it */
void expect_nothing(int fd);                /* so far */

/* Adds a fault with the defaults of its kind. */
struct toxic *add(const struct stand *stand, const struct fault_type *type,
                  enum fault_stream stream);

/* The same with settings in one line, "delay=5ms jitter=1ms". */
struct toxic *put(const struct stand *stand, const char *kind, enum fault_stream stream,
                  const char *settings);

/* Settings of a kind, for toxic_change; param_fini and free. */
void *settings_of(const struct fault_type *type, const char *settings);

void until_no_link(const struct stand *stand);

/* Bytes on their way, each of which can be told by its place. */
struct flow {
    int from, to;
    uint64_t seed;
    size_t size_bytes, chunk_max_bytes; /* all, and at once */
    size_t sent_bytes, received_bytes;  /* so far */
};

char flow_byte(uint64_t seed, size_t offset);

/* For fibers, arg is a struct flow: sends what is left of it, in chunks of drawn sizes; receives
 * that, or with the end behind it. */
void flow_send(struct ctx *ctx, void *arg);
void flow_receive_all(struct ctx *ctx, void *arg);
void flow_receive_to_the_end(struct ctx *ctx, void *arg);

/* Until so many have come. */
void flow_receive(struct ctx *ctx, struct flow *flow, size_t until_bytes);

#endif
