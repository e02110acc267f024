/* SPDX-License-Identifier: MIT */
/* guardian.c - poolstorm guardian: what a run starts to be sure that all it does gets undone. */
#include "command/command.h"

#include "faults/guardian/guardian.h"

#include <errno.h>

static enum exit_code guardian_command_run(void *options, char *const *args, struct err *err)
{
    (void)options;
    (void)args;
    int rc = guardian_main(GUARDIAN_FD, err);
    return rc == 0 ? EXIT_WELL : rc == -ENOTSOCK ? EXIT_BAD_INPUT : EXIT_RUNTIME;
}

const struct command command_guardian = {
    .name = "guardian",
    .summary = "hold leases for a run and undo them when it ends",
    .hidden = true,
    .run = guardian_command_run,
};
