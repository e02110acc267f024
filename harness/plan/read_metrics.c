/* SPDX-License-Identifier: MIT */
/* read_metrics.c - observed and derived metrics, and the conditions and claims made of them. */
#include "plan/expr_node.h"
#include "plan/read.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { METRICS_MAX = 256 };

static int check_metric_name(struct reading *reading, const yaml_node_t *node, const char *name)
{
    int found = plan_metric_find(reading->plan, name);
    if (found < 0)
        return 0;
    return document_fail(&reading->doc, node, reading->err, "expected another name: '%.60s' is %s",
                         name,
                         found < METRIC_BUILTIN_COUNT ? "a built-in metric" : "a metric already");
}

static bool ends_with(const char *text, size_t length, const char *suffix)
{
    size_t suffix_length = strlen(suffix);
    return length >= suffix_length &&
           strncmp(text + length - suffix_length, suffix, suffix_length) == 0;
}

/* name, or name{…}, in Prometheus' letters. */
static bool series_is_sound(const char *series)
{
    size_t length = 0;
    while (isalnum((unsigned char)series[length]) || series[length] == '_' || series[length] == ':')
        length++;
    if (length == 0 || isdigit((unsigned char)*series))
        return false;
    if (series[length] == '{')
        return ends_with(series, strlen(series), "}");
    return series[length] == '\0';
}

/* Prometheus' naming rules tell a series' unit and whether it only grows. */
static enum metric_unit infer_unit(const char *series, bool *counter)
{
    static const char *const growing[] = {"_total", "_count", "_sum", "_bucket"};
    size_t length = strcspn(series, "{");
    *counter = false;
    bool counts = false;
    for (size_t i = 0; i < sizeof(growing) / sizeof(*growing); i++) {
        if (ends_with(series, length, growing[i])) {
            *counter = true;
            counts = strcmp(growing[i], "_sum") != 0;
            length -= strlen(growing[i]);
            break;
        }
    }
    bool bucket_or_count = *counter && strncmp(series + length, "_total", 6) != 0 && counts;
    if (bucket_or_count)
        return METRIC_COUNT;
    if (ends_with(series, length, "_seconds"))
        return METRIC_NS;
    if (ends_with(series, length, "_bytes"))
        return METRIC_BYTES;
    if (ends_with(series, length, "_ratio"))
        return METRIC_SHARE;
    return counts ? METRIC_COUNT : METRIC_NUMBER;
}

/* A metric's value: a text alone, or a mapping that says more. */
static int read_metric_text(struct reading *reading, const yaml_node_t *node, int section,
                            const char *key, struct metric_text *text)
{
    struct document *doc = &reading->doc;
    const struct param *params = plan_sections[section].settings[0];
    int rc = param_defaults(params, text, reading->err);
    if (rc)
        return rc;
    if (node->type == YAML_MAPPING_NODE) {
        rc = read_settings(reading, node, section, (void *const[STATES_MAX]){text});
        if (!rc && !text->from && !text->histogram && !text->sql)
            return document_fail(doc, node, reading->err, "expected %s", key);
        return rc;
    }
    rc = document_expect(doc, node, YAML_SCALAR_NODE,
                         section == SECTION_OBSERVE ? "a series of the subject's /metrics"
                                                    : "an expression",
                         reading->err);
    return rc ? rc : read_copy(reading, document_text(node), &text->from);
}

static struct metric *add_metric(struct plan *plan, const char *name, const char *help,
                                 const struct metric_text *text)
{
    struct metric *metric = &plan->metrics[plan->metric_count++];
    *metric = (struct metric){.name = name, .help = help};
    metric->better = (enum metric_better)text->better;
    if (text->unit > 0)
        metric->unit = (enum metric_unit)(text->unit - 1);
    return metric;
}

/* What it means over a round follows from what is taken of a phase. */
static enum metric_over observe_over(const struct plan_observe *observe)
{
    static const enum metric_over over[] = {
        [PLAN_TAKE_LAST] = METRIC_OVER_LAST,    [PLAN_TAKE_MAX] = METRIC_OVER_MAX,
        [PLAN_TAKE_MEAN] = METRIC_OVER_MEAN,    [PLAN_TAKE_MIN] = METRIC_OVER_MIN,
        [PLAN_TAKE_REACHED] = METRIC_OVER_LAST,
    };
    if (observe->at == PLAN_AT_ROUND)
        return METRIC_OVER_ROUND;
    if (observe->histogram)
        return METRIC_OVER_OPEN;
    return observe->counter ? METRIC_OVER_SUM : over[observe->take];
}

/* What a histogram's own series are told by is not for the scenario to say. */
static int check_histogram(struct reading *reading, const yaml_node_t *node,
                           const struct plan_observe *observe)
{
    struct document *doc = &reading->doc;
    const char *name = observe->histogram;
    const yaml_node_t *key = document_get(doc, node, "histogram");
    if (!series_is_sound(name) || ends_with(name, strcspn(name, "{"), "_bucket") ||
        strstr(name, "{le=") || strstr(name, ",le="))
        return document_fail(
            doc, key, reading->err,
            "expected a histogram such as wait_seconds or wait_seconds{pool=\"a\"}, "
            "without _bucket and le, not '%.80s'",
            name);
    if (!document_get(doc, node, "quantile"))
        return document_fail(doc, key, reading->err,
                             "expected a quantile, too: which of its values, such as 99%%");
    if (observe->take != PLAN_TAKE_LAST)
        return document_fail(doc, document_get(doc, node, "take"), reading->err,
                             "expected no take: a histogram's growth over the phase is kept");
    if (observe->at != PLAN_AT_PHASE)
        return document_fail(doc, document_get(doc, node, "at"), reading->err,
                             "expected at: phase, for a histogram");
    return 0;
}

static int check_series(struct reading *reading, const yaml_node_t *node,
                        const struct plan_observe *observe)
{
    struct document *doc = &reading->doc;
    if (!series_is_sound(observe->series))
        return document_fail(doc, node, reading->err,
                             "expected a series such as hits_total or hits_total{pool=\"a\"}, not "
                             "'%.80s'",
                             observe->series);
    if (observe->counter && observe->take != PLAN_TAKE_LAST)
        return document_fail(doc, document_get(doc, node, "take"), reading->err,
                             "expected no take: '%.60s' only grows, and its growth is kept",
                             observe->series);
    if (observe->at != PLAN_AT_PHASE)
        return document_fail(doc, document_get(doc, node, "at"), reading->err,
                             "expected at: phase, for a series: only sql can be asked by round");
    return 0;
}

static int fill_sql(struct reading *reading, const yaml_node_t *node, struct plan_observe *observe)
{
    struct document *doc = &reading->doc;
    const yaml_node_t *sql = document_get(doc, node, "sql");
    int rc = read_sql(reading, sql, &observe->sql);
    if (rc)
        return rc;
    if (reading->plan->database.kind == PLAN_DATABASE_NONE)
        return document_fail(doc, sql, reading->err, "sql needs a database: the scenario has none");
    if (observe->at == PLAN_AT_ROUND && observe->take != PLAN_TAKE_LAST)
        return document_fail(doc, document_get(doc, node, "take"), reading->err,
                             "expected no take: at: round asks once, after the last phase");
    return 0;
}

/* Where one is said after another, the place of the latter. */
static int check_kinds(struct reading *reading, const yaml_node_t *node,
                       const struct metric_text *text)
{
    struct document *doc = &reading->doc;
    if (node->type != YAML_MAPPING_NODE)
        return 0;
    const yaml_node_t *quantile = document_get(doc, node, "quantile");
    if ((text->from != NULL) + (text->histogram != NULL) + (text->sql != NULL) > 1)
        return document_fail(doc, document_get(doc, node, text->sql ? "sql" : "histogram"),
                             reading->err, "expected one of series, histogram and sql");
    if (quantile && !text->histogram)
        return document_fail(doc, quantile, reading->err,
                             "expected no quantile: that is for a histogram");
    return 0;
}

/* A bound to be reached, in the unit of what is observed; a bare figure is one from below. */
static int fill_reached(struct reading *reading, const yaml_node_t *node,
                        struct plan_observe *observe, const struct metric_text *text,
                        enum metric_unit unit)
{
    struct document *doc = &reading->doc;
    enum expr_op op;
    const yaml_node_t *reached = document_get(doc, node, "reached");
    if (observe->histogram || text->at != PLAN_AT_PHASE || text->take != PLAN_TAKE_LAST)
        return document_fail(doc, reached, reading->err,
                             "expected reached for a gauge or sql, without take, at and quantile");
    int rc = expr_parse_limit(text->reached, unit, &op, &observe->reached_limit, reading->err);
    if (rc)
        return document_wrap(doc, reached, 0, reading->err);
    observe->take = PLAN_TAKE_REACHED;
    observe->reached_op = (int)(op == EXPR_ABOUT ? EXPR_GREATER_EQUAL : op);
    observe->counter = false; /* looked at while it grows */
    return 0;
}

/* A benchmark's counter says itself what it is of: it is taken as it stands. */
static int fill_counter(struct reading *reading, const yaml_node_t *node,
                        struct plan_observe *observe, const struct metric_text *text)
{
    if (!observe->series || observe->take != PLAN_TAKE_LAST || observe->at != PLAN_AT_PHASE ||
        text->reached)
        return document_fail(&reading->doc, node, reading->err,
                             "expected a counter of a benchmark, by its name alone");
    return check_series(reading, node, observe);
}

/* A series or a histogram in Prometheus' letters, or a statement. Takes the texts over. */
static int fill_observe(struct reading *reading, const yaml_node_t *node,
                        struct plan_observe *observe, struct metric_text *text)
{
    observe->take = text->take;
    observe->at = text->at;
    observe->quantile = text->quantile;
    int rc = check_kinds(reading, node, text);
    if (rc || text->sql)
        return rc ? rc : fill_sql(reading, node, observe);
    observe->series = text->from;
    observe->histogram = text->histogram;
    text->from = text->histogram = NULL;
    if (reading->plan->kind == PLAN_KIND_MICRO)
        return fill_counter(reading, node, observe, text);
    if (observe->histogram)
        return check_histogram(reading, node, observe);
    (void)infer_unit(observe->series, &observe->counter);
    return check_series(reading, node, observe);
}

/* Its own, or in a plain list the series'. */
static int name_observe(struct reading *reading, const yaml_node_t *key, const yaml_node_t *node,
                        struct plan_observe *observe)
{
    int rc = key ? read_name_check(reading, key, "a metric") : 0;
    if (rc)
        return rc;
    if (!key && !observe->series)
        return document_fail(&reading->doc, node, reading->err,
                             "expected names with what is observed, not a list, for %s",
                             observe->histogram ? "histograms" : "sql");
    observe->name =
        key ? strdup(document_text(key)) : strndup(observe->series, strcspn(observe->series, "{"));
    if (!observe->name)
        return err_sys(reading->err, -ENOMEM, "read %.200s", reading->doc.path);
    for (char *c = observe->name; *c; c++)
        if (*c == ':')
            *c = '_';
    return check_metric_name(reading, key ? key : node, observe->name);
}

/* key is NULL in a plain list. */
static int read_observe(struct reading *reading, const yaml_node_t *key, const yaml_node_t *node)
{
    struct plan *plan = reading->plan;
    struct plan_observe *observe = &plan->observes[plan->observe_count++];
    struct metric_text text = {0};
    int rc = read_metric_text(reading, node, SECTION_OBSERVE, "series, histogram or sql", &text);
    if (!rc)
        rc = fill_observe(reading, node, observe, &text);
    if (!rc)
        rc = name_observe(reading, key, node, observe);
    if (!rc) {
        const char *what = observe->series      ? observe->series
                           : observe->histogram ? observe->histogram
                                                : observe->sql.text;
        struct metric *metric = add_metric(plan, observe->name, what, &text);
        bool counter;
        if (text.unit == 0)
            metric->unit = observe->sql.text ? METRIC_COUNT : infer_unit(what, &counter);
        observe->scale = metric->unit == METRIC_NS ? 1e9 : 1;
        if (text.reached) {
            rc = fill_reached(reading, node, observe, &text, metric->unit);
            metric->unit = METRIC_NS;
        }
        metric->over = observe_over(observe);
    }
    param_fini(plan_observe_params, &text);
    return rc;
}

/* A figure that no round of this kind of scenario has. */
static int refuse_others(struct reading *reading, const yaml_node_t *node, const struct expr *expr)
{
    bool micro = reading->plan->kind == PLAN_KIND_MICRO;
    for (size_t i = 0; i < expr_ref_count(expr); i++) {
        int metric = expr_ref(expr, i).metric;
        if (metric >= METRIC_BUILTIN_COUNT || (metric >= METRIC_MICRO_FIRST) == micro)
            continue;
        return document_fail(&reading->doc, node, reading->err,
                             micro ? "expected a figure of benchmarks such as time_per_op, not '%s'"
                                   : "'%s' is a figure of benchmarks, in scenarios of kind: micro",
                             metric_builtin[metric].name);
    }
    return 0;
}

int read_expr(struct reading *reading, const yaml_node_t *node, const char *text,
              enum expr_scope scope, struct expr **out)
{
    const struct plan *plan = reading->plan;
    const char *variants[PLAN_VARIANTS_MAX + 1] = {0};
    const char *phases[PLAN_PHASES_MAX + 1] = {0};
    bool measured[PLAN_PHASES_MAX];
    for (size_t i = 0; i < plan->variant_count; i++)
        variants[i] = plan->variants[i].name;
    for (size_t i = 0; i < plan->phase_count; i++) {
        phases[i] = plan->phases[i].name;
        measured[i] = plan->phases[i].kind == PLAN_PHASE_MEASURE;
    }
    struct expr_names names = {.scope = scope,
                               .variants = variants,
                               .phases = phases,
                               .phase_measured = measured,
                               .metrics = plan->metrics,
                               .metric_count = plan->metric_count};
    size_t column = 0;
    int rc = expr_parse(text, out, &column, reading->err);
    if (!rc)
        rc = expr_check(*out, &names, &column, reading->err);
    return rc ? document_wrap(&reading->doc, node, column, reading->err)
              : refuse_others(reading, node, *out);
}

/* What is worked out can be called by another unit of its kind; a plain number, which may come from
 * a series without a unit, by any but a duration, which would need a scale. */
static bool unit_fits(enum metric_unit of, enum metric_unit said)
{
    return expr_same_kind(of, said) || (of == METRIC_NUMBER && said != METRIC_NS);
}

static int read_derive(struct reading *reading, const yaml_node_t *key, const yaml_node_t *node)
{
    struct plan *plan = reading->plan;
    struct plan_derive *derive = &plan->derives[plan->derive_count++];
    struct metric_text text = {0};
    const yaml_node_t *place = node;
    if (node->type == YAML_MAPPING_NODE && document_get(&reading->doc, node, "from"))
        place = document_get(&reading->doc, node, "from");
    int rc = read_metric_text(reading, node, SECTION_DERIVE, "from, an expression", &text);
    if (!rc)
        rc = read_name_check(reading, key, "a metric");
    if (!rc)
        rc = check_metric_name(reading, key, document_text(key));
    if (!rc)
        rc = read_copy(reading, document_text(key), &derive->name);
    if (!rc)
        rc = read_expr(reading, place, text.from, EXPR_SCOPE_METRIC, &derive->expr);
    if (rc)
        goto out;
    if (expr_is_condition(derive->expr)) {
        rc =
            document_fail(&reading->doc, place, reading->err, "expected a figure, not a condition");
        goto out;
    }
    enum metric_unit unit = expr_unit(derive->expr);
    struct metric *metric = add_metric(plan, derive->name, expr_text(derive->expr), &text);
    if (text.unit == 0)
        metric->unit = unit;
    if (!unit_fits(unit, metric->unit)) {
        rc = document_fail(&reading->doc, node, reading->err, "expected unit: auto, as this is %s",
                           metric_unit_name(unit));
        goto out;
    }
    metric->over = METRIC_OVER_DERIVE;
out:
    param_fini(plan_derive_params, &text);
    return rc;
}

static size_t member_count(const yaml_node_t *node)
{
    if (!node || node->type == YAML_SCALAR_NODE)
        return 0;
    return node->type == YAML_MAPPING_NODE ? document_pair_count(node) : document_item_count(node);
}

static int read_observes(struct reading *reading, const yaml_node_t *node)
{
    struct document *doc = &reading->doc;
    bool list = node->type == YAML_SEQUENCE_NODE;
    int rc =
        list ? 0
             : document_expect(doc, node, YAML_MAPPING_NODE,
                               "metric names with their series, or a list of series", reading->err);
    size_t count = member_count(node);
    if (!rc && count > 0)
        rc = read_alloc(reading, count, sizeof(*reading->plan->observes), &reading->plan->observes);
    for (size_t i = 0; !rc && i < count; i++)
        rc = list ? read_observe(reading, NULL, document_item(doc, node, i))
                  : read_observe(reading, document_key(doc, node, i), document_value(doc, node, i));
    return rc;
}

static int read_derives(struct reading *reading, const yaml_node_t *node)
{
    struct document *doc = &reading->doc;
    int rc = document_expect(doc, node, YAML_MAPPING_NODE, "metric names with expressions",
                             reading->err);
    size_t count = member_count(node);
    if (!rc && count > 0)
        rc = read_alloc(reading, count, sizeof(*reading->plan->derives), &reading->plan->derives);
    for (size_t i = 0; !rc && i < count; i++)
        rc = read_derive(reading, document_key(doc, node, i), document_value(doc, node, i));
    return rc;
}

/* "partition_depth" and so on, for each fault; what they mean is in measure/recovery.h. */
static const struct metric fault_metrics[PLAN_FAULT_METRICS] = {
    [PLAN_FAULT_DEPTH] = {"depth", METRIC_SHARE, METRIC_MORE, METRIC_OVER_FAULT,
                          "goodput at its worst over that before the fault; 0 % is a standstill"},
    [PLAN_FAULT_DETECT] = {"detect", METRIC_NS, METRIC_LESS, METRIC_OVER_FAULT,
                           "from the fault's first effect to what a client saw of it: an error, or "
                           "slow replies"},
    [PLAN_FAULT_RECOVER] = {"recover", METRIC_NS, METRIC_LESS, METRIC_OVER_FAULT,
                            "from the fault's end until goodput and latency were back for good"},
    [PLAN_FAULT_RECOVERED] = {"recovered", METRIC_NUMBER, METRIC_MORE, METRIC_OVER_FAULT,
                              "1 when goodput and latency came back within the phase, else 0"},
    [PLAN_FAULT_ERRORS] = {"errors", METRIC_SHARE, METRIC_LESS, METRIC_OVER_FAULT,
                           "share of the requests that failed while the fault was there"},
    [PLAN_FAULT_AMPLIFICATION] = {"amplification", METRIC_NUMBER, METRIC_LESS, METRIC_OVER_FAULT,
                                  "queries a request while the fault was there"},
};

static int add_fault_metrics(struct reading *reading, const yaml_node_t *node, size_t index)
{
    struct plan *plan = reading->plan;
    struct plan_fault *fault = &plan->faults[index];
    int rc = 0;
    for (size_t i = 0; !rc && i < PLAN_FAULT_METRICS; i++) {
        if (asprintf(&fault->metric_names[i], "%s_%s", fault->name, fault_metrics[i].name) < 0) {
            fault->metric_names[i] = NULL;
            return err_sys(reading->err, -ENOMEM, "read %.200s", reading->doc.path);
        }
        rc = check_metric_name(reading, node, fault->metric_names[i]);
        plan->metrics[plan->metric_count] = fault_metrics[i];
        plan->metrics[plan->metric_count++].name = fault->metric_names[i];
    }
    return rc;
}

int read_metrics(struct reading *reading, const yaml_node_t *observe, const yaml_node_t *derive)
{
    struct plan *plan = reading->plan;
    const yaml_node_t *faults = document_get(&reading->doc, document_root(&reading->doc), "faults");
    size_t own = member_count(observe) + member_count(derive);
    if (own > METRICS_MAX)
        return document_fail(&reading->doc, observe ? observe : derive, reading->err,
                             "expected at most %d observed and derived metrics", METRICS_MAX);
    int rc =
        read_alloc(reading, METRIC_BUILTIN_COUNT + own + plan->fault_count * PLAN_FAULT_METRICS,
                   sizeof(*plan->metrics), &plan->metrics);
    if (rc)
        return rc;
    memcpy(plan->metrics, metric_builtin, METRIC_BUILTIN_COUNT * sizeof(*plan->metrics));
    plan->metric_count = METRIC_BUILTIN_COUNT;
    if (observe)
        rc = read_observes(reading, observe);
    for (size_t i = 0; !rc && i < plan->fault_count; i++)
        rc = add_fault_metrics(reading, document_item(&reading->doc, faults, i), i);
    if (!rc && derive)
        rc = read_derives(reading, derive);
    return rc;
}

int read_show(struct reading *reading, const yaml_node_t *node)
{
    struct document *doc = &reading->doc;
    struct plan *plan = reading->plan;
    int rc = document_expect(doc, node, YAML_SEQUENCE_NODE, "a list of metrics", reading->err);
    size_t count = rc ? 0 : document_item_count(node);
    if (!rc && count > 0)
        rc = read_alloc(reading, count, sizeof(*plan->show), &plan->show);
    for (size_t i = 0; !rc && i < count; i++) {
        const yaml_node_t *item = document_item(doc, node, i);
        struct expr *expr = NULL;
        rc = document_expect(doc, item, YAML_SCALAR_NODE, "the name of a metric", reading->err);
        if (!rc)
            rc = read_expr(reading, item, document_text(item), EXPR_SCOPE_METRIC, &expr);
        int index = rc ? -1 : plan_metric_find(plan, expr_text(expr));
        if (!rc && index < 0)
            rc = document_fail(doc, item, reading->err,
                               "expected the name of a metric: an expression goes under derive");
        if (!rc)
            plan->show[plan->show_count++] = index;
        expr_destroy(expr);
    }
    return rc;
}

int read_expects(struct reading *reading, const yaml_node_t *node, enum expr_scope scope,
                 struct plan_expect **out, size_t *count)
{
    struct document *doc = &reading->doc;
    int rc = document_expect(doc, node, YAML_SEQUENCE_NODE, "a list of conditions", reading->err);
    size_t given = rc ? 0 : document_item_count(node);
    if (!rc && given > 0)
        rc = read_alloc(reading, given, sizeof(**out), out);
    for (size_t i = 0; !rc && i < given; i++) {
        const yaml_node_t *item = document_item(doc, node, i);
        struct plan_expect *expect = &(*out)[(*count)++];
        expect->where = document_where(item);
        rc = document_expect(doc, item, YAML_SCALAR_NODE, "a condition, such as a.p99 < 50ms",
                             reading->err);
        if (!rc)
            rc = read_expr(reading, item, document_text(item), scope, &expect->expr);
        if (!rc && !expr_is_condition(expect->expr))
            rc = document_fail(doc, item, reading->err,
                               "expected a condition, such as %s < …, not a figure alone",
                               expr_text(expect->expr));
    }
    return rc;
}

static int check_claim(struct reading *reading, const yaml_node_t *node,
                       const struct claim_text *text)
{
    struct document *doc = &reading->doc;
    const char *missing = !text->what     ? "what"
                          : !text->figure ? "figure"
                          : !text->says   ? "says"
                                          : NULL;
    if (missing)
        return document_fail(doc, node, reading->err, "expected a claim to have '%s'%s", missing,
                             strcmp(missing, "figure") == 0 ? ": an expression, or none" : "");
    if (strcmp(text->figure, "none") == 0 && !text->why)
        return document_fail(doc, node, reading->err,
                             "expected why: a claim without a figure says why it has none");
    return 0;
}

static int read_claim(struct reading *reading, const yaml_node_t *node, struct plan_claim *claim)
{
    struct document *doc = &reading->doc;
    struct claim_text text = {0};
    claim->where = document_where(node);
    int rc =
        document_expect(doc, node, YAML_MAPPING_NODE, "a claim: what, figure, says", reading->err);
    if (!rc)
        rc = param_defaults(plan_claim_params, &text, reading->err);
    if (!rc)
        rc = read_settings(reading, node, SECTION_CLAIM, (void *const[STATES_MAX]){&text});
    if (!rc)
        rc = check_claim(reading, node, &text);
    if (rc)
        goto out;
    const yaml_node_t *figure = document_get(doc, node, "figure");
    const yaml_node_t *says = document_get(doc, node, "says");
    if (strcmp(text.figure, "none") != 0)
        rc = read_expr(reading, figure, text.figure, EXPR_SCOPE_PLAN, &claim->figure);
    if (!rc && claim->figure && expr_is_condition(claim->figure))
        rc = document_fail(doc, figure, reading->err,
                           "expected a figure: the condition goes under says");
    if (!rc && claim->figure) {
        rc = expr_parse_limit(text.says, expr_unit(claim->figure), &claim->op, &claim->limit,
                              reading->err);
        if (rc)
            rc = document_wrap(doc, says, 0, reading->err);
    }
    if (rc)
        goto out;
    claim->what = text.what;
    claim->says = text.says;
    claim->why = text.why;
    claim->tolerance = text.tolerance;
    text.what = text.says = text.why = NULL;
out:
    param_fini(plan_claim_params, &text);
    return rc;
}

int read_claims(struct reading *reading, const yaml_node_t *node)
{
    struct document *doc = &reading->doc;
    struct plan *plan = reading->plan;
    int rc = document_expect(doc, node, YAML_SEQUENCE_NODE, "a list of claims", reading->err);
    size_t count = rc ? 0 : document_item_count(node);
    if (!rc && count > 0)
        rc = read_alloc(reading, count, sizeof(*plan->claims), &plan->claims);
    for (size_t i = 0; !rc && i < count; i++)
        rc = read_claim(reading, document_item(doc, node, i), &plan->claims[plan->claim_count++]);
    return rc;
}
