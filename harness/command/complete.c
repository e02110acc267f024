/* SPDX-License-Identifier: MIT */
/* complete.c - poolstorm complete: the words that may come next, asked for by the shell. */
#include "command/command.h"

#include <stdio.h>
#include <string.h>

static void print_commands(void)
{
    for (size_t i = 0; commands[i]; i++)
        if (!commands[i]->hidden)
            puts(commands[i]->name);
    puts("--help\n--version");
}

/* The setting word stands for. */
static const struct param *find_option(const struct command *command, const char *word)
{
    if (strncmp(word, "--", 2) != 0)
        return NULL;
    for (const struct option_group *group = command->options; group && group->params; group++) {
        const struct param *param = param_find(group->params, word + 2);
        if (param)
            return param;
    }
    return NULL;
}

/* args is what was typed before the word being completed. The shell cuts "--name=" in two. */
static enum exit_code complete_run(void *options, char *const *args, struct err *err)
{
    (void)options;
    (void)err;
    if (!args[0]) {
        print_commands();
        return EXIT_WELL;
    }
    const struct command *command = command_find(args[0]);
    if (!command || command->hidden)
        return EXIT_WELL;
    size_t last = 0;
    while (args[last + 1])
        last++;
    if (last > 0 && strcmp(args[last], "=") == 0)
        last--;
    const struct param *option = find_option(command, args[last]);
    if (option && option->type == PARAM_TYPE_CHOICE) {
        for (size_t i = 0; option->choices[i]; i++)
            puts(option->choices[i]);
        return EXIT_WELL;
    }
    if (option && option->type != PARAM_TYPE_BOOL && command->values) {
        command->values(stdout, option->name);
        return EXIT_WELL;
    }
    if (command->words)
        command->words(stdout);
    if (!command->raw)
        options_print_words(stdout, command->options);
    return EXIT_WELL;
}

const struct command command_complete = {
    .name = "complete",
    .summary = "print the words that may come next",
    .usage = "[WORD]...",
    .hidden = true,
    .raw = true,
    .run = complete_run,
};
