/* SPDX-License-Identifier: MIT */
/* records.c - results by the names people give them: a file, a run's folder, a folder of runs. */
#include "command/records.h"

#include "command/scenario_tables.h"
#include "report/json.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int no_memory(struct err *err)
{
    return err_sys(err, -ENOMEM, "read results");
}

static void record_fini(struct record *record)
{
    judgement_destroy(record->judgement);
    result_destroy(record->result);
    plan_destroy(record->plan);
    free(record->path);
    free(record->name);
    free(record->run);
}

static bool is_taken(const struct records *records, const char *name)
{
    for (size_t i = 0; i < records->count; i++)
        if (strcmp(records->items[i].name, name) == 0)
            return true;
    return false;
}

/* Cuts off the last part of a path, and the slash before it; "" when there is no other. */
static void cut_part(char *path)
{
    char *slash = strrchr(path, '/');
    *(slash ? slash : path) = '\0';
}

/* RUN of "RUN/result.json", and of "RUN/cells/CELL/result.json" where it is a cell. */
static char *name_run(const struct record *record, const char *path)
{
    char *run = strdup(path);
    if (!run)
        return NULL;
    cut_part(run);
    if (record->plan->cell) {
        cut_part(run);
        const char *slash = strrchr(run, '/');
        if (strcmp(slash ? slash + 1 : run, "cells") == 0)
            cut_part(run);
    }
    return run;
}

/* Its folder's name, with a number when others have the same. */
static int name_record(const struct records *records, struct record *record, struct err *err)
{
    char name[256], unique[sizeof(name) + 16];
    char *whole = realpath(record->path, NULL);
    record->run = name_run(record, whole ? whole : record->path);
    (void)snprintf(unique, sizeof(unique), "%s",
                   report_name(name, sizeof(name), whole ? whole : record->path));
    for (size_t i = 2; is_taken(records, unique); i++)
        (void)snprintf(unique, sizeof(unique), "%s-%zu", name, i);
    free(whole);
    record->name = strdup(unique);
    return record->name && record->run ? 0 : no_memory(err);
}

static int record_load(struct record *record, const char *path, struct err *err)
{
    record->path = strdup(path);
    if (!record->path)
        return no_memory(err);
    int rc = result_read(path, &scenario_tables, &record->plan, &record->result, err);
    if (rc)
        return rc;
    rc = judgement_create(record->result, &record->judgement, err);
    return rc ? err_wrap(err, "%.200s", path) : 0;
}

static void lighten_all(struct records *records)
{
    for (size_t i = 0; i < records->count; i++) {
        if (!records->items[i].light)
            result_lighten(records->items[i].result);
        records->items[i].light = true;
    }
}

static int add_file(struct records *records, const char *path, struct err *err)
{
    struct record record = {0};
    if (records->count >= RECORDS_MAX)
        return err_set(err, -EFBIG, "%.200s: expected at most %d results", path, RECORDS_MAX);
    struct record *grown = realloc(records->items, (records->count + 1) * sizeof(*records->items));
    if (!grown)
        return no_memory(err);
    records->items = grown;
    int rc = record_load(&record, path, err);
    if (!rc)
        rc = name_record(records, &record, err);
    if (rc)
        record_fini(&record);
    else
        records->items[records->count++] = record;
    if (!rc && records->may_be_light && records->count > RECORDS_WHOLE_MAX)
        lighten_all(records);
    return rc;
}

static int join(char *path, size_t size_bytes, const char *folder, const char *name,
                struct err *err)
{
    size_t length = strlen(folder);
    const char *slash = length > 0 && folder[length - 1] == '/' ? "" : "/";
    int wanted = snprintf(path, size_bytes, "%s%s%s", folder, slash, name);
    return wanted < 0 || (size_t)wanted >= size_bytes
               ? err_sys(err, -ENAMETOOLONG, "look at %.200s", folder)
               : 0;
}

static bool is_folder(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static int add_tree(struct records *records, const char *folder, int depth, struct err *err);

static int add_below(struct records *records, const char *folder, int depth, struct err *err)
{
    struct dirent **entries = NULL;
    int entry_count = scandir(folder, &entries, NULL, alphasort);
    if (entry_count < 0)
        return err_sys(err, -errno, "look into %.200s", folder);
    int rc = 0;
    for (int i = 0; i < entry_count; i++) {
        char path[PATH_MAX];
        if (!rc && entries[i]->d_name[0] != '.') {
            rc = join(path, sizeof(path), folder, entries[i]->d_name, err);
            if (!rc && is_folder(path))
                rc = add_tree(records, path, depth - 1, err);
        }
        free(entries[i]);
    }
    free(entries);
    return rc;
}

/* A run's folder, where a run with a grid has its cells in a folder below; or a folder of those, or
 * of such folders. */
static int add_tree(struct records *records, const char *folder, int depth, struct err *err)
{
    char path[PATH_MAX];
    struct stat status;
    int rc = join(path, sizeof(path), folder, "result.json", err);
    if (rc)
        return rc;
    if (stat(path, &status) && errno != ENOENT)
        return err_sys(err, -errno, "look at %.200s", path);
    if (stat(path, &status))
        return depth > 0 ? add_below(records, folder, depth, err) : 0;
    rc = add_file(records, path, err);
    if (!rc)
        rc = join(path, sizeof(path), folder, "cells", err);
    return rc || !is_folder(path) ? rc : add_below(records, path, 1, err);
}

int records_add(struct records *records, const char *word, struct err *err)
{
    enum { DEPTH = 2 }; /* a folder of runs of several scenarios each */
    struct stat status;
    size_t before = records->count;
    if (stat(word, &status))
        return err_sys(err, -errno, "look at %.200s", word);
    if (!S_ISDIR(status.st_mode))
        return add_file(records, word, err);
    int rc = add_tree(records, word, DEPTH, err);
    if (!rc && records->count == before)
        rc = err_set(err, -EINVAL,
                     "%.200s: expected a result.json, a run's folder or a folder of runs", word);
    return rc;
}

int records_add_all(struct records *records, char *const *words, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; words[i] && !rc; i++)
        rc = records_add(records, words[i], err);
    return rc;
}

static int shelf_open(const void *arg, size_t index, struct report_opened *out, struct err *err)
{
    const struct records *records = arg;
    if (!records->items[index].light)
        return 0;
    struct record *again = calloc(1, sizeof(*again));
    if (!again)
        return no_memory(err);
    out->held = again;
    int rc = record_load(again, records->items[index].path, err);
    out->item.result = again->result;
    out->item.judgement = again->judgement;
    return rc;
}

static void shelf_close(struct report_opened *opened)
{
    if (opened->held)
        record_fini(opened->held);
    free(opened->held);
    opened->held = NULL;
}

int records_input(struct records *records, struct report_input *out, struct err *err)
{
    struct report_item *items = calloc(records->count + 1, sizeof(*items));
    if (!items)
        return no_memory(err);
    for (size_t i = 0; i < records->count; i++)
        items[i] = (struct report_item){records->items[i].result, records->items[i].judgement,
                                        records->items[i].name, records->items[i].run};
    free(records->listed);
    records->listed = items;
    records->shelf = (struct report_shelf){shelf_open, shelf_close, records};
    *out = (struct report_input){.items = items,
                                 .item_count = records->count,
                                 .shelf = records->may_be_light ? &records->shelf : NULL};
    return 0;
}

void records_fini(struct records *records)
{
    for (size_t i = 0; i < records->count; i++)
        record_fini(&records->items[i]);
    free(records->items);
    free(records->listed);
    *records = (struct records){0};
}
