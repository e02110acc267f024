/* SPDX-License-Identifier: MIT */
/* environment.c - where results were made and what with, as reports for people say it. */
#include "report/environment.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { VALUE_BYTES = 1024, VALUES_SHOWN = 4 };

/* A fact of one result as text; "" when it is not known. */
struct fact {
    const char *name;
    enum { SAID_ALWAYS, SAID_AT_HOME, SAID_OF_ONE } said; /* at home: to whoever ran it */
    void (*text)(const struct result *result, char *text, size_t size_bytes);
};

static void put(char *text, size_t size_bytes, const char *value)
{
    (void)snprintf(text, size_bytes, "%s", value ? value : "");
}

static void command_text(const struct result *result, char *text, size_t size_bytes)
{
    put(text, size_bytes, result->environment.command_line);
}

static void seed_text(const struct result *result, char *text, size_t size_bytes)
{
    (void)snprintf(text, size_bytes, "%llu", (unsigned long long)result->seed);
}

static void version_text(const struct result *result, char *text, size_t size_bytes)
{
    const struct result_environment *env = &result->environment;
    (void)snprintf(text, size_bytes, "%s%s%s%s", env->version, env->commit[0] ? ", commit " : "",
                   env->commit, env->dirty ? " with changes" : "");
}

static void build_text(const struct result *result, char *text, size_t size_bytes)
{
    put(text, size_bytes, result->environment.build);
}

static void host_text(const struct result *result, char *text, size_t size_bytes)
{
    put(text, size_bytes, result->environment.host);
}

static void kernel_text(const struct result *result, char *text, size_t size_bytes)
{
    put(text, size_bytes, result->environment.kernel);
}

static void cpus_text(const struct result *result, char *text, size_t size_bytes)
{
    const struct result_environment *env = &result->environment;
    *text = '\0';
    if (env->cpu_count)
        (void)snprintf(text, size_bytes, "%u × %s", env->cpu_count, env->cpu_model);
}

static void memory_text(const struct result *result, char *text, size_t size_bytes)
{
    *text = '\0';
    if (result->environment.memory_bytes)
        (void)metric_format(text, size_bytes, METRIC_BYTES,
                            (double)result->environment.memory_bytes);
}

static void governor_text(const struct result *result, char *text, size_t size_bytes)
{
    put(text, size_bytes, result->environment.governor);
}

static void generator_text(const struct result *result, char *text, size_t size_bytes)
{
    put(text, size_bytes, result->environment.generator_cpus);
}

static void subject_text(const struct result *result, char *text, size_t size_bytes)
{
    put(text, size_bytes, result->environment.subject_cpus);
}

static void database_text(const struct result *result, char *text, size_t size_bytes)
{
    put(text, size_bytes, result->environment.database);
}

static void load_text(const double *averages, char *text, size_t size_bytes)
{
    *text = '\0';
    if (!isnan(averages[0]))
        (void)snprintf(text, size_bytes, "%.2f, %.2f, %.2f", averages[0], averages[1], averages[2]);
}

static void before_text(const struct result *result, char *text, size_t size_bytes)
{
    load_text(result->environment.load_before, text, size_bytes);
}

static void after_text(const struct result *result, char *text, size_t size_bytes)
{
    load_text(result->environment.load_after, text, size_bytes);
}

static const struct fact facts[] = {
    {"command", SAID_AT_HOME, command_text},
    {"seed", SAID_OF_ONE, seed_text},
    {"poolstorm", SAID_ALWAYS, version_text},
    {"build", SAID_ALWAYS, build_text},
    {"host", SAID_AT_HOME, host_text},
    {"kernel", SAID_ALWAYS, kernel_text},
    {"CPUs", SAID_ALWAYS, cpus_text},
    {"memory", SAID_ALWAYS, memory_text},
    {"governor", SAID_ALWAYS, governor_text},
    {"CPUs of the generator", SAID_ALWAYS, generator_text},
    {"CPUs of the subject", SAID_ALWAYS, subject_text},
    {"database", SAID_ALWAYS, database_text},
    {"load average before", SAID_OF_ONE, before_text},
    {"load average after", SAID_OF_ONE, after_text},
};

static void cells(struct table *table, const char *name, const char *value)
{
    if (!value[0])
        return;
    table_cell(table, TONE_QUIET, "%s", name);
    table_cell(table, TONE_PLAIN, "%s", value);
}

/* From the first to the last. Times written like this are in order as texts. */
static void add_started(const struct report_input *input, struct table *table)
{
    const char *first = "", *last = "";
    char text[80];
    for (size_t i = 0; i < input->item_count; i++) {
        const char *started = input->items[i].result->environment.started;
        if (!first[0] || (started[0] && strcmp(started, first) < 0))
            first = started;
        if (strcmp(started, last) > 0)
            last = started;
    }
    (void)snprintf(text, sizeof(text), "%s%s%s", first, strcmp(first, last) ? " to " : "",
                   strcmp(first, last) ? last : "");
    cells(table, "started", text);
}

/* Whether an earlier item says the same. */
static bool is_said(const struct report_input *input, size_t item, const struct fact *fact,
                    const char *value)
{
    char other[VALUE_BYTES];
    for (size_t i = 0; i < item; i++) {
        fact->text(input->items[i].result, other, sizeof(other));
        if (strcmp(other, value) == 0)
            return true;
    }
    return false;
}

/* All that the items say, each once, the first few of many. */
static void add_fact(const struct report_input *input, const struct fact *fact, struct table *table)
{
    char all[VALUES_SHOWN * VALUE_BYTES] = "", value[VALUE_BYTES];
    size_t count = 0, used = 0;
    for (size_t i = 0; i < input->item_count; i++) {
        fact->text(input->items[i].result, value, sizeof(value));
        if (!value[0] || is_said(input, i, fact, value) || count++ >= VALUES_SHOWN)
            continue;
        used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", used ? "\n" : "", value);
        if (used >= sizeof(all))
            used = sizeof(all) - 1;
    }
    if (count > VALUES_SHOWN)
        (void)snprintf(all + used, sizeof(all) - used, "\nand %zu others", count - VALUES_SHOWN);
    cells(table, fact->name, all);
}

void content_environment(const struct report_input *input, bool at_home, struct table *table)
{
    table_column(table, TABLE_LEFT, "%s", "");
    table_column(table, TABLE_WRAP, "%s", "");
    add_started(input, table);
    for (size_t i = 0; i < sizeof(facts) / sizeof(*facts); i++)
        if ((facts[i].said != SAID_AT_HOME || at_home) &&
            (facts[i].said != SAID_OF_ONE || input->item_count == 1))
            add_fact(input, &facts[i], table);
}
