/* SPDX-License-Identifier: MIT */
/* command.c - finds a command, reads its options, runs it, and writes every help text. */
#include "command/command.h"

#include "report/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COMMANDS_MAX = 64 };

const struct command *command_find(const char *name)
{
    for (size_t i = 0; commands[i]; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

int command_unknown(const char *name, struct err *err)
{
    const char *words[COMMANDS_MAX + 1] = {0};
    size_t count = 0;
    for (size_t i = 0; count < COMMANDS_MAX && commands[i]; i++)
        if (!commands[i]->hidden)
            words[count++] = commands[i]->name;
    const char *near = word_suggest(words, name);
    if (near)
        return err_set(err, -EINVAL, "no command '%.60s'; did you mean '%s'?", name, near);
    return err_set(err, -EINVAL, "no command '%.60s'", name);
}

void command_print_help(const struct command *command)
{
    printf("Usage: poolstorm %s%s%s%s\n", command->name, command->raw ? "" : " [OPTIONS]",
           command->usage ? " " : "", command->usage ? command->usage : "");
    printf("\npoolstorm %s: %s.\n", command->name, command->summary);
    if (!command->raw)
        options_print(stdout, command->options);
    if (command->more)
        command->more(stdout);
    if (command->help)
        printf("\n%s", command->help);
}

void command_print_overview(void)
{
    puts("Usage: poolstorm COMMAND [OPTIONS] [WORDS]\n\n"
         "Measures pooled memory, cancelled work and connections under load and under faults.\n\n"
         "Commands:");
    for (size_t i = 0; commands[i]; i++)
        if (!commands[i]->hidden)
            printf("  %-12s %s\n", commands[i]->name, commands[i]->summary);
    puts("\n  poolstorm COMMAND --help        the options of one command, with examples\n"
         "  poolstorm --version             the version\n\n"
         "Exit status:\n"
         "  0    all well                     4    the measurement cannot be believed\n"
         "  1    an expectation did not hold  5    something failed while running\n"
         "  2    bad input, nothing changed   77   skipped, this machine lacks something\n"
         "  3    worse than the baseline      130  interrupted, everything was undone");
}

static enum exit_code refuse(const struct command *command, struct err *err)
{
    (void)fprintf(stderr, "poolstorm %s: %s\nSee 'poolstorm %s --help'.\n", command->name,
                  text_clean(err->text), command->name);
    return EXIT_BAD_INPUT;
}

static int check_words(const struct command *command, size_t count, char *const *words,
                       struct err *err)
{
    if (count > command->args_max)
        return err_set(err, -EINVAL, "unexpected '%.80s'", words[command->args_max]);
    if (count < command->args_min)
        return err_set(err, -EINVAL, "expected %s", command->usage);
    return 0;
}

static enum exit_code run(const struct command *command, void *options, char *const *args)
{
    struct err err = {0};
    enum exit_code code = command->run(options, args, &err);
    if (err.text[0])
        (void)fprintf(stderr, "poolstorm %s: %s\n", command->name, text_clean(err.text));
    return code;
}

enum exit_code command_execute(const struct command *command, int argc, char **argv)
{
    if (command->raw)
        return run(command, NULL, argv);
    struct err err = {0};
    enum exit_code code = EXIT_WELL;
    size_t words = 0;
    void *options = calloc(1, command->options_size_bytes + 1); /* + 1: never of no size */
    if (!options) {
        (void)fprintf(stderr, "poolstorm %s: out of memory\n", command->name);
        return EXIT_RUNTIME;
    }
    int rc = options_defaults(command->options, options, &err);
    if (!rc)
        rc = options_parse(command->options, options, argc, argv, &words, &err);
    if (rc == OPTIONS_READY)
        rc = check_words(command, words, argv, &err);
    if (rc < 0)
        code = refuse(command, &err);
    else if (rc == OPTIONS_HELP)
        command_print_help(command);
    else if (rc == OPTIONS_VERSION)
        puts("poolstorm " POOLSTORM_VERSION);
    else
        code = run(command, options, argv);
    options_fini(command->options, options);
    free(options);
    return code;
}
