/* SPDX-License-Identifier: MIT */
/* list.c - poolstorm list: the scenarios there are, and the question each one answers. */
#include "command/command.h"
#include "command/run/length.h"
#include "command/scenario_files.h"
#include "command/scenario_tables.h"

#include "plan/catalog.h"
#include "plan/plan.h"
#include "report/text.h"

#include <jansson.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct list_options {
    bool json;    /* for programs */
    bool lengths; /* how long each takes, too */
};

static const struct param list_params[] = {
    {PARAM_BOOL("long", list_options, lengths, NULL,
                "with what each takes, whole and with --quick, grids included"),
     .letter = 'l'},
    {PARAM_BOOL("json", list_options, json, NULL, "print JSON")},
    {0},
};

static const struct option_group list_groups[] = {{"Options", list_params, 0}, {0}};

/* What is printed, and what all of it takes. */
struct listing {
    const struct list_options *options;
    json_t *scenarios;           /* NULL: for people */
    const char *family;          /* of the line before */
    uint64_t whole_ns, quick_ns; /* of all so far */
    size_t count;                /* likewise */
};

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

static int add_json(json_t *scenarios, const struct plan *plan, const struct catalog_entry *entry)
{
    /* "o" takes the variants even when packing fails */
    return json_array_append_new(
        scenarios,
        json_pack("{s:s, s:s, s:s, s:s?, s:I, s:f, s:f, s:o}", "name", entry->name, "path",
                  plan->path, "question", plan->question, "source", plan->source, "rounds",
                  (json_int_t)plan->rounds, "length_s",
                  (double)length_planned(plan, entry->variants, false, true) / 1e9,
                  "quick_length_s", (double)length_planned(plan, entry->variants, true, true) / 1e9,
                  "variants", variants_json(plan)));
}

static void print_lengths(struct listing *listing, const struct plan *plan,
                          const struct catalog_entry *entry)
{
    char whole[32], quick[32];
    uint64_t whole_ns = length_planned(plan, entry->variants, false, true);
    uint64_t quick_ns = length_planned(plan, entry->variants, true, true);
    listing->whole_ns += whole_ns;
    listing->quick_ns += quick_ns;
    listing->count++;
    printf("%11s %7s  ", length_text(whole, sizeof(whole), whole_ns),
           length_text(quick, sizeof(quick), quick_ns));
}

/* A heading when the family changes, then name and question. */
static void print_line(struct listing *listing, const struct plan *plan,
                       const struct catalog_entry *entry)
{
    const char *name = entry->name;
    size_t length = strcspn(name, "/");
    const char *before = listing->family;
    if (!before && listing->options->lengths)
        printf("%-34s %11s %7s\n", "", "whole", "--quick");
    if (!before || strncmp(before, name, length + 1) != 0)
        printf("%s%.*s\n", before ? "\n" : "", (int)length, name);
    listing->family = name;
    printf("  %-32s ", name);
    if (listing->options->lengths)
        print_lengths(listing, plan, entry);
    puts(plan->question);
}

/* The first line of a set says in a comment what it is. */
static void print_set(const struct catalog_entry *set)
{
    char about[256] = "";
    FILE *file = fopen(set->path, "re");
    if (file && fgets(about, sizeof(about), file))
        about[strcspn(about, "\n")] = '\0';
    if (file)
        (void)fclose(file);
    printf("  %-32s %s\n", set->name, about[0] == '#' ? about + strspn(about, "# ") : "");
}

static void print_end(const struct listing *listing, const struct catalog *all, bool sets)
{
    char whole[32], quick[32];
    if (listing->options->lengths && listing->count > 1)
        printf("\n%zu scenarios: some %s, with --quick %s\n", listing->count,
               length_text(whole, sizeof(whole), listing->whole_ns),
               length_text(quick, sizeof(quick), listing->quick_ns));
    if (sets && all->set_count > 0)
        puts("\nsets");
    for (size_t i = 0; sets && i < all->set_count; i++)
        print_set(&all->sets[i]);
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
static enum exit_code print_all(struct listing *listing, const struct catalog *chosen)
{
    enum exit_code code = EXIT_WELL;
    for (size_t i = 0; i < chosen->count; i++) {
        const struct catalog_entry *entry = &chosen->entries[i];
        struct plan *plan = NULL;
        struct err err = {0};
        if (plan_load(entry->path, &scenario_tables, &plan, &err)) {
            (void)fprintf(stderr, "%s\n", text_clean(err.text));
            code = EXIT_BAD_INPUT;
        } else if (!listing->scenarios) {
            print_line(listing, plan, entry);
        } else if (add_json(listing->scenarios, plan, entry)) {
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
    struct listing listing = {.options = self};
    enum exit_code code = EXIT_BAD_INPUT;
    struct catalog all = {0}, chosen = {0};
    if (catalog_open_default(&all, err) || choose(&all, args, &chosen, err))
        goto out;
    listing.scenarios = self->json ? json_array() : NULL;
    code = print_all(&listing, &chosen);
    if (listing.scenarios) {
        (void)json_dumpf(listing.scenarios, stdout, JSON_INDENT(2)); /* main checks stdout */
        (void)putchar('\n');
    } else {
        print_end(&listing, &all, !args[0]);
    }
out:
    json_decref(listing.scenarios);
    catalog_fini(&chosen);
    catalog_fini(&all);
    return code;
}

const struct command command_list = {
    .name = "list",
    .summary = "list the scenarios, and the question each one answers",
    .usage = "[FAMILY | SCENARIO | SET | FILE]...",
    .help = "Examples:\n"
            "  poolstorm list                    all that ship, and the sets of them\n"
            "  poolstorm list headline --long    those of a set, with what they take\n"
            "  poolstorm list allocation --json  a family, for a program\n",
    .options = list_groups,
    .options_size_bytes = sizeof(struct list_options),
    .args_max = 64,
    .words = scenario_files_print,
    .run = list_run,
};
