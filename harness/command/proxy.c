/* SPDX-License-Identifier: MIT */
/* proxy.c - poolstorm proxy: the fault proxy and its control API, until it is told to stop. */
#include "faults/proxy/proxy.h"
#include "command/command.h"
#include "command/seed.h"
#include "core/fiber.h"
#include "core/interrupt.h"
#include "core/io.h"
#include "faults/control/control.h"
#include "faults/control/populate.h"
#include "faults/delay_files.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { CONFIG_BYTES_MAX = 16 << 20 };

struct proxy_command {
    char *host;     /* for the control API to listen on */
    uint64_t port;  /* likewise */
    char *token;    /* that it asks for */
    char *config;   /* path of a file of proxies */
    uint64_t seed;  /* 0: drawn */
    char *name;     /* of the one proxy of the command line, with the next three */
    char *listen;   /* no host, or NULL: loopback */
    char *upstream; /* NULL: there is none */
    int protocol;   /* enum proxy_protocol */
    uint64_t connect_timeout_ns;
    uint64_t dead_after_ns;
    char *files;  /* that the API may name, a line each; NULL: none */
    bool ignored; /* what Toxiproxy has switches for and we always do */
};

static const struct param proxy_params[] = {
    {PARAM_TEXT("host", proxy_command, host, "localhost", "address of the control API")},
    {PARAM_COUNT("port", proxy_command, port, "8474", "its port; 0 takes a free one"),
     .max = 65535},
    {PARAM_TEXT("token", proxy_command, token, NULL,
                "asked of every request; needed beyond loopback (or POOLSTORM_TOKEN)"),
     .secret = true},
    {PARAM_TEXT("config", proxy_command, config, NULL, "JSON file of proxies to begin with")},
    {PARAM_TEXT("files", proxy_command, files, NULL,
                "file of percentiles, or folder of them, that faults may read"),
     .repeats = true},
    {PARAM_COUNT("seed", proxy_command, seed, NULL, "of all draws; else drawn and printed")},
    {PARAM_TEXT("listen", proxy_command, listen, NULL,
                "HOST:PORT or unix:/PATH; no HOST: loopback, no PORT or 0: a free one"),
     .section = "A proxy to begin with"},
    {PARAM_TEXT("upstream", proxy_command, upstream, NULL,
                "one proxy at once, which relays to this")},
    {PARAM_CHOICE("protocol", proxy_command, protocol, "opaque", "that it follows",
                  proxy_protocol_names)},
    {PARAM_TEXT("name", proxy_command, name, "proxy", "what it is called")},
    {PARAM_NS("connect_timeout", proxy_command, connect_timeout_ns, "10s",
              "for an upstream to be looked up and to answer; 0: as long as the kernel tries"),
     .section = "Connections"},
    {PARAM_NS("dead_after", proxy_command, dead_after_ns, "2h",
              "when one that a fault has left dead is dropped; 0: never"),
     .max = (double)PROXY_DEAD_S_MAX * (double)NS_PER_S},
    {PARAM_BOOL("proxy_metrics", proxy_command, ignored, NULL,
                "accepted: /metrics has them always"),
     .section = "Of Toxiproxy's"},
    {PARAM_BOOL("runtime_metrics", proxy_command, ignored, NULL,
                "accepted: there is no Go runtime")},
    {0},
};

static const struct option_group proxy_options[] = {{"Control API", proxy_params, 0}, {0}};

/* ---- What is there to begin with ------------------------------------------------------------- */

static int load_config(struct proxy_set *set, const char *path, struct err *err)
{
    char *text = NULL;
    size_t length = 0;
    json_t *made = NULL;
    int rc = io_read_file(path, CONFIG_BYTES_MAX, &text, &length);
    if (rc)
        return err_sys(err, rc, "read %s", path);
    rc = populate(set, text, length, &made, err);
    if (rc)
        (void)err_wrap(err, "%s", path);
    json_decref(made);
    free(text);
    return rc;
}

/* Nobody else is let in without having been named: what has no host is on loopback, where the API
 * has it on every address, as Toxiproxy's. To be freed; NULL without memory. */
static char *listen_text(const struct proxy_command *self)
{
    char *text = NULL;
    const char *given = self->listen ? self->listen : ":0";
    if (asprintf(&text, "%s%s", *given == ':' ? "127.0.0.1" : "", given) < 0)
        return NULL;
    return text;
}

static int make_proxy(struct proxy_set *set, const struct proxy_command *self, struct err *err)
{
    char *listen = listen_text(self);
    const struct proxy_options options = {
        .name = self->name,
        .listen = listen,
        .upstream = self->upstream,
        .enabled = true,
        .protocol = self->protocol,
    };
    struct proxy *proxy;
    int rc =
        listen ? proxy_create(set, &options, &proxy, err) : err_sys(err, -ENOMEM, "make a proxy");
    free(listen);
    if (rc == 0)
        (void)printf("poolstorm proxy: %s on %s to %s\n", proxy_name(proxy), proxy_listen(proxy),
                     proxy_upstream(proxy));
    return rc;
}

static int begin(struct proxy_set *set, const struct proxy_command *self, struct err *err)
{
    int rc = self->config ? load_config(set, self->config, err) : 0;
    return rc || !self->upstream ? rc : make_proxy(set, self, err);
}

/* ---- Running --------------------------------------------------------------------------------- */

/* Zerolog's levels, as Toxiproxy has them. */
static enum control_log log_level(void)
{
    static const struct {
        const char *name;
        enum control_log level;
    } levels[] = {
        {"trace", CONTROL_LOG_DEBUG}, {"debug", CONTROL_LOG_DEBUG},   {"info", CONTROL_LOG_INFO},
        {"warn", CONTROL_LOG_WARN},   {"error", CONTROL_LOG_NONE},    {"fatal", CONTROL_LOG_NONE},
        {"panic", CONTROL_LOG_NONE},  {"disabled", CONTROL_LOG_NONE},
    };
    const char *name = getenv("LOG_LEVEL");
    if (!name || !*name)
        return CONTROL_LOG_WARN;
    for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++)
        if (strcasecmp(name, levels[i].name) == 0)
            return levels[i].level;
    (void)fprintf(stderr, "poolstorm proxy: unknown LOG_LEVEL value: \"%s\"\n", name);
    return CONTROL_LOG_WARN;
}

static int control_address(const struct proxy_command *self, struct addr *addr, struct err *err)
{
    char text[280];
    bool bare6 = strchr(self->host, ':') && self->host[0] != '[';
    (void)snprintf(text, sizeof(text), bare6 ? "[%s]:%" PRIu64 : "%s:%" PRIu64, self->host,
                   self->port);
    return addr_parse(addr, text, err);
}

/* Says where, which is what whoever started it waits for; returns when ctx ends. */
static int stay(struct ctx *ctx, const struct control *control, struct err *err)
{
    char where[128];
    (void)printf("poolstorm proxy: control on %s\n",
                 addr_format(control_addr(control), where, sizeof(where)));
    if (fflush(stdout) != 0)
        return err_sys(err, -errno, "write to stdout");
    (void)fiber_sleep_until(ctx, CLOCK_NEVER);
    return 0;
}

static int proxy_main(struct ctx *ctx, void *arg, struct err *err)
{
    const struct proxy_command *self = arg;
    struct control_options options = {
        .host = self->host,
        .token = self->token,
        .log = log_level(),
    };
    const struct proxy_limits limits = {
        .connect_ns = self->connect_timeout_ns,
        .dead_s = (unsigned)((self->dead_after_ns + NS_PER_S - 1) / NS_PER_S),
        .dead_max = PROXY_DEAD_MAX,
    };
    struct proxy_set *set = NULL;
    struct control *control = NULL;
    int rc = control_address(self, &options.addr, err);
    if (!rc)
        rc = proxy_set_create(ctx, self->seed, &set, err);
    if (!rc) {
        proxy_set_limit(set, &limits);
        delay_confine(self->files ? self->files : "");
        rc = begin(set, self, err);
    }
    if (!rc)
        rc = control_start(ctx, &options, set, &control, err);
    if (!rc)
        rc = stay(ctx, control, err);
    control_stop(control);
    proxy_set_destroy(set);
    return rc;
}

/* A token is better kept out of what ps shows. */
static int take_token(struct proxy_command *self, struct err *err)
{
    const char *token = getenv("POOLSTORM_TOKEN");
    if (!self->token && token && *token) {
        self->token = strdup(token);
        if (!self->token)
            return err_sys(err, -ENOMEM, "keep POOLSTORM_TOKEN");
    }
    if (self->token && !*self->token)
        return err_set(err, -EINVAL, "expected a token that is not empty");
    return 0;
}

/* The API has it in JSON. */
static int check_text(const char *option, const char *text, struct err *err)
{
    json_t *json = text ? json_string(text) : NULL;
    bool sound = !text || json;
    json_decref(json);
    return sound ? 0 : err_set(err, -EINVAL, "%s: expected UTF-8", option);
}

static int check_options(struct proxy_command *self, struct err *err)
{
    if (check_text("--name", self->name, err) || check_text("--listen", self->listen, err) ||
        check_text("--upstream", self->upstream, err))
        return -EINVAL;
    if (self->name[0] == '\0')
        return err_set(err, -EINVAL, "--name: expected a name");
    if (self->listen && !self->upstream)
        return err_set(err, -EINVAL, "--listen needs --upstream ADDRESS");
    return take_token(self, err);
}

static enum exit_code proxy_run(void *options, char *const *args, struct err *err)
{
    (void)args;
    struct proxy_command *self = options;
    if (check_options(self, err))
        return EXIT_BAD_INPUT;
    if (self->seed == 0) {
        self->seed = seed_draw();
        (void)printf("poolstorm proxy: seed %" PRIu64 "\n", self->seed);
    }
    (void)signal(SIGPIPE, SIG_IGN); /* a peer that has gone is an error of its link alone */
    io_raise_descriptor_limit();
    int rc = interrupt_run("proxy", proxy_main, self, err);
    switch (rc) {
    case 0:
        return EXIT_WELL;
    case -ENOSYS:
    case -EPERM:
        return EXIT_SKIPPED;
    case -EINVAL:
    case -EBADMSG:
    case -ENOENT:
        return EXIT_BAD_INPUT;
    default:
        return EXIT_RUNTIME;
    }
}

const struct command command_proxy = {
    .name = "proxy",
    .summary = "relay connections, with faults on them (a drop-in for Toxiproxy)",
    .usage = "",
    .help =
        "Serves Toxiproxy's control API: its clients and its configuration files do. Proxies are\n"
        "made by it, by --config, or one at once by --listen and --upstream. Prints `poolstorm\n"
        "proxy: control on ADDRESS` once it is ready; ends with SIGTERM or SIGINT, dropping all\n"
        "connections. LOG_LEVEL=info tells on stderr what is changed, debug all requests.\n"
        "Options may be written with one dash, as Toxiproxy's are. Addresses are HOST:PORT or\n"
        "unix:/PATH; names to listen on are localhost and those of /etc/hosts. A --listen without "
        "a\n"
        "HOST is on loopback: say 0.0.0.0:PORT for every address. (What is made by the API or by\n"
        "--config without one is on every address, as Toxiproxy has it.)\n\n"
        "Examples:\n"
        "  poolstorm proxy --listen 127.0.0.1:6432 --upstream 127.0.0.1:5432 --protocol postgres\n"
        "  poolstorm toxic add -t latency -a latency=100 -a jitter=20 proxy\n"
        "  poolstorm proxy -host 0.0.0.0 -config proxies.json -token SECRET\n",
    .options = proxy_options,
    .options_size_bytes = sizeof(struct proxy_command),
    .run = proxy_run,
};
