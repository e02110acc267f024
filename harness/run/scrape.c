/* SPDX-License-Identifier: MIT */
/* scrape.c - a line of Prometheus text at a time. */
#include "run/scrape.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Where reading is; text ends with a NUL behind end. */
struct cursor {
    const char *at, *end;
};

static void skip_blanks(struct cursor *cursor)
{
    while (cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\t'))
        cursor->at++;
}

static bool accept(struct cursor *cursor, char wanted)
{
    skip_blanks(cursor);
    if (cursor->at == cursor->end || *cursor->at != wanted)
        return false;
    cursor->at++;
    return true;
}

/* [a-zA-Z_:][a-zA-Z0-9_:]*; NULL with nothing read when there is none. */
static int read_name(struct cursor *cursor, char **out)
{
    skip_blanks(cursor);
    const char *first = cursor->at;
    while (cursor->at < cursor->end &&
           (isalpha((unsigned char)*cursor->at) || *cursor->at == '_' || *cursor->at == ':' ||
            (cursor->at > first && isdigit((unsigned char)*cursor->at))))
        cursor->at++;
    if (cursor->at == first)
        return -EBADMSG;
    *out = strndup(first, (size_t)(cursor->at - first));
    return *out ? 0 : -ENOMEM;
}

/* A text in quotes, with \\, \" and \n. */
static int read_text(struct cursor *cursor, char **out)
{
    if (!accept(cursor, '"'))
        return -EBADMSG;
    char *text = malloc((size_t)(cursor->end - cursor->at) + 1);
    size_t length = 0;
    if (!text)
        return -ENOMEM;
    while (cursor->at < cursor->end && *cursor->at != '"') {
        char next = *cursor->at++;
        if (next == '\\' && cursor->at < cursor->end) {
            next = *cursor->at++;
            next = next == 'n' ? '\n' : next;
        }
        text[length++] = next;
    }
    text[length] = '\0';
    if (cursor->at == cursor->end) {
        free(text);
        return -EBADMSG;
    }
    cursor->at++;
    *out = text;
    return 0;
}

static void sample_fini(struct scrape_sample *sample)
{
    for (size_t i = 0; i < sample->label_count; i++) {
        free(sample->labels[i].name);
        free(sample->labels[i].value);
    }
    free(sample->labels);
    free(sample->name);
}

/* One `name="value"`, put where its name sorts. */
static int read_label(struct cursor *cursor, struct scrape_sample *sample)
{
    if (sample->label_count == SCRAPE_LABELS_MAX)
        return -E2BIG;
    struct scrape_label *labels =
        reallocarray(sample->labels, sample->label_count + 1, sizeof(*labels));
    struct scrape_label label = {0};
    if (!labels)
        return -ENOMEM;
    sample->labels = labels;
    int rc = read_name(cursor, &label.name);
    if (!rc && !accept(cursor, '='))
        rc = -EBADMSG;
    if (!rc)
        rc = read_text(cursor, &label.value);
    if (rc) {
        free(label.name);
        return rc;
    }
    size_t at = sample->label_count++;
    for (; at > 0 && strcmp(labels[at - 1].name, label.name) > 0; at--)
        labels[at] = labels[at - 1];
    labels[at] = label;
    return 0;
}

/* `name` and, with braces, labels; a comma may stand behind the last. */
static int read_series(struct cursor *cursor, struct scrape_sample *sample, bool *braces)
{
    int rc = read_name(cursor, &sample->name);
    *braces = !rc && accept(cursor, '{');
    if (rc || !*braces)
        return rc;
    while (!rc && !accept(cursor, '}')) {
        rc = read_label(cursor, sample);
        if (!rc && !accept(cursor, ',')) {
            rc = accept(cursor, '}') ? 0 : -EBADMSG;
            break;
        }
    }
    return rc;
}

/* A number as strtod reads it (NaN and +Inf included), up to a blank or the end. */
static int read_number(struct cursor *cursor, double *out)
{
    char text[64], *stop;
    skip_blanks(cursor);
    size_t length = 0;
    while (cursor->at < cursor->end && *cursor->at != ' ' && *cursor->at != '\t' &&
           length < sizeof(text) - 1)
        text[length++] = *cursor->at++;
    text[length] = '\0';
    *out = strtod(text, &stop);
    return length > 0 && *stop == '\0' ? 0 : -EBADMSG;
}

static int read_sample(struct cursor *cursor, struct scrape_sample *sample)
{
    bool braces;
    double time_stamp;
    int rc = read_series(cursor, sample, &braces);
    if (!rc)
        rc = read_number(cursor, &sample->value);
    skip_blanks(cursor);
    if (!rc && cursor->at < cursor->end)
        rc = read_number(cursor, &time_stamp);
    skip_blanks(cursor);
    return rc ? rc : cursor->at == cursor->end ? 0 : -EBADMSG;
}

static int read_line(struct scrape *scrape, struct cursor *cursor, size_t *room)
{
    if (cursor->at < cursor->end && cursor->end[-1] == '\r')
        cursor->end--;
    skip_blanks(cursor);
    if (cursor->at == cursor->end || *cursor->at == '#')
        return 0;
    if (scrape->count == SCRAPE_SAMPLES_MAX)
        return -E2BIG;
    if (scrape->count == *room) {
        size_t more = *room ? 2 * *room : 64;
        struct scrape_sample *samples = reallocarray(scrape->samples, more, sizeof(*samples));
        if (!samples)
            return -ENOMEM;
        scrape->samples = samples;
        *room = more;
    }
    struct scrape_sample sample = {0};
    int rc = read_sample(cursor, &sample);
    if (rc)
        sample_fini(&sample);
    else
        scrape->samples[scrape->count++] = sample;
    return rc;
}

int scrape_parse(struct scrape *scrape, const char *text, size_t length_bytes, struct err *err)
{
    const char *end = text + length_bytes;
    size_t line = 1, room = 0;
    *scrape = (struct scrape){0};
    if (length_bytes > SCRAPE_BYTES_MAX)
        return err_set(err, -E2BIG, "metrics of more than %d bytes", SCRAPE_BYTES_MAX);
    for (const char *at = text; at < end; line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        struct cursor cursor = {.at = at, .end = stop ? stop : end};
        int rc = read_line(scrape, &cursor, &room);
        if (rc) {
            scrape_fini(scrape);
            return rc == -EBADMSG
                       ? err_set(err, rc, "metrics: line %zu is not `name{labels} value`", line)
                       : err_sys(err, rc, "metrics: line %zu", line);
        }
        at = stop ? stop + 1 : end;
    }
    return 0;
}

void scrape_fini(struct scrape *scrape)
{
    for (size_t i = 0; i < scrape->count; i++)
        sample_fini(&scrape->samples[i]);
    free(scrape->samples);
    *scrape = (struct scrape){0};
}

/* Whether both have the same labels, but for one that is not looked at; NULL: all are. */
static bool same_labels(const struct scrape_sample *a, const struct scrape_sample *b,
                        const char *but)
{
    size_t i = 0, k = 0;
    while (true) {
        i += i < a->label_count && but && strcmp(a->labels[i].name, but) == 0;
        k += k < b->label_count && but && strcmp(b->labels[k].name, but) == 0;
        if (i >= a->label_count || k >= b->label_count)
            return i >= a->label_count && k >= b->label_count;
        if (strcmp(a->labels[i].name, b->labels[k].name) != 0 ||
            strcmp(a->labels[i].value, b->labels[k].value) != 0)
            return false;
        i++;
        k++;
    }
}

/* What is asked for: `name` or `name{…}` and nothing behind it. */
static int read_wanted(const char *series, struct scrape_sample *wanted, bool *braces)
{
    struct cursor cursor = {.at = series, .end = series + strlen(series)};
    *wanted = (struct scrape_sample){0};
    int rc = read_series(&cursor, wanted, braces);
    skip_blanks(&cursor);
    return rc ? rc : cursor.at == cursor.end ? 0 : -EBADMSG;
}

double scrape_value(const struct scrape *scrape, const char *series)
{
    struct scrape_sample wanted;
    bool braces;
    double sum = NAN;
    int rc = read_wanted(series, &wanted, &braces);
    for (size_t i = 0; !rc && i < scrape->count; i++) {
        const struct scrape_sample *sample = &scrape->samples[i];
        if (strcmp(sample->name, wanted.name) != 0 ||
            (braces && !same_labels(sample, &wanted, NULL)))
            continue;
        sum = isnan(sum) ? sample->value : sum + sample->value;
    }
    sample_fini(&wanted);
    return sum;
}

/* ---- Histograms ------------------------------------------------------------------------------ */

/* The upper bound, or NAN when the sample is no bucket of the histogram. */
static double bound_of(const struct scrape_sample *sample, const struct scrape_sample *wanted,
                       bool braces)
{
    static const char suffix[] = "_bucket";
    size_t length = strlen(wanted->name);
    if (strncmp(sample->name, wanted->name, length) != 0 ||
        strcmp(sample->name + length, suffix) != 0 ||
        (braces && !same_labels(sample, wanted, "le")))
        return NAN;
    for (size_t i = 0; i < sample->label_count; i++) {
        char *end;
        if (strcmp(sample->labels[i].name, "le") != 0)
            continue;
        double bound = strtod(sample->labels[i].value, &end);
        return *end || end == sample->labels[i].value ? NAN : bound;
    }
    return NAN;
}

/* They are written as how many values are at most the bound; a difference below 0 is a picture
 * taken while values came in. */
static void take_apart(struct buckets *buckets)
{
    uint64_t below = 0;
    for (size_t i = 0; i < buckets->count; i++) {
        struct bucket *bucket = &buckets->items[i];
        uint64_t up_to = bucket->count;
        bucket->count = up_to > below ? up_to - below : 0;
        bucket->low = i > 0 ? buckets->items[i - 1].high : fmin(bucket->high, 0);
        below = up_to > below ? up_to : below;
    }
}

int scrape_buckets(const struct scrape *scrape, const char *series, struct buckets *out)
{
    struct scrape_sample wanted;
    bool braces;
    *out = (struct buckets){0};
    int rc = read_wanted(series, &wanted, &braces);
    for (size_t i = 0; !rc && i < scrape->count; i++) {
        double bound = bound_of(&scrape->samples[i], &wanted, braces);
        double value = scrape->samples[i].value;
        struct bucket one = {.high = bound, .count = value > 0 ? (uint64_t)fmin(value, 1e18) : 0};
        if (!isnan(bound))
            rc = buckets_add(out, &(struct buckets){.items = &one, .count = 1});
    }
    sample_fini(&wanted);
    take_apart(out);
    if (rc == -ENOMEM)
        buckets_fini(out);
    return rc == -ENOMEM ? rc : 0;
}
