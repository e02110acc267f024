/* SPDX-License-Identifier: MIT */
/* faults.c - what went wrong on purpose, and what became of each variant by it. */
#include "report/content.h"

#include "core/param.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 160 };

static int compare(const void *a, const void *b)
{
    uint64_t x, y;
    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return (x > y) - (x < y);
}

/* Whether the fault is to be told from the round. */
static bool is_told(const struct result *result, const struct result_round *round, size_t fault,
                    size_t variant)
{
    return round->variant == variant && round->windows[fault].acted &&
           result_phase_is_sound(round, result->plan->faults[fault].phase);
}

/* What is shown of a fault and a variant, over the rounds. */
struct summary {
    size_t rounds, well, stuck, late;
    double watched_ns, regained; /* where it did not recover: the least, and the most of the stuck;
                                    NAN: not known */
    uint64_t began_ns, healed_ns, links, bytes, refused; /* medians, the upper one of two */
    uint64_t kinds[LOAD_OUTCOMES]; /* likewise: errors of a round while it was there */
};

static uint64_t median(const struct result *result, size_t fault, size_t variant, size_t offset,
                       uint64_t *scratch)
{
    size_t count = 0;
    for (size_t i = 0; i < result->round_count; i++) {
        const struct result_round *round = &result->rounds[i];
        if (is_told(result, round, fault, variant))
            memcpy(&scratch[count++], (const char *)&round->windows[fault] + offset,
                   sizeof(*scratch));
    }
    qsort(scratch, count, sizeof(*scratch), compare);
    return count > 0 ? scratch[count / 2] : 0;
}

static void add_recovery(struct summary *summary, const struct recovery *recovery)
{
    bool stuck = recovery->state == RECOVERY_STUCK, late = recovery->state == RECOVERY_LATE;
    summary->rounds++;
    summary->well += recovery->state == RECOVERY_WELL;
    summary->stuck += stuck;
    summary->late += late;
    if (stuck || late)
        summary->watched_ns = fmin(summary->watched_ns, recovery->watched_ns);
    if (stuck)
        summary->regained = fmax(summary->regained, recovery->regained);
}

static struct summary sum_up(const struct result *result, size_t fault, size_t variant,
                             uint64_t *scratch)
{
#define MEDIAN(offset)   median(result, fault, variant, (offset), scratch)
#define MEDIAN_OF(field) .field = MEDIAN(offsetof(struct result_window, field))
    struct summary summary = {.watched_ns = NAN,
                              .regained = NAN,
                              MEDIAN_OF(began_ns),
                              MEDIAN_OF(healed_ns),
                              MEDIAN_OF(links),
                              MEDIAN_OF(bytes),
                              MEDIAN_OF(refused)};
    for (size_t k = LOAD_REFUSED; k < LOAD_OUTCOMES; k++)
        summary.kinds[k] = MEDIAN(offsetof(struct result_window, recovery.kinds) +
                                  (k - LOAD_REFUSED) * sizeof(uint64_t));
#undef MEDIAN_OF
#undef MEDIAN
    for (size_t i = 0; i < result->round_count; i++)
        if (is_told(result, &result->rounds[i], fault, variant))
            add_recovery(&summary, &result->rounds[i].windows[fault].recovery);
    return summary;
}

static void touched_cell(const struct plan_fault *fault, const struct summary *summary,
                         struct table *table)
{
    char bytes[48] = "", refused[48] = "";
    const char *connections = summary->links == 1 ? "connection" : "connections";
    const char *what = fault->kind.touches ? fault->kind.touches : connections;
    if (summary->bytes > 0) {
        (void)memcpy(bytes, ", ", 3);
        (void)format_bytes(bytes + 2, sizeof(bytes) - 2, (double)summary->bytes);
    }
    if (summary->refused > 0)
        (void)snprintf(refused, sizeof(refused), ", %llu kept out",
                       (unsigned long long)summary->refused);
    table_cell(table, TONE_PLAIN, "%llu %s%s%s", (unsigned long long)summary->links, what, bytes,
               refused);
}

static void figure_cell(const struct result *result, size_t variant, size_t metric,
                        struct table *table)
{
    char text[48];
    struct judged_level level = {.median = NAN};
    (void)judgement_level(result, variant, EXPR_WHOLE_ROUND, (int)metric, &level, NULL);
    table_cell(table, TONE_PLAIN, "%s",
               metric_format(text, sizeof(text), result->plan->metrics[metric].unit,
                             level.used ? level.median : NAN));
}

/* Adds to a text, with "; " between. */
__attribute__((format(printf, 2, 3))) static void say(char text[static TEXT_BYTES],
                                                      const char *format, ...)
{
    size_t used = strlen(text);
    va_list args;
    va_start(args, format);
    if (used > 0 && used + 3 < TEXT_BYTES) {
        memcpy(text + used, "; ", 3);
        used += 2;
    }
    (void)vsnprintf(text + used, TEXT_BYTES - used, format, args);
    va_end(args);
}

/* " in 1 of 6", or nothing of all. */
static char *share_text(size_t count, size_t of, char *text, size_t size_bytes)
{
    text[0] = '\0';
    if (count < of)
        (void)snprintf(text, size_bytes, " in %zu of %zu", count, of);
    return text;
}

/* What metastable rests on. */
static char *basis_text(const struct summary *summary, const char *watched, char *text,
                        size_t size_bytes)
{
    char regained[48];
    text[0] = '\0';
    if (!isnan(summary->regained))
        (void)snprintf(text, size_bytes, " (goodput %s at most, for %s)",
                       metric_format(regained, sizeof(regained), METRIC_SHARE, summary->regained),
                       watched);
    return text;
}

/* "1.2 s", "1.2 s; not within 5.9 s in 1 of 6", "metastable (goodput 2 % at most, for 5.9 s)". */
static void recovery_cell(const struct result *result, size_t variant, size_t metric,
                          const struct summary *summary, struct table *table)
{
    char text[TEXT_BYTES] = "", figure[48], share[64], basis[160], watched[48] = "the phase";
    struct judged_level level = {.median = NAN};
    size_t known = summary->well + summary->stuck + summary->late;
    (void)judgement_level(result, variant, EXPR_WHOLE_ROUND, (int)metric, &level, NULL);
    if (!isnan(summary->watched_ns))
        (void)format_ns(watched, sizeof(watched), summary->watched_ns);
    if (known == 0 || isfinite(level.median))
        say(text, "%s", metric_format(figure, sizeof(figure), METRIC_NS, level.median));
    if (summary->late > 0)
        say(text, "not within %s%s", watched,
            share_text(summary->late, known, share, sizeof(share)));
    if (summary->stuck > 0)
        say(text, "metastable%s%s", share_text(summary->stuck, known, share, sizeof(share)),
            basis_text(summary, watched, basis, sizeof(basis)));
    table_cell(table, summary->well < known ? TONE_BAD : TONE_PLAIN, "%s", text);
}

static void errors_cell(const struct result *result, size_t variant, size_t metric,
                        const struct summary *summary, struct table *table)
{
    char text[TEXT_BYTES] = "", share[48];
    size_t used = 0;
    struct judged_level level = {.median = NAN};
    (void)judgement_level(result, variant, EXPR_WHOLE_ROUND, (int)metric, &level, NULL);
    for (size_t k = LOAD_REFUSED; k < LOAD_OUTCOMES && used < sizeof(text) - 40; k++)
        if (summary->kinds[k] > 0)
            used += (size_t)snprintf(text + used, sizeof(text) - used, ", %s %llu",
                                     load_outcome_names[k], (unsigned long long)summary->kinds[k]);
    table_cell(table, TONE_PLAIN, "%s%s",
               metric_format(share, sizeof(share), METRIC_SHARE, level.used ? level.median : NAN),
               text);
}

static void row(const struct result *result, size_t index, size_t variant,
                const struct summary *summary, struct table *table)
{
    const struct plan *plan = result->plan;
    const struct plan_fault *fault = &plan->faults[index];
    char from[48], to[48];
    table_cell(table, TONE_STRONG, "%s", fault->name);
    table_cell(table, TONE_PLAIN, "%s", result->variants[variant].name);
    table_cell(table, TONE_PLAIN, "%s..%s",
               format_ns(from, sizeof(from), (double)summary->began_ns),
               format_ns(to, sizeof(to), (double)summary->healed_ns));
    touched_cell(fault, summary, table);
    figure_cell(result, variant, plan_fault_metric(plan, index, PLAN_FAULT_DEPTH), table);
    errors_cell(result, variant, plan_fault_metric(plan, index, PLAN_FAULT_ERRORS), summary, table);
    figure_cell(result, variant, plan_fault_metric(plan, index, PLAN_FAULT_DETECT), table);
    recovery_cell(result, variant, plan_fault_metric(plan, index, PLAN_FAULT_RECOVER), summary,
                  table);
}

int content_faults(const struct result *result, struct table *table, struct err *err)
{
    static const char *const heads[] = {"fault",   "variant", "acted",         "touched",
                                        "goodput", "errors",  "noticed after", "well again after"};
    uint64_t *scratch = calloc(result->round_count + 1, sizeof(*scratch));
    if (!scratch)
        return err_sys(err, -ENOMEM, "show faults");
    for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++)
        table_column(table, TABLE_LEFT, "%s", heads[i]);
    table->key_count = 2;
    for (size_t i = 0; i < result->plan->fault_count; i++) {
        for (size_t v = 0; v < result->variant_count; v++) {
            struct summary summary = sum_up(result, i, v, scratch);
            if (summary.rounds > 0)
                row(result, i, v, &summary, table);
        }
    }
    free(scratch);
    return 0;
}
