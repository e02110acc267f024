/* SPDX-License-Identifier: MIT */
/* json_read.c - reads result.json back; nothing in it is trusted. */
#include "report/json.h"

#include "core/param.h"
#include "measure/hist_codec.h"
#include "measure/stats.h"
#include "report/json_fields.h"

#include <jansson.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCKS_MAX = STATS_COUNT_MAX, ROUNDS_MAX = 1 << 14, BUCKETS_MAX = 1 << 14 };

static int expected(struct err *err, const char *key, const char *what)
{
    return err_set(err, -EINVAL, "%.60s: expected %s", key, what);
}

static int no_memory(struct err *err)
{
    return err_sys(err, -ENOMEM, "read a result");
}

/* Says where the value lies that a failure is about. */
static int within(int rc, const char *key, struct err *err)
{
    if (rc)
        (void)err_wrap(err, "%.60s", key);
    return rc;
}

static int get(const json_t *object, const char *key, json_type type, const char *what,
               json_t **out, struct err *err)
{
    *out = json_object_get(object, key);
    return *out && json_typeof(*out) == type ? 0 : expected(err, key, what);
}

static int get_object(const json_t *object, const char *key, json_t **out, struct err *err)
{
    return get(object, key, JSON_OBJECT, "an object", out, err);
}

static int get_array(const json_t *object, const char *key, json_t **out, struct err *err)
{
    return get(object, key, JSON_ARRAY, "an array", out, err);
}

static int get_bool(const json_t *object, const char *key, bool *out, struct err *err)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_boolean(value))
        return expected(err, key, "true or false");
    *out = json_is_true(value);
    return 0;
}

/* An integer from 0, or the text of one. */
static bool to_count(const json_t *value, uint64_t *out)
{
    if (json_is_integer(value) && json_integer_value(value) >= 0) {
        *out = (uint64_t)json_integer_value(value);
        return true;
    }
    const char *digits = json_string_value(value);
    if (!digits || !digits[0] || digits[strspn(digits, "0123456789")] || strlen(digits) > 20)
        return false;
    errno = 0;
    *out = strtoull(digits, NULL, 10);
    return errno == 0;
}

static int get_count(const json_t *object, const char *key, uint64_t most, uint64_t *out,
                     struct err *err)
{
    if (!to_count(json_object_get(object, key), out))
        return expected(err, key, "an integer from 0");
    return *out <= most ? 0
                        : err_set(err, -EINVAL, "%.60s: expected at most %llu, not %llu", key,
                                  (unsigned long long)most, (unsigned long long)*out);
}

static int get_int(const json_t *object, const char *key, int *out, struct err *err)
{
    const json_t *value = json_object_get(object, key);
    json_int_t integer = json_integer_value(value);
    if (!json_is_integer(value) || integer < INT_MIN || integer > INT_MAX)
        return expected(err, key, "an integer");
    *out = (int)integer;
    return 0;
}

/* null is NAN, and so is nothing. */
static int get_number(const json_t *object, const char *key, double *out, struct err *err)
{
    const json_t *value = json_object_get(object, key);
    if (value && !json_is_null(value) && !json_is_number(value))
        return expected(err, key, "a number or null");
    *out = json_is_number(value) ? json_number_value(value) : NAN;
    return 0;
}

static int get_text(const json_t *object, const char *key, const char **out, struct err *err)
{
    *out = json_string_value(json_object_get(object, key));
    return *out ? 0 : expected(err, key, "a text");
}

/* Copies a text; null gives NULL. */
static int copy_text(const json_t *object, const char *key, char **out, struct err *err)
{
    const json_t *value = json_object_get(object, key);
    if (!value || !(json_is_null(value) || json_is_string(value)))
        return expected(err, key, "a text or null");
    *out = json_is_string(value) ? strdup(json_string_value(value)) : NULL;
    return json_is_string(value) && !*out ? no_memory(err) : 0;
}

static int copy_into(const json_t *object, const char *key, char *to, size_t size_bytes,
                     struct err *err)
{
    const char *value;
    int rc = get_text(object, key, &value, err);
    if (rc)
        return rc;
    if (strlen(value) >= size_bytes)
        return expected(err, key, "a shorter text");
    memcpy(to, value, strlen(value) + 1);
    return 0;
}

/* A field that is not there is 0: the record is older than it. */
static int get_fields(const json_t *object, const struct json_field *fields, void *state,
                      struct err *err)
{
    int rc = json_is_object(object) ? 0 : err_set(err, -EINVAL, "expected an object");
    for (; !rc && fields->name; fields++) {
        uint64_t value = 0;
        if (json_object_get(object, fields->name))
            rc = get_count(object, fields->name, UINT64_MAX, &value, err);
        if (!rc)
            json_field_set(fields, state, value);
    }
    return rc;
}

static int read_meter(const json_t *object, const char *key, struct meter_sample *sample,
                      struct err *err)
{
    json_t *meter;
    int rc = get_object(object, key, &meter, err);
    return rc ? rc : within(get_fields(meter, json_meter_fields, sample, err), key, err);
}

/* The exact extremes, which the encoding lacks, must lie in the entries it has. */
static int restore_extremes(const json_t *object, struct hist *hist, struct err *err)
{
    uint64_t min_ns, max_ns, count;
    uint64_t highest_ns = hist->geometry.highest_ns;
    int rc = get_count(object, "count", UINT64_MAX, &count, err);
    if (!rc)
        rc = get_count(object, "overflow", UINT64_MAX, &hist->overflow, err);
    if (!rc)
        rc = get_count(object, "min_ns", highest_ns, &min_ns, err);
    if (!rc)
        rc = get_count(object, "max_ns", highest_ns, &max_ns, err);
    if (rc)
        return rc;
    if (count != hist->count)
        return expected(err, "count", "as many as its histogram holds");
    if (count == 0)
        return 0;
    const struct hist_geometry *geometry = &hist->geometry;
    if (hist_index(geometry, min_ns) != hist_index(geometry, hist_min_ns(hist)) ||
        hist_index(geometry, max_ns) != hist_index(geometry, hist_max_ns(hist)))
        return expected(err, "min_ns, max_ns", "the ends of its histogram");
    hist->min_ns = min_ns;
    hist->max_ns = max_ns;
    return 0;
}

static int read_hist(const json_t *object, const char *key, struct hist **out, struct err *err)
{
    const json_t *json = json_object_get(object, key);
    const char *encoded;
    if (!json || json_is_null(json))
        return 0;
    if (!json_is_object(json))
        return expected(err, key, "an object or null");
    int rc = get_text(json, "hdr_v2", &encoded, err);
    if (!rc)
        rc = hist_decode_base64(out, encoded, strlen(encoded), err);
    if (!rc)
        rc = restore_extremes(json, *out, err);
    return within(rc, key, err);
}

static int slots_of(const json_t *object, const char *key, size_t slot_count, json_t **out,
                    struct err *err)
{
    int rc = get_array(object, key, out, err);
    if (!rc && json_array_size(*out) != slot_count)
        rc = expected(err, key, "an entry for each slot");
    return rc;
}

/* The slots belong to the series, which is ours while it is being made. */
static void slot_set(const struct series *series, size_t index, size_t offset, uint64_t value)
{
    memcpy(series->slots + index * series->slot_stride_bytes + offset, &value, sizeof(value));
}

static int read_column(const json_t *object, const char *key, const struct series *series,
                       size_t offset, struct err *err)
{
    json_t *column;
    int rc = slots_of(object, key, series->slot_count, &column, err);
    for (size_t i = 0; !rc && i < series->slot_count; i++) {
        uint64_t value = 0;
        if (!to_count(json_array_get(column, i), &value))
            return expected(err, key, "integers from 0");
        slot_set(series, i, offset, value);
    }
    return rc;
}

static int read_slot_hist(const json_t *value, const struct series *series, size_t index,
                          struct err *err)
{
    struct hist *hist;
    const char *encoded = json_string_value(value);
    if (json_is_null(value) && series_slot(series, index)->ok == 0)
        return 0;
    if (!encoded)
        return expected(err, "hdr_v2", "a text where there were successes, else null");
    int rc = hist_decode_base64(&hist, encoded, strlen(encoded), err);
    if (rc)
        return rc;
    const struct hist_geometry *geometry = &series->geometry;
    bool same = hist->geometry.lowest_ns == geometry->lowest_ns &&
                hist->geometry.highest_ns == geometry->highest_ns &&
                hist->geometry.digits == geometry->digits &&
                hist->count == series_slot(series, index)->ok;
    uint32_t *counts = series->counts + index * geometry->counts_length;
    for (uint32_t i = 0; same && i < geometry->counts_length; i++) {
        same = hist->counts[i] <= UINT32_MAX;
        if (hist->counts[i]) /* a page that was never written stays unwritten */
            counts[i] = (uint32_t)hist->counts[i];
    }
    hist_destroy(hist);
    return same ? 0 : expected(err, "hdr_v2", "a histogram of the slot's successes");
}

static int read_series_errors(const json_t *object, const struct series *series, struct err *err)
{
    json_t *errors, *column;
    const char *key;
    int rc = get_object(object, "errors", &errors, err);
    if (rc)
        return rc;
    json_object_foreach(errors, key, column) {
        unsigned kind = 0;
        while (kind < series->error_kinds && strcmp(series->error_names[kind], key) != 0)
            kind++;
        if (kind == series->error_kinds)
            return expected(err, "errors", "known kinds of error");
        rc = read_column(errors, key, series,
                         offsetof(struct series_slot, errors) + kind * sizeof(uint64_t), err);
        if (rc)
            return rc;
    }
    return 0;
}

static int fill_series(const json_t *object, struct series *series, struct err *err)
{
    json_t *hists = NULL;
    uint64_t start_ns, early, late;
    int rc = get_count(object, "start_ns", UINT64_MAX, &start_ns, err);
    if (!rc)
        rc = get_count(object, "early", UINT64_MAX, &early, err);
    if (!rc)
        rc = get_count(object, "late", UINT64_MAX, &late, err);
    if (rc)
        return rc;
    series_start(series, start_ns);
    series->early = early;
    series->late = late;
    for (const struct json_field *field = json_slot_fields; !rc && field->name; field++)
        rc = read_column(object, field->name, series, field->offset, err);
    if (!rc)
        rc = read_series_errors(object, series, err);
    if (!rc)
        rc = slots_of(object, "hdr_v2", series->slot_count, &hists, err);
    for (size_t i = 0; !rc && i < series->slot_count; i++)
        rc = read_slot_hist(json_array_get(hists, i), series, i, err);
    return rc;
}

static int read_series(const json_t *load, struct series **out, struct err *err)
{
    const json_t *object = json_object_get(load, "series");
    json_t *ok;
    uint64_t slot_ns;
    if (!object || json_is_null(object))
        return 0;
    if (!json_is_object(object))
        return expected(err, "series", "an object or null");
    int rc = get_count(object, "slot_ns", UINT32_MAX * UINT64_C(1000), &slot_ns, err);
    if (!rc && slot_ns == 0)
        rc = expected(err, "slot_ns", "more than 0");
    if (!rc)
        rc = get_array(object, "ok", &ok, err);
    if (!rc) {
        struct series_options options = {.length_ns = slot_ns * json_array_size(ok),
                                         .slot_ns = slot_ns,
                                         .error_names = load_outcome_names + LOAD_REFUSED};
        rc = series_create(out, &options, err);
    }
    if (!rc)
        rc = fill_series(object, *out, err);
    return within(rc, "series", err);
}

static int read_load(const json_t *object, struct load_result *load, struct err *err)
{
    json_t *ended = NULL;
    int rc = get_fields(object, json_load_fields, load, err);
    if (!rc)
        rc = get_object(object, "ended", &ended, err);
    for (size_t i = 0; !rc && i < LOAD_OUTCOMES; i++)
        rc = get_count(ended, load_outcome_names[i], UINT64_MAX, &load->ended[i], err);
    if (!rc)
        rc = copy_into(object, "first_error", load->first_error, sizeof(load->first_error), err);
    if (!rc)
        rc = read_meter(object, "cpu", &load->cpu, err);
    for (const struct json_field *field = json_hist_fields; !rc && field->name; field++) {
        struct hist *hist = NULL;
        rc = read_hist(object, field->name, &hist, err);
        memcpy((char *)load + field->offset, &hist, sizeof(hist));
    }
    return rc ? rc : read_series(object, &load->series, err);
}

/* The index of a word among names that end with NULL. */
static int get_word(const json_t *object, const char *key, const char *const *names, int *out,
                    struct err *err)
{
    const char *word;
    int rc = get_text(object, key, &word, err);
    for (int i = 0; !rc && names[i]; i++) {
        if (strcmp(names[i], word) == 0) {
            *out = i;
            return 0;
        }
    }
    return rc ? rc : expected(err, key, "a word that is known");
}

static int read_curve_step(const json_t *object, struct search_step *step, struct err *err)
{
    int rc = json_is_object(object) ? 0 : expected(err, "steps", "objects");
    for (const struct json_number *field = json_curve_numbers; !rc && field->name; field++) {
        double value = NAN;
        rc = get_number(object, field->name, &value, err);
        json_number_set(field, step, value);
    }
    if (!rc)
        rc = get_fields(object, json_curve_fields, step, err);
    if (!rc)
        rc = get_word(object, "outcome", search_outcome_names, &step->outcome, err);
    return rc ? rc : get_bool(object, "kept_up", &step->kept_up, err);
}

static int fill_curve(const json_t *object, struct search_curve *curve, struct err *err)
{
    json_t *steps = NULL;
    int rc = get_word(object, "end", search_end_names, &curve->end, err);
    if (!rc)
        rc = get_number(object, "met_per_s", &curve->met_per_s, err);
    if (!rc)
        rc = get_number(object, "missed_per_s", &curve->missed_per_s, err);
    if (!rc)
        rc = copy_into(object, "reason", curve->reason, sizeof(curve->reason), err);
    if (!rc)
        rc = get_array(object, "steps", &steps, err);
    if (!rc && json_array_size(steps) > SEARCH_STEPS_MAX)
        rc = expected(err, "steps", "fewer");
    for (size_t i = 0; !rc && i < json_array_size(steps); i++) {
        rc = read_curve_step(json_array_get(steps, i), &curve->steps[i], err);
        curve->step_count = i + 1;
    }
    return rc;
}

/* Records from before there were searches have none. */
static int read_curve(const json_t *step, struct search_curve **out, struct err *err)
{
    const json_t *object = json_object_get(step, "search");
    if (!object || json_is_null(object))
        return 0;
    if (!json_is_object(object))
        return expected(err, "search", "an object or null");
    *out = calloc(1, sizeof(**out));
    return *out ? within(fill_curve(object, *out, err), "search", err) : no_memory(err);
}

/* What is null because it is never. Records of before have a large number for it. */
static int read_never(const json_t *object, const struct plan *plan, double *row, struct err *err)
{
    const double old_ns = 1e18;
    json_t *names = json_object_get(object, "never");
    int rc = names ? get_array(object, "never", &names, err) : 0;
    for (size_t i = 0; !rc && i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        int metric = name ? plan_metric_find(plan, name) : -1;
        if (metric < 0)
            return expected(err, "never", "names of metrics");
        row[metric] = METRIC_NEVER_NS;
    }
    for (size_t i = 0; !rc && i < plan->metric_count; i++)
        if (plan->metrics[i].unit == METRIC_NS && row[i] >= old_ns)
            row[i] = METRIC_NEVER_NS;
    return rc;
}

static int read_row(const json_t *object, const struct plan *plan, double *row, struct err *err)
{
    json_t *metrics;
    int rc = get_object(object, "metrics", &metrics, err);
    for (size_t i = 0; !rc && i < plan->metric_count; i++)
        rc = get_number(metrics, plan->metrics[i].name, &row[i], err);
    return rc ? within(rc, "metrics", err) : read_never(object, plan, row, err);
}

static int read_gauge(const json_t *object, struct gauge *gauge, struct err *err)
{
    json_t *values = NULL;
    int rc = get_fields(object, json_gauge_fields, gauge, err);
    if (!rc && gauge->period_ns == 0)
        rc = expected(err, "period_ns", "more than 0");
    if (!rc)
        rc = get_number(object, "opening", &gauge->opening, err);
    gauge->opened = !rc && isfinite(gauge->opening);
    if (!rc)
        rc = get_number(object, "low", &gauge->low, err);
    if (!rc)
        rc = get_number(object, "high", &gauge->high, err);
    if (!rc)
        rc = get_array(object, "values", &values, err);
    if (!rc && json_array_size(values) > GAUGE_KEPT_MAX)
        rc = expected(err, "values", "fewer");
    for (size_t i = 0; !rc && i < json_array_size(values); i++) {
        const json_t *value = json_array_get(values, i);
        if (!json_is_null(value) && !json_is_number(value))
            return expected(err, "values", "numbers or null");
        if (gauge_put(gauge, i, json_is_number(value) ? json_number_value(value) : NAN))
            return no_memory(err);
    }
    return rc;
}

/* By the scenario's names; what was not sampled is not there. */
static int read_gauges(const json_t *object, const struct plan *plan, struct result_step *step,
                       struct err *err)
{
    json_t *gauges = json_object_get(object, "gauges");
    size_t found = 0;
    if (!gauges) /* an older record */
        return 0;
    int rc = get_object(object, "gauges", &gauges, err);
    if (rc || json_object_size(gauges) == 0)
        return rc;
    step->gauges = calloc(plan->observe_count + 1, sizeof(*step->gauges));
    if (!step->gauges)
        return no_memory(err);
    for (size_t i = 0; !rc && i < plan->observe_count; i++) {
        const json_t *gauge = json_object_get(gauges, plan->observes[i].name);
        if (!gauge)
            continue;
        found++;
        rc = within(read_gauge(gauge, &step->gauges[i], err), plan->observes[i].name, err);
    }
    if (!rc && found != json_object_size(gauges))
        rc = expected(err, "gauges", "observations of the scenario");
    return rc;
}

/* One bucket behind another; null is no upper bound. */
static int read_bucket(const json_t *low, const json_t *high, const json_t *counted,
                       struct buckets *buckets, struct err *err)
{
    struct bucket *bucket = &buckets->items[buckets->count];
    bool first = buckets->count == 0, open = json_is_null(high);
    if (!json_is_number(low) || !(json_is_number(high) || open) ||
        !to_count(counted, &bucket->count))
        return err_set(err, -EINVAL, "expected numbers in low, high and count");
    bucket->low = json_number_value(low);
    bucket->high = open ? INFINITY : json_number_value(high);
    if (bucket->low > bucket->high || (!first && !(bucket->high > bucket[-1].high)))
        return err_set(err, -EINVAL, "expected bounds in ascending order");
    buckets->count++;
    return 0;
}

static int read_buckets(const json_t *object, struct buckets *buckets, struct err *err)
{
    json_t *low, *high = NULL, *counts = NULL;
    int rc = get_array(object, "low", &low, err);
    if (!rc)
        rc = get_array(object, "high", &high, err);
    if (!rc)
        rc = get_array(object, "count", &counts, err);
    size_t size = rc ? 0 : json_array_size(low);
    if (!rc &&
        (json_array_size(high) != size || json_array_size(counts) != size || size > BUCKETS_MAX))
        rc = err_set(err, -EINVAL, "expected low, high and count of one length");
    if (!rc && !(buckets->items = calloc(size + 1, sizeof(*buckets->items))))
        rc = no_memory(err);
    for (size_t i = 0; i < size && !rc; i++)
        rc = read_bucket(json_array_get(low, i), json_array_get(high, i), json_array_get(counts, i),
                         buckets, err);
    return rc;
}

static int read_histograms(const json_t *object, const struct plan *plan, struct result_step *step,
                           struct err *err)
{
    json_t *histograms = json_object_get(object, "histograms");
    size_t found = 0;
    if (!histograms) /* an older record */
        return 0;
    int rc = get_object(object, "histograms", &histograms, err);
    if (rc || json_object_size(histograms) == 0)
        return rc;
    step->histograms = calloc(plan->observe_count + 1, sizeof(*step->histograms));
    if (!step->histograms)
        return no_memory(err);
    for (size_t i = 0; !rc && i < plan->observe_count; i++) {
        const char *name = plan->observes[i].name;
        const json_t *histogram = json_object_get(histograms, name);
        if (!plan->observes[i].histogram || !histogram)
            continue;
        found++;
        rc = within(read_buckets(histogram, &step->histograms[i], err), name, err);
    }
    if (!rc && found != json_object_size(histograms))
        rc = err_set(err, -EINVAL, "expected observations of the scenario");
    return rc;
}

static int read_step(const json_t *object, const struct plan *plan, struct result_step *step,
                     double *row, struct err *err)
{
    if (json_is_null(object))
        return 0;
    if (!json_is_object(object))
        return err_set(err, -EINVAL, "expected an object or null");
    const json_t *load = json_object_get(object, "load");
    step->ran = true;
    step->loaded = json_is_object(load);
    step->metered = json_is_object(json_object_get(object, "subject"));
    step->database_metered = json_is_integer(json_object_get(object, "database_cpu_ns"));
    int rc = get_count(object, "start_ns", UINT64_MAX, &step->start_ns, err);
    if (!rc)
        rc = get_count(object, "length_ns", UINT64_MAX, &step->length_ns, err);
    if (!rc)
        rc = read_row(object, plan, row, err);
    if (!rc && step->loaded)
        rc = within(read_load(load, &step->load, err), "load", err);
    if (!rc && step->metered)
        rc = read_meter(object, "subject", &step->subject, err);
    if (!rc && step->database_metered)
        rc = get_count(object, "database_cpu_ns", UINT64_MAX, &step->database_cpu_ns, err);
    if (!rc)
        rc = read_curve(object, &step->curve, err);
    if (!rc)
        rc = within(read_gauges(object, plan, step, err), "gauges", err);
    return rc ? rc : within(read_histograms(object, plan, step, err), "histograms", err);
}

static int read_kinds(const json_t *object, struct recovery *recovery, struct err *err)
{
    json_t *kinds;
    int rc = get_object(object, "kinds", &kinds, err);
    for (size_t i = LOAD_REFUSED; !rc && i < LOAD_OUTCOMES; i++)
        if (json_object_get(kinds, load_outcome_names[i]))
            rc = get_count(kinds, load_outcome_names[i], UINT64_MAX,
                           &recovery->kinds[i - LOAD_REFUSED], err);
    return rc;
}

static int read_recovery(const json_t *window, struct recovery *recovery, struct err *err)
{
    json_t *object;
    int rc = get_object(window, "recovery", &object, err);
    if (rc)
        return rc;
    rc = get_word(object, "state", json_recovery_states, &recovery->state, err);
    for (const struct json_number *field = json_recovery_numbers; !rc && field->name; field++) {
        double value = NAN;
        rc = get_number(object, field->name, &value, err);
        json_number_set(field, recovery, value);
    }
    if (!rc)
        rc = get_fields(object, json_recovery_fields, recovery, err);
    return within(rc ? rc : read_kinds(object, recovery, err), "recovery", err);
}

static int read_window(const json_t *object, const struct plan_fault *fault,
                       struct result_window *window, struct err *err)
{
    const char *name = NULL;
    int rc = get_text(object, "fault", &name, err);
    if (!rc && strcmp(name, fault->name) != 0)
        rc = expected(err, "fault", "the faults of the scenario, in order");
    if (!rc)
        rc = get_bool(object, "acted", &window->acted, err);
    if (!rc)
        rc = get_fields(object, json_window_fields, window, err);
    if (!rc)
        rc = get_number(object, "queries", &window->queries, err);
    return rc ? rc : read_recovery(object, &window->recovery, err);
}

/* Records from before there were faults have none. */
static int read_windows(const json_t *object, const struct plan *plan, struct result_round *round,
                        struct err *err)
{
    json_t *windows = json_object_get(object, "faults");
    if (!windows && plan->fault_count == 0)
        return 0;
    int rc = get_array(object, "faults", &windows, err);
    if (!rc && json_array_size(windows) != plan->fault_count)
        rc = expected(err, "faults", "as many as the scenario has");
    for (size_t i = 0; !rc && i < plan->fault_count; i++) {
        rc = read_window(json_array_get(windows, i), &plan->faults[i], &round->windows[i], err);
        if (rc)
            (void)err_wrap(err, "faults[%zu]", i);
    }
    return rc;
}

static int read_breaches(const json_t *object, const struct plan *plan, struct result_round *round,
                         struct err *err)
{
    json_t *breaches = json_object_get(object, "broken");
    if (!breaches) /* an older record */
        return 0;
    int rc = get_array(object, "broken", &breaches, err);
    if (!rc && (json_array_size(breaches) > plan->invariant_count ||
                (round->valid && json_array_size(breaches) > 0)))
        rc = expected(err, "broken", "invariants of the scenario where the round is not valid");
    for (size_t i = 0; !rc && i < json_array_size(breaches); i++) {
        const json_t *breach = json_array_get(breaches, i);
        uint64_t invariant = 0;
        const char *text = NULL;
        rc = get_count(breach, "invariant", plan->invariant_count - 1, &invariant, err);
        if (!rc)
            rc = get_text(breach, "text", &text, err);
        if (!rc)
            result_round_break(round, invariant, "%s", text);
        if (rc)
            (void)err_wrap(err, "broken[%zu]", i);
    }
    return rc;
}

/* Of a phase, or where that is null of the whole round; in older records a mere text. */
static int read_reason(const json_t *object, const struct plan *plan, struct result_round *round,
                       struct err *err)
{
    const char *text = json_string_value(object);
    uint64_t phase = 0;
    bool whole = text || json_is_null(json_object_get(object, "phase"));
    int rc = text ? 0 : get_text(object, "text", &text, err);
    if (!rc && !whole)
        rc = get_count(object, "phase", plan->phase_count - 1, &phase, err);
    if (!rc && whole)
        result_round_invalid(round, "%s", text);
    else if (!rc)
        result_phase_invalid(round, phase, "%s", text);
    return rc;
}

static int read_reasons(const json_t *object, const struct plan *plan, struct result_round *round,
                        struct err *err)
{
    json_t *reasons;
    int rc = get_array(object, "reasons", &reasons, err);
    if (rc)
        return rc;
    if (round->valid != (json_array_size(reasons) + round->breach_count == 0) ||
        json_array_size(reasons) > RESULT_REASONS_MAX)
        return expected(err, "reasons", "some where the round is not valid, else none");
    for (size_t i = 0; i < json_array_size(reasons) && !rc; i++)
        rc = within(read_reason(json_array_get(reasons, i), plan, round, err), "reasons", err);
    return rc;
}

static int read_place(const json_t *object, const struct result *result, struct result_round *round,
                      struct err *err)
{
    uint64_t variant = 0, block = 0, place = 0, attempt = 0;
    bool valid = false;
    int pid = 0;
    if (result->variant_count == 0 || result->block_count == 0)
        return err_set(err, -EINVAL, "expected no rounds without variants and blocks");
    int rc = get_count(object, "variant", result->variant_count - 1, &variant, err);
    if (!rc)
        rc = get_count(object, "block", result->block_count - 1, &block, err);
    if (!rc)
        rc = get_count(object, "place", ROUNDS_MAX, &place, err);
    if (!rc)
        rc = get_count(object, "attempt", UINT16_MAX, &attempt, err);
    if (!rc)
        rc = get_int(object, "pid", &pid, err);
    if (!rc)
        rc = get_int(object, "exit_status", &round->exit_status, err);
    if (!rc)
        rc = get_bool(object, "valid", &valid, err);
    if (!rc)
        rc = get_fields(object, json_round_fields, round, err);
    round->variant = variant;
    round->block = block;
    round->place = place;
    round->attempt = (unsigned)attempt;
    round->pid = pid;
    round->valid = false; /* lest it be found as the other round */
    if (!rc && valid && result_find(result, block, variant))
        rc = expected(err, "valid", "one valid round a block and variant");
    round->valid = valid;
    return rc;
}

static int read_round(const json_t *object, struct result *result, struct err *err)
{
    const struct plan *plan = result->plan;
    struct result_round *round;
    json_t *steps;
    int rc = result_add_round(result, &round, err);
    if (rc)
        return rc;
    round->valid = false;
    rc = read_place(object, result, round, err);
    if (!rc)
        rc = read_breaches(object, plan, round, err);
    if (!rc)
        rc = read_reasons(object, plan, round, err);
    if (!rc)
        rc = read_row(object, plan, round->whole, err);
    if (!rc)
        rc = get_array(object, "phases", &steps, err);
    if (!rc && json_array_size(steps) != plan->phase_count)
        rc = expected(err, "phases", "as many as the scenario has");
    for (size_t i = 0; !rc && i < plan->phase_count; i++) {
        rc = read_step(json_array_get(steps, i), plan, &round->steps[i],
                       round->rows + i * plan->metric_count, err);
        if (rc)
            (void)err_wrap(err, "phases[%zu]", i);
    }
    return rc ? rc : read_windows(object, plan, round, err);
}

static int read_rounds(const json_t *root, struct result *result, struct err *err)
{
    json_t *rounds;
    int rc = get_array(root, "rounds", &rounds, err);
    if (!rc && json_array_size(rounds) > ROUNDS_MAX)
        rc = expected(err, "rounds", "fewer");
    for (size_t i = 0; !rc && i < json_array_size(rounds); i++) {
        rc = read_round(json_array_get(rounds, i), result, err);
        if (rc)
            (void)err_wrap(err, "rounds[%zu]", i);
    }
    return rc;
}

static int read_variant(const json_t *object, struct result *result, struct err *err)
{
    uint64_t plan_index;
    const char *name;
    int rc = get_count(object, "plan_index", result->plan->variant_count - 1, &plan_index, err);
    if (!rc)
        rc = get_text(object, "name", &name, err);
    if (!rc)
        rc = result_add_variant(result, plan_index, name, err);
    if (rc)
        return rc;
    struct result_variant *variant = &result->variants[result->variant_count - 1];
    rc = copy_text(object, "allocator", &variant->allocator, err);
    if (!rc)
        rc = copy_text(object, "preload", &variant->preload, err);
    if (!rc && json_object_get(object, "program")) /* older records have none */
        rc = copy_text(object, "program", &variant->program, err);
    return rc;
}

static int read_variants(const json_t *root, struct result *result, struct err *err)
{
    json_t *variants;
    int rc = get_array(root, "variants", &variants, err);
    if (!rc && json_array_size(variants) > PLAN_VARIANTS_MAX)
        rc = expected(err, "variants", "fewer");
    for (size_t i = 0; !rc && i < json_array_size(variants); i++) {
        rc = read_variant(json_array_get(variants, i), result, err);
        if (rc)
            (void)err_wrap(err, "variants[%zu]", i);
    }
    return rc;
}

/* What is null stays as it is; what is not there is newer than the record, and at its default. */
static int read_params(const json_t *object, const struct param *params, void *state,
                       struct err *err)
{
    for (const struct param *param = params; param->name; param++) {
        const json_t *value = json_object_get(object, param->name);
        const char *text = value ? json_string_value(value) : param->fallback;
        if (json_is_null(value) || (!value && !text))
            continue;
        if (!text)
            return expected(err, param->name, "a text or null");
        int rc = param_set(param, state, text, err);
        if (rc)
            return rc;
    }
    return 0;
}

static int read_phase(const json_t *object, const struct plan_phase *planned,
                      struct result_phase *phase, struct err *err)
{
    const char *name, *kind;
    json_t *load;
    int rc = get_text(object, "name", &name, err);
    if (!rc)
        rc = get_text(object, "kind", &kind, err);
    if (!rc &&
        (strcmp(name, phase->name) != 0 || strcmp(kind, plan_phase_kind_names[phase->kind]) != 0))
        rc = expected(err, "name, kind", "those of the scenario");
    if (!rc)
        rc = get_count(object, "length_ns", UINT64_MAX, &phase->length_ns, err);
    if (rc || planned->request_count == 0)
        return rc;
    rc = get_object(object, "load", &load, err);
    if (rc)
        return rc;
    phase->profile = (struct load_profile){0};
    rc = read_params(load, load_profile_params, &phase->profile, err);
    const json_t *search = json_object_get(object, "search");
    if (!rc && json_is_object(search))
        rc = within(read_params(search, search_params, &phase->search, err), "search", err);
    return rc;
}

static int read_phases(const json_t *root, struct result *result, struct err *err)
{
    json_t *phases;
    int rc = get_array(root, "phases", &phases, err);
    if (!rc && json_array_size(phases) != result->plan->phase_count)
        rc = expected(err, "phases", "as many as the scenario has");
    for (size_t i = 0; !rc && i < result->plan->phase_count; i++) {
        rc = read_phase(json_array_get(phases, i), &result->plan->phases[i], &result->phases[i],
                        err);
        if (rc)
            (void)err_wrap(err, "phases[%zu]", i);
    }
    return rc;
}

static int read_faults(const json_t *root, struct result *result, struct err *err)
{
    json_t *faults = json_object_get(root, "faults");
    if (!faults && result->plan->fault_count == 0)
        return 0;
    int rc = get_array(root, "faults", &faults, err);
    if (!rc && json_array_size(faults) != result->plan->fault_count)
        rc = expected(err, "faults", "as many as the scenario has");
    for (size_t i = 0; !rc && i < result->plan->fault_count; i++) {
        rc = get_fields(json_array_get(faults, i), json_fault_fields, &result->faults[i], err);
        if (rc)
            (void)err_wrap(err, "faults[%zu]", i);
    }
    return rc;
}

static int read_averages(const json_t *object, const char *key, double *averages, struct err *err)
{
    json_t *array;
    int rc = get_array(object, key, &array, err);
    if (!rc && json_array_size(array) != 3)
        rc = expected(err, key, "three load averages");
    for (size_t i = 0; !rc && i < 3; i++) {
        const json_t *value = json_array_get(array, i);
        if (!json_is_null(value) && !json_is_number(value))
            return expected(err, key, "numbers or null");
        averages[i] = json_is_number(value) ? json_number_value(value) : NAN;
    }
    return rc;
}

static int read_environment(const json_t *root, struct result_environment *env, struct err *err)
{
    json_t *object;
    uint64_t cpu_count = 0;
    int rc = get_object(root, "environment", &object, err);
    if (rc)
        return rc;
    for (const struct json_text *field = json_environment_texts; !rc && field->name; field++)
        if (json_object_get(object, field->name)) /* not so in records older than it */
            rc =
                copy_into(object, field->name, (char *)env + field->offset, field->size_bytes, err);
    if (!rc)
        rc = get_bool(object, "dirty", &env->dirty, err);
    if (!rc)
        rc = get_count(object, "cpu_count", UINT16_MAX, &cpu_count, err);
    if (!rc)
        rc = get_count(object, "memory_bytes", UINT64_MAX, &env->memory_bytes, err);
    if (!rc)
        rc = copy_text(object, "command_line", &env->command_line, err);
    if (!rc)
        rc = read_averages(object, "load_before", env->load_before, err);
    if (!rc)
        rc = read_averages(object, "load_after", env->load_after, err);
    if (!rc)
        rc = get_bool(object, "cpus_shared", &env->cpus_shared, err);
    env->cpu_count = (unsigned)cpu_count;
    return within(rc, "environment", err);
}

static int read_run(const json_t *root, struct result *result, struct err *err)
{
    json_t *run;
    uint64_t blocks = 0;
    int rc = get_object(root, "run", &run, err);
    if (rc)
        return rc;
    rc = get_count(run, "seed", UINT64_MAX, &result->seed, err);
    if (!rc)
        rc = get_count(run, "blocks", BLOCKS_MAX, &blocks, err);
    if (!rc)
        rc = get_bool(run, "quick", &result->quick, err);
    if (!rc)
        rc = get_bool(run, "aa", &result->aa, err);
    if (!rc)
        rc = get_bool(run, "interrupted", &result->interrupted, err);
    if (!rc)
        rc = copy_text(run, "failure", &result->failure, err);
    if (!rc)
        rc = get_number(run, "noise", &result->noise_share, err);
    if (!rc && !(result->noise_share >= 0 && result->noise_share <= 1))
        rc = expected(err, "noise", "a share from 0 to 1");
    if (!rc)
        rc = get_count(run, "start_ns", UINT64_MAX, &result->start_ns, err);
    if (!rc)
        rc = get_count(run, "length_ns", UINT64_MAX, &result->length_ns, err);
    if (!rc)
        rc = copy_text(run, "folder", &result->folder, err);
    result->block_count = blocks;
    return within(rc, "run", err);
}

static int read_plan(const json_t *root, const struct plan_tables *tables, struct plan **plan,
                     struct err *err)
{
    json_t *scenario;
    const char *path, *text, *cell = NULL;
    int rc = get_object(root, "scenario", &scenario, err);
    if (!rc)
        rc = get_text(scenario, "path", &path, err);
    if (!rc)
        rc = get_text(scenario, "text", &text, err);
    if (!rc)
        cell = json_string_value(json_object_get(scenario, "cell")); /* older records have none */
    if (!rc)
        rc = plan_parse_cell(path, text, strlen(text), tables, cell, plan, err);
    return within(rc, "scenario", err);
}

static int read_root(const json_t *root, const struct plan_tables *tables, struct plan **plan,
                     struct result **result, struct err *err)
{
    uint64_t schema;
    int rc = json_is_object(root) ? get_count(root, "schema", UINT64_MAX, &schema, err)
                                  : err_set(err, -EINVAL, "expected an object");
    if (!rc && schema != JSON_SCHEMA)
        rc = err_set(err, -EINVAL, "schema: expected %d, not %llu", JSON_SCHEMA,
                     (unsigned long long)schema);
    if (!rc)
        rc = read_plan(root, tables, plan, err);
    if (!rc)
        rc = result_create(result, *plan, err);
    if (!rc)
        rc = read_run(root, *result, err);
    if (!rc)
        rc = read_environment(root, &(*result)->environment, err);
    if (!rc)
        rc = read_variants(root, *result, err);
    if (!rc)
        rc = read_phases(root, *result, err);
    if (!rc)
        rc = read_faults(root, *result, err);
    return rc ? rc : read_rounds(root, *result, err);
}

static int refuse_syntax(const char *path, const json_error_t *error, struct err *err)
{
    return err_set(err, -EINVAL, "%.200s:%d:%d: %.160s", path, error->line, error->column,
                   error->text);
}

static int load_root(const char *path, json_t **root, struct err *err)
{
    struct stat status;
    json_error_t error;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return err_sys(err, -errno, "open %.200s", path);
    int rc = 0;
    if (fstat(fd, &status))
        rc = err_sys(err, -errno, "look at %.200s", path);
    else if (!S_ISREG(status.st_mode))
        rc = err_set(err, -EINVAL, "%.200s: expected a file", path);
    else if (status.st_size > RESULT_FILE_BYTES_MAX)
        rc = err_set(err, -EFBIG, "%.200s: expected at most 1 GiB", path);
    if (!rc) {
        *root = json_loadfd(fd, JSON_REJECT_DUPLICATES, &error);
        rc = *root ? 0 : refuse_syntax(path, &error, err);
    }
    (void)close(fd);
    return rc;
}

/* Takes root over. */
static int read_record(const char *path, json_t *root, const struct plan_tables *tables,
                       struct plan **plan, struct result **result, struct err *err)
{
    struct plan *read_plan = NULL;
    struct result *read_result = NULL;
    int rc = read_root(root, tables, &read_plan, &read_result, err);
    json_decref(root);
    if (rc) {
        (void)err_wrap(err, "%.200s", path);
        result_destroy(read_result);
        plan_destroy(read_plan);
        return rc;
    }
    *plan = read_plan;
    *result = read_result;
    return 0;
}

int result_read(const char *path, const struct plan_tables *tables, struct plan **plan,
                struct result **result, struct err *err)
{
    json_t *root = NULL;
    int rc = load_root(path, &root, err);
    return rc ? rc : read_record(path, root, tables, plan, result, err);
}

int result_parse(const char *path, const char *data, size_t length_bytes,
                 const struct plan_tables *tables, struct plan **plan, struct result **result,
                 struct err *err)
{
    json_error_t error;
    json_t *root = json_loadb(data, length_bytes, JSON_REJECT_DUPLICATES, &error);
    return root ? read_record(path, root, tables, plan, result, err)
                : refuse_syntax(path, &error, err);
}
