/* SPDX-License-Identifier: MIT */
/* delay_files.c - opens what may be read. */
#include "faults/delay_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Not to wait for who writes into a pipe. */
enum { FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY };

static const char *allowed; /* NULL: everything */

void delay_confine(const char *paths)
{
    allowed = paths;
}

/* The kernel sees to it that no link leads out, however the folder changes meanwhile. */
static int open_beneath(const char *folder, const char *name)
{
    struct open_how how = {
        .flags = FLAGS,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    int at = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (at < 0)
        return -errno;
    int fd = (int)syscall(SYS_openat2, at, name, &how, sizeof(how));
    int rc = fd < 0 ? -errno : fd;
    (void)close(at); /* a place to begin at */
    return rc;
}

/* root is the user's. */
static int open_by(const char *root, const char *path)
{
    size_t length = strlen(root);
    if (strcmp(root, path) == 0) {
        int fd = open(path, FLAGS);
        return fd < 0 ? -errno : fd;
    }
    while (length > 1 && root[length - 1] == '/')
        length--;
    bool within = strncmp(root, path, length) == 0 && (path[length] == '/' || length == 1);
    const char *rest = within ? path + length : path;
    if (within)
        rest += strspn(rest, "/");
    return *rest == '/' || *rest == '\0' ? -EACCES : open_beneath(root, rest);
}

int delay_open(const char *path, struct err *err)
{
    char root[PATH_MAX];
    int fd = allowed ? -EACCES : open(path, FLAGS);
    if (!allowed)
        return fd < 0 ? err_sys(err, -errno, "open %.200s", path) : fd;
    for (const char *line = allowed; *line && fd < 0; line += *line == '\n') {
        size_t length = strcspn(line, "\n");
        (void)snprintf(root, sizeof(root), "%.*s", (int)length, line);
        if (length > 0 && length < sizeof(root))
            fd = open_by(root, path);
        line += length;
    }
    if (fd >= 0)
        return fd;
    return err_set(err, -EINVAL,
                   "file: %.200s is none that `poolstorm proxy --files PATH` lets be read", path);
}
