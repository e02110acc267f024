/* SPDX-License-Identifier: MIT */
/* sheet_json.c - writes baselines, a figure a line, and reads them back; nothing in them is
 * trusted. */
#include "report/sheet.h"

#include "report/json_fields.h"
#include "report/text.h"

#include <jansson.h>

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    VARIANTS_MAX = 2 * PLAN_VARIANTS_MAX,
    FIGURES_MAX = 1 << 14,
    DIGITS = 9, /* of figures: far more than they are good for */
};

/* ---- Writing --------------------------------------------------------------------------------- */

/* The first failure is remembered, so that writing needs no checks: jansson hands NULLs on. */
struct writer {
    FILE *out;
    int rc;
};

static void put(struct writer *writer, json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value))
        writer->rc = -ENOMEM;
}

/* Takes value over. */
static void dump(struct writer *writer, json_t *value)
{
    char *line = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(DIGITS));
    if (!line)
        writer->rc = -ENOMEM;
    else
        (void)fputs(line, writer->out);
    free(line);
    json_decref(value);
}

/* A key and what stands behind it, on a line of its own. */
static void dump_line(struct writer *writer, const char *key, json_t *value)
{
    (void)fprintf(writer->out, "\"%s\":", key);
    dump(writer, value);
    (void)fputs(",\n", writer->out);
}

static json_t *environment_json(struct writer *writer, const struct result_environment *env)
{
    json_t *object = json_object();
    for (const struct json_text *field = json_environment_texts; field->name; field++)
        put(writer, object, field->name, json_plain((const char *)env + field->offset));
    put(writer, object, "dirty", json_boolean(env->dirty));
    put(writer, object, "cpu_count", json_integer(env->cpu_count));
    put(writer, object, "memory_bytes", json_integer((json_int_t)env->memory_bytes));
    put(writer, object, "command_line", json_plain(env->command_line));
    put(writer, object, "cpus_shared", json_boolean(env->cpus_shared));
    return object;
}

static json_t *run_json(struct writer *writer, const struct sheet *sheet)
{
    char seed[24];
    (void)snprintf(seed, sizeof(seed), "%llu", (unsigned long long)sheet->seed);
    json_t *object = json_object();
    put(writer, object, "id", json_plain(sheet->run));
    put(writer, object, "origin", json_plain(sheet->origin));
    put(writer, object, "program", json_plain(sheet->program));
    put(writer, object, "invalid", json_plain(sheet->invalid));
    put(writer, object, "seed", json_string(seed)); /* may be beyond what JSON's readers keep */
    put(writer, object, "blocks", json_integer((json_int_t)sheet->block_count));
    put(writer, object, "rounds_valid", json_integer((json_int_t)sheet->round_valid));
    put(writer, object, "rounds_invalid", json_integer((json_int_t)sheet->round_invalid));
    put(writer, object, "quick", json_boolean(sheet->quick));
    put(writer, object, "aa", json_boolean(sheet->aa));
    put(writer, object, "noise", json_real(sheet->noise_share));
    return object;
}

/* There are no infinite numbers in JSON. */
static json_t *value_json(double value)
{
    if (isinf(value))
        return json_string(value > 0 ? "never" : "-never");
    return isnan(value) ? json_null() : json_real(value);
}

static json_t *figure_json(struct writer *writer, const struct sheet *sheet,
                           const struct sheet_figure *figure)
{
    json_t *object = json_object(), *values = json_array();
    put(writer, object, "path", json_plain(figure->path));
    put(writer, object, "unit", json_string(json_unit_words[figure->unit]));
    put(writer, object, "better", json_string(json_better_words[figure->better]));
    put(writer, object, "needs", json_integer((json_int_t)figure->needs));
    put(writer, object, "least", json_integer((json_int_t)figure->least));
    for (size_t i = 0; i < sheet->block_count; i++)
        if (json_array_append_new(values, value_json(figure->values[i])))
            writer->rc = -ENOMEM;
    put(writer, object, "values", values);
    return object;
}

static void write_variant(struct writer *writer, const struct sheet *sheet,
                          const struct sheet_variant *variant)
{
    (void)fputs("{\"name\":", writer->out);
    dump(writer, json_plain(variant->name));
    (void)fputs(",\"allocator\":", writer->out);
    dump(writer, json_plain(variant->allocator));
    (void)fputs(",\"figures\":[", writer->out);
    for (size_t i = 0; i < variant->figure_count; i++) {
        (void)fputs(i ? ",\n" : "\n", writer->out);
        dump(writer, figure_json(writer, sheet, &variant->figures[i]));
    }
    (void)fputs("\n]}", writer->out);
}

static void write_sheet(struct writer *writer, const struct sheet *sheet)
{
    json_t *phases = json_array();
    for (size_t i = 0; i < sheet->phase_count; i++) {
        json_t *phase = json_object();
        put(writer, phase, "name", json_plain(sheet->phases[i].name));
        put(writer, phase, "load", json_plain(sheet->phases[i].load));
        if (json_array_append_new(phases, phase))
            writer->rc = -ENOMEM;
    }
    (void)fputs("{\n", writer->out);
    dump_line(writer, "scenario", json_plain(sheet->scenario));
    dump_line(writer, "run", run_json(writer, sheet));
    dump_line(writer, "environment", environment_json(writer, &sheet->environment));
    dump_line(writer, "text", json_plain(sheet->text));
    dump_line(writer, "phases", phases);
    dump_line(writer, "database", json_plain(sheet->database));
    (void)fputs("\"variants\":[\n", writer->out);
    for (size_t i = 0; i < sheet->variant_count; i++) {
        (void)fputs(i ? ",\n" : "", writer->out);
        write_variant(writer, sheet, &sheet->variants[i]);
    }
    (void)fputs("\n]}", writer->out);
}

int sheets_write(const struct sheets *sheets, FILE *out, struct err *err)
{
    struct writer writer = {.out = out};
    (void)fprintf(out, "{\"poolstorm_baseline\":%d,\n\"runs\":[\n", SHEET_VERSION);
    for (size_t i = 0; i < sheets->count; i++) {
        (void)fputs(i ? ",\n" : "", out);
        write_sheet(&writer, sheets->items[i]);
    }
    (void)fputs("\n]}\n", out);
    return writer.rc ? err_sys(err, writer.rc, "write a baseline") : 0;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static int expected(struct err *err, const char *key, const char *what)
{
    return err_set(err, -EINVAL, "%.60s: expected %s", key, what);
}

static int no_memory(struct err *err)
{
    return err_sys(err, -ENOMEM, "read a baseline");
}

static int get_text(const json_t *object, const char *key, char **out, struct err *err)
{
    const char *value = json_string_value(json_object_get(object, key));
    if (!value)
        return expected(err, key, "a text");
    *out = strdup(value);
    return *out ? 0 : no_memory(err);
}

/* null is NULL. */
static int get_text_or_null(const json_t *object, const char *key, char **out, struct err *err)
{
    return json_is_null(json_object_get(object, key)) ? 0 : get_text(object, key, out, err);
}

static int get_count(const json_t *object, const char *key, uint64_t most, uint64_t *out,
                     struct err *err)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        (uint64_t)json_integer_value(value) > most)
        return expected(err, key, "a count in range");
    *out = (uint64_t)json_integer_value(value);
    return 0;
}

static int get_bool(const json_t *object, const char *key, bool *out, struct err *err)
{
    const json_t *value = json_object_get(object, key);
    *out = json_is_true(value);
    return json_is_boolean(value) ? 0 : expected(err, key, "true or false");
}

/* The index of a word in a list that ends with NULL. */
static int get_word(const json_t *object, const char *key, const char *const *words, unsigned *out,
                    struct err *err)
{
    const char *value = json_string_value(json_object_get(object, key));
    for (*out = 0; value && words[*out]; ++*out)
        if (strcmp(words[*out], value) == 0)
            return 0;
    return expected(err, key, "a word it can be");
}

static int get_array(const json_t *object, const char *key, size_t most, json_t **out,
                     struct err *err)
{
    *out = json_object_get(object, key);
    return json_is_array(*out) && json_array_size(*out) <= most
               ? 0
               : expected(err, key, "an array that is not too long");
}

static int get_object(const json_t *object, const char *key, json_t **out, struct err *err)
{
    *out = json_object_get(object, key);
    return json_is_object(*out) ? 0 : expected(err, key, "an object");
}

static bool is_there(const json_t *object, const char *key)
{
    return json_object_get(object, key) != NULL;
}

/* What an older version did not know of is not known of its runs. */
static int read_environment(const json_t *root, struct result_environment *env, struct err *err)
{
    json_t *object;
    uint64_t cpu_count = 0;
    int rc = get_object(root, "environment", &object, err);
    for (const struct json_text *field = json_environment_texts; !rc && field->name; field++) {
        const json_t *value = json_object_get(object, field->name);
        const char *text = value ? json_string_value(value) : "";
        if (!text || strlen(text) >= field->size_bytes)
            return expected(err, field->name, "a text that is not too long");
        (void)snprintf((char *)env + field->offset, field->size_bytes, "%s", text);
    }
    if (!rc && is_there(object, "dirty"))
        rc = get_bool(object, "dirty", &env->dirty, err);
    if (!rc && is_there(object, "cpu_count"))
        rc = get_count(object, "cpu_count", UINT16_MAX, &cpu_count, err);
    if (!rc && is_there(object, "memory_bytes"))
        rc = get_count(object, "memory_bytes", INT64_MAX, &env->memory_bytes, err);
    if (!rc && is_there(object, "command_line"))
        rc = get_text_or_null(object, "command_line", &env->command_line, err);
    if (!rc && is_there(object, "cpus_shared"))
        rc = get_bool(object, "cpus_shared", &env->cpus_shared, err);
    env->cpu_count = (unsigned)cpu_count;
    return rc;
}

static int read_seed(const json_t *object, uint64_t *seed, struct err *err)
{
    const char *text = json_string_value(json_object_get(object, "seed"));
    char *end = NULL;
    errno = 0;
    if (text && text[0] >= '0' && text[0] <= '9')
        *seed = strtoull(text, &end, 10);
    return end && *end == '\0' && errno == 0 ? 0 : expected(err, "seed", "a text of digits");
}

static int read_counts(const json_t *object, struct sheet *sheet, struct err *err)
{
    uint64_t blocks = 0, valid = 0, invalid = 0;
    int rc = get_count(object, "blocks", STATS_COUNT_MAX, &blocks, err);
    if (!rc)
        rc = get_count(object, "rounds_valid", UINT32_MAX, &valid, err);
    if (!rc)
        rc = get_count(object, "rounds_invalid", UINT32_MAX, &invalid, err);
    sheet->block_count = blocks;
    sheet->round_valid = valid;
    sheet->round_invalid = invalid;
    return rc;
}

static int read_run(const json_t *root, struct sheet *sheet, const char *path, struct err *err)
{
    json_t *object;
    int rc = get_object(root, "run", &object, err);
    if (!rc)
        rc = get_text(object, "id", &sheet->run, err);
    if (!rc)
        rc = get_text_or_null(object, "program", &sheet->program, err);
    if (!rc)
        rc = get_text(object, "invalid", &sheet->invalid, err);
    if (!rc)
        rc = read_seed(object, &sheet->seed, err);
    if (!rc)
        rc = read_counts(object, sheet, err);
    if (!rc)
        rc = get_bool(object, "quick", &sheet->quick, err);
    if (!rc)
        rc = get_bool(object, "aa", &sheet->aa, err);
    if (rc)
        return rc;
    sheet->noise_share = json_number_value(json_object_get(object, "noise"));
    if (!json_is_number(json_object_get(object, "noise")) || !(sheet->noise_share >= 0) ||
        sheet->noise_share > 1)
        return expected(err, "noise", "a share from 0 to 1");
    sheet->origin = strdup(path);
    return sheet->origin ? 0 : no_memory(err);
}

static int read_phases(const json_t *root, struct sheet *sheet, struct err *err)
{
    json_t *phases;
    int rc = get_array(root, "phases", PLAN_PHASES_MAX, &phases, err);
    if (rc)
        return rc;
    sheet->phases = calloc(json_array_size(phases) + 1, sizeof(*sheet->phases));
    if (!sheet->phases)
        return no_memory(err);
    for (size_t i = 0; !rc && i < json_array_size(phases); i++) {
        struct sheet_phase *phase = &sheet->phases[sheet->phase_count++];
        rc = get_text(json_array_get(phases, i), "name", &phase->name, err);
        if (!rc)
            rc = get_text(json_array_get(phases, i), "load", &phase->load, err);
    }
    return rc;
}

static bool read_value(const json_t *json, double *value)
{
    const char *word = json_string_value(json);
    *value = NAN;
    if (json_is_number(json))
        *value = json_number_value(json);
    else if (word && (strcmp(word, "never") == 0 || strcmp(word, "-never") == 0))
        *value = word[0] == '-' ? -METRIC_NEVER_NS : METRIC_NEVER_NS;
    return !isnan(*value) || json_is_null(json);
}

static int read_values(const json_t *object, const struct sheet *sheet, double *values,
                       struct err *err)
{
    json_t *array;
    int rc = get_array(object, "values", sheet->block_count, &array, err);
    if (rc || json_array_size(array) != sheet->block_count)
        return expected(err, "values", "one for each block");
    for (size_t i = 0; i < sheet->block_count; i++)
        if (!read_value(json_array_get(array, i), &values[i]))
            return expected(err, "values", "numbers, null or \"never\"");
    return 0;
}

static int read_figure(const json_t *object, const struct sheet *sheet, struct sheet_figure *figure,
                       struct err *err)
{
    unsigned unit = 0, better = 0;
    figure->values = calloc(sheet->block_count + 1, sizeof(double));
    if (!figure->values)
        return no_memory(err);
    int rc = get_text(object, "path", &figure->path, err);
    if (!rc)
        rc = get_word(object, "unit", json_unit_words, &unit, err);
    if (!rc)
        rc = get_word(object, "better", json_better_words, &better, err);
    if (!rc)
        rc = get_count(object, "needs", UINT32_MAX, &figure->needs, err);
    if (!rc)
        rc = get_count(object, "least", INT64_MAX, &figure->least, err);
    figure->unit = (enum metric_unit)unit;
    figure->better = (enum metric_better)better;
    return rc ? rc : read_values(object, sheet, figure->values, err);
}

static int read_variant(const json_t *object, const struct sheet *sheet,
                        struct sheet_variant *variant, struct err *err)
{
    json_t *figures;
    int rc = get_text(object, "name", &variant->name, err);
    if (!rc)
        rc = get_text_or_null(object, "allocator", &variant->allocator, err);
    if (!rc)
        rc = get_array(object, "figures", FIGURES_MAX, &figures, err);
    if (rc)
        return rc;
    variant->figures = calloc(json_array_size(figures) + 1, sizeof(*variant->figures));
    if (!variant->figures)
        return no_memory(err);
    for (size_t i = 0; !rc && i < json_array_size(figures); i++) {
        struct sheet_figure *figure = &variant->figures[variant->figure_count++];
        rc = read_figure(json_array_get(figures, i), sheet, figure, err);
        if (rc)
            (void)err_wrap(err, "figures[%zu]", i);
    }
    return rc;
}

static int read_variants(const json_t *root, struct sheet *sheet, struct err *err)
{
    json_t *variants;
    int rc = get_array(root, "variants", VARIANTS_MAX, &variants, err);
    if (rc || json_array_size(variants) == 0)
        return expected(err, "variants", "one or more, not too many");
    sheet->variants = calloc(json_array_size(variants) + 1, sizeof(*sheet->variants));
    if (!sheet->variants)
        return no_memory(err);
    for (size_t i = 0; !rc && i < json_array_size(variants); i++) {
        struct sheet_variant *variant = &sheet->variants[sheet->variant_count++];
        rc = read_variant(json_array_get(variants, i), sheet, variant, err);
        if (rc)
            (void)err_wrap(err, "variants[%zu]", i);
    }
    return rc;
}

static int read_sheet(const json_t *root, const char *path, struct sheets *sheets, struct err *err)
{
    struct sheet *sheet = calloc(1, sizeof(*sheet));
    if (!sheet)
        return no_memory(err);
    int rc = get_text(root, "scenario", &sheet->scenario, err);
    if (!rc)
        rc = get_text(root, "text", &sheet->text, err);
    if (!rc)
        rc = read_run(root, sheet, path, err);
    if (!rc)
        rc = read_environment(root, &sheet->environment, err);
    if (!rc)
        rc = read_phases(root, sheet, err);
    if (!rc && json_object_get(root, "database")) /* baselines of before say nothing of it */
        rc = get_text_or_null(root, "database", &sheet->database, err);
    if (!rc)
        rc = read_variants(root, sheet, err);
    if (!rc)
        return sheets_add(sheets, sheet, err);
    sheet_destroy(sheet);
    return rc;
}

int sheets_parse(const char *path, const char *data, size_t length_bytes, struct sheets *sheets,
                 struct err *err)
{
    json_error_t error;
    json_t *runs = NULL, *root = json_loadb(data, length_bytes, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        return err_set(err, -EINVAL, "%.200s:%d:%d: %.160s", path, error.line, error.column,
                       error.text);
    const json_t *version = json_object_get(root, "poolstorm_baseline");
    int rc = 0;
    if (!json_is_integer(version))
        rc = err_set(err, -EINVAL, "not a baseline");
    else if (json_integer_value(version) != SHEET_VERSION)
        rc = err_set(err, -EINVAL, "a baseline of version %lld; expected %d",
                     (long long)json_integer_value(version), SHEET_VERSION);
    else
        rc = get_array(root, "runs", SHEETS_MAX, &runs, err);
    for (size_t i = 0; !rc && i < json_array_size(runs); i++) {
        rc = read_sheet(json_array_get(runs, i), path, sheets, err);
        if (rc)
            (void)err_wrap(err, "runs[%zu]", i);
    }
    json_decref(root);
    return rc ? err_wrap(err, "%.200s", path) : 0;
}
