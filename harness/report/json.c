/* SPDX-License-Identifier: MIT */
/* json.c - writes result.json: every round, histogram and series, and what they were judged. */
#include "report/json.h"

#include "core/param.h"
#include "measure/hist_codec.h"
#include "report/json_fields.h"
#include "report/report.h"
#include "report/text.h"

#include <jansson.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Remembers the first failure, so that building needs no checks: jansson hands NULLs on. */
struct writer {
    struct err *err;
    int rc;
};

static void fail(struct writer *writer)
{
    if (!writer->rc)
        writer->rc = err_sys(writer->err, -ENOMEM, "write a result as JSON");
}

static void put(struct writer *writer, json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value))
        fail(writer);
}

static void append(struct writer *writer, json_t *array, json_t *value)
{
    if (json_array_append_new(array, value))
        fail(writer);
}

/* JSON knows neither NaN nor infinity. */
static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *count(uint64_t value)
{
    char digits[24];
    if (value <= UINT64_C(1) << 53)
        return json_integer((json_int_t)value);
    (void)snprintf(digits, sizeof(digits), "%llu", (unsigned long long)value);
    return json_string(digits);
}

static void put_fields(struct writer *writer, json_t *object, const struct json_field *fields,
                       const void *state)
{
    for (; fields->name; fields++)
        put(writer, object, fields->name, count(json_field_get(fields, state)));
}

static json_t *hist_json(struct writer *writer, const struct hist *hist)
{
    char *encoded = NULL;
    if (!hist)
        return json_null();
    int rc = hist_encode_base64(hist, &encoded, writer->err);
    if (rc) {
        writer->rc = writer->rc ? writer->rc : rc;
        return NULL;
    }
    json_t *object = json_object();
    put(writer, object, "count", count(hist->count));
    put(writer, object, "overflow", count(hist->overflow));
    put(writer, object, "min_ns", count(hist_min_ns(hist)));
    put(writer, object, "max_ns", count(hist_max_ns(hist)));
    put(writer, object, "hdr_v2", json_string(encoded));
    free(encoded);
    return object;
}

/* The latencies of one slot, or null when there are none. */
static json_t *slot_hist(struct writer *writer, const struct series *series, size_t index,
                         struct hist *scratch)
{
    char *encoded = NULL;
    if (series_slot(series, index)->ok == 0)
        return json_null();
    hist_reset(scratch);
    series_slot_into_hist(series, index, scratch);
    int rc = hist_encode_base64(scratch, &encoded, writer->err);
    if (rc) {
        writer->rc = writer->rc ? writer->rc : rc;
        return NULL;
    }
    json_t *json = json_string(encoded);
    free(encoded);
    return json;
}

static json_t *slot_errors(struct writer *writer, const struct series *series)
{
    json_t *errors = json_object();
    for (unsigned kind = 0; kind < series->error_kinds; kind++) {
        uint64_t total = 0;
        json_t *slots = json_array();
        for (size_t i = 0; i < series->slot_count; i++) {
            uint64_t value = series_slot(series, i)->errors[kind];
            append(writer, slots, count(value));
            total += value;
        }
        if (total)
            put(writer, errors, series->error_names[kind], slots);
        else
            json_decref(slots);
    }
    return errors;
}

/* Percentiles of the slots stand beside their histograms for readers without a decoder. */
static void put_slots(struct writer *writer, json_t *object, const struct series *series,
                      struct hist *scratch)
{
    json_t *hists = json_array(), *p50 = json_array(), *p99 = json_array();
    for (const struct json_field *field = json_slot_fields; field->name; field++) {
        json_t *column = json_array();
        for (size_t i = 0; i < series->slot_count; i++)
            append(writer, column, count(json_field_get(field, series_slot(series, i))));
        put(writer, object, field->name, column);
    }
    for (size_t i = 0; i < series->slot_count; i++) {
        bool any = series_slot(series, i)->ok > 0;
        append(writer, p50, any ? count(series_slot_percentile_ns(series, i, 50)) : json_null());
        append(writer, p99, any ? count(series_slot_percentile_ns(series, i, 99)) : json_null());
        append(writer, hists, slot_hist(writer, series, i, scratch));
    }
    put(writer, object, "p50_ns", p50);
    put(writer, object, "p99_ns", p99);
    put(writer, object, "hdr_v2", hists);
}

static json_t *series_json(struct writer *writer, const struct series *series)
{
    struct hist *scratch = NULL;
    if (!series)
        return json_null();
    int rc = hist_create(&scratch, SERIES_LOWEST_NS, SERIES_HIGHEST_NS, SERIES_DIGITS, writer->err);
    if (rc) {
        writer->rc = writer->rc ? writer->rc : rc;
        return NULL;
    }
    json_t *object = json_object();
    put(writer, object, "slot_ns", count(series->slot_ns));
    put(writer, object, "start_ns", count(series->start_ns));
    put(writer, object, "early", count(series->early));
    put(writer, object, "late", count(series->late));
    put(writer, object, "errors", slot_errors(writer, series));
    put_slots(writer, object, series, scratch);
    hist_destroy(scratch);
    return object;
}

static json_t *meter_json(struct writer *writer, const struct meter_sample *sample)
{
    json_t *object = json_object();
    put_fields(writer, object, json_meter_fields, sample);
    return object;
}

static json_t *load_json(struct writer *writer, const struct load_result *load)
{
    json_t *object = json_object(), *ended = json_object();
    put_fields(writer, object, json_load_fields, load);
    for (size_t i = 0; i < LOAD_OUTCOMES; i++)
        put(writer, ended, load_outcome_names[i], count(load->ended[i]));
    put(writer, object, "ended", ended);
    put(writer, object, "first_error", json_plain(load->first_error));
    put(writer, object, "cpu", meter_json(writer, &load->cpu));
    for (const struct json_field *field = json_hist_fields; field->name; field++) {
        const struct hist *hist;
        memcpy(&hist, (const char *)load + field->offset, sizeof(hist));
        put(writer, object, field->name, hist_json(writer, hist));
    }
    put(writer, object, "series", series_json(writer, load->series));
    return object;
}

/* Gives the names of what is null in an object because it is never, if there are any. */
static void put_never(struct writer *writer, json_t *object, json_t *names)
{
    if (json_array_size(names) > 0)
        put(writer, object, "never", names);
    else
        json_decref(names);
}

static void put_row(struct writer *writer, json_t *object, const struct plan *plan,
                    const double *row)
{
    json_t *metrics = json_object(), *never = json_array();
    for (size_t i = 0; i < plan->metric_count; i++) {
        put(writer, metrics, plan->metrics[i].name, number(row[i]));
        if (isinf(row[i]))
            append(writer, never, json_plain(plan->metrics[i].name));
    }
    put(writer, object, "metrics", metrics);
    put_never(writer, object, never);
}

static json_t *curve_step_json(struct writer *writer, const struct search_step *step)
{
    json_t *object = json_object();
    for (const struct json_number *field = json_curve_numbers; field->name; field++)
        put(writer, object, field->name, number(json_number_get(field, step)));
    put_fields(writer, object, json_curve_fields, step);
    put(writer, object, "outcome", json_string(search_outcome_names[step->outcome]));
    put(writer, object, "kept_up", json_boolean(step->kept_up));
    return object;
}

static json_t *curve_json(struct writer *writer, const struct search_curve *curve)
{
    if (!curve)
        return json_null();
    json_t *object = json_object(), *steps = json_array();
    put(writer, object, "end", json_string(search_end_names[curve->end]));
    put(writer, object, "met_per_s", number(curve->met_per_s));
    put(writer, object, "missed_per_s", number(curve->missed_per_s));
    put(writer, object, "reason", json_plain(curve->reason));
    for (size_t i = 0; i < curve->step_count; i++)
        append(writer, steps, curve_step_json(writer, &curve->steps[i]));
    put(writer, object, "steps", steps);
    return object;
}

static json_t *gauge_json(struct writer *writer, const struct gauge *gauge)
{
    json_t *object = json_object(), *values = json_array();
    put_fields(writer, object, json_gauge_fields, gauge);
    put(writer, object, "opening", number(gauge->opened ? gauge->opening : NAN));
    put(writer, object, "low", number(gauge->low));
    put(writer, object, "high", number(gauge->high));
    for (size_t i = 0; i < gauge->count; i++)
        append(writer, values, number(gauge->values[i]));
    put(writer, object, "values", values);
    return object;
}

static json_t *gauges_json(struct writer *writer, const struct plan *plan,
                           const struct result_step *step)
{
    json_t *object = json_object();
    for (size_t i = 0; i < plan->observe_count; i++) {
        const struct gauge *gauge = result_gauge(step, i);
        if (gauge)
            put(writer, object, plan->observes[i].name, gauge_json(writer, gauge));
    }
    return object;
}

static json_t *buckets_json(struct writer *writer, const struct buckets *buckets)
{
    json_t *object = json_object(), *low = json_array(), *high = json_array();
    json_t *counts = json_array();
    for (size_t i = 0; i < buckets->count; i++) {
        append(writer, low, number(buckets->items[i].low));
        append(writer, high, number(buckets->items[i].high));
        append(writer, counts, count(buckets->items[i].count));
    }
    put(writer, object, "low", low);
    put(writer, object, "high", high);
    put(writer, object, "count", counts);
    return object;
}

static json_t *histograms_json(struct writer *writer, const struct plan *plan,
                               const struct result_step *step)
{
    json_t *object = json_object();
    for (size_t i = 0; i < plan->observe_count; i++) {
        const struct buckets *buckets = result_histogram(plan, step, i);
        if (buckets)
            put(writer, object, plan->observes[i].name, buckets_json(writer, buckets));
    }
    return object;
}

static json_t *step_json(struct writer *writer, const struct plan *plan,
                         const struct result_round *round, size_t phase)
{
    const struct result_step *step = &round->steps[phase];
    if (!step->ran)
        return json_null();
    json_t *object = json_object();
    put(writer, object, "start_ns", count(step->start_ns));
    put(writer, object, "length_ns", count(step->length_ns));
    put_row(writer, object, plan, round->rows + phase * plan->metric_count);
    put(writer, object, "load", step->loaded ? load_json(writer, &step->load) : json_null());
    put(writer, object, "subject",
        step->metered ? meter_json(writer, &step->subject) : json_null());
    put(writer, object, "database_cpu_ns",
        step->database_metered ? count(step->database_cpu_ns) : json_null());
    put(writer, object, "search", curve_json(writer, step->curve));
    put(writer, object, "gauges", gauges_json(writer, plan, step));
    put(writer, object, "histograms", histograms_json(writer, plan, step));
    return object;
}

static json_t *breaches_json(struct writer *writer, const struct result_round *round)
{
    json_t *array = json_array();
    for (size_t i = 0; i < round->breach_count; i++) {
        json_t *object = json_object();
        put(writer, object, "invariant", count(round->breaches[i].invariant));
        put(writer, object, "text", json_plain(round->breaches[i].text));
        append(writer, array, object);
    }
    return array;
}

static json_t *reason_json(struct writer *writer, const struct result_round *round, size_t index)
{
    json_t *object = json_object();
    int phase = round->reason_phases[index];
    put(writer, object, "phase", phase < 0 ? json_null() : json_integer(phase));
    put(writer, object, "text", json_plain(round->reasons[index]));
    return object;
}

static json_t *recovery_json(struct writer *writer, const struct recovery *recovery)
{
    json_t *object = json_object(), *kinds = json_object();
    put(writer, object, "state", json_string(json_recovery_states[recovery->state]));
    for (const struct json_number *field = json_recovery_numbers; field->name; field++)
        put(writer, object, field->name, number(json_number_get(field, recovery)));
    put_fields(writer, object, json_recovery_fields, recovery);
    for (size_t i = LOAD_REFUSED; i < LOAD_OUTCOMES; i++)
        if (recovery->kinds[i - LOAD_REFUSED])
            put(writer, kinds, load_outcome_names[i], count(recovery->kinds[i - LOAD_REFUSED]));
    put(writer, object, "kinds", kinds);
    return object;
}

static json_t *windows_json(struct writer *writer, const struct plan *plan,
                            const struct result_round *round)
{
    json_t *array = json_array();
    for (size_t i = 0; i < plan->fault_count; i++) {
        const struct result_window *window = &round->windows[i];
        json_t *object = json_object();
        put(writer, object, "fault", json_plain(plan->faults[i].name));
        put(writer, object, "acted", json_boolean(window->acted));
        put_fields(writer, object, json_window_fields, window);
        put(writer, object, "queries", number(window->queries));
        put(writer, object, "recovery", recovery_json(writer, &window->recovery));
        append(writer, array, object);
    }
    return array;
}

static json_t *round_json(struct writer *writer, const struct result *result,
                          const struct result_round *round)
{
    json_t *object = json_object(), *reasons = json_array(), *steps = json_array();
    put(writer, object, "variant", count(round->variant));
    put(writer, object, "block", count(round->block));
    put(writer, object, "place", count(round->place));
    put(writer, object, "attempt", count(round->attempt));
    put_fields(writer, object, json_round_fields, round);
    put(writer, object, "pid", json_integer(round->pid));
    put(writer, object, "exit_status", json_integer(round->exit_status));
    put(writer, object, "valid", json_boolean(round->valid));
    for (size_t i = 0; i < round->reason_count; i++)
        append(writer, reasons, reason_json(writer, round, i));
    put(writer, object, "reasons", reasons);
    put(writer, object, "broken", breaches_json(writer, round));
    put_row(writer, object, result->plan, round->whole);
    for (size_t i = 0; i < result->plan->phase_count; i++)
        append(writer, steps, step_json(writer, result->plan, round, i));
    put(writer, object, "phases", steps);
    put(writer, object, "faults", windows_json(writer, result->plan, round));
    return object;
}

static json_t *pairs_json(struct writer *writer, const struct plan_pairs *pairs)
{
    json_t *object = json_object();
    for (size_t i = 0; i < pairs->count; i++)
        put(writer, object, pairs->items[i].name, json_plain(pairs->items[i].value));
    return object;
}

static json_t *subject_json(struct writer *writer, const struct plan_subject *subject)
{
    static const char *const kinds[] = {[PLAN_SUBJECT_SERVE] = "serve",
                                        [PLAN_SUBJECT_COMMAND] = "command",
                                        [PLAN_SUBJECT_URL] = "url",
                                        [PLAN_SUBJECT_MICRO] = "micro"};
    json_t *object = json_object(), *command = json_array();
    put(writer, object, "kind", json_string(kinds[subject->kind]));
    put(writer, object, "serve", pairs_json(writer, &subject->serve));
    for (char **word = subject->command; word && *word; word++)
        append(writer, command, json_plain(*word));
    put(writer, object, "command", command);
    put(writer, object, "url", json_plain(subject->url));
    put(writer, object, "health", json_plain(subject->health));
    put(writer, object, "allocator", json_string(plan_allocator_names[subject->allocator]));
    put(writer, object, "env", pairs_json(writer, &subject->env));
    put(writer, object, "start_timeout_ns", count(subject->start_timeout_ns));
    put(writer, object, "benchmark", json_plain(subject->benchmark));
    put(writer, object, "row", json_plain(subject->row));
    put(writer, object, "threads", count(subject->threads));
    return object;
}

static json_t *variant_json(struct writer *writer, const struct result *result, size_t index)
{
    const struct result_variant *variant = &result->variants[index];
    const struct plan_variant *planned = &result->plan->variants[variant->plan_index];
    json_t *object = json_object();
    put(writer, object, "name", json_plain(variant->name));
    put(writer, object, "plan_index", count(variant->plan_index));
    put(writer, object, "about", json_plain(planned->about));
    put(writer, object, "allocator", json_plain(variant->allocator));
    put(writer, object, "preload", json_plain(variant->preload));
    put(writer, object, "program", json_plain(variant->program));
    put(writer, object, "subject", subject_json(writer, &planned->subject));
    return object;
}

/* Whether a setting without a default was not given: its zero may lie outside its bounds. */
static bool is_unset(const struct param *param, const void *state)
{
    uint64_t bits; /* a zero of either kind has none set */
    bool wide = param->type == PARAM_TYPE_RATE || param->type == PARAM_TYPE_NS ||
                param->type == PARAM_TYPE_BYTES || param->type == PARAM_TYPE_COUNT;
    if (!wide || param->fallback)
        return false;
    memcpy(&bits, (const char *)state + param->offset, sizeof(bits));
    return bits == 0;
}

static json_t *setting_json(const struct param *param, const void *state)
{
    char value[64], *whole;
    if (param->type == PARAM_TYPE_TEXT) {
        memcpy(&whole, (const char *)state + param->offset, sizeof(whole));
        return json_plain(whole);
    }
    if (is_unset(param, state))
        return json_null();
    (void)param_format(param, state, value, sizeof(value));
    return json_plain(value);
}

static json_t *settings_json(struct writer *writer, const struct param *params, const void *state)
{
    json_t *object = json_object();
    for (; params->name; params++)
        put(writer, object, params->name, setting_json(params, state));
    return object;
}

static json_t *search_json(struct writer *writer, const struct plan_phase *planned,
                           const struct search_settings *search)
{
    if (!planned->objective)
        return json_null();
    json_t *object = settings_json(writer, search_params, search);
    put(writer, object, "objective", json_plain(expr_text(planned->objective)));
    return object;
}

static json_t *phase_json(struct writer *writer, const struct result *result, size_t index)
{
    const struct result_phase *phase = &result->phases[index];
    const struct plan_phase *planned = &result->plan->phases[index];
    json_t *object = json_object(), *requests = json_array();
    put(writer, object, "name", json_plain(phase->name));
    put(writer, object, "kind", json_string(plan_phase_kind_names[phase->kind]));
    put(writer, object, "length_ns", count(phase->length_ns));
    put(writer, object, "load",
        planned->request_count ? settings_json(writer, load_profile_params, &phase->profile)
                               : json_null());
    put(writer, object, "search", search_json(writer, planned, &phase->search));
    for (size_t i = 0; i < planned->request_count; i++)
        append(writer, requests, settings_json(writer, load_request_params, &planned->requests[i]));
    put(writer, object, "requests", requests);
    return object;
}

static json_t *fault_json(struct writer *writer, const struct result *result, size_t index)
{
    const struct plan_fault *fault = &result->plan->faults[index];
    json_t *object = json_object();
    put(writer, object, "name", json_plain(fault->name));
    put(writer, object, "kind", json_plain(fault->kind.name));
    put(writer, object, "on", json_string(plan_on_names[fault->on]));
    put(writer, object, "phase", count(fault->phase));
    put_fields(writer, object, json_fault_fields, &result->faults[index]);
    put(writer, object, "settings",
        fault->kind.params ? settings_json(writer, fault->kind.params, fault->settings)
                           : json_object());
    return object;
}

static json_t *loads_json(struct writer *writer, const double *averages)
{
    json_t *array = json_array();
    for (size_t i = 0; i < 3; i++)
        append(writer, array, number(averages[i]));
    return array;
}

static json_t *environment_json(struct writer *writer, const struct result_environment *env)
{
    json_t *object = json_object();
    for (const struct json_text *field = json_environment_texts; field->name; field++)
        put(writer, object, field->name, json_plain((const char *)env + field->offset));
    put(writer, object, "dirty", json_boolean(env->dirty));
    put(writer, object, "cpu_count", count(env->cpu_count));
    put(writer, object, "memory_bytes", count(env->memory_bytes));
    put(writer, object, "command_line", json_plain(env->command_line));
    put(writer, object, "load_before", loads_json(writer, env->load_before));
    put(writer, object, "load_after", loads_json(writer, env->load_after));
    put(writer, object, "cpus_shared", json_boolean(env->cpus_shared));
    return object;
}

static json_t *scenario_json(struct writer *writer, const struct plan *plan)
{
    json_t *object = json_object();
    put(writer, object, "name", json_plain(plan->name));
    put(writer, object, "path", json_plain(plan->path));
    put(writer, object, "question", json_plain(plan->question));
    put(writer, object, "source", json_plain(plan->source));
    put(writer, object, "notes", json_plain(plan->notes));
    put(writer, object, "text", json_plain(plan->text));
    put(writer, object, "cell", json_plain(plan->cell));
    return object;
}

static json_t *run_json(struct writer *writer, const struct result *result)
{
    json_t *object = json_object();
    put(writer, object, "seed", count(result->seed));
    put(writer, object, "blocks", count(result->block_count));
    put(writer, object, "quick", json_boolean(result->quick));
    put(writer, object, "aa", json_boolean(result->aa));
    put(writer, object, "interrupted", json_boolean(result->interrupted));
    put(writer, object, "failure", json_plain(result->failure));
    put(writer, object, "noise", number(result->noise_share));
    put(writer, object, "start_ns", count(result->start_ns));
    put(writer, object, "length_ns", count(result->length_ns));
    put(writer, object, "folder", json_plain(result->folder));
    return object;
}

static json_t *metrics_json(struct writer *writer, const struct plan *plan)
{
    json_t *array = json_array();
    for (size_t i = 0; i < plan->metric_count; i++) {
        json_t *object = json_object();
        put(writer, object, "name", json_plain(plan->metrics[i].name));
        put(writer, object, "unit", json_string(json_unit_words[plan->metrics[i].unit]));
        put(writer, object, "better", json_string(json_better_words[plan->metrics[i].better]));
        put(writer, object, "help", json_plain(plan->metrics[i].help));
        append(writer, array, object);
    }
    return array;
}

/* Under 0 it is the other side of a difference that is never. */
static void append_never(struct writer *writer, json_t *names, double value, const char *above,
                         const char *below)
{
    if (isinf(value))
        append(writer, names, json_string(value > 0 ? above : below));
}

static json_t *measured_json(struct writer *writer, const struct measured *measured)
{
    const struct stats_estimate *estimate = &measured->estimate;
    bool bounded = estimate->bounded && !measured->exact;
    json_t *object = json_object(), *never = json_array();
    append_never(writer, never, measured->used ? estimate->value : NAN, "value", "-value");
    append_never(writer, never, bounded ? estimate->low : NAN, "low", "-low");
    append_never(writer, never, bounded ? estimate->high : NAN, "high", "-high");
    put(writer, object, "unit",
        json_string(json_unit_words[measured->ratio ? METRIC_NUMBER : measured->unit]));
    put(writer, object, "ratio", json_boolean(measured->ratio));
    put(writer, object, "used", count(measured->used));
    put(writer, object, "dropped", count(measured->dropped));
    put(writer, object, "needs_requests", count(measured->needs));
    put(writer, object, "value", number(measured->used ? estimate->value : NAN));
    put(writer, object, "low", number(bounded ? estimate->low : NAN));
    put(writer, object, "high", number(bounded ? estimate->high : NAN));
    put(writer, object, "confidence", number(bounded ? estimate->confidence : NAN));
    put(writer, object, "detectable", number(bounded ? estimate->detectable : NAN));
    put_never(writer, object, never);
    return object;
}

static json_t *condition_json(struct writer *writer, const struct result *result,
                              const struct judged_condition *condition)
{
    json_t *object = json_object(), *parts = json_array();
    const char *of = condition->variant >= 0 ? result->variants[condition->variant].name : NULL;
    put(writer, object, "condition", json_plain(expr_text(condition->expect->expr)));
    put(writer, object, "line", count(condition->expect->where.line));
    put(writer, object, "variant", json_plain(of));
    put(writer, object, "verdict", json_string(verdict_word(condition->verdict)));
    put(writer, object, "note", json_plain(condition->note));
    for (size_t i = 0; i < condition->part_count; i++) {
        const struct judged_part *part = &condition->parts[i];
        json_t *item = json_object();
        put(writer, item, "op", json_string(expr_op_text(part->op)));
        put(writer, item, "limit", number(part->limit));
        put(writer, item, "verdict", json_string(verdict_word(part->verdict)));
        put(writer, item, "measured", measured_json(writer, &part->measured));
        append(writer, parts, item);
    }
    put(writer, object, "parts", parts);
    return object;
}

static json_t *conditions_json(struct writer *writer, const struct result *result,
                               const struct judged_condition *conditions, size_t condition_count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < condition_count; i++)
        append(writer, array, condition_json(writer, result, &conditions[i]));
    return array;
}

static json_t *claim_json(struct writer *writer, const struct judged_claim *judged)
{
    const struct plan_claim *claim = judged->claim;
    json_t *object = json_object();
    put(writer, object, "what", json_plain(claim->what));
    put(writer, object, "says", json_plain(claim->says));
    put(writer, object, "why", json_plain(claim->why));
    put(writer, object, "word", json_string(claim_word(judged->word)));
    put(writer, object, "note", json_plain(judged->note));
    put(writer, object, "figure", json_plain(claim->figure ? expr_text(claim->figure) : NULL));
    put(writer, object, "op", claim->figure ? json_string(expr_op_text(claim->op)) : json_null());
    put(writer, object, "limit", number(claim->figure ? claim->limit : NAN));
    put(writer, object, "tolerance", number(claim->figure ? claim->tolerance : NAN));
    put(writer, object, "measured",
        claim->figure ? measured_json(writer, &judged->measured) : json_null());
    return object;
}

static json_t *versus_json(struct writer *writer, const struct result *result,
                           const struct judged_versus *versus)
{
    json_t *object = json_object();
    put(writer, object, "variant", json_plain(result->variants[versus->variant].name));
    put(writer, object, "baseline", json_plain(result->variants[0].name));
    put(writer, object, "metric", json_string(metric_builtin[versus->metric].name));
    put(writer, object, "verdict", json_string(stats_verdict_word(versus->verdict)));
    put(writer, object, "measured", measured_json(writer, &versus->measured));
    return object;
}

static json_t *judgement_json(struct writer *writer, const struct result *result,
                              const struct judgement *judgement)
{
    json_t *object = json_object(), *claims = json_array(), *versus = json_array();
    put(writer, object, "outcome", json_string(outcome_word(judgement->outcome)));
    put(writer, object, "invalid", json_plain(judgement->invalid));
    put(writer, object, "rounds_valid", count(judgement->round_valid));
    put(writer, object, "rounds_invalid", count(judgement->round_invalid));
    put(writer, object, "rounds_broken", count(judgement->round_broken));
    put(writer, object, "blocks_ran", count(judgement->block_ran));
    put(writer, object, "blocks_whole", count(judgement->block_whole));
    put(writer, object, "expectations",
        conditions_json(writer, result, judgement->expects, judgement->expect_count));
    put(writer, object, "invariants",
        conditions_json(writer, result, judgement->invariants, judgement->invariant_count));
    for (size_t i = 0; i < judgement->claim_count; i++)
        append(writer, claims, claim_json(writer, &judgement->claims[i]));
    put(writer, object, "claims", claims);
    for (size_t i = 0; i < judgement->versus_count; i++)
        append(writer, versus, versus_json(writer, result, &judgement->versus[i]));
    put(writer, object, "comparisons", versus);
    return object;
}

static json_t *result_json(struct writer *writer, const struct result *result,
                           const struct judgement *judgement)
{
    json_t *object = json_object(), *variants = json_array(), *phases = json_array();
    json_t *faults = json_array(), *rounds = json_array();
    put(writer, object, "schema", json_integer(JSON_SCHEMA));
    put(writer, object, "scenario", scenario_json(writer, result->plan));
    put(writer, object, "run", run_json(writer, result));
    put(writer, object, "environment", environment_json(writer, &result->environment));
    put(writer, object, "metrics", metrics_json(writer, result->plan));
    for (size_t i = 0; i < result->variant_count; i++)
        append(writer, variants, variant_json(writer, result, i));
    put(writer, object, "variants", variants);
    for (size_t i = 0; i < result->plan->phase_count; i++)
        append(writer, phases, phase_json(writer, result, i));
    put(writer, object, "phases", phases);
    for (size_t i = 0; i < result->plan->fault_count; i++)
        append(writer, faults, fault_json(writer, result, i));
    put(writer, object, "faults", faults);
    put(writer, object, "judgement", judgement_json(writer, result, judgement));
    for (size_t i = 0; i < result->round_count; i++)
        append(writer, rounds, round_json(writer, result, &result->rounds[i]));
    put(writer, object, "rounds", rounds);
    return object;
}

static int json_format(const struct report_input *input, FILE *out, struct err *err)
{
    struct writer writer = {.err = err};
    json_t *object = result_json(&writer, input->items[0].result, input->items[0].judgement);
    if (!writer.rc && json_dumpf(object, out, JSON_COMPACT | JSON_REAL_PRECISION(17)))
        writer.rc = err_set(err, -EIO, "write the result as JSON");
    (void)fputc('\n', out);
    json_decref(object);
    return writer.rc;
}

const struct report_format report_json = {
    .name = "json",
    .extension = "json",
    .summary = "the whole record, which every other format can be made from",
    .single = true,
    .write = json_format,
};
