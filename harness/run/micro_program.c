/* SPDX-License-Identifier: MIT */
/* micro_program.c - looks for poolstorm-micro beside this program. */
#include "run/micro_program.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int micro_program_find(char *path, size_t size_bytes, struct err *err)
{
    static const char *const places[] = {"poolstorm-micro", "harness/benchmark/poolstorm-micro"};
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (length < 0)
        return err_sys(err, -errno, "read /proc/self/exe");
    self[length] = '\0';
    char *name = strrchr(self, '/');
    if (!name)
        return err_set(err, -ENOENT, "cannot tell where %s lies", self);
    *name = '\0';
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
        int needed = snprintf(path, size_bytes, "%s/%s", self, places[i]);
        if (needed > 0 && (size_t)needed < size_bytes && access(path, X_OK) == 0)
            return 0;
    }
    return err_set(err, -ENOENT,
                   "no poolstorm-micro in %s; it is built where Google Benchmark is found "
                   "(libbenchmark-dev)",
                   self);
}
