/* SPDX-License-Identifier: MIT */
/* faults.c - what went wrong on purpose, and what became of each variant by it. */
#include "report/content.h"

#include "core/param.h"

#include <errno.h>
#include <math.h>
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
    size_t rounds, stuck, known;                         /* known: recovered or stuck */
    uint64_t began_ns, healed_ns, links, bytes, refused; /* medians, the upper one of two */
    uint64_t kinds[LOAD_OUTCOMES];                       /* sums of errors while it was there */
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

static struct summary sum_up(const struct result *result, size_t fault, size_t variant,
                             uint64_t *scratch)
{
#define MEDIAN(field)                                                                              \
    .field = median(result, fault, variant, offsetof(struct result_window, field), scratch)
    struct summary summary = {MEDIAN(began_ns), MEDIAN(healed_ns), MEDIAN(links), MEDIAN(bytes),
                              MEDIAN(refused)};
#undef MEDIAN
    for (size_t i = 0; i < result->round_count; i++) {
        const struct result_round *round = &result->rounds[i];
        if (!is_told(result, round, fault, variant))
            continue;
        const struct recovery *recovery = &round->windows[fault].recovery;
        summary.rounds++;
        summary.stuck += recovery->state == RECOVERY_STUCK;
        summary.known += recovery->state != RECOVERY_UNKNOWN;
        for (size_t k = LOAD_REFUSED; k < LOAD_OUTCOMES; k++)
            summary.kinds[k] += recovery->kinds[k - LOAD_REFUSED];
    }
    return summary;
}

static void touched_cell(const struct plan_fault *fault, const struct summary *summary,
                         struct table *table)
{
    char bytes[48] = "", refused[48] = "";
    const char *what = fault->kind.touches ? fault->kind.touches : "connections";
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

/* "1.2 s", "1.2 s; not in 1 of 6", "never: metastable". */
static void recovery_cell(const struct result *result, size_t variant, size_t metric,
                          const struct summary *summary, struct table *table)
{
    char text[48];
    if (summary->stuck == 0) {
        figure_cell(result, variant, metric, table);
        return;
    }
    struct judged_level level = {.median = NAN};
    (void)judgement_level(result, variant, EXPR_WHOLE_ROUND, (int)metric, &level, NULL);
    (void)metric_format(text, sizeof(text), METRIC_NS, level.used ? level.median : NAN);
    if (summary->stuck == summary->known)
        table_cell(table, TONE_BAD, "never: metastable");
    else
        table_cell(table, TONE_BAD, "%s; never in %zu of %zu: metastable", text, summary->stuck,
                   summary->known);
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
