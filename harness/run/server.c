/* SPDX-License-Identifier: MIT */
/* server.c - asks every PostgreSQL server that can be found for its version. */
#include "run/server.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ANSWER_MS_MAX = 5000 };

/* Debian, Red Hat, by hand, installers, Nix. */
static const char *const usual_folders[] = {
    "/usr/lib/postgresql/*/bin", "/usr/lib/postgresql*/bin",   "/usr/pgsql-*/bin",
    "/usr/local/pgsql/bin",      "/usr/local/pgsql-*/bin",     "/opt/postgresql*/bin",
    "/opt/PostgreSQL/*/bin",     "/run/current-system/sw/bin",
};

/* Starts `path --version` with its words going to fd. */
static int start(const char *path, int fd, pid_t *pid)
{
    char *argv[] = {strdup(path), (char[]){"--version"}, NULL};
    posix_spawn_file_actions_t actions;
    if (!argv[0])
        return -ENOMEM;
    (void)posix_spawn_file_actions_init(&actions);
    int rc = posix_spawn_file_actions_adddup2(&actions, fd, STDOUT_FILENO);
    if (!rc)
        rc = posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (!rc)
        rc = posix_spawn(pid, path, &actions, NULL, argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    free(argv[0]);
    return -rc;
}

/* What it answers, in one piece: it is short. */
static bool ask(const char *path, char *answer, size_t size_bytes)
{
    int fds[2];
    pid_t pid = 0;
    if (pipe2(fds, O_CLOEXEC) != 0)
        return false;
    bool started = start(path, fds[1], &pid) == 0 && pid > 0;
    (void)close(fds[1]);
    ssize_t length = -1;
    struct pollfd readable = {.fd = fds[0], .events = POLLIN};
    if (started && poll(&readable, 1, ANSWER_MS_MAX) == 1)
        length = read(fds[0], answer, size_bytes - 1);
    (void)close(fds[0]);
    if (started && length < 0)
        (void)kill(pid, SIGKILL);
    if (started)
        (void)waitpid(pid, NULL, 0);
    answer[length > 0 ? length : 0] = '\0';
    return length > 0;
}

/* "postgres (PostgreSQL) 15.13 (Debian 15.13-0)", "… 18beta1": minor 0. */
static bool read_version(const char *answer, struct server *server)
{
    static const char name[] = "(PostgreSQL) ";
    unsigned major = 0, minor = 0;
    const char *at = strstr(answer, name);
    if (!at || sscanf(at + strlen(name), "%u.%u", &major, &minor) < 1)
        return false;
    at += strlen(name);
    (void)snprintf(server->version, sizeof(server->version), "%.*s", (int)strcspn(at, " \n"), at);
    server->number = major * 10000 + minor;
    return true;
}

/* Takes the server of a folder when it is whole and newer than what there is. */
static void consider(struct server *best, const char *folder)
{
    char path[SERVER_FOLDER_BYTES + 16], answer[200];
    struct server found = {0};
    if (folder[0] != '/' ||
        snprintf(found.folder, sizeof(found.folder), "%s", folder) >= (int)sizeof(found.folder))
        return;
    (void)snprintf(path, sizeof(path), "%s/initdb", folder);
    if (access(path, X_OK) != 0)
        return;
    (void)snprintf(path, sizeof(path), "%s/postgres", folder);
    if (access(path, X_OK) == 0 && ask(path, answer, sizeof(answer)) &&
        read_version(answer, &found) && found.number > best->number)
        *best = found;
}

static void consider_path(struct server *best)
{
    const char *path = getenv("PATH");
    char folder[SERVER_FOLDER_BYTES];
    for (const char *at = path ? path : ""; *at;) {
        int length = (int)strcspn(at, ":");
        if (length > 0 && length < (int)sizeof(folder)) {
            (void)snprintf(folder, sizeof(folder), "%.*s", length, at);
            consider(best, folder);
        }
        at += length + (at[length] == ':');
    }
}

static void consider_usual(struct server *best)
{
    for (size_t i = 0; i < sizeof(usual_folders) / sizeof(*usual_folders); i++) {
        glob_t found = {0};
        if (glob(usual_folders[i], 0, NULL, &found) == 0)
            for (size_t j = 0; j < found.gl_pathc; j++)
                consider(best, found.gl_pathv[j]);
        globfree(&found);
    }
}

int server_find(struct server *out, struct err *err)
{
    const char *only = getenv("POOLSTORM_POSTGRES");
    *out = (struct server){0};
    if (only && *only) {
        consider(out, only);
        return out->number ? 0
                           : err_set(err, -ENOENT,
                                     "no PostgreSQL server in $POOLSTORM_POSTGRES, %.200s", only);
    }
    consider_usual(out);
    consider_path(out); /* often links to the former */
    return out->number ? 0
                       : err_set(err, -ENOENT,
                                 "no PostgreSQL server on this machine: apt-get install "
                                 "postgresql, or --database postgresql://… for one of yours");
}
