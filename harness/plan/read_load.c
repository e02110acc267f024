/* SPDX-License-Identifier: MIT */
/* read_load.c - the load and its phases: each phase ends up with a whole load of its own. */
#include "plan/read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { REQUESTS_MAX = 256 };

void plan_requests_destroy(struct load_request *requests, size_t count)
{
    for (size_t i = 0; i < count; i++)
        param_fini(load_request_params, &requests[i]);
    free(requests);
}

/* How a mapping that carries load keys looks: of requests, as a mix or by keys of its own. */
static const yaml_node_t *find_request_key(struct reading *reading, const yaml_node_t *mapping)
{
    for (size_t i = 0; i < document_pair_count(mapping); i++) {
        const yaml_node_t *key = document_key(&reading->doc, mapping, i);
        if (param_find(load_request_params, document_text(key)))
            return key;
    }
    return NULL;
}

static int check_request(struct reading *reading, const yaml_node_t *node,
                         const struct load_request *request, const struct load_profile *profile)
{
    int rc = load_request_check(request, reading->err);
    if (rc)
        return document_wrap(&reading->doc, node, 0, reading->err);
    if (profile->check != LOAD_CHECK_TOKEN || load_request_has_token(request))
        return 0;
    return document_fail(
        &reading->doc, node, reading->err,
        "check: token needs a token to look for: expected a payload, or {token} in "
        "path, headers or body");
}

static int read_mix(struct reading *reading, const yaml_node_t *node,
                    struct load_request **requests, size_t *count)
{
    struct document *doc = &reading->doc;
    int rc = document_expect(doc, node, YAML_SEQUENCE_NODE, "a list of requests", reading->err);
    if (rc)
        return rc;
    size_t given = document_item_count(node);
    if (given == 0 || given > REQUESTS_MAX)
        return document_fail(doc, node, reading->err, "expected 1 to %d requests, not %zu",
                             REQUESTS_MAX, given);
    plan_requests_destroy(*requests, *count);
    *count = 0;
    rc = read_alloc(reading, given, sizeof(**requests), requests);
    for (size_t i = 0; !rc && i < given; i++) {
        const yaml_node_t *item = document_item(doc, node, i);
        *count = i + 1;
        rc = document_expect(doc, item, YAML_MAPPING_NODE, "a request, such as {path: /a}",
                             reading->err);
        if (!rc)
            rc = param_defaults(load_request_params, &(*requests)[i], reading->err);
        if (!rc)
            rc = read_settings(reading, item, SECTION_REQUEST,
                               (void *const[STATES_MAX]){&(*requests)[i]});
    }
    return rc;
}

/* A body that is given displaces an inherited payload, and the other way round. */
static void displace_content(struct reading *reading, const yaml_node_t *mapping,
                             struct load_request *request)
{
    const yaml_node_t *body = document_get(&reading->doc, mapping, "body");
    const yaml_node_t *payload = document_get(&reading->doc, mapping, "payload");
    if (body && !payload)
        request->payload_bytes = 0;
    if (payload && !body) {
        free(request->body);
        request->body = NULL;
    }
}

/* Reads the load keys of a mapping over what is there; *inherited_mix says that a list of requests
 * came from elsewhere, which single keys cannot change. */
static int read_load_keys(struct reading *reading, const yaml_node_t *mapping, int section,
                          struct plan_phase *phase, bool inherited_mix)
{
    struct document *doc = &reading->doc;
    const yaml_node_t *mix = document_get(doc, mapping, "requests");
    const yaml_node_t *single = find_request_key(reading, mapping);
    if (single && mix)
        return document_fail(doc, single, reading->err,
                             "expected '%s' inside the items of requests, not beside them",
                             document_text(single));
    if (single && inherited_mix)
        return document_fail(doc, single, reading->err,
                             "'%s' of which request? The load has a list: expected requests here "
                             "as well",
                             document_text(single));
    const yaml_node_t *rate = document_get(doc, mapping, "rate");
    if (rate && document_get(doc, mapping, "search"))
        return document_fail(doc, rate, reading->err,
                             "a search finds the rate: expected from under search instead");
    int rc = 0;
    if (mix)
        rc = read_mix(reading, mix, &phase->requests, &phase->request_count);
    else
        displace_content(reading, mapping, &phase->requests[0]);
    void *const states[STATES_MAX] = {&phase->profile, &phase->requests[0]};
    void *const phase_states[STATES_MAX] = {phase, &phase->profile, &phase->requests[0]};
    if (!rc)
        rc = read_settings(reading, mapping, section,
                           section == SECTION_PHASE ? phase_states : states);
    return rc;
}

/* The load as a nameless phase, whose parts the reading takes over. */
int read_load(struct reading *reading, const yaml_node_t *node)
{
    struct plan_phase base = {0};
    int rc = read_alloc(reading, 1, sizeof(*base.requests), &base.requests);
    if (rc)
        return rc;
    base.request_count = 1;
    rc = param_defaults(load_request_params, base.requests, reading->err);
    if (!rc)
        rc = param_defaults(load_profile_params, &base.profile, reading->err);
    if (!rc && node)
        rc = document_expect(&reading->doc, node, YAML_MAPPING_NODE, "a mapping", reading->err);
    if (!rc && node)
        rc = read_load_keys(reading, node, SECTION_LOAD, &base, false);
    if (!rc && node)
        reading->search = document_get(&reading->doc, node, "search");
    reading->load = base.profile;
    reading->requests = base.requests;
    reading->request_count = base.request_count;
    return rc;
}

static int inherit_load(struct reading *reading, struct plan_phase *phase)
{
    phase->profile = reading->load;
    int rc =
        read_alloc(reading, reading->request_count, sizeof(*phase->requests), &phase->requests);
    for (size_t i = 0; !rc && i < reading->request_count; i++) {
        phase->request_count = i + 1;
        rc = param_copy(load_request_params, &phase->requests[i], &reading->requests[i],
                        reading->err);
    }
    return rc;
}

static const yaml_node_t *load_key(struct reading *reading, const yaml_node_t *mapping)
{
    for (size_t i = 0; i < document_pair_count(mapping); i++) {
        const yaml_node_t *key = document_key(&reading->doc, mapping, i);
        if (!param_find(plan_phase_params, document_text(key)))
            return key;
    }
    return NULL;
}

static int check_phase(struct reading *reading, const yaml_node_t *node, struct plan_phase *phase)
{
    struct document *doc = &reading->doc;
    if (phase->length_ns == 0)
        return document_fail(doc, node, reading->err,
                             "expected how long phase '%s' takes, such as for: 3s", phase->name);
    if (phase->kind == PLAN_PHASE_DRAIN) {
        const yaml_node_t *key = load_key(reading, node);
        plan_requests_destroy(phase->requests, phase->request_count);
        phase->requests = NULL;
        phase->request_count = 0;
        return key ? document_fail(doc, key, reading->err, "a drain has no load: '%s' has no place",
                                   document_text(key))
                   : 0;
    }
    /* What a phase has not touched is the load's fault. */
    const yaml_node_t *load = document_get(doc, document_root(doc), "load");
    const yaml_node_t *place = load && !load_key(reading, node) ? load : node;
    int rc = load_profile_check(&phase->profile, reading->err);
    if (rc)
        return document_wrap(doc, place, 0, reading->err);
    for (size_t i = 0; !rc && i < phase->request_count; i++)
        rc = check_request(reading, place, &phase->requests[i], &phase->profile);
    return rc;
}

/* Names must tell phases apart, and a phase from a variant: `steady.p99` is either's. */
int read_phase_name(struct reading *reading, const yaml_node_t *node, size_t index)
{
    struct document *doc = &reading->doc;
    const struct plan *plan = reading->plan;
    const yaml_node_t *name = document_get(doc, node, "name");
    if (!name)
        return document_fail(doc, node, reading->err, "expected a phase to have a name");
    int rc = read_name_check(reading, name, "a phase");
    for (size_t i = 0; !rc && i < index; i++)
        if (strcmp(plan->phases[i].name, plan->phases[index].name) == 0)
            rc = document_fail(doc, name, reading->err,
                               "expected another name: '%s' is the phase "
                               "on line %zu",
                               document_text(name), plan->phases[i].where.line);
    for (size_t i = 0; !rc && i < plan->variant_count; i++)
        if (strcmp(plan->variants[i].name, plan->phases[index].name) == 0)
            rc = document_fail(doc, name, reading->err, "expected another name: '%s' is a variant",
                               document_text(name));
    return rc;
}

/* A rate of the phase's own goes before the load's search, as its own search goes before the load's
 * rate. Warm-up has the rate at which the search begins. */
static int read_phase_search(struct reading *reading, const yaml_node_t *node,
                             struct plan_phase *phase)
{
    struct document *doc = &reading->doc;
    const yaml_node_t *own = document_get(doc, node, "search");
    const yaml_node_t *search = own || document_get(doc, node, "rate") ? own : reading->search;
    if (!search || phase->kind == PLAN_PHASE_DRAIN)
        return 0; /* which refuses all keys of a load */
    if (own && phase->kind != PLAN_PHASE_MEASURE)
        return document_fail(doc, own, reading->err, "expected search in a phase of kind measure");
    int rc = read_search(reading, search, phase);
    if (!rc && phase->kind == PLAN_PHASE_MEASURE)
        return 0;
    expr_destroy(phase->objective);
    phase->objective = NULL;
    return rc;
}

/* One with a load, or a drain. */
static int read_phase(struct reading *reading, const yaml_node_t *node, size_t index)
{
    struct plan_phase *phase = &reading->plan->phases[index];
    phase->where = document_where(node);
    int rc =
        document_expect(&reading->doc, node, YAML_MAPPING_NODE,
                        "a phase, such as {name: steady, kind: measure, for: 3s}", reading->err);
    if (!rc)
        rc = inherit_load(reading, phase);
    if (!rc)
        rc = param_defaults(plan_phase_params, phase, reading->err);
    if (!rc)
        rc = read_load_keys(reading, node, SECTION_PHASE, phase, reading->request_count > 1);
    if (!rc)
        rc = read_phase_name(reading, node, index);
    if (!rc)
        rc = read_phase_search(reading, node, phase);
    return rc ? rc : check_phase(reading, node, phase);
}

int read_phases(struct reading *reading, const yaml_node_t *node)
{
    struct document *doc = &reading->doc;
    struct plan *plan = reading->plan;
    if (!node)
        return document_fail(doc, document_root(doc), reading->err,
                             "expected phases: at least one that is measured");
    int rc = document_expect(doc, node, YAML_SEQUENCE_NODE, "a list of phases", reading->err);
    if (rc)
        return rc;
    size_t count = document_item_count(node);
    if (count > PLAN_PHASES_MAX)
        return document_fail(doc, node, reading->err, "expected at most %d phases",
                             PLAN_PHASES_MAX);
    if (count > 0)
        rc = read_alloc(reading, count, sizeof(*plan->phases), &plan->phases);
    bool measured = false;
    for (size_t i = 0; !rc && i < count; i++) {
        plan->phase_count = i + 1;
        rc = plan->kind == PLAN_KIND_MICRO
                 ? read_micro_phase(reading, document_item(doc, node, i), i)
                 : read_phase(reading, document_item(doc, node, i), i);
        measured = measured || plan->phases[i].kind == PLAN_PHASE_MEASURE;
    }
    if (!rc && !measured)
        return document_fail(doc, node, reading->err,
                             "expected at least one phase of kind measure");
    return rc;
}
