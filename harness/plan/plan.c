/* SPDX-License-Identifier: MIT */
/* plan.c - scenario files read from top to bottom, and the rows of figures that a plan defines. */
#include "plan/plan.h"

#include "plan/read.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int read_alloc(struct reading *reading, size_t count, size_t size_bytes, void *out)
{
    void *memory = calloc(count, size_bytes);
    memcpy(out, &memory, sizeof(memory));
    /* cppcheck-suppress memleak ; out has it */
    return memory ? 0 : err_sys(reading->err, -ENOMEM, "read %.200s", reading->doc.path);
}

int read_copy(struct reading *reading, const char *text, char **out)
{
    *out = strdup(text);
    return *out ? 0 : err_sys(reading->err, -ENOMEM, "read %.200s", reading->doc.path);
}

int read_name_check(struct reading *reading, const yaml_node_t *node, const char *what)
{
    enum { NAME_MAX_BYTES = 64 };
    const char *name = document_text(node);
    size_t length = strlen(name);
    bool sound =
        isalpha((unsigned char)name[0]) && length <= NAME_MAX_BYTES && strcmp(name, "and") != 0;
    for (size_t i = 0; i < length; i++) {
        bool inner = name[i] == '-' && name[i + 1] != '-' && name[i + 1] != '\0';
        sound = sound && (isalnum((unsigned char)name[i]) || name[i] == '_' || inner);
    }
    if (sound)
        return 0;
    return document_fail(&reading->doc, node, reading->err,
                         "expected %s to be named with letters, digits, '_' and '-', such as "
                         "steady-state, not '%.60s'",
                         what, name);
}

/* Structural keys and settings in one list, for "did you mean". */
static const char *suggest_key(const struct plan_section *section, const char *name)
{
    const char *words[128];
    size_t count = 0;
    for (const struct plan_key *key = section->keys; key->name && count < 127; key++)
        words[count++] = key->name;
    for (size_t i = 0; section->settings[i]; i++)
        for (const struct param *param = section->settings[i]; param->name && count < 127; param++)
            words[count++] = param->name;
    words[count] = NULL;
    return word_suggest(words, name);
}

static bool is_structural(const struct plan_section *section, const char *name)
{
    for (const struct plan_key *key = section->keys; key->name; key++)
        if (strcmp(key->name, name) == 0)
            return true;
    return false;
}

static int refuse_key(struct reading *reading, const yaml_node_t *key,
                      const struct plan_section *section)
{
    const char *name = document_text(key);
    const char *near = suggest_key(section, name);
    if (strcmp(name, "<<") == 0)
        return document_fail(&reading->doc, key, reading->err,
                             "merge keys are not supported: use an alias for the whole value");
    return near ? document_fail(&reading->doc, key, reading->err,
                                "expected a key of %s, not '%.60s' (did you mean '%s'?)",
                                section->name, name, near)
                : document_fail(&reading->doc, key, reading->err,
                                "expected a key of %s, not '%.60s'", section->name, name);
}

static int read_setting(struct reading *reading, const yaml_node_t *key, const yaml_node_t *value,
                        const struct plan_section *section, void *const states[STATES_MAX])
{
    const char *name = document_text(key);
    for (size_t i = 0; section->settings[i]; i++) {
        const struct param *param = param_find(section->settings[i], name);
        if (!param)
            continue;
        int rc = document_expect(&reading->doc, value, YAML_SCALAR_NODE, param_expects(param),
                                 reading->err);
        if (rc)
            return rc;
        rc = param_set(param, states[i], document_text(value), reading->err);
        return rc ? document_wrap(&reading->doc, value, 0, reading->err) : 0;
    }
    return is_structural(section, name) ? 0 : refuse_key(reading, key, section);
}

int read_settings_of(struct reading *reading, const yaml_node_t *mapping,
                     const struct plan_section *section, void *const states[STATES_MAX])
{
    struct document *doc = &reading->doc;
    int rc = 0;
    for (size_t i = 0; !rc && i < document_pair_count(mapping); i++)
        rc = read_setting(reading, document_key(doc, mapping, i), document_value(doc, mapping, i),
                          section, states);
    return rc;
}

int read_settings(struct reading *reading, const yaml_node_t *mapping, int section,
                  void *const states[STATES_MAX])
{
    return read_settings_of(reading, mapping, &plan_sections[section], states);
}

static int show_too(struct reading *reading, int metric)
{
    struct plan *plan = reading->plan;
    for (size_t i = 0; i < plan->show_count; i++)
        if (plan->show[i] == metric)
            return 0;
    int *show = reallocarray(plan->show, plan->show_count + 1, sizeof(*show));
    if (!show)
        return err_sys(reading->err, -ENOMEM, "read %.200s", reading->doc.path);
    plan->show = show;
    plan->show[plan->show_count++] = metric;
    return 0;
}

/* What a search or a ledger is for is shown, asked for or not. */
static int show_purpose(struct reading *reading)
{
    const struct plan *plan = reading->plan;
    bool searches = false;
    int rc = 0;
    for (size_t i = 0; i < plan->phase_count; i++)
        searches = searches || plan->phases[i].objective;
    if (searches)
        rc = show_too(reading, METRIC_KNEE);
    for (int i = METRIC_LEDGER_ACKNOWLEDGED; plan->ledger.text && i <= METRIC_LEDGER_UNKNOWN; i++)
        rc = rc ? rc : show_too(reading, i);
    return rc;
}

static int read_conditions(struct reading *reading, const yaml_node_t *root)
{
    struct document *doc = &reading->doc;
    struct plan *plan = reading->plan;
    const yaml_node_t *show = document_get(doc, root, "show");
    const yaml_node_t *expect = document_get(doc, root, "expect");
    const yaml_node_t *invariants = document_get(doc, root, "invariants");
    const yaml_node_t *claims = document_get(doc, root, "claims");
    int rc = read_metrics(reading, document_get(doc, root, "observe"),
                          document_get(doc, root, "derive"));
    if (!rc && show)
        rc = read_show(reading, show);
    if (!rc)
        rc = show_purpose(reading);
    if (!rc && expect)
        rc = read_expects(reading, expect, EXPR_SCOPE_PLAN, &plan->expects, &plan->expect_count);
    if (!rc && invariants)
        rc = read_expects(reading, invariants, EXPR_SCOPE_VARIANT, &plan->invariants,
                          &plan->invariant_count);
    if (!rc && claims)
        rc = read_claims(reading, claims);
    return rc;
}

/* Later parts speak of earlier ones: conditions of phases and variants by name. */
static int read_scenario(struct reading *reading)
{
    struct document *doc = &reading->doc;
    struct plan *plan = reading->plan;
    struct plan_subject defaults = {0};
    const yaml_node_t *root = document_root(doc);
    int rc = document_expect(doc, root, YAML_MAPPING_NODE, "a scenario: a mapping of keys",
                             reading->err);
    if (!rc)
        rc = param_defaults(plan_params, plan, reading->err);
    if (!rc)
        rc = read_settings(reading, root, SECTION_SCENARIO, (void *const[STATES_MAX]){plan});
    if (!rc && !plan->question)
        rc = document_fail(doc, root, reading->err,
                           "expected a question: what does the scenario answer?");
    if (!rc && plan->kind == PLAN_KIND_MICRO)
        rc = read_micro_check(reading, root);
    if (!rc)
        rc = read_database(reading, document_get(doc, root, "database"));
    if (!rc)
        rc = read_subject(reading, document_get(doc, root, "subject"), &defaults);
    if (!rc)
        rc = read_variants(reading, document_get(doc, root, "variants"), &defaults);
    if (!rc)
        rc = read_load(reading, document_get(doc, root, "load"));
    if (!rc)
        rc = read_phases(reading, document_get(doc, root, "phases"));
    if (!rc)
        rc = read_faults(reading, document_get(doc, root, "faults"));
    if (!rc)
        rc = read_ledger(reading, document_get(doc, root, "ledger"));
    if (!rc)
        rc = read_conditions(reading, root);
    if (!rc)
        rc = read_grid(reading, root);
    plan_subject_fini(&defaults);
    plan_requests_destroy(reading->requests, reading->request_count);
    return rc;
}

/* "a/b/encode.yaml" is "b/encode". */
static char *name_of(const char *path)
{
    const char *start = strrchr(path, '/');
    while (start && start > path && start[-1] != '/')
        start--;
    if (!start)
        start = path;
    start += strncmp(start, "./", 2) == 0 ? 2 : *start == '/';
    size_t length = strlen(start);
    if (length > 5 && strcmp(start + length - 5, ".yaml") == 0)
        length -= 5;
    else if (length > 4 && strcmp(start + length - 4, ".yml") == 0)
        length -= 4;
    return strndup(start, length);
}

static char *title_of(const char *name, const char *cell)
{
    char *title;
    return asprintf(&title, "%s%s%s", name, cell ? " " : "", cell ? cell : "") < 0 ? NULL : title;
}

int plan_parse(const char *path, const char *data, size_t length_bytes,
               const struct plan_tables *tables, struct plan **out, struct err *err)
{
    return plan_parse_cell(path, data, length_bytes, tables, NULL, out, err);
}

int plan_parse_cell(const char *path, const char *data, size_t length_bytes,
                    const struct plan_tables *tables, const char *cell, struct plan **out,
                    struct err *err)
{
    *out = NULL;
    struct reading reading = {.tables = tables, .err = err};
    int rc = document_load(&reading.doc, path, data, length_bytes, err);
    if (rc)
        return rc;
    struct plan *plan = calloc(1, sizeof(*plan));
    if (plan) {
        plan->path = strdup(path);
        plan->name = name_of(path);
        plan->text = strndup(data, length_bytes);
        plan->cell = cell ? strdup(cell) : NULL;
        plan->title = plan->name ? title_of(plan->name, cell) : NULL;
    }
    reading.plan = plan;
    if (!plan || !plan->path || !plan->title || !plan->text || (cell && !plan->cell))
        rc = err_sys(err, -ENOMEM, "read %.200s", path);
    if (!rc && cell)
        rc = read_cell(&reading, cell);
    if (!rc)
        rc = read_scenario(&reading);
    document_unload(&reading.doc);
    if (rc)
        plan_destroy(plan);
    else
        *out = plan;
    return rc;
}

/* One byte more than is allowed tells a file that is too large. */
static int read_file(const char *path, char *data, size_t size_bytes, size_t *length_bytes,
                     struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return err_sys(err, -errno, "open %.200s", path);
    int rc = 0;
    *length_bytes = 0;
    while (*length_bytes < size_bytes) {
        ssize_t got = read(fd, data + *length_bytes, size_bytes - *length_bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            rc = err_sys(err, -errno, "read %.200s", path);
        if (got <= 0)
            break;
        *length_bytes += (size_t)got;
    }
    (void)close(fd);
    return rc;
}

int plan_load(const char *path, const struct plan_tables *tables, struct plan **out,
              struct err *err)
{
    *out = NULL;
    size_t size_bytes = PLAN_FILE_BYTES_MAX + 1, length_bytes = 0;
    char *data = malloc(size_bytes);
    if (!data)
        return err_sys(err, -ENOMEM, "read %.200s", path);
    int rc = read_file(path, data, size_bytes, &length_bytes, err);
    if (!rc)
        rc = plan_parse(path, data, length_bytes, tables, out, err);
    free(data);
    return rc;
}

static void variants_destroy(struct plan *plan)
{
    for (size_t i = 0; i < plan->variant_count; i++) {
        free(plan->variants[i].name);
        param_fini(plan_variant_params, &plan->variants[i]);
        plan_subject_fini(&plan->variants[i].subject);
    }
    free(plan->variants);
}

static void phases_destroy(struct plan *plan)
{
    for (size_t i = 0; i < plan->phase_count; i++) {
        param_fini(plan_phase_params, &plan->phases[i]);
        plan_requests_destroy(plan->phases[i].requests, plan->phases[i].request_count);
        expr_destroy(plan->phases[i].objective);
    }
    free(plan->phases);
}

static void metrics_destroy(struct plan *plan)
{
    for (size_t i = 0; i < plan->fault_count; i++)
        plan_fault_fini(&plan->faults[i]);
    free(plan->faults);
    for (size_t i = 0; i < plan->observe_count; i++) {
        free(plan->observes[i].name);
        free(plan->observes[i].series);
        free(plan->observes[i].histogram);
        free(plan->observes[i].sql.text);
    }
    for (size_t i = 0; i < plan->derive_count; i++) {
        free(plan->derives[i].name);
        expr_destroy(plan->derives[i].expr);
    }
    free(plan->observes);
    free(plan->derives);
    free(plan->metrics);
    free(plan->show);
}

static void conditions_destroy(struct plan *plan)
{
    for (size_t i = 0; i < plan->expect_count; i++)
        expr_destroy(plan->expects[i].expr);
    for (size_t i = 0; i < plan->invariant_count; i++)
        expr_destroy(plan->invariants[i].expr);
    for (size_t i = 0; i < plan->claim_count; i++) {
        struct plan_claim *claim = &plan->claims[i];
        free(claim->what);
        free(claim->says);
        free(claim->why);
        expr_destroy(claim->figure);
    }
    free(plan->expects);
    free(plan->invariants);
    free(plan->claims);
}

void plan_destroy(struct plan *plan)
{
    if (!plan)
        return;
    conditions_destroy(plan);
    metrics_destroy(plan);
    phases_destroy(plan);
    variants_destroy(plan);
    plan_database_fini(&plan->database);
    plan_grid_fini(plan);
    free(plan->ledger.text);
    free(plan->cell);
    param_fini(plan_params, plan);
    free(plan->path);
    free(plan->name);
    free(plan->title);
    free(plan->text);
    free(plan);
}

const int *plan_columns(const struct plan *plan)
{
    static const int service[] = {METRIC_QPS,  METRIC_P50,    METRIC_P99,
                                  METRIC_P999, METRIC_ERRORS, -1};
    static const int micro[] = {METRIC_TIME_PER_OP, METRIC_CPU_PER_OP, METRIC_OPS, -1};
    return plan->kind == PLAN_KIND_MICRO ? micro : service;
}

const int *plan_compared(const struct plan *plan)
{
    static const int service[] = {METRIC_QPS, METRIC_P99, -1};
    static const int micro[] = {METRIC_TIME_PER_OP, -1};
    return plan->kind == PLAN_KIND_MICRO ? micro : service;
}

int plan_metric_find(const struct plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->metric_count; i++)
        if (strcmp(plan->metrics[i].name, name) == 0)
            return (int)i;
    return -1;
}

/* The first measured phase of the wanted loop, else the first measured one. */
static int measured_phase(const struct plan *plan, bool open)
{
    int first = -1;
    for (size_t i = 0; i < plan->phase_count; i++) {
        if (plan->phases[i].kind != PLAN_PHASE_MEASURE)
            continue;
        if ((plan->phases[i].profile.rate_per_s > 0) == open)
            return (int)i;
        if (first < 0)
            first = (int)i;
    }
    return first;
}

size_t plan_fault_metric(const struct plan *plan, size_t fault, int which)
{
    return METRIC_BUILTIN_COUNT + plan->observe_count + fault * PLAN_FAULT_METRICS + (size_t)which;
}

int plan_phase_of(const struct plan *plan, size_t metric)
{
    assert(metric < plan->metric_count);
    enum metric_over over = plan->metrics[metric].over;
    if (over == METRIC_OVER_FAULT) {
        size_t fault = (metric - plan_fault_metric(plan, 0, 0)) / PLAN_FAULT_METRICS;
        return (int)plan->faults[fault].phase;
    }
    if (over == METRIC_OVER_CLOSED || over == METRIC_OVER_OPEN)
        return measured_phase(plan, over == METRIC_OVER_OPEN);
    if (over == METRIC_OVER_LAST)
        for (size_t i = plan->phase_count; i > 0; i--)
            if (plan->phases[i - 1].kind == PLAN_PHASE_MEASURE)
                return (int)i - 1;
    return -1;
}

static double lookup_row(const void *arg, const struct expr_ref *ref)
{
    const double *row = arg;
    return row[ref->metric];
}

void plan_derive(const struct plan *plan, double *row)
{
    size_t first = plan_fault_metric(plan, plan->fault_count, 0);
    for (size_t i = 0; i < plan->derive_count; i++)
        (void)expr_eval(plan->derives[i].expr, lookup_row, row, &row[first + i]);
}

/* Over the measured phases; one without a value is passed over. */
static double gather_metric(const struct plan *plan, const double *rows, size_t metric)
{
    double sum = NAN, weighed = 0, weight = 0, low = NAN, high = NAN;
    for (size_t i = 0; i < plan->phase_count; i++) {
        double value = rows[i * plan->metric_count + metric];
        double length = (double)plan->phases[i].length_ns;
        if (plan->phases[i].kind != PLAN_PHASE_MEASURE || isnan(value))
            continue;
        sum = isnan(sum) ? value : sum + value;
        low = fmin(low, value); /* which pass over NAN */
        high = fmax(high, value);
        weighed += value * length;
        weight += length;
    }
    switch (plan->metrics[metric].over) {
    case METRIC_OVER_MAX:
        return high;
    case METRIC_OVER_MIN:
        return low;
    case METRIC_OVER_MEAN:
        return weight > 0 ? weighed / weight : NAN;
    default:
        return sum;
    }
}

void plan_gather(const struct plan *plan, const double *rows, double *whole)
{
    for (size_t i = 0; i < plan->metric_count; i++) {
        int phase = plan_phase_of(plan, i);
        if (plan->metrics[i].over == METRIC_OVER_ROUND)
            continue;
        whole[i] = phase >= 0 ? rows[(size_t)phase * plan->metric_count + i]
                              : gather_metric(plan, rows, i);
    }
    double requests = whole[METRIC_REQUESTS];
    whole[METRIC_ERRORS] = requests > 0 ? whole[METRIC_ERROR_COUNT] / requests : NAN;
    plan_derive(plan, whole);
}
