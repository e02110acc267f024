/* SPDX-License-Identifier: MIT */
/* database.c - a schema for the run, the scenario's SQL, and what can be told of the server. */
#include "run/database.h"

#include "core/clock.h"
#include "core/fiber.h"
#include "postgres/pg.h"
#include "run/cluster.h"
#include "run/conninfo.h"
#include "run/process_tree.h"
#include "run/script.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

/* Backends that were told to end are looked for so often, and for so long. */
#define SESSIONS_LOOK_NS (5 * NS_PER_MS)
#define SESSIONS_END_NS  (5 * NS_PER_S)

/* How long a throw-away server may go on working for those, and what it still uses when calm. */
#define CALM_NS      (5 * NS_PER_S)
#define CALM_LOOK_NS (50 * NS_PER_MS)
#define CALM_CPU_NS  (10 * NS_PER_MS)

/* As long the user's own server has to answer. */
#define CHECK_NS (5 * NS_PER_S)

struct run_database {
    struct run_database_options options;
    struct cluster cluster;              /* zeroed with the user's own server */
    struct guardian_lease *schema_lease; /* of the user's own; NULL otherwise */
    char schema[64];                     /* also what its sessions call themselves */
    char *uri, *uri_bare, *password;     /* for the subject */
    char *scripts;                       /* uri, resolved: for the scenario's SQL */
    char *conninfo;                      /* see run_database_conninfo */
    char description[256];
};

/* ---- Connection strings ---------------------------------------------------------------------- */

/* poolstorm_20240517_093000_1a2b3c4d: to be recognised by whoever finds it. */
static int name_schema(struct run_database *database, struct err *err)
{
    uint32_t chance;
    char stamp[32] = "";
    struct tm parts;
    time_t now = time(NULL);
    if (getrandom(&chance, sizeof(chance), 0) != (ssize_t)sizeof(chance))
        return err_sys(err, -errno, "getrandom");
    if (gmtime_r(&now, &parts))
        (void)strftime(stamp, sizeof(stamp), "%Y%m%d_%H%M%S", &parts);
    (void)snprintf(database->schema, sizeof(database->schema), "poolstorm_%s_%08" PRIx32, stamp,
                   chance);
    return 0;
}

/* From one that leads to the database, and one for the runner's own sessions. */
static int write_strings(struct run_database *database, const char *base, const char *runners,
                         struct err *err)
{
    char *uri = NULL;
    int rc = conninfo_rewrite(&database->uri, base, database->schema, true, err);
    if (!rc)
        rc = conninfo_rewrite(&database->uri_bare, base, database->schema, false, err);
    if (!rc)
        rc = pg_resolve(&database->scripts, database->uri, err);
    if (!rc)
        rc = conninfo_rewrite(&uri, runners, database->schema, true, err);
    if (!rc)
        rc = pg_resolve(&database->conninfo, uri, err);
    free(uri);
    database->password = conninfo_password(base);
    return rc;
}

/* ---- The two kinds of servers ---------------------------------------------------------------- */

static int start_cluster(struct ctx *ctx, struct run_database *database, struct err *err)
{
    struct cluster *cluster = &database->cluster;
    struct cluster_options options = {
        .guardian = database->options.guardian,
        .plan = database->options.plan,
        .cpus = database->options.cpus,
        .log_path = database->options.log_path,
    };
    int rc = cluster_start(ctx, cluster, &options, err);
    if (rc)
        return rc;
    char base[200], runners[200];
    (void)snprintf(base, sizeof(base), "postgresql://" CLUSTER_USER ":%s@127.0.0.1:%u/postgres",
                   cluster->password, cluster->port);
    (void)snprintf(runners, sizeof(runners), "host=%s port=%u user=postgres dbname=postgres",
                   cluster->folder.path, cluster->port);
    return write_strings(database, base, runners, err);
}

static int enter_own(struct run_database *database, struct err *err)
{
    const char *own = database->options.own;
    int rc = conninfo_check(own, database->options.allowed, err);
    if (!rc)
        rc = write_strings(database, own, own, err);
    return rc ? err_wrap(err, "--database") : 0;
}

/* ---- The schema ------------------------------------------------------------------------------ */

/* What the scenario wants of a server that is not ours to configure: in the record, as it is. */
static int describe_settings(struct ctx *ctx, struct run_database *database, struct pg *pg,
                             struct err *err)
{
    const struct plan_database *plan = &database->options.plan->database;
    int rc = 0;
    for (size_t i = 0; i < plan->setting_count && !rc; i++) {
        const char *const name[] = {plan->settings[i].name};
        PGresult *result = NULL;
        rc = pg_exec_params(ctx, pg, "SELECT current_setting($1, true)", 1, name, &result, err);
        size_t used = strlen(database->description);
        if (!rc)
            (void)snprintf(database->description + used, sizeof(database->description) - used,
                           ", its own %s=%s", name[0], PQgetvalue(result, 0, 0));
        PQclear(result);
    }
    return rc;
}

static int describe(struct ctx *ctx, struct run_database *database, struct pg *pg, struct err *err)
{
    PGresult *result = NULL;
    char place[160];
    int rc = pg_exec(ctx, pg, "SHOW server_version", &result, err);
    if (rc)
        return rc;
    const char *version = PQgetvalue(result, 0, 0);
    (void)snprintf(database->description, sizeof(database->description), "PostgreSQL %.*s, %s",
                   (int)strcspn(version, " "), version,
                   database->options.own
                       ? conninfo_describe(database->options.own, place, sizeof(place))
                       : "throw-away");
    PQclear(result);
    return database->options.own ? describe_settings(ctx, database, pg, err) : 0;
}

/* In the user's own the lease comes before the schema: there is no moment at which nobody would
 * drop it. A throw-away server goes as a whole. */
static int make_schema(struct ctx *ctx, struct run_database *database, struct pg *pg,
                       struct err *err)
{
    const char *words[] = {"schema", database->schema, database->conninfo, NULL};
    char sql[128];
    int rc = 0;
    if (database->options.own)
        rc = guardian_take(ctx, database->options.guardian, words, &database->schema_lease, err);
    (void)snprintf(sql, sizeof(sql), "CREATE SCHEMA %s", database->schema);
    if (!rc)
        rc = pg_exec(ctx, pg, sql, NULL, err);
    return rc ? err_wrap(err, "make a schema for the run") : 0;
}

static int set_up(struct ctx *ctx, struct run_database *database, struct err *err)
{
    const struct plan *plan = database->options.plan;
    struct pg *pg;
    int rc = pg_connect(ctx, &pg, database->scripts, NULL, err);
    if (rc)
        return rc == -ENOENT ? -EINVAL : rc; /* no such database: a mistake, nothing is missing */
    rc = make_schema(ctx, database, pg, err);
    if (!rc)
        rc = describe(ctx, database, pg, err);
    if (!rc)
        rc = script_run(ctx, pg, &plan->database.setup, plan->path, err);
    pg_close(pg);
    return rc;
}

/* ---- Life ------------------------------------------------------------------------------------ */

int run_database_create(struct ctx *ctx, struct run_database **out,
                        const struct run_database_options *options, struct err *err)
{
    struct run_database *database = calloc(1, sizeof(*database));
    *out = NULL;
    if (!database)
        return err_sys(err, -ENOMEM, "start a database");
    database->options = *options;
    int rc = name_schema(database, err);
    if (!rc)
        rc = options->own ? enter_own(database, err) : start_cluster(ctx, database, err);
    if (!rc)
        rc = set_up(ctx, database, err);
    if (rc)
        run_database_destroy(database);
    else
        *out = database;
    return rc;
}

void run_database_destroy(struct run_database *database)
{
    if (!database)
        return;
    if (database->schema_lease)
        (void)guardian_stop(database->schema_lease, 0);
    cluster_stop(&database->cluster);
    free(database->uri);
    free(database->uri_bare);
    free(database->password);
    free(database->scripts);
    free(database->conninfo);
    free(database);
}

/* Whose sessions are the run's: all of a throw-away server, of the user's own by their name. */
static int count_ended(struct ctx *ctx, struct run_database *database, struct pg *pg, int *left,
                       struct err *err)
{
    const char *name = database->options.own ? database->schema : "";
    PGresult *result = NULL;
    char sql[320];
    (void)snprintf(sql, sizeof(sql),
                   "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE "
                   "backend_type = 'client backend' AND pid <> pg_backend_pid() AND "
                   "('%s' = '' OR application_name = '%s')",
                   name, name);
    int rc = pg_exec(ctx, pg, sql, &result, err);
    *left = rc ? 0 : atoi(PQgetvalue(result, 0, 0));
    PQclear(result);
    return rc;
}

/* What a round before has left at work on the server, queries that were abandoned or closed on,
 * would be at work in the next one, too. */
static int end_sessions(struct ctx *ctx, struct run_database *database, struct err *err)
{
    struct ctx patience;
    struct pg *pg;
    int left = 0;
    int rc = pg_connect(ctx, &pg, database->conninfo, NULL, err);
    if (rc)
        return rc;
    ctx_init_timeout(&patience, ctx, SESSIONS_END_NS);
    do {
        rc = count_ended(&patience, database, pg, &left, err);
    } while (!rc && left > 0 && (rc = fiber_sleep(&patience, SESSIONS_LOOK_NS)) == 0);
    ctx_fini(&patience);
    pg_close(pg);
    return rc ? err_wrap(err, "end what the round before has left on the server") : 0;
}

/* Connections that nobody took up wait in the listener's queue, where each costs the server a
 * process before it finds that its client has gone, and the next subject's would stand behind them
 * all, or find the queue full and try again a second later. The queue is in order: who gets in the
 * way the subject does has seen them off. The runner's own way is another one. */
static int pass_queue(struct ctx *ctx, struct run_database *database, struct err *err)
{
    struct ctx patience;
    struct pg *pg;
    int rc;
    ctx_init_timeout(&patience, ctx, SESSIONS_END_NS);
    do {
        rc = pg_connect(&patience, &pg, database->scripts, NULL, err);
    } while ((rc == -EUSERS || rc == -EAGAIN) && !fiber_sleep(&patience, SESSIONS_LOOK_NS));
    ctx_fini(&patience);
    if (rc)
        return err_wrap(err, "get past what the round before has left in the server's queue");
    pg_close(pg);
    return 0;
}

/* Sessions that were just starting are seen nowhere but in what they cost. A server that does not
 * calm down (the scenario's own jobs, perhaps) is no error. */
static int wait_for_calm(struct ctx *ctx, const struct run_database *database)
{
    uint64_t before_ns = 0, after_ns = 0, end_ns = clock_now_ns() + CALM_NS;
    int rc = 0;
    bool busy = run_database_cpu_ns(database, &before_ns);
    while (busy && !rc && clock_now_ns() < end_ns) {
        rc = fiber_sleep(ctx, CALM_LOOK_NS);
        busy = run_database_cpu_ns(database, &after_ns) && after_ns > before_ns + CALM_CPU_NS;
        before_ns = after_ns;
    }
    return rc;
}

static int run_each_round(struct ctx *ctx, struct run_database *database, struct err *err)
{
    const struct plan *plan = database->options.plan;
    struct pg *pg;
    if (!plan->database.each_round.text)
        return 0;
    int rc = pg_connect(ctx, &pg, database->scripts, NULL, err);
    if (rc)
        return rc;
    rc = script_run(ctx, pg, &plan->database.each_round, plan->path, err);
    pg_close(pg);
    return rc;
}

int run_database_begin_round(struct ctx *ctx, struct run_database *database, struct err *err)
{
    int rc =
        run_database_ended(database, NULL, 0) ? cluster_restart(ctx, &database->cluster, err) : 0;
    if (!rc)
        rc = pass_queue(ctx, database, err);
    if (!rc)
        rc = end_sessions(ctx, database, err);
    if (!rc)
        rc = run_each_round(ctx, database, err);
    return rc ? rc : wait_for_calm(ctx, database);
}

bool run_database_ended(const struct run_database *database, char *text, size_t size_bytes)
{
    char end[80];
    int status = -1;
    const struct guardian_lease *lease = database->cluster.lease;
    if (database->options.own)
        return false;
    if (lease && !guardian_lease_ended(lease, &status))
        return false;
    if (text)
        (void)snprintf(text, size_bytes, "the database's server (process %d) ended: %s",
                       lease ? (int)guardian_lease_pid(lease) : 0,
                       guardian_describe_status(status, end, sizeof(end)));
    return true;
}

int run_database_check(struct ctx *ctx, const struct run_database *database, struct err *err)
{
    char text[200];
    struct ctx patience;
    struct pg *pg;
    if (run_database_ended(database, text, sizeof(text)))
        return err_set(err, -ECONNREFUSED, "%s", text);
    if (!database->options.own)
        return 0;
    ctx_init_timeout(&patience, ctx, CHECK_NS);
    int rc = pg_connect(&patience, &pg, database->conninfo, NULL, err);
    ctx_fini(&patience);
    if (!rc)
        pg_close(pg);
    return rc ? err_wrap(err, "the database does not answer") : 0;
}

/* ---- What it tells --------------------------------------------------------------------------- */

const char *run_database_uri(const struct run_database *database)
{
    return database->uri;
}

const char *run_database_uri_bare(const struct run_database *database)
{
    return database->uri_bare;
}

const char *run_database_password(const struct run_database *database)
{
    return database->password ? database->password : "";
}

const char *run_database_conninfo(const struct run_database *database)
{
    return database->conninfo;
}

const char *run_database_describe(const struct run_database *database)
{
    return database->description;
}

/* Servers fork a process a session and wait for them: what has ended counts with the server. */
bool run_database_cpu_ns(const struct run_database *database, uint64_t *cpu_ns)
{
    return !database->options.own && !run_database_ended(database, NULL, 0) &&
           process_tree_cpu_ns(guardian_lease_pid(database->cluster.lease), cpu_ns);
}
