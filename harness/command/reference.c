/* SPDX-License-Identifier: MIT */
/* reference.c - poolstorm reference: every key that a scenario file may hold. */
#include "command/reference/reference.h"

#include "command/command.h"
#include "command/scenario_tables.h"

struct reference_options {
    bool schema; /* for editors */
};

static const struct param reference_params[] = {
    {PARAM_BOOL("schema", reference_options, schema, NULL, "print a JSON Schema, for editors")},
    {0},
};

static const struct option_group reference_groups[] = {{"Options", reference_params, 0}, {0}};

static enum exit_code reference_run(void *options, char *const *args, struct err *err)
{
    const struct reference_options *self = options;
    (void)args;
    int rc = self->schema ? reference_schema(&scenario_tables, stdout, err)
                          : reference_markdown(&scenario_tables, stdout, err);
    return rc ? EXIT_RUNTIME : EXIT_WELL; /* main checks stdout */
}

const struct command command_reference = {
    .name = "reference",
    .summary = "print every key of scenario files, as a page or a JSON Schema",
    .help = "Examples:\n"
            "  poolstorm reference | less\n"
            "  poolstorm reference --schema >scenario.schema.json\n\n"
            "An editor that speaks YAML's language server completes and checks files that begin\n"
            "with this line:\n"
            "  # yaml-language-server: $schema=scenario.schema.json\n",
    .options = reference_groups,
    .options_size_bytes = sizeof(struct reference_options),
    .run = reference_run,
};
