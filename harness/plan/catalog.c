/* SPDX-License-Identifier: MIT */
/* catalog.c - lists scenario folders and resolves what a person typed into files. */
#include "plan/catalog.h"

#include "core/param.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ENTRIES_MAX = 4096, LEVELS_MAX = 5 };

static const char suffix[] = ".yaml", set_suffix[] = ".set";

static void fini_entries(struct catalog_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(entries[i].name);
        free(entries[i].path);
        free(entries[i].variants);
    }
    free(entries);
}

void catalog_fini(struct catalog *catalog)
{
    fini_entries(catalog->entries, catalog->count);
    fini_entries(catalog->sets, catalog->set_count);
    *catalog = (struct catalog){0};
}

static int append(struct catalog_entry **list, size_t *count, const char *name, const char *path,
                  struct err *err)
{
    if (*count == ENTRIES_MAX)
        return err_set(err, -E2BIG, "expected at most %d scenarios, up to %.200s", ENTRIES_MAX,
                       path);
    struct catalog_entry *entries = realloc(*list, (*count + 1) * sizeof(*entries));
    if (!entries)
        return err_sys(err, -ENOMEM, "list scenarios");
    *list = entries;
    struct catalog_entry entry = {.name = strdup(name), .path = strdup(path)};
    if (!entry.name || !entry.path) {
        free(entry.name);
        free(entry.path);
        return err_sys(err, -ENOMEM, "list scenarios");
    }
    entries[(*count)++] = entry;
    return 0;
}

static int add_entry(struct catalog *catalog, const char *name, const char *path, struct err *err)
{
    return append(&catalog->entries, &catalog->count, name, path, err);
}

static bool is_file(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

static bool ends_in(const char *name, const char *end, size_t *stem_length)
{
    size_t length = strlen(name), end_length = strlen(end);
    if (length <= end_length || strcmp(name + length - end_length, end) != 0)
        return false;
    *stem_length = length - end_length;
    return true;
}

static bool ends_in_suffix(const char *name, size_t *stem_length)
{
    return ends_in(name, suffix, stem_length);
}

/* A set, if it is called like one. */
static int list_set(struct catalog *catalog, const char *root, const char *file, struct err *err)
{
    char path[PATH_MAX], name[NAME_MAX + 1];
    size_t stem;
    if (!ends_in(file, set_suffix, &stem) ||
        snprintf(path, sizeof(path), "%s/%s", root, file) >= (int)sizeof(path) || !is_file(path))
        return 0;
    (void)snprintf(name, sizeof(name), "%.*s", (int)stem, file);
    return append(&catalog->sets, &catalog->set_count, name, path, err);
}

/* A name too long for a path is nobody's scenario and is passed over. */
static int list_family(struct catalog *catalog, const char *root, const char *family,
                       struct err *err)
{
    char path[PATH_MAX], name[PATH_MAX];
    int rc = 0;
    if (snprintf(path, sizeof(path), "%s/%s", root, family) >= (int)sizeof(path))
        return 0;
    DIR *folder = opendir(path);
    if (!folder)
        return errno == ENOTDIR ? 0 : err_sys(err, -errno, "open %.200s", path);
    for (struct dirent *item = readdir(folder); !rc && item; item = readdir(folder)) {
        size_t stem;
        if (item->d_name[0] == '.' || !ends_in_suffix(item->d_name, &stem))
            continue;
        int path_length = snprintf(path, sizeof(path), "%s/%s/%s", root, family, item->d_name);
        int name_length = snprintf(name, sizeof(name), "%s/%.*s", family, (int)stem, item->d_name);
        if (path_length < (int)sizeof(path) && name_length < (int)sizeof(name) && is_file(path))
            rc = add_entry(catalog, name, path, err);
    }
    (void)closedir(folder);
    return rc;
}

static int compare_entries(const void *a, const void *b)
{
    const struct catalog_entry *left = a, *right = b;
    return strcmp(left->name, right->name);
}

int catalog_open(struct catalog *catalog, const char *root, struct err *err)
{
    DIR *folder = opendir(root);
    if (!folder)
        return err_sys(err, -errno, "open the scenarios in %.200s", root);
    int rc = 0;
    for (struct dirent *item = readdir(folder); !rc && item; item = readdir(folder))
        if (item->d_name[0] != '.') {
            rc = list_set(catalog, root, item->d_name, err);
            rc = rc ? rc : list_family(catalog, root, item->d_name, err);
        }
    (void)closedir(folder);
    if (rc) {
        catalog_fini(catalog);
        return rc;
    }
    if (catalog->count > 0)
        qsort(catalog->entries, catalog->count, sizeof(*catalog->entries), compare_entries);
    if (catalog->set_count > 0)
        qsort(catalog->sets, catalog->set_count, sizeof(*catalog->sets), compare_entries);
    return 0;
}

/* Whether root holds any scenario: a build folder has an empty namesake of the source's. */
static bool try_root(struct catalog *catalog, const char *root)
{
    return catalog_open(catalog, root, NULL) == 0 && catalog->count > 0;
}

int catalog_open_beside(struct catalog *catalog, const char *program_dir, struct err *err)
{
    char root[PATH_MAX], up[3 * LEVELS_MAX + 1] = "";
    int length = snprintf(root, sizeof(root), "%s/../share/poolstorm/scenarios", program_dir);
    if (length < (int)sizeof(root) && try_root(catalog, root))
        return 0;
    for (int level = 0; level <= LEVELS_MAX; level++) {
        length = snprintf(root, sizeof(root), "%s%s/scenarios", program_dir, up);
        if (length < (int)sizeof(root) && try_root(catalog, root))
            return 0;
        if (level < LEVELS_MAX)
            memcpy(up + 3 * level, "/..", sizeof("/.."));
    }
    return err_set(err, -ENOENT,
                   "found no scenarios near %.200s: set POOLSTORM_SCENARIOS to their "
                   "folder, or name a file",
                   program_dir);
}

int catalog_open_default(struct catalog *catalog, struct err *err)
{
    const char *root = getenv("POOLSTORM_SCENARIOS");
    if (root && *root) {
        int rc = catalog_open(catalog, root, err);
        if (rc)
            (void)err_wrap(err, "POOLSTORM_SCENARIOS");
        return rc;
    }
    char program[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
    if (length < 0)
        return err_sys(err, -errno, "readlink /proc/self/exe");
    program[length] = '\0';
    char *slash = strrchr(program, '/');
    if (slash)
        *slash = '\0';
    return catalog_open_beside(catalog, program, err);
}

static bool is_selected(const struct catalog *selection, const char *path)
{
    for (size_t i = 0; i < selection->count; i++)
        if (strcmp(selection->entries[i].path, path) == 0)
            return true;
    return false;
}

static bool in_family(const char *name, const char *family)
{
    size_t length = strlen(family);
    if (length > 0 && family[length - 1] == '/')
        length--;
    return length > 0 && strncmp(name, family, length) == 0 && name[length] == '/';
}

/* Names of scenarios and sets, and of families, each once as they are sorted. */
static const char *suggest(const struct catalog *catalog, const char *argument, char *family,
                           size_t size_bytes)
{
    const char **words = calloc(catalog->count + catalog->set_count + 1, sizeof(*words));
    if (!words)
        return NULL;
    for (size_t i = 0; i < catalog->count; i++)
        words[i] = catalog->entries[i].name;
    for (size_t i = 0; i < catalog->set_count; i++)
        words[catalog->count + i] = catalog->sets[i].name;
    const char *found = word_suggest(words, argument);
    for (size_t i = 0; !found && i < catalog->count; i++) {
        const char *name = catalog->entries[i].name;
        const char *stem = strchr(name, '/') + 1;
        const char *single[] = {family, NULL};
        (void)snprintf(family, size_bytes, "%.*s", (int)(stem - 1 - name), name);
        if (strcmp(stem, argument) == 0)
            found = name;
        else
            found = word_suggest(single, argument);
    }
    free(words);
    return found;
}

static int refuse(const struct catalog *catalog, const char *argument, struct err *err)
{
    char family[NAME_MAX + 1];
    const char *near = catalog ? suggest(catalog, argument, family, sizeof(family)) : NULL;
    if (near)
        return err_set(err, -ENOENT,
                       "found no scenario, family, set or file '%.100s' (did you mean "
                       "'%s'?)",
                       argument, near);
    return err_set(err, -ENOENT, "found no scenario, family, set or file '%.100s'", argument);
}

static void shrink(struct catalog *selection, size_t count)
{
    while (selection->count > count) {
        selection->count--;
        free(selection->entries[selection->count].name);
        free(selection->entries[selection->count].path);
        free(selection->entries[selection->count].variants);
    }
}

/* A scenario, or those of a family. *found counts them, also those selected before. */
static int select_named(const struct catalog *catalog, const char *name, struct catalog *selection,
                        size_t *found, struct err *err)
{
    bool all = strcmp(name, CATALOG_ALL) == 0;
    int rc = 0;
    for (size_t i = 0; !rc && i < catalog->count; i++) {
        const struct catalog_entry *entry = &catalog->entries[i];
        if (!all && strcmp(entry->name, name) != 0 && !in_family(entry->name, name))
            continue;
        (*found)++;
        if (!is_selected(selection, entry->path))
            rc = add_entry(selection, entry->name, entry->path, err);
    }
    return rc;
}

/* Cuts the words out of a set's line: *rest is what follows the first, "" when nothing does. */
static char *name_on(char *line, char **rest)
{
    line[strcspn(line, "#\r\n")] = '\0';
    line += strspn(line, " \t");
    *rest = line + strcspn(line, " \t");
    if (**rest)
        *(*rest)++ = '\0';
    *rest += strspn(*rest, " \t");
    (*rest)[strcspn(*rest, " \t")] = '\0';
    return line;
}

/* A line of a set. */
static int select_line(const struct catalog *catalog, char *line, struct catalog *selection,
                       size_t *found, struct err *err)
{
    size_t before = *found, count = selection->count;
    char *variants;
    const char *name = name_on(line, &variants);
    int rc = *name ? select_named(catalog, name, selection, found, err) : 0;
    if (rc || !*name)
        return rc;
    if (*found == before)
        return refuse(catalog, name, err);
    for (size_t i = count; *variants && i < selection->count; i++) {
        selection->entries[i].variants = strdup(variants);
        if (!selection->entries[i].variants)
            return err_sys(err, -ENOMEM, "list scenarios");
    }
    return 0;
}

static int select_set(const struct catalog *catalog, const char *path, struct catalog *selection,
                      size_t *found, struct err *err)
{
    char *line = NULL;
    size_t size_bytes = 0;
    int rc = 0;
    FILE *file = fopen(path, "re");
    if (!file)
        return err_sys(err, -errno, "open %.200s", path);
    for (unsigned number = 1; !rc && getline(&line, &size_bytes, file) >= 0; number++) {
        rc = select_line(catalog, line, selection, found, err);
        if (rc)
            (void)err_wrap(err, "%.200s:%u", path, number);
    }
    if (!rc && ferror(file))
        rc = err_set(err, -EIO, "cannot read %.200s", path);
    free(line);
    (void)fclose(file);
    if (!rc && *found == 0)
        rc = err_set(err, -EINVAL, "%.200s: expected names of scenarios, one a line", path);
    return rc;
}

int catalog_select(const struct catalog *catalog, const char *argument, struct catalog *selection,
                   struct err *err)
{
    size_t before = selection->count, found = 0, stem;
    int rc = catalog ? select_named(catalog, argument, selection, &found, err) : 0;
    for (size_t i = 0; !rc && found == 0 && catalog && i < catalog->set_count; i++)
        if (strcmp(catalog->sets[i].name, argument) == 0)
            rc = select_set(catalog, catalog->sets[i].path, selection, &found, err);
    bool path_like = strchr(argument, '/') || ends_in_suffix(argument, &stem);
    if (!rc && found == 0 && path_like && is_file(argument)) {
        found = 1;
        if (!is_selected(selection, argument))
            rc = add_entry(selection, argument, argument, err);
    }
    if (!rc && found == 0)
        rc = refuse(catalog, argument, err);
    if (rc)
        shrink(selection, before);
    return rc;
}
