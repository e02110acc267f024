/* SPDX-License-Identifier: MIT */
/* compare_remarks.c - says under which other circumstances the second of two runs took place. */
#include "report/compare_internal.h"

#include "core/param.h"
#include "load/profile.h"
#include "load/search.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Grave ones go before the others. */
__attribute__((format(printf, 3, 4))) static int remark(struct comparison *comparison, bool grave,
                                                        const char *format, ...)
{
    struct compare_remark *remarks =
        reallocarray(comparison->remarks, comparison->remark_count + 1, sizeof(*remarks));
    if (!remarks)
        return -ENOMEM;
    comparison->remarks = remarks;
    size_t at = comparison->remark_count++;
    for (; grave && at > 0 && !remarks[at - 1].grave; at--)
        remarks[at] = remarks[at - 1];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(remarks[at].text, sizeof(remarks[at].text), format, args);
    va_end(args);
    remarks[at].grave = grave;
    return 0;
}

/* "kernel: Linux 6.1 → Linux 6.6", when they differ. */
static int differs(struct comparison *comparison, bool grave, const char *what, const char *a,
                   const char *b)
{
    if (strcmp(a, b) == 0)
        return 0;
    return remark(comparison, grave, "%s: %.150s → %.150s", what, a[0] ? a : "not known",
                  b[0] ? b : "not known");
}

static int differs_count(struct comparison *comparison, bool grave, const char *what,
                         unsigned long long a, unsigned long long b)
{
    return a == b ? 0 : remark(comparison, grave, "%s: %llu → %llu", what, a, b);
}

/* ---- The load -------------------------------------------------------------------------------- */

/* The settings that a key is one of, and what it is called among them: "path" of "request2.path".
 */
static const struct param *params_of(const char *key, const char **plain)
{
    static const char searching[] = "search.", request[] = "request";
    *plain = key;
    if (strncmp(key, searching, sizeof(searching) - 1) == 0) {
        *plain += sizeof(searching) - 1;
        return search_params;
    }
    if (strncmp(key, request, sizeof(request) - 1) == 0 && strchr(key, '.')) {
        *plain = strchr(key, '.') + 1;
        return load_request_params;
    }
    return load_profile_params;
}

/* What a setting is where a line of it is missing: a version that did not know it yet had it so. */
static void default_of(const char *key, size_t length, char *value, size_t size_bytes)
{
    union {
        struct load_profile profile;
        struct load_request request;
        struct search_settings search;
    } state = {0};
    char name[80];
    (void)snprintf(name, sizeof(name), "%.*s", (int)length, key);
    const char *plain;
    const struct param *params = params_of(name, &plain);
    const struct param *param = param_find(params, plain);
    value[0] = '\0';
    if (!param || param_defaults(params, &state, NULL))
        return;
    (void)param_format(param, &state, value, size_bytes);
    param_fini(params, &state);
}

/* The value of a key among lines, or its default. */
static void value_of(const char *lines, const char *key, size_t length, char *value,
                     size_t size_bytes)
{
    for (const char *at = lines; *at;) {
        size_t line = strcspn(at, "\n");
        if (line > length && memcmp(at, key, length) == 0 && at[length] == '=') {
            (void)snprintf(value, size_bytes, "%.*s", (int)(line - length - 1), at + length + 1);
            return;
        }
        at += line + (at[line] == '\n');
    }
    default_of(key, length, value, size_bytes);
}

/* What became other from a to b, a setting at a time. */
struct changes {
    const char *a, *b;
    bool sparse; /* one of them is of a version that wrote down neither requests nor faults */
    char before[160], after[160];
    size_t before_bytes, after_bytes; /* used of these */
    bool any;
};

static void add_change(char *text, size_t size_bytes, size_t *used, const char *key, size_t length,
                       const char *value)
{
    if (*used + length + strlen(value) + 3 < size_bytes)
        *used += (size_t)snprintf(text + *used, size_bytes - *used, "%s%.*s=%s", *used ? " " : "",
                                  (int)length, key, value[0] ? value : "none");
}

static void look_at(struct changes *changes, const char *key, size_t length)
{
    char before[160], after[160];
    value_of(changes->a, key, length, before, sizeof(before));
    value_of(changes->b, key, length, after, sizeof(after));
    if (strcmp(before, after) == 0)
        return;
    changes->any = true;
    add_change(changes->before, sizeof(changes->before), &changes->before_bytes, key, length,
               before);
    add_change(changes->after, sizeof(changes->after), &changes->after_bytes, key, length, after);
}

static bool has_key(const char *lines, const char *key, size_t length)
{
    for (const char *at = lines; *at;) {
        size_t line = strcspn(at, "\n");
        if (line > length && memcmp(at, key, length) == 0 && at[length] == '=')
            return true;
        at += line + (at[line] == '\n');
    }
    return false;
}

static bool is_sparse(const char *lines)
{
    return has_key(lines, "connections", strlen("connections")) &&
           !has_key(lines, "request1.method", strlen("request1.method"));
}

/* Whether sparse lines would not have a key. */
static bool is_passed_over(const char *key)
{
    static const char *const begins[] = {"request", "fault.", "search.objective="};
    for (size_t i = 0; i < sizeof(begins) / sizeof(*begins); i++)
        if (strncmp(key, begins[i], strlen(begins[i])) == 0)
            return true;
    return false;
}

static void look_at_lines(struct changes *changes, const char *lines, const char *seen)
{
    for (const char *at = lines; *at;) {
        size_t line = strcspn(at, "\n"), length = strcspn(at, "=\n");
        if (length < line && !(changes->sparse && is_passed_over(at)) &&
            !(seen && has_key(seen, at, length)))
            look_at(changes, at, length);
        at += line + (at[line] == '\n');
    }
}

/* "load of phase fast: connections=64 → connections=32", when the lines differ. */
static int remark_lines(struct comparison *comparison, const char *what, const char *a,
                        const char *b)
{
    struct changes changes = {.a = a, .b = b, .sparse = is_sparse(a) || is_sparse(b)};
    look_at_lines(&changes, a, NULL);
    look_at_lines(&changes, b, a);
    return changes.any
               ? remark(comparison, true, "%.70s: %s → %s", what, changes.before, changes.after)
               : 0;
}

static int remark_phase(struct comparison *comparison, const struct sheet_phase *a,
                        const struct sheet_phase *b)
{
    char what[80];
    (void)snprintf(what, sizeof(what), "load of phase %.60s", b->name);
    return remark_lines(comparison, what, a->load, b->load);
}

static int remark_database(struct comparison *comparison)
{
    const char *a = comparison->a->database, *b = comparison->b->database;
    return a && b ? remark_lines(comparison, "settings of the database", a, b) : 0;
}

static int remark_phases(struct comparison *comparison)
{
    const struct sheet *a = comparison->a, *b = comparison->b;
    bool same = a->phase_count == b->phase_count;
    for (size_t i = 0; same && i < a->phase_count; i++)
        same = strcmp(a->phases[i].name, b->phases[i].name) == 0;
    if (!same)
        return remark(comparison, true, "the phases are others than before");
    int rc = 0;
    for (size_t i = 0; !rc && i < a->phase_count; i++)
        rc = remark_phase(comparison, &a->phases[i], &b->phases[i]);
    return rc;
}

/* ---- Where it ran and what with -------------------------------------------------------------- */

static int remark_machine(struct comparison *comparison)
{
    const struct result_environment *a = &comparison->a->environment;
    const struct result_environment *b = &comparison->b->environment;
    int rc = differs(comparison, true, "CPU", a->cpu_model, b->cpu_model);
    if (!rc)
        rc = differs_count(comparison, true, "CPUs", a->cpu_count, b->cpu_count);
    if (!rc)
        rc = differs(comparison, false, "machine", a->host, b->host);
    if (!rc)
        rc = differs(comparison, false, "kernel", a->kernel, b->kernel);
    if (!rc)
        rc = differs(comparison, false, "governor", a->governor, b->governor);
    if (!rc)
        rc = differs_count(comparison, false, "memory in bytes", a->memory_bytes, b->memory_bytes);
    if (!rc)
        rc = differs(comparison, false, "CPUs of the generator", a->generator_cpus,
                     b->generator_cpus);
    if (!rc)
        rc = differs(comparison, false, "CPUs of the subject", a->subject_cpus, b->subject_cpus);
    return rc ? rc : differs(comparison, false, "database", a->database, b->database);
}

static int remark_version(struct comparison *comparison)
{
    const struct result_environment *a = &comparison->a->environment;
    const struct result_environment *b = &comparison->b->environment;
    char before[120], after[120];
    (void)snprintf(before, sizeof(before), "%.31s %.12s%s", a->version, a->commit,
                   a->dirty ? " with changes" : "");
    (void)snprintf(after, sizeof(after), "%.31s %.12s%s", b->version, b->commit,
                   b->dirty ? " with changes" : "");
    int rc = differs(comparison, false, "poolstorm", before, after);
    return rc ? rc : differs(comparison, false, "build", a->build, b->build);
}

static int remark_variants(struct comparison *comparison)
{
    const struct sheet *a = comparison->a, *b = comparison->b;
    int rc = 0;
    for (size_t i = 0; !rc && i < b->variant_count; i++) {
        const struct sheet_variant *variant = &b->variants[i];
        const struct sheet_variant *before = sheet_variant_find(a, variant->name);
        if (!before)
            rc = remark(comparison, false, "%.80s is in the second run alone", variant->name);
        else if (before->allocator && variant->allocator &&
                 strcmp(before->allocator, variant->allocator) != 0)
            rc = remark(comparison, false, "allocator of %.80s: %.60s → %.60s", variant->name,
                        before->allocator, variant->allocator);
    }
    for (size_t i = 0; !rc && i < a->variant_count; i++)
        if (!sheet_variant_find(b, a->variants[i].name))
            rc = remark(comparison, false, "%.80s is in the first run alone", a->variants[i].name);
    return rc;
}

/* ---- The runs -------------------------------------------------------------------------------- */

static int remark_pairing(struct comparison *comparison)
{
    if (comparison->paired)
        return remark(comparison, false,
                      "paired: both sides ran in turns, and rounds of one block are compared");
    return remark(
        comparison, false,
        "not paired: two runs at different times; what drifted between them is not in the "
        "intervals");
}

static int remark_side(struct comparison *comparison, const struct sheet *sheet, const char *side)
{
    int rc = 0;
    if (sheet->quick)
        rc = remark(comparison, false, "%s was a quick run: estimates without verdicts", side);
    if (!rc && sheet->invalid[0])
        rc = remark(comparison, true, "%s cannot be believed: %.300s", side, sheet->invalid);
    if (!rc && sheet->round_invalid > 0)
        rc = remark(comparison, false, "%s: %zu of %zu rounds were invalid and are not used", side,
                    sheet->round_invalid, sheet->round_invalid + sheet->round_valid);
    return rc;
}

int compare_add_remarks(struct comparison *comparison, struct err *err)
{
    const struct sheet *a = comparison->a, *b = comparison->b;
    int rc = remark_phases(comparison);
    if (!rc)
        rc = remark_database(comparison);
    if (!rc)
        rc = remark_machine(comparison);
    if (!rc)
        rc = remark_version(comparison);
    if (!rc && (a->program || b->program))
        rc = differs(comparison, false, "service", a->program ? a->program : "poolstorm itself",
                     b->program ? b->program : "poolstorm itself");
    if (!rc && strcmp(a->text, b->text) != 0)
        rc = remark(comparison, false, "the scenario's text has changed");
    if (!rc)
        rc = differs_count(comparison, false, "seed", a->seed, b->seed);
    if (!rc)
        rc = remark_variants(comparison);
    if (!rc)
        rc = remark_side(comparison, a, "the first run");
    if (!rc)
        rc = remark_side(comparison, b, "the second run");
    if (!rc)
        rc = remark_pairing(comparison);
    return rc ? err_sys(err, rc, "compare two runs") : 0;
}
