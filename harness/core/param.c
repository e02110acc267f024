/* SPDX-License-Identifier: MIT */
/* param.c - reads, writes and explains the settings of a table. */
#include "core/param.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct unit {
    const char *suffix; /* compared without regard to case unless it starts with an upper case M */
    double factor;      /* what one of it is worth */
};

static const struct unit units_ns[] = {
    {"ns", 1},   {"us", 1e3},   {"µs", 1e3},   {"ms", 1e6}, {"s", 1e9},
    {"m", 60e9}, {"min", 60e9}, {"h", 3600e9}, {0},
};
static const struct unit units_bytes[] = {
    {"", 1},          {"b", 1},    {"kb", 1e3},      {"kib", 1024}, {"mb", 1e6},
    {"mib", 1 << 20}, {"gb", 1e9}, {"gib", 1 << 30}, {0},
};
static const struct unit units_rate[] = {
    {"", 1},          {"/s", 1},          {"k", 1e3},         {"k/s", 1e3},
    {"/m", 1.0 / 60}, {"/min", 1.0 / 60}, {"/h", 1.0 / 3600}, {0},
};
static const struct unit units_count[] = {{"", 1}, {"k", 1e3}, {"m", 1e6}, {0}};
static const struct unit units_share[] = {{"", 1}, {"%", 0.01}, {0}};
static const struct unit units_number[] = {{"", 1}, {0}};

/* Everything that differs from one numeric type to the next. */
struct numeric {
    const struct unit *units; /* the suffixes it takes */
    bool whole;               /* stored as uint64_t, else double */
    const char *expects;      /* completes "expected …" */
};

static const struct numeric numeric_types[] = {
    [PARAM_TYPE_NS] = {units_ns, true, "a duration such as 250us, 10ms or 1.5s"},
    [PARAM_TYPE_BYTES] = {units_bytes, true, "a size such as 1200, 16KiB or 1.5MB"},
    [PARAM_TYPE_RATE] = {units_rate, false, "a rate such as 5000/s, 10k/s or 30/m"},
    [PARAM_TYPE_COUNT] = {units_count, true, "a whole number such as 64 or 10k"},
    [PARAM_TYPE_SHARE] = {units_share, false, "a share between 0 and 1, such as 10% or 0.1"},
    [PARAM_TYPE_NUMBER] = {units_number, false, "a number"},
};

static bool is_numeric(enum param_type type)
{
    return type <= PARAM_TYPE_NUMBER;
}

const char *param_expects(const struct param *param)
{
    static _Thread_local char choices[256];
    if (is_numeric(param->type))
        return numeric_types[param->type].expects;
    if (param->type == PARAM_TYPE_BOOL)
        return "true or false";
    if (param->type == PARAM_TYPE_TEXT)
        return "a text";
    int used = snprintf(choices, sizeof(choices), "one of");
    for (size_t i = 0; param->choices[i] && used > 0 && (size_t)used < sizeof(choices); i++)
        used += snprintf(choices + used, sizeof(choices) - (size_t)used, "%s %s", i ? "," : "",
                         param->choices[i]);
    return choices;
}

static const struct unit *find_unit(const struct unit *units, const char *suffix)
{
    for (const struct unit *unit = units; unit->suffix; unit++)
        if (strcasecmp(unit->suffix, suffix) == 0)
            return unit;
    return NULL;
}

double param_wire(const struct param *param)
{
    if (param->wire != 0)
        return param->wire;
    return param->type == PARAM_TYPE_NS ? 1e6 : 1;
}

static int refuse(const struct param *param, const char *text, struct err *err)
{
    return err_set(err, -EINVAL, "%s: expected %s, not '%.80s'", param->name, param_expects(param),
                   text);
}

static int check_bounds(const struct param *param, double value, const char *text, struct err *err)
{
    if (param->max > param->min && (value < param->min || value > param->max)) {
        char min[32], max[32];
        bool time = param->type == PARAM_TYPE_NS;
        if (time) {
            format_ns(min, sizeof(min), param->min);
            format_ns(max, sizeof(max), param->max);
        } else {
            (void)snprintf(min, sizeof(min), "%.15g", param->min);
            (void)snprintf(max, sizeof(max), "%.15g", param->max);
        }
        return err_set(err, -EINVAL, "%s: must lie between %s and %s, not '%.80s'", param->name,
                       min, max, text);
    }
    return 0;
}

static int set_numeric(const struct param *param, void *field, const char *text, struct err *err)
{
    const struct numeric *kind = &numeric_types[param->type];
    char *end = NULL;
    if (!isdigit((unsigned char)*text) && *text != '.' &&
        !(*text == '-' && param->type == PARAM_TYPE_NUMBER))
        return refuse(param, text, err);
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
        return refuse(param, text, err);
    double value = strtod(text, &end);
    while (*end == ' ')
        end++;
    const struct unit *unit = find_unit(kind->units, end);
    bool bare_zero = param->type == PARAM_TYPE_NS && value == 0 && *end == '\0';
    if ((!unit && !bare_zero) || !isfinite(value))
        return refuse(param, text, err);
    value *= unit ? unit->factor : 1;
    if (param->type == PARAM_TYPE_SHARE && (value < 0 || value > 1))
        return refuse(param, text, err);
    int rc = check_bounds(param, value, text, err);
    if (rc)
        return rc;
    if (!kind->whole) {
        *(double *)field = value;
        return 0;
    }
    double rounded = round(value);
    if (rounded >= 0x1.0p63 || (param->type == PARAM_TYPE_COUNT && fabs(rounded - value) > 1e-6))
        return refuse(param, text, err);
    *(uint64_t *)field = (uint64_t)rounded;
    return 0;
}

static int set_bool(const struct param *param, bool *field, const char *text, struct err *err)
{
    static const char *const yes[] = {"true", "yes", "on", "1"};
    static const char *const no[] = {"false", "no", "off", "0"};
    for (size_t i = 0; i < 4; i++) {
        if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
            *field = strcasecmp(text, yes[i]) == 0;
            return 0;
        }
    }
    return refuse(param, text, err);
}

static int set_text(char **field, const char *text, struct err *err)
{
    char *copy = strdup(text);
    if (!copy)
        return err_sys(err, -ENOMEM, "copy a text");
    free(*field);
    *field = copy;
    return 0;
}

int param_set(const struct param *param, void *state, const char *text, struct err *err)
{
    void *field = (char *)state + param->offset;
    if (is_numeric(param->type))
        return set_numeric(param, field, text, err);
    if (param->type == PARAM_TYPE_BOOL)
        return set_bool(param, field, text, err);
    if (param->type == PARAM_TYPE_TEXT)
        return set_text(field, text, err);
    for (int i = 0; param->choices[i]; i++) {
        if (strcmp(param->choices[i], text) == 0) {
            *(int *)field = i;
            return 0;
        }
    }
    const char *near = word_suggest(param->choices, text);
    return near ? err_set(err, -EINVAL, "%s: expected %s, not '%.80s' (did you mean '%s'?)",
                          param->name, param_expects(param), text, near)
                : refuse(param, text, err);
}

int param_defaults(const struct param *params, void *state, struct err *err)
{
    for (const struct param *param = params; param->name; param++) {
        if (!param->fallback)
            continue;
        int rc = param_set(param, state, param->fallback, err);
        if (rc)
            return rc;
    }
    return 0;
}

void param_fini(const struct param *params, void *state)
{
    for (const struct param *param = params; param->name; param++) {
        if (param->type == PARAM_TYPE_TEXT) {
            char **field = (char **)(void *)((char *)state + param->offset);
            free(*field);
            *field = NULL;
        }
    }
}

static size_t field_size(enum param_type type)
{
    switch (type) {
    case PARAM_TYPE_BOOL:
        return sizeof(bool);
    case PARAM_TYPE_CHOICE:
        return sizeof(int);
    case PARAM_TYPE_TEXT:
        return sizeof(char *);
    default:
        return sizeof(uint64_t);
    }
}

int param_copy(const struct param *params, void *to, const void *from, struct err *err)
{
    for (const struct param *param = params; param->name; param++) {
        void *target = (char *)to + param->offset;
        const void *source = (const char *)from + param->offset;
        const char *text = param->type == PARAM_TYPE_TEXT ? *(char *const *)source : NULL;
        if (param->type != PARAM_TYPE_TEXT) {
            memcpy(target, source, field_size(param->type));
        } else if (text) {
            int rc = set_text(target, text, err);
            if (rc)
                return rc;
        }
    }
    return 0;
}

/* '-' and '_' are one letter in names. */
static bool same_name(const char *a, const char *b)
{
    for (; *a && *b; a++, b++)
        if (*a != *b && !(*a == '_' && *b == '-') && !(*a == '-' && *b == '_'))
            return false;
    return *a == *b;
}

const struct param *param_find(const struct param *params, const char *name)
{
    for (const struct param *param = params; param->name; param++)
        if (same_name(param->name, name))
            return param;
    return NULL;
}

/* Levenshtein's distance, one row at a time; words longer than the row are far from everything. */
static unsigned edit_distance(const char *a, const char *b)
{
    enum { ROW = 64 };
    unsigned row[ROW];
    size_t length = strlen(b);
    if (length >= ROW)
        return UINT_MAX;
    for (unsigned j = 0; j <= length; j++)
        row[j] = j;
    for (unsigned i = 1; a[i - 1]; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= length; j++) {
            unsigned substitute = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            unsigned best = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
            row[j] = substitute < best ? substitute : best;
        }
    }
    return row[length];
}

/* Near enough to be meant: a third of the letters may differ. */
static void keep_nearer(const char *word, const char *name, unsigned *best, const char **found)
{
    unsigned distance = edit_distance(name, word);
    if (distance < *best && distance <= (strlen(word) + 2) / 3) {
        *best = distance;
        *found = word;
    }
}

const char *param_suggest(const struct param *params, const char *name)
{
    const char *found = NULL;
    unsigned best = UINT_MAX;
    for (const struct param *param = params; param->name; param++)
        keep_nearer(param->name, name, &best, &found);
    return found;
}

const char *word_suggest(const char *const *words, const char *name)
{
    const char *found = NULL;
    unsigned best = UINT_MAX;
    for (size_t i = 0; words[i]; i++)
        keep_nearer(words[i], name, &best, &found);
    return found;
}

/* The largest unit that leaves a whole number, so that what is written reads back the same. */
static int format_whole(char *text, size_t size_bytes, uint64_t value, const struct unit *units)
{
    const struct unit *best = units;
    for (const struct unit *unit = units; unit->suffix; unit++) {
        uint64_t factor = (uint64_t)unit->factor;
        if (value != 0 && value % factor == 0 && factor > (uint64_t)best->factor)
            best = unit;
    }
    return snprintf(text, size_bytes, "%llu%s",
                    (unsigned long long)(value / (uint64_t)best->factor), best->suffix);
}

int param_format(const struct param *param, const void *state, char *text, size_t size_bytes)
{
    const void *field = (const char *)state + param->offset;
    switch (param->type) {
    case PARAM_TYPE_NS:
    case PARAM_TYPE_BYTES:
        return format_whole(text, size_bytes, *(const uint64_t *)field,
                            numeric_types[param->type].units);
    case PARAM_TYPE_COUNT:
        return snprintf(text, size_bytes, "%llu", (unsigned long long)*(const uint64_t *)field);
    case PARAM_TYPE_RATE:
        return snprintf(text, size_bytes, "%.17g/s", *(const double *)field);
    case PARAM_TYPE_SHARE:
    case PARAM_TYPE_NUMBER:
        return snprintf(text, size_bytes, "%.17g", *(const double *)field);
    case PARAM_TYPE_BOOL:
        return snprintf(text, size_bytes, "%s", *(const bool *)field ? "true" : "false");
    case PARAM_TYPE_TEXT:
        return snprintf(text, size_bytes, "%s", *(char *const *)field ? *(char *const *)field : "");
    case PARAM_TYPE_CHOICE:
        return snprintf(text, size_bytes, "%s", param->choices[*(const int *)field]);
    }
    return 0;
}

/* Three significant digits in the largest step the value reaches. */
static char *format_scaled(char *text, size_t size_bytes, double value, const struct unit *steps)
{
    const struct unit *step = steps;
    for (const struct unit *next = steps; next->suffix; next++)
        if (fabs(value) >= next->factor * 0.9995)
            step = next;
    double scaled = value / step->factor;
    double magnitude = fabs(scaled);
    int decimals = magnitude >= 99.95 ? 0 : magnitude >= 9.995 ? 1 : 2;
    if (step->factor <= 1 && floor(scaled) == scaled)
        decimals = 0;
    (void)snprintf(text, size_bytes, "%.*f%s", decimals, scaled, step->suffix);
    return text;
}

char *format_ns(char *text, size_t size_bytes, double value_ns)
{
    static const struct unit steps[] = {{" ns", 1}, {" µs", 1e3}, {" ms", 1e6}, {" s", 1e9}, {0}};
    return format_scaled(text, size_bytes, value_ns, steps);
}

char *format_bytes(char *text, size_t size_bytes, double value_bytes)
{
    static const struct unit steps[] = {
        {" B", 1}, {" KiB", 1024}, {" MiB", 1 << 20}, {" GiB", 1 << 30}, {0},
    };
    return format_scaled(text, size_bytes, value_bytes, steps);
}

char *format_count(char *text, size_t size_bytes, double value)
{
    static const struct unit steps[] = {{"", 1}, {" k", 1e3}, {" M", 1e6}, {" G", 1e9}, {0}};
    return format_scaled(text, size_bytes, value, steps);
}
