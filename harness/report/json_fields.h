/* SPDX-License-Identifier: MIT */
/* json_fields.h - what result.json calls the plain fields of structs: one list serves the writer
 * and the reader. For those that read and write JSON, and csv.c, which has the same words. */
#ifndef POOLSTORM_REPORT_JSON_FIELDS_H
#define POOLSTORM_REPORT_JSON_FIELDS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

enum { JSON_SCHEMA = 1 };

/* A uint64_t of a struct. Lists end with {0}. */
struct json_field {
    const char *name;
    size_t offset;
};

/* A double of a struct; NAN is null. */
struct json_number {
    const char *name;
    size_t offset;
};

/* A char array of a struct. */
struct json_text {
    const char *name;
    size_t offset, size_bytes;
};

extern const struct json_field json_meter_fields[];     /* of struct meter_sample */
extern const struct json_field json_load_fields[];      /* of struct load_result */
extern const struct json_field json_round_fields[];     /* of struct result_round */
extern const struct json_text json_environment_texts[]; /* of struct result_environment */
extern const char *const json_unit_words[];             /* by enum metric_unit, ends with NULL */
extern const char *const json_better_words[];           /* by enum metric_better, ends with NULL */

extern const struct json_field json_gauge_fields[];      /* of struct gauge */
extern const struct json_field json_fault_fields[];      /* of struct result_fault */
extern const struct json_field json_window_fields[];     /* of struct result_window */
extern const struct json_field json_recovery_fields[];   /* of struct recovery */
extern const struct json_number json_recovery_numbers[]; /* likewise */
extern const char *const json_recovery_states[]; /* by enum recovery_state, ends with NULL */

/* The histograms of a load_result: fields that are struct hist *. */
extern const struct json_field json_hist_fields[];

/* The columns of a series: fields of struct series_slot. */
extern const struct json_field json_slot_fields[];

extern const struct json_number json_curve_numbers[]; /* of struct search_step */
extern const struct json_field json_curve_fields[];   /* likewise */

double json_number_get(const struct json_number *field, const void *state);
void json_number_set(const struct json_number *field, void *state, double value);
uint64_t json_field_get(const struct json_field *field, const void *state);
void json_field_set(const struct json_field *field, void *state, uint64_t value);

/* Text from elsewhere need not be UTF-8: then what is not becomes '?'. NULL gives null; without
 * memory NULL. */
json_t *json_plain(const char *text);

#endif
