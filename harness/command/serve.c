/* SPDX-License-Identifier: MIT */
/* serve.c - poolstorm serve: runs the built-in service until it is told to stop. */
#include "command/command.h"
#include "core/group.h"
#include "core/io.h"
#include "core/ring.h"
#include "subject/service.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct serve {
    const struct service_settings *settings;
    struct err *err;
    enum exit_code result;
    int signals;         /* answers SIGINT and SIGTERM */
    struct ctx patience; /* ended by the second signal */
};

/* Who asks twice does not want to wait for the drain. */
static void wait_for_second(struct ctx *ctx, void *arg)
{
    struct serve *serve = arg;
    if (io_signal(ctx, serve->signals) > 0)
        ctx_cancel(&serve->patience, "told to stop twice");
}

static void stop(struct ctx *ctx, struct serve *serve, struct service *service)
{
    struct group group;
    ctx_init(&serve->patience, ctx);
    group_init(&group, ctx);
    (void)group_spawn(&group, "second signal", wait_for_second, serve);
    uint64_t cut = service_stop(&serve->patience, service);
    if (cut > 0)
        (void)fprintf(stderr, "poolstorm serve: %" PRIu64 " connections were cut off\n", cut);
    group_cancel(&group, "stopped");
    (void)group_join(NULL, &group);
    (void)group_fini(&group);
    ctx_fini(&serve->patience);
}

static void serve_main(struct ctx *ctx, void *arg)
{
    struct serve *serve = arg;
    struct service *service;
    char where[128];
    int rc = service_start(&service, serve->settings, serve->err);
    if (rc) {
        serve->result = rc == -EINVAL ? EXIT_BAD_INPUT : EXIT_RUNTIME;
        return;
    }
    (void)printf("listening on %s\n", addr_format(service_addr(service), where, sizeof(where)));
    if (fflush(stdout) != 0) {
        (void)err_sys(serve->err, -errno, "write to stdout");
        serve->result = EXIT_RUNTIME;
    } else {
        (void)io_signal(ctx, serve->signals);
    }
    stop(ctx, serve, service);
}

/* The signals are blocked before any thread starts, so that all of them inherit it. */
static int open_signals(struct err *err)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return err_sys(err, -errno, "block SIGINT and SIGTERM");
    int fd = signalfd(-1, &set, SFD_CLOEXEC);
    return fd >= 0 ? fd : err_sys(err, -errno, "open a signalfd");
}

/* A password is better kept out of what ps shows. */
static int take_database(struct service_settings *settings, struct err *err)
{
    const char *conninfo = getenv("POOLSTORM_DATABASE");
    if (settings->database.conninfo || !conninfo || !*conninfo)
        return 0;
    settings->database.conninfo = strdup(conninfo);
    return settings->database.conninfo ? 0 : err_sys(err, -ENOMEM, "keep POOLSTORM_DATABASE");
}

static enum exit_code serve_run(void *options, char *const *args, struct err *err)
{
    (void)args;
    if (take_database(options, err))
        return EXIT_RUNTIME;
    struct serve serve = {.settings = options, .err = err, .result = EXIT_WELL};
    struct ring *ring;
    io_raise_descriptor_limit();
    serve.signals = open_signals(err);
    if (serve.signals < 0)
        return EXIT_RUNTIME;
    int rc = ring_create(&ring, NULL, err);
    if (rc) {
        (void)close(serve.signals);
        return rc == -ENOSYS || rc == -EPERM ? EXIT_SKIPPED : EXIT_RUNTIME;
    }
    if (ring_run(ring, "serve", serve_main, &serve, err))
        serve.result = EXIT_RUNTIME;
    ring_destroy(ring);
    (void)close(serve.signals);
    return serve.result;
}

static const struct option_group serve_options[] = {
    {"Service", service_params, 0},
    {0},
};

const struct command command_serve = {
    .name = "serve",
    .summary = "run the built-in HTTP service",
    .usage = "",
    .help =
        "Serves what its endpoints answer (poolstorm serve --help lists the settings, GET /metrics "
        "the\n"
        "figures; /query and others need a --database) until SIGTERM or SIGINT, then\n"
        "drains: requests in flight finish, idle connections are closed; a second signal cuts\n"
        "them off. Prints `listening on ADDRESS` once it does. The allocator is the process's:\n"
        "preload another to compare.\n\n"
        "Examples:\n"
        "  poolstorm serve --listen 127.0.0.1:8080 --threads 2\n"
        "  poolstorm serve --listen 127.0.0.1:8080 --buffers malloc\n"
        "  curl -H 'X-Request-Token: t1' -d '{\"a\":[1,2]}' http://127.0.0.1:8080/api/v1/encode\n",
    .options = serve_options,
    .options_size_bytes = sizeof(struct service_settings),
    .run = serve_run,
};
