/* SPDX-License-Identifier: MIT */
/* keys.c - every key a scenario file may hold, with its help: what the readers go by. */
#include "core/param.h"
#include "plan/read.h"

#include <stddef.h>

const char *const plan_allocator_names[] = {"default",  "glibc",    "jemalloc",
                                            "tcmalloc", "mimalloc", NULL};
const char *const plan_kind_names[] = {"service", "micro", NULL};
const char *const plan_phase_kind_names[] = {"warmup", "measure", "drain", NULL};

static const char *const unit_choices[] = {"auto", "number", "count", "share",
                                           "time", "bytes",  "rate",  NULL};
const char *const plan_take_names[] = {"last", "max", "mean", "min", NULL};
const char *const plan_at_names[] = {"phase", "round", NULL};
static const char *const better_choices[] = {"neither", "more", "less", NULL};

const struct param plan_params[] = {
    {PARAM_TEXT("question", plan, question, NULL, "what the scenario answers"), .required = true},
    {PARAM_CHOICE("kind", plan, kind, "service",
                  "what is measured: services under load, or micro-benchmarks, see variant",
                  plan_kind_names)},
    {PARAM_TEXT("source", plan, source, NULL, "where the question and its claims come from")},
    {PARAM_TEXT("notes", plan, notes, NULL, "anything else, such as what was scaled down")},
    {PARAM_COUNT("rounds", plan, rounds, "10",
                 "passes of every variant; under 6 there is no verdict"),
     .min = 1, .max = 500},
    {PARAM_SHARE("noise", plan, noise_share, "2%",
                 "band within which variants count as equivalent")},
    {PARAM_NS("sample_every", plan, sample_every_ns, NULL,
              "distance of the samples of gauges, see take; else 100ms, and 250ms for sql"),
     .min = 10e6, .max = 60e9},
    {0},
};

static const struct plan_key scenario_keys[] = {
    {"database", PLAN_SECTION, "database", PLAN_BRIEF,
     "a server of the run's own, in one word: postgres"},
    {"subject", PLAN_SECTION, "subject", 0, "what is measured: defaults for all variants"},
    {"variants", PLAN_NAMED, "variant", PLAN_REQUIRED,
     "name to changes of the subject; the first is the baseline"},
    {"load", PLAN_SECTION, "load", 0, "what is sent, and how: defaults for all phases"},
    {"phases", PLAN_SECTIONS, "phase", PLAN_REQUIRED,
     "what happens in a round, in order; of kind: micro how long each is timed"},
    {"faults", PLAN_SECTIONS, "fault", 0,
     "what goes wrong, and when: the same timeline in every round"},
    {"ledger", PLAN_TEXT, NULL, 0,
     "the tokens of all stored writes, a row each: compared with what clients know"},
    {"observe", PLAN_NAMED_OR_TEXTS, "observe", PLAN_BRIEF,
     "series or histograms of the subject's /metrics, or sql for its database, by metric name; "
     "of a benchmark its counters"},
    {"derive", PLAN_NAMED, "derive", PLAN_BRIEF,
     "further metrics: name to expression over metrics"},
    {"show", PLAN_TEXTS, NULL, 0, "metrics to show as further columns"},
    {"expect", PLAN_TEXTS, NULL, 0,
     "conditions over metrics of variants; a broken one fails the run"},
    {"invariants", PLAN_TEXTS, NULL, 0,
     "conditions that every round of the variant must keep; one that breaks one fails the run"},
    {"claims", PLAN_SECTIONS, "claim", 0,
     "figures someone published, shown beside what is measured"},
    {"axes", PLAN_NAMED, "axis", 0,
     "what a grid varies: the scenario is run again for each combination of their values"},
    {"grid", PLAN_SECTION, "grid", 0, "how the cells of the grid are run, and what is asked"},
    {0},
};

const struct param plan_subject_params[] = {
    {PARAM_TEXT("url", plan_subject, url, NULL,
                "http://host:port of a running service, or of command with {port}")},
    {PARAM_TEXT("health", plan_subject, health, NULL,
                "path that answers 2xx once the subject is up; /health for serve, else /")},
    {PARAM_CHOICE("allocator", plan_subject, allocator, "default",
                  "preloaded into serve, command or benchmark", plan_allocator_names)},
    {PARAM_NS("start_timeout", plan_subject, start_timeout_ns, "10s",
              "longest wait for the subject to become healthy"),
     .min = 1e6, .max = 600e9},
    {PARAM_TEXT("benchmark", plan_subject, benchmark, NULL,
                "kind: micro alone: which, as poolstorm micro lists them; required there")},
    {PARAM_TEXT("row", plan_subject, row, NULL,
                "kind: micro alone: which of the benchmark's rows, such as 1KiB/first")},
    {PARAM_COUNT("threads", plan_subject, threads, "1",
                 "kind: micro alone: how many it runs on, of those it knows"),
     .min = 1, .max = 256},
    {0},
};

#define SUBJECT_KEYS                                                                               \
    {"serve", PLAN_SECTION, "serve", 0,                                                            \
     "the built-in service with these settings: see serve --help"},                                \
        {"command", PLAN_TEXTS, NULL, 0,                                                           \
         "a program to start, as argv; {port}, {dir} and {database} are replaced"},                \
    {                                                                                              \
        "env", PLAN_PAIRS, NULL, 0,                                                                \
            "environment variables of serve, command or benchmark; {database} is replaced"         \
    }

static const struct plan_key subject_keys[] = {SUBJECT_KEYS, {0}};

const struct param plan_variant_params[] = {
    {PARAM_TEXT("about", plan_variant, about, NULL, "one line on what is different here")},
    {0},
};

static const struct plan_key load_keys[] = {
    {"requests", PLAN_SECTIONS, "request", 0,
     "a mix of requests, instead of one given by the keys here"},
    {"search", PLAN_SECTION, "search", 0,
     "instead of rate: measured phases find the highest that meets an objective"},
    {0},
};

const struct param plan_phase_params[] = {
    {PARAM_TEXT("name", plan_phase, name, NULL, "how expressions and results call it"),
     .required = true},
    {PARAM_CHOICE("kind", plan_phase, kind, "measure",
                  "warmup: thrown away; measure: kept; drain: no load", plan_phase_kind_names)},
    {PARAM_NS("for", plan_phase, length_ns, NULL, "how long"), .required = true, .min = 1e6,
     .max = 3600e9},
    {0},
};

const struct param plan_observe_params[] = {
    {PARAM_TEXT("series", metric_text, from, NULL,
                "Prometheus series, labels in braces; this, histogram or sql is required")},
    {PARAM_TEXT("histogram", metric_text, histogram, NULL,
                "instead: a Prometheus histogram, of which quantile says what is taken")},
    {PARAM_SHARE("quantile", metric_text, quantile, NULL,
                 "of the values a histogram took in during the phase; required for one"),
     .min = 0.0001, .max = 0.9999},
    {PARAM_TEXT("sql", metric_text, sql, NULL,
                "instead: a statement for the database that yields one number")},
    {PARAM_CHOICE("take", metric_text, take, "last",
                  "of a gauge over a phase; all but last sample it while it lasts, and keep that",
                  plan_take_names)},
    {PARAM_TEXT("reached", metric_text, reached, NULL,
                "instead of take: how long after the phase's start it was at a bound such as "
                "\">= 20\" for the first time; none if never")},
    {PARAM_CHOICE("at", metric_text, at, "phase",
                  "when sql is asked; round: once, after the last phase", plan_at_names)},
    {PARAM_CHOICE("unit", metric_text, unit, "auto",
                  "auto: by the series' name, a count for sql; time: what is read is in seconds",
                  unit_choices)},
    {PARAM_CHOICE("better", metric_text, better, "neither", "which way is good", better_choices)},
    {0},
};

const struct param plan_derive_params[] = {
    {PARAM_TEXT("from", metric_text, from, NULL, "expression over metrics of one variant"),
     .required = true},
    {PARAM_CHOICE("unit", metric_text, unit, "auto", "auto: as the expression's units give it",
                  unit_choices)},
    {PARAM_CHOICE("better", metric_text, better, "neither", "which way is good", better_choices)},
    {0},
};

const struct param plan_claim_params[] = {
    {PARAM_TEXT("what", claim_text, what, NULL, "what the figure is of"), .required = true},
    {PARAM_TEXT("figure", claim_text, figure, NULL, "its counterpart here, an expression, or none"),
     .required = true},
    {PARAM_TEXT("says", claim_text, says, NULL,
                "the published figure: 1.58, > 95%; free text when figure is none"),
     .required = true},
    {PARAM_TEXT("why", claim_text, why, NULL, "a remark; required when figure is none")},
    {PARAM_SHARE("tolerance", claim_text, tolerance, "10%",
                 "how near counts as the same, relative to the figure")},
    {0},
};

const struct param plan_search_params[] = {
    {PARAM_TEXT("objective", search_text, objective, NULL,
                "condition over what the load measures, such as p99 < 100ms"),
     .required = true},
    {0},
};

const char *const plan_database_names[] = {"none", "postgres", NULL};

const struct param plan_database_params[] = {
    {PARAM_CHOICE("kind", plan_database, kind, "postgres", "what kind of server",
                  plan_database_names)},
    {0},
};

static const struct plan_key database_keys[] = {
    {"settings", PLAN_PAIRS, NULL, 0, "settings of the server, as in postgresql.conf"},
    {"setup", PLAN_TEXT, NULL, 0, "run once, before the first round, in a schema of the run's own"},
    {"each_round", PLAN_TEXT, NULL, 0, "run before every round"},
    {0},
};

const char *const plan_on_names[] = {"database", "service", NULL};

static const char *const stream_choices[] = {
    [FAULT_UPSTREAM] = "upstream", [FAULT_DOWNSTREAM] = "downstream", [FAULT_BOTH] = "both", NULL};

const struct param plan_fault_params[] = {
    {PARAM_TEXT("name", plan_fault, name, NULL,
                "how metrics and results call it; its kind by default")},
    {PARAM_CHOICE("on", plan_fault, on, "database",
                  "what it cuts, delays or stops: what comes to the database, or to the service",
                  plan_on_names)},
    {PARAM_TEXT("phase", plan_fault, phase_name, NULL,
                "the measured phase it is in; the first one by default")},
    {PARAM_NS("at", plan_fault, at_ns, "0", "when it begins, since the phase's load began"),
     .max = 3600e9},
    {PARAM_NS("for", plan_fault, for_ns, "0", "how long it stays; 0: until the phase's end"),
     .max = 3600e9},
    {PARAM_NS("hold", plan_fault, hold_ns, "3s",
              "how long goodput and latency must be back to count as recovered"),
     .min = 100e6, .max = 600e9},
    {PARAM_NS("slack", plan_fault, slack_ns, "10ms",
              "P99 that is not more than this above that before is back, too"),
     .max = 600e9},
    {PARAM_CHOICE("stream", plan_fault, stream, "downstream",
                  "which way: upstream is towards the server; downstream by default, or both where "
                  "the kind is about whole connections",
                  stream_choices)},
    {PARAM_SHARE("toxicity", plan_fault, aim.toxicity, "100%",
                 "share of connections and streams it acts on")},
    {PARAM_TEXT("source", plan_fault, aim.source, NULL,
                "acts on connections from this address or network alone")},
    {PARAM_COUNT("after", plan_fault, aim.after, "0", "requests it lets pass first")},
    {PARAM_COUNT("first", plan_fault, aim.first, "0", "requests it acts on after those; 0: all")},
    {0},
};

static const struct plan_key fault_keys[] = {
    {"kind", PLAN_TEXT, NULL, PLAN_REQUIRED,
     "what it does: a kind of the proxy's, down, lock or pause; its settings stand beside this"},
    {0},
};

const struct param plan_axis_params[] = {
    {PARAM_TEXT("set", plan_axis, set, NULL,
                "path of the key it sets, below subject, load or database: subject.allocator, "
                "load.payload, subject.serve.buffers"),
     .required = true},
    {0},
};

static const struct plan_key axis_keys[] = {
    {"to", PLAN_TEXTS, NULL, PLAN_REQUIRED, "the values it takes"},
    {0},
};

const struct param plan_grid_params[] = {
    {PARAM_COUNT("rounds", grid_text, rounds, NULL,
                 "passes of every variant in each cell; else as many as the scenario's"),
     .min = 1, .max = 500},
    {0},
};

static const struct plan_key grid_keys[] = {
    {"phases", PLAN_TEXTS, NULL, 0, "names of the phases that a cell has; else all"},
    {"figures", PLAN_TEXTS, NULL, 0,
     "figures asked of each cell, such as b.qps / a.qps; else the QPS of each variant over the "
     "first one's"},
    {0},
};

static const struct plan_key no_keys[] = {{0}};

const struct plan_section plan_sections[] = {
    [SECTION_SCENARIO] = {"scenario", "the file itself", {plan_params}, scenario_keys},
    [SECTION_SUBJECT] = {"subject",
                         "what is measured: one of serve, command, url; of kind: micro a benchmark",
                         {plan_subject_params},
                         subject_keys},
    [SECTION_VARIANT] = {"variant",
                         "one setting of the subject",
                         {plan_variant_params, plan_subject_params},
                         subject_keys},
    [SECTION_LOAD] = {"load",
                      "what is sent, and how",
                      {load_profile_params, load_request_params},
                      load_keys},
    [SECTION_REQUEST] = {"request", "one of a mix", {load_request_params}, no_keys},
    [SECTION_PHASE] = {"phase",
                       "a stretch of a round; keys of load override it here",
                       {plan_phase_params, load_profile_params, load_request_params},
                       load_keys},
    [SECTION_OBSERVE] = {"observe",
                         "a metric taken from the subject, when more than its series is said",
                         {plan_observe_params},
                         no_keys},
    [SECTION_DERIVE] = {"derive",
                        "a metric worked out, when more than its expression is said",
                        {plan_derive_params},
                        no_keys},
    [SECTION_CLAIM] = {"claim", "a figure someone published", {plan_claim_params}, no_keys},
    [SECTION_SEARCH] = {"search",
                        "a search for the knee; the phase's `for` is the longest it may take",
                        {plan_search_params, search_params},
                        no_keys},
    [SECTION_DATABASE] = {"database",
                          "a server for the run alone, when more than its kind is said",
                          {plan_database_params},
                          database_keys},
    [SECTION_FAULT] = {"fault",
                       "what goes wrong, and when; the settings of its kind are keys, too",
                       {plan_fault_params},
                       fault_keys},
    [SECTION_AXIS] = {"axis", "a key and the values it takes", {plan_axis_params}, axis_keys},
    [SECTION_GRID] = {"grid",
                      "the scenario once for each combination of the axes' values",
                      {plan_grid_params},
                      grid_keys},
    {0},
};
