/* SPDX-License-Identifier: MIT */
/* gbench.c - Google Benchmark's JSON, for its compare.py and all that reads it: each figure of a
 * time or a rate is a benchmark of its own, each round a repetition of it. */
#include "report/figure.h"

#include "report/text.h"

#include <jansson.h>

#include <errno.h>
#include <math.h>
#include <string.h>

/* What has the same name counts as repetitions, also across runs: by name, how many and how many
 * were written, in order of appearance. */
struct families {
    json_t *by_name;
    json_t *rows;
    struct err *err;
};

/* As a duration above 0, which is all the readers know: a rate as the time one takes. */
static double time_ns(const struct figure *figure, double value)
{
    enum metric_unit unit = figure_metric(figure)->unit;
    double ns = unit == METRIC_NS ? value : unit == METRIC_RATE && value > 0 ? 1e9 / value : NAN;
    return isfinite(ns) && ns > 0 ? ns : NAN;
}

/* Of another metric in the same round and phase; 0 when there is none. */
static double beside(const struct figure *figure, size_t block, int metric)
{
    struct figure other = *figure;
    other.metric = metric;
    double value = figure_value(&other, block);
    return isnan(value) || value < 0 ? 0 : value;
}

static int no_memory(struct err *err)
{
    return err_sys(err, -ENOMEM, "write JSON");
}

static int add_row(struct families *families, const struct figure *figure, size_t block,
                   json_t *family, const char *name)
{
    double real_ns = time_ns(figure, figure_value(figure, block));
    bool micro = figure_result(figure)->plan->kind == PLAN_KIND_MICRO;
    double cpu_ns = figure->metric == METRIC_QPS ? beside(figure, block, METRIC_CPU_PER_REQUEST)
                    : figure->metric == METRIC_TIME_PER_OP
                        ? beside(figure, block, METRIC_CPU_PER_OP)
                        : 0;
    double requests =
        fmin(beside(figure, block, micro ? METRIC_ITERATIONS : METRIC_REQUESTS), 9e15);
    json_int_t index = json_integer_value(json_object_get(family, "given"));
    if (json_object_set_new(family, "given", json_integer(index + 1)))
        return no_memory(families->err);
    json_t *row =
        json_pack("{s:s, s:O, s:i, s:s, s:s, s:O, s:I, s:i, s:I, s:f, s:f, s:s}", "name", name,
                  "family_index", json_object_get(family, "index"), "per_family_instance_index", 0,
                  "run_name", name, "run_type", "iteration", "repetitions",
                  json_object_get(family, "count"), "repetition_index", index, "threads", 1,
                  "iterations", requests >= 1 ? (json_int_t)requests : 1, "real_time", real_ns,
                  "cpu_time", cpu_ns > 0 ? cpu_ns : real_ns, "time_unit", "ns");
    return json_array_append_new(families->rows, row) ? no_memory(families->err) : 0;
}

/* Sets whether a round's figure is never. */
static size_t count_values(const struct figure *figure, bool *never)
{
    size_t count = 0;
    *never = false;
    for (size_t block = 0; block < figure_result(figure)->block_count; block++) {
        double value = figure_value(figure, block);
        count += isnan(time_ns(figure, value)) ? 0 : 1;
        *never = *never || isinf(value);
    }
    return count;
}

/* The first pass: how many repetitions each name has. */
static int count_figure(struct families *families, const struct figure *figure)
{
    char name[FIGURE_NAME_BYTES_MAX];
    bool never;
    size_t count = count_values(figure, &never);
    if (count == 0 && !never)
        return 0;
    figure_name(figure, true, name, sizeof(name));
    json_t *family = json_object_get(families->by_name, name);
    if (family) {
        count += (size_t)json_integer_value(json_object_get(family, "count"));
        never = never || json_is_true(json_object_get(family, "never"));
    }
    json_int_t index = family ? json_integer_value(json_object_get(family, "index"))
                              : (json_int_t)json_object_size(families->by_name);
    family = json_pack("{s:I, s:I, s:i, s:b}", "index", index, "count", (json_int_t)count, "given",
                       0, "never", never);
    return json_object_set_new(families->by_name, name, family) ? no_memory(families->err) : 0;
}

/* Without the rounds that are never the others would look as if all were well. */
static int write_figure(struct families *families, const struct figure *figure)
{
    char name[FIGURE_NAME_BYTES_MAX];
    figure_name(figure, true, name, sizeof(name));
    json_t *family = json_object_get(families->by_name, name);
    int rc = 0;
    bool told = family && !json_is_true(json_object_get(family, "never"));
    for (size_t block = 0; told && !rc && block < figure_result(figure)->block_count; block++)
        if (!isnan(time_ns(figure, figure_value(figure, block))))
            rc = add_row(families, figure, block, family, name);
    return rc;
}

/* "… @ 2.60GHz", as processors call themselves; 0 where they do not. */
static int read_mhz(const char *model)
{
    const char *at = strrchr(model, '@');
    double ghz = 0;
    return at && sscanf(at + 1, " %lfGHz", &ghz) == 1 && ghz > 0 && ghz < 100 ? (int)(ghz * 1000)
                                                                              : 0;
}

static json_t *clean_string(const char *text)
{
    char clean[256];
    (void)snprintf(clean, sizeof(clean), "%s", text);
    return json_string(text_clean(clean));
}

/* Of the first result; every machine word the readers ask for, and our own as texts. */
static json_t *context_json(const struct result *result)
{
    const struct result_environment *environment = &result->environment;
    bool release = strstr(environment->build, "optimized") &&
                   !strstr(environment->build, "not optimized") &&
                   !strstr(environment->build, "sanitizers");
    char seed[24];
    (void)snprintf(seed, sizeof(seed), "%llu", (unsigned long long)result->seed);
    json_t *load = json_array();
    for (size_t i = 0; i < 3; i++)
        if (isfinite(environment->load_before[i]))
            (void)json_array_append_new(load, json_real(environment->load_before[i]));
    return json_pack(
        "{s:o, s:o, s:s, s:i, s:i, s:b, s:[], s:o, s:s, s:o, s:o, s:s, s:o, s:o}", "date",
        clean_string(environment->started), "host_name", clean_string(environment->host),
        "executable", "poolstorm", "num_cpus", (int)environment->cpu_count, "mhz_per_cpu",
        read_mhz(environment->cpu_model), "cpu_scaling_enabled",
        environment->governor[0] && strcmp(environment->governor, "performance") != 0, "caches",
        "load_avg", load, "library_build_type", release ? "release" : "debug", "poolstorm_version",
        clean_string(environment->version), "poolstorm_commit", clean_string(environment->commit),
        "poolstorm_seed", seed, "kernel", clean_string(environment->kernel), "cpu_model",
        clean_string(environment->cpu_model));
}

static int gbench_format(const struct report_input *input, FILE *out, struct err *err)
{
    struct families families = {json_object(), json_array(), err};
    struct figure figure = {.input = input};
    int rc = families.by_name && families.rows ? 0 : no_memory(err);
    while (!rc && figure_next(&figure))
        rc = count_figure(&families, &figure);
    figure = (struct figure){.input = input};
    while (!rc && figure_next(&figure))
        rc = write_figure(&families, &figure);
    json_t *root = json_pack("{s:o, s:O}", "context", context_json(input->items[0].result),
                             "benchmarks", families.rows);
    if (!rc && !root)
        rc = no_memory(err);
    if (!rc && json_dumpf(root, out, JSON_INDENT(2) | JSON_REAL_PRECISION(15)))
        rc = err_set(err, -EIO, "write JSON");
    (void)fputc('\n', out);
    json_decref(root);
    json_decref(families.rows);
    json_decref(families.by_name);
    return rc;
}

const struct report_format report_gbench = {
    .name = "gbench",
    .extension = "gbench.json",
    .summary = "Google Benchmark's JSON, for its compare.py: a repetition a round",
    .write = gbench_format,
};
