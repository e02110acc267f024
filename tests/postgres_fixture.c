/* SPDX-License-Identifier: MIT */
/* postgres_fixture.c - a private, throw-away PostgreSQL for a test program. */
#include "postgres_fixture.h"

#include "test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    TRIES = 3000, /* of TRY_MS, until the server must be there */
    TRY_MS = 10,
};

static const char access_rules[] = "local all all trust\n"
                                   "host all locked 127.0.0.1/32 scram-sha-256\n"
                                   "host all banned 127.0.0.1/32 reject\n"
                                   "host all all 127.0.0.1/32 trust\n";

static const char *const seeds[] = {
    "CREATE ROLE locked LOGIN PASSWORD 'open sesame'",
    "CREATE ROLE banned LOGIN",
    "CREATE ROLE tester LOGIN",
    "CREATE ROLE single LOGIN CONNECTION LIMIT 1",
    "CREATE DATABASE test OWNER tester",
};

/* ---- Programs -------------------------------------------------------------------------------- */

static char programs[256]; /* the folder of the newest server's, "" when there is none */

bool postgres_is_installed(void)
{
    glob_t found = {0};
    double best = -1;
    if (glob("/usr/lib/postgresql/*/bin/postgres", 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            double version = strtod(found.gl_pathv[i] + strlen("/usr/lib/postgresql/"), NULL);
            if (version <= best)
                continue;
            best = version;
            (void)snprintf(programs, sizeof(programs), "%s", found.gl_pathv[i]);
            *strrchr(programs, '/') = '\0';
        }
    }
    globfree(&found);
    if (best < 0)
        printf("1..0 # SKIP no PostgreSQL server is installed\n");
    return best >= 0;
}

static const struct passwd *server_user(void)
{
    const struct passwd *user = getpwnam("postgres");
    return user ? user : getpwnam("nobody");
}

/* Root starts no PostgreSQL. */
static void drop_privileges(void)
{
    if (geteuid() != 0)
        return;
    const struct passwd *user = server_user();
    if (!user || setgroups(0, NULL) || setgid(user->pw_gid) || setuid(user->pw_uid))
        _exit(126);
}

/* In a child: runs a shell's command, which dies with its parent, its words in a log. */
static void become(const char *folder, const char *command)
{
    drop_privileges();
    (void)prctl(PR_SET_PDEATHSIG, SIGQUIT); /* after the change of user, which clears it */
    (void)setenv("LC_ALL", "C", 1);
    int log = chdir(folder) ? -1 : open("log", O_WRONLY | O_CREAT | O_APPEND, 0600);
    int nothing = open("/dev/null", O_RDONLY);
    if (log < 0 || nothing < 0 || dup2(nothing, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
        _exit(126);
    execlp("sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

static pid_t spawn(const char *folder, const char *command)
{
    pid_t pid = fork();
    if (pid == 0)
        become(folder, command);
    return pid;
}

static bool run(const char *folder, const char *command)
{
    int status = -1;
    pid_t pid = spawn(folder, command);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* ---- The keeper ------------------------------------------------------------------------------ */

static bool write_rules(const struct postgres *server)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/data/pg_hba.conf", server->folder);
    FILE *rules = fopen(path, "w");
    return rules && fputs(access_rules, rules) >= 0 && fclose(rules) == 0;
}

static bool write_settings(const struct postgres *server, const char *const *settings, bool tls)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/data/postgresql.conf", server->folder);
    FILE *file = fopen(path, "a");
    if (!file)
        return false;
    (void)fprintf(file,
                  "port = %d\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '%s'\n"
                  "fsync = off\nshared_buffers = 16MB\nssl = %s\n",
                  server->port, server->folder, tls ? "on" : "off");
    for (; settings && *settings; settings++)
        (void)fprintf(file, "%s\n", *settings);
    return fclose(file) == 0;
}

static pid_t launch(const struct postgres *server, const char *const *settings, bool tls)
{
    static const char certificate[] = "openssl req -x509 -nodes -newkey rsa:2048 -days 2 "
                                      "-subj /CN=localhost -keyout data/server.key "
                                      "-out data/server.crt";
    char command[512];
    (void)snprintf(command, sizeof(command),
                   "%s/initdb -D data --auth=trust --username=postgres --no-sync --no-locale "
                   "--encoding=UTF8",
                   programs);
    if (!run(server->folder, command) || (tls && !run(server->folder, certificate)) ||
        !write_rules(server) || !write_settings(server, settings, tls))
        return -1;
    (void)snprintf(command, sizeof(command), "exec %s/postgres -D data", programs);
    return spawn(server->folder, command);
}

/* Waits for the other end of leash to be closed, by whomever; nothing of the server remains. */
static void keep(const char *folder, pid_t postmaster, int leash)
{
    char unexpected;
    while (read(leash, &unexpected, 1) < 0 && errno == EINTR)
        ;
    if (postmaster > 0) {
        (void)kill(postmaster, SIGQUIT); /* immediate shutdown */
        (void)kill(postmaster, SIGCONT); /* a test may have stopped it */
        (void)waitpid(postmaster, NULL, 0);
    }
    pid_t pid = fork();
    if (pid == 0) {
        execlp("rm", "rm", "-rf", folder, (char *)NULL);
        _exit(127);
    }
    (void)waitpid(pid, NULL, 0);
    _exit(0);
}

/* Blocks the signals a terminal sends to all at once: the leash decides. */
static void run_keeper(struct postgres *server, const char *const *settings, bool tls, int leash,
                       int report)
{
    (void)setsid();
    if (dup2(leash, 3) < 0 || dup2(report, 4) < 0 || close_range(5, ~0u, 0) ||
        fcntl(3, F_SETFD, FD_CLOEXEC) || fcntl(4, F_SETFD, FD_CLOEXEC))
        _exit(1);
    pid_t postmaster = launch(server, settings, tls);
    bool told = write(4, &postmaster, sizeof(postmaster)) == sizeof(postmaster);
    (void)close(4);
    keep(server->folder, told ? postmaster : -1, 3);
}

/* ---- Starting -------------------------------------------------------------------------------- */

static int free_port(void)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(name);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_ok(bind(fd, (struct sockaddr *)&name, length));
    assert_ok(getsockname(fd, (struct sockaddr *)&name, &length));
    (void)close(fd);
    return ntohs(name.sin_port);
}

static void make_folder(struct postgres *server)
{
    strcpy(server->folder, "/tmp/poolstorm-postgres-XXXXXX");
    assert_non_null(mkdtemp(server->folder));
    if (geteuid() == 0) {
        const struct passwd *user = server_user();
        assert_non_null(user);
        assert_ok(chown(server->folder, user->pw_uid, user->pw_gid));
    }
}

static void start_keeper(struct postgres *server, const char *const *settings, bool tls)
{
    int leash[2], report[2];
    assert_ok(pipe2(leash, O_CLOEXEC));
    assert_ok(pipe2(report, O_CLOEXEC));
    (void)fflush(stdout);
    server->keeper = fork();
    assert_int_not_equal(server->keeper, -1);
    if (server->keeper == 0)
        run_keeper(server, settings, tls, leash[0], report[1]);
    (void)close(leash[0]);
    (void)close(report[1]);
    server->leash = leash[1];
    ssize_t got = read(report[0], &server->postmaster, sizeof(server->postmaster));
    (void)close(report[0]);
    if (got != sizeof(server->postmaster) || server->postmaster < 0)
        fail_msg("no cluster could be made in %s", server->folder);
}

static bool await_server(const struct postgres *server)
{
    const struct timespec pause = {.tv_nsec = TRY_MS * 1000000L};
    for (int i = 0; i < TRIES; i++) {
        if (PQping(postgres_unix(server, "postgres", "dbname=postgres")) == PQPING_OK)
            return true;
        if (kill(server->postmaster, 0) != 0)
            return false; /* most likely somebody else took the port */
        (void)nanosleep(&pause, NULL);
    }
    return false;
}

static void seed(const struct postgres *server)
{
    PGconn *conn = PQconnectdb(postgres_unix(server, "postgres", "dbname=postgres"));
    for (size_t i = 0; i < sizeof(seeds) / sizeof(*seeds); i++) {
        PGresult *result = PQexec(conn, seeds[i]);
        if (PQresultStatus(result) != PGRES_COMMAND_OK)
            fail_msg("%s: %s", seeds[i], PQerrorMessage(conn));
        PQclear(result);
    }
    PQfinish(conn);
}

void postgres_start(struct postgres *server, const char *const *settings, bool tls)
{
    for (int i = 0; i < 3; i++) {
        *server = (struct postgres){.port = free_port()};
        make_folder(server);
        start_keeper(server, settings, tls);
        if (await_server(server)) {
            seed(server);
            return;
        }
        postgres_stop(server);
    }
    fail_msg("PostgreSQL does not start");
}

void postgres_stop(struct postgres *server)
{
    (void)close(server->leash);
    (void)waitpid(server->keeper, NULL, 0);
}

/* ---- Connection strings ---------------------------------------------------------------------- */

static const char *conninfo(const char *host, int port, const char *role, const char *more)
{
    static char buffers[2][512];
    static unsigned turn;
    char *text = buffers[turn++ % 2];
    (void)snprintf(text, sizeof(buffers[0]), "host=%s port=%d user=%s dbname=test %s", host, port,
                   role, more);
    return text;
}

const char *postgres_tcp(const struct postgres *server, const char *role, const char *more)
{
    return conninfo("127.0.0.1", server->port, role, more);
}

const char *postgres_unix(const struct postgres *server, const char *role, const char *more)
{
    return conninfo(server->folder, server->port, role, more);
}
