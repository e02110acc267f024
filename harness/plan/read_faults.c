/* SPDX-License-Identifier: MIT */
/* read_faults.c - the timeline: faults, each with the settings of its kind beside its own. */
#include "plan/read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { KINDS_MAX = 128 };

void plan_fault_fini(struct plan_fault *fault)
{
    if (fault->kind.params && fault->settings)
        param_fini(fault->kind.params, fault->settings);
    for (size_t i = 0; i < PLAN_FAULT_METRICS; i++)
        free(fault->metric_names[i]);
    free(fault->settings);
    param_fini(plan_fault_params, fault);
}

/* ---- Kinds ----------------------------------------------------------------------------------- */

/* What follows the database's protocol has nothing to follow before the service. */
static struct plan_fault_kind kind_of_proxy(const struct fault_type *type)
{
    return (struct plan_fault_kind){
        .name = type->name,
        .summary = type->summary,
        .params = type->params,
        .settings_bytes = type->state_bytes,
        .database = true,
        .service = !type->needs_queries,
        .aimed = true,
        .proxied = true,
        .proxy = type,
        .check = type->check,
    };
}

static const char *suggest_kind(const struct plan_tables *tables, const char *name)
{
    const char *words[KINDS_MAX + 1];
    size_t count = 0;
    for (size_t i = 0; tables->proxy_faults && tables->proxy_faults[i] && count < KINDS_MAX; i++)
        words[count++] = tables->proxy_faults[i]->name;
    for (size_t i = 0; tables->runner_faults && tables->runner_faults[i] && count < KINDS_MAX; i++)
        words[count++] = tables->runner_faults[i]->name;
    words[count] = NULL;
    return word_suggest(words, name);
}

static int find_kind(struct reading *reading, const yaml_node_t *node, struct plan_fault_kind *kind)
{
    const struct plan_tables *tables = reading->tables;
    int rc = document_expect(&reading->doc, node, YAML_SCALAR_NODE, "a kind of fault, such as lock",
                             reading->err);
    if (rc)
        return rc;
    const char *name = document_text(node);
    for (size_t i = 0; tables->runner_faults && tables->runner_faults[i]; i++) {
        if (strcmp(tables->runner_faults[i]->name, name) == 0) {
            *kind = *tables->runner_faults[i];
            return 0;
        }
    }
    for (size_t i = 0; tables->proxy_faults && tables->proxy_faults[i]; i++) {
        if (strcmp(tables->proxy_faults[i]->name, name) == 0) {
            *kind = kind_of_proxy(tables->proxy_faults[i]);
            return 0;
        }
    }
    const char *near = suggest_kind(tables, name);
    return document_fail(&reading->doc, node, reading->err,
                         "expected a kind of fault, not '%.60s'%s%s%s", name,
                         near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
}

/* ---- One fault ------------------------------------------------------------------------------- */

/* What the proxy will make of the settings is made once, for its mistakes, and thrown away: the
 * plan is after the params alone. */
static int try_prepare(struct plan_fault *fault, struct err *err)
{
    const struct fault_type *type = fault->kind.proxy;
    int rc = type->prepare ? type->prepare(fault->settings, err) : 0;
    if (type->prepare && type->fini)
        type->fini(fault->settings);
    return rc;
}

static int read_values(struct reading *reading, const yaml_node_t *node, struct plan_fault *fault)
{
    const struct plan_section *all = &plan_sections[SECTION_FAULT];
    char name[80];
    (void)snprintf(name, sizeof(name), "fault '%s'", fault->kind.name);
    struct plan_section section = {
        name, all->help, {plan_fault_params, fault->kind.params}, all->keys};
    int rc = param_defaults(plan_fault_params, fault, reading->err);
    if (!rc)
        rc = read_alloc(reading, 1, fault->kind.settings_bytes + 1, &fault->settings);
    if (!rc && fault->kind.params)
        rc = param_defaults(fault->kind.params, fault->settings, reading->err);
    if (!rc)
        rc = read_settings_of(reading, node, &section,
                              (void *const[STATES_MAX]){fault, fault->settings});
    if (rc)
        return rc;
    rc = fault->kind.check ? fault->kind.check(fault->settings, reading->err) : 0;
    if (!rc && fault->kind.proxy)
        rc = try_prepare(fault, reading->err);
    return rc ? document_wrap(&reading->doc, node, 0, reading->err) : 0;
}

static int settle_name(struct reading *reading, const yaml_node_t *node, size_t index)
{
    struct document *doc = &reading->doc;
    struct plan *plan = reading->plan;
    struct plan_fault *fault = &plan->faults[index];
    const yaml_node_t *name = document_get(doc, node, "name");
    int rc = name ? read_name_check(reading, name, "a fault")
                  : read_copy(reading, fault->kind.name, &fault->name);
    for (size_t i = 0; !rc && i < index; i++)
        if (strcmp(plan->faults[i].name, fault->name) == 0)
            rc = document_fail(doc, name ? name : node, reading->err,
                               "expected another name: '%s' is the fault on line %zu", fault->name,
                               plan->faults[i].where.line);
    return rc;
}

/* What the kind is about, where nothing is said: the database, if there is one. */
static int settle_place(struct reading *reading, const yaml_node_t *node, struct plan_fault *fault)
{
    struct document *doc = &reading->doc;
    const struct plan *plan = reading->plan;
    const struct plan_fault_kind *kind = &fault->kind;
    const yaml_node_t *said = document_get(doc, node, "on");
    bool has_database = plan->database.kind != PLAN_DATABASE_NONE;
    if (!said)
        fault->on =
            kind->database && (has_database || !kind->service) ? PLAN_ON_DATABASE : PLAN_ON_SERVICE;
    const yaml_node_t *place = said ? said : node;
    bool fits = fault->on == PLAN_ON_DATABASE ? kind->database : kind->service;
    if (!fits)
        return document_fail(doc, place, reading->err, "expected on: %s, for %s",
                             plan_on_names[!fault->on], kind->name);
    if (fault->on == PLAN_ON_DATABASE && !has_database)
        return document_fail(doc, place, reading->err,
                             "%s is on the database, and the scenario has none", kind->name);
    for (size_t i = 0; i < plan->variant_count; i++) {
        bool url = plan->variants[i].subject.kind == PLAN_SUBJECT_URL;
        if (url && (kind->started || fault->on == PLAN_ON_DATABASE))
            return document_fail(doc, place, reading->err,
                                 "expected no url for variant '%s': %s needs a subject that the "
                                 "run starts",
                                 plan->variants[i].name, kind->name);
    }
    return 0;
}

static int settle_aim(struct reading *reading, const yaml_node_t *node, struct plan_fault *fault)
{
    static const char *const keys[] = {"stream", "toxicity", "source", "after", "first"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys) && !fault->kind.aimed; i++) {
        const yaml_node_t *given = document_get(&reading->doc, node, keys[i]);
        if (given)
            return document_fail(&reading->doc, given, reading->err,
                                 "expected no %s: that is for faults of connections, not for %s",
                                 keys[i], fault->kind.name);
    }
    bool both = fault->kind.proxy && fault->kind.proxy->both;
    if (both && !document_get(&reading->doc, node, "stream"))
        fault->stream = FAULT_BOTH;
    return 0;
}

static int find_phase(struct reading *reading, const yaml_node_t *node, struct plan_fault *fault)
{
    const struct plan *plan = reading->plan;
    const char *names[PLAN_PHASES_MAX + 1] = {0};
    size_t count = 0;
    for (size_t i = 0; i < plan->phase_count; i++) {
        bool measured = plan->phases[i].kind == PLAN_PHASE_MEASURE;
        if (measured)
            names[count++] = plan->phases[i].name;
        if (measured && (!fault->phase_name || strcmp(names[count - 1], fault->phase_name) == 0)) {
            fault->phase = i;
            return 0;
        }
    }
    const char *near = word_suggest(names, fault->phase_name);
    return document_fail(&reading->doc, document_get(&reading->doc, node, "phase"), reading->err,
                         "expected the name of a measured phase, not '%.60s'%s%s%s",
                         fault->phase_name, near ? " (did you mean '" : "", near ? near : "",
                         near ? "'?)" : "");
}

/* A place to point at: the key's value, or what it would have stood in. */
static const yaml_node_t *place_of(struct reading *reading, const yaml_node_t *node,
                                   const char *key)
{
    const yaml_node_t *value = document_get(&reading->doc, node, key);
    return value ? value : node;
}

static int settle_time(struct reading *reading, const yaml_node_t *node, struct plan_fault *fault)
{
    struct document *doc = &reading->doc;
    char length[32], rest[32], hold[32];
    int rc = find_phase(reading, node, fault);
    if (rc)
        return rc;
    const struct plan_phase *phase = &reading->plan->phases[fault->phase];
    (void)format_ns(length, sizeof(length), (double)phase->length_ns);
    if (phase->objective)
        return document_fail(doc, place_of(reading, node, "phase"), reading->err,
                             "expected no fault in phase '%s': it searches for a knee",
                             phase->name);
    if (fault->at_ns >= phase->length_ns)
        return document_fail(doc, place_of(reading, node, "at"), reading->err,
                             "expected at to lie in phase '%s', which takes %s", phase->name,
                             length);
    if (fault->for_ns > phase->length_ns - fault->at_ns)
        return document_fail(doc, place_of(reading, node, "for"), reading->err,
                             "the fault goes on when phase '%s' is over after %s: expected a "
                             "shorter one, or for: 0",
                             phase->name, length);
    uint64_t rest_ns = phase->length_ns - fault->at_ns - fault->for_ns;
    if (document_get(doc, node, "hold") && (fault->for_ns == 0 || rest_ns < fault->hold_ns))
        return document_fail(
            doc, document_get(doc, node, "hold"), reading->err,
            "phase '%s' goes on for %s after the fault, less than its hold of %s", phase->name,
            fault->for_ns ? format_ns(rest, sizeof(rest), (double)rest_ns) : "no time",
            format_ns(hold, sizeof(hold), (double)fault->hold_ns));
    return 0;
}

static int read_fault(struct reading *reading, const yaml_node_t *node, size_t index)
{
    struct document *doc = &reading->doc;
    struct plan_fault *fault = &reading->plan->faults[index];
    fault->where = document_where(node);
    int rc = document_expect(doc, node, YAML_MAPPING_NODE,
                             "a fault, such as {kind: latency, at: 2s, for: 3s}", reading->err);
    if (rc)
        return rc;
    const yaml_node_t *kind = document_get(doc, node, "kind");
    if (!kind)
        return document_fail(doc, node, reading->err, "expected a fault to have a kind");
    rc = find_kind(reading, kind, &fault->kind);
    if (!rc)
        rc = read_values(reading, node, fault);
    if (!rc)
        rc = settle_name(reading, node, index);
    if (!rc)
        rc = settle_place(reading, node, fault);
    if (!rc)
        rc = settle_aim(reading, node, fault);
    return rc ? rc : settle_time(reading, node, fault);
}

/* A fault is watched until the next one of its phase: a hold that was asked for has to fit in. */
static int check_hold(struct reading *reading, const yaml_node_t *node, size_t index)
{
    const struct plan *plan = reading->plan;
    const struct plan_fault *fault = &plan->faults[index];
    const yaml_node_t *said = document_get(&reading->doc, node, "hold");
    uint64_t end_ns = fault->at_ns + fault->for_ns;
    char rest[32], hold[32];
    for (size_t i = 0; said && i < plan->fault_count; i++) {
        const struct plan_fault *next = &plan->faults[i];
        if (i == index || next->phase != fault->phase || next->at_ns < end_ns ||
            next->at_ns - end_ns >= fault->hold_ns)
            continue;
        return document_fail(&reading->doc, said, reading->err,
                             "fault '%s' begins %s after this one, less than its hold of %s",
                             next->name,
                             format_ns(rest, sizeof(rest), (double)(next->at_ns - end_ns)),
                             format_ns(hold, sizeof(hold), (double)fault->hold_ns));
    }
    return 0;
}

int read_faults(struct reading *reading, const yaml_node_t *node)
{
    struct document *doc = &reading->doc;
    struct plan *plan = reading->plan;
    if (!node)
        return 0;
    int rc = document_expect(doc, node, YAML_SEQUENCE_NODE, "a list of faults", reading->err);
    size_t count = rc ? 0 : document_item_count(node);
    if (count > PLAN_FAULTS_MAX)
        return document_fail(doc, node, reading->err, "expected at most %d faults",
                             PLAN_FAULTS_MAX);
    if (count > 0)
        rc = read_alloc(reading, count, sizeof(*plan->faults), &plan->faults);
    for (size_t i = 0; !rc && i < count; i++) {
        plan->fault_count = i + 1;
        rc = read_fault(reading, document_item(doc, node, i), i);
    }
    for (size_t i = 0; !rc && i < count; i++)
        rc = check_hold(reading, document_item(doc, node, i), i);
    return rc;
}
