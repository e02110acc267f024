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

static void use(const struct plan *plan)
{
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
    struct plan_tables tables = {service, sizeof(struct settings), check, NULL};
    struct plan *plan = NULL;
    struct err err = {0};
    int rc = plan_parse("fuzz.yaml", (const char *)data, size, &tables, &plan, &err);
    assert((rc == 0) == (plan != NULL));
    assert(rc == 0 || (err.code == rc && strstr(err.text, "fuzz.yaml")));
    if (plan)
        use(plan);
    plan_destroy(plan);
    return 0;
}
