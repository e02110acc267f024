/* SPDX-License-Identifier: MIT */
/* toxic_json.c - between a toxic and its JSON. */
#include "faults/control/toxic_json.h"

#include "faults/control/attributes.h"
#include "faults/control/body.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- Reading --------------------------------------------------------------------------------- */

static int read_stream(struct toxic_draft *draft, struct err *err)
{
    for (int i = 0; fault_stream_names[i]; i++) {
        if (strcasecmp(draft->stream_text, fault_stream_names[i]) == 0) {
            draft->stream = (enum fault_stream)i;
            return 0;
        }
    }
    return err_set(err, -EBADMSG, "stream was invalid, can be either upstream or downstream");
}

static int read_toxicity(struct toxic_draft *draft, json_t *body, struct err *err)
{
    double toxicity = draft->aim.toxicity;
    int rc = body_number(body, "toxicity", &toxicity, err);
    if (rc)
        return rc;
    if (toxicity < 0 || toxicity > 1)
        return body_error(err, "toxicity: expected a number from 0 to 1, not %.15g", toxicity);
    draft->aim.toxicity = toxicity;
    return 0;
}

/* The attributes that Toxiproxy has; of its types, others are shown only where they say something:
 * clients may know nothing of them. */
static const struct {
    const char *type, *attributes;
} toxiproxys[] = {
    {"latency", " latency jitter "}, {"bandwidth", " rate "},
    {"slow_close", " delay "},       {"timeout", " timeout "},
    {"reset_peer", " timeout "},     {"slicer", " average_size size_variation delay "},
    {"limit_data", " bytes "},       {"noop", " "},
};

/* NULL for a type of ours, of which everything is shown. */
static const char *attributes_of_toxiproxy(const char *type)
{
    for (size_t i = 0; i < sizeof(toxiproxys) / sizeof(*toxiproxys); i++)
        if (strcmp(toxiproxys[i].type, type) == 0)
            return toxiproxys[i].attributes;
    return NULL;
}

/* Of Toxiproxy's types what is unknown is passed over, as it does. */
static int check_names(const struct fault_type *type, json_t *attributes, struct err *err)
{
    const struct param *const tables[] = {type->params, fault_aim_params, NULL};
    return attributes_of_toxiproxy(type->name) ? 0
                                               : attributes_check_names(tables, attributes, err);
}

/* Settings, and what aims them; toxicity has a place of its own. */
static int read_attributes(struct toxic_draft *draft, json_t *body, struct err *err)
{
    double toxicity = draft->aim.toxicity;
    json_t *attributes = body_field(body, "attributes");
    int rc = attributes_read(draft->type->params, attributes, draft->settings, err);
    if (!rc)
        rc = check_names(draft->type, attributes, err);
    if (!rc)
        rc = attributes_read(fault_aim_params, attributes, &draft->aim, err);
    draft->aim.toxicity = toxicity;
    return rc;
}

static int make_settings(struct toxic_draft *draft, const struct fault_type *type, struct err *err)
{
    draft->type = type;
    draft->settings = calloc(1, type->state_bytes + 1);
    return draft->settings ? 0 : err_sys(err, -ENOMEM, "read a toxic");
}

static int read_defaults(struct toxic_draft *draft, struct err *err)
{
    int rc = param_defaults(fault_aim_params, &draft->aim, err);
    if (!rc)
        rc = param_defaults(draft->type->params, draft->settings, err);
    return rc;
}

int toxic_draft_read(struct toxic_draft *draft, json_t *body, struct err *err)
{
    const char *type_name = "", *stream = "";
    draft->name = "";
    int rc = body_expect_object(body, "toxic", err);
    if (!rc)
        rc = body_text(body, "name", &draft->name, err);
    if (!rc)
        rc = body_text(body, "type", &type_name, err);
    if (!rc)
        rc = body_text(body, "stream", &stream, err);
    if (rc)
        return rc;
    const struct fault_type *type = fault_type_find(type_name);
    draft->stream_text = stream;
    if (!*stream && !body_field(body, "stream"))
        draft->stream_text = fault_stream_names[type && type->both ? FAULT_BOTH : FAULT_DOWNSTREAM];
    rc = read_stream(draft, err);
    if (!rc && !type)
        rc = err_set(err, -EBADMSG, "invalid toxic type");
    if (!rc)
        rc = make_settings(draft, type, err);
    if (!rc)
        rc = read_defaults(draft, err);
    if (!rc)
        rc = read_toxicity(draft, body, err);
    return rc ? rc : read_attributes(draft, body, err);
}

int toxic_draft_merge(struct toxic_draft *draft, const struct toxic *toxic, json_t *body,
                      struct err *err)
{
    const struct fault_type *type = toxic_type(toxic);
    int rc = make_settings(draft, type, err);
    if (!rc)
        rc = param_copy(type->params, draft->settings, toxic_settings(toxic), err);
    if (!rc)
        rc = param_copy(fault_aim_params, &draft->aim, toxic_aim(toxic), err);
    if (!rc)
        rc = read_toxicity(draft, body, err);
    return rc ? rc : read_attributes(draft, body, err);
}

void toxic_draft_fini(struct toxic_draft *draft)
{
    if (draft->settings)
        param_fini(draft->type->params, draft->settings);
    param_fini(fault_aim_params, &draft->aim);
    free(draft->settings);
    *draft = (struct toxic_draft){0};
}

/* ---- Doing ----------------------------------------------------------------------------------- */

/* What the type's check refuses is a mistake in the body. */
static int as_reply(int rc, const struct err *why, struct err *err)
{
    if (rc == -EINVAL)
        return body_error(err, "attributes: %s", why->text);
    return rc == 0 ? 0 : err_set(err, rc, "%s", rc == -EEXIST ? "toxic already exists" : why->text);
}

static struct toxic_options options_of(const struct toxic_draft *draft)
{
    return (struct toxic_options){
        .name = draft->name,
        .type = draft->type,
        .stream = draft->stream,
        .stream_text = draft->stream_text,
        .aim = &draft->aim,
        .settings = draft->settings,
    };
}

static bool have_one_name(const struct toxic_draft *one, const struct toxic_draft *other)
{
    char names[2][1024];
    const struct toxic_options options[2] = {options_of(one), options_of(other)};
    return strcmp(toxic_options_name(&options[0], names[0], sizeof(names[0])),
                  toxic_options_name(&options[1], names[1], sizeof(names[1]))) == 0;
}

int toxic_drafts_check(const struct toxic_draft *drafts, size_t count, int protocol,
                       struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < count && !rc; i++) {
        const struct toxic_options options = options_of(&drafts[i]);
        struct err why = {0};
        rc = as_reply(toxic_options_check(&options, protocol, &why), &why, err);
        for (size_t j = 0; j < i && !rc; j++)
            if (have_one_name(&drafts[j], &drafts[i]))
                rc = as_reply(-EEXIST, &why, err);
    }
    return rc;
}

int toxic_draft_add(const struct toxic_draft *draft, struct proxy *proxy, struct toxic **out,
                    struct err *err)
{
    const struct toxic_options options = options_of(draft);
    struct err why = {0};
    return as_reply(toxic_add(proxy, &options, out, &why), &why, err);
}

int toxic_draft_apply(const struct toxic_draft *draft, struct toxic *toxic, struct err *err)
{
    struct err why = {0};
    return as_reply(toxic_change(toxic, &draft->aim, draft->settings, &why), &why, err);
}

/* ---- Writing --------------------------------------------------------------------------------- */

static int write_settings(const struct toxic *toxic, json_t *attributes)
{
    const struct fault_type *type = toxic_type(toxic);
    const char *always = attributes_of_toxiproxy(type->name);
    void *usual = calloc(1, type->state_bytes + 1);
    int rc = usual ? param_defaults(type->params, usual, NULL) : -ENOMEM;
    if (!rc)
        rc = attributes_write(type->params, toxic_settings(toxic), always ? usual : NULL, always,
                              attributes);
    if (usual)
        param_fini(type->params, usual);
    free(usual);
    return rc;
}

static int write_aim(const struct fault_aim *aim, json_t *attributes)
{
    struct fault_aim usual = {0};
    int rc = param_defaults(fault_aim_params, &usual, NULL);
    usual.toxicity = aim->toxicity; /* which has a place of its own */
    if (!rc)
        rc = attributes_write(fault_aim_params, aim, &usual, NULL, attributes);
    param_fini(fault_aim_params, &usual);
    return rc;
}

json_t *toxic_to_json(const struct toxic *toxic)
{
    const struct fault_type *type = toxic_type(toxic);
    json_t *attributes = json_object();
    if (!attributes || write_settings(toxic, attributes) ||
        write_aim(toxic_aim(toxic), attributes)) {
        json_decref(attributes);
        return NULL;
    }
    return json_pack("{s:o, s:s, s:s, s:s, s:o}", "attributes", attributes, "name",
                     toxic_name(toxic), "type", type->name, "stream", toxic_stream_text(toxic),
                     "toxicity", body_make_number(toxic_aim(toxic)->toxicity));
}

json_t *toxics_to_json(struct proxy *proxy)
{
    json_t *list = json_array();
    for (struct toxic *toxic = toxic_first(proxy); list && toxic; toxic = toxic_next(toxic)) {
        if (json_array_append_new(list, toxic_to_json(toxic)) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}
