/* SPDX-License-Identifier: MIT */
/* plan_fuzz.c - any bytes as a scenario file: refused with a message, or a plan that is sound. */
#include "plan/plan.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct settings {
    uint64_t payload_limit_bytes, threads;
    int buffers;
    char *listen;
};

static const char *const buffers[] = {"malloc", "pool", NULL};

static const struct param service[] = {
    {PARAM_BYTES("payload_limit", settings, payload_limit_bytes, "1MiB", "largest body")},
    {PARAM_COUNT("threads", settings, threads, "1", "threads")},
    {PARAM_CHOICE("buffers", settings, buffers, "pool", "where from", buffers)},
    {PARAM_TEXT("listen", settings, listen, NULL, "address")},
    {0},
};

static int check(const void *settings, struct err *err)
{
    const struct settings *self = settings;
    return self->threads > 7 ? err_set(err, -EINVAL, "too many threads") : 0;
}

struct delay {
    uint64_t delay_ns;
    char *match;
};

static const struct param delay_params[] = {
    {PARAM_NS("delay", delay, delay_ns, "10ms", "how much")},
    {PARAM_TEXT("match", delay, match, NULL, "of what")},
    {0},
};

static const struct fault_type fault_delay = {
    .name = "delay", .params = delay_params, .state_bytes = sizeof(struct delay), .both = true};
static const struct fault_type *const proxy_faults[] = {&fault_delay, NULL};
static const struct plan_fault_kind kind_pause = {
    .name = "pause", .summary = "stops", .service = true, .started = true};
static const struct plan_fault_kind *const runner_faults[] = {&kind_pause, NULL};

static void use(const struct plan *plan)
{
    for (size_t i = 0; i < plan->fault_count; i++) {
        const struct plan_phase *phase = &plan->phases[plan->faults[i].phase];
        assert(phase->kind == PLAN_PHASE_MEASURE && !phase->objective);
        assert(plan->faults[i].at_ns + plan->faults[i].for_ns <= phase->length_ns);
        size_t metric = plan_fault_metric(plan, i, PLAN_FAULT_METRICS - 1);
        assert(plan_phase_of(plan, metric) == (int)plan->faults[i].phase);
    }
    size_t count = plan->phase_count * plan->metric_count;
    double *rows = calloc(count + plan->metric_count, sizeof(*rows));
    assert(rows);
    for (size_t i = 0; i < count; i++)
        rows[i] = (double)(i % 7);
    plan_gather(plan, rows, rows + count);
    free(rows);
    assert(plan->variant_count > 0 && plan->phase_count > 0 && plan->question);
    for (size_t i = 0; i < plan->expect_count; i++)
        assert(expr_comparison_count(plan->expects[i].expr) > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct plan_tables tables = {service,      sizeof(struct settings), check, NULL, proxy_faults,
                                 runner_faults};
    struct plan *plan = NULL;
    struct err err = {0};
    int rc = plan_parse("fuzz.yaml", (const char *)data, size, &tables, &plan, &err);
    assert((rc == 0) == (plan != NULL));
    assert(rc == 0 || (err.code == rc && strstr(err.text, "fuzz.yaml")));
    if (plan)
        use(plan);
    char name[256];
    struct plan *cell = NULL;
    const char *which = plan && plan_cell_count(plan)
                            ? plan_cell_name(plan, plan_cell_count(plan) - 1, name, sizeof(name))
                            : "a=b";
    rc = plan_parse_cell("fuzz.yaml", (const char *)data, size, &tables, which, &cell, &err);
    assert((rc == 0) == (cell != NULL));
    if (cell)
        use(cell);
    plan_destroy(cell);
    plan_destroy(plan);
    return 0;
}
