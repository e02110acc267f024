/* SPDX-License-Identifier: MIT */
/* micro.c - poolstorm micro: hands over to the micro-benchmarks, a program of their own in C++. */
#include "command/command.h"

#include "run/micro_program.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Runs with the caller's arguments unread; execv takes a list that starts with the name. */
static enum exit_code micro_run(void *options, char *const *args, struct err *err)
{
    (void)options;
    char path[PATH_MAX];
    if (micro_program_find(path, sizeof(path), err))
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
