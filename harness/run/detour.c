/* SPDX-License-Identifier: MIT */
/* detour.c - starts `poolstorm proxy` for a round and puts it in the way. */
#include "run/detour.h"

#include "core/clock.h"
#include "core/fiber.h"
#include "faults/control/client.h"
#include "run/conninfo.h"
#include "run/log.h"
#include "run/port.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define START_NS       (10 * NS_PER_S) /* a machine under load takes its time */
#define LOOK_AGAIN_NS  (2 * NS_PER_MS)
#define GRACE_NS       (500 * NS_PER_MS)
#define LISTENING_LINE "poolstorm proxy: control on "

enum { TRIES_MAX = 5 }; /* a port that was free a moment ago may be taken */

struct detour {
    struct guardian_lease *lease;
    struct control_client client;
    const struct plan *plan;
    char *log_path;
    char *uri, *uri_bare; /* by way of it; NULL: the database has no proxy */
    bool follows;         /* the database's proxy counts queries */
};

static bool needs_proxy(const struct plan *plan, int on)
{
    for (size_t i = 0; i < plan->fault_count; i++)
        if (plan->faults[i].kind.proxied && plan->faults[i].on == on)
            return true;
    return false;
}

static bool needs_queries(const struct plan *plan)
{
    for (size_t i = 0; i < plan->fault_count; i++)
        if (plan->faults[i].kind.proxy && plan->faults[i].kind.proxy->needs_queries)
            return true;
    return false;
}

/* ---- The process ----------------------------------------------------------------------------- */

int detour_check(const struct detour *detour, struct err *err)
{
    int status;
    char text[80];
    if (!detour || !guardian_lease_ended(detour->lease, &status))
        return 0;
    (void)err_set(err, -ESRCH, "the fault proxy (process %d) has ended: %s",
                  (int)guardian_lease_pid(detour->lease),
                  guardian_describe_status(status, text, sizeof(text)));
    return log_add_tail(detour->log_path, -ESRCH, err);
}

int detour_wait(struct ctx *ctx, const struct detour *detour)
{
    return guardian_wait(ctx, detour->lease);
}

static int wait_for_api(struct ctx *ctx, struct detour *detour, struct err *err)
{
    char where[160];
    struct ctx starting;
    ctx_init_timeout(&starting, ctx, START_NS);
    int rc = 0;
    while (!rc && !log_find_line(detour->log_path, LISTENING_LINE, where, sizeof(where))) {
        rc = detour_check(detour, err);
        if (!rc && fiber_sleep(&starting, LOOK_AGAIN_NS))
            rc = err_set(err, ctx_error(&starting), "the fault proxy did not say where it listens");
    }
    ctx_fini(&starting);
    return rc ? rc : control_client_init(&detour->client, where, NULL, err);
}

/* The file that a fault reads, or NULL. */
static const char *file_of(const struct plan_fault *fault)
{
    const struct param *params = fault->kind.proxied ? fault->kind.params : NULL; /* down: none */
    const struct param *file = params ? param_find(params, "file") : NULL;
    return file ? *(char *const *)((const char *)fault->settings + file->offset) : NULL;
}

/* The files that faults of the plan read, and no others: a line each. NULL without memory. */
static char *files_option(const struct plan *plan)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return NULL;
    (void)fputs("--files=", out);
    for (size_t i = 0; i < plan->fault_count; i++)
        if (file_of(&plan->faults[i]))
            (void)fprintf(out, "%s\n", file_of(&plan->faults[i]));
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

static int launch(struct ctx *ctx, struct detour *detour, const struct detour_options *options,
                  struct err *err)
{
    char seed[48];
    (void)snprintf(seed, sizeof(seed), "--seed=%" PRIu64,
                   (options->seed >> 12) | 1); /* as large as a count may be; 0 is none */
    char *files = files_option(options->plan);
    if (!files)
        return err_sys(err, -ENOMEM, "start a fault proxy");
    char *argv[] = {(char[]){"/proc/self/exe"},
                    (char[]){"proxy"},
                    (char[]){"--host=127.0.0.1"},
                    (char[]){"--port=0"},
                    seed,
                    files,
                    NULL};
    char *env[] = {(char[]){"POOLSTORM_TOKEN="}, NULL}; /* of the user's own proxies */
    struct guardian_process wanted = {
        .argv = argv, .env = env, .output_path = options->log_path, .cpus = options->cpus};
    (void)unlink(options->log_path); /* of an earlier run into the same folder */
    int rc = guardian_start(ctx, options->guardian, &wanted, &detour->lease, err);
    free(files);
    return rc;
}

/* ---- Proxies --------------------------------------------------------------------------------- */

int detour_ask(struct ctx *ctx, struct detour *detour, int on, const char *method, const char *path,
               json_t *body, json_t **reply, struct err *err)
{
    char whole[600];
    (void)snprintf(whole, sizeof(whole), "/proxies/%s%s", plan_on_names[on], path);
    int rc = control_ask(ctx, &detour->client, method, whole, body, reply, err);
    return rc < 0 ? rc : 0;
}

/* One try. The port is not left to the proxy: it would not be the same after `down`. */
static int ask_for_proxy(struct ctx *ctx, struct detour *detour, int on, const char *upstream,
                         bool follow, uint16_t *port, struct err *err)
{
    char listen[32];
    int rc = port_find(port, err);
    if (rc)
        return rc;
    (void)snprintf(listen, sizeof(listen), "127.0.0.1:%u", *port);
    json_t *body = json_pack("{s:s, s:s, s:s, s:b}", "name", plan_on_names[on], "listen", listen,
                             "upstream", upstream, "enabled", 1);
    if (body && follow && json_object_set_new(body, "protocol", json_string("postgres")) != 0) {
        json_decref(body);
        body = NULL;
    }
    if (!body)
        return err_sys(err, -ENOMEM, "ask for a proxy");
    rc = control_ask(ctx, &detour->client, "POST", "/proxies", body, NULL, err);
    json_decref(body);
    return rc < 0 ? rc : 0;
}

static int make_proxy(struct ctx *ctx, struct detour *detour, int on, const char *upstream,
                      bool follow, uint16_t *port, struct err *err)
{
    int rc = -EIO; /* what the system refused: the port may have been taken meanwhile */
    for (int tries = 0; tries < TRIES_MAX && rc == -EIO; tries++)
        rc = ask_for_proxy(ctx, detour, on, upstream, follow, port, err);
    return rc ? err_wrap(err, "a proxy before the %s", plan_on_names[on]) : 0;
}

static int go_round_database(struct ctx *ctx, struct detour *detour,
                             const struct detour_options *options, struct err *err)
{
    char upstream[256];
    uint16_t port = 0;
    int rc = conninfo_address(options->uri, upstream, sizeof(upstream), err);
    detour->follows = needs_queries(options->plan);
    if (!rc)
        rc = make_proxy(ctx, detour, PLAN_ON_DATABASE, upstream, detour->follows, &port, err);
    if (!rc)
        rc = conninfo_redirect(&detour->uri, options->uri, port, err);
    return rc ? rc : conninfo_redirect(&detour->uri_bare, options->uri_bare, port, err);
}

int detour_create(struct ctx *ctx, struct detour **out, const struct detour_options *options,
                  struct err *err)
{
    bool database = options->uri && needs_proxy(options->plan, PLAN_ON_DATABASE);
    *out = NULL;
    if (!database && !needs_proxy(options->plan, PLAN_ON_SERVICE))
        return 0;
    struct detour *detour = calloc(1, sizeof(*detour));
    if (!detour)
        return err_sys(err, -ENOMEM, "start a fault proxy");
    detour->plan = options->plan;
    detour->log_path = strdup(options->log_path);
    int rc = detour->log_path ? launch(ctx, detour, options, err)
                              : err_sys(err, -ENOMEM, "start a fault proxy");
    if (!rc)
        rc = wait_for_api(ctx, detour, err);
    if (!rc && database)
        rc = go_round_database(ctx, detour, options, err);
    if (rc)
        detour_destroy(detour);
    else
        *out = detour;
    return rc;
}

void detour_destroy(struct detour *detour)
{
    if (!detour)
        return;
    if (detour->lease)
        (void)guardian_stop(detour->lease, GRACE_NS);
    free(detour->log_path);
    free(detour->uri);
    free(detour->uri_bare);
    free(detour);
}

int detour_serve(struct ctx *ctx, struct detour *detour, struct load_target *target,
                 struct err *err)
{
    char upstream[160], url[64];
    uint16_t port;
    if (!detour || !needs_proxy(detour->plan, PLAN_ON_SERVICE))
        return 0;
    (void)addr_format(&target->addr, upstream, sizeof(upstream));
    int rc = make_proxy(ctx, detour, PLAN_ON_SERVICE, upstream, false, &port, err);
    (void)snprintf(url, sizeof(url), "127.0.0.1:%u", port);
    return rc ? rc : addr_parse(&target->addr, url, err); /* the Host header stays the service's */
}

const char *detour_uri(const struct detour *detour)
{
    return detour ? detour->uri : NULL;
}

const char *detour_uri_bare(const struct detour *detour)
{
    return detour ? detour->uri_bare : NULL;
}

double detour_queries(struct ctx *ctx, struct detour *detour)
{
    json_t *figures = NULL;
    if (!detour || !detour->follows)
        return NAN;
    int rc = detour_ask(ctx, detour, PLAN_ON_DATABASE, "GET", "/figures", NULL, &figures, NULL);
    const json_t *queries = json_object_get(figures, "queries");
    double count = !rc && json_is_integer(queries) ? (double)json_integer_value(queries) : NAN;
    json_decref(figures);
    return count;
}
