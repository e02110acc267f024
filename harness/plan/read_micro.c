/* SPDX-License-Identifier: MIT */
/* read_micro.c - what is different in a scenario of micro-benchmarks: no service, no load, and one
 * phase that says how long each is timed. */
#include "plan/read.h"

#include <ctype.h>
#include <string.h>

int read_micro_check(struct reading *reading, const yaml_node_t *root)
{
    static const char *const others[] = {"database", "load", "faults", "ledger", NULL};
    for (const char *const *key = others; *key; key++) {
        const yaml_node_t *value = document_get(&reading->doc, root, *key);
        if (value)
            return document_fail(&reading->doc, value, reading->err,
                                 "a scenario of kind micro has no %s", *key);
    }
    return 0;
}

/* What is no letter of a name would be an expression to whoever finds it. */
static bool name_is_sound(const char *name)
{
    for (; *name; name++)
        if (!isalnum((unsigned char)*name) && !strchr("_-/", *name))
            return false;
    return true;
}

int read_micro_subject(struct reading *reading, const yaml_node_t *node,
                       const struct plan_variant *variant)
{
    const struct plan_subject *subject = &variant->subject;
    if (!subject->benchmark || !subject->benchmark[0])
        return document_fail(&reading->doc, node, reading->err,
                             "variant '%s' has no benchmark: expected one, here or under subject",
                             variant->name);
    if (!name_is_sound(subject->benchmark) || (subject->row && !name_is_sound(subject->row)))
        return document_fail(&reading->doc, node, reading->err,
                             "expected the name of a benchmark such as object_pool/called, and of "
                             "a row such as 1KiB/first");
    return 0;
}

int read_micro_phase(struct reading *reading, const yaml_node_t *node, size_t index)
{
    static const struct plan_key none[] = {{0}};
    static const struct plan_section section = {
        "phase", "how long each is timed", {plan_phase_params}, none};
    struct document *doc = &reading->doc;
    struct plan_phase *phase = &reading->plan->phases[index];
    phase->where = document_where(node);
    if (index > 0)
        return document_fail(doc, node, reading->err,
                             "expected one phase: benchmarks are timed once a round");
    int rc = document_expect(doc, node, YAML_MAPPING_NODE,
                             "a phase, such as {name: timed, for: 300ms}", reading->err);
    if (!rc)
        rc = param_defaults(plan_phase_params, phase, reading->err);
    if (!rc)
        rc = param_defaults(load_profile_params, &phase->profile, reading->err);
    if (!rc)
        rc = read_settings_of(reading, node, &section, (void *const[STATES_MAX]){phase});
    if (!rc)
        rc = read_phase_name(reading, node, index);
    if (!rc && phase->kind != PLAN_PHASE_MEASURE)
        rc = document_fail(doc, document_get(doc, node, "kind"), reading->err,
                           "expected kind: measure: benchmarks warm up by themselves");
    if (!rc && phase->length_ns == 0)
        rc = document_fail(doc, node, reading->err,
                           "expected how long each benchmark is timed, such as for: 300ms");
    return rc;
}
