/* SPDX-License-Identifier: MIT */
/* compare.c - matches the figures of two runs and estimates how they differ. */
#include "report/compare.h"

#include "report/compare_internal.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is compared unless something else is asked for; what neither side has is left out. */
static const char *const usual_metrics = "qps,p99,knee,time_per_op";

static int no_memory(struct err *err)
{
    return err_sys(err, -ENOMEM, "compare two runs");
}

const char *gate_word(enum gate_word word)
{
    static const char *const words[] = {
        [GATE_NONE] = "no limit",   [GATE_PASS] = "pass", [GATE_UNSURE] = "unsure",
        [GATE_INVALID] = "invalid", [GATE_FAIL] = "fail",
    };
    return words[word];
}

void comparison_destroy(struct comparison *comparison)
{
    if (!comparison)
        return;
    free(comparison->rows);
    free(comparison->remarks);
    free(comparison);
}

/* ---- Values ---------------------------------------------------------------------------------- */

/* The values of both sides; of pairs, those of blocks that both have. */
struct values {
    double *a, *b;
    size_t a_count, b_count;
};

static void take_pairs(const struct comparison *comparison, const struct compared *row,
                       struct values *values)
{
    size_t count = comparison->a->block_count < comparison->b->block_count
                       ? comparison->a->block_count
                       : comparison->b->block_count;
    for (size_t block = 0; block < count; block++) {
        if (isnan(row->a->values[block]) || isnan(row->b->values[block]))
            continue;
        values->a[values->a_count++] = row->a->values[block];
        values->b[values->b_count++] = row->b->values[block];
    }
}

/* The caller frees values->a, which holds both. */
static int take_values(const struct comparison *comparison, const struct compared *row,
                       struct values *values, struct err *err)
{
    size_t most = comparison->a->block_count + comparison->b->block_count;
    *values = (struct values){.a = calloc(most + 1, sizeof(double))};
    if (!values->a)
        return no_memory(err);
    values->b = values->a + comparison->a->block_count;
    if (comparison->paired) {
        take_pairs(comparison, row, values);
        return 0;
    }
    values->a_count = sheet_values(comparison->a, row->a, values->a);
    values->b_count = sheet_values(comparison->b, row->b, values->b);
    return 0;
}

static bool all_positive(const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (values[i] <= 0)
            return false;
    return true;
}

int compare_estimate(const struct comparison *comparison, const struct compared *row, double factor,
                     double addend, double alpha, struct stats_estimate *out, struct err *err)
{
    enum stats_scale scale = row->shift ? STATS_PLAIN : STATS_LOG;
    struct values values;
    int rc = take_values(comparison, row, &values, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < values.a_count; i++)
        values.a[i] = values.a[i] * factor + addend;
    if (values.a_count == 0 || values.b_count == 0)
        rc = err_set(err, -ENODATA, "no rounds to compare");
    else if (comparison->paired)
        rc = stats_paired(values.a, values.b, values.a_count, scale, alpha, out, err);
    else
        rc = stats_two_samples(values.a, values.a_count, values.b, values.b_count, scale, alpha,
                               out, err);
    free(values.a);
    return rc;
}

static int take_level(const struct sheet *sheet, const struct sheet_figure *figure, double *level,
                      struct err *err)
{
    double *values = calloc(sheet->block_count + 1, sizeof(*values));
    if (!values)
        return no_memory(err);
    *level = stats_median(values, sheet_values(sheet, figure, values));
    free(values);
    return 0;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

/* Shares, and what may be 0, are not divided. */
static int choose_scale(const struct comparison *comparison, struct compared *row, struct err *err)
{
    struct values values;
    int rc = take_values(comparison, row, &values, err);
    if (rc)
        return rc;
    row->shift = row->b->unit == METRIC_SHARE || !all_positive(values.a, values.a_count) ||
                 !all_positive(values.b, values.b_count);
    free(values.a);
    return 0;
}

static void lacks_requests(struct compared *row)
{
    const struct sheet_figure *sides[] = {row->a, row->b};
    for (size_t i = 0; i < 2; i++) {
        if (sides[i]->needs <= sides[i]->least)
            continue;
        row->needs = sides[i]->needs;
        (void)snprintf(row->note, sizeof(row->note), "wants %llu requests a round; %s had %llu",
                       (unsigned long long)sides[i]->needs, i ? "B" : "A",
                       (unsigned long long)sides[i]->least);
    }
}

static int estimate_row(const struct comparison *comparison, struct compared *row, struct err *err)
{
    int rc = take_level(comparison->a, row->a, &row->level_a, err);
    if (!rc)
        rc = take_level(comparison->b, row->b, &row->level_b, err);
    if (!rc)
        rc = choose_scale(comparison, row, err);
    if (rc)
        return rc;
    lacks_requests(row);
    struct err why = {0};
    rc = compare_estimate(comparison, row, 1, 0, STATS_ALPHA, &row->estimate, &why);
    if (rc == -ENODATA) {
        (void)snprintf(row->note, sizeof(row->note), "no rounds to compare");
        return 0;
    }
    row->estimated = rc == 0;
    return rc ? err_set(err, rc, "%.80s of %.80s: %s", row->b->path, row->variant->name, why.text)
              : 0;
}

static int add_row(struct comparison *comparison, const struct sheet_variant *variant,
                   const struct sheet_figure *a, const struct sheet_figure *b, double limit,
                   struct err *err)
{
    struct compared *rows =
        reallocarray(comparison->rows, comparison->row_count + 1, sizeof(*rows));
    if (!rows)
        return no_memory(err);
    comparison->rows = rows;
    struct compared *row = &rows[comparison->row_count++];
    *row = (struct compared){
        .variant = variant,
        .a = a,
        .b = b,
        .level_a = NAN,
        .level_b = NAN,
        .p_holm = NAN,
        .limit = limit,
        .limit_p_holm = NAN,
        .limit_detectable = NAN,
    };
    return b ? estimate_row(comparison, row, err)
             : take_level(comparison->a, a, &row->level_a, err);
}

/* Whether a list such as "qps,pooled.p99" names the figure. */
static bool is_listed(const char *list, const struct sheet_variant *variant, const char *figure)
{
    char path[200];
    for (const char *at = list; *at;) {
        size_t length = strcspn(at, ",");
        (void)snprintf(path, sizeof(path), "%.*s", (int)length, at);
        if (compare_path_is_of(path, variant, figure))
            return true;
        at += length + (at[length] == ',');
    }
    return false;
}

/* In A's order of figures. One with a limit is there also when B has lost it. variant is NULL where
 * B has lost that. */
static int add_rows_of(struct comparison *comparison, const struct sheet_variant *variant,
                       const struct sheet_variant *before, const char *metrics, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < before->figure_count; i++) {
        const struct sheet_figure *a = &before->figures[i];
        const struct sheet_figure *b = variant ? sheet_figure_find(variant, a->path) : NULL;
        const struct compare_limit *limit =
            compare_limit_of(comparison->options, comparison->a->scenario, before, a->path);
        if (limit || (b && is_listed(metrics, variant, a->path)))
            rc = add_row(comparison, variant ? variant : before, a, b, limit ? limit->share : NAN,
                         err);
    }
    return rc;
}

/* Whether B was to run it; a list such as "a,b" says which. */
static bool was_asked_for(const struct comparison *comparison, const char *name)
{
    const char *list = comparison->options ? comparison->options->variants : NULL;
    size_t length = strlen(name);
    if (!list)
        return true;
    for (const char *at = list; *at;) {
        size_t item = strcspn(at, ",");
        if (item == length && memcmp(at, name, length) == 0)
            return true;
        at += item + (at[item] == ',');
    }
    return false;
}

/* Those of A that B should have and has not. */
static int add_lost(struct comparison *comparison, struct err *err)
{
    const struct sheet *a = comparison->a, *b = comparison->b;
    int rc = 0;
    for (size_t i = 0; !rc && i < a->variant_count; i++)
        if (!sheet_variant_find(b, a->variants[i].name) &&
            was_asked_for(comparison, a->variants[i].name))
            rc = add_rows_of(comparison, NULL, &a->variants[i], "", err);
    return rc;
}

static int add_rows(struct comparison *comparison, struct err *err)
{
    const struct sheet *a = comparison->a, *b = comparison->b;
    const char *metrics = comparison->options ? comparison->options->metrics : NULL;
    size_t common = 0;
    int rc = 0;
    for (size_t i = 0; !rc && i < b->variant_count; i++) {
        const struct sheet_variant *before = sheet_variant_find(a, b->variants[i].name);
        common += before != NULL;
        if (before)
            rc = add_rows_of(comparison, &b->variants[i], before, metrics ? metrics : usual_metrics,
                             err);
    }
    if (!rc)
        rc = add_lost(comparison, err);
    if (rc || comparison->row_count > 0)
        return rc;
    if (common == 0)
        return err_set(err, -EINVAL,
                       "nothing in common: %.80s has no variant '%.60s' in the first run",
                       b->scenario, b->variant_count ? b->variants[0].name : "");
    return err_set(err, -EINVAL, "nothing in common: no figure of %.80s is in both runs",
                   b->scenario);
}

/* ---- Words ----------------------------------------------------------------------------------- */

static double band_of(const struct comparison *comparison)
{
    return fmax(comparison->a->noise_share, comparison->b->noise_share);
}

/* Why there can be no verdict; false: there can. */
static bool no_verdict(const struct comparison *comparison, struct compared *row)
{
    if (!row->estimated || row->needs)
        return true;
    if (comparison->a->quick || comparison->b->quick)
        (void)snprintf(row->note, sizeof(row->note), "quick: no verdict");
    else if (row->estimate.count < STATS_VERDICT_PAIRS_MIN || !row->estimate.bounded)
        (void)snprintf(row->note, sizeof(row->note), "%zu round%s: no verdict under %d",
                       row->estimate.count, row->estimate.count == 1 ? "" : "s",
                       STATS_VERDICT_PAIRS_MIN);
    return row->note[0] != '\0';
}

static void judge_row(const struct comparison *comparison, struct compared *row)
{
    if (no_verdict(comparison, row) || row->shift || row->b->better == METRIC_NEITHER)
        return;
    if (isnan(row->estimate.value))
        (void)snprintf(row->note, sizeof(row->note),
                       "never on both sides: how they compare is not known");
    row->verdict = stats_judge(&row->estimate, band_of(comparison), row->b->better == METRIC_MORE);
    if ((row->verdict == STATS_BETTER || row->verdict == STATS_WORSE) &&
        row->p_holm > STATS_ALPHA) {
        row->verdict = STATS_INCONCLUSIVE;
        (void)snprintf(row->note, sizeof(row->note),
                       "beyond the noise by itself, but not as one of %zu (Holm: p = %.2g)",
                       comparison->row_count, row->p_holm);
    }
}

/* Of all rows with an estimate together. */
static int correct_rows(struct comparison *comparison, struct err *err)
{
    double *p = calloc(comparison->row_count + 1, sizeof(*p));
    if (!p)
        return no_memory(err);
    size_t count = 0;
    for (size_t i = 0; i < comparison->row_count; i++)
        if (comparison->rows[i].estimated)
            p[count++] = fmin(1, comparison->rows[i].estimate.p_value);
    int rc = stats_holm(p, count, p, err);
    count = 0;
    for (size_t i = 0; !rc && i < comparison->row_count; i++)
        if (comparison->rows[i].estimated)
            comparison->rows[i].p_holm = p[count++];
    free(p);
    return rc;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static int check_sides(const struct sheet *a, const struct sheet *b, struct err *err)
{
    if (strcmp(a->scenario, b->scenario) != 0)
        return err_set(err, -EINVAL, "%.80s cannot be compared with %.80s: another scenario",
                       a->scenario, b->scenario);
    if (strcmp(a->run, b->run) == 0 && same_text(a->program, b->program))
        return err_set(err, -EINVAL, "%.150s and %.150s are the same run of %.80s", a->origin,
                       b->origin, a->scenario);
    return 0;
}

/* Metrics asked for by name, each of which some variant must have. */
static int check_metrics(const struct sheet *sheet, const char *list, struct err *err)
{
    char path[200];
    for (const char *at = list; *at;) {
        size_t length = strcspn(at, ",");
        bool found = false;
        (void)snprintf(path, sizeof(path), "%.*s", (int)length, at);
        for (size_t v = 0; v < sheet->variant_count; v++)
            for (size_t i = 0; !found && i < sheet->variants[v].figure_count; i++)
                found = compare_path_is_of(path, &sheet->variants[v],
                                           sheet->variants[v].figures[i].path);
        if (!found)
            return compare_unknown_path(sheet, path, err);
        at += length + (at[length] == ',');
    }
    return 0;
}

int comparison_create(const struct sheet *a, const struct sheet *b,
                      const struct compare_options *options, struct comparison **out,
                      struct err *err)
{
    int rc = check_sides(a, b, err);
    if (!rc && options && options->metrics)
        rc = check_metrics(a, options->metrics, err);
    if (!rc && options)
        rc = compare_check_limits(a, options, err);
    if (rc)
        return rc;
    struct comparison *comparison = calloc(1, sizeof(*comparison));
    if (!comparison)
        return no_memory(err);
    comparison->a = a;
    comparison->b = b;
    comparison->options = options;
    comparison->paired = strcmp(a->run, b->run) == 0;
    rc = add_rows(comparison, err);
    if (!rc)
        rc = correct_rows(comparison, err);
    for (size_t i = 0; !rc && i < comparison->row_count; i++)
        judge_row(comparison, &comparison->rows[i]);
    if (!rc)
        rc = compare_add_remarks(comparison, err);
    if (!rc)
        rc = compare_judge_limits(comparison, err);
    if (rc)
        comparison_destroy(comparison);
    else
        *out = comparison;
    return rc;
}
