/* SPDX-License-Identifier: MIT */
/* junit_suite.c - gathers test cases and writes them as the XML that CI reads. */
#include "report/junit_suite.h"

#include "report/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- Gathering ------------------------------------------------------------------------------- */

static struct junit_case *find_case(const struct junit_suite *suite, const char *name)
{
    for (size_t i = 0; i < suite->case_count; i++)
        if (strcmp(suite->cases[i].name, name) == 0)
            return &suite->cases[i];
    return NULL;
}

static struct junit_case *add_case(struct junit_suite *suite)
{
    struct junit_case *grown = reallocarray(suite->cases, suite->case_count + 1, sizeof(*grown));
    if (!grown)
        return NULL;
    suite->cases = grown;
    grown[suite->case_count] = (struct junit_case){0};
    return &grown[suite->case_count++];
}

void junit_suite_put(struct junit_suite *suite, enum junit_fate fate, const char *type,
                     const char *name, const char *format, ...)
{
    char *own = strdup(name), *message = NULL;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&message, format, args);
    va_end(args);
    if (!own || length < 0)
        goto failed;
    (void)text_clean(own);
    struct junit_case *place = find_case(suite, own);
    place = place ? place : add_case(suite);
    if (!place) {
        free(message);
        goto failed;
    }
    free(place->name);
    free(place->message);
    *place = (struct junit_case){
        .name = own, .fate = fate, .type = type, .message = text_clean(message)};
    return;
failed:
    free(own);
    suite->failed = true;
}

bool junit_suite_has(const struct junit_suite *suite, const char *name)
{
    return find_case(suite, name) != NULL;
}

void junit_suite_property(struct junit_suite *suite, const char *name, const char *value)
{
    if (suite->property_count == JUNIT_PROPERTIES_MAX)
        return;
    char *own = strdup(value);
    if (!own) {
        suite->failed = true;
        return;
    }
    suite->properties[suite->property_count].name = name;
    suite->properties[suite->property_count++].value = text_clean(own);
}

void junit_suite_fini(struct junit_suite *suite)
{
    for (size_t i = 0; i < suite->case_count; i++) {
        free(suite->cases[i].name);
        free(suite->cases[i].message);
    }
    for (size_t i = 0; i < suite->property_count; i++)
        free(suite->properties[i].value);
    free(suite->cases);
    free(suite->told);
    *suite = (struct junit_suite){0};
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* Clean text as the value of an attribute, or between tags. */
static void write_text(FILE *out, const char *text, bool attribute)
{
    for (; *text; text++) {
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
            (void)fputs(attribute ? "&#10;" : "\n", out);
            break;
        default:
            (void)fputc(*text, out);
        }
    }
}

static void write_attribute(FILE *out, const char *name, const char *text)
{
    (void)fprintf(out, " %s=\"", name);
    write_text(out, text, true);
    (void)fputc('"', out);
}

static void write_case(FILE *out, const char *class_name, const struct junit_case *test)
{
    static const char *const elements[] = {
        [JUNIT_FAILED] = "failure", [JUNIT_ERROR] = "error", [JUNIT_SKIPPED] = "skipped"};
    (void)fputs("    <testcase", out);
    write_attribute(out, "classname", class_name);
    write_attribute(out, "name", test->name);
    (void)fprintf(out, " time=\"%.3f\"", test->time_s);
    if (test->fate == JUNIT_PASSED) {
        (void)fputs("/>\n", out);
        return;
    }
    (void)fprintf(out, ">\n      <%s", elements[test->fate]);
    if (test->fate != JUNIT_SKIPPED) /* which has no type */
        write_attribute(out, "type", test->type);
    write_attribute(out, "message", test->message);
    (void)fputs("/>\n    </testcase>\n", out);
}

static void write_properties(FILE *out, const struct junit_suite *suite)
{
    if (suite->property_count == 0)
        return;
    (void)fputs("    <properties>\n", out);
    for (size_t i = 0; i < suite->property_count; i++) {
        (void)fputs("      <property", out);
        write_attribute(out, "name", suite->properties[i].name);
        write_attribute(out, "value", suite->properties[i].value);
        (void)fputs("/>\n", out);
    }
    (void)fputs("    </properties>\n", out);
}

/* Of one suite or several. */
static void write_counts(FILE *out, const struct junit_suite *suites, size_t count)
{
    size_t counts[JUNIT_FATES] = {0}, tests = 0;
    double time_s = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t c = 0; c < suites[i].case_count; c++)
            counts[suites[i].cases[c].fate]++;
        tests += suites[i].case_count;
        time_s += suites[i].time_s;
    }
    (void)fprintf(out,
                  " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\" time=\"%.3f\"",
                  tests, counts[JUNIT_FAILED], counts[JUNIT_ERROR], counts[JUNIT_SKIPPED], time_s);
}

/* "exhaustion.knee": readers take dots for a hierarchy. */
static void class_of(char *class_name, size_t size_bytes, const char *name)
{
    (void)snprintf(class_name, size_bytes, "%s", name);
    for (char *at = class_name; *at; at++)
        *at = *at == '/' ? '.' : *at;
}

static void write_suite(FILE *out, const struct junit_suite *suite)
{
    char name[sizeof(suite->name)], class_name[sizeof(suite->name)];
    char started[sizeof(suite->started)];
    (void)snprintf(name, sizeof(name), "%s", suite->name);
    (void)text_clean(name);
    class_of(class_name, sizeof(class_name), name);
    (void)snprintf(started, sizeof(started), "%s", suite->started);
    started[strcspn(started, "Z")] = '\0'; /* the format knows no zones */
    (void)fputs("  <testsuite", out);
    write_attribute(out, "name", name);
    write_counts(out, suite, 1);
    if (started[0])
        write_attribute(out, "timestamp", text_clean(started));
    (void)fputs(">\n", out);
    write_properties(out, suite);
    for (size_t i = 0; i < suite->case_count; i++)
        write_case(out, class_name, &suite->cases[i]);
    if (suite->told) {
        (void)fputs("    <system-out>", out);
        write_text(out, text_clean(suite->told), false);
        (void)fputs("</system-out>\n", out);
    }
    (void)fputs("  </testsuite>\n", out);
}

int junit_suites_write(const struct junit_suite *suites, size_t count, FILE *out, struct err *err)
{
    for (size_t i = 0; i < count; i++)
        if (suites[i].failed)
            return err_sys(err, -ENOMEM, "write JUnit");
    (void)fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"poolstorm\"", out);
    write_counts(out, suites, count);
    (void)fputs(">\n", out);
    for (size_t i = 0; i < count; i++)
        write_suite(out, &suites[i]);
    (void)fputs("</testsuites>\n", out);
    return 0;
}
