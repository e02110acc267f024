/* SPDX-License-Identifier: MIT */
/* options.h - reads a command line against tables of settings, and prints those tables as help. */
#ifndef POOLSTORM_COMMAND_OPTIONS_H
#define POOLSTORM_COMMAND_OPTIONS_H

#include "core/err.h"
#include "core/param.h"

#include <stddef.h>
#include <stdio.h>

/* Settings of one struct inside a command's options. Lists of groups end with {0}; names and
 * letters are unique over the list (a test looks at every command). */
struct option_group {
    const char *title;          /* heading in the help: "Options", "Load"; see param.section */
    const struct param *params; /* ends with {0} */
    size_t offset_bytes;        /* of the params' struct in the command's options */
};

enum options_outcome { OPTIONS_READY, OPTIONS_HELP, OPTIONS_VERSION };

/* Defaults of every group into state, which is zeroed memory of the caller's. */
int options_defaults(const struct option_group *groups, void *state, struct err *err);

/* Takes --name VALUE, --name=VALUE, -c VALUE, -c64, --flag, --no-flag, -abc for flags, and "--",
 * behind which nothing is an option. What is given twice counts the last time, except for settings
 * that repeat; of secret values argv is cleared. The remaining words move to the front of argv,
 * *word_count of them, then a NULL. Returns an options_outcome, or -EINVAL with the reason. */
int options_parse(const struct option_group *groups, void *state, int argc, char **argv,
                  size_t *word_count, struct err *err);

/* Releases what defaults and parse copied. */
void options_fini(const struct option_group *groups, void *state);

/* Headings, and a line a setting: how it is written, what it is for, its default. */
void options_print(FILE *out, const struct option_group *groups);

/* One word a line, "--connections", for shell completion. */
void options_print_words(FILE *out, const struct option_group *groups);

#endif
