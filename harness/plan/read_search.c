/* SPDX-License-Identifier: MIT */
/* read_search.c - a phase's search for the knee, in place of a rate. */
#include "plan/objective.h"
#include "plan/read.h"

#include <errno.h>

/* Up once and down once, each confirmed: less finds no knee. */
static int check_length(struct reading *reading, const yaml_node_t *node,
                        const struct plan_phase *phase)
{
    const struct search_settings *search = &phase->search;
    uint64_t step_ns = search->settle_ns + search->step_ns;
    uint64_t least_ns = 2 * search->confirm * step_ns;
    char step[32], least[32];
    if (phase->kind != PLAN_PHASE_MEASURE || phase->length_ns == 0 || phase->length_ns >= least_ns)
        return 0;
    return document_fail(&reading->doc, node, reading->err,
                         "a search with steps of %s needs more time: expected phase '%s' to be "
                         "for %s at least",
                         format_ns(step, sizeof(step), (double)step_ns), phase->name,
                         format_ns(least, sizeof(least), (double)least_ns));
}

static int check_search(struct reading *reading, const yaml_node_t *node, struct plan_phase *phase)
{
    int rc = search_check(&phase->search, reading->err);
    if (rc)
        return document_wrap(&reading->doc, node, 0, reading->err);
    if (phase->profile.shape != LOAD_FLAT)
        return document_fail(&reading->doc, node, reading->err,
                             "a search goes through rates by itself: expected shape: flat");
    phase->profile.rate_per_s = phase->search.from_per_s;
    return check_length(reading, node, phase);
}

int read_search(struct reading *reading, const yaml_node_t *node, struct plan_phase *phase)
{
    struct document *doc = &reading->doc;
    struct search_text text = {0};
    size_t column = 0;
    int rc =
        document_expect(doc, node, YAML_MAPPING_NODE,
                        "a search, such as {objective: p99 < 100ms, from: 500/s}", reading->err);
    if (!rc)
        rc = param_defaults(search_params, &phase->search, reading->err);
    if (!rc)
        rc = read_settings(reading, node, SECTION_SEARCH,
                           (void *const[STATES_MAX]){&text, &phase->search});
    if (!rc && !text.objective)
        rc = document_fail(doc, node, reading->err, "expected objective, such as p99 < 100ms");
    if (!rc) {
        rc = objective_parse(text.objective, &phase->objective, &column, reading->err);
        if (rc)
            rc = document_wrap(doc, document_get(doc, node, "objective"), column, reading->err);
    }
    param_fini(plan_search_params, &text);
    return rc ? rc : check_search(reading, node, phase);
}
