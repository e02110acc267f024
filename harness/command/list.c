/* SPDX-License-Identifier: MIT */
/* list.c - poolstorm list: the scenarios there are, and the question each one answers. */
#include "command/command.h"
#include "command/scenario_files.h"
#include "command/scenario_tables.h"

#include "plan/catalog.h"
#include "plan/plan.h"

#include <jansson.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct list_options {
    bool json; /* for programs */
};

static const struct param list_params[] = {
    {PARAM_BOOL("json", list_options, json, NULL, "print JSON")},
    {0},
};

static const struct option_group list_groups[] = {{"Options", list_params, 0}, {0}};

static json_t *variants_json(const struct plan *plan)
{
    json_t *variants = json_array();
    for (size_t i = 0; variants && i < plan->variant_count; i++)
        if (json_array_append_new(variants, json_string(plan->variants[i].name))) {
            json_decref(variants);
            return NULL;
        }
    return variants;
}

static int add_json(json_t *scenarios, const struct plan *plan, const char *name)
{
    /* "o" takes the variants even when packing fails */
    return json_array_append_new(
        scenarios, json_pack("{s:s, s:s, s:s, s:s?, s:I, s:o}", "name", name, "path", plan->path,
                             "question", plan->question, "source", plan->source, "rounds",
                             (json_int_t)plan->rounds, "variants", variants_json(plan)));
}

/* A heading when the family changes, then name and question. */
static void print_line(const struct plan *plan, const char *name, const char **family)
{
    size_t length = strcspn(name, "/");
    if (!*family || strncmp(*family, name, length + 1) != 0)
        printf("%s%.*s\n", *family ? "\n" : "", (int)length, name);
    *family = name;
    printf("  %-32s %s\n", name, plan->question);
}

/* What the words name, or everything when there are none. */
static int choose(const struct catalog *all, char *const *words, struct catalog *chosen,
                  struct err *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && words[i]; i++)
        rc = catalog_select(all, words[i], chosen, err);
    for (size_t i = 0; !rc && !words[0] && i < all->count; i++)
        rc = catalog_select(all, all->entries[i].name, chosen, err);
    return rc;
}

/* A file that cannot be read is said so and does not hide the others. */
static enum exit_code print_all(const struct catalog *chosen, json_t *scenarios)
{
    enum exit_code code = EXIT_WELL;
    const char *family = NULL;
    for (size_t i = 0; i < chosen->count; i++) {
        const struct catalog_entry *entry = &chosen->entries[i];
        struct plan *plan = NULL;
        struct err err = {0};
        if (plan_load(entry->path, &scenario_tables, &plan, &err)) {
            (void)fprintf(stderr, "%s\n", err.text);
            code = EXIT_BAD_INPUT;
        } else if (!scenarios) {
            print_line(plan, entry->name, &family);
        } else if (add_json(scenarios, plan, entry->name)) {
            (void)fprintf(stderr, "%s: no memory to list it\n", entry->path);
            code = EXIT_RUNTIME;
        }
        plan_destroy(plan);
    }
    return code;
}

static enum exit_code list_run(void *options, char *const *args, struct err *err)
{
    const struct list_options *self = options;
    enum exit_code code = EXIT_BAD_INPUT;
    struct catalog all = {0}, chosen = {0};
    json_t *scenarios = NULL;
    if (catalog_open_default(&all, err) || choose(&all, args, &chosen, err))
        goto out;
    scenarios = self->json ? json_array() : NULL;
    code = print_all(&chosen, scenarios);
    if (scenarios) {
        (void)json_dumpf(scenarios, stdout, JSON_INDENT(2)); /* main checks stdout */
        (void)putchar('\n');
    }
out:
    json_decref(scenarios);
    catalog_fini(&chosen);
    catalog_fini(&all);
    return code;
}

const struct command command_list = {
    .name = "list",
    .summary = "list the scenarios, and the question each one answers",
    .usage = "[FAMILY | SCENARIO | FILE]...",
    .help = "Examples:\n"
            "  poolstorm list                    all that ship\n"
            "  poolstorm list allocation --json  a family, for a program\n",
    .options = list_groups,
    .options_size_bytes = sizeof(struct list_options),
    .args_max = 64,
    .words = scenario_files_print,
    .run = list_run,
};
