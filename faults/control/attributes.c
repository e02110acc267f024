/* SPDX-License-Identifier: MIT */
/* attributes.c - a table of settings, read from and written as JSON. */
#include "faults/control/attributes.h"

#include "faults/control/body.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool is_numeric(const struct param *param)
{
    return param->type <= PARAM_TYPE_NUMBER;
}

/* By way of its text, so that bounds and words for what is wrong are those of everywhere. */
static int set_number(const struct param *param, json_t *value, void *settings, struct err *err)
{
    char text[64];
    double number = json_number_value(value);
    if (number < 0 && param->type != PARAM_TYPE_NUMBER)
        return err_set(err, -EINVAL, "%s: expected a number from 0, not %.15g", param->name,
                       number);
    (void)snprintf(text, sizeof(text), "%.17g%s", number * param_wire(param),
                   param->type == PARAM_TYPE_NS ? "ns" : "");
    struct err why = {0};
    int rc = param_set(param, settings, text, &why);
    bool as_given = param_wire(param) == 1 && param->type != PARAM_TYPE_NS; /* in its words, too */
    if (rc == -EINVAL && !as_given)
        return err_set(err, rc, "%s: %.15g is out of range", param->name, number);
    return rc ? err_set(err, rc, "%s", why.text) : 0;
}

static int set_one(const struct param *param, json_t *value, void *settings, struct err *err)
{
    if (json_is_number(value) && is_numeric(param))
        return set_number(param, value, settings, err);
    if (json_is_string(value))
        return param_set(param, settings, json_string_value(value), err);
    if (json_is_integer(value) && param->type == PARAM_TYPE_TEXT) { /* a text of digits: 40001 */
        char text[32];
        (void)snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return param_set(param, settings, text, err);
    }
    if (json_is_boolean(value) && param->type == PARAM_TYPE_BOOL)
        return param_set(param, settings, json_is_true(value) ? "true" : "false", err);
    return err_set(err, -EINVAL, "%s: expected %s, found %s", param->name,
                   is_numeric(param) ? "a number" : param_expects(param), body_kind(value));
}

int attributes_read(const struct param *params, json_t *object, void *settings, struct err *err)
{
    if (object && !json_is_object(object))
        return body_error(err, "attributes: expected an object, found %s", body_kind(object));
    for (const struct param *param = params; param && param->name; param++) {
        struct err why = {0};
        json_t *value = body_field(object, param->name);
        int rc = value ? set_one(param, value, settings, &why) : 0;
        if (rc == -ENOMEM)
            return err_set(err, rc, "%s", why.text);
        if (rc)
            return body_error(err, "attributes: %s", why.text);
    }
    return 0;
}

static const struct param *find(const struct param *params, const char *name)
{
    for (const struct param *param = params; param && param->name; param++)
        if (strcasecmp(param->name, name) == 0)
            return param;
    return NULL;
}

int attributes_check_names(const struct param *const *tables, json_t *object, struct err *err)
{
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value) {
        const char *near = NULL;
        bool known = false;
        for (const struct param *const *params = tables; *params; params++) {
            known = known || find(*params, name);
            near = near ? near : param_suggest(*params, name);
        }
        if (!known)
            return body_error(err, "attributes: there is no '%.60s'%s%s%s", name,
                              near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
    }
    return 0;
}

static json_t *make_value(const struct param *param, const void *field)
{
    switch (param->type) {
    case PARAM_TYPE_NS:
    case PARAM_TYPE_BYTES:
    case PARAM_TYPE_COUNT: {
        uint64_t whole = *(const uint64_t *)field, wire = (uint64_t)param_wire(param);
        if (whole % wire == 0 && whole / wire <= INT64_MAX)
            return json_integer((json_int_t)(whole / wire));
        return json_real((double)whole / param_wire(param));
    }
    case PARAM_TYPE_RATE:
    case PARAM_TYPE_SHARE:
    case PARAM_TYPE_NUMBER:
        return body_make_number(*(const double *)field / param_wire(param));
    case PARAM_TYPE_BOOL:
        return json_boolean(*(const bool *)field);
    case PARAM_TYPE_TEXT:
        return json_string(*(char *const *)field);
    case PARAM_TYPE_CHOICE:
        return json_string(param->choices[*(const int *)field]);
    }
    return NULL;
}

static bool is_unset(const struct param *param, const void *settings)
{
    const void *field = (const char *)settings + param->offset;
    return param->type == PARAM_TYPE_TEXT && !*(char *const *)field;
}

/* As texts: two that read alike are alike. */
static bool is_same(const struct param *param, const void *settings, const void *other)
{
    char one[256], two[256];
    int length = param_format(param, settings, one, sizeof(one));
    (void)param_format(param, other, two, sizeof(two));
    return length >= 0 && (size_t)length < sizeof(one) && strcmp(one, two) == 0;
}

static bool is_among(const char *name, const char *names)
{
    char word[64];
    (void)snprintf(word, sizeof(word), " %s ", name);
    return names && strstr(names, word);
}

static bool is_left_out(const struct param *param, const void *settings, const void *usual,
                        const char *always)
{
    return is_unset(param, settings) ||
           (usual && is_same(param, settings, usual) && !is_among(param->name, always));
}

int attributes_write(const struct param *params, const void *settings, const void *usual,
                     const char *always, json_t *object)
{
    for (const struct param *param = params; param && param->name; param++) {
        if (is_left_out(param, settings, usual, always))
            continue;
        json_t *value = make_value(param, (const char *)settings + param->offset);
        if (!value || json_object_set_new(object, param->name, value) != 0)
            return -ENOMEM;
    }
    return 0;
}
