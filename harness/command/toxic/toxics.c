/* SPDX-License-Identifier: MIT */
/* toxics.c - add, update and remove toxics, and tell what one has done. */
#include "command/toxic/action.h"
#include "faults/control/body.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct toxic_options_given {
    struct toxic_common common;
    char *name;       /* the toxic's */
    char *type;       /* of the one to add */
    char *toxicity;   /* NULL: as it is */
    char *attributes; /* KEY=VALUE lines */
    bool upstream, downstream, both;
};

#define NAME_PARAM                                                                                 \
    {                                                                                              \
        PARAM_TEXT("toxicName", toxic_options_given, name, NULL, "name of the toxic"),             \
            .letter = 'n'                                                                          \
    }
#define CHANGE_PARAMS                                                                              \
    {PARAM_TEXT("attribute", toxic_options_given, attributes, NULL, "KEY=VALUE, as latency=100"),  \
     .letter = 'a', .repeats = true},                                                              \
        {PARAM_TEXT("toxicity", toxic_options_given, toxicity, NULL,                               \
                    "share of connections it acts on, 0 to 1")},                                   \
    {                                                                                              \
        PARAM_TEXT("tox", toxic_options_given, toxicity, NULL, "the same, shorter")                \
    }

static const struct param add_params[] = {
    {PARAM_TEXT("type", toxic_options_given, type, NULL, "of toxic"), .letter = 't'},
    NAME_PARAM,
    CHANGE_PARAMS,
    {PARAM_BOOL("downstream", toxic_options_given, downstream, NULL,
                "from server to client, as usual"),
     .letter = 'd'},
    {PARAM_BOOL("upstream", toxic_options_given, upstream, NULL, "from client to server"),
     .letter = 'u'},
    {PARAM_BOOL("both", toxic_options_given, both, NULL, "both ways")},
    {0},
};

static const struct param update_params[] = {NAME_PARAM, CHANGE_PARAMS, {0}};
static const struct param name_params[] = {NAME_PARAM, {0}};

static const struct option_group add_groups[] = {
    {"Options", add_params, 0}, {"Control API", toxic_common_params, 0}, {0}};
static const struct option_group update_groups[] = {
    {"Options", update_params, 0}, {"Control API", toxic_common_params, 0}, {0}};
static const struct option_group name_groups[] = {
    {"Options", name_params, 0}, {"Control API", toxic_common_params, 0}, {0}};

/* ---- Bodies ---------------------------------------------------------------------------------- */

/* A number where it reads as one: 08006, 1e5 and 57P01 are codes, and texts. */
static json_t *make_value(const char *text)
{
    char *end;
    double number = strtod(text, &end);
    bool is_padded = text[0] == '0' && text[1] >= '0' && text[1] <= '9';
    if (end == text || *end || is_padded || strpbrk(text, "eExXnN"))
        return json_string(text);
    return body_make_number(number);
}

static int add_attribute(json_t *attributes, char *line, struct err *err)
{
    char *equals = strchr(line, '=');
    if (!equals || equals == line)
        return err_set(err, -EINVAL, "expected --attribute KEY=VALUE, not '%.80s'", line);
    *equals = '\0';
    if (json_object_set_new(attributes, line, make_value(equals + 1)) != 0)
        return err_set(err, -EINVAL, "attribute %.60s: expected UTF-8", line);
    return 0;
}

static int add_attributes(json_t *body, const char *lines, struct err *err)
{
    json_t *attributes = json_object();
    char *copy = strdup(lines ? lines : ""), *rest = copy;
    int rc = copy && attributes ? 0 : err_sys(err, -ENOMEM, "read the attributes");
    for (char *line = strtok_r(rest, "\n", &rest); !rc && line; line = strtok_r(NULL, "\n", &rest))
        rc = add_attribute(attributes, line, err);
    free(copy);
    if (!rc && json_object_set(body, "attributes", attributes) != 0)
        rc = err_sys(err, -ENOMEM, "read the attributes");
    json_decref(attributes);
    return rc;
}

static int add_toxicity(json_t *body, const char *text, struct err *err)
{
    char *end;
    if (!text)
        return 0;
    double toxicity = strtod(text, &end);
    if (end == text || *end || !(toxicity >= 0 && toxicity <= 1))
        return err_set(err, -EINVAL, "toxicity should be a number from 0 to 1, not '%.40s'", text);
    return json_object_set_new(body, "toxicity", json_real(toxicity)) == 0
               ? 0
               : err_sys(err, -ENOMEM, "set the toxicity");
}

static int add_text(json_t *body, const char *key, const char *text, struct err *err)
{
    if (text && json_object_set_new(body, key, json_string(text)) != 0)
        return err_set(err, -EINVAL, "%s: expected UTF-8", key);
    return 0;
}

static const char *stream_of(const struct toxic_options_given *options)
{
    return options->both         ? "both"
           : options->upstream   ? "upstream"
           : options->downstream ? "downstream"
                                 : NULL;
}

static int fill_body(json_t *body, const struct toxic_options_given *options, bool added,
                     struct err *err)
{
    int rc = body ? 0 : err_sys(err, -ENOMEM, "make a request");
    if (!rc && added)
        rc = add_text(body, "type", options->type, err);
    if (!rc && added)
        rc = add_text(body, "name", options->name, err);
    if (!rc && added)
        rc = add_text(body, "stream", stream_of(options), err);
    if (!rc)
        rc = add_toxicity(body, options->toxicity, err);
    return rc ? rc : add_attributes(body, options->attributes, err);
}

/* ---- Actions --------------------------------------------------------------------------------- */

static int need_name(const struct toxic_options_given *options, struct err *err)
{
    return options->name && *options->name ? 0 : err_set(err, -EINVAL, "expected --toxicName NAME");
}

static int add(struct toxic_session *session, struct err *err)
{
    const struct toxic_options_given *options = session->options;
    json_t *toxic = NULL;
    if (!options->type)
        return err_set(err, -EINVAL, "expected --type TYPE");
    if (options->upstream + options->downstream + options->both > 1)
        return err_set(err, -EINVAL, "only one of --upstream, --downstream and --both");
    json_t *body = json_object();
    int rc = fill_body(body, options, true, err);
    if (!rc)
        rc = toxic_ask(session, "POST", session->name, "", NULL, body, &toxic, err);
    if (!rc)
        printf("Added %s %s toxic '%s' on proxy '%s'\n", toxic_text_of(toxic, "stream"),
               toxic_text_of(toxic, "type"), toxic_text_of(toxic, "name"), session->name);
    json_decref(toxic);
    json_decref(body);
    return rc;
}

/* What is not given stays as it is, toxicity included. */
static int update(struct toxic_session *session, struct err *err)
{
    const struct toxic_options_given *options = session->options;
    int rc = need_name(options, err);
    if (rc)
        return rc;
    json_t *body = json_object();
    rc = fill_body(body, options, false, err);
    if (!rc)
        rc = toxic_ask(session, "POST", session->name, options->name, NULL, body, NULL, err);
    if (!rc)
        printf("Updated toxic '%s' on proxy '%s'\n", options->name, session->name);
    json_decref(body);
    return rc;
}

static int remove_toxic(struct toxic_session *session, struct err *err)
{
    const struct toxic_options_given *options = session->options;
    int rc = need_name(options, err);
    if (!rc)
        rc = toxic_ask(session, "DELETE", session->name, options->name, NULL, NULL, NULL, err);
    if (!rc)
        printf("Removed toxic '%s' on proxy '%s'\n", options->name, session->name);
    return rc;
}

static json_int_t count_of(json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static int effects(struct toxic_session *session, struct err *err)
{
    const struct toxic_options_given *options = session->options;
    json_t *done = NULL, *link;
    size_t i;
    int rc = need_name(options, err);
    if (!rc)
        rc = toxic_ask(session, "GET", session->name, options->name, "effects", NULL, &done, err);
    if (!rc)
        printf("connections=%lld\tbytes=%lld\tpieces=%lld\trefused=%lld\n",
               (long long)count_of(done, "links"), (long long)count_of(done, "bytes"),
               (long long)count_of(done, "pieces"), (long long)count_of(done, "refused"));
    json_array_foreach(json_object_get(done, "connections"), i, link) {
        printf("%lld\t%s\tbytes=%lld\n", (long long)count_of(link, "number"),
               toxic_text_of(link, "client"), (long long)count_of(link, "bytes"));
    }
    json_decref(done);
    return rc;
}

const struct toxic_action toxic_actions[] = {
    {"add", " a ", "PROXY", "add a toxic", add_groups, sizeof(struct toxic_options_given), add},
    {"update", " u ", "PROXY", "change attributes and toxicity of a toxic", update_groups,
     sizeof(struct toxic_options_given), update},
    {"remove", " r ", "PROXY", "take a toxic away", name_groups, sizeof(struct toxic_options_given),
     remove_toxic},
    {"effects", " e ", "PROXY", "what a toxic has done, and to which connections", name_groups,
     sizeof(struct toxic_options_given), effects},
    {0},
};
