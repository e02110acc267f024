/* SPDX-License-Identifier: MIT */
/* json_fields.c - the lists of fields that result.json holds as they are. */
#include "report/json_fields.h"

#include "plan/metric.h"
#include "report/text.h"
#include "run/result.h"

#include <stdlib.h>
#include <string.h>

#define FIELD(struct_, name_)                                                                      \
    {                                                                                              \
#name_, offsetof(struct struct_, name_)                                                    \
    }
#define TEXT_FIELD(struct_, name_)                                                                 \
    {                                                                                              \
#name_, offsetof(struct struct_, name_), sizeof(((struct struct_ *)0)->name_)              \
    }

const struct json_field json_meter_fields[] = {
    FIELD(meter_sample, at_ns),
    FIELD(meter_sample, rss_bytes),
    FIELD(meter_sample, rss_peak_bytes),
    FIELD(meter_sample, threads),
    FIELD(meter_sample, cpu_ns),
    FIELD(meter_sample, cpu_user_ns),
    FIELD(meter_sample, cpu_system_ns),
    FIELD(meter_sample, faults_minor),
    FIELD(meter_sample, faults_major),
    FIELD(meter_sample, switches_voluntary),
    FIELD(meter_sample, switches_involuntary),
    {0},
};

const struct json_field json_load_fields[] = {
    FIELD(load_result, start_ns),         FIELD(load_result, length_ns),
    FIELD(load_result, offered),          FIELD(load_result, sent),
    FIELD(load_result, ok_in_time),       FIELD(load_result, replied_in_time),
    FIELD(load_result, queued),           FIELD(load_result, connects),
    FIELD(load_result, reply_bytes),      FIELD(load_result, in_flight_peak),
    FIELD(load_result, connections_open), FIELD(load_result, watched_ns),
    FIELD(load_result, working_ns),       {0},
};

const struct json_field json_round_fields[] = {
    FIELD(result_round, seed),
    FIELD(result_round, start_ns),
    FIELD(result_round, length_ns),
    FIELD(result_round, ready_ns),
    {0},
};

const struct json_field json_gauge_fields[] = {
    FIELD(gauge, start_ns), FIELD(gauge, period_ns), FIELD(gauge, taken), FIELD(gauge, missed), {0},
};

const struct json_field json_fault_fields[] = {
    FIELD(result_fault, at_ns),
    FIELD(result_fault, for_ns),
    FIELD(result_fault, hold_ns),
    {0},
};

const struct json_field json_window_fields[] = {
    FIELD(result_window, applied_ns),
    FIELD(result_window, healed_ns),
    FIELD(result_window, began_ns),
    FIELD(result_window, ended_ns),
    FIELD(result_window, links),
    FIELD(result_window, bytes),
    FIELD(result_window, pieces),
    FIELD(result_window, refused),
    {0},
};

const struct json_field json_recovery_fields[] = {
    FIELD(recovery, span_ns),
    FIELD(recovery, requests),
    FIELD(recovery, errors),
    {0},
};

const struct json_number json_recovery_numbers[] = {
    FIELD(recovery, before_per_s), FIELD(recovery, before_p99_ns),
    FIELD(recovery, depth),        FIELD(recovery, detect_ns),
    FIELD(recovery, recover_ns),   FIELD(recovery, watched_ns),
    FIELD(recovery, regained),     {0},
};

const char *const json_recovery_states[] = {
    [RECOVERY_UNKNOWN] = "unknown",
    [RECOVERY_WELL] = "recovered",
    [RECOVERY_STUCK] = "metastable",
    [RECOVERY_LATE] = "not recovered",
    NULL,
};

const struct json_text json_environment_texts[] = {
    TEXT_FIELD(result_environment, version),        TEXT_FIELD(result_environment, commit),
    TEXT_FIELD(result_environment, build),          TEXT_FIELD(result_environment, host),
    TEXT_FIELD(result_environment, kernel),         TEXT_FIELD(result_environment, cpu_model),
    TEXT_FIELD(result_environment, governor),       TEXT_FIELD(result_environment, started),
    TEXT_FIELD(result_environment, generator_cpus), TEXT_FIELD(result_environment, subject_cpus),
    TEXT_FIELD(result_environment, database),       {0},
};

const struct json_field json_hist_fields[] = {
    FIELD(load_result, latency),
    FIELD(load_result, service_time),
    FIELD(load_result, lateness),
    FIELD(load_result, connect),
    {0},
};

const struct json_field json_slot_fields[] = {
    FIELD(series_slot, ok),
    FIELD(series_slot, goodput_bytes),
    FIELD(series_slot, latency_min_ns),
    FIELD(series_slot, latency_max_ns),
    FIELD(series_slot, latency_over),
    {0},
};

const struct json_number json_curve_numbers[] = {
    FIELD(search_step, rate_per_s), FIELD(search_step, achieved_per_s), FIELD(search_step, p50_ns),
    FIELD(search_step, p99_ns),     FIELD(search_step, errors_share),   {0},
};

const struct json_field json_curve_fields[] = {
    FIELD(search_step, requests),
    FIELD(search_step, contaminated),
    {0},
};

double json_number_get(const struct json_number *field, const void *state)
{
    double value;
    memcpy(&value, (const char *)state + field->offset, sizeof(value));
    return value;
}

void json_number_set(const struct json_number *field, void *state, double value)
{
    memcpy((char *)state + field->offset, &value, sizeof(value));
}

uint64_t json_field_get(const struct json_field *field, const void *state)
{
    uint64_t value;
    memcpy(&value, (const char *)state + field->offset, sizeof(value));
    return value;
}

void json_field_set(const struct json_field *field, void *state, uint64_t value)
{
    memcpy((char *)state + field->offset, &value, sizeof(value));
}

const char *const json_unit_words[] = {
    [METRIC_NUMBER] = "number", [METRIC_COUNT] = "count", [METRIC_SHARE] = "share",
    [METRIC_NS] = "ns",         [METRIC_BYTES] = "bytes", [METRIC_RATE] = "per_s",
    [METRIC_RATE + 1] = NULL,
};

const char *const json_better_words[] = {
    [METRIC_NEITHER] = "neither",
    [METRIC_MORE] = "more",
    [METRIC_LESS] = "less",
    [METRIC_LESS + 1] = NULL,
};

json_t *json_plain(const char *text)
{
    if (!text)
        return json_null();
    json_t *json = json_string(text);
    if (json)
        return json;
    char *clean = strdup(text);
    json = clean ? json_string(text_clean(clean)) : NULL;
    free(clean);
    return json;
}
