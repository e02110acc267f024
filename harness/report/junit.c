/* SPDX-License-Identifier: MIT */
/* junit.c - verdicts as test cases, for the test reports of CI: a suite a run, a case for each
 * condition, and one for whether the measurement can be believed. */
#include "report/content.h"
#include "report/figure.h"
#include "report/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum fate { FATE_PASSED, FATE_FAILED, FATE_ERROR, FATE_SKIPPED, FATES };

struct test_case {
    char *name;
    enum fate fate;
    const char *type; /* of failure, error or skipping; static */
    char *message;    /* likewise */
    double time_s;
};

/* A run. Memory that runs out is remembered. */
struct suite {
    const struct report_item *item;
    char name[FIGURE_NAME_BYTES_MAX];
    struct test_case *cases;
    size_t case_count, counts[FATES];
    bool failed;
};

/* ---- Gathering ------------------------------------------------------------------------------- */

static struct test_case *add_case(struct suite *suite, enum fate fate, const char *type)
{
    struct test_case *grown =
        realloc(suite->cases, (suite->case_count + 1) * sizeof(*suite->cases));
    if (!grown) {
        suite->failed = true;
        return NULL;
    }
    suite->cases = grown;
    struct test_case *added = &grown[suite->case_count++];
    *added = (struct test_case){.fate = fate, .type = type};
    suite->counts[fate]++;
    return added;
}

/* Takes message over; both may be NULL for want of memory. */
static void add(struct suite *suite, enum fate fate, const char *type, char *name, char *message)
{
    struct test_case *added = name && message ? add_case(suite, fate, type) : NULL;
    if (!added) {
        suite->failed = true;
        free(name);
        free(message);
        return;
    }
    added->name = text_clean(name);
    added->message = text_clean(message);
}

static char *format(const char *form, ...) __attribute__((format(printf, 1, 2)));

static char *format(const char *form, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, form);
    int length = vasprintf(&text, form, args);
    va_end(args);
    return length < 0 ? NULL : text;
}

static bool is_taken(const struct suite *suite, const char *name)
{
    for (size_t i = 0; i < suite->case_count; i++)
        if (strcmp(suite->cases[i].name, name) == 0)
            return true;
    return false;
}

/* The condition, and behind it what tells it from another with the same text. */
static char *condition_name(const struct suite *suite, const struct judged_condition *condition)
{
    const char *text = expr_text(condition->expect->expr);
    const char *of =
        condition->variant >= 0 ? suite->item->result->variants[condition->variant].name : NULL;
    char *name = of ? format("%s [%s]", text, of) : format("%s", text);
    if (name && is_taken(suite, name)) {
        free(name);
        name = format("%s%s%s (line %zu, condition %zu)", text, of ? " of " : "", of ? of : "",
                      condition->expect->where.line, suite->case_count);
    }
    return name;
}

static void add_condition(struct suite *suite, const struct judged_condition *condition,
                          const char *kind, const char *measured)
{
    bool believed = suite->item->judgement->outcome != OUTCOME_INVALID;
    const char *note = condition->note, *gap = note[0] ? "; " : "";
    char *name = condition_name(suite, condition);
    switch (condition->verdict) {
    case VERDICT_FAIL:
        add(suite, FATE_FAILED, kind, name, format("measured %s%s%s", measured, gap, note));
        break;
    case VERDICT_PASS:
        add(suite, believed ? FATE_PASSED : FATE_SKIPPED, "invalid", name,
            format("%s: measured %s%s%s", believed ? "holds" : "not to be believed", measured, gap,
                   note));
        break;
    case VERDICT_INCONCLUSIVE:
    case VERDICT_NOT_RUN:
        add(suite, FATE_SKIPPED, verdict_word(condition->verdict), name,
            format("%s: measured %s%s%s", verdict_word(condition->verdict), measured, gap, note));
        break;
    }
}

static void add_conditions(struct suite *suite, const struct judged_condition *conditions,
                           size_t count, const char *kind)
{
    struct table table = {0};
    content_conditions(suite->item->result, conditions, count, &table);
    suite->failed = suite->failed || table.failed;
    for (size_t i = 0; i < count && !suite->failed; i++)
        add_condition(suite, &conditions[i], kind, table.cells[i * table.column_count + 2].text);
    table_fini(&table);
}

/* In an A/A run a difference is a failure. */
static void add_sameness(struct suite *suite)
{
    const struct result *result = suite->item->result;
    const struct judgement *judgement = suite->item->judgement;
    for (size_t i = 0; result->aa && i < judgement->versus_count; i++) {
        const struct judged_versus *versus = &judgement->versus[i];
        bool differs = versus->verdict == STATS_BETTER || versus->verdict == STATS_WORSE;
        bool same = versus->verdict == STATS_EQUIVALENT;
        add(suite,
            differs ? FATE_FAILED
            : same  ? FATE_PASSED
                    : FATE_SKIPPED,
            "difference",
            format("%s of %s is that of %s", metric_builtin[versus->metric].name,
                   result->variants[versus->variant].name, result->variants[0].name),
            format("%s", stats_verdict_word(versus->verdict)));
    }
}

static void add_measurement(struct suite *suite)
{
    const struct result *result = suite->item->result;
    const struct judgement *judgement = suite->item->judgement;
    bool broken_off = result->interrupted || result->failure;
    bool wrong = judgement->outcome == OUTCOME_INVALID || broken_off;
    add(suite, wrong ? FATE_ERROR : FATE_PASSED, result->interrupted ? "interrupted" : "invalid",
        format("measurement"),
        format("%s", judgement->invalid[0] ? judgement->invalid
                     : result->interrupted ? "interrupted: rounds are missing"
                     : result->failure     ? result->failure
                                           : "can be believed"));
    if (!suite->failed)
        suite->cases[suite->case_count - 1].time_s = (double)result->length_ns / 1e9;
}

static void suite_fill(struct suite *suite, const struct report_input *input, size_t index)
{
    const struct figure figure = {.input = input, .item = index};
    const struct report_item *item = &input->items[index];
    const struct judgement *judgement = item->judgement;
    bool shared = figure_is_shared(&figure);
    suite->item = item;
    (void)snprintf(suite->name, sizeof(suite->name), "%.250s%s%.200s%s", item->result->plan->title,
                   shared ? " (" : "", shared ? item->name : "", shared ? ")" : "");
    (void)text_clean(suite->name);
    add_measurement(suite);
    add_conditions(suite, judgement->expects, judgement->expect_count, "expectation");
    add_conditions(suite, judgement->invariants, judgement->invariant_count, "invariant");
    add_sameness(suite);
}

static void suite_fini(struct suite *suite)
{
    for (size_t i = 0; i < suite->case_count; i++) {
        free(suite->cases[i].name);
        free(suite->cases[i].message);
    }
    free(suite->cases);
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* Clean text as the value of an attribute or between tags. U+FFFE and U+FFFF XML does not know. */
static void write_text(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (strncmp(text, "\xEF\xBF\xBE", 3) == 0 || strncmp(text, "\xEF\xBF\xBF", 3) == 0) {
            (void)fputc('?', out);
            text += 2;
            continue;
        }
        switch (*text) {
        case '&':
            (void)fputs("&amp;", out);
            break;
        case '<':
            (void)fputs("&lt;", out);
            break;
        case '>':
            (void)fputs("&gt;", out);
            break;
        case '"':
            (void)fputs("&quot;", out);
            break;
        case '\n':
            (void)fputs("&#10;", out);
            break;
        default:
            (void)fputc(*text, out);
        }
    }
}

static void write_attribute(FILE *out, const char *name, const char *text)
{
    (void)fprintf(out, " %s=\"", name);
    write_text(out, text);
    (void)fputc('"', out);
}

static void write_case(FILE *out, const char *class_name, const struct test_case *test)
{
    static const char *const elements[] = {
        [FATE_FAILED] = "failure", [FATE_ERROR] = "error", [FATE_SKIPPED] = "skipped"};
    (void)fputs("    <testcase", out);
    write_attribute(out, "classname", class_name);
    write_attribute(out, "name", test->name);
    (void)fprintf(out, " time=\"%.3f\"", test->time_s);
    if (test->fate == FATE_PASSED) {
        (void)fputs("/>\n", out);
        return;
    }
    (void)fprintf(out, ">\n      <%s", elements[test->fate]);
    if (test->fate != FATE_SKIPPED) /* which has no type */
        write_attribute(out, "type", test->type);
    write_attribute(out, "message", test->message);
    (void)fputs("/>\n    </testcase>\n", out);
}

/* Where and with what; readers show it beside the suite. */
static void write_properties(FILE *out, const struct result *result)
{
    const struct result_environment *environment = &result->environment;
    const struct {
        const char *name, *value;
    } properties[] = {
        {"version", environment->version}, {"commit", environment->commit},
        {"kernel", environment->kernel},   {"cpu", environment->cpu_model},
        {"host", environment->host},
    };
    (void)fprintf(out,
                  "    <properties>\n      <property name=\"seed\" value=\"%llu\"/>\n"
                  "      <property name=\"rounds\" value=\"%zu\"/>\n",
                  (unsigned long long)result->seed, result->block_count);
    for (size_t i = 0; i < sizeof(properties) / sizeof(*properties); i++) {
        char value[256];
        (void)snprintf(value, sizeof(value), "%s", properties[i].value);
        (void)fputs("      <property", out);
        write_attribute(out, "name", properties[i].name);
        write_attribute(out, "value", text_clean(value));
        (void)fputs("/>\n", out);
    }
    (void)fputs("    </properties>\n", out);
}

/* What others published passes and fails nothing: it is told. */
static int write_claims(FILE *out, const struct judgement *judgement, struct err *err)
{
    struct table table = {0};
    if (judgement->claim_count == 0)
        return 0;
    content_claims(judgement, &table);
    int rc = table.failed ? err_sys(err, -ENOMEM, "write JUnit") : 0;
    (void)fputs("    <system-out>", out);
    for (size_t i = 0; i < judgement->claim_count && !rc; i++) {
        const struct table_cell *row = &table.cells[i * table.column_count];
        write_text(out, row[0].text);
        (void)fputs(": ", out);
        write_text(out, judgement->claims[i].claim->what);
        (void)fputs("; published ", out);
        write_text(out, row[2].text);
        (void)fputs(", measured ", out);
        write_text(out, row[3].text);
        (void)fputc('\n', out);
    }
    (void)fputs("</system-out>\n", out);
    table_fini(&table);
    return rc;
}

static void write_counts(FILE *out, const size_t counts[FATES], double time_s)
{
    (void)fprintf(
        out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\" time=\"%.3f\"",
        counts[FATE_PASSED] + counts[FATE_FAILED] + counts[FATE_ERROR] + counts[FATE_SKIPPED],
        counts[FATE_FAILED], counts[FATE_ERROR], counts[FATE_SKIPPED], time_s);
}

/* "exhaustion.knee": readers take dots for a hierarchy. */
static void class_of(char *class_name, size_t size_bytes, const struct suite *suite)
{
    (void)snprintf(class_name, size_bytes, "%s", suite->name);
    for (char *at = class_name; *at; at++)
        *at = *at == '/' ? '.' : *at;
}

static int write_suite(FILE *out, const struct suite *suite, struct err *err)
{
    const struct result *result = suite->item->result;
    char class_name[FIGURE_NAME_BYTES_MAX], started[sizeof(result->environment.started)];
    class_of(class_name, sizeof(class_name), suite);
    (void)snprintf(started, sizeof(started), "%s", result->environment.started);
    started[strcspn(started, "Z")] = '\0'; /* the format knows no zones */
    (void)fputs("  <testsuite", out);
    write_attribute(out, "name", suite->name);
    write_counts(out, suite->counts, (double)result->length_ns / 1e9);
    if (started[0])
        write_attribute(out, "timestamp", text_clean(started));
    (void)fputs(">\n", out);
    write_properties(out, result);
    for (size_t i = 0; i < suite->case_count; i++)
        write_case(out, class_name, &suite->cases[i]);
    int rc = write_claims(out, suite->item->judgement, err);
    (void)fputs("  </testsuite>\n", out);
    return rc;
}

static int junit_format(const struct report_input *input, FILE *out, struct err *err)
{
    struct suite *suites = calloc(input->item_count, sizeof(*suites));
    size_t counts[FATES] = {0};
    double time_s = 0;
    bool failed = !suites;
    for (size_t i = 0; i < input->item_count && !failed; i++) {
        suite_fill(&suites[i], input, i);
        failed = suites[i].failed;
        for (size_t fate = 0; fate < FATES; fate++)
            counts[fate] += suites[i].counts[fate];
        time_s += (double)input->items[i].result->length_ns / 1e9;
    }
    int rc = failed ? err_sys(err, -ENOMEM, "write JUnit") : 0;
    (void)fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"poolstorm\"", out);
    write_counts(out, counts, time_s);
    (void)fputs(">\n", out);
    for (size_t i = 0; i < input->item_count && !rc; i++)
        rc = write_suite(out, &suites[i], err);
    (void)fputs("</testsuites>\n", out);
    for (size_t i = 0; suites && i < input->item_count; i++)
        suite_fini(&suites[i]);
    free(suites);
    return rc;
}

const struct report_format report_junit = {
    .name = "junit",
    .extension = "xml",
    .summary = "verdicts as test cases, for the test reports of CI",
    .write = junit_format,
};
