/* SPDX-License-Identifier: MIT */
/* act_toxic.c - a fault of the proxy's: a toxic that is added, asked what it did, and removed. */
#include "core/clock.h"
#include "faults/control/attributes.h"
#include "run/act.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define REMOVE_NS (2 * NS_PER_S)

/* What is a part of the fault's time shrinks with it. */
static int pace_attributes(const struct plan_fault *fault, double pace, json_t *attributes)
{
    const struct fault_type *type = fault->kind.proxy;
    int rc = 0;
    for (const char *const *name = type->paced; !rc && name && *name && pace < 1; name++) {
        uint64_t span_ns;
        const struct param *param = param_find(type->params, *name);
        memcpy(&span_ns, (const char *)fault->settings + param->offset, sizeof(span_ns));
        double least_ns = (double)span_ns < param->min ? (double)span_ns : param->min;
        unsigned long long paced_ns = (unsigned long long)fmax((double)span_ns * pace, least_ns);
        rc = json_object_set_new(attributes, *name, json_sprintf("%lluns", paced_ns));
    }
    return rc;
}

json_t *act_toxic_body(const struct plan_fault *fault, double pace)
{
    const struct fault_type *type = fault->kind.proxy;
    json_t *attributes = json_object();
    struct fault_aim usual = {.toxicity = fault->aim.toxicity};
    if (!attributes || attributes_write(type->params, fault->settings, NULL, NULL, attributes) ||
        pace_attributes(fault, pace, attributes) ||
        attributes_write(fault_aim_params, &fault->aim, &usual, NULL, attributes)) {
        json_decref(attributes);
        return NULL;
    }
    return json_pack("{s:s, s:s, s:s, s:f, s:o}", "name", fault->name, "type", type->name, "stream",
                     fault_stream_names[fault->stream], "toxicity", fault->aim.toxicity,
                     "attributes", attributes);
}

/* With a time of its own, whatever is over or slow: what was begun has to go. */
static int remove_toxic(const struct act_setting *setting, struct err *err)
{
    struct ctx bound;
    char path[128];
    (void)snprintf(path, sizeof(path), "/toxics/%s", setting->fault->name);
    ctx_init_timeout(&bound, NULL, REMOVE_NS);
    int rc =
        detour_ask(&bound, setting->detour, setting->fault->on, "DELETE", path, NULL, NULL, err);
    ctx_fini(&bound);
    return rc;
}

static int toxic_begin(struct ctx *ctx, const struct act_setting *setting, void **state,
                       struct err *err)
{
    json_t *body = act_toxic_body(setting->fault, setting->pace);
    *state = NULL;
    if (!body)
        return err_sys(err, -ENOMEM, "ask for a fault");
    int rc =
        detour_ask(ctx, setting->detour, setting->fault->on, "POST", "/toxics", body, NULL, err);
    json_decref(body);
    if (rc) /* it may be there all the same: the answer may have been lost */
        (void)remove_toxic(setting, NULL);
    return rc;
}

static uint64_t counted(const json_t *object, const char *key)
{
    json_int_t value = json_integer_value(json_object_get(object, key));
    return value > 0 ? (uint64_t)value : 0;
}

static int toxic_end(struct ctx *ctx, const struct act_setting *setting, void *state,
                     struct act_effects *effects, struct err *err)
{
    char effects_path[160];
    json_t *done = NULL;
    (void)state;
    (void)snprintf(effects_path, sizeof(effects_path), "/toxics/%s/effects", setting->fault->name);
    /* What it held until now goes on when it is removed, and counts until then. */
    int rc =
        detour_ask(ctx, setting->detour, setting->fault->on, "GET", effects_path, NULL, &done, err);
    int removed = remove_toxic(setting, rc ? NULL : err);
    effects->first_ns = counted(done, "first_ns");
    effects->last_ns = counted(done, "last_ns");
    effects->links = counted(done, "links");
    effects->bytes = counted(done, "bytes");
    effects->pieces = counted(done, "pieces");
    effects->refused = counted(done, "refused");
    json_decref(done);
    return rc ? rc : removed;
}

const struct act act_toxic = {.begin = toxic_begin, .end = toxic_end};
