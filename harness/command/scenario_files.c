/* SPDX-License-Identifier: MIT */
/* scenario_files.c - finds what words on a command line name. */
#include "command/scenario_files.h"

#include <stdbool.h>

int scenario_files_select(struct catalog *selection, char *const *args, struct err *err)
{
    struct catalog shipped = {0};
    bool found = catalog_open_default(&shipped, NULL) == 0; /* without them files are known still */
    int rc = 0;
    for (size_t i = 0; args[i] && !rc; i++)
        rc = catalog_select(found ? &shipped : NULL, args[i], selection, err);
    catalog_fini(&shipped);
    return rc;
}

void scenario_files_print(FILE *out)
{
    struct catalog shipped = {0};
    if (catalog_open_default(&shipped, NULL))
        return;
    for (size_t i = 0; i < shipped.count; i++)
        (void)fprintf(out, "%s\n", shipped.entries[i].name);
    for (size_t i = 0; i < shipped.set_count; i++)
        (void)fprintf(out, "%s\n", shipped.sets[i].name);
    (void)fputs(CATALOG_ALL "\n", out);
    catalog_fini(&shipped);
}
