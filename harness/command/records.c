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
}

static bool is_taken(const struct records *records, const char *name)
{
    for (size_t i = 0; i < records->count; i++)
        if (strcmp(records->items[i].name, name) == 0)
            return true;
    return false;
}

/* Its folder's name, with a number when others have the same. */
static int name_record(const struct records *records, struct record *record, struct err *err)
{
    char name[256], unique[sizeof(name) + 16];
    char *whole = realpath(record->path, NULL);
    (void)snprintf(unique, sizeof(unique), "%s",
                   report_name(name, sizeof(name), whole ? whole : record->path));
    for (size_t i = 2; is_taken(records, unique); i++)
        (void)snprintf(unique, sizeof(unique), "%s-%zu", name, i);
    free(whole);
    record->name = strdup(unique);
    return record->name ? 0 : no_memory(err);
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
    return rc;
}

/* The path of the record in a folder, or of one in a folder of it. */
static int join(char *path, size_t size_bytes, const char *folder, const char *name,
                struct err *err)
{
    size_t length = strlen(folder);
    const char *slash = length > 0 && folder[length - 1] == '/' ? "" : "/";
    int wanted = name ? snprintf(path, size_bytes, "%s%s%s/result.json", folder, slash, name)
                      : snprintf(path, size_bytes, "%s%sresult.json", folder, slash);
    return wanted < 0 || (size_t)wanted >= size_bytes
               ? err_sys(err, -ENAMETOOLONG, "look at %.200s", folder)
               : 0;
}

/* 0 when there is one, -ENOENT when there is none. */
static int find_file(const char *path, struct err *err)
{
    struct stat status;
    if (stat(path, &status) == 0)
        return 0;
    return errno == ENOENT || errno == ENOTDIR ? -ENOENT
                                               : err_sys(err, -errno, "look at %.200s", path);
}

static int add_folders(struct records *records, const char *folder, struct err *err);

/* A run's folder; a run with a grid has its cells in a folder below. -ENOENT: it is none. */
static int add_run(struct records *records, const char *folder, const char *name, struct err *err)
{
    char path[PATH_MAX];
    struct stat status;
    int rc = join(path, sizeof(path), folder, name, err);
    if (!rc)
        rc = find_file(path, err);
    if (!rc)
        rc = add_file(records, path, err);
    if (rc)
        return rc;
    (void)snprintf(strrchr(path, '/'), sizeof("/cells"),
                   "/cells"); /* shorter than what was there */
    return stat(path, &status) == 0 ? add_folders(records, path, err) : 0;
}

static int add_folders(struct records *records, const char *folder, struct err *err)
{
    struct dirent **entries = NULL;
    size_t before = records->count;
    int entry_count = scandir(folder, &entries, NULL, alphasort);
    if (entry_count < 0)
        return err_sys(err, -errno, "look into %.200s", folder);
    int rc = 0;
    for (int i = 0; i < entry_count; i++) {
        const char *name = entries[i]->d_name;
        if (!rc && name[0] != '.') {
            rc = add_run(records, folder, name, err);
            rc = rc == -ENOENT ? 0 : rc;
        }
        free(entries[i]);
    }
    free(entries);
    if (!rc && records->count == before)
        rc = err_set(err, -EINVAL,
                     "%.200s: expected a result.json, a run's folder or a folder of runs", folder);
    return rc;
}

int records_add(struct records *records, const char *word, struct err *err)
{
    struct stat status;
    if (stat(word, &status))
        return err_sys(err, -errno, "look at %.200s", word);
    if (!S_ISDIR(status.st_mode))
        return add_file(records, word, err);
    int rc = add_run(records, word, NULL, err);
    return rc == -ENOENT ? add_folders(records, word, err) : rc;
}

int records_add_all(struct records *records, char *const *words, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; words[i] && !rc; i++)
        rc = records_add(records, words[i], err);
    return rc;
}

struct report_item *records_items(const struct records *records)
{
    struct report_item *items = calloc(records->count + 1, sizeof(*items));
    for (size_t i = 0; items && i < records->count; i++)
        items[i] = (struct report_item){records->items[i].result, records->items[i].judgement,
                                        records->items[i].name};
    return items;
}

void records_fini(struct records *records)
{
    for (size_t i = 0; i < records->count; i++)
        record_fini(&records->items[i]);
    free(records->items);
    *records = (struct records){0};
}
