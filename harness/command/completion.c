/* SPDX-License-Identifier: MIT */
/* completion.c - poolstorm completion: the lines that teach bash to complete our words. */
#include "command/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The words come from the program that is being typed, so they never get stale. */
static const char bash[] =
    "_poolstorm() {\n"
    "    local current=${COMP_WORDS[COMP_CWORD]} words\n"
    "    [ \"$current\" != = ] || current=\n"
    "    words=$(\"${COMP_WORDS[0]}\" complete \"${COMP_WORDS[@]:1:COMP_CWORD-1}\" 2>/dev/null)\n"
    "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
    "}\n"
    "complete -o default -F _poolstorm poolstorm\n";

static enum exit_code completion_run(void *options, char *const *args, struct err *err)
{
    (void)options;
    if (args[0] && strcmp(args[0], "bash") != 0) {
        (void)err_set(err, -EINVAL, "expected bash, not '%.60s'", args[0]);
        return EXIT_BAD_INPUT;
    }
    (void)fputs(bash, stdout); /* main checks stdout */
    return EXIT_WELL;
}

static void completion_words(FILE *out)
{
    (void)fputs("bash\n", out);
}

const struct command command_completion = {
    .name = "completion",
    .summary = "print the script that completes words in bash",
    .usage = "[bash]",
    .help = "Examples:\n"
            "  source <(poolstorm completion)   in this shell, or as a line in ~/.bashrc\n",
    .args_max = 1,
    .words = completion_words,
    .run = completion_run,
};
