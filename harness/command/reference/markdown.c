/* SPDX-License-Identifier: MIT */
/* markdown.c - the reference of scenario files as a page for people. */
#include "command/reference/reference.h"

#include "core/param.h"
#include "faults/fault.h"
#include "plan/metric.h"

#include <stdbool.h>
#include <string.h>

/* A table's cell: '|' would end it, and '<' would be HTML. */
static void put_cell(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '|')
            (void)fputs("\\|", out);
        else if (*text == '<')
            (void)fputs("&lt;", out);
        else
            (void)fputc(*text, out);
    }
}

static const char *form_of(const struct param *param)
{
    static const char *const forms[] = {
        [PARAM_TYPE_NS] = "duration", [PARAM_TYPE_BYTES] = "size",  [PARAM_TYPE_RATE] = "rate",
        [PARAM_TYPE_COUNT] = "count", [PARAM_TYPE_SHARE] = "share", [PARAM_TYPE_NUMBER] = "number",
        [PARAM_TYPE_BOOL] = "yes/no", [PARAM_TYPE_TEXT] = "text",   [PARAM_TYPE_CHOICE] = NULL,
    };
    return forms[param->type];
}

static void put_head(FILE *out)
{
    (void)fputs("\n| key | value | default | |\n|---|---|---|---|\n", out);
}

static void put_setting(FILE *out, const struct param *param)
{
    (void)fprintf(out, "| `%s` | ", param->name);
    if (form_of(param))
        (void)fputs(form_of(param), out);
    for (size_t i = 0; !form_of(param) && param->choices[i]; i++)
        (void)fprintf(out, "%s`%s`", i ? ", " : "", param->choices[i]);
    (void)fputs(" | ", out);
    if (param->fallback)
        (void)fprintf(out, "`%s`", param->fallback);
    (void)fputs(" | ", out);
    put_cell(out, param->help);
    (void)fputs(param->required ? "; required |\n" : " |\n", out);
}

static bool is_in(const char *const *words, const char *word)
{
    for (; words && *words; words++)
        if (strcmp(*words, word) == 0)
            return true;
    return false;
}

/* Settings that begin a section of their own get a table of their own. */
static void put_service(FILE *out, const struct plan_tables *tables)
{
    for (const struct param *param = tables->service; param->name; param++) {
        if (param->section)
            (void)fprintf(out, "\n### %s\n", param->section);
        if (param->section || param == tables->service)
            put_head(out);
        if (!is_in(tables->service_reserved, param->name))
            put_setting(out, param);
    }
}

static void put_section_name(FILE *out, const char *name)
{
    (void)fprintf(out, "[%s](#%s)", name, name);
}

static void put_form(FILE *out, const struct plan_key *key)
{
    static const char *const before[] = {
        [PLAN_TEXT] = "text",
        [PLAN_TEXTS] = "list of texts",
        [PLAN_PAIRS] = "name: text",
        [PLAN_SECTION] = "",
        [PLAN_SECTIONS] = "list of ",
        [PLAN_NAMED] = "name: ",
        [PLAN_NAMED_OR_TEXTS] = "list of texts, or name: ",
    };
    (void)fputs(before[key->shape], out);
    if (key->how & PLAN_BRIEF)
        (void)fputs("text or ", out);
    if (key->of)
        put_section_name(out, key->of);
}

static void put_keys(FILE *out, const struct plan_section *section)
{
    (void)fprintf(out, "\n## %s\n\n%s.\n", section->name, section->help);
    put_head(out);
    for (const struct plan_key *key = section->keys; key->name; key++) {
        (void)fprintf(out, "| `%s` | ", key->name);
        put_form(out, key);
        (void)fputs(" | | ", out);
        put_cell(out, key->help);
        (void)fputs(key->how & PLAN_REQUIRED ? "; required |\n" : " |\n", out);
    }
    for (size_t i = 0; section->settings[i]; i++)
        for (const struct param *param = section->settings[i]; param->name; param++)
            put_setting(out, param);
}

static void put_kind(FILE *out, const char *name, const char *summary, const struct param *params)
{
    (void)fprintf(out, "\n### %s\n\n%s.\n", name, summary);
    if (params && params->name) {
        put_head(out);
        for (const struct param *param = params; param->name; param++)
            put_setting(out, param);
    }
}

static void put_kinds(FILE *out, const struct plan_tables *tables)
{
    (void)fputs("\n## Kinds of faults\n\nTheir settings stand beside `kind`.\n", out);
    for (size_t i = 0; tables->runner_faults && tables->runner_faults[i]; i++) {
        const struct plan_fault_kind *kind = tables->runner_faults[i];
        put_kind(out, kind->name, kind->summary, kind->params);
    }
    for (size_t i = 0; tables->proxy_faults && tables->proxy_faults[i]; i++) {
        const struct fault_type *kind = tables->proxy_faults[i];
        put_kind(out, kind->name, kind->summary, kind->params);
    }
}

static void put_metrics(FILE *out)
{
    (void)fputs("\n## Metrics\n\nA path is `variant.phase.metric`; without a phase it is of the "
                "whole round.\n\n| metric | is | |\n|---|---|---|\n",
                out);
    for (const struct metric *metric = metric_builtin; metric->name; metric++) {
        (void)fprintf(out, "| `%s` | %s | ", metric->name, metric_unit_name(metric->unit));
        put_cell(out, metric->help);
        (void)fputs(" |\n", out);
    }
}

int reference_markdown(const struct plan_tables *tables, FILE *out, struct err *err)
{
    (void)err;
    for (const struct plan_section *section = plan_sections; section->name; section++)
        put_keys(out, section);
    (void)fputs("\n## serve\n\nSettings of the built-in service.\n", out);
    put_service(out, tables);
    put_kinds(out, tables);
    put_metrics(out);
    return 0;
}
