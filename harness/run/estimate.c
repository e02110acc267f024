/* SPDX-License-Identifier: MIT */
/* estimate.c - adds up what a run is made of. */
#include "run/estimate.h"

#include "core/clock.h"
#include "run/prepare.h"

/* Starting and stopping, taken from records of 40 scenarios: medians of 20 to 40 ms without a
 * database, of 100 to 600 ms with one, and the server itself. */
#define ROUND_START_NS    (50 * NS_PER_MS)
#define DATABASE_ROUND_NS (300 * NS_PER_MS)
#define DATABASE_START_NS NS_PER_S

/* What Google Benchmark takes over what it is to time, as it looks for how many operations that is;
 * from records of eight scenarios. */
#define MICRO_SHARE 1.7

/* A search: some to double the rate, some to halve what is left. */
enum { SEARCH_STEPS = 8 };

static uint64_t phase_ns(const struct result *result, size_t index)
{
    const struct result_phase *phase = &result->phases[index];
    uint64_t steps_ns = SEARCH_STEPS * (phase->search.step_ns + phase->search.settle_ns);
    bool searches = result->plan->phases[index].objective;
    if (result->plan->kind == PLAN_KIND_MICRO)
        return (uint64_t)(MICRO_SHARE * (double)phase->length_ns);
    return searches && steps_ns < phase->length_ns ? steps_ns : phase->length_ns;
}

static uint64_t length_of(const struct result *result)
{
    bool database = result->plan->database.kind != PLAN_DATABASE_NONE;
    uint64_t round_ns = ROUND_START_NS + (database ? DATABASE_ROUND_NS : 0);
    for (size_t i = 0; i < result->plan->phase_count; i++)
        round_ns += phase_ns(result, i);
    return round_ns * result->variant_count * result->block_count +
           (database ? DATABASE_START_NS : 0);
}

int estimate_run(const struct plan *plan, const struct runner_options *options, uint64_t *length_ns,
                 struct err *err)
{
    struct result *result;
    int rc = prepare_shape(plan, options, &result, err);
    if (rc)
        return rc;
    *length_ns = length_of(result);
    result_destroy(result);
    return 0;
}
