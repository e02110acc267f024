/* SPDX-License-Identifier: MIT */
/* sameness.c - keeps what A/A comparisons found, and counts. */
#include "report/sameness.h"

#include "measure/share.h"
#include "report/text.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS = 13, COUNT_MAX = 1 << 20 };

static const char heads[] = "started,seed,commit,scenario,variant,metric,pairs,rounds,"
                            "rounds_invalid,value,low,high,verdict";

static int no_memory(struct err *err)
{
    return err_sys(err, -ENOMEM, "keep what A/A runs found");
}

void samenesses_fini(struct samenesses *all)
{
    free(all->items);
    *all = (struct samenesses){0};
}

static bool same_comparison(const struct sameness *a, const struct sameness *b)
{
    return strcmp(a->started, b->started) == 0 && strcmp(a->seed, b->seed) == 0 &&
           strcmp(a->scenario, b->scenario) == 0;
}

static struct sameness *append(struct samenesses *all)
{
    struct sameness *grown = reallocarray(all->items, all->count + 1, sizeof(*grown));
    if (!grown)
        return NULL;
    all->items = grown;
    grown[all->count] = (struct sameness){.value = NAN, .low = NAN, .high = NAN};
    return &grown[all->count++];
}

/* ---- From a run ------------------------------------------------------------------------------ */

/* What stands between commas needs no quotes. */
static void take_text(char *to, size_t size_bytes, const char *from)
{
    (void)snprintf(to, size_bytes, "%s", from);
    for (char *at = text_clean(to); *at; at++)
        if (*at == ',' || *at == '"' || *at == '\n')
            *at = '_';
}

static struct sameness head_of(const struct result *result, const struct judgement *judgement)
{
    const struct result_environment *environment = &result->environment;
    struct sameness head = {.value = NAN, .low = NAN, .high = NAN};
    take_text(head.started, sizeof(head.started), environment->started);
    (void)snprintf(head.seed, sizeof(head.seed), "%llu", (unsigned long long)result->seed);
    (void)snprintf(head.commit, sizeof(head.commit), "%.12s%s", environment->commit,
                   environment->dirty ? "+" : "");
    take_text(head.scenario, sizeof(head.scenario), result->plan->title);
    take_text(head.variant, sizeof(head.variant), result->variants[0].name);
    head.rounds = judgement->round_valid + judgement->round_invalid;
    head.rounds_invalid = judgement->round_invalid;
    return head;
}

static int add_invalid(struct samenesses *all, const struct sameness *head, struct err *err)
{
    struct sameness *item = append(all);
    if (!item)
        return no_memory(err);
    *item = *head;
    item->invalid = true;
    return 0;
}

static int add_versus(struct samenesses *all, const struct sameness *head,
                      const struct judged_versus *versus, struct err *err)
{
    const struct stats_estimate *estimate = &versus->measured.estimate;
    if (!estimate->bounded || versus->verdict == STATS_NO_VERDICT)
        return 0;
    struct sameness *item = append(all);
    if (!item)
        return no_memory(err);
    *item = *head;
    (void)snprintf(item->metric, sizeof(item->metric), "%s", metric_builtin[versus->metric].name);
    item->pairs = versus->measured.used;
    item->value = estimate->value;
    item->low = estimate->low;
    item->high = estimate->high;
    item->verdict = versus->verdict;
    return 0;
}

int samenesses_add(struct samenesses *all, const struct result *result,
                   const struct judgement *judgement, struct err *err)
{
    if (!result->aa)
        return err_set(err, -EINVAL, "%.200s is no A/A run",
                       result->folder ? result->folder : "it");
    struct sameness head = head_of(result, judgement);
    size_t before = all->count;
    for (size_t i = 0; i < all->count; i++)
        if (same_comparison(&all->items[i], &head))
            return err_set(err, -EINVAL, "the run of %s is there already", head.started);
    if (judgement->outcome == OUTCOME_INVALID)
        return add_invalid(all, &head, err);
    int rc = 0;
    for (size_t i = 0; !rc && i < judgement->versus_count; i++)
        rc = add_versus(all, &head, &judgement->versus[i], err);
    if (rc || all->count > before)
        return rc;
    return err_set(err, -EINVAL, "the run of %s compares nothing: too few rounds or requests",
                   head.started);
}

/* ---- Files ----------------------------------------------------------------------------------- */

void samenesses_write(const struct samenesses *all, bool with_heads, FILE *out)
{
    if (with_heads)
        (void)fprintf(out, "%s\n", heads);
    for (size_t i = 0; i < all->count; i++) {
        const struct sameness *item = &all->items[i];
        (void)fprintf(out, "%s,%s,%s,%s,%s,%s,%zu,%zu,%zu,", item->started, item->seed,
                      item->commit, item->scenario, item->variant, item->metric, item->pairs,
                      item->rounds, item->rounds_invalid);
        if (item->invalid)
            (void)fputs(",,,invalid\n", out);
        else
            (void)fprintf(out, "%.5f,%.5f,%.5f,%s\n", item->value, item->low, item->high,
                          stats_verdict_word(item->verdict));
    }
}

static bool read_text(const char *field, char *text, size_t size_bytes)
{
    return snprintf(text, size_bytes, "%s", field) < (int)size_bytes;
}

static bool read_count(const char *field, size_t *count)
{
    char *end;
    if (!isdigit((unsigned char)field[0]))
        return false;
    *count = strtoul(field, &end, 10);
    return *end == '\0' && *count <= COUNT_MAX;
}

static bool read_ratio(const char *field, double *value)
{
    char *end;
    if (!isdigit((unsigned char)field[0]))
        return false;
    *value = strtod(field, &end);
    return *end == '\0' && *value > 0 && isfinite(*value);
}

static bool read_verdict(const char *field, enum stats_verdict *verdict)
{
    for (enum stats_verdict i = STATS_INCONCLUSIVE; i <= STATS_WORSE; i++) {
        *verdict = i;
        if (strcmp(stats_verdict_word(i), field) == 0)
            return true;
    }
    return false;
}

static bool read_fields(char *const fields[FIELDS], struct sameness *item)
{
    if (!read_text(fields[0], item->started, sizeof(item->started)) || !item->started[0] ||
        !read_text(fields[1], item->seed, sizeof(item->seed)) ||
        !read_text(fields[2], item->commit, sizeof(item->commit)) ||
        !read_text(fields[3], item->scenario, sizeof(item->scenario)) ||
        !read_text(fields[4], item->variant, sizeof(item->variant)) ||
        !read_text(fields[5], item->metric, sizeof(item->metric)) ||
        !read_count(fields[6], &item->pairs) || !read_count(fields[7], &item->rounds) ||
        !read_count(fields[8], &item->rounds_invalid))
        return false;
    item->invalid = strcmp(fields[12], "invalid") == 0;
    if (item->invalid)
        return !item->metric[0];
    return item->metric[0] && read_ratio(fields[9], &item->value) &&
           read_ratio(fields[10], &item->low) && read_ratio(fields[11], &item->high) &&
           item->low <= item->high && read_verdict(fields[12], &item->verdict);
}

/* Cuts line up. */
static int parse_line(struct samenesses *all, char *line, struct err *err)
{
    char *fields[FIELDS];
    size_t count = 0;
    struct sameness item = {.value = NAN, .low = NAN, .high = NAN};
    for (char *field = line; field;) {
        char *comma = strchr(field, ',');
        if (count == FIELDS)
            return err_set(err, -EINVAL, "expected %d fields", FIELDS);
        fields[count++] = field;
        if (comma)
            *comma++ = '\0';
        field = comma;
    }
    if (count != FIELDS || !read_fields(fields, &item))
        return err_set(err, -EINVAL, "expected an A/A comparison: %s", heads);
    for (size_t i = 0; i < all->count; i++)
        if (same_comparison(&all->items[i], &item) &&
            strcmp(all->items[i].metric, item.metric) == 0)
            return err_set(err, -EINVAL, "the run of %s is there twice", item.started);
    struct sameness *place = append(all);
    if (!place)
        return no_memory(err);
    *place = item;
    return 0;
}

int samenesses_parse(struct samenesses *all, const char *path, const char *data,
                     size_t length_bytes, struct err *err)
{
    char line[1024];
    int rc = 0;
    size_t number = 0;
    for (size_t at = 0; !rc && at < length_bytes; number++) {
        const char *end = memchr(data + at, '\n', length_bytes - at);
        size_t length = end ? (size_t)(end - data) - at : length_bytes - at;
        if (!end || length >= sizeof(line) || memchr(data + at, '\0', length))
            return err_set(err, -EINVAL, "%.200s:%zu: expected a line of text", path, number + 1);
        memcpy(line, data + at, length);
        line[length] = '\0';
        at += length + 1;
        if (number == 0)
            rc = strcmp(line, heads) == 0 ? 0 : err_set(err, -EINVAL, "expected %s", heads);
        else
            rc = parse_line(all, line, err);
        if (rc)
            (void)err_wrap(err, "%.200s:%zu", path, number + 1);
    }
    return rc;
}

/* ---- Counting -------------------------------------------------------------------------------- */

/* Of one scenario and figure, or of all figures of a comparison together. */
struct tally {
    size_t total, beyond, differ; /* comparisons; those without 1 in the interval; by their words */
    double band;                  /* NAN: none of several figures together */
};

static bool is_beyond(const struct sameness *item)
{
    return item->low > 1 || item->high < 1;
}

static bool is_different(const struct sameness *item)
{
    return item->verdict == STATS_BETTER || item->verdict == STATS_WORSE;
}

static bool same_figure(const struct sameness *a, const struct sameness *b)
{
    return strcmp(a->scenario, b->scenario) == 0 && strcmp(a->metric, b->metric) == 0;
}

static int tally_figure(const struct samenesses *all, const struct sameness *of,
                        struct tally *tally, struct err *err)
{
    double *ratios = calloc(all->count, sizeof(*ratios));
    if (!ratios)
        return no_memory(err);
    *tally = (struct tally){0};
    for (size_t i = 0; i < all->count; i++) {
        const struct sameness *item = &all->items[i];
        if (item->invalid || !same_figure(item, of))
            continue;
        tally->beyond += is_beyond(item);
        tally->differ += is_different(item);
        ratios[tally->total++] = item->value;
    }
    int rc = stats_noise_band(ratios, tally->total, &tally->band, err);
    free(ratios);
    return rc;
}

/* A comparison is counted at its first line, with what any of its lines found. */
static void tally_comparisons(const struct samenesses *all, struct tally *tally)
{
    *tally = (struct tally){.band = NAN};
    for (size_t i = 0; i < all->count; i++) {
        bool first = !all->items[i].invalid, beyond = false, differs = false;
        for (size_t j = 0; first && j < all->count; j++) {
            const struct sameness *other = &all->items[j];
            if (!same_comparison(&all->items[i], other))
                continue;
            first = j >= i;
            beyond = beyond || is_beyond(other);
            differs = differs || is_different(other);
        }
        tally->total += first;
        tally->beyond += first && beyond;
        tally->differ += first && differs;
    }
}

/* "7 (3.5 % [1.4 %, 7.1 %])"; more often than the level when not even the low end is within it. */
static int share_cell(struct table *table, size_t found, size_t total, double level, bool *errs,
                      struct err *err)
{
    double low = 0, high = 1;
    int rc = share_interval(found, total, STATS_ALPHA, &low, &high, err);
    bool more = low > level;
    *errs = *errs || more;
    table_cell(table, more ? TONE_BAD : TONE_PLAIN, "%zu: %.1f %% [%.1f %%, %.1f %%]", found,
               100.0 * (double)found / (double)total, low * 100, high * 100);
    return rc;
}

static int add_row(struct table *table, const char *scenario, const char *figure,
                   const struct tally *tally, double level, bool *errs, struct err *err)
{
    table_cell(table, TONE_STRONG, "%s", scenario);
    table_cell(table, TONE_PLAIN, "%s", figure);
    table_cell(table, TONE_PLAIN, "%zu", tally->total);
    int rc = share_cell(table, tally->beyond, tally->total, level, errs, err);
    if (!rc)
        rc = share_cell(table, tally->differ, tally->total, level, errs, err);
    if (isnan(tally->band))
        table_cell(table, TONE_QUIET, "–");
    else
        table_cell(table, TONE_PLAIN, "%.1f %%", tally->band * 100);
    return rc;
}

static void summarize(const struct samenesses *all, struct sameness_summary *summary)
{
    *summary = (struct sameness_summary){.noise_share = STATS_BAND_LEAST};
    for (size_t i = 0; i < all->count; i++) {
        const struct sameness *item = &all->items[i];
        bool first = true;
        for (size_t j = 0; first && j < i; j++)
            first = !same_comparison(&all->items[j], item);
        summary->rounds += first ? item->rounds : 0;
        summary->rounds_invalid += first ? item->rounds_invalid : 0;
        summary->invalid += item->invalid;
        summary->compared += first && !item->invalid;
        if (item->invalid)
            continue;
        if (!summary->pairs_least || item->pairs < summary->pairs_least)
            summary->pairs_least = item->pairs;
        if (item->pairs > summary->pairs_most)
            summary->pairs_most = item->pairs;
    }
}

/* Whether no line before it is of the same figure. */
static bool is_first_of_figure(const struct samenesses *all, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (!all->items[i].invalid && same_figure(&all->items[i], &all->items[index]))
            return false;
    return !all->items[index].invalid;
}

int samenesses_table(const struct samenesses *all, struct table *table,
                     struct sameness_summary *summary, struct err *err)
{
    struct tally tally = {0};
    int rc = 0;
    summarize(all, summary);
    if (summary->compared == 0)
        return err_set(err, -EINVAL, "no A/A comparison that can be believed");
    table_column(table, TABLE_LEFT, "scenario");
    table_column(table, TABLE_LEFT, "figure");
    table_column(table, TABLE_RIGHT, "comparisons");
    table_column(table, TABLE_LEFT, "95 %% interval without 1");
    table_column(table, TABLE_LEFT, "better or worse");
    table_column(table, TABLE_RIGHT, "noise band");
    for (size_t i = 0; !rc && i < all->count; i++) {
        if (!is_first_of_figure(all, i))
            continue;
        rc = tally_figure(all, &all->items[i], &tally, err);
        if (!rc)
            rc = add_row(table, all->items[i].scenario, all->items[i].metric, &tally, STATS_ALPHA,
                         &summary->errs, err);
        summary->noise_share = fmax(summary->noise_share, tally.band);
    }
    tally_comparisons(all, &tally);
    bool unused = false; /* several figures together err more often than each by itself may */
    return rc ? rc : add_row(table, "", "any of them", &tally, 1, &unused, err);
}
