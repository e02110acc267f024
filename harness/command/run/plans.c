/* SPDX-License-Identifier: MIT */
/* plans.c - reads the scenarios of a command line and names the folders of their results. */
#include "command/run/plans.h"

#include "command/run/cells.h"
#include "command/scenario_files.h"
#include "command/scenario_tables.h"
#include "core/io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { COMMAND_LINE_BYTES_MAX = 1 << 20 };

void plans_fini(struct plans *plans)
{
    for (size_t i = 0; i < plans->count; i++) {
        plan_destroy(plans->items[i]);
        free(plans->variants[i]);
    }
    free(plans->items);
    free(plans->variants);
}

/* The selection's variants become the plans'. */
static int load_plans(struct plans *plans, struct catalog *selection, struct err *err)
{
    plans->items = calloc(selection->count + 1, sizeof(*plans->items));
    plans->variants = calloc(selection->count + 1, sizeof(*plans->variants));
    if (!plans->items || !plans->variants)
        return err_sys(err, -ENOMEM, "read scenarios");
    int rc = 0;
    for (size_t i = 0; i < selection->count && !rc; i++) {
        rc = plan_load(selection->entries[i].path, &scenario_tables, &plans->items[i], err);
        if (rc)
            break;
        plans->variants[plans->count++] = selection->entries[i].variants;
        selection->entries[i].variants = NULL;
        if (!rc)
            rc = cells_check(plans->items[i], NULL, err);
    }
    return rc;
}

int plans_select(struct plans *plans, char *const *args, struct err *err)
{
    struct catalog selection = {0};
    int rc = scenario_files_select(&selection, args, err);
    if (!rc)
        rc = load_plans(plans, &selection, err);
    catalog_fini(&selection);
    return rc;
}

int plans_check_database(const struct plans *plans, const char *database, struct err *err)
{
    if (!database)
        return 0;
    if (!database[0])
        return err_set(err, -EINVAL, "--database: expected postgresql://…");
    for (size_t i = 0; i < plans->count; i++)
        if (plans->items[i]->database.kind != PLAN_DATABASE_NONE)
            return 0;
    return err_set(err, -EINVAL, "--database: %s has no database",
                   plans->count == 1 ? plans->items[0]->name : "no scenario of these");
}

/* "allocation-encode" */
static void name_of(const struct plan *plan, char *name, size_t size_bytes)
{
    (void)snprintf(name, size_bytes, "%s", plan->name);
    for (char *at = name; *at; at++)
        if (*at == '/')
            *at = '-';
}

void plans_name_root(const struct plans *plans, const char *out, char *root, size_t size_bytes)
{
    char name[256] = "", stamp[32] = "";
    time_t now = time(NULL);
    struct tm parts;
    if (out) {
        (void)snprintf(root, size_bytes, "%s", out);
        return;
    }
    if (plans->count == 1)
        name_of(plans->items[0], name, sizeof(name));
    if (localtime_r(&now, &parts))
        (void)strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &parts);
    (void)snprintf(root, size_bytes, "results/runs/%s%s%s", stamp, name[0] ? "-" : "", name);
}

void plans_name_folder(const struct plans *plans, size_t index, const char *root, char *folder,
                       size_t size_bytes)
{
    char name[256];
    name_of(plans->items[index], name, sizeof(name));
    (void)snprintf(folder, size_bytes, "%s%s%s", root, plans->count > 1 ? "/" : "",
                   plans->count > 1 ? name : "");
}

char *plans_command_line(void)
{
    char *text;
    size_t length;
    if (io_read_file("/proc/self/cmdline", COMMAND_LINE_BYTES_MAX, &text, &length))
        return NULL;
    for (size_t i = 0; i + 1 < length; i++)
        if (text[i] == '\0')
            text[i] = ' ';
    return text;
}
