/* SPDX-License-Identifier: MIT */
/* options.c - the command line, read setting by setting. */
#include "command/options.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 64, HELP_COLUMN = 34, LINE_COLUMNS = 100, GROUPS_MAX = 8 };

/* What is being read, and how far. */
struct reader {
    const struct option_group *groups; /* what may be given */
    void *state;                       /* where it goes */
    char **argv;                       /* ends with NULL */
    int next;                          /* the argument to read next */
    const struct param *given[64];     /* repeating settings that were given before */
    size_t given_count;                /* of them */
};

/* Where a setting was found: its table entry, and the struct its offset counts from. */
struct target {
    const struct param *param;
    void *state;
};

static void *group_state(const struct option_group *group, void *state)
{
    return (char *)state + group->offset_bytes;
}

int options_defaults(const struct option_group *groups, void *state, struct err *err)
{
    for (const struct option_group *group = groups; group && group->params; group++) {
        int rc = param_defaults(group->params, group_state(group, state), err);
        if (rc)
            return rc;
    }
    return 0;
}

void options_fini(const struct option_group *groups, void *state)
{
    for (const struct option_group *group = groups; group && group->params; group++)
        param_fini(group->params, group_state(group, state));
}

static struct target find_name(const struct reader *reader, const char *name)
{
    for (const struct option_group *group = reader->groups; group && group->params; group++) {
        const struct param *param = param_find(group->params, name);
        if (param)
            return (struct target){param, group_state(group, reader->state)};
    }
    return (struct target){0};
}

static struct target find_letter(const struct reader *reader, char letter)
{
    for (const struct option_group *group = reader->groups; group && group->params; group++)
        for (const struct param *param = group->params; param->name; param++)
            if (param->letter && param->letter == letter)
                return (struct target){param, group_state(group, reader->state)};
    return (struct target){0};
}

/* '_' in a table is '-' on the command line. */
static void dashed(char *text, size_t size_bytes, const char *name)
{
    (void)snprintf(text, size_bytes, "%s", name);
    for (char *letter = text; *letter; letter++)
        if (*letter == '_')
            *letter = '-';
}

static int unknown_name(const struct reader *reader, const char *name, struct err *err)
{
    char words[GROUPS_MAX][NAME_MAX_BYTES];
    const char *candidates[GROUPS_MAX + 3] = {"help", "version"};
    size_t count = 2;
    const struct option_group *group = reader->groups;
    for (size_t i = 0; group && group->params && i < GROUPS_MAX; group++, i++) {
        const char *near = param_suggest(group->params, name);
        if (!near)
            continue;
        dashed(words[i], sizeof(words[i]), near);
        candidates[count++] = words[i];
    }
    const char *near = word_suggest(candidates, name);
    if (near)
        return err_set(err, -EINVAL, "no option --%.60s; did you mean --%s?", name, near);
    return err_set(err, -EINVAL, "no option --%.60s", name);
}

static bool given_before(struct reader *reader, const struct param *param)
{
    for (size_t i = 0; i < reader->given_count; i++)
        if (reader->given[i] == param)
            return true;
    if (reader->given_count < sizeof(reader->given) / sizeof(*reader->given))
        reader->given[reader->given_count++] = param;
    return false;
}

/* A repeating text collects a line each time; the first one replaces the default. */
static int take(struct reader *reader, struct target target, const char *value, struct err *err)
{
    char *before = NULL;
    if (target.param->repeats && given_before(reader, target.param))
        before = *(char **)(void *)((char *)target.state + target.param->offset);
    if (!before)
        return param_set(target.param, target.state, value, err);
    char *both = NULL;
    if (asprintf(&both, "%s\n%s", before, value) < 0)
        return err_sys(err, -ENOMEM, "collect --%s", target.param->name);
    int rc = param_set(target.param, target.state, both, err);
    free(both);
    return rc;
}

/* Everyone can read the command line of a process, and records keep it: once it is taken, nothing
 * of a secret stays there. */
static int set(struct reader *reader, struct target target, char *value, struct err *err)
{
    int rc = take(reader, target, value, err);
    if (target.param->secret)
        memset(value, '*', strlen(value));
    return rc;
}

/* The next argument as the value of an option that came without one. */
static int set_from_next(struct reader *reader, struct target target, const char *option,
                         struct err *err)
{
    char *value = reader->argv[reader->next];
    if (!value)
        return err_set(err, -EINVAL, "%s needs a value: %s", option, param_expects(target.param));
    if (strncmp(value, "--", 2) == 0)
        return err_set(err, -EINVAL,
                       "%s needs a value before '%.60s' (a value that starts with "
                       "-- is written %s=%.60s)",
                       option, value, option, value);
    reader->next++;
    return set(reader, target, value, err);
}

/* The name in "--name", "-name", "--name=value". False when it is longer than any is. */
static bool name_of(const char *arg, char name[static NAME_MAX_BYTES])
{
    arg += arg[1] == '-' ? 2 : 1;
    size_t length = strcspn(arg, "=");
    if (length >= NAME_MAX_BYTES)
        return false;
    memcpy(name, arg, length);
    name[length] = '\0';
    return true;
}

/* "-host" for "--host", as Go's programs have it; letters are letters, whatever they spell. */
static bool is_long(const struct reader *reader, const char *arg)
{
    char name[NAME_MAX_BYTES];
    if (arg[1] == '-')
        return true;
    return arg[2] && arg[2] != '=' && name_of(arg, name) && find_name(reader, name).param;
}

/* arg is "--name", "--name=value" or "--no-name". */
static int read_long(struct reader *reader, char *arg, struct err *err)
{
    char name[NAME_MAX_BYTES];
    char *value = strchr(arg, '=');
    if (!name_of(arg, name))
        return err_set(err, -EINVAL, "no option %.60s…", arg);
    struct target target = find_name(reader, name);
    if (!target.param && !value && strncmp(name, "no-", 3) == 0) {
        struct target flag = find_name(reader, name + 3);
        if (flag.param && flag.param->type == PARAM_TYPE_BOOL)
            return param_set(flag.param, flag.state, "false", err);
    }
    if (!target.param)
        return unknown_name(reader, name, err);
    if (value)
        return set(reader, target, value + 1, err);
    if (target.param->type == PARAM_TYPE_BOOL)
        return param_set(target.param, target.state, "true", err);
    return set_from_next(reader, target, arg, err);
}

/* arg is "-c", "-c64" or several flags in one: "-ab", "-abc64". */
static int read_letters(struct reader *reader, char *arg, struct err *err)
{
    for (char *letter = arg + 1; *letter; letter++) {
        char option[] = {'-', *letter, '\0'};
        struct target target = find_letter(reader, *letter);
        if (!target.param)
            return err_set(err, -EINVAL, "no option %s in '%.60s'", option, arg);
        int rc = 0;
        if (target.param->type == PARAM_TYPE_BOOL)
            rc = param_set(target.param, target.state, "true", err);
        else if (letter[1])
            return set(reader, target, letter + 1, err);
        else
            return set_from_next(reader, target, option, err);
        if (rc)
            return rc;
    }
    return 0;
}

int options_parse(const struct option_group *groups, void *state, int argc, char **argv,
                  size_t *word_count, struct err *err)
{
    struct reader reader = {.groups = groups, .state = state, .argv = argv};
    size_t words = 0;
    bool only_words = false;
    while (reader.next < argc) {
        char *arg = argv[reader.next++];
        int rc = 0;
        if (only_words || arg[0] != '-' || arg[1] == '\0')
            argv[words++] = arg;
        else if (strcmp(arg, "--") == 0)
            only_words = true;
        else if (strcmp(arg, "--help") == 0 || strcmp(arg, "-help") == 0 || strcmp(arg, "-h") == 0)
            return OPTIONS_HELP;
        else if (strcmp(arg, "--version") == 0 || strcmp(arg, "-version") == 0)
            return OPTIONS_VERSION;
        else if (is_long(&reader, arg))
            rc = read_long(&reader, arg, err);
        else
            rc = read_letters(&reader, arg, err);
        if (rc)
            return rc;
    }
    argv[words] = NULL;
    *word_count = words;
    return OPTIONS_READY;
}

/* How the help writes the value a setting takes: "TIME", "open|closed", "" for a flag. */
static void placeholder(char *text, size_t size_bytes, const struct param *param)
{
    static const char *const names[] = {
        [PARAM_TYPE_NS] = "TIME", [PARAM_TYPE_BYTES] = "SIZE",  [PARAM_TYPE_RATE] = "RATE",
        [PARAM_TYPE_COUNT] = "N", [PARAM_TYPE_SHARE] = "SHARE", [PARAM_TYPE_NUMBER] = "NUMBER",
        [PARAM_TYPE_BOOL] = "",   [PARAM_TYPE_TEXT] = "TEXT",   [PARAM_TYPE_CHOICE] = "",
    };
    (void)snprintf(text, size_bytes, "%s%s", *names[param->type] ? " " : "", names[param->type]);
    if (param->type != PARAM_TYPE_CHOICE)
        return;
    size_t used = 0;
    for (size_t i = 0; param->choices[i] && used < size_bytes; i++)
        used += (size_t)snprintf(text + used, size_bytes - used, "%c%s", i ? '|' : ' ',
                                 param->choices[i]);
}

/* Breaks text between words so that it stays right of column. */
static void print_wrapped(FILE *out, const char *text, size_t column)
{
    size_t used = column;
    while (*text) {
        size_t length = strcspn(text, " ");
        if (used > column && used + 1 + length > LINE_COLUMNS) {
            (void)fprintf(out, "\n%*s", (int)column, "");
            used = column;
        }
        (void)fprintf(out, "%s%.*s", used > column ? " " : "", (int)length, text);
        used += length + (used > column);
        text += length;
        text += strspn(text, " ");
    }
    (void)fputc('\n', out);
}

static void print_param(FILE *out, const struct param *param)
{
    char name[NAME_MAX_BYTES], value[160], left[256], help[512];
    dashed(name, sizeof(name), param->name);
    placeholder(value, sizeof(value), param);
    bool flag = param->type == PARAM_TYPE_BOOL;
    bool on = flag && param->fallback && strcmp(param->fallback, "true") == 0;
    char letter[] = {'-', param->letter, ',', ' ', '\0'};
    int width = snprintf(left, sizeof(left), "  %s--%s%s%s", param->letter ? letter : "    ",
                         on ? "no-" : "", name, value);
    const char *again = param->repeats ? " (may be given again)" : "";
    if (on)
        (void)snprintf(help, sizeof(help), "turn off: %s", param->help);
    else if (param->fallback && *param->fallback && !flag)
        (void)snprintf(help, sizeof(help), "%s (default %s)%s", param->help, param->fallback,
                       again);
    else
        (void)snprintf(help, sizeof(help), "%s%s", param->help, again);
    if (width >= HELP_COLUMN - 1)
        (void)fprintf(out, "%s\n%*s", left, HELP_COLUMN, "");
    else
        (void)fprintf(out, "%-*s", HELP_COLUMN, left);
    print_wrapped(out, help, HELP_COLUMN);
}

void options_print(FILE *out, const struct option_group *groups)
{
    for (const struct option_group *group = groups; group && group->params; group++) {
        if (!group->params->section)
            (void)fprintf(out, "\n%s:\n", group->title);
        for (const struct param *param = group->params; param->name; param++) {
            if (param->section)
                (void)fprintf(out, "\n%s:\n", param->section);
            print_param(out, param);
        }
    }
    (void)fputs("\n  -h, --help                      print this and end\n"
                "      --version                   print the version and end\n",
                out);
}

void options_print_words(FILE *out, const struct option_group *groups)
{
    for (const struct option_group *group = groups; group && group->params; group++) {
        for (const struct param *param = group->params; param->name; param++) {
            char name[NAME_MAX_BYTES];
            dashed(name, sizeof(name), param->name);
            (void)fprintf(out, "--%s\n", name);
            if (param->type == PARAM_TYPE_BOOL)
                (void)fprintf(out, "--no-%s\n", name);
        }
    }
    (void)fputs("--help\n--version\n", out);
}
