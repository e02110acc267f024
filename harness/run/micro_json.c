/* SPDX-License-Identifier: MIT */
/* micro_json.c - takes the figures out of Google Benchmark's JSON. */
#include "run/micro_json.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int expected(struct err *err, const char *what)
{
    return err_set(err, -EBADMSG, "Google Benchmark's JSON: expected %s", what);
}

/* What one of the row's unit of time is. */
static double unit_ns(const json_t *row)
{
    static const struct {
        const char *name;
        double ns;
    } units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};
    const char *name = json_string_value(json_object_get(row, "time_unit"));
    for (size_t i = 0; name && i < sizeof(units) / sizeof(*units); i++)
        if (strcmp(units[i].name, name) == 0)
            return units[i].ns;
    return NAN;
}

static double number(const json_t *row, const char *key)
{
    const json_t *value = json_object_get(row, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* Rows of a run, as opposed to those worked out of several. */
static const json_t *find_row(const json_t *root)
{
    const json_t *found = NULL, *rows = json_object_get(root, "benchmarks");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const char *type = json_string_value(json_object_get(row, "run_type"));
        if (type && strcmp(type, "iteration") != 0)
            continue;
        if (found)
            return NULL;
        found = row;
    }
    return found;
}

static bool read_failure(const json_t *row, struct micro_timing *out)
{
    bool failed = json_is_true(json_object_get(row, "error_occurred")) ||
                  json_is_true(json_object_get(row, "skipped"));
    const char *why = json_string_value(json_object_get(row, "error_message"));
    if (failed)
        (void)snprintf(out->failure, sizeof(out->failure), "%s", why && why[0] ? why : "no reason");
    return failed;
}

static int read_row(const json_t *row, struct micro_timing *out, struct err *err)
{
    double unit = unit_ns(row);
    double iterations = number(row, "iterations"), threads = number(row, "threads");
    if (read_failure(row, out))
        return 0;
    out->real_ns = number(row, "real_time") * unit;
    out->cpu_ns = number(row, "cpu_time") * unit;
    out->items_per_s = number(row, "items_per_second");
    if (isnan(unit))
        return expected(err, "a time_unit: ns, us, ms or s");
    if (!(out->real_ns >= 0) || !(out->cpu_ns >= 0))
        return expected(err, "real_time and cpu_time");
    if (!(iterations >= 1 && iterations < 1e18) || !(threads >= 1 && threads < 1e6))
        return expected(err, "iterations and threads");
    out->iterations = (uint64_t)iterations;
    out->threads = (uint64_t)threads;
    return 0;
}

int micro_json_read(const char *data, size_t length_bytes, struct micro_timing *out,
                    struct err *err)
{
    json_error_t error;
    *out = (struct micro_timing){.items_per_s = NAN};
    json_t *root = json_loadb(data, length_bytes, 0, &error);
    if (!root)
        return err_set(err, -EBADMSG, "Google Benchmark's JSON, line %d: %.100s", error.line,
                       error.text);
    const json_t *row = find_row(root);
    int rc = json_is_object(row) ? read_row(row, out, err) : expected(err, "one row");
    if (!rc)
        out->row = json_incref((json_t *)(uintptr_t)row);
    json_decref(root);
    return rc;
}

double micro_timing_counter(const struct micro_timing *timing, const char *name)
{
    return number(timing->row, name);
}

void micro_timing_fini(struct micro_timing *timing)
{
    json_decref(timing->row);
    *timing = (struct micro_timing){0};
}
