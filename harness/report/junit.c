/* SPDX-License-Identifier: MIT */
/* junit.c - verdicts as test cases, for the test reports of CI: a suite a run, a case for each
 * condition, and one for whether the measurement can be believed. */
#include "report/content.h"
#include "report/figure.h"
#include "report/junit_suite.h"
#include "report/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 1024 };

/* ---- Conditions ------------------------------------------------------------------------------ */

/* The condition, and behind it what tells it from another with the same text. */
static void name_condition(const struct junit_suite *suite, const struct result *result,
                           const struct judged_condition *condition, char *name, size_t size_bytes)
{
    const char *text = expr_text(condition->expect->expr);
    const char *of = condition->variant >= 0 ? result->variants[condition->variant].name : NULL;
    (void)snprintf(name, size_bytes, of ? "%s [%s]" : "%s", text, of);
    if (junit_suite_has(suite, text_clean(name)))
        (void)snprintf(name, size_bytes, "%s%s%s (line %zu, condition %zu)", text, of ? " of " : "",
                       of ? of : "", condition->expect->where.line, suite->case_count);
}

static void add_condition(struct junit_suite *suite, const struct report_item *item,
                          const struct judged_condition *condition, const char *kind,
                          const char *measured)
{
    bool believed = item->judgement->outcome != OUTCOME_INVALID;
    const char *note = condition->note, *gap = note[0] ? "; " : "";
    char name[NAME_BYTES];
    name_condition(suite, item->result, condition, name, sizeof(name));
    switch (condition->verdict) {
    case VERDICT_FAIL:
        junit_suite_put(suite, JUNIT_FAILED, kind, name, "measured %s%s%s", measured, gap, note);
        break;
    case VERDICT_PASS:
        junit_suite_put(suite, believed ? JUNIT_PASSED : JUNIT_SKIPPED, "invalid", name,
                        "%s: measured %s%s%s", believed ? "holds" : "not to be believed", measured,
                        gap, note);
        break;
    case VERDICT_INCONCLUSIVE:
    case VERDICT_NOT_RUN:
        junit_suite_put(suite, JUNIT_SKIPPED, verdict_word(condition->verdict), name,
                        "%s: measured %s%s%s", verdict_word(condition->verdict), measured, gap,
                        note);
        break;
    }
}

static void add_conditions(struct junit_suite *suite, const struct report_item *item,
                           const struct judged_condition *conditions, size_t count,
                           const char *kind)
{
    struct table table = {0};
    content_conditions(item->result, conditions, count, &table);
    suite->failed = suite->failed || table.failed;
    for (size_t i = 0; i < count && !suite->failed; i++)
        add_condition(suite, item, &conditions[i], kind,
                      table.cells[i * table.column_count + 2].text);
    table_fini(&table);
}

/* ---- The rest of a run ----------------------------------------------------------------------- */

/* In an A/A run a difference is a failure. */
static void add_sameness(struct junit_suite *suite, const struct report_item *item)
{
    const struct result *result = item->result;
    const struct judgement *judgement = item->judgement;
    char name[NAME_BYTES];
    for (size_t i = 0; result->aa && i < judgement->versus_count; i++) {
        const struct judged_versus *versus = &judgement->versus[i];
        bool differs = versus->verdict == STATS_BETTER || versus->verdict == STATS_WORSE;
        bool same = versus->verdict == STATS_EQUIVALENT;
        (void)snprintf(name, sizeof(name), "%s of %s is that of %s",
                       metric_builtin[versus->metric].name, result->variants[versus->variant].name,
                       result->variants[0].name);
        junit_suite_put(suite,
                        differs ? JUNIT_FAILED
                        : same  ? JUNIT_PASSED
                                : JUNIT_SKIPPED,
                        "difference", name, "%s", stats_verdict_word(versus->verdict));
    }
}

static void add_measurement(struct junit_suite *suite, const struct report_item *item)
{
    const struct result *result = item->result;
    const struct judgement *judgement = item->judgement;
    bool broken_off = result->interrupted || result->failure;
    bool wrong = judgement->outcome == OUTCOME_INVALID || broken_off;
    junit_suite_put(suite, wrong ? JUNIT_ERROR : JUNIT_PASSED,
                    result->interrupted ? "interrupted" : "invalid", "measurement", "%s",
                    judgement->invalid[0] ? judgement->invalid
                    : result->interrupted ? "interrupted: rounds are missing"
                    : result->failure     ? result->failure
                                          : "can be believed");
    if (!suite->failed)
        suite->cases[suite->case_count - 1].time_s = (double)result->length_ns / 1e9;
}

/* Where and with what. */
static void add_properties(struct junit_suite *suite, const struct result *result)
{
    const struct result_environment *environment = &result->environment;
    char number[24];
    (void)snprintf(number, sizeof(number), "%llu", (unsigned long long)result->seed);
    junit_suite_property(suite, "seed", number);
    (void)snprintf(number, sizeof(number), "%zu", result->block_count);
    junit_suite_property(suite, "rounds", number);
    junit_suite_property(suite, "version", environment->version);
    junit_suite_property(suite, "commit", environment->commit);
    junit_suite_property(suite, "kernel", environment->kernel);
    junit_suite_property(suite, "cpu", environment->cpu_model);
    junit_suite_property(suite, "host", environment->host);
}

/* What others published passes and fails nothing: it is told. */
static void tell_claims(struct junit_suite *suite, const struct judgement *judgement)
{
    struct table table = {0};
    size_t size;
    FILE *out = judgement->claim_count > 0 ? open_memstream(&suite->told, &size) : NULL;
    suite->failed = suite->failed || (judgement->claim_count > 0 && !out);
    if (!out)
        return;
    content_claims(judgement, &table);
    for (size_t i = 0; i < judgement->claim_count && !table.failed; i++) {
        const struct table_cell *row = &table.cells[i * table.column_count];
        (void)fprintf(out, "%s: %s; published %s, measured %s\n", row[0].text,
                      judgement->claims[i].claim->what, row[2].text, row[3].text);
    }
    suite->failed = fclose(out) != 0 || suite->failed || table.failed;
    table_fini(&table);
}

static void fill_suite(struct junit_suite *suite, const struct report_input *input, size_t index)
{
    const struct figure figure = {.input = input, .item = index};
    const struct report_item *item = &input->items[index];
    const struct judgement *judgement = item->judgement;
    bool shared = figure_is_shared(&figure);
    (void)snprintf(suite->name, sizeof(suite->name), "%.250s%s%.200s%s", item->result->plan->title,
                   shared ? " (" : "", shared ? item->name : "", shared ? ")" : "");
    (void)snprintf(suite->started, sizeof(suite->started), "%s", item->result->environment.started);
    suite->time_s = (double)item->result->length_ns / 1e9;
    add_properties(suite, item->result);
    add_measurement(suite, item);
    add_conditions(suite, item, judgement->expects, judgement->expect_count, "expectation");
    add_conditions(suite, item, judgement->invariants, judgement->invariant_count, "invariant");
    add_sameness(suite, item);
    tell_claims(suite, judgement);
}

static int junit_format(const struct report_input *input, FILE *out, struct err *err)
{
    struct junit_suite *suites = calloc(input->item_count, sizeof(*suites));
    if (!suites)
        return err_sys(err, -ENOMEM, "write JUnit");
    for (size_t i = 0; i < input->item_count; i++)
        fill_suite(&suites[i], input, i);
    int rc = junit_suites_write(suites, input->item_count, out, err);
    for (size_t i = 0; i < input->item_count; i++)
        junit_suite_fini(&suites[i]);
    free(suites);
    return rc;
}

const struct report_format report_junit = {
    .name = "junit",
    .extension = "xml",
    .summary = "verdicts as test cases, for the test reports of CI",
    .write = junit_format,
};
