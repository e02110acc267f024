/* SPDX-License-Identifier: MIT */
/* noise.c - poolstorm noise: how often A/A runs find a difference where there is none, and the
 * noise band that they ask for. */
#include "command/command.h"
#include "command/records.h"
#include "command/sides.h"
#include "core/io.h"
#include "report/sameness.h"
#include "report/terminal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_BYTES_MAX = 64 << 20 };

struct noise_options {
    char *append, *format;
};

static const struct param noise_params[] = {
    {PARAM_TEXT("append", noise_options, append, NULL,
                "a CSV file to add what the runs found to, instead of telling it"),
     .letter = 'a'},
    {PARAM_TEXT("format", noise_options, format, "terminal", "terminal or markdown"),
     .letter = 'f'},
    {0},
};

static const struct option_group noise_groups[] = {{"Options", noise_params, 0}, {0}};

static int read_file(struct samenesses *all, const char *path, struct err *err)
{
    char *data;
    size_t length;
    int rc = io_read_file(path, FILE_BYTES_MAX, &data, &length);
    if (rc)
        return err_sys(err, rc, "read %.200s", path);
    rc = samenesses_parse(all, path, data, length, err);
    free(data);
    return rc;
}

static int read_runs(struct samenesses *all, const char *word, struct err *err)
{
    struct records records = {0};
    int rc = records_add(&records, word, err);
    for (size_t i = 0; !rc && i < records.count; i++)
        rc = samenesses_add(all, records.items[i].result, records.items[i].judgement, err);
    records_fini(&records);
    return rc;
}

static bool is_table(const char *word)
{
    size_t length = strlen(word);
    return length > 4 && strcmp(word + length - 4, ".csv") == 0;
}

static int read_word(struct samenesses *all, const char *word, struct err *err)
{
    return is_table(word) ? read_file(all, word, err) : read_runs(all, word, err);
}

/* ---- append ---------------------------------------------------------------------------------- */

/* In one piece, so that what is ended leaves whole lines. */
static int write_lines(const char *path, const struct samenesses *lines, bool heads,
                       struct err *err)
{
    FILE *out = fopen(path, "ae");
    if (!out)
        return err_sys(err, -errno, "write %.200s", path);
    samenesses_write(lines, heads, out);
    bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed)
        return err_sys(err, -EIO, "write %.200s", path);
    return 0;
}

/* What the file has is read first: no run is counted twice. */
static int append(const char *path, char *const *words, struct err *err)
{
    struct samenesses all = {0};
    struct err why = {0};
    int rc = read_file(&all, path, &why);
    bool heads = rc == -ENOENT;
    if (rc && !heads)
        *err = why;
    rc = heads ? 0 : rc;
    size_t before = all.count;
    for (size_t i = 0; !rc && words[i]; i++)
        rc = read_word(&all, words[i], err);
    const struct samenesses lines = {all.items + before, all.count - before};
    if (!rc)
        rc = write_lines(path, &lines, heads, err);
    samenesses_fini(&all);
    return rc;
}

/* ---- Telling --------------------------------------------------------------------------------- */

static void tell_summary(const struct sameness_summary *summary, bool markdown)
{
    (void)printf("\n%zu comparisons of ", summary->compared);
    if (summary->pairs_least != summary->pairs_most)
        (void)printf("%zu to ", summary->pairs_least);
    (void)printf("%zu pairs of rounds each, no round in two of them", summary->pairs_most);
    if (summary->invalid)
        (void)printf("; %zu more could not be believed and are not counted", summary->invalid);
    (void)printf(". %zu of %zu rounds were invalid and are not used.\n", summary->rounds_invalid,
                 summary->rounds);
    (void)printf("The level is %.0f %% for each figure: %s.\n", STATS_ALPHA * 100,
                 summary->errs ? "differences are found more often than that"
                               : "nothing shows that differences are found more often");
    /* a scenario's key, to be taken over as it is: code, where words would flow together */
    (void)printf("%snoise: %.2g%%   # the widest band: max(%.0f %%, 95th percentile of the ratios' "
                 "deviations from 1)\n",
                 markdown ? "\n    " : "", summary->noise_share * 100, STATS_BAND_LEAST * 100);
}

static int tell(const struct noise_options *options, char *const *words,
                struct sameness_summary *summary, struct err *err)
{
    struct samenesses all = {0};
    struct table table = {0};
    int rc = 0;
    for (size_t i = 0; !rc && words[i]; i++)
        rc = read_word(&all, words[i], err);
    if (!rc)
        rc = samenesses_table(&all, &table, summary, err);
    struct table_style style = terminal_style(stdout);
    bool markdown = strcmp(options->format, "markdown") == 0;
    if (!rc)
        rc = markdown ? table_write_markdown(&table, stdout, err)
                      : table_write(&table, stdout, &style, err);
    if (!rc)
        tell_summary(summary, markdown);
    table_fini(&table);
    samenesses_fini(&all);
    return rc;
}

/* ---- The command ----------------------------------------------------------------------------- */

static enum exit_code noise_run(void *options, char *const *args, struct err *err)
{
    const struct noise_options *self = options;
    struct sameness_summary summary = {0};
    int rc = sides_check_format(self->format, err);
    if (!rc)
        rc = self->append ? append(self->append, args, err) : tell(self, args, &summary, err);
    return rc ? exit_code_of(rc) : summary.errs ? EXIT_EXPECTATION : EXIT_WELL;
}

const struct command command_noise = {
    .name = "noise",
    .summary = "tell how often A/A runs find a difference, and the noise band they ask for",
    .usage = "RUN|FILE.csv...",
    .help =
        "An A/A run (`run --aa VARIANT`) holds a variant against itself: whatever it finds is\n"
        "noise. Of many such runs this tells in how many a difference was found, with the exact\n"
        "interval of that share, and the noise band: the larger of 2 % and the 95th percentile of\n"
        "the ratios' deviations from 1, for a scenario's `noise:` or --noise. With --append what\n"
        "the runs found is kept in a file, a line a run and figure; scripts/aa makes many.\n\n"
        "Exit status 1: differences are found more often than the level says.\n\n"
        "Examples:\n"
        "  poolstorm run ./mine.yaml --aa plain --out runs/aa/1\n"
        "  poolstorm noise runs/aa\n"
        "  poolstorm noise results/aa.csv\n",
    .options = noise_groups,
    .options_size_bytes = sizeof(struct noise_options),
    .args_min = 1,
    .args_max = 1024,
    .run = noise_run,
};
