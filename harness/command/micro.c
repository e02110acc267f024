/* SPDX-License-Identifier: MIT */
/* micro.c - poolstorm micro: hands over to the micro-benchmarks, a program of their own in C++. */
#include "command/command.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The program beside ours: where both are installed, or where the build leaves it. */
static int find_program(char *path, size_t size_bytes, struct err *err)
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
                   "no poolstorm-micro in %s; it is built where Google Benchmark "
                   "is found (libbenchmark-dev)",
                   self);
}

/* Runs with the caller's arguments unread; execv takes a list that starts with the name. */
static enum exit_code micro_run(void *options, char *const *args, struct err *err)
{
    (void)options;
    char path[PATH_MAX];
    if (find_program(path, sizeof(path), err))
        return EXIT_SKIPPED;
    size_t count = 0;
    while (args[count])
        count++;
    char **argv = calloc(count + 2, sizeof(*argv));
    if (!argv) {
        (void)err_sys(err, -ENOMEM, "copy the arguments");
        return EXIT_RUNTIME;
    }
    argv[0] = path;
    memcpy(argv + 1, args, count * sizeof(*argv));
    (void)execv(path, argv); /* comes back only to say why not */
    (void)err_sys(err, -errno, "run %s", path);
    free(argv);
    return EXIT_RUNTIME;
}

const struct command command_micro = {
    .name = "micro",
    .summary = "run the micro-benchmarks (Google Benchmark)",
    .usage = "[--benchmark_filter=REGEX] [--benchmark_… ]",
    .help = "All arguments go to Google Benchmark; poolstorm micro --help lists them.\n\n"
            "Examples:\n"
            "  poolstorm micro --benchmark_list_tests\n"
            "  poolstorm micro --benchmark_filter=pool --benchmark_repetitions=5\n",
    .raw = true,
    .run = micro_run,
};
