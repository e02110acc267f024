/* SPDX-License-Identifier: MIT */
/* report.c - poolstorm report: makes what a format asks for out of results that were kept. */
#include "command/command.h"
#include "command/records.h"
#include "report/grid.h"
#include "run/folder.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FORMATS_MAX = 32, PARTS_MAX = 1 << 16 };

struct report_options {
    char *format; /* names, separated by commas and lines */
    char *out;
};

static const struct param report_params[] = {
    {PARAM_TEXT("format", report_options, format, NULL,
                "what to write, several separated by commas [terminal]"),
     .letter = 'f', .repeats = true},
    {PARAM_TEXT("out", report_options, out, NULL,
                "a file, or a folder or what names begin with for several; - is stdout, the "
                "default"),
     .letter = 'o'},
    {0},
};

static const struct option_group report_groups[] = {{"Options", report_params, 0}, {0}};

/* What is written where. */
struct output {
    const struct report_format *formats[FORMATS_MAX];
    size_t format_count;
    struct report_input input;
    const char *out; /* as given; "-": stdout */
    bool folder;     /* out is one, or is to be */
    bool dry;        /* only count the files */
    size_t file_count;
};

/* ---- Files ----------------------------------------------------------------------------------- */

/* Whether out ends with the format's extension, whose length with its dot is given back. */
static size_t extension_length(const char *out, const struct report_format *format)
{
    size_t length = strlen(out), extension = strlen(format->extension);
    bool ends = length > extension + 1 && out[length - extension - 1] == '.' &&
                strcmp(out + length - extension, format->extension) == 0;
    return ends ? extension + 1 : 0;
}

/* The name of the result that is told by itself, a scenario with its grid's cells, say; of several
 * a word for all. */
static const char *stem_of(const struct report_input *input)
{
    const char *stem = NULL;
    for (size_t i = 0; i < input->item_count; i++)
        if (grid_is_apart(input, i))
            stem = stem ? "report" : input->items[i].name;
    return stem ? stem : "report";
}

/* "OUT/night.plain.full.hgrm" in a folder, else "OUT.plain.full.hgrm"; a file that is the only one
 * is called as asked. */
static int name_file(const struct output *output, const struct report_format *format,
                     const struct report_input *input, const char *part, char *path,
                     size_t size_bytes, struct err *err)
{
    const char *stem = stem_of(input);
    bool told = output->folder || (format->single && output->input.item_count > 1);
    size_t length = strlen(output->out);
    const char *gap = output->folder && output->out[length - 1] == '/' ? ""
                      : output->folder                                 ? "/"
                                                                       : ".";
    int wanted;
    if (output->file_count == 1 && !output->folder)
        wanted = snprintf(path, size_bytes, "%s", output->out);
    else
        wanted = snprintf(path, size_bytes, "%.*s%s%s%s%s.%s",
                          (int)(length - extension_length(output->out, format)), output->out,
                          told ? gap : "", told ? stem : "", part[0] ? "." : "", part,
                          format->extension);
    return wanted < 0 || (size_t)wanted >= size_bytes
               ? err_sys(err, -ENAMETOOLONG, "write into %.200s", output->out)
               : 0;
}

static int write_file(struct output *output, const struct report_format *format,
                      const struct report_input *input, const char *part, struct err *err)
{
    char path[PATH_MAX];
    if (output->dry) {
        output->file_count++;
        return 0;
    }
    if (strcmp(output->out, "-") == 0)
        return format->write(input, stdout, err); /* main checks stdout */
    int rc = name_file(output, format, input, part, path, sizeof(path), err);
    if (!rc)
        rc = report_write_file(format, input, path, err);
    if (!rc && (output->folder || output->file_count > 1))
        puts(path);
    return rc;
}

/* The files that a format makes of an input. */
static int write_parts(struct output *output, const struct report_format *format,
                       struct report_input input, struct err *err)
{
    char part[512] = "";
    int rc = 0;
    if (!format->part)
        return write_file(output, format, &input, part, err);
    for (; !rc && input.part < PARTS_MAX && format->part(&input, part, sizeof(part)); input.part++)
        rc = write_file(output, format, &input, part, err);
    if (!rc && input.part == 0 && output->dry) /* no reason to go without the other formats */
        (void)fprintf(stderr, "poolstorm report: %s: no valid round has what it would hold\n",
                      format->name);
    return rc;
}

/* Only a format with parts has to see a result to know how many files it makes. */
static int write_single(struct output *output, const struct report_format *format, size_t index,
                        struct err *err)
{
    struct report_opened opened = {.item = output->input.items[index]};
    bool whole = !output->dry || format->part;
    int rc = whole ? report_open(&output->input, index, &opened, err) : 0;
    const struct report_input input = {.items = &opened.item, .item_count = 1};
    if (!rc)
        rc = write_parts(output, format, input, err);
    if (whole)
        report_close(&output->input, &opened);
    return rc;
}

static int write_all(struct output *output, struct err *err)
{
    int rc = 0;
    for (size_t f = 0; f < output->format_count && !rc; f++) {
        const struct report_format *format = output->formats[f];
        if (!format->single)
            rc = write_parts(output, format, output->input, err);
        for (size_t i = 0; format->single && i < output->input.item_count && !rc; i++)
            rc = write_single(output, format, i, err);
    }
    return rc;
}

/* How many files there will be says how OUT is meant. */
static int prepare(struct output *output, struct err *err)
{
    struct stat status;
    size_t length = strlen(output->out);
    output->dry = true;
    int rc = write_all(output, err);
    output->dry = false;
    if (rc)
        return rc;
    if (output->file_count == 0)
        return err_set(err, -EINVAL, "nothing to write");
    if (strcmp(output->out, "-") == 0)
        return output->file_count == 1
                   ? 0
                   : err_set(err, -EINVAL, "this makes %zu files: say where with --out FOLDER/",
                             output->file_count);
    if (length == 0)
        return err_set(err, -EINVAL, "--out: expected a file or a folder");
    bool exists = stat(output->out, &status) == 0;
    output->folder = output->out[length - 1] == '/' || (exists && S_ISDIR(status.st_mode));
    return output->folder && !exists ? folder_make(output->out, err) : 0;
}

/* ---- The command ----------------------------------------------------------------------------- */

static int add_format(struct output *output, const char *name, struct err *err)
{
    const struct report_format *format = report_find(name, err);
    if (!format)
        return -EINVAL;
    for (size_t i = 0; i < output->format_count; i++)
        if (output->formats[i] == format)
            return 0;
    if (output->format_count == FORMATS_MAX)
        return err_set(err, -EINVAL, "--format: expected at most %d formats", FORMATS_MAX);
    output->formats[output->format_count++] = format;
    return 0;
}

static int read_formats(struct output *output, const char *text, struct err *err)
{
    char *names = strdup(text), *rest = NULL;
    int rc = names ? 0 : err_sys(err, -ENOMEM, "read --format");
    for (char *name = names ? strtok_r(names, ",\n", &rest) : NULL; name && !rc;
         name = strtok_r(NULL, ",\n", &rest))
        rc = add_format(output, name, err);
    if (!rc && output->format_count == 0)
        rc = err_set(err, -EINVAL, "--format: expected the name of a format");
    free(names);
    return rc;
}

/* Whether no format needs all results at once. */
static bool may_be_light(const struct output *output)
{
    for (size_t i = 0; i < output->format_count; i++)
        if (!output->formats[i]->single && !output->formats[i]->by_item)
            return false;
    return true;
}

static enum exit_code report_run(void *options, char *const *args, struct err *err)
{
    const struct report_options *self = options;
    struct output output = {.out = self->out ? self->out : "-"};
    struct records records = {0};
    int rc = read_formats(&output, self->format ? self->format : "terminal", err);
    records.may_be_light = may_be_light(&output);
    if (!rc)
        rc = records_add_all(&records, args, err);
    if (!rc)
        rc = records_input(&records, &output.input, err);
    if (!rc)
        rc = prepare(&output, err);
    if (!rc)
        rc = write_all(&output, err);
    records_fini(&records);
    return exit_code_of(rc);
}

static void print_formats(FILE *out)
{
    (void)fputs("\nFormats:\n", out);
    for (size_t i = 0; report_formats[i]; i++)
        (void)fprintf(out, "  %-12s %s\n", report_formats[i]->name, report_formats[i]->summary);
}

static void print_values(FILE *out, const char *option)
{
    for (size_t i = 0; strcmp(option, "format") == 0 && report_formats[i]; i++)
        (void)fprintf(out, "%s\n", report_formats[i]->name);
}

const struct command command_report = {
    .name = "report",
    .summary = "write results that were kept in other formats",
    .usage = "RUN...",
    .help =
        "A RUN is a result.json, the folder of a run, or a folder with the folders of several.\n"
        "Nothing is measured: every format is made from the record.\n\n"
        "One file is called as --out says. Several are put into a folder (one that is there, or a\n"
        "name that ends with a slash), or get names that begin with it; what was written is\n"
        "printed.\n\n"
        "Examples:\n"
        "  poolstorm report results/runs/20240517-093000-allocation-encode\n"
        "  poolstorm report results/runs --format markdown --out summary.md\n"
        "  poolstorm report nightly --format junit,csv,gha --out reports/\n"
        "  poolstorm report nightly/result.json --format gbench --out B.json\n"
        "  compare.py benchmarks A.json B.json\n",
    .options = report_groups,
    .options_size_bytes = sizeof(struct report_options),
    .args_min = 1,
    .args_max = 1024,
    .more = print_formats,
    .values = print_values,
    .run = report_run,
};
