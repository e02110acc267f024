/* SPDX-License-Identifier: MIT */
/* main.c - poolstorm: picks the command the first argument names. */
#include "command/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static enum exit_code refuse(const char *format, const char *text)
{
    (void)fprintf(stderr, format, text);
    (void)fputs("See 'poolstorm --help'.\n", stderr);
    return EXIT_BAD_INPUT;
}

static enum exit_code dispatch(int argc, char **argv)
{
    if (argc < 2) {
        command_print_overview();
        return EXIT_BAD_INPUT;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        command_print_overview();
        return EXIT_WELL;
    }
    if (strcmp(name, "--version") == 0) {
        puts("poolstorm " POOLSTORM_VERSION);
        return EXIT_WELL;
    }
    if (name[0] == '-')
        return refuse("poolstorm: expected a command before '%s'\n", name);
    const struct command *command = command_find(name);
    if (command)
        return command_execute(command, argc - 2, argv + 2);
    struct err err = {0};
    (void)command_unknown(name, &err);
    return refuse("poolstorm: %s\n", err.text);
}

int main(int argc, char **argv)
{
    enum exit_code code = dispatch(argc, argv);
    /* A full disk or a closed pipe must not pass for a printed result. */
    if (fflush(stdout) && errno != EPIPE && code == EXIT_WELL) {
        (void)fprintf(stderr, "poolstorm: write to stdout: %s\n", strerror(errno));
        code = EXIT_RUNTIME;
    }
    return (int)code;
}
