/* SPDX-License-Identifier: MIT */
/* baseline.c - poolstorm baseline: keeps the figures of runs in a small file to compare with. */
#include "command/command.h"
#include "command/sides.h"
#include "report/terminal.h"
#include "report/whole_file.h"
#include "run/folder.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct baseline_options {
    char *name, *out;
};

static const struct param baseline_params[] = {
    {PARAM_TEXT("name", baseline_options, name, "default",
                "of the file to save, results/baselines/NAME.json"),
     .letter = 'n'},
    {PARAM_TEXT("out", baseline_options, out, NULL, "another path for it"), .letter = 'o'},
    {0},
};

static const struct option_group baseline_groups[] = {{"Options", baseline_params, 0}, {0}};

/* ---- save ------------------------------------------------------------------------------------ */

/* NULL: it can be one. */
static const char *why_not(const struct sheet *sheet)
{
    if (sheet->quick)
        return "it was a quick run";
    if (sheet->aa)
        return "it was an A/A run, of one variant twice";
    return sheet->invalid[0] ? sheet->invalid : NULL;
}

/* Of each run what ran with the program's own service; a scenario twice is a mistake. */
static int choose(const struct sheets *all, struct sheets *own, struct err *err)
{
    int rc = 0;
    own->items = calloc(all->count + 1, sizeof(struct sheet *));
    if (!own->items)
        return err_sys(err, -ENOMEM, "save a baseline");
    for (size_t i = 0; !rc && i < all->count; i++) {
        struct sheet *sheet = all->items[i];
        if (sheet->program)
            continue;
        const struct sheet *twin = sides_find(own, sheet->scenario, false);
        if (twin)
            rc = err_set(err, -EINVAL, "two runs of %.80s: %.150s and %.150s", sheet->scenario,
                         twin->origin, sheet->origin);
        else if (why_not(sheet))
            rc = err_set(err, -EINVAL, "%.150s cannot be a baseline: %.200s", sheet->origin,
                         why_not(sheet));
        else
            own->items[own->count++] = sheet;
    }
    return rc;
}

static int make_parents(const char *path, struct err *err)
{
    char folder[PATH_MAX];
    (void)snprintf(folder, sizeof(folder), "%s", path);
    char *slash = strrchr(folder, '/');
    if (!slash || slash == folder)
        return 0;
    *slash = '\0';
    return folder_make(folder, err);
}

static int write_sheets(const void *arg, FILE *out, struct err *err)
{
    return sheets_write(arg, out, err);
}

static int name_file(const struct baseline_options *options, char *path, size_t size_bytes,
                     struct err *err)
{
    if (!options->out &&
        (strchr(options->name, '/') || !options->name[0] || options->name[0] == '.'))
        return err_set(err, -EINVAL, "--name: expected a plain name, not '%.60s'", options->name);
    int length = options->out
                     ? snprintf(path, size_bytes, "%s", options->out)
                     : snprintf(path, size_bytes, "%s/%s.json", BASELINE_FOLDER, options->name);
    return length < 0 || (size_t)length >= size_bytes
               ? err_set(err, -ENAMETOOLONG, "the baseline's path is too long")
               : 0;
}

static int save(const struct baseline_options *options, char *const *words, struct err *err)
{
    struct sheets all = {0}, own = {0};
    char path[PATH_MAX];
    int rc = name_file(options, path, sizeof(path), err);
    for (size_t i = 0; words[i] && !rc; i++)
        rc = sides_open(words[i], &all, err);
    if (!rc)
        rc = choose(&all, &own, err);
    if (!rc)
        rc = make_parents(path, err);
    if (!rc)
        rc = whole_file_write(path, write_sheets, &own, err);
    if (!rc)
        (void)printf("%s: %zu scenario%s\n", path, own.count, own.count == 1 ? "" : "s");
    free(own.items); /* the sheets are those of all */
    sheets_fini(&all);
    return rc;
}

/* ---- show ------------------------------------------------------------------------------------ */

static void level_cell(const struct sheet *sheet, const struct sheet_variant *variant,
                       const char *path, struct table *table)
{
    const struct sheet_figure *figure = sheet_figure_find(variant, path);
    double values[STATS_COUNT_MAX];
    char text[80];
    size_t count = figure ? sheet_values(sheet, figure, values) : 0;
    if (figure && figure->least < figure->needs)
        table_cell(table, TONE_QUIET, "few");
    else if (count == 0)
        table_cell(table, TONE_QUIET, "–");
    else
        table_cell(table, TONE_PLAIN, "%s",
                   metric_format(text, sizeof(text), figure->unit, stats_median(values, count)));
}

static void add_rows(const struct sheet *sheet, struct table *table)
{
    const struct result_environment *environment = &sheet->environment;
    for (size_t i = 0; i < sheet->variant_count; i++) {
        const struct sheet_variant *variant = &sheet->variants[i];
        table_cell(table, TONE_STRONG, "%s", i ? "" : sheet->scenario);
        table_cell(table, TONE_PLAIN, "%s", variant->name);
        level_cell(sheet, variant, "qps", table);
        level_cell(sheet, variant, "p99", table);
        table_cell(table, TONE_PLAIN, "%zu", sheet->block_count);
        table_cell(table, TONE_PLAIN, "%zu", variant->figure_count);
        table_cell(table, TONE_QUIET, "%s", i ? "" : environment->started);
        table_cell(table, TONE_QUIET, "%.12s%s", i ? "" : environment->commit,
                   environment->dirty && !i ? " with changes" : "");
        table_cell(table, TONE_QUIET, "%s", i ? "" : environment->cpu_model);
    }
}

static int show(char *const *words, struct err *err)
{
    static const char *const heads[] = {"scenario", "variant", "QPS",    "P99", "rounds",
                                        "figures",  "taken",   "commit", "CPU"};
    char *const fallback[] = {(char[]){"default"}, NULL};
    struct table table = {0};
    int rc = 0;
    for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++)
        table_column(&table, i >= 2 && i < 6 ? TABLE_RIGHT : TABLE_LEFT, "%s", heads[i]);
    for (char *const *word = words[0] ? words : fallback; *word && !rc; word++) {
        struct sheets sheets = {0};
        rc = sides_open(*word, &sheets, err);
        for (size_t i = 0; !rc && i < sheets.count; i++)
            add_rows(sheets.items[i], &table);
        sheets_fini(&sheets);
    }
    struct table_style style = terminal_style(stdout);
    if (!rc)
        rc = table_write(&table, stdout, &style, err);
    table_fini(&table);
    return rc;
}

/* ---- The command ----------------------------------------------------------------------------- */

static enum exit_code baseline_run(void *options, char *const *args, struct err *err)
{
    static const char *const words[] = {"save", "show", NULL};
    int rc;
    if (strcmp(args[0], "save") == 0) {
        rc = args[1] ? save(options, args + 1, err)
                     : err_set(err, -EINVAL, "save: expected one or more runs");
    } else if (strcmp(args[0], "show") == 0) {
        rc = show(args + 1, err);
    } else {
        const char *near = word_suggest(words, args[0]);
        rc = err_set(err, -EINVAL, "expected save or show, not '%.60s'%s%s%s", args[0],
                     near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    return exit_code_of(rc);
}

static void print_words(FILE *out)
{
    (void)fputs("save\nshow\n", out);
}

const struct command command_baseline = {
    .name = "baseline",
    .summary = "keep the figures of runs to compare later ones with",
    .usage = "save RUN... | show [BASELINE...]",
    .help = "A baseline holds the figures of every round and under which circumstances they were "
            "taken,\n"
            "without histograms: some ten kilobytes a variant, a figure a line, to be committed. "
            "Runs are\n"
            "given as for `compare`. `gate` and `compare` take a baseline by its name or path.\n\n"
            "Examples:\n"
            "  poolstorm baseline save results/runs/20240517-093000-allocation-encode\n"
            "  poolstorm baseline save results/runs --name laptop\n"
            "  poolstorm baseline show laptop\n",
    .options = baseline_groups,
    .options_size_bytes = sizeof(struct baseline_options),
    .args_min = 1,
    .args_max = 256,
    .words = print_words,
    .run = baseline_run,
};
