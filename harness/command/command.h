/* SPDX-License-Identifier: MIT */
/* command.h - one command of the program; the table of them is made from names in meson.build. */
#ifndef POOLSTORM_COMMAND_COMMAND_H
#define POOLSTORM_COMMAND_COMMAND_H

#include "command/exit_code.h"
#include "command/options.h"
#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Static data, `const struct command command_<name>` in <name>.c. */
struct command {
    const char *name;                   /* as typed */
    const char *summary;                /* one line, lower case, no full stop */
    const char *usage;                  /* the words behind the options: "URL", "[SCENARIO]…" */
    const char *help;                   /* longer text and examples, ends with a newline; or NULL */
    const struct option_group *options; /* ends with {0}; NULL: none */
    size_t options_size_bytes;          /* of the struct the options are read into */
    unsigned args_min, args_max;        /* how many words usage stands for */
    bool hidden;                        /* for the program's own use: not shown in help */
    bool raw;                           /* gets all its arguments unread, --help among them */

    /* Prints what the words may be, one a line, for the shell's completion; or NULL. */
    void (*words)(FILE *out);

    /* Prints what the value of an option may be, likewise, where it is no choice; or NULL. */
    void (*values)(FILE *out, const char *option);

    /* Prints what the help says between options and text; or NULL. */
    void (*more)(FILE *out);

    /* Does the work on the main thread. options is the struct above, holding defaults and what was
     * given, released by the caller; args is the words, ending with NULL. A text left in err is
     * printed behind the command's name. */
    enum exit_code (*run)(void *options, char *const *args, struct err *err);
};

/* Every command in the order help shows them; ends with NULL. */
extern const struct command *const commands[];

/* The command called name, hidden ones included, or NULL. */
const struct command *command_find(const char *name);

/* -EINVAL for a name no command has, with the nearest one that is. */
int command_unknown(const char *name, struct err *err);

/* Prints the help of one command, and of the whole program, to stdout. */
void command_print_help(const struct command *command);
void command_print_overview(void);

/* Reads argv, which ends with NULL and starts behind the command's name, and runs the command. */
enum exit_code command_execute(const struct command *command, int argc, char **argv);

#endif
