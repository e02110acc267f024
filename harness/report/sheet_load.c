/* SPDX-License-Identifier: MIT */
/* sheet_load.c - writes down what was asked of a run, a line a setting. */
#include "report/sheet_load.h"

#include "core/param.h"
#include "load/profile.h"
#include "load/search.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TEXT_WHOLE_BYTES = 80, /* longer texts are cut */
    TEXT_BEGIN_BYTES = 40, /* to as much, and a hash */
    PREFIX_BYTES = 160,
};

/* FNV-1a: tells texts of people's own apart, not those of anyone who means harm. */
static uint64_t hash_text(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325U;
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3U;
    return hash;
}

/* On one line; nothing without a text. */
static void write_text(FILE *out, const char *prefix, const char *key, const char *text)
{
    size_t length = text ? strlen(text) : 0;
    size_t shown = length > TEXT_WHOLE_BYTES ? TEXT_BEGIN_BYTES : length;
    while (shown < length && shown > 0 && ((unsigned char)text[shown] & 0xc0) == 0x80)
        shown--; /* no letter is cut in two */
    if (length == 0)
        return;
    (void)fprintf(out, "%s%s=", prefix, key);
    for (size_t i = 0; i < shown; i++)
        if ((unsigned char)text[i] < ' ')
            (void)fprintf(out, "\\x%02x", (unsigned)text[i]);
        else
            (void)fputc(text[i], out);
    if (shown < length)
        (void)fprintf(out, "… (%zu bytes, %016llx)", length, (unsigned long long)hash_text(text));
    (void)fputc('\n', out);
}

/* In full, as a scenario would have it. */
static void write_ns(FILE *out, const char *prefix, const char *key, uint64_t value_ns)
{
    static const struct param duration = {.type = PARAM_TYPE_NS};
    char text[48];
    (void)param_format(&duration, &value_ns, text, sizeof(text));
    write_text(out, prefix, key, text);
}

static void write_params(FILE *out, const struct param *params, const void *state,
                         const char *prefix)
{
    char text[256];
    for (const struct param *param = params; param && param->name; param++)
        if (param->type == PARAM_TYPE_TEXT)
            write_text(out, prefix, param->name,
                       *(char *const *)((const char *)state + param->offset));
        else if (param_format(param, state, text, sizeof(text)) > 0)
            write_text(out, prefix, param->name, text);
}

static void write_requests(FILE *out, const struct plan_phase *phase)
{
    char prefix[PREFIX_BYTES];
    for (size_t i = 0; i < phase->request_count; i++) {
        (void)snprintf(prefix, sizeof(prefix), "request%zu.", i + 1);
        write_params(out, load_request_params, &phase->requests[i], prefix);
    }
}

/* What each variant is, where that is no service of its own. */
static void write_benchmarks(FILE *out, const struct plan *plan)
{
    char prefix[PREFIX_BYTES], threads[24];
    for (size_t i = 0; i < plan->variant_count; i++) {
        const struct plan_subject *subject = &plan->variants[i].subject;
        (void)snprintf(prefix, sizeof(prefix), "%.100s.", plan->variants[i].name);
        (void)snprintf(threads, sizeof(threads), "%llu", (unsigned long long)subject->threads);
        write_text(out, prefix, "benchmark", subject->benchmark);
        write_text(out, prefix, "row", subject->row);
        write_text(out, prefix, "threads", threads);
    }
}

/* The times are those that were asked for, which a quick run has shortened. */
static void write_fault(FILE *out, const struct plan_fault *fault, const struct result_fault *asked)
{
    char prefix[PREFIX_BYTES];
    (void)snprintf(prefix, sizeof(prefix), "fault.%.100s.", fault->name);
    write_text(out, prefix, "kind", fault->kind.name);
    write_text(out, prefix, "on", plan_on_names[fault->on]);
    write_ns(out, prefix, "at", asked->at_ns);
    write_ns(out, prefix, "for", asked->for_ns);
    write_ns(out, prefix, "hold", asked->hold_ns);
    write_ns(out, prefix, "slack", fault->slack_ns);
    if (fault->kind.aimed) {
        write_text(out, prefix, "stream", fault_stream_names[fault->stream]);
        write_params(out, fault_aim_params, &fault->aim, prefix);
    }
    write_params(out, fault->kind.params, fault->settings, prefix);
}

/* NULL when memory ran out meanwhile. */
static char *finish(FILE *out, char **text)
{
    bool failed = ferror(out) != 0;
    if (fclose(out) == 0 && !failed)
        return *text;
    free(*text);
    return NULL;
}

char *sheet_load_of_phase(const struct result *result, size_t phase)
{
    const struct result_phase *asked = &result->phases[phase];
    const struct plan *plan = result->plan;
    char *text = NULL;
    size_t size_bytes;
    FILE *out = open_memstream(&text, &size_bytes);
    if (!out)
        return NULL;
    write_ns(out, "", "for", asked->length_ns);
    if (plan->kind == PLAN_KIND_MICRO)
        write_benchmarks(out, plan);
    else if (asked->kind != PLAN_PHASE_DRAIN)
        write_params(out, load_profile_params, &asked->profile, "");
    write_requests(out, &plan->phases[phase]);
    if (plan->phases[phase].objective) {
        write_text(out, "search.", "objective", expr_text(plan->phases[phase].objective));
        write_params(out, search_params, &asked->search, "search.");
    }
    for (size_t i = 0; i < plan->fault_count; i++)
        if (plan->faults[i].phase == phase)
            write_fault(out, &plan->faults[i], &result->faults[i]);
    return finish(out, &text);
}

char *sheet_load_of_database(const struct plan *plan)
{
    const struct plan_database *database = &plan->database;
    char *text = NULL;
    size_t size_bytes;
    FILE *out = open_memstream(&text, &size_bytes);
    if (!out)
        return NULL;
    if (database->kind != PLAN_DATABASE_NONE)
        write_text(out, "", "kind", plan_database_names[database->kind]);
    for (size_t i = 0; i < database->setting_count; i++)
        write_text(out, "", database->settings[i].name, database->settings[i].value);
    write_text(out, "", "setup", database->setup.text);
    write_text(out, "", "each_round", database->each_round.text);
    return finish(out, &text);
}
