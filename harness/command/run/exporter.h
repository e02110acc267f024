/* SPDX-License-Identifier: MIT */
/* exporter.h - serves the figures of a run under way to Prometheus: GET /metrics over HTTP/1.1.
 *
 * It listens for as long as the command lasts, several runs included, and answers on the ring of
 * the run under way. Between runs who asks has to wait. */
#ifndef POOLSTORM_COMMAND_RUN_EXPORTER_H
#define POOLSTORM_COMMAND_RUN_EXPORTER_H

#include "core/ctx.h"
#include "core/err.h"
#include "core/sock.h"
#include "run/live.h"

/* A listener. Start with {.fd = -1}. */
struct exporter {
    int fd;
    struct addr addr; /* as bound */
};

/* Listens at "HOST:PORT"; without a host on loopback, port 0 takes a free one. Does not need a
 * ring; BLOCKS in the resolver for a name. -EINVAL for what is no address, else why it cannot be
 * had. */
int exporter_open(struct exporter *exporter, const char *text, struct err *err);

void exporter_close(struct exporter *exporter);

/* For exporter_serve. */
struct exporter_duty {
    const struct exporter *exporter;
    const struct live *live; /* to be told of */
};

/* A fiber's work: answers until ctx ends. arg is a struct exporter_duty. */
void exporter_serve(struct ctx *ctx, void *arg);

/* The figures in Prometheus' text format, 0.0.4. */
void exporter_write(const struct live *live, FILE *out);

#endif
