/* SPDX-License-Identifier: MIT */
/* compare_limits.c - reads limits, and judges whether a figure is worse by more than its limit. */
#include "report/compare_internal.h"

#include "core/param.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHARE_MAX = 1000 };

/* ---- Reading --------------------------------------------------------------------------------- */

/* "10%" or "0.1". */
static bool read_share(const char *text, double *share)
{
    char *end;
    if (!isdigit((unsigned char)text[0]) && text[0] != '.')
        return false;
    *share = strtod(text, &end);
    if (*end == '%') {
        *share /= 100;
        end++;
    }
    return *end == '\0' && isfinite(*share) && *share >= 0 && *share <= SHARE_MAX;
}

static int read_limit(char *item, struct compare_limit *limit, struct err *err)
{
    char *value = strchr(item, '=');
    if (!value || value == item)
        return err_set(err, -EINVAL, "limit '%.60s': expected METRIC=SHARE, such as p99=10%%",
                       item);
    *value++ = '\0';
    if (!read_share(value, &limit->share))
        return err_set(err, -EINVAL, "limit of %.60s: expected a share such as 10%%, not '%.40s'",
                       item, value);
    char *colon = strchr(item, ':');
    if (colon && (colon == item || !colon[1]))
        return err_set(err, -EINVAL, "limit '%.60s': expected SCENARIO:METRIC=SHARE", item);
    limit->scenario[0] = '\0';
    if (colon)
        (void)snprintf(limit->scenario, sizeof(limit->scenario), "%.*s", (int)(colon - item), item);
    (void)snprintf(limit->path, sizeof(limit->path), "%s", colon ? colon + 1 : item);
    return 0;
}

static bool is_twice(const struct compare_limit *limits, size_t last)
{
    for (size_t i = 0; i < last; i++)
        if (strcmp(limits[i].path, limits[last].path) == 0 &&
            strcmp(limits[i].scenario, limits[last].scenario) == 0)
            return true;
    return false;
}

int compare_parse_limits(const char *text, struct compare_limit *limits, size_t *count,
                         struct err *err)
{
    char item[160];
    *count = 0;
    for (const char *at = text; *at;) {
        size_t length = strcspn(at, ",\n");
        if (length >= sizeof(item))
            return err_set(err, -EINVAL, "limit '%.40s…' is too long", at);
        if (*count == COMPARE_LIMITS_MAX)
            return err_set(err, -EINVAL, "more than %d limits", COMPARE_LIMITS_MAX);
        memcpy(item, at, length);
        item[length] = '\0';
        int rc = read_limit(item, &limits[*count], err);
        if (rc)
            return rc;
        if (is_twice(limits, *count))
            return err_set(err, -EINVAL, "limit of %.60s is given twice", limits[*count].path);
        ++*count;
        at += length + (at[length] != '\0');
    }
    return *count ? 0 : err_set(err, -EINVAL, "expected limits such as p99=10%%,qps=5%%");
}

/* ---- Matching -------------------------------------------------------------------------------- */

/* The figure's path behind the variant's name, or NULL. */
static const char *behind_variant(const char *path, const struct sheet_variant *variant)
{
    size_t length = strlen(variant->name);
    return strncmp(path, variant->name, length) == 0 && path[length] == '.' ? path + length + 1
                                                                            : NULL;
}

bool compare_path_is_of(const char *path, const struct sheet_variant *variant, const char *figure)
{
    const char *rest = behind_variant(path, variant);
    return strcmp(path, figure) == 0 || (rest && strcmp(rest, figure) == 0);
}

bool compare_limit_is_of(const struct compare_limit *limit, const char *scenario)
{
    return !limit->scenario[0] || strcmp(limit->scenario, scenario) == 0;
}

const struct compare_limit *compare_limit_of(const struct compare_options *options,
                                             const char *scenario,
                                             const struct sheet_variant *variant,
                                             const char *figure)
{
    const struct compare_limit *found = NULL;
    int found_rank = -1;
    for (size_t i = 0; options && i < options->limit_count; i++) {
        const struct compare_limit *limit = &options->limits[i];
        const char *rest = behind_variant(limit->path, variant);
        bool named = rest && strcmp(rest, figure) == 0;
        int rank = (named ? 2 : 0) + (limit->scenario[0] ? 1 : 0);
        if (!compare_limit_is_of(limit, scenario) || rank <= found_rank ||
            !(named || strcmp(limit->path, figure) == 0))
            continue;
        found = limit;
        found_rank = rank;
    }
    return found;
}

int compare_unknown_path(const struct sheet *sheet, const char *path, struct err *err)
{
    const char *words[256] = {0};
    const struct sheet_variant *variant = &sheet->variants[0];
    const char *rest = path;
    for (size_t i = 0; i < sheet->variant_count; i++) {
        if (behind_variant(path, &sheet->variants[i])) {
            variant = &sheet->variants[i];
            rest = behind_variant(path, variant);
        }
    }
    for (size_t i = 0; i < variant->figure_count && i < sizeof(words) / sizeof(*words) - 1; i++)
        words[i] = variant->figures[i].path;
    const char *near = word_suggest(words, rest);
    return err_set(err, -EINVAL, "the run of %.80s in %.150s has no figure '%.60s'%s%s%s",
                   sheet->scenario, sheet->origin, path, near ? "; did you mean '" : "",
                   near ? near : "", near ? "'?" : "");
}

static int check_limit(const struct sheet *a, const struct compare_limit *limit, struct err *err)
{
    const struct sheet_figure *found = NULL;
    if (!compare_limit_is_of(limit, a->scenario))
        return 0;
    for (size_t v = 0; v < a->variant_count; v++) {
        const struct sheet_variant *variant = &a->variants[v];
        for (size_t i = 0; !found && i < variant->figure_count; i++)
            if (compare_path_is_of(limit->path, variant, variant->figures[i].path))
                found = &variant->figures[i];
    }
    if (!found)
        return compare_unknown_path(a, limit->path, err);
    if (found->better == METRIC_NEITHER)
        return err_set(err, -EINVAL, "limit of %.60s: neither more nor less of it is worse",
                       limit->path);
    if (found->better == METRIC_MORE && found->unit != METRIC_SHARE && limit->share >= 1)
        return err_set(err, -EINVAL, "limit of %.60s: expected less than 100%%", limit->path);
    return 0;
}

int compare_check_limits(const struct sheet *a, const struct compare_options *options,
                         struct err *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < options->limit_count; i++)
        rc = check_limit(a, &options->limits[i], err);
    return rc;
}

/* ---- Judging --------------------------------------------------------------------------------- */

/* B against the worst that the limit lets A's figures become. */
struct limit_test {
    struct compared *row;
    struct stats_estimate estimate; /* 1 (a shift: 0) is just on the limit */
    bool beyond, within;            /* the whole interval, on the limit's bad and good side */
    double p_value;                 /* of being no worse than the limit */
};

__attribute__((format(printf, 2, 3))) static void note(struct compared *row, const char *format,
                                                       ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(row->note, sizeof(row->note), format, args);
    va_end(args);
}

static bool is_grave(const struct comparison *comparison)
{
    for (size_t i = 0; i < comparison->remark_count; i++)
        if (comparison->remarks[i].grave && !comparison->options->anyway)
            return true;
    return false;
}

/* Whether a row has to be judged without looking at its figures. */
static bool decide_unseen(const struct comparison *comparison, struct compared *row)
{
    row->gate = GATE_INVALID;
    if (comparison->a->invalid[0] || comparison->b->invalid[0]) {
        note(row, "%s run cannot be believed",
             comparison->b->invalid[0] ? "the second" : "the first");
        return true;
    }
    if (!row->b) {
        row->gate = GATE_FAIL;
        note(row, sheet_variant_find(comparison->b, row->variant->name) ? "no samples"
                                                                        : "no such variant");
        return true;
    }
    if (!row->estimated || row->needs || comparison->a->quick || comparison->b->quick ||
        row->estimate.count < STATS_VERDICT_PAIRS_MIN || !row->estimate.bounded)
        return true; /* the note is there */
    if (is_grave(comparison)) {
        note(row, "not under the same circumstances");
        return true;
    }
    row->gate = GATE_NONE;
    return false;
}

/* How A's figures are moved to the limit: of a share by points, else by a factor. */
static void limit_move(const struct compared *row, double *factor, double *addend)
{
    double towards = row->a->better == METRIC_MORE ? -row->limit : row->limit;
    bool points = row->a->unit == METRIC_SHARE;
    *factor = points ? 1 : 1 + towards;
    *addend = points ? towards : 0;
}

static int test_limit(const struct comparison *comparison, struct limit_test *test, size_t among,
                      struct err *err)
{
    struct compared *row = test->row;
    struct stats_estimate narrow;
    double factor, addend, none = row->shift ? 0 : 1;
    bool more = row->a->better == METRIC_MORE;
    limit_move(row, &factor, &addend);
    int rc = compare_estimate(comparison, row, factor, addend, STATS_ALPHA, &test->estimate, err);
    if (!rc)
        rc = compare_estimate(comparison, row, 1, 0, STATS_ALPHA / (double)among, &narrow, err);
    if (rc)
        return rc;
    const struct stats_estimate *found = &test->estimate;
    test->beyond = more ? found->high < none : found->low > none;
    test->within = more ? found->low >= none : found->high <= none;
    bool worse = more ? found->value < none : found->value > none;
    test->p_value = worse ? fmin(1, found->p_value) : 1;
    row->limit_detectable = narrow.bounded ? narrow.detectable : NAN;
    return 0;
}

/* How many rounds a side it takes to show anything of so many limits: the smallest p-value there is
 * of as many has to be within what Holm leaves for the first of them. */
static size_t rounds_wanted(bool paired, size_t among)
{
    double p = 2;
    for (size_t count = 1; count < STATS_COUNT_MAX; count++) {
        double n = (double)count; /* 2^-n of all signs, or one of the ways to choose n of 2n */
        p *= paired ? 0.5 : n * n / ((2 * n - 1) * 2 * n);
        if (p <= STATS_ALPHA / (double)among && count >= STATS_VERDICT_PAIRS_MIN)
            return count;
    }
    return STATS_COUNT_MAX;
}

static void word_of_test(const struct comparison *comparison, const struct limit_test *test,
                         double p_holm, size_t among)
{
    struct compared *row = test->row;
    bool relative = row->a->unit != METRIC_SHARE;
    double detectable = row->limit_detectable;
    if (row->shift && relative) /* of figures that may be 0 it is in their unit */
        detectable = row->level_a > 0 ? detectable / row->level_a : INFINITY;
    row->limit_p_holm = p_holm;
    row->gate = test->beyond && p_holm <= STATS_ALPHA ? GATE_FAIL
                : test->within                        ? GATE_PASS
                : isnan(row->limit_detectable)        ? GATE_INVALID
                                                      : GATE_UNSURE;
    if (row->gate == GATE_INVALID)
        note(row, "%zu rounds cannot show anything of %zu limits, whatever happens; %zu could",
             row->estimate.count, among, rounds_wanted(comparison->paired, among));
    if (row->gate != GATE_UNSURE)
        return;
    if (test->beyond)
        note(row, "beyond the limit by itself, but not as one of %zu (Holm: p = %.2g)", among,
             p_holm);
    else if (isinf(row->limit_detectable))
        note(row, isnan(row->estimate.value)
                      ? "never on both sides: how they compare is not known"
                      : "never in some rounds: too few are certain to show it");
    else if (detectable > row->limit)
        note(row, "could not have seen it: rounds like these%s show %.2g %s at the least",
             comparison->paired ? "" : ", not paired,", detectable * 100,
             relative ? "%" : "points");
    else
        note(row, "close to the limit");
}

static int judge_tests(struct comparison *comparison, struct limit_test *tests, size_t count,
                       struct err *err)
{
    double p[COMPARE_LIMITS_MAX * 4] = {0};
    if (count > sizeof(p) / sizeof(*p))
        return err_set(err, -E2BIG, "limits on more than %zu figures", sizeof(p) / sizeof(*p));
    int rc = 0;
    for (size_t i = 0; !rc && i < count; i++) {
        rc = test_limit(comparison, &tests[i], count, err);
        p[i] = tests[i].p_value;
    }
    if (!rc)
        rc = stats_holm(p, count, p, err);
    for (size_t i = 0; !rc && i < count; i++)
        word_of_test(comparison, &tests[i], p[i], count);
    return rc;
}

int compare_judge_limits(struct comparison *comparison, struct err *err)
{
    struct limit_test *tests = calloc(comparison->row_count + 1, sizeof(*tests));
    size_t count = 0;
    if (!tests)
        return err_sys(err, -ENOMEM, "judge limits");
    for (size_t i = 0; i < comparison->row_count; i++) {
        struct compared *row = &comparison->rows[i];
        if (!isnan(row->limit) && !decide_unseen(comparison, row))
            tests[count++].row = row;
    }
    int rc = judge_tests(comparison, tests, count, err);
    for (size_t i = 0; i < comparison->row_count; i++)
        if (comparison->rows[i].gate > comparison->gate)
            comparison->gate = comparison->rows[i].gate;
    free(tests);
    return rc;
}
