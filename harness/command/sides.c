/* SPDX-License-Identifier: MIT */
/* sides.c - the sides of a comparison, from records and baselines. */
#include "command/sides.h"

#include "command/records.h"
#include "core/io.h"
#include "report/json.h"
#include "report/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_file(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

void sides_baseline_path(const char *name, char *path, size_t size_bytes)
{
    bool is_path = strchr(name, '/') || access(name, F_OK) == 0;
    if (is_path)
        (void)snprintf(path, size_bytes, "%s", name);
    else
        (void)snprintf(path, size_bytes, "%s/%s.json", BASELINE_FOLDER, name);
}

/* A baseline says so in its first line. */
static bool is_baseline(const char *path)
{
    char begin[64] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t length = fd < 0 ? -1 : read(fd, begin, sizeof(begin) - 1);
    if (fd >= 0)
        (void)close(fd);
    return length > 0 && strstr(begin, "\"poolstorm_baseline\"");
}

static int open_baseline(const char *path, struct sheets *sheets, struct err *err)
{
    char *data;
    size_t length;
    int rc = io_read_file(path, RESULT_FILE_BYTES_MAX, &data, &length);
    if (rc)
        return err_sys(err, rc, "read %.200s", path);
    rc = sheets_parse(path, data, length, sheets, err);
    free(data);
    return rc;
}

static bool has_program(const struct sheets *sheets, size_t from, const char *program)
{
    for (size_t i = from; i < sheets->count; i++)
        if (sheets->items[i]->program && strcmp(sheets->items[i]->program, program) == 0)
            return true;
    return false;
}

static int add_sheet(const struct result *result, const struct judgement *judgement,
                     const char *program, const char *origin, struct sheets *sheets,
                     struct err *err)
{
    struct sheet *sheet;
    int rc = sheet_create(result, judgement, program, origin, &sheet, err);
    return rc ? rc : sheets_add(sheets, sheet, err);
}

int sides_of_result(const struct result *result, const struct judgement *judgement,
                    const char *origin, struct sheets *sheets, struct err *err)
{
    size_t from = sheets->count;
    int rc = add_sheet(result, judgement, NULL, origin, sheets, err);
    for (size_t i = 0; !rc && i < result->variant_count; i++) {
        const char *program = result->variants[i].program;
        if (program && !has_program(sheets, from, program))
            rc = add_sheet(result, judgement, program, origin, sheets, err);
    }
    return rc;
}

static bool same_scenario(const struct plan *a, const struct plan *b)
{
    const char *a_cell = a->cell ? a->cell : "", *b_cell = b->cell ? b->cell : "";
    return strcmp(a->name, b->name) == 0 && strcmp(a_cell, b_cell) == 0;
}

/* Whether it is all of the scenario, measured as it says. */
static bool is_whole(const struct result *result)
{
    size_t own = 0;
    for (size_t i = 0; i < result->variant_count; i++)
        own += result->variants[i].program == NULL;
    return !result->quick && !result->aa && !result->interrupted && !result->failure &&
           own == result->plan->variant_count;
}

/* Whether another one of the scenario is to be taken rather: what is whole before what is not, then
 * the latest, which is the last where they began in the same second. */
static bool is_outrun(const struct records *records, size_t index)
{
    const struct result *one = records->items[index].result;
    bool whole = is_whole(one);
    for (size_t i = 0; i < records->count; i++) {
        const struct result *other = records->items[i].result;
        int order = strcmp(other->environment.started, one->environment.started);
        if (i == index || !same_scenario(other->plan, one->plan) || (whole && !is_whole(other)))
            continue;
        if ((!whole && is_whole(other)) || order > 0 || (order == 0 && i > index))
            return true;
    }
    return false;
}

static int open_records(const char *word, struct sheets *sheets, struct err *err)
{
    struct records records = {0};
    int rc = records_add(&records, word, err);
    for (size_t i = 0; !rc && i < records.count; i++) {
        const struct record *record = &records.items[i];
        if (!is_outrun(&records, i))
            rc = sides_of_result(record->result, record->judgement, record->path, sheets, err);
    }
    records_fini(&records);
    return rc;
}

int sides_open(const char *word, struct sheets *sheets, struct err *err)
{
    char path[PATH_MAX];
    sides_baseline_path(word, path, sizeof(path));
    if (is_baseline(path))
        return open_baseline(path, sheets, err);
    if (access(word, F_OK) != 0 && !is_file(path))
        return err_set(err, -EINVAL, "no run and no baseline '%.200s'", word);
    return open_records(word, sheets, err);
}

const struct sheet *sides_find(const struct sheets *sheets, const char *scenario, bool other)
{
    for (size_t i = 0; i < sheets->count; i++)
        if (strcmp(sheets->items[i]->scenario, scenario) == 0 &&
            (sheets->items[i]->program != NULL) == other)
            return sheets->items[i];
    return NULL;
}

int sides_check_format(const char *format, struct err *err)
{
    if (strcmp(format, "terminal") == 0 || strcmp(format, "markdown") == 0)
        return 0;
    return err_set(err, -EINVAL, "--format: expected terminal or markdown, not '%.60s'", format);
}

int sides_show(const struct comparison *comparison, const char *format, struct err *err)
{
    if (strcmp(format, "markdown") == 0)
        return comparison_write_markdown(comparison, stdout, err);
    struct table_style style = terminal_style(stdout);
    return comparison_write(comparison, stdout, &style, err);
}

enum exit_code sides_exit(enum gate_word gate, bool strict)
{
    switch (gate) {
    case GATE_FAIL:
        return EXIT_REGRESSION;
    case GATE_INVALID:
        return EXIT_INVALID;
    case GATE_UNSURE:
        return strict ? EXIT_INVALID : EXIT_WELL;
    default:
        return EXIT_WELL;
    }
}
