/* SPDX-License-Identifier: MIT */
/* cluster.c - initialises, copies, configures, starts and removes a throw-away PostgreSQL. */
#include "run/cluster.h"

#include "core/clock.h"
#include "core/fiber.h"
#include "core/io.h"
#include "postgres/pg.h"
#include "run/log.h"
#include "run/port.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#define LOOK_AGAIN_NS    (2 * NS_PER_MS)  /* between two looks at a server that starts */
#define LOCK_AGAIN_NS    (20 * NS_PER_MS) /* between two tries to get the cache */
#define START_TIMEOUT_NS (30 * NS_PER_S)
#define CACHE_EDITION    "1" /* changes with what initdb is told */

enum {
    PORT_TRIES_MAX = 5, /* two runs may be given the same one */
    WORDS_MAX = 256,    /* of the server's command line */
    PID_FILE_BYTES_MAX = 4096,
};

/* ---- Whom to run as -------------------------------------------------------------------------- */

/* The server refuses to be root. */
static int choose_user(struct cluster *cluster, struct err *err)
{
    static const char *const names[] = {"postgres", "nobody"};
    if (geteuid() != 0)
        return 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const struct passwd *user = getpwnam(names[i]);
        if (!user || user->pw_uid == 0)
            continue;
        cluster->user = names[i];
        cluster->uid = user->pw_uid;
        cluster->gid = user->pw_gid;
        return 0;
    }
    return err_set(err, -ENOENT,
                   "a PostgreSQL server cannot run as root, and there is neither a "
                   "user postgres nor nobody to run it as");
}

/* ---- Tools ----------------------------------------------------------------------------------- */

/* Runs a program to its end. Its words go to the log. */
static int run_tool(struct ctx *ctx, struct cluster *cluster, char *const *argv, const char *user,
                    struct err *err)
{
    struct guardian_lease *lease;
    struct guardian_process process = {.argv = argv,
                                       .folder = cluster->folder.path,
                                       .user = user,
                                       .output_path = cluster->options.log_path};
    char text[80];
    int status = -1;
    int rc = guardian_start(ctx, cluster->options.guardian, &process, &lease, err);
    if (rc)
        return rc;
    rc = guardian_wait(ctx, lease);
    if (rc) {
        (void)guardian_stop(lease, 0);
        return err_set(err, rc, "%s was given up", argv[0]);
    }
    (void)guardian_lease_ended(lease, &status);
    if (status == 0)
        return 0;
    (void)err_set(err, -EIO, "%s: %s", argv[0],
                  guardian_describe_status(status, text, sizeof(text)));
    return log_add_tail(cluster->options.log_path, -EIO, err);
}

/* The C locale sorts alike everywhere. Who may come in is written later. */
static int initialise(struct ctx *ctx, struct cluster *cluster, struct err *err)
{
    char program[SERVER_FOLDER_BYTES + 16];
    (void)snprintf(program, sizeof(program), "%s/initdb", cluster->server.folder);
    char *argv[] = {program,
                    (char[]){"-D"},
                    cluster->data,
                    (char[]){"--username=postgres"},
                    (char[]){"--auth=trust"},
                    (char[]){"--encoding=UTF8"},
                    (char[]){"--locale=C"},
                    (char[]){"--no-sync"},
                    NULL};
    return run_tool(ctx, cluster, argv, cluster->user, err);
}

/* A file system that can share blocks copies nothing. */
static int copy(struct ctx *ctx, struct cluster *cluster, const char *from, const char *to,
                struct err *err)
{
    char source[PATH_MAX], target[PATH_MAX];
    (void)snprintf(source, sizeof(source), "%s", from);
    (void)snprintf(target, sizeof(target), "%s", to);
    char *argv[] = {(char[]){"cp"}, (char[]){"-R"}, (char[]){"--reflink=auto"},
                    source,         target,         NULL};
    return run_tool(ctx, cluster, argv, NULL, err);
}

/* ---- The cache ------------------------------------------------------------------------------- */

/* Its files are ours alone and never the server's user's, who could change what the next run
 * trusts. */
struct cache {
    int lock_fd;             /* held; -1: there is no cache */
    char cluster[PATH_MAX];  /* the folder to copy */
    char building[PATH_MAX]; /* where it is made: whoever has the lock may remove it */
};

static int open_cache(const struct cluster *cluster, struct cache *cache)
{
    char folder[PATH_MAX - 64], path[PATH_MAX];
    const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int length = base && base[0] == '/' ? snprintf(folder, sizeof(folder), "%s/poolstorm", base)
                 : home && home[0] == '/'
                     ? snprintf(folder, sizeof(folder), "%s/.cache/poolstorm", home)
                     : -1;
    cache->lock_fd = -1;
    if (length < 0 || (size_t)length >= sizeof(folder) || folder_make(folder, NULL))
        return -ENOENT;
    (void)snprintf(path, sizeof(path), "%s/lock", folder);
    (void)snprintf(cache->cluster, sizeof(cache->cluster), "%s/postgres-%s-" CACHE_EDITION, folder,
                   cluster->server.version);
    (void)snprintf(cache->building, sizeof(cache->building), "%s/new", folder);
    cache->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return cache->lock_fd < 0 ? -errno : 0;
}

/* Two first runs at once: one makes the cluster, the other waits for it. */
static int lock_cache(struct ctx *ctx, struct cache *cache)
{
    while (flock(cache->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return -errno;
        int rc = fiber_sleep(ctx, LOCK_AGAIN_NS);
        if (rc)
            return rc;
    }
    return 0;
}

/* For the next run. What fails here costs time and nothing else. The last step makes it whole. */
static void keep(struct ctx *ctx, struct cluster *cluster, const struct cache *cache)
{
    folder_remove(cache->building); /* of one that was killed */
    if (copy(ctx, cluster, cluster->data, cache->building, NULL) ||
        rename(cache->building, cache->cluster) != 0)
        folder_remove(cache->building);
}

static int fill(struct ctx *ctx, struct cluster *cluster, struct err *err)
{
    struct cache cache;
    bool cached = open_cache(cluster, &cache) == 0 && lock_cache(ctx, &cache) == 0;
    int rc = ctx_error(ctx);
    if (rc)
        (void)err_set(err, rc, "the cache of clusters was not free in time");
    else if (cached && access(cache.cluster, R_OK | X_OK) == 0)
        rc = copy(ctx, cluster, cache.cluster, cluster->data, err);
    else
        rc = initialise(ctx, cluster, err);
    if (!rc && cached && access(cache.cluster, F_OK) != 0)
        keep(ctx, cluster, &cache);
    if (cache.lock_fd >= 0)
        (void)close(cache.lock_fd);
    return rc;
}

/* ---- Its files ------------------------------------------------------------------------------- */

static int draw_password(struct cluster *cluster, struct err *err)
{
    unsigned char chance[(CLUSTER_PASSWORD_BYTES - 1) / 2];
    if (getrandom(chance, sizeof(chance), 0) != (ssize_t)sizeof(chance))
        return err_sys(err, -errno, "getrandom");
    for (size_t i = 0; i < sizeof(chance); i++)
        (void)snprintf(cluster->password + 2 * i, 3, "%02x", chance[i]);
    return 0;
}

/* The socket's folder is closed to everyone else, so those who can reach it may come in. */
static int write_access(const struct cluster *cluster, struct err *err)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/pg_hba.conf", cluster->data);
    FILE *file = fopen(path, "we");
    if (!file)
        return err_sys(err, -errno, "write %s", path);
    (void)fputs("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n", file);
    return fclose(file) == 0 ? 0 : err_sys(err, -errno, "write %s", path);
}

static int prepare_files(struct ctx *ctx, struct cluster *cluster, struct err *err)
{
    int rc = folder_create(ctx, &cluster->folder, cluster->options.guardian, err);
    if (rc)
        return rc;
    (void)snprintf(cluster->data, sizeof(cluster->data), "%s/data", cluster->folder.path);
    if (cluster->user)
        rc = folder_give(cluster->folder.path, cluster->uid, cluster->gid, err);
    if (!rc)
        rc = fill(ctx, cluster, err);
    if (!rc)
        rc = write_access(cluster, err);
    if (!rc && cluster->user)
        rc = folder_give(cluster->data, cluster->uid, cluster->gid, err);
    return rc ? rc : draw_password(cluster, err);
}

/* ---- Starting -------------------------------------------------------------------------------- */

/* See cluster.h. Shared memory is in anonymous mappings and in files of the folder, so that none
 * outlives a server that is killed (of System V there is a lock's worth, see lease_process.c). */
static const char *const usual_settings[] = {
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "autovacuum=off",
    "checkpoint_timeout=1h",
    "max_wal_size=4GB",
    "wal_level=minimal",
    "max_wal_senders=0",
    "log_checkpoints=off",
    "listen_addresses=127.0.0.1",
    "shared_memory_type=mmap",
    "dynamic_shared_memory_type=mmap",
    "logging_collector=off",
    "log_destination=stderr",
    "ssl=off",
};

/* A command line under construction; what it holds is its own. */
struct words {
    char *items[WORDS_MAX + 1];
    size_t count;
    bool failed;
};

__attribute__((format(printf, 2, 3))) static void add_word(struct words *words, const char *format,
                                                           ...)
{
    va_list args;
    va_start(args, format);
    if (words->count == WORDS_MAX || vasprintf(&words->items[words->count], format, args) < 0)
        words->failed = true;
    else
        words->items[++words->count] = NULL;
    va_end(args);
}

/* Of two settings of the same name the later one counts: the scenario's come last. */
static void write_words(const struct cluster *cluster, struct words *words)
{
    const struct plan_database *plan = &cluster->options.plan->database;
    add_word(words, "%s/postgres", cluster->server.folder);
    add_word(words, "-D");
    add_word(words, "%s", cluster->data);
    add_word(words, "-cport=%u", cluster->port);
    add_word(words, "-cunix_socket_directories=%s", cluster->folder.path);
    for (size_t i = 0; i < sizeof(usual_settings) / sizeof(*usual_settings); i++)
        add_word(words, "-c%s", usual_settings[i]);
    for (size_t i = 0; i < plan->setting_count; i++)
        add_word(words, "-c%s=%s", plan->settings[i].name, plan->settings[i].value);
}

static int launch(struct ctx *ctx, struct cluster *cluster, struct err *err)
{
    struct words words = {0};
    write_words(cluster, &words);
    struct guardian_process process = {.argv = words.items,
                                       .folder = cluster->data,
                                       .user = cluster->user,
                                       .output_path = cluster->options.log_path,
                                       .cpus = cluster->options.cpus};
    int rc = words.failed
                 ? err_sys(err, -ENOMEM, "start PostgreSQL")
                 : guardian_start(ctx, cluster->options.guardian, &process, &cluster->lease, err);
    for (size_t i = 0; i < words.count; i++)
        free(words.items[i]);
    return rc;
}

/* The server's state is the eighth line of its postmaster.pid, as pg_ctl looks at it. */
static bool is_ready(const struct cluster *cluster)
{
    char path[PATH_MAX], *text;
    size_t length;
    (void)snprintf(path, sizeof(path), "%s/postmaster.pid", cluster->data);
    if (io_read_file(path, PID_FILE_BYTES_MAX, &text, &length))
        return false;
    const char *line = text;
    for (int i = 1; i < 8 && line; i++)
        line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL;
    bool ready =
        line && atoi(text) == guardian_lease_pid(cluster->lease) && strncmp(line, "ready", 5) == 0;
    free(text);
    return ready;
}

/* A setting the server does not like is the scenario's mistake: it names it in quotes. */
static int explain(const struct cluster *cluster, size_t log_offset, struct err *err)
{
    const struct plan *plan = cluster->options.plan;
    char *said = log_find_last(cluster->options.log_path, log_offset, "FATAL:");
    const char *what = said ? said + strlen("FATAL:") : "";
    what += strspn(what, " ");
    int rc = -EIO;
    for (size_t i = 0; said && i < plan->database.setting_count && rc == -EIO; i++) {
        const struct plan_database_setting *setting = &plan->database.settings[i];
        char quoted[128];
        (void)snprintf(quoted, sizeof(quoted), "\"%s\"", setting->name);
        if (strcasestr(said, quoted))
            rc = err_set(err, -EINVAL, "%.200s:%zu:%zu: PostgreSQL %s refuses: %s", plan->path,
                         setting->where.line, setting->where.column, cluster->server.version, what);
    }
    free(said);
    if (rc != -EIO)
        return rc;
    (void)err_set(err, rc, "PostgreSQL did not start");
    return log_add_tail(cluster->options.log_path, rc, err);
}

static int wait_until_ready(struct ctx *ctx, struct cluster *cluster, size_t log_offset,
                            struct err *err)
{
    struct ctx starting;
    ctx_init_timeout(&starting, ctx, START_TIMEOUT_NS);
    int rc = 0;
    while (!rc && !is_ready(cluster)) {
        if (guardian_lease_ended(cluster->lease, NULL))
            rc = explain(cluster, log_offset, err);
        else if (fiber_sleep(&starting, LOOK_AGAIN_NS))
            rc = err_set(err, ctx_error(&starting), "PostgreSQL did not become ready in time");
    }
    ctx_fini(&starting);
    return rc;
}

static bool lost_port(const struct cluster *cluster, size_t log_offset)
{
    char *said = log_find_last(cluster->options.log_path, log_offset, "could not bind");
    bool lost = said != NULL;
    free(said);
    return lost;
}

/* On the port it had, or on a new one when that is 0. */
static int try_start(struct ctx *ctx, struct cluster *cluster, size_t log_offset, struct err *err)
{
    int rc = cluster->port ? 0 : port_find(&cluster->port, err);
    if (!rc)
        rc = launch(ctx, cluster, err);
    if (!rc)
        rc = wait_until_ready(ctx, cluster, log_offset, err);
    if (rc && cluster->lease) {
        (void)guardian_stop(cluster->lease, 0);
        cluster->lease = NULL;
    }
    return rc;
}

static int start_somewhere(struct ctx *ctx, struct cluster *cluster, struct err *err)
{
    for (int i = 1;; i++) {
        size_t log_offset = log_length(cluster->options.log_path);
        cluster->port = 0;
        int rc = try_start(ctx, cluster, log_offset, err);
        if (!rc || i == PORT_TRIES_MAX || !lost_port(cluster, log_offset))
            return rc;
    }
}

int cluster_restart(struct ctx *ctx, struct cluster *cluster, struct err *err)
{
    if (cluster->lease)
        (void)guardian_stop(cluster->lease, 0); /* its children may have survived it */
    cluster->lease = NULL;
    return try_start(ctx, cluster, log_length(cluster->options.log_path), err);
}

/* Superusers may use the connections that are kept for them: the subject is none, so that whoever
 * observes always gets in. It may look at all sessions and end its own. */
static int make_user(struct ctx *ctx, struct cluster *cluster, struct err *err)
{
    char conninfo[FOLDER_PATH_BYTES_MAX + 100], sql[400];
    struct pg *pg;
    (void)snprintf(conninfo, sizeof(conninfo), "host=%s port=%u user=postgres dbname=postgres",
                   cluster->folder.path, cluster->port);
    int rc = pg_connect(ctx, &pg, conninfo, NULL, err);
    if (rc)
        return rc;
    (void)snprintf(sql, sizeof(sql),
                   "CREATE ROLE " CLUSTER_USER " LOGIN PASSWORD '%s';"
                   "GRANT pg_monitor, pg_signal_backend%s TO " CLUSTER_USER ";"
                   "GRANT CREATE ON DATABASE postgres TO " CLUSTER_USER,
                   cluster->password, cluster->server.number >= 150000 ? ", pg_checkpoint" : "");
    rc = pg_exec(ctx, pg, sql, NULL, err);
    pg_close(pg);
    return rc;
}

int cluster_start(struct ctx *ctx, struct cluster *cluster, const struct cluster_options *options,
                  struct err *err)
{
    *cluster = (struct cluster){.options = *options};
    int rc = server_find(&cluster->server, err);
    if (!rc)
        rc = choose_user(cluster, err);
    if (!rc)
        rc = prepare_files(ctx, cluster, err);
    if (!rc)
        rc = start_somewhere(ctx, cluster, err);
    if (!rc)
        rc = make_user(ctx, cluster, err);
    if (rc)
        cluster_stop(cluster);
    return rc;
}

void cluster_stop(struct cluster *cluster)
{
    if (cluster->lease)
        (void)guardian_stop(cluster->lease, 0); /* nothing of it is wanted any more */
    cluster->lease = NULL;
    folder_destroy(&cluster->folder);
}
