/* SPDX-License-Identifier: MIT */
/* help.c - poolstorm help: what there is, or how one command is used. */
#include "command/command.h"

static enum exit_code help_run(void *options, char *const *args, struct err *err)
{
    (void)options;
    if (!args[0]) {
        command_print_overview();
        return EXIT_WELL;
    }
    const struct command *command = command_find(args[0]);
    if (!command) {
        (void)command_unknown(args[0], err);
        return EXIT_BAD_INPUT;
    }
    command_print_help(command);
    return EXIT_WELL;
}

static void help_words(FILE *out)
{
    for (size_t i = 0; commands[i]; i++)
        if (!commands[i]->hidden)
            (void)fprintf(out, "%s\n", commands[i]->name);
}

const struct command command_help = {
    .name = "help",
    .summary = "list the commands, or explain one",
    .usage = "[COMMAND]",
    .args_max = 1,
    .words = help_words,
    .run = help_run,
};
