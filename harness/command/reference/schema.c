/* SPDX-License-Identifier: MIT */
/* schema.c - the format of scenario files as a JSON Schema, for editors. */
#include "command/reference/reference.h"

#include "core/param.h"
#include "faults/fault.h"

#include <jansson.h>

#include <errno.h>
#include <string.h>

/* jansson's functions that take a value take it away even when they fail, and take NULL for a
 * failure; so a value that could not be made only has to be noticed here, once. */
struct schema {
    json_t *root, *definitions;
    bool failed;
};

static void put(struct schema *schema, json_t *object, const char *name, json_t *value)
{
    schema->failed = json_object_set_new(object, name, value) != 0 || schema->failed;
}

static void append(struct schema *schema, json_t *array, json_t *value)
{
    schema->failed = json_array_append_new(array, value) != 0 || schema->failed;
}

static json_t *reference_to(const char *section)
{
    return json_pack("{s: s+}", "$ref", "#/definitions/", section);
}

/* A number, or a text with a unit behind it. */
static json_t *measure(const char *number, const char *units)
{
    char pattern[160];
    (void)snprintf(pattern, sizeof(pattern), "^[0-9.]+([eE][-+]?[0-9]+)? ?(%s)$", units);
    return json_pack("{s: [s, s], s: s}", "type", number, "string", "pattern", pattern);
}

static json_t *form_of(const struct param *param)
{
    switch (param->type) {
    case PARAM_TYPE_NS:
        return measure("number", "ns|us|µs|ms|s|m|min|h");
    case PARAM_TYPE_BYTES:
        return measure("number", "|[kKmMgG]?[iI]?[bB]");
    case PARAM_TYPE_RATE:
        return measure("number", "|k|k/s|/s|/m|/min|/h");
    case PARAM_TYPE_COUNT:
        return measure("number", "|[kKmM]");
    case PARAM_TYPE_SHARE:
        return measure("number", "|%");
    case PARAM_TYPE_NUMBER:
        return json_pack("{s: s}", "type", "number");
    case PARAM_TYPE_BOOL: /* YAML 1.2 knows two words for it, 1.1 and the parser six */
        return json_pack("{s: [b, b, s, s, s, s, s, s]}", "enum", 1, 0, "true", "false", "yes",
                         "no", "on", "off");
    case PARAM_TYPE_TEXT:
        return json_pack("{s: [s, s, s]}", "type", "string", "number", "boolean");
    case PARAM_TYPE_CHOICE:
        break;
    }
    json_t *words = json_array();
    for (size_t i = 0; param->choices[i]; i++)
        if (json_array_append_new(words, json_string(param->choices[i]))) {
            json_decref(words);
            return NULL;
        }
    return json_pack("{s: o}", "enum", words);
}

static void describe(struct schema *schema, json_t *form, const char *help, const char *fallback)
{
    char text[512];
    (void)snprintf(text, sizeof(text), "%s%s%s%s", help, fallback ? " [" : "",
                   fallback ? fallback : "", fallback ? "]" : "");
    put(schema, form, "description", json_string(text));
}

static void put_settings(struct schema *schema, json_t *properties, const struct param *params)
{
    for (const struct param *param = params; param && param->name; param++) {
        json_t *form = form_of(param);
        describe(schema, form, param->help, param->fallback);
        put(schema, properties, param->name, form);
    }
}

/* YAML's bare words are numbers and truths as often as texts. */
static json_t *text_form(void)
{
    return json_pack("{s: [s, s, s]}", "type", "string", "number", "boolean");
}

static json_t *item_of(const struct plan_key *key)
{
    if (!key->of)
        return text_form();
    json_t *section = reference_to(key->of);
    return key->how & PLAN_BRIEF ? json_pack("{s: [o, o]}", "anyOf", text_form(), section)
                                 : section;
}

static json_t *list_of(json_t *item)
{
    return json_pack("{s: s, s: o}", "type", "array", "items", item);
}

static json_t *named(json_t *item)
{
    return json_pack("{s: s, s: o}", "type", "object", "additionalProperties", item);
}

static json_t *key_form(const struct plan_key *key)
{
    json_t *item = item_of(key);
    switch (key->shape) {
    case PLAN_TEXTS:
    case PLAN_SECTIONS:
        return list_of(item);
    case PLAN_PAIRS:
    case PLAN_NAMED:
        return named(item);
    case PLAN_NAMED_OR_TEXTS:
        return json_pack("{s: [o, o]}", "anyOf", list_of(text_form()), named(item));
    case PLAN_TEXT:
    case PLAN_SECTION:
        break;
    }
    return json_pack("{s: [o]}", "allOf", item); /* a bare $ref would hide the description */
}

static json_t *section_of(const char *help, json_t *properties, json_t *required)
{
    return json_pack("{s: s, s: s, s: o, s: o, s: b}", "type", "object", "description", help,
                     "properties", properties, "required", required, "additionalProperties", 0);
}

static void require_settings(struct schema *schema, json_t *required, const struct param *params)
{
    for (const struct param *param = params; param && param->name; param++)
        if (param->required)
            append(schema, required, json_string(param->name));
}

static json_t *required_of(struct schema *schema, const struct plan_section *section)
{
    json_t *required = json_array();
    for (const struct plan_key *key = section->keys; key->name; key++)
        if (key->how & PLAN_REQUIRED)
            append(schema, required, json_string(key->name));
    for (size_t i = 0; section->settings[i]; i++)
        require_settings(schema, required, section->settings[i]);
    return required;
}

static json_t *properties_of(struct schema *schema, const struct plan_section *section)
{
    json_t *properties = json_object();
    for (const struct plan_key *key = section->keys; key->name; key++) {
        json_t *form = key_form(key);
        describe(schema, form, key->help, NULL);
        put(schema, properties, key->name, form);
    }
    for (size_t i = 0; section->settings[i]; i++)
        put_settings(schema, properties, section->settings[i]);
    return properties;
}

/* A fault's keys are those of all faults and those of its kind. */
static void add_kind(struct schema *schema, json_t *kinds, const struct plan_section *section,
                     const char *name, const char *summary, const struct param *params)
{
    json_t *properties = properties_of(schema, section);
    put_settings(schema, properties, params);
    put(schema, properties, "kind",
        json_pack("{s: s, s: s}", "const", name, "description", summary));
    json_t *required = required_of(schema, section);
    require_settings(schema, required, params);
    append(schema, kinds, section_of(summary, properties, required));
}

static json_t *fault_form(struct schema *schema, const struct plan_section *section,
                          const struct plan_tables *tables)
{
    json_t *kinds = json_array();
    for (size_t i = 0; tables->runner_faults && tables->runner_faults[i]; i++)
        add_kind(schema, kinds, section, tables->runner_faults[i]->name,
                 tables->runner_faults[i]->summary, tables->runner_faults[i]->params);
    for (size_t i = 0; tables->proxy_faults && tables->proxy_faults[i]; i++)
        add_kind(schema, kinds, section, tables->proxy_faults[i]->name,
                 tables->proxy_faults[i]->summary, tables->proxy_faults[i]->params);
    return json_pack("{s: o}", "oneOf", kinds);
}

static void add_sections(struct schema *schema, const struct plan_tables *tables)
{
    for (const struct plan_section *section = plan_sections; section->name; section++) {
        bool fault = strcmp(section->name, "fault") == 0;
        json_t *form = fault ? fault_form(schema, section, tables)
                             : section_of(section->help, properties_of(schema, section),
                                          required_of(schema, section));
        put(schema, schema->definitions, section->name, form);
    }
    json_t *settings = json_object();
    put_settings(schema, settings, tables->service);
    put(schema, schema->definitions, "serve",
        section_of("settings of the built-in service", settings, json_array()));
}

int reference_schema(const struct plan_tables *tables, FILE *out, struct err *err)
{
    struct schema schema = {.definitions = json_object()};
    add_sections(&schema, tables);
    schema.root =
        json_pack("{s: s, s: s, s: [o], s: O}", "$schema",
                  "http://json-schema.org/draft-07/schema#", "title", "a scenario of poolstorm",
                  "allOf", reference_to("scenario"), "definitions", schema.definitions);
    int rc = schema.root && !schema.failed ? 0 : err_sys(err, -ENOMEM, "make the schema");
    if (!rc && json_dumpf(schema.root, out, JSON_INDENT(2)) == 0)
        (void)fputc('\n', out);
    json_decref(schema.root);
    json_decref(schema.definitions);
    return rc;
}
