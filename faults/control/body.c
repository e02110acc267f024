/* SPDX-License-Identifier: MIT */
/* body.c - the JSON of requests, field by field. */
#include "faults/control/body.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

int body_error(struct err *err, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return err_set(err, -EBADMSG, "bad request body: %s", text);
}

/* Braces in texts do not nest. */
static size_t deepest(const char *text, size_t length)
{
    size_t depth = 0, most = 0;
    bool quoted = false;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '{' || c == '['))
            most = ++depth > most ? depth : most;
        else if (!quoted && (c == '}' || c == ']') && depth > 0)
            depth--;
    }
    return most;
}

/* Not in the words of the library, which are about itself. */
static const char *mistake(enum json_error_code code)
{
    switch (code) {
    case json_error_premature_end_of_input:
        return "the text ends too early";
    case json_error_invalid_utf8:
        return "expected UTF-8";
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "a text may not have \\u0000 in it";
    case json_error_numeric_overflow:
        return "the number is too large";
    default:
        return "expected JSON";
    }
}

int body_parse(const char *text, size_t length_bytes, json_t **out, struct err *err)
{
    json_error_t why;
    *out = NULL;
    if (length_bytes == 0)
        return body_error(err, "EOF");
    if (deepest(text, length_bytes) > BODY_DEPTH_MAX)
        return body_error(err, "nested deeper than %d levels", BODY_DEPTH_MAX);
    *out = json_loadb(text, length_bytes, JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, &why);
    if (*out)
        return 0;
    if (json_error_code(&why) == json_error_out_of_memory)
        return err_sys(err, -ENOMEM, "read a request body");
    return body_error(err, "line %d, column %d: %s", why.line, why.column,
                      mistake(json_error_code(&why)));
}

const char *body_kind(json_t *value)
{
    static const char *const kinds[] = {
        [JSON_OBJECT] = "an object",    [JSON_ARRAY] = "an array", [JSON_STRING] = "a text",
        [JSON_INTEGER] = "a number",    [JSON_REAL] = "a number",  [JSON_TRUE] = "true or false",
        [JSON_FALSE] = "true or false", [JSON_NULL] = "null",
    };
    return value ? kinds[json_typeof(value)] : "nothing";
}

int body_expect_object(json_t *body, const char *what, struct err *err)
{
    if (json_is_object(body) || json_is_null(body))
        return 0;
    return body_error(err, "%s: expected an object, found %s", what, body_kind(body));
}

json_t *body_field(json_t *object, const char *name)
{
    json_t *found = json_object_get(object, name), *value;
    const char *key;
    if (!found) {
        json_object_foreach(object, key, value) {
            if (strcasecmp(key, name) == 0)
                found = value;
        }
    }
    return json_is_null(found) ? NULL : found;
}

static int mismatch(const char *name, const char *expected, json_t *found, struct err *err)
{
    return body_error(err, "%s: expected %s, found %s", name, expected, body_kind(found));
}

int body_text(json_t *object, const char *name, const char **value, struct err *err)
{
    json_t *field = body_field(object, name);
    if (field && !json_is_string(field))
        return mismatch(name, "a text", field, err);
    if (field)
        *value = json_string_value(field);
    return 0;
}

int body_bool(json_t *object, const char *name, bool *value, struct err *err)
{
    json_t *field = body_field(object, name);
    if (field && !json_is_boolean(field))
        return mismatch(name, "true or false", field, err);
    if (field)
        *value = json_is_true(field);
    return 0;
}

int body_number(json_t *object, const char *name, double *value, struct err *err)
{
    json_t *field = body_field(object, name);
    if (field && !json_is_number(field))
        return mismatch(name, "a number", field, err);
    if (field)
        *value = json_number_value(field);
    return 0;
}

json_t *body_make_number(double value)
{
    if (value == floor(value) && fabs(value) < 0x1.0p63)
        return json_integer((json_int_t)value);
    return json_real(value);
}
