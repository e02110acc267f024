/* SPDX-License-Identifier: MIT */
/* report_fixture.h - results made by hand, for the tests of reports and verdicts. */
#ifndef POOLSTORM_TESTS_REPORT_FIXTURE_H
#define POOLSTORM_TESTS_REPORT_FIXTURE_H

#include "test.h"

#include "report/verdict.h"
#include "run/result.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct plan_tables no_tables = {0};

static struct plan *fixture_plan_with(const char *text, const struct plan_tables *tables)
{
    struct plan *plan = NULL;
    struct err err = {0};
    int rc = plan_parse("family/name.yaml", text, strlen(text), tables, &plan, &err);
    if (rc)
        print_error("%s\n", err.text);
    assert_ok(rc);
    return plan;
}

static inline struct plan *fixture_plan(const char *text)
{
    return fixture_plan_with(text, &no_tables);
}

/* All variants of the plan, no rounds. */
static inline struct result *fixture_result(const struct plan *plan)
{
    struct result *result = NULL;
    assert_ok(result_create(&result, plan, NULL));
    for (size_t i = 0; i < plan->variant_count; i++)
        assert_ok(result_add_variant(result, i, NULL, NULL));
    return result;
}

/* A histogram of count latencies about center_ns. */
static struct hist *fixture_hist(uint64_t count, uint64_t center_ns)
{
    struct hist *hist;
    assert_ok(hist_create_default(&hist, NULL));
    for (uint64_t i = 0; i < 100; i++)
        hist_record_n(hist, center_ns / 2 + i * center_ns / 100, count / 100);
    return hist;
}

/* A valid round with figures in its first phase, gathered; requests latencies behind its
 * percentiles. */
static struct result_round *fixture_round(struct result *result, size_t block, size_t variant,
                                          double qps, double p99_ns, uint64_t requests)
{
    struct result_round *round;
    assert_ok(result_add_round(result, &round, NULL));
    round->block = block;
    round->variant = variant;
    round->rows[METRIC_QPS] = qps;
    round->rows[METRIC_P50] = p99_ns / 4;
    round->rows[METRIC_P99] = p99_ns;
    round->rows[METRIC_P999] = p99_ns * 2;
    round->rows[METRIC_REQUESTS] = (double)requests;
    round->rows[METRIC_ERROR_COUNT] = 0;
    round->rows[METRIC_ERRORS] = 0;
    round->rows[METRIC_CONTAMINATED] = 0;
    struct result_step *step = &round->steps[0];
    step->ran = step->loaded = true;
    step->length_ns = step->load.length_ns = 1000000000;
    step->load.latency = fixture_hist(requests, (uint64_t)p99_ns / 4);
    plan_gather(result->plan, round->rows, round->whole);
    return round;
}

static inline struct judgement *fixture_judge(const struct result *result)
{
    struct judgement *judgement = NULL;
    struct err err = {0};
    int rc = judgement_create(result, &judgement, &err);
    if (rc)
        print_error("%s\n", err.text);
    assert_ok(rc);
    return judgement;
}

#endif
